//! The offset of the clock from AWS's: every answer carries its date.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::AfterDeserializationInterceptorContextRef;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use jiff::Timestamp;

use crate::Clock;

/// Compares the date of an answer with the clock.
#[derive(Clone)]
pub(super) struct ClockOffset {
    clock: Clock,
    seen: Arc<Mutex<Option<i64>>>,
}

impl ClockOffset {
    pub(super) fn new(clock: Clock) -> Self {
        Self { clock, seen: Arc::default() }
    }

    /// Seconds by which the clock was ahead at the last answer with a date.
    pub(super) fn seconds(&self) -> Option<i64> {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for ClockOffset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClockOffset({:?})", self.seconds())
    }
}

impl Intercept for ClockOffset {
    fn name(&self) -> &'static str {
        "ClockOffset"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(date) = context.response().headers().get("date").and_then(read) {
            let offset = ahead((self.clock)(), date);
            *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(offset);
        }
        Ok(())
    }
}

fn read(date: &str) -> Option<Timestamp> {
    jiff::fmt::rfc2822::parse(date).ok().map(|date| date.timestamp())
}

/// The date of an answer is truncated to seconds, so a clock within that second is not ahead.
fn ahead(now: Timestamp, date: Timestamp) -> i64 {
    (now.as_millisecond() - date.as_millisecond()).div_euclid(1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_seconds_either_way() {
        let date = read("Mon, 02 Nov 2026 09:00:00 GMT").expect("reads");
        for (now, offset) in [
            ("2026-11-02T09:00:00.2Z", 0),
            ("2026-11-02T09:00:00.9Z", 0),
            ("2026-11-02T09:00:05.1Z", 5),
            ("2026-11-02T08:59:57.5Z", -3),
        ] {
            assert_eq!(ahead(now.parse().expect("a time"), date), offset, "{now}");
        }
        assert_eq!(read("yesterday"), None);
    }
}
