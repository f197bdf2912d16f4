//! The time in which traffic was observed, as opposed to the time that was asked for.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::shares::percent_of_counts;

/// How many days and hours of a window have log lines or points of CloudWatch, and where nothing was observed.
///
/// The window is the one that was asked for, cut at the creation of the load balancer; the time of the logs if none was asked for. Its days
/// are 24 hours each, counted back from its end; what is left at its beginning is a day if it has twelve hours or more.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ObservedTime {
    /// Hours of the window.
    pub hours: u32,
    /// Hours with log lines, or with requests that CloudWatch counts where no logs were read.
    pub hours_with_traffic: u32,
    /// Hours that were observed and had no requests.
    pub hours_quiet: u32,
    /// Days of the window.
    pub days: u32,
    /// Days with traffic. Where CloudWatch was not read, only those of which six hours or more have log lines or files.
    pub days_with_traffic: u32,
    /// Hours of the days with traffic in the longest stretch of days without a gap. Quiet days do not end a stretch, and do not
    /// count in it.
    pub continuous_hours: u32,
    /// Requests in the log lines of the window, of each kind that CloudWatch counts at most as many; absent where they were not compared
    /// with CloudWatch. The kinds are requests with a target, and answers of 3xx, 4xx and 5xx by the load balancer itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logged: Option<u64>,
    /// The same by CloudWatch (`RequestCount`, `HTTPCode_ELB_3XX_Count`, `_4XX_` and `_5XX_`); absent where they were not compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counted: Option<u64>,
    /// When the first log lines or files are of, if that is after the beginning of the window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logs_begin: Option<Timestamp>,
    /// Requests that CloudWatch counts before the first log lines or files; absent where there are none before them, or where they
    /// were not compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counted_before: Option<u64>,
    /// The log files, by their names; absent where their names are not AWS's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<ObservedFiles>,
    /// Where logs are missing, the earliest first: hours without log lines in which CloudWatch counts requests, or a day and longer
    /// without log lines where CloudWatch was not read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gaps: Vec<TrafficGap>,
    /// Gaps that are not in the list.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub more_gaps: u32,
    /// Sentences on what the evidence cannot show.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<String>,
}

/// The log files of a window, from the first one on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ObservedFiles {
    /// Five-minute intervals from the hour of the first file to the end of the window.
    pub intervals: u32,
    /// Intervals for which there is a file.
    pub with_files: u32,
    /// Load balancer nodes that wrote files.
    pub nodes: u32,
    /// Nodes whose last file is a day or more older than the last file of all.
    pub nodes_ended: u32,
    /// Nodes with a day without files between days with files.
    pub nodes_paused: u32,
}

/// A span of time of which logs are missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TrafficGap {
    /// The first instant without log lines.
    pub from: Timestamp,
    /// The first instant after it.
    pub until: Timestamp,
    /// Requests that CloudWatch counts in it; absent where CloudWatch was not read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests: Option<u64>,
}

fn is_zero(count: &u32) -> bool {
    *count == 0
}

impl ObservedTime {
    /// `13 of 14 days, 98.2% of requests`; in hours where days would say nothing.
    pub fn summary(&self) -> String {
        let by_days = self.days_with_traffic > 0 || (self.days > 0 && self.hours_with_traffic == 0);
        let time = if by_days {
            format!("{} of {} days", self.days_with_traffic, self.days)
        } else {
            format!("{} of {} hours", self.hours_with_traffic, self.hours)
        };
        match self.logged_share() {
            Some(share) => format!("{time}, {share} of requests"),
            None => time,
        }
    }

    /// The share of the requests that CloudWatch counts which the logs hold; none where they were not compared, or
    /// there were none.
    pub fn logged_share(&self) -> Option<String> {
        let (logged, counted) = (self.logged?, self.counted.filter(|counted| *counted > 0)?);
        percent_of_counts(logged.min(counted), counted)
    }

    /// The gaps in a sentence; none where there are none.
    pub fn missing(&self) -> Option<String> {
        if self.gaps.is_empty() {
            return None;
        }
        let minute = |time: Timestamp| time.strftime("%Y-%m-%d %H:%M").to_string();
        let gaps = self.gaps.iter().map(|gap| {
            let requests = gap.requests.map_or(String::new(), |count| format!(" ({count} requests by CloudWatch)"));
            format!("{} to {}{requests}", minute(gap.from), minute(gap.until))
        });
        let more = match self.more_gaps {
            0 => String::new(),
            more => format!(", and {more} more"),
        };
        Some(format!("There are no log lines from {}{more} (UTC).", gaps.collect::<Vec<_>>().join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_said_with_their_share() {
        let whole = ObservedTime { hours: 336, days: 14, days_with_traffic: 13, ..ObservedTime::default() };
        let of = |logged, counted| ObservedTime { logged, counted, ..whole.clone() }.summary();
        for (logged, counted, says) in [
            (None, None, "13 of 14 days"),
            (Some(0), Some(0), "13 of 14 days"),
            (Some(982), Some(1_000), "13 of 14 days, 98.2% of requests"),
            (Some(99_999), Some(100_000), "13 of 14 days, 99.9% of requests"),
            (Some(2_000), Some(1_000), "13 of 14 days, 100.0% of requests"),
            (Some(u64::MAX), Some(u64::MAX), "13 of 14 days, 100.0% of requests"),
        ] {
            assert_eq!(of(logged, counted), says);
        }
        let hours = ObservedTime { hours: 5, hours_with_traffic: 1, ..ObservedTime::default() };
        assert_eq!(hours.summary(), "1 of 5 hours");
        // The hour lies in what is left of a day.
        let rest = ObservedTime { hours: 226, days: 9, hours_with_traffic: 1, ..ObservedTime::default() };
        assert_eq!(rest.summary(), "1 of 226 hours");
    }
}
