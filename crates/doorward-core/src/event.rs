//! Events of CloudTrail and EventBridge: which load balancer a call may have changed, and who made the call. An event is text from
//! outside: it names a load balancer to read again, and only what is then read counts.

mod cloudtrail;
mod envelopes;

pub use cloudtrail::{ModeChangeEvent, NamedLoadBalancer, ParsedEvent, parse_json, parse_text};

/// An event that cannot be used: the member that is wrong, and how.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct EventError(String);

impl EventError {
    /// The same error below a member of a larger event.
    fn below(self, place: &str) -> Self {
        Self(format!("{place}: {}", self.0))
    }
}

impl From<String> for EventError {
    fn from(problem: String) -> Self {
        Self(problem)
    }
}

impl From<&str> for EventError {
    fn from(problem: &str) -> Self {
        Self(problem.to_owned())
    }
}
