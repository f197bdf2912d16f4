//! Folders of generated logs, whole and with what else lies around in buckets.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use doorward_traffic::{FolderError, FolderOptions, FolderProgress, Tally, Window, read_folder};

use crate::corpus::{Plan, Truth};
use crate::words;

pub(crate) fn read(folder: &Path, threads: usize) -> Tally {
    read_folder(folder, FolderOptions { window: None, threads, protected: &[] }, &|_| ()).expect("a folder of logs")
}

pub(crate) fn write(bytes: u64, file_bytes: usize, seed: u64) -> (tempfile::TempDir, Truth) {
    let folder = tempfile::tempdir().expect("a folder");
    let truth = Plan::fleet(seed, bytes, file_bytes).write(folder.path()).expect("writes");
    (folder, truth)
}

pub(crate) fn logs(folder: &Path) -> Vec<PathBuf> {
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

pub(crate) fn pack(text: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(1));
    packed.write_all(text).expect("packs");
    packed.finish().expect("packs")
}

pub(crate) fn unpacked(stored: &[u8]) -> Vec<u8> {
    use std::io::Read as _;
    let mut text = Vec::new();
    flate2::read::MultiGzDecoder::new(stored).read_to_end(&mut text).expect("unpacks");
    text
}

/// The same log is counted once, packed or not, whatever its copies are called and wherever they lie.
#[test]
fn copies_are_counted_once_whatever_their_names() {
    let (folder, truth) = write(500_000, 60_000, 14);
    let all = logs(folder.path());
    let mut copies = 0;
    let elsewhere = folder.path().join("more");
    fs::create_dir(&elsewhere).expect("makes");
    for (number, path) in all.iter().enumerate() {
        let stored = fs::read(path).expect("reads");
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let stem = name.strip_suffix(".log.gz").expect("a log");
        let text = unpacked(&stored);
        let repacked = {
            use std::io::Write as _;
            let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(1));
            packed.write_all(&text).expect("packs");
            packed.finish().expect("packs")
        };
        for (name, bytes) in [
            (format!("{stem}.log"), &text),
            (format!("{stem} (1).log.gz"), &stored),
            (format!("{stem} copy.log"), &text),
            (format!("Copy of {stem}.log.gz"), &stored),
            (format!("node-2_{stem}.log"), &text),
            (format!("{stem}.log(2).gz"), &stored),
            (format!("renamed-{number}.log"), &text),
            (format!("renamed-{number}.log.gz"), &stored),
            (format!("repacked-{number}.log.gz"), &repacked),
            (format!("padded-{number}.log.gz"), &[&stored[..], &[0; 512]].concat()),
            (format!("{stem}.log.gz.8aF3c2"), &stored[..stored.len() / 2].to_vec()),
        ] {
            fs::write(if number % 2 == 0 { path.with_file_name(name) } else { elsewhere.join(name) }, bytes)
                .expect("writes");
            copies += 1;
        }
    }
    for threads in [1, 3] {
        let tally = read(folder.path(), threads);
        assert_eq!(words::counted(&tally), truth, "{threads}");
        let listed = &tally.reading.listed;
        assert_eq!((listed.selected, listed.repeated), (all.len() as u64, copies), "{listed:?}");
        assert!(tally.is_whole(), "{:?}", tally.reading);
        let left_out = listed.left_out().expect("copies");
        assert_eq!(left_out, format!("left out: {copies} further copies of logs that are counted once"));
    }
}

/// Joined copies of logs beside their parts are counted once; with lines that no part has they are refused, not counted twice.
#[test]
fn joined_logs_beside_their_parts_are_counted_once() {
    let (source, truth) = write(500_000, 40_000, 15);
    let all = logs(source.path());
    let stored: Vec<Vec<u8>> = all.iter().map(|path| fs::read(path).expect("reads")).collect();
    let text: Vec<Vec<u8>> = stored.iter().map(|stored| unpacked(stored)).collect();
    let sorted = |text: &[u8]| {
        let mut lines: Vec<&[u8]> = text.split_inclusive(|byte| *byte == b'\n').collect();
        lines.sort_unstable();
        lines.concat()
    };
    let backwards: Vec<u8> = text.iter().rev().flatten().copied().collect();
    let name = |number: usize| all[number].file_name().expect("a name").to_string_lossy().into_owned();
    // What is put beside the logs, and how many further copies it counts as.
    type NamedFiles = Vec<(String, Vec<u8>)>;
    let beside: Vec<(&str, NamedFiles)> = vec![
        ("members", vec![("all.log.gz".into(), stored.concat())]),
        ("members, before its parts", vec![("0-all.log.gz".into(), stored.concat())]),
        ("plain", vec![("all.log".into(), text.concat())]),
        ("packed again", vec![("zz.log.gz".into(), pack(&text.concat()))]),
        ("sorted", vec![("sorted.log.gz".into(), pack(&sorted(&text.concat())))]),
        ("in another order", vec![("all.log".into(), backwards)]),
        ("two of them", vec![("all.log.gz".into(), stored.concat()), ("more.log".into(), sorted(&text.concat()))]),
        ("three of them", vec![("three.log.gz".into(), [&stored[1][..], &stored[2], &stored[3]].concat())]),
        (
            "two, plain, with a copy",
            vec![
                ("two.log".into(), [&text[2][..], &text[3]].concat()),
                ("copy of two.log.gz".into(), pack(&[&text[2][..], &text[3]].concat())),
            ],
        ),
        (
            "with the name of a log",
            vec![(name(2).replace(".log.gz", "x.log.gz"), [&stored[2][..], &stored[1], &stored[0]].concat())],
        ),
        ("a renamed copy", vec![("renamed.log.gz".into(), stored[3].clone())]),
    ];
    for (what, files) in beside {
        let folder = tempfile::tempdir().expect("a folder");
        for (path, stored) in all.iter().zip(&stored) {
            fs::write(folder.path().join(path.file_name().expect("a name")), stored).expect("writes");
        }
        for (name, bytes) in &files {
            fs::write(folder.path().join(name), bytes).expect("writes");
        }
        for threads in [1, 3] {
            let tally = read(folder.path(), threads);
            assert!(words::counted(&tally) == truth, "{what}: {} lines, {:?}", tally.lines(), tally.reading);
            let listed = &tally.reading.listed;
            assert_eq!(
                (listed.selected, listed.repeated),
                (all.len() as u64, files.len() as u64),
                "{what}: {listed:?}"
            );
            assert!(tally.is_whole(), "{what}: {:?}", tally.reading);
        }
    }
    // Without its parts a joined log is a log.
    let alone = tempfile::tempdir().expect("a folder");
    fs::write(alone.path().join("all.log.gz"), stored.concat()).expect("writes");
    let tally = read(alone.path(), 2);
    let lines = text.concat().iter().filter(|byte| **byte == b'\n').count() as u64;
    assert_eq!((tally.lines() + tally.unparsed(), tally.is_whole()), (lines, true));
}

#[test]
fn joined_logs_that_have_more_than_the_parts_are_refused() {
    let (source, _) = write(500_000, 40_000, 16);
    let all = logs(source.path());
    let stored: Vec<Vec<u8>> = all.iter().map(|path| fs::read(path).expect("reads")).collect();
    let text: Vec<Vec<u8>> = stored.iter().map(|stored| unpacked(stored)).collect();
    let count = |files: &[(&str, &[u8])]| {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, bytes) in files {
            fs::write(folder.path().join(name), bytes).expect("writes");
        }
        read(folder.path(), 2)
    };
    let (both, wide) = ([&stored[0][..], &stored[1]].concat(), [&text[0][..], &text[1], &text[2]].concat());
    let other = [&text[3][..], &text[1], &text[4]].concat();
    for (what, files, counted) in [
        ("members", vec![("both.log.gz", &both[..]), ("two.log.gz", &stored[1])], &text[1]),
        ("plain", vec![("wide.log", &wide[..]), ("one.log", &text[1])], &text[1]),
        // Neither is a part of the other, and no third file shows what they have in common.
        ("two joined files", vec![("wide.log", &wide[..]), ("other.log", &other)], &other),
        (
            "a longer and a shorter download",
            vec![("long.log", &wide[..]), ("short.log", &wide[..wide.len() / 2])],
            &wide[..wide.len() / 2].to_vec(),
        ),
    ] {
        let tally = count(&files);
        let lines = tally.lines() + tally.unparsed();
        let expected = counted.split_inclusive(|byte| *byte == b'\n').count() as u64;
        let largest = wide.split_inclusive(|byte| *byte == b'\n').count() as u64;
        assert!(lines == expected || lines == largest, "{what}: {lines}, not {expected} or {largest}");
        assert_eq!(tally.reading.unread.count, 1, "{what}: {:?}", tally.reading);
        let why = &tally.reading.unread.samples[0];
        assert!(why.contains("would count twice; keep either the joined file or its parts"), "{why}");
        assert!(!tally.incomplete.is_empty() && !tally.is_whole(), "{what}");
    }
    // Logs of one load balancer and hour, joined apart, have nothing in common.
    let tally = count(&[("one.log.gz", &both[..]), ("two.log.gz", &[&stored[2][..], &stored[3]].concat())]);
    assert!(tally.is_whole(), "{:?}", tally.reading);
}

#[test]
fn a_download_that_did_not_finish_is_named() {
    let (folder, _) = write(300_000, 60_000, 16);
    let all = logs(folder.path());
    let name = all[0].file_name().expect("a name").to_string_lossy().into_owned();
    for ending in [".8aF3c2", ".part", ".crdownload", "~", ".1"] {
        let unfinished = all[0].with_file_name(format!("{name}{ending}"));
        fs::rename(&all[0], &unfinished).expect("renames");
        let tally = read(folder.path(), 1);
        assert_eq!((tally.reading.listed.unfinished, tally.reading.unread.count, tally.is_whole()), (1, 1, false));
        let sample = &tally.reading.unread.samples[0];
        assert!(sample.contains(ending) && sample.contains("an unfinished download"), "{sample}");
        fs::rename(&unfinished, &all[0]).expect("renames");
    }
    assert!(read(folder.path(), 1).is_whole());
}

#[test]
fn a_window_without_logs_and_logs_of_other_kinds_are_errors_that_say_so() {
    let (folder, _) = write(300_000, 60_000, 17);
    let window = Window::days_before("2020-01-01T00:00:00Z".parse().expect("a time"), 3).expect("a window");
    let options = FolderOptions { window: Some(window), threads: 1, protected: &[] };
    let error = read_folder(folder.path(), options, &|_| ()).expect_err("nothing of that time").to_string();
    assert!(error.contains(" log files of the time from 2026-") && error.contains("--until"), "{error}");

    let classic = tempfile::tempdir().expect("a folder");
    for node in ["10.0.0.1", "10.0.0.2"] {
        let name = format!("111122223333_elasticloadbalancing_eu-west-1_shop_20260923T0720Z_{node}_2xkq5gcz.log");
        fs::write(classic.path().join(name), "2026-09-23T07:15:47.805298Z shop 1.2.3.4:1 ...\n").expect("writes");
    }
    let error = read_folder(classic.path(), FolderOptions { window: None, threads: 1, protected: &[] }, &|_| ())
        .expect_err("classic");
    assert!(error.to_string().contains("2 logs of classic, network or other load balancers"), "{error}");
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
    assert!(sample.ends_with("access.log: it is a device, a pipe or a folder, but only files are read"), "{sample}");
}

#[test]
fn a_window_leaves_out_objects_and_lines() {
    let (folder, truth) = write(1_500_000, 8_000, 6);
    let window = Window::days_before("2026-09-01T00:00:00Z".parse().expect("a time"), 1).expect("a window");
    let read = |window| {
        read_folder(folder.path(), FolderOptions { window: Some(window), threads: 2, protected: &[] }, &|_| ())
    };
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
    let last = Mutex::new(FolderProgress::default());
    let options = FolderOptions { window: None, threads: 3, protected: &[] };
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
    let options = FolderOptions { window: None, threads: 1, protected: &[] };
    let error = read_folder(empty.path(), options, &|_| ()).expect_err("nothing there");
    assert!(matches!(error, FolderError::NoLogs(_)) && error.to_string().contains("contains no access logs"));
    let error = read_folder(&empty.path().join("gone"), options, &|_| ()).expect_err("not there");
    assert!(matches!(error, FolderError::List { .. }));
}
