//! A scan that is divided into shards: `merge` gives the bytes of one scan, a killed shard is repeated alone, and what is missing is
//! named.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use crate::bed::{Bed, Said, run, world};

const OUTPUTS: [&str; 3] = ["table=a.txt", "json-v1=a.json", "html=a.html"];

fn time() -> Timestamp {
    "2026-11-02T09:00:00Z".parse().unwrap()
}

/// A command of which every output depends on nothing but the organization.
fn still(bed: &Bed, folder: &Path) -> Command {
    let mut command = bed.doorward(folder);
    command.env("DOORWARD_TEST_CLOCK", format!("{} still", time())).arg("-q");
    command
}

fn outputs(command: &mut Command) -> &mut Command {
    for output in OUTPUTS {
        command.args(["--format", output]);
    }
    command.args(["--save", "a.saved"])
}

fn succeeded(said: Said) -> Said {
    assert_eq!(said.code, Some(0), "{}", said.err);
    said
}

fn shard(bed: &Bed, folder: &Path, shard: &str, plan: bool) -> Command {
    let mut command = still(bed, folder);
    let number = shard.split_once('/').unwrap().0;
    command.args(["scan", "--shard", shard, "--save", &format!("part-{number}.json")]);
    if plan {
        command.args(["--discovered", "plan.json"]);
    }
    command
}

fn discover(bed: &Bed, folder: &Path) {
    succeeded(run(still(bed, folder).args(["scan", "--discover-only", "--save", "plan.json"])));
}

/// The bytes of every output.
fn written(folder: &Path) -> Vec<(String, String)> {
    let names = OUTPUTS.iter().map(|output| output.split_once('=').unwrap().1).chain(["a.saved"]);
    names.map(|name| (name.to_owned(), std::fs::read_to_string(folder.join(name)).unwrap())).collect()
}

fn same(one: &Path, other: &Path, what: &str) {
    for ((name, one), (_, other)) in written(one).into_iter().zip(written(other)) {
        let at = one.bytes().zip(other.bytes()).position(|(a, b)| a != b);
        let near = |text: &str| {
            let at = at.unwrap_or(text.len().min(one.len()).min(other.len()));
            text.chars().skip(at.saturating_sub(120)).take(240).collect::<String>()
        };
        assert!(one == other, "{what}: {name} differs:\n{}\n----\n{}", near(&one), near(&other));
    }
}

#[test]
fn merged_shards_give_the_bytes_of_one_scan() {
    for name in ["acme-org", "gaps-org"] {
        let bed = Bed::start_still(&world(name), time());
        let whole = tempfile::tempdir().unwrap();
        let config =
            std::fs::read_to_string(format!("{}/examples/{name}/doorward.toml", crate::bed::REPOSITORY)).unwrap();
        let config = config.replace("\"exceptions.toml\"", "");
        let costs = std::fs::read(format!("{}/examples/{name}/costs.csv", crate::bed::REPOSITORY)).unwrap_or_default();
        let prepare = |folder: &Path| {
            std::fs::write(folder.join("doorward.toml"), &config).unwrap();
            std::fs::write(folder.join("costs.csv"), &costs).unwrap();
        };
        prepare(whole.path());
        // The path of the ledger is a setting, and settings are in the evidence.
        let expected = run(outputs(still(&bed, whole.path()).arg("scan")));
        assert!(matches!(expected.code, Some(3..=5)), "{:?} {}", expected.code, expected.err);
        for (of, plan) in [(1, true), (3, false), (7, true), (40, true)] {
            let folder = tempfile::tempdir().unwrap();
            prepare(folder.path());
            if plan {
                discover(&bed, folder.path());
            }
            for number in (1..=of).rev() {
                succeeded(run(&mut shard(&bed, folder.path(), &format!("{number}/{of}"), plan)));
            }
            let mut merge = still(&bed, folder.path());
            merge.arg("merge").arg(format!("part-{{1..{of}}}.json"));
            if plan {
                merge.args(["--discovered", "plan.json"]);
            }
            let said = run(outputs(&mut merge));
            assert_eq!(said.code, expected.code, "{}", said.err);
            same(whole.path(), folder.path(), &format!("{name} in {of}"));
            let history = run(still(&bed, folder.path()).args(["history", "--format", "json"]));
            let one = run(still(&bed, whole.path()).args(["history", "--format", "json"]));
            assert_eq!(history.out, one.out, "the ledger of {of} shards");
            // Merging once more records nothing twice.
            let again = run(&mut merge);
            assert_eq!(again.code, expected.code, "{}", again.err);
            same(whole.path(), folder.path(), "merged again");
            let after = run(still(&bed, folder.path()).args(["history", "--format", "json"]));
            assert_eq!(after.out, one.out);
        }
    }
}

#[test]
fn a_plan_is_discovered_once() {
    let bed = Bed::start(&world("acme-org"), vec![]);
    let folder = tempfile::tempdir().unwrap();
    succeeded(run(bed.doorward(folder.path()).args(["-q", "scan", "--discover-only", "--save", "plan.json"])));
    let lists = |bed: &Bed| {
        let calls = bed.server.calls();
        calls.iter().filter(|call| call.service == "organizations" || call.service == "account").count()
    };
    assert!(lists(&bed) > 0 && bed.server.calls().iter().all(|call| !call.service.starts_with("elb")));
    bed.server.clear_calls();
    let mut read: Vec<(String, String)> = Vec::new();
    for number in 1..=4 {
        let (of, save) = (format!("{number}/4"), format!("part-{number}.json"));
        let mut command = bed.doorward(folder.path());
        succeeded(run(command.args(["-q", "scan", "--shard", &of, "--save", &save, "--discovered", "plan.json"])));
        let calls = bed.server.calls();
        let places: BTreeSet<_> = calls
            .iter()
            .filter(|call| call.service.starts_with("elb"))
            .map(|call| (call.account.clone(), call.region.clone()))
            .collect();
        read.extend(places);
        assert_eq!(lists(&bed), 0, "a shard lists nothing again");
        bed.server.clear_calls();
    }
    let all = read.len();
    read.sort();
    read.dedup();
    assert_eq!(read.len(), all, "no account-Region is read twice");
}

#[test]
fn a_killed_shard_is_repeated_alone() {
    let bed = Bed::start_still(&world("acme-org"), time());
    let whole = tempfile::tempdir().unwrap();
    let expected = run(outputs(still(&bed, whole.path()).arg("scan")));
    let mut random = fastrand::Rng::with_seed(22);
    let folder = tempfile::tempdir().unwrap();
    discover(&bed, folder.path());
    for number in [1, 3, 4] {
        succeeded(run(&mut shard(&bed, folder.path(), &format!("{number}/4"), true)));
    }
    bed.server.clear_calls();
    let calls_of_shard = {
        succeeded(run(&mut shard(&bed, folder.path(), "2/4", true)));
        bed.server.calls().len()
    };
    let runs = |folder: &Path| {
        let history = run(still(&bed, folder).args(["history", "--format", "json"]));
        serde_json::from_str::<Value>(&history.out).map_or(0, |json| json["scans"].as_array().map_or(0, Vec::len))
    };
    for kill in 0..12 {
        std::fs::remove_file(folder.path().join("part-2.json")).unwrap();
        bed.server.clear_calls();
        let mut command = shard(&bed, folder.path(), "2/4", true);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let moment = calls_of_shard * kill / 11;
        let ended = loop {
            if child.try_wait().unwrap().is_some() {
                break true;
            }
            if bed.server.calls().len() >= moment {
                std::thread::sleep(Duration::from_micros(random.u64(0..30_000)));
                break child.try_wait().unwrap().is_some();
            }
            std::thread::sleep(Duration::from_micros(300));
        };
        child.kill().unwrap();
        child.wait().unwrap();
        let merge = |folder: &Path| {
            let mut merge = still(&bed, folder);
            merge.args(["merge", "--discovered", "plan.json", "part-{1..4}.json"]);
            run(outputs(&mut merge))
        };
        if !ended && !folder.path().join("part-2.json").exists() {
            let said = merge(folder.path());
            assert!(matches!(said.code, Some(4 | 5)), "{:?} {}", said.code, said.err);
            assert!(said.err.contains("shards without a usable part: 2/4."), "{}", said.err);
            check_partial(folder.path(), whole.path());
            if kill < 3 {
                assert_eq!(runs(folder.path()), 0, "a scan with a missing part is not recorded");
            }
        }
        succeeded(run(&mut shard(&bed, folder.path(), "2/4", true)));
        let ledger = folder.path().join(".local/state/doorward/ledger.sqlite");
        if kill < 11 {
            // Each round begins with an empty ledger.
            let said = merge(folder.path());
            assert_eq!(said.code, expected.code, "{}", said.err);
            same(whole.path(), folder.path(), &format!("killed at {moment} of {calls_of_shard} calls"));
            assert_eq!(runs(folder.path()), 1);
            std::fs::remove_file(&ledger).unwrap();
        }
    }
}

/// What the report has is what the whole scan found; the rest is named as not read.
fn check_partial(partial: &Path, whole: &Path) {
    let read = |folder: &Path| -> Value {
        serde_json::from_str(&std::fs::read_to_string(folder.join("a.json")).unwrap()).unwrap()
    };
    let (partial, whole) = (read(partial), read(whole));
    let places = |json: &Value| json["coverage"]["lines"].as_array().unwrap().len();
    assert_eq!(places(&partial), places(&whole));
    let missing = partial["coverage"]["lines"].as_array().unwrap().iter();
    let missing = missing.filter(|line| line["gaps"][0]["reason"] == "part-unusable");
    let missing: Vec<&Value> = missing.collect();
    assert!(!missing.is_empty() && missing.iter().all(|line| line["status"] == "failed"));
    for lb in partial["load_balancers"].as_array().unwrap() {
        assert!(whole["load_balancers"].as_array().unwrap().contains(lb), "{lb}");
    }
}

#[test]
fn missing_parts_are_recorded_only_if_accepted() {
    let bed = Bed::start_still(&world("acme-org"), time());
    let folder = tempfile::tempdir().unwrap();
    for number in [1, 2] {
        succeeded(run(&mut shard(&bed, folder.path(), &format!("{number}/3"), false)));
    }
    let merge = |flags: &[&str]| {
        let mut merge = still(&bed, folder.path());
        run(merge.args(["merge", "part-1.json", "part-2.json"]).args(flags))
    };
    let ledger = folder.path().join(".local/state/doorward/ledger.sqlite");
    let said = merge(&[]);
    assert!(matches!(said.code, Some(4 | 5)) && !ledger.exists(), "{:?} {}", said.code, said.err);
    assert!(said.out.contains("part-unusable") || said.out.contains("shard 3/3"), "{}", said.out);
    let said = merge(&["--publish"]);
    assert!(said.err.contains("nothing is delivered"), "{}", said.err);
    let said = merge(&["--accept-missing"]);
    assert!(matches!(said.code, Some(4 | 5)) && ledger.exists(), "{:?} {}", said.code, said.err);
}

/// What the ledger knows of the organization and of its load balancers decides what is read and by which shard.
#[test]
fn shards_know_what_one_scan_knows() {
    let bed = Bed::start(&world("acme-org"), vec![]);
    let folder = tempfile::tempdir().unwrap();
    let scan = |name: &str| {
        let mut command = bed.doorward(folder.path());
        run(command.args(["-q", "scan", "--format", &format!("json-v1={name}")]))
    };
    assert_eq!(scan("first.json").code, Some(3));
    // Half of the shards by the ledger's counts, and half without.
    let shard = |number: usize, flags: &[&str]| {
        let (of, part) = (format!("{number}/4"), format!("part-{number}.json"));
        succeeded(run(bed.doorward(folder.path()).args(["-q", "scan", "--shard", &of, "--save", &part]).args(flags)));
    };
    let merge = || {
        let mut command = bed.doorward(folder.path());
        run(command.args(["merge", "part-{1..4}.json", "--format", "json-v1=merged.json"]))
    };
    (1..=3).for_each(|number| shard(number, &[]));
    shard(4, &["--no-ledger"]);
    let said = merge();
    assert!(said.err.contains("part-4.json: it is a part of another scan"), "{}", said.err);
    shard(4, &[]);
    assert_eq!(merge().code, Some(3));
    assert_eq!(scan("second.json").code, Some(3));
    let masked = |name: &str| crate::ledger::masked(&folder.path().join(name));
    assert_eq!(masked("merged.json"), masked("second.json"));
}

/// Shards that were repeated after their scan was recorded are another scan; the same parts are the same scan.
#[test]
fn repeated_shards_are_recorded_as_another_scan() {
    let bed = Bed::start(&world("acme-org"), vec![]);
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let shard = |of: &str, save: &str| {
        let wanted = ["-q", "scan", "--shard", of, "--save", save, "--discovered", "plan.json"];
        succeeded(run(bed.doorward(folder).args(wanted)));
    };
    succeeded(run(bed.doorward(folder).args(["-q", "scan", "--discover-only", "--save", "plan.json"])));
    shard("1/2", "part-1.json");
    shard("2/2", "part-2.json");
    let recorded = || {
        let merged = run(bed.doorward(folder).args(["-q", "merge", "--discovered", "plan.json", "part-{1..2}.json"]));
        assert_eq!(merged.code, Some(3), "{}", merged.err);
        let history = run(bed.doorward(folder).args(["history", "--format", "json"]));
        serde_json::from_str::<Value>(&history.out).unwrap()["scans"].as_array().unwrap().len()
    };
    assert_eq!(recorded(), 1);
    assert_eq!(recorded(), 1, "the same parts are the same scan");
    shard("2/2", "part-2.json");
    assert_eq!(recorded(), 2, "what was read again is recorded");
    assert_eq!(recorded(), 2);
}

#[test]
fn a_shard_refuses_what_needs_the_whole_scan() {
    let bed = Bed::start(&world("acme-org"), vec![]);
    let folder = tempfile::tempdir().unwrap();
    for (arguments, problem) in [
        (&["scan", "--shard", "1/2"][..], "--save"),
        (&["scan", "--shard", "3/2", "--save", "p"], "is not a shard"),
        (&["scan", "--shard", "1/2", "--save", "p", "--format", "json-v1"], "cannot be used with"),
        (&["scan", "--shard", "1/2", "--save", "p", "--publish"], "cannot be used with"),
        (&["scan", "--discover-only", "--shard", "1/2", "--save", "p"], "cannot be used with"),
        (&["scan", "--discovered", "p", "--save", "q"], "--shard"),
        (&["merge", "nothing.json"], "no part can be used"),
        (&["merge"], "PART"),
        (&["merge", "part-{3..1}.json"], "is not a range"),
        (&["merge", "p", "--discovered", "missing.json"], "--discovered missing.json"),
    ] {
        let said = run(bed.doorward(folder.path()).args(arguments));
        assert_eq!(said.code, Some(2), "{arguments:?}: {}", said.err);
        assert!(said.err.contains(problem), "{arguments:?}: {}", said.err);
    }
    // A plan of other settings.
    succeeded(run(bed.doorward(folder.path()).args(["-q", "scan", "--discover-only", "--save", "plan.json"])));
    let with = |flags: &[&str]| {
        let mut command = bed.doorward(folder.path());
        run(command.args(["scan", "--shard", "1/2", "--save", "p", "--discovered", "plan.json"]).args(flags))
    };
    let said = with(&["--fail-on", "critical"]);
    assert!(said.code == Some(2) && said.err.contains("different settings"), "{}", said.err);
    assert_eq!(with(&[]).code, Some(0));
    let said = run(bed.doorward(folder.path()).args(["merge", "p", "plan.json"]));
    assert!(said.err.contains("pass it with --discovered"), "{}", said.err);
}
