//! The one place where the binary reads the system clock.

use std::sync::Arc;

use doorward_aws::Clock;
use jiff::Timestamp;

/// The variable by which tests play a history of months: the time at which the process begins, RFC 3339; with ` still` after it, the
/// time at which everything happens, so that outputs can be compared byte by byte. Debug builds alone read it, so that nothing in the environment of a released program can change the date of an observation.
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
    static STILL: LazyLock<Option<Timestamp>> =
        LazyLock::new(|| std::env::var(TEST_CLOCK).ok()?.strip_suffix(" still")?.parse().ok());
    if let Some(still) = *STILL {
        return still;
    }
    static LEAD: LazyLock<jiff::SignedDuration> = LazyLock::new(|| {
        let begins = std::env::var(TEST_CLOCK).ok().and_then(|text| text.parse::<Timestamp>().ok());
        begins.map_or(jiff::SignedDuration::ZERO, |begins| begins.duration_since(Timestamp::now()))
    });
    // The lead is taken first: with it taken after, the process would begin before its beginning.
    let lead = *LEAD;
    Timestamp::now().checked_add(lead).unwrap_or(Timestamp::MAX)
}

/// The current time, as the crates below take it.
pub(crate) fn system() -> Clock {
    Arc::new(now)
}
