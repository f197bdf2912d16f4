//! Before and after a change of mode: figures of each day against the same weekdays before, with the noise that they have.
//!
//! A figure has changed when the days after the change leave the range that the same weekdays before it make likely. Too few days before or
//! after is its own answer, not "no change".

use std::collections::BTreeMap;

use jiff::civil::{Date, Weekday};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::tally::{HourTally, LoadBalancerTally};

/// Weeks before the change that have to be there for the noise to be known.
const WEEKS: usize = 2;
/// How many standard deviations are noise. Beyond three, chance is rarer than one day in 300.
const DEVIATIONS: f64 = 3.0;

/// A figure of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Figure {
    /// Requests that are not compliant, of those with a classification.
    NonCompliant,
    /// Requests that the client saw answered with 400 to 499, of all lines.
    Client4xx,
    /// Requests that the client saw answered with 500 or more, of all lines.
    Client5xx,
    /// Requests that a target answered with 500 or more, of all lines.
    Target5xx,
}

impl Figure {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::NonCompliant, Self::Client4xx, Self::Client5xx, Self::Target5xx];

    /// Count and denominator of a day.
    fn of(self, day: &HourTally) -> (u64, u64) {
        match self {
            Self::NonCompliant => (day.non_compliant(), day.classified()),
            Self::Client4xx => (day.client_4xx, day.lines()),
            Self::Client5xx => (day.client_5xx, day.lines()),
            Self::Target5xx => (day.target_5xx, day.lines()),
        }
    }
}

/// What became of a figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// It left the noise upwards.
    Rose,
    /// It left the noise downwards.
    Fell,
    /// It stayed within the noise of the same weekdays.
    WithinNoise,
    /// There are too few days: it takes at least one whole day after the change, and two of the same weekday before.
    TooFewDays,
}

/// One figure before and after.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Compared {
    /// The figure.
    pub figure: Figure,
    /// The fraction over the days before that were compared.
    pub before: Option<f64>,
    /// The fraction over the days after that were compared.
    pub after: Option<f64>,
    /// What the days after would be by their weekdays, and by how much that varies: three standard deviations.
    pub expected: Option<(f64, f64)>,
    /// Days after the change that were compared.
    pub days_after: usize,
    /// What became of it.
    pub change: Change,
}

/// Before and after of one load balancer, by its logs. The day of the change itself is in neither.
pub fn compare(tally: &LoadBalancerTally, changed: Date) -> Vec<Compared> {
    let mut days: BTreeMap<Date, HourTally> = BTreeMap::new();
    for (hour, counts) in &tally.hours {
        days.entry(hour.day()).or_default().merge(counts);
    }
    Figure::ALL.map(|figure| compare_figure(&days, changed, figure)).into()
}

fn compare_figure(days: &BTreeMap<Date, HourTally>, changed: Date, figure: Figure) -> Compared {
    let mut before: BTreeMap<i8, Vec<(u64, u64)>> = BTreeMap::new();
    for (day, counts) in days.range(..changed) {
        before.entry(weekday(*day)).or_default().push(figure.of(counts));
    }
    before.retain(|_, counts| counts.len() >= WEEKS && counts.iter().any(|(_, of)| *of > 0));
    let after: Vec<(i8, (u64, u64))> = days
        .range(changed..)
        .filter(|(day, _)| **day != changed)
        .map(|(day, counts)| (weekday(*day), figure.of(counts)))
        .filter(|(weekday, (_, of))| *of > 0 && before.contains_key(weekday))
        .collect();
    // Only weekdays that are on both sides, so that a weekend is not compared with a week.
    before.retain(|weekday, _| after.iter().any(|(other, _)| other == weekday));
    let nothing =
        Compared { figure, before: None, after: None, expected: None, days_after: 0, change: Change::TooFewDays };
    let Some(seen) = fraction(after.iter().map(|(_, counts)| *counts)) else { return nothing };
    let Some(was) = fraction(before.values().flatten().copied()) else { return nothing };

    // Expected: each day after has its weekday's fraction. Two kinds of noise: days differ more than chance makes them,
    // and the few days after are few.
    let requests: u64 = after.iter().map(|(_, (_, of))| of).sum();
    let mut expected = 0.0;
    for (weekday, (_, of)) in &after {
        let usual = before.get(weekday).and_then(|counts| fraction(counts.iter().copied())).unwrap_or(was);
        expected += usual * *of as f64 / requests as f64;
    }
    let spread = spread(&before);
    let chance = expected * (1.0 - expected) / requests as f64;
    let samples: usize = before.values().map(Vec::len).sum();
    let variance = spread * (1.0 / after.len() as f64 + 1.0 / samples.max(1) as f64);
    // One request more or less is never a change.
    let noise = (DEVIATIONS * (variance.max(chance)).sqrt()).max(1.0 / requests as f64);
    let change = match seen - expected {
        difference if difference > noise => Change::Rose,
        difference if difference < -noise => Change::Fell,
        _ => Change::WithinNoise,
    };
    Compared {
        figure,
        before: Some(was),
        after: Some(seen),
        expected: Some((expected, noise)),
        days_after: after.len(),
        change,
    }
}

/// The variance of days around the fraction of their weekday, all weekdays together.
fn spread(before: &BTreeMap<i8, Vec<(u64, u64)>>) -> f64 {
    let (mut squares, mut free) = (0.0, 0.0);
    for counts in before.values() {
        let days: Vec<f64> = counts.iter().filter_map(|counts| fraction([*counts])).collect();
        let mean = days.iter().sum::<f64>() / days.len().max(1) as f64;
        squares += days.iter().map(|day| (day - mean).powi(2)).sum::<f64>();
        free += days.len().saturating_sub(1) as f64;
    }
    if free > 0.0 { squares / free } else { 0.0 }
}

fn fraction(counts: impl IntoIterator<Item = (u64, u64)>) -> Option<f64> {
    let (count, of) = counts.into_iter().fold((0, 0), |(count, of), (more, more_of)| (count + more, of + more_of));
    (of > 0).then(|| count as f64 / of as f64)
}

fn weekday(day: Date) -> i8 {
    match day.weekday() {
        Weekday::Monday => 0,
        Weekday::Tuesday => 1,
        Weekday::Wednesday => 2,
        Weekday::Thursday => 3,
        Weekday::Friday => 4,
        Weekday::Saturday => 5,
        Weekday::Sunday => 6,
    }
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};

    use super::*;
    use crate::window::Hour;

    const CHANGED: &str = "2026-09-22";

    /// Three weeks before the change and one after; `rate` gives requests of a thousand with 5xx by day.
    fn weeks(rate: impl Fn(i64) -> u64) -> LoadBalancerTally {
        let start: Timestamp = "2026-09-01T00:00:00Z".parse().expect("a time");
        let mut tally = LoadBalancerTally::default();
        for day in 0..29 {
            let hour = Hour::of(start + SignedDuration::from_hours(24 * day + 5));
            let errors = 10 * rate(day);
            let counts =
                HourTally { compliant: 10_000, client_5xx: errors, target_5xx: errors, ..HourTally::default() };
            tally.hours.insert(hour, counts);
        }
        tally
    }

    fn of(tally: &LoadBalancerTally, figure: Figure) -> Compared {
        let all = compare(tally, CHANGED.parse().expect("a date"));
        all.into_iter().find(|compared| compared.figure == figure).expect("there")
    }

    #[test]
    fn the_week_has_its_shape() {
        // Weekends are three times as bad, before as after: no change.
        let shaped = weeks(|day| if matches!((day + 1) % 7, 5 | 6) { 30 } else { 10 + (day % 2) as u64 });
        let compared = of(&shaped, Figure::Client5xx);
        assert_eq!((compared.change, compared.days_after), (Change::WithinNoise, 7), "{compared:?}");
    }

    #[test]
    fn a_rise_is_a_statement() {
        for (after, wanted) in [(10, Change::WithinNoise), (20, Change::Rose), (1, Change::Fell)] {
            let tally = weeks(|day| if day > 20 { after } else { 9 + (day % 3) as u64 });
            assert_eq!(of(&tally, Figure::Target5xx).change, wanted, "{after}");
        }
    }

    #[test]
    fn noise_hides_what_it_can_hide() {
        let wild = |day: i64| if day > 20 { 25 } else { 5 + (day * 7 % 40) as u64 };
        assert_eq!(of(&weeks(wild), Figure::Client5xx).change, Change::WithinNoise);
    }

    #[test]
    fn too_few_days_are_not_no_change() {
        let mut tally = weeks(|_| 10);
        tally.hours.retain(|hour, _| hour.day() >= "2026-09-15".parse().expect("a date"));
        let compared = of(&tally, Figure::Client5xx);
        assert_eq!((compared.change, compared.after), (Change::TooFewDays, None));
        assert_eq!(of(&LoadBalancerTally::default(), Figure::NonCompliant).change, Change::TooFewDays);
    }
}
