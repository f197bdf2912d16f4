//! The pipeline: an inventory, what it is judged by, and its history become one scan report.
//!
//! ```text
//! Inventory -> normalize -> join (traffic, changes, edits, declarations) -> judge -> JudgedScan -> + ScanHistory -> ScanReport
//! ```
//!
//! Every command that needs a report gets it from here. The ledger needs the verdicts before it knows their history, so there
//! are two steps: [`judge`] gives a [`JudgedScan`], which is recorded, and [`JudgedScan::with_history`] gives the report, which
//! nothing changes afterwards. [`assemble`] does both where the history is known already, as for a saved scan.

use std::collections::BTreeMap;
use std::sync::Arc;

use doorward_model::{
    AppliedPolicy, Arn, InCode, Inputs, Inventory, LoadBalancer, LoadBalancerCost, Policy, Rule, ScanHistory,
    ScanReport, Traffic, UnmatchedSetting,
};
use jiff::Timestamp;

use crate::evaluate;
use crate::normalize::{NormalizeSettings, normalize};

mod later_readings;

pub use later_readings::apply_later_readings;

/// The rules to judge these load balancers by, with their exceptions as they stand at a time. The flag says that changes of modes
/// are recorded for load balancers that are not among these, because only one load balancer was read.
pub type RulesFor<'a> = dyn Fn(&[LoadBalancer], bool, Timestamp) -> Vec<Box<dyn Rule>> + Sync + 'a;

/// Traffic by ARN, weighed as of a time: that at which the scan began.
pub type TrafficFor<'a> = dyn Fn(&[LoadBalancer], Timestamp) -> BTreeMap<Arn, Arc<Traffic>> + Sync + 'a;

/// Applies the age limit to traffic that is joined, as of the time at which a command acts on the report.
pub type ExpireTraffic<'a> = dyn Fn(&mut BTreeMap<Arn, Arc<Traffic>>) + Sync + 'a;

/// Declarations in infrastructure as code, by ARN.
pub type DeclarationsFor<'a> = dyn Fn(&[LoadBalancer]) -> BTreeMap<Arn, Arc<InCode>> + Sync + 'a;

/// The costs of load balancers by ARN, at the time when the scan began.
pub type CostsFor<'a> = dyn Fn(&[LoadBalancer], Timestamp) -> BTreeMap<Arn, Arc<LoadBalancerCost>> + Sync + 'a;

/// The criteria by which an inventory is judged.
#[derive(Clone, Copy)]
pub struct Recipe<'a> {
    /// How tags are read.
    pub normalize: &'a NormalizeSettings,
    /// The policy.
    pub policy: &'a Policy,
    /// The rules and the exceptions to them.
    pub rules: &'a RulesFor<'a>,
    /// Traffic evidence that replaces the traffic among the inputs.
    pub traffic: Option<&'a TrafficFor<'a>>,
    /// For a command that acts on the report later than the scan: traffic evidence may be too old by then.
    pub expire: Option<&'a ExpireTraffic<'a>>,
    /// Days in which a tracked source of non-compliant requests is due to be fixed.
    pub source_due_days: u32,
    /// Files that replace the declarations among the inputs.
    pub declarations: Option<&'a DeclarationsFor<'a>>,
    /// The costs of load balancers; they replace those in the inputs.
    pub costs: Option<&'a CostsFor<'a>>,
    /// How the policy applies to a load balancer.
    pub applied: fn(&LoadBalancer, &Policy) -> AppliedPolicy,
    /// Entries of the policy that match nothing in a report.
    pub unmatched: fn(&ScanReport, &Policy) -> Vec<UnmatchedSetting>,
}

/// Why an inventory cannot be judged.
#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    /// The policy switches off every rule that applies: no finding at all would look like a clean result.
    #[error(
        "policy.disabled turns off every rule of this scan ({rules}), so nothing would be checked, and that is not a \
         clean result; remove at least one of them from policy.disabled"
    )]
    NothingAsked {
        /// The ids of those rules, separated by commas.
        rules: String,
    },
}

/// A scan with its verdicts and without their history: what the ledger records.
pub struct JudgedScan(ScanReport);

impl JudgedScan {
    /// The scan without any history.
    pub fn without_history(&self) -> &ScanReport {
        &self.0
    }

    /// The report.
    pub fn with_history(self, history: ScanHistory) -> ScanReport {
        self.0.with_history(history)
    }
}

/// Judges an inventory by the rules and exceptions as of the time at which its scan began, so that a saved scan gives the same
/// verdicts whenever it is judged again.
///
/// # Errors
/// [`PipelineError::NothingAsked`] where the policy leaves no rule to ask.
pub fn judge(inventory: Inventory, inputs: Inputs, recipe: &Recipe<'_>) -> Result<JudgedScan, PipelineError> {
    let at = inventory.run.started;
    let only_one = inventory.run.only.is_some();
    let mut scan = normalize(inventory, recipe.normalize);
    let Inputs { mut traffic, mut changes, mut edits, mut declared, mut tracked, mut usage, mut costs } = inputs;
    // Where one load balancer of all was read, a rule about changes is asked if a whole scan would ask it.
    let changes_elsewhere = only_one && !changes.is_empty();
    if let Some(trace) = recipe.declarations {
        declared = trace(&scan.load_balancers);
    }
    for lb in &mut scan.load_balancers {
        lb.changes = changes.remove(&lb.arn).unwrap_or_default();
        // An edit that left another mode than the current one did not set the current one.
        lb.edited = edits.remove(&lb.arn).filter(|edit| lb.mode.known() == Some(&edit.left)).map(Box::new);
        lb.declared = declared.remove(&lb.arn);
        lb.usage = usage.remove(&lb.arn);
    }
    // After the changes are joined: what was logged before the mode was changed is no evidence of the current mode.
    if let Some(weigh) = recipe.traffic {
        traffic = weigh(&scan.load_balancers, at);
    }
    if let Some(expire) = recipe.expire {
        expire(&mut traffic);
    }
    for lb in &mut scan.load_balancers {
        lb.traffic = traffic.remove(&lb.arn);
        let known = tracked.remove(&lb.arn).unwrap_or_default();
        lb.tracked_sources = match lb.traffic.as_deref() {
            Some(traffic) => doorward_model::track(known, traffic, lb.owner_label(), recipe.source_due_days),
            None => known,
        };
    }
    // After usage and traffic are joined, which decide what capacity costs.
    if let Some(price) = recipe.costs {
        costs = price(&scan.load_balancers, at);
    }
    for lb in &mut scan.load_balancers {
        lb.cost = costs.remove(&lb.arn);
    }
    for lb in &mut scan.load_balancers {
        lb.policy = Some((recipe.applied)(lb, recipe.policy));
    }
    let rules = (recipe.rules)(&scan.load_balancers, changes_elsewhere, at);
    let rules: Vec<&dyn Rule> = rules.iter().map(|rule| &**rule).collect();
    any_asked(&rules, recipe.policy)?;
    let mut report = evaluate(scan, &rules, recipe.policy);
    if !only_one {
        let ous = recipe.normalize.owner.ous.keys().map(String::as_str);
        let owners = UnmatchedSetting::ous("owner.ous", ous, &report.accounts);
        let of_policy = (recipe.unmatched)(&report, recipe.policy);
        report.run.unmatched.extend(owners.into_iter().chain(of_policy));
    }
    // A scan of one load balancer did not look for the others, so their changes are not missing from it.
    let changes_unfound = if only_one { BTreeMap::new() } else { changes };
    Ok(JudgedScan(ScanReport { changes_unfound, ..report }))
}

/// Judges an inventory whose history is known.
///
/// # Errors
/// As [`judge`].
pub fn assemble(
    inventory: Inventory,
    inputs: Inputs,
    recipe: &Recipe<'_>,
    history: ScanHistory,
) -> Result<ScanReport, PipelineError> {
    judge(inventory, inputs, recipe).map(|judged| judged.with_history(history))
}

/// Refuses a policy that disables all of these rules.
///
/// # Errors
/// [`PipelineError::NothingAsked`], with the ids of the rules.
pub fn any_asked(rules: &[&dyn Rule], policy: &Policy) -> Result<(), PipelineError> {
    let is_off = |rule: &&dyn Rule| policy.disabled.iter().any(|id| id == rule.meta().id);
    if !rules.iter().all(is_off) {
        return Ok(());
    }
    let ids: Vec<&str> = rules.iter().map(|rule| rule.meta().id).collect();
    Err(PipelineError::NothingAsked { rules: ids.join(", ") })
}
