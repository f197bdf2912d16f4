//! What the requests say: access logs and CloudWatch metrics to a forecast of what each mode would block, and advice.
//!
//! In the flow: objects are chosen by key ([`Key`], [`Selection`]), read by a [`Reader`] into a [`Tally`] per object, and tallies
//! merge. A tally and the [`Series`] of metrics give a [`Forecast`], and that with [`Thresholds`] gives [`Advice`]. All of it is
//! synchronous and pure but for [`read_folder`], [`Memory`], which keeps tallies of objects from run to run, and [`Source`], which
//! brings objects and metrics from AWS or has Athena count; bytes, times and metrics are parameters.
//!
//! What it deliberately does not do: it never guesses. A line it cannot parse is counted with a sample; a line too old to
//! carry a classification is absent, not compliant; and a recommendation never comes without the evidence under it. Texts
//! from logs are data: they are cut to a length and made valid UTF-8, and whoever renders them makes them harmless.

mod advice;
mod classify;
mod compare;
mod count;
mod forecast;
mod inflate;
mod line;
mod local;
mod memory;
mod metric;
mod object;
mod observed;
mod origin;
mod plan;
mod protocol;
mod read;
mod reasons;
mod scan;
mod source;
mod tally;
mod top;
mod window;

pub use advice::{Advice, SourceToFix, Step, Thresholds, advise};
pub use classify::{Classified, ClassifyError, classify};
pub use compare::{Change, Compared, Figure, compare};
pub use forecast::{
    Basis, CrossCheck, Denominator, Forecast, ModeForecast, Seen, Share, TrafficEvidence, forecast, upper_95,
};
pub use local::{FolderError, FolderOptions, Progress, read_folder};
pub use memory::{FOLDER as STATE_FOLDER, Memory, MemoryError, Remembered};
pub use metric::{Answer, Known, Metric, Series};
pub use object::{INTERVAL, Key, Listed, LogObject, Selection, day_folder};
pub use plan::{BalancerPlan, Estimate, Extent, LONGEST_PERIOD, ListedObject, Prices, Proof, estimate, plan};
pub use read::{Limits, Reader};
pub use reasons::{ReasonCode, reason, reasons};
pub use source::{
    AthenaCount, AthenaError, AthenaJob, AthenaLogs, AthenaOutput, AthenaReach, Body, Capability, Cost, Counted,
    LogPlace, LogPlan, Metered, Missed, Operation, ParquetColumns, ParquetLogs, ParquetPlace, Planned, Reach,
    ScanEstimate, Source, SourcePrices, Span, listing_logs,
};
pub use tally::{
    Answered, BalancerKey, BalancerTally, By, Cause, Client, HourTally, LogFiles, NoBalancer, NodeFiles, Reading,
    Sampled, Sources, Tally, Tier, Treatment,
};
pub use top::{Top, Weight};
pub use window::{Hour, TimeError, Window};
