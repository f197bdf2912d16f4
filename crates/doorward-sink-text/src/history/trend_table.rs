//! The history as a table: one line per scan, trends as sparklines, then the key figures; or one line per group, with its newest
//! counts, its trend and its key figures.

use std::fmt::Write as _;

use doorward_ledger::{Durations, Kpi, RunSummary, Share};
use doorward_model::{Bounds, Mode, PolicyPoint, Severity, counted};
use jiff::SignedDuration;

use super::RuleKpi;
use super::trend_kpis::{days, figures};
use crate::fit::{Column, Grid, wrapped};

/// Scans to show, and every scan of the period where those are of one group.
type Scans<'s> = (&'s [RunSummary], &'s [RunSummary]);

/// The table at a width in columns. `last` is the number of newest scans with a line each; 0 for all.
pub(super) fn render(scans: Scans<'_>, kpis: &[Kpi], rules: &[RuleKpi], last: usize, width: usize) -> String {
    wrapped(&sections(scans, kpis, rules, last, width), width)
}

fn sections((scans, all): Scans<'_>, kpis: &[Kpi], rules: &[RuleKpi], last: usize, width: usize) -> String {
    if scans.is_empty() && kpis.iter().any(|kpi| kpi.group.is_some()) {
        let mut text = String::from("Key figures\n");
        for kpi in kpis {
            let _ = writeln!(text, " {}", kpi.group.as_deref().unwrap_or_default());
            figures(&mut text, kpi, true);
        }
        return text;
    }
    if scans.is_empty() {
        return "No scan was recorded in this period.\n".to_owned();
    }
    if scans.iter().any(|scan| scan.group.is_some()) {
        return groups((scans, if all.is_empty() { scans } else { all }), kpis, width);
    }
    let mut text = String::from("Scans\n");
    // Dates and counts are never cut, unlike names: a part of one is another one.
    let ends = [Column::number("ended (UTC)", "ended (UTC)", 0), Column::number("coverage", "coverage", 1)];
    let mut rows =
        Grid::new(ends.into_iter().chain(COUNTS.map(count_column)).chain([Column::text("run", 20)]).collect());
    let shown = newest(scans, last);
    for scan in shown {
        let when = scan.run.at.strftime("%Y-%m-%d %H:%M").to_string();
        rows.row([when, coverage(scan)].into_iter().chain(counts(scan)).chain([scan.run.id.clone()]));
    }
    print(&mut text, &rows, width);
    if shown.len() < scans.len() {
        let _ = writeln!(text, "  and {} earlier lines: --last 0", scans.len() - shown.len());
    }
    trends(&mut text, scans);
    text.push_str("\nKey figures\n");
    let is_known = scans.last().is_none_or(|scan| scan.open_known.is_some());
    for kpi in kpis {
        figures(&mut text, kpi, is_known);
    }
    by_rule(&mut text, rules, width);
    text
}

/// One line for each rule with open or remediated findings.
fn by_rule(text: &mut String, rules: &[RuleKpi], width: usize) {
    let has_figure = |rule: &&RuleKpi| rule.kpi.time_to_remediate.count > 0 || rule.kpi.open + rule.kpi.excepted > 0;
    let shown: Vec<&RuleKpi> = rules.iter().filter(has_figure).collect();
    if shown.is_empty() {
        return;
    }
    text.push_str("\nBy rule\n");
    let mut rows = Grid::new(vec![
        Column::text("rule", 0),
        Column::number("remediated", "fixed", 3),
        Column::number("mean", "mean", 2),
        Column::number("median", "median", 4),
        Column::number("90% within", "90%", 5),
        Column::number("open", "open", 0),
        Column::number("oldest open", "oldest", 1),
    ]);
    let cell = |duration: Option<SignedDuration>| duration.map_or_else(|| "·".to_owned(), days);
    for RuleKpi { rule, kpi } in shown {
        let over = &kpi.time_to_remediate;
        let oldest = kpi.oldest_open.map(|since| since.strftime("%Y-%m-%d").to_string());
        rows.row([
            rule.clone(),
            over.count.to_string(),
            cell(over.mean),
            cell(over.median),
            cell(over.percentile_90),
            kpi.open.to_string(),
            oldest.unwrap_or_else(|| "·".to_owned()),
        ]);
    }
    print(text, &rows, width);
}

/// The counts of every line, of a scan or of a group.
const COUNTS: [(&str, &str, u8); 11] = [
    ("monitor", "mon", 2),
    ("defensive", "def", 8),
    ("strictest", "str", 7),
    ("unknown", "unk", 5),
    ("high", "high", 0),
    ("medium", "med", 3),
    ("low", "low", 9),
    ("excepted", "exc", 6),
    ("due", "due", 10),
    ("unowned", "unowned", 11),
    ("not seen", "unseen", 0),
];

fn count_column((head, short, rank): (&'static str, &'static str, u8)) -> Column {
    Column::number(head, short, rank)
}

fn counts(scan: &RunSummary) -> [String; 11] {
    let mode = |mode: Mode| scan.modes.get(&mode).copied().unwrap_or(0);
    let open =
        |severities: &[Severity]| severities.iter().filter_map(|severity| scan.open.get(severity)).sum::<usize>();
    [
        mode(Mode::Monitor),
        mode(Mode::Defensive),
        mode(Mode::Strictest),
        scan.mode_unknown,
        open(&[Severity::Critical, Severity::High]),
        open(&[Severity::Medium]),
        open(&[Severity::Low]),
        scan.excepted,
        scan.exceptions_due,
        scan.unowned.count,
        scan.unseen,
    ]
    // Nothing was ever read: these are no zeros.
    .map(|count| if scan.open_known.is_some() { count.to_string() } else { "?".to_owned() })
}

fn coverage(scan: &RunSummary) -> String {
    let read = format!("{} of {}", scan.coverage.complete, scan.coverage.in_scope());
    if scan.accounts_listed { read } else { format!("{read}, accounts missing") }
}

fn print(text: &mut String, rows: &Grid, width: usize) {
    for line in rows.lines(width.saturating_sub(1)) {
        let _ = writeln!(text, " {line}");
    }
}

/// The newest scans.
fn newest(scans: &[RunSummary], last: usize) -> &[RunSummary] {
    let from = if last == 0 { 0 } else { scans.len().saturating_sub(last) };
    scans.get(from..).unwrap_or(scans)
}

/// One line per group: its counts in the newest scan, its trend, and its key figures.
fn groups((scans, all): Scans<'_>, kpis: &[Kpi], width: usize) -> String {
    let runs: Vec<&RunSummary> = all.chunk_by(|a, b| a.run == b.run).filter_map(<[_]>::first).collect();
    let Some(last) = runs.last() else { return String::new() };
    let mut text = format!(
        "{}, the newest of {}, {} account-Regions\n\n",
        counted(runs.len(), "scan"),
        last.run.at.strftime("%Y-%m-%d %H:%M UTC"),
        coverage(last)
    );
    let mut names: Vec<&str> = scans.iter().filter_map(|scan| scan.group.as_deref()).collect();
    names.extend(kpis.iter().filter_map(|kpi| kpi.group.as_deref()));
    names.sort_unstable();
    names.dedup();
    let figures = [
        Column::number("open findings", "open", 1),
        Column::number("to remediate (mean, median)", "to remediate", 16),
        Column::number("failing again", "again", 15),
        Column::number("oldest open", "oldest", 4),
    ];
    let mut rows =
        Grid::new([Column::text("group", 0)].into_iter().chain(COUNTS.map(count_column)).chain(figures).collect());
    for name in names {
        let of =
            |run: &RunSummary| scans.iter().find(|scan| scan.run == run.run && scan.group.as_deref() == Some(name));
        // A group without a line has no known open finding.
        let trend: Vec<Option<u32>> = runs
            .iter()
            .map(|run| of(run).map_or(run.open_known.and(Some(0)), |scan| scan.open_known.map(count)))
            .collect();
        let now = of(last).map_or_else(|| std::array::from_fn(|_| "·".to_owned()), counts);
        let kpi = kpis.iter().find(|kpi| kpi.group.as_deref() == Some(name));
        let remediation = kpi.and_then(|kpi| brief(&kpi.time_to_remediate)).unwrap_or_else(|| "·".to_owned());
        let back = kpi.filter(|kpi| kpi.came_back.of > 0).map(|kpi| share(kpi.came_back));
        let oldest = kpi.and_then(|kpi| kpi.oldest_open).map(|since| since.strftime("%Y-%m-%d").to_string());
        let open = format!("{} {}", spark(&trend, 0), of(last).map_or_else(|| zero_words(last).to_owned(), open_words));
        let figures =
            [open, remediation, back.unwrap_or_else(|| "·".to_owned()), oldest.unwrap_or_else(|| "·".to_owned())];
        rows.row([name.replace('\n', " ")].into_iter().chain(now).chain(figures));
    }
    print(&mut text, &rows, width);
    text
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

fn brief(over: &Durations) -> Option<String> {
    let noun = if over.count == 1 { "finding" } else { "findings" };
    Some(format!("{}, {} (of {} {noun})", days(over.mean?), days(over.median?), over.count))
}

fn trends(text: &mut String, scans: &[RunSummary]) {
    let Some(last) = scans.last() else { return };
    text.push_str("\nTrend\n");
    let values = |figure: &dyn Fn(&RunSummary) -> Option<u32>| scans.iter().map(figure).collect::<Vec<_>>();
    let series = |figure: &dyn Fn(&RunSummary) -> Option<u32>| spark(&values(figure), WHOLE);
    // The least that the share can be, so that a scan that sees less draws no rise.
    let least = |known: Option<Bounds>, seen: Share| {
        known.map_or_else(|| seen.basis_points(), |known| known.basis_points().map(|(least, _)| least))
    };
    let _ = writeln!(
        text,
        "  strictest or defensive  {}  {}",
        series(&|scan| least(scan.strictest_or_defensive_known, scan.strictest_or_defensive)),
        share_words(last.strictest_or_defensive, last.strictest_or_defensive_known)
    );
    let _ = writeln!(
        text,
        "  strictest               {}  {}",
        series(&|scan| least(scan.strictest_known, scan.strictest)),
        share_words(last.strictest, last.strictest_known)
    );
    let _ = writeln!(
        text,
        "  open findings           {}  {}",
        spark(&values(&|scan| scan.open_known.map(count)), 0),
        open_words(last)
    );
    if scans.iter().any(|scan| scan.policy.is_some()) {
        let seen = |policy: PolicyPoint| Share { count: policy.at_or_above_required, of: policy.load_balancers };
        let met = |scan: &RunSummary| least(required_known(scan), seen(scan.policy?));
        let words = last.policy.map_or_else(String::new, |policy| {
            let unknown = match policy.at_or_above_required_unknown {
                0 => String::new(),
                unknown => format!("; not known for {unknown} more"),
            };
            format!("{}{unknown}", share_words(seen(policy), required_known(last)))
        });
        let _ = writeln!(text, "  as required             {}  {words}", series(&met));
    }
    if let Some(seen) = last.load_balancers_seen.filter(|seen| seen.count < seen.of) {
        let _ = writeln!(text, "  the newest scan saw {} of the known load balancers", share(seen));
    }
    if let Some(places) = last.account_regions_unseen.filter(|places| *places > 0) {
        let _ = writeln!(text, "  account-Regions that an earlier scan read and the newest did not: {places}");
    }
    if let Some(places) = last.never_read.filter(|places| *places > 0) {
        let _ = writeln!(
            text,
            "  account-Regions that were never read, so that their load balancers are in none of these figures: \
             {places}"
        );
    }
}

/// Those in the required mode or a stronger one, of all load balancers that are known; absent where a version did not count them.
fn required_known(scan: &RunSummary) -> Option<Bounds> {
    let (policy, unseen) = (scan.policy?, scan.not_seen.as_ref()?);
    let (met, unknown) = (policy.at_or_above_required, policy.at_or_above_required_unknown);
    Some(Bounds::new(met, unknown, policy.load_balancers, unseen.load_balancers))
}

/// The open findings of a group without any.
fn zero_words(newest: &RunSummary) -> &'static str {
    if newest.open_known.is_some() { "0" } else { "unknown" }
}

/// `185 (34 seen failing and 151 not seen now)`; unknown if nothing was ever read.
fn open_words(scan: &RunSummary) -> String {
    match scan.open_known {
        None => "unknown: nothing was read yet".to_owned(),
        Some(known) if known == scan.open_total => known.to_string(),
        Some(known) => {
            format!("{known} ({} seen failing and {} not seen now)", scan.open_total, known - scan.open_total)
        }
    }
}

/// `96.6% (56 of 58)`, as every output rounds it; without a denominator there is no percentage.
pub(super) fn share(share: Share) -> String {
    doorward_model::share(share.count, share.of)
}

/// The share of those seen, and its bounds if those not seen are counted either way.
fn share_words(seen: Share, known: Option<Bounds>) -> String {
    match known.filter(|known| known.of > seen.of) {
        None => share(seen),
        Some(known) => format!("{} of those seen; {known} known", share(seen)),
    }
}

/// All, in hundredths of a percent.
const WHOLE: u32 = 10_000;

/// One block per value, from zero to `most` or the highest of the series, so that a small change looks small; and a question mark for unknown values. Of a
/// long series as many values as fit a line, evenly apart, the newest always among them.
fn spark(values: &[Option<u32>], most: u32) -> String {
    const WIDTH: usize = 60;
    let step = values.len().div_ceil(WIDTH).max(1);
    let mut values: Vec<Option<u32>> = values.iter().rev().step_by(step).copied().collect();
    values.reverse();
    const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let high = values.iter().flatten().copied().max().unwrap_or(0).max(most).max(1);
    let block = |value: u32| {
        let steps = u64::from(value) * 7 / u64::from(high);
        usize::try_from(steps).ok().and_then(|step| BLOCKS.get(step)).copied().unwrap_or('█')
    };
    values.iter().map(|value| value.map_or('?', block)).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_trend_begins_at_zero() {
        let spark = |values: &[u32]| super::spark(&values.iter().copied().map(Some).collect::<Vec<_>>(), 0);
        let share = |values: [u32; 3]| super::spark(&values.map(Some), super::WHOLE);
        assert_eq!(share([7_220, 7_500, 7_220]), "▆▆▆", "a change of 3% is not one from nothing to everything");
        assert_eq!(share([0, 5_000, 10_000]), "▁▄█");
        assert_eq!(spark(&[0, 5, 10]), "▁▄█");
        assert_eq!(spark(&[7, 7]), "██");
        assert_eq!(spark(&[0, 0]), "▁▁");
        assert_eq!(spark(&[u32::MAX, 0]), "█▁");
        assert_eq!(super::spark(&[None, Some(0), Some(10)], 0), "?▁█", "an unknown value is not the lowest one");
        let long: Vec<u32> = (0..365).collect();
        assert_eq!((spark(&long).chars().count(), spark(&long).chars().last()), (53, Some('█')));
        assert_eq!(spark(&[]), "");
    }
}
