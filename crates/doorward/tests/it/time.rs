//! The clock that tests move: what a command reads is dated with it, and AWS accepts what it signs.

use std::time::Duration;

use crate::bed::{Bed, run, world};

#[test]
fn a_scan_months_later_is_dated_months_later() {
    let folder = tempfile::tempdir().unwrap();
    let bed = Bed::start_at(&world("gaps-org"), vec![], "2026-03-01T08:00:00Z".parse().unwrap());
    let started = |bed: &Bed| {
        let said = run(bed.doorward(folder.path()).args(["scan", "--quiet", "--format", "json-v1"]));
        let report: serde_json::Value = serde_json::from_str(&said.out).unwrap_or_else(|e| panic!("{e}: {}", said.err));
        report["run"]["started"].as_str().unwrap().to_owned()
    };
    assert!(started(&bed).starts_with("2026-03-01T08:00"));
    bed.pass(Duration::from_secs(45 * 86_400));
    assert!(started(&bed).starts_with("2026-04-15T08:00"), "{}", bed.now());
}
