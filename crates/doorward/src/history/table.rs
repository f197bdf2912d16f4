//! The history for people: one line per scan, trends as sparklines, then the key figures.

use std::fmt::Write as _;

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use doorward_ledger::{Durations, Kpi, RunSummary};
use doorward_model::{Mode, Severity};

use super::figures::share;

/// `last` bounds the scans that get a line each, from the newest; 0 bounds nothing.
pub(super) fn text(scans: &[RunSummary], kpis: &[Kpi], last: usize) -> String {
    if scans.is_empty() {
        return "No scan was recorded in this period.\n".to_owned();
    }
    let mut text = String::from("Scans\n");
    let mut rows = Table::new();
    rows.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    rows.set_header([
        "ended (UTC)",
        "group",
        "coverage",
        "monitor",
        "defensive",
        "strictest",
        "unknown",
        "high",
        "medium",
        "low",
        "excepted",
        "due",
        "unowned",
        "not seen",
        "run",
    ]);
    let shown = newest(scans, last);
    for scan in shown {
        let mode = |mode: Mode| scan.modes.get(&mode).copied().unwrap_or(0).to_string();
        let open = |severities: &[Severity]| {
            severities.iter().filter_map(|severity| scan.open.get(severity)).sum::<usize>().to_string()
        };
        let coverage = format!("{} of {}", scan.coverage.complete, scan.coverage.in_scope());
        rows.add_row([
            scan.run.at.strftime("%Y-%m-%d %H:%M").to_string(),
            scan.group.clone().unwrap_or_else(|| "all".to_owned()).replace('\n', " "),
            if scan.accounts_listed { coverage } else { format!("{coverage}, accounts missing") },
            mode(Mode::Monitor),
            mode(Mode::Defensive),
            mode(Mode::Strictest),
            scan.mode_unknown.to_string(),
            open(&[Severity::Critical, Severity::High]),
            open(&[Severity::Medium]),
            open(&[Severity::Low]),
            scan.excepted.to_string(),
            scan.exceptions_due.to_string(),
            scan.unowned.count.to_string(),
            scan.unseen.to_string(),
            scan.run.id.clone(),
        ]);
    }
    for column in rows.column_iter_mut().skip(3).take(11) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    for line in rows.lines() {
        let _ = writeln!(text, " {}", line.trim_end());
    }
    if shown.len() < scans.len() {
        let _ = writeln!(text, "  and {} earlier lines: --last 0", scans.len() - shown.len());
    }
    if scans.iter().all(|scan| scan.group.is_none()) {
        trends(&mut text, scans);
    }
    text.push_str("\nKey figures\n");
    for kpi in kpis {
        figures(&mut text, kpi);
    }
    text
}

/// The lines of the newest scans; a scan has one line for each group.
fn newest(scans: &[RunSummary], last: usize) -> &[RunSummary] {
    let ends = scans.chunk_by(|a, b| a.run == b.run).map(<[_]>::len).rev().take(last).sum::<usize>();
    let from = if last == 0 { 0 } else { scans.len() - ends };
    scans.get(from..).unwrap_or(scans)
}

fn trends(text: &mut String, scans: &[RunSummary]) {
    let Some(last) = scans.last() else { return };
    text.push_str("\nTrend\n");
    let per_mille = |share: doorward_ledger::Share| share.basis_points().unwrap_or(0);
    let series = |figure: &dyn Fn(&RunSummary) -> u32| spark(&scans.iter().map(figure).collect::<Vec<_>>());
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let _ = writeln!(
        text,
        "  strictest or defensive  {}  {}",
        series(&|scan| per_mille(scan.strictest_or_defensive)),
        share(last.strictest_or_defensive)
    );
    let _ = writeln!(
        text,
        "  strictest               {}  {}",
        series(&|scan| per_mille(scan.strictest)),
        share(last.strictest)
    );
    let _ = writeln!(text, "  open findings           {}  {}", series(&|scan| count(scan.open_total)), last.open_total);
}

/// One block per value, from the lowest to the highest of the series; of a long series as many values as fit a line,
/// evenly apart, the newest always among them.
fn spark(values: &[u32]) -> String {
    const WIDTH: usize = 60;
    let step = values.len().div_ceil(WIDTH).max(1);
    let mut values: Vec<u32> = values.iter().rev().step_by(step).copied().collect();
    values.reverse();
    const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let (low, high) = (values.iter().min().copied().unwrap_or(0), values.iter().max().copied().unwrap_or(0));
    let block = |value: u32| {
        let steps = u64::from(value - low) * 7 / u64::from((high - low).max(1));
        usize::try_from(steps).ok().and_then(|step| BLOCKS.get(step)).copied().unwrap_or('█')
    };
    values.iter().map(|value| block(*value)).collect()
}

fn figures(text: &mut String, kpi: &Kpi) {
    let group = kpi.group.as_deref().map(|group| format!("{}: ", group.replace('\n', " "))).unwrap_or_default();
    let _ = writeln!(text, "  {group}time to remediate     {}", durations(&kpi.time_to_remediate));
    let _ = writeln!(text, "  {group}under exception       {}", durations(&kpi.under_exception));
    let _ = writeln!(text, "  {group}came back             {}", share(kpi.came_back));
    let oldest = match (&kpi.oldest_open, &kpi.oldest_open_finding) {
        (Some(since), Some(id)) => format!(", the oldest since {} ({id})", since.strftime("%Y-%m-%d")),
        _ => String::new(),
    };
    let _ =
        writeln!(text, "  {group}open now              {}{oldest}; {} more under an exception", kpi.open, kpi.excepted);
    let _ = writeln!(text, "  {group}ended otherwise       {} deleted, {} in closed accounts", kpi.gone, kpi.retired);
}

fn durations(over: &Durations) -> String {
    let days = |span: jiff::SignedDuration| format!("{:.1} days", span.as_secs_f64() / 86_400.0);
    match (over.mean, over.median) {
        (Some(mean), Some(median)) => {
            let noun = if over.count == 1 { "finding" } else { "findings" };
            format!("mean {}, median {} (of {} {noun})", days(mean), days(median), over.count)
        }
        _ => "no finding was resolved in this period".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trend_shows_its_own_range() {
        assert_eq!(spark(&[0, 5, 10]), "▁▄█");
        assert_eq!(spark(&[7, 7]), "▁▁");
        assert_eq!(spark(&[u32::MAX, 0]), "█▁");
        let long: Vec<u32> = (0..365).collect();
        assert_eq!((spark(&long).chars().count(), spark(&long).chars().last()), (53, Some('█')));
        assert_eq!(spark(&[]), "");
    }
}
