//! Files that have the same lines more than once: merged from folders that overlap.

use std::fs;

use crate::folder::{logs, pack, read, unpacked, write};

/// Such a file is refused, whichever part is repeated and however it is packed; its lines count nowhere, and not twice.
#[test]
fn a_file_with_repeated_lines_is_refused() {
    let (source, _) = write(2_000_000, 60_000, 19);
    let all = logs(source.path());
    let stored: Vec<Vec<u8>> = all.iter().map(|path| fs::read(path).expect("reads")).collect();
    let text: Vec<Vec<u8>> = stored.iter().map(|stored| unpacked(stored)).collect();
    let whole = text.concat();
    let line = text[1].split_inclusive(|byte| *byte == b'\n').nth(3).expect("a line").to_vec();
    let reversed: Vec<u8> = whole.split_inclusive(|byte| *byte == b'\n').rev().flatten().copied().collect();
    for (what, name, content) in [
        ("twice the same", "all.log", [&text[0][..], &text[0]].concat()),
        ("twice the same, packed", "all.log.gz", [&stored[0][..], &stored[0]].concat()),
        ("one of the middle", "all.log.gz", pack(&[&text[0][..], &text[1], &text[2], &text[1]].concat())),
        ("everything twice", "all.log", [&whole[..], &whole].concat()),
        ("everything twice, in another order", "all.log.gz", pack(&[&whole[..], &reversed].concat())),
        ("one line", "all.log", [&text[1][..], &line].concat()),
        ("one line without its line feed", "all.log", [&text[1][..], line.trim_ascii_end()].concat()),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join(name), content).expect("writes");
        let tally = read(folder.path(), 2);
        assert_eq!((tally.lines(), tally.reading.unread.count), (0, 1), "{what}: {:?}", tally.reading);
        let why = &tally.reading.unread.samples[0];
        assert!(why.contains("it has lines more than once") && why.contains(name), "{what}: {why}");
        assert!(!tally.incomplete.is_empty() && !tally.is_whole(), "{what}");
    }
}

/// Lines that differ in one character are different lines, however many there are, and so are lines of other programs between them.
#[test]
fn lines_that_differ_are_not_repeated() {
    let (source, _) = write(500_000, 40_000, 20);
    let line = unpacked(&fs::read(&logs(source.path())[0]).expect("reads"));
    let line = String::from_utf8(line.split(|byte| *byte == b'\n').next().expect("a line").to_vec()).expect("text");
    let (kind, rest) = line.split_once(' ').expect("fields");
    let (_, rest) = rest.split_once('.').expect("a time");
    let (_, rest) = rest.split_once('Z').expect("a time");
    let lines: Vec<String> = (0..200_000)
        .map(|n| format!("{kind} 2026-09-23T10:{:02}:{:02}.{:06}Z{rest}\n", n / 6_000, n / 100 % 60, n))
        .collect();
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("all.log"), lines.concat() + "\n\n--\n--\n").expect("writes");
    let tally = read(folder.path(), 1);
    assert_eq!((tally.lines(), tally.reading.unread.count), (200_000, 0), "{:?}", tally.reading);
}
