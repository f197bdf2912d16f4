//! What to do, most urgent first: one entry per rule with the load balancers that fail it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use doorward_model::{Deadline, MODE_RULE, Severity, Verdict};
use jiff::civil::Date;
use jiff::{Timestamp, tz::TimeZone};
use serde::Serialize;

use crate::OwnersContext;
use crate::owner_figures::age;
use crate::partition::OwnedLoadBalancer;

/// The rules about the end of an exception.
const EXCEPTION_RULES: [&str; 3] = ["exception-expired", "exception-expiring", "exception-review-due"];

/// When something is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
enum When {
    Overdue,
    ThisWeek,
    Soon,
    Later,
    Unknown,
    Worth,
}

impl When {
    const ALL: [Self; 6] = [Self::Overdue, Self::ThisWeek, Self::Soon, Self::Later, Self::Unknown, Self::Worth];

    fn heading(self) -> &'static str {
        match self {
            Self::Overdue => "Overdue",
            Self::ThisWeek => "This week",
            Self::Soon => "After that",
            Self::Later => "When convenient",
            Self::Unknown => "Could not be read",
            Self::Worth => "Worth considering",
        }
    }
}

/// Everything of one urgency.
#[derive(Serialize)]
pub(super) struct TodoGroup {
    when: When,
    heading: &'static str,
    entries: Vec<Entry>,
}

/// One thing to do.
#[derive(Serialize)]
struct Entry {
    rule: String,
    title: String,
    severity: &'static str,
    /// The time that its failures have, once for all; several where risk profiles differ. Empty without a deadline.
    terms: String,
    items: Vec<Item>,
}

/// One load balancer it is to be done on.
#[derive(Serialize)]
struct Item {
    anchor: String,
    name: String,
    region: String,
    /// Why it is listed, where the group does not say so.
    note: String,
}

/// Where an entry stands: by urgency, the gravest first, then by rule.
type Place<'a> = (When, Reverse<Option<Severity>>, &'a str);

/// Sorts what is open. Grave failures are for this week, and so are exceptions that are about to end; where there is
/// neither, the medium ones are, so that a week has its work.
pub(super) fn of(
    load_balancers: &[OwnedLoadBalancer<'_>],
    context: &OwnersContext,
    titles: &BTreeMap<&str, &str>,
    now: Timestamp,
) -> Vec<TodoGroup> {
    let today = now.to_zoned(TimeZone::UTC).date();
    let mut entries: BTreeMap<Place<'_>, (Vec<Item>, BTreeSet<String>)> = BTreeMap::new();
    for (n, held) in load_balancers.iter().enumerate() {
        for finding in &held.findings {
            let (when, severity, note) = match &*finding.verdict {
                Verdict::Fail { severity, .. } => {
                    let when = match severity {
                        _ if finding.is_overdue() => When::Overdue,
                        Severity::Critical | Severity::High => When::ThisWeek,
                        Severity::Medium => When::Soon,
                        Severity::Low => When::Later,
                        Severity::Informational => When::Worth,
                    };
                    let opened = finding.history.as_ref().and_then(|history| history.open_since());
                    let note = match opened {
                        // Their age counts from the scan that noticed the date, and not from the date.
                        _ if EXCEPTION_RULES.contains(&finding.rule.as_str()) => finding.verdict.because().to_owned(),
                        Some(first) => {
                            let deadline =
                                finding.deadline.as_ref().map(|deadline| format!(", {}", deadline.state_words()));
                            format!("open for {}{}", age(first, now), deadline.unwrap_or_default())
                        }
                        None => String::new(),
                    };
                    // One act: the mode to set, which is the same wherever the page names one.
                    let target = context.required.get(&held.lb.arn).filter(|_| finding.rule == MODE_RULE);
                    let note = match (target, note.is_empty()) {
                        (None, _) => note,
                        (Some(required), true) => format!("set it to {}", required.lowest),
                        (Some(required), false) => format!("set it to {}; {note}", required.lowest),
                    };
                    (when, Some(*severity), note)
                }
                Verdict::Excepted { exception, expires, severity, .. } => match left(expires, today) {
                    Some(left) if left <= i64::from(context.due_days) => {
                        let days = if left == 1 { "day" } else { "days" };
                        let note = format!("exception {exception} ends on {expires}, {left} {days} left");
                        (When::ThisWeek, Some(*severity), note)
                    }
                    Some(_) => continue,
                    // A date that cannot be parsed counts as due.
                    None => (When::ThisWeek, Some(*severity), format!("exception {exception} ends on {expires}")),
                },
                Verdict::Unknown { because, .. } => (When::Unknown, None, because.clone()),
                Verdict::NotAsked { because, .. } if super::was_open(finding) => (
                    When::Unknown,
                    None,
                    format!("failed when it was last seen and was not asked this time: {because}"),
                ),
                Verdict::NotAsked { .. } | Verdict::Pass { .. } | Verdict::NotApplicable { .. } => continue,
            };
            let (items, terms) = entries.entry((when, Reverse(severity), &finding.rule)).or_default();
            if matches!(*finding.verdict, Verdict::Fail { .. }) {
                terms.extend(finding.deadline.as_deref().map(Deadline::terms));
            }
            items.push(Item {
                anchor: super::anchor(n),
                name: held.lb.name.clone(),
                region: held.lb.region.to_string(),
                note,
            });
        }
    }
    let pressing = entries.keys().any(|(when, ..)| matches!(when, When::Overdue | When::ThisWeek));
    let mut groups: BTreeMap<When, Vec<Entry>> = BTreeMap::new();
    for ((when, Reverse(severity), rule), (items, terms)) in entries {
        let when = if when == When::Soon && !pressing { When::ThisWeek } else { when };
        groups.entry(when).or_default().push(Entry {
            rule: rule.to_owned(),
            title: titles.get(rule).map_or_else(|| rule.to_owned(), |title| (*title).to_owned()),
            severity: severity.map_or("unknown", Severity::as_str),
            terms: terms.into_iter().collect::<Vec<_>>().join(" or "),
            items,
        });
    }
    When::ALL
        .into_iter()
        .filter_map(|when| Some(TodoGroup { when, heading: when.heading(), entries: groups.remove(&when)? }))
        .collect()
}

/// Whole days until the last day of an exception.
fn left(expires: &str, today: Date) -> Option<i64> {
    let last: Date = expires.parse().ok()?;
    Some(i64::from(last.since(today).ok()?.get_days()))
}
