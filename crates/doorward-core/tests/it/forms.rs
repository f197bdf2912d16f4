//! Answers that parse and are not right, one by one: what a scan makes of each.

use doorward_core::discover::KnownOrganization;
use doorward_fakeaws::{Fault, Form, What};
use doorward_model::{
    AccountState, CoverageLine, CoverageStatus, GapReason, Kind, Listing, Region, ScanReport, VerdictKind,
};

use crate::bed::{SMALL, Setup, check_honest, enter, known, scan, serve, span};

const SHOP: &str = "300000000003";

async fn under(fault: Fault, known: Vec<KnownOrganization>) -> ScanReport {
    let what = format!("{fault:?}");
    let server = serve(SMALL, vec![fault]).await;
    let report = scan(&server, &Setup { known, ..Setup::default() }).await.expect("a way in");
    assert!(server.faults().fired_total() > 0, "{what} never fired");
    check_honest(&what, &report, SMALL, &server);
    report
}

fn line<'a>(report: &'a ScanReport, account: &str, region: &str) -> &'a CoverageLine {
    let is_it =
        |l: &&CoverageLine| l.account.as_str() == account && l.region.as_ref().is_some_and(|r| r.as_str() == region);
    report.coverage.lines.iter().find(is_it).unwrap_or_else(|| panic!("{account} {region} is not covered"))
}

fn verdict(report: &ScanReport, name: &str, rule: &str) -> Option<VerdictKind> {
    report.findings.iter().find(|f| f.name == name && f.rule == rule).map(|f| f.verdict.kind())
}

fn says(line: &CoverageLine, reason: GapReason, words: &str) {
    let said =
        |gap: &&doorward_model::Gap| gap.reason == reason && gap.message.as_deref().unwrap_or_default().contains(words);
    assert!(line.gaps.iter().any(|gap| said(&gap)), "{words:?} is not said: {line:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_is_not_the_one_asked_for_is_unread_and_keeps_what_is_right() {
    // Of front, back and wire, sorted by their ids: which entry is the first does not matter here.
    for (form, words, kept) in [
        (Form::EntryWithoutName, "without a usable ARN", 2),
        (Form::ForeignAccount, "of another account, Region or partition", 2),
        (Form::ForeignRegion, "of another account, Region or partition", 2),
        (Form::ForeignPartition, "of another account, Region or partition", 2),
        (Form::RepeatedEntry, "twice on one page", 3),
        (Form::ContradictoryEntry, "twice on one page", 3),
        (Form::RepeatedList, "LoadBalancers twice in one place", 0),
        (Form::RenamedEntries, "LoadBalancers of the response contains an element that is not an entry", 0),
    ] {
        let fault = Fault::new(What::Form(form)).service("elbv2").action("DescribeLoadBalancers").region("eu-west-1");
        let report = under(fault.account(SHOP), vec![]).await;
        let line = line(&report, SHOP, "eu-west-1");
        assert!(!line.fully_listed && line.status == CoverageStatus::Partial, "{form:?}: {line:?}");
        says(line, GapReason::Malformed, words);
        assert_eq!(line.load_balancers, (kept > 0).then_some(kept), "{form:?}");
    }
    for (form, words, kept) in [
        (Form::EntryWithoutName, "without a usable name", 1),
        (Form::ForeignRegion, "Availability Zone of another Region", 1),
        (Form::RepeatedEntry, "twice on one page", 2),
        (Form::RepeatedList, "LoadBalancerDescriptions twice in one place", 0),
    ] {
        let fault = Fault::new(What::Form(form)).service("elb").action("DescribeLoadBalancers").region("us-east-1");
        let report = under(fault.account(SHOP), vec![]).await;
        let line = line(&report, SHOP, "us-east-1");
        assert!(!line.fully_listed && line.status == CoverageStatus::Partial, "{form:?}: {line:?}");
        says(line, GapReason::Malformed, words);
        assert_eq!(line.load_balancers, (kept > 0).then_some(kept), "{form:?}");
    }
}

/// Classic load balancers have no ARN in AWS's answers. Where the other list shows that the session is another account's, nothing
/// ties them to the account that was asked about.
#[tokio::test(flavor = "multi_thread")]
async fn classic_load_balancers_of_a_foreign_session_are_not_taken_for_ours() {
    let world = SMALL.to_owned()
        + "\n[[load_balancer]]\naccount = \"300000000003\"\nregion = \"us-east-1\"\nname = \"new\"\nmode = \"monitor\"\n";
    let fault = Fault::new(What::Form(Form::ForeignAccount)).account(SHOP).region("us-east-1");
    let server = serve(&world, vec![fault]).await;
    let report = scan(&server, &Setup::default()).await.expect("a way in");
    check_honest("foreign", &report, &world, &server);
    let line = line(&report, SHOP, "us-east-1");
    assert_eq!((line.status, line.load_balancers), (CoverageStatus::Failed, None), "{line:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_balancer_that_contradicts_itself_is_unknown() {
    let fault = || Fault::new(What::Form(Form::OtherType)).account(SHOP);
    let report = under(fault(), vec![]).await;
    let front = report.load_balancers.iter().find(|lb| lb.name == "front").expect("listed");
    assert_eq!(front.kind, Kind::Unrecognized);
    for rule in ["desync-mode-below-required", "access-logs-disabled", "owner-missing"] {
        assert_eq!(verdict(&report, "front", rule), Some(VerdictKind::Unknown), "{rule}");
    }
    let line = line(&report, SHOP, "eu-west-1");
    assert_eq!(line.status, CoverageStatus::Partial);
    says(line, GapReason::Malformed, "contradict each other");

    for (form, rule, words) in [
        (Form::NotFound, "desync-mode-below-required", "contradict each other"),
        (Form::RepeatedMode, "desync-mode-below-required", "\"routing.http.desync_mitigation_mode\" twice"),
        (Form::RepeatedKey, "desync-mode-below-required", "twice"),
        (Form::SplitValue, "desync-mode-below-required", "Value twice in one place"),
    ] {
        let fault = Fault::new(What::Form(form)).action("DescribeLoadBalancerAttributes").resource("*/front/*");
        let report = under(fault, vec![]).await;
        assert_eq!(verdict(&report, "front", rule), Some(VerdictKind::Unknown), "{form:?}");
        says(self::line(&report, SHOP, "eu-west-1"), GapReason::Malformed, words);
    }
    let report = under(Fault::new(What::Form(Form::RepeatedKey)).action("DescribeTags").account(SHOP), vec![]).await;
    assert_eq!(verdict(&report, "front", "owner-missing"), Some(VerdictKind::Unknown));

    let report = under(Fault::new(What::Form(Form::NoBucket)).account(SHOP), vec![]).await;
    for name in ["back", "front", "old"] {
        assert_eq!(verdict(&report, name, "access-logs-disabled"), Some(VerdictKind::Unknown), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_balancer_that_is_deleted_meanwhile_is_gone() {
    for (service, region, name) in [("elbv2", "eu-west-1", "front"), ("elb", "us-east-1", "old")] {
        let busy = Fault::new(What::ServerError(503)).service(service).action("DescribeLoadBalancerAttributes");
        let server = serve(SMALL, vec![busy.resource(&format!("*/{name}*"))]).await;
        let mut setup = Setup::default();
        (setup.calls.tries, setup.calls.call_deadline) = (100_000, span(30_000));
        let delete = async {
            let asked = |call: &doorward_fakeaws::CallRecord| call.outcome == "fault:server_error";
            while !server.calls().iter().any(asked) {
                tokio::task::yield_now().await;
            }
            assert!(server.world().remove_load_balancer(SHOP, region, name));
            server.set_faults(vec![]);
        };
        let (report, ()) = tokio::join!(scan(&server, &setup), delete);
        let report = report.expect("a way in");
        let line = line(&report, SHOP, region);
        assert_eq!((line.status, line.gone, line.fully_listed), (CoverageStatus::Complete, 1, true), "{line:?}");
        assert!(!report.load_balancers.iter().any(|lb| lb.name == name));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_region_never_leaves_the_coverage_in_silence() {
    let shorter = |what: Fault| what.action("ListRegions");
    let form = || Fault::new(What::Form(Form::Shortened));
    let me = Region::new("me-south-1").unwrap();
    // One account's list, the reference list, and all of them. me-south-1 is disabled in two accounts of three.
    for (what, fault, known, failed) in [
        ("one account", shorter(form()).account(SHOP), vec![], vec![SHOP]),
        ("the reference", shorter(form()).nth(1), vec![], vec![]),
        ("all", shorter(form()), known(SMALL).await, vec!["300000000001", "300000000002", SHOP]),
    ] {
        let report = under(fault, known).await;
        assert_eq!(report.coverage.lines.len(), 9, "{what}");
        for line in report.coverage.lines.iter().filter(|line| line.region.as_ref() == Some(&me)) {
            let is_failed = failed.contains(&line.account.as_str());
            assert_eq!(line.status == CoverageStatus::Failed, is_failed, "{what}: {line:?}");
            if is_failed {
                says(line, GapReason::Malformed, "list of Regions does not contain this one");
            }
        }
    }

    // The settings name a Region that no list contains.
    let server = serve(SMALL, vec![Fault::new(What::AccessDenied).action("ListRegions").account("300000000002")]).await;
    let mut setup = Setup::default();
    setup.discover.regions.include = vec![Region::new("eu-west-9").unwrap(), Region::new("eu-west-1").unwrap()];
    let report = scan(&server, &setup).await.expect("a way in");
    let line = line(&report, SHOP, "eu-west-9");
    assert_eq!(line.status, CoverageStatus::Failed);
    says(line, GapReason::Malformed, "`regions.include`");

    // In one state here and in another there, no Region is left out.
    let fault = Fault::new(What::Form(Form::ContradictoryEntry)).action("ListRegions").account(SHOP);
    let report = under(fault, vec![]).await;
    assert!(
        report
            .coverage
            .lines
            .iter()
            .filter(|l| l.account.as_str() == SHOP)
            .all(|l| l.status != CoverageStatus::Skipped)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_never_leaves_the_coverage_in_silence() {
    let known = known(SMALL).await;
    let shortened = || Fault::new(What::Form(Form::Shortened)).action("ListAccounts");
    let unread = |report: &ScanReport| match &report.coverage.accounts_listing {
        Listing::Unread(gap) => gap.message.clone().unwrap_or_default(),
        Listing::Full => panic!("the list of accounts is not full"),
    };

    // Organizations still describes it, so it is scanned, and the list is not whole.
    let report = under(shortened(), known.clone()).await;
    assert!(unread(&report).contains(SHOP), "{}", unread(&report));
    assert_eq!(report.coverage.counts.complete, 7);
    assert_eq!(report.accounts[2].ou.known().map(|ou| ou.names.as_str()), Some("/Workloads/Prod"));

    // Organizations does not say: every Region of it is a failed line that names what to allow.
    let denied = Fault::new(What::AccessDenied).action("DescribeAccount");
    let server = serve(SMALL, vec![shortened(), denied]).await;
    let setup = Setup { known: known.clone(), ..Setup::default() };
    let report = scan(&server, &setup).await.expect("a way in");
    check_honest("not described", &report, SMALL, &server);
    assert!(unread(&report).contains(SHOP));
    let own: Vec<_> = report.coverage.lines.iter().filter(|line| line.account.as_str() == SHOP).collect();
    assert_eq!(own.len(), 3);
    for line in own {
        assert_eq!(line.status, CoverageStatus::Failed);
        assert_eq!(line.gaps[0].action.as_deref(), Some("organizations:DescribeAccount"));
    }
    // What could not be read then is known the next time too.
    assert!(report.accounts.iter().any(|account| account.id.as_str() == SHOP));

    // It has left.
    let more = SMALL.to_owned() + "\n[[account]]\nid = \"300000000004\"\nname = \"left\"\n";
    let server = serve(SMALL, vec![]).await;
    let setup = Setup { known: crate::bed::known(&more).await, ..Setup::default() };
    let (_stopper, stop) = doorward_aws::Stop::new();
    let access = enter(&server, &setup).await;
    let plan =
        doorward_core::discover(&access, &setup.discover, &setup.known, &stop, &|_, _| {}).await.expect("a plan");
    assert_eq!(plan.departed.iter().map(|account| account.id.as_str()).collect::<Vec<_>>(), ["300000000004"]);
    assert!(plan.accounts_listing.is_full() && plan.accounts.len() == 3);

    // What another organization was found to have, and what the settings leave out, is not looked for.
    let elsewhere = more.replace("o-small00001", "o-other00001");
    for setup in [Setup { known: crate::bed::known(&elsewhere).await, ..Setup::default() }, {
        let mut setup = Setup { known: crate::bed::known(&more).await, ..Setup::default() };
        setup.discover.scope.exclude_accounts = vec!["300000000004".parse().unwrap()];
        setup
    }] {
        let server = serve(SMALL, vec![]).await;
        let report = scan(&server, &setup).await.expect("a way in");
        assert!(report.coverage.accounts_listing.is_full());
        assert!(!server.calls().iter().any(|call| call.action == "DescribeAccount"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_is_listed_twice_is_looked_at() {
    for (form, state) in [(Form::ContradictoryEntry, AccountState::Active), (Form::RepeatedEntry, AccountState::Active)]
    {
        let report = under(Fault::new(What::Form(form)).action("ListAccounts"), vec![]).await;
        assert!(!report.coverage.accounts_listing.is_full(), "{form:?}");
        assert!(report.accounts.iter().all(|account| account.state == state), "{form:?}: {:?}", report.accounts);
        assert_eq!(report.coverage.counts.complete, 7, "{form:?}");
    }
    let report = under(Fault::new(What::Form(Form::ForeignAccount)).action("ListAccounts"), vec![]).await;
    assert!(!report.coverage.accounts_listing.is_full());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_of_another_role_is_not_used() {
    for form in [Form::OtherRole, Form::OtherPartition] {
        let fault = Fault::new(What::Form(form)).resource(&format!("*{SHOP}*"));
        let report = under(fault, vec![]).await;
        let own: Vec<_> = report.coverage.lines.iter().filter(|line| line.account.as_str() == SHOP).collect();
        for line in own {
            assert_eq!(line.status, CoverageStatus::Failed, "{form:?}");
            says(line, GapReason::Malformed, "requested a session of");
        }
    }
}
