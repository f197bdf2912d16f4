//! The required mode of a load balancer under a policy, as far as it is known.
//!
//! The first matching rule of the policy decides, but a rule may depend on a value that could not be read. Then its mode *may* be
//! the required one, and so may the mode of every rule after it, up to the first that certainly matches. The result is a set of
//! candidates. A mode that satisfies all candidates passes, one that satisfies none fails, and any other mode has an unknown
//! verdict.
//!
//! Each criterion is evaluated alone. That two unread rules exclude each other (one for each scheme, for example) is not used: the
//! set may be larger than necessary, so that a verdict may be unknown, but it is never wrong.

use std::fmt;
use std::sync::Arc;

use doorward_model::{Gap, LoadBalancer, Mode, Policy, PolicyRule, Reachability};

use crate::matching::{self, Match};

/// A mode that may be required, and the rule that requires it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The mode.
    pub mode: Mode,
    /// The name of the policy rule that requires it; none for the default of the policy.
    pub rule: Option<String>,
}

/// Whether a mode satisfies a requirement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Satisfaction {
    /// At least as strong as every candidate.
    Met,
    /// Weaker than every candidate.
    Missed,
    /// It depends on a value that could not be read.
    Open,
}

/// The required mode of one load balancer: one candidate if every value that the policy depends on was read, otherwise possibly
/// several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirement {
    lowest: Mode,
    highest: Mode,
    candidates: Vec<Candidate>,
    gaps: Vec<Arc<Gap>>,
}

impl Requirement {
    /// Evaluates the rules of the policy in order. An absent value matches nothing; an unread value leaves its rule open.
    pub fn of(lb: &LoadBalancer, policy: &Policy) -> Self {
        let mut candidates = Vec::new();
        let mut gaps: Vec<Arc<Gap>> = Vec::new();
        let mut settled = Candidate { mode: policy.required_mode, rule: None };
        for rule in policy.all_rules() {
            let candidate = Candidate { mode: rule.required_mode, rule: Some(rule.name.clone()) };
            match matches(rule, lb) {
                Match::No => {}
                Match::Yes => {
                    settled = candidate;
                    break;
                }
                Match::Unread(unread) => {
                    candidates.push(candidate);
                    for gap in unread {
                        if !gaps.contains(&gap) {
                            gaps.push(gap);
                        }
                    }
                }
            }
        }
        let (mut lowest, mut highest) = (settled.mode, settled.mode);
        for candidate in &candidates {
            lowest = lowest.min(candidate.mode);
            highest = highest.max(candidate.mode);
        }
        candidates.push(settled);
        candidates.sort_by_key(|candidate| candidate.mode);
        Self { lowest, highest, candidates, gaps }
    }

    /// The candidates, weakest mode first; never empty.
    pub fn candidates(&self) -> &[Candidate] {
        &self.candidates
    }

    /// The weakest mode that may be required.
    pub fn lowest(&self) -> Mode {
        self.lowest
    }

    /// The strongest mode that may be required.
    pub fn highest(&self) -> Mode {
        self.highest
    }

    /// The required mode, if all candidates agree.
    pub fn certain(&self) -> Option<Mode> {
        (self.lowest == self.highest).then_some(self.lowest)
    }

    /// The gaps that leave rules open, each once, in the order of the policy.
    pub fn gaps(&self) -> &[Arc<Gap>] {
        &self.gaps
    }

    /// Whether a mode satisfies it.
    pub fn satisfied_by(&self, mode: Mode) -> Satisfaction {
        if mode >= self.highest {
            Satisfaction::Met
        } else if mode < self.lowest {
            Satisfaction::Missed
        } else {
            Satisfaction::Open
        }
    }
}

impl fmt::Display for Requirement {
    /// `defensive (the default) or strictest (rule "production")`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, group) in self.candidates.chunk_by(|a, b| a.mode == b.mode).enumerate() {
            let joint = if n == 0 { "" } else { " or " };
            for (m, candidate) in group.iter().enumerate() {
                match m {
                    0 => write!(f, "{joint}{} (", candidate.mode)?,
                    _ => f.write_str(" or ")?,
                }
                match &candidate.rule {
                    Some(name) => write!(f, "rule {name:?}")?,
                    None => f.write_str("the default")?,
                }
            }
            f.write_str(")")?;
        }
        Ok(())
    }
}

/// Whether the rule matches: each given criterion, evaluated alone.
fn matches(rule: &PolicyRule, lb: &LoadBalancer) -> Match {
    Match::all(criteria(rule, lb).into_iter().flatten())
}

/// Whether each criterion of the rule matches; none where it is not given.
pub(crate) fn criteria(rule: &PolicyRule, lb: &LoadBalancer) -> [Option<Match>; 9] {
    [
        (!rule.accounts.is_empty())
            .then(|| Match::seen(&lb.known_account(), |account| rule.accounts.contains(account))),
        (!rule.kinds.is_empty()).then(|| Match::from(rule.kinds.contains(&lb.kind))),
        (!rule.names.is_empty()).then(|| Match::seen(&lb.known_name(), |name| matching::any(&rule.names, name))),
        (!rule.ous.is_empty()).then(|| matching::within(&lb.ou, &rule.ous)),
        rule.scheme.map(|wanted| Match::seen(&lb.scheme, |scheme| *scheme == wanted)),
        rule.reachable
            .map(|wanted| Match::seen(&lb.reachability, |known| (*known != Reachability::Internal) == wanted)),
        (!rule.tags.is_empty()).then(|| matching::tagged(&lb.tags, &rule.tags)),
        (!rule.environments.is_empty())
            .then(|| Match::seen(&lb.environment, |text| matching::any(&rule.environments, text))),
        (!rule.applications.is_empty())
            .then(|| Match::seen(&lb.application, |text| matching::any(&rule.applications, text))),
    ]
}
