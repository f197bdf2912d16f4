//! Before and after a change of mode: figures of each day against the same weekdays before, with the variation that they have.
//!
//! A figure has changed when the days after the change leave the range that the same weekdays before it make likely. Too few days, and
//! days of which only a part was read, are answers of their own, not "no change".

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::advice::counted;
use crate::evidence::TrafficEvidence;
use crate::extent::Extent;
use crate::metric::{Answer, Metric, Series};
use crate::tally::{HourTally, LoadBalancerKey, LoadBalancerTally, LogFiles};
use crate::window::{Hour, Window};

mod comparison_text;
mod variation;

pub use comparison_text::render_comparison;
use variation::{ComparedDay, usual_range};

/// Of load balancers on which nothing changed, this share may show a change in one of its figures.
const PROMISED: f64 = 0.01;

/// A figure of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Figure {
    /// Requests that are not compliant, of those with a classification; by metrics, of all requests.
    NonCompliant,
    /// Requests that the client saw answered with 400 to 499, of all lines. Logs only.
    Client4xx,
    /// Requests that the client saw answered with 500 or more, of all lines. Logs only.
    Client5xx,
    /// Requests that the load balancer itself answered with 400 to 499, of all requests. Metrics only; what a mode blocks is in it.
    LoadBalancer4xx,
    /// Requests that a target answered with 500 or more, of all lines or requests.
    Target5xx,
}

impl Figure {
    /// Those of logs.
    pub const OF_LOGS: [Self; 4] = [Self::NonCompliant, Self::Client4xx, Self::Client5xx, Self::Target5xx];
    /// Those of metrics.
    pub const OF_METRICS: [Self; 3] = [Self::NonCompliant, Self::LoadBalancer4xx, Self::Target5xx];

    /// Count and denominator of a day of logs.
    fn of_lines(self, day: &HourTally) -> (u64, u64) {
        match self {
            Self::NonCompliant => (day.non_compliant(), day.classified()),
            Self::Client4xx => (day.client_4xx, day.lines()),
            Self::Client5xx => (day.client_5xx, day.lines()),
            Self::Target5xx => (day.target_5xx, day.lines()),
            // Lines do not say who answered a 4xx.
            Self::LoadBalancer4xx => (0, 0),
        }
    }

    /// The metric that counts it.
    const fn metric(self) -> Option<Metric> {
        match self {
            Self::NonCompliant => Some(Metric::NonCompliant),
            Self::LoadBalancer4xx => Some(Metric::LoadBalancer4xx),
            Self::Target5xx => Some(Metric::Target5xx),
            Self::Client4xx | Self::Client5xx => None,
        }
    }
}

/// The change of a figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// It left the usual range upwards.
    Rose,
    /// It left the usual range downwards.
    Fell,
    /// It stayed within the usual variation of the same weekdays.
    WithinNoise,
    /// There are too few days: it takes at least one whole day after the change, two of the same weekday before, and a few more to
    /// know how much days vary.
    TooFewDays,
    /// Unknown: what it takes was not read. [`Compared::unread`] names it.
    NotRead,
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
    /// What the days after would be by their weekdays, and how far above it they may be by their usual variation.
    pub expected: Option<(f64, f64)>,
    /// The lowest and the highest fraction that are within the usual variation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usual: Option<(f64, f64)>,
    /// Days after the change that were compared.
    pub days_after: usize,
    /// Its status.
    pub change: Change,
    /// For an unknown figure, the data that was not read or not compared, in one sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unread: Option<String>,
}

impl Compared {
    fn unknown(figure: Figure, change: Change, unread: Option<String>) -> Self {
        Self { figure, before: None, after: None, expected: None, usual: None, days_after: 0, change, unread }
    }
}

/// The basis of the comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ComparedBy {
    /// Access logs, all of the days.
    Logs,
    /// CloudWatch's metrics, because not all logs were read.
    Metrics,
    /// Nothing: neither was read in full.
    Nothing,
}

/// Before and after of one load balancer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BeforeAfter {
    /// The basis of the comparison.
    pub by: ComparedBy,
    /// The figures.
    pub figures: Vec<Compared>,
}

impl BeforeAfter {
    /// Whether every figure is unknown.
    pub fn is_unknown(&self) -> bool {
        self.figures.iter().all(|figure| matches!(figure.change, Change::TooFewDays | Change::NotRead))
    }
}

/// The document of `doorward traffic compare --format json`.
#[derive(Debug, Serialize)]
pub struct CompareDocument<'a> {
    format: &'static str,
    change: Date,
    load_balancers: Vec<ComparedLoadBalancer<'a>>,
}

/// One load balancer in the document.
#[derive(Debug, Serialize)]
struct ComparedLoadBalancer<'a> {
    load_balancer: &'a LoadBalancerKey,
    #[serde(flatten)]
    compared: &'a BeforeAfter,
}

impl<'a> CompareDocument<'a> {
    /// The document of what was compared.
    pub fn new(change: Date, compared: &'a BTreeMap<LoadBalancerKey, BeforeAfter>) -> Self {
        let line = |(load_balancer, compared)| ComparedLoadBalancer { load_balancer, compared };
        Self { format: "traffic-compare-v1", change, load_balancers: compared.iter().map(line).collect() }
    }
}

/// Before and after of every load balancer of which there is evidence. Logs are compared only where all of them were read: files that were
/// chosen by a metric hold the requests of bad periods, not those of the days. Elsewhere the metrics are compared.
pub fn compare_evidence(evidence: &TrafficEvidence, changed: Date) -> BTreeMap<LoadBalancerKey, BeforeAfter> {
    let missed: BTreeSet<&LoadBalancerKey> = evidence.missed.iter().map(|unread| &unread.load_balancer).collect();
    let keys: BTreeSet<&LoadBalancerKey> = evidence.keys().chain(missed.iter().copied()).collect();
    let compared = keys.into_iter().map(|key| {
        let all_read = match evidence.extents.get(key) {
            None | Some(Extent::AllWithoutMetric | Extent::AllAfterDisagreement | Extent::AllByAthena) => true,
            Some(Extent::AroundPeriods | Extent::Cleared | Extent::NoTraffic) => false,
        };
        let tally = evidence.tally.load_balancers.get(key);
        let why = match (tally, unread(evidence, key)) {
            (Some(tally), None) if all_read && !missed.contains(key) => {
                let files = evidence.tally.files.get(key);
                let figures = compare_days(tally, files, evidence.window, changed);
                return (key.clone(), BeforeAfter { by: ComparedBy::Logs, figures });
            }
            _ if !all_read => {
                "only log files around the periods of CloudWatch's metric were read; read all with --all-logs"
                    .to_owned()
            }
            (_, Some(why)) => why,
            (Some(_), None) => {
                "some of its log files could not be listed or read; `doorward traffic` names them".to_owned()
            }
            (None, None) => "none of its logs were read".to_owned(),
        };
        let before_after = match evidence.series.get(key) {
            Some(series) => BeforeAfter { by: ComparedBy::Metrics, figures: compare_metrics(series, changed, &why) },
            None => {
                let unknown = |figure| Compared::unknown(figure, Change::NotRead, Some(why.clone()));
                BeforeAfter { by: ComparedBy::Nothing, figures: Figure::OF_LOGS.map(unknown).into() }
            }
        };
        (key.clone(), before_after)
    });
    compared.collect()
}

/// Why what was read of the logs of a load balancer is not all of it: a day of which lines are missing has other figures. None if all was
/// read and understood, as far as can be known.
fn unread(evidence: &TrafficEvidence, key: &LoadBalancerKey) -> Option<String> {
    let tally = &evidence.tally;
    if let Some(problem) = tally.problems.get(key).and_then(|problems| problems.samples.first()) {
        return Some(problem.clone());
    }
    let unparsed =
        tally.load_balancers.get(key).map_or(0, |counts| counts.unparsed.count) + tally.reading.unparsed.count;
    if unparsed > 0 {
        return Some(format!("{} could not be understood; `doorward traffic` shows some", counted(unparsed, "line")));
    }
    // Where the logs were listed by load balancer, files of others do not concern this one.
    let is_whole = match evidence.extents.get(key) {
        Some(_) => !tally.incomplete.contains_key(key),
        None => tally.is_whole_for(key),
    };
    (!is_whole).then(|| {
        let of_all = tally.reading.damaged.count + tally.reading.unread.count;
        let files = tally.incomplete.get(key).copied().filter(|own| *own > 0).unwrap_or(of_all);
        format!("{} damaged or could not be read; `doorward traffic` names them", were(files, "log file"))
    })
}

/// `1 log file was`, `2 log files were`.
fn were(count: u64, what: &str) -> String {
    format!("{} {}", counted(count, what), if count == 1 { "was" } else { "were" })
}

/// Before and after of one load balancer by its logs, of days that lie whole in the window. The day of the change itself is in neither.
pub fn compare(tally: &LoadBalancerTally, window: Option<Window>, changed: Date) -> Vec<Compared> {
    compare_days(tally, None, window, changed)
}

fn compare_days(
    tally: &LoadBalancerTally,
    files: Option<&LogFiles>,
    window: Option<Window>,
    changed: Date,
) -> Vec<Compared> {
    let mut days: BTreeMap<Date, HourTally> = BTreeMap::new();
    for (hour, counts) in &tally.hours {
        days.entry(hour.day()).or_default().merge(counts);
    }
    days.retain(|day, _| window.is_none_or(|window| is_whole(*day, window)));
    let thin = thin_days(tally, files, &days, changed);
    days.retain(|day, _| !thin.contains(day));
    let left_out = (!thin.is_empty()).then(|| {
        format!(
            "{} not compared: there are log lines or files of fewer than half of the usual hours, so that a part of the logs may be missing",
            were(thin.len() as u64, "day")
        )
    });
    let figures = Figure::OF_LOGS.map(|figure| {
        let counts = days.iter().map(|(day, counts)| (*day, figure.of_lines(counts)));
        let compared = compare_figure(counts, changed, figure, PROMISED / Figure::OF_LOGS.len() as f64);
        Compared { unread: left_out.clone(), ..compared }
    });
    figures.into()
}

/// Days with log lines or files of fewer than half of the hours that are usual before the change or after it: their logs may be missing for
/// the other hours, and the hours of a night have other figures than a day.
fn thin_days(
    tally: &LoadBalancerTally,
    files: Option<&LogFiles>,
    days: &BTreeMap<Date, HourTally>,
    changed: Date,
) -> BTreeSet<Date> {
    let mut hours: BTreeMap<Date, BTreeSet<Hour>> = BTreeMap::new();
    let of_files = files.into_iter().flat_map(|files| files.intervals.keys());
    for hour in tally.hours.keys().chain(of_files).filter(|hour| days.contains_key(&hour.day())) {
        hours.entry(hour.day()).or_default().insert(*hour);
    }
    let median = |after: bool| {
        let mut counts: Vec<usize> = hours
            .iter()
            .filter(|(day, _)| **day != changed && (**day > changed) == after)
            .map(|(_, hours)| hours.len())
            .collect();
        counts.sort_unstable();
        counts.get(counts.len() / 2).copied().unwrap_or(0)
    };
    let usual = median(false).max(median(true));
    hours.into_iter().filter(|(day, hours)| *day != changed && 2 * hours.len() < usual).map(|(day, _)| day).collect()
}

/// The same by its metrics. Figures that only logs have are unknown, for the reason given.
fn compare_metrics(series: &Series, changed: Date, why: &str) -> Vec<Compared> {
    let by_day = |metric: Metric| -> Result<BTreeMap<Date, u64>, String> {
        match series.answers.get(&metric) {
            Some(Answer::Points(points)) => {
                let mut days = BTreeMap::new();
                for (at, count) in points {
                    *days.entry(TimeZone::UTC.to_datetime(*at).date()).or_default() += count;
                }
                days.retain(|day, _| is_whole(*day, series.window));
                Ok(days)
            }
            Some(Answer::Unread(gap)) => Err(format!("CloudWatch's {} could not be read: {gap}", metric.application())),
            None => Err(format!("CloudWatch's {} was not requested", metric.application())),
        }
    };
    // A blocked request is in the second only.
    let all = by_day(Metric::Requests).and_then(|requests| Ok((requests, by_day(Metric::LoadBalancer4xx)?)));
    let figures = Figure::OF_METRICS.map(|figure| {
        let counts = all.as_ref().map_err(Clone::clone).and_then(|all| {
            let metric = figure.metric().ok_or_else(|| why.to_owned())?;
            Ok((all, by_day(metric)?))
        });
        match counts {
            Ok(((requests, refused), counts)) => {
                let days: BTreeSet<Date> = requests.keys().chain(refused.keys()).copied().collect();
                let of = |days: &BTreeMap<Date, u64>, day: &Date| days.get(day).copied().unwrap_or(0);
                let days = days.iter().map(|day| {
                    let all = of(requests, day) + of(refused, day);
                    (*day, (of(&counts, day).min(all), all))
                });
                compare_figure(days, changed, figure, PROMISED / Figure::OF_METRICS.len() as f64)
            }
            Err(why) => Compared::unknown(figure, Change::NotRead, Some(why)),
        }
    });
    let logs_only = [Figure::Client4xx, Figure::Client5xx];
    let unknown = logs_only.map(|figure| Compared::unknown(figure, Change::NotRead, Some(why.to_owned())));
    figures.into_iter().chain(unknown).collect()
}

/// A part of a day has another mixture of hours than the whole day.
fn is_whole(day: Date, window: Window) -> bool {
    let start = |day: Date| TimeZone::UTC.to_timestamp(day.at(0, 0, 0, 0)).unwrap_or(Timestamp::MAX);
    start(day) >= window.starts_at() && day.checked_add(1.day()).is_ok_and(|next| start(next) <= window.ends_at())
}

fn compare_figure(
    days: impl IntoIterator<Item = (Date, (u64, u64))>,
    changed: Date,
    figure: Figure,
    risk: f64,
) -> Compared {
    let days = days.into_iter().filter(|(day, (_, of))| *day != changed && *of > 0);
    let days: Vec<ComparedDay> =
        days.map(|(day, (count, of))| ComparedDay { weekday: weekday(day), after: day > changed, count, of }).collect();
    let Some(range) = usual_range(&days, risk) else {
        return Compared::unknown(figure, Change::TooFewDays, None);
    };
    let change = match range.after {
        after if after > range.high => Change::Rose,
        after if after < range.low => Change::Fell,
        _ => Change::WithinNoise,
    };
    Compared {
        figure,
        before: Some(range.before),
        after: Some(range.after),
        expected: Some((range.expected, range.high - range.expected)),
        usual: Some((range.low, range.high)),
        days_after: range.days_after,
        change,
        unread: None,
    }
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
mod tests;
