//! What a command judges a scan by, as the pipeline takes it.

use doorward_core::normalize::NormalizeSettings;
use doorward_core::pipeline::{self, JudgedScan, Recipe};
use doorward_model::{Inputs, Inventory, Policy};
use doorward_rules::exceptions::Register;
use doorward_traffic::TrafficEvidence;

use crate::declarations::Declarations;
use crate::exit::Failure;
use crate::register;
use crate::settings::TrafficSettings;

/// The settings, policy and exceptions that decide verdicts.
#[derive(Clone, Copy)]
pub(crate) struct Criteria<'a> {
    pub(crate) normalize: &'a NormalizeSettings,
    pub(crate) policy: &'a Policy,
    pub(crate) register: &'a Register,
}

/// Evidence that was given to a command: it replaces the evidence of the same kind that was kept with a scan.
#[derive(Clone, Copy, Default)]
pub(crate) struct GivenEvidence<'a> {
    /// Traffic, with the settings by which it is weighed.
    pub(crate) traffic: Option<(&'a TrafficEvidence, &'a TrafficSettings)>,
    /// Files that declare load balancers.
    pub(crate) declarations: Option<&'a Declarations>,
}

/// Judges an inventory. Every report of this program comes from here.
pub(crate) fn judge(
    inventory: Inventory,
    inputs: Inputs,
    by: Criteria<'_>,
    given: GivenEvidence<'_>,
) -> Result<JudgedScan, Failure> {
    let rules = |load_balancers: &[_], changes_elsewhere, at| {
        register::rules(by.register, load_balancers, changes_elsewhere, at)
    };
    let weigh = given.traffic.map(|(evidence, settings)| {
        move |load_balancers: &[_], at| doorward_traffic::join(evidence, load_balancers, settings.advice_rules(), at)
    });
    let trace = given.declarations.map(|files| move |load_balancers: &[_]| files.match_live(load_balancers));
    let recipe = Recipe {
        normalize: by.normalize,
        policy: by.policy,
        rules: &rules,
        traffic: weigh.as_ref().map(|weigh| weigh as _),
        declarations: trace.as_ref().map(|trace| trace as _),
        unmatched: doorward_rules::unmatched_rules,
    };
    Ok(pipeline::judge(inventory, inputs, &recipe)?)
}
