//! CloudWatch: pages contain every point once, missing metrics are empty, and limits are those of the API.

use std::collections::BTreeMap;

use ciborium::Value as Cbor;
use doorward_fakeaws::{Server, spec::MetricSpec};
use serde_json::{Value, json};

use super::client::{APP, Client, WORLD, organization_with, start_with};

const PATH: &str = "/service/GraniteServiceVersion20100801/operation/GetMetricData";

/// JSON as CBOR; a time is written as an object with one key, `@`.
fn cbor(value: &Value) -> Cbor {
    match value {
        Value::Object(map) => match map.get("@") {
            Some(seconds) => Cbor::Tag(1, Box::new(cbor(seconds))),
            None => Cbor::Map(map.iter().map(|(key, value)| (key.as_str().into(), cbor(value))).collect()),
        },
        Value::Array(items) => Cbor::Array(items.iter().map(cbor).collect()),
        Value::String(text) => text.as_str().into(),
        Value::Number(number) => number.as_i64().map_or_else(|| number.as_f64().unwrap().into(), Cbor::from),
        Value::Bool(value) => (*value).into(),
        Value::Null => Cbor::Null,
    }
}

fn plain(value: Cbor) -> Value {
    match value {
        Cbor::Map(entries) => entries
            .into_iter()
            .map(|(key, value)| (key.into_text().unwrap(), plain(value)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        Cbor::Array(items) => items.into_iter().map(plain).collect(),
        Cbor::Text(text) => text.into(),
        Cbor::Integer(number) => i64::try_from(number).unwrap().into(),
        Cbor::Float(number) => number.into(),
        Cbor::Tag(1, inner) => plain(*inner),
        other => panic!("{other:?}"),
    }
}

/// The tests' client handles text only, so that CBOR uses a connection of its own.
async fn ask(client: &Client, body: &Value) -> (u16, Value) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut bytes = Vec::new();
    ciborium::into_writer(&cbor(body), &mut bytes).unwrap();
    let head = client.request("monitoring", PATH, "connection: close\r\nsmithy-protocol: rpc-v2-cbor\r\n", "");
    let head = head.replacen("content-length: 0", &format!("content-length: {}", bytes.len()), 1);
    let mut stream = tokio::net::TcpStream::connect(client.address).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&bytes).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let end = answer.windows(4).position(|part| part == b"\r\n\r\n").unwrap() + 4;
    let head = String::from_utf8_lossy(&answer[..end]).into_owned();
    assert!(head.contains("smithy-protocol: rpc-v2-cbor"), "{head}");
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, plain(ciborium::from_reader(&answer[end..]).unwrap()))
}

const NOW: &str = "2026-05-06T07:08:09Z";

fn seconds(text: &str) -> i64 {
    text.parse::<jiff::Timestamp>().unwrap().as_second()
}

fn query(id: &str, name: &str, load_balancer: &str, period: i64) -> Value {
    json!({"Id": id, "MetricStat": {
        "Metric": {"Namespace": "AWS/ApplicationELB", "MetricName": name, "Dimensions": [{"Name": "LoadBalancer", "Value": load_balancer}]},
        "Period": period, "Stat": "Sum"}})
}

fn request(queries: &[Value], from: &str, to: &str) -> Value {
    json!({"MetricDataQueries": queries, "StartTime": {"@": seconds(from)}, "EndTime": {"@": seconds(to)}, "ScanBy": "TimestampAscending"})
}

async fn begin(world: &str) -> (Server, Client, String) {
    let world = world.replace("\"logs:Describe*\"", "\"logs:Describe*\", \"cloudwatch:GetMetricData\"");
    let (server, client) = start_with(&world, |_| ()).await;
    let arn = server.world().arn(APP, "eu-west-1", "web-1").unwrap();
    let load_balancer = arn.split_once("loadbalancer/").unwrap().1.to_owned();
    for (name, from, values, status) in [
        ("RequestCount", "2026-05-06T00:00:00Z", vec![5.0; 120], None),
        ("HTTPCode_ELB_4XX_Count", "2026-05-06T01:00:00Z", vec![1.0, 2.0, 3.0], None),
        ("Secret", "2026-05-06T00:00:00Z", vec![1.0], Some("Forbidden")),
        ("Old", "2026-04-01T00:00:00Z", vec![1.0; 60], None),
    ] {
        let metric = MetricSpec {
            account: APP.to_owned(),
            region: "eu-west-1".to_owned(),
            name: name.to_owned(),
            load_balancer: Some("web-1".to_owned()),
            from: Some(from.to_owned()),
            values,
            status: status.map(str::to_owned),
            ..MetricSpec::default()
        };
        server.world().add_metric(&metric).unwrap();
    }
    let client = client.assume(APP, "scan", &[]).await;
    (server, client, load_balancer)
}

#[tokio::test]
async fn points_add_up_over_pages_of_any_size() {
    for size in [1, 7, 100_000] {
        let (server, client, load_balancer) = begin(&organization_with(&format!("page_size = {size}"))).await;
        let queries = [
            query("requests", "RequestCount", &load_balancer, 300),
            query("nothing", "RequestCount", "app/none/0", 300),
            query("errors", "HTTPCode_ELB_4XX_Count", &load_balancer, 3600),
            query("forbidden", "Secret", &load_balancer, 300),
        ];
        let mut asked = request(&queries, "2026-05-06T00:00:00Z", NOW);
        let (mut values, mut states) = (BTreeMap::<String, Vec<f64>>::new(), BTreeMap::new());
        loop {
            let (status, answer) = ask(&client, &asked).await;
            assert_eq!(status, 200, "{answer}");
            for result in answer["MetricDataResults"].as_array().unwrap() {
                let id = result["Id"].as_str().unwrap().to_owned();
                let more = result["Values"].as_array().unwrap().iter().map(|value| value.as_f64().unwrap());
                values.entry(id.clone()).or_default().extend(more);
                states.insert(id, result["StatusCode"].as_str().unwrap().to_owned());
            }
            match answer.get("NextToken") {
                None => break,
                Some(next) => asked["NextToken"] = next.clone(),
            }
        }
        let got = |id: &str| values.get(id).map(|values| (values.len(), values.iter().sum::<f64>()));
        assert_eq!(got("requests"), Some((24, 600.0)), "{size}");
        assert_eq!(got("errors"), Some((1, 6.0)), "{size}");
        assert_eq!((got("nothing"), got("forbidden")), (Some((0, 0.0)), Some((0, 0.0))), "{size}");
        let statuses: Vec<&str> =
            ["requests", "nothing", "errors", "forbidden"].iter().map(|id| states[*id].as_str()).collect();
        assert_eq!(statuses, ["Complete", "Complete", "Complete", "Forbidden"], "{size}");
        server.shutdown().await;
    }
}

#[tokio::test]
async fn limits_and_ages() {
    let (server, client, load_balancer) = begin(WORLD).await;
    let one = query("a", "RequestCount", &load_balancer, 300);
    let many: Vec<Value> = (0..501).map(|number| query(&format!("q{number}"), "X", &load_balancer, 60)).collect();
    let fine = request(std::slice::from_ref(&one), "2026-05-06T00:00:00Z", NOW);
    let with = |key: &str, value: Value| {
        let mut changed = fine.clone();
        changed[key] = value;
        changed
    };
    for (asked, code) in [
        (fine.clone(), None),
        (request(&many, "2026-05-06T00:00:00Z", NOW), Some("ValidationError")),
        (request(&[one.clone(), one.clone()], "2026-05-06T00:00:00Z", NOW), Some("ValidationError")),
        (request(&[query("A", "X", "y", 60)], "2026-05-06T00:00:00Z", NOW), Some("ValidationError")),
        (request(&[query("a", "X", "y", 90)], "2026-05-06T00:00:00Z", NOW), Some("ValidationError")),
        (request(std::slice::from_ref(&one), NOW, NOW), Some("ValidationError")),
        (with("MaxDatapoints", json!(100_801)), Some("ValidationError")),
        (with("NextToken", json!("nonsense")), Some("InvalidNextToken")),
    ] {
        let (status, answer) = ask(&client, &asked).await;
        assert_eq!((status == 200, answer["__type"].as_str()), (code.is_none(), code), "{answer}");
    }
    // A month later only long periods still have the points.
    for (period, expected) in [(60, 0), (300, 12), (3600, 1)] {
        let asked =
            request(&[query("a", "Old", &load_balancer, period)], "2026-04-01T00:00:00Z", "2026-04-01T02:00:00Z");
        let (_, answer) = ask(&client, &asked).await;
        assert_eq!(answer["MetricDataResults"][0]["Values"].as_array().unwrap().len(), expected, "{period}");
    }
    server.shutdown().await;
}
