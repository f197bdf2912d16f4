//! What is reported equals what is there; what could not be read says so and names what would fix it.

use doorward_model::{CoverageStatus, GapReason, Listing, Verdict, VerdictKind};

use crate::bed::{GAPS, SMALL, Setup, check_honest, scan, serve, truths};

#[tokio::test(flavor = "multi_thread")]
async fn a_readable_organization_is_read_completely() {
    let server = serve(SMALL, vec![]).await;
    let report = scan(&server, &Setup::default()).await.expect("a way in");
    check_honest("small", &report, SMALL, &server);
    let counts = report.coverage.counts;
    // 3 accounts x 3 Regions; the opt-in Region is disabled in two.
    assert_eq!((counts.all, counts.complete, counts.skipped), (9, 7, 2));
    assert_eq!(report.load_balancers.len(), truths(SMALL).len());
    assert!(report.findings.iter().all(|f| f.verdict.kind() != VerdictKind::Unknown));
    assert_eq!(report.accounts[2].ou.known().map(|ou| ou.names.as_str()), Some("/Workloads/Prod"));
    let far = report.load_balancers.iter().find(|lb| lb.name == "far").expect("listed");
    assert!(matches!(far.access_logs.known(), Some(doorward_model::LogDestination::Delivery(to)) if !to.is_empty()));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_verdict_of_the_example_with_gaps_is_the_truth() {
    let server = serve(GAPS, vec![]).await;
    let report = scan(&server, &Setup::default()).await.expect("a way in");
    check_honest("gaps", &report, GAPS, &server);

    // The throttled account-Region is slow, not unread.
    let tenants = report.load_balancers.iter().filter(|lb| lb.name.starts_with("tenant-") && lb.mode.known().is_some());
    assert_eq!(tenants.count(), 7);

    let line = |account: &str, region: &str| {
        let found = report
            .coverage
            .lines
            .iter()
            .find(|l| l.account.as_str() == account && l.region.as_ref().is_some_and(|r| r.as_str() == region));
        found.unwrap_or_else(|| panic!("{account} {region} is not covered"))
    };
    for (account, region, status, reason, action) in [
        ("200000000003", "eu-west-1", CoverageStatus::Failed, GapReason::RoleMissing, Some("sts:AssumeRole")),
        (
            "200000000004",
            "eu-central-1",
            CoverageStatus::Failed,
            GapReason::DeniedByOrganizationPolicy,
            Some("elasticloadbalancing:DescribeLoadBalancers"),
        ),
        ("200000000005", "eu-west-1", CoverageStatus::Skipped, GapReason::AccountInactive, None),
        ("200000000006", "me-south-1", CoverageStatus::Skipped, GapReason::RegionDisabled, None),
        (
            "200000000006",
            "eu-west-1",
            CoverageStatus::Partial,
            GapReason::AccessDenied,
            Some("elasticloadbalancing:DescribeTags"),
        ),
        (
            "200000000007",
            "eu-west-1",
            CoverageStatus::Partial,
            GapReason::AccessDenied,
            Some("elasticloadbalancing:DescribeLoadBalancerAttributes"),
        ),
    ] {
        let line = line(account, region);
        assert_eq!(line.status, status, "{line:?}");
        let gap = line.gaps.iter().find(|gap| gap.reason == reason).unwrap_or_else(|| panic!("{line:?}"));
        assert_eq!(gap.action.as_deref(), action, "{line:?}");
        if reason == GapReason::DeniedByOrganizationPolicy {
            assert!(
                gap.policy.as_deref().is_some_and(|arn| arn.contains(":policy/o-globex0001/service_control_policy/")),
                "{gap:?}"
            );
        }
    }

    let verdict = |name: &str| {
        let found = report.findings.iter().find(|f| f.rule == "desync-mode-below-required" && f.name == name);
        found.map(|f| &*f.verdict).unwrap_or_else(|| panic!("no verdict on {name}"))
    };
    for name in ["treasury", "experimental", "ancient"] {
        assert!(matches!(verdict(name), Verdict::Unknown { .. }), "{name}: {:?}", verdict(name));
    }
    // Tags that could not be read cost neither the load balancer nor its verdict.
    assert_eq!(verdict("web-front").kind(), VerdictKind::Fail);
    assert!(
        report
            .findings
            .iter()
            .any(|f| f.name == "web-front" && f.rule == "owner-missing" && f.verdict.kind() == VerdictKind::Unknown)
    );
    assert!(
        !report
            .load_balancers
            .iter()
            .any(|lb| lb.name == "unseen" || lb.name == "lab-hidden" || lb.name == "forgotten")
    );
    assert!(matches!(report.coverage.accounts_listing, Listing::Full));
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_without_paths_are_placed_by_their_parents() {
    let world = SMALL.replacen("empty_pages = true", "empty_pages = true\npaths = false\nlegacy_status = true", 1);
    let server = serve(&world, vec![]).await;
    let report = scan(&server, &Setup::default()).await.expect("a way in");
    assert_eq!(report.accounts[2].ou.known().map(|ou| ou.names.as_str()), Some("/Workloads/Prod"));
    assert_eq!(report.accounts[0].ou.known().map(|ou| ou.names.as_str()), Some("/"));
}
