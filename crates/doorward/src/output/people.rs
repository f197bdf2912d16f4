//! The outputs for owners and for looking at: the report, with what policy demands and what the ledger remembered.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use doorward_model::{AccountId, Arn, LoadBalancer, Receipt, RequiredMode, RuleMeta, ScanReport, SinkError};
use doorward_rules::Requirement;
use doorward_sink_owners as owners;
use doorward_sink_page as page;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Around;

/// The summaries per owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OwnersSettings {
    /// Tag keys that name a cost centre, in order: of the load balancer, then of its account.
    pub(crate) cost_centre_tags: Vec<String>,
    /// How many days before its end an exception is something for this week.
    pub(crate) due_days: u32,
    /// Whom to ask about the report itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ask: Option<String>,
    /// Whom to ask in an account.
    #[serde(default)]
    pub(crate) contacts: BTreeMap<AccountId, String>,
    /// A folder with templates that go before the built-in ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) templates_dir: Option<PathBuf>,
}

/// Writes a folder of summaries.
pub(super) fn write_owners(folder: &Path, report: &ScanReport, around: &Around<'_>) -> Result<Receipt, SinkError> {
    let settings = &around.sinks.owners;
    let context = owners::Context {
        required: required(report, around),
        rules: rules(),
        previous: around.past.before.clone(),
        cost_centre_tags: settings.cost_centre_tags.clone(),
        account_contacts: settings.contacts.clone(),
        ask: settings.ask.clone(),
        due_days: settings.due_days,
        templates_dir: settings.templates_dir.clone(),
    };
    owners::write(folder, report, &context)
}

/// Renders the page.
pub(super) fn page(report: &ScanReport, around: &Around<'_>) -> Result<String, SinkError> {
    let context =
        page::Context { required: required(report, around), rules: rules(), trend: around.past.trend.clone() };
    page::render(report, &context)
}

/// The mode that policy requires of each load balancer.
pub(super) fn required(report: &ScanReport, around: &Around<'_>) -> BTreeMap<Arn, RequiredMode> {
    let required = |lb: &LoadBalancer| {
        let requirement = Requirement::of(lb, around.policy);
        let by = requirement.to_string();
        RequiredMode { lowest: requirement.lowest(), highest: requirement.highest(), by }
    };
    report.load_balancers.iter().map(|lb| (lb.arn.clone(), required(lb))).collect()
}

fn rules() -> Vec<RuleMeta> {
    doorward_rules::catalogue().iter().map(|meta| **meta).collect()
}
