//! Athena: a query is queued, runs and ends, and its results are read in pages; starting it again returns the same query.

use serde_json::{Value, json};

use super::client::{APP, Answer, Client, WORLD, start_with};

fn world() -> String {
    let mut world = WORLD.replace("\"logs:Describe*\"", "\"logs:Describe*\", \"athena:*\", \"glue:*\", \"s3:*\"");
    world.push_str(
        r#"
        [[athena]]
        account = "111111111111"
        region = "eu-west-1"
        contains = "broken"
        fails = "SYNTAX_ERROR: line 1"
        [[athena]]
        account = "111111111111"
        region = "eu-west-1"
        columns = ["class", "requests"]
        rows = [["Severe", "1"], ["Ambiguous", "2"], ["-", "3"]]
        scanned = 77
        "#,
    );
    world
}

async fn call(client: &Client, action: &str, body: Value) -> Answer {
    let extra = format!("x-amz-target: AmazonAthena.{action}\r\n");
    client.send(&client.request("athena", "/", &extra, &body.to_string())).await.unwrap()
}

fn start(sql: &str) -> Value {
    json!({"QueryString": sql, "ClientRequestToken": "0123456789012345678901234567890123456789",
        "ResultConfiguration": {"OutputLocation": "s3://results/"}})
}

#[tokio::test]
async fn a_query_from_start_to_results() {
    let (server, client) = start_with(&world(), |_| ()).await;
    let client = client.assume(APP, "scan", &[]).await;
    let id = call(&client, "StartQueryExecution", start("SELECT 1")).await.json();
    assert_eq!(call(&client, "StartQueryExecution", start("SELECT 1")).await.json(), id);
    assert_eq!(call(&client, "StartQueryExecution", start("SELECT 2")).await.code(), "InvalidRequestException");
    assert_eq!(call(&client, "GetQueryResults", id.clone()).await.code(), "InvalidRequestException");
    let mut states = Vec::new();
    let done = loop {
        let query = call(&client, "GetQueryExecution", id.clone()).await.json()["QueryExecution"].clone();
        states.push(query["Status"]["State"].as_str().unwrap().to_owned());
        if !["QUEUED", "RUNNING"].contains(&states.last().unwrap().as_str()) {
            break query;
        }
    };
    assert_eq!(states, ["QUEUED", "RUNNING", "SUCCEEDED"]);
    assert_eq!(done["Statistics"]["DataScannedInBytes"], 77);
    let (mut rows, mut asked) = (Vec::new(), json!({"QueryExecutionId": id["QueryExecutionId"], "MaxResults": 3}));
    loop {
        let page = call(&client, "GetQueryResults", asked.clone()).await.json();
        rows.extend(page["ResultSet"]["Rows"].as_array().unwrap().clone());
        match page.get("NextToken") {
            None => break,
            Some(next) => asked["NextToken"] = next.clone(),
        }
    }
    let first: Vec<&str> = rows.iter().map(|row| row["Data"][0]["VarCharValue"].as_str().unwrap()).collect();
    assert_eq!(first, ["class", "Severe", "Ambiguous", "-"]);
    assert_eq!(server.world().athena_queries(APP, "eu-west-1"), ["SELECT 1"]);
    server.shutdown().await;
}

#[tokio::test]
async fn refusals_and_failures() {
    let (server, client) = start_with(&world(), |_| ()).await;
    let client = client.assume(APP, "scan", &[]).await;
    for (key, value) in [
        ("QueryString", json!("")),
        ("QueryString", json!("x".repeat(262_145))),
        ("ClientRequestToken", json!("short")),
        ("ResultConfiguration", json!({})),
    ] {
        let mut asked = start("SELECT 1");
        asked[key] = value;
        assert_eq!(call(&client, "StartQueryExecution", asked).await.code(), "InvalidRequestException", "{key}");
    }
    let id = call(&client, "StartQueryExecution", start("broken")).await.json();
    for _ in 0..3 {
        call(&client, "GetQueryExecution", id.clone()).await;
    }
    let execution = call(&client, "GetQueryExecution", id).await.json();
    assert_eq!(execution["QueryExecution"]["Status"]["StateChangeReason"], "SYNTAX_ERROR: line 1");
    let mut again = start("SELECT 3");
    again["ClientRequestToken"] = json!("x".repeat(32));
    let id = call(&client, "StartQueryExecution", again).await.json();
    call(&client, "StopQueryExecution", id.clone()).await;
    let execution = call(&client, "GetQueryExecution", id).await.json();
    assert_eq!(execution["QueryExecution"]["Status"]["State"], "CANCELLED");
    server.shutdown().await;
}

const TABLE: &str =
    "CREATE EXTERNAL TABLE IF NOT EXISTS `traffic`.`logs_1` (\n  `x` string\n)\nLOCATION 's3://central/alb/AWSLogs/'";

/// Calls that Athena makes on behalf of the caller are logged, and authorized by the caller's policies.
#[tokio::test]
async fn calls_on_behalf_of_the_caller_need_the_callers_permissions() {
    let allowed = [
        "s3:GetBucketLocation",
        "s3:ListBucket",
        "glue:GetDatabase",
        "glue:GetTable",
        "glue:CreateTable",
        "s3:GetObject",
        "s3:PutObject",
    ];
    for missing in [None].into_iter().chain(allowed.map(Some)) {
        let rights: Vec<String> =
            allowed.iter().filter(|one| Some(**one) != missing).map(|one| format!("\"{one}\"")).collect();
        let mut world = world().replace("\"glue:*\", \"s3:*\"", &rights.join(", "));
        world.push_str(
            "[[bucket]]\nname = \"central\"\naccount = \"111111111111\"\nregion = \"eu-west-1\"\n\
             [[bucket.object]]\nkey = \"alb/AWSLogs/1/x.log\"\ntext = \"x\"\n",
        );
        let (server, client) = start_with(&world, |_| ()).await;
        let client = client.assume(APP, "scan", &[]).await;
        server.clear_calls();
        let mut failed = false;
        for (number, sql) in [TABLE, "SELECT x FROM traffic.logs_1"].into_iter().enumerate() {
            let mut asked = start(sql);
            asked["ClientRequestToken"] = json!(format!("{number:032}"));
            asked["QueryExecutionContext"] = json!({"Database": "traffic"});
            let id = call(&client, "StartQueryExecution", asked).await.json();
            let mut last = Value::Null;
            for _ in 0..4 {
                last = call(&client, "GetQueryExecution", id.clone()).await.json()["QueryExecution"]["Status"].clone();
            }
            if last["State"] == "FAILED" {
                let reason = last["StateChangeReason"].as_str().unwrap().to_owned();
                assert!(reason.contains(missing.unwrap()), "{missing:?}: {reason}");
                failed = true;
            } else if call(&client, "GetQueryResults", id).await.status == 403 {
                assert_eq!(missing, Some("s3:GetObject"));
                failed = true;
            }
        }
        assert_eq!(failed, missing.is_some(), "{missing:?}");
        let done = server.calls().into_iter().filter(|call| call.outcome == "ok" && call.service != "athena");
        let done: std::collections::BTreeSet<_> = done.map(|call| (call.iam_action, call.resource)).collect();
        if missing.is_none() {
            let of = |action: &str, resource: &str| done.contains(&(action.to_owned(), resource.to_owned()));
            assert!(of("glue:CreateTable", "arn:aws:glue:eu-west-1:111111111111:table/traffic/logs_1"), "{done:?}");
            assert!(of("s3:GetObject", "arn:aws:s3:::central/alb/AWSLogs/1/x.log"), "{done:?}");
            assert!(of("s3:ListBucket", "arn:aws:s3:::central"), "{done:?}");
        }
        server.shutdown().await;
    }
}
