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

use doorward_model::{AppliedPolicy, Gap, LoadBalancer, Mode, Observed, Policy};

use crate::criteria::Criteria;
use crate::matching::Match;

/// A mode that may be required, and the rule or risk profile that requires it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The mode.
    pub mode: Mode,
    /// The name of the policy rule or of the risk profile that requires it; none for the default of the policy.
    pub rule: Option<String>,
    /// Whether that is a risk profile.
    pub is_profile: bool,
}

fn by_default(policy: &Policy) -> Candidate {
    Candidate { mode: policy.required_mode, rule: None, is_profile: false }
}

/// What was found before a rule certainly matched.
#[derive(Default)]
struct Found {
    candidates: Vec<Candidate>,
    gaps: Vec<Arc<Gap>>,
}

impl Found {
    /// The candidate, if its criteria certainly match.
    fn ask(
        &mut self,
        candidate: Option<Candidate>,
        criteria: &Criteria<'_>,
        lb: &LoadBalancer,
    ) -> Option<Option<Candidate>> {
        match criteria.matches(lb) {
            Match::No => None,
            Match::Yes => Some(candidate),
            Match::Unread(unread) => {
                self.leave_open(candidate, unread);
                None
            }
        }
    }

    fn leave_open(&mut self, candidate: Option<Candidate>, unread: Vec<Arc<Gap>>) {
        self.candidates.extend(candidate);
        for gap in unread {
            if !self.gaps.contains(&gap) {
                self.gaps.push(gap);
            }
        }
    }
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
    /// Evaluates the rules of the policy in order, then its risk profiles, then its preset. An absent value matches nothing; an
    /// unread value leaves its rule open.
    pub fn of(lb: &LoadBalancer, policy: &Policy) -> Self {
        let mut found = Found::default();
        let rules = policy.rules.iter().map(|rule| (rule, Criteria::of_rule(rule)));
        let preset = policy.preset_rules().iter().map(|rule| (rule, Criteria::of_rule(rule)));
        let by_rule = |rule: &doorward_model::PolicyRule| Candidate {
            mode: rule.required_mode,
            rule: Some(rule.name.clone()),
            is_profile: false,
        };
        let settled = rules
            .map(|(rule, criteria)| (Some(by_rule(rule)), criteria))
            .find_map(|(candidate, criteria)| found.ask(candidate, &criteria, lb))
            .flatten();
        let settled = settled.or_else(|| {
            // A risk profile without a mode leaves the decision to what follows. One that may match, and would do so, makes what
            // follows possible whichever later profile certainly matches.
            let mut open_without_mode = false;
            let mut by_profile = None;
            for profile in &policy.profiles {
                let candidate = profile.required_mode.map(|mode| Candidate {
                    mode,
                    rule: Some(profile.name.clone()),
                    is_profile: true,
                });
                let has_mode = candidate.is_some();
                match Criteria::of_profile(profile).matches(lb) {
                    Match::No => {}
                    Match::Yes => {
                        by_profile = candidate;
                        break;
                    }
                    Match::Unread(unread) => {
                        open_without_mode |= !has_mode;
                        found.leave_open(candidate, unread);
                    }
                }
            }
            if by_profile.is_some() && !open_without_mode {
                return by_profile;
            }
            let after = preset
                .map(|(rule, criteria)| (Some(by_rule(rule)), criteria))
                .find_map(|(candidate, criteria)| found.ask(candidate, &criteria, lb))
                .flatten();
            match by_profile {
                None => after,
                Some(by_profile) => {
                    found.candidates.push(after.unwrap_or_else(|| by_default(policy)));
                    Some(by_profile)
                }
            }
        });
        let settled = settled.unwrap_or_else(|| by_default(policy));
        let Found { mut candidates, gaps } = found;
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
                    Some(name) if candidate.is_profile => write!(f, "risk profile {name:?}")?,
                    Some(name) => write!(f, "rule {name:?}")?,
                    None => f.write_str("the default")?,
                }
            }
            f.write_str(")")?;
        }
        Ok(())
    }
}

/// How the policy applies to a load balancer: its risk profile, and the mode that is required of it.
pub fn applied_policy(lb: &LoadBalancer, policy: &Policy) -> AppliedPolicy {
    let requirement = Requirement::of(lb, policy);
    let is_default = |candidate: &Candidate| candidate.rule.is_none();
    let by_default = match requirement.candidates() {
        all if all.iter().all(is_default) => Some(true),
        all if all.iter().any(is_default) => None,
        _ => Some(false),
    };
    AppliedPolicy {
        profile: profile(lb, policy),
        required_at_least: requirement.lowest(),
        required_at_most: requirement.highest(),
        decided_by: requirement.to_string(),
        by_default,
    }
}

/// The first risk profile that matches. One before it that may match leaves it unread.
fn profile(lb: &LoadBalancer, policy: &Policy) -> Observed<String> {
    for profile in &policy.profiles {
        match Criteria::of_profile(profile).matches(lb) {
            Match::No => {}
            Match::Yes => return Observed::Known(profile.name.clone()),
            Match::Unread(gaps) => {
                let Some(gap) = gaps.into_iter().next() else { continue };
                return Observed::Unread(gap);
            }
        }
    }
    Observed::Absent
}
