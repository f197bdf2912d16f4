//! CloudFront VPC origins and API Gateway in front of internal load balancers: found, denied, throttled, wrong.

use doorward_fakeaws::{Fault, Form, What};
use doorward_model::{CoverageStatus, Gap, LoadBalancer, Observed, ScanReport, Severity, Verdict};

use crate::bed::{SMALL, Setup, scan, serve};

const SHOP: &str = "300000000003";

/// Four internal load balancers without an internet-facing network load balancer in front: CloudFront leads to `edge`, an API to `api`,
/// CloudFront through an internal network load balancer to `deep`, and nothing to `alone`. One VPC origin leads to another Region.
fn world() -> String {
    let one = |region: &str, name: &str, rest: &str| {
        format!(
            "\n[[load_balancer]]\naccount = \"{SHOP}\"\nregion = \"{region}\"\nname = \"{name}\"\nscheme = \"internal\"\n{rest}\n"
        )
    };
    let (here, there) = ("eu-west-1", "me-south-1");
    [
        SMALL.to_owned(),
        one(here, "edge", "vpc_origins = [\"vo_edge\", \"vo_more\"]"),
        one(here, "api", "apis = [\"bbbbbbbbbb\"]"),
        one(here, "deep", ""),
        one(
            here,
            "inner",
            "type = \"network\"\nvpc_origins = [\"vo_inner\"]\ntarget_groups = [\"inner:alb\"]\nalb_targets = [\"deep\"]",
        ),
        one(here, "alone", ""),
        one(there, "remote", "vpc_origins = [\"vo_remote\"]"),
    ]
    .concat()
}

fn setup() -> Setup {
    let mut setup = Setup::default();
    setup.collect.reachability = true;
    setup
}

fn named<'a>(report: &'a ScanReport, name: &str) -> &'a LoadBalancer {
    report.load_balancers.iter().find(|lb| lb.name == name).unwrap_or_else(|| panic!("{name} is not listed"))
}

fn reach(report: &ScanReport, name: &str) -> String {
    match &named(report, name).reachability {
        Observed::Known(known) => known.to_string(),
        Observed::Absent => "absent".to_owned(),
        Observed::Unread(gap) => format!("{} at {}", gap.reason, gap.operation),
    }
}

fn severity(report: &ScanReport, name: &str) -> Severity {
    let finding = report.findings.iter().find(|f| f.rule == "invalid-headers-forwarded" && f.name == name);
    match &*finding.expect("asked").verdict {
        Verdict::Fail { severity, .. } => *severity,
        other => panic!("{name}: {other:?}"),
    }
}

fn because(report: &ScanReport, name: &str) -> String {
    let finding = report.findings.iter().find(|f| f.rule == "invalid-headers-forwarded" && f.name == name);
    finding.expect("asked").verdict.because().to_owned()
}

/// The gaps of an account-Region that concern an operation.
fn gaps<'a>(report: &'a ScanReport, region: &str, operation: &str) -> Vec<&'a Gap> {
    let is_it = |line: &&doorward_model::CoverageLine| {
        line.account.as_str() == SHOP && line.region.as_ref().is_some_and(|known| known.as_str() == region)
    };
    let line = report.coverage.lines.iter().find(is_it).expect("covered");
    let found: Vec<&Gap> = line.gaps.iter().filter(|gap| gap.operation == operation).collect();
    assert!(found.is_empty() || line.status == CoverageStatus::Partial, "{line:?}");
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn what_leads_to_an_internal_load_balancer_counts_as_the_internet() {
    for page in [None, Some(1)] {
        let world = match page {
            None => world(),
            Some(_) => world().replacen("empty_pages = true", "empty_pages = true\npage_size = 1", 1),
        };
        let server = serve(&world, vec![]).await;
        let report = scan(&server, &setup()).await.expect("a way in");
        assert_eq!(report.coverage.counts.failed + report.coverage.counts.partial, 0, "{:?}", report.coverage.lines);
        for (name, expected) in [
            ("edge", "internal, through CloudFront VPC origin vo_edge, CloudFront VPC origin vo_more"),
            ("api", "internal, through API Gateway API bbbbbbbbbb"),
            ("deep", "internal, through CloudFront VPC origin vo_inner and network load balancer inner"),
            ("remote", "internal, through CloudFront VPC origin vo_remote"),
            (
                "alone",
                "internal; no CloudFront VPC origin and no HTTP or WebSocket API of API Gateway leads to it; Global Accelerator and \
                 REST APIs are not read",
            ),
            ("back", "internal, through network load balancer wire"),
            ("front", "internet-facing"),
        ] {
            assert_eq!(reach(&report, name), expected, "{name}, pages of {page:?}");
        }
        // In the same mode: as severe as an internet-facing one, and more than one that nothing leads to.
        for name in ["edge", "api", "deep", "remote"] {
            assert_eq!(severity(&report, name), Severity::Medium, "{name}");
        }
        assert_eq!(severity(&report, "alone"), Severity::Low);
        let text = because(&report, "alone");
        assert!(text.contains("no CloudFront VPC origin and no HTTP or WebSocket API"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_calls_are_made_only_where_an_internal_load_balancer_is() {
    let server = serve(&world(), vec![]).await;
    scan(&server, &setup()).await.expect("a way in");
    let calls = server.calls();
    let made = |service: &str, action: &str| {
        let mut regions: Vec<String> =
            calls.iter().filter(|c| c.service == service && c.action == action).map(|c| c.region.clone()).collect();
        regions.sort();
        regions
    };
    // Two account-Regions of nine have one; CloudFront is signed for its own Region.
    assert_eq!(made("cloudfront", "ListVpcOrigins"), ["us-east-1", "us-east-1"]);
    assert_eq!(made("apigateway", "GetApis"), ["eu-west-1", "me-south-1"]);
    assert_eq!(made("apigateway", "GetIntegrations"), ["eu-west-1", "eu-west-1"]);

    server.clear_calls();
    let report = scan(&server, &Setup::default()).await.expect("a way in");
    assert!(server.calls().iter().all(|call| !["cloudfront", "apigateway"].contains(&call.service.as_str())));
    assert_eq!(report.coverage.counts.partial, 0);
    let unread = "CloudFront VPC origins and API Gateway VPC links were not read";
    assert_eq!(reach(&report, "edge"), format!("internal; {unread}"));
    assert!(because(&report, "edge").contains(unread));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_unread_service_is_a_gap_of_its_own_and_leaves_the_rest_unknown() {
    for (service, action, operation, found) in [
        ("cloudfront", "ListVpcOrigins", "cloudfront:ListVpcOrigins", "api"),
        ("apigateway", "GetApis", "apigateway:GET", "edge"),
        ("apigateway", "GetIntegrations", "apigateway:GET", "edge"),
    ] {
        for what in [
            What::AccessDenied,
            What::Throttle,
            What::ServerError(503),
            What::Malformed,
            What::EmptyBody,
            What::Truncated(0.6),
            What::Reset,
        ] {
            let fault = Fault::new(what.clone()).service(service).action(action);
            let server = serve(&world(), vec![fault]).await;
            let report = scan(&server, &setup()).await.expect("a way in");
            let unread = gaps(&report, "eu-west-1", operation);
            assert_eq!(unread.len(), 1, "{what:?} of {action}: {:?}", report.coverage.lines);
            let denied = unread[0].action.as_deref() == Some(operation);
            assert_eq!(denied, what == What::AccessDenied, "{:?}", unread[0]);
            // What the other service leads to is known; that nothing leads to the rest is not.
            assert!(reach(&report, found).starts_with("internal, through"), "{what:?} of {action}");
            assert!(reach(&report, "alone").ends_with(operation), "{}", reach(&report, "alone"));
            assert_eq!(severity(&report, "alone"), Severity::Medium, "{what:?} of {action}");
            assert_eq!(reach(&report, "back"), "internal, through network load balancer wire");
            // Every mode is known all the same.
            let modes = report.findings.iter().filter(|f| f.rule == "desync-mode-below-required");
            assert!(modes.clone().all(|f| !matches!(*f.verdict, Verdict::Unknown { .. })), "{what:?} of {action}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_not_right_is_unread() {
    for (service, action, operation, form, words) in [
        ("cloudfront", "ListVpcOrigins", "cloudfront:ListVpcOrigins", Form::EntryWithoutName, "without id or endpoint"),
        ("cloudfront", "ListVpcOrigins", "cloudfront:ListVpcOrigins", Form::ForeignAccount, "of another account"),
        ("cloudfront", "ListVpcOrigins", "cloudfront:ListVpcOrigins", Form::RepeatedEntry, "does not have the length"),
        ("cloudfront", "ListVpcOrigins", "cloudfront:ListVpcOrigins", Form::Shortened, "does not have the length"),
        ("cloudfront", "ListVpcOrigins", "cloudfront:ListVpcOrigins", Form::RepeatedList, "Items twice"),
        ("cloudfront", "ListVpcOrigins", "cloudfront:ListVpcOrigins", Form::RenamedEntries, "list Items"),
        ("apigateway", "GetApis", "apigateway:GET", Form::EntryWithoutName, "without a usable id"),
        ("apigateway", "GetApis", "apigateway:GET", Form::RepeatedList, "\"items\" appears twice"),
        ("apigateway", "GetApis", "apigateway:GET", Form::RenamedEntries, "contains null"),
        ("apigateway", "GetIntegrations", "apigateway:GET", Form::EntryWithoutName, "without a target"),
        ("apigateway", "GetIntegrations", "apigateway:GET", Form::ForeignAccount, "of another account or Region"),
    ] {
        let fault = Fault::new(What::Form(form)).service(service).action(action);
        let server = serve(&world(), vec![fault]).await;
        let report = scan(&server, &setup()).await.expect("a way in");
        assert!(server.faults().fired_total() > 0, "{action} {form:?} never fired");
        let unread = gaps(&report, "eu-west-1", operation);
        let said = unread.first().and_then(|gap| gap.message.clone()).unwrap_or_default();
        assert!(unread.len() == 1 && said.contains(words), "{action} {form:?}: {unread:?}");
        assert!(reach(&report, "alone").starts_with("malformed"), "{action} {form:?}");
    }
}
