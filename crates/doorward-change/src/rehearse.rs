//! A dry run: every mode is read again, and nothing is set or written.

use doorward_model::Mode;

use crate::{ChangeSettings, Front, Plan, Seen, Time, calendar};

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
        let closed = calendar::closed(step.owner.as_deref(), time.now(), &settings.windows, &settings.freezes);
        let is = |value: &str, mode: Mode| value == mode.as_str();
        lines.push(match front.read(&step.target).await {
            Err(gap) => Rehearsed::WouldRefuse(format!("its mode could not be read: {gap}")),
            Ok(Seen::Gone) => Rehearsed::WouldRefuse("it is gone".to_owned()),
            Ok(Seen::Absent) => Rehearsed::WouldRefuse("AWS's answer left its mode out".to_owned()),
            Ok(Seen::Value(value)) if is(&value, step.to) => Rehearsed::Already,
            Ok(Seen::Value(value)) if !is(&value, step.from) => {
                Rehearsed::WouldRefuse(format!("the plan saw {}, and it is in {value:?} now", step.from))
            }
            Ok(Seen::Value(_)) => closed.map_or(Rehearsed::WouldChange, Rehearsed::WouldRefuse),
        });
    }
    lines
}
