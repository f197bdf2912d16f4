//! Least privilege: what a scan calls is what it declares, and it cannot write whatever the role allows.

use std::collections::BTreeSet;

use doorward_aws::access::Purpose;
use doorward_core::actions::{
    base_identity_actions, change_role_actions, change_role_grants, scan_role_actions, scan_role_grants,
};
use doorward_core::mode;
use doorward_model::{GapReason, Grant, Mode, session_policy};

use crate::bed::{SMALL, Setup, known, scan, serve};

/// A load balancer behind another, in the account of the base identity.
const FRONT: &str = r#"
[[load_balancer]]
account = "300000000002"
region = "eu-west-1"
name = "behind"
scheme = "internal"
vpc_origins = ["vo_1"]
apis = ["a1b2c3d4e5"]

[[load_balancer]]
account = "300000000002"
region = "eu-west-1"
name = "front"
type = "network"
target_groups = ["front:alb"]
alb_targets = ["behind"]
"#;

#[tokio::test(flavor = "multi_thread")]
async fn observed_actions_equal_declared_actions() {
    let mut setup = Setup::default();
    setup.collect.alb_listeners = true;
    setup.collect.reachability = true;
    setup.discover.account_tags_wanted = true;
    let mut in_accounts = BTreeSet::new();
    let mut at_base = BTreeSet::new();
    // Both ways of placing accounts, and one that left, so that every declared call has a reason to be made.
    // The base identity scans its own account, where a load balancer in front of another needs every call as well.
    let small = SMALL.to_owned() + FRONT;
    let left = small.clone() + "\n[[account]]\nid = \"300000000004\"\nname = \"left\"\n";
    setup.known = known(&left).await;
    for world in [small.clone(), small.replacen("empty_pages = true", "empty_pages = true\npaths = false", 1)] {
        let server = serve(&world, vec![]).await;
        let report = scan(&server, &setup).await.expect("a way in");
        assert_eq!(report.coverage.counts.failed + report.coverage.counts.partial, 0);
        for call in server.calls() {
            let left = call.action == "DescribeAccount" && call.outcome == "AccountNotFoundException";
            assert!(call.outcome == "ok" || left, "{call:?}");
            if call.iam_action == "sts:GetCallerIdentity" {
                continue;
            }
            let actions = if call.access_key.starts_with("ASIA") { &mut in_accounts } else { &mut at_base };
            actions.insert(call.iam_action);
        }
    }
    let declared = |actions: Vec<&str>| actions.into_iter().map(str::to_owned).collect::<BTreeSet<String>>();
    assert_eq!(in_accounts, declared(scan_role_actions()), "in accounts");
    assert_eq!(at_base, declared(base_identity_actions()), "at the base identity");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_declared_actions_are_enough_and_each_is_needed() {
    let quoted = |actions: &[&str]| actions.iter().map(|a| format!("\"{a}\"")).collect::<Vec<_>>().join(", ");
    let all = scan_role_actions();
    let with_role = |actions: &[&str]| {
        SMALL.replacen(
            "allow = [\"elasticloadbalancing:*\", \"account:*\", \"logs:*\", \"cloudfront:*\", \"apigateway:*\"]",
            &format!("allow = [{}]", quoted(actions)),
            1,
        )
    };
    let mut setup = Setup::default();
    setup.collect.alb_listeners = true;
    setup.collect.reachability = true;
    let server = serve(&with_role(&all), vec![]).await;
    let report = scan(&server, &setup).await.expect("a way in");
    assert_eq!(report.coverage.counts.failed + report.coverage.counts.partial, 0, "{:?}", report.coverage.lines);

    for missing in &all {
        let rest: Vec<&str> = all.iter().copied().filter(|a| a != missing).collect();
        let server = serve(&with_role(&rest), vec![]).await;
        let report = scan(&server, &setup).await.expect("a way in");
        let in_lines =
            report.coverage.lines.iter().flat_map(|l| &l.gaps).any(|g| g.action.as_deref() == Some(*missing));
        let in_accounts =
            report.accounts.iter().any(|a| a.regions.gap().is_some_and(|g| g.action.as_deref() == Some(*missing)));
        assert!(in_lines || in_accounts, "without {missing} the report does not name it");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_may_write_still_cannot() {
    // The role allows everything; the session policy that the scanner sent must not.
    let world = SMALL.replacen(
        "allow = [\"elasticloadbalancing:*\", \"account:*\", \"logs:*\", \"cloudfront:*\", \"apigateway:*\"]",
        "allow = [\"*\"]",
        1,
    );
    let server = serve(&world, vec![]).await;
    scan(&server, &Setup::default()).await.expect("a way in");
    for call in server.calls() {
        let verb = call.iam_action.split(':').nth(1).unwrap_or_default();
        assert!(["Describe", "List", "Get", "GET", "AssumeRole"].iter().any(|read| verb.starts_with(read)), "{call:?}");
    }
    let policy = session_policy(&scan_role_grants(), "aws", "111111111111");
    assert!(!policy.contains("Modify") && !policy.contains(":*\""), "{policy}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_for_reading_refuse_every_change_that_is_tried() {
    // The role of an administrator stands behind each; only the session policies differ.
    let world = SMALL.replacen(
        "allow = [\"elasticloadbalancing:*\", \"account:*\", \"logs:*\", \"cloudfront:*\", \"apigateway:*\"]",
        "allow = [\"*\"]",
        1,
    );
    let server = serve(&world, vec![]).await;
    let access = crate::bed::enter(&server, &Setup::default()).await;
    let report = scan(&server, &Setup::default()).await.expect("a way in");
    let traffic = Grant::on("X", &["s3:ListBucket", "s3:GetObject", "cloudwatch:GetMetricData"], &["*"]);
    let reading: [(&str, Vec<Grant>); 2] = [("scan", scan_role_grants()), ("traffic", vec![traffic])];
    let mut tried = BTreeSet::new();
    for lb in report.load_balancers.iter().filter(|lb| lb.kind.can_parse_http()) {
        let subject = mode::ModeSubject { arn: lb.arn.clone(), kind: lb.kind };
        let session = |grants: Vec<Grant>| {
            let role_name = "doorward-scan".to_owned().try_into().expect("a role");
            access.provider(Purpose { role_name, external_id: None, grants }).session(&lb.account)
        };
        for (what, grants) in &reading {
            let refused = mode::set(
                &access,
                session(grants.clone()),
                &subject,
                subject.kind.mode_attribute(),
                Mode::Strictest.as_str(),
            )
            .await;
            let gap = refused.expect_err("it may only read");
            assert_eq!((gap.gap.reason, gap.refused), (GapReason::AccessDenied, true), "{what}: {}", gap.gap);
            tried.insert((*what, lb.kind));
        }
        let kept = mode::read(&access, session(change_role_grants()), &subject).await.expect("reads").expect("there");
        let key = lb.kind.mode_attribute();
        assert_eq!(kept.values.get(key), lb.attributes.known().and_then(|known| known.get(key)), "{}", lb.arn);
    }
    assert_eq!(tried.len(), 4, "both kinds by both: {tried:?}");
    // By the change role's own policy it works, which shows that the refusals above were the policies'.
    let lb = &report.load_balancers[0];
    let role_name = "doorward-scan".to_owned().try_into().expect("a role");
    let purpose = Purpose { role_name, external_id: None, grants: change_role_grants() };
    server.clear_calls();
    let subject = mode::ModeSubject { arn: lb.arn.clone(), kind: lb.kind };
    mode::set(
        &access,
        access.provider(purpose.clone()).session(&lb.account),
        &subject,
        subject.kind.mode_attribute(),
        Mode::Strictest.as_str(),
    )
    .await
    .expect("sets");
    mode::read(&access, access.provider(purpose.clone()).session(&lb.account), &subject).await.expect("reads");
    let looked =
        mode::look(&access, access.provider(purpose.clone()).session(&lb.account), &subject).await.expect("looks");
    assert!(looked.load_balancers[0].tags.known().is_some() && looked.gaps.is_empty());
    let observed: BTreeSet<String> = server
        .calls()
        .into_iter()
        .filter(|call| call.access_key.starts_with("ASIA"))
        .map(|call| call.iam_action)
        .collect();
    assert_eq!(observed, change_role_actions().into_iter().map(str::to_owned).collect(), "declared equals observed");
}
