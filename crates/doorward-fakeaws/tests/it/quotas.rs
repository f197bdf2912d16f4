//! Published quotas, with a clock that the test advances.

use std::time::Duration;

use serde_json::json;

use super::client::{APP, Client, ELB, ELBV2, ORGANIZATIONS, WORLD, start, start_with};

/// Makes calls until one is throttled; returns how many succeeded.
async fn drain(client: &Client, service: (&str, &str)) -> usize {
    for done in 0..100 {
        let answer = client.query(service, "DescribeLoadBalancers", &[]).await;
        if answer.status != 200 {
            assert_eq!((answer.status, answer.code().as_str()), (400, "Throttling"));
            assert_eq!(answer.message(), "Rate exceeded");
            return done;
        }
    }
    100
}

#[tokio::test]
async fn buckets_are_per_account_region_and_generation() {
    let (_server, client) = start().await;
    let app = client.assume(APP, "scan", &[]).await;
    let other = client.assume("000000000001", "scan", &[]).await;
    assert_eq!(drain(&app, ELBV2).await, 40);
    assert_eq!(drain(&app, ELB).await, 40, "the 2012 API has buckets of its own");
    assert_eq!(drain(&app.region("us-east-1"), ELBV2).await, 40);
    assert_eq!(drain(&other, ELBV2).await, 40);
    app.clock.advance(Duration::from_secs(2));
    assert_eq!(drain(&app, ELBV2).await, 20, "ten a second come back");
}

#[tokio::test]
async fn json_services_have_their_own_throttling_errors() {
    let (_server, client) = start().await;
    for _ in 0..2 {
        assert_eq!(client.call(ORGANIZATIONS, "DescribeOrganization", json!({})).await.status, 200);
    }
    let answer = client.call(ORGANIZATIONS, "DescribeOrganization", json!({})).await;
    assert_eq!((answer.status, answer.code().as_str()), (400, "TooManyRequestsException"));
    client.clock.advance(Duration::from_secs(1));
    assert_eq!(client.call(ORGANIZATIONS, "DescribeOrganization", json!({})).await.status, 200);
}

#[tokio::test]
async fn quotas_can_be_off() {
    let (_server, client) = start_with(WORLD, |options| options.quotas = Some(false)).await;
    let app = client.assume(APP, "scan", &[]).await;
    assert_eq!(drain(&app, ELBV2).await, 100);
}
