//! Verifies a change later: whether every load balancer is still in its new mode, and how its metrics developed.

use doorward_aws::Time;
use doorward_model::Arn;
use jiff::{SignedDuration, Timestamp};

use crate::executor::{not_contained, read_same, unreadable};
use crate::watch::{
    BlockedForecast, LAG, SmallestLoss, WatchVerdict, judge, periods, reported, since, usual, with_logs,
};
use crate::{ChangeSettings, ChangeState, MetricSource, ModeClient, ModeReading, Step, StepState};

/// How long CloudWatch keeps periods of a minute.
const KEPT: SignedDuration = SignedDuration::from_hours(15 * 24);
/// The time after a change whose metrics are compared; later ones depend on more than the change.
const LATER: SignedDuration = SignedDuration::from_hours(24);

/// Whether a change still holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holds {
    /// It is in the mode that the change gave it.
    Yes,
    /// It is in another one.
    No {
        /// The value that was read.
        found: String,
    },
    /// Unknown, and why.
    Unknown(String),
}

/// One changed load balancer, verified.
#[derive(Debug, Clone, PartialEq)]
pub struct Verified {
    /// The load balancer.
    pub arn: Arn,
    /// Whether the change still holds.
    pub holds: Holds,
    /// Its metrics in the day after the change.
    pub since: WatchVerdict,
}

/// Reads every load balancer that a change has changed or may have changed. Sets nothing.
pub async fn verify<F: ModeClient, G: MetricSource>(
    state: &ChangeState,
    client: &F,
    metrics: &G,
    settings: &ChangeSettings,
    time: &Time,
) -> Vec<Verified> {
    let mut verified = Vec::new();
    let may_be_ours = |step: &&Step| state.step_state(&step.target.arn).may_be_ours();
    for step in state.plan().steps.iter().filter(may_be_ours) {
        let holds = match read_same(client, step).await {
            Ok(ModeReading::Value(value)) => match unsettled(state, step) {
                Some(problem) => Holds::Unknown(format!("{problem}; {} now", step.to.found(&value))),
                None if value == step.to.as_str() => Holds::Yes,
                None => Holds::No { found: step.to.found(&value) },
            },
            Ok(ModeReading::Another(found)) => Holds::No { found },
            Ok(ModeReading::Gone) => Holds::No { found: "it no longer exists".to_owned() },
            Ok(ModeReading::Absent) => Holds::Unknown(not_contained(step)),
            Err(gap) => Holds::Unknown(unreadable(&gap)),
        };
        let seen = match state.record(&step.target.arn).filter(|record| record.state == StepState::Changed) {
            Some(record) => {
                let changed = (record.sent.unwrap_or(record.at), record.at);
                look(step, changed, (client, metrics), settings, time.now()).await
            }
            None => WatchVerdict::Unknown("when its mode was changed is not recorded".to_owned()),
        };
        verified.push(Verified { arn: step.target.arn.clone(), holds, since: seen });
    }
    verified
}

/// Why the journal leaves open whether a step is changed or restored, and how to settle that; none if it does not.
fn unsettled(state: &ChangeState, step: &Step) -> Option<String> {
    let id = &state.plan().id;
    match state.step_state(&step.target.arn) {
        StepState::InFlight | StepState::Unsure => {
            Some("the result of the request to change it is not recorded; apply the plan again to settle it".to_owned())
        }
        StepState::Restoring | StepState::RestoreFailed | StepState::RestoreUnsure => {
            Some(format!("its roll-back is unfinished; run `doorward rollback {id}`"))
        }
        _ => None,
    }
}

async fn look<F: ModeClient, G: MetricSource>(
    step: &Step,
    (sent, changed): (Timestamp, Timestamp),
    (client, metrics): (&F, &G),
    settings: &ChangeSettings,
    now: Timestamp,
) -> WatchVerdict {
    let margin = SignedDuration::from_hours(4);
    let left = KEPT - now.duration_since(sent) - margin;
    if left.is_negative() {
        return WatchVerdict::Unknown("CloudWatch no longer keeps periods of a minute around the change".to_owned());
    }
    let weeks = u32::try_from(left.as_hours() / (7 * 24)).unwrap_or(0).min(settings.watch.weeks);
    let end = now.min(changed.saturating_add(LATER).unwrap_or(now));
    let at = now.min(end.saturating_add(LAG).unwrap_or(end));
    let seen = match usual(metrics, &step.target, sent, end, weeks).await {
        Ok(usual) => since(metrics, &step.target, changed, at).await.map(|seen| (usual, seen)),
        Err(because) => Err(because),
    };
    match seen {
        Ok((usual, seen)) => {
            let forecast = step.effect.as_ref().and_then(BlockedForecast::of);
            let verdict = judge(&usual, &seen, reported(at), forecast.as_ref(), &settings.watch);
            let length = periods(changed, at);
            let smallest = SmallestLoss::or_unread(&usual, length, forecast.as_ref(), &settings.watch);
            with_logs(verdict, (client, metrics), step, (&seen, smallest), (changed, at)).await
        }
        Err(because) => WatchVerdict::Unknown(because),
    }
}
