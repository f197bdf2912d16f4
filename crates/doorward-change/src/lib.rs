//! A change of modes: planned from a scan report, applied in waves, watched, rolled back, and journalled at every step.
//!
//! [`plan()`] is pure: a scan report and what people decided become a [`Plan`] that people review. [`Applying`] carries it
//! out through two traits that the binary fulfils: [`Front`] reads and sets the mode of one load balancer, [`Journal`]
//! remembers. One request is sent for each entry that intends one. Where every load balancer stands is read out of the journal's events and out of nothing else
//! ([`ChangeState`]), so that a run that was killed at any moment goes on from what is true.
//!
//! What it deliberately does not do: call AWS, read a clock or wait (all of it is handed in), decide which mode policy or
//! traffic demands, or believe that a call did what it should: every change is read again.

mod apply;
mod calendar;
mod fold;
mod front;
mod journal;
mod markdown;
mod plan;
mod rehearse;
mod rollback;
mod settings;
mod step;
mod verify;
mod watch;

pub use apply::{Applied, Applying, Stopped};
pub use calendar::{Freeze, Weekday, Window};
pub use doorward_aws::{Pause, Time};
pub use fold::{Balancer, ChangeState, Standing};
pub use front::{Current, Front, Look, NotSet, Seen, Wrote};
pub use journal::{Entry, Event, Journal, JournalError};
pub use markdown::{is_markdown, markdown};
pub use plan::{
    Effect, Goal, Home, Insistence, Patch, PatchFor, Plan, PlanError, PlanOrder, PlanRun, RULE, Risk, Skip, SkipReason,
    Snippet, Step, Target, plan,
};
pub use rehearse::{Rehearsed, rehearse};
pub use rollback::RollingBack;
pub use settings::{ChangeSettings, WatchSettings};
pub use verify::{Holds, Verified, verify};
pub use watch::{Finding, Gauge, LAG, Metric, PERIOD, Reading, Sample, WatchVerdict, judge};
