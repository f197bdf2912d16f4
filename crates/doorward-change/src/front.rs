//! What a change needs from outside: one load balancer, read as a scan reads it, and its mode, read and set.

use std::future::Future;

use doorward_model::{Gap, LoadBalancer, Mode, Verdict};

use crate::Target;

/// What reading a load balancer's mode brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// The attribute's value, verbatim.
    Value(String),
    /// The load balancer is gone.
    Gone,
    /// AWS answered, and the attribute was not in the answer.
    Absent,
}

/// A load balancer just before it is changed: what decides whether it may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Current {
    /// The load balancer as it is now, read by today's settings.
    pub load_balancer: LoadBalancer,
    /// What the rule about the mode says of it now, by today's policy and exceptions.
    pub verdict: Option<Verdict>,
    /// The mode that today's policy requires of it, where that is certain.
    pub required: Option<Mode>,
    /// An exception in force that may cover it, where that depends on something that could not be read.
    pub may_be_excepted: Option<String>,
}

/// What looking at a load balancer brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Look {
    /// The load balancer; its attributes were read.
    Here(Box<Current>),
    /// The load balancer is gone.
    Gone,
}

/// A request to set a mode that was not answered with success.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotSet {
    /// What was answered instead, or why nothing was sent.
    pub gap: Gap,
    /// Whether the request certainly had no effect.
    pub refused: bool,
}

/// What a call that sets a mode brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrote {
    /// The attribute's value in AWS's answer, verbatim; none where the answer lacks it.
    pub value: Option<String>,
    /// AWS's request id.
    pub request_id: Option<String>,
}

/// One load balancer. The binary fulfils it with sessions of the change role.
pub trait Front {
    /// Reads everything that decides whether the load balancer may be changed: its mode, its tags, and with them what manages it, who
    /// owns it and which exceptions cover it.
    fn look(&self, target: &Target) -> impl Future<Output = Result<Look, Gap>>;

    /// Reads the mode.
    fn read(&self, target: &Target) -> impl Future<Output = Result<Seen, Gap>>;

    /// Sends one request that sets the mode and nothing else, and never a second one. An error does not prove that nothing was set,
    /// unless it says so.
    fn set(&self, target: &Target, mode: Mode) -> impl Future<Output = Result<Wrote, NotSet>>;
}
