//! As time passes: what was read long ago passes nothing, closes nothing, and is never reported as new.

use std::sync::Arc;
use std::time::Duration;

use doorward_fakeaws::{Fault, What};
use doorward_model::{Mode, ScanReport};
use doorward_sink_securityhub::{Delivery, MemoryOutbox, Why};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::bed::{ACCOUNTS, MODE, OWNER, REGIONS, Scene, Truth, place};
use crate::doubles::{Cloud, text};

fn here() -> doorward_model::AccountRegion {
    place(ACCOUNTS[0], REGIONS[0])
}

/// `good` passes, `weak` fails, `unread` is unknown.
fn scene() -> Scene {
    let mut scene = Scene::default();
    scene.put(&here(), "good", Truth::with(Mode::Strictest));
    scene.put(&here(), "weak", Truth::with(Mode::Monitor));
    scene.put(&here(), "unread", Truth { mode: None, ..Truth::with(Mode::Monitor) });
    scene
}

fn record(cloud: &Cloud, name: &str, rule: &str) -> Value {
    let part = format!("/{rule}/app/{name}/");
    cloud.records().into_iter().find(|record| text(record, "/Id").contains(&part)).expect("a record")
}

fn status(cloud: &Cloud, name: &str) -> String {
    text(&record(cloud, name, MODE), "/Compliance/Status").to_owned()
}

fn time(record: &Value, member: &str) -> Timestamp {
    text(record, member).parse().expect("a time")
}

#[tokio::test]
async fn one_scan_published_for_ever_keeps_no_pass_alive() {
    let cloud = Cloud::start().await;
    let outbox = Arc::new(MemoryOutbox::default());
    let publisher = cloud.publisher(&outbox, Delivery::Member);
    let report = scene().report(cloud.now());
    let read = report.load_balancers[0].evidence.as_ref().expect("read").at;
    // (days since the publication before, the mode findings of good, weak and unread, how many are stale)
    let steps = [
        (0, ["PASSED", "FAILED", "NOT_AVAILABLE"], 0),
        (1, ["PASSED", "FAILED", "NOT_AVAILABLE"], 0),
        (1, ["PASSED", "FAILED", "NOT_AVAILABLE"], 0),
        (2, ["NOT_AVAILABLE"; 3], 6),
        (57, ["NOT_AVAILABLE"; 3], 6),
        (61, ["NOT_AVAILABLE"; 3], 6),
        (278, ["NOT_AVAILABLE"; 3], 6),
    ];
    for (number, (days, expected, stale)) in steps.into_iter().enumerate() {
        cloud.days_pass(days);
        let outcome = publisher.publish(&report).await.expect("published");
        assert!(outcome.is_complete() && outcome.adds_up(), "{outcome:#?}");
        assert_eq!(outcome.stale(), stale, "step {number}");
        let reported = ["good", "weak", "unread"].map(|name| status(&cloud, name));
        assert_eq!(reported, expected, "step {number}");
        for record in cloud.records() {
            assert_eq!(text(&record, "/RecordState"), "ACTIVE", "step {number}");
            assert!(time(&record, "/LastObservedAt") <= read, "step {number}: {record}");
        }
    }
    let weak = record(&cloud, "weak", MODE);
    let reason = text(&weak, "/Compliance/StatusReasons/0/Description");
    assert!(reason.contains("Not read since 2026-11-02T09:00:10.000Z") && reason.contains("FAILED"), "{reason}");
    assert_eq!(text(&weak, "/Severity/Label"), "HIGH", "a failure does not get smaller by not being looked at");
    assert_eq!(text(&weak, "/ProductFields/doorward~1verdict"), "unknown");
    assert!(text(&weak, "/Title").starts_with("Not read recently: Desync"), "{}", text(&weak, "/Title"));

    // Unchanged, so nothing is sent; and a new scan says at once how it stands.
    cloud.days_pass(1);
    cloud.server.clear_calls();
    let again = publisher.publish(&report).await.expect("published");
    assert_eq!((again.accepted(), again.stale(), cloud.outcomes().len()), (0, 6, 0));
    let outcome = publisher.publish(&scene().report(cloud.now())).await.expect("published");
    assert_eq!((outcome.sent(Why::Changed), outcome.stale()), (6, 0));
    assert_eq!(["good", "weak", "unread"].map(|name| status(&cloud, name)), ["PASSED", "FAILED", "NOT_AVAILABLE"]);
}

#[tokio::test]
async fn each_load_balancer_has_its_own_age() {
    let cloud = Cloud::start().await;
    let outbox = Arc::new(MemoryOutbox::default());
    let publisher = cloud.publisher(&outbox, Delivery::Member);
    let old = cloud.now();
    cloud.days_pass(10);
    let mut report = scene().report(cloud.now());
    // A scan that went on after ten days: one load balancer was read before.
    for lb in report.load_balancers.iter_mut().filter(|lb| lb.name == "good") {
        lb.evidence.as_mut().expect("read").at = old;
    }
    for finding in report.findings.iter_mut().filter(|finding| finding.name == "good") {
        finding.observed_at = Some(old);
    }
    let outcome = publisher.publish(&report).await.expect("published");
    assert_eq!(outcome.stale(), 2);
    assert_eq!(["good", "weak"].map(|name| status(&cloud, name)), ["NOT_AVAILABLE", "FAILED"]);
    assert_eq!(time(&record(&cloud, "good", OWNER), "/LastObservedAt"), old);
}

#[tokio::test]
async fn what_scans_cannot_read_any_more_stops_passing() {
    let cloud = Cloud::start().await;
    let outbox = Arc::new(MemoryOutbox::default());
    let publisher = cloud.publisher(&outbox, Delivery::Member);
    let mut scene = scene();
    publisher.publish(&scene.report(cloud.now())).await.expect("published");
    scene.denied.insert(here());
    let mut sent = Vec::new();
    for _ in 0..6 {
        cloud.days_pass(1);
        let outcome = publisher.publish(&scene.report(cloud.now())).await.expect("published");
        assert!(outcome.is_complete(), "{outcome:#?}");
        sent.push((outcome.sent(Why::Stale), outcome.stale()));
    }
    assert_eq!(sent, [(0, 0), (0, 0), (0, 0), (6, 6), (0, 6), (0, 6)], "once, on the day on which it is too old");
    assert_eq!(["good", "weak", "unread"].map(|name| status(&cloud, name)), ["NOT_AVAILABLE"; 3]);
    scene.denied.clear();
    cloud.days_pass(1);
    publisher.publish(&scene.report(cloud.now())).await.expect("published");
    assert_eq!(["good", "weak"].map(|name| status(&cloud, name)), ["PASSED", "FAILED"]);
}

#[tokio::test]
async fn an_old_scan_archives_nothing() {
    let cloud = Cloud::start().await;
    let outbox = Arc::new(MemoryOutbox::default());
    let publisher = cloud.publisher(&outbox, Delivery::Member);
    publisher.publish(&scene().report(cloud.now())).await.expect("published");
    cloud.days_pass(1);
    // All are gone, and one is of another kind; it is reported ten days later.
    let mut later = Scene::default();
    later.put(&here(), "weak", Truth { kind: doorward_model::Kind::Network, ..Truth::with(Mode::Monitor) });
    let report = later.report(cloud.now());
    cloud.days_pass(10);
    let outcome = publisher.publish(&report).await.expect("published");
    assert_eq!((outcome.sent(Why::Gone), outcome.sent(Why::NoLongerApplies)), (0, 0), "{outcome:#?}");
    assert!(cloud.records().iter().all(|record| text(record, "/RecordState") == "ACTIVE"));
    assert_eq!(["good", "weak"].map(|name| status(&cloud, name)), ["NOT_AVAILABLE"; 2]);
    let outcome = publisher.publish(&later.report(cloud.now())).await.expect("published");
    assert_eq!((outcome.sent(Why::Gone), outcome.sent(Why::NoLongerApplies)), (4, 1), "{outcome:#?}");
}

#[tokio::test]
async fn another_ledger_keeps_the_first_dates() {
    for lost in [true, false] {
        let cloud = Cloud::start().await;
        let first = Arc::new(MemoryOutbox::default());
        let mut scene = scene();
        cloud.publisher(&first, Delivery::Member).publish(&scene.report(cloud.now())).await.expect("published");
        let dates = |cloud: &Cloud| -> Vec<(String, String)> {
            let both = |record: &Value| {
                let text = |member| text(record, member).to_owned();
                (text("/CreatedAt"), text("/FirstObservedAt"))
            };
            cloud.records().iter().map(both).collect()
        };
        let before = dates(&cloud);
        cloud.days_pass(20);
        scene.put(&here(), "weak", Truth::with(Mode::Strictest));
        let second = Arc::new(MemoryOutbox::default());
        let outcome =
            cloud.publisher(&second, Delivery::Member).publish(&scene.report(cloud.now())).await.expect("published");
        assert!(outcome.is_complete() && outcome.sent(Why::New) == 6, "{outcome:#?}");
        assert_eq!(dates(&cloud), before, "lost: {lost}");
        assert_eq!(status(&cloud, "weak"), "PASSED");
        if !lost {
            // The first one goes on: its update is later than the other's.
            cloud.days_pass(1);
            scene.put(&here(), "weak", Truth { owner: Some("other".to_owned()), ..Truth::with(Mode::Monitor) });
            cloud.publisher(&first, Delivery::Member).publish(&scene.report(cloud.now())).await.expect("published");
            assert_eq!((dates(&cloud), status(&cloud, "weak").as_str()), (before, "FAILED"));
        }
    }
}

#[tokio::test]
async fn records_that_cannot_be_read_are_not_overwritten() {
    let cloud = Cloud::start().await;
    let outbox = Arc::new(MemoryOutbox::default());
    let denied = Fault::new(What::AccessDenied).service("securityhub").action("GetFindings");
    cloud.server.set_faults(vec![denied]);
    let publisher = cloud.publisher(&outbox, Delivery::Member);
    let outcome = publisher.publish(&scene().report(cloud.now())).await.expect("published");
    assert!(!outcome.is_complete() && outcome.adds_up() && outcome.accepted() == 0, "{outcome:#?}");
    assert!(cloud.records().is_empty());
    cloud.server.set_faults(Vec::new());
    let outcome = publisher.publish(&scene().report(cloud.now())).await.expect("published");
    assert!(outcome.is_complete() && outcome.accepted() == 6, "{outcome:#?}");
}

/// Moves everything that a report says it read.
fn shifted(mut report: ScanReport, by: SignedDuration) -> ScanReport {
    report.run.started += by;
    report.run.finished += by;
    report.coverage.lines.iter_mut().filter_map(|line| line.read_at.as_mut()).for_each(|at| *at += by);
    report.load_balancers.iter_mut().filter_map(|lb| lb.evidence.as_mut()).for_each(|evidence| evidence.at += by);
    report.findings.iter_mut().filter_map(|finding| finding.observed_at.as_mut()).for_each(|at| *at += by);
    report
}

#[tokio::test]
async fn a_clock_that_was_ahead_freezes_nothing() {
    let days = |days: i64| SignedDuration::from_hours(24 * days);
    for same_ledger in [true, false] {
        // A machine whose clock is 300 days ahead publishes by it; the emulator admits that.
        let cloud = Cloud::start().await;
        let outbox = Arc::new(MemoryOutbox::default());
        let mut scene = scene();
        let start = cloud.now();
        cloud.days_pass(300);
        cloud.publisher(&outbox, Delivery::Member).publish(&scene.report(cloud.now())).await.expect("published");
        cloud.stand_at(start + days(1));
        scene.put(&here(), "good", Truth::with(Mode::Monitor));
        let ledger = if same_ledger { outbox } else { Arc::default() };
        let publisher = cloud.publisher(&ledger, Delivery::Member);
        let outcome = publisher.publish(&scene.report(cloud.now())).await.expect("published");
        assert!(outcome.is_complete() && outcome.adds_up(), "{outcome:#?}");
        // Both findings of a load balancer name its mode.
        let changed = if same_ledger { 2 } else { 6 };
        assert_eq!((outcome.accepted(), outcome.ahead()), (changed, changed), "{outcome:#?}");
        assert_eq!(status(&cloud, "good"), "FAILED");
        let good = record(&cloud, "good", MODE);
        assert!(time(&good, "/LastObservedAt") <= cloud.now() + SignedDuration::from_secs(10), "{good}");
        assert!(time(&good, "/FirstObservedAt") <= cloud.now() + SignedDuration::from_secs(10), "{good}");
        // And on.
        cloud.clock.advance(Duration::from_secs(3_600));
        scene.put(&here(), "good", Truth::with(Mode::Strictest));
        publisher.publish(&scene.report(cloud.now())).await.expect("published");
        assert_eq!(status(&cloud, "good"), "PASSED");
    }
}

#[tokio::test]
async fn a_scan_that_is_dated_in_the_future_says_nothing() {
    let cloud = Cloud::start().await;
    let outbox = Arc::new(MemoryOutbox::default());
    let publisher = cloud.publisher(&outbox, Delivery::Member);
    let report = shifted(scene().report(cloud.now()), SignedDuration::from_hours(24 * 300));
    let outcome = publisher.publish(&report).await.expect("published");
    assert_eq!((outcome.accepted(), outcome.stale()), (6, 6));
    assert_eq!(["good", "weak"].map(|name| status(&cloud, name)), ["NOT_AVAILABLE"; 2]);
    for record in cloud.records() {
        assert!(time(&record, "/LastObservedAt") <= cloud.now(), "{record}");
    }
    let outcome = publisher.publish(&scene().report(cloud.now())).await.expect("published");
    assert_eq!((outcome.accepted(), outcome.stale()), (6, 0));
    assert_eq!(["good", "weak"].map(|name| status(&cloud, name)), ["PASSED", "FAILED"]);
}

/// A scan that was never published saw a failure, and the scan that is published looked elsewhere.
#[tokio::test]
async fn a_pass_does_not_outlive_a_later_failure_that_was_not_published() {
    for (what, first, expected, stale) in
        [("passed", Mode::Strictest, "NOT_AVAILABLE", 1), ("failed already", Mode::Monitor, "FAILED", 0)]
    {
        let cloud = Cloud::start().await;
        let outbox = Arc::new(MemoryOutbox::default());
        let publisher = cloud.publisher(&outbox, Delivery::Member);
        let mut scene = Scene::default();
        scene.put(&here(), "edge", Truth::with(first));
        let read = cloud.now();
        publisher.publish(&scene.report(read)).await.expect("published");

        cloud.days_pass(1);
        let mut narrowed = Scene { excluded: [here()].into(), ..scene }.report(cloud.now());
        let finding = record(&cloud, "edge", MODE);
        for failed in [read - SignedDuration::from_hours(1), read + SignedDuration::from_hours(1)] {
            let unseen = doorward_model::UnseenFinding {
                id: text(&finding, "/Id").to_owned(),
                rule: MODE.to_owned(),
                account: here().account,
                region: here().region,
                load_balancer: crate::bed::arn(&here(), "edge"),
                name: "edge".to_owned(),
                kind: doorward_model::Kind::Application,
                owner: "unowned".to_owned(),
                unit: "/".to_owned(),
                excepted: false,
                severity: None,
                first_seen: failed,
                last_seen: failed,
                because: doorward_model::WhyUnseen::LoadBalancerNotSeen,
            };
            narrowed.unseen = Some(doorward_model::Unseen { findings: vec![unseen], ..Default::default() });
            // What failed before it passed contradicts nothing.
            let (expected, stale) =
                if failed < read { (status(&cloud, "edge"), 0) } else { (expected.to_owned(), stale) };
            for _ in 0..2 {
                let outcome = publisher.publish(&narrowed).await.expect("published");
                assert!(outcome.is_complete() && outcome.adds_up(), "{what}: {outcome:#?}");
                assert_eq!((status(&cloud, "edge"), outcome.stale()), (expected.clone(), stale), "{what}, {failed}");
            }
        }
        let finding = record(&cloud, "edge", MODE);
        assert!(time(&finding, "/LastObservedAt") <= read + SignedDuration::from_secs(10), "{what}: {finding:#}");
        if stale > 0 {
            let reason = text(&finding, "/Compliance/StatusReasons/0/Description");
            assert!(reason.starts_with("A scan that was not published observed a failure after 2026-"), "{reason}");
        }
    }
}

/// Scans that leave an account-Region out on purpose do not keep its passes alive.
#[tokio::test]
async fn what_scans_leave_out_stops_passing() {
    let cloud = Cloud::start().await;
    let outbox = Arc::new(MemoryOutbox::default());
    let publisher = cloud.publisher(&outbox, Delivery::Member);
    let scene = scene();
    publisher.publish(&scene.report(cloud.now())).await.expect("published");
    for (days, expected) in [(2, "PASSED"), (2, "NOT_AVAILABLE")] {
        cloud.days_pass(days);
        let narrowed = Scene { excluded: [here()].into(), ..scene.clone() }.report(cloud.now());
        let outcome = publisher.publish(&narrowed).await.expect("published");
        assert!(outcome.is_complete() && outcome.adds_up(), "{outcome:#?}");
        assert_eq!(status(&cloud, "good"), expected);
        assert_eq!(text(&record(&cloud, "good", MODE), "/RecordState"), "ACTIVE");
    }
}
