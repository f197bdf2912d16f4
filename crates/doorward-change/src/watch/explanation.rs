//! Which part of a rise of 4xx responses a change of the mode explains, so that requests that were never served do not count as a loss.
//!
//! After a change the load balancer answers with 400 what it forwarded before. Two estimates of the loss do without the names of clients,
//! and a rise is unexplained only as far as both find it:
//!
//! - *by the plan*: the rise, less the requests that the plan's forecast says were never served, less the rise of non-compliant requests;
//! - *by the targets*: the rise, less the error responses that targets send no longer, less the rise of non-compliant requests. A request
//!   that a target answered with an error and that the load balancer blocks now moves from one count to the other; a request that was
//!   served adds to one and is taken from none.

use std::fmt;

use super::{MetricSample, chance_of_share, mean, spread};
use crate::{Effect, WatchSettings};

/// The number of standard deviations that the interval of a forecast is wide.
const INTERVAL: f64 = 4.0;

/// What a plan says a mode will do with requests that were not served, or are served and cost their connection.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BlockedForecast {
    never_served: f64,
    closed: f64,
    of: f64,
}

impl BlockedForecast {
    /// The forecast that `never_served` of `of` requests will be blocked that no target served, and `closed` forwarded with their
    /// connections closed afterwards.
    pub const fn new(never_served: f64, closed: f64, of: f64) -> Self {
        Self { never_served, closed, of }
    }

    /// The forecast of a step of a plan; none if it names no effect, or not how many of the blocked requests were served.
    pub fn of(effect: &Effect) -> Option<Self> {
        let served = effect.hurt? as f64;
        let forecast = Self::new(effect.blocked as f64 - served, effect.closed as f64, effect.requests as f64);
        (forecast.of > 0.0 && forecast.never_served >= 0.0).then_some(forecast)
    }

    /// The lowest and the highest share of requests that it says will be blocked without a loss (Wilson's interval).
    pub(super) fn interval(&self) -> (f64, f64) {
        let share = (self.never_served / self.of).clamp(0.0, 1.0);
        let square = INTERVAL * INTERVAL;
        let middle = share + square / (2.0 * self.of);
        let half = INTERVAL * (share * (1.0 - share) / self.of + square / (4.0 * self.of * self.of)).sqrt();
        let scale = 1.0 + square / self.of;
        (((middle - half) / scale).max(0.0), ((middle + half) / scale).min(1.0))
    }

    /// The share of requests whose connections it says will be closed.
    pub(super) fn closed(&self) -> f64 {
        (self.closed / self.of).clamp(0.0, 1.0)
    }
}

/// The 4xx responses of a load balancer since a change: what was expected, what explains the rest, and what nothing explains. Counts of
/// requests.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ExplainedRise {
    /// Requests that the load balancer answered with 4xx.
    pub seen: f64,
    /// All requests.
    pub of: f64,
    /// How many are usual.
    pub usual: f64,
    /// The lowest and the highest number that the plan's forecast says is blocked and was never served.
    pub forecast: (f64, f64),
    /// How many more non-compliant requests there are than usual; negative if there are fewer.
    pub non_compliant: f64,
    /// How many fewer error responses targets sent than usual; negative if they sent more.
    pub no_longer_errors: f64,
    /// Requests that neither the plan nor the targets explain.
    pub unexplained: f64,
}

impl ExplainedRise {
    /// Whether the change has an effect that is worth a sentence.
    pub fn is_notable(&self) -> bool {
        self.forecast.1 >= 1.0 || self.non_compliant >= 1.0 || self.unexplained >= 1.0
    }
}

impl fmt::Display for ExplainedRise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} of {} requests answered with 4xx: usual {:.0}; the plan's forecast {:.0} to {:.0} more that were \
             never served; compared with the usual values, {:+.0} non-compliant requests and {:+.0} errors of \
             targets; unexplained {:.0}",
            self.seen,
            self.of,
            self.usual,
            self.forecast.0,
            self.forecast.1,
            self.non_compliant,
            -self.no_longer_errors,
            self.unexplained
        )
    }
}

/// The rise in the newest periods, and whether its unexplained part is a regression. `margin` is the share of requests by which 4xx
/// responses may exceed the usual, by tolerance and variation.
pub(super) fn explain(
    newest: &[MetricSample],
    stretches: &[Vec<MetricSample>],
    forecast: Option<&BlockedForecast>,
    margin: f64,
    settings: &WatchSettings,
) -> (ExplainedRise, bool) {
    let all = |samples: &[MetricSample]| samples.iter().map(MetricSample::all).sum::<f64>();
    let count = |samples: &[MetricSample], of: fn(&MetricSample) -> f64| samples.iter().map(of).sum::<f64>();
    let of = all(newest);
    let usual = |figure: fn(&MetricSample) -> f64| {
        let (counts, requests) = stretches
            .iter()
            .fold((0.0, 0.0), |(counts, requests), stretch| (counts + count(stretch, figure), requests + all(stretch)));
        if requests > 0.0 { counts / requests * of } else { 0.0 }
    };
    let seen = count(newest, |sample| sample.elb_4xx);
    let rise = seen - usual(|sample| sample.elb_4xx);
    let non_compliant = count(newest, |sample| sample.non_compliant) - usual(|sample| sample.non_compliant);
    let no_longer_errors = usual(MetricSample::target_errors) - count(newest, MetricSample::target_errors);
    let (lowest, highest) = forecast.map_or((0.0, 0.0), BlockedForecast::interval);
    // No more can be blocked than is non-compliant now.
    let now = count(newest, |sample| sample.non_compliant);
    let by_plan = rise - (highest * of + non_compliant).clamp(0.0, now);
    let by_targets = rise - (no_longer_errors + non_compliant).max(0.0);
    let rise = ExplainedRise {
        seen,
        of,
        usual: seen - rise,
        forecast: (lowest * of, highest * of),
        non_compliant,
        no_longer_errors,
        unexplained: by_plan.min(by_targets).max(0.0),
    };
    let least = settings.minimum_requests as f64;
    let beyond = |loss: f64, margin: f64| loss >= least && loss > margin * of;
    let of_targets = margin_by_targets(stretches, of, settings);
    (rise, beyond(by_plan, margin) && beyond(by_targets, of_targets))
}

/// By which share of requests the estimate from error responses of targets may vary: requests that are not served, without those that are
/// not compliant.
fn margin_by_targets(stretches: &[Vec<MetricSample>], of: f64, settings: &WatchSettings) -> f64 {
    let lost = |sample: &MetricSample| sample.elb_4xx + sample.target_errors() - sample.non_compliant;
    let rates: Vec<(f64, f64)> = stretches
        .iter()
        .map(|stretch| stretch.iter().fold((0.0, 0.0), |(lost_so_far, all), s| (lost_so_far + lost(s), all + s.all())))
        .filter(|(_, all)| *all > 0.0)
        .collect();
    let expected = mean(&rates);
    let highest = rates.iter().map(|(count, of)| count / of).fold(expected, f64::max);
    let noise = (highest - expected).max(spread(&rates, expected));
    settings.tolerated_4xx.max(noise + chance_of_share(expected.clamp(0.0, 1.0), of))
}
