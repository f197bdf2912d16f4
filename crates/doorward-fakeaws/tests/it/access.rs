//! Authentication and authorization of every call: keys, dates, Regions, policies and the messages of denials.

use std::time::Duration;

use doorward_fakeaws::Clock;
use serde_json::json;

use super::client::{APP, Client, ELBV2, ORGANIZATIONS, STS, WORLD, start, start_with};

const PREFIX: &str = "User: arn:aws:sts::111111111111:assumed-role/scan/test is not authorized to perform: ";

#[tokio::test]
async fn keys_and_tokens_must_match() {
    let (server, client) = start().await;
    let session = client.assume(APP, "scan", &[]).await;
    let stranger = client.key("AKIANOBODY");
    let tokenless = Client { token: None, ..session.clone() };
    let forged = Client { token: Some("forged".to_owned()), ..session.clone() };
    let other = client.assume(APP, "scan", &[]).await;
    let crossed = Client { token: other.token.clone(), ..session.clone() };
    let needless = Client { token: Some("needless".to_owned()), ..client.clone() };
    for bad in [stranger, tokenless, forged, crossed, needless] {
        let answer = bad.query(STS, "GetCallerIdentity", &[]).await;
        assert_eq!((answer.status, answer.code().as_str()), (403, "InvalidClientTokenId"));
        let answer = bad.call(ORGANIZATIONS, "DescribeOrganization", json!({})).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, "UnrecognizedClientException"));
    }
    let unsigned = client.send("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n").await.unwrap();
    assert_eq!((unsigned.status, unsigned.code().as_str()), (403, "MissingAuthenticationToken"));
    let elsewhere = client.query(("dynamodb", ""), "ListTables", &[]).await;
    assert_eq!(elsewhere.status, 501);
    let log = format!("{:?}", server.calls());
    assert!(!log.contains("forged") && !log.contains(&session.token.unwrap()), "{log}");
}

#[tokio::test]
async fn dates_must_be_near() {
    let (_server, client) = start().await;
    let now = client.clock.now();
    let at = |seconds: i64| Client {
        clock: Clock::manual(now + jiff::SignedDuration::from_secs(seconds)),
        ..client.clone()
    };
    assert_eq!(at(-300).query(STS, "GetCallerIdentity", &[]).await.status, 200);
    for (seconds, words) in [(-301, "Signature expired: 20260506T070308Z"), (301, "Signature not yet current: ")] {
        let answer = at(seconds).query(STS, "GetCallerIdentity", &[]).await;
        assert_eq!((answer.status, answer.code().as_str()), (403, "SignatureDoesNotMatch"));
        assert!(answer.message().starts_with(words), "{}", answer.message());
    }
}

#[tokio::test]
async fn regions_must_be_enabled() {
    let (_server, client) = start().await;
    let app = client.assume(APP, "scan", &[]).await;
    let security = client.assume("000000000002", "scan", &[]).await;
    assert_eq!(app.region("af-south-1").query(ELBV2, "DescribeLoadBalancers", &[]).await.status, 200);
    for (who, region) in [(&security, "af-south-1"), (&app, "eu-north-9")] {
        let answer = who.region(region).query(ELBV2, "DescribeLoadBalancers", &[]).await;
        assert_eq!((answer.status, answer.code().as_str()), (403, "InvalidClientTokenId"));
        let answer = who.region(region).call(super::client::LOGS, "DescribeDeliveries", json!({})).await;
        assert_eq!(answer.code(), "UnrecognizedClientException");
    }
    // A Region that is being enabled does not work yet; one that is being disabled still works.
    for (state, status) in [("ENABLING", 403), ("DISABLING", 200)] {
        let states = format!("name = \"app\"\nregion_states = {{ \"af-south-1\" = \"{state}\" }}");
        let (_server, client) = start_with(&WORLD.replace("name = \"app\"", &states), |_| ()).await;
        let app = client.assume(APP, "scan", &[]).await.region("af-south-1");
        assert_eq!(app.query(ELBV2, "DescribeLoadBalancers", &[]).await.status, status);
    }
    // The Regional STS endpoint serves accounts that have enabled the Region, for every caller.
    let away = client.region("af-south-1");
    away.assume(APP, "scan", &[]).await;
    let arn = "arn:aws:iam::000000000002:role/scan";
    let answer = away.query(STS, "AssumeRole", &[("RoleArn", arn), ("RoleSessionName", "test")]).await;
    assert_eq!((answer.status, answer.code().as_str()), (403, "RegionDisabledException"));
}

#[tokio::test]
async fn unknown_actions_are_named() {
    let (_server, client) = start().await;
    let answer = client.query(ELBV2, "DescribeUnicorns", &[]).await;
    assert_eq!((answer.status, answer.code().as_str()), (400, "InvalidAction"));
    assert_eq!(answer.message(), "Could not find operation DescribeUnicorns for version 2015-12-01");
    let answer = client.query(ELBV2, "", &[]).await;
    assert_eq!(answer.code(), "MissingAction");
}

#[tokio::test]
async fn session_policies_narrow_a_session() {
    let (_server, client) = start().await;
    let policy = r#"{"Version":"2012-10-17","Statement":[
        {"Effect":"Allow","Action":"elasticloadbalancing:Describe*","Resource":"*"},
        {"Effect":"Deny","Action":"elasticloadbalancing:DescribeTags","Resource":"*"}]}"#;
    let session = client.assume(APP, "scan", &[("Policy", policy)]).await;
    let arn = "arn:aws:elasticloadbalancing:eu-west-1:111111111111:loadbalancer/app/x/0000000000000000";
    assert_eq!(session.query(ELBV2, "DescribeLoadBalancers", &[]).await.status, 200);
    let answer = session.query(ELBV2, "DescribeTags", &[("ResourceArns.member.1", arn)]).await;
    assert_eq!((answer.status, answer.code().as_str()), (403, "AccessDenied"));
    assert_eq!(
        answer.message(),
        format!(
            "{PREFIX}elasticloadbalancing:DescribeTags on resource: {arn} with an explicit deny in a session policy"
        )
    );
    let answer = session.query(ELBV2, "ModifyLoadBalancerAttributes", &[("LoadBalancerArn", arn)]).await;
    assert_eq!(
        answer.message(),
        format!(
            "{PREFIX}elasticloadbalancing:ModifyLoadBalancerAttributes on resource: {arn} because no session policy \
             allows the elasticloadbalancing:ModifyLoadBalancerAttributes action"
        )
    );
}

#[tokio::test]
async fn organization_policies_bind_members_but_not_management() {
    let world = format!(
        "{WORLD}\n[[scp]]\nid = \"p-region\"\ntargets = [\"/\"]\ndeny = [\"elasticloadbalancing:*\"]\n\
         regions = [\"us-east-1\"]\n"
    );
    let (_server, client) = start_with(&world, |_| ()).await;
    let member = client.assume(APP, "scan", &[]).await;
    let management = client.assume("000000000001", "scan", &[]).await;
    assert_eq!(member.query(ELBV2, "DescribeLoadBalancers", &[]).await.status, 200);
    assert_eq!(management.region("us-east-1").query(ELBV2, "DescribeLoadBalancers", &[]).await.status, 200);
    let answer = member.region("us-east-1").query(ELBV2, "DescribeLoadBalancers", &[]).await;
    assert_eq!((answer.status, answer.code().as_str()), (403, "AccessDenied"));
    assert_eq!(
        answer.message(),
        format!(
            "{PREFIX}elasticloadbalancing:DescribeLoadBalancers with an explicit deny in a service control policy: \
             arn:aws:organizations::000000000001:policy/o-test000001/service_control_policy/p-region"
        )
    );
}

#[tokio::test]
async fn missing_allows_are_reported_per_protocol() {
    let (server, client) = start().await;
    let strict = client.assume(APP, "strict", &[("ExternalId", "abc/1"), ("DurationSeconds", "900")]).await;
    let answer = strict.call(super::client::LOGS, "DescribeDeliveries", json!({})).await;
    assert_eq!((answer.status, answer.code().as_str()), (400, "AccessDeniedException"));
    assert!(answer.message().ends_with(
        "is not authorized to perform: logs:DescribeDeliveries because no identity-based policy allows the \
         logs:DescribeDeliveries action"
    ));
    let calls = server.calls();
    let last = calls.last().unwrap();
    assert_eq!(
        (last.service.as_str(), last.iam_action.as_str(), last.account.as_str(), last.outcome.as_str()),
        ("logs", "logs:DescribeDeliveries", APP, "AccessDeniedException")
    );
    assert_eq!((last.sequence, last.access_key.clone(), last.region.as_str()), (2, strict.key.clone(), "eu-west-1"));
    for _ in 0..20 {
        client.query(STS, "GetCallerIdentity", &[]).await;
    }
    let sequences: Vec<u64> = server.calls().iter().map(|call| call.sequence).collect();
    assert_eq!(sequences, (1..=22).collect::<Vec<u64>>());
    let counted = server.counts();
    assert_eq!(counted.iter().map(|count| count.count).sum::<u64>(), 22);
    client.clock.advance(Duration::from_secs(1));
    server.clear_calls();
    assert!(server.calls().is_empty() && server.counts().is_empty());
}
