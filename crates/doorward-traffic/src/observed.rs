//! Which hours of a window were observed, as opposed to asked for.
//!
//! Every hour is one of four: it has log lines (or, where no logs were read, requests that CloudWatch counts); it was observed and
//! had no requests; CloudWatch counts requests in it and there are no log lines; or there is nothing at all, which may be a quiet hour or
//! a missing file. Only the first two are evidence.

use std::collections::BTreeMap;

use doorward_model::{ObservedTime, TrafficGap};
use jiff::Timestamp;

use crate::forecast::ForecastInput;
use crate::metric::{Answer, Metric, Series};
use crate::tally::{LoadBalancerTally, LogFiles};
use crate::window::{Hour, Window};

/// Hours of a day.
const DAY: usize = 24;
/// Without CloudWatch, only spans of this many hours without lines are named: most load balancers have quiet hours.
const NAMED: usize = DAY;
/// Gaps that are listed.
const LISTED: usize = 8;

/// What is known of an hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum HourSeen {
    /// It has lines, or requests if no logs are needed.
    Traffic,
    /// It was observed without requests.
    Quiet,
    /// CloudWatch counts requests, and there are no lines.
    Missing(u64),
    /// Neither lines nor CloudWatch.
    Unknown,
}

impl HourSeen {
    const fn is_gap(self) -> bool {
        matches!(self, Self::Missing(_) | Self::Unknown)
    }
}

/// The observed part of a window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ObservedWindow {
    /// The window that can have been observed.
    pub(crate) window: Window,
    /// What of it was.
    pub(crate) time: ObservedTime,
    /// Hours of its days with traffic and of its quiet ones.
    pub(crate) known_hours: u32,
}

/// The observed time of a load balancer by its logs; none if there is no time in which it can have written any.
pub(crate) fn by_logs(tally: &LoadBalancerTally, seen: &ForecastInput<'_>) -> Option<ObservedWindow> {
    let written = written(tally, seen.files);
    let asked = seen.window.or(written)?;
    let begins = written.map_or(asked.first, |written| written.first);
    let window = asked.since(begins)?.since(seen.created.map_or(asked.first, Hour::of))?;
    let counts = seen.series.and_then(|series| Counts::of(series, tally));
    let quiet_files = |hour: &Hour| seen.files.is_some_and(|files| files.intervals.contains_key(hour));
    let hours: Vec<HourSeen> = window
        .each_hour()
        .map(|hour| match counts.as_ref().and_then(|counts| counts.at(hour)) {
            _ if tally.hours.get(&hour).is_some_and(|hour| hour.lines() > 0) => HourSeen::Traffic,
            Some(0) => HourSeen::Quiet,
            Some(requests) => HourSeen::Missing(requests),
            None if quiet_files(&hour) => HourSeen::Quiet,
            None => HourSeen::Unknown,
        })
        .collect();
    let mut observed = ObservedWindow::new(window, &hours);
    match counts {
        Some(counts) if counts.covers(window) => {
            observed.time.logged = Some(with_target(tally));
            observed.time.counted = Some(counts.requests_in(window));
        }
        _ => observed.time.unknown = unknown(&observed.time, seen),
    }
    Some(observed)
}

/// The observed time by CloudWatch's counts; none if they could not be read, or if the load balancer was created after the window.
pub(crate) fn by_metric(series: &Series, created: Option<Timestamp>) -> Option<ObservedWindow> {
    let window = series.window.since(created.map_or(series.window.first, Hour::of))?;
    let traffic = all_by_hour(series)?;
    let hours: Vec<HourSeen> = window
        .each_hour()
        .map(|hour| if traffic.contains_key(&hour) { HourSeen::Traffic } else { HourSeen::Quiet })
        .collect();
    Some(ObservedWindow::new(window, &hours))
}

/// Requests that are not compliant, by CloudWatch, in hours of which there are no log lines, nor of their neighbours: log and metric
/// may cut time at different moments.
pub(crate) fn unlogged(tally: &LoadBalancerTally, series: &Series) -> u64 {
    let Some(odd) = by_hour(series, Metric::NonCompliant) else { return 0 };
    let logged = |hour: Hour| tally.hours.get(&hour).is_some_and(|hour| hour.lines() > 0);
    odd.into_iter()
        .filter(|(hour, _)| ![hour.before(), *hour, hour.after()].into_iter().any(logged))
        .map(|(_, count)| count)
        .sum()
}

/// From the first hour with a line or a file to the last.
fn written(tally: &LoadBalancerTally, files: Option<&LogFiles>) -> Option<Window> {
    let lines = tally.window();
    let files = files.and_then(|files| {
        let (first, _) = files.intervals.first_key_value()?;
        let (last, _) = files.intervals.last_key_value()?;
        Some(Window::hour(*first).and(Window::hour(*last)))
    });
    match (lines, files) {
        (Some(lines), Some(files)) => Some(lines.and(files)),
        (lines, files) => lines.or(files),
    }
}

/// Lines of requests for which a target was chosen, as `RequestCount` counts them.
fn with_target(tally: &LoadBalancerTally) -> u64 {
    let without = tally.target_groups.get("-").copied().unwrap_or(0);
    tally.lines.saturating_sub(without)
}

/// CloudWatch's counts by hour, if they can be compared with the lines.
struct Counts {
    window: Window,
    /// Requests for which a target was chosen.
    requests: BTreeMap<Hour, u64>,
    /// Every kind of request or answer that is counted.
    all: BTreeMap<Hour, u64>,
}

impl Counts {
    fn of(series: &Series, tally: &LoadBalancerTally) -> Option<Self> {
        let requests = by_hour(series, Metric::Requests)?;
        // Where lines with a target exist and no requests are counted, the counts are of something else: they show no hour as quiet.
        if requests.is_empty() && with_target(tally) > 0 {
            return None;
        }
        Some(Self { window: series.window, requests, all: all_by_hour(series)? })
    }

    fn at(&self, hour: Hour) -> Option<u64> {
        self.window.contains(hour).then(|| self.all.get(&hour).copied().unwrap_or(0))
    }

    fn covers(&self, window: Window) -> bool {
        self.window.first <= window.first && window.end <= self.window.end
    }

    fn requests_in(&self, window: Window) -> u64 {
        self.requests.range(window.first..window.end).map(|(_, count)| count).sum()
    }
}

/// The points of a metric by hour, without zeros; none if it was not read.
fn by_hour(series: &Series, metric: Metric) -> Option<BTreeMap<Hour, u64>> {
    let Some(Answer::Points(points)) = series.answers.get(&metric) else { return None };
    let mut hours: BTreeMap<Hour, u64> = BTreeMap::new();
    for (at, count) in points.iter().filter(|(_, count)| **count > 0) {
        *hours.entry(Hour::of(*at)).or_default() += count;
    }
    Some(hours)
}

/// In each hour the largest count of requests, of answers by the load balancer itself and of requests that are not compliant; none where
/// requests were not read. The three overlap, so that they are not added up.
fn all_by_hour(series: &Series) -> Option<BTreeMap<Hour, u64>> {
    let mut all = by_hour(series, Metric::Requests)?;
    for metric in [Metric::LoadBalancer4xx, Metric::NonCompliant] {
        for (hour, count) in by_hour(series, metric).unwrap_or_default() {
            let most = all.entry(hour).or_default();
            *most = count.max(*most);
        }
    }
    Some(all)
}

/// What cannot be known of logs that were not compared with CloudWatch.
fn unknown(time: &ObservedTime, seen: &ForecastInput<'_>) -> Vec<String> {
    let mut unknown = Vec::new();
    let silent = time.hours - time.hours_with_traffic - time.hours_quiet;
    if silent > 0 {
        unknown.push(format!(
            "{silent} of {} hours have no log lines; whether they were quiet or logs are missing is not known, because \
             CloudWatch's RequestCount was not read for them.",
            time.hours
        ));
    }
    if let Some(nodes) = seen.files.map(|files| files.nodes.len()).filter(|nodes| *nodes > 0) {
        let plural = if nodes == 1 { "" } else { "s" };
        unknown.push(format!(
            "The files are of {nodes} load balancer node{plural}; whether files of another node are missing is not known."
        ));
    }
    unknown
}

impl ObservedWindow {
    fn new(window: Window, hours: &[HourSeen]) -> Self {
        let of = |wanted: HourSeen| hours.iter().filter(|hour| **hour == wanted).count();
        let (gaps, more_gaps) = gaps(window, hours);
        let mut time = ObservedTime {
            hours: number(hours.len()),
            hours_with_traffic: number(of(HourSeen::Traffic)),
            hours_quiet: number(of(HourSeen::Quiet)),
            days: number((hours.len() + DAY / 2) / DAY),
            gaps,
            more_gaps,
            ..ObservedTime::default()
        };
        let (mut known_hours, mut stretch) = (0, 0);
        for day in hours.rchunks(DAY) {
            let length = number(day.len());
            if day.contains(&HourSeen::Traffic) {
                known_hours += length;
                stretch += length;
                time.days_with_traffic += u32::from(day.len() >= DAY / 2);
            } else if day.iter().any(|hour| hour.is_gap()) {
                stretch = 0;
            } else {
                known_hours += length;
            }
            time.continuous_hours = time.continuous_hours.max(stretch);
        }
        Self { window, time, known_hours }
    }

    /// The days that are known, with fractions.
    pub(crate) fn known_days(&self) -> f64 {
        f64::from(self.known_hours) / DAY as f64
    }
}

/// Spans without lines that are worth naming, and how many more there are.
fn gaps(window: Window, hours: &[HourSeen]) -> (Vec<TrafficGap>, u32) {
    let places: Vec<Hour> = window.each_hour().collect();
    let (mut gaps, mut more) = (Vec::new(), 0);
    let mut start = 0;
    for span in hours.chunk_by(|a, b| a.is_gap() == b.is_gap()) {
        let (first, length) = (start, span.len());
        start += length;
        let requests =
            span.iter().map(|hour| if let HourSeen::Missing(count) = hour { *count } else { 0 }).sum::<u64>();
        let counted = !span.contains(&HourSeen::Unknown);
        if !span.first().is_some_and(|hour| hour.is_gap()) || (requests == 0 && length < NAMED) {
            continue;
        }
        let (Some(from), Some(last)) = (places.get(first), places.get(first + length - 1)) else { continue };
        if gaps.len() == LISTED {
            more += 1;
        } else {
            gaps.push(TrafficGap { from: from.start(), until: last.end(), requests: counted.then_some(requests) });
        }
    }
    (gaps, more)
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
