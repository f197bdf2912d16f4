//! Folders of generated logs, whole and with what else lies around in buckets.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use doorward_traffic::{FolderError, FolderOptions, Progress, Tally, Window, read_folder};

use crate::corpus::{Plan, Truth};
use crate::words;

fn read(folder: &Path, threads: usize) -> Tally {
    read_folder(folder, FolderOptions { window: None, threads }, &|_| ()).expect("a folder of logs")
}

fn write(bytes: u64, file_bytes: usize, seed: u64) -> (tempfile::TempDir, Truth) {
    let folder = tempfile::tempdir().expect("a folder");
    let truth = Plan::fleet(seed, bytes, file_bytes).write(folder.path()).expect("writes");
    (folder, truth)
}

fn logs(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut pending = vec![folder.to_owned()];
    while let Some(folder) = pending.pop() {
        for entry in fs::read_dir(folder).expect("lists") {
            let path = entry.expect("an entry").path();
            if path.is_dir() { pending.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    found
}

#[test]
fn counts_are_the_truth_on_any_number_of_threads() {
    let mut all = Truth::new();
    for seed in 0..3 {
        let (folder, truth) = write(2_000_000, 40_000, seed);
        let one = read(folder.path(), 1);
        assert_eq!(words::counted(&one), truth);
        assert_eq!(one.unparsed(), 0);
        for threads in [2, 5] {
            assert_eq!(read(folder.path(), threads), one, "{threads} threads");
        }
        assert!(one.reading.short_way > 20 * one.reading.full_parser, "{:?}", one.reading);
        all.extend(truth);
    }
    // There was something of everything.
    for class in ["compliant", "absent", "rejected", "Acceptable", "Ambiguous", "Severe"] {
        assert!(all.keys().any(|key| key.starts_with("class") && key.contains(&format!("\t{class}"))), "{class}");
    }
}

#[test]
fn a_tally_survives_its_serialized_form() {
    let (folder, _) = write(500_000, 60_000, 9);
    let tally = read(folder.path(), 1);
    let text = serde_json::to_string(&tally).expect("serializes");
    assert_eq!(serde_json::from_str::<Tally>(&text).expect("reads back"), tally);
}

#[test]
fn what_else_lies_in_a_bucket_is_not_read() {
    let (folder, truth) = write(500_000, 60_000, 4);
    let all = logs(folder.path());
    let first = all.first().expect("some");
    let name = first.file_name().expect("a name").to_string_lossy().into_owned();
    let beside = |name: &str| first.with_file_name(name);
    fs::write(folder.path().join("ELBAccessLogTestFile"), b"test").expect("writes");
    fs::copy(first, beside(&format!("conn_log_{name}"))).expect("copies");
    fs::copy(first, beside(&name.replace("_app.", "_net."))).expect("copies");
    fs::write(beside("notes.txt"), b"not a log").expect("writes");
    // The same log once more, as a replica has it.
    let replica = folder.path().join("replica");
    fs::create_dir(&replica).expect("makes");
    fs::copy(first, replica.join(&name)).expect("copies");
    let tally = read(folder.path(), 2);
    assert_eq!(words::counted(&tally), truth);
    let listed = &tally.reading.listed;
    assert_eq!((listed.selected, listed.repeated, listed.foreign), (all.len() as u64, 1, 1));
    assert_eq!((listed.test_files, listed.connection_logs, listed.other_logs), (1, 1, 1));
}

#[test]
fn damage_is_counted_and_the_rest_is_read() {
    let (folder, _) = write(500_000, 60_000, 5);
    let all = logs(folder.path());
    let whole = read(folder.path(), 1);
    fs::write(&all[0], b"").expect("writes");
    let stored = fs::read(&all[1]).expect("reads");
    fs::write(&all[1], &stored[..stored.len() / 2]).expect("writes");
    let tally = read(folder.path(), 1);
    assert_eq!((tally.reading.empty, tally.reading.damaged.count, tally.is_whole()), (1, 1, false));
    assert_eq!(tally.reading.objects, all.len() as u64 - 2);
    assert!(tally.lines() < whole.lines() && tally.unparsed() == 0);
    fs::remove_file(&all[2]).expect("removes");
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("nowhere", &all[2]).expect("links");
        assert_eq!(read(folder.path(), 1).reading.unread.count, 1);
    }
}

/// Devices and pipes never end, or never begin; what lies behind a link to another folder is not part of this one.
#[cfg(unix)]
#[test]
fn what_is_no_file_is_refused_and_named() {
    use std::os::unix::fs::symlink;
    let (folder, truth) = write(500_000, 60_000, 8);
    let elsewhere = tempfile::tempdir().expect("a folder");
    let inside = folder.path().join("AWSLogs");
    assert!(inside.is_dir());
    let mut refused = Vec::new();
    for (name, target) in [
        ("zero.log.gz", Path::new("/dev/zero")),
        ("null.log", Path::new("/dev/null")),
        ("gone.log", Path::new("nowhere")),
        ("other", elsewhere.path()),
    ] {
        let link = folder.path().join(name);
        symlink(target, &link).expect("links");
        refused.push(link.display().to_string());
    }
    let pipe = folder.path().join("pipe.log.gz");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().expect("runs").success());
    let link = folder.path().join("pipe-link.log.gz");
    symlink(&pipe, &link).expect("links");
    symlink(&inside, folder.path().join("again")).expect("links");
    refused.extend([pipe, link].map(|path| path.display().to_string()));
    let tally = read(folder.path(), 2);
    assert_eq!(words::counted(&tally), truth);
    assert_eq!((tally.reading.unread.count, tally.is_whole()), (refused.len() as u64, false), "{:?}", tally.reading);
    for sample in &tally.reading.unread.samples {
        assert!(refused.iter().any(|path| sample.starts_with(path.as_str())), "{sample}");
    }
    let only = tempfile::tempdir().expect("a folder");
    symlink("/dev/zero", only.path().join("access.log")).expect("links");
    let tally = read(only.path(), 1);
    let [sample] = tally.reading.unread.samples.as_slice() else { panic!("{:?}", tally.reading) };
    assert!(sample.ends_with("access.log: it is a device, a pipe or a folder; only files are read"), "{sample}");
}

#[test]
fn a_window_leaves_out_objects_and_lines() {
    let (folder, truth) = write(1_500_000, 8_000, 6);
    let window = Window::days_before("2026-09-01T00:00:00Z".parse().expect("a time"), 1).expect("a window");
    let read = |window| read_folder(folder.path(), FolderOptions { window: Some(window), threads: 2 }, &|_| ());
    let before = read(window).expect("reads");
    assert_eq!((before.lines(), before.reading.objects), (0, 12), "only the first files may hold lines of that day");
    let hour = Window::covering(
        "2026-09-01T00:00:00Z".parse().expect("a time"),
        "2026-09-01T01:00:00Z".parse().expect("a time"),
    );
    let hour = read(hour.expect("a window")).expect("reads");
    let wanted: u64 = truth.iter().filter(|(key, _)| key.ends_with("2026-09-01T00Z")).map(|(_, count)| count).sum();
    assert_eq!(hour.lines(), wanted);
    assert!(hour.reading.listed.elsewhere > 0 && wanted > 0);
    assert!(hour.load_balancers.values().any(|load_balancer| load_balancer.outside > 0));
}

#[test]
fn progress_reaches_its_end() {
    let (folder, _) = write(500_000, 20_000, 7);
    let last = Mutex::new(Progress::default());
    let options = FolderOptions { window: None, threads: 3 };
    read_folder(folder.path(), options, &|progress| {
        let mut last = last.lock().expect("no thread panicked");
        if progress.done > last.done {
            *last = progress;
        }
    })
    .expect("reads");
    let last = last.into_inner().expect("no thread panicked");
    assert_eq!((last.done, last.bytes), (last.objects, last.all_bytes));
    assert_eq!(last.objects, logs(folder.path()).len());
}

#[test]
fn a_folder_without_logs_is_an_error_that_says_so() {
    let empty = tempfile::tempdir().expect("a folder");
    let options = FolderOptions { window: None, threads: 1 };
    let error = read_folder(empty.path(), options, &|_| ()).expect_err("nothing there");
    assert!(matches!(error, FolderError::NoLogs(_)) && error.to_string().contains("holds no access logs"));
    let error = read_folder(&empty.path().join("gone"), options, &|_| ()).expect_err("not there");
    assert!(matches!(error, FolderError::List { .. }));
}
