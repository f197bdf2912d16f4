//! The contract of a rule: one question asked of one load balancer.

use crate::{LoadBalancer, Policy, Severity, Verdict};

/// What a rule says of itself. The only place that describes it: `doorward explain`, the rule catalogue and every sink
/// read from here.
#[derive(Debug, Clone, Copy)]
pub struct RuleMeta {
    /// Names the bad pattern and reads well after "allow": `desync-mode-below-required`.
    pub id: &'static str,
    /// A version that grows when the meaning of the verdict changes.
    pub version: u32,
    /// A short title.
    pub title: &'static str,
    /// The severity of a failure where nothing raises or lowers it.
    pub severity: Severity,
    /// What is asked.
    pub what: &'static str,
    /// Why it matters.
    pub why: &'static str,
    /// What the answer is read from.
    pub evidence: &'static str,
    /// What to do about a failure.
    pub remediation: &'static str,
    /// Where AWS documents it.
    pub references: &'static [&'static str],
}

/// One question asked of one load balancer. Pure: no clock, no I/O, no memory.
pub trait Rule: Send + Sync {
    /// What the rule says of itself.
    fn meta(&self) -> &'static RuleMeta;

    /// Answers for one load balancer. Pass and fail rest on known observations only.
    fn judge(&self, lb: &LoadBalancer, policy: &Policy) -> Verdict;
}
