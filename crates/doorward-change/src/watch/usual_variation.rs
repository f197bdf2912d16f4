//! How much a share varies while nothing changes, by a back-test: every hour of the last two weeks is expected from the hours before it, exactly
//! as a watch expects the periods after a change. The errors of these expectations are the usual variation.
//!
//! The back-test needs no model of days, weeks and bursts: whatever makes shares change is in its errors.

use doorward_model::student_t;

use super::{DEVIATIONS, MetricSample, MetricSamples, PERIOD, RISK};

/// The hours that are expected and compared.
pub(super) const TESTED: i64 = 14 * 24;
/// The hours directly before an hour that it is expected from, as a watch reads them.
pub(super) const BEFORE: i64 = 3;
/// The minimum number of compared hours to know the variation from.
const LEAST: usize = 100;
/// The share of errors at each end that is cut to the next one: one outage in two weeks is not the usual variation.
const CLIPPED: f64 = 0.01;
/// The most skew that the expansion of a quantile is good for.
const MOST_SKEW: f64 = 2.0;
/// The number of standard deviations by which chance lowers a share with a probability of 0.05%.
const MISSED: f64 = 3.3;
/// The longest stretch, in periods, whose variation within an hour is measured: there are too few longer ones, and they vary less.
const LONGEST: i64 = 10;

/// The figure that is taken from a sample.
pub(super) type SampleFigure = fn(&MetricSample) -> f64;

/// Requests that comply with HTTP. Counts are compared with these: neither scanners nor what a mode blocks changes them.
pub(super) fn compliant(sample: &MetricSample) -> f64 {
    sample.all() - sample.non_compliant
}

/// Count and denominator of samples.
pub(super) fn total<'a>(samples: impl IntoIterator<Item = &'a MetricSample>, figure: SampleFigure) -> (f64, f64) {
    samples.into_iter().fold((0.0, 0.0), |(count, of), sample| (count + figure(sample), of + compliant(sample)))
}

/// The usual variation of a share of compliant requests.
#[derive(Debug, Clone, Copy)]
pub(super) struct Variation {
    /// The usual share.
    pub(super) expected: f64,
    /// The variance from hour to hour.
    by_hour: f64,
    /// The variance of stretches within an hour.
    within: f64,
    /// The skew of hours: bursts go up.
    skew: f64,
    /// By how much the worst hour was above its expectation, beyond chance.
    worst: f64,
    /// The quantile beyond which a normal variable is no chance, with its variance known from these hours.
    quantile: f64,
}

impl Variation {
    /// The variation of stretches of some periods; none if too few hours are known. `chance` is a share whose counts vary by chance: at
    /// least that much variation is expected. `quantile` is that of these hours.
    pub(super) fn of(
        (minutes, hours): (&MetricSamples, &MetricSamples),
        (length, weeks): (i64, u32),
        figure: SampleFigure,
        (chance, quantile): (f64, f64),
    ) -> Option<Self> {
        let (count, of) = total(minutes.samples(), figure);
        let expected = if of > 0.0 { count / of } else { return None };
        let errors = errors(hours, weeks, figure);
        if errors.len() < LEAST {
            return None;
        }
        let worst = errors.iter().map(|(error, of)| error - 2.0 * (chance / of).sqrt()).fold(0.0, f64::max);
        let errors = clipped(errors);
        let moment = |power: i32| {
            let (sum, all) =
                errors.iter().fold((0.0, 0.0), |(sum, all), (error, of)| (sum + error.powi(power) * of, all + of));
            sum / all
        };
        let by_hour = moment(2);
        let skew = if by_hour > 0.0 { (moment(3) / by_hour.powf(1.5)).clamp(0.0, MOST_SKEW) } else { 0.0 };
        let within = within(minutes, length.min(LONGEST), figure);
        Some(Self { expected, by_hour, within, skew, worst, quantile })
    }

    fn variance_within(&self, chance: f64, of: f64) -> f64 {
        self.within.max(chance / of)
    }

    fn deviation(&self, chance: f64, of: f64) -> f64 {
        (self.by_hour + self.variance_within(chance, of)).sqrt()
    }

    /// By how much a share of so many requests may exceed the expected one while nothing changes. The quantile is Student's, with the
    /// first term of Cornish and Fisher's expansion for the skew.
    pub(super) fn margin(&self, chance: f64, of: f64) -> f64 {
        let deviation = self.deviation(chance, of);
        if deviation <= 0.0 {
            return 0.0;
        }
        let skew = self.skew * (self.by_hour.sqrt() / deviation).powi(3);
        let quantile = self.quantile;
        (quantile + (quantile * quantile - 1.0) * skew / 6.0) * deviation
    }

    /// The same, and beyond the worst hour.
    pub(super) fn margin_beyond_worst(&self, chance: f64, of: f64) -> f64 {
        self.margin(chance, of).max(self.worst + DEVIATIONS * self.variance_within(chance, of).sqrt())
    }

    /// The least true rise that is above a threshold in 99.95% of cases. Its own count varies by chance too.
    pub(super) fn least_above(&self, threshold: f64, chance: f64, of: f64) -> f64 {
        let variance = self.by_hour + self.variance_within(chance, of);
        let beyond = |least: f64| threshold + MISSED * (variance + least / of).sqrt();
        (0..5).fold(beyond(threshold), |least, _| beyond(least))
    }
}

/// By how much the share of each of the last hours was above its expectation, and the requests of that hour.
fn errors(hours: &MetricSamples, weeks: u32, figure: SampleFigure) -> Vec<(f64, f64)> {
    let number = |sample: &MetricSample| sample.at.as_second().div_euclid(3600);
    let (Some(first), Some(last)) = (hours.samples().first().map(number), hours.samples().last().map(number)) else {
        return Vec::new();
    };
    // As long as the samples reach; what a source returns besides what it was asked for is not needed.
    let first = first.max(last - TESTED - i64::from(weeks) * 168 - BEFORE);
    let mut by_hour: Vec<Option<(f64, f64)>> = vec![None; usize::try_from(last - first + 1).unwrap_or(0)];
    for sample in hours.samples() {
        if let Some(slot) = usize::try_from(number(sample) - first).ok().and_then(|at| by_hour.get_mut(at)) {
            *slot = Some((figure(sample), compliant(sample)));
        }
    }
    let of_hour = |hour: i64| usize::try_from(hour - first).ok().and_then(|at| by_hour.get(at).copied().flatten());
    let expected = |hour: i64| {
        let week = |week: i64| hour - 168 * week - 1..=hour - 168 * week + 1;
        let like = (hour - BEFORE..hour).chain((1..=i64::from(weeks)).flat_map(week));
        let (known, count, of) = like
            .filter_map(of_hour)
            .fold((0, 0.0, 0.0), |(known, sum, all), (count, of)| (known + 1, sum + count, all + of));
        (known >= 3 && of > 0.0).then_some(count / of)
    };
    let tested = (last - TESTED + 1..=last).filter_map(|hour| Some((hour, of_hour(hour)?)));
    let with_requests = tested.filter(|(_, (_, of))| *of > 0.0);
    with_requests.filter_map(|(hour, (count, of))| Some((count / of - expected(hour)?, of))).collect()
}

/// Student's quantile for a variance that is known from hours. Neighbouring hours are alike, so that a quarter of the hours, weighed by their
/// requests, are degrees of freedom.
pub(super) fn quantile(hours: &MetricSamples) -> f64 {
    let newest = hours.samples().iter().rev().take(usize::try_from(TESTED).unwrap_or(usize::MAX)).map(compliant);
    let (all, squares) = newest.fold((0.0, 0.0), |(all, squares), of| (all + of, squares + of * of));
    student_t(RISK, if squares > 0.0 { (all * all / squares / 4.0).max(3.0) } else { 3.0 })
}

/// Errors with those at the ends cut.
fn clipped(mut errors: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    errors.sort_by(|(one, _), (other, _)| one.total_cmp(other));
    let cut = (errors.len() as f64 * CLIPPED) as usize;
    let ends = errors.get(cut).zip(errors.get(errors.len().saturating_sub(cut + 1))).map(|(low, high)| (low.0, high.0));
    if let Some((low, high)) = ends {
        errors.iter_mut().for_each(|(error, _)| *error = error.clamp(low, high));
    }
    errors
}

/// The variance of stretches of some periods around the share of their hour.
fn within(minutes: &MetricSamples, length: i64, figure: SampleFigure) -> f64 {
    let hour = |sample: &MetricSample| sample.at.as_second().div_euclid(3600);
    let stretch = |sample: &MetricSample| sample.at.as_second().div_euclid(length * PERIOD.as_secs());
    let (mut sum, mut all, mut stretches, mut free) = (0.0, 0.0, 0.0, 0.0);
    for of_hour in minutes.samples().chunk_by(|one, next| hour(one) == hour(next)) {
        let (count, of) = total(of_hour, figure);
        let parts: Vec<(f64, f64)> =
            of_hour.chunk_by(|one, next| stretch(one) == stretch(next)).map(|part| total(part, figure)).collect();
        if parts.len() < 2 || of <= 0.0 {
            continue;
        }
        for (count_of, of_one) in parts.iter().filter(|(_, of)| *of > 0.0) {
            sum += of_one * (count_of / of_one - count / of).powi(2);
            all += of_one;
        }
        stretches += parts.len() as f64;
        // The share of the hour is estimated from the same stretches.
        free += parts.len() as f64 - 1.0;
    }
    if all > 0.0 && free > 0.0 { sum / all * stretches / free } else { 0.0 }
}
