//! The period of a report's observations.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{CoverageLine, Evidence, ScanReport};

/// The tolerated difference between the clocks of two machines: twice the five minutes at which AWS refuses signatures.
pub const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_mins(10);

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
}
