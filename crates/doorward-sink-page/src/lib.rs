//! Scan report -> one self-contained HTML page: coverage first, then modes, trend, findings by rule, owner and unit, and
//! a table of every load balancer to search, sort and open.
//!
//! In the flow this is a sink: it reads one [`ScanReport`] and writes one file. [`render`] counts what the page says in
//! figures (`view`), draws it (`chart`), packs every load balancer and finding into data for the page's own script
//! (`data`, `intern`) and puts it all into a template (`page`).
//!
//! What it deliberately does not do: it judges nothing, reads no clock, and loads nothing. The page carries its style and
//! script, both named by hash in its content security policy, which admits nothing else. Outside text is data: escaped by
//! the template or set as text by the script, never markup.

use std::collections::BTreeMap;
use std::path::Path;

use doorward_file::{Readers, write_file};
use doorward_model::{Arn, CoverageCounts, Mode, Receipt, RuleMeta, ScanReport, SinkError};
use jiff::Timestamp;

mod changes;
mod chart;
mod data;
mod declared;
mod intern;
mod page;
mod plain;
mod traffic;
mod view;

/// The sink's name, as in `--format`.
pub const NAME: &str = "html";

/// What the page needs to know beyond the report. The default knows nothing more, and the page says so.
#[derive(Debug, Clone, Default)]
pub struct Context {
    /// The required mode of each load balancer that has one.
    pub required: BTreeMap<Arn, Required>,
    /// What the rules say of themselves; a rule that is not here goes by its id.
    pub rules: Vec<RuleMeta>,
    /// What each recorded scan counted, oldest first, this one included.
    pub trend: Vec<TrendRow>,
}

/// The mode that policy requires. Both are the same unless something the policy asks about could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Required {
    /// The weakest mode that may be required.
    pub lowest: Mode,
    /// The strongest mode that may be required.
    pub highest: Mode,
}

/// What one recorded scan counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrendRow {
    /// When it ended, UTC.
    pub at: Timestamp,
    /// How much of the organization it read.
    pub coverage: CoverageCounts,
    /// Load balancers by mode.
    pub modes: BTreeMap<Mode, usize>,
    /// Load balancers whose mode nobody could read.
    pub mode_unknown: usize,
    /// Findings that it saw fail, informational ones left out.
    pub failing: usize,
    /// The same with those that failed when an earlier scan last saw them and that it did not see; none where nothing was ever
    /// seen, which is not zero.
    pub failing_known: Option<usize>,
    /// Load balancers whose mode matters that were known and not seen.
    pub balancers_unseen: usize,
    /// Findings under an exception.
    pub excepted: usize,
    /// Verdicts that could not be reached.
    pub unknown: usize,
}

/// The page, as text. The same report and context give the same bytes.
///
/// # Errors
///
/// [`SinkError`] when the page cannot be put together, which would be a fault of this crate.
pub fn render(report: &ScanReport, context: &Context) -> Result<String, SinkError> {
    let data = data::embedded(report, context).map_err(|e| problem(format!("the page's data: {e}")))?;
    page::render(&view::of(report, context), &data).map_err(|e| problem(format!("the page's template: {e:#}")))
}

/// Writes the page to a file, whole or not at all.
///
/// # Errors
///
/// [`SinkError`] naming the file when it cannot be written.
pub fn write(path: &Path, report: &ScanReport, context: &Context) -> Result<Receipt, SinkError> {
    let text = render(report, context)?;
    write_file(path, Readers::Owner, |out| out.write_all(text.as_bytes()))
        .map_err(|e| problem(format!("{}: cannot be written: {e}", path.display())))?;
    Ok(Receipt {
        sink: NAME.to_owned(),
        destination: path.display().to_string(),
        findings_in: report.findings.len(),
        written: report.findings.len(),
        skipped: Vec::new(),
    })
}

fn problem(problem: String) -> SinkError {
    SinkError { sink: NAME.to_owned(), problem }
}
