//! What policy requires of a load balancer: a question that the binary answers.

use doorward_model::{LoadBalancer, Mode};

/// Answers for one load balancer.
pub type Requirements<'a> = dyn Fn(&LoadBalancer) -> Required + 'a;

/// The required mode of one load balancer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Required {
    /// The mode; none where it depends on what could not be read, or where no mode makes sense.
    pub mode: Option<Mode>,
    /// What requires it: a rule of the policy, its default, or why it is not known.
    pub by: String,
}
