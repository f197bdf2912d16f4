//! What a scan was judged with is kept with it.

use std::collections::BTreeMap;
use std::sync::Arc;

use doorward_model::{
    AppliedChange, Certainty, ChangeStatus, Edit, InCode, Inputs, Mode, ScanReport, Traffic, TrafficBasis, TrafficStep,
};

use crate::checkpoint::header;
use crate::scene::{Desk, arn, inventory, report, time};

const SCENE: &str = "1 full a:f b:p; 2 full c:p";

fn traffic(requests: u64) -> Arc<Traffic> {
    Arc::new(Traffic {
        basis: TrafficBasis::FullLogs,
        from: Some(time(-1000)),
        until: Some(time(0)),
        requests,
        denominator: "requests".to_owned(),
        tiers: BTreeMap::new(),
        modes: Vec::new(),
        cross_check: String::new(),
        recommended: Some(Mode::Strictest),
        step: TrafficStep::Raise,
        because: vec!["Every request is compliant.".to_owned()],
        sources: Vec::new(),
        observed: None,
    })
}

fn change() -> AppliedChange {
    AppliedChange {
        change: "c-1".to_owned(),
        at: time(-5),
        from: Mode::Monitor,
        to: Mode::Defensive,
        status: ChangeStatus::Changed,
        by: "Kim".to_owned(),
        why: "policy".to_owned(),
        detail: String::new(),
        request_id: None,
    }
}

fn edit() -> Edit {
    Edit {
        event: "e-1".to_owned(),
        call: "ModifyLoadBalancerAttributes".to_owned(),
        at: time(-4),
        by: "arn:aws:sts::999999999999:assumed-role/dev/kim".to_owned(),
        issuer: None,
        service: None,
        source: None,
        agent: None,
        request_id: None,
        change: None,
        left: Mode::Monitor,
    }
}

/// The scene with everything that can be joined to a load balancer.
fn joined(id: &str, at: i64, requests: u64) -> ScanReport {
    let mut report = report(id, at, SCENE);
    let [a, b, c] = report.load_balancers.as_mut_slice() else { panic!("three load balancers") };
    a.traffic = Some(traffic(requests));
    a.edited = Some(Box::new(edit()));
    b.changes = vec![change()];
    let because = "It has the name that is written there.".to_owned();
    c.declared = Some(Arc::new(InCode { certainty: Certainty::Ambiguous, because, places: Vec::new() }));
    report.changes_unfound.insert(arn("000000000009", "elsewhere"), vec![change()]);
    report
}

fn scan(desk: &mut Desk, at: i64, requests: u64) -> Inputs {
    let whole = inventory(&format!("run-{at}"), at, SCENE);
    desk.ledger.begin_run(&desk.lease, &header(&whole)).expect("begins");
    desk.ledger.finish_run(&desk.lease, &whole).expect("finishes");
    assert_eq!(desk.ledger.inputs(&whole.run.id).expect("reads"), None, "not recorded yet");
    let report = joined(&whole.run.id, at, requests);
    desk.ledger.record(&desk.lease, &report, &[]).expect("records");
    Inputs::of(&report)
}

fn texts(desk: &Desk) -> i64 {
    let db = rusqlite::Connection::open(&desk.path).expect("opens");
    db.query_row("SELECT count(DISTINCT body) FROM inputs", [], |row| row.get(0)).expect("counts")
}

#[test]
fn a_recorded_scan_keeps_what_it_was_judged_with() {
    let mut desk = Desk::new();
    let first = scan(&mut desk, 0, 1000);
    assert_eq!(first.traffic.len() + first.changes.len() + first.edits.len() + first.declared.len(), 5);
    assert_eq!(desk.ledger.inputs("run-0").expect("reads").as_ref(), Some(&first));
    assert_eq!(texts(&desk), 3, "one for each account-Region that has any");
    let same = scan(&mut desk, 10, 1000);
    assert_eq!((desk.ledger.inputs("run-10").expect("reads"), texts(&desk)), (Some(same), 3), "the same texts");
    let other = scan(&mut desk, 20, 2000);
    assert_eq!(desk.ledger.inputs("run-20").expect("reads"), Some(other));
    assert_eq!(desk.ledger.inputs("run-0").expect("reads"), Some(first), "each its own");
    assert_eq!(texts(&desk), 4);
    desk.scan(30, SCENE);
    assert_eq!(desk.ledger.inputs("run-30").expect("reads"), None, "its raw scan was not kept");
    desk.ledger.integrity().expect("sound");
}

#[test]
fn a_scan_without_anything_joined_says_so() {
    let mut desk = Desk::new();
    let whole = inventory("run-0", 0, SCENE);
    desk.ledger.begin_run(&desk.lease, &header(&whole)).expect("begins");
    desk.ledger.finish_run(&desk.lease, &whole).expect("finishes");
    desk.ledger.record(&desk.lease, &report("run-0", 0, SCENE), &[]).expect("records");
    assert_eq!(desk.ledger.inputs("run-0").expect("reads"), Some(Inputs::default()), "kept, and empty");
}

#[test]
fn pruning_keeps_what_a_later_scan_refers_to() {
    const MONTH: i64 = 31 * 24 * 3600;
    let mut desk = Desk::new();
    scan(&mut desk, 0, 1000);
    let later = scan(&mut desk, 3 * MONTH, 1000);
    desk.ledger.prune(&desk.lease, 1, time(3 * MONTH + 10)).expect("prunes");
    assert_eq!(desk.ledger.inputs("run-0").expect("reads"), None);
    assert_eq!(desk.ledger.inputs(&format!("run-{}", 3 * MONTH)).expect("reads"), Some(later));
    desk.ledger.integrity().expect("sound");
    desk.ledger.prune(&desk.lease, 1, time(9 * MONTH)).expect("prunes");
    desk.ledger.integrity().expect("sound");
    assert_eq!(texts(&desk), 0);
    let again = scan(&mut desk, 9 * MONTH + 20, 1000);
    assert_eq!(desk.ledger.inputs(&format!("run-{}", 9 * MONTH + 20)).expect("reads"), Some(again));
    desk.ledger.integrity().expect("sound");
}

#[test]
fn a_look_keeps_what_it_was_judged_with() {
    let mut desk = Desk::new();
    scan(&mut desk, 0, 1000);
    desk.event(10, (1, "a:p"), Some(edit()));
    let kept = desk.ledger.look_inputs_since(time(0)).expect("reads");
    let a = arn("000000000001", "a");
    assert_eq!(kept.keys().collect::<Vec<_>>(), [&a]);
    assert_eq!((kept[&a].edits.get(&a), kept[&a].traffic.len()), (Some(&edit()), 0));
    assert!(desk.ledger.look_inputs_since(time(10)).expect("reads").is_empty(), "none is later");
}
