//! Time as the logs have it: hours of UTC, and windows of whole hours.

use std::fmt;
use std::str::FromStr;

use doorward_model::PastTime;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{RoundMode, SignedDuration, Timestamp, TimestampRound, Unit};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The length of a time in a log line: `2026-09-23T07:15:47.805298Z`.
pub(crate) const STAMP: usize = 27;
/// The length of the hour in it: `2026-09-23T07`.
pub(crate) const STAMP_HOUR: usize = 13;

const SECONDS: i64 = 3600;

/// One hour of UTC, counted from 1970; written `2026-09-23T07Z`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Hour(u32);

/// A text that is not an hour, or an empty window.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TimeError {
    /// Not an hour.
    #[error("{0:?} is not an hour of UTC such as 2026-09-23T07Z")]
    Hour(String),
    /// Ends before it begins, or is empty.
    #[error("a window from {start} to {end} is empty; the end must be at least one hour after the start")]
    Empty {
        /// Its start.
        start: Timestamp,
        /// Its end.
        end: Timestamp,
    },
}

impl Hour {
    /// The hour that contains a time; times before 1970 give the first hour.
    pub fn of(time: Timestamp) -> Self {
        Self(u32::try_from(time.as_second().div_euclid(SECONDS)).unwrap_or(0))
    }

    /// When it begins.
    pub fn start(self) -> Timestamp {
        Timestamp::from_second(i64::from(self.0) * SECONDS).unwrap_or(Timestamp::MAX)
    }

    /// When the next one begins.
    pub fn end(self) -> Timestamp {
        Timestamp::from_second((i64::from(self.0) + 1) * SECONDS).unwrap_or(Timestamp::MAX)
    }

    /// The previous hour; the first hour returns itself.
    pub(crate) fn before(self) -> Self {
        Self(self.0.saturating_sub(1))
    }

    /// The hour after it.
    pub(crate) fn after(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// Its number since 1970.
    pub(crate) fn number(self) -> u32 {
        self.0
    }

    /// The number of its day since 1970.
    pub(crate) fn day_number(self) -> u32 {
        self.0 / 24
    }

    /// The day of UTC it belongs to.
    pub fn day(self) -> Date {
        self.civil().date()
    }

    fn civil(self) -> DateTime {
        TimeZone::UTC.to_datetime(self.start())
    }

    /// Reads `2026-09-23T07`, which must be a date that exists, in a year in which these logs can have been written.
    pub(crate) fn of_stamp(text: &[u8; STAMP_HOUR]) -> Option<Self> {
        let number = |from: usize, to: usize| {
            text[from..to]
                .iter()
                .try_fold(0_i16, |sum, digit| digit.is_ascii_digit().then(|| sum * 10 + i16::from(digit - b'0')))
        };
        let (year, month, day, hour) = (number(0, 4)?, number(5, 7)?, number(8, 10)?, number(11, 13)?);
        if text[4] != b'-' || text[7] != b'-' || text[10] != b'T' || !(2016..=2199).contains(&year) {
            return None;
        }
        let small = |number: i16| i8::try_from(number).ok();
        let time = DateTime::new(year, small(month)?, small(day)?, small(hour)?, 0, 0, 0).ok()?;
        Some(Self::of(TimeZone::UTC.to_timestamp(time).ok()?))
    }
}

/// Whether these bytes have the shape `NNNN-NN-NNTNN:NN:NN.NNNNNNZ`.
#[inline(always)]
pub(crate) fn is_stamp(text: &[u8; STAMP]) -> bool {
    const LOW: &[u8; STAMP] = b"0000-00-00T00:00:00.000000Z";
    const HIGH: &[u8; STAMP] = b"9999-99-99T99:99:99.999999Z";
    // Without branches, so that it becomes a handful of vector instructions.
    let mut wrong = 0;
    for place in 0..STAMP {
        wrong |= u8::from(text[place] < LOW[place]) | u8::from(text[place] > HIGH[place]);
    }
    wrong == 0
}

impl fmt::Display for Hour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.civil().strftime("%Y-%m-%dT%HZ").to_string())
    }
}

impl fmt::Debug for Hour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Hour {
    type Err = TimeError;
    fn from_str(text: &str) -> Result<Self, TimeError> {
        let stamp = text.strip_suffix('Z').and_then(|stamp| stamp.as_bytes().try_into().ok());
        stamp.and_then(Self::of_stamp).ok_or_else(|| TimeError::Hour(text.to_owned()))
    }
}

impl TryFrom<String> for Hour {
    type Error = TimeError;
    fn try_from(text: String) -> Result<Self, TimeError> {
        text.parse()
    }
}

impl From<Hour> for String {
    fn from(hour: Hour) -> Self {
        hour.to_string()
    }
}

/// A span of whole hours: the first is in it, the end is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Window {
    /// The first hour in it.
    pub first: Hour,
    /// The first hour after it.
    pub end: Hour,
}

/// The end of the hour that a time lies in; a full hour is its own.
fn whole_hour(time: Timestamp) -> Timestamp {
    let round = TimestampRound::new().smallest(Unit::Hour).mode(RoundMode::Ceil);
    time.round(round).unwrap_or(time)
}

impl Window {
    /// The whole hours that cover a span: its start is rounded down, its end up.
    pub fn covering(start: Timestamp, end: Timestamp) -> Result<Self, TimeError> {
        let first = Hour::of(start);
        let last = Hour::of(end.checked_sub(SignedDuration::from_nanos(1)).unwrap_or(end));
        if end <= start {
            return Err(TimeError::Empty { start, end });
        }
        Ok(Self { first, end: Hour(last.0.saturating_add(1)) })
    }

    /// The given number of days up to a time, which is rounded up to a full hour first: three days are 72 hours.
    pub fn days_before(end: Timestamp, days: u32) -> Result<Self, TimeError> {
        let end = whole_hour(end);
        let start = end.checked_sub(SignedDuration::from_hours(i64::from(days) * 24)).unwrap_or(Timestamp::MIN);
        Self::covering(start, end)
    }

    /// From a start to an end, in whole hours. A length counts from the full hour after `now`.
    pub fn between(start: PastTime, end: Timestamp, now: Timestamp) -> Result<Self, TimeError> {
        Self::covering(start.at(whole_hour(now)), end)
    }

    /// The part of it that is not before an hour; none if it is empty.
    pub(crate) fn since(self, hour: Hour) -> Option<Self> {
        let first = self.first.max(hour);
        (first < self.end).then_some(Self { first, end: self.end })
    }

    /// Its hours, in order.
    pub(crate) fn each_hour(self) -> impl Iterator<Item = Hour> {
        (self.first.0..self.end.0).map(Hour)
    }

    /// Whether an hour is in it.
    #[inline]
    pub fn contains(self, hour: Hour) -> bool {
        self.first <= hour && hour < self.end
    }

    /// When it begins.
    pub fn starts_at(self) -> Timestamp {
        self.first.start()
    }

    /// When it ends.
    pub fn ends_at(self) -> Timestamp {
        self.end.start()
    }

    /// Its length in hours.
    pub fn hours(self) -> u32 {
        self.end.0.saturating_sub(self.first.0)
    }

    /// Its length in days, with fractions.
    pub fn days(self) -> f64 {
        f64::from(self.hours()) / 24.0
    }

    /// The smallest window with both in it.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self { first: self.first.min(other.first), end: self.end.max(other.end) }
    }

    /// The window of exactly one hour.
    pub fn hour(hour: Hour) -> Self {
        Self { first: hour, end: Hour(hour.0.saturating_add(1)) }
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {}", self.first, self.end)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    #[test]
    fn windows_are_whole_hours() {
        let window = Window::covering(at("2026-09-23T07:15:00Z"), at("2026-09-24T07:00:00Z")).expect("a window");
        assert_eq!(window.to_string(), "2026-09-23T07Z to 2026-09-24T07Z");
        assert_eq!((window.hours(), window.days()), (24, 1.0));
        assert!(window.contains("2026-09-23T07Z".parse().expect("hour")));
        assert!(!window.contains("2026-09-24T07Z".parse().expect("hour")));
        assert!(Window::covering(at("2026-09-23T07:15:00Z"), at("2026-09-23T07:15:00Z")).is_err());
    }

    #[test]
    fn what_is_no_hour_is_refused() {
        for bad in ["", "2026-02-30T00Z", "2026-01-01T24Z", "2026-01-01T00", "0000-00-00T00Z", "2026-01-01 00Z"] {
            assert!(bad.parse::<Hour>().is_err(), "{bad}");
        }
    }

    #[test]
    fn stamps_have_one_shape() {
        assert!(is_stamp(b"2026-09-23T07:15:47.805298Z"));
        for place in 0..STAMP {
            for wrong in [b' ', b'"', b'/', b':', b'A', 0xff] {
                let mut stamp = *b"2026-09-23T07:15:47.805298Z";
                if stamp[place] != wrong {
                    stamp[place] = wrong;
                    assert!(!is_stamp(&stamp), "{place} {wrong}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn hours_survive_being_written(seconds in 1_460_000_000_i64..7_000_000_000) {
            let hour = Hour::of(Timestamp::from_second(seconds).expect("in range"));
            prop_assert_eq!(hour.to_string().parse::<Hour>(), Ok(hour));
            prop_assert!(hour.start().as_second() <= seconds && seconds < hour.end().as_second());
        }
    }
}
