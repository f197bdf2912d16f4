//! Changes against an emulated AWS, a journal in memory and metrics made up.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on should panic")]

mod acting;
mod bed;
mod explaining;
mod headers;
mod plans;
mod reruns;
mod schedules;
mod smallest_loss;
mod storm;
mod terms;
mod watching;
mod writes;
