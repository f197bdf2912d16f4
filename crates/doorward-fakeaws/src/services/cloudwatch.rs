//! CloudWatch: GetMetricData over Smithy RPC v2 CBOR, with its limits on queries, periods, ages and points per page.

use std::collections::{BTreeMap, HashSet};

use ciborium::Value as Cbor;
use jiff::Timestamp;
use serde_json::Value;

use super::paging::{decode_token, encode_token};
use crate::cbor;
use crate::failure::{Failure, RawResponse};
use crate::service::{Call, Limit, Operation, Protocol, Service, anything};
use crate::world::metric::{Series, SeriesKey, aligned, kept, statistic};

pub(crate) const SERVICE: Service = Service {
    label: "cloudwatch",
    signing: "monitoring",
    prefix: "cloudwatch",
    protocol: Protocol::Cbor { target: "GraniteServiceVersion20100801" },
    throttle: "Throttling",
    invalid: "ValidationError",
    global: false,
    operations: &[Operation::raw(
        "GetMetricData",
        get_metric_data,
        anything,
        &[Limit::regional("cloudwatch:GetMetricData", 500.0, 500.0)],
    )],
};

/// Most queries in a call.
const QUERIES: usize = 500;
/// Most points in a page.
const POINTS: usize = 100_800;

/// One parsed query.
struct Query<'a> {
    id: &'a str,
    label: &'a str,
    key: SeriesKey,
    statistic: &'a str,
    period: i64,
}

fn get_metric_data(call: &Call<'_>) -> Result<RawResponse, Failure> {
    let document = call.params.document().unwrap_or(&Value::Null);
    let (start, end) = (moment(document, "StartTime")?, moment(document, "EndTime")?);
    if start >= end {
        return Err(Failure::Invalid("The parameter StartTime must be less than the parameter EndTime.".to_owned()));
    }
    let asked = document["MetricDataQueries"].as_array().map_or(&[][..], Vec::as_slice);
    if asked.len() > QUERIES {
        return Err(Failure::Invalid(format!(
            "The collection MetricDataQueries must not have a size greater than {QUERIES}."
        )));
    }
    let queries: Vec<Query<'_>> = asked.iter().map(query).collect::<Result<_, _>>()?;
    let mut ids = HashSet::new();
    if let Some(twice) = queries.iter().find(|query| !ids.insert(query.id)) {
        let message = format!("The values for parameter id in MetricDataQueries are not unique: {}.", twice.id);
        return Err(Failure::Invalid(message));
    }
    let ascending = match document["ScanBy"].as_str() {
        None | Some("TimestampDescending") => false,
        Some("TimestampAscending") => true,
        Some(other) => return Err(Failure::Invalid(format!("ScanBy {other} is not a valid value."))),
    };
    let most = match call.params.number("MaxDatapoints") {
        None => POINTS,
        Some(Ok(number)) if number >= 1 => {
            usize::try_from(number).ok().filter(|number| *number <= POINTS).ok_or_else(too_many_points)?
        }
        Some(_) => return Err(too_many_points()),
    };
    let most = most.min(call.world.organization.page_size.unwrap_or(POINTS)).max(1);
    let mut skip = match call.params.get("NextToken") {
        None => 0,
        Some(token) => decode_token(token)
            .and_then(|position| position.parse().ok())
            .ok_or_else(|| Failure::own("InvalidNextToken", "The next token specified is invalid."))?,
    };

    let first = skip;
    let mut left = most;
    let mut results = Vec::new();
    let mut more = false;
    let now = call.world.metrics_as_of.get().copied().unwrap_or(call.now);
    let cell = call.world.read(call.cell());
    for query in &queries {
        let series = cell.metrics.get(&query.key);
        let status = series.and_then(|series| series.status.as_deref());
        let mut points = match (series, status) {
            (Some(series), None | Some("PartialData")) => points(series, query, start, end, now),
            _ => Vec::new(),
        };
        if !ascending {
            points.reverse();
        }
        // Every page names the queries whose points it contains; the first page also names those without points.
        if skip > 0 && skip >= points.len() {
            skip -= points.len();
            continue;
        }
        let rest = points.get(skip..).unwrap_or_default();
        if left == 0 && !rest.is_empty() {
            more = true;
            break;
        }
        skip = 0;
        let (now, later) = rest.split_at(rest.len().min(left));
        left -= now.len();
        let status = status.unwrap_or(if later.is_empty() { "Complete" } else { "PartialData" });
        results.push(result(query, now, status));
        if !later.is_empty() {
            more = true;
            break;
        }
    }
    let served = first + (most - left);
    let mut answer = vec![
        (Cbor::from("MetricDataResults"), Cbor::Array(results)),
        (Cbor::from("Messages"), Cbor::Array(Vec::new())),
    ];
    if more {
        answer.push((Cbor::from("NextToken"), encode_token(&served.to_string()).into()));
    }
    let body = cbor::write(&Cbor::Map(answer));
    Ok(RawResponse { status: 200, content_type: "application/cbor", headers: Vec::new(), metadata: Vec::new(), body })
}

fn too_many_points() -> Failure {
    Failure::Invalid(format!("MaxDatapoints must be from 1 to {POINTS}."))
}

fn moment(document: &Value, name: &str) -> Result<Timestamp, Failure> {
    let seconds = document[name].as_f64();
    seconds
        .and_then(|seconds| Timestamp::from_second(seconds.floor() as i64).ok())
        .ok_or_else(|| Failure::Invalid(format!("The parameter {name} is required and must be a time.")))
}

fn query(asked: &Value) -> Result<Query<'_>, Failure> {
    let refuse = |what: &str| Failure::Invalid(format!("Invalid MetricDataQuery: {what}."));
    let id = asked["Id"].as_str().unwrap_or_default();
    let letters = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    if !id.starts_with(|first: char| first.is_ascii_lowercase()) || id.len() > 255 || !id.bytes().all(letters) {
        return Err(refuse("an Id starts with a lower-case letter and has up to 255 letters, digits and underscores"));
    }
    if asked["Expression"].is_string() {
        return Err(refuse("expressions are not emulated"));
    }
    let (stat, metric) = (&asked["MetricStat"], &asked["MetricStat"]["Metric"]);
    let name = metric["MetricName"].as_str().ok_or_else(|| refuse("MetricName is missing"))?;
    let namespace = metric["Namespace"].as_str().ok_or_else(|| refuse("Namespace is missing"))?;
    let period = stat["Period"].as_i64().unwrap_or_default();
    if !([1, 5, 10, 20, 30].contains(&period) || (period >= 60 && period % 60 == 0)) {
        return Err(refuse("Period must be 1, 5, 10, 20, 30 or a multiple of 60"));
    }
    let dimensions = metric["Dimensions"].as_array().map_or(&[][..], Vec::as_slice);
    let dimensions: BTreeMap<String, String> = dimensions
        .iter()
        .map(|pair| Some((pair["Name"].as_str()?.to_owned(), pair["Value"].as_str()?.to_owned())))
        .collect::<Option<_>>()
        .ok_or_else(|| refuse("a dimension needs Name and Value"))?;
    Ok(Query {
        id,
        label: asked["Label"].as_str().unwrap_or(name),
        key: (namespace.to_owned(), name.to_owned(), dimensions),
        statistic: stat["Stat"].as_str().ok_or_else(|| refuse("Stat is missing"))?,
        period,
    })
}

/// Start and value of the periods that have points, in order of time.
fn points(series: &Series, query: &Query<'_>, start: Timestamp, end: Timestamp, now: Timestamp) -> Vec<(i64, f64)> {
    let first = aligned(start, now);
    let end = end.as_second();
    let mut periods: BTreeMap<i64, Vec<f64>> = BTreeMap::new();
    for (at, value) in series.points.range(first..end) {
        periods.entry(at - at.rem_euclid(query.period)).or_default().push(*value);
    }
    periods
        .into_iter()
        .filter(|(at, _)| kept(now.as_second() - at, query.period))
        .filter_map(|(at, values)| Some((at.max(first), statistic(query.statistic, &values)?)))
        .collect()
}

fn result(query: &Query<'_>, points: &[(i64, f64)], status: &str) -> Cbor {
    cbor::structure([
        ("Id", query.id.into()),
        ("Label", query.label.into()),
        ("Timestamps", Cbor::Array(points.iter().map(|(at, _)| cbor::time(*at)).collect())),
        ("Values", Cbor::Array(points.iter().map(|(_, value)| Cbor::Float(*value)).collect())),
        ("StatusCode", status.into()),
    ])
}
