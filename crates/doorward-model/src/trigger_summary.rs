//! Which published triggers of request smuggling reach the targets of a load balancer, in short.

use std::fmt;

/// The published triggers at one load balancer, by id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TriggerSummary {
    /// How many triggers there are.
    pub all: usize,
    /// Those that reach its targets now.
    pub now: Vec<&'static str>,
    /// Those for which this is unknown.
    pub unknown: Vec<&'static str>,
    /// Those that would reach its targets in strictest, with invalid header fields removed where it can do that.
    pub strictest: Vec<&'static str>,
}

impl fmt::Display for TriggerSummary {
    /// `9 of 20 reach the targets, 2 are unknown; 6 would in strictest with invalid header fields removed`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} of {} reach the targets, {} are unknown; {} would in strictest with invalid header fields removed",
            self.now.len(),
            self.all,
            self.unknown.len(),
            self.strictest.len()
        )
    }
}
