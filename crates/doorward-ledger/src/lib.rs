//! The record stage and the memory of Doorward: one SQLite file with runs, first-seen dates, mode changes, KPIs and the
//! checkpoints of a scan that is under way.
//!
//! It stands between evaluate and the sinks: a [`doorward_model::ScanReport`] comes in, every finding that ever failed
//! leaves with its [`doorward_model::History`]. Only changes are stored, so that an unchanged scan costs next to nothing.
//!
//! What it deliberately does not do: read a clock (times are parameters), call AWS, wait for a lease (the caller does,
//! with the error's help), decide what a verdict is, or believe anything that no scan observed. A finding ends only when
//! it was seen to pass, when a full listing no longer contains its load balancer, or when its account is closed.
//!
//! The file is on this machine, or elsewhere for several machines ([`LedgerStore`]): then it is copied, changed and written back.
//!
//! All calls block; an asynchronous caller wraps them.

mod checkpoint;
mod columns;
mod diff;
mod diff_filter;
mod disk;
mod edits;
mod error;
mod figure_group;
mod finding_state;
mod findings;
mod history;
mod journal;
mod known_names;
mod kpi;
mod lease;
mod leased;
mod ledger;
mod metrics;
mod notification_state;
mod outbox;
mod owner_spelling;
mod preflight;
mod record;
mod retention;
mod run_name;
mod run_order;
mod schema_versions;
mod shared;
mod timestamp;
mod tracked_sources;

pub use checkpoint::{RunHeader, UnfinishedRun};
pub use columns::RunRef;
pub use diff::{Diff, DiffLine, RecordedMode};
pub use diff_filter::DiffFilter;
pub use doorward_model::{Durations, Kpi, Share};
pub use error::LedgerError;
pub use figure_group::FigureGroup;
pub use finding_state::FindingStatus;
pub use findings::{OWNER_UNREAD, OpenFinding, Transition};
pub use history::{NotSeen, RunSummary};
pub use journal::JournalRow;
pub use known_names::KnownNames;
pub use lease::{LEASE_TTL, Lease};
pub use leased::LeasedLedger;
pub use ledger::{LONGEST_INTERVAL, Ledger, OpenOptions};
pub use notification_state::{DigestIntent, DigestRow};
pub use outbox::OutboxRow;
pub use preflight::{Preflight, PreflightState};
pub use record::Recorded;
pub use retention::PruneReport;
pub use run_name::{LATEST_RUN, PREVIOUS_RUN};
pub use shared::{FetchedLedger, LedgerStore, LedgerStoreError, StoredLedger, is_shared, open_stores_with};
