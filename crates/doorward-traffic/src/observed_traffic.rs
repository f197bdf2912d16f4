//! Which hours of a window were observed, as opposed to asked for.
//!
//! Every hour is one of four: it has log lines (or, where no logs were read, requests that CloudWatch counts); it was observed and
//! had no requests; CloudWatch counts requests in it and there are no log lines; or there is nothing at all, which may be a quiet hour or
//! a missing file. Only the first two are evidence.

use std::collections::BTreeMap;

use doorward_model::{ObservedFiles, ObservedTime, TrafficGap};
use jiff::Timestamp;

use crate::advice::counted;
use crate::forecast::ForecastInput;
use crate::metric::{Answer, Metric, Series};
use crate::tally::{HourTally, LoadBalancerTally, LogFiles, NodeFiles};
use crate::window::{Hour, Window};

/// Nodes that are named.
const NODES: usize = 3;
/// Hours of a day.
const DAY: usize = 24;
/// Without CloudWatch, only spans of this many hours without lines are named: most load balancers have quiet hours.
const NAMED: usize = DAY;
/// Gaps that are listed.
const LISTED: usize = 8;
/// Without CloudWatch, a day counts from so many hours on of which there are lines or files: an office's traffic has more.
const ENOUGH_HOURS: usize = 6;

/// The evidence about an hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum HourSeen {
    /// It has lines, or requests if no logs are needed.
    Traffic,
    /// It was observed without requests.
    Quiet,
    /// CloudWatch counts requests, and there are no lines, or fewer than half: so many are missing.
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
    /// Days with traffic for which too few hours are known.
    thin_days: u32,
}

/// The observed time of a load balancer by its logs; none if there is no time in which it can have written any.
pub(crate) fn by_logs(tally: &LoadBalancerTally, seen: &ForecastInput<'_>) -> Option<ObservedWindow> {
    let written = written(tally, seen.files);
    let asked = seen.window.or(written)?;
    let window = asked.since(seen.created.map_or(asked.first, Hour::of))?;
    let counts = seen.series.and_then(|series| Counts::of(series, tally));
    let files_of = |hour: &Hour| seen.files.is_some_and(|files| files.intervals.contains_key(hour));
    let hours: Vec<HourSeen> = window
        .each_hour()
        .map(|hour| {
            let lines = tally.hours.get(&hour).map_or(0, HourTally::lines);
            match counts.as_ref().and_then(|counts| counts.at(hour)) {
                Some(counted) if lines > 0 => {
                    counts.as_ref().map_or(HourSeen::Traffic, |counts| match counts.missing(hour, tally) {
                        missing if 2 * missing > counted => HourSeen::Missing(missing),
                        _ => HourSeen::Traffic,
                    })
                }
                None if lines > 0 => HourSeen::Traffic,
                Some(0) => HourSeen::Quiet,
                Some(requests) => HourSeen::Missing(requests),
                None if files_of(&hour) => HourSeen::Quiet,
                None => HourSeen::Unknown,
            }
        })
        .collect();
    let mut observed = ObservedWindow::new(window, &hours);
    let begins = written.map_or(window.first, |written| written.first.max(window.first));
    observed.time.logs_begin = (begins > window.first).then(|| begins.start());
    observed.time.files = seen.files.map(|files| observed_files(files, begins, window));
    match counts {
        Some(counts) if counts.covers(window) => {
            let (logged, counted) = counts.compare(tally, window);
            observed.time.logged = Some(logged);
            observed.time.counted = Some(counted);
            let before = Window { first: window.first, end: begins };
            observed.time.counted_before = (begins > window.first).then(|| counts.compare(tally, before).1);
        }
        _ => observed.time.unknown = unknown(&observed, seen),
    }
    Some(observed)
}

/// The five-minute intervals and nodes of log files, from the first file to the end of the window.
fn observed_files(files: &LogFiles, begins: Hour, window: Window) -> ObservedFiles {
    let of_hour = |bits: &u16| bits.count_ones();
    let last = files.nodes.values().map(|node| node.last).max();
    // A node whose files end more than a day before those of others was removed, or its later files are missing.
    let ended = |node: &&NodeFiles| last.is_some_and(|last| last.duration_since(node.last).as_hours() >= DAY as i64);
    ObservedFiles {
        intervals: (window.end.number().saturating_sub(begins.number())) * 12,
        with_files: files.intervals.range(window.first..window.end).map(|(_, bits)| of_hour(bits)).sum(),
        nodes: number(files.nodes.len()),
        nodes_ended: number(files.nodes.values().filter(ended).count()),
        nodes_paused: number(files.nodes.values().filter(|node| node.has_pause()).count()),
    }
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

/// The figure of an hour's lines that one metric counts too.
type OfLines = fn(&HourTally) -> u64;

/// What both CloudWatch and the lines count: requests for which a target was chosen, and answers of the load balancer itself. An answer
/// after a target was chosen is in both of them, on both sides.
const KINDS: [(Metric, OfLines); 4] = [
    (Metric::Requests, |hour| hour.routed),
    (Metric::LoadBalancer3xx, |hour| hour.own_3xx),
    (Metric::LoadBalancer4xx, |hour| hour.own_4xx),
    (Metric::LoadBalancer5xx, |hour| hour.own_5xx),
];

/// CloudWatch's counts by hour, if they can be compared with the lines.
struct Counts {
    window: Window,
    /// Those of [`KINDS`] that were read.
    kinds: Vec<(BTreeMap<Hour, u64>, OfLines)>,
    /// Every kind of request or answer that is counted.
    all: BTreeMap<Hour, u64>,
}

impl Counts {
    fn of(series: &Series, tally: &LoadBalancerTally) -> Option<Self> {
        let requests = by_hour(series, Metric::Requests)?;
        // Where lines with a target exist and no requests are counted, the counts are of something else: they show no hour as quiet.
        if requests.is_empty() && tally.hours.values().any(|hour| hour.routed > 0) {
            return None;
        }
        let read = |(metric, of): &(Metric, fn(&HourTally) -> u64)| Some((by_hour(series, *metric)?, *of));
        let kinds = KINDS.iter().filter_map(read).collect();
        Some(Self { window: series.window, kinds, all: all_by_hour(series)? })
    }

    fn at(&self, hour: Hour) -> Option<u64> {
        self.window.contains(hour).then(|| self.all.get(&hour).copied().unwrap_or(0))
    }

    fn covers(&self, window: Window) -> bool {
        self.window.first <= window.first && window.end <= self.window.end
    }

    /// The lines of a window, of each kind at most as many as CloudWatch counts, and what it counts.
    fn compare(&self, tally: &LoadBalancerTally, window: Window) -> (u64, u64) {
        let (mut logged, mut counted) = (0, 0);
        for (counts, of) in &self.kinds {
            let count: u64 = counts.range(window.first..window.end).map(|(_, count)| count).sum();
            let lines: u64 = tally.hours.range(window.first..window.end).map(|(_, hour)| of(hour)).sum();
            logged += lines.min(count);
            counted += count;
        }
        (logged, counted)
    }

    /// Requests of an hour that the lines of it and of its neighbours do not account for: log and metric may cut time at different
    /// moments.
    fn missing(&self, hour: Hour, tally: &LoadBalancerTally) -> u64 {
        let hours = [hour.before(), hour, hour.after()];
        let missing = self.kinds.iter().map(|(counts, of)| {
            let lines: u64 = hours.iter().filter_map(|hour| tally.hours.get(hour)).map(of).sum();
            counts.get(&hour).copied().unwrap_or(0).saturating_sub(lines)
        });
        missing.sum()
    }
}

/// Hours in which CloudWatch counts requests that are not compliant, and hours in which it counts any request.
pub(crate) fn hours(series: &Series) -> (u64, u64) {
    let odd = by_hour(series, Metric::NonCompliant).map_or(0, |hours| hours.len());
    (odd as u64, all_by_hour(series).map_or(0, |hours| hours.len()) as u64)
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
    for metric in [Metric::LoadBalancer3xx, Metric::LoadBalancer4xx, Metric::LoadBalancer5xx, Metric::NonCompliant] {
        for (hour, count) in by_hour(series, metric).unwrap_or_default() {
            let most = all.entry(hour).or_default();
            *most = count.max(*most);
        }
    }
    Some(all)
}

/// The limits of logs that were not compared with CloudWatch.
fn unknown(observed: &ObservedWindow, seen: &ForecastInput<'_>) -> Vec<String> {
    let (time, mut unknown) = (&observed.time, Vec::new());
    let silent = time.hours - time.hours_with_traffic - time.hours_quiet;
    if silent > 0 {
        unknown.push(format!(
            "{silent} of {} hours have no log lines. It is not known whether they were quiet or logs are missing, \
             because CloudWatch's RequestCount was not read for them.",
            time.hours
        ));
    }
    if observed.thin_days > 0 {
        unknown.push(format!(
            "{} with log lines in fewer than {ENOUGH_HOURS} hours {} not counted, because logs may be missing.",
            counted(observed.thin_days.into(), "day"),
            if observed.thin_days == 1 { "is" } else { "are" },
        ));
    }
    if let (Some(files), Some(of)) = (seen.files, &time.files)
        && of.nodes > 0
    {
        unknown.push(format!(
            "The files come from {} ({}) and from {} of {} five-minute intervals. It is not known whether files of \
             other nodes or intervals are missing.",
            counted(of.nodes.into(), "load balancer node"),
            nodes(files),
            of.with_files,
            of.intervals,
        ));
        if of.nodes_ended + of.nodes_paused > 0 {
            unknown.push(format!(
                "Nodes without files for the last day or longer: {}; for a day in between: {}. The node was removed, \
                 or its files are missing.",
                of.nodes_ended, of.nodes_paused,
            ));
        }
    }
    unknown
}

/// The addresses of the first nodes.
fn nodes(files: &LogFiles) -> String {
    let mut names: Vec<String> = files.nodes.keys().take(NODES).cloned().collect();
    if let more @ 1.. = files.nodes.len().saturating_sub(NODES) {
        names.push(format!("{more} more"));
    }
    names.join(", ")
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
        let (mut known_hours, mut stretch, mut thin_days) = (0, 0, 0);
        for day in hours.rchunks(DAY) {
            let length = number(day.len());
            let known = day.iter().filter(|hour| **hour != HourSeen::Unknown).count();
            let traffic = day.iter().filter(|hour| **hour == HourSeen::Traffic).count();
            let missing = day.iter().filter(|hour| matches!(hour, HourSeen::Missing(_))).count();
            let thin = known < day.len() && known < ENOUGH_HOURS.min(day.len().div_ceil(DAY / ENOUGH_HOURS));
            if traffic > 0 && thin {
                thin_days += 1;
                stretch = 0;
            } else if traffic > 0 && missing > traffic {
                // Logs of less than half of the hours with requests are no logs of the day.
                stretch = 0;
            } else if traffic > 0 {
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
        Self { window, time, known_hours, thin_days }
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
