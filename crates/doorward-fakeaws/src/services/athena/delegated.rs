//! What Athena does in its caller's name: it looks at the data catalogue, reads logs and writes results. Each step is judged by the
//! caller's policies, and logged like a call of the caller's.

use std::sync::PoisonError;

use crate::iam::decision::{decide, denial_message};
use crate::service::{Call, Deed};
use crate::world::athena::Query;

/// Does the steps of a statement in order; the message of the first refusal, if one is refused.
pub(super) fn run(call: &Call<'_>, query: &Query, tables: &[(String, String)]) -> Option<String> {
    let (bucket, prefix) = place(&query.output);
    let results = s3(call, &bucket, "");
    let mut steps = vec![
        Deed::on("s3:GetBucketLocation", results.clone()),
        Deed::listing(results, &prefix),
        Deed::on("glue:GetDatabase", glue(call, "catalog")),
        Deed::on("glue:GetDatabase", glue(call, "database/default")),
        Deed::on("glue:GetDatabase", glue(call, &format!("database/{}", query.database))),
    ];
    if let Some((table, location)) = created(&query.sql) {
        for action in ["glue:GetTable", "glue:CreateTable"] {
            steps.extend(of_table(call, action, &query.database, &table));
        }
        let (bucket, prefix) = place(&location);
        steps.push(Deed::on("s3:GetBucketLocation", s3(call, &bucket, "")));
        steps.push(Deed::listing(s3(call, &bucket, ""), &prefix));
    } else {
        for (table, location) in tables.iter().filter(|(table, _)| query.sql.contains(table.as_str())) {
            steps.extend(of_table(call, "glue:GetTable", &query.database, table));
            steps.extend(read(call, location));
        }
    }
    steps.push(written(call, query, "s3:PutObject"));
    steps.into_iter().find_map(|step| attempt(call, step).err())
}

/// Does one step; the message of the refusal, if it is refused.
pub(super) fn attempt(call: &Call<'_>, mut step: Deed) -> Result<(), String> {
    let judged = {
        let context = call.context(step.action, &step.resource, &step.request);
        let principal = call.principal;
        decide(&context, &principal.identity, principal.session.as_deref(), &call.account.policies)
            .map_err(|refusal| denial_message(&context, &refusal))
    };
    step.allowed = judged.is_ok();
    call.deeds.borrow_mut().push(step);
    judged
}

/// A step about the object that holds a query's result.
pub(super) fn written(call: &Call<'_>, query: &Query, action: &'static str) -> Deed {
    let (bucket, prefix) = place(&query.output);
    Deed::on(action, s3(call, &bucket, &format!("/{prefix}{}.csv", query.id)))
}

/// The table that a statement makes, and where its data lie.
pub(super) fn created(sql: &str) -> Option<(String, String)> {
    let named = sql.strip_prefix("CREATE EXTERNAL TABLE IF NOT EXISTS ")?;
    let table = named.split('`').nth(3)?.to_owned();
    let location = sql.split_once("LOCATION '")?.1.split('\'').next()?.to_owned();
    Some((table, location))
}

fn of_table(call: &Call<'_>, action: &'static str, database: &str, table: &str) -> [Deed; 3] {
    ["catalog".to_owned(), format!("database/{database}"), format!("table/{database}/{table}")]
        .map(|end| Deed::on(action, glue(call, &end)))
}

/// Lists each folder of a table and reads what lies in it.
fn read(call: &Call<'_>, location: &str) -> Vec<Deed> {
    let (bucket, prefix) = place(location);
    let arn = s3(call, &bucket, "");
    let mut steps = vec![Deed::on("s3:GetBucketLocation", arn.clone())];
    let Some(held) = call.world.buckets.get(&bucket) else { return steps };
    let held = held.read().unwrap_or_else(PoisonError::into_inner);
    let mut listed = String::new();
    for key in held.objects.keys().filter(|key| key.starts_with(&prefix)) {
        let folder = key.rfind('/').map_or("", |slash| key.get(..=slash).unwrap_or_default());
        if folder != listed {
            steps.push(Deed::listing(arn.clone(), folder));
            folder.clone_into(&mut listed);
        }
        steps.push(Deed::on("s3:GetObject", format!("{arn}/{key}")));
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
