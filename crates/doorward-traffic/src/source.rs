//! Where logs and metrics come from when they do not lie in a folder: S3, CloudWatch and Athena.
//!
//! A [`Source`] calls them with the session of each account and within the rate limits of its [`ClientProvider`]. A list, object or
//! metric that could not be read is a gap beside the others; nothing stops, and nothing is left out silently. This is the only
//! asynchronous part of the crate: it turns answers into [`Planned`](crate::Planned) objects, readers of bytes, and
//! [`Series`](crate::Series).

mod actions;
mod athena;
mod cloudwatch;
mod daily;
mod fetch;
mod look;
mod plan;
mod recount;
mod remedy;
mod s3;

use std::sync::Arc;

use aws_sdk_s3::types::RequestPayer;
use doorward_aws::ClientProvider;
pub use doorward_aws::Operation;

pub use actions::{AthenaOutput, AthenaReach, Capability, Reach, listing_logs};
pub use athena::{
    AthenaCount, AthenaError, AthenaJob, AthenaLogs, ParquetColumns, ParquetLogs, ParquetPlace, ScanEstimate,
};
pub use cloudwatch::Metered;
pub use daily::{DailyRead, MissingDays, cloudwatch_name, missing_days};
pub use fetch::{Body, Counted};
pub(crate) use remedy::REQUESTER_PAYS;

use crate::protected::ProtectedClients;

pub use plan::{Cost, LogPlace, LogPlan, LogSpan, Planned, UnreadLogs};

/// Lists, objects or metric calls in flight at once, unless the caller sets another number.
const CONCURRENCY: usize = 16;

/// Reads logs and metrics from AWS. Cheap to clone; clones share sessions, clients, rate limits and counts.
#[derive(Clone)]
pub struct Source {
    aws: ClientProvider,
    concurrency: usize,
    requester_pays: bool,
    protected: Arc<ProtectedClients>,
}

impl Source {
    /// Reads with the sessions of `aws`.
    pub fn new(aws: ClientProvider) -> Self {
        Self { aws, concurrency: CONCURRENCY, requester_pays: false, protected: Arc::default() }
    }

    /// The same, stating in requests to S3 that the requester pays.
    #[must_use]
    pub fn with_requester_pays(self, requester_pays: bool) -> Self {
        Self { requester_pays, ..self }
    }

    /// The same, comparing the client of each line that is not compliant with protected clients: addresses, networks or globs over
    /// user agents.
    #[must_use]
    pub fn with_protected(self, protected: &[String]) -> Self {
        Self { protected: Arc::new(ProtectedClients::new(protected)), ..self }
    }

    /// The protected clients that lines are compared with.
    pub(crate) fn protected(&self) -> &[String] {
        self.protected.entries()
    }

    fn payer(&self) -> Option<RequestPayer> {
        self.requester_pays.then_some(RequestPayer::Requester)
    }

    /// The same with another number of lists, objects or metric calls in flight at once; at least 1.
    #[must_use]
    pub fn with_concurrency(self, concurrency: usize) -> Self {
        Self { concurrency: concurrency.max(1), ..self }
    }

    /// Requests sent so far, every try counted.
    pub fn requests(&self) -> u64 {
        self.aws.caller().requests()
    }
}
