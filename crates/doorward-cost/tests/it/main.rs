//! What must hold of costs: an export adds up to the last digit, is joined by ARN, and is refused with a clear error where it is not
//! understood.

#![expect(clippy::expect_used, reason = "a test that cannot go on should say where")]

mod exports;
mod joining;
