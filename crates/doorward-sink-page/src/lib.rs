//! Scan report -> one self-contained HTML page: the verdict first, then what to do, modes, coverage, trend, traffic, findings by
//! rule, owner, unit, account and cost centre, and a table of every load balancer to search, sort, filter and open.
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
use std::sync::Arc;

use doorward_file::{Readers, write_file};
use doorward_model::{
    Arn, ChangeEffect, CodeLink, DailySeries, HistoryContext, Kpi, LoadBalancer, PreviousRun, Receipt,
    RemediationFigures, RequiredMode, RuleMeta, RunPoint, ScanReport, SinkError, TriggerSummary,
};

mod changes;
mod chart;
mod data;
mod declared;
mod intern;
mod page;
mod posture_sheet;
mod traffic;
mod view;

/// The sink's name, as in `--format`.
pub const NAME: &str = "html";

/// Which published triggers reach the targets of a load balancer; none of one that does not parse HTTP.
pub type TriggerSummaryOf = fn(&LoadBalancer) -> Option<Arc<TriggerSummary>>;

/// The input of the page besides the report. The default has none, and the page says so.
#[derive(Debug, Clone, Default)]
pub struct PageContext {
    /// The required mode of each load balancer that has one.
    pub required: BTreeMap<Arn, RequiredMode>,
    /// The documentation of the rules; a rule without it is shown by its id.
    pub rules: Vec<RuleMeta>,
    /// The recorded scans, oldest first, including this one.
    pub trend: Vec<RunPoint>,
    /// The scan before this one, and what changed since.
    pub before: Option<PreviousRun>,
    /// Times to remediate, over everything that the ledger knows.
    pub remediation: Option<RemediationFigures>,
    /// Key figures of the whole ledger.
    pub kpi: Option<Kpi>,
    /// Daily metrics by owner.
    pub daily: Option<DailySeries>,
    /// What changes of modes did to daily metrics, the oldest first.
    pub effects: Vec<ChangeEffect>,
    /// The exceptions of the register with their last days.
    pub exceptions: Vec<ExceptionTerm>,
    /// The part of the report that the page shows, in words; absent where it is all of it.
    pub filter: Option<String>,
    /// Tag keys that name a cost centre, in order.
    pub cost_centre_tags: Vec<String>,
    /// Links to the files that declare load balancers; absent where the settings name no repository.
    pub code_link: Option<CodeLink>,
    /// Which published triggers reach the targets of a load balancer. None: that is not asked.
    pub triggers: Option<TriggerSummaryOf>,
}

/// An exception of the register and its last day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExceptionTerm {
    /// Its id.
    pub id: String,
    /// The last day on which it is in force, UTC.
    pub last_day: jiff::civil::Date,
}

/// The page, as text. The same report and context give the same bytes.
///
/// # Errors
///
/// [`SinkError`] when the page cannot be put together, which would be a fault of this crate.
pub fn render(report: &ScanReport, context: &PageContext) -> Result<String, SinkError> {
    let data = data::embedded(report, context).map_err(|e| problem(format!("the page's data: {e}")))?;
    page::render(&view::of(report, context), &data).map_err(|e| problem(format!("the page's template: {e:#}")))
}

/// The posture sheet: one page that prints on A4, for those who decide and do not fix. The tag keys name cost centres, in
/// order. The same report and history give the same bytes.
///
/// # Errors
///
/// [`SinkError`] when the sheet cannot be put together, which would be a fault of this crate.
pub fn render_sheet(
    report: &ScanReport,
    history: &HistoryContext,
    cost_centre_tags: &[String],
) -> Result<String, SinkError> {
    posture_sheet::render(report, history, cost_centre_tags)
        .map_err(|e| problem(format!("the template of the posture sheet: {e:#}")))
}

/// Writes the page to a file, whole or not at all.
///
/// # Errors
///
/// [`SinkError`] naming the file when it cannot be written.
pub fn write(path: &Path, report: &ScanReport, context: &PageContext) -> Result<Receipt, SinkError> {
    let text = render(report, context)?;
    write_file(path, Readers::Owner, |out| out.write_all(text.as_bytes()))
        .map_err(|e| problem(format!("{}: cannot be written: {e}", path.display())))?;
    Ok(Receipt {
        sink: NAME.to_owned(),
        destination: path.display().to_string(),
        findings_in: report.findings.len(),
        written: report.findings.len(),
        skipped: Vec::new(),
        statement: None,
    })
}

fn problem(problem: String) -> SinkError {
    SinkError { sink: NAME.to_owned(), problem }
}
