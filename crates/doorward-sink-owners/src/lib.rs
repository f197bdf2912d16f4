//! Scan report -> one summary per owner, in Markdown and HTML, with an index and CSV.
//!
//! In the flow this is a sink: it reads one [`ScanReport`] and writes one folder. [`write`] first splits the findings
//! among owners (`partition`), makes a page's contents of each share (`summary`, `dialect`, `owner_hints`), adds the figures
//! by owner and cost centre (`figures`), renders it all (`render`) and puts the files in their places (`folder`).
//!
//! What it deliberately does not do: it decides no owner (that is normalization's), judges nothing, sends nothing and
//! reads no clock. A finding belongs to exactly one owner; load balancers without an owner, or whose owner could not be
//! read, have a page too. Outside text is data: it is escaped by the renderer, never by a template, and names a file only through a
//! slug and a hash.

pub use dialect::{Snippet, snippets};
pub use owners_sink::OwnersSink;
pub use settings::OwnersSettings;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use doorward_model::{
    AccountId, Arn, CodeLink, HistoryContext, PreviousRun, Receipt, RequiredMode, RuleMeta, ScanReport, SinkError,
};

mod dialect;
mod escape;
mod folder;
mod index;
mod owner_figures;
mod owner_hints;
mod owners_sink;
mod partition;
mod render;
mod settings;
mod summary;
mod tables;

/// The sink's name, as in `--format`.
pub const NAME: &str = "owners";

/// The input of the summaries besides the report. The default has none, and the pages say so.
#[derive(Debug, Clone, Default)]
pub struct OwnersContext {
    /// The required mode of each load balancer that has one.
    pub required: BTreeMap<Arn, RequiredMode>,
    /// The documentation of the rules; a rule without it is shown by its id.
    pub rules: Vec<RuleMeta>,
    /// The earlier scan and what changed since; absent where no ledger was asked or it holds no earlier scan.
    pub previous: Option<PreviousRun>,
    /// The earlier scans, with the key figures of each owner.
    pub history: HistoryContext,
    /// The tag keys that name a cost centre, first hit first: of the load balancer, then of its account. Compared
    /// without regard to case or surrounding white space.
    pub cost_centre_tags: Vec<String>,
    /// The contact of each account, from the settings.
    pub account_contacts: BTreeMap<AccountId, String>,
    /// The contact for the report itself: the security team.
    pub ask: Option<String>,
    /// The number of days before its end at which an exception is listed under "this week".
    pub due_days: u32,
    /// A folder with templates of the user's own, which go before the built-in ones of the same name: `owner.md`,
    /// `owner.html`, `index.md`, `index.html`, `figures.html`, `style.css`.
    pub templates_dir: Option<PathBuf>,
    /// Links to the files that declare load balancers; absent where the settings name no repository.
    pub code_link: Option<CodeLink>,
}

/// Writes the summaries into a folder, which is made where it is missing. Files that this sink did not write stay as they
/// are; see `folder` for pages of owners that no longer are.
///
/// # Errors
///
/// [`SinkError`] naming the file or template concerned: a folder that cannot be made, a file that cannot be written, a
/// template that does not parse or asks for what is not there. Pages written before the error stay.
pub fn write(dir: &Path, report: &ScanReport, context: &OwnersContext) -> Result<Receipt, SinkError> {
    let shares = partition::split(report);
    let renderer = render::PageRenderer::new(context.templates_dir.as_deref())?;
    let mut folder = folder::Folder::open(dir)?;
    let builder = summary::PageBuilder::of(report, context);
    let mut written = 0;
    for share in &shares {
        let page = builder.page(share);
        written += page.findings();
        folder.put_page(&share.file, "md", share.label(), &renderer.owner_md(&page)?)?;
        folder.put_page(&share.file, "html", share.label(), &renderer.owner_html(&page)?)?;
    }
    let retired = folder.retire(report)?;
    let index = index::of(&shares, report, context, retired);
    folder.put("index.md", &renderer.index_md(&index)?)?;
    folder.put("index.html", &renderer.index_html(&index)?)?;
    folder.put("owners.csv", &tables::owners(&index).map_err(|e| problem(format!("owners.csv: {e}")))?)?;
    folder.put(
        "cost-centres.csv",
        &tables::cost_centres(&index).map_err(|e| problem(format!("cost-centres.csv: {e}")))?,
    )?;
    folder.close(report)?;
    Ok(Receipt {
        sink: NAME.to_owned(),
        destination: dir.display().to_string(),
        findings_in: report.findings.len(),
        written,
        skipped: Vec::new(),
        statement: None,
    })
}

fn problem(problem: String) -> SinkError {
    SinkError { sink: NAME.to_owned(), problem }
}
