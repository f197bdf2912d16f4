//! Security Hub: refused and ignored imports, fields of the customer, and reading findings.

use std::time::Duration;

use doorward_fakeaws::{Fault, What};
use serde_json::{Value, json};

use super::client::{Answer, Client, MANAGEMENT, start};

const ACCOUNT: &str = "000000000001";
const PRODUCT: &str = "arn:aws:securityhub:eu-west-1:000000000001:product/000000000001/default";

fn finding(id: &str, second: u32) -> Value {
    json!({
        "SchemaVersion": "2018-10-08",
        "Id": id,
        "ProductArn": PRODUCT,
        "GeneratorId": "test/rule/v1",
        "AwsAccountId": ACCOUNT,
        "CreatedAt": "2026-05-06T07:00:00.000Z",
        "UpdatedAt": format!("2026-05-06T07:00:{second:02}.000Z"),
        "Title": "t",
        "Description": "d",
        "Resources": [{"Type": "AwsElbv2LoadBalancer", "Id": "arn:aws:elasticloadbalancing:x"}],
        "Compliance": {"Status": "PASSED"},
        "FindingProviderFields": {"Severity": {"Label": "LOW"}, "Types": ["Effects/Data Exposure"]},
    })
}

async fn post(client: &Client, path: &str, body: &Value) -> Answer {
    let request = client.request("securityhub", path, "content-type: application/json\r\n", &body.to_string());
    client.send(&request).await.unwrap()
}

async fn import(client: &Client, findings: &[Value]) -> Answer {
    post(client, "/findings/import", &json!({"Findings": findings})).await
}

fn read(answer: &Answer) -> Value {
    serde_json::from_str(&answer.body).unwrap()
}

#[tokio::test]
async fn a_call_with_a_misshapen_finding_is_refused_whole() {
    let (server, client) = start().await;
    let client = client.key(MANAGEMENT);
    type Spoiled = (&'static str, fn(&mut Value));
    let cases: [Spoiled; 18] = [
        ("Title", |f| drop(f.as_object_mut().unwrap().remove("Title"))),
        ("Title", |f| f["Title"] = json!("   ")),
        ("Title", |f| f["Title"] = json!("x".repeat(257))),
        ("Description", |f| f["Description"] = json!("😀".repeat(513))),
        ("Id", |f| f["Id"] = json!("i".repeat(513))),
        ("AwsAccountName", |f| f["AwsAccountName"] = json!("n".repeat(51))),
        ("AwsAccountId", |f| f["AwsAccountId"] = json!("12345")),
        ("UpdatedAt", |f| f["UpdatedAt"] = json!("yesterday")),
        ("SchemaVersion", |f| f["SchemaVersion"] = json!("2020-01-01")),
        ("Compliance/Status", |f| f["Compliance"]["Status"] = json!("FAIL")),
        ("RecordState", |f| f["RecordState"] = json!("CLOSED")),
        ("Severity/Label", |f| f["FindingProviderFields"]["Severity"]["Label"] = json!("SEVERE")),
        ("Types", |f| f["FindingProviderFields"]["Types"] = json!(["Made up/Thing"])),
        ("Partition", |f| f["Resources"][0]["Partition"] = json!("aws-iso")),
        ("Resources", |f| f["Resources"] = json!([])),
        ("Tags", |f| f["Resources"][0]["Tags"] = json!({"empty": ""})),
        ("ProductFields", |f| {
            f["ProductFields"] =
                (0..51).map(|n| (format!("k{n}"), json!("v"))).collect::<serde_json::Map<_, _>>().into();
        }),
        ("Stranger", |f| f["Stranger"] = json!("x")),
    ];
    for (about, spoil) in cases {
        let mut odd = finding("odd", 1);
        spoil(&mut odd);
        let answer = import(&client, &[finding("sound", 1), odd]).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, "InvalidInputException"), "{about}: {}", answer.body);
        assert!(answer.body.contains(about), "{about}: {}", answer.body);
    }
    assert_eq!(import(&client, &[]).await.code(), "InvalidInputException");
    let many: Vec<Value> = (0..101).map(|n| finding(&format!("f{n}"), 1)).collect();
    assert_eq!(import(&client, &many).await.code(), "InvalidInputException");
    let large: Vec<Value> = (0..30)
        .map(|n| {
            let mut large = finding(&format!("f{n}"), 1);
            large["Resources"][0]["Details"] = json!({"Other": {"k": "x".repeat(1000)}});
            large["Network"] = json!({"Padding": "x".repeat(220_000)});
            large
        })
        .collect();
    assert!(import(&client, &large).await.body.contains("6 MB"));
    assert!(server.world().security_hub_findings(ACCOUNT, "eu-west-1").is_empty());
}

#[tokio::test]
async fn a_finding_of_another_account_or_region_fails_alone() {
    let (_server, client) = start().await;
    let client = client.key(MANAGEMENT);
    let mut elsewhere = finding("elsewhere", 1);
    elsewhere["ProductArn"] = json!(PRODUCT.replace("eu-west-1", "us-east-1"));
    let mut large = finding("large", 1);
    large["Network"] = json!({"Padding": "x".repeat(240_000)});
    let answer = read(&import(&client, &[finding("sound", 1), elsewhere, large]).await);
    assert_eq!((&answer["SuccessCount"], &answer["FailedCount"]), (&json!(1), &json!(2)));
    let failed: Vec<&str> =
        answer["FailedFindings"].as_array().unwrap().iter().map(|f| f["Id"].as_str().unwrap()).collect();
    assert_eq!(failed, ["elsewhere", "large"]);

    let mut foreign = finding("foreign", 1);
    foreign["AwsAccountId"] = json!("111111111111");
    assert_eq!(read(&import(&client, &[foreign.clone()]).await)["FailedFindings"][0]["ErrorCode"], "InvalidAccess");
    assert_eq!(import(&client, &[foreign, finding("own", 1)]).await.code(), "InvalidInputException");
}

#[tokio::test]
async fn only_later_updates_count_and_the_customers_fields_stay() {
    let (server, client) = start().await;
    let client = client.key(MANAGEMENT);
    let seen = || server.world().security_hub_findings(ACCOUNT, "eu-west-1").remove(0);
    import(&client, &[finding("a", 10)]).await;
    let mut equal = finding("a", 10);
    equal["Title"] = json!("ignored");
    assert_eq!(read(&import(&client, &[equal]).await)["SuccessCount"], 1);
    assert_eq!(seen()["Title"], "t", "an update that is not later is ignored without a word");

    let body = json!({
        "FindingIdentifiers": [{"Id": "a", "ProductArn": PRODUCT}, {"Id": "b", "ProductArn": PRODUCT}],
        "Note": {"Text": "known", "UpdatedBy": "kim"},
        "Workflow": {"Status": "RESOLVED"},
        "Severity": {"Label": "CRITICAL"},
    });
    let request = client.request("securityhub", "/findings/batchupdate", "", &body.to_string());
    let answer = read(&client.send(&request.replacen("POST", "PATCH", 1)).await.unwrap());
    assert_eq!(answer["ProcessedFindings"].as_array().unwrap().len(), 1);
    assert_eq!(answer["UnprocessedFindings"][0]["ErrorCode"], "FindingNotFound");
    assert_eq!(seen()["UpdatedAt"], "2026-05-06T07:00:10.000Z");

    let mut later = finding("a", 11);
    (later["Title"], later["Note"]) = (json!("later"), json!({"Text": "x", "UpdatedBy": "x", "UpdatedAt": "x"}));
    import(&client, &[later]).await;
    let kept = seen();
    assert_eq!((&kept["Title"], &kept["Note"]["Text"]), (&json!("later"), &json!("known")));
    assert_eq!((&kept["Workflow"]["Status"], &kept["Severity"]["Label"]), (&json!("RESOLVED"), &json!("CRITICAL")));

    let mut worse = finding("a", 12);
    worse["Compliance"]["Status"] = json!("FAILED");
    import(&client, &[worse]).await;
    assert_eq!(seen()["Workflow"]["Status"], "NEW", "a check that fails again reopens what was resolved");
}

#[tokio::test]
async fn findings_without_updates_are_deleted() {
    let (server, client) = start().await;
    let client = client.key(MANAGEMENT);
    let mut archived = finding("archived", 1);
    archived["RecordState"] = json!("ARCHIVED");
    import(&client, &[finding("active", 1), archived]).await;
    for (days, left) in [(29, 2), (2, 1), (58, 1), (2, 0)] {
        client.clock.advance(Duration::from_secs(days * 86_400));
        let answer = post(&client, "/findings", &json!({})).await;
        assert_eq!(read(&answer)["Findings"].as_array().unwrap().len(), left, "after {days} more days");
    }
    assert!(server.world().security_hub_findings(ACCOUNT, "eu-west-1").is_empty());
}

#[tokio::test]
async fn reading_filters_and_pages() {
    let (_server, client) = start().await;
    let client = client.key(MANAGEMENT);
    let findings: Vec<Value> = (0..9)
        .map(|n| {
            let mut finding = finding(&format!("f{n}"), n);
            finding["GeneratorId"] = json!(if n % 3 == 0 { "other/rule" } else { "test/rule/v1" });
            finding
        })
        .collect();
    import(&client, &findings).await;
    let ids = |answer: &Value| -> Vec<String> {
        answer["Findings"].as_array().unwrap().iter().map(|f| f["Id"].as_str().unwrap().to_owned()).collect()
    };
    let filters = json!({"GeneratorId": [{"Value": "test/", "Comparison": "PREFIX"}]});
    let (mut all, mut token) = (Vec::new(), Value::Null);
    loop {
        let mut body = json!({"Filters": filters, "MaxResults": 4});
        if !token.is_null() {
            body["NextToken"] = token;
        }
        let page = read(&post(&client, "/findings", &body).await);
        all.extend(ids(&page));
        token = page["NextToken"].clone();
        if token.is_null() {
            break;
        }
        client.clock.advance(Duration::from_secs(1));
    }
    assert_eq!(all, ["f1", "f2", "f4", "f5", "f7", "f8"]);
    for (filters, wanted) in [
        (json!({"Id": [{"Value": "f1", "Comparison": "EQUALS"}, {"Value": "f2", "Comparison": "EQUALS"}]}), 2),
        (json!({"Id": [{"Value": "f1", "Comparison": "NOT_EQUALS"}, {"Value": "f2", "Comparison": "NOT_EQUALS"}]}), 7),
        (json!({"UpdatedAt": [{"Start": "2026-05-06T07:00:03Z", "End": "2026-05-06T07:00:05Z"}]}), 3),
        (json!({"RecordState": [{"Value": "ARCHIVED", "Comparison": "EQUALS"}]}), 0),
    ] {
        client.clock.advance(Duration::from_secs(1));
        let answer = read(&post(&client, "/findings", &json!({"Filters": filters})).await);
        assert_eq!(ids(&answer).len(), wanted, "{filters}");
    }
    for bad in [json!({"Filters": {"Weather": []}}), json!({"MaxResults": 101}), json!({"NextToken": "x"})] {
        client.clock.advance(Duration::from_secs(1));
        let refused = if bad["Filters"].is_object() {
            post(&client, "/findings", &json!({"Filters": {"Weather": [{"Value": "x", "Comparison": "EQUALS"}]}})).await
        } else {
            post(&client, "/findings", &bad).await
        };
        assert_eq!(refused.code(), "InvalidInputException", "{bad}");
    }
}

#[tokio::test]
async fn security_hub_is_enabled_permitted_and_metered_per_account_region() {
    let (server, client) = start().await;
    let denied = import(&client, &[finding("a", 1)]).await;
    assert_eq!((denied.status, denied.code().as_str()), (403, "AccessDeniedException"));
    assert!(denied.body.contains("securityhub:BatchImportFindings on resource: arn:aws:securityhub:eu-west-1:"));

    let client = client.key(MANAGEMENT);
    server.world().set_security_hub(ACCOUNT, "us-east-1", false);
    let closed = import(&client.region("us-east-1"), &[finding("a", 1)]).await;
    assert_eq!((closed.status, closed.code().as_str()), (401, "InvalidAccessException"));

    let mut admitted = 0;
    while import(&client, &[finding("a", 1)]).await.status == 200 {
        admitted += 1;
    }
    assert_eq!(admitted, 30);
    client.clock.advance(Duration::from_secs(1));
    let mut again = 0;
    while import(&client, &[finding("a", 1)]).await.status == 200 {
        again += 1;
    }
    assert_eq!(again, 10);
}

#[tokio::test]
async fn a_call_with_a_lost_response_takes_effect() {
    let (server, client) = start().await;
    let client = client.key(MANAGEMENT);
    server.set_faults(vec![Fault::new(What::LostAnswer).service("securityhub")]);
    let body = json!({"Findings": [finding("a", 1)]}).to_string();
    let request = client.request("securityhub", "/findings/import", "", &body);
    assert!(client.send(&request).await.is_err());
    assert_eq!(server.world().security_hub_findings(ACCOUNT, "eu-west-1").len(), 1);

    server.set_faults(vec![Fault::new(What::PartialFailure).service("securityhub")]);
    let answer = read(&import(&client, &[finding("x", 1), finding("y", 1), finding("z", 1)]).await);
    assert_eq!((&answer["FailedCount"], &answer["SuccessCount"]), (&json!(2), &json!(1)));
    assert_eq!(server.world().security_hub_findings(ACCOUNT, "eu-west-1").len(), 2);
}
