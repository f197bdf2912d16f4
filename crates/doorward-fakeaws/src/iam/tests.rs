//! Policy evaluation as a table of cases.

use std::sync::Arc;

use super::decision::{OrganizationPolicy, Refusal, decide, denial_message};
use super::policy::{Context, Policy, TrustPolicy};

const ARN: &str = "arn:aws:elasticloadbalancing:eu-west-1:111111111111:loadbalancer/app/web/0123456789abcdef";

fn policy(statements: &str) -> Policy {
    Policy::parse(&format!(r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#)).unwrap()
}

fn context<'a>(action: &'a str, resource: &'a str, region: &'a str) -> Context<'a> {
    Context {
        action,
        resource,
        region,
        principal_arn: "arn:aws:sts::111111111111:assumed-role/scan/run",
        principal_account: "111111111111",
        organization: "o-test000001",
        resource_account: Some("111111111111"),
        resource_organization: Some("o-test000001"),
        request: &[],
    }
}

#[test]
fn conditions_on_the_request_and_the_resource() {
    let request =
        [("s3:prefix", "alb/AWSLogs/1/elasticloadbalancing/".to_owned()), ("sts:externalid", "e1".to_owned())];
    let condition =
        |text: &str| policy(&format!(r#"{{"Effect":"Allow","Action":"*","Resource":"*","Condition":{{{text}}}}}"#));
    // condition, organization of the resource, allowed
    let cases = [
        (r#""StringLike":{"s3:prefix":"*AWSLogs/*/elasticloadbalancing/*"}"#, Some("o-test000001"), true),
        (r#""StringLike":{"s3:prefix":"other/*"}"#, Some("o-test000001"), false),
        (r#""StringEquals":{"s3:prefix":"*"}"#, Some("o-test000001"), false),
        (r#""StringEquals":{"s3:delimiter":"/"}"#, Some("o-test000001"), false),
        (r#""StringEquals":{"sts:ExternalId":"e1"}"#, None, true),
        (r#""StringEquals":{"sts:ExternalId":"e2"}"#, None, false),
        (r#""StringEquals":{"aws:ResourceOrgID":"o-test000001"}"#, Some("o-test000001"), true),
        (r#""StringEquals":{"aws:ResourceOrgID":"${aws:PrincipalOrgID}"}"#, Some("o-test000001"), true),
        (r#""StringEquals":{"aws:ResourceOrgID":"${aws:PrincipalOrgID}"}"#, Some("o-elsewhere0001"), false),
        (r#""StringEquals":{"aws:ResourceOrgID":"${aws:PrincipalOrgID}"}"#, None, false),
        (r#""StringEquals":{"aws:ResourceAccount":"111111111111"}"#, None, true),
    ];
    for (text, resource_organization, allowed) in cases {
        let context = Context { resource_organization, request: &request, ..context("a:B", ARN, "r") };
        assert_eq!(decide(&context, &condition(text), None, &[]).is_ok(), allowed, "{text} {resource_organization:?}");
    }
}

#[test]
fn variables_in_resources() {
    for (resource, allowed) in [
        ("arn:aws:s3:::results-${aws:PrincipalAccount}/x/*", true),
        ("arn:aws:s3:::results-${aws:PrincipalTag/x}/x/*", false),
        ("arn:aws:s3:::results-${aws:PrincipalAccount/x/*", false),
        ("arn:aws:s3:::other-${aws:PrincipalAccount}/x/*", false),
    ] {
        let policy = policy(&format!(r#"{{"Effect":"Allow","Action":"a:B","Resource":"{resource}"}}"#));
        let context = context("a:B", "arn:aws:s3:::results-111111111111/x/y", "r");
        assert_eq!(decide(&context, &policy, None, &[]).is_ok(), allowed, "{resource}");
    }
}

#[test]
fn trust_policies() {
    let trust = |condition: &str| {
        let principal = "arn:aws:sts::111111111111:assumed-role/scan/run";
        TrustPolicy::parse(&format!(
            r#"{{"Statement":[{{"Effect":"Allow","Action":["sts:AssumeRole"],"Principal":{{"AWS":"{principal}"}}{condition}}}]}}"#
        ))
        .unwrap()
    };
    let by_id = r#","Condition":{"StringEquals":{"sts:ExternalId":"e1","aws:PrincipalOrgID":"o-test000001"}}"#;
    let request = [("sts:externalid", "e1".to_owned())];
    let with = |request, organization| Context { request, organization, ..context("sts:AssumeRole", ARN, "r") };
    assert!(trust("").admits(&with(&[], "o-test000001")));
    assert!(trust(by_id).admits(&with(&request, "o-test000001")));
    assert!(!trust(by_id).admits(&with(&[], "o-test000001")), "no external id");
    assert!(!trust(by_id).admits(&with(&request, "o-elsewhere0001")), "another organization");
    let other = Context { principal_arn: "arn:aws:iam::111111111111:user/x", ..with(&request, "o-test000001") };
    assert!(!trust(by_id).admits(&other), "another principal");
}

const ALLOW_ALL: &str = r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#;

#[test]
fn identity_policies() {
    // statements, action, resource, Region, allowed
    let cases = [
        (ALLOW_ALL, "a:B", "*", "eu-west-1", true),
        (r#"{"Effect":"Allow","Action":"a:B","Resource":"*"}"#, "a:b", "*", "r", true),
        (r#"{"Effect":"Allow","Action":["a:C","a:D*"],"Resource":"*"}"#, "a:Describe", "*", "r", true),
        (r#"{"Effect":"Allow","Action":"a:B?","Resource":"*"}"#, "a:B", "*", "r", false),
        (r#"{"Effect":"Allow","NotAction":"a:*","Resource":"*"}"#, "a:B", "*", "r", false),
        (r#"{"Effect":"Allow","NotAction":"a:*","Resource":"*"}"#, "b:B", "*", "r", true),
        (r#"{"Effect":"Allow","Action":"*","Resource":"arn:aws:*:loadbalancer/app/web/*"}"#, "a:B", ARN, "r", true),
        (r#"{"Effect":"Allow","Action":"*","Resource":"arn:aws:*:loadbalancer/net/*"}"#, "a:B", ARN, "r", false),
        (r#"{"Effect":"Allow","Action":"*","Resource":"arn:aws:*:loadbalancer/app/*"}"#, "a:B", "*", "r", false),
        (r#"{"Effect":"Allow","Action":"*","NotResource":"arn:aws:*:loadbalancer/app/web/*"}"#, "a:B", ARN, "r", false),
        (
            r#"{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:RequestedRegion":["r","s"]}}}"#,
            "a:B",
            "*",
            "s",
            true,
        ),
        (
            r#"{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:RequestedRegion":"r"}}}"#,
            "a:B",
            "*",
            "s",
            false,
        ),
        (
            r#"{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringLike":{"aws:RequestedRegion":"eu-*"}}}"#,
            "a:B",
            "*",
            "eu-west-1",
            true,
        ),
        (
            r#"{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringNotEquals":{"aws:requestedregion":"r"}}}"#,
            "a:B",
            "*",
            "r",
            false,
        ),
        (
            r#"{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:PrincipalTag/x":"y"}}}"#,
            "a:B",
            "*",
            "r",
            false,
        ),
        (
            r#"{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEqualsIfExists":{"aws:PrincipalTag/x":"y"},"ArnLike":{"aws:PrincipalArn":"arn:aws:sts::*:assumed-role/scan/*"}}}"#,
            "a:B",
            "*",
            "r",
            true,
        ),
    ];
    for (statements, action, resource, region, allowed) in cases {
        let result = decide(&context(action, resource, region), &policy(statements), None, &[]);
        let expected = if allowed { Ok(()) } else { Err(Refusal::NoIdentityAllow) };
        assert_eq!(result, expected, "{statements} {action} {resource} {region}");
    }
}

#[test]
fn order_of_refusals_and_their_words() {
    const DENY: &str = r#"{"Effect":"Deny","Action":"a:*","Resource":"*"}"#;
    let both = format!("{ALLOW_ALL},{DENY}");
    let other = r#"{"Effect":"Allow","Action":"b:*","Resource":"*"}"#;
    // identity, session, organization, the end of the message
    let cases = [
        (ALLOW_ALL, Some(ALLOW_ALL), None, ""),
        (both.as_str(), Some(both.as_str()), Some(DENY), " with an explicit deny in a service control policy: arn:p"),
        (both.as_str(), Some(both.as_str()), None, " with an explicit deny in an identity-based policy"),
        (other, Some(both.as_str()), None, " with an explicit deny in a session policy"),
        (other, Some(other), None, " because no identity-based policy allows the a:B action"),
        (ALLOW_ALL, Some(other), None, " because no session policy allows the a:B action"),
    ];
    for (identity, session, organization, end) in cases {
        let context = context("a:B", ARN, "eu-west-1");
        let attached: Vec<_> = organization
            .map(|deny| Arc::new(OrganizationPolicy { arn: "arn:p".into(), policy: policy(deny) }))
            .into_iter()
            .collect();
        let session = session.map(policy);
        let result = decide(&context, &policy(identity), session.as_ref(), &attached);
        let said = result.err().map(|refusal| denial_message(&context, &refusal)).unwrap_or_default();
        let expected = if end.is_empty() {
            String::new()
        } else {
            format!("User: {} is not authorized to perform: a:B on resource: {ARN}{end}", context.principal_arn)
        };
        assert_eq!(said, expected);
    }
}

#[test]
fn malformed_documents() {
    for text in [
        "",
        "[]",
        "{}",
        r#"{"Statement":[{"Effect":"Maybe","Action":"*","Resource":"*"}]}"#,
        r#"{"Statement":[{"Effect":"Allow","Resource":"*"}]}"#,
        r#"{"Statement":[{"Effect":"Allow","Action":"*"}]}"#,
        r#"{"Statement":[{"Effect":"Allow","Action":"*","NotAction":"a","Resource":"*"}]}"#,
        r#"{"Statement":[{"Effect":"Allow","Action":[1],"Resource":"*"}]}"#,
        r#"{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"Bool":{"a":"b"}}}]}"#,
    ] {
        assert!(Policy::parse(text).is_err(), "{text}");
    }
}
