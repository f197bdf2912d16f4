//! The required mode of a load balancer under a policy, as far as it can be known.
//!
//! The policy's first matching rule decides, but a rule may ask about something nobody could read. Such a rule neither
//! matches nor fails to match: its mode *may* be the required one, and so may that of every rule after it, up to the
//! first that certainly matches. What is left is a set of candidates. A mode that satisfies all of them passes whatever
//! the missing answer is; one that satisfies none fails whatever it is; only in between is the verdict open.
//!
//! Each criterion is weighed by itself. That two unread rules could not both miss (one for each scheme, say) is not
//! used: the set may be larger than it need be, so a verdict may stay open, but it is never wrong.

use std::fmt;
use std::sync::Arc;

use doorward_model::{Gap, LoadBalancer, Mode, Policy, PolicyRule};

use crate::matching::{self, Match};

/// A mode that may be the required one, and what requires it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The mode.
    pub mode: Mode,
    /// The policy rule that requires it, by name; none for the policy's default.
    pub rule: Option<String>,
}

/// Where a mode stands against a requirement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// At least as strong as every candidate.
    Met,
    /// Weaker than every candidate.
    Missed,
    /// It depends on what could not be read.
    Open,
}

/// The required mode of one load balancer: one candidate where everything the policy asks about was read, several where
/// something was not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirement {
    lowest: Mode,
    highest: Mode,
    candidates: Vec<Candidate>,
    gaps: Vec<Arc<Gap>>,
}

impl Requirement {
    /// Reads the policy's rules in order against what is known of the load balancer. An absent value matches nothing; an
    /// unread one leaves its rule open.
    pub fn of(lb: &LoadBalancer, policy: &Policy) -> Self {
        let mut candidates = Vec::new();
        let mut gaps: Vec<Arc<Gap>> = Vec::new();
        let mut settled = Candidate { mode: policy.required_mode, rule: None };
        for rule in &policy.rules {
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

    /// What may be required, weakest mode first; never empty.
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

    /// The required mode, where all candidates agree on it.
    pub fn certain(&self) -> Option<Mode> {
        (self.lowest == self.highest).then_some(self.lowest)
    }

    /// What could not be read and left a rule open, each gap once, in the order in which the policy asked.
    pub fn gaps(&self) -> &[Arc<Gap>] {
        &self.gaps
    }

    /// Where a mode stands against it.
    pub fn standing(&self, mode: Mode) -> Standing {
        if mode >= self.highest {
            Standing::Met
        } else if mode < self.lowest {
            Standing::Missed
        } else {
            Standing::Open
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

/// Each criterion of the rule that is given, weighed by itself.
fn matches(rule: &PolicyRule, lb: &LoadBalancer) -> Match {
    let criteria = [
        (!rule.accounts.is_empty())
            .then(|| Match::seen(&lb.known_account(), |account| rule.accounts.contains(account))),
        (!rule.kinds.is_empty()).then(|| Match::from(rule.kinds.contains(&lb.kind))),
        (!rule.names.is_empty()).then(|| Match::seen(&lb.known_name(), |name| matching::any(&rule.names, name))),
        (!rule.ous.is_empty()).then(|| matching::within(&lb.ou, &rule.ous)),
        rule.scheme.map(|wanted| Match::seen(&lb.scheme, |scheme| *scheme == wanted)),
        (!rule.tags.is_empty()).then(|| matching::tagged(&lb.tags, &rule.tags)),
        (!rule.environments.is_empty())
            .then(|| Match::seen(&lb.environment, |text| matching::any(&rule.environments, text))),
        (!rule.applications.is_empty())
            .then(|| Match::seen(&lb.application, |text| matching::any(&rule.applications, text))),
    ];
    Match::all(criteria.into_iter().flatten())
}
