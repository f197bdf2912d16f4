//! A saved scan, in two lines of JSON: the raw inventory with the settings it was judged by, then what was joined to it.

use std::collections::BTreeMap;
use std::io::{self, Read as _, Write as _};
use std::path::Path;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use doorward_core::normalize::NormalizeSettings;
use doorward_model::{
    AppliedChange, Arn, Edit, History, HistoryContext, InCode, Inputs, Inventory, LoadBalancerCost, Policy,
    ReportSettings, ScanHistory, ScanReport, TrackedSource, Traffic, Unseen, Usage, data_problem,
};

use doorward_file::{AtomicFile, Readers};
use doorward_outputs::SinkSettings;

use crate::{ExceptionTexts, ReportCriteria, SavedScanError};

/// The name and version of the format.
const FORMAT: &str = "doorward-scan-v1";

/// The path that stands for stdin.
const STDIN: &str = "-";

/// Bytes in which an output names its format.
const BEGINNING: u64 = 512;

/// The first line: the scan. `I` is the inventory, owned or borrowed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ScanLine<I> {
    /// `doorward-scan-v1`.
    pub format: String,
    /// How tags were read.
    pub normalize: NormalizeSettings,
    /// The policy at that time.
    pub policy: Policy,
    /// The exceptions.
    pub exceptions: ExceptionTexts,
    /// Which reports changed the exit code.
    pub report: ReportSettings,
    /// The settings of the sinks.
    pub sinks: SinkSettings,
    /// All settings as text, without secrets.
    pub settings: String,
    /// The exit code of the signal that stopped the scan, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<u8>,
    /// The inventory that was read.
    pub inventory: I,
}

/// The second line: what was joined to the scan, and its history.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct JoinedLine {
    /// The history of each finding that has one, by the finding's id.
    pub history: BTreeMap<String, History>,
    /// The earlier scans.
    #[serde(default)]
    pub past: HistoryContext,
    /// Traffic, as it was weighed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub traffic: BTreeMap<Arn, Arc<Traffic>>,
    /// Changes of modes by Doorward.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub changes: BTreeMap<Arn, Vec<AppliedChange>>,
    /// Declarations in the files that were given.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub declared: BTreeMap<Arn, Arc<InCode>>,
    /// The calls that set the current modes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub edits: BTreeMap<Arn, Edit>,
    /// How much load balancers were used.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub usage: BTreeMap<Arn, Arc<Usage>>,
    /// The costs of load balancers.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub costs: BTreeMap<Arn, Arc<LoadBalancerCost>>,
    /// The sources of non-compliant requests that are followed from scan to scan.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tracked: BTreeMap<Arn, Vec<TrackedSource>>,
    /// Load balancers and findings that earlier scans observed and this one did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unseen: Option<Unseen>,
}

/// Any line of a saved scan, for its schema.
#[derive(JsonSchema)]
#[serde(untagged)]
pub enum SavedLine {
    /// The first line.
    Scan(Box<ScanLine<Inventory>>),
    /// The second line.
    Joined(Box<JoinedLine>),
}

/// A scan that was read back, to be judged.
pub struct KeptScan {
    /// The inventory that was read.
    pub inventory: Inventory,
    /// The evidence that was joined to it.
    pub inputs: Inputs,
    /// The history of its findings.
    pub history: ScanHistory,
    /// The earlier scans.
    pub context: HistoryContext,
    /// The exit code of the signal that stopped the scan, if one did.
    pub stopped: Option<u8>,
}

impl KeptScan {
    /// The scan for other criteria: verdicts of another policy have no history, but what was not observed is still not observed.
    pub fn without_history(self) -> Self {
        let history = ScanHistory { unseen: self.history.unseen, ..ScanHistory::default() };
        Self { history, context: HistoryContext::default(), ..self }
    }
}

/// Reads a saved scan: the scan, and the settings that it was judged by. `-` is stdin.
///
/// # Errors
///
/// The file cannot be read, or is not a saved scan of this version.
pub fn read(path: &Path) -> Result<(KeptScan, ReportCriteria), SavedScanError> {
    let usage = |problem: String| SavedScanError { path: path.to_owned(), problem };
    let text: Box<dyn io::BufRead> = match path == Path::new(STDIN) {
        true => Box::new(io::BufReader::new(io::stdin())),
        false => {
            doorward_file::input::stream(path).map_err(|e| usage(format!("the saved scan cannot be read: {e}")))?
        }
    };
    let mut lines = serde_json::Deserializer::from_reader(text);
    let read = ScanLine::<Inventory>::deserialize(&mut lines)
        .and_then(|scan| Ok((scan, JoinedLine::deserialize(&mut lines)?)))
        .and_then(|read| lines.end().map(|()| read));
    let (scan, joined) = read.map_err(|e| match output_at(path) {
        Some(format) => usage(format!(
            "it is the output {format}, not a saved scan; name a file that `doorward scan --save FILE` \
                 wrote"
        )),
        None => usage(format!("this version cannot read it as a saved scan: {}", data_problem(&e.to_string()))),
    })?;
    let ScanLine { format, normalize, policy, exceptions, report, sinks, settings, stopped, inventory } = scan;
    if format != FORMAT {
        return Err(usage(format!("its format is {format:?}, but this version reads {FORMAT}")));
    }
    inventory.check().map_err(|e| usage(format!("the saved scan contradicts itself: {e}")))?;
    let JoinedLine { history, past, traffic, changes, declared, edits, tracked, usage, costs, unseen } = joined;
    let kept = KeptScan {
        inventory,
        inputs: Inputs { traffic, changes, edits, declared, tracked, usage, costs },
        history: ScanHistory { findings: history, unseen },
        context: past,
        stopped,
    };
    Ok((kept, ReportCriteria { normalize, policy, exceptions, report, sinks, settings }))
}

/// The output whose format a file names at its beginning, if it is one that is mistaken for a saved scan.
fn output_at(path: &Path) -> Option<&'static str> {
    let mut start = Vec::new();
    doorward_file::input::open(path).ok()?.take(BEGINNING).read_to_end(&mut start).ok()?;
    let start = String::from_utf8_lossy(&start);
    ["json-v1", "ndjson-v1"].into_iter().find(|name| start.contains(&format!("\"{name}\"")))
}

/// A scan being saved. The first line is written before the inventory is judged, which takes the inventory apart: a large
/// organization should not be in memory twice.
pub struct Saving {
    draft: AtomicFile,
}

impl Saving {
    /// Writes the scan.
    ///
    /// # Errors
    ///
    /// The file cannot be written.
    pub fn begin(
        path: &Path,
        inventory: &Inventory,
        criteria: &ReportCriteria,
        stopped: Option<u8>,
    ) -> io::Result<Self> {
        let line = ScanLine {
            format: FORMAT.to_owned(),
            normalize: criteria.normalize.clone(),
            policy: criteria.policy.clone(),
            exceptions: criteria.exceptions.clone(),
            report: criteria.report.clone(),
            sinks: criteria.sinks.clone(),
            settings: criteria.settings.clone(),
            stopped,
            inventory,
        };
        let mut draft = AtomicFile::create(path, Readers::Owner)?;
        serde_json::to_writer(&mut draft, &line)?;
        draft.write_all(b"\n")?;
        Ok(Self { draft })
    }

    /// Writes what was joined, and puts the file in its place.
    ///
    /// # Errors
    ///
    /// The file cannot be written.
    pub fn finish(self, report: &ScanReport, context: &HistoryContext) -> io::Result<()> {
        let Self { mut draft } = self;
        let history =
            report.findings.iter().filter_map(|f| Some((f.id.clone(), f.history.as_deref()?.clone()))).collect();
        let Inputs { traffic, changes, edits, declared, tracked, usage, costs } = Inputs::of(report);
        let (past, unseen) = (context.clone(), report.unseen.clone());
        let line = JoinedLine { history, past, traffic, changes, declared, edits, tracked, usage, costs, unseen };
        serde_json::to_writer(&mut draft, &line)?;
        draft.write_all(b"\n")?;
        draft.finish()
    }
}
