//! Least privilege: what a scan calls is what it declares, and it cannot write whatever the role allows.

use std::collections::BTreeSet;

use doorward_core::actions::{base_identity_actions, scan_role_actions};

use crate::bed::{SMALL, Setup, scan, serve};

#[tokio::test(flavor = "multi_thread")]
async fn observed_actions_equal_declared_actions() {
    let mut setup = Setup::default();
    setup.collect.alb_listeners = true;
    setup.discover.account_tags_wanted = true;
    let mut in_accounts = BTreeSet::new();
    let mut at_base = BTreeSet::new();
    // Both ways of placing accounts, so that every declared call has a reason to be made.
    for world in [SMALL.to_owned(), SMALL.replacen("empty_pages = true", "empty_pages = true\npaths = false", 1)] {
        let server = serve(&world, vec![]).await;
        let report = scan(&server, &setup).await.expect("a way in");
        assert_eq!(report.coverage.counts.failed + report.coverage.counts.partial, 0);
        for call in server.calls() {
            assert_eq!(call.outcome, "ok", "{call:?}");
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
            "allow = [\"elasticloadbalancing:*\", \"account:*\", \"logs:*\"]",
            &format!("allow = [{}]", quoted(actions)),
            1,
        )
    };
    let mut setup = Setup::default();
    setup.collect.alb_listeners = true;
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
    let world = SMALL.replacen("allow = [\"elasticloadbalancing:*\", \"account:*\", \"logs:*\"]", "allow = [\"*\"]", 1);
    let server = serve(&world, vec![]).await;
    scan(&server, &Setup::default()).await.expect("a way in");
    for call in server.calls() {
        let verb = call.iam_action.split(':').nth(1).unwrap_or_default();
        assert!(["Describe", "List", "Get", "AssumeRole"].iter().any(|read| verb.starts_with(read)), "{call:?}");
    }
    let policy: serde_json::Value = serde_json::from_str(&doorward_core::actions::session_policy()).expect("JSON");
    let allowed = policy["Statement"][0]["Action"].as_array().expect("actions");
    assert!(
        !allowed
            .iter()
            .any(|a| a == "elasticloadbalancing:ModifyLoadBalancerAttributes" || a.as_str().unwrap().contains('*'))
    );
}
