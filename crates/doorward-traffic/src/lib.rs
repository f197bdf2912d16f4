//! Traffic of load balancers: from access logs and CloudWatch metrics to a forecast of what each mode would block, and advice.
//!
//! In the flow: objects are chosen by key ([`Key`], [`Selection`]), read by a [`Reader`] into a [`Tally`] per object, and tallies
//! merge. A tally and the [`Series`] of metrics give a [`Forecast`], and that with [`Thresholds`] gives [`Advice`]. [`gather()`]
//! decides which logs to read by the metrics and collects the [`TrafficEvidence`] of a run; [`join()`] turns that into the traffic
//! of each load balancer, as rules and reports show it. All of it is synchronous and pure except [`gather()`], [`read_folder`],
//! [`CountCache`], which keeps tallies of objects from run to run, and [`Source`], which reads objects and metrics from AWS or has
//! Athena count; bytes, times and metrics are parameters.
//!
//! What it deliberately does not do: it never guesses. A line that it cannot parse is counted with a sample; a line too old to
//! carry a classification is absent, not compliant; and a recommendation always states its evidence. Texts from logs are data: they
//! are cut to a length and made valid UTF-8, and the program that shows them escapes control characters.

mod advice;
mod affected;
mod binomial;
mod blocked_clients;
mod buffers;
mod classify;
mod count;
mod count_cache;
mod evidence;
mod extent;
mod fingerprint;
mod forecast;
mod gather_job;
mod gather_organization;
mod inflate;
mod join;
mod line;
mod local;
mod metric;
mod object;
mod observed_traffic;
mod outcome;
mod prices;
mod protected;
mod protocol;
mod read;
mod reasons;
mod render;
mod repeats;
mod request_origin;
mod scan;
mod session_reach;
mod settings;
mod source;
mod tally;
mod top;
mod triggers;
mod truncate;
mod unread_lines;
mod window;
mod window_comparison;

pub use advice::{Advice, AdviceStep, SourceToFix, Thresholds, advise};
pub use affected::{AffectedRequests, ClientKind};
pub use binomial::upper_95;
pub use blocked_clients::{BlockedClient, blocked_clients};
pub use classify::{Classified, ClassifyError, classify};
pub use count_cache::{CacheUse, CountCache, CountCacheError, FOLDER as STATE_FOLDER};
pub use evidence::{AthenaScan, SavedTrafficError, TrafficEvidence, id, key};
pub use extent::{Extent, extent, falls_short};
pub use forecast::{
    Basis, BoundUnit, CrossCheck, Denominator, Forecast, ForecastEvidence, ForecastInput, ModeForecast, RequestShare,
    UpperBound, forecast,
};
pub use gather_job::GatherJob;
pub use gather_organization::{
    AthenaOptions, CacheOptions, GatherError, GatherEvent, TrafficRequest, gather, log_bucket,
};
pub use join::{AdviceRules, TrafficByArn, advise_all, expire_all, join};
pub use local::{FolderError, FolderOptions, FolderProgress, outside_window, read_folder};
pub use metric::{Answer, Known, Metric, Series};
pub use object::{INTERVAL, Key, Listed, LogObject, Selection, day_folder};
pub use prices::Prices;
pub use read::{Limits, Reader};
pub use reasons::{OtherRequest, ReasonCode, ReasonExample, reason, reasons};
pub use render::{AdviceDocument, TrafficDocument, render_advice, render_traffic};
pub use session_reach::Reaches;
pub use settings::{AthenaSettings, TrafficSettings};
pub use source::{
    AthenaCount, AthenaError, AthenaJob, AthenaLogs, AthenaOutput, AthenaReach, Body, Capability, Cost, Counted,
    DailyRead, LogPlace, LogPlan, LogSpan, Metered, MissingDays, Operation, ParquetColumns, ParquetLogs, ParquetPlace,
    Planned, Reach, ScanEstimate, Source, UnreadLogs, cloudwatch_name, listing_logs, missing_days,
};
pub use tally::{
    Answered, AnsweredKind, Cause, Client, ClientSketch, ClientTable, ClientTally, HourTally, LoadBalancerKey,
    LoadBalancerTally, LogFiles, NoLoadBalancer, NodeFiles, Reading, RequestExample, Sampled, Sources, Tally, Tier,
    Treatment,
};
pub use top::{Top, Weight};
pub use triggers::{
    HopConfiguration, Http2Effect, Posture, RecommendedTarget, Trigger, TriggerOutcome, TriggerPosture, posture,
    render_posture, render_postures, trigger_summary, triggers,
};
pub use window::{Hour, TimeError, Window};
pub use window_comparison::{
    BeforeAfter, Change, CompareDocument, Compared, ComparedBy, Figure, compare, compare_evidence, render_comparison,
};
