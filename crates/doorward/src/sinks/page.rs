//! The report as one HTML page.

use std::io::{self, Write};

use doorward_model::{ScanReport, SinkContext};
use doorward_sink_page as page;

use super::{SinkInputs, Written, owners};

/// Writes the page, which accounts for every finding.
pub(super) fn write(
    out: &mut dyn Write,
    report: &ScanReport,
    inputs: &SinkInputs<'_>,
    context: &SinkContext<'_>,
) -> io::Result<Written> {
    let trend = context.history.trend.iter().map(|point| page::TrendRow {
        at: point.at,
        coverage: point.coverage,
        modes: point.modes.clone(),
        mode_unknown: point.mode_unknown,
        failing: point.failing(),
        failing_known: point.failing_known(),
        balancers_unseen: point.load_balancers_unseen(),
        excepted: point.excepted,
        unknown: point.unknown,
    });
    let required = owners::required(report, inputs.policy, |required| page::Required {
        lowest: required.lowest(),
        highest: required.highest(),
    });
    let context = page::Context { required, rules: owners::rules(), trend: trend.collect() };
    let text = page::render(report, &context).map_err(io::Error::other)?;
    out.write_all(text.as_bytes())?;
    Ok(report.findings.len().into())
}
