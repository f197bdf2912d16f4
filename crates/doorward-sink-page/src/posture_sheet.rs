//! The posture sheet: one page (A4 when printed) for those who decide and do not fix: coverage, posture and trend, key figures, what
//! is overdue, the owners with the highest risk, exceptions that end, idle load balancers, and what changed.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use doorward_model::{
    Finding, HistoryContext, Mode, Observed, OwnerNames, ScanReport, Severity, Verdict, VerdictReason, share,
};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, Error, UndefinedBehavior};
use serde::Serialize;

/// The template.
const SHEET: &str = include_str!("../assets/posture.html");

/// The most rows of each table: everything fits one printed page.
const ROWS: usize = 5;

/// The days before its end from which an exception is on the sheet.
const ENDING_DAYS: i64 = 30;

/// One figure with its denominator.
#[derive(Serialize)]
struct SheetFigure {
    label: &'static str,
    figure: String,
    of: String,
}

/// One scan of the trend.
#[derive(Serialize)]
struct SheetScan {
    at: String,
    coverage: String,
    protected: String,
    required: String,
    failing: String,
}

/// One owner.
#[derive(Serialize)]
struct SheetOwner {
    owner: String,
    overdue: usize,
    critical: usize,
    high: usize,
    medium: usize,
    monitor: usize,
}

/// One exception that ends soon.
#[derive(Serialize)]
struct SheetException {
    id: String,
    rule: String,
    ends: String,
    findings: usize,
}

/// The page.
#[derive(Serialize)]
struct Sheet {
    subject: String,
    at: String,
    /// Whether anything was read at all: without it there is no posture.
    read: bool,
    coverage: String,
    /// What is missing, where the coverage is short.
    warning: Option<String>,
    figures: Vec<SheetFigure>,
    trend: Vec<SheetScan>,
    owners: Vec<SheetOwner>,
    more_owners: usize,
    exceptions: Vec<SheetException>,
    more_exceptions: usize,
    reviews: usize,
    /// Idle load balancers by name and place; none of the two where no metrics were collected.
    idle: Option<Vec<String>>,
    more_idle: usize,
    idle_unknown: usize,
    changes: Option<Vec<(String, usize)>>,
    since: String,
}

/// The sheet as HTML. The same report and history give the same bytes.
pub(crate) fn render(report: &ScanReport, history: &HistoryContext) -> Result<String, Error> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.set_formatter(crate::page::escaped);
    environment.add_template("posture.html", SHEET)?;
    environment.get_template("posture.html")?.render(Serde(sheet(report, history)))
}

fn sheet(report: &ScanReport, history: &HistoryContext) -> Sheet {
    let counts = report.coverage.counts;
    let read = counts.complete + counts.partial > 0;
    let subject = match &report.organization {
        Observed::Known(organization) => format!("organization {}", organization.id),
        _ => format!("account {}", report.run.account),
    };
    let (owners, more_owners) = owners(report);
    let (exceptions, more_exceptions) = exceptions(report);
    let (idle, more_idle) = idle(report);
    let of_rule = |rule: &str, wanted: fn(&Verdict) -> bool| {
        report.findings.iter().filter(|finding| finding.rule == rule && wanted(&finding.verdict)).count()
    };
    Sheet {
        subject,
        at: report.run.finished.strftime("%Y-%m-%d %H:%M UTC").to_string(),
        read,
        coverage: format!(
            "{} of the account-Regions in scope were read completely",
            share(counts.complete, counts.in_scope())
        ),
        warning: warning(report, read),
        figures: if read { figures(report) } else { Vec::new() },
        trend: trend(history),
        owners,
        more_owners,
        exceptions,
        more_exceptions,
        reviews: of_rule("exception-review-due", |verdict| matches!(verdict, Verdict::Fail { .. })),
        idle,
        more_idle,
        idle_unknown: of_rule("load-balancer-idle", |verdict| matches!(verdict, Verdict::Unknown { .. })),
        changes: history.before.as_ref().map(|before| {
            let mut kinds: BTreeMap<_, usize> = BTreeMap::new();
            before.changes.iter().for_each(|change| *kinds.entry(change.kind).or_default() += 1);
            kinds.into_iter().map(|(kind, count)| (kind.label().to_owned(), count)).collect()
        }),
        since: history.before.as_ref().map_or_else(String::new, |before| before.at.strftime("%Y-%m-%d").to_string()),
    }
}

/// What the reader must know before any figure.
fn warning(report: &ScanReport, read: bool) -> Option<String> {
    if !read {
        return Some("Nothing was read: the posture is unknown. This is not a good result.".to_owned());
    }
    if report.is_whole() && !report.run.interrupted {
        return None;
    }
    let unseen = report.unseen.as_ref().map_or(0, doorward_model::Unseen::open);
    let more = match unseen {
        0 => String::new(),
        n => format!(" {n} findings that failed when they were last seen were not seen now."),
    };
    Some(format!("Not everything was read: every figure is of what was read, and the rest is unknown.{more}"))
}

fn figures(report: &ScanReport) -> Vec<SheetFigure> {
    let tally = &report.tally;
    let population = tally.mode_population();
    let count = |mode| tally.modes.get(&mode).copied().unwrap_or(0);
    let (strictest, defensive) = (count(Mode::Strictest), count(Mode::Defensive));
    let mut figures = vec![
        figure("Strictest or defensive", strictest + defensive, population, tally.mode_unknown),
        figure("Strictest", strictest, population, tally.mode_unknown),
    ];
    if let Some(policy) = &tally.policy {
        let unknown = policy.at_or_above_required_unknown;
        figures.push(figure("At or above the required mode", policy.at_or_above_required, policy.of, unknown));
        figures.push(figure("Decided only by the default", policy.by_default, policy.of, policy.by_default_unknown));
    }
    figures.push(SheetFigure {
        label: "Open findings",
        figure: tally.open_findings().to_string(),
        of: format!("critical to low, of {} verdicts", report.findings.len()),
    });
    match tally.deadlines {
        Some(deadlines) => figures.push(figure("Overdue", deadlines.overdue, deadlines.known(), deadlines.unknown)),
        None => figures.push(SheetFigure {
            label: "Overdue",
            figure: "–".to_owned(),
            of: "the policy has no deadlines".to_owned(),
        }),
    }
    figures
}

fn figure(label: &'static str, part: usize, of: usize, unknown: usize) -> SheetFigure {
    let more = if unknown == 0 { String::new() } else { format!("; {unknown} unknown") };
    SheetFigure { label, figure: part.to_string(), of: format!("{}{more}", share(part, of)) }
}

fn trend(history: &HistoryContext) -> Vec<SheetScan> {
    let newest = history.trend.iter().rev().take(ROWS + 1).collect::<Vec<_>>();
    let scans = newest.into_iter().rev().map(|point| {
        let count = |mode| point.modes.get(&mode).copied().unwrap_or(0);
        let required = point.policy.map(|policy| share(policy.at_or_above_required, policy.load_balancers));
        SheetScan {
            at: point.at.strftime("%Y-%m-%d").to_string(),
            coverage: share(point.coverage.complete, point.coverage.in_scope()),
            protected: share(count(Mode::Strictest) + count(Mode::Defensive), point.mode_population()),
            required: required.unwrap_or_else(|| "not counted".to_owned()),
            failing: point.failing_known().map_or_else(|| "unknown".to_owned(), |failing| failing.to_string()),
        }
    });
    scans.collect()
}

/// The owners with the highest risk: overdue failures first, then the most severe ones, then those in monitor.
fn owners(report: &ScanReport) -> (Vec<SheetOwner>, usize) {
    let names = OwnerNames::of(&report.load_balancers);
    let mut owners: BTreeMap<&str, SheetOwner> = BTreeMap::new();
    let blank =
        |owner: &str| SheetOwner { owner: owner.to_owned(), overdue: 0, critical: 0, high: 0, medium: 0, monitor: 0 };
    for lb in report.load_balancers.iter().filter(|lb| lb.mode.known() == Some(&Mode::Monitor)) {
        if lb.effective_mode().applies() {
            let owner = names.shown(lb.owner_label());
            owners.entry(owner).or_insert_with(|| blank(owner)).monitor += 1;
        }
    }
    for finding in &report.findings {
        let Some(severity) = finding.verdict.severity() else { continue };
        let owner = names.shown(&finding.owner);
        let row = owners.entry(owner).or_insert_with(|| blank(owner));
        row.overdue += usize::from(finding.is_overdue());
        match severity {
            Severity::Critical => row.critical += 1,
            Severity::High => row.high += 1,
            Severity::Medium => row.medium += 1,
            Severity::Low | Severity::Informational => {}
        }
    }
    let mut owners: Vec<SheetOwner> = owners.into_values().collect();
    owners.retain(|row| row.overdue + row.critical + row.high + row.medium + row.monitor > 0);
    owners.sort_by(|a, b| {
        let weight = |row: &SheetOwner| Reverse((row.overdue, row.critical, row.high, row.medium, row.monitor));
        weight(a).cmp(&weight(b)).then_with(|| a.owner.cmp(&b.owner))
    });
    let more = owners.len().saturating_sub(ROWS);
    owners.truncate(ROWS);
    (owners, more)
}

/// Exceptions in use that end soon, those that end first at the top.
fn exceptions(report: &ScanReport) -> (Vec<SheetException>, usize) {
    let today = report.run.finished.to_zoned(TimeZone::UTC).date();
    let mut ending: BTreeMap<(&str, &str, &str), usize> = BTreeMap::new();
    for finding in &report.findings {
        let Verdict::Excepted { exception, expires, .. } = &finding.verdict else { continue };
        // A date that cannot be parsed counts as near.
        let left =
            expires.parse::<Date>().ok().and_then(|last| last.since(today).ok()).map(|span| i64::from(span.get_days()));
        if left.is_none_or(|left| left <= ENDING_DAYS) {
            *ending.entry((expires, exception, &finding.rule)).or_default() += 1;
        }
    }
    let more = ending.len().saturating_sub(ROWS);
    let rows = ending.into_iter().take(ROWS).map(|((ends, id, rule), findings)| SheetException {
        id: id.to_owned(),
        rule: rule.to_owned(),
        ends: ends.to_owned(),
        findings,
    });
    (rows.collect(), more)
}

/// Idle load balancers; none where the rule was not asked.
fn idle(report: &ScanReport) -> (Option<Vec<String>>, usize) {
    let asked: Vec<&Finding> = report.findings.iter().filter(|finding| finding.rule == "load-balancer-idle").collect();
    if asked.is_empty() {
        return (None, 0);
    }
    let idle = asked.iter().filter(|finding| finding.verdict.reason() == VerdictReason::NoTraffic);
    let mut names: Vec<String> = idle
        .map(|finding| format!("{} · {} {} · {}", finding.name, finding.account, finding.region, finding.owner))
        .collect();
    let more = names.len().saturating_sub(ROWS);
    names.truncate(ROWS);
    (Some(names), more)
}
