//! Counts logs by Athena, where they outgrow one machine: a table of its own, one query per window, the result by pages.
//!
//! Athena scans, and bills, whole folders of days; so the folders are listed first, and a query that would scan more
//! than its budget is not started. The rows become the same [`Tally`] that the engine in this crate gives.

mod job;
mod parquet;
mod regex;
mod rows;
mod sql;

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::{Pin, pin};
use std::time::Duration;

use aws_sdk_athena::types::{QueryExecutionContext, QueryExecutionState, ResultConfiguration};
use futures::future::{Either, select};
use futures::{StreamExt, stream};

use doorward_model::{Gap, GapReason};

use super::Source;
use crate::object::Key;
use crate::tally::{LoadBalancerKey, LogFiles};
use doorward_aws::{CallFailure, Operation, with_credentials};

pub use job::{AthenaCount, AthenaError, AthenaJob, AthenaLogs, ScanEstimate};
pub use parquet::{ParquetColumns, ParquetLogs, ParquetPlace};

/// Pauses between checks of a query: from the first to the second, doubling.
const LOOKS: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(5));
/// Rows of a page.
const PAGE: i32 = 1000;

impl Source {
    /// Lists what a job would scan. Nothing is started.
    pub async fn estimate(&self, job: &AthenaJob) -> Result<ScanEstimate, Gap> {
        self.estimate_with_files(job).await.map(|(estimate, _)| estimate)
    }

    /// The same, and the log files of the load balancers and the window of the job, by their keys.
    pub(crate) async fn estimate_with_files(
        &self,
        job: &AthenaJob,
    ) -> Result<(ScanEstimate, BTreeMap<LoadBalancerKey, LogFiles>), Gap> {
        let folders = job.folders();
        let listed = stream::iter(folders.iter().map(|folder| async move {
            let mut files: BTreeMap<LoadBalancerKey, LogFiles> = BTreeMap::new();
            let each = |key: &str| {
                if let Key::AccessLog(object) = Key::read(key)
                    && job.counts(&object)
                {
                    files.entry(object.load_balancer.clone()).or_default().add(&object);
                }
            };
            let sums = self.folder(&job.place, job.bucket(), folder, each).await?;
            Ok::<_, Gap>((sums, files))
        }));
        let (mut estimate, mut files) = (ScanEstimate::default(), BTreeMap::<LoadBalancerKey, LogFiles>::new());
        let mut listed = listed.buffered(self.concurrency);
        while let Some(found) = listed.next().await {
            let ((objects, bytes), found) = found?;
            estimate.objects += objects;
            estimate.bytes += bytes;
            for (key, found) in found {
                files.entry(key).or_default().merge(&found);
            }
        }
        Ok((estimate, files))
    }

    /// Counts by Athena: makes the table where it is missing, runs the query, reads its result. `estimate` is what the job would
    /// scan, as just listed; where that is above the job's budget, nothing is started. When `stopped` completes, a running
    /// query is stopped too.
    pub async fn athena(
        &self,
        job: &AthenaJob,
        estimate: ScanEstimate,
        stopped: impl Future<Output = Gap>,
    ) -> Result<AthenaCount, AthenaError> {
        let mut stopped = pin!(stopped);
        if estimate.bytes > job.budget {
            return Err(AthenaError::OverBudget { window: job.window, bytes: estimate.bytes, budget: job.budget });
        }
        self.run(job, job.table(), stopped.as_mut()).await?;
        let (id, scanned) = self.run(job, job.query(), stopped.as_mut()).await?;
        let mut rows = rows::Rows::new(job.window);
        let mut token = None;
        let mut seen = BTreeSet::new();
        loop {
            let (page, next) = self.results(job, &id, token.as_deref()).await?;
            for row in page {
                rows.add(&row)?;
            }
            match next {
                None => break,
                Some(next) if !seen.insert(next.clone()) => {
                    return Err(
                        malformed(Operation::GetQueryResults, "the responses name the same next page twice").into()
                    );
                }
                next => token = next,
            }
        }
        Ok(AthenaCount { tally: rows.finish()?, scanned })
    }

    fn athena_client(&self, job: &AthenaJob) -> aws_sdk_athena::Client {
        self.aws.client(&job.place.region, aws_sdk_athena::Client::new)
    }

    /// Runs a statement to its end: its id, and the bytes it scanned.
    async fn run(
        &self,
        job: &AthenaJob,
        statement: String,
        stopped: Pin<&mut impl Future<Output = Gap>>,
    ) -> Result<(String, u64), AthenaError> {
        let operation = Operation::StartQueryExecution;
        let client = self.athena_client(job);
        // One token for all tries, so that a lost answer does not run, and bill, the query twice.
        let token = format!("doorward-{:032x}", fastrand::u128(..));
        let started = self.aws.call(&job.place, operation, |credentials| {
            let request = client
                .start_query_execution()
                .query_string(&statement)
                .client_request_token(&token)
                .work_group(&job.workgroup)
                .query_execution_context(QueryExecutionContext::builder().database(&job.database).build())
                .set_result_configuration(
                    job.output.as_ref().map(|output| ResultConfiguration::builder().output_location(output).build()),
                )
                .customize()
                .config_override(with_credentials!(aws_sdk_athena, credentials));
            async move {
                let answer = request.send().await.map_err(|error| CallFailure::of(operation, &error))?;
                answer
                    .query_execution_id
                    .ok_or_else(|| CallFailure::malformed(operation, "the response names no query"))
            }
        });
        let id = started.await.map_err(|failure| failure.gap)?;
        let ended = self.wait(job, &id, stopped).await;
        if matches!(&ended, Err(AthenaError::Gap(_))) {
            self.stop(job, &id).await;
        }
        ended.map(|scanned| (id, scanned))
    }

    async fn wait(
        &self,
        job: &AthenaJob,
        id: &str,
        mut stopped: Pin<&mut impl Future<Output = Gap>>,
    ) -> Result<u64, AthenaError> {
        let operation = Operation::GetQueryExecution;
        let client = self.athena_client(job);
        let (mut pause, longest) = LOOKS;
        let mut left = job.patience;
        loop {
            let looked = self.aws.call(&job.place, operation, |credentials| {
                let request = client.get_query_execution().query_execution_id(id).customize();
                let request = request.config_override(with_credentials!(aws_sdk_athena, credentials));
                async move {
                    let answer = request.send().await.map_err(|error| CallFailure::of(operation, &error))?;
                    let query = answer.query_execution;
                    let state = query.and_then(|query| {
                        let status = query.status?;
                        let scanned = query.statistics.and_then(|statistics| statistics.data_scanned_in_bytes);
                        Some((status.state?, status.state_change_reason, scanned))
                    });
                    state.ok_or_else(|| {
                        CallFailure::malformed(operation, "the response does not contain the state of the query")
                    })
                }
            });
            match looked.await.map_err(|failure| failure.gap)? {
                (QueryExecutionState::Succeeded, _, scanned) => {
                    return Ok(scanned.and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or(0));
                }
                (QueryExecutionState::Queued | QueryExecutionState::Running, ..) if !left.is_zero() => {}
                (QueryExecutionState::Queued | QueryExecutionState::Running, ..) => {
                    let gap = Gap::new(GapReason::TimedOut, operation.action());
                    return Err(gap
                        .with_message(
                            "the query did not finish in time and was stopped \
                         (traffic.athena.query_timeout)",
                        )
                        .into());
                }
                (state, reason, _) => {
                    let reason = reason.unwrap_or_else(|| "no reason given".to_owned());
                    return Err(AthenaError::Query { state: state.as_str().to_owned(), reason });
                }
            }
            if let Either::Left((gap, _)) =
                select(stopped.as_mut(), std::pin::pin!(self.aws.time().pause(pause.min(left)))).await
            {
                return Err(gap.into());
            }
            left = left.saturating_sub(pause);
            pause = (pause * 2).min(longest);
        }
    }

    /// Stops a query whose result is no longer needed. A failure is only logged: the workgroup's own limits end the query too.
    async fn stop(&self, job: &AthenaJob, id: &str) {
        let operation = Operation::StopQueryExecution;
        let client = self.athena_client(job);
        let stopped = self.aws.call(&job.place, operation, |credentials| {
            let request = client.stop_query_execution().query_execution_id(id).customize();
            let request = request.config_override(with_credentials!(aws_sdk_athena, credentials));
            async move { request.send().await.map(drop).map_err(|error| CallFailure::of(operation, &error)) }
        });
        if let Err(failure) = stopped.await {
            tracing::warn!(gap = %failure.gap, query = id, "a query could not be stopped");
        }
    }

    /// A page of rows, by name of column, without the row of names that the first page begins with.
    async fn results(
        &self,
        job: &AthenaJob,
        id: &str,
        token: Option<&str>,
    ) -> Result<(Vec<BTreeMap<String, String>>, Option<String>), Gap> {
        let operation = Operation::GetQueryResults;
        let client = self.athena_client(job);
        let page = self.aws.call(&job.place, operation, |credentials| {
            let request = client
                .get_query_results()
                .query_execution_id(id)
                .max_results(PAGE)
                .set_next_token(token.map(str::to_owned))
                .customize()
                .config_override(with_credentials!(aws_sdk_athena, credentials));
            async move {
                let answer = request.send().await.map_err(|error| CallFailure::of(operation, &error))?;
                let set =
                    answer.result_set.ok_or_else(|| CallFailure::malformed(operation, "the response has no rows"))?;
                let values = set.rows.unwrap_or_default().into_iter().map(|row| {
                    let data = row.data.unwrap_or_default().into_iter();
                    data.map(|datum| datum.var_char_value.unwrap_or_default()).collect::<Vec<String>>()
                });
                Ok((values.collect::<Vec<_>>(), answer.next_token))
            }
        });
        let (mut values, next) = page.await.map_err(|failure| failure.gap)?;
        if token.is_none() {
            let names = if values.is_empty() { Vec::new() } else { values.remove(0) };
            if names != sql::COLUMNS {
                return Err(malformed(operation, "the result has other columns than those requested"));
            }
        }
        let wide = values.iter().all(|row| row.len() == sql::COLUMNS.len());
        if !wide {
            return Err(malformed(operation, "a row of the result is not complete"));
        }
        let named = |row: Vec<String>| sql::COLUMNS.iter().map(|name| (*name).to_owned()).zip(row).collect();
        Ok((values.into_iter().map(named).collect(), next))
    }
}

fn malformed(operation: Operation, what: &str) -> Gap {
    Gap::new(GapReason::Malformed, operation.action()).with_message(what)
}
