//! AssumeRole: which callers get a session, for how long, and the messages of refusals.

use std::time::Duration;

use super::client::{APP, Client, ELBV2, MANAGEMENT, SECURITY, STS, WORLD, organization_with, start, start_with};

#[tokio::test]
async fn rules_of_assume_role() {
    let (_server, user) = start().await;
    let session = user.key("AKIASESSION");
    let long_policy = format!(r#"{{"Statement":[],"Id":"{}"}}"#, "x".repeat(2048));
    let strict = "arn:aws:iam::111111111111:role/strict";
    let scan = "arn:aws:iam::111111111111:role/scan";
    type Case<'a> = (&'a str, &'a Client, &'a str, &'a [(&'a str, &'a str)], &'a str);
    let cases: &[Case<'_>] = &[
        ("plain", &user, scan, &[], ""),
        ("with a path", &user, "arn:aws:iam::111111111111:role/team/a/scan", &[], ""),
        ("longest", &user, scan, &[("DurationSeconds", "43200")], ""),
        ("too long", &user, scan, &[("DurationSeconds", "43201")], "ValidationError"),
        ("too short", &user, scan, &[("DurationSeconds", "899")], "ValidationError"),
        ("no number", &user, scan, &[("DurationSeconds", "1h")], "ValidationError"),
        ("chained, one hour", &session, scan, &[("DurationSeconds", "3600")], ""),
        ("chained, longer", &session, scan, &[("DurationSeconds", "3601")], "ValidationError"),
        ("beyond the role's maximum", &user, strict, &[("ExternalId", "abc/1")], "ValidationError"),
        ("external id", &user, strict, &[("ExternalId", "abc/1"), ("DurationSeconds", "900")], ""),
        ("no external id", &user, strict, &[("DurationSeconds", "900")], "AccessDenied"),
        ("wrong external id", &user, strict, &[("ExternalId", "abd/1")], "AccessDenied"),
        ("malformed external id", &user, strict, &[("ExternalId", "a b")], "ValidationError"),
        ("needless external id", &user, scan, &[("ExternalId", "whatever")], ""),
        (
            "source identity not trusted",
            &user,
            strict,
            &[("ExternalId", "abc/1"), ("DurationSeconds", "900"), ("SourceIdentity", "me")],
            "AccessDenied",
        ),
        ("source identity", &user, scan, &[("SourceIdentity", "me@example.com")], ""),
        ("malformed source identity", &user, scan, &[("SourceIdentity", "me:you")], "ValidationError"),
        ("malformed session name", &user, scan, &[("RoleSessionName", "a b")], "ValidationError"),
        ("trust names another user", &user, "arn:aws:iam::111111111111:role/picky", &[], "AccessDenied"),
        ("no such role", &user, "arn:aws:iam::111111111111:role/none", &[], "AccessDenied"),
        ("no such account", &user, "arn:aws:iam::999999999999:role/scan", &[], "AccessDenied"),
        ("suspended account", &user, "arn:aws:iam::222222222222:role/scan", &[], "AccessDenied"),
        ("not an ARN of a role", &user, "arn:aws:iam::111111111111:user/scan", &[], "ValidationError"),
        ("policy too large", &user, scan, &[("Policy", &long_policy)], "PackedPolicyTooLarge"),
        ("policy no JSON", &user, scan, &[("Policy", "{")], "MalformedPolicyDocument"),
        (
            "access role trusts management only",
            &user,
            "arn:aws:iam::111111111111:role/OrganizationAccountAccessRole",
            &[],
            "AccessDenied",
        ),
    ];
    for (case, client, arn, more, code) in cases {
        let mut parameters = more.to_vec();
        parameters.push(("RoleArn", arn));
        if !more.iter().any(|(name, _)| *name == "RoleSessionName") {
            parameters.push(("RoleSessionName", "test"));
        }
        let answer = client.query(STS, "AssumeRole", &parameters).await;
        if code.is_empty() {
            assert_eq!(answer.status, 200, "{case}: {}", answer.body);
        } else {
            let status = if *code == "AccessDenied" { 403 } else { 400 };
            assert_eq!((answer.status, answer.code().as_str()), (status, *code), "{case}: {}", answer.body);
        }
    }
}

#[tokio::test]
async fn a_refusal_names_user_action_and_role() {
    let (_server, client) = start().await;
    let arn = "arn:aws:iam::222222222222:role/scan";
    let answer = client.query(STS, "AssumeRole", &[("RoleArn", arn), ("RoleSessionName", "test")]).await;
    assert_eq!(
        answer.message(),
        format!(
            "User: arn:aws:iam::000000000002:user/scanner is not authorized to perform: sts:AssumeRole on resource: {arn}"
        )
    );
    assert!(answer.body.starts_with(r#"<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">"#));
    let id = answer.one("RequestId");
    assert!(answer.head.contains(&format!("x-amzn-requestid: {id}")));
}

#[tokio::test]
async fn management_reaches_created_accounts_through_the_access_role() {
    let (_server, client) = start().await;
    let admin = client.key("AKIAMANAGEMENT").assume(APP, "OrganizationAccountAccessRole", &[]).await;
    assert_eq!(admin.query(ELBV2, "DescribeLoadBalancers", &[]).await.status, 200);
}

#[tokio::test]
async fn roles_are_missing_where_the_world_lacks_them() {
    let world = WORLD.replace("name = \"app\"", "name = \"app\"\ninvited = true\nwithout_roles = [\"scan\"]");
    let (_server, client) = start_with(&world, |_| ()).await;
    for (key, role) in [(SECURITY, "scan"), (MANAGEMENT, "OrganizationAccountAccessRole")] {
        let arn = format!("arn:aws:iam::{APP}:role/{role}");
        let parameters = [("RoleArn", arn.as_str()), ("RoleSessionName", "test")];
        let answer = client.key(key).query(STS, "AssumeRole", &parameters).await;
        assert_eq!((answer.status, answer.code().as_str()), (403, "AccessDenied"));
    }
}

#[tokio::test]
async fn sessions_end_by_the_clock() {
    let (_server, client) = start().await;
    let session = client.assume(APP, "scan", &[("DurationSeconds", "900")]).await;
    client.clock.advance(Duration::from_secs(899));
    assert_eq!(session.query(STS, "GetCallerIdentity", &[]).await.status, 200);
    client.clock.advance(Duration::from_secs(1));
    let answer = session.query(ELBV2, "DescribeLoadBalancers", &[]).await;
    assert_eq!((answer.status, answer.code().as_str()), (403, "ExpiredToken"));
    let answer = session.list_regions(serde_json::json!({})).await;
    assert_eq!((answer.status, answer.code().as_str()), (403, "ExpiredTokenException"));
}

#[tokio::test]
async fn a_world_can_cut_sessions_short_and_hide_it() {
    for (lines, announced) in [
        ("session_seconds = 5", "2026-05-06T07:08:14Z"),
        ("session_seconds = 5\nannounce_expiry = false", "2026-05-06T08:08:09Z"),
    ] {
        let (_server, client) = start_with(&organization_with(lines), |_| ()).await;
        let arn = "arn:aws:iam::111111111111:role/scan";
        let answer = client.query(STS, "AssumeRole", &[("RoleArn", arn), ("RoleSessionName", "test")]).await;
        assert_eq!(answer.one("Expiration"), announced);
        let session = client.assume(APP, "scan", &[]).await;
        client.clock.advance(Duration::from_secs(5));
        assert_eq!(session.query(ELBV2, "DescribeLoadBalancers", &[]).await.code(), "ExpiredToken");
    }
}

#[tokio::test]
async fn source_identity_sticks_through_chains() {
    let world = WORLD.replace(
        r#"trusts = ["000000000002"]
allow = ["elasticloadbalancing:*""#,
        r#"trusts = ["000000000002", "111111111111"]
allow = ["sts:*", "elasticloadbalancing:*""#,
    );
    let (_server, client) = start_with(&world, |_| ()).await;
    let first = client.assume(APP, "scan", &[("SourceIdentity", "alice")]).await;
    let arn = "arn:aws:iam::000000000001:role/scan";
    let parameters = [("RoleArn", arn), ("RoleSessionName", "test")];
    let answer = first.query(STS, "AssumeRole", &parameters).await;
    assert_eq!(answer.one("SourceIdentity"), "alice");
    let other = [("RoleArn", arn), ("RoleSessionName", "test"), ("SourceIdentity", "bob")];
    let answer = first.query(STS, "AssumeRole", &other).await;
    assert!(answer.message().contains("sts:SetSourceIdentity"), "{}", answer.body);
}
