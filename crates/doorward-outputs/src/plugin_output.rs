//! The outputs of plugins: programs that the settings name.

use std::io;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use doorward_aws::Clock;
use doorward_ledger::LeasedLedger;
use doorward_model::{ScanReport, Sink, SinkFuture};
use doorward_settings::variable::variable;
use doorward_sink_plugin::{OpenLedger, Plugin, PluginSink, PluginsSettings, ReportLine};
use doorward_sink_text::FlatContext;
use doorward_sink_text::ndjson::{self, NdjsonLine};

use crate::OutputError;
use crate::SinkInputs;

/// The ledger, which remembers what was delivered.
pub trait DeliveryLedger: Send + Sync {
    /// Opens it and waits for its lease.
    fn open<'a>(&'a self, clock: &'a Clock) -> SinkFuture<'a, LeasedLedger>;
}

/// The inputs for plugins. A saved scan names no plugin; only the current settings do.
#[derive(Clone, Copy)]
pub struct PluginInputs<'a> {
    /// The plugins by name.
    pub settings: &'a PluginsSettings,
    /// The ledger; none where nothing is recorded.
    pub ledger: Option<&'a dyn DeliveryLedger>,
    /// Whether to deliver what arrived already.
    pub redeliver: bool,
    /// The time.
    pub clock: &'a Clock,
}

/// Makes the sink of a plugin.
pub(crate) fn make<'a>(
    name: &str,
    path: Option<&Path>,
    inputs: SinkInputs<'a>,
) -> Result<Box<dyn Sink + 'a>, OutputError> {
    let unknown = || OutputError::Usage(format!("there is no plugin {name}"));
    let plugins = inputs.plugins.ok_or_else(unknown)?;
    let settings = plugins.settings.get(name).ok_or_else(unknown)?;
    let plugin = Plugin::new(settings, |name| variable(name)?.into_string().ok());
    let plugin = plugin.map_err(|error| OutputError::Preflight(format!("reports.{name}: {error}")))?;
    Ok(Box::new(PluginSink {
        name: name.to_owned(),
        plugin,
        tries: settings.tries,
        delta: settings.delta,
        path: path.map(Path::to_owned),
        lines: Box::new(move |report, context| report_lines(report, inputs.flat(report, &context), context.exit_code)),
        ledger: plugins.ledger.map(|ledger| Arc::new(move || ledger.open(plugins.clock)) as OpenLedger<'a>),
        redeliver: plugins.redeliver,
        clock: plugins.clock.clone(),
        description: OnceLock::new(),
    }))
}

/// The report as lines of `ndjson-v1`.
fn report_lines(
    report: &ScanReport,
    flat: FlatContext,
    exit_code: u8,
) -> Box<dyn Iterator<Item = io::Result<ReportLine<'_>>> + Send + '_> {
    Box::new(ndjson::lines(report, flat, exit_code).map(|line| {
        let finding = match &line {
            NdjsonLine::Finding(finding) => Some(*finding),
            _ => None,
        };
        let is_end = matches!(line, NdjsonLine::End { .. });
        Ok(ReportLine { finding, is_end, json: serde_json::to_vec(&line)? })
    }))
}
