//! The outputs for owners and for looking at: the report, with what policy demands and what the ledger remembered.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use doorward_model::{AccountId, LoadBalancer, Receipt, RuleMeta, ScanReport, SinkError};
use doorward_rules::Requirement;
use doorward_sink_owners as owners;
use doorward_sink_page as page;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Around;
use crate::past::ChangeKind;

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
    // What was not seen belongs to whoever had it when it was.
    let unseen = report.unseen.iter().flat_map(|unseen| &unseen.load_balancers);
    let mut whose: BTreeMap<&str, &str> = unseen.map(|lb| (lb.arn.as_str(), lb.owner.as_str())).collect();
    whose.extend(report.load_balancers.iter().map(|lb| (lb.arn.as_str(), lb.owner_label())));
    let previous = around.past.before.as_ref().map(|before| owners::Previous {
        run: before.run.clone(),
        at: before.at,
        changes: before
            .changes
            .iter()
            .map(|change| owners::Change {
                kind: owners_kind(change.kind),
                owner: whose.get(change.load_balancer.as_str()).map(|owner| (*owner).to_owned()),
                load_balancer: change.load_balancer.clone(),
                rule: change.rule.clone(),
            })
            .collect(),
    });
    let required = required(report, around, |required| owners::Required {
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
    owners::write(folder, report, &context)
}

/// Renders the page.
pub(super) fn page(report: &ScanReport, around: &Around<'_>) -> Result<String, SinkError> {
    let trend = around.past.trend.iter().map(|point| page::TrendRow {
        at: point.at,
        coverage: point.coverage,
        modes: point.modes.clone(),
        mode_unknown: point.mode_unknown,
        failing: point.failing(),
        failing_known: point.failing_known(),
        balancers_unseen: point.unseen.as_ref().map_or(0, |missed| missed.load_balancers),
        excepted: point.excepted,
        unknown: point.unknown,
    });
    let required =
        required(report, around, |required| page::Required { lowest: required.lowest(), highest: required.highest() });
    page::render(report, &page::Context { required, rules: rules(), trend: trend.collect() })
}

fn required<T>(
    report: &ScanReport,
    around: &Around<'_>,
    told: impl Fn(Requirement) -> T,
) -> BTreeMap<doorward_model::Arn, T> {
    let asked = report.load_balancers.iter().filter(|lb: &&LoadBalancer| lb.kind.can_parse_http());
    asked.map(|lb| (lb.arn.clone(), told(Requirement::of(lb, around.policy)))).collect()
}

fn rules() -> Vec<RuleMeta> {
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
