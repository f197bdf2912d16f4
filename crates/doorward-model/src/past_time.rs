//! A time that users write: a day, an exact time, or a length before now.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};

/// The longest time back: the service is not as old.
const LONGEST_DAYS: i64 = 10_000;

/// A time that users write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PastTime {
    /// A time.
    At(Timestamp),
    /// So long before now.
    Before(SignedDuration),
}

/// The time between two moments, either of which may be open.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TimeSpan {
    since: Option<Timestamp>,
    until: Option<Timestamp>,
}

/// A span that begins at or after its end holds nothing, so that everything in it would read as zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("--since {since} is not before --until {until}: no time lies between them; give the earlier one to --since")]
pub struct EmptyTimeSpan {
    since: Timestamp,
    until: Timestamp,
}

impl TimeSpan {
    /// The time from `since` on, up to and without `until`.
    ///
    /// # Errors
    ///
    /// It ends before it begins, or when it begins.
    pub fn new(since: Option<Timestamp>, until: Option<Timestamp>) -> Result<Self, EmptyTimeSpan> {
        match (since, until) {
            (Some(since), Some(until)) if since >= until => Err(EmptyTimeSpan { since, until }),
            _ => Ok(Self { since, until }),
        }
    }

    /// Its first moment; none where it is open.
    pub fn since(self) -> Option<Timestamp> {
        self.since
    }

    /// The first moment after it; none where it is open.
    pub fn until(self) -> Option<Timestamp> {
        self.until
    }

    /// Whether a moment lies in it.
    pub fn contains(self, at: Timestamp) -> bool {
        self.since.is_none_or(|since| at >= since) && self.until.is_none_or(|until| at < until)
    }
}

impl std::fmt::Display for TimeSpan {
    /// `since 2026-10-01T00:00:00Z, before 2026-11-01T00:00:00Z`; empty where it is open at both ends.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.since, self.until) {
            (None, None) => Ok(()),
            (Some(since), None) => write!(f, "since {since:.0}"),
            (None, Some(until)) => write!(f, "before {until:.0}"),
            (Some(since), Some(until)) => write!(f, "since {since:.0}, before {until:.0}"),
        }
    }
}

/// A text is not a time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PastTimeError {
    /// It has another form.
    #[error(
        "{0:?} is neither a day (2026-11-02), a time with its zone (2026-11-02T09:00:00Z), nor a number of hours, days or weeks (12h, 30d, 4w)"
    )]
    Malformed(String),
    /// It is zero, or too long.
    #[error("{0:?} is not between 1h and {LONGEST_DAYS}d")]
    OutOfRange(String),
}

impl PastTime {
    /// Parses a day, whose beginning in UTC it is, a time with its zone, or a length: `12h`, `30d`, `4w`.
    ///
    /// # Errors
    ///
    /// The text is none of these.
    pub fn parse(text: &str) -> Result<Self, PastTimeError> {
        let text = text.trim();
        let malformed = || PastTimeError::Malformed(text.to_owned());
        if let Some((count, hours)) = length(text) {
            let count: u32 = count.trim().parse().map_err(|_| malformed())?;
            let hours = i64::from(count).checked_mul(hours);
            let hours = hours.filter(|hours| (1..=LONGEST_DAYS * 24).contains(hours));
            let hours = hours.ok_or_else(|| PastTimeError::OutOfRange(text.to_owned()))?;
            return Ok(Self::Before(SignedDuration::from_hours(hours)));
        }
        match date(text) {
            Some(date) => start_of(date).map(Self::At).ok_or_else(malformed),
            None => text.parse().map(Self::At).map_err(|_| malformed()),
        }
    }

    /// Parses the end of a span: a time, or a day that belongs to the span, so that its end is meant.
    ///
    /// # Errors
    ///
    /// The text is neither.
    pub fn parse_end(text: &str) -> Result<Timestamp, PastTimeError> {
        let text = text.trim();
        let malformed = || PastTimeError::Malformed(text.to_owned());
        match date(text) {
            Some(date) => date.checked_add(1.day()).ok().and_then(start_of).ok_or_else(malformed),
            None => text.parse().map_err(|_| malformed()),
        }
    }

    /// Parses a day.
    ///
    /// # Errors
    ///
    /// The text is no day; the sentence says what to write.
    pub fn parse_day(text: &str) -> Result<Date, String> {
        let text = text.trim();
        date(text).ok_or_else(|| format!("{text:?} is not a day; write it as 2026-11-02"))
    }

    /// The time, given the time that is now.
    pub fn at(self, now: Timestamp) -> Timestamp {
        match self {
            Self::At(time) => time,
            Self::Before(length) => now.checked_sub(length).unwrap_or(Timestamp::MIN),
        }
    }
}

/// The number of a length, and the hours of its unit.
fn length(text: &str) -> Option<(&str, i64)> {
    let units = [(['h', 'H'], 1), (['d', 'D'], 24), (['w', 'W'], 7 * 24)];
    units.into_iter().find_map(|(unit, hours)| Some((text.strip_suffix(unit)?, hours)))
}

/// A day. A time begins with one as well.
fn date(text: &str) -> Option<Date> {
    text.parse().ok().filter(|_| !text.contains(['T', 't', ' ', ':']))
}

fn start_of(date: Date) -> Option<Timestamp> {
    TimeZone::UTC.to_timestamp(date.at(0, 0, 0, 0)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    #[test]
    fn days_times_and_lengths_are_understood() {
        for (text, end) in [
            ("2026-10-25", "2026-10-26T00:00:00Z"),
            (" 2026-10-25 ", "2026-10-26T00:00:00Z"),
            ("2026-10-25T06:30:00Z", "2026-10-25T06:30:00Z"),
            ("2026-10-25T06:30:00+02:00", "2026-10-25T04:30:00Z"),
            ("2026-12-31", "2027-01-01T00:00:00Z"),
        ] {
            assert_eq!(PastTime::parse_end(text), Ok(at(end)), "{text}");
        }
        let hours = |hours| Ok(PastTime::Before(SignedDuration::from_hours(hours)));
        assert_eq!(PastTime::parse("2026-10-25"), Ok(PastTime::At(at("2026-10-25T00:00:00Z"))));
        assert_eq!(PastTime::parse("2026-10-25T06:30:00Z"), Ok(PastTime::At(at("2026-10-25T06:30:00Z"))));
        assert_eq!(PastTime::parse("30d"), hours(720));
        assert_eq!(PastTime::parse("12h"), hours(12));
        assert_eq!(PastTime::parse("2W"), hours(336));
        for wrong in [
            "",
            "yesterday",
            "2026-02-30",
            "30",
            "d",
            "0d",
            "0w",
            "-1d",
            "99999d",
            "4294967295d",
            "4294967295w",
            "2026-10-25T06:30:00",
            "25.10.2026",
            "5é",
        ] {
            assert!(PastTime::parse(wrong).is_err(), "{wrong}");
            assert!(PastTime::parse_end(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_length_counts_from_now() {
        let now = at("2026-11-02T10:00:00Z");
        assert_eq!(PastTime::parse("2d").map(|time| time.at(now)), Ok(at("2026-10-31T10:00:00Z")));
        assert_eq!(PastTime::parse("2026-10-25").map(|time| time.at(now)), Ok(at("2026-10-25T00:00:00Z")));
    }

    #[test]
    fn a_span_begins_before_it_ends() {
        let span = |since: &str, until: &str| TimeSpan::new(Some(at(since)), Some(at(until)));
        let november = span("2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z").expect("a span");
        assert_eq!(november.to_string(), "since 2026-11-01T00:00:00Z, before 2026-12-01T00:00:00Z");
        for (moment, is_in) in [
            ("2026-10-31T23:59:59Z", false),
            ("2026-11-01T00:00:00Z", true),
            ("2026-11-30T23:59:59Z", true),
            ("2026-12-01T00:00:00Z", false),
        ] {
            assert_eq!(november.contains(at(moment)), is_in, "{moment}");
        }
        for until in ["2026-11-01T00:00:00Z", "2026-10-01T00:00:00Z"] {
            let refused = span("2026-11-01T00:00:00Z", until).expect_err("holds nothing").to_string();
            assert!(refused.contains("is not before") && refused.contains(until), "{refused}");
        }
        assert!(TimeSpan::default().contains(at("2026-11-01T00:00:00Z")) && TimeSpan::default().to_string().is_empty());
    }
}
