//! The texts of `doorward-report-v1`: what a plugin says of itself, what it reads before a report, and what it answers.
//!
//! Version 1 only ever gains fields: a plugin ignores those that it does not know, and so does Doorward.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The name and version of the contract.
pub const CONTRACT: &str = "doorward-report-v1";
/// The exit code by which a plugin asks for another try later: EX_TEMPFAIL of sysexits.
pub const TRY_AGAIN: i32 = 75;

/// The answer to `PLUGIN describe`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
pub struct PluginDescription {
    /// `doorward-report-v1`.
    pub contract: String,
    /// The plugin's own name.
    pub name: String,
    /// The plugin's own version.
    pub version: String,
    /// The destination of its output.
    pub destination: PluginDestination,
    /// The guarantee if the same delivery arrives twice.
    pub repeat: RepeatGuarantee,
    /// A JSON Schema of its configuration, for people and editors. The plugin checks its configuration itself.
    #[serde(default)]
    pub configuration_schema: Option<Value>,
    /// The environment variables that it needs: the setting `pass_env` has to name them.
    #[serde(default)]
    pub needs_env: Vec<String>,
}

/// The destination of a plugin's output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PluginDestination {
    /// It writes a file that Doorward puts in its place, or copies to stdout, once the receipt is right.
    Stream,
    /// It writes the file that `--format NAME=PATH` names.
    File,
    /// It writes into the folder that `--format NAME=PATH` names.
    Folder,
    /// It sends the report to a service.
    Remote,
}

/// The guarantee if the same delivery, by its id, arrives twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RepeatGuarantee {
    /// The second one changes nothing.
    Idempotent,
    /// The second one may do the same again.
    AtLeastOnce,
}

/// The answer to `PLUGIN preflight`, which has the configuration on its stdin.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
pub struct PreflightAnswer {
    /// Whether a report could be delivered now.
    pub ok: bool,
    /// One sentence why not.
    #[serde(default)]
    pub why: Option<String>,
}

/// The first line of what `PLUGIN emit` reads; `ndjson-v1` follows.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ReportHeader<'a> {
    /// `header`.
    #[serde(rename = "type")]
    pub line: &'static str,
    /// `doorward-report-v1`.
    pub contract: &'static str,
    /// The plugin's configuration, as the settings have it.
    pub config: &'a Map<String, Value>,
    /// Which delivery this is.
    pub delivery: DeliveryHeader<'a>,
    /// The absolute path to write to; absent for a plugin that sends the report to a service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destination: Option<&'a str>,
    /// Whether findings have a `since_last` member and `finding_gone` lines precede the end.
    pub delta: bool,
}

/// Which delivery a report is.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct DeliveryHeader<'a> {
    /// The same for the same report to the same plugin and destination, also when it is delivered again.
    pub id: &'a str,
    /// Whether this delivery may have arrived before.
    pub may_repeat: bool,
    /// The last delivery that arrived; absent if there is none, or no ledger.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previous: Option<&'a str>,
}

/// A finding that was in the previous delivery and is not in this report, although its load balancer's account-Region was read.
#[derive(Debug, Serialize, JsonSchema)]
pub struct FindingGone<'a> {
    /// `finding_gone`.
    #[serde(rename = "type")]
    pub line: &'static str,
    /// The id of the finding.
    pub id: &'a str,
}

/// The change of a finding since the last delivery to the same plugin and destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SinceLast {
    /// It was not in the last delivery.
    New,
    /// Its content hash is another one.
    Changed,
    /// Its content hash is the same.
    Same,
}

/// The answer of `PLUGIN emit`, one JSON document on stdout: `findings_in = written + skipped`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
pub struct PluginReceipt {
    /// The findings that it read.
    pub findings_in: usize,
    /// The findings that it wrote or sent.
    pub written: usize,
    /// The findings that it left out, by reason.
    #[serde(default)]
    pub skipped: BTreeMap<String, usize>,
    /// Where they are: a path or an address.
    #[serde(default, rename = "where")]
    pub place: Option<String>,
}
