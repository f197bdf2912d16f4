//! What to do next, what changed since the last scan, and which exceptions end.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use doorward_model::{Arn, ChangeKind, DeadlineState, ENDING_DAYS, OwnerNames, ScanReport, Severity, Verdict};
use jiff::Span;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Serialize;

use super::title_of;
use crate::PageContext;

/// How many steps are listed; the table has the others.
const STEPS: usize = 5;
/// How many names a line has; the others are counted.
const NAMED: usize = 6;
/// How many owners are named that must act first.
const FIRST: usize = 3;
/// How many changes of one kind are listed.
const CHANGES: usize = 25;
/// How many exceptions are listed, those that expired first, then by their last day.
const DUE: usize = 25;

/// The section.
#[derive(Serialize)]
pub(super) struct AgendaView {
    /// The owners to act first; nothing where no failure is overdue, critical or high.
    first: Option<String>,
    /// The last day of the [`ENDING_DAYS`].
    due_by: String,
    /// What is due until then.
    coming: String,
    steps: Vec<StepView>,
    /// The sentence where there is no step.
    none_fails: &'static str,
    /// How many more kinds of steps there are.
    more_steps: usize,
    changed: Option<ChangedView>,
    due: Vec<DueView>,
    /// What is said where none is due.
    none_due: String,
    /// How many more exceptions are due.
    more_due: usize,
    due_days: i32,
}

/// Failures of one rule and severity.
#[derive(Serialize)]
struct StepView {
    severity: &'static str,
    rule: String,
    title: String,
    load_balancers: usize,
    names: String,
    /// The owners with the most of them.
    owners: String,
}

/// What changed since the scan before.
#[derive(Serialize)]
struct ChangedView {
    since: String,
    groups: Vec<ChangedGroup>,
}

/// The changes of one kind.
#[derive(Serialize)]
struct ChangedGroup {
    label: &'static str,
    count: usize,
    lines: Vec<(String, String)>,
    more: usize,
}

/// One exception that ends, or ended.
#[derive(Serialize)]
struct DueView {
    exception: String,
    last_day: String,
    when: String,
    /// Whether it ended already.
    over: bool,
    /// Absent where what it covers was not read.
    load_balancers: Option<usize>,
    names: String,
    owners: String,
}

/// Reads it off the report.
pub(super) fn of(report: &ScanReport, context: &PageContext) -> AgendaView {
    let owners = OwnerNames::of(&report.load_balancers);
    let (steps, more_steps) = steps(report, context, &owners);
    let mut due = due(report, context, &owners);
    due.extend(unread(report, context, &due));
    let (due_by, coming) = coming(report, &due);
    let more_due = due.len().saturating_sub(DUE);
    due.truncate(DUE);
    let first = first(report, &owners);
    AgendaView {
        first,
        due_by,
        coming,
        steps,
        none_fails: match &context.filter {
            Some(_) => "Nothing that was read in this part of the report fails.",
            None => "Nothing that was read fails.",
        },
        more_steps,
        changed: changed(context),
        due,
        none_due: none_due(report, context),
        more_due,
        due_days: ENDING_DAYS,
    }
}

/// Names without repetition, the first ones; the others are counted.
fn listed(names: &[&str]) -> String {
    let unique: BTreeSet<&str> = names.iter().copied().collect();
    let named: Vec<&str> = unique.iter().copied().take(NAMED).collect();
    match unique.len().saturating_sub(NAMED) {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}

/// Owners with their counts, the most first.
fn tallied<'a>(owners: impl Iterator<Item = &'a str>) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    owners.for_each(|owner| *counts.entry(owner).or_default() += 1);
    let mut counts: Vec<(&str, usize)> = counts.into_iter().collect();
    counts.sort_by_key(|(owner, count)| (Reverse(*count), *owner));
    let shown: Vec<String> = counts.iter().take(NAMED).map(|(owner, count)| format!("{owner} ({count})")).collect();
    match counts.len().saturating_sub(NAMED) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// The owners whose failures come first: those that are overdue, then critical and high ones.
fn first(report: &ScanReport, owners: &OwnerNames) -> Option<String> {
    let mut weights: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for finding in &report.findings {
        let grave = finding.verdict.severity().is_some_and(|severity| severity >= Severity::High);
        if grave || finding.is_overdue() {
            let (overdue, severe) = weights.entry(owners.shown(&finding.owner)).or_default();
            *overdue += usize::from(finding.is_overdue());
            *severe += usize::from(grave);
        }
    }
    let mut weights: Vec<(&str, (usize, usize))> = weights.into_iter().collect();
    weights.sort_by_key(|(owner, weight)| (Reverse(*weight), *owner));
    let words = |(owner, (overdue, severe)): &(&str, (usize, usize))| {
        let parts = [(*overdue, "overdue"), (*severe, "critical or high")];
        let parts: Vec<String> =
            parts.into_iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
        format!("{owner} ({})", parts.join(", "))
    };
    let named: Vec<String> = weights.iter().take(FIRST).map(words).collect();
    let more = match weights.len().saturating_sub(FIRST) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    (!named.is_empty()).then(|| format!("{}{more}", named.join(", ")))
}

/// What is due within [`ENDING_DAYS`]: deadlines of failures, exceptions, reviews; and what is over already.
fn coming(report: &ScanReport, exceptions: &[DueView]) -> (String, String) {
    let now = report.run.finished;
    let until = now.to_zoned(TimeZone::UTC).date().saturating_add(Span::new().days(ENDING_DAYS));
    let (mut overdue, mut deadlines, mut without_date) = (0_usize, 0_usize, 0_usize);
    let with_deadline = || report.findings.iter().filter_map(|finding| finding.deadline.as_ref());
    for deadline in with_deadline() {
        match (deadline.state, deadline.due) {
            (DeadlineState::Overdue, _) => overdue += 1,
            (DeadlineState::InTime, Some(due)) => {
                deadlines += usize::from(due.to_zoned(TimeZone::UTC).date() <= until);
            }
            (DeadlineState::InTime | DeadlineState::Unknown, _) => without_date += 1,
        }
    }
    let ending = exceptions.iter().filter(|one| !one.over).count();
    let expired = exceptions.iter().filter(|one| one.over).count();
    let fails = |rule: &str| {
        let of_rule = report.findings.iter().filter(|finding| finding.rule == rule);
        of_rule.filter(|finding| matches!(*finding.verdict, Verdict::Fail { .. })).count()
    };
    let counted = |count: usize, one: &str, many: &str| {
        (count > 0).then(|| format!("{count} {}", if count == 1 { one } else { many }))
    };
    let parts: Vec<String> = [
        counted(deadlines, "deadline of a failure", "deadlines of failures"),
        counted(ending, "exception that ends", "exceptions that end"),
        counted(fails("exception-review-due"), "review", "reviews"),
    ]
    .into_iter()
    .flatten()
    .collect();
    let due = match (parts.is_empty(), report.saw_everything()) {
        (true, true) => "nothing".to_owned(),
        (true, false) => "nothing among what was read".to_owned(),
        (false, _) => parts.join(", "),
    };
    let open = report.tally.open_findings();
    let over = [
        (open > 0 && with_deadline().next().is_none()).then(|| "no failure has a deadline".to_owned()),
        counted(overdue, "failure is overdue", "failures are overdue"),
        counted(expired, "exception expired", "exceptions expired"),
        counted(without_date, "failure has a deadline of unknown date", "failures have deadlines of unknown date"),
    ];
    let over: Vec<String> = over.into_iter().flatten().collect();
    let over = if over.is_empty() { String::new() } else { format!("; {}", over.join(", ")) };
    (until.to_string(), format!("{due}{over}"))
}

fn steps(report: &ScanReport, context: &PageContext, owners: &OwnerNames) -> (Vec<StepView>, usize) {
    // Names and owners, by severity and rule.
    type Found<'a> = Vec<(&'a str, &'a str)>;
    let mut groups: BTreeMap<(Reverse<Severity>, &str), Found<'_>> = BTreeMap::new();
    for finding in &report.findings {
        if let Some(severity) = finding.verdict.severity().filter(|severity| *severity > Severity::Informational) {
            let key = (Reverse(severity), finding.rule.as_str());
            groups.entry(key).or_default().push((&finding.name, owners.shown(&finding.owner)));
        }
    }
    let more = groups.len().saturating_sub(STEPS);
    let steps = groups.into_iter().take(STEPS).map(|((Reverse(severity), rule), found)| StepView {
        severity: severity.as_str(),
        rule: rule.to_owned(),
        title: title_of(context, rule),
        load_balancers: found.len(),
        names: listed(&found.iter().map(|(name, _)| *name).collect::<Vec<_>>()),
        owners: tallied(found.iter().map(|(_, owner)| *owner)),
    });
    (steps.collect(), more)
}

fn changed(context: &PageContext) -> Option<ChangedView> {
    let before = context.before.as_ref()?;
    let groups = ChangeKind::ALL.into_iter().filter_map(|kind| {
        let of_kind: Vec<_> = before.changes.iter().filter(|change| change.kind == kind).collect();
        let line = |arn: &Arn, rule: &str| (arn.load_balancer_name().to_owned(), title_of(context, rule));
        (!of_kind.is_empty()).then(|| ChangedGroup {
            label: kind.label(),
            count: of_kind.len(),
            lines: of_kind.iter().take(CHANGES).map(|change| line(&change.load_balancer, &change.rule)).collect(),
            more: of_kind.len().saturating_sub(CHANGES),
        })
    });
    Some(ChangedView { since: before.at.strftime("%Y-%m-%d %H:%M UTC").to_string(), groups: groups.collect() })
}

fn due(report: &ScanReport, context: &PageContext, owners: &OwnerNames) -> Vec<DueView> {
    let today = report.run.finished.to_zoned(TimeZone::UTC).date();
    let days_left = |last: Date| last.since(today).map(|span| span.get_days()).unwrap_or(i32::MAX);
    let mut groups: BTreeMap<(Date, &str), Vec<(&str, &str)>> = BTreeMap::new();
    for finding in &report.findings {
        let Verdict::Excepted { exception, expires, .. } = &*finding.verdict else { continue };
        let Ok(last) = expires.parse::<Date>() else { continue };
        if days_left(last) <= ENDING_DAYS {
            groups.entry((last, exception)).or_default().push((&finding.name, owners.shown(&finding.owner)));
        }
    }
    let ending = groups.into_iter().map(|((last, exception), found)| DueView {
        exception: exception.to_owned(),
        last_day: last.to_string(),
        when: when(days_left(last)),
        over: false,
        load_balancers: Some(found.iter().map(|(name, _)| *name).collect::<BTreeSet<_>>().len()),
        names: listed(&found.iter().map(|(name, _)| *name).collect::<Vec<_>>()),
        owners: tallied(found.iter().map(|(_, owner)| *owner)),
    });
    expired(report, context, owners).into_iter().chain(ending).collect()
}

/// Exceptions that expired while the rule still fails, by id. The verdict names the exception in its sentence alone; where the register does not
/// have it, the sentence stands for the id.
fn expired(report: &ScanReport, context: &PageContext, owners: &OwnerNames) -> Vec<DueView> {
    let mut groups: BTreeMap<(String, &str), Vec<(&str, &str)>> = BTreeMap::new();
    for finding in report.findings.iter().filter(|finding| finding.rule == "exception-expired") {
        if !matches!(*finding.verdict, Verdict::Fail { .. }) {
            continue;
        }
        let because = finding.verdict.because();
        let term =
            context.exceptions.iter().find(|term| because.starts_with(&format!("Exception {} expired ", term.id)));
        let (last_day, id) = term.map_or((String::new(), because), |term| (term.last_day.to_string(), &*term.id));
        groups.entry((last_day, id)).or_default().push((&finding.name, owners.shown(&finding.owner)));
    }
    let rows = groups.into_iter().map(|((last_day, exception), found)| DueView {
        exception: exception.to_owned(),
        last_day,
        when: "expired".to_owned(),
        over: true,
        load_balancers: Some(found.len()),
        names: listed(&found.iter().map(|(name, _)| *name).collect::<Vec<_>>()),
        owners: tallied(found.iter().map(|(_, owner)| *owner)),
    });
    rows.collect()
}

/// How far the last day of an exception is.
fn when(days_left: i32) -> String {
    match days_left {
        ..0 => "expired".to_owned(),
        0 => "ends today".to_owned(),
        1 => "1 day left".to_owned(),
        days => format!("{days} days left"),
    }
}

/// Exceptions of the register that expired or end soon, and that no verdict names, where not everything was read: what they cover may be
/// what was not read. Where everything was read, they are not in use.
fn unread(report: &ScanReport, context: &PageContext, due: &[DueView]) -> Vec<DueView> {
    if context.filter.is_some() || report.saw_everything() {
        return Vec::new();
    }
    let today = report.run.finished.to_zoned(TimeZone::UTC).date();
    let is_named = |id: &str| due.iter().any(|one| one.exception == id);
    let terms = context.exceptions.iter().filter(|term| !is_named(&term.id));
    let rows = terms.filter_map(|term| {
        let left = term.last_day.since(today).map(|span| span.get_days()).unwrap_or(i32::MAX);
        (left <= ENDING_DAYS).then(|| DueView {
            exception: term.id.clone(),
            last_day: term.last_day.to_string(),
            when: when(left),
            over: left < 0,
            load_balancers: None,
            names: "no verdict names it, and not everything was read".to_owned(),
            owners: String::new(),
        })
    });
    rows.collect()
}

/// What is said where no exception is due.
fn none_due(report: &ScanReport, context: &PageContext) -> String {
    let among = match (&context.filter, report.saw_everything()) {
        (Some(_), _) => " among those of this part of the report",
        (None, false) => " among what was read",
        (None, true) => "",
    };
    format!("No exception in use expired{among}, and none{among} ends within {ENDING_DAYS} days.")
}
