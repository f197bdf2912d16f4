//! The settings of a check.

use std::collections::BTreeSet;

use doorward_core::normalize::NormalizeSettings;
use doorward_iac::Deployment;
use doorward_model::{Pattern, Policy, ReportSettings};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::CheckError;

/// The settings of the section `check`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GateSettings {
    /// Sources of Terraform modules and of manifests in other repositories that create no load balancer, as globs.
    pub modules_without_load_balancers: Vec<Pattern>,
    /// What a module that is not installed, or manifests in another repository, of which nothing is known counts as.
    pub unknown_modules: UnknownModules,
    /// Files and folders that a search leaves out, in the syntax of .gitignore.
    pub exclude: Vec<String>,
}

/// What a module that is not installed and of which nothing is known counts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum UnknownModules {
    /// A notice, unless the check judges no load balancer at all.
    Notice,
    /// A part that was not read: exit code 4.
    NotRead,
}

/// The settings of a check: the scan's policy, tag keys and thresholds, and the check's own flags.
#[derive(Debug)]
pub struct CheckSettings<'a> {
    /// The required modes and the disabled rules.
    pub policy: &'a Policy,
    /// The tag keys of owner, environment and application.
    pub normalize: &'a NormalizeSettings,
    /// The thresholds of severity and coverage.
    pub report: &'a ReportSettings,
    /// The ids of the rules to judge by; empty for all.
    pub rules: BTreeSet<&'static str>,
    /// Facts about the deployment that the files do not contain.
    pub deployment: Deployment,
    /// What a module that is not installed and of which nothing is known counts as.
    pub unknown_modules: UnknownModules,
}

impl CheckSettings<'_> {
    /// The rules with these ids.
    ///
    /// # Errors
    ///
    /// An id that no rule has.
    pub fn rules(ids: &[String]) -> Result<BTreeSet<&'static str>, CheckError> {
        let known = |id: &String| {
            let meta = doorward_rules::catalogue().iter().find(|meta| meta.id == id);
            meta.map(|meta| meta.id).ok_or_else(|| CheckError::UnknownRule { rule: id.clone() })
        };
        ids.iter().map(known).collect()
    }
}
