//! The hop behind a load balancer: its target groups, and whether the internet reaches an internal one through another.

use doorward_core::collect::single;
use doorward_core::mode::ModeSubject;
use doorward_model::{CoverageStatus, GapReason, LoadBalancer, Observed, Reachability, ScanReport, Severity, Verdict};

use crate::bed::{SMALL, Setup, judge, look, scan, serve};

/// `front` is internet-facing, `back` is internal and behind the internet-facing network load balancer `wire`. `quiet` is behind an
/// internal one, and `alone` behind none.
fn world() -> String {
    let one = |name: &str, rest: &str| {
        format!("\n[[load_balancer]]\naccount = \"300000000003\"\nregion = \"eu-west-1\"\nname = \"{name}\"\n{rest}\n")
    };
    [
        SMALL.to_owned(),
        one("quiet", "scheme = \"internal\"\ntarget_groups = [\"quiet-a:ip:HTTP2\", \"quiet-b:lambda\"]"),
        one("alone", "scheme = \"internal\"\ntarget_groups = []"),
        one(
            "inner",
            "type = \"network\"\nscheme = \"internal\"\ntarget_groups = [\"inner:alb\"]\nalb_targets = [\"quiet\"]",
        ),
    ]
    .concat()
}

/// Internal as far as the default settings read.
const UNREAD: &str = "internal; CloudFront VPC origins and API Gateway VPC links were not read";

fn named<'a>(report: &'a ScanReport, name: &str) -> &'a LoadBalancer {
    report.load_balancers.iter().find(|lb| lb.name == name).unwrap_or_else(|| panic!("{name} is not listed"))
}

fn severity(report: &ScanReport, name: &str) -> Severity {
    let finding = report.findings.iter().find(|f| f.rule == "invalid-headers-forwarded" && f.name == name);
    match &*finding.expect("asked").verdict {
        Verdict::Fail { severity, .. } => *severity,
        other => panic!("{name}: {other:?}"),
    }
}

/// How the internet reaches a load balancer, in a word.
fn reach(lb: &LoadBalancer) -> String {
    match &lb.reachability {
        Observed::Known(known) => known.to_string(),
        Observed::Absent => "absent".to_owned(),
        Observed::Unread(gap) => format!("{} at {}", gap.reason, gap.operation),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reachability_is_what_was_observed() {
    let server = serve(&world(), vec![]).await;
    let report = scan(&server, &Setup::default()).await.expect("a way in");
    for (name, expected) in [
        ("front", "internet-facing"),
        ("back", "internal, through network load balancer wire"),
        ("quiet", UNREAD),
        ("alone", UNREAD),
        ("wire", "internet-facing"),
        ("inner", UNREAD),
        ("old", "internet-facing"),
    ] {
        assert_eq!(reach(named(&report, name)), expected, "{name}");
    }
    // strictest and reachable is as severe as defensive and internal.
    assert_eq!((severity(&report, "back"), severity(&report, "alone")), (Severity::Low, Severity::Low));
    let groups = |name: &str| {
        let groups = named(&report, name).target_groups.known().expect("read");
        groups
            .iter()
            .map(|group| format!("{}:{}:{:?}", group.name, group.target_type, group.protocol_version))
            .collect()
    };
    let [quiet, alone, front]: [Vec<String>; 3] = ["quiet", "alone", "front"].map(groups);
    assert_eq!(quiet, ["quiet-a:ip:Some(\"HTTP2\")", "quiet-b:lambda:None"]);
    assert_eq!(alone, Vec::<String>::new());
    assert_eq!(front, ["front:instance:Some(\"HTTP1\")"]);

    // One list for each account-Region with an application load balancer; targets of the one group that matters.
    let calls = server.calls();
    let count = |action: &str| calls.iter().filter(|call| call.action == action).count();
    assert_eq!((count("DescribeTargetGroups"), count("DescribeTargetHealth")), (3, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_read_is_unknown_and_not_lower() {
    for (denied, back) in [
        ("elasticloadbalancing:DescribeTargetGroups", "access-denied at elasticloadbalancing:DescribeTargetGroups"),
        ("elasticloadbalancing:DescribeTargetHealth", "access-denied at elasticloadbalancing:DescribeTargetHealth"),
    ] {
        let policy =
            "allow = [\"elasticloadbalancing:*\", \"account:*\", \"logs:*\", \"cloudfront:*\", \"apigateway:*\"]";
        let world = world().replacen(
            policy,
            &format!("{policy}\ndeny = [{{ actions = [\"{denied}\"], resources = [\"*\"] }}]"),
            1,
        );
        let server = serve(&world, vec![]).await;
        let report = scan(&server, &Setup::default()).await.expect("a way in");
        for name in ["back", "quiet", "alone"] {
            assert_eq!(reach(named(&report, name)), back, "{name}");
        }
        assert_eq!(reach(named(&report, "front")), "internet-facing");
        // `alone` in defensive is as severe as if it were internet-facing.
        assert_eq!(severity(&report, "alone"), severity(&report, "front"), "{denied}");
        let mut lines = report.coverage.lines.iter();
        let line = lines.find(|line| line.gaps.iter().any(|gap| gap.action.as_deref() == Some(denied)));
        assert_eq!(line.expect("coverage names it").status, CoverageStatus::Partial);
        // Every mode is known all the same.
        let of_mode = report.findings.iter().filter(|f| f.rule == "desync-mode-below-required");
        assert!(of_mode.clone().count() > 5 && of_mode.clone().all(|f| !matches!(*f.verdict, Verdict::Unknown { .. })));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_setting_excludes_the_calls_and_lowers_no_coverage() {
    let server = serve(&world(), vec![]).await;
    let mut setup = Setup::default();
    setup.collect.target_groups = false;
    let report = scan(&server, &setup).await.expect("a way in");
    assert!(server.calls().iter().all(|call| !call.action.starts_with("DescribeTarget")));
    assert_eq!(report.coverage.counts.partial, 0);
    assert_eq!(named(&report, "alone").reachability.gap().map(|gap| gap.reason), Some(GapReason::NotAsked));
    assert_eq!(severity(&report, "alone"), severity(&report, "front"));
    let upstream = report.findings.iter().filter(|f| f.rule == "upstream-http1" && f.name == "front");
    assert!(upstream.clone().count() == 1 && upstream.clone().all(|f| matches!(*f.verdict, Verdict::NotAsked { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_balancer_that_is_read_alone_is_rated_alike() {
    let server = serve(&world(), vec![]).await;
    let setup = Setup::default();
    let access = crate::bed::enter(&server, &setup).await;
    let (_stopper, stop) = doorward_aws::Stop::new();
    let plan =
        doorward_core::discover::discover(&access, &setup.discover, &[], &stop, &|_, _| {}).await.expect("found");
    let whole = look(&server, &setup, &stop).await.expect("a way in");
    let all = judge(whole.clone());
    for name in ["front", "back", "quiet", "alone"] {
        let lb = named(&all, name);
        let is_there = |target: &&doorward_core::discover::Target| {
            target.place.account == lb.account && target.place.region == lb.region
        };
        let target = plan.targets.iter().find(is_there).expect("a target");
        let subject = ModeSubject { arn: lb.arn.clone(), kind: lb.kind };
        let alone = single(&access, setup.collect, target, &subject, &stop).await;
        let raw = alone.load_balancers.first().expect("read");
        let Some(Reachability::InternetFacing) = lb.reachability.known() else {
            let of_scan = whole.cells.iter().flat_map(|cell| &cell.load_balancers).find(|raw| raw.arn == lb.arn);
            assert_eq!(Some(&raw.reached_through), of_scan.map(|raw| &raw.reached_through), "{name}");
            continue;
        };
        assert_eq!(raw.reached_through, Observed::Absent);
    }
}
