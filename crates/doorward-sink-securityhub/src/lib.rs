//! Scan report -> ASFF -> Security Hub, once each: every finding there once, true, and never wrongly closed.
//!
//! ```text
//! ScanReport -> render -> plan (against the outbox) -> deliver (per Security Hub) -> Outcome
//! ```
//!
//! A *Security Hub* is Security Hub in one account-Region. [`FindingRenderer`] turns findings into ASFF and [`plan`] decides what to send;
//! both are pure. [`Publisher`] delivers a report, with two things from outside: a [`ClientProvider`](doorward_aws::ClientProvider)
//! and an [`Outbox`] (what was sent, and what is known to have arrived). The same findings can be written to files:
//! [`asff_json`] and [`ocsf_ndjson`]. Beside them, [`native()`] reads what Security Hub's own controls say, and [`compare()`] holds it against
//! what was seen.
//!
//! It deliberately never touches what belongs to the customer (workflow, notes, user-defined fields), never enables
//! Security Hub, never claims a control of Security Hub's own, and never archives what was not looked at.

use doorward_aws::Operation;
use doorward_model::{ACCOUNT, Grant, PARTITION};

/// The IAM actions this sink calls.
pub const ACTIONS: [&str; 2] = [Operation::BatchImportFindings.action(), Operation::GetFindings.action()];

/// What the publishing role is allowed, and what its sessions are limited to: importing for the account's own product, and reading
/// the account's own Security Hub.
pub fn grants() -> Vec<Grant> {
    vec![Grant::on("ImportFindings", &[ACTIONS[0]], &[arn(&format!("product/{ACCOUNT}/default"))]), reading_grant()]
}

/// What sessions are limited to that only read findings.
pub fn reading_grant() -> Grant {
    Grant::on("ReadFindings", &[ACTIONS[1]], &[arn("hub/default")])
}

fn arn(end: &str) -> String {
    format!("arn:{PARTITION}:securityhub:*:{ACCOUNT}:{end}")
}

mod age;
mod asff;
mod asff_files;
mod config_rule;
mod control_comparison;
mod decide;
mod deliver;
mod ledger_outbox;
mod limits;
mod listing;
mod native;
mod ocsf;
mod outbox;
mod outcome;
pub mod plan;
mod publish;
mod publish_settings;
mod reconcile;
mod records;
mod render;
mod statement;
mod wire;

pub use age::age_sentence;
pub use asff::Asff;
pub use asff_files::{asff_json, ocsf_ndjson};
pub use config_rule::{
    ConfigRuleOffer, config_rule_list_date, config_rule_offer, regions_with_disputed_config_rule,
    regions_without_config_rule,
};
pub use control_comparison::{
    Blind, Comparison, ComparisonLine, NativeFindings, Says, Standing, Stray, UnseenSide, ask_native, compare,
    comparison_table,
};
pub use decide::Omitted;
pub use deliver::Closed;
pub use ledger_outbox::LedgerOutbox;
pub use limits::FINDING_BYTES;
pub use native::{APPLICATION, CLASSIC, CONFIG, NATIVE_ACTION, NativeFinding, native};
pub use ocsf::Shape;
pub use outbox::{FindingIntent, MemoryOutbox, Outbox, OutboxError, RecordState, SentFinding};
pub use outcome::{PublishOutcome, Refused, SecurityHubLine};
pub use plan::Why;
pub use publish::{PlannedFinding, Publisher, Settings};
pub use publish_settings::{DeliveryKind, PublishSettings};
pub use reconcile::{Audit, RecordDifference, look};
pub use render::{Approval, Delivery, ExceptedAs, FindingRenderer, Rendered, ReportIndex, renderer};
pub use statement::audit_statement;
