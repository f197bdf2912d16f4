//! A dry run: reads everything that decides again; sets and writes nothing.

use std::time::Duration;

use doorward_aws::Time;
use jiff::SignedDuration;

use crate::executor::{changed_since, identity_unread, is_another, not_contained, unreadable, value};
use crate::plan::still_allowed;
use crate::watch::{LAG, periods, usual};
use crate::{BlockedForecast, ChangeSettings, Inspection, MetricSource, ModeClient, Plan, SmallestLoss};

/// The effect that applying would have on one load balancer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DryRunResult {
    /// It would be changed.
    WouldChange,
    /// It is in the target mode already.
    Already,
    /// The change would be refused, and why.
    WouldRefuse(String),
}

/// The effect that applying would have now, for every step in the order of the plan.
pub async fn dry_run<F: ModeClient>(
    plan: &Plan,
    client: &F,
    settings: &ChangeSettings,
    time: &Time,
) -> Vec<DryRunResult> {
    let mut lines = Vec::with_capacity(plan.steps.len());
    for step in &plan.steps {
        let inspected = client.inspect(&step.target, step.to).await;
        let closed = plan.closed(step, time.now(), settings);
        lines.push(match inspected {
            Err(gap) => DryRunResult::WouldRefuse(unreadable(&gap)),
            Ok(Inspection::Gone) => DryRunResult::WouldRefuse("it no longer exists".to_owned()),
            Ok(Inspection::Found(current)) if is_another(step, &current).is_some() => {
                DryRunResult::WouldRefuse(is_another(step, &current).unwrap_or_default())
            }
            Ok(Inspection::Found(current)) if identity_unread(step, &current).is_some() => {
                DryRunResult::WouldRefuse(identity_unread(step, &current).unwrap_or_default())
            }
            Ok(Inspection::Found(current)) => match value(step, &current) {
                None => DryRunResult::WouldRefuse(not_contained(step)),
                Some(value) if value == step.to.as_str() => DryRunResult::Already,
                Some(value) if value == step.from.as_str() => would(closed, still_allowed(step, plan.goal, &current)),
                Some(value) => DryRunResult::WouldRefuse(changed_since(step, value)),
            },
        });
    }
    lines
}

/// The smallest loss that a watch of some length can show for each step of a plan if it begins now, or why that is unknown.
pub async fn smallest_losses<G: MetricSource>(
    plan: &Plan,
    metrics: &G,
    settings: &ChangeSettings,
    length: Duration,
    time: &Time,
) -> Vec<Result<SmallestLoss, String>> {
    let length = SignedDuration::try_from(length).unwrap_or(SignedDuration::MAX);
    let now = time.now();
    let end = now.saturating_add(length).unwrap_or(now);
    let periods = periods(now, end.saturating_add(LAG).unwrap_or(end));
    let mut losses = Vec::with_capacity(plan.steps.len());
    for step in &plan.steps {
        let before = usual(metrics, &step.target, now, end, settings.watch.weeks).await;
        let forecast = step.effect.as_ref().and_then(BlockedForecast::of);
        losses.push(before.and_then(|before| {
            SmallestLoss::of(&before, periods, forecast.as_ref(), &settings.watch).ok_or_else(|| {
                before.hours_unread.unwrap_or_else(|| {
                    "there are too few hours with known \
                     traffic"
                        .to_owned()
                })
            })
        }));
    }
    losses
}

fn would(closed: Option<String>, allowed: Result<(), String>) -> DryRunResult {
    match (closed, allowed) {
        (Some(because), _) | (None, Err(because)) => DryRunResult::WouldRefuse(because),
        (None, Ok(())) => DryRunResult::WouldChange,
    }
}
