//! The effect that each mode would have had on the observed traffic, with its evidence.
//!
//! A forecast describes what would have happened to these requests, not what will happen to others. If no request of a kind was observed,
//! it gives an upper bound of their share.

use doorward_model::Mode;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::affected::{KnownClient, affected, hurt_client_days, known_clients};
use crate::metric::{Known, Metric, Series};
use crate::observed_traffic;
use crate::tally::{Answered, Cause, LoadBalancerKey, LoadBalancerTally, LogFiles, Sampled, Treatment};
use crate::window::Window;

mod basis;
mod bound;

pub use basis::{Basis, CrossCheck, ForecastEvidence};
pub use bound::{BoundUnit, UpperBound};

/// How many more requests the logs may hold than the metric counts, relatively and absolutely: the two cut time at different moments.
/// Fewer is never agreement, because each request that is counted and not logged may be of a user.
const TOLERANCE: f64 = 0.02;
const FEW: u64 = 5;

/// The denominator of a share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Denominator {
    /// Requests that were logged with a classification.
    ClassifiedRequests,
    /// Requests for which a target was chosen, and those answered with 4xx by the load balancer, as CloudWatch counts them.
    /// Redirects and fixed responses are in neither, so a share of these is rather too high.
    MetricRequests,
    /// Requests that the mode would block.
    BlockedRequests,
}

impl Denominator {
    /// As text after "of".
    pub const fn label(self) -> &'static str {
        match self {
            Self::ClassifiedRequests => "requests logged with a classification",
            Self::MetricRequests => "requests counted by CloudWatch (RequestCount + HTTPCode_ELB_4XX_Count)",
            Self::BlockedRequests => "requests that the mode would block",
        }
    }
}

/// A count with its denominator.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RequestShare {
    /// The count.
    pub count: u64,
    /// The denominator.
    pub of: u64,
    /// The unit of the denominator.
    pub denominator: Denominator,
    /// The count per day, over the observed days.
    pub per_day: f64,
}

impl RequestShare {
    fn new(count: u64, of: u64, denominator: Denominator, days: f64) -> Self {
        Self { count, of, denominator, per_day: if days > 0.0 { count as f64 / days } else { 0.0 } }
    }

    /// As a fraction; none if the denominator is zero.
    pub fn fraction(&self) -> Option<f64> {
        (self.of > 0).then(|| self.count as f64 / self.of as f64)
    }
}

/// The effect of one mode.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ModeForecast {
    /// The mode.
    pub mode: Mode,
    /// Requests that go to a target.
    pub forwarded: RequestShare,
    /// Requests that go to a target after which both connections are closed, which costs new connections.
    pub closed: RequestShare,
    /// Requests answered with 400.
    pub blocked: RequestShare,
    /// Of the blocked, those of clients that were served, or may have been: answered with a status below 400 by a target or by the
    /// load balancer, logins, failed requests, and refused ones of regular clients. None without logs, as for the next two.
    pub hurt: Option<RequestShare>,
    /// Of the blocked, the refused requests of all other clients: scanners.
    pub others: Option<RequestShare>,
    /// Of the blocked, those that the mode in force blocked already. Whether they are users is unknown.
    pub already: Option<RequestShare>,
    /// The upper bound of how often the mode would block a client that is served, or may be; none without traffic.
    pub hurt_at_most: Option<UpperBound>,
}

/// One load balancer's forecast.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Forecast {
    /// The load balancer.
    pub load_balancer: LoadBalancerKey,
    /// The evidence.
    pub evidence: ForecastEvidence,
    /// From the weakest mode to the strongest; empty if nothing is known.
    pub modes: Vec<ModeForecast>,
}

/// The evidence about one load balancer.
#[derive(Debug, Clone, Copy, Default)]
pub struct ForecastInput<'a> {
    /// Its logs, where any were read.
    pub tally: Option<&'a LoadBalancerTally>,
    /// The files of the logs, if their names are AWS's.
    pub files: Option<&'a LogFiles>,
    /// When it was created, if that is known: no hour before it counts as observed.
    pub created: Option<Timestamp>,
    /// When its mode was last changed, if that is known.
    pub changed: Option<Timestamp>,
    /// The hours for which all of its logs were asked; without them, the hours in which there are lines.
    pub window: Option<Window>,
    /// Whether all objects of the window were read, to their ends.
    pub complete: bool,
    /// Its metrics.
    pub series: Option<&'a Series>,
    /// Only the objects around the periods in which the metric counts something were read. They hold all requests that are
    /// not compliant, and not all of the others: the metric counts those.
    pub around_periods: bool,
    /// The protected clients that each line was compared with.
    pub protected: &'a [String],
    /// Whether addresses were saved without their host part.
    pub truncated: bool,
    /// Why lines are no evidence or not all of it.
    pub problems: Option<&'a Sampled>,
    /// The sentence about files beside the logs that look like logs and were not read.
    pub left_out: Option<&'a str>,
}

/// Makes a forecast from logs if there are any, else from the metric, else none.
pub fn forecast(load_balancer: &LoadBalancerKey, seen: ForecastInput<'_>) -> Forecast {
    let logged = seen.tally.filter(|tally| tally.classified() > 0);
    let cross_check = cross_check(seen, logged);
    let mut evidence = ForecastEvidence {
        basis: Basis::None,
        window: None,
        observed: None,
        unlogged: 0,
        uncounted: None,
        lines: seen.tally.map_or(0, |tally| tally.lines),
        absent: seen.tally.map_or(0, |tally| tally.absent),
        rejected: seen.tally.map_or(0, |tally| tally.rejected),
        changed: None,
        unparsed: seen.tally.map_or(0, |tally| tally.unparsed.count),
        unknown_tier: 0,
        cross_check,
        protected: seen.protected.to_vec(),
        truncated: seen.truncated,
        problems: seen.problems.map_or_else(Vec::new, named),
    };
    let mut modes = Vec::new();
    if let Some(tally) = logged {
        let whole = seen.complete && evidence.unparsed == 0 && evidence.absent == 0;
        evidence.basis = match (whole, seen.around_periods) {
            (true, false) => Basis::FullLogs,
            (true, true) => Basis::PeriodLogs,
            (false, _) => Basis::PartialLogs,
        };
        evidence.unknown_tier = unknown(tally);
        let mut all = (tally.classified(), Denominator::ClassifiedRequests);
        let observed = if seen.around_periods {
            match seen.series.map(requests) {
                Some(Ok(requests)) => all = (requests.max(tally.classified()), Denominator::MetricRequests),
                Some(Err(why)) => evidence.uncounted = Some(why),
                None => evidence.uncounted = Some("CloudWatch was not asked".to_owned()),
            }
            seen.series.and_then(|series| observed_traffic::by_metric(series, seen.created))
        } else {
            observed_traffic::by_logs(tally, &seen)
        };
        if evidence.uncounted.is_some() || observed.is_none() {
            evidence.basis = Basis::PartialLogs;
        }
        evidence.unlogged = seen.series.map_or(0, |series| observed_traffic::unlogged(tally, series));
        let days = observe(&mut evidence, observed, seen.changed);
        if let Some(observed) = &mut evidence.observed {
            observed.unknown.extend(seen.left_out.map(str::to_owned));
        }
        let clients = known_clients(tally);
        modes = ALL.map(|mode| from_logs(tally, &clients, mode, days, all)).into();
    } else if let Some((series, non_compliant)) =
        seen.series.and_then(|series| Some((series, series.total(Metric::NonCompliant).count()?)))
    {
        evidence.basis = Basis::MetricOnly;
        let days = observe(&mut evidence, observed_traffic::by_metric(series, seen.created), seen.changed);
        match requests(series) {
            Ok(requests) => modes = from_metric(requests, days, non_compliant, observed_traffic::hours(series)),
            Err(why) => evidence.uncounted = Some(why),
        }
    }
    Forecast { load_balancer: load_balancer.clone(), evidence, modes }
}

/// The problems that are named, with the number of further ones.
fn named(problems: &Sampled) -> Vec<String> {
    let mut named = problems.samples.clone();
    if let (Some(last), more @ 1..) = (named.last_mut(), problems.count.saturating_sub(problems.samples.len() as u64)) {
        last.push_str(&format!(" (and {more} more like this)"));
    }
    named
}

/// Sets the observed time of the evidence, and returns its days.
fn observe(
    evidence: &mut ForecastEvidence,
    observed: Option<observed_traffic::ObservedWindow>,
    changed: Option<Timestamp>,
) -> f64 {
    let days = observed.as_ref().map_or(0.0, observed_traffic::ObservedWindow::known_days);
    evidence.window = observed.as_ref().map(|observed| observed.window);
    let begins =
        |seen: &observed_traffic::ObservedWindow| seen.time.logs_begin.unwrap_or_else(|| seen.window.starts_at());
    evidence.changed = changed.filter(|at| observed.as_ref().is_some_and(|seen| *at > begins(seen)));
    evidence.observed = observed.map(|observed| observed.time);
    days
}

const ALL: [Mode; 3] = [Mode::Monitor, Mode::Defensive, Mode::Strictest];

fn unknown(tally: &LoadBalancerTally) -> u64 {
    let unknown = tally.causes.iter().filter(|(cause, _)| matches!(cause.tier, crate::tally::Tier::Other(_)));
    unknown.map(|(_, answered)| answered.total()).sum()
}

fn from_logs(
    tally: &LoadBalancerTally,
    clients: &[KnownClient<'_>],
    mode: Mode,
    days: f64,
    (all, of): (u64, Denominator),
) -> ModeForecast {
    let treated = |treatment: Treatment| {
        let mut sum = Answered::default();
        let alike = |cause: &Cause| cause.tier.in_mode(mode) == treatment;
        tally.causes.iter().filter(|(cause, _)| alike(cause)).for_each(|(_, answered)| sum.merge(answered));
        sum
    };
    let (closed, blocked) = (treated(Treatment::ForwardedAndClosed), treated(Treatment::Blocked));
    let requests = affected(tally, clients, |tier| tier.in_mode(mode) == Treatment::Blocked);
    let of_all = |count| RequestShare::new(count, all, of, days);
    let of_blocked = |count| RequestShare::new(count, blocked.total(), Denominator::BlockedRequests, days);
    ModeForecast {
        mode,
        forwarded: of_all(all - closed.total() - blocked.total()),
        closed: of_all(closed.total()),
        blocked: of_all(blocked.total()),
        hurt: Some(of_blocked(requests.hurt())),
        others: Some(of_blocked(requests.scanners)),
        already: Some(of_blocked(requests.already)),
        hurt_at_most: UpperBound::of(
            hurt_client_days(tally, clients, |tier| tier.in_mode(mode) == Treatment::Blocked),
            tally.client_days_at_least(),
            BoundUnit::ClientDays,
        ),
    }
}

/// All requests, as the metrics count them, or why that is not known: of the two metrics that are added up, one that was not read is
/// not zero.
fn requests(series: &Series) -> Result<u64, String> {
    let count = |metric: Metric| match series.total(metric) {
        Known::Count(count) => Ok(count),
        Known::NoTraffic => Ok(0),
        Known::NotAsked => Err(format!("CloudWatch was not asked for {}", metric.application())),
        Known::Unread(gap) => Err(format!("CloudWatch's {} could not be read: {gap}", metric.application())),
    };
    Ok(count(Metric::Requests)? + count(Metric::LoadBalancer4xx)?)
}

/// The metric has no tiers: monitor blocks none of the requests, strictest all, and the effect of defensive is unknown unless there are
/// none.
fn from_metric(requests: u64, days: f64, non_compliant: u64, (odd, all_hours): (u64, u64)) -> Vec<ModeForecast> {
    let all = requests.max(non_compliant);
    let effect = |mode: Mode, blocked: u64| {
        let of_all = |count| RequestShare::new(count, all, Denominator::MetricRequests, days);
        // If no request is blocked, no user is affected; otherwise the metric does not show how many are.
        let none = (blocked == 0).then(|| RequestShare::new(0, 0, Denominator::BlockedRequests, days));
        ModeForecast {
            mode,
            forwarded: of_all(all - blocked),
            closed: of_all(0),
            blocked: of_all(blocked),
            hurt: none,
            others: none,
            already: none,
            // Any of them may be users.
            hurt_at_most: UpperBound::of(if blocked > 0 { odd } else { 0 }, all_hours, BoundUnit::HoursWithTraffic),
        }
    };
    if non_compliant == 0 {
        return ALL.map(|mode| effect(mode, 0)).into();
    }
    vec![effect(Mode::Monitor, 0), effect(Mode::Strictest, non_compliant)]
}

fn cross_check(seen: ForecastInput<'_>, logged: Option<&LoadBalancerTally>) -> CrossCheck {
    let Some(tally) = logged else {
        return CrossCheck::NotPossible("no logs with classifications were read".to_owned());
    };
    let Some(series) = seen.series else { return CrossCheck::NotPossible("CloudWatch was not asked".to_owned()) };
    let logged_in = seen.window.or_else(|| tally.window());
    if logged_in.is_some_and(|window| window != series.window) {
        return CrossCheck::NotPossible("logs and metric cover different hours".to_owned());
    }
    let metric = match series.total(Metric::NonCompliant) {
        Known::Count(count) => count,
        Known::NoTraffic => 0,
        Known::NotAsked => return CrossCheck::NotPossible("CloudWatch was not asked for the metric".to_owned()),
        Known::Unread(gap) => {
            return CrossCheck::NotPossible(format!("CloudWatch could not be read: {}", gap.reason.code()));
        }
    };
    let logs = tally.non_compliant();
    let close = logs - metric.min(logs) <= FEW.max((metric as f64 * TOLERANCE) as u64);
    if close && logs >= metric { CrossCheck::Agrees { logs, metric } } else { CrossCheck::Differs { logs, metric } }
}

impl Forecast {
    /// The effect of a mode, if it is known.
    pub fn mode(&self, mode: Mode) -> Option<&ModeForecast> {
        self.modes.iter().find(|forecast| forecast.mode == mode)
    }
}

#[cfg(test)]
mod tests;
