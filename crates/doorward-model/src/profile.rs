//! Risk profiles, and how the policy applies to a load balancer.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{AccountId, DeadlineDays, EffectiveMode, Kind, LoadBalancer, Mode, Observed, Pattern, Scheme};

/// A risk profile: load balancers with the same risk, by the criteria that policy rules have. The first that matches applies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RiskProfile {
    /// The name in reports: `card-data`.
    pub name: String,
    /// The mode it requires, where no policy rule matches; without one a preset or the default decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub required_mode: Option<Mode>,
    /// Its deadlines; they come before those of the policy.
    #[serde(default)]
    pub deadlines: DeadlineDays,
    /// Channels that receive a digest of the load balancers of this profile, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notify: Vec<String>,
    /// Account ids.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accounts: Vec<AccountId>,
    /// Organizational units (OUs), by path of names or by id; OUs below them are included.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ous: Vec<String>,
    /// Kinds of load balancers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<Kind>,
    /// The scheme.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheme: Option<Scheme>,
    /// Whether the internet reaches it: by its own addresses, or through an internet-facing network load balancer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reachable: Option<bool>,
    /// Globs over the load balancer's name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<Pattern>,
    /// Tags that must all match: the key exactly as written, the value as a glob without regard to case.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, Pattern>,
    /// Globs over the environment.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub environments: Vec<Pattern>,
    /// Globs over the application type.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub applications: Vec<Pattern>,
}

/// How the policy applies to a load balancer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AppliedPolicy {
    /// The name of its risk profile; unread where a criterion depends on a value that could not be read.
    pub profile: Observed<String>,
    /// The weakest mode that may be required.
    pub required_at_least: Mode,
    /// The strongest mode that may be required; equal to the weakest unless a criterion could not be read.
    pub required_at_most: Mode,
    /// The mode and the rule, profile, preset or default that requires it: `strictest (rule "card data")`.
    pub decided_by: String,
    /// Whether only the default of the policy decides; absent where that depends on a value that could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by_default: Option<bool>,
}

impl AppliedPolicy {
    /// The profile as displayed: its name, `none` or `unknown`.
    pub fn profile_label(&self) -> &str {
        match &self.profile {
            Observed::Known(name) => name,
            Observed::Absent => "none",
            Observed::Unread(_) => "unknown",
        }
    }
}

/// Load balancers by how the policy decides on them. Only those whose mode has an effect count.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PolicyTally {
    /// Load balancers by risk profile; `none` and `unknown` are among them.
    pub profiles: BTreeMap<String, usize>,
    /// Those that only the default of the policy decides on.
    pub by_default: usize,
    /// Those for which this is not known.
    pub by_default_unknown: usize,
    /// Those whose mode is at least the required one.
    pub at_or_above_required: usize,
    /// Those for which this is not known, because the mode or the required mode could not be read.
    pub at_or_above_required_unknown: usize,
    /// All of them: the denominator.
    pub of: usize,
}

impl PolicyTally {
    /// Counts the load balancers whose mode has an effect by how the policy decides on them; none where it was not applied.
    pub fn of(load_balancers: &[LoadBalancer]) -> Option<Self> {
        let mut tally = Self::default();
        let mut any = false;
        for lb in load_balancers {
            let (Some(applied), mode) = (&lb.policy, lb.effective_mode()) else { continue };
            any = true;
            let mode = match mode {
                EffectiveMode::Known(mode) => Some(mode),
                EffectiveMode::Unknown => None,
                EffectiveMode::NoHttpListener | EffectiveMode::NotHttp => continue,
            };
            tally.of += 1;
            *tally.profiles.entry(applied.profile_label().to_owned()).or_default() += 1;
            match applied.by_default {
                Some(by_default) => tally.by_default += usize::from(by_default),
                None => tally.by_default_unknown += 1,
            }
            match mode {
                Some(mode) if mode >= applied.required_at_most => tally.at_or_above_required += 1,
                Some(mode) if mode < applied.required_at_least => {}
                _ => tally.at_or_above_required_unknown += 1,
            }
        }
        any.then_some(tally)
    }
}
