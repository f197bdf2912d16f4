//! Names of log files in a folder.

use std::collections::BTreeMap;
use std::fs;

use doorward_traffic::TrafficEvidence;

use crate::folder::{logs, pack, read, unpacked, write};
use crate::words;

/// A log whose name has words before AWS's is read by its content: it may be the only copy.
#[test]
fn a_log_with_words_before_its_name_is_read() {
    let (folder, truth) = write(500_000, 60_000, 4);
    for (number, path) in logs(folder.path()).iter().enumerate() {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let before = ["Copy-", "copy of ", "node2_", "2026-10-20-", "AWSLogs_"][number % 5];
        fs::rename(path, path.with_file_name(format!("{before}{name}"))).expect("renames");
    }
    let tally = read(folder.path(), 2);
    // Such a name says neither the account nor the Region.
    let by_id = |counted: &BTreeMap<String, u64>| -> BTreeMap<String, u64> {
        let short = |key: &str| {
            key.split('\t').map(|part| &part[part.find("app/").unwrap_or(0)..]).collect::<Vec<_>>().join("\t")
        };
        counted.iter().map(|(key, count)| (short(key), *count)).collect()
    };
    assert_eq!(by_id(&words::counted(&tally)), by_id(&truth));
    assert_eq!(tally.reading.listed.other_logs, 0);
}

/// File systems and archives change the case of endings.
#[test]
fn endings_are_read_in_any_case() {
    for (ending, with) in [(".log.gz", ".LOG.GZ"), (".log.gz", ".Log.Gz"), ("", "")] {
        let (folder, truth) = write(900_000, 30_000, 5);
        for (number, path) in logs(folder.path()).iter().enumerate() {
            let name = path.file_name().expect("a name").to_string_lossy().replace(ending, with);
            // A name of its own shows neither the account nor the Region; its neighbours do.
            let name = if ending.is_empty() && number % 9 == 3 { format!("REST-{number}.LOG.GZ") } else { name };
            fs::rename(path, path.with_file_name(name)).expect("renames");
        }
        let evidence = TrafficEvidence::new(None, read(folder.path(), 2));
        assert_eq!(words::counted(&evidence.tally), truth, "{with}");
        assert!(evidence.is_complete());
    }
}

/// Files beside the logs that may be logs are named, in the list of what was left out and with the evidence of each load balancer.
#[test]
fn files_that_look_like_logs_are_named() {
    let (folder, truth) = write(300_000, 60_000, 5);
    let text = unpacked(&fs::read(&logs(folder.path())[0]).expect("reads"));
    for (name, content, looks) in [
        ("rest.txt", &text[..], true),
        ("node7.tar.gz", b"tar", true),
        ("access-log.csv", b"a,b", true),
        ("all.log.1", b"", true),
        ("export", &text, true),
        ("notes.txt", b"not a log", false),
        ("catalog.md", b"log", false),
    ] {
        let beside = folder.path().join(name);
        fs::write(&beside, content).expect("writes");
        let tally = read(folder.path(), 1);
        let listed = &tally.reading.listed;
        assert_eq!((listed.foreign, listed.look_like_logs.count), (1, u64::from(looks)), "{name}");
        assert_eq!(words::counted(&tally), truth, "{name}");
        let left_out = listed.left_out().expect("something");
        let path = beside.display().to_string();
        let expected = if looks { format!("; 1 of them looks like a log ({path})") } else { String::new() };
        assert_eq!(left_out, format!("left out: 1 other file{expected}"));
        let evidence = TrafficEvidence::new(None, tally);
        let key = evidence.keys().next().expect("a load balancer");
        let unknown = evidence.forecast(key).evidence.observed.expect("observed").unknown.join(" ");
        let sentence = format!("1 other file looks like a log and was not read ({path})");
        assert_eq!(unknown.contains(&sentence), looks, "{name}: {unknown}");
        fs::remove_file(beside).expect("removes");
    }
}

/// Two files of one name with different lines: one of them is not the log.
#[test]
fn files_of_one_name_and_other_lines_are_refused() {
    let (source, _) = write(300_000, 60_000, 6);
    let path = logs(source.path())[1].clone();
    let name = path.file_name().expect("a name").to_string_lossy().into_owned();
    let stem = name.strip_suffix(".gz").expect("packed");
    let (stored, text) = (fs::read(&path).expect("reads"), unpacked(&fs::read(&path).expect("reads")));
    let lines: Vec<&[u8]> = text.split_inclusive(|byte| *byte == b'\n').collect();
    let half = lines.iter().step_by(2).copied().flatten().copied().collect::<Vec<u8>>();
    let edited = String::from_utf8_lossy(&text).replacen("GET", "PUT", 1).into_bytes();
    assert!(half.len() < text.len() && edited != text);
    for (what, first, second, same) in [
        ("half, packed", (&name[..], pack(&half)), (&name[..], stored.clone()), false),
        ("half behind, packed", (&name, stored.clone()), (&name, pack(&half)), false),
        ("half", (stem, half.clone()), (stem, text.clone()), false),
        ("half, unpacked", (&name, stored.clone()), (stem, half.clone()), false),
        ("all, unpacked", (&name, pack(&half)), (stem, text.clone()), false),
        ("one byte", (&name, stored.clone()), (stem, edited.clone()), false),
        ("one byte, packed", (&name, stored.clone()), (&name, pack(&edited)), false),
        ("no lines first", (&name, pack(b"")), (&name, stored.clone()), false),
        ("no bytes first", (&name, Vec::new()), (&name, stored.clone()), false),
        ("packed again", (&name, stored.clone()), (&name, pack(&text)), true),
        ("unpacked", (&name, stored.clone()), (stem, text.clone()), true),
        ("not unpacked to its end", (&name, stored.clone()), (stem, text[..text.len() / 3].to_vec()), true),
        ("a download that ended early", (&name, stored.clone()), (&name, stored[..stored.len() / 2].to_vec()), true),
        ("no lines behind", (&name, stored.clone()), (&name, pack(b"")), true),
        ("no bytes behind", (&name, stored.clone()), (stem, Vec::new()), true),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let mut paths = Vec::new();
        for (place, (name, content)) in [("a", first), ("b", second)] {
            fs::create_dir(folder.path().join(place)).expect("makes");
            let path = folder.path().join(place).join(name);
            fs::write(&path, content).expect("writes");
            paths.push(path.display().to_string());
        }
        for threads in [1, 2] {
            let tally = read(folder.path(), threads);
            assert_eq!(tally.is_whole(), same, "{what}: {:?}", tally.reading);
            let listed = &tally.reading.listed;
            assert_eq!((listed.selected, listed.repeated), if same { (1, 1) } else { (2, 0) }, "{what}");
            if same {
                assert_eq!(tally.lines() + tally.unparsed(), lines.len() as u64, "{what}");
                continue;
            }
            let sample = &tally.reading.unread.samples[0];
            assert!(paths.iter().all(|path| sample.contains(path.as_str())), "{what}: {sample}");
            assert!(sample.contains("keep the one that the load balancer wrote"), "{what}: {sample}");
            assert!(tally.incomplete.keys().all(|key| tally.problems.contains_key(key)), "{what}");
            let key = tally.incomplete.keys().next().expect("a load balancer").clone();
            let forecast = TrafficEvidence::new(None, tally).forecast(&key);
            assert!(forecast.evidence.problems[0].contains(&paths[1]), "{what}: {forecast:?}");
        }
    }
}
