//! The range in which a figure of the days after a change lies if nothing changed.
//!
//! Two things make days differ: chance, because requests are few, and the days themselves. Either alone may explain a difference, so the
//! range is the widest of three, and a change is beyond all of them:
//!
//! - chance alone: given all that was counted before and after, how many of it the days after may have (exact, conditional binomial);
//! - days that differ by about the same amount, and days that differ by about the same factor: residuals of all weekdays together,
//!   around the mean of their weekday and with a shift after the change, and Student's t for as many as there are.
//!
//! A simulation of load balancers on which nothing changes measures how often one of them is outside (`compare/tests.rs`).

use std::collections::BTreeMap;

use doorward_model::{at_least, student_t};

/// The number of days of the same weekday before the change that a comparison requires.
const WEEKS: usize = 2;
/// Residuals without which it is not known how much days vary: with fewer, the range is wider than any figure.
const FEWEST_FREE: f64 = 3.0;
/// Above this count the binomial distribution is normal to well within a percent, and the exact one takes long.
const LARGE: u64 = 100_000;

/// One figure of one day.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct ComparedDay {
    pub(super) weekday: i8,
    /// After the change; otherwise before it.
    pub(super) after: bool,
    pub(super) count: u64,
    /// The denominator; above 0.
    pub(super) of: u64,
}

impl ComparedDay {
    fn rate(&self) -> f64 {
        self.count as f64 / self.of as f64
    }

    /// The logarithm of the rate, with half a request more, because a day may have none.
    fn log_rate(&self) -> f64 {
        ((self.count as f64 + 0.5) / (self.of as f64 + 1.0)).ln()
    }
}

/// Where a figure was, is, and may be.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct UsualRange {
    pub(super) before: f64,
    pub(super) after: f64,
    pub(super) expected: f64,
    pub(super) low: f64,
    pub(super) high: f64,
    pub(super) days_after: usize,
}

/// The days of one weekday.
#[derive(Default)]
struct SameWeekday<'a> {
    before: Vec<&'a ComparedDay>,
    after: Vec<&'a ComparedDay>,
}

/// The range that the figure leaves with a probability of at most `risk` if nothing changed; none if there are too few days.
pub(super) fn usual_range(days: &[ComparedDay], risk: f64) -> Option<UsualRange> {
    let mut weekdays: BTreeMap<i8, SameWeekday<'_>> = BTreeMap::new();
    for day in days {
        let same = weekdays.entry(day.weekday).or_default();
        if day.after { same.after.push(day) } else { same.before.push(day) }
    }
    // Only weekdays that are on both sides, so that a weekend is not compared with a week.
    let compared: Vec<&SameWeekday<'_>> =
        weekdays.values().filter(|same| same.before.len() >= WEEKS && !same.after.is_empty()).collect();
    let (count_before, of_before) = total(compared.iter().flat_map(|same| &same.before));
    let (count_after, of_after) = total(compared.iter().flat_map(|same| &same.after));
    if of_before == 0 || of_after == 0 {
        return None;
    }
    let fraction = |(count, of): (u64, u64)| count as f64 / of as f64;
    // Each day after has the fraction of its weekday.
    let expected_of = |same: &SameWeekday<'_>| fraction(total(&same.before)) * total(&same.after).1 as f64;
    let expected: f64 = compared.iter().map(|same| expected_of(same)).sum();

    let amounts = spread(weekdays.values(), ComparedDay::rate);
    let factors = spread(weekdays.values(), ComparedDay::log_rate);
    if amounts.free < FEWEST_FREE {
        return None;
    }
    let bound = student_t(risk / 2.0, amounts.free);
    let all = of_after as f64;
    let by_amount = bound * amounts.deviation * reach(&compared, all, |day, _| day.of as f64);
    let by_factor = bound * factors.deviation * reach(&compared, expected, |day, usual| day.of as f64 * usual);
    let (fewest, most) = by_chance(count_before, expected, all / of_before as f64, risk);
    let usual = expected / all;
    Some(UsualRange {
        before: fraction((count_before, of_before)),
        after: fraction((count_after, of_after)),
        expected: usual,
        low: (usual - by_amount).min(usual * (-by_factor).exp()).min(fewest / all).max(0.0),
        high: (usual + by_amount).max(usual * by_factor.exp()).max(most / all).min(1.0),
        days_after: compared.iter().map(|same| same.after.len()).sum(),
    })
}

fn total<'a>(days: impl IntoIterator<Item = &'a &'a ComparedDay>) -> (u64, u64) {
    days.into_iter().fold((0, 0), |(count, of), day| (count + day.count, of + day.of))
}

/// How much days vary around the mean of their weekday.
struct Spread {
    deviation: f64,
    /// Degrees of freedom.
    free: f64,
}

/// Least squares with a mean for each weekday and one shift for the days after the change, all weekdays together: also those that are on
/// one side only, because they vary like the others.
fn spread<'a>(weekdays: impl Iterator<Item = &'a SameWeekday<'a>>, value: impl Fn(&ComparedDay) -> f64) -> Spread {
    let (mut squares, mut weights, mut shifts, mut days, mut means) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for SameWeekday { before, after } in weekdays {
        let values = || before.iter().chain(after).map(|day| value(day));
        let (earlier, later) = (before.len() as f64, after.len() as f64);
        let mean = values().sum::<f64>() / (earlier + later);
        squares += values().map(|value| (value - mean).powi(2)).sum::<f64>();
        days += earlier + later;
        means += 1.0;
        if earlier > 0.0 && later > 0.0 {
            let of = |days: &[&ComparedDay]| days.iter().map(|day| value(day)).sum::<f64>() / days.len() as f64;
            let weight = earlier * later / (earlier + later);
            shifts += weight * (of(after) - of(before));
            weights += weight;
        }
    }
    if weights > 0.0 {
        squares -= shifts * shifts / weights;
        means += 1.0;
    }
    let free: f64 = days - means;
    Spread { deviation: if free > 0.0 { (squares.max(0.0) / free).sqrt() } else { 0.0 }, free }
}

/// By how many deviations of a day the mean of the days after varies around the mean that the days before predict, given the weight of
/// each day and the sum of these weights.
fn reach(compared: &[&SameWeekday<'_>], sum: f64, weight: impl Fn(&ComparedDay, f64) -> f64) -> f64 {
    if sum <= 0.0 {
        return 0.0;
    }
    let mut squares = 0.0;
    for same in compared {
        let (count, of) = total(&same.before);
        let weights = || same.after.iter().map(|day| weight(day, count as f64 / of as f64) / sum);
        squares += weights().map(|weight| weight * weight).sum::<f64>();
        squares += weights().sum::<f64>().powi(2) / same.before.len() as f64;
    }
    squares.sqrt()
}

/// The fewest and the most that the days after may have by chance, given how many those before have, and how many are expected.
fn by_chance(before: u64, expected: f64, length: f64, risk: f64) -> (f64, f64) {
    // How much longer the days after are, as far as this figure is concerned.
    let length = if before > 0 { expected / before as f64 } else { length };
    if before > LARGE {
        let deviation = student_t(risk / 2.0, 10_000.0) * (expected * (1.0 + length)).sqrt();
        return (expected - deviation, expected + deviation);
    }
    let share = length / (1.0 + length);
    let may_be_so_many = |after: u64| at_least(after, before + after, share) > risk / 2.0;
    let may_be_so_few = |after: u64| 1.0 - at_least(after + 1, before + after, share) > risk / 2.0;
    let near = expected.floor() as u64;
    let mut above = near + 1;
    while may_be_so_many(above) {
        above = above * 2 + 1;
    }
    let most = search(near, above, may_be_so_many);
    let fewest = if may_be_so_few(0) { 0 } else { 1 + search(0, near + 1, |after| !may_be_so_few(after)) };
    (fewest as f64, most as f64)
}

/// The last number that holds, of those from one that holds (or is the least) to one that does not.
fn search(mut holds: u64, mut fails: u64, test: impl Fn(u64) -> bool) -> u64 {
    while fails - holds > 1 {
        let middle = u64::midpoint(holds, fails);
        if test(middle) { holds = middle } else { fails = middle }
    }
    holds
}
