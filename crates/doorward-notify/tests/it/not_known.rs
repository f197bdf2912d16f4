//! What is not known is not in a digest as if it were: ages of failures that were fixed in between, risk profiles of what was not seen,
//! and digests that were not sent.

use std::collections::BTreeMap;

use doorward_model::{
    AppliedPolicy, Arn, FailingTime, HistoryContext, Kind, Mode, Observed, RiskProfile, ScanReport, Severity, Unseen,
    UnseenFinding, UnseenLoadBalancer, WhyUnseen,
};
use doorward_notify::{
    Audience, ChannelsConfig, Digest, DigestSchedule, Due, NoDigest, PlannedDigest, plan, plan_statement,
};

use crate::audiences::{audiences, counted};
use crate::bed::{RULES, arn, day, directory, exec, gap, report, settings};
use crate::doubles::Book;

fn changes(planned: &PlannedDigest) -> Digest {
    planned.digest.as_ref().and_then(|notice| notice.changes()).expect("a digest").clone()
}

/// The first failure was fixed long ago; what counts is the one of now, and only the time that was observed.
#[test]
fn a_failure_that_came_back_is_as_old_as_its_return() {
    for (opened, observed_days, age, overdue) in [(199, 1, 1, false), (150, 29, 50, false), (150, 30, 50, true)] {
        let mut report = report(200, "a:high+@web");
        let history = report.findings[0].history.as_mut().expect("a history");
        history.failing =
            Some(FailingTime { opened: day(opened), observed_seconds: observed_days * 86_400, excepted_seconds: 0 });
        let directory = directory(settings(&["web"], vec![("out", exec(&["/bin/true"]))]));
        let (planned, _) = plan(&report, &RULES, &HistoryContext::default(), &directory, &Book::new()).expect("reads");
        let web = planned.iter().find(|one| one.audience.key() == "owner:web").expect("a plan");
        let digest = changes(web);
        assert_eq!(digest.changes[0].line.age_days, Some(age), "opened on day {opened}");
        assert_eq!(digest.changes[0].line.first_seen, Some(day(0)));
        let is_overdue = digest.due.iter().any(|due| due.due == Due::Overdue { after_days: 30 });
        assert_eq!(is_overdue, overdue, "{observed_days} days observed");
        let text = web.text.as_deref().expect("a text");
        assert!(!text.contains("200 days"), "{text}");
    }
}

#[test]
fn a_failure_whose_time_was_not_counted_is_not_overdue() {
    for (reopened, age) in [(0, Some(200)), (1, None)] {
        let mut report = report(200, "a:high@web");
        let history = report.findings[0].history.as_mut().expect("a history");
        (history.failing, history.reopened) = (None, reopened);
        let directory = directory(settings(&["web"], vec![("out", exec(&["/bin/true"]))]));
        let (planned, _) = plan(&report, &RULES, &HistoryContext::default(), &directory, &Book::new()).expect("reads");
        let digest = changes(planned.iter().find(|one| one.audience.key() == "owner:web").expect("a plan"));
        assert_eq!((digest.changes[0].line.age_days, digest.due.len()), (age, 0));
    }
}

fn applied(profile: Observed<String>) -> Option<AppliedPolicy> {
    Some(AppliedPolicy {
        profile,
        required_at_least: Mode::Strictest,
        required_at_most: Mode::Strictest,
        decided_by: String::new(),
        by_default: Some(false),
    })
}

/// `a` has the profile, the profile of `b` could not be read, and `z` was not seen.
fn partly_seen() -> ScanReport {
    let mut report = report(2, "a:high@web b:high@pay !denied");
    report.load_balancers[0].policy = applied(Observed::Known("card-data".to_owned()));
    report.load_balancers[1].policy = applied(Observed::unread(gap()));
    let lost = arn("z");
    let (account, region) = (report.findings[0].account.clone(), report.findings[0].region.clone());
    let unseen = |n: usize, load_balancer: &Arn| UnseenFinding {
        id: format!("known-{n}"),
        rule: report.findings[0].rule.to_string(),
        account: account.clone(),
        region: region.clone(),
        load_balancer: load_balancer.clone(),
        name: "z".to_owned(),
        kind: Kind::Application,
        owner: "web".to_owned(),
        unit: "/Prod".to_owned(),
        excepted: n == 0,
        severity: Some(Severity::High),
        first_seen: day(0),
        last_seen: day(1),
        because: WhyUnseen::LoadBalancerNotSeen,
    };
    let own = report.load_balancers[0].arn.clone();
    let findings = vec![unseen(0, &lost), unseen(1, &lost), unseen(2, &lost), unseen(3, &own)];
    let load_balancers = vec![UnseenLoadBalancer {
        arn: lost,
        account: account.clone(),
        region: region.clone(),
        name: "z".to_owned(),
        kind: Kind::Application,
        owner: "web".to_owned(),
        unit: "/Prod".to_owned(),
        mode: None,
        last_seen: day(1),
    }];
    report.unseen = Some(Unseen { load_balancers, findings, account_regions: 1, never_read: 0 });
    report
}

#[test]
fn the_digest_of_a_risk_profile_counts_what_may_belong_to_it() {
    let report = partly_seen();
    let profile: RiskProfile = toml::from_str("name = \"card-data\"\nnotify = [\"own\"]").expect("valid");
    let channels = ChannelsConfig::new(settings(&["web", "pay"], vec![("own", exec(&["/bin/true"]))])).expect("valid");
    let channels = channels.with_profiles(&[profile]).expect("valid");
    let (planned, _) = plan(&report, &RULES, &HistoryContext::default(), &channels, &Book::new()).expect("reads");
    let of = |audience: Audience| planned.iter().find(|one| one.audience == audience).expect("a plan");
    let planned = of(Audience::Profile("card-data".to_owned()));
    let digest = changes(planned);
    let totals = &digest.totals;
    assert_eq!((totals.failing, totals.unseen_failing, totals.load_balancers), (1, 1, 1));
    // `z` with two failures and one under an exception, and `b` with one.
    let unassigned = (totals.unassigned_failing, totals.unassigned_excepted, totals.unassigned_load_balancers);
    assert_eq!(unassigned, (3, 1, 2));
    assert!(digest.headline().contains("1 failing finding and 1 not seen now and up to 3 of an unknown profile"));
    let text = planned.text.as_deref().expect("a text");
    assert!(text.contains("The risk profile of 2 load balancers is unknown"), "{text}");
    assert!(text.contains("3 findings that failed when last seen and 1 under an exception may belong here"), "{text}");
    let owner = changes(of(Audience::Owner("web".to_owned())));
    assert_eq!((owner.totals.unassigned_failing, owner.totals.unseen_failing), (0, 3), "an owner has all of its own");
}

/// A dry run names the reason for each digest that it would not send.
#[test]
fn a_digest_that_was_not_sent_is_not_said_to_have_arrived() {
    let only = counted(3, "a:high@web !only");
    let interrupted = {
        let mut report = counted(3, "a:high@web");
        report.run.interrupted = true;
        report
    };
    for (report, expected, said) in [
        (only, NoDigest::OneLoadBalancer, "this scan read one load balancer, because of an event"),
        (interrupted, NoDigest::Interrupted, "this scan was interrupted"),
    ] {
        let channels = ChannelsConfig::new(audiences(DigestSchedule::Weekly)).expect("valid");
        let (planned, untold) =
            plan(&report, &RULES, &HistoryContext::default(), &channels, &Book::new()).expect("reads");
        let above = planned.iter().filter(|one| matches!(one.audience, Audience::Organization | Audience::Finops));
        let reasons: BTreeMap<String, Option<NoDigest>> =
            above.map(|one| (one.audience.key(), one.no_digest)).collect();
        assert_eq!(reasons.len(), 2);
        assert!(reasons.values().all(|reason| *reason == Some(expected)), "{reasons:?}");
        let statement = plan_statement(&planned, &untold);
        assert!(statement.text.contains(said) && !statement.text.contains("already sent"), "{}", statement.text);
    }
}
