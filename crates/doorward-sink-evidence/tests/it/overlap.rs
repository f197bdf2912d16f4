//! Two scans that overlap and write into one folder, and a scan that was stopped while it wrote.

use std::fs;
use std::path::Path;
use std::task::{Context, Poll, Waker};

use doorward_model::{Frameworks, HistoryContext, Policy, ScanReport, Sink, SinkContext, SinkError, SinkFuture};
use doorward_rules::exceptions::Register;
use doorward_sink_evidence::{EvidenceSettings, EvidenceSink, Expect, VerifyFault, newest, verification_text, verify};

use crate::scene;

/// The sink waits for nothing, so its futures are ready at once.
fn ready<T>(mut future: SinkFuture<'_, T>) -> Result<T, SinkError> {
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => panic!("it waits"),
    }
}

fn report(n: i64) -> ScanReport {
    let mut report = scene::report(3);
    report.run.id = format!("run-{n}");
    report.run.finished = scene::time(60 * n);
    report
}

/// Calls with a sink for the folder.
fn with_sink<T>(folder: &Path, call: impl FnOnce(&EvidenceSink<'_>) -> T) -> T {
    let settings =
        EvidenceSettings { sample: 2, seed: "x".to_owned(), signing_key_file: None, signing_key_variable: None };
    let (frameworks, policy, register) = (Frameworks::default(), Policy::default(), Register::default());
    call(&EvidenceSink {
        folder: folder.to_owned(),
        key: Some(scene::key(1)),
        build: "test".to_owned(),
        frameworks: &frameworks,
        filter: None,
        settings: &settings,
        settings_text: "",
        policy: &policy,
        register: &register,
        cost_centre_tags: &[],
        triggers: |_| None,
        scan: |out, report, _, _| Ok(serde_json::to_writer(out, report)?),
        notice: |_| {},
    })
}

fn emit(sink: &EvidenceSink<'_>, report: &ScanReport) -> Result<(), SinkError> {
    let history = HistoryContext::default();
    ready(sink.emit(report, SinkContext { history: &history, exit_code: 0 })).map(|_| ())
}

fn is_sound(folder: &Path) -> bool {
    let found = verify(folder, &Expect { key: Some(scene::key(1).public()), ..Expect::default() });
    assert!(found.is_sound(), "{}", verification_text(folder, &found));
    found.is_proven()
}

/// Both scans read the folder before either wrote its pack.
#[test]
fn overlapping_scans_keep_the_chain() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    with_sink(folder, |one| {
        with_sink(folder, |other| {
            ready(one.preflight()).expect("checked");
            ready(other.preflight()).expect("checked");
            emit(one, &report(1)).expect("written");
            emit(other, &report(2)).expect("written");
        });
    });
    assert!(is_sound(folder));
    let last = newest(folder, Some(&scene::key(1).public())).expect("reads").expect("a pack");
    assert_eq!((last.link.sequence, last.link.run.as_str()), (2, "run-2"));
    // A scan that ended before the newest pack's cannot follow it: it is refused, and the chain stays.
    let error = with_sink(folder, |late| emit(late, &report(0))).expect_err("late").to_string();
    assert!(error.contains("a chain is written in the order of its runs"), "{error}");
    assert!(is_sound(folder));
}

/// Scans that write at the same time, each in a thread of its own.
#[test]
fn scans_that_write_at_the_same_time_make_one_chain() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let written: usize = std::thread::scope(|scope| {
        let scan = |n| scope.spawn(move || with_sink(folder, |sink| emit(sink, &report(n)).is_ok()));
        let all: Vec<_> = (1..7).map(scan).collect();
        all.into_iter().map(|one| usize::from(one.join().expect("ends"))).sum()
    });
    assert!(written > 0 && is_sound(folder));
    let last = newest(folder, Some(&scene::key(1).public())).expect("reads").expect("a pack");
    assert_eq!(usize::try_from(last.link.sequence).expect("small"), written, "what was reported as written is there");
}

/// What a stopped run left is named as that, and the next scan removes it.
#[test]
fn an_unfinished_pack_is_named_and_removed() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    with_sink(folder, |sink| emit(sink, &report(1))).expect("written");
    let part = folder.join(".doorward-a1b2c3.part");
    fs::create_dir(&part).expect("makes");
    for file in ["scan.json", "manifest.json"] {
        // Even with every file, it never was a pack.
        fs::copy(folder.join("run-1").join(file), part.join(file)).expect("copies");
        let found = verify(folder, &Expect::default());
        assert_eq!(found.faults, [VerifyFault::Unfinished(".doorward-a1b2c3.part".to_owned())]);
        assert!(verification_text(folder, &found).contains("FAULT unfinished: \".doorward-a1b2c3.part\""));
    }
    with_sink(folder, |sink| {
        ready(sink.preflight()).expect("it does not stop the next scan");
        emit(sink, &report(2)).expect("written");
    });
    assert!(!part.exists() && is_sound(folder));
    // Other names, and a lock that is not the one that is made here, were added.
    for (name, text) in [(".doorward-lock.txt", ""), (".doorward-x.part", "")] {
        fs::write(folder.join(name), text).expect("writes");
        assert_eq!(verify(folder, &Expect::default()).faults, [VerifyFault::Added(name.to_owned())]);
        fs::remove_file(folder.join(name)).expect("removes");
    }
    // Where folders cannot be locked, this file is.
    fs::write(folder.join(".doorward-lock"), "").expect("writes");
    assert!(is_sound(folder));
    fs::write(folder.join(".doorward-lock"), "x").expect("writes");
    assert_eq!(verify(folder, &Expect::default()).faults, [VerifyFault::Added(".doorward-lock".to_owned())]);
}
