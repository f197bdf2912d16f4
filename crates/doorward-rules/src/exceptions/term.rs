//! The term of an exception: from its start up to, and not including, its end, to the second and in UTC.
//!
//! A plain date is a whole day: a start on it is its first instant, and an exception that expires on it is in force on all of that
//! day. Days have 24 hours, because UTC has no daylight saving time.

use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Serialize, Serializer};
use toml_edit::Datetime;

const DAY: SignedDuration = SignedDuration::from_hours(24);

/// A text that is neither a date nor a timestamp. The message continues a sentence after the name of its key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MomentError {
    /// Neither a date nor a timestamp.
    #[error("is {0:?}, not a date (2026-03-31) or a timestamp with its offset (2026-03-31T17:00:00Z)")]
    Malformed(String),
    /// A timestamp without an offset.
    #[error("is {0}, a timestamp without a time zone: add Z for UTC, or an offset")]
    NoOffset(String),
    /// Outside the calendar.
    #[error("is {0}, which is outside the supported calendar")]
    OutOfRange(String),
}

/// A day or an instant, as written in the register.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    written: Written,
    first: Timestamp,
    after: Timestamp,
    last_day: Date,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Written {
    Day(Date),
    Instant(Timestamp),
}

impl Moment {
    /// A whole day in UTC.
    pub fn day(date: Date) -> Result<Self, MomentError> {
        let midnight = |date: Date| date.to_zoned(TimeZone::UTC).map(|zoned| zoned.timestamp());
        let bounds = midnight(date).and_then(|first| Ok((first, midnight(date.tomorrow()?)?)));
        let (first, after) = bounds.map_err(|_| MomentError::OutOfRange(date.to_string()))?;
        Ok(Self { written: Written::Day(date), first, after, last_day: date })
    }

    /// An instant.
    pub fn instant(at: Timestamp) -> Self {
        let before = at.checked_sub(SignedDuration::from_nanos(1)).unwrap_or(at);
        let last_day = TimeZone::UTC.to_datetime(before).date();
        Self { written: Written::Instant(at), first: at, after: at, last_day }
    }

    /// Reads a date or timestamp of TOML.
    pub(crate) fn read(at: &Datetime) -> Result<Self, MomentError> {
        let text = at.to_string();
        match (at.date, at.time, at.offset) {
            (Some(date), None, None) => {
                let parts = (i16::try_from(date.year), i8::try_from(date.month), i8::try_from(date.day));
                let (Ok(year), Ok(month), Ok(day)) = parts else { return Err(MomentError::OutOfRange(text)) };
                Self::day(Date::new(year, month, day).map_err(|_| MomentError::OutOfRange(text))?)
            }
            (Some(_), Some(_), Some(_)) => {
                text.parse().map(Self::instant).map_err(|_| MomentError::OutOfRange(text.clone()))
            }
            (Some(_), Some(_), None) => Err(MomentError::NoOffset(text)),
            _ => Err(MomentError::Malformed(text)),
        }
    }

    /// The first instant of a term that starts at this moment.
    pub fn starts(&self) -> Timestamp {
        self.first
    }

    /// The first instant after a term that expires at this moment.
    pub fn ends(&self) -> Timestamp {
        self.after
    }

    /// The last day, in UTC, of a term that expires at this moment.
    pub fn last_day(&self) -> Date {
        self.last_day
    }

    /// The latest expiry of a term of this many days that starts here; none outside the calendar.
    pub(crate) fn latest(&self, days: u32) -> Option<Self> {
        match self.written {
            Written::Day(_) => {
                let last = self.first.checked_add(DAY.checked_mul(i32::try_from(days).ok()?)?).ok()?;
                Self::day(Self::instant(last).last_day).ok()
            }
            Written::Instant(at) => at.checked_add(DAY.checked_mul(i32::try_from(days).ok()?)?).ok().map(Self::instant),
        }
    }

    /// The end of a term, for a sentence after "expires" or "expired".
    pub(crate) fn as_end(&self) -> String {
        match self.written {
            Written::Day(day) => format!("at the end of {day} (UTC)"),
            Written::Instant(at) => format!("at {at}"),
        }
    }
}

impl FromStr for Moment {
    type Err = MomentError;

    /// Reads a date (`2026-03-31`) or an RFC 3339 timestamp.
    fn from_str(text: &str) -> Result<Self, MomentError> {
        Self::read(&text.trim().parse().map_err(|_| MomentError::Malformed(text.to_owned()))?)
    }
}

impl fmt::Display for Moment {
    /// As TOML and RFC 3339 write it; timestamps in UTC.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.written {
            Written::Day(day) => fmt::Display::fmt(&day, f),
            Written::Instant(at) => fmt::Display::fmt(&at, f),
        }
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The state of an exception in its term.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TermState {
    /// Before its start.
    Pending,
    /// In force, and not due yet.
    Active,
    /// In force, and due within the days of warning.
    Expiring,
    /// At or after its end.
    Expired,
}

impl TermState {
    /// Whether the exception permits anything: from its start on, up to and not including its end.
    pub const fn in_force(self) -> bool {
        matches!(self, Self::Active | Self::Expiring)
    }
}

impl fmt::Display for TermState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Pending => "pending",
            Self::Active => "active",
            Self::Expiring => "expiring",
            Self::Expired => "expired",
        })
    }
}

/// The current time, and how long before its end an exception is due.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Watch {
    now: Timestamp,
    warn: SignedDuration,
}

impl Watch {
    pub(crate) fn new(now: Timestamp, warn_days: u32) -> Self {
        Self { now, warn: SignedDuration::from_hours(24 * i64::from(warn_days)) }
    }

    /// The state of a term.
    pub(crate) fn state(self, start: Moment, expires: Moment) -> TermState {
        if self.now >= expires.ends() {
            TermState::Expired
        } else if self.now < start.starts() {
            TermState::Pending
        } else if self.is_due(expires.ends()) {
            TermState::Expiring
        } else {
            TermState::Active
        }
    }

    /// Whether a moment has come: from the first instant of a day on, and from an instant on.
    pub(crate) fn has_come(self, moment: Moment) -> bool {
        self.now >= moment.starts()
    }

    /// Whether an end lies within the days of warning.
    pub(crate) fn is_due(self, end: Timestamp) -> bool {
        end.duration_since(self.now) <= self.warn
    }

    /// Whole days left: 0 within the last 24 hours of the term, negative from its end on.
    pub(crate) fn days_left(self, expires: Moment) -> i64 {
        let left = expires.ends().duration_since(self.now).as_nanos() - 1;
        i64::try_from(left.div_euclid(DAY.as_nanos())).unwrap_or(i64::MAX)
    }
}

/// The length of a term in days, rounded up; zero or less if it ends before it starts.
pub(crate) fn days(start: Moment, expires: Moment) -> i64 {
    let length = expires.ends().duration_since(start.starts()).as_nanos();
    i64::try_from((length + DAY.as_nanos() - 1).div_euclid(DAY.as_nanos())).unwrap_or(i64::MAX)
}
