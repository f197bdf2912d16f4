//! One situation each: what is sent, what is left, and what the receipt says.

use std::sync::Arc;

use doorward_fakeaws::{Fault, What};
use doorward_model::{Kind, Mode, VerdictReason};
use doorward_sink_securityhub::{Closed, Delivery, MemoryOutbox, Why};

use crate::bed::{ACCOUNTS, MODE, REGIONS, SECURITY, Scene, Truth, place, places};
use crate::doubles::{Cloud, text, world};

fn scene() -> Scene {
    let mut scene = Scene::default();
    for place in places() {
        scene.put(&place, "web", Truth::with(Mode::Monitor));
        scene.put(&place, "api", Truth::with(Mode::Defensive));
    }
    scene
}

#[tokio::test]
async fn an_unchanged_run_sends_nothing_until_the_finding_would_be_deleted() {
    let cloud = Cloud::start().await;
    let outbox = Arc::new(MemoryOutbox::default());
    let publisher = cloud.publisher(&outbox, Delivery::Member);
    let first = publisher.publish(&scene().report(cloud.now())).await.expect("published");
    assert!(first.is_complete() && first.adds_up() && first.receipt().adds_up(), "{first:#?}");
    assert_eq!((first.findings_in, first.accepted()), (16, 16));
    let created: Vec<String> = cloud.records().iter().map(|r| text(r, "/CreatedAt").to_owned()).collect();

    cloud.days_pass(30);
    cloud.server.clear_calls();
    let second = publisher.publish(&scene().report(cloud.now())).await.expect("published");
    assert_eq!(second.accepted(), 0);
    assert_eq!(second.security_hubs.iter().map(|line| line.unchanged).sum::<usize>(), 16);
    assert!(cloud.outcomes().is_empty(), "{:?}", cloud.outcomes());

    cloud.days_pass(31);
    let third = publisher.publish(&scene().report(cloud.now())).await.expect("published");
    assert_eq!(third.sent(Why::KeptAlive), 16);
    cloud.days_pass(59);
    publisher.publish(&scene().report(cloud.now())).await.expect("published");
    assert_eq!(cloud.records().len(), 16, "nothing was deleted after 120 days");
    let after: Vec<String> = cloud.records().iter().map(|r| text(r, "/CreatedAt").to_owned()).collect();
    assert_eq!(created, after);
}

#[tokio::test]
async fn fixed_stays_active_and_gone_is_archived() {
    let cloud = Cloud::start().await;
    let outbox = Arc::new(MemoryOutbox::default());
    let publisher = cloud.publisher(&outbox, Delivery::Member);
    let here = place(ACCOUNTS[0], REGIONS[0]);
    let mut scene = Scene::default();
    for name in ["mended", "gone", "changed-kind", "kept"] {
        scene.put(&here, name, Truth::with(Mode::Monitor));
    }
    publisher.publish(&scene.report(cloud.now())).await.expect("published");

    cloud.days_pass(1);
    scene.put(&here, "mended", Truth::with(Mode::Strictest));
    scene.put(&here, "changed-kind", Truth { kind: Kind::Network, ..Truth::with(Mode::Monitor) });
    scene.load_balancers.remove(&(here.clone(), "gone".to_owned()));
    let outcome = publisher.publish(&scene.report(cloud.now())).await.expect("published");
    assert!(outcome.is_complete() && outcome.adds_up(), "{outcome:#?}");
    assert_eq!((outcome.sent(Why::Gone), outcome.sent(Why::NoLongerApplies)), (2, 1));
    let state = |name: &str, rule: &str| {
        let records = cloud.records();
        let part = format!("/{rule}/app/{name}/");
        let record = records.iter().find(|r| text(r, "/Id").contains(&part)).expect("a record");
        let status = text(record, "/Compliance/Status").to_owned();
        let severity = text(record, "/Severity/Label").to_owned();
        (text(record, "/RecordState").to_owned(), status, severity)
    };
    let reported = |a: &str, b: &str, c: &str| (a.to_owned(), b.to_owned(), c.to_owned());
    assert_eq!(state("mended", MODE), reported("ACTIVE", "PASSED", "INFORMATIONAL"));
    assert_eq!(state("gone", MODE), reported("ARCHIVED", "FAILED", "HIGH"));
    assert_eq!(state("changed-kind", MODE), reported("ARCHIVED", "FAILED", "HIGH"));
    assert_eq!(state("kept", MODE), reported("ACTIVE", "FAILED", "HIGH"));

    cloud.days_pass(1);
    scene.put(&here, "gone", Truth::with(Mode::Monitor));
    let outcome = publisher.publish(&scene.report(cloud.now())).await.expect("published");
    assert_eq!(outcome.sent(Why::Returned), 2);
    assert_eq!(state("gone", MODE), reported("ACTIVE", "FAILED", "HIGH"));
}

#[tokio::test]
async fn a_security_hub_that_is_not_enabled_or_denied_is_a_line_and_stops_no_other() {
    let mut toml = world("\"securityhub:BatchImportFindings\", \"securityhub:GetFindings\"");
    // The second account's user may do nothing.
    let at = toml.rfind("allow = ").expect("an allow");
    toml.replace_range(at.., "allow = []\n");
    let cloud = Cloud::serve(&toml).await;
    cloud.server.world().set_security_hub(ACCOUNTS[0], REGIONS[1], false);
    let outbox = Arc::new(MemoryOutbox::default());
    let publisher = cloud.publisher(&outbox, Delivery::Member);
    let outcome = publisher.publish(&scene().report(cloud.now())).await.expect("published");
    assert!(outcome.adds_up() && outcome.receipt().adds_up() && !outcome.is_complete(), "{outcome:#?}");
    let closed: Vec<(String, usize, bool)> = outcome
        .security_hubs
        .iter()
        .filter_map(|line| {
            let not_enabled = matches!(line.closed.as_ref()?, Closed::NotEnabled(_));
            Some((line.security_hub.to_string(), line.unsent, not_enabled))
        })
        .collect();
    let line = |account: &str, region: &str, not_enabled| (format!("{account}/{region}"), 4, not_enabled);
    assert_eq!(
        closed,
        [
            line(ACCOUNTS[0], REGIONS[1], true),
            line(ACCOUNTS[1], REGIONS[0], false),
            line(ACCOUNTS[1], REGIONS[1], false)
        ]
    );
    let denied = outcome.security_hubs.iter().filter_map(|line| line.closed.as_ref()).next_back().expect("closed");
    assert_eq!(denied.gap().action.as_deref(), Some("securityhub:GetFindings"));
    assert_eq!(outcome.accepted(), 4);
}

#[tokio::test]
async fn central_delivery_keeps_to_the_security_account() {
    let cloud = Cloud::start().await;
    let outbox = Arc::new(MemoryOutbox::default());
    let security_hub = place(SECURITY, REGIONS[0]);
    let publisher = cloud.publisher(&outbox, Delivery::Central(security_hub.clone()));
    let outcome = publisher.publish(&scene().report(cloud.now())).await.expect("published");
    assert!(outcome.is_complete(), "{outcome:#?}");
    let records = cloud.records();
    assert_eq!(records.len(), 16);
    for record in &records {
        assert_eq!(text(record, "/AwsAccountId"), SECURITY);
        let account = record["ProductFields"]["doorward/account"].as_str().expect("an account");
        assert!(text(record, "/Resources/0/Id").contains(account));
        assert_eq!(record.get("AwsAccountName"), None, "the name would be the Security Hub's, not the load balancer's");
    }
}

#[tokio::test]
async fn what_the_customer_wrote_stays() {
    let cloud = Cloud::serve(&world("\"securityhub:*\"")).await;
    let outbox = Arc::new(MemoryOutbox::default());
    let publisher = cloud.publisher(&outbox, Delivery::Member);
    let mut scene = scene();
    publisher.publish(&scene.report(cloud.now())).await.expect("published");
    let record = cloud.records().swap_remove(0);
    cloud.annotate(&record).await;

    cloud.days_pass(1);
    for truth in scene.load_balancers.values_mut() {
        truth.owner = Some("renamed".to_owned());
    }
    let outcome = publisher.publish(&scene.report(cloud.now())).await.expect("published");
    assert_eq!(outcome.sent(Why::Changed), 16);
    let after = cloud.records().swap_remove(0);
    assert_eq!(text(&after, "/ProductFields/doorward~1owner"), "renamed");
    assert_eq!(text(&after, "/Workflow/Status"), "SUPPRESSED");
    assert_eq!(text(&after, "/Note/Text"), "known");
    assert_eq!(text(&after, "/Severity/Label"), "CRITICAL");
}

#[tokio::test]
async fn findings_that_fail_inside_accepted_calls_are_sent_again() {
    let cloud = Cloud::start().await;
    let outbox = Arc::new(MemoryOutbox::default());
    let faults = cloud.server.set_faults(vec![Fault::new(What::PartialFailure).service("securityhub").times(6)]);
    let publisher = cloud.publisher(&outbox, Delivery::Member);
    let outcome = publisher.publish(&scene().report(cloud.now())).await.expect("published");
    assert_eq!(faults.fired_total(), 6);
    assert!(outcome.is_complete() && outcome.accepted() == 16, "{outcome:#?}");

    cloud.server.set_faults(vec![Fault::new(What::PartialFailure).service("securityhub")]);
    let mut scene = scene();
    for truth in scene.load_balancers.values_mut() {
        truth.owner = Some("renamed".to_owned());
    }
    let outcome = publisher.publish(&scene.report(cloud.now())).await.expect("published");
    assert!(!outcome.is_complete() && outcome.adds_up(), "{outcome:#?}");
    assert!(outcome.refused().count() > 0 && outcome.refused().all(|(_, refused)| refused.code == "InternalFailure"));
}

#[tokio::test]
async fn an_older_report_changes_nothing_that_a_later_one_reported() {
    let cloud = Cloud::start().await;
    let outbox = Arc::new(MemoryOutbox::default());
    let publisher = cloud.publisher(&outbox, Delivery::Member);
    let old = Scene::default().report(cloud.now());
    cloud.days_pass(1);
    publisher.publish(&scene().report(cloud.now())).await.expect("published");
    let before = cloud.records();
    let outcome = publisher.publish(&old).await.expect("published");
    assert_eq!(outcome.sent(Why::Gone), 0);
    assert_eq!(cloud.records(), before);
}

#[tokio::test]
async fn a_dry_run_tells_what_a_run_does_and_does_nothing() {
    let cloud = Cloud::start().await;
    let outbox = Arc::new(MemoryOutbox::default());
    let publisher = cloud.publisher(&outbox, Delivery::Member);
    publisher.publish(&scene().report(cloud.now())).await.expect("published");
    cloud.days_pass(1);
    let mut scene = scene();
    scene.denied.insert(place(ACCOUNTS[1], REGIONS[1]));
    scene.load_balancers.retain(|(_, name), _| name != "api");
    let report = scene.report(cloud.now());
    cloud.server.clear_calls();
    let mut planned = std::collections::BTreeMap::new();
    publisher
        .plan(&report, |plan| {
            assert_eq!(plan.why.sends(), plan.finding.is_some());
            *planned.entry(plan.why).or_insert(0_usize) += 1;
        })
        .expect("planned");
    assert!(cloud.outcomes().is_empty());
    assert_eq!(planned.into_iter().collect::<Vec<_>>(), [(Why::Gone, 6), (Why::Unchanged, 6), (Why::NotLookedAt, 4)]);
    let outcome = publisher.publish(&report).await.expect("published");
    assert_eq!(outcome.sent(Why::Gone), 6);
}

#[tokio::test]
async fn what_was_not_asked_stays_as_it_was_sent() {
    // Not asked for want of evidence, or because the rule was switched off between the scans.
    for disabled in [false, true] {
        let cloud = Cloud::start().await;
        let outbox = Arc::new(MemoryOutbox::default());
        let publisher = cloud.publisher(&outbox, Delivery::Member);
        let here = place(ACCOUNTS[0], REGIONS[0]);
        let mut scene = Scene::default();
        scene.put(&here, "web", Truth::with(Mode::Monitor));
        publisher.publish(&scene.report(cloud.now())).await.expect("published");
        let record = || cloud.records().into_iter().find(|r| text(r, "/Id").contains(MODE)).expect("a record");
        let sent = record();
        assert_eq!((text(&sent, "/Compliance/Status"), text(&sent, "/Severity/Label")), ("FAILED", "HIGH"));

        // The mode is strictest by now; nobody asks.
        scene.put(&here, "web", Truth::with(Mode::Strictest));
        let not_asked = |report: &mut doorward_model::ScanReport| {
            if disabled {
                report.findings.retain(|finding| finding.rule != MODE);
            }
            for finding in report.findings.iter_mut().filter(|finding| finding.rule == MODE) {
                let (because, remedy) = ("No evidence was collected.".to_owned(), "Collect it.".to_owned());
                let reason = VerdictReason::TrafficNotCollected;
                finding.verdict = doorward_model::Verdict::NotAsked { reason, because, remedy }.into();
            }
        };
        cloud.days_pass(1);
        let mut report = scene.report(cloud.now());
        not_asked(&mut report);
        let outcome = publisher.publish(&report).await.expect("published");
        assert!(outcome.is_complete() && outcome.adds_up() && outcome.receipt().adds_up(), "{outcome:#?}");
        assert_eq!(record(), sent, "disabled: {disabled}");

        // So long that Security Hub would delete it: it is not available, and not passed.
        cloud.days_pass(61);
        let mut report = scene.report(cloud.now());
        not_asked(&mut report);
        let outcome = publisher.publish(&report).await.expect("published");
        assert_eq!(outcome.sent(Why::Stale), 1, "disabled: {disabled}");
        let stale = record();
        assert_eq!((text(&stale, "/Compliance/Status"), text(&stale, "/RecordState")), ("NOT_AVAILABLE", "ACTIVE"));
        assert_eq!(text(&stale, "/Compliance/StatusReasons/0/ReasonCode"), "NOT_ASKED");

        cloud.days_pass(1);
        publisher.publish(&scene.report(cloud.now())).await.expect("published");
        assert_eq!(text(&record(), "/Compliance/Status"), "PASSED", "asked, and seen to pass");
    }
}
