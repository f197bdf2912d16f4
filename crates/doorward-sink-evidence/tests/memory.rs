//! How much memory a verification takes. It is a program of its own, because other tests take memory too.

#![cfg(target_os = "linux")]
#![expect(clippy::expect_used, reason = "a test that cannot go on should stop")]

use std::fs;

use doorward_sink_evidence::{Expect, verify, write};

#[path = "it/scene.rs"]
#[expect(dead_code, reason = "the other tests use the rest of it")]
mod scene;

/// The most memory that this process ever took, in KiB.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("reads");
    let line = status.lines().find(|line| line.starts_with("VmHWM")).expect("is there");
    line.split_whitespace().nth(1).expect("a number").parse().expect("a number")
}

/// Files of 3 GB that take no room on the disk: what is larger than it may be is not read, and nothing is held in memory.
#[test]
fn a_large_file_costs_little() {
    let report = scene::report(12);
    let (context, key) = (scene::context(&report, &[]), scene::key(1));
    let json = serde_json::to_vec(&report).expect("serializes");
    let folder = tempfile::tempdir().expect("a folder");
    let dir = folder.path().join(&report.run.id);
    write(&dir, &scene::pack(&report, &json, &context, Some(&key))).expect("writes");
    for name in ["manifest.json", "SHA256SUMS", "manifest.sig", "scan.json"] {
        let intact = fs::read(dir.join(name)).expect("reads");
        fs::File::options().write(true).open(dir.join(name)).expect("opens").set_len(3 << 30).expect("grows");
        let before = peak();
        let found = verify(&dir, &Expect::default());
        assert!(found.faults.iter().any(|fault| fault.file() == Some(name)), "{name}: {found:?}");
        assert!(peak() - before < 64 << 10, "{name}: {} KiB more", peak() - before);
        fs::write(dir.join(name), &intact).expect("writes");
    }
    assert!(verify(&dir, &Expect::default()).is_sound());
}
