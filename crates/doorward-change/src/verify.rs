//! Looking at a change again, later: is every load balancer still in its new mode, and what has happened since?

use doorward_model::Arn;
use jiff::{SignedDuration, Timestamp};

use crate::apply::{reported, since, usual};
use crate::step::unreadable;
use crate::watch::{LAG, WatchVerdict, judge};
use crate::{ChangeSettings, ChangeState, Front, Gauge, Seen, Standing, Step, Time};

/// How long CloudWatch keeps minutes.
const KEPT: SignedDuration = SignedDuration::from_hours(15 * 24);
/// What happened later than this after a change says little about the change.
const LATER: SignedDuration = SignedDuration::from_hours(24);

/// Whether a change still holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holds {
    /// It is in the mode that the change gave it.
    Yes,
    /// It is in another one.
    No {
        /// What was read.
        found: String,
    },
    /// Nobody can say, and why.
    Unknown(String),
}

/// One changed load balancer, looked at again.
#[derive(Debug, Clone, PartialEq)]
pub struct Verified {
    /// The load balancer.
    pub arn: Arn,
    /// Whether the change still holds.
    pub holds: Holds,
    /// What it did in the day after its change.
    pub since: WatchVerdict,
}

/// Looks at every load balancer of a change that stands at changed. Sets nothing.
pub async fn verify<F: Front, G: Gauge>(
    state: &ChangeState,
    front: &F,
    gauge: &G,
    settings: &ChangeSettings,
    time: &Time,
) -> Vec<Verified> {
    let mut verified = Vec::new();
    let changed = |step: &&Step| state.standing(&step.target.arn) == Standing::Changed;
    for step in state.plan().steps.iter().filter(changed) {
        let holds = match front.read(&step.target).await {
            Ok(Seen::Value(value)) if value == step.to.as_str() => Holds::Yes,
            Ok(Seen::Value(value)) => Holds::No { found: format!("it is in {value:?}") },
            Ok(Seen::Gone) => Holds::No { found: "it is gone".to_owned() },
            Ok(Seen::Absent) => Holds::Unknown("AWS's answer left its mode out".to_owned()),
            Err(gap) => Holds::Unknown(unreadable(&gap)),
        };
        let at = state.balancer(&step.target.arn).map_or(time.now(), |balancer| balancer.at);
        let seen = look(step, at, gauge, settings, time.now()).await;
        verified.push(Verified { arn: step.target.arn.clone(), holds, since: seen });
    }
    verified
}

async fn look<G: Gauge>(
    step: &Step,
    changed: Timestamp,
    gauge: &G,
    settings: &ChangeSettings,
    now: Timestamp,
) -> WatchVerdict {
    let margin = SignedDuration::from_hours(4);
    let left = KEPT - now.duration_since(changed) - margin;
    if left.is_negative() {
        return WatchVerdict::Unknown("CloudWatch no longer keeps the minutes around the change".to_owned());
    }
    let weeks = u32::try_from(left.as_hours() / (7 * 24)).unwrap_or(0).min(settings.watch.weeks);
    let end = now.min(changed.saturating_add(LATER).unwrap_or(now));
    let at = now.min(end.saturating_add(LAG).unwrap_or(end));
    let seen = match usual(gauge, &step.target, changed, end, weeks).await {
        Ok(usual) => since(gauge, &step.target, changed, at).await.map(|seen| (usual, seen)),
        Err(because) => Err(because),
    };
    match seen {
        Ok((usual, seen)) => judge(&usual, &seen, reported(at), &settings.watch),
        Err(because) => WatchVerdict::Unknown(because),
    }
}
