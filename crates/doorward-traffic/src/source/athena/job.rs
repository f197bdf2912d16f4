//! What Athena is asked to count, and what comes of it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::civil::Date;

use doorward_model::{AccountId, AccountRegion, Gap, GapReason, Region};

use super::parquet::ParquetLogs;
use super::{rows, sql};
use crate::object::{LogObject, day_folder};
use crate::prices::Prices;
use crate::tally::Tally;
use crate::window::Window;
use doorward_aws::Operation;

/// A count that Athena is to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AthenaJob {
    /// Where the queries run; the Region is the buckets'.
    pub place: AccountRegion,
    /// The logs.
    pub logs: AthenaLogs,
    /// The accounts whose logs lie there: the table is about all of them, so that it stays the same from run to run.
    pub accounts: BTreeSet<AccountId>,
    /// Those of them whose folders are scanned.
    pub scanned: BTreeSet<AccountId>,
    /// The Regions whose logs lie there.
    pub regions: BTreeSet<Region>,
    /// The load balancers that are counted (`app/name/id`), or all.
    pub load_balancers: Option<BTreeSet<String>>,
    /// What is counted. Objects that were delivered more than an hour after its end, on another day, are not scanned.
    pub window: Window,
    /// A database that exists in the data catalogue.
    pub database: String,
    /// The workgroup to run in.
    pub workgroup: String,
    /// Where Athena writes results, as `s3://bucket/prefix/`; where absent, the workgroup's own place.
    pub output: Option<String>,
    /// Most bytes that the query may scan, as stored.
    pub budget: u64,
    /// How long the query may take, waiting in line included.
    pub patience: Duration,
}

/// Logs that Athena can read, by how they are written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum AthenaLogs {
    /// By the load balancers' own attributes: packed lines, in AWS's layout of keys.
    Lines {
        /// The bucket.
        bucket: String,
        /// The key prefix; empty when there is none.
        prefix: String,
    },
    /// By a CloudWatch Logs delivery ("vended logs"), as Parquet.
    Parquet(Box<ParquetLogs>),
}

/// The volume that a count would scan, by a listing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ScanEstimate {
    /// Objects in the folders of the window.
    pub objects: u64,
    /// Their bytes, as stored: what Athena will scan, and bill. Of Parquet it scans the columns it needs, which are fewer.
    pub bytes: u64,
}

impl ScanEstimate {
    /// US dollars for the scan.
    pub fn cost(&self, prices: &Prices) -> f64 {
        prices.bytes_scanned(self.bytes)
    }
}

/// The count by Athena.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AthenaCount {
    /// The count. How reading went is known only as far as rows say it: lines that were not understood, and no objects.
    pub tally: Tally,
    /// Bytes that Athena scanned, by its own statistics.
    pub scanned: u64,
}

/// Why Athena counted nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AthenaError {
    /// It would cost more than allowed.
    #[error(
        "the logs of {window} have {bytes} bytes, but the budget is {budget}; choose a shorter window or fewer \
         accounts, or raise traffic.athena.budget_gigabytes"
    )]
    OverBudget {
        /// The window.
        window: Window,
        /// The volume that would be scanned.
        bytes: u64,
        /// The budget.
        budget: u64,
    },
    /// A call failed.
    #[error("{0}")]
    Gap(Gap),
    /// The query ended badly.
    #[error("Athena ended the query as {state}: {reason}")]
    Query {
        /// Athena's word for how.
        state: String,
        /// Athena's reason.
        reason: String,
    },
    /// A row that the query does not produce.
    #[error("Athena returned a row that the query does not produce: {0}")]
    Row(String),
}

impl AthenaError {
    /// The gap for a caller that goes on without the count.
    pub fn into_gap(self) -> Gap {
        let message = self.to_string();
        let reason = match self {
            Self::Gap(gap) => return gap,
            Self::OverBudget { .. } => GapReason::NotAsked,
            Self::Query { .. } => GapReason::Rejected,
            Self::Row(_) => GapReason::Malformed,
        };
        Gap::new(reason, Operation::StartQueryExecution.action()).with_message(message)
    }
}

impl From<Gap> for AthenaError {
    fn from(gap: Gap) -> Self {
        Self::Gap(gap)
    }
}

impl AthenaJob {
    /// The statement that makes the table, if it is not there. The table's name says what it is about, so that other logs and
    /// other versions have tables of their own.
    pub fn table(&self) -> String {
        sql::table(self)
    }

    /// The query that counts.
    pub fn query(&self) -> String {
        sql::query(self)
    }

    /// What rows of the query say, each by name of column, in the order in which they came.
    pub fn tally<'a>(
        &self,
        rows: impl IntoIterator<Item = &'a BTreeMap<String, String>>,
    ) -> Result<Tally, AthenaError> {
        let mut collected = rows::Rows::new(self.window);
        for row in rows {
            collected.add(row)?;
        }
        collected.finish()
    }

    /// Whether lines of an object are counted.
    pub(super) fn counts(&self, object: &LogObject) -> bool {
        let wanted = self.load_balancers.as_ref().is_none_or(|wanted| wanted.contains(&object.load_balancer.id));
        wanted && object.may_hold(self.window)
    }

    /// The bucket that is scanned.
    pub fn bucket(&self) -> &str {
        match &self.logs {
            AthenaLogs::Lines { bucket, .. } => bucket,
            AthenaLogs::Parquet(logs) => &logs.bucket,
        }
    }

    /// The scanned location, as it is shown: `s3://bucket/folder`.
    pub fn location(&self) -> String {
        sql::locations(self).0
    }

    /// The folders that are scanned.
    pub(super) fn folders(&self) -> Vec<String> {
        let mut folders = Vec::new();
        for account in &self.scanned {
            for region in &self.regions {
                folders.extend(self.days().map(|day| match &self.logs {
                    AthenaLogs::Lines { prefix, .. } => day_folder(prefix, account, region, day),
                    AthenaLogs::Parquet(logs) => logs.folder(account, region, day),
                }));
            }
        }
        folders
    }

    /// The days whose folders are scanned.
    fn days(&self) -> impl Iterator<Item = Date> + use<> {
        let (first, last) = sql::days(self.window);
        std::iter::successors(Some(first), |day| day.tomorrow().ok()).take_while(move |day| *day <= last)
    }
}
