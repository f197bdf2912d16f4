//! Includes, excludes and missing lists: whatever is left out is named.

use doorward_core::discover::TagFilter;
use doorward_fakeaws::{Fault, What};
use doorward_model::{CoverageStatus, GapReason, Region, ScanReport};

use crate::bed::{SMALL, Setup, check_honest, scan, serve};

async fn covered(world: &str, setup: &Setup, faults: Vec<Fault>) -> ScanReport {
    let server = serve(world, faults).await;
    let report = scan(&server, setup).await.expect("a way in");
    check_honest("scope", &report, world, &server);
    report
}

/// The accounts in which anything was read.
fn entered(report: &ScanReport) -> Vec<&str> {
    let mut accounts: Vec<&str> = report
        .coverage
        .lines
        .iter()
        .filter(|l| l.status != CoverageStatus::Skipped)
        .map(|l| l.account.as_str())
        .collect();
    accounts.dedup();
    accounts
}

type Edit = Box<dyn Fn(&mut Setup)>;

#[tokio::test(flavor = "multi_thread")]
async fn accounts_and_units_are_included_and_excluded() {
    let (management, security, shop) = ("300000000001", "300000000002", "300000000003");
    let id = |text: &str| doorward_model::AccountId::new(text).unwrap();
    let edits: [(&str, Edit, Vec<&str>); 5] = [
        ("include account", Box::new(move |s| s.discover.scope.include_accounts = vec![id(shop)]), vec![shop]),
        (
            "exclude account",
            Box::new(move |s| s.discover.scope.exclude_accounts = vec![id(shop)]),
            vec![management, security],
        ),
        ("include unit", Box::new(|s| s.discover.scope.include_ous = vec!["/workloads".into()]), vec![shop]),
        (
            "exclude unit",
            Box::new(|s| s.discover.scope.exclude_ous = vec!["/Workloads/Prod".into()]),
            vec![management, security],
        ),
        (
            "exclude wins",
            Box::new(move |s| {
                s.discover.scope.include_accounts = vec![id(shop), id(security)];
                s.discover.scope.exclude_ous = vec!["/Workloads".into()];
            }),
            vec![security],
        ),
    ];
    for (what, edit, expected) in edits {
        let mut setup = Setup::default();
        edit(&mut setup);
        let report = covered(SMALL, &setup, vec![]).await;
        assert_eq!(entered(&report), expected, "{what}");
        assert_eq!(report.coverage.lines.len(), 9, "{what}: every account-Region is still there");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_filter_that_cannot_be_read_decides_nothing() {
    let world = SMALL.replacen("name = \"shop\"", "name = \"shop\"\ntags = { stage = \"Prod\" }", 1);
    let mut setup = Setup::default();
    setup.discover.scope.include_tags = vec![TagFilter { key: "stage".into(), value: "prod*".into() }];
    assert_eq!(entered(&covered(&world, &setup, vec![]).await), ["300000000003"]);

    let denied = Fault::new(What::AccessDenied).action("ListTagsForResource");
    let report = covered(&world, &setup, vec![denied]).await;
    assert_eq!(report.coverage.counts.failed, 9, "{:?}", report.coverage.counts);
    assert!(
        report.coverage.lines.iter().all(|l| l.gaps[0].action.as_deref() == Some("organizations:ListTagsForResource"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn regions_come_from_the_account_or_from_who_can_tell() {
    let region = |text: &str| Region::new(text).unwrap();
    let mut setup = Setup::default();
    setup.discover.regions.include = vec![region("eu-west-1")];
    let report = covered(SMALL, &setup, vec![]).await;
    assert_eq!((report.coverage.counts.complete, report.coverage.counts.skipped), (3, 6));

    // One account cannot list: the base identity's list is borrowed, and every Region of it tried.
    let one = Fault::new(What::AccessDenied).action("ListRegions").account("300000000003");
    let report = covered(SMALL, &Setup::default(), vec![one]).await;
    assert_eq!(report.coverage.counts.complete, 7);
    assert!(report.accounts[2].regions.gap().is_some());

    // A Region that is not enabled in the borrowing account does not answer; that is no proof that nothing is there.
    let one = Fault::new(What::AccessDenied).action("ListRegions").account("300000000001");
    let report = covered(SMALL, &Setup::default(), vec![one]).await;
    let unproven = report
        .coverage
        .lines
        .iter()
        .find(|l| l.account.as_str() == "300000000001" && l.region == Some(region("me-south-1")));
    let unproven = unproven.expect("covered");
    assert_eq!((unproven.status, unproven.gaps[0].reason), (CoverageStatus::Failed, GapReason::RegionDisabled));

    // Nobody can list: the settings' fallback is tried, and what lies beyond it is named as unread.
    let all = || vec![Fault::new(What::AccessDenied).action("ListRegions")];
    let mut setup = Setup::default();
    setup.discover.regions.fallback = vec![region("eu-west-1"), region("us-east-1")];
    let report = covered(SMALL, &setup, all()).await;
    assert_eq!((report.coverage.counts.complete, report.coverage.counts.failed), (6, 3), "{:?}", report.coverage.lines);
    assert!(report.coverage.lines.iter().filter(|l| l.region.is_none()).all(|l| l.status == CoverageStatus::Failed));

    // Regions that the settings name one by one need no list.
    setup.discover.regions.include = vec![region("eu-west-1"), region("us-east-1")];
    let report = covered(SMALL, &setup, all()).await;
    assert_eq!((report.coverage.counts.complete, report.coverage.counts.failed), (6, 0));

    // No list and no fallback: one line per account says so.
    let report = covered(SMALL, &Setup::default(), all()).await;
    assert_eq!((report.coverage.counts.all, report.coverage.counts.failed), (3, 3));

    // An account that cannot be entered has Regions beyond the fallback too.
    let mut setup = Setup::default();
    setup.discover.regions.fallback = vec![region("eu-west-1")];
    let faults =
        vec![Fault::new(What::AccessDenied).action("ListRegions"), Fault::new(What::AccessDenied).action("AssumeRole")];
    let report = covered(SMALL, &setup, faults).await;
    let unnamed = report.coverage.lines.iter().filter(|l| l.region.is_none());
    assert_eq!(unnamed.count(), 3, "{:?}", report.coverage.lines);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_region_that_does_not_exist_is_a_mistake_in_the_settings() {
    let server = serve(SMALL, vec![]).await;
    let mut setup = Setup::default();
    setup.discover.regions.include = vec![Region::new("eu-wset-1").unwrap()];
    let error = scan(&server, &setup).await.expect_err("refused");
    assert!(error.contains("eu-wset-1"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_single_account_needs_no_organization() {
    let server = serve(SMALL, vec![Fault::new(What::AccessDenied).service("organizations")]).await;
    let mut setup = Setup::default();
    setup.discover.scope.single_account = true;
    let report = scan(&server, &setup).await.expect("a way in");
    assert_eq!(entered(&report), ["300000000002"]);
    assert_eq!(report.load_balancers.len(), 1);
    assert!(!server.calls().iter().any(|c| c.service == "organizations"));

    let error = scan(&server, &Setup::default()).await.expect_err("refused");
    assert!(error.contains("organizations:DescribeOrganization") && error.contains("--single-account"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_organizational_unit_that_was_not_requested_decides_nothing() {
    use doorward_model::{Mode, Policy, PolicyRule, VerdictKind};
    let server = serve(SMALL, vec![]).await;
    let mut setup = Setup::default();
    setup.discover.scope.single_account = true;
    let (_stopper, stop) = doorward_aws::Stop::new();
    let inventory = crate::bed::look(&server, &setup, &stop).await.expect("a way in");
    let rule = serde_json::json!({ "name": "prod", "required_mode": "strictest", "ous": ["/Security"] });
    let rule: PolicyRule = serde_json::from_value(rule).unwrap();
    let policy = Policy { required_mode: Mode::Defensive, rules: vec![rule], disabled: vec![], ..Policy::default() };
    let scan = doorward_core::normalize(inventory, &crate::bed::reading());
    let report = doorward_core::evaluate(scan, doorward_rules::all(), &policy);
    let verdict = report.findings.iter().find(|f| f.rule == "desync-mode-below-required").expect("judged");
    assert_eq!(verdict.verdict.kind(), VerdictKind::Unknown, "{}", verdict.verdict.because());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_by_unit_is_not_guessed() {
    let mut setup = Setup::default();
    setup.access.overrides = vec![doorward_aws::access::RoleOverride {
        accounts: vec![],
        ous: vec!["/Workloads".into()],
        role_name: "other".to_owned().try_into().unwrap(),
        external_id: None,
    }];
    let report = covered(SMALL, &setup, vec![Fault::new(What::AccessDenied).action("ListRoots")]).await;
    let failed = report.coverage.lines.iter().filter(|l| l.status == CoverageStatus::Failed);
    assert!(failed.clone().count() == 6 && failed.clone().all(|l| l.gaps[0].operation == "organizations:ListRoots"));
}
