//! The same findings as files: ASFF as one JSON array, OCSF as one line each.

use std::io::{self, Write};

use crate::limits::FINDING_BYTES;
use crate::ocsf::{Shape, line};
use crate::render::{FindingRenderer, ReportIndex};

/// Writes findings as ASFF: one JSON array with one finding per line. `BatchImportFindings` takes at most 100 of them at once, of one account
/// and Region. A finding that is larger than Security Hub takes is left out. Answers how many there are.
///
/// # Errors
/// When nothing more can be written.
pub fn asff_json(renderer: &FindingRenderer, index: &ReportIndex<'_>, out: &mut impl Write) -> io::Result<usize> {
    let mut count = 0;
    out.write_all(b"[")?;
    for rendered in renderer.render_all(index) {
        let finding = serde_json::to_vec(&rendered.finding)?;
        if finding.len() > FINDING_BYTES {
            continue;
        }
        out.write_all(if count == 0 { b"\n" } else { b",\n" })?;
        out.write_all(&finding)?;
        count += 1;
    }
    out.write_all(b"\n]\n")?;
    Ok(count)
}

/// Writes every finding as an OCSF Compliance Finding (class 2003), one JSON object per line. Answers how many there are.
///
/// # Errors
/// When nothing more can be written.
pub fn ocsf_ndjson(
    renderer: &FindingRenderer,
    index: &ReportIndex<'_>,
    shape: Shape,
    out: &mut impl Write,
) -> io::Result<usize> {
    let mut count = 0;
    for finding in &index.report.findings {
        let Some(rendered) = renderer.render(index, finding) else { continue };
        let Some(meta) = renderer.rule(&finding.rule) else { continue };
        serde_json::to_writer(&mut *out, &line(index.report, finding, meta, &rendered, renderer.frameworks(), shape))?;
        out.write_all(b"\n")?;
        count += 1;
    }
    Ok(count)
}
