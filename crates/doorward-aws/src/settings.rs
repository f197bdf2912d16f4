//! Settings of calls, and lengths of time in settings.

use std::time::Duration;

use jiff::SignedDuration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A length of time as settings contain it: `20s`, `500ms`, `1h 30m`. Never zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Span(pub Duration);

impl TryFrom<String> for Span {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let wrong = || format!("{text:?} is not a positive length of time such as 20s, 500ms or 1h 30m");
        let duration: SignedDuration = text.parse().map_err(|_| wrong())?;
        Duration::try_from(duration).ok().filter(|d| !d.is_zero()).map(Self).ok_or_else(wrong)
    }
}

impl From<Span> for String {
    fn from(span: Span) -> Self {
        SignedDuration::try_from(span.0).map_or_else(|_| "forever".to_owned(), |d| format!("{d:#}"))
    }
}

/// How calls are made: how many at once, how fast, how long they may take.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CallSettings {
    /// Requests in flight at once, over all accounts.
    pub concurrency: usize,
    /// The share of AWS's published request limits to take in each account-Region. A share above 1 exceeds them, which makes sense
    /// against an emulator only.
    pub share_of_limits: f64,
    /// Time to connect.
    pub connect_timeout: Span,
    /// Time from the request to the first byte of the answer.
    pub read_timeout: Span,
    /// Time for one try as a whole.
    pub attempt_timeout: Span,
    /// Time for one call with all its tries. Waiting for a rate limit, for a free request or for credentials does not count.
    pub call_deadline: Span,
    /// The most tries of one call.
    pub tries: u32,
    /// The longest pause between two tries.
    pub longest_pause: Span,
}

impl CallSettings {
    /// The key and the problem of a value that cannot be used.
    pub fn problem(&self) -> Option<(&'static str, String)> {
        let Self { concurrency, share_of_limits, tries, .. } = self;
        if !(1..=4096).contains(concurrency) {
            return Some(("calls.concurrency", format!("{concurrency} is not between 1 and 4096")));
        }
        if !(0.01..=1e6).contains(share_of_limits) {
            return Some(("calls.share_of_limits", format!("{share_of_limits} is not between 0.01 and 1000000")));
        }
        (*tries == 0).then(|| ("calls.tries", "with 0 tries no call is ever made; use 1 or more".to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_read_and_written() {
        for (text, millis) in [("20s", 20_000), ("500ms", 500), ("1h 30m", 5_400_000), ("2m", 120_000)] {
            let span = Span::try_from(text.to_owned()).expect(text);
            assert_eq!(span.0.as_millis(), millis);
            assert_eq!(Span::try_from(String::from(span)).expect("reads back"), span);
        }
        for bad in ["", "20", "-5s", "0s", "soon"] {
            assert!(Span::try_from(bad.to_owned()).is_err(), "{bad}");
        }
    }
}
