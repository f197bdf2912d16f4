//! The nouns of Doorward and its two open contracts, [`Rule`] and [`Sink`].
//!
//! Everything may depend on this crate; it depends on nothing of Doorward. It does no I/O, reads no clock and knows no
//! AWS SDK type. The flow it describes goes one way: [`Inventory`] (raw records and gaps) is normalized into
//! [`LoadBalancer`]s, judged into [`Finding`]s and handed on as a [`ScanReport`], which sinks only read.

mod account;
mod chance;
mod change;
mod change_effect;
mod code;
mod code_link;
mod console_address;
mod control_result;
mod cost;
mod cost_centre;
mod coverage;
mod daily_series;
mod data_problem;
mod deadline;
mod edit;
mod effective_mode;
mod finding;
mod frameworks;
mod gap;
mod glossary;
mod grant;
mod history_context;
mod ids;
mod inputs;
mod inventory;
mod key_figures;
mod key_performance;
mod load_balancer;
mod money;
mod observation;
mod observed;
mod owner_names;
pub mod palette;
mod past_time;
mod policy;
mod pool;
mod posture_summary;
mod profile;
mod reachability;
mod report;
mod report_filter;
mod required_mode;
mod rule;
mod run_history;
mod sanitize;
mod scan_history;
mod severity;
mod sha256;
mod shared_text;
mod shares;
mod sink;
mod spreadsheet;
mod tag_value;
mod text_map;
mod thresholds;
mod tracked_source;
mod traffic;
mod trigger_summary;
mod unmatched_setting;
mod unseen;
mod usage;
mod verdict_reason;

pub use account::{Account, AccountState, OuPath};
pub use chance::{at_least, beta_at_most, student_t};
pub use change::{AppliedChange, AttributeChange, ChangeStatus};
pub use change_effect::{BlockedLegitimate, ChangeEffect, DailySums};
pub use code::{Certainty, CodePlace, InCode, ModePatch};
pub use code_link::{CodeLink, DeclarationSettings};
pub use console_address::console_address;
pub use control_result::{ControlResult, FindingsOfControls, RequirementResult};
pub use cost::{CostBasis, CostLine, CostStanding, CostSum, CostTally, LoadBalancerCost};
pub use cost_centre::{COST_CENTRE_NOT_SEEN, CostCentres};
pub use coverage::{Coverage, CoverageCounts, CoverageLine, CoverageStatus};
pub use daily_series::{DailySeries, DaySum, SummedSeries};
pub use data_problem::{data_problem, expected_words, found_words};
pub use deadline::{Deadline, DeadlineDays, DeadlineState, DeadlineTally};
pub use edit::Edit;
pub use effective_mode::EffectiveMode;
pub use finding::{FailingTime, Finding, History, Verdict, VerdictKind};
pub use frameworks::{Control, Framework, FrameworkError, Frameworks};
pub use gap::{Gap, GapReason};
pub use glossary::{FIGURES, GlossaryFigure, figure};
pub use grant::{ACCOUNT, CALLERS_ORGANIZATION, Condition, Grant, PARTITION, session_policy};
pub use history_context::{HistoryContext, RemediationFigures};
pub use ids::{AccountId, AccountRegion, Arn, InvalidId, Region};
pub use inputs::Inputs;
pub use inventory::{Evidence, Inventory, Listing, Organization, RawLoadBalancer, RegionInventory, Run};
pub use key_figures::{IDLE_RULE, KeyFigures, MODE_RULE};
pub use key_performance::{Durations, Kpi, KpiGrouping, KpiRow, Share, days_in_words};
pub use load_balancer::{
    DROP_INVALID, Kind, Listener, LoadBalancer, LogDestination, Manager, Mode, Owner, OwnerSource, PlaceholderIdentity,
    Scheme, UnknownMode,
};
pub use money::{Decimal, InvalidDecimal, Money};
pub use observation::{CLOCK_TOLERANCE, ObservationPeriod, clock_offset_sentence, is_ahead};
pub use observed::Observed;
pub use owner_names::{OwnerNames, owner_key};
pub use past_time::{EmptyTimeSpan, PastTime, PastTimeError, TimeSpan};
pub use policy::{Pattern, Policy, PolicyPreset, PolicyRule};
pub use posture_summary::{
    CostRow, ENDING_DAYS, EndingException, IdleLoadBalancer, OwnerRisk, PostureCosts, PostureFigure, PosturePoint,
    PostureSummary, kpi_figures,
};
pub use profile::{AppliedPolicy, PolicyTally, RiskProfile};
pub use reachability::{EntryPoint, EntryService, InFront, Reachability, TargetGroup};
pub use report::{ReportTally, ScanReport};
pub use report_filter::ReportFilter;
pub use required_mode::RequiredMode;
pub use rule::{Adjustment, Rule, RuleMeta};
pub use run_history::{
    ChangeKind, FindingChange, ModeTransition, NotObserved, ObservedIn, PolicyPoint, PreviousRun, RunPoint,
};
pub use sanitize::{code_span, harmless, harmless_lines, html_prose, is_control_or_invisible, markdown, shown};
pub use scan_history::ScanHistory;
pub use severity::Severity;
pub use sha256::sha256_hex;
pub use shared_text::SharedText;
pub use shares::{counted, percent, share};
pub use sink::{
    DeliveryResult, DeliveryStatement, Receipt, Sink, SinkContext, SinkError, SinkFuture, SinkShape, Skipped,
};
pub use spreadsheet::guarded;
pub use tag_value::tag_value;
pub use text_map::TextMap;
pub use thresholds::{FailOn, ReportSettings, UnknownFailOn};
pub use tracked_source::{SourceState, TrackedSource, track};
pub use traffic::{
    ModeEffect, ObservedFiles, ObservedTime, Traffic, TrafficBasis, TrafficGap, TrafficSource, TrafficStep,
};
pub use trigger_summary::TriggerSummary;
pub use unmatched_setting::UnmatchedSetting;
pub use unseen::{Bounds, LastMode, Unseen, UnseenFinding, UnseenLoadBalancer, WhyUnseen, not_seen_in_words};
pub use usage::{DailyFigures, DailyMetric, DailyReading, Usage, kind_of_arn};
pub use verdict_reason::VerdictReason;
