//! The report as one HTML page.

use std::io::{self, Write};

use doorward_model::{ScanReport, SinkContext};
use doorward_sink_page as page;

use crate::{SinkInputs, Written};

/// Writes the posture sheet, which counts every finding.
pub(crate) fn write_sheet(
    out: &mut dyn Write,
    report: &ScanReport,
    inputs: &SinkInputs<'_>,
    context: &SinkContext<'_>,
) -> io::Result<Written> {
    let centres = &inputs.settings.owners.cost_centre_tags;
    let text = page::render_sheet(report, context.history, centres).map_err(io::Error::other)?;
    out.write_all(text.as_bytes())?;
    Ok(report.findings.len().into())
}

/// Writes the page, which accounts for every finding.
pub(crate) fn write(
    out: &mut dyn Write,
    report: &ScanReport,
    inputs: &SinkInputs<'_>,
    context: &SinkContext<'_>,
) -> io::Result<Written> {
    let context = page::PageContext {
        required: doorward_rules::required_modes(&report.load_balancers, inputs.policy),
        rules: doorward_rules::definitions(),
        trend: context.history.trend.clone(),
        before: context.history.before.clone(),
        remediation: context.history.remediation.clone(),
        kpi: context.history.kpi().cloned(),
        daily: context.history.daily.clone(),
        effects: context.history.effects.clone().unwrap_or_default(),
        exceptions: (inputs.register.entries(report.run.started).iter())
            .map(|entry| page::ExceptionTerm {
                id: entry.exception.id.clone(),
                last_day: entry.exception.expires.last_day(),
            })
            .collect(),
        filter: inputs.filter.map(ToString::to_string),
        cost_centre_tags: inputs.settings.owners.cost_centre_tags.clone(),
        code_link: inputs.settings.declarations.code_link(),
        triggers: Some(doorward_traffic::trigger_summary),
    };
    let text = page::render(report, &context).map_err(io::Error::other)?;
    out.write_all(text.as_bytes())?;
    Ok(report.findings.len().into())
}
