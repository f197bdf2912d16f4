//! What changes of modes did to the metrics of their load balancers, also of changes that Doorward did not make.

use std::collections::BTreeMap;

use doorward_change::{MetricSample, WatchSettings, WatchVerdict, judge_days};
use doorward_ledger::Ledger;
use doorward_model::{
    AppliedChange, Arn, BlockedLegitimate, ChangeEffect, ChangeStatus, DailyFigures, DailyMetric, DailySums, Inputs,
    Mode, ModeTransition,
};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

use crate::ledger_usage::before;
use crate::{AssembleError, attribution};

/// The days of each side: whole weeks have the same weekdays.
const DAYS: u32 = 7;

/// The days before a change that show what is usual: the statistics of the watch need many stretches.
const USUAL: i64 = 28;

/// The metrics that both sides need.
const NEEDED: [DailyMetric; 5] = [
    DailyMetric::Requests,
    DailyMetric::NonCompliant,
    DailyMetric::Target5xx,
    DailyMetric::Target4xx,
    DailyMetric::LoadBalancer4xx,
];

/// The effect of every change of a mode that the ledger saw since a time, the oldest first, as of now.
///
/// # Errors
/// When the ledger cannot be read.
pub fn of(
    ledger: &Ledger,
    since: Timestamp,
    now: Timestamp,
    settings: &WatchSettings,
) -> Result<Vec<ChangeEffect>, AssembleError> {
    let transitions = ledger.mode_changes(since)?;
    let inputs = attribution::known(ledger)?;
    let today = day_of(now);
    let first =
        transitions.iter().filter_map(|one| one.before.as_ref()).map(|seen| day_of(seen.at)).min().unwrap_or(today);
    let figures = ledger.daily(before(first, USUAL + 1), today)?;
    let effects = transitions.iter().filter_map(|one| {
        let others =
            transitions.iter().filter(|other| other.load_balancer == one.load_balancer && !std::ptr::eq(*other, one));
        let others: Vec<&ModeTransition> = others.collect();
        effect(one, &others, &inputs, figures.get(&one.load_balancer), today, settings)
    });
    Ok(effects.collect())
}

fn effect(
    one: &ModeTransition,
    others: &[&ModeTransition],
    inputs: &Inputs,
    figures: Option<&DailyFigures>,
    today: Date,
    settings: &WatchSettings,
) -> Option<ChangeEffect> {
    let (from, to, seen) = (one.from?, one.to?, one.before.as_ref()?);
    let (mut not_before, mut not_after) = (seen.at, one.after.at);
    let made = made_by(&inputs.changes, one, (from, to));
    let call = made.map(|made| made.at).or_else(|| {
        let edit = inputs.edits.get(&one.load_balancer).filter(|edit| edit.left == to)?;
        (edit.at > not_before && edit.at <= not_after).then_some(edit.at)
    });
    if let Some(at) = call {
        (not_before, not_after) = (at, at);
    }
    let (first, last) = (day_of(not_before), day_of(not_after));
    let sides = [(before(first, i64::from(DAYS)), before(first, 1)), (after(last, 1), after(last, i64::from(DAYS)))];
    let mut effect = ChangeEffect {
        load_balancer: one.load_balancer.clone(),
        change: made.map(|made| made.change.clone()),
        from,
        to,
        not_before,
        not_after,
        days: DAYS,
        before: None,
        after: None,
        unknown: None,
        blocked_legitimate: BlockedLegitimate::Unknown,
        because: String::new(),
    };
    let empty = DailyFigures::new();
    let figures = figures.unwrap_or(&empty);
    let in_the_way = others.iter().find(|other| {
        let begin = other.before.as_ref().map_or(other.after.at, |seen| seen.at);
        day_of(other.after.at) >= sides[0].0 && day_of(begin) <= sides[1].1
    });
    let unknown = if sides[1].1 >= today {
        Some(format!("the week after the change is complete only at the end of {}", sides[1].1))
    } else if let Some(other) = in_the_way {
        Some(format!("its mode was changed again within these days (seen on {})", day_of(other.after.at)))
    } else {
        let connections = has_connections(&one.load_balancer);
        let [first, second] = sides.map(|(from, until)| sums(figures, from, until, connections));
        let missing = [first.as_ref().err(), second.as_ref().err()].into_iter().flatten().next().copied();
        (effect.before, effect.after) = (first.ok(), second.ok());
        missing.map(|day| format!("the metrics of {day} were not read"))
    };
    if let Some(why) = unknown {
        effect.because = format!("Unknown: {why}.");
        effect.unknown = Some(effect.because.clone());
        return Some(effect);
    }
    if to <= from {
        (effect.blocked_legitimate, effect.because) =
            (BlockedLegitimate::No, "A weaker mode blocks nothing that the previous mode forwarded.".to_owned());
        return Some(effect);
    }
    let connections = has_connections(&one.load_balancer);
    let usual = samples(figures, before(first, USUAL), before(first, 1), connections);
    let since = samples(figures, sides[1].0, sides[1].1, connections);
    (effect.blocked_legitimate, effect.because) = match judge_days(&usual, &since, settings) {
        WatchVerdict::Regressed(found) => {
            let found: Vec<String> = found.iter().map(ToString::to_string).collect();
            (BlockedLegitimate::Yes, format!("{}.", found.join("; ")))
        }
        WatchVerdict::Quiet { periods, .. } => {
            (BlockedLegitimate::No, format!("Every metric of {periods} days is within its usual variation."))
        }
        WatchVerdict::NoTraffic => {
            (BlockedLegitimate::Unknown, "Unknown: it had no traffic before the change and has none now.".to_owned())
        }
        WatchVerdict::Unknown(why) => (BlockedLegitimate::Unknown, format!("Unknown: {why}.")),
    };
    Some(effect)
}

/// Doorward's change that led to a transition.
fn made_by<'a>(
    changes: &'a BTreeMap<Arn, Vec<AppliedChange>>,
    one: &ModeTransition,
    (from, to): (Mode, Mode),
) -> Option<&'a AppliedChange> {
    let begin = one.before.as_ref()?.at;
    changes.get(&one.load_balancer)?.iter().rev().find(|made| {
        let modes = match made.status {
            ChangeStatus::Changed => (made.from, made.to),
            ChangeStatus::Restored => (made.to, made.from),
            _ => return false,
        };
        modes == (from, to) && made.at > begin && made.at <= one.after.at
    })
}

/// Whether CloudWatch counts new connections of a load balancer: not of classic ones, whose ARN has no kind.
fn has_connections(load_balancer: &Arn) -> bool {
    load_balancer.resource().starts_with("loadbalancer/app/")
}

/// The value of a metric on a day; none if it was not read.
fn on_day(figures: &DailyFigures, metric: DailyMetric, day: Date) -> Option<u64> {
    figures.get(&metric).and_then(|days| days.get(&day)).copied()
}

/// The sums of a side, or the first day that was not read.
fn sums(figures: &DailyFigures, from: Date, until: Date, connections: bool) -> Result<DailySums, Date> {
    let mut sums = [0_u64; NEEDED.len()];
    for day in days(from, until) {
        if connections && on_day(figures, DailyMetric::NewConnections, day).is_none() {
            return Err(day);
        }
        for (sum, metric) in sums.iter_mut().zip(NEEDED) {
            *sum = sum.saturating_add(on_day(figures, metric, day).ok_or(day)?);
        }
    }
    let [requests, non_compliant, target_5xx, target_4xx, load_balancer_4xx] = sums;
    Ok(DailySums { from, until, requests, non_compliant, target_5xx, target_4xx, load_balancer_4xx })
}

/// The samples of days that were read; a day that was not read has none.
fn samples(figures: &DailyFigures, from: Date, until: Date, connections: bool) -> Vec<MetricSample> {
    let of = |metric: DailyMetric, day: Date| on_day(figures, metric, day).map(|n| n as f64);
    let sample = |day: Date| {
        Some(MetricSample {
            at: day.to_zoned(TimeZone::UTC).ok()?.timestamp(),
            requests: of(DailyMetric::Requests, day)?,
            elb_4xx: of(DailyMetric::LoadBalancer4xx, day)?,
            target_5xx: of(DailyMetric::Target5xx, day)?,
            non_compliant: of(DailyMetric::NonCompliant, day)?,
            target_4xx: of(DailyMetric::Target4xx, day)?,
            connections: if connections { of(DailyMetric::NewConnections, day)? } else { 0.0 },
        })
    };
    days(from, until).filter_map(sample).collect()
}

fn days(from: Date, until: Date) -> impl Iterator<Item = Date> {
    std::iter::successors(Some(from), |day| day.tomorrow().ok()).take_while(move |day| *day <= until)
}

fn day_of(at: Timestamp) -> Date {
    TimeZone::UTC.to_datetime(at).date()
}

fn after(day: Date, days: i64) -> Date {
    Span::new().try_days(days).ok().and_then(|span| day.checked_add(span).ok()).unwrap_or(Date::MAX)
}
