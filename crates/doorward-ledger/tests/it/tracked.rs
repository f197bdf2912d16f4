//! Sources of non-compliant requests are kept with the load balancer, also through scans that did not look at it.

use doorward_model::{ScanReport, SourceState, TrackedSource};
use jiff::Timestamp;

use crate::scene::{Desk, report, time};

const SCENE: &str = "1 full a:f b:p; 2 full c:p";

fn source(agent: &str, gone: Option<Timestamp>) -> TrackedSource {
    TrackedSource {
        address: "192.0.2.7".to_owned(),
        agent: agent.to_owned(),
        reason: "Ambiguous, BothTeClPresent".to_owned(),
        fix: None,
        owner: "shop".to_owned(),
        first: time(-100),
        last: time(-50),
        due: time(1000),
        gone,
        returned: 0,
    }
}

fn tracked(id: &str, at: i64, sources: &[TrackedSource]) -> ScanReport {
    let mut report = report(id, at, SCENE);
    report.load_balancers[0].tracked_sources = sources.to_vec();
    report
}

#[test]
fn the_newest_state_is_kept() {
    let mut desk = Desk::new();
    assert!(desk.ledger.tracked_sources().expect("reads").is_empty());
    let open = [source("pos", None), source("cron", None)];
    desk.ledger.record(&desk.lease, &tracked("run-0", 0, &open), &[]).expect("records");
    let kept = desk.ledger.tracked_sources().expect("reads");
    assert_eq!(kept.values().flatten().cloned().collect::<Vec<_>>(), open);
    // A scan without evidence of this load balancer leaves its sources as they are.
    desk.ledger.record(&desk.lease, &report("run-10", 10, "2 full c:p"), &[]).expect("records");
    assert_eq!(desk.ledger.tracked_sources().expect("reads"), kept);
    let later = [source("pos", None), source("cron", Some(time(15)))];
    desk.ledger.record(&desk.lease, &tracked("run-20", 20, &later), &[]).expect("records");
    let states: Vec<SourceState> =
        desk.ledger.tracked_sources().expect("reads").values().flatten().map(TrackedSource::state).collect();
    assert_eq!(states, [SourceState::Open, SourceState::Gone]);
    // Neither does one that is older and recorded later.
    desk.ledger.record(&desk.lease, &tracked("run-15", 15, &open), &[]).expect("records");
    // The same run again changes nothing.
    desk.ledger.record(&desk.lease, &tracked("run-20", 20, &open), &[]).expect("records");
    let again: Vec<SourceState> =
        desk.ledger.tracked_sources().expect("reads").values().flatten().map(TrackedSource::state).collect();
    assert_eq!(again, states);
    desk.ledger.integrity().expect("sound");
}
