//! The loss of served requests after a change, where the metrics of whole hours are known: how large it is by two estimates, whether it is
//! beyond the usual variation, and which loss a watch can show at all.
//!
//! The estimates are those of `explanation`. Three things make them sharper: counts are compared with compliant requests, which neither a
//! scanner nor the mode changes; the forecast is compared with the non-compliant requests of whole weeks, as the forecast itself is; and
//! the variation is known from hundreds of hours instead of the few before the change.

use std::fmt;

use serde::Serialize;

use super::explanation::{BlockedForecast, ExplainedRise};
use super::usual_variation::{BEFORE, SampleFigure, TESTED, Variation, compliant, quantile, total};
use super::{MetricSample, PERIOD, Regression, SHORTEST, UsualMetrics, WatchedMetric};
use crate::WatchSettings;

/// The hours to read before a change.
pub(super) const fn hours_to_read(weeks: u32) -> i64 {
    TESTED + weeks as i64 * 168 + BEFORE
}

/// Requests that were not served, less those that do not comply: a request that a mode blocks and that a target refused before moves from
/// one count to the other, and does not change the sum.
fn not_served(sample: &MetricSample) -> f64 {
    sample.elb_4xx + sample.target_errors() - sample.non_compliant
}

/// The usual values of a load balancer, as shares of its compliant requests.
struct LossBaseline {
    /// 4xx responses of the load balancer.
    own: Variation,
    /// Requests that were not served, less those that do not comply.
    not_served: Variation,
    /// Error responses of targets.
    errors: f64,
    /// Non-compliant requests, in the hours that are compared and in whole weeks.
    non_compliant: (f64, f64),
    /// The share whose counts vary by chance.
    chance: f64,
    /// Compliant requests of a period.
    a_period: f64,
}

impl LossBaseline {
    /// None if too few hours are known, or most requests do not comply.
    fn of(before: &UsualMetrics, length: i64, settings: &WatchSettings) -> Option<Self> {
        let minutes = before.minutes.samples();
        let share = |figure: SampleFigure| {
            let (count, of) = total(minutes, figure);
            (of > 0.0).then(|| count / of)
        };
        let non_compliant = share(|sample| sample.non_compliant)?;
        if non_compliant > 1.0 {
            return None;
        }
        let known = (&before.minutes, &before.hours);
        let chance = share(|sample| sample.elb_4xx)?.max(share(not_served)?);
        let quantile = quantile(&before.hours);
        let variation =
            |figure: SampleFigure| Variation::of(known, (length, settings.weeks), figure, (chance, quantile));
        let first = before.hours.samples().last()?.at.as_second() - TESTED * 3600;
        let (count, of) =
            total(before.hours.samples().iter().filter(|sample| sample.at.as_second() > first), |sample| {
                sample.non_compliant
            });
        let weekly = if of > 0.0 { count / of } else { return None };
        let (own, not_served) = (variation(|sample| sample.elb_4xx)?, variation(not_served)?);
        let a_period = total(minutes, compliant).0 / periods(minutes).max(1) as f64;
        let errors = share(MetricSample::target_errors)?;
        Some(Self { own, not_served, errors, non_compliant: (non_compliant, weekly), chance, a_period })
    }

    /// All requests for each that complies, as is usual: a scanner that begins after the change does not raise what is tolerated.
    fn all(&self) -> f64 {
        1.0 + self.non_compliant.0
    }

    /// The shares of compliant requests by which each estimate has to exceed the expected share.
    fn thresholds(&self, of: f64, settings: &WatchSettings) -> (f64, f64) {
        let least = (settings.tolerated_4xx * self.all()).max(settings.minimum_requests as f64 / of);
        let of_targets = self.not_served.margin(self.chance, of);
        (self.own.margin_beyond_worst(self.chance, of).max(least), of_targets.max(least))
    }

    /// The lowest and the highest share that the forecast says is never served.
    fn forecast(&self, forecast: Option<&BlockedForecast>) -> (f64, f64) {
        let (lowest, highest) = forecast.map_or((0.0, 0.0), BlockedForecast::interval);
        // The forecast's shares are of all requests.
        let scale = 1.0 + self.non_compliant.1;
        (lowest * scale, highest * scale)
    }
}

/// The number of periods that samples cover. The samples are of several days; the time between days does not count.
fn periods(samples: &[MetricSample]) -> i64 {
    let gaps = samples.windows(2).map(|pair| match pair {
        [one, next] => next.at.as_second() - one.at.as_second(),
        _ => 0,
    });
    1 + gaps.map(|gap| if gap < 3600 { gap / PERIOD.as_secs() } else { 1 }).sum::<i64>()
}

/// The rise of 4xx responses in the newest periods, and the regression if it is one; none if too little is known of whole hours.
pub(super) fn judge(
    newest: &[MetricSample],
    before: &UsualMetrics,
    length: i64,
    forecast: Option<&BlockedForecast>,
    settings: &WatchSettings,
) -> Option<(ExplainedRise, Option<Regression>)> {
    let usual = LossBaseline::of(before, length, settings)?;
    let (seen, of) = total(newest, |sample| sample.elb_4xx);
    if of <= 0.0 {
        return None;
    }
    let count = |figure: SampleFigure| total(newest, figure).0;
    let (all, now) = (count(MetricSample::all), count(|sample| sample.non_compliant));
    let rise = seen - usual.own.expected * of;
    let (lowest, highest) = usual.forecast(forecast);
    // No more can be blocked than is non-compliant now.
    let by_plan = rise - ((highest - usual.non_compliant.1) * of + now).clamp(0.0, now);
    let by_targets = rise.min(count(not_served) - usual.not_served.expected * of);
    let (of_plan, of_targets) = usual.thresholds(of, settings);
    let explained = ExplainedRise {
        seen,
        of: all,
        usual: seen - rise,
        forecast: (lowest * of, highest * of),
        non_compliant: now - usual.non_compliant.0 * of,
        no_longer_errors: usual.errors * of - count(MetricSample::target_errors),
        unexplained: by_plan.min(by_targets).max(0.0),
    };
    let is_loss = by_plan > of_plan * of && by_targets > of_targets * of;
    let regression = is_loss.then(|| Regression {
        metric: WatchedMetric::Elb4xx,
        seen: (seen, all),
        expected: explained.usual / all,
        bound: (explained.usual + of_plan.max(of_targets) * of) / all,
        explained: Some(explained),
        logs: None,
    });
    Some((explained, regression))
}

/// The least loss of served requests that a watch finds in at least 99.9% of cases, as a share of all requests. A smaller one may be found,
/// or not.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct SmallestLoss {
    /// After the minimum number of periods.
    pub soon: f64,
    /// After a longer time.
    pub later: f64,
    /// That longer time, in periods.
    pub periods: i64,
}

/// How texts begin that give the reason why it is unknown.
pub(crate) const UNKNOWN_LOSS: &str = "the smallest loss that a watch can show is unknown";

impl SmallestLoss {
    /// As [`Self::of`], or why it is unknown because of a reading that failed.
    pub(crate) fn or_unread(
        before: &UsualMetrics,
        periods: i64,
        forecast: Option<&BlockedForecast>,
        settings: &WatchSettings,
    ) -> Option<Result<Self, String>> {
        let unread = || before.hours_unread.clone().map(Err);
        Self::of(before, periods, forecast, settings).map(Ok).or_else(unread)
    }

    /// Of a watch of some periods; none if too few hours before the change are known. It depends on nothing after the change.
    pub fn of(
        before: &UsualMetrics,
        periods: i64,
        forecast: Option<&BlockedForecast>,
        settings: &WatchSettings,
    ) -> Option<Self> {
        let after = |periods: i64| {
            let usual = LossBaseline::of(before, periods, settings)?;
            let of = usual.a_period * periods as f64;
            if of <= 0.0 {
                return None;
            }
            let (of_plan, of_targets) = usual.thresholds(of, settings);
            // The upper end of the forecast's interval is taken away, so a loss has to exceed it too.
            let (lowest, highest) = usual.forecast(forecast);
            let by_plan = usual.own.least_above(of_plan + (highest - lowest), usual.chance, of);
            let by_targets = usual.not_served.least_above(of_targets, usual.chance, of);
            Some((by_plan.max(by_targets) / usual.all()).min(1.0))
        };
        let periods = periods.max(SHORTEST);
        let (soon, later) = (after(SHORTEST)?, after(periods)?);
        Some(Self { soon, later: later.min(soon), periods })
    }
}

impl fmt::Display for SmallestLoss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Rounded up: it is a promise.
        let percent = |share: f64| (share * 1000.0).ceil() / 10.0;
        let (soon, later) = (percent(self.soon), percent(self.later));
        let Self { periods, .. } = self;
        let certain = "cannot be distinguished with certainty from the usual variation within";
        if later >= 100.0 {
            return f.write_str(
                "no loss of requests can be distinguished from the usual variation, because the \
                 variation is too large or there is too little traffic",
            );
        }
        if soon >= 100.0 {
            return write!(
                f,
                "no loss can be distinguished from the usual variation within {SHORTEST} minutes, and a loss below {later:.1}% of requests \
                 {certain} {periods} minutes"
            );
        }
        write!(f, "a loss below {soon:.1}% of requests {certain} {SHORTEST} minutes")?;
        if *periods > SHORTEST && later < soon {
            write!(f, ", and below {later:.1}% within {periods} minutes")?;
        }
        Ok(())
    }
}
