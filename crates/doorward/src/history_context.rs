//! The earlier scans of the ledger, as reports tell of them.

use doorward_ledger::{By, Diff, DiffLine, Ledger, LedgerError, RunRef, RunSummary};
use doorward_model::{
    Arn, ChangeKind, FindingChange, HistoryContext, ModeTransition, NotObserved, ObservedIn, PreviousRun, RunPoint,
};
use jiff::Timestamp;

/// The most scans of a trend: a month of two scans a day.
const TREND: usize = 60;

/// What a ledger knows of earlier scans, once `run` is recorded in it.
pub(crate) fn known(ledger: &Ledger, run: &str) -> Result<HistoryContext, LedgerError> {
    let runs = ledger.history(None, None, &By::All)?;
    let here = runs.iter().position(|known| known.run.id == run);
    let until = here.map_or(runs.len(), |here| here + 1);
    let from = until.saturating_sub(TREND);
    let trend = runs.get(from..until).unwrap_or_default().iter().map(point).collect();
    // All of them: the period of a pack of evidence may be longer than the trend.
    let modes = mode_transitions(ledger, Timestamp::UNIX_EPOCH)?;
    let before = here.and_then(|here| here.checked_sub(1)).and_then(|index| runs.get(index));
    let before = before.map(|before| {
        let changes = finding_changes(&ledger.diff(&before.run.id, run)?);
        Ok(PreviousRun { run: before.run.id.clone(), at: before.run.at, changes })
    });
    Ok(HistoryContext { trend, before: before.transpose()?, modes: Some(modes) })
}
fn mode_transitions(ledger: &Ledger, since: Timestamp) -> Result<Vec<ModeTransition>, LedgerError> {
    let observed_in = |run: RunRef| ObservedIn { run: run.id, at: run.at };
    let transition = |(arn, change): (String, doorward_ledger::ModeChange)| {
        Some(ModeTransition {
            load_balancer: Arn::new(&arn).ok()?,
            from: change.from,
            to: change.to,
            before: change.before.map(observed_in),
            after: observed_in(change.after),
        })
    };
    Ok(ledger.mode_changes(since)?.into_iter().filter_map(transition).collect())
}

fn point(run: &RunSummary) -> RunPoint {
    RunPoint {
        run: run.run.id.clone(),
        at: run.run.at,
        coverage: run.coverage,
        modes: run.modes.clone(),
        mode_unknown: run.mode_unknown,
        open: run.open.clone(),
        excepted: run.excepted,
        unknown: run.unknown,
        unseen: Some(NotObserved {
            everything: run.open_known.is_none(),
            failing: run.open_known.unwrap_or(0).saturating_sub(run.open_total),
            excepted: run.excepted_known.unwrap_or(0).saturating_sub(run.excepted),
            load_balancers: run.not_seen.as_ref().map_or(0, |unseen| unseen.balancers),
        }),
    }
}

fn finding_changes(diff: &Diff) -> Vec<FindingChange> {
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
        Some(FindingChange { kind, load_balancer, rule: line.rule.clone() })
    };
    lines.filter_map(change).collect()
}
