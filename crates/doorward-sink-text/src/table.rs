//! The table for people: coverage, modes, verdicts, owners, next steps, exceptions, and what could not be read.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::io::{self, Write};

use doorward_model::{
    Deadline, DeadlineTally, Finding, Mode, ObservationPeriod, Observed, OwnerNames, ReportFilter, ScanReport,
    Severity, Unseen, Verdict, VerdictKind, clock_offset_sentence, console_address, counted,
    harmless_lines as harmless, share,
};

use crate::fit::{ANY_WIDTH, Column, Grid, wrapped};

mod excepted;
mod ink;
mod settings_notes;
mod unread;
mod unseen;

use ink::Ink;
pub use ink::TextStyle;

/// The width of every table where none is given, in columns: it fits the usual terminal of 120.
const WIDTH: usize = 118;

/// The number of next steps that are listed; the others are counted.
const STEPS: usize = 10;

/// Writes the table in a style, at a width in columns; [`ANY_WIDTH`] breaks no sentence. Where the report is the part that a filter selects,
/// the table says so first. Returns the number of findings that it accounts for: all are counted, the most severe ones are listed.
///
/// # Errors
/// Those of `out`.
pub fn write(
    out: &mut dyn Write,
    report: &ScanReport,
    filter: Option<&ReportFilter>,
    style: TextStyle,
    width: usize,
) -> io::Result<usize> {
    let mut text = Vec::new();
    if let Some(filter) = filter {
        let (lbs, findings) =
            (counted(report.load_balancers.len(), "load balancer"), counted(report.findings.len(), "finding"));
        writeln!(text, "FILTERED: {filter}. {} Selected: {lbs}, {findings}.\n", filter.part_sentence())?;
    }
    let accounted = sections(&mut text, report, filter, style, if width == ANY_WIDTH { WIDTH } else { width })?;
    out.write_all(wrapped(&String::from_utf8_lossy(&text), width).as_bytes())?;
    Ok(accounted)
}

fn sections(
    out: &mut dyn Write,
    report: &ScanReport,
    filter: Option<&ReportFilter>,
    style: TextStyle,
    width: usize,
) -> io::Result<usize> {
    let ink = Ink(style);
    header(out, report)?;
    summary(out, report, ink)?;
    settings_notes::write(out, report, ink)?;
    unseen::write(out, report, ink)?;
    let accounted = verdicts(out, report, ink, width)?;
    owners(out, report, ink, width)?;
    settings_notes::write_conflicts(out, report, ink)?;
    next_steps(out, report, filter, ink)?;
    excepted::write(out, report, ink)?;
    unread::write(out, report, ink)?;
    Ok(accounted)
}

fn header(out: &mut dyn Write, report: &ScanReport) -> io::Result<()> {
    let run = &report.run;
    let what = match &report.organization {
        Observed::Known(organization) => format!("organization {}", harmless(&organization.id)),
        _ => format!("account {}", run.account),
    };
    let seconds = run.finished.duration_since(run.started).as_secs();
    writeln!(out, "Doorward {} · {what} · partition {}", harmless(&run.tool_version), harmless(&run.partition))?;
    writeln!(out, "{} UTC, {seconds} s, as {}", run.started.strftime("%Y-%m-%d %H:%M"), harmless(run.caller.as_str()))?;
    if let Some(period) = report.observed().filter(ObservationPeriod::is_long) {
        writeln!(out, "\nNOT A SNAPSHOT: the values were read {period}.")?;
    }
    if let Some(sentence) = clock_offset_sentence(run.clock_offset) {
        writeln!(out, "\nWRONG CLOCK: {sentence}.")?;
    }
    if run.interrupted {
        writeln!(
            out,
            "\nPARTIAL REPORT: the scan was stopped; account-Regions that it did not read are listed as \
             interrupted."
        )?;
    }
    writeln!(out)
}

fn bar(part: usize, whole: usize) -> String {
    const CELLS: usize = 24;
    let mut filled = (part * CELLS).checked_div(whole).unwrap_or(0);
    if part > 0 {
        // A part that is not empty is never drawn empty, and a part that is not everything never full.
        filled = filled.clamp(1, if part < whole { CELLS - 1 } else { CELLS });
    }
    format!("{}{}", "█".repeat(filled), "░".repeat(CELLS - filled))
}

fn summary(out: &mut dyn Write, report: &ScanReport, ink: Ink) -> io::Result<()> {
    let counts = report.coverage.counts;
    writeln!(out, "{}", ink.heading("Coverage"))?;
    writeln!(
        out,
        "  {} {} of the account-Regions in scope were read completely",
        bar(counts.complete, counts.in_scope()),
        share(counts.complete, counts.in_scope())
    )?;
    writeln!(
        out,
        "  {} complete + {} partial + {} failed = {} in scope; {} skipped; {} in all, of {}{}",
        counts.complete,
        counts.partial,
        counts.failed,
        counts.in_scope(),
        counts.skipped,
        counts.all,
        counted(report.accounts.len(), "account"),
        if report.coverage.accounts_listing.is_full() { "" } else { " (THE LIST OF ACCOUNTS IS NOT COMPLETE)" }
    )?;
    let unlisted = report.coverage.lines.iter().filter(|line| line.region.is_none()).count();
    if unlisted > 0 {
        writeln!(
            out,
            "  {unlisted} of these stand for all Regions of an account whose Regions could not be listed; their \
             number is not known"
        )?;
    }

    let tally = &report.tally;
    let population = tally.mode_population();
    writeln!(out, "\n{}", ink.heading("Modes"))?;
    for mode in [Mode::Monitor, Mode::Defensive, Mode::Strictest] {
        let count = tally.modes.get(&mode).copied().unwrap_or(0);
        writeln!(out, "  {:<10} {} {}", mode.as_str(), bar(count, population), share(count, population))?;
    }
    writeln!(
        out,
        "  {:<10} {} {}",
        "unknown",
        bar(tally.mode_unknown, population),
        share(tally.mode_unknown, population)
    )?;
    let kinds: Vec<String> = tally.kinds.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
    let silent = match tally.mode_not_applicable {
        0 => String::new(),
        n => format!("; {n} classic without an HTTP listener, whose mode has no effect"),
    };
    let kinds = if kinds.is_empty() { String::new() } else { format!(": {}", kinds.join(", ")) };
    writeln!(out, "  of {}{kinds}{silent}\n", counted(report.load_balancers.len(), "load balancer"))
}

fn print(out: &mut dyn Write, table: &Grid, width: usize) -> io::Result<()> {
    for line in table.lines(width.saturating_sub(1)) {
        writeln!(out, " {line}")?;
    }
    writeln!(out)
}

fn verdicts(out: &mut dyn Write, report: &ScanReport, ink: Ink, width: usize) -> io::Result<usize> {
    writeln!(out, "{}", ink.heading("Verdicts"))?;
    let mut rows = Grid::new(vec![
        Column::text("rule", 0),
        Column::number("fail", "fail", 0),
        Column::number("unknown", "unk", 1),
        Column::number("excepted", "exc", 2),
        Column::number("pass", "pass", 3),
        Column::number("not applicable", "n/a", 4),
        Column::number("not asked", "n/asked", 5),
    ]);
    let mut accounted = 0;
    for (rule, counts) in &report.tally.verdicts {
        let cells = VerdictKind::ALL.map(|kind| counts.get(&kind).copied().unwrap_or(0));
        accounted += cells.iter().sum::<usize>();
        rows.row(std::iter::once(rule.clone()).chain(cells.iter().map(ToString::to_string)));
    }
    print(out, &rows, width)?;
    let of = |kind| report.tally.verdicts.values().filter_map(|counts| counts.get(&kind)).sum::<usize>();
    let (failed, excepted, open) = (of(VerdictKind::Fail), of(VerdictKind::Excepted), report.tally.open_findings());
    if failed + excepted > 0 {
        // The history, the page and the evidence count open findings.
        let noted = failed.saturating_sub(open);
        writeln!(
            out,
            "  {failed} fail = {open} open findings (critical to low) + {noted} informational; {excepted} more under an exception"
        )?;
    }
    if let Some(deadlines) = report.tally.deadlines {
        let DeadlineTally { in_time, overdue, unknown, without } = deadlines;
        let unknown = match unknown {
            0 => String::new(),
            n => format!(" + {n} unknown, because there is no ledger"),
        };
        let unseen = match report.unseen.as_ref().map_or(0, Unseen::open) {
            0 => String::new(),
            n => format!("; {n} more were open when last seen, not seen now, and may be overdue"),
        };
        writeln!(
            out,
            "  {open} open findings = {overdue} overdue + {in_time} in time + {without} without a deadline{unknown}{unseen}"
        )?;
    }
    if let Some(policy) = report.tally.policy.as_ref().filter(|policy| policy.of > 0) {
        let unseen = match report.unseen.as_ref().map_or(0, Unseen::mode_population) {
            0 => String::new(),
            n => format!("; without {} not seen now", counted(n, "known load balancer")),
        };
        writeln!(
            out,
            "  at or above the required mode: {}; decided only by the default of the policy: {}{unseen}",
            with_unknown(policy.at_or_above_required, policy.at_or_above_required_unknown, policy.of),
            with_unknown(policy.by_default, policy.by_default_unknown, policy.of)
        )?;
        if policy.profiles.keys().any(|name| name != "none") {
            let profiles: Vec<String> =
                policy.profiles.iter().map(|(name, count)| format!("{} {count}", harmless(name))).collect();
            writeln!(out, "  risk profiles: {}", profiles.join(", "))?;
        }
    }
    writeln!(out)?;
    Ok(accounted)
}

/// A share, with the part for which it is not known.
fn with_unknown(part: usize, unknown: usize, of: usize) -> String {
    match unknown {
        0 => share(part, of),
        unknown => format!("{}, {unknown} more are unknown", share(part, of)),
    }
}

#[derive(Default)]
struct OwnerRow {
    failures: BTreeMap<Severity, usize>,
    unknown: usize,
    load_balancers: usize,
    /// Failures that earlier scans recorded and this one did not observe.
    unseen: usize,
}

fn owners(out: &mut dyn Write, report: &ScanReport, ink: Ink, width: usize) -> io::Result<()> {
    let names = OwnerNames::of(&report.load_balancers);
    let mut owners: BTreeMap<&str, OwnerRow> = BTreeMap::new();
    // Network and gateway load balancers have no mode, so their owners have no action here.
    for lb in report.load_balancers.iter().filter(|lb| lb.kind.can_parse_http()) {
        owners.entry(names.shown(lb.owner_label())).or_default().load_balancers += 1;
    }
    for finding in report.findings.iter().filter(|finding| finding.kind.can_parse_http()) {
        let row = owners.entry(names.shown(&finding.owner)).or_default();
        match &*finding.verdict {
            Verdict::Fail { severity, .. } => *row.failures.entry(*severity).or_default() += 1,
            Verdict::Unknown { .. } => row.unknown += 1,
            _ => {}
        }
    }
    // An owner of whose load balancers none was seen still has failures.
    let now: BTreeMap<&str, &str> = match &report.unseen {
        Some(_) => report.load_balancers.iter().map(|lb| (lb.arn.as_str(), lb.owner_label())).collect(),
        None => BTreeMap::new(),
    };
    let unseen = report.unseen.iter().flat_map(|unseen| &unseen.findings).filter(|finding| !finding.excepted);
    for finding in unseen {
        let owner = now.get(finding.load_balancer.as_str()).copied().unwrap_or(&finding.owner);
        owners.entry(names.shown(owner)).or_default().unseen += 1;
    }
    let any_unseen = owners.values().any(|row| row.unseen > 0);
    let mut owners: Vec<(&str, OwnerRow)> = owners.into_iter().collect();
    // The most severe failures first.
    owners.sort_by(|(a, x), (b, y)| {
        let weight = |row: &OwnerRow| Severity::OPEN.map(|s| row.failures.get(&s).copied().unwrap_or(0));
        (weight(y), y.unseen, y.unknown).cmp(&(weight(x), x.unseen, x.unknown)).then_with(|| a.cmp(b))
    });
    writeln!(out, "{}", ink.heading("Failures by owner"))?;
    let mut columns = vec![
        Column::text("owner", 0),
        Column::number("critical", "crit", 1),
        Column::number("high", "high", 0),
        Column::number("medium", "med", 2),
        Column::number("low", "low", 4),
        Column::number("informational", "info", 5),
        Column::number("unknown", "unk", 3),
        Column::number("load balancers", "LBs", 6),
    ];
    columns.extend(any_unseen.then_some(Column::number("not seen now", "not seen", 0)));
    let mut rows = Grid::new(columns);
    for (owner, row) in owners {
        let failures = Severity::ALL.map(|s| row.failures.get(&s).map_or_else(|| "·".to_owned(), ToString::to_string));
        let rest =
            [if row.unknown == 0 { "·".to_owned() } else { row.unknown.to_string() }, row.load_balancers.to_string()];
        let unseen = any_unseen.then(|| row.unseen.to_string());
        rows.row(std::iter::once(harmless(owner).replace('\n', " ")).chain(failures).chain(rest).chain(unseen));
    }
    print(out, &rows, width)
}

fn next_steps(out: &mut dyn Write, report: &ScanReport, filter: Option<&ReportFilter>, ink: Ink) -> io::Result<()> {
    let mut pressing: Vec<Step<'_>> = Vec::new();
    let mut rest: BTreeMap<(Reverse<Severity>, &str), Vec<&str>> = BTreeMap::new();
    for finding in &report.findings {
        match &*finding.verdict {
            Verdict::Fail { severity, because, remedy, .. } if *severity >= Severity::High || finding.is_overdue() => {
                pressing.push(Step { finding, severity: *severity, because, remedy });
            }
            Verdict::Fail { severity, .. } if *severity > Severity::Informational => {
                rest.entry((Reverse(*severity), &finding.rule)).or_default().push(&finding.name);
            }
            _ => {}
        }
    }
    pressing.sort_by_key(|step| (!step.finding.is_overdue(), Reverse(step.severity)));
    writeln!(out, "{}", ink.heading("What to do next"))?;
    if pressing.is_empty() && rest.is_empty() {
        let unseen = report.unseen.as_ref().map_or(0, Unseen::open);
        let more =
            if unseen == 0 { String::new() } else { format!(" Failed when last seen, and not seen now: {unseen}.") };
        let none = match filter {
            None => "Nothing that was read fails.",
            Some(_) => "None of the selected findings fails; findings that are not selected may fail.",
        };
        return writeln!(out, "  {none}{more}\n");
    }
    for step in pressing.iter().take(STEPS) {
        step.write(out, ink)?;
    }
    if let more @ 1.. = pressing.len().saturating_sub(STEPS) {
        writeln!(out, "  … and {more} more of these, all in --format json-v1")?;
    }
    for ((Reverse(severity), rule), names) in &rest {
        writeln!(
            out,
            "  {} {rule} · {}: {}",
            ink.severity(*severity),
            counted(names.len(), "load balancer"),
            listed(names)
        )?;
    }
    if !rest.is_empty() {
        writeln!(
            out,
            "           → --format json-v1 has the remedy for each; `doorward explain RULE` explains why a rule matters"
        )?;
    }
    writeln!(out)
}

/// A failure that is listed with its remedy.
struct Step<'a> {
    finding: &'a Finding,
    severity: Severity,
    because: &'a str,
    remedy: &'a str,
}

impl Step<'_> {
    fn write(&self, out: &mut dyn Write, ink: Ink) -> io::Result<()> {
        let Finding { name, account, region, owner, kind, load_balancer, .. } = self.finding;
        let (shown, owner) = (harmless(name), harmless(owner));
        let name = match console_address(load_balancer, *kind, name) {
            Some(address) => ink.0.links.web(&address, &shown),
            None => shown.into_owned(),
        };
        writeln!(out, "  {} {name} · {account} {region} · {owner}", ink.severity(self.severity))?;
        writeln!(out, "           {}", harmless(self.because))?;
        if let Some(deadline) = self.finding.deadline.as_deref().map(Deadline::sentence) {
            writeln!(out, "           {}", harmless(&deadline))?;
        }
        harmless(self.remedy).lines().try_for_each(|line| writeln!(out, "           → {line}"))
    }
}

/// The first names and the number of the others.
fn listed<T: AsRef<str>>(names: &[T]) -> String {
    const NAMED: usize = 4;
    let named: Vec<String> = names.iter().take(NAMED).map(|name| harmless(name.as_ref()).replace('\n', " ")).collect();
    match names.len().saturating_sub(NAMED) {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}
