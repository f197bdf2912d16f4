//! Calls that Athena makes on behalf of its caller: to the data catalog, to read logs and to write results. Each is authorized by the
//! caller's policies and logged like a call of the caller.

use std::sync::PoisonError;

use crate::iam::decision::{decide, denial_message};
use crate::service::{Call, DelegatedCall};
use crate::world::athena::Query;

/// Makes the calls of a statement in order; returns the message of the first refusal.
pub(super) fn run(call: &Call<'_>, query: &Query, tables: &[(String, String)]) -> Option<String> {
    let (bucket, prefix) = place(&query.output);
    let results = s3(call, &bucket, "");
    let mut steps = vec![
        DelegatedCall::new("s3:GetBucketLocation", results.clone()),
        DelegatedCall::listing(results, &prefix),
        DelegatedCall::new("glue:GetDatabase", glue(call, "catalog")),
        DelegatedCall::new("glue:GetDatabase", glue(call, "database/default")),
        DelegatedCall::new("glue:GetDatabase", glue(call, &format!("database/{}", query.database))),
    ];
    if let Some((table, location)) = created(&query.sql) {
        for action in ["glue:GetTable", "glue:CreateTable"] {
            steps.extend(of_table(call, action, &query.database, &table));
        }
        let (bucket, prefix) = place(&location);
        steps.push(DelegatedCall::new("s3:GetBucketLocation", s3(call, &bucket, "")));
        steps.push(DelegatedCall::listing(s3(call, &bucket, ""), &prefix));
    } else {
        for (table, location) in tables.iter().filter(|(table, _)| query.sql.contains(table.as_str())) {
            steps.extend(of_table(call, "glue:GetTable", &query.database, table));
            steps.extend(read(call, location));
        }
    }
    steps.push(written(call, query, "s3:PutObject"));
    steps.into_iter().find_map(|step| attempt(call, step).err())
}

/// Makes one call; the error is the message of the refusal.
pub(super) fn attempt(call: &Call<'_>, mut step: DelegatedCall) -> Result<(), String> {
    let decision = {
        let context = call.context(step.action, &step.resource, &step.request);
        let principal = call.principal;
        decide(&context, &principal.identity, principal.session.as_deref(), &call.account.policies)
            .map_err(|refusal| denial_message(&context, &refusal))
    };
    step.allowed = decision.is_ok();
    call.delegated_calls.borrow_mut().push(step);
    decision
}

/// A call about the object that contains a query's result.
pub(super) fn written(call: &Call<'_>, query: &Query, action: &'static str) -> DelegatedCall {
    let (bucket, prefix) = place(&query.output);
    DelegatedCall::new(action, s3(call, &bucket, &format!("/{prefix}{}.csv", query.id)))
}

/// The table that a statement creates, and the location of its data.
pub(super) fn created(sql: &str) -> Option<(String, String)> {
    let named = sql.strip_prefix("CREATE EXTERNAL TABLE IF NOT EXISTS ")?;
    let table = named.split('`').nth(3)?.to_owned();
    let location = sql.split_once("LOCATION '")?.1.split('\'').next()?.to_owned();
    Some((table, location))
}

fn of_table(call: &Call<'_>, action: &'static str, database: &str, table: &str) -> [DelegatedCall; 3] {
    ["catalog".to_owned(), format!("database/{database}"), format!("table/{database}/{table}")]
        .map(|end| DelegatedCall::new(action, glue(call, &end)))
}

/// Lists each folder of a table and reads its objects.
fn read(call: &Call<'_>, location: &str) -> Vec<DelegatedCall> {
    let (bucket, prefix) = place(location);
    let arn = s3(call, &bucket, "");
    let mut steps = vec![DelegatedCall::new("s3:GetBucketLocation", arn.clone())];
    let Some(bucket) = call.world.buckets.get(&bucket) else { return steps };
    let bucket = bucket.read().unwrap_or_else(PoisonError::into_inner);
    let mut listed = String::new();
    for key in bucket.objects.keys().filter(|key| key.starts_with(&prefix)) {
        let folder = key.rfind('/').map_or("", |slash| key.get(..=slash).unwrap_or_default());
        if folder != listed {
            steps.push(DelegatedCall::listing(arn.clone(), folder));
            folder.clone_into(&mut listed);
        }
        steps.push(DelegatedCall::new("s3:GetObject", format!("{arn}/{key}")));
    }
    steps
}

/// Bucket and key of `s3://bucket/key/`.
fn place(text: &str) -> (String, String) {
    let rest = text.strip_prefix("s3://").unwrap_or(text);
    let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
    let key = key.trim_end_matches('/');
    let slash = if key.is_empty() { "" } else { "/" };
    (bucket.to_owned(), format!("{key}{slash}"))
}

fn s3(call: &Call<'_>, bucket: &str, end: &str) -> String {
    format!("arn:{}:s3:::{bucket}{end}", call.partition())
}

fn glue(call: &Call<'_>, end: &str) -> String {
    format!("arn:{}:glue:{}:{}:{end}", call.partition(), call.region_name, call.account.id)
}
