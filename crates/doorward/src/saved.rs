//! A saved scan, in two lines of JSON: the raw inventory with the settings it was judged by, then what the ledger
//! remembered of its findings.

use std::collections::BTreeMap;
use std::io::{self, BufReader, Write as _};
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use doorward_core::normalize::NormalizeSettings;
use doorward_model::{History, Inputs, Inventory, Policy, ScanReport, Unseen};

use crate::code::Declared;
use crate::exit::{Exit, Failure};
use crate::output::{Draft, Readers, SinkSettings};
use crate::past::Past;
use crate::register::Texts;
use crate::settings::{ReportSettings, Settings};
use crate::touched::{Changes, Edits, Touched};
use crate::traffic::TrafficByArn;

/// The name of the format, so that a stranger knows what the file is.
const FORMAT: &str = "doorward-scan-v1";

/// The first line: the scan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Saved {
    /// `doorward-scan-v1`.
    pub(crate) format: String,
    /// How tags were read.
    pub(crate) normalize: NormalizeSettings,
    /// What was demanded.
    pub(crate) policy: Policy,
    /// Who was allowed to fail a rule.
    pub(crate) exceptions: Texts,
    /// When the report was bad news.
    pub(crate) report: ReportSettings,
    /// How the sinks were set.
    pub(crate) sinks: SinkSettings,
    /// All settings as text, secrets left out.
    pub(crate) settings: String,
    /// The exit code of the signal that stopped the scan, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) stopped: Option<u8>,
    /// What was seen.
    pub(crate) inventory: Inventory,
}

/// The second line: the history of each finding that has one, by the finding's id; and the scans before.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Remembered {
    pub(crate) history: BTreeMap<String, History>,
    #[serde(default)]
    pub(crate) past: Past,
    /// What the requests said, as it was weighed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) traffic: TrafficByArn,
    /// What Doorward did to the modes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) changes: Changes,
    /// Where load balancers are declared, by the files that were given.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) declared: Declared,
    /// Who left load balancers in their modes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) edits: Edits,
    /// What earlier scans saw and this one did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) unseen: Option<Unseen>,
}

impl Remembered {
    fn of(report: &ScanReport, past: &Past) -> Self {
        let history = report.findings.iter().filter_map(|f| Some((f.id.clone(), f.history.clone()?))).collect();
        let Inputs { traffic, changes, edits, declared } = Inputs::of(report);
        Self { history, past: past.clone(), traffic, changes, declared, edits, unseen: report.unseen.clone() }
    }

    /// Takes out what the scan was judged with.
    pub(crate) fn inputs(&mut self) -> Inputs {
        Inputs {
            traffic: std::mem::take(&mut self.traffic),
            changes: std::mem::take(&mut self.changes),
            edits: std::mem::take(&mut self.edits),
            declared: std::mem::take(&mut self.declared),
        }
    }

    /// Takes out who touched the modes.
    pub(crate) fn touched(&mut self) -> Touched {
        Touched { changes: std::mem::take(&mut self.changes), edits: std::mem::take(&mut self.edits) }
    }

    /// Gives findings their history, load balancers their declarations and the report what was not seen back, and hands out the
    /// past.
    pub(crate) fn restore(mut self, report: &mut ScanReport) -> Past {
        report.unseen = self.unseen.take();
        for finding in &mut report.findings {
            finding.history = self.history.remove(&finding.id);
        }
        for lb in &mut report.load_balancers {
            lb.declared = self.declared.remove(&lb.arn).or_else(|| lb.declared.take());
        }
        self.past
    }
}

/// Any line of a saved scan, for its schema.
#[derive(JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "the schema is made of the type alone")]
pub(crate) enum SavedLine {
    Scan(Box<Saved>),
    Remembered(Box<Remembered>),
}

/// A scan being saved: its first line is written before the inventory is judged, which takes the inventory apart, because a large
/// organization should not be in memory twice.
pub(crate) struct Saving {
    path: PathBuf,
    draft: Draft,
}

impl Saving {
    /// Writes the scan.
    pub(crate) fn begin(
        path: &Path,
        inventory: &Inventory,
        settings: &Settings,
        exceptions: &Texts,
        stopped: Option<Exit>,
    ) -> Result<Self, Failure> {
        #[derive(Serialize)]
        struct Borrowed<'a> {
            format: &'static str,
            normalize: NormalizeSettings,
            policy: &'a Policy,
            exceptions: &'a Texts,
            report: &'a ReportSettings,
            sinks: &'a SinkSettings,
            settings: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            stopped: Option<u8>,
            inventory: &'a Inventory,
        }
        let saved = Borrowed {
            format: FORMAT,
            normalize: settings.normalize(),
            policy: &settings.policy,
            exceptions,
            report: &settings.report,
            sinks: &settings.sinks(),
            settings: &settings.text,
            stopped: stopped.map(Exit::code),
            inventory,
        };
        let begin = || {
            let mut draft = Draft::of(path, Readers::Owner)?;
            serde_json::to_writer(&mut draft, &saved)?;
            draft.write_all(b"\n")?;
            Ok(Self { path: path.to_owned(), draft })
        };
        begin().map_err(|e| failed(path, &e))
    }

    /// Writes what is remembered, and puts the file in its place.
    pub(crate) fn finish(self, report: &ScanReport, past: &Past) -> Result<(), Failure> {
        let Self { path, mut draft } = self;
        let finish = || {
            serde_json::to_writer(&mut draft, &Remembered::of(report, past))?;
            draft.write_all(b"\n")?;
            draft.finish()
        };
        finish().map_err(|e| failed(&path, &e))
    }
}

fn failed(path: &Path, error: &io::Error) -> Failure {
    Failure::writing(&path.display().to_string(), error)
}

/// Reads a scan back.
pub(crate) fn read(path: &Path) -> Result<(Saved, Remembered), Failure> {
    let usage = |problem: String| Failure::new(Exit::Usage, format!("{}: {problem}", path.display()));
    let file = crate::input::open(path).map_err(|e| usage(format!("the saved scan cannot be read: {e}")))?;
    let mut lines = serde_json::Deserializer::from_reader(BufReader::new(file));
    let read = Saved::deserialize(&mut lines)
        .and_then(|saved| Ok((saved, Remembered::deserialize(&mut lines)?)))
        .and_then(|read| lines.end().map(|()| read));
    let (saved, remembered) = read.map_err(|e| usage(format!("not a saved scan of this version: {e}")))?;
    if saved.format != FORMAT {
        return Err(usage(format!("its format is {:?}, this version reads {FORMAT}", saved.format)));
    }
    saved.inventory.check().map_err(|e| usage(format!("the saved scan does not add up: {e}")))?;
    Ok((saved, remembered))
}
