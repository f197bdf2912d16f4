//! Changes in words: for people as lines, for programs as JSON.

use std::fmt::Write as _;
use std::path::Path;

use doorward_change::{Applied, ChangeState, Holds, Plan, Rehearsed, Step, Verified, WatchVerdict};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::Told;
use crate::exit::Exit;

/// The plan that was made, and what to do with it.
pub(super) fn planned(plan: &Plan, path: &Path) -> String {
    let mut text = summary(plan);
    let (path, beside) = (path.display(), path.with_extension("md"));
    let _ = writeln!(text, "\nWritten to {path}; to review: {}", beside.display());
    if plan.steps.is_empty() {
        text.push_str("Nothing in it is to be changed by `doorward apply`.\n");
    } else {
        let _ = writeln!(text, "Next: doorward apply {path} --dry-run, then without --dry-run and with --watch 30m");
    }
    text
}

/// The plan in a few lines.
pub(crate) fn summary(plan: &Plan) -> String {
    let mut text = format!("{} from the scan of {}, SHA-256 {}\n", plan.id, plan.run.started, plan.digest);
    if let Some(organization) = &plan.run.organization {
        let _ =
            writeln!(text, "Organization {}, management account {}", organization.id, organization.management_account);
    }
    if let (Some(first), Some(last)) = (plan.observed().min(), plan.observed().max()) {
        let _ = writeln!(text, "Modes read between {first:.0} and {last:.0}");
    }
    let _ = writeln!(
        text,
        "{} load balancers considered: {} to change, {} to change where they are managed, {} left as they are, {} as wanted",
        plan.considered,
        plan.steps.len(),
        plan.patches.len(),
        plan.skipped.len(),
        plan.already
    );
    for wave in 1..=plan.waves() {
        let _ = writeln!(text, "Wave {wave}{}", if wave == 1 && plan.canary > 0 { " (canary)" } else { "" });
        for step in plan.wave(wave) {
            let risk = match step.risk {
                doorward_change::Risk::Low => "low",
                doorward_change::Risk::Medium => "medium",
                doorward_change::Risk::High => "HIGH",
            };
            let _ = writeln!(text, "  {}  {} -> {}  risk {risk}: {}", place(step), step.from, step.to, step.evidence);
            for insisted in step.insisted.without_evidence.iter().chain(&step.insisted.over_manager) {
                let _ = writeln!(text, "    warning: insisted on against a guard: {insisted}");
            }
        }
    }
    for patch in &plan.patches {
        let target = &patch.target;
        let _ = writeln!(
            text,
            "Where it is managed: {} {} {}  {} -> {}  {}",
            target.account, target.region, target.name, patch.from, patch.to, patch.manager
        );
    }
    for skip in &plan.skipped {
        let target = &skip.target;
        let _ = writeln!(text, "Left as it is: {} {} {}  {}", target.account, target.region, target.name, skip.because);
    }
    text
}

fn place(step: &Step) -> String {
    format!("{} {} {}", step.target.account, step.target.region, step.target.name)
}

/// Where one load balancer stands.
pub(super) fn line(step: &Step, state: &ChangeState) -> String {
    let Some((status, balancer)) =
        state.balancer(&step.target.arn).and_then(|balancer| Some((balancer.standing.status()?, balancer)))
    else {
        return format!("{}  {} -> {}: not begun", place(step), step.from, step.to);
    };
    let detail = if balancer.detail.is_empty() { String::new() } else { format!(": {}", balancer.detail) };
    format!("{}  {} -> {}: {status}{detail}", place(step), step.from, step.to)
}

/// What applying came to. Exit code 8 unless everything is as planned.
pub(super) fn applied(applied: &Applied) -> Told {
    let state = &applied.state;
    let mut text = ended(state);
    if let Some(stopped) = &applied.stopped {
        let _ = writeln!(text, "{stopped}");
    }
    for wave in 1..=state.plan().waves() {
        if let Some((told, true)) = state.watched(wave) {
            let _ = writeln!(text, "Wave {wave}, watched: {told}");
        }
    }
    let good = applied.stopped.is_none() && state.is_good();
    let id = &state.plan().id;
    let _ = writeln!(text, "To look again later: doorward verify-change {id}; to undo it: doorward rollback {id}");
    let stopped = applied.stopped.as_ref().map(ToString::to_string);
    Told {
        text,
        json: document("change-applied-v1", state, stopped),
        exit: if good { Exit::Clean } else { Exit::Change },
    }
}

/// What rolling back came to. Exit code 8 unless nothing of ours is left and nothing was refused.
pub(super) fn rolled_back(applied: &Applied) -> Told {
    let state = &applied.state;
    let bad = state.count().iter().any(|(status, count)| {
        *count > 0 && {
            use doorward_model::ChangeStatus::{RestoreFailed, RestoreRefused, Unsure};
            matches!(status, RestoreFailed | RestoreRefused | Unsure)
        }
    });
    let exit = if bad { Exit::Change } else { Exit::Clean };
    Told { text: ended(state), json: document("change-rolled-back-v1", state, None), exit }
}

fn ended(state: &ChangeState) -> String {
    let mut text = String::new();
    // What went well was told as it went.
    let bad = |step: &&Step| state.standing(&step.target.arn).status().is_some_and(|status| !status.is_good());
    for step in state.plan().steps.iter().filter(bad) {
        let _ = writeln!(text, "{}", line(step, state));
    }
    let mut parts: Vec<String> = state.count().into_iter().map(|(status, count)| format!("{count} {status}")).collect();
    let untouched = state.untouched();
    if untouched > 0 {
        parts.push(format!("{untouched} not begun"));
    }
    let _ = writeln!(text, "{}: of {} load balancers {}", state.plan().id, state.plan().steps.len(), parts.join(", "));
    text
}

fn document(format: &str, state: &ChangeState, stopped: Option<String>) -> Value {
    let applied: Vec<Value> =
        state.applied().into_iter().map(|(arn, change)| json!({"load_balancer": arn, "change": change})).collect();
    let watched: Vec<Value> = (1..=state.plan().waves())
        .filter_map(|wave| {
            let (told, quiet) = state.watched(wave)?;
            Some(json!({"wave": wave, "told": told, "quiet": quiet}))
        })
        .collect();
    json!({
        "format": format, "change": state.plan().id, "digest": state.plan().digest, "planned": state.plan().steps.len(),
        "untouched": state.untouched(), "balancers": applied, "watched": watched, "stopped": stopped,
    })
}

/// What applying would do.
pub(super) fn rehearsed(plan: &Plan, lines: &[Rehearsed]) -> Told {
    let mut text = String::new();
    let mut refused = 0;
    for (step, line) in plan.steps.iter().zip(lines) {
        let told = match line {
            Rehearsed::WouldChange => "would be changed".to_owned(),
            Rehearsed::Already => "is as wanted already".to_owned(),
            Rehearsed::WouldRefuse(because) => {
                refused += 1;
                format!("would be refused: {because}")
            }
        };
        let _ = writeln!(text, "{}  {} -> {}: {told}", place(step), step.from, step.to);
    }
    let _ = writeln!(text, "{} of {} would be refused; nothing was changed.", refused, plan.steps.len());
    let documents: Vec<Value> = plan
        .steps
        .iter()
        .zip(lines)
        .map(|(step, line)| match line {
            Rehearsed::WouldChange => json!({"load_balancer": step.target.arn, "would": "change"}),
            Rehearsed::Already => json!({"load_balancer": step.target.arn, "would": "nothing"}),
            Rehearsed::WouldRefuse(why) => json!({"load_balancer": step.target.arn, "would": "refuse", "because": why}),
        })
        .collect();
    let json = json!({"format": "change-rehearsal-v1", "change": plan.id, "balancers": documents});
    Told { text, json, exit: if refused == 0 { Exit::Clean } else { Exit::Change } }
}

/// What a change came to, looked at again. Exit code 8 where it no longer holds or did harm, 4 where nobody can say.
pub(super) fn verified(state: &ChangeState, verified: &[Verified]) -> Told {
    let (mut text, mut documents) = (String::new(), Vec::new());
    let (mut bad, mut unknown) = (false, false);
    for one in verified {
        let Some(step) = state.plan().steps.iter().find(|step| step.target.arn == one.arn) else { continue };
        let holds = match &one.holds {
            Holds::Yes => format!("still in {}", step.to),
            Holds::No { found } => {
                bad = true;
                format!("NOT in {} any more: {found}", step.to)
            }
            Holds::Unknown(why) => {
                unknown = true;
                format!("unknown: {why}")
            }
        };
        let since = match &one.since {
            WatchVerdict::Quiet { periods } => format!("within the noise over {periods} minutes with requests"),
            WatchVerdict::NoTraffic => "no traffic, now as before".to_owned(),
            WatchVerdict::Unknown(why) => {
                unknown = true;
                format!("unknown: {why}")
            }
            WatchVerdict::Regressed(findings) => {
                bad = true;
                let findings: Vec<String> = findings.iter().map(ToString::to_string).collect();
                format!("WORSE: {}", findings.join("; "))
            }
        };
        let _ = writeln!(text, "{}  {holds}; since the change: {since}", place(step));
        let documented =
            json!({"load_balancer": one.arn, "holds": one.holds == Holds::Yes, "mode": holds, "since": since});
        documents.push(documented);
    }
    let left = state.plan().steps.len() - verified.len();
    let _ = writeln!(
        text,
        "{}: {} looked at, {left} of its plan were not changed or were restored",
        state.plan().id,
        verified.len()
    );
    let exit = match (bad, unknown) {
        (true, _) => Exit::Change,
        (false, true) => Exit::Coverage,
        (false, false) => Exit::Clean,
    };
    Told {
        text,
        json: json!({"format": "change-verified-v1", "change": state.plan().id, "balancers": documents}),
        exit,
    }
}

/// Every change in a line.
pub(super) fn listed(states: &[(Timestamp, ChangeState)]) -> Told {
    let (mut text, mut documents) = (String::new(), Vec::new());
    for (at, state) in states {
        let mut parts: Vec<String> =
            state.count().into_iter().map(|(status, count)| format!("{count} {status}")).collect();
        if state.untouched() > 0 {
            parts.push(format!("{} not begun", state.untouched()));
        }
        let by = state.approvals().last().map_or("nobody yet", |(_, by)| by.as_str());
        let _ = writeln!(text, "{}  {at:.0}  approved by {by}: {}", state.plan().id, parts.join(", "));
        documents.push(document("change-v1", state, None));
    }
    if states.is_empty() {
        text.push_str("No change was applied with this ledger yet.\n");
    }
    Told { text, json: json!({"format": "changes-v1", "changes": documents}), exit: Exit::Clean }
}
