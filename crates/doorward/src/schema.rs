//! `doorward schema`: JSON Schemas of settings and outputs, generated from the types themselves.

use crate::cli::SchemaKind;
use crate::exit::{Exit, Failure};
use crate::settings::Settings;
use doorward_saved_scan::SavedLine;
use doorward_sink_plugin::contract;
use doorward_sink_text::json::JsonDocument;
use doorward_sink_text::ndjson::NdjsonLine;
use doorward_traffic::{AdviceDocument, TrafficDocument};

// Documents that are composed of several types; tests compare them with real output.
const DOCTOR: &str = include_str!("../../../reports/schema/doctor-v1.json");
const HISTORY: &str = include_str!("../../../reports/schema/history-v1.json");
const HISTORY_DIFF: &str = include_str!("../../../reports/schema/history-diff-v1.json");
const EXCEPTIONS: &str = include_str!("../../../reports/schema/exceptions-v1.json");
const PUBLISH: &str = include_str!("../../../reports/schema/publish-v1.json");
const NOTIFY: &str = include_str!("../../../reports/schema/notify-v1.json");

/// The schema as pretty JSON.
pub(crate) fn text(kind: SchemaKind) -> Result<String, Failure> {
    let mut schema = match kind {
        SchemaKind::DoctorV1 => return Ok(DOCTOR.to_owned()),
        SchemaKind::HistoryV1 => return Ok(HISTORY.to_owned()),
        SchemaKind::HistoryDiffV1 => return Ok(HISTORY_DIFF.to_owned()),
        SchemaKind::ExceptionsV1 => return Ok(EXCEPTIONS.to_owned()),
        SchemaKind::PublishV1 => return Ok(PUBLISH.to_owned()),
        SchemaKind::NotifyV1 => return Ok(NOTIFY.to_owned()),
        SchemaKind::TrafficV1 => schemars::schema_for!(TrafficDocument<'static>),
        SchemaKind::AdviceV1 => schemars::schema_for!(AdviceDocument),
        SchemaKind::ChangePlanV2 => schemars::schema_for!(doorward_change::Plan),
        SchemaKind::DigestV1 => schemars::schema_for!(doorward_notify::Digest),
        SchemaKind::Config => schemars::schema_for!(Settings),
        SchemaKind::Exceptions => schemars::schema_for!(doorward_rules::exceptions::RegisterFile),
        SchemaKind::JsonV1 => schemars::schema_for!(JsonDocument<'static>),
        SchemaKind::NdjsonV1 => schemars::schema_for!(NdjsonLine<'static>),
        SchemaKind::CheckJsonV1 => schemars::schema_for!(doorward_check::CheckDocument<'static>),
        SchemaKind::EventV1 => schemars::schema_for!(doorward_event::EventDocument),
        SchemaKind::PluginDescriptionV1 => schemars::schema_for!(contract::PluginDescription),
        SchemaKind::PluginPreflightV1 => schemars::schema_for!(contract::PreflightAnswer),
        SchemaKind::PluginHeaderV1 => schemars::schema_for!(contract::ReportHeader<'static>),
        SchemaKind::PluginReceiptV1 => schemars::schema_for!(contract::PluginReceipt),
        SchemaKind::Saved => schemars::schema_for!(SavedLine),
    };
    if kind == SchemaKind::Config {
        // A settings file holds only what differs from the default, so nothing in it is required.
        drop_required(schema.ensure_object());
    }
    serde_json::to_string_pretty(&schema)
        .map(|text| text + "\n")
        .map_err(|e| Failure::new(Exit::Internal, format!("the schema could not be written: {e}")))
}

/// Removes `required` from the schema and from the sections it is made of, but not from list entries, which are whole.
fn drop_required(schema: &mut serde_json::Map<String, serde_json::Value>) {
    schema.remove("required");
    let sections: Vec<String> = schema
        .get("properties")
        .and_then(|p| p.as_object())
        .map(|p| p.values().filter_map(|v| v.get("$ref")?.as_str()?.rsplit('/').next().map(str::to_owned)).collect())
        .unwrap_or_default();
    if let Some(definitions) = schema.get_mut("$defs").and_then(|d| d.as_object_mut()) {
        for section in sections {
            if let Some(section) = definitions.get_mut(&section).and_then(|s| s.as_object_mut()) {
                section.remove("required");
            }
        }
    }
}
