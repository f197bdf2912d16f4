//! Why a request is not compliant, what each mode does with it, and who answered it.

use doorward_model::Mode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The tier that AWS gave a request that is not compliant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(from = "String", into = "String")]
#[schemars(with = "String")]
pub enum Tier {
    /// Deviates from the RFC, with no known risk.
    Acceptable,
    /// May be understood in different ways.
    Ambiguous,
    /// Is a risk in itself.
    Severe,
    /// A tier this version does not know, as the log has it.
    Other(String),
}

impl Tier {
    /// The tier in AWS's spelling.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Acceptable => "Acceptable",
            Self::Ambiguous => "Ambiguous",
            Self::Severe => "Severe",
            Self::Other(text) => text,
        }
    }

    /// The treatment of it in a mode. The treatment of an unknown tier is unknown, so for that one the worst is
    /// assumed wherever something is blocked at all.
    pub fn in_mode(&self, mode: Mode) -> Treatment {
        match (mode, self) {
            (Mode::Monitor, _) | (Mode::Defensive, Self::Acceptable) => Treatment::Forwarded,
            (Mode::Defensive, Self::Ambiguous) => Treatment::ForwardedAndClosed,
            (Mode::Defensive, Self::Severe | Self::Other(_)) | (Mode::Strictest, _) => Treatment::Blocked,
        }
    }
}

impl From<String> for Tier {
    fn from(text: String) -> Self {
        match text.as_str() {
            "Acceptable" => Self::Acceptable,
            "Ambiguous" => Self::Ambiguous,
            "Severe" => Self::Severe,
            _ => Self::Other(text),
        }
    }
}

impl From<Tier> for String {
    fn from(tier: Tier) -> Self {
        tier.as_str().to_owned()
    }
}

/// The treatment of a request by a mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Treatment {
    /// Goes to the target.
    Forwarded,
    /// Goes to the target; afterwards both connections are closed.
    ForwardedAndClosed,
    /// Is answered with 400 by the load balancer.
    Blocked,
}

/// Classification and reason, as the log has them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Cause {
    /// The tier.
    pub tier: Tier,
    /// The reason code; codes this version does not know are kept.
    pub reason: String,
}

/// Who answered requests that are not compliant, and how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Answered {
    /// A target, with a status below 400: a user who was served.
    pub served: u64,
    /// A target, with 400 to 499.
    pub refused: u64,
    /// A target, with 500 or more. Whether the client is a user is unknown.
    pub failed: u64,
    /// The load balancer, with a status below 400: a redirect or a fixed response. A client that was served.
    pub answered: u64,
    /// The load balancer, with a redirect to a login or with 401 of a rule for logins: a user who is about to sign in.
    pub logins: u64,
    /// The load balancer, with 400 to 499, by a rule or a firewall.
    pub by_load_balancer: u64,
    /// The load balancer, with 500 or more, with 408, 460 or a CAPTCHA, with 400 after an action, with 400 to 499 after an action that is
    /// not documented, or not at all: targets that did not respond, clients that closed the connection or were slow. Whether the client
    /// is a user is unknown.
    pub unanswered: u64,
    /// The load balancer, with 400 and before any action: blocked by the mode in force. The response of a target is unknown.
    pub blocked: u64,
}

/// One of the eight of [`Answered`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnsweredKind {
    /// See [`Answered::served`].
    Served,
    /// See [`Answered::refused`].
    Refused,
    /// See [`Answered::failed`].
    Failed,
    /// See [`Answered::answered`].
    Answered,
    /// See [`Answered::logins`].
    Login,
    /// See [`Answered::by_load_balancer`].
    LoadBalancer,
    /// See [`Answered::unanswered`].
    Unanswered,
    /// See [`Answered::blocked`].
    Blocked,
}

impl Answered {
    /// Counts requests.
    pub fn add(&mut self, by: AnsweredKind, requests: u64) {
        *match by {
            AnsweredKind::Served => &mut self.served,
            AnsweredKind::Refused => &mut self.refused,
            AnsweredKind::Failed => &mut self.failed,
            AnsweredKind::Answered => &mut self.answered,
            AnsweredKind::Login => &mut self.logins,
            AnsweredKind::LoadBalancer => &mut self.by_load_balancer,
            AnsweredKind::Unanswered => &mut self.unanswered,
            AnsweredKind::Blocked => &mut self.blocked,
        } += requests;
    }

    /// All of them.
    pub fn total(&self) -> u64 {
        self.parts().into_iter().sum()
    }

    /// Requests that got a status below 400, from a target or from the load balancer.
    pub fn answered_well(&self) -> u64 {
        self.served + self.answered + self.logins
    }

    fn parts(&self) -> [u64; 8] {
        let Self { served, refused, failed, answered, logins, by_load_balancer, unanswered, blocked } = *self;
        [served, refused, failed, answered, logins, by_load_balancer, unanswered, blocked]
    }

    /// Adds another count.
    pub fn merge(&mut self, other: &Self) {
        self.served += other.served;
        self.refused += other.refused;
        self.failed += other.failed;
        self.answered += other.answered;
        self.logins += other.logins;
        self.by_load_balancer += other.by_load_balancer;
        self.unanswered += other.unanswered;
        self.blocked += other.blocked;
    }
}
