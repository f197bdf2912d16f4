//! The result of verifying a change.

use std::fmt::Write as _;

use serde_json::json;

use super::{ChangeResult, RenderedChange, place};
use crate::watch::UNKNOWN_LOSS;
use crate::{
    BlockedSource, ChangeState, ExplainedRise, Holds, LogsOfRise, SmallestLoss, StepState, Verified, WatchVerdict,
};

/// The result of verifying a change: bad if a change does not hold or made metrics worse, unknown if something could not be read.
pub fn render_verified(state: &ChangeState, verified: &[Verified]) -> RenderedChange {
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
        let mut sources: Option<&Vec<BlockedSource>> = None;
        let mut smallest_loss: Option<&Result<SmallestLoss, String>> = None;
        let since = match &one.since {
            WatchVerdict::Quiet { periods, explained, scanners, smallest } => {
                smallest_loss = smallest.as_ref();
                let explained = explained.filter(ExplainedRise::is_notable).map(|rise| format!("; {rise}"));
                let mut explained = explained.unwrap_or_default();
                let _ = match smallest {
                    Some(Ok(smallest)) => write!(explained, "; {smallest}"),
                    Some(Err(why)) => write!(explained, "; {UNKNOWN_LOSS}: {why}"),
                    None => Ok(()),
                };
                match scanners {
                    Some(scanners) => {
                        sources = Some(&scanners.sources);
                        format!("worse by scanners alone over {periods} minutes with requests{explained}: {scanners}")
                    }
                    None => format!("within the usual variation over {periods} minutes with requests{explained}"),
                }
            }
            WatchVerdict::NoTraffic => "no traffic, as before".to_owned(),
            WatchVerdict::Unknown(why) => {
                unknown = true;
                format!("unknown: {why}")
            }
            WatchVerdict::Regressed(regressions) => {
                bad = true;
                sources = regressions.iter().find_map(|regression| match &regression.logs {
                    Some(LogsOfRise::Read(logs)) => Some(&logs.sources),
                    _ => None,
                });
                let regressions: Vec<String> = regressions.iter().map(ToString::to_string).collect();
                format!("WORSE: {}", regressions.join("; "))
            }
        };
        let _ = writeln!(text, "{}  {holds}; since the change: {since}", place(step));
        let is_held = match one.holds {
            Holds::Yes => Some(true),
            Holds::No { .. } => Some(false),
            Holds::Unknown(_) => None,
        };
        let mut document = json!({"load_balancer": one.arn, "holds": is_held, "mode": holds, "since": since});
        if let Some(sources) = sources {
            document["blocked_sources"] = json!(sources);
        }
        match smallest_loss {
            Some(Ok(smallest)) => document["smallest_loss"] = json!(smallest),
            Some(Err(why)) => document["smallest_loss_unknown"] = json!(why),
            None => {}
        }
        documents.push(document);
    }
    let id = &state.plan().id;
    let settled = verified.iter().filter(|one| state.step_state(&one.arn) == StepState::Changed).count();
    let mut parts = vec![format!("{settled} verified")];
    if let unsettled @ 1.. = verified.len() - settled {
        parts.push(format!("{unsettled} of unknown state"));
    }
    let left = state.plan().steps.len() - verified.len();
    parts.push(format!("{left} of its plan were not changed or were restored"));
    let _ = writeln!(text, "{id}: {}", parts.join(", "));
    let result = match (bad, unknown) {
        (true, _) => ChangeResult::Bad,
        (false, true) => ChangeResult::Unknown,
        (false, false) => ChangeResult::Good,
    };
    RenderedChange {
        text,
        json: json!({"format": "change-verified-v1", "change": id, "load_balancers": documents}),
        result,
    }
}
