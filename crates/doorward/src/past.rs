//! What the ledger remembered when a scan was recorded, as far as reports tell it. It is saved with the scan, so that a report
//! of it is the same for ever.

use std::collections::BTreeMap;

use doorward_ledger::{By, Diff, DiffLine, Ledger, LedgerError, RunRef, RunSummary};
use doorward_model::{Arn, CoverageCounts, Mode, Severity};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How many scans a trend goes back.
const TREND: usize = 60;

/// The scans before, and what changed since the last of them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Past {
    /// What each recorded scan counted, oldest first, this one included.
    pub(crate) trend: Vec<Point>,
    /// The scan before this one and what changed since; absent for the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) before: Option<Before>,
    /// What modes changed since the first recorded scan, oldest first. Absent where no ledger was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) modes: Option<Vec<ModeChange>>,
}

/// A mode that changed after one scan and no later than another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct ModeChange {
    pub(crate) load_balancer: Arn,
    /// Absent at first sight, and where AWS returned none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) from: Option<Mode>,
    /// Absent where AWS returned none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) to: Option<Mode>,
    /// The last scan that saw the mode before; absent at first sight.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) before: Option<Sighting>,
    /// The first scan that saw the mode after.
    pub(crate) after: Sighting,
}

/// A scan that saw something.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Sighting {
    pub(crate) run: String,
    pub(crate) at: Timestamp,
}

/// What a scan counted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Point {
    pub(crate) run: String,
    pub(crate) at: Timestamp,
    pub(crate) coverage: CoverageCounts,
    pub(crate) modes: BTreeMap<Mode, usize>,
    pub(crate) mode_unknown: usize,
    /// Failures by severity.
    pub(crate) open: BTreeMap<Severity, usize>,
    pub(crate) excepted: usize,
    pub(crate) unknown: usize,
    /// What was known and not seen; absent in scans that were saved by a version that did not count it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) unseen: Option<Missed>,
}

/// What a scan did not see of what was known, as it was last seen.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Missed {
    /// Whether nothing was ever seen: then no count of the scan is a zero.
    pub(crate) everything: bool,
    /// Findings that were open.
    pub(crate) failing: usize,
    /// Findings that were under an exception.
    pub(crate) excepted: usize,
    /// Load balancers whose mode matters.
    pub(crate) load_balancers: usize,
}

/// An earlier scan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Before {
    pub(crate) run: String,
    pub(crate) at: Timestamp,
    pub(crate) changes: Vec<Change>,
}

/// What became of a finding since.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Change {
    pub(crate) kind: ChangeKind,
    pub(crate) load_balancer: Arn,
    pub(crate) rule: String,
}

/// How it changed, in the order in which people want to read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ChangeKind {
    New,
    Regressed,
    ExceptionEnded,
    NowUnseen,
    Excepted,
    Fixed,
    Vanished,
}

impl Past {
    /// What a ledger knows, once `run` is recorded in it.
    pub(crate) fn of(ledger: &Ledger, run: &str) -> Result<Self, LedgerError> {
        let runs = ledger.history(None, None, &By::All)?;
        let here = runs.iter().position(|known| known.run.id == run);
        let until = here.map_or(runs.len(), |here| here + 1);
        let from = until.saturating_sub(TREND);
        let trend: Vec<Point> = runs.get(from..until).unwrap_or_default().iter().map(Point::of).collect();
        // All of them: the period of a pack of evidence may be longer than the trend.
        let modes = modes(ledger, Timestamp::UNIX_EPOCH)?;
        let before = here.and_then(|here| here.checked_sub(1)).and_then(|index| runs.get(index));
        let before = before.map(|before| {
            let changes = changes(&ledger.diff(&before.run.id, run)?);
            Ok(Before { run: before.run.id.clone(), at: before.run.at, changes })
        });
        Ok(Self { trend, before: before.transpose()?, modes: Some(modes) })
    }
}

fn modes(ledger: &Ledger, since: Timestamp) -> Result<Vec<ModeChange>, LedgerError> {
    let sighting = |run: RunRef| Sighting { run: run.id, at: run.at };
    let change = |(arn, change): (String, doorward_ledger::ModeChange)| {
        Some(ModeChange {
            load_balancer: Arn::new(&arn).ok()?,
            from: change.from,
            to: change.to,
            before: change.before.map(sighting),
            after: sighting(change.after),
        })
    };
    Ok(ledger.mode_changes(since)?.into_iter().filter_map(change).collect())
}

impl Point {
    /// Failures, informational ones left out: nothing is wrong there.
    pub(crate) fn failing(&self) -> usize {
        self.open.iter().filter(|(severity, _)| **severity > Severity::Informational).map(|(_, count)| count).sum()
    }

    /// The same with those that failed when they were last seen; none where nothing was ever seen.
    pub(crate) fn failing_known(&self) -> Option<usize> {
        match &self.unseen {
            None => Some(self.failing()),
            Some(missed) if missed.everything => None,
            Some(missed) => Some(self.failing() + missed.failing),
        }
    }

    fn of(run: &RunSummary) -> Self {
        Self {
            run: run.run.id.clone(),
            at: run.run.at,
            coverage: run.coverage,
            modes: run.modes.clone(),
            mode_unknown: run.mode_unknown,
            open: run.open.clone(),
            excepted: run.excepted,
            unknown: run.unknown,
            unseen: Some(Missed {
                everything: run.open_known.is_none(),
                failing: run.open_known.unwrap_or(0).saturating_sub(run.open_total),
                excepted: run.excepted_known.unwrap_or(0).saturating_sub(run.excepted),
                load_balancers: run.not_seen.as_ref().map_or(0, |unseen| unseen.balancers),
            }),
        }
    }
}

fn changes(diff: &Diff) -> Vec<Change> {
    let lists: [(ChangeKind, &[DiffLine]); 7] = [
        (ChangeKind::New, &diff.new),
        (ChangeKind::Regressed, &diff.regressed),
        (ChangeKind::ExceptionEnded, &diff.exception_ended),
        (ChangeKind::NowUnseen, &diff.now_unseen),
        (ChangeKind::Excepted, &diff.excepted),
        (ChangeKind::Fixed, &diff.fixed),
        (ChangeKind::Vanished, &diff.vanished),
    ];
    let lines = lists.into_iter().flat_map(|(kind, lines)| lines.iter().map(move |line| (kind, line)));
    let change = |(kind, line): (ChangeKind, &DiffLine)| {
        let load_balancer = Arn::new(&line.load_balancer).ok()?;
        Some(Change { kind, load_balancer, rule: line.rule.clone() })
    };
    lines.filter_map(change).collect()
}
