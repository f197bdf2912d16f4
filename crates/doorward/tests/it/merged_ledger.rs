//! A ledger that only the merging machine has: accounts that AWS's lists lack are named by the merge as by one scan with that ledger.

use std::path::Path;
use std::time::Duration;

use doorward_fakeaws::{Fault, Form, What};
use serde_json::{Value, json};

use crate::bed::{Bed, Said, run, world};

const LEDGER: &str = "ledger.sqlite";
const LEFT: &str = "100000000031";
const JSON: [&str; 2] = ["--format", "json-v1=report.json"];

fn start() -> Bed {
    Bed::start_still(&world("acme-org"), "2026-11-02T09:00:00Z".parse().unwrap())
}

fn doorward(bed: &Bed, folder: &Path, arguments: &[&str]) -> Said {
    let mut command = bed.doorward(folder);
    run(command.env("DOORWARD_TEST_CLOCK", format!("{} still", bed.now())).arg("-q").args(arguments))
}

/// The report, with the same text in the place of every gap of times of the ledger too.
fn report(folder: &Path) -> Value {
    fn plain(value: &mut Value) {
        match value {
            Value::Object(members) if members.contains_key("reason") && members.contains_key("operation") => {
                *value = json!("gap");
            }
            Value::Object(members) => members.values_mut().for_each(plain),
            Value::Array(all) => all.iter_mut().for_each(plain),
            _ => {}
        }
    }
    let mut json = serde_json::from_str(&std::fs::read_to_string(folder.join("report.json")).unwrap()).unwrap();
    plain(&mut json);
    json
}

fn shards(bed: &Bed, folder: &Path, ledger: &[&str]) {
    let shared = [&["--discovered", "plan.json"], ledger].concat();
    let plan = doorward(bed, folder, &[&["scan", "--discover-only", "--save", "plan.json"], ledger].concat());
    assert_eq!(plan.code, Some(0), "{}", plan.err);
    for (of, save) in [("1/2", "part-1.json"), ("2/2", "part-2.json")] {
        let said = doorward(bed, folder, &[&["scan", "--shard", of, "--save", save], &shared[..]].concat());
        assert_eq!(said.code, Some(0), "{}", said.err);
    }
}

fn merge(bed: &Bed, folder: &Path) -> Said {
    let parts = ["merge", "--discovered", "plan.json", "part-{1..2}.json", "--ledger", LEDGER];
    doorward(bed, folder, &[&parts[..], &JSON].concat())
}

#[test]
fn accounts_that_only_the_ledger_of_the_merge_has_are_not_read() {
    let bed = start();
    let first = tempfile::tempdir().unwrap();
    let said = doorward(&bed, first.path(), &["scan", "--ledger", LEDGER]);
    assert_eq!(said.code, Some(3), "{}", said.err);
    let ledger = std::fs::read(first.path().join(LEDGER)).unwrap();
    let short = || Fault::new(What::Form(Form::Shortened)).action("ListAccounts");
    for asks in [false, true] {
        bed.pass(Duration::from_secs(3600));
        let denied = (!asks).then(|| Fault::new(What::AccessDenied).action("DescribeAccount"));
        bed.server.set_faults(denied.into_iter().chain([short()]).collect());
        let (one, merged) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (one, merged) = (one.path(), merged.path());
        std::fs::write(one.join(LEDGER), &ledger).unwrap();
        std::fs::write(merged.join(LEDGER), &ledger).unwrap();
        let whole = doorward(&bed, one, &[&["scan", "--ledger", LEDGER], &JSON[..]].concat());
        assert_eq!(whole.code, Some(5), "{}", whole.err);

        shards(&bed, merged, &["--no-ledger"]);
        let said = merge(&bed, merged);
        assert_eq!(said.code, Some(5), "{}", said.err);
        assert!(said.err.contains("the ledger has account"), "{}", said.err);
        let (one, other) = (report(one), report(merged));
        let hidden = said.err.split("the ledger has account ").nth(1).unwrap()[..12].to_owned();
        let of = |report: &Value, list: &str| -> Vec<Value> {
            let all = if list == "lines" { &report["coverage"][list] } else { &report[list] };
            all.as_array()
                .unwrap()
                .iter()
                .filter(|one| one["account"] != *hidden && one["id"] != *hidden)
                .cloned()
                .collect()
        };
        for list in ["lines", "accounts", "load_balancers", "findings"] {
            assert!(of(&one, list) == of(&other, list), "{list} differ");
        }
        let lines = |report: &Value| report["coverage"]["lines"].as_array().unwrap().len();
        assert_eq!(lines(&one), lines(&other));
        let failed = other["coverage"]["lines"].as_array().unwrap().iter().filter(|line| line["account"] == *hidden);
        assert!(failed.clone().count() > 0 && failed.clone().all(|line| line["status"] == "failed"));
        assert!(!other["load_balancers"].as_array().unwrap().iter().any(|lb| lb["account"] == *hidden));
        assert_ne!(other["coverage"]["accounts_listing"], "full");
        if !asks {
            // Nothing could be asked by the scan either: both reports are the same, the words of gaps aside.
            for (name, value) in one.as_object().unwrap() {
                assert!(*value == other[name], "{name} differs: {value}\n{}", other[name]);
            }
        }
        // The same parts are the same scan.
        let scans = || {
            let history = doorward(&bed, merged, &["history", "--format", "json", "--ledger", LEDGER]);
            serde_json::from_str::<Value>(&history.out).unwrap()["scans"].as_array().unwrap().len()
        };
        let recorded = scans();
        assert_eq!(merge(&bed, merged).code, Some(5));
        assert_eq!(scans(), recorded);

        // Shards that know the ledger leave nothing open, whatever has become of the account.
        shards(&bed, merged, &["--ledger", LEDGER]);
        let said = merge(&bed, merged);
        assert!(!said.err.contains("the ledger has account"), "{}", said.err);
    }
}

#[test]
fn an_account_that_the_plan_knew_to_have_left_is_not_missing() {
    let whole = world("acme-org");
    let bed = start();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    assert_eq!(doorward(&bed, folder, &["scan", "--ledger", LEDGER]).code, Some(3));
    let mut left: toml::Table = whole.parse().unwrap();
    for (_, list) in left.iter_mut().filter_map(|(name, value)| Some((name, value.as_array_mut()?))) {
        list.retain(|one| ["id", "account"].iter().all(|key| one.get(key).and_then(|id| id.as_str()) != Some(LEFT)));
    }
    let left = toml::to_string(&left).unwrap();
    let bed = Bed::start_still(&left, "2026-11-02T10:00:00Z".parse().unwrap());
    // Without the ledger nothing asked for it.
    shards(&bed, folder, &["--no-ledger"]);
    let said = merge(&bed, folder);
    assert!(
        matches!(said.code, Some(4 | 5)) && said.err.contains(&format!("the ledger has account {LEFT}")),
        "{}",
        said.err
    );
    shards(&bed, folder, &["--ledger", LEDGER]);
    let said = merge(&bed, folder);
    assert_eq!(said.code, Some(3), "{}", said.err);
    assert!(said.err.is_empty() && report(folder)["coverage"]["accounts_listing"] == "full", "{}", said.err);
}

/// Parts that are merged after a newer scan was recorded are older than it in every figure.
#[test]
fn parts_that_are_merged_late_are_not_the_newest_scan() {
    let bed = start();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    shards(&bed, folder, &["--no-ledger"]);
    bed.pass(Duration::from_secs(7200));
    let newer = doorward(&bed, folder, &["scan", "--ledger", LEDGER]);
    assert_eq!(newer.code, Some(3), "{}", newer.err);
    let history = |arguments: &[&str]| {
        let said = doorward(&bed, folder, &[&["history", "--ledger", LEDGER], arguments].concat());
        assert_eq!(said.code, Some(0), "{}", said.err);
        said.out
    };
    let metrics = history(&["--format", "openmetrics"]);
    assert!(metrics.contains("scan_timestamp_seconds"), "{metrics}");
    bed.pass(Duration::from_secs(3600));
    let merged = merge(&bed, folder);
    assert_eq!(merged.code, Some(3), "{}", merged.err);
    assert!(merged.err.contains("the ledger contains a later reading"), "{}", merged.err);
    assert_eq!(history(&["--format", "openmetrics"]), metrics);
    let scans: Value = serde_json::from_str(&history(&["--format", "json"])).unwrap();
    let at = |n: usize| scans["scans"][n]["run"]["at"].as_str().unwrap().to_owned();
    assert!(at(0) < at(1), "{} {}", at(0), at(1));
    let diff = doorward(&bed, folder, &["history", "--ledger", LEDGER, "diff"]);
    let text = diff.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains("recorded after the later one"), "{text}");
}
