//! The mode that policy requires of a load balancer, as sinks show it.

use std::fmt;

use crate::{LoadBalancer, Mode};

/// The required mode. `lowest` and `highest` are equal unless something that the policy asks about could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequiredMode {
    /// The weakest mode that may be required.
    pub lowest: Mode,
    /// The strongest mode that may be required.
    pub highest: Mode,
    /// The policy rule that requires it, or why that is not known, as a sentence.
    pub by: String,
}

impl RequiredMode {
    /// The mode to set where the load balancer is certainly below it. It is the only target mode that an output names for a fix.
    pub fn unmet_by(&self, lb: &LoadBalancer) -> Option<Mode> {
        lb.mode.known().filter(|mode| **mode < self.lowest).map(|_| self.lowest)
    }

    /// The mode, where it is certain.
    pub fn certain(&self) -> Option<Mode> {
        (self.lowest == self.highest).then_some(self.lowest)
    }
}

impl fmt::Display for RequiredMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.certain() {
            Some(mode) => f.pad(mode.as_str()),
            None => write!(f, "{} to {} (unread)", self.lowest, self.highest),
        }
    }
}
