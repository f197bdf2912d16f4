//! The results of changes as text for a terminal and as JSON. Names in the text are as AWS returned them: the caller escapes control
//! characters.

use std::fmt::Write as _;
use std::path::Path;

use doorward_model::{ChangeStatus, counted};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::watch::UNKNOWN_LOSS;
use crate::{Applied, ChangeState, ChangeTarget, DryRunResult, Plan, Risk, SmallestLoss, Step};

mod verified;

pub use verified::render_verified;

/// Load balancers that a line about several names.
const NAMED: usize = 8;

/// The result of a command about changes.
#[derive(Debug, Clone, PartialEq)]
pub struct RenderedChange {
    /// For people.
    pub text: String,
    /// For programs.
    pub json: Value,
    /// How it ended.
    pub result: ChangeResult,
}

/// How a command about changes ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeResult {
    /// As planned.
    Good,
    /// At least one change was refused or failed, or does not hold any more.
    Bad,
    /// Something could not be read, and everything that could be read is as planned.
    Unknown,
}

impl ChangeResult {
    const fn of(good: bool) -> Self {
        if good { Self::Good } else { Self::Bad }
    }
}

/// A plan that was written to a file, and the next command.
pub fn render_plan(plan: &Plan, path: &Path) -> String {
    let mut text = render_summary(plan);
    let (path, beside) = (path.display(), path.with_extension("md"));
    let _ = writeln!(text, "\nWritten to {path}; to review: {}", beside.display());
    if plan.steps.is_empty() {
        text.push_str("The plan contains no change for `doorward apply`.\n");
    } else {
        let _ = writeln!(text, "Next: doorward apply {path} --dry-run, then without --dry-run and with --watch 30m");
    }
    text
}

/// A plan in a few lines.
pub fn render_summary(plan: &Plan) -> String {
    let mut text = format!("{} from the scan of {}, SHA-256 {}\n", plan.id, plan.run.started, plan.digest);
    if let Some(organization) = &plan.run.organization {
        let _ =
            writeln!(text, "Organization {}, management account {}", organization.id, organization.management_account);
    }
    if let (Some(first), Some(last)) = (plan.observed().min(), plan.observed().max()) {
        let _ = match first == last {
            true => writeln!(text, "Modes read at {first:.0}"),
            false => writeln!(text, "Modes read between {first:.0} and {last:.0}"),
        };
    }
    if let Some(selection) = &plan.selection {
        let _ = writeln!(text, "FILTERED: {selection}. Other load balancers are in no count and no list of this plan.");
    }
    let _ = writeln!(
        text,
        "{} considered: {} to change, {} to change in the code or stack that manages them, {} not to change, {} already in the \
         target mode",
        counted(plan.considered, "load balancer"),
        plan.steps.len(),
        plan.patches.len(),
        plan.skipped.len(),
        plan.already
    );
    for wave in 1..=plan.waves() {
        let _ = writeln!(text, "Wave {wave}{}", if wave == 1 && plan.canary > 0 { " (canary)" } else { "" });
        steps(&mut text, plan.wave(wave));
    }
    let managed = plan.patches.iter().map(|patch| {
        let group = format!("Managed: {} -> {}  {}", patch.from, patch.to, patch.manager);
        (group, target_words(&patch.target))
    });
    grouped(&mut text, managed);
    let skipped =
        plan.skipped.iter().map(|skip| (format!("Not changed: {}", skip.because), target_words(&skip.target)));
    grouped(&mut text, skipped);
    text
}

/// The steps of a wave; those of the same change and evidence have one sentence.
fn steps<'p>(text: &mut String, steps: impl Iterator<Item = &'p Step>) {
    let mut groups: Vec<(String, Vec<&Step>)> = Vec::new();
    for step in steps {
        let risk = match step.risk {
            Risk::Low => "low",
            Risk::Medium => "medium",
            Risk::High => "HIGH",
        };
        let words = format!("{} -> {}  risk {risk}: {}", step.from, step.to, step.evidence);
        match groups.iter_mut().find(|(known, _)| *known == words) {
            Some((_, group)) => group.push(step),
            None => groups.push((words, vec![step])),
        }
    }
    for (words, group) in groups {
        let several = group.len() > 1;
        if several {
            let _ = writeln!(text, "  {} load balancers  {words}", group.len());
        }
        for step in group {
            // Every load balancer that will be changed is named, however many there are: this is what is confirmed.
            let _ = match several {
                true => writeln!(text, "    {}", place(step)),
                false => writeln!(text, "  {}  {words}", place(step)),
            };
            for reason in step.insisted.without_evidence.iter().chain(&step.insisted.over_manager) {
                let _ = writeln!(text, "    warning: a guard is overridden: {reason}");
            }
        }
    }
}

/// Load balancers by the sentence that is about them: one sentence for each group, with the first names.
fn grouped(text: &mut String, lines: impl Iterator<Item = (String, String)>) {
    let mut groups: Vec<(String, Vec<String>)> = Vec::new();
    for (words, name) in lines {
        match groups.iter_mut().find(|(known, _)| *known == words) {
            Some((_, names)) => names.push(name),
            None => groups.push((words, vec![name])),
        }
    }
    for (words, names) in groups {
        let _ = writeln!(text, "{words}\n  {}: {}", counted(names.len(), "load balancer"), first_names(&names));
    }
}

/// The first names of a list, and how many are left; the plan's files have all of them.
fn first_names(names: &[String]) -> String {
    let shown = names.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(NAMED) {
        0 => shown,
        more => format!("{shown} and {more} more, all in the plan"),
    }
}

fn place(step: &Step) -> String {
    target_words(&step.target)
}

fn target_words(target: &ChangeTarget) -> String {
    format!("{} {} {}", target.account, target.region, target.name)
}

/// The state of one step, in a line.
pub fn render_step(step: &Step, state: &ChangeState) -> String {
    let record = state.record(&step.target.arn).and_then(|record| Some((record.state.status()?, record)));
    let Some((status, record)) = record else {
        return format!("{}  {} -> {}: not begun", place(step), step.from, step.to);
    };
    let detail = if record.detail.is_empty() { String::new() } else { format!(": {}", record.detail) };
    format!("{}  {} -> {}: {status}{detail}", place(step), step.from, step.to)
}

/// The result of applying a plan.
pub fn render_applied(applied: &Applied) -> RenderedChange {
    let state = &applied.state;
    let mut text = ended(state);
    if let Some(stopped) = &applied.stopped {
        let _ = writeln!(text, "{stopped}");
    }
    for wave in 1..=state.plan().waves() {
        if let Some(watch) = state.quiet_watch(wave) {
            let _ = writeln!(text, "Wave {wave}, watched: {}", watch.seen);
        }
    }
    let id = &state.plan().id;
    let _ = writeln!(text, "To verify it later: doorward verify-change {id}; to undo it: doorward rollback {id}");
    let stopped = applied.stopped.as_ref().map(ToString::to_string);
    RenderedChange {
        text,
        json: document("change-applied-v1", state, stopped),
        result: ChangeResult::of(applied.stopped.is_none() && state.is_good()),
    }
}

/// The result of a rollback: bad if a mode could not be restored, or if that is unknown.
pub fn render_rolled_back(applied: &Applied) -> RenderedChange {
    use ChangeStatus::{RestoreFailed, RestoreRefused, Unsure};
    let state = &applied.state;
    let bad = state.count().into_keys().any(|status| matches!(status, RestoreFailed | RestoreRefused | Unsure));
    let json = document("change-rolled-back-v1", state, None);
    RenderedChange { text: ended(state), json, result: ChangeResult::of(!bad) }
}

fn ended(state: &ChangeState) -> String {
    let mut text = String::new();
    // Steps that succeeded were shown while they ran.
    let bad = |step: &&Step| state.step_state(&step.target.arn).status().is_some_and(|status| !status.is_good());
    for step in state.plan().steps.iter().filter(bad) {
        let _ = writeln!(text, "{}", render_step(step, state));
    }
    let _ = writeln!(
        text,
        "{}: of {}: {}",
        state.plan().id,
        counted(state.plan().steps.len(), "load balancer"),
        counts(state)
    );
    text
}

/// `3 changed, 2 not begun`
fn counts(state: &ChangeState) -> String {
    let mut parts: Vec<String> = state.count().into_iter().map(|(status, count)| format!("{count} {status}")).collect();
    if let untouched @ 1.. = state.untouched() {
        parts.push(format!("{untouched} not begun"));
    }
    parts.join(", ")
}

fn document(format: &str, state: &ChangeState, stopped: Option<String>) -> Value {
    let applied = state.applied_steps();
    let watched: Vec<Value> = (1..=state.plan().waves())
        .filter_map(|wave| {
            let watch = state.watched(wave)?;
            let is_whole = state.is_of_all_changes(wave, watch);
            Some(json!({"wave": wave, "seen": watch.seen, "quiet": watch.quiet, "of_all_changes": is_whole}))
        })
        .collect();
    json!({
        "format": format, "change": state.plan().id, "digest": state.plan().digest, "planned": state.plan().steps.len(),
        "untouched": state.untouched(), "load_balancers": applied, "watched": watched, "stopped": stopped,
    })
}

/// The result of a dry run: bad if at least one change would be refused. `losses` are the smallest losses that a watch can show, in the
/// order of the plan; empty if no watch is requested.
pub fn render_dry_run(
    plan: &Plan,
    results: &[DryRunResult],
    losses: &[Result<SmallestLoss, String>],
) -> RenderedChange {
    let (mut text, mut documents, mut refused) = (String::new(), Vec::new(), 0);
    for (number, (step, result)) in plan.steps.iter().zip(results).enumerate() {
        let arn = &step.target.arn;
        let (mut effect, mut document) = match result {
            DryRunResult::WouldChange => {
                ("would be changed".to_owned(), json!({"load_balancer": arn, "would": "change"}))
            }
            DryRunResult::Already => {
                ("is in the target mode already".to_owned(), json!({"load_balancer": arn, "would": "nothing"}))
            }
            DryRunResult::WouldRefuse(why) => {
                refused += 1;
                let document = json!({"load_balancer": arn, "would": "refuse", "because": why});
                (format!("would be refused: {why}"), document)
            }
        };
        if let (DryRunResult::WouldChange, Some(loss)) = (result, losses.get(number)) {
            match loss {
                Ok(smallest) => {
                    let _ = write!(effect, "; watched, {smallest}");
                    document["smallest_loss"] = json!(smallest);
                }
                Err(why) => {
                    let _ = write!(effect, "; {UNKNOWN_LOSS}: {why}");
                    document["smallest_loss_unknown"] = json!(why);
                }
            }
        }
        let _ = writeln!(text, "{}  {} -> {}: {effect}", place(step), step.from, step.to);
        documents.push(document);
    }
    let _ = writeln!(text, "{refused} of {} would be refused; no mode was changed.", plan.steps.len());
    let json = json!({"format": "change-dry-run-v1", "change": plan.id, "load_balancers": documents});
    RenderedChange { text, json, result: ChangeResult::of(refused == 0) }
}

/// A list of changes, one in a line.
pub fn render_changes(states: &[(Timestamp, ChangeState)]) -> RenderedChange {
    let (mut text, mut documents) = (String::new(), Vec::new());
    for (at, state) in states {
        let id = &state.plan().id;
        let approved = match state.approvals().last() {
            Some((_, by)) => format!("approved by {by}"),
            None => "not approved yet".to_owned(),
        };
        let _ = writeln!(text, "{id}  {at:.0}  {approved}: {}", counts(state));
        documents.push(document("change-v1", state, None));
    }
    if states.is_empty() {
        text.push_str("The ledger contains no change.\n");
    }
    let json = json!({"format": "changes-v1", "changes": documents});
    RenderedChange { text, json, result: ChangeResult::Good }
}
