//! The folder of summaries, one per owner.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use doorward_model::{
    AccountId, Arn, ChangeKind, LoadBalancer, Policy, Receipt, RuleMeta, ScanReport, Sink, SinkContext, SinkError,
    SinkFuture,
};
use doorward_rules::Requirement;
use doorward_sink_owners as owners;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::SinkInputs;
use crate::exit::Failure;
use crate::files::private_folder;

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
        // A load balancer that was not observed belongs to its last known owner.
        let unseen = report.unseen.iter().flat_map(|unseen| &unseen.load_balancers);
        let mut owner_of: BTreeMap<&str, &str> = unseen.map(|lb| (lb.arn.as_str(), lb.owner.as_str())).collect();
        owner_of.extend(report.load_balancers.iter().map(|lb| (lb.arn.as_str(), lb.owner_label())));
        let change = |change: &doorward_model::FindingChange| owners::Change {
            kind: owners_kind(change.kind),
            owner: owner_of.get(change.load_balancer.as_str()).map(|owner| (*owner).to_owned()),
            load_balancer: change.load_balancer.clone(),
            rule: change.rule.clone(),
        };
        let previous = context.history.before.as_ref().map(|before| owners::Previous {
            run: before.run.clone(),
            at: before.at,
            changes: before.changes.iter().map(change).collect(),
        });
        let required = required(report, self.inputs.policy, |required| owners::Required {
            lowest: required.lowest(),
            highest: required.highest(),
        });
        let context = owners::Context {
            required,
            rules: rules(),
            previous,
            cost_centre_tags: settings.cost_centre_tags.clone(),
            account_contacts: settings.contacts.clone(),
            ask: settings.ask.clone(),
            due_days: settings.due_days,
            templates_dir: settings.templates_dir.clone(),
        };
        owners::write(&self.folder, report, &context)
    }

    fn check(&self) -> Result<(), SinkError> {
        private_folder(&self.folder).map_err(|e| SinkError {
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

/// The required mode of every load balancer that has a mode.
pub(super) fn required<T>(report: &ScanReport, policy: &Policy, shown: impl Fn(Requirement) -> T) -> BTreeMap<Arn, T> {
    let with_mode = report.load_balancers.iter().filter(|lb: &&LoadBalancer| lb.kind.can_parse_http());
    with_mode.map(|lb| (lb.arn.clone(), shown(Requirement::of(lb, policy)))).collect()
}

/// The documentation of every rule.
pub(super) fn rules() -> Vec<RuleMeta> {
    doorward_rules::catalogue().iter().map(|meta| **meta).collect()
}

fn owners_kind(kind: ChangeKind) -> owners::ChangeKind {
    match kind {
        ChangeKind::New => owners::ChangeKind::New,
        ChangeKind::Regressed => owners::ChangeKind::Regressed,
        ChangeKind::ExceptionEnded => owners::ChangeKind::ExceptionEnded,
        ChangeKind::NowUnseen => owners::ChangeKind::NowUnseen,
        ChangeKind::Excepted => owners::ChangeKind::Excepted,
        ChangeKind::Fixed => owners::ChangeKind::Fixed,
        ChangeKind::Vanished => owners::ChangeKind::Vanished,
    }
}
