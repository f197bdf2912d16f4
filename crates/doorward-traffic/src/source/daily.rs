//! Reads daily metrics of load balancers of every kind, and only the days that are missing.

use std::collections::BTreeMap;
use std::sync::Arc;

use doorward_model::{
    AccountRegion, Arn, DailyFigures, DailyMetric, DailyReading, Gap, Kind, LoadBalancer, kind_of_arn,
};
use futures::{StreamExt, stream};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, Timestamp};

use super::Source;
use super::cloudwatch::{MetricQuery, QUERIES};
use crate::evidence::id;
use crate::metric::Answer;
use crate::window::Window;

/// The period of a day, in seconds.
const DAY: u32 = 86_400;

/// How long after its end a day is complete in CloudWatch: figures arrive minutes late.
const LATE: SignedDuration = SignedDuration::from_hours(1);

/// The days of one load balancer that are to be read: from the first to the last that is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingDays {
    /// The load balancer.
    pub load_balancer: Arn,
    /// Where it is.
    pub place: AccountRegion,
    /// The first day, UTC.
    pub from: Date,
    /// The last day, UTC; included.
    pub until: Date,
}

/// The daily metrics that were read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DailyRead {
    /// The figures; a day that CloudWatch answered completely and has no figure for is zero.
    pub readings: Vec<DailyReading>,
    /// Metrics that could not be read, by load balancer and metric.
    pub unread: Vec<(Arn, DailyMetric, Arc<Gap>)>,
}

/// The days that are missing of the `days` whole days before a time. Days before a load balancer was created have no figures and are not
/// read. None of a load balancer whose figures are all known, or whose kind has none.
pub fn missing_days(
    load_balancers: &[LoadBalancer],
    known: &BTreeMap<Arn, DailyFigures>,
    now: Timestamp,
    days: u32,
) -> Vec<MissingDays> {
    let Ok(complete) = now.checked_sub(LATE) else { return Vec::new() };
    let Ok(until) = TimeZone::UTC.to_datetime(complete).date().yesterday() else { return Vec::new() };
    let back = |n: i64| Span::new().try_days(n).ok().and_then(|span| until.checked_sub(span).ok()).unwrap_or(until);
    let all: Vec<Date> = (0..i64::from(days)).rev().map(back).collect();
    let of = |lb: &LoadBalancer| {
        let metrics = DailyMetric::of(lb.kind);
        let created = lb.created.map(|at| TimeZone::UTC.to_datetime(at).date());
        let figures = known.get(&lb.arn);
        let is_missing = |day: &&Date| {
            let is_known = |metric: &DailyMetric| {
                figures.and_then(|figures| figures.get(metric)).is_some_and(|days| days.contains_key(*day))
            };
            created.is_none_or(|created| **day >= created) && !metrics.iter().all(is_known)
        };
        let mut missing = all.iter().filter(is_missing);
        let first = *missing.next()?;
        let last = missing.next_back().copied().unwrap_or(first);
        let place = AccountRegion { account: lb.account.clone(), region: lb.region.clone() };
        Some(MissingDays { load_balancer: lb.arn.clone(), place, from: first, until: last })
    };
    load_balancers.iter().filter(|lb| !DailyMetric::of(lb.kind).is_empty()).filter_map(of).collect()
}

/// CloudWatch's namespace, the dimension that names the load balancer, and the name of a metric; none if the kind does not publish it.
pub fn cloudwatch_name(kind: Kind, metric: DailyMetric) -> Option<(&'static str, &'static str, &'static str)> {
    use DailyMetric as M;
    let name = match (kind, metric) {
        (Kind::Application | Kind::Classic, M::Requests) => "RequestCount",
        (Kind::Application | Kind::Classic, M::NonCompliant) => "DesyncMitigationMode_NonCompliant_Request_Count",
        (Kind::Application, M::Target5xx) => "HTTPCode_Target_5XX_Count",
        (Kind::Application, M::Target4xx) => "HTTPCode_Target_4XX_Count",
        (Kind::Application, M::LoadBalancer4xx) => "HTTPCode_ELB_4XX_Count",
        (Kind::Application, M::LoadBalancer5xx) => "HTTPCode_ELB_5XX_Count",
        (Kind::Application, M::Redirects) => "HTTP_Redirect_Count",
        (Kind::Application, M::FixedResponses) => "HTTP_Fixed_Response_Count",
        (Kind::Application, M::NewConnections) => "NewConnectionCount",
        (Kind::Classic, M::Target5xx) => "HTTPCode_Backend_5XX",
        (Kind::Classic, M::Target4xx) => "HTTPCode_Backend_4XX",
        (Kind::Classic, M::LoadBalancer4xx) => "HTTPCode_ELB_4XX",
        (Kind::Classic, M::LoadBalancer5xx) => "HTTPCode_ELB_5XX",
        (Kind::Classic, M::Bytes) => "EstimatedProcessedBytes",
        (Kind::Network | Kind::Gateway, M::NewFlows) => "NewFlowCount",
        (Kind::Network | Kind::Gateway, M::Bytes) => "ProcessedBytes",
        _ => return None,
    };
    Some(match kind {
        Kind::Application => ("AWS/ApplicationELB", "LoadBalancer", name),
        Kind::Network => ("AWS/NetworkELB", "LoadBalancer", name),
        Kind::Gateway => ("AWS/GatewayELB", "LoadBalancer", name),
        Kind::Classic => ("AWS/ELB", "LoadBalancerName", name),
        Kind::Unrecognized => return None,
    })
}

/// The load balancer and the figure that a query asks for.
type DailyQuery<'a> = (&'a Arn, DailyMetric, MetricQuery<'a>);

impl Source {
    /// Reads the daily figures of load balancers.
    pub async fn daily(&self, missing: &[MissingDays]) -> DailyRead {
        let ids: Vec<String> = missing.iter().map(|one| id(&one.load_balancer)).collect();
        let mut calls: BTreeMap<(&AccountRegion, Date, Date), Vec<DailyQuery<'_>>> = BTreeMap::new();
        for (one, id) in missing.iter().zip(&ids) {
            let kind = kind_of_arn(&one.load_balancer);
            for metric in DailyMetric::of(kind) {
                let Some((namespace, dimension, name)) = cloudwatch_name(kind, *metric) else { continue };
                let query = MetricQuery { namespace, name, dimension, id };
                calls.entry((&one.place, one.from, one.until)).or_default().push((&one.load_balancer, *metric, query));
            }
        }
        let chunks = calls.iter().flat_map(|(at, queries)| queries.chunks(QUERIES).map(move |chunk| (*at, chunk)));
        let answered: Vec<_> = stream::iter(chunks)
            .map(|((place, from, until), chunk)| async move {
                let window = window(from, until)?;
                let queries: Vec<MetricQuery<'_>> = chunk.iter().map(|(_, _, query)| *query).collect();
                Some((from, until, chunk, self.ask(place, &queries, window, DAY).await))
            })
            .buffered(self.concurrency)
            .collect()
            .await;
        let mut read = DailyRead::default();
        for (from, until, chunk, answers) in answered.into_iter().flatten() {
            for ((arn, metric, _), answer) in chunk.iter().zip(answers) {
                match answer {
                    Answer::Points(points) => read.readings.extend(by_day(arn, *metric, from, until, &points)),
                    Answer::Unread(gap) => read.unread.push(((*arn).clone(), *metric, gap)),
                }
            }
        }
        read
    }
}

fn window(from: Date, until: Date) -> Option<Window> {
    let start = |day: Date| day.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp());
    Window::covering(start(from)?, start(until.tomorrow().ok()?)?).ok()
}

/// One reading for every day: the answer is complete, so a day without a point had nothing to count.
fn by_day(
    arn: &Arn,
    metric: DailyMetric,
    from: Date,
    until: Date,
    points: &BTreeMap<Timestamp, u64>,
) -> Vec<DailyReading> {
    let mut sums: BTreeMap<Date, u64> = BTreeMap::new();
    let days = std::iter::successors(Some(from), |day| day.tomorrow().ok()).take_while(|day| *day <= until);
    sums.extend(days.map(|day| (day, 0)));
    for (at, value) in points {
        if let Some(sum) = sums.get_mut(&TimeZone::UTC.to_datetime(*at).date()) {
            *sum = sum.saturating_add(*value);
        }
    }
    let readings = sums.into_iter().map(|(day, value)| DailyReading { load_balancer: arn.clone(), metric, day, value });
    readings.collect()
}
