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

/// What a mode does with a request.
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

/// Who answered requests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Answered {
    /// A target, with a status below 400: a user who was served.
    pub served: u64,
    /// A target, with a status of 400 or more.
    pub refused: u64,
    /// The load balancer, with another status than 400: redirects, fixed responses, a firewall's block, targets that failed.
    pub by_load_balancer: u64,
    /// The load balancer, with 400: blocked by the mode in force. The response of a target is unknown.
    pub blocked: u64,
}

/// One of the four of [`Answered`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// See [`Answered::served`].
    Served,
    /// See [`Answered::refused`].
    Refused,
    /// See [`Answered::by_load_balancer`].
    LoadBalancer,
    /// See [`Answered::blocked`].
    Blocked,
}

impl Answered {
    /// Counts requests.
    pub fn add(&mut self, by: By, requests: u64) {
        *match by {
            By::Served => &mut self.served,
            By::Refused => &mut self.refused,
            By::LoadBalancer => &mut self.by_load_balancer,
            By::Blocked => &mut self.blocked,
        } += requests;
    }

    /// All of them.
    pub fn total(&self) -> u64 {
        self.served + self.refused + self.by_load_balancer + self.blocked
    }

    /// Adds another count.
    pub fn merge(&mut self, other: &Self) {
        self.served += other.served;
        self.refused += other.refused;
        self.by_load_balancer += other.by_load_balancer;
        self.blocked += other.blocked;
    }
}
