//! Daily 5xx responses of targets as a chart with the changes of modes marked, their sums by owner, and each change before and after.

use doorward_model::{ChangeEffect, DailySeries, DailySums, DaySum, SummedSeries, percent, share};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Serialize;

/// The size of the chart, in units of its view box.
const WIDTH: usize = 840;
const HEIGHT: usize = 110;

/// The most owners and changes with a line of their own.
const LINES: usize = 25;

/// A day of the chart.
#[derive(Serialize)]
struct DayColumn {
    class: &'static str,
    x: usize,
    width: usize,
    y: usize,
    height: usize,
    words: String,
    label: String,
}

/// A change of a mode in the chart.
#[derive(Serialize)]
struct ChangeMark {
    x: usize,
    words: String,
}

/// An owner.
#[derive(Serialize)]
struct OwnerDays {
    owner: String,
    load_balancers: usize,
    /// Days of which every load balancer was read, of all.
    days: String,
    requests: u64,
    target_5xx: u64,
    rate: String,
    non_compliant: u64,
}

/// A change, before and after.
#[derive(Serialize)]
struct ChangeRow {
    name: String,
    place: String,
    modes: String,
    when: String,
    change: String,
    non_compliant: String,
    target_5xx: String,
    load_balancer_4xx: String,
    blocked: &'static str,
    because: String,
}

/// The section.
#[derive(Serialize)]
pub(super) struct DailyView {
    columns: Vec<DayColumn>,
    marks: Vec<ChangeMark>,
    owners: Vec<OwnerDays>,
    more_owners: usize,
    changes: Vec<ChangeRow>,
    more_changes: usize,
    words: String,
    width: usize,
    height: usize,
}

/// The section; none where nothing is known.
pub(super) fn of(daily: Option<&DailySeries>, effects: &[ChangeEffect]) -> Option<DailyView> {
    if daily.is_none() && effects.is_empty() {
        return None;
    }
    let empty = DailySeries::default();
    let daily = daily.unwrap_or(&empty);
    let days = &daily.total.days;
    let mut owners: Vec<OwnerDays> = daily.owners.iter().map(|(owner, series)| owner_days(owner, series)).collect();
    owners.sort_by(|a, b| b.target_5xx.cmp(&a.target_5xx).then_with(|| a.owner.cmp(&b.owner)));
    let more_owners = owners.len().saturating_sub(LINES);
    owners.truncate(LINES);
    let changes = effects.iter().rev().take(LINES).map(change_row).collect();
    Some(DailyView {
        columns: columns(days, daily.total.load_balancers),
        marks: effects.iter().filter_map(|effect| mark(effect, days)).collect(),
        owners,
        more_owners,
        changes,
        more_changes: effects.len().saturating_sub(LINES),
        words: words(days, daily.total.load_balancers),
        width: WIDTH,
        height: HEIGHT,
    })
}

fn words(days: &[DaySum], load_balancers: usize) -> String {
    let sum: u64 = days.iter().map(|day| day.target_5xx).fold(0, u64::saturating_add);
    let whole = days.iter().filter(|day| day.read == load_balancers).count();
    match (days.first(), days.last()) {
        (Some(first), Some(last)) => format!(
            "5xx responses of targets from {} to {}: {sum}, of {load_balancers} load balancers with daily metrics; every one of them was \
             read on {}",
            first.day,
            last.day,
            share(whole, days.len()).replace(" of ", " days of ")
        ),
        _ => "No daily metrics were collected".to_owned(),
    }
}

fn columns(days: &[DaySum], load_balancers: usize) -> Vec<DayColumn> {
    let most = days.iter().map(|day| day.target_5xx).max().unwrap_or(0);
    let step = WIDTH.checked_div(days.len()).unwrap_or(0);
    let column = |(n, day): (usize, &DaySum)| {
        let full = u64::try_from(HEIGHT).unwrap_or(0);
        let scaled = day.target_5xx.saturating_mul(full).checked_div(most).unwrap_or(0);
        // Something is never drawn as nothing, and what was not read is drawn as unknown, not as nothing.
        let (class, height) = match (day.read, day.target_5xx) {
            (0, _) => ("unknown", HEIGHT),
            (_, 0) => ("errors", 0),
            _ => ("errors", usize::try_from(scaled).unwrap_or(HEIGHT).clamp(2, HEIGHT)),
        };
        let from_end = days.len() - 1 - n;
        DayColumn {
            class,
            x: n * step,
            width: step.saturating_sub(2).max(1),
            y: HEIGHT - height,
            height,
            words: match day.read {
                0 => format!("{}: not read", day.day),
                read => format!(
                    "{}: {} of {} requests, {read} of {load_balancers} read",
                    day.day, day.target_5xx, day.requests
                ),
            },
            label: if from_end.is_multiple_of(7) { day.day.strftime("%b %d").to_string() } else { String::new() },
        }
    };
    days.iter().enumerate().map(column).collect()
}

fn day_of(effect: &ChangeEffect) -> Date {
    effect.not_after.to_zoned(TimeZone::UTC).date()
}

fn mark(effect: &ChangeEffect, days: &[DaySum]) -> Option<ChangeMark> {
    let step = WIDTH.checked_div(days.len())?;
    let n = days.iter().position(|day| day.day == day_of(effect))?;
    let name = effect.load_balancer.load_balancer_name();
    Some(ChangeMark {
        x: n * step + step / 2,
        words: format!("{}: {name} {} to {}", day_of(effect), effect.from, effect.to),
    })
}

fn owner_days(owner: &str, series: &SummedSeries) -> OwnerDays {
    let sum = |of: fn(&DaySum) -> u64| series.days.iter().map(of).fold(0, u64::saturating_add);
    let (requests, target_5xx) = (sum(|day| day.requests), sum(|day| day.target_5xx));
    let whole = series.days.iter().filter(|day| day.read == series.load_balancers).count();
    OwnerDays {
        owner: owner.to_owned(),
        load_balancers: series.load_balancers,
        days: format!("{whole} of {}", series.days.len()),
        requests,
        target_5xx,
        rate: rate(target_5xx, requests),
        non_compliant: sum(|day| day.non_compliant),
    }
}

fn rate(part: u64, whole: u64) -> String {
    let count = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
    percent(count(part.min(whole)), count(whole)).unwrap_or_else(|| "–".to_owned())
}

/// `12 of 2000 (0.6%) → 3 of 1900 (0.1%)`; a side that is not known reads *unknown*.
fn sides(effect: &ChangeEffect, of: fn(&DailySums) -> u64) -> String {
    let side = |sums: Option<&DailySums>| match sums {
        None => "unknown".to_owned(),
        Some(sums) => format!("{} of {} ({})", of(sums), sums.requests, rate(of(sums), sums.requests)),
    };
    format!("{} → {}", side(effect.before.as_ref()), side(effect.after.as_ref()))
}

fn change_row(effect: &ChangeEffect) -> ChangeRow {
    let arn = &effect.load_balancer;
    let day = |at: jiff::Timestamp| at.strftime("%Y-%m-%d").to_string();
    let (first, last) = (day(effect.not_before), day(effect.not_after));
    ChangeRow {
        name: arn.load_balancer_name().to_owned(),
        place: format!("{} {}", arn.account(), arn.region()),
        modes: format!("{} to {}", effect.from, effect.to),
        when: if first == last { last } else { format!("{first} to {last}") },
        change: effect.change.clone().unwrap_or_default(),
        non_compliant: sides(effect, |sums| sums.non_compliant),
        target_5xx: sides(effect, |sums| sums.target_5xx),
        load_balancer_4xx: sides(effect, |sums| sums.load_balancer_4xx),
        blocked: effect.blocked_legitimate.as_str(),
        because: effect.because.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_that_were_not_read_are_drawn_as_unknown() {
        let day = |day: i8, read, target_5xx| DaySum {
            read,
            requests: 1_000,
            target_5xx,
            ..DaySum::unread(Date::constant(2026, 11, day))
        };
        let columns = columns(&[day(1, 2, 0), day(2, 0, 0), day(3, 1, 1), day(4, 2, 1_000)], 2);
        let drawn: Vec<_> = columns.iter().map(|column| (column.class, column.height)).collect();
        assert_eq!(drawn, [("errors", 0), ("unknown", HEIGHT), ("errors", 2), ("errors", HEIGHT)]);
        assert!(columns[1].words.ends_with("not read"), "{}", columns[1].words);
    }
}
