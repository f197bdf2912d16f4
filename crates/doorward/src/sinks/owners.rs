//! The folder of summaries, one per owner.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use doorward_model::{
    AccountId, Arn, LoadBalancer, Policy, Receipt, RequiredMode, RuleMeta, ScanReport, Sink, SinkContext, SinkError,
    SinkFuture,
};
use doorward_rules::Requirement;
use doorward_sink_owners as owners;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::SinkInputs;
use crate::exit::Failure;
use doorward_file::create_private_folder;

/// The summaries per owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OwnersSettings {
    /// Tag keys that name a cost centre, in order: of the load balancer, then of its account.
    pub(crate) cost_centre_tags: Vec<String>,
    /// How many days before its end an exception is something for this week.
    pub(crate) due_days: u32,
    /// The contact for questions about the report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ask: Option<String>,
    /// The contact of each account.
    #[serde(default)]
    pub(crate) contacts: BTreeMap<AccountId, String>,
    /// A folder with templates that go before the built-in ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) templates_dir: Option<PathBuf>,
}

/// Writes a folder with a summary for each owner.
struct OwnersSink<'a> {
    folder: PathBuf,
    inputs: SinkInputs<'a>,
}

/// Makes the sink.
pub(super) fn make<'a>(folder: &Path, inputs: SinkInputs<'a>) -> Result<Box<dyn Sink + 'a>, Failure> {
    Ok(Box::new(OwnersSink { folder: folder.to_owned(), inputs }))
}

impl OwnersSink<'_> {
    fn write(&self, report: &ScanReport, context: &SinkContext<'_>) -> Result<Receipt, SinkError> {
        let settings = &self.inputs.settings.owners;
        let context = owners::Context {
            required: required(report, self.inputs.policy),
            rules: rules(),
            previous: context.history.before.clone(),
            cost_centre_tags: settings.cost_centre_tags.clone(),
            account_contacts: settings.contacts.clone(),
            ask: settings.ask.clone(),
            due_days: settings.due_days,
            templates_dir: settings.templates_dir.clone(),
        };
        owners::write(&self.folder, report, &context)
    }

    fn check(&self) -> Result<(), SinkError> {
        create_private_folder(&self.folder).map_err(|e| SinkError {
            sink: "owners".to_owned(),
            problem: format!("{}: the folder cannot be created: {e}", self.folder.display()),
        })
    }
}

impl Sink for OwnersSink<'_> {
    fn name(&self) -> &str {
        "owners"
    }

    fn preflight(&self) -> SinkFuture<'_, ()> {
        Box::pin(std::future::ready(self.check()))
    }

    fn emit<'a>(&'a self, report: &'a ScanReport, context: SinkContext<'a>) -> SinkFuture<'a, Receipt> {
        Box::pin(std::future::ready(self.write(report, &context)))
    }
}

/// The mode that policy requires of each load balancer.
pub(super) fn required(report: &ScanReport, policy: &Policy) -> BTreeMap<Arn, RequiredMode> {
    let required = |lb: &LoadBalancer| {
        let requirement = Requirement::of(lb, policy);
        let by = requirement.to_string();
        RequiredMode { lowest: requirement.lowest(), highest: requirement.highest(), by }
    };
    report.load_balancers.iter().map(|lb| (lb.arn.clone(), required(lb))).collect()
}

/// The documentation of every rule.
pub(super) fn rules() -> Vec<RuleMeta> {
    doorward_rules::catalogue().iter().map(|meta| **meta).collect()
}
