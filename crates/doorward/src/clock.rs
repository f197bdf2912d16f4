//! The one place where the binary reads the system clock.

use std::io::Write as _;
use std::sync::Arc;

use doorward_core::Clock;
use jiff::Timestamp;

/// The variable by which tests play a history of months: the time at which the process begins, RFC 3339. Debug builds alone
/// read it, so that nothing in the environment of a released program can change the date of an observation.
#[cfg(debug_assertions)]
pub(crate) const TEST_CLOCK: &str = "DOORWARD_TEST_CLOCK";

/// The current time.
#[cfg(not(debug_assertions))]
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}

/// The current time; where a test set [`TEST_CLOCK`], the time since the process began is added to it.
#[cfg(debug_assertions)]
pub(crate) fn now() -> Timestamp {
    use std::sync::LazyLock;
    static LEAD: LazyLock<jiff::SignedDuration> = LazyLock::new(|| {
        let begins = std::env::var(TEST_CLOCK).ok().and_then(|text| text.parse::<Timestamp>().ok());
        begins.map_or(jiff::SignedDuration::ZERO, |begins| begins.duration_since(Timestamp::now()))
    });
    Timestamp::now().checked_add(*LEAD).unwrap_or(Timestamp::MAX)
}

/// The current time, as the crates below take it.
pub(crate) fn system() -> Clock {
    Arc::new(now)
}

/// From how many seconds a measured offset is worth a warning: AWS refuses signatures at five minutes.
const WORTH_A_WARNING: u64 = 300;

/// What is wrong with this machine's clock, by the seconds that it is ahead of AWS's; none where nothing is.
pub(crate) fn offset_sentence(offset: Option<i64>) -> Option<String> {
    let offset = offset.filter(|offset| offset.unsigned_abs() >= WORTH_A_WARNING)?;
    let length = jiff::SignedDuration::from_secs(offset).unsigned_abs();
    let length =
        jiff::SignedDuration::try_from(length).map_or_else(|_| "far".to_owned(), |length| format!("{length:#}"));
    let side = if offset > 0 { "ahead of" } else { "behind" };
    Some(format!("this machine's clock is {length} {side} AWS's, and so is every date that it gives; set the clock"))
}

/// Warns of this machine's clock, where something is wrong with it.
pub(crate) fn warn(offset: Option<i64>) {
    if let Some(sentence) = offset_sentence(offset) {
        let _ = writeln!(std::io::stderr(), "warning: {sentence}");
    }
}

/// Whether a time is so far in the future that another clock must have given it.
pub(crate) fn is_ahead(time: Timestamp, now: Timestamp) -> bool {
    time.duration_since(now) > doorward_model::CLOCK_TOLERANCE
}

#[cfg(test)]
mod tests {
    use super::*;

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
            let told = offset_sentence(offset);
            assert_eq!(told.is_some(), sentence.is_some(), "{offset:?}: {told:?}");
            assert!(told.unwrap_or_default().contains(sentence.unwrap_or_default()), "{offset:?}");
        }
    }
}
