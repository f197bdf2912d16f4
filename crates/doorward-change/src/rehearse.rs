//! A dry run: everything that decides is read again, and nothing is set or written.

use crate::plan::still_allowed;
use crate::step::{unreadable, value};
use crate::{ChangeSettings, Front, Look, Plan, Time};

/// What applying would do with one load balancer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rehearsed {
    /// It would be changed.
    WouldChange,
    /// It is as wanted already.
    Already,
    /// It would be left alone, and why.
    WouldRefuse(String),
}

/// What applying would do now, for every step in the order of the plan.
pub async fn rehearse<F: Front>(plan: &Plan, front: &F, settings: &ChangeSettings, time: &Time) -> Vec<Rehearsed> {
    let mut lines = Vec::with_capacity(plan.steps.len());
    for step in &plan.steps {
        let looked = front.look(&step.target).await;
        let closed = plan.closed(step, time.now(), settings);
        lines.push(match looked {
            Err(gap) => Rehearsed::WouldRefuse(unreadable(&gap)),
            Ok(Look::Gone) => Rehearsed::WouldRefuse("it is gone".to_owned()),
            Ok(Look::Here(current)) => match value(step, &current) {
                None => Rehearsed::WouldRefuse("AWS's answer left its mode out".to_owned()),
                Some(value) if value == step.to.as_str() => Rehearsed::Already,
                Some(value) if value == step.from.as_str() => would(closed, still_allowed(step, plan.goal, &current)),
                Some(value) => {
                    Rehearsed::WouldRefuse(format!("the plan saw {}, and it is in {value:?} now", step.from))
                }
            },
        });
    }
    lines
}

fn would(closed: Option<String>, allowed: Result<(), String>) -> Rehearsed {
    match (closed, allowed) {
        (Some(because), _) | (None, Err(because)) => Rehearsed::WouldRefuse(because),
        (None, Ok(())) => Rehearsed::WouldChange,
    }
}
