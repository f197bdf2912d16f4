//! Asks CloudWatch for the metrics of load balancers: many queries a call, all pages, and every way of not answering kept apart.

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{Dimension, MetricDataQuery, MetricDataResult, MetricStat, ScanBy, StatusCode};
use futures::{StreamExt, stream};
use jiff::{SignedDuration, Timestamp};

use doorward_aws::{CallFailure, Operation, with_credentials};
use doorward_model::{AccountRegion, Gap, GapReason};

use super::Source;
use crate::metric::{Answer, Metric, Series};
use crate::tally::LoadBalancerKey;
use crate::window::Window;

/// A load balancer whose metrics are wanted, with the account-Region that keeps them. Ids of Classic Load Balancers are their
/// names: they have no slash.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Metered {
    /// The load balancer.
    pub load_balancer: LoadBalancerKey,
    /// Where it is.
    pub place: AccountRegion,
}

/// Most queries of a call.
pub(super) const QUERIES: usize = 500;
/// How often a call is repeated because of queries that failed inside CloudWatch.
const ROUNDS: usize = 3;
/// How many days points are kept, and in periods of which multiple of seconds.
const KEPT: [(i64, u32); 3] = [(15, 60), (63, 300), (455, 3600)];

/// One query, as CloudWatch names its parts.
#[derive(Clone, Copy)]
pub(super) struct MetricQuery<'a> {
    pub(super) namespace: &'static str,
    pub(super) name: &'static str,
    /// The name of the dimension that holds the load balancer.
    pub(super) dimension: &'static str,
    pub(super) id: &'a str,
}

/// One query: whose metric, and its name there.
#[derive(Clone, Copy)]
struct Asked<'a> {
    load_balancer: &'a LoadBalancerKey,
    metric: Metric,
    name: &'static str,
}

impl<'a> Asked<'a> {
    fn query(&self) -> MetricQuery<'a> {
        let application = self.load_balancer.id.contains('/');
        let (namespace, dimension) =
            if application { ("AWS/ApplicationELB", "LoadBalancer") } else { ("AWS/ELB", "LoadBalancerName") };
        MetricQuery { namespace, name: self.name, dimension, id: &self.load_balancer.id }
    }
}

impl Source {
    /// The metrics of load balancers over a window, in periods of `period_seconds` or, where CloudWatch keeps only longer
    /// ones of that age, of those. `now` is the time; what lies before CloudWatch's memory is unread, not zero.
    pub async fn metrics(
        &self,
        load_balancers: &[Metered],
        metrics: &[Metric],
        window: Window,
        period_seconds: u32,
        now: Timestamp,
    ) -> BTreeMap<LoadBalancerKey, Series> {
        let blank = |period| Series { window, period_seconds: period, answers: BTreeMap::new() };
        let Some(period) = period(window, period_seconds, now) else {
            let gap = Arc::new(Gap::new(GapReason::Rejected, Operation::GetMetricData.action()).with_message(format!(
                "CloudWatch keeps metrics for 455 days, but {window} begins earlier; choose a later window"
            )));
            let unread = |_| metrics.iter().map(|metric| (*metric, Answer::Unread(Arc::clone(&gap)))).collect();
            return load_balancers
                .iter()
                .map(|metered| (metered.load_balancer.clone(), Series { answers: unread(()), ..blank(period_seconds) }))
                .collect();
        };
        let mut places: BTreeMap<&AccountRegion, Vec<Asked<'_>>> = BTreeMap::new();
        for Metered { load_balancer, place } in load_balancers {
            let queries = places.entry(place).or_default();
            for metric in metrics {
                let name = if load_balancer.id.contains('/') { Some(metric.application()) } else { metric.classic() };
                queries.extend(name.map(|name| Asked { load_balancer, metric: *metric, name }));
            }
        }
        let calls =
            places.iter().flat_map(|(place, queries)| queries.chunks(QUERIES).map(move |chunk| (*place, chunk)));
        let answered: Vec<_> = stream::iter(calls)
            .map(|(place, chunk)| async move {
                let queries: Vec<MetricQuery<'_>> = chunk.iter().map(Asked::query).collect();
                (chunk, self.ask(place, &queries, window, period).await)
            })
            .buffered(self.concurrency)
            .collect()
            .await;
        let mut series: BTreeMap<LoadBalancerKey, Series> =
            load_balancers.iter().map(|metered| (metered.load_balancer.clone(), blank(period))).collect();
        for (chunk, answers) in answered {
            for (asked, answer) in chunk.iter().zip(answers) {
                if let Some(series) = series.get_mut(asked.load_balancer) {
                    series.answers.insert(asked.metric, answer);
                }
            }
        }
        series
    }

    /// One answer for each query. Those that failed inside CloudWatch are asked again, a few times.
    pub(super) async fn ask(
        &self,
        place: &AccountRegion,
        asked: &[MetricQuery<'_>],
        window: Window,
        period: u32,
    ) -> Vec<Answer> {
        let mut answers: Vec<Option<Answer>> = vec![None; asked.len()];
        for round in 1..=ROUNDS {
            let open: Vec<usize> = (0..asked.len()).filter(|number| answers[*number].is_none()).collect();
            if open.is_empty() {
                break;
            }
            let queries = open.iter().map(|number| query(*number, &asked[*number], period)).collect();
            match self.pages(place, queries, window).await {
                Ok(mut collected) => {
                    for number in open {
                        let points = collected.remove(&id(number)).unwrap_or_default();
                        answers[number] = points.answer(round == ROUNDS);
                    }
                }
                Err(gap) => {
                    let gap = Arc::new(gap);
                    for number in open {
                        answers[number] = Some(Answer::Unread(Arc::clone(&gap)));
                    }
                }
            }
        }
        let missing = || Answer::Unread(Arc::new(malformed("the response does not contain the query")));
        answers.into_iter().map(|answer| answer.unwrap_or_else(missing)).collect()
    }

    /// All pages of a call, merged by query.
    async fn pages(
        &self,
        place: &AccountRegion,
        queries: Vec<MetricDataQuery>,
        window: Window,
    ) -> Result<BTreeMap<String, QueryResult>, Gap> {
        let operation = Operation::GetMetricData;
        let client = self.aws.client(&place.region, aws_sdk_cloudwatch::Client::new);
        let mut collected: BTreeMap<String, QueryResult> = BTreeMap::new();
        let mut token: Option<String> = None;
        let mut seen = std::collections::BTreeSet::new();
        loop {
            let answer = self.aws.call(place, operation, |credentials| {
                let request = client
                    .get_metric_data()
                    .set_metric_data_queries(Some(queries.clone()))
                    .start_time(DateTime::from_secs(window.starts_at().as_second()))
                    .end_time(DateTime::from_secs(window.ends_at().as_second()))
                    .scan_by(ScanBy::TimestampAscending)
                    .set_next_token(token.clone())
                    .customize()
                    .config_override(with_credentials!(aws_sdk_cloudwatch, credentials));
                async move { request.send().await.map_err(|error| CallFailure::of(operation, &error)) }
            });
            let answer = answer.await.map_err(|failure| failure.gap)?;
            let results = answer.metric_data_results.ok_or_else(|| malformed("the response has no results"))?;
            for result in results {
                let id = result.id().unwrap_or_default().to_owned();
                collected.entry(id).or_default().add(&result, window)?;
            }
            match answer.next_token {
                None => return Ok(collected),
                Some(next) if !seen.insert(next.clone()) => {
                    return Err(malformed("the responses name the same next page twice"));
                }
                next => token = next,
            }
        }
    }
}

/// The shortest period, from the requested one, for which CloudWatch keeps the whole window; `None` where it keeps none.
fn period(window: Window, asked: u32, now: Timestamp) -> Option<u32> {
    // An hour of slack: the window does not get younger while it is asked for.
    let age = now.duration_since(window.starts_at()).saturating_add(SignedDuration::from_hours(1));
    let (_, multiple) = KEPT.iter().find(|(days, _)| age <= SignedDuration::from_hours(days * 24))?;
    Some(asked.max(1).div_ceil(*multiple).saturating_mul(*multiple))
}

fn id(number: usize) -> String {
    format!("q{number}")
}

fn query(number: usize, asked: &MetricQuery<'_>, period: u32) -> MetricDataQuery {
    let dimension = Dimension::builder().name(asked.dimension).value(asked.id).build();
    let metric = aws_sdk_cloudwatch::types::Metric::builder()
        .namespace(asked.namespace)
        .metric_name(asked.name)
        .dimensions(dimension)
        .build();
    let stat =
        MetricStat::builder().metric(metric).period(i32::try_from(period).unwrap_or(i32::MAX)).stat("Sum").build();
    MetricDataQuery::builder().id(id(number)).metric_stat(stat).return_data(true).build()
}

/// The result of one query, collected from the pages.
#[derive(Debug, Default)]
struct QueryResult {
    points: BTreeMap<Timestamp, u64>,
    /// The status on the last page that names the query.
    status: Option<StatusCode>,
}

impl QueryResult {
    /// Adds the points of one page. An error where a value is not a count.
    fn add(&mut self, result: &MetricDataResult, window: Window) -> Result<(), Gap> {
        let (times, values) = (result.timestamps(), result.values());
        if times.len() != values.len() {
            return Err(malformed("the response does not have as many values as timestamps"));
        }
        for (time, value) in times.iter().zip(values) {
            let at = Timestamp::from_second(time.secs()).map_err(|_| malformed("invalid timestamp in the response"))?;
            let is_count = *value >= 0.0 && *value <= 9e15 && value.fract() == 0.0;
            if !is_count {
                return Err(malformed("the response contains a value that is not a count"));
            }
            if at >= window.starts_at() && at < window.ends_at() {
                self.points.insert(at, *value as u64);
            }
        }
        self.status = result.status_code().cloned();
        Ok(())
    }

    /// The answer; `None` where another round is worth it. The last round always has one.
    fn answer(self, last: bool) -> Option<Answer> {
        let action = Operation::GetMetricData.action();
        let unread = |gap| Some(Answer::Unread(Arc::new(gap)));
        match self.status {
            Some(StatusCode::Complete) => Some(Answer::Points(self.points)),
            Some(StatusCode::Forbidden) => {
                let mut gap =
                    Gap::new(GapReason::AccessDenied, action).with_message("CloudWatch refused the query as forbidden");
                gap.action = Some(action.to_owned());
                unread(gap)
            }
            _ if !last => None,
            Some(StatusCode::PartialData) => unread(malformed("CloudWatch returned only some of the data points")),
            Some(StatusCode::InternalError) => unread(Gap::new(GapReason::ServiceFailure, action)),
            Some(_) => unread(malformed("the response has an unknown status")),
            None => unread(malformed("the response does not contain the query")),
        }
    }
}

fn malformed(what: &str) -> Gap {
    Gap::new(GapReason::Malformed, Operation::GetMetricData.action()).with_message(what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_windows_take_longer_periods() {
        let now: Timestamp = "2026-09-20T12:00:00Z".parse().expect("a time");
        for (days, asked, expected) in [
            (1, 60, Some(60)),
            (1, 90, Some(120)),
            (14, 300, Some(300)),
            (15, 60, Some(300)),
            (62, 300, Some(300)),
            (63, 300, Some(3600)),
            (454, 60, Some(3600)),
            (455, 3600, None),
        ] {
            let start = now - SignedDuration::from_hours(days * 24);
            let window = Window::covering(start, now).expect("a window");
            assert_eq!(period(window, asked, now), expected, "{days} days, {asked} s");
        }
    }
}
