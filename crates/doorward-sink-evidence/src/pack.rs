//! The input of an evidence pack: the report and its context.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::Arc;

use doorward_model::{
    Arn, AttributeChange, Framework, KpiRow, LoadBalancer, ModeTransition, RequiredMode, RuleMeta, ScanReport,
    TriggerSummary,
};
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

use crate::{Link, RunFigures, SigningKey};

/// Everything that goes into one pack. It only borrows, and nothing is read while the pack is written.
pub struct Pack<'a> {
    /// The scan.
    pub report: &'a ScanReport,
    /// The scan as `json-v1`, which the sheets are checked against.
    pub scan: Attachment<'a>,
    /// The context.
    pub context: &'a PackContext,
    /// Signs the manifest.
    pub key: Option<&'a SigningKey>,
    /// How large a sheet and a cell may be.
    pub limits: SheetLimits,
}

/// The content of a file that another crate produces.
#[derive(Clone, Copy)]
pub enum Attachment<'a> {
    /// Its bytes.
    Bytes(&'a [u8]),
    /// Writes its bytes: a large scan need not be in memory, or on the disk twice.
    Writer(&'a dyn Fn(&mut dyn Write) -> io::Result<()>),
}

/// How large a sheet and a cell may be. The default is what XLSX admits; smaller ones show how a pack is split.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SheetLimits {
    /// Rows of a sheet, the header among them; at least 2.
    pub rows: u32,
    /// UTF-16 code units of a cell; at least 256.
    pub cell: usize,
}

impl Default for SheetLimits {
    fn default() -> Self {
        Self { rows: 1_048_576, cell: 32_767 }
    }
}

/// Which published triggers reach the targets of a load balancer; none of one that does not parse HTTP.
pub type TriggersOf = fn(&LoadBalancer) -> Option<Arc<TriggerSummary>>;

/// The input of a pack besides the report. The default has none, and the pack says so.
#[derive(Debug, Clone, Default)]
pub struct PackContext {
    /// Names the build: a commit, or a hash of the program. Empty: not known.
    pub build: String,
    /// The part of the scan that the pack is evidence of: `profile card-data`. None: the whole scan.
    pub scope: Option<String>,
    /// The settings as they were in force, verbatim, without secrets.
    pub settings: String,
    /// The clock of the machine against AWS's, ahead being positive. None: it was not measured.
    pub clock_offset: Option<SignedDuration>,
    /// The period of the evidence.
    pub period: Period,
    /// The pack before this one.
    pub previous: Option<Link>,
    /// The sample that is drawn.
    pub sampling: Sampling,
    /// The mode that policy requires, by load balancer.
    pub required: BTreeMap<Arn, RequiredMode>,
    /// The documentation of the rules, including every rule that ran.
    pub rules: Vec<&'static RuleMeta>,
    /// The controls that rules support; [`doorward_model::frameworks`] returns those of Doorward.
    pub controls: Vec<Framework>,
    /// Every exception of the register. None: no register is configured.
    pub exceptions: Option<Vec<ExceptionRow>>,
    /// The mode changes of the period. None: there is no ledger.
    pub changes: Option<Vec<ModeTransition>>,
    /// Doorward's changes of other attributes than the mode. None: there is no ledger.
    pub attribute_changes: Option<Vec<AttributeChange>>,
    /// The figures of the previous period's last run.
    pub previous_figures: Option<RunFigures>,
    /// The figures of the period's runs, oldest first, this one last.
    pub trend: Vec<RunFigures>,
    /// The key figures of the ledger; none without one.
    pub kpis: Vec<KpiRow>,
    /// Tag keys that name a cost centre, in order.
    pub cost_centre_tags: Vec<String>,
    /// Which published triggers reach the targets of a load balancer. None: that is not asked.
    pub triggers: Option<TriggersOf>,
}

/// A period of time, UTC. Without a beginning the pack is evidence for the moment of the scan alone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Period {
    /// The first instant at which it is in force.
    pub from: Option<Timestamp>,
    /// The first instant after it.
    pub until: Option<Timestamp>,
}

/// How many load balancers are drawn, and from what seed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sampling {
    /// How many; all where there are fewer.
    pub size: usize,
    /// The seed: any text. The same seed and population give the same sample.
    pub seed: String,
}

impl Default for Sampling {
    fn default() -> Self {
        Self { size: 25, seed: "0".to_owned() }
    }
}

/// One exception of the register and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExceptionRow {
    /// Its id.
    pub id: String,
    /// The rule that may fail.
    pub rule: String,
    /// Its scope, in words.
    pub scope: String,
    /// Why the rule cannot be met: the constraint.
    pub reason: String,
    /// What may happen meanwhile.
    pub risk: Option<String>,
    /// The compensating control.
    pub compensating_control: Option<String>,
    /// Who asked for it.
    pub requester: String,
    /// Who allowed it.
    pub approver: String,
    /// The ticket in which the approval is recorded.
    pub ticket: Option<String>,
    /// The first instant at which it is in force.
    pub start: Timestamp,
    /// The last day, in UTC, of which it contains anything.
    pub last_day: Date,
    /// The first instant after it.
    pub ends: Timestamp,
    /// When it is reviewed.
    pub review: Option<Date>,
    /// Where it stands in its term: pending, active, expiring, expired.
    pub state: String,
    /// Whole days left at the time of the scan; negative from the end on.
    pub days_left: i64,
    /// The file that holds it, and the line: `exceptions.toml:7`.
    pub place: String,
    /// Whether everything that it may cover was read. If not, an exception that permits nothing may be used.
    pub read: bool,
    /// Problems to review: covers nothing, not needed, too wide.
    pub notices: Vec<String>,
}
