//! The required mode of a load balancer, one file per rule, and the register of exceptions.
//!
//! The stage *evaluate* calls this crate: it takes one [`LoadBalancer`](doorward_model::LoadBalancer) and the
//! [`Policy`](doorward_model::Policy) and returns a [`Verdict`](doorward_model::Verdict) for every rule in [`all`] or, with a
//! register, for every rule that [`Register::wrap`](exceptions::Register::wrap) returns. Every function is pure: texts and
//! times are parameters; there is no clock, no I/O and no state.
//!
//! It does not turn rules off, read or write the files of the register, compose finding ids or escape text. Names and tags are
//! external text and stay unescaped in sentences: each output escapes them. Only shell commands are checked here.

pub mod exceptions;
mod matching;
mod policy_criteria;
mod policy_explanation;
mod policy_problem;
mod preconditions;
mod presets;
mod register_rules;
mod remediation;
mod requirement;
mod rules;
mod unmatched_rules;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use doorward_model::{Arn, LoadBalancer, Policy, RequiredMode, Rule, RuleMeta};

pub use policy_explanation::PolicyExplanation;
pub use policy_problem::policy_problem;
pub use presets::{PRESETS, PresetFile};
pub use remediation::{
    DROP_INVALID, DROP_INVALID_CAUTION, LOG_BUCKET, drop_invalid_headers, mode_caution, set_mode_instructions,
};
pub use requirement::{Candidate, Requirement, Satisfaction, applied_policy};
pub use unmatched_rules::unmatched_rules;

/// Every rule that judges a load balancer alone, ordered by id; [`asked`] selects those of a scan. A rule that is not in the
/// list does not run, unless a register of exceptions adds it.
pub fn all() -> &'static [&'static dyn Rule] {
    rules::REGISTRY
}

/// The rules of [`all`] that have evidence among these load balancers; see [`Rule::is_asked`]. `changed` says that Doorward
/// changed a load balancer that is not among them, because only one load balancer was read.
pub fn asked(load_balancers: &[LoadBalancer], changed: bool) -> Vec<&'static dyn Rule> {
    all().iter().copied().filter(|rule| rule.is_asked(load_balancers, changed)).collect()
}

/// The definition of every rule, as [`catalogue`] has it.
pub fn definitions() -> Vec<RuleMeta> {
    catalogue().iter().map(|meta| **meta).collect()
}

/// The mode that the policy requires of each load balancer.
pub fn required_modes(load_balancers: &[LoadBalancer], policy: &Policy) -> BTreeMap<Arn, RequiredMode> {
    let required = |lb: &LoadBalancer| {
        let requirement = Requirement::of(lb, policy);
        let by = requirement.to_string();
        RequiredMode { lowest: requirement.lowest(), highest: requirement.highest(), by }
    };
    load_balancers.iter().map(|lb| (lb.arn.clone(), required(lb))).collect()
}

/// The definition of every rule, ordered by id: those of [`all`] and those that a register of exceptions adds.
pub fn catalogue() -> &'static [&'static RuleMeta] {
    static CATALOGUE: LazyLock<Vec<&RuleMeta>> = LazyLock::new(|| {
        let mut metas: Vec<_> = all().iter().map(|rule| rule.meta()).chain(register_rules::METAS).collect();
        metas.sort_by_key(|meta| meta.id);
        metas
    });
    &CATALOGUE
}
