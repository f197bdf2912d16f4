//! The settings of a check.

use std::collections::BTreeSet;

use doorward_core::normalize::NormalizeSettings;
use doorward_iac::Deployment;
use doorward_model::{Policy, ReportSettings};

use crate::CheckError;

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
