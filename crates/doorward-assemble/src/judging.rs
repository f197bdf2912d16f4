//! What a command judges a scan by, as the pipeline takes it.

use doorward_core::normalize::NormalizeSettings;
use doorward_core::pipeline::{self, CostsFor, DeclarationsFor, JudgedScan, Recipe, any_asked};
use doorward_model::{Inputs, Inventory, Policy};
use doorward_rules::exceptions::Register;
use doorward_traffic::{AdviceRules, TrafficByArn, TrafficEvidence};
use jiff::Timestamp;

use crate::AssembleError;

/// The settings, policy and exceptions that decide verdicts.
#[derive(Clone, Copy)]
pub struct Criteria<'a> {
    /// How tags are read.
    pub normalize: &'a NormalizeSettings,
    /// The required modes.
    pub policy: &'a Policy,
    /// The exceptions.
    pub register: &'a Register,
}

/// Evidence that was given to a command: it replaces the evidence of the same kind that was kept with a scan.
#[derive(Clone, Copy, Default)]
pub struct GivenEvidence<'a> {
    /// Traffic, with the rules by which it is weighed.
    pub traffic: Option<(&'a TrafficEvidence, AdviceRules<'a>)>,
    /// The declarations of load balancers in infrastructure as code.
    pub declarations: Option<&'a DeclarationsFor<'a>>,
    /// The costs of load balancers.
    pub costs: Option<&'a CostsFor<'a>>,
    /// For a command that acts on the report: the time at which it acts, and the days after which traffic evidence is too old for
    /// it. The age of the evidence was checked as of the scan.
    pub acts_at: Option<(Timestamp, u32)>,
}

/// Judges an inventory. Every report of the program comes from here.
///
/// # Errors
/// [`AssembleError::Pipeline`] if the policy leaves no rule to ask.
pub fn judge(
    inventory: Inventory,
    inputs: Inputs,
    by: Criteria<'_>,
    given: GivenEvidence<'_>,
) -> Result<JudgedScan, AssembleError> {
    let rules = |load_balancers: &[_], changes_elsewhere, at| by.register.rules(load_balancers, changes_elsewhere, at);
    let weigh = given.traffic.map(|(evidence, rules)| {
        move |load_balancers: &[_], at| doorward_traffic::join(evidence, load_balancers, rules, at)
    });
    let expire = given
        .acts_at
        .map(|(at, days)| move |weighed: &mut TrafficByArn| doorward_traffic::expire_all(weighed, days, at));
    let recipe = Recipe {
        normalize: by.normalize,
        policy: by.policy,
        rules: &rules,
        traffic: weigh.as_ref().map(|weigh| weigh as _),
        expire: expire.as_ref().map(|expire| expire as _),
        // Without further evidence no source is added.
        source_due_days: given.traffic.map_or(0, |(_, rules)| rules.source_due_days),
        declarations: given.declarations,
        costs: given.costs,
        applied: doorward_rules::applied_policy,
        unmatched: doorward_rules::unmatched_rules,
    };
    Ok(pipeline::judge(inventory, inputs, &recipe)?)
}

/// Refuses a policy that switches off every rule, before a scan begins.
///
/// # Errors
/// [`AssembleError::Pipeline`] with the ids of the rules.
pub fn check_any_asked(register: &Register, policy: &Policy) -> Result<(), AssembleError> {
    let rules = register.wrap(doorward_rules::all(), Timestamp::UNIX_EPOCH);
    let rules: Vec<_> = rules.iter().map(|rule| &**rule).collect();
    Ok(any_asked(&rules, policy)?)
}
