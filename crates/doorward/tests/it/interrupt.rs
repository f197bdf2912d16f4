//! Ctrl-C: a marked partial report within five seconds.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use doorward_fakeaws::{Fault, What};
use serde_json::Value;

use crate::bed::{Bed, world};

fn stopped_by(signal: &str, code: i32) {
    let bed = Bed::start(&world("acme-org"), vec![Fault::new(What::BlackHole).region("us-east-1").service("elb*")]);
    let folder = tempfile::tempdir().unwrap();
    let mut child = bed
        .doorward(folder.path())
        .args(["-q", "scan", "--format", "json-v1=scan.json", "--format", "table=scan.txt", "--save", "scan.saved"])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    // Wait until the scan hangs in the black hole and everything else has been asked for.
    let patience = Instant::now();
    let asked = |region: &str| bed.server.calls().iter().filter(|c| c.region == region && c.service == "elbv2").count();
    while asked("us-east-1") == 0 || asked("eu-west-1") < 20 {
        assert!(patience.elapsed() < Duration::from_secs(30), "the scan does not get going");
        std::thread::yield_now();
    }
    let pressed = Instant::now();
    assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
    let status = child.wait().unwrap();
    assert!(pressed.elapsed() < Duration::from_secs(5), "{:?}", pressed.elapsed());
    assert_eq!(status.code(), Some(code));

    let json: Value = serde_json::from_str(&std::fs::read_to_string(folder.path().join("scan.json")).unwrap()).unwrap();
    assert_eq!((&json["run"]["interrupted"], json["exit_code"].as_i64()), (&true.into(), Some(i64::from(code))));
    let lines = json["coverage"]["lines"].as_array().unwrap();
    let interrupted =
        lines.iter().filter(|l| l["gaps"].as_array().is_some_and(|g| g.iter().any(|g| g["reason"] == "interrupted")));
    assert!(interrupted.count() > 0);
    assert!(std::fs::read_to_string(folder.path().join("scan.txt")).unwrap().contains("PARTIAL REPORT"));
    assert!(folder.path().join("scan.saved").is_file());
    let leftovers: Vec<_> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".part"))
        .collect();
    assert!(leftovers.is_empty(), "{leftovers:?}");
}

#[test]
fn ctrl_c_leaves_a_marked_partial_report() {
    stopped_by("-INT", 130);
}

#[test]
fn sigterm_leaves_a_marked_partial_report() {
    stopped_by("-TERM", 143);
}

#[test]
fn the_scan_deadline_is_kept_and_named() {
    let bed = Bed::start(&world("acme-org"), vec![Fault::new(What::BlackHole).region("us-east-1").service("elb*")]);
    let folder = tempfile::tempdir().unwrap();
    let begun = Instant::now();
    let status = bed
        .doorward(folder.path())
        .args(["-q", "scan", "--format", "json-v1=scan.json"])
        .env("DOORWARD_SCAN__DEADLINE", "3s")
        .status()
        .unwrap();
    assert!(begun.elapsed() < Duration::from_secs(9), "{:?}", begun.elapsed());
    assert!(matches!(status.code(), Some(4 | 5)), "{status}");
    let text = std::fs::read_to_string(folder.path().join("scan.json")).unwrap();
    assert!(text.contains("the scan's own deadline passed"));
    let report: serde_json::Value = serde_json::from_str(&text).unwrap();
    let lines = report["coverage"]["lines"].as_array().unwrap();
    let reasons: Vec<&str> = lines
        .iter()
        .flat_map(|line| line["gaps"].as_array().into_iter().flatten())
        .map(|gap| gap["reason"].as_str().unwrap())
        .collect();
    assert!(reasons.contains(&"scan-deadline") && !reasons.contains(&"timed-out"), "{reasons:?}");
    assert!(doorward_model::GapReason::ScanDeadline.remedy().contains("`scan.deadline`"));
}
