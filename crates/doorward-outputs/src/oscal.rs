//! OSCAL assessment results.

use std::io::{self, Write};

use doorward_model::{ScanReport, SinkContext};
use doorward_sink_oscal::OscalContext;

use crate::{SinkInputs, Written};

/// Writes the document, which has an observation for every finding.
pub(crate) fn write(
    out: &mut dyn Write,
    report: &ScanReport,
    inputs: &SinkInputs<'_>,
    _: &SinkContext<'_>,
) -> io::Result<Written> {
    let context = OscalContext {
        frameworks: &inputs.settings.frameworks,
        rules: &doorward_rules::definitions(),
        filter: inputs.filter.map(ToString::to_string),
    };
    Ok(doorward_sink_oscal::write(out, report, &context)?.into())
}
