//! How days are counted.

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

/// Whole days from one time to another; never negative.
pub(crate) fn days(from: Timestamp, to: Timestamp) -> i64 {
    (to.duration_since(from).max(SignedDuration::ZERO)).as_hours() / 24
}

/// Whole days until the last day of an exception; none for what is no date.
pub(crate) fn days_left(expires: &str, today: Date) -> Option<i64> {
    let last: Date = expires.parse().ok()?;
    Some(i64::from(last.since(today).ok()?.get_days()))
}
