//! The nouns of Doorward and its two open contracts, [`Rule`] and [`Sink`].
//!
//! Everything may depend on this crate; it depends on nothing of Doorward. It does no I/O, reads no clock and knows no
//! AWS SDK type. The flow it describes goes one way: [`Inventory`] (raw records and gaps) is normalized into
//! [`LoadBalancer`]s, judged into [`Finding`]s and handed on as a [`ScanReport`], which sinks only read.

mod account;
mod change;
mod code;
mod coverage;
mod edit;
mod finding;
mod gap;
mod grant;
mod ids;
mod inputs;
mod inventory;
mod load_balancer;
mod observation;
mod observed;
mod plain;
mod policy;
mod report;
mod rule;
mod severity;
mod sink;
mod spreadsheet;
mod thresholds;
mod traffic;
mod unseen;
mod verdict_reason;

pub use account::{Account, AccountState, OuPath};
pub use change::{AppliedChange, ChangeStatus};
pub use code::{Certainty, CodePlace, InCode, ModePatch};
pub use coverage::{Coverage, CoverageCounts, CoverageLine, CoverageStatus};
pub use edit::Edit;
pub use finding::{Finding, History, Verdict, VerdictKind};
pub use gap::{Gap, GapReason};
pub use grant::{ACCOUNT, CALLERS_ORGANIZATION, Condition, Grant, PARTITION, session_policy};
pub use ids::{AccountId, AccountRegion, Arn, InvalidId, Region};
pub use inputs::Inputs;
pub use inventory::{Evidence, Inventory, Listing, Organization, RawLoadBalancer, RegionInventory, Run};
pub use load_balancer::{
    Kind, Listener, LoadBalancer, LogDestination, Manager, Mode, Owner, OwnerSource, PlaceholderIdentity, Scheme,
    UnknownMode,
};
pub use observation::{CLOCK_TOLERANCE, ObservationPeriod};
pub use observed::Observed;
pub use plain::{harmless, markdown, shown};
pub use policy::{Pattern, Policy, PolicyRule};
pub use report::{ScanReport, Tally};
pub use rule::{Adjustment, Rule, RuleMeta};
pub use severity::Severity;
pub use sink::{Receipt, Sink, SinkError, SinkFuture, Skipped};
pub use spreadsheet::guarded;
pub use thresholds::{FailOn, ReportSettings, UnknownFailOn};
pub use traffic::{ModeEffect, ObservedTime, Traffic, TrafficBasis, TrafficGap, TrafficSource, TrafficStep};
pub use unseen::{Bounds, LastMode, Unseen, UnseenFinding, UnseenLoadBalancer, WhyUnseen};
pub use verdict_reason::VerdictReason;
