//! Athena: queries are started, polled and read in pages; their results are declared in the world.

mod delegated;

use serde_json::{Value, json};

use super::paging::{page, size};
use crate::digest::{digest, request_id};
use crate::failure::Failure;
use crate::request::Params;
use crate::service::{Call, Operation, Protocol, Scene, Service};
use crate::world::athena::Query;
use crate::world::spec::AthenaSpec;

pub(crate) const SERVICE: Service = Service {
    label: "athena",
    signing: "athena",
    prefix: "athena",
    protocol: Protocol::Json { target: "AmazonAthena" },
    throttle: "TooManyRequestsException",
    invalid: "InvalidRequestException",
    global: false,
    operations: &[
        Operation::new("StartQueryExecution", start, workgroup, &[]),
        Operation::new("GetQueryExecution", get_query, workgroup, &[]),
        Operation::new("GetQueryResults", results, workgroup, &[]),
        Operation::new("StopQueryExecution", stop, workgroup, &[]),
    ],
};

/// Longest query, in characters.
const QUERY: usize = 262_144;
/// Largest page of results, the row of column names included.
const PAGE: usize = 1000;

/// The named workgroup, or that of the named query.
fn workgroup(params: &Params, scene: &Scene<'_>) -> Vec<String> {
    let Scene { partition, account, region, world } = scene;
    let of_query = || {
        let id = params.get("QueryExecutionId")?;
        let cell = world.cell(world.by_id.get(*account).copied()?, world.organization.region_index(region)?);
        let cell = world.read(cell);
        cell.athena.queries.iter().find(|query| query.id == id).map(|query| query.workgroup.clone())
    };
    let named = params.get("WorkGroup").map(str::to_owned);
    let name = named.or_else(of_query).unwrap_or_else(|| "primary".to_owned());
    vec![format!("arn:{partition}:athena:{region}:{account}:workgroup/{name}")]
}

fn start(call: &Call<'_>) -> Result<String, Failure> {
    let sql = call.required("QueryString")?;
    if sql.chars().count() > QUERY {
        return Err(Failure::Invalid(format!("QueryString has more than {QUERY} characters.")));
    }
    let token = call.params.get("ClientRequestToken");
    if token.is_some_and(|token| !(32..=128).contains(&token.len())) {
        return Err(Failure::Invalid("ClientRequestToken must have 32 to 128 characters.".to_owned()));
    }
    let document = call.params.document().unwrap_or(&Value::Null);
    let output = document["ResultConfiguration"]["OutputLocation"].as_str().unwrap_or_default();
    if !output.starts_with("s3://") {
        return Err(Failure::Invalid(
            "No output location provided. An output location is required either through the Workgroup result \
             configuration setting or as an API input."
                .to_owned(),
        ));
    }
    let query = {
        let cell = call.world.read(call.cell());
        let athena = &cell.athena;
        let known = athena.queries.iter().find(|query| token.is_some() && query.token.as_deref() == token);
        match known {
            Some(query) if query.sql == sql => return Ok(json!({"QueryExecutionId": query.id}).to_string()),
            Some(_) => return Err(Failure::Invalid("Idempotent parameters do not match.".to_owned())),
            None => Query {
                id: request_id(digest(&[&call.account.id, call.region_name, &athena.queries.len().to_string()])),
                sql: sql.to_owned(),
                database: document["QueryExecutionContext"]["Database"].as_str().unwrap_or("default").to_owned(),
                workgroup: call.params.get("WorkGroup").unwrap_or("primary").to_owned(),
                output: output.to_owned(),
                token: token.map(str::to_owned),
                polls: 0,
                stopped: false,
                answer: athena.answer(sql),
            },
        }
    };
    let tables = call.world.read(call.cell()).athena.tables.clone();
    let refused = delegated::run(call, &query, &tables);
    let id = query.id.clone();
    let mut cell = call.world.write(call.cell());
    match refused {
        // AWS accepts the query, and its execution fails.
        Some(message) => cell.athena.queries.push(Query {
            answer: AthenaSpec {
                fails: Some(format!("Insufficient permissions to execute the query. {message}")),
                ..AthenaSpec::default()
            },
            ..query
        }),
        None => {
            cell.athena.tables.extend(delegated::created(sql));
            cell.athena.queries.push(query);
        }
    }
    Ok(json!({"QueryExecutionId": id}).to_string())
}

/// The query that a call names.
fn named(call: &Call<'_>) -> Result<Query, Failure> {
    with(call, |query| Ok(query.clone()))
}

/// Runs `act` on the query that a call names.
fn with<T>(call: &Call<'_>, act: impl FnOnce(&mut Query) -> Result<T, Failure>) -> Result<T, Failure> {
    let id = call.required("QueryExecutionId")?;
    let mut cell = call.world.write(call.cell());
    let query = cell.athena.queries.iter_mut().find(|query| query.id == id);
    act(query.ok_or_else(|| Failure::Invalid(format!("QueryExecution {id} was not found")))?)
}

/// A query is queued at the first poll, running at the second, and finished after that.
fn state(query: &Query) -> &'static str {
    match (query.stopped, query.polls, &query.answer.fails) {
        (true, ..) => "CANCELLED",
        (false, 0 | 1, _) => "QUEUED",
        (false, 2, _) => "RUNNING",
        _ if query.answer.endless => "RUNNING",
        (false, _, Some(_)) => "FAILED",
        (false, _, None) => "SUCCEEDED",
    }
}

fn get_query(call: &Call<'_>) -> Result<String, Failure> {
    with(call, |query| {
        query.polls += 1;
        let state = state(query);
        let mut status = json!({"State": state});
        if let (Some(reason), "FAILED") = (&query.answer.fails, state) {
            status["StateChangeReason"] = json!(reason);
        }
        let scanned = if state == "SUCCEEDED" { query.answer.scanned } else { 0 };
        Ok(json!({"QueryExecution": {
            "QueryExecutionId": query.id,
            "Query": query.sql,
            "QueryExecutionContext": {"Database": query.database},
            "ResultConfiguration": {"OutputLocation": query.output},
            "Status": status,
            "Statistics": {"DataScannedInBytes": scanned},
        }})
        .to_string())
    })
}

fn results(call: &Call<'_>) -> Result<String, Failure> {
    let query = named(call)?;
    if state(&query) == "SUCCEEDED" {
        delegated::attempt(call, delegated::written(call, &query, "s3:GetObject")).map_err(Failure::Denied)?;
    }
    let size = size(call.params.number("MaxResults"), PAGE, call.world.organization.page_size, "maxResults")?;
    with(call, |query| {
        let state = state(query);
        if state != "SUCCEEDED" {
            return Err(Failure::Invalid(format!("Query has not yet finished. Current state: {state}")));
        }
        let columns = &query.answer.columns;
        let mut rows: Vec<&Vec<String>> = query.answer.rows.iter().collect();
        if !columns.is_empty() {
            rows.insert(0, columns);
        }
        let page = page(&rows, call.params.get("NextToken"), size, false)
            .ok_or_else(|| Failure::Invalid("The NextToken is invalid.".to_owned()))?;
        let rows: Vec<Value> = page
            .items
            .iter()
            .map(|row| json!({"Data": row.iter().map(|text| json!({"VarCharValue": text})).collect::<Vec<_>>()}))
            .collect();
        let columns: Vec<Value> = columns.iter().map(|name| json!({"Name": name, "Type": "varchar"})).collect();
        let mut answer = json!({"ResultSet": {"Rows": rows, "ResultSetMetadata": {"ColumnInfo": columns}}});
        if let Some(next) = page.next {
            answer["NextToken"] = json!(next);
        }
        Ok(answer.to_string())
    })
}

fn stop(call: &Call<'_>) -> Result<String, Failure> {
    let query = named(call)?;
    if !matches!(state(&query), "SUCCEEDED" | "FAILED") {
        delegated::attempt(call, delegated::written(call, &query, "s3:AbortMultipartUpload"))
            .map_err(Failure::Denied)?;
    }
    with(call, |query| {
        query.stopped |= !matches!(state(query), "SUCCEEDED" | "FAILED");
        Ok("{}".to_owned())
    })
}
