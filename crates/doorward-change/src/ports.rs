//! What a change needs from outside: reading one load balancer, and reading and setting its mode.

use std::future::Future;

use doorward_model::{Gap, LoadBalancer, Mode, Verdict};

use crate::{ChangeTarget, SettingValue};

/// The attribute of a load balancer as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModeReading {
    /// The attribute's value, verbatim.
    Value(String),
    /// The load balancer does not exist any more.
    Gone,
    /// Another load balancer has its name; the sentence that says so. Clients do not return it.
    Another(String),
    /// AWS's response does not contain the attribute.
    Absent,
}

/// A load balancer just before it is changed: everything that decides whether it may be changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Current {
    /// The load balancer as it is now, normalized with the current settings.
    pub load_balancer: LoadBalancer,
    /// The verdict of the rule about the attribute, by the current policy and exceptions.
    pub verdict: Option<Verdict>,
    /// The mode that the current policy requires of it, if that is certain.
    pub required: Option<Mode>,
    /// An exception in force that may cover it, if that depends on something that could not be read.
    pub may_be_excepted: Option<String>,
}

/// The result of reading a load balancer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inspection {
    /// The load balancer; its attributes were read.
    Found(Box<Current>),
    /// The load balancer does not exist any more.
    Gone,
}

/// A request to set a mode that did not succeed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetFailure {
    /// AWS's error, or why no request was sent.
    pub gap: Gap,
    /// Whether it is certain that the request had no effect.
    pub refused: bool,
}

/// AWS's response to a request that set a mode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetResponse {
    /// The attribute's value in the response, verbatim; none if it is missing.
    pub value: Option<String>,
    /// AWS's request id.
    pub request_id: Option<String>,
}

/// Reads and sets the mode of load balancers. The program implements it with sessions of the change role.
pub trait ModeClient {
    /// Reads everything that decides whether the load balancer may be changed: its mode, its tags, and from them its manager, its owner
    /// and the exceptions that cover it.
    fn inspect(&self, target: &ChangeTarget, of: SettingValue) -> impl Future<Output = Result<Inspection, Gap>>;

    /// Reads the attribute that a value is of.
    fn read(&self, target: &ChangeTarget, of: SettingValue) -> impl Future<Output = Result<ModeReading, Gap>>;

    /// Sends one request that sets the attribute and nothing else, and never a second one. An error does not prove that nothing was set,
    /// unless it says so.
    fn set(&self, target: &ChangeTarget, value: SettingValue) -> impl Future<Output = Result<SetResponse, SetFailure>>;
}
