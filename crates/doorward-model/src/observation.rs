//! The period of a report's observations.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{CoverageLine, Evidence, ScanReport};

/// The tolerated difference between the clocks of two machines: twice the five minutes at which AWS refuses signatures.
pub const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_mins(10);

/// Whether a time is so far in the future that another clock must have given it.
pub fn is_ahead(time: Timestamp, now: Timestamp) -> bool {
    time.duration_since(now) > CLOCK_TOLERANCE
}

/// The length from which a period of observations gets a notice, because readers assume that a report shows a single moment.
const LONG: SignedDuration = SignedDuration::from_hours(1);

/// From the first to the last observation of a report, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ObservationPeriod {
    /// The first.
    pub from: Timestamp,
    /// The last.
    pub to: Timestamp,
}

impl ObservationPeriod {
    /// Whether it is so long that parts of the report are much older than others.
    pub fn is_long(&self) -> bool {
        self.to.duration_since(self.from) > LONG
    }
}

impl fmt::Display for ObservationPeriod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let minute = |at: Timestamp| at.strftime("%Y-%m-%d %H:%M UTC");
        if minute(self.from).to_string() == minute(self.to).to_string() {
            return write!(f, "at {}", minute(self.from));
        }
        write!(f, "between {} and {}", minute(self.from), minute(self.to))
    }
}

/// Measured offsets of this many seconds and more are reported: AWS refuses signatures that are five minutes off.
const REPORTED_OFFSET: u64 = 300;

/// A warning about this machine's clock, by the seconds that it is ahead of AWS's; none where it is right to five minutes.
pub fn clock_offset_sentence(offset: Option<i64>) -> Option<String> {
    let offset = offset.filter(|offset| offset.unsigned_abs() >= REPORTED_OFFSET)?;
    let length = jiff::SignedDuration::from_secs(offset).unsigned_abs();
    let length =
        jiff::SignedDuration::try_from(length).map_or_else(|_| "far".to_owned(), |length| format!("{length:#}"));
    let side = if offset > 0 { "ahead of" } else { "behind" };
    Some(format!("this machine's clock is {length} {side} AWS's, and so is every date that it gives; set the clock"))
}

impl ScanReport {
    /// The period of its observations; none if nothing was read.
    pub fn observed(&self) -> Option<ObservationPeriod> {
        let lines = self.coverage.lines.iter().filter_map(|line: &CoverageLine| line.read_at);
        let read =
            self.load_balancers.iter().filter_map(|lb| lb.evidence.as_ref()).map(|evidence: &Evidence| evidence.at);
        let findings = self.findings.iter().filter_map(|finding| finding.observed_at);
        lines.chain(read).chain(findings).fold(None, |period, at| {
            let period = period.unwrap_or(ObservationPeriod { from: at, to: at });
            Some(ObservationPeriod { from: period.from.min(at), to: period.to.max(at) })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_in_words() {
        for (from, to, long, text) in [
            ("2026-11-02T09:00:01Z", "2026-11-02T09:00:59Z", false, "at 2026-11-02 09:00 UTC"),
            (
                "2026-11-02T09:00:01Z",
                "2026-11-02T10:00:01Z",
                false,
                "between 2026-11-02 09:00 UTC and 2026-11-02 10:00 UTC",
            ),
            (
                "2026-11-02T09:00:01Z",
                "2026-12-17T09:00:00Z",
                true,
                "between 2026-11-02 09:00 UTC and 2026-12-17 09:00 UTC",
            ),
        ] {
            let time = |text: &str| text.parse().expect("a time");
            let period = ObservationPeriod { from: time(from), to: time(to) };
            assert_eq!((period.is_long(), period.to_string().as_str()), (long, text));
        }
    }

    #[test]
    fn an_offset_is_named_from_five_minutes() {
        for (offset, sentence) in [
            (None, None),
            (Some(299), None),
            (Some(-299), None),
            (Some(300), Some("this machine's clock is 5m ahead of AWS's")),
            (Some(-26 * 3600), Some("this machine's clock is 26h behind AWS's")),
            (Some(i64::MIN), Some("behind AWS's")),
        ] {
            let warning = clock_offset_sentence(offset);
            assert_eq!(warning.is_some(), sentence.is_some(), "{offset:?}: {warning:?}");
            assert!(warning.unwrap_or_default().contains(sentence.unwrap_or_default()), "{offset:?}");
        }
    }
}
