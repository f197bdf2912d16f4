//! Changes of modes and of the treatment of invalid header fields: planned from a scan report, applied in waves, watched, rolled back, and journalled at every step.
//!
//! [`plan()`] is pure: a scan report and the decisions of people become a [`Plan`] that people review. [`ApplyRun`] applies it through
//! traits that the program implements: [`ModeClient`] reads and sets the mode of one load balancer, [`MetricSource`] reads its metrics,
//! [`Journal`] stores events. One request is sent for each entry that intends one. The state of every step is derived from the events of
//! the journal alone ([`ChangeState`]), so that a run that was killed at any moment continues correctly.
//!
//! What it deliberately does not do: call AWS, read a clock or wait (its caller provides all of these), decide which mode policy or
//! traffic requires, or trust that a request did what it should: the mode is read again after every change.

mod apply;
mod calendar;
mod dry_run;
mod executor;
mod journal;
mod markdown;
mod plan;
mod ports;
mod render;
mod rollback;
mod setting_value;
mod settings;
mod state;
mod verify;
mod watch;

pub use apply::{Applied, ApplyRun, StopReason};
pub use calendar::{ChangeWindow, Freeze, Weekday};
pub use dry_run::{DryRunResult, dry_run, smallest_losses};
pub use journal::{Event, Journal, JournalEntry, JournalError};
pub use markdown::{is_markdown, markdown};
pub use plan::{
    ChangeTarget, Effect, Goal, HEADERS_RULE, HomeOrganization, Insistence, Patch, PatchFor, Plan, PlanError,
    PlanRequest, PlanRun, PlanSnippet, RULE, Risk, Skip, SkipReason, Step, plan,
};
pub use ports::{Current, Inspection, ModeClient, ModeReading, SetFailure, SetResponse};
pub use render::{
    ChangeResult, RenderedChange, render_applied, render_changes, render_dry_run, render_plan, render_rolled_back,
    render_step, render_summary, render_verified,
};
pub use rollback::RollbackRun;
pub use setting_value::SettingValue;
pub use settings::{ChangeSettings, WatchSettings};
pub use state::{AppliedStep, AppliedValue, ChangeState, StepRecord, StepState, WatchRecord};
pub use verify::{Holds, Verified, verify};
pub use watch::{
    BlockedByLogs, BlockedForecast, BlockedSource, ExplainedRise, LAG, LogsOfRise, MetricSample, MetricSamples,
    MetricSource, PERIOD, Regression, SmallestLoss, UsualMetrics, WatchVerdict, WatchedMetric, judge, judge_days,
};
