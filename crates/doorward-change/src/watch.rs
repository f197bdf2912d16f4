//! Judges whether a change made metrics worse: CloudWatch's metrics since the change against the usual ones of the same load balancer.
//!
//! A rise of 4xx responses counts only as far as the change itself does not explain it (see `explanation`).
//!
//! A rise is a regression if it is beyond the tolerance in the settings, well beyond every stretch of the same length before the change,
//! beyond chance for that number of requests, and of enough requests to matter: all four. A metric that is not reported is unknown.

use std::fmt;

use doorward_model::student_t;
use jiff::{SignedDuration, Timestamp};

use crate::WatchSettings;

mod blocked_sources;
mod explanation;
mod loss;
mod metric_samples;
mod usual_variation;

pub(crate) use blocked_sources::with_logs;
pub use blocked_sources::{BlockedByLogs, BlockedSource, LogsOfRise};
use explanation::explain;
pub use explanation::{BlockedForecast, ExplainedRise};
pub use loss::SmallestLoss;
pub(crate) use loss::UNKNOWN_LOSS;
pub use metric_samples::{MetricSample, MetricSamples, MetricSource, UsualMetrics};
pub(crate) use metric_samples::{periods, reported, since, usual};

/// The length of a metric period.
pub const PERIOD: SignedDuration = SignedDuration::from_secs(60);
/// How long CloudWatch takes until a period is reported in full.
pub const LAG: SignedDuration = SignedDuration::from_secs(120);
/// The factor by which the worst stretch before a change may be exceeded: those few hours do not contain the worst of a year.
const BEYOND_WORST: f64 = 1.5;
/// The number of standard deviations that count as chance.
const DEVIATIONS: f64 = 4.0;
/// The probability that a normal variable lies that many deviations above its mean. With few stretches to know the deviation from, Student's t
/// reaches it later.
const RISK: f64 = 3.2e-5;
/// The minimum number of stretches before the change to know what is usual.
const STRETCHES: usize = 10;
/// The minimum number of periods for a verdict: a single one is too noisy.
const SHORTEST: i64 = 2;

/// A metric that can show a regression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WatchedMetric {
    /// Requests that the load balancer answered with 4xx, of all.
    Elb4xx,
    /// Requests that a target answered with 5xx, of those a target was chosen for.
    Target5xx,
    /// New connections per request.
    Connections,
}

impl WatchedMetric {
    const ALL: [Self; 3] = [Self::Elb4xx, Self::Target5xx, Self::Connections];

    const fn label(self) -> &'static str {
        match self {
            Self::Elb4xx => "requests answered with 4xx by the load balancer",
            Self::Target5xx => "requests answered with 5xx by a target",
            Self::Connections => "new connections per request",
        }
    }

    /// Count and denominator of a period.
    fn of(self, sample: &MetricSample) -> (f64, f64) {
        match self {
            Self::Elb4xx => (sample.elb_4xx, sample.all()),
            Self::Target5xx => (sample.target_5xx, sample.requests),
            Self::Connections => (sample.connections, sample.all()),
        }
    }

    /// The tolerated rate, given the expected one. A client whose connection is closed opens another one.
    fn tolerated(self, expected: f64, forecast: Option<&BlockedForecast>, settings: &WatchSettings) -> f64 {
        match self {
            Self::Elb4xx => expected + settings.tolerated_4xx,
            Self::Target5xx => expected + settings.tolerated_5xx,
            Self::Connections => {
                expected * settings.tolerated_connections + forecast.map_or(0.0, BlockedForecast::closed)
            }
        }
    }
}

/// A metric that rose beyond its usual variation.
#[derive(Debug, Clone, PartialEq)]
pub struct Regression {
    /// The metric.
    pub metric: WatchedMetric,
    /// Count and denominator since the change.
    pub seen: (f64, f64),
    /// The usual rate.
    pub expected: f64,
    /// The highest rate within tolerance and usual variation.
    pub bound: f64,
    /// The expected 4xx responses, and the explanation of the rest; none for other metrics.
    pub explained: Option<ExplainedRise>,
    /// The evidence of access logs about a rise in 4xx responses; none if they were not read.
    pub logs: Option<LogsOfRise>,
}

impl fmt::Display for Regression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (count, of) = self.seen;
        let rate = count / of.max(1.0);
        let label = self.metric.label();
        match self.metric {
            WatchedMetric::Connections => write!(
                f,
                "{label}: {rate:.2} ({count} to {of} requests), usually {:.2}, tolerated up to {:.2}",
                self.expected, self.bound
            ),
            _ => write!(
                f,
                "{label}: {:.2}% ({count} of {of}), usually {:.2}%, tolerated up to {:.2}%",
                rate * 100.0,
                self.expected * 100.0,
                self.bound * 100.0
            ),
        }?;
        if let Some(explained) = self.explained {
            write!(f, " ({explained})")?;
        }
        match (&self.logs, self.explained) {
            (Some(LogsOfRise::Read(logs)), Some(rise)) => {
                write!(
                    f,
                    "; according to the access logs of these hours, of the {:.0} unexplained {logs}",
                    rise.unexplained
                )
            }
            (Some(LogsOfRise::Unread(why)), _) => write!(f, "; access logs were not read: {why}"),
            _ => Ok(()),
        }
    }
}

/// The verdict about one load balancer so far.
#[derive(Debug, Clone, PartialEq)]
pub enum WatchVerdict {
    /// Every metric is within its usual variation.
    Quiet {
        /// Periods with requests since the change.
        periods: usize,
        /// The 4xx responses over all of them; none if too little is known of what was usual.
        explained: Option<ExplainedRise>,
        /// The clients of a rise that is made of scanners alone, by access logs; none without such a rise.
        scanners: Option<BlockedByLogs>,
        /// The least loss that the watch would have found; none if too little is known of whole hours before the change, and as long as
        /// it is not asked for.
        smallest: Option<Result<SmallestLoss, String>>,
    },
    /// At least one metric is not.
    Regressed(Vec<Regression>),
    /// It has no traffic, now as before.
    NoTraffic,
    /// Unknown, and why.
    Unknown(String),
}

/// Compares the metrics since a change, reported until a time, with those before and with what the plan said would be blocked. Pure.
pub fn judge(
    before: &UsualMetrics,
    after: &MetricSamples,
    until: Timestamp,
    forecast: Option<&BlockedForecast>,
    settings: &WatchSettings,
) -> WatchVerdict {
    let (Some(first), Some(last)) = (after.samples.first(), after.samples.last()) else {
        return if before.minutes.samples.is_empty() {
            WatchVerdict::NoTraffic
        } else {
            WatchVerdict::Unknown(
                "no request has been reported since the change, although there were some \
                 before"
                    .to_owned(),
            )
        };
    };
    let whole = (last.at.as_second() - first.at.as_second()) / PERIOD.as_secs() + 1;
    if whole < SHORTEST {
        return WatchVerdict::Unknown("fewer than two periods have been reported since the change".to_owned());
    }
    let silent = until.as_second() - last.at.as_second() - PERIOD.as_secs();
    if silent > (2 * longest_silence(&before.minutes)).max(SHORTEST * PERIOD.as_secs()) {
        let minutes = silent / 60;
        return WatchVerdict::Unknown(format!("no request has been reported for {minutes} minutes, which is unusual"));
    }
    // The newest stretch sees a regression that begins late; the whole sees a small one.
    let mut lengths = vec![SHORTEST];
    lengths.extend((whole > SHORTEST).then_some(whole));
    let mut findings = Vec::new();
    let mut explained = None;
    // A metric that has requests and was never compared is unknown, whatever the others are.
    let mut open: Vec<WatchedMetric> =
        WatchedMetric::ALL.into_iter().filter(|metric| sum(*metric, &after.samples).1 > 0.0).collect();
    for length in lengths {
        let from = last.at.as_second() - (length - 1) * PERIOD.as_secs();
        let newest: Vec<MetricSample> = after.samples.iter().filter(|s| s.at.as_second() >= from).copied().collect();
        let stretches = stretches(&before.minutes, length);
        let by_hours = loss::judge(&newest, before, length, forecast, settings);
        for metric in WatchedMetric::ALL {
            if let (WatchedMetric::Elb4xx, Some((rise, loss))) = (metric, &by_hours) {
                open.retain(|left| *left != metric);
                explained = Some(*rise);
                let is_new = findings.iter().all(|found: &Regression| found.metric != metric);
                findings.extend(loss.clone().filter(|_| is_new));
                continue;
            }
            let rates: Vec<(f64, f64)> =
                stretches.iter().map(|stretch| sum(metric, stretch)).filter(|(_, of)| *of > 0.0).collect();
            if rates.len() < STRETCHES.min(usize::try_from(180 / length).unwrap_or(STRETCHES)).max(3) {
                continue;
            }
            open.retain(|left| *left != metric);
            let mut found = exceeds(metric, sum(metric, &newest), &rates, forecast, settings);
            if metric == WatchedMetric::Elb4xx {
                let margin = found.as_ref().map_or(0.0, |found| found.bound - found.expected);
                let (rise, is_loss) = explain(&newest, &stretches, forecast, margin, settings);
                explained = Some(rise);
                found = found.filter(|_| is_loss).map(|found| Regression { explained, ..found });
            }
            if let Some(finding) = found.filter(|found| findings.iter().all(|f: &Regression| f.metric != found.metric))
            {
                findings.push(finding);
            }
        }
    }
    match (findings.is_empty(), open.is_empty()) {
        (false, _) => WatchVerdict::Regressed(findings),
        (true, true) => WatchVerdict::Quiet { periods: after.samples.len(), explained, scanners: None, smallest: None },
        (true, false) => WatchVerdict::Unknown(
            "too little is known about the usual values before the \
             change"
                .to_owned(),
        ),
    }
}

/// The same over whole days: each day counts as one period, so that the statistics are those of a watch. `before` and `after` are the
/// samples of consecutive days.
pub fn judge_days(before: &[MetricSample], after: &[MetricSample], settings: &WatchSettings) -> WatchVerdict {
    let place = |samples: &[MetricSample], from: i64| {
        let placed = samples.iter().zip(from..).filter_map(|(sample, period)| {
            let at = Timestamp::from_second(period * PERIOD.as_secs()).ok()?;
            // As in a reading of minutes, a period without a request has no sample.
            (sample.requests + sample.elb_4xx > 0.0).then_some(MetricSample { at, ..*sample })
        });
        MetricSamples::new(placed.collect())
    };
    let days = i64::try_from(before.len()).unwrap_or(0);
    let until = days + i64::try_from(after.len()).unwrap_or(0);
    let until = Timestamp::from_second(until * PERIOD.as_secs()).unwrap_or(Timestamp::MAX);
    judge(&place(before, 0).into(), &place(after, days), until, None, settings)
}

/// The longest time without a request, in seconds. The samples are of several days; the time between days does not count.
fn longest_silence(reading: &MetricSamples) -> i64 {
    let gaps = reading.samples.windows(2).map(|pair| match pair {
        [one, next] => next.at.as_second() - one.at.as_second() - PERIOD.as_secs(),
        _ => 0,
    });
    gaps.filter(|gap| *gap < 3600).max().unwrap_or(0)
}

fn exceeds(
    metric: WatchedMetric,
    seen: (f64, f64),
    usual: &[(f64, f64)],
    forecast: Option<&BlockedForecast>,
    settings: &WatchSettings,
) -> Option<Regression> {
    let (count, of) = seen;
    if of <= 0.0 {
        return None;
    }
    let beyond = |expected: f64| count - expected * of;
    let expected = mean(usual);
    let tolerated = metric.tolerated(expected, forecast, settings);
    if count / of <= tolerated || beyond(expected) < settings.minimum_requests as f64 {
        return None;
    }
    let spread = spread(usual, expected);
    let highest = usual.iter().map(|(count, of)| count / of).fold(0.0, f64::max);
    let chance = match metric {
        WatchedMetric::Connections => DEVIATIONS * (expected / of).sqrt(),
        _ => chance_of_share(expected, of),
    };
    let noise = (highest * BEYOND_WORST).max(expected + spread) + chance;
    let bound = tolerated.max(noise);
    (count / of > bound).then_some(Regression { metric, seen, expected, bound, explained: None, logs: None })
}

/// The mean of the rates of stretches, each by its denominator.
fn mean(rates: &[(f64, f64)]) -> f64 {
    let (counts, all) = rates.iter().fold((0.0, 0.0), |(count, of), (more, more_of)| (count + more, of + more_of));
    if all > 0.0 { counts / all } else { 0.0 }
}

/// How far above the mean the rate of a stretch may lie, by the variation of the stretches before.
fn spread(rates: &[(f64, f64)], expected: f64) -> f64 {
    let stretches = rates.len() as f64;
    let free = (stretches - 1.0).max(1.0);
    let variance = rates.iter().map(|(count, of)| (count / of - expected).powi(2)).sum::<f64>() / free;
    student_t(RISK, free) * (variance * (1.0 + 1.0 / stretches.max(1.0))).sqrt()
}

/// By how much chance alone raises a share: shares vary as if each request were independent (binomial), connections as counts (Poisson).
fn chance_of_share(share: f64, of: f64) -> f64 {
    DEVIATIONS * (share * (1.0 - share).max(0.0) / of.max(1.0)).sqrt()
}

/// Stretches of a number of periods that do not overlap; a stretch with missing periods counts with those it has.
fn stretches(reading: &MetricSamples, length: i64) -> Vec<Vec<MetricSample>> {
    let mut stretches: Vec<(i64, Vec<MetricSample>)> = Vec::new();
    for sample in &reading.samples {
        let number = sample.at.as_second().div_euclid(length * PERIOD.as_secs());
        match stretches.last_mut() {
            Some((last, samples)) if *last == number => samples.push(*sample),
            _ => stretches.push((number, vec![*sample])),
        }
    }
    stretches.into_iter().map(|(_, samples)| samples).collect()
}

fn sum(metric: WatchedMetric, samples: &[MetricSample]) -> (f64, f64) {
    samples.iter().fold((0.0, 0.0), |(count, of), sample| {
        let (more, more_of) = metric.of(sample);
        (count + more, of + more_of)
    })
}
