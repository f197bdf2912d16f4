//! History from the command line: recorded, resumed, shared by several scans, never torn.

use std::process::Stdio;
use std::time::{Duration, Instant};

use doorward_fakeaws::{Fault, What};
use serde_json::Value;

use crate::bed::{Bed, doorward, run, world};
use crate::formats::{assert_valid, schema};

/// A report without what belongs to a run rather than to what was seen.
pub(crate) fn masked(path: &std::path::Path) -> Value {
    let mut json: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    json["run"] = Value::Null;
    // What a ledger knows besides is nothing to a scan without one.
    json.as_object_mut().unwrap().remove("unseen");
    json.as_object_mut().unwrap().remove("observed");
    for list in ["load_balancers", "findings"] {
        for entry in json[list].as_array_mut().unwrap() {
            entry.as_object_mut().unwrap().remove("evidence");
            entry.as_object_mut().unwrap().remove("history");
        }
    }
    // Request ids of refused calls, and the times of readings.
    fn strip(value: &mut Value) {
        match value {
            Value::Object(map) => {
                for of_the_run in ["request_id", "observed_at", "read_at"] {
                    map.remove(of_the_run);
                }
                map.values_mut().for_each(strip);
            }
            Value::Array(list) => list.iter_mut().for_each(strip),
            _ => {}
        }
    }
    strip(&mut json);
    json
}

#[test]
fn scans_are_remembered_and_compared() {
    let bed = Bed::start(&world("gaps-org"), vec![]);
    let folder = tempfile::tempdir().unwrap();
    let scan = || run(bed.doorward(folder.path()).args(["-q", "scan", "--format", "json-v1=a.json"]));
    assert!(matches!(scan().code, Some(3..=5)));
    let name = ("200000000008", "eu-central-1", "tenant-admin");
    let mode = doorward_fakeaws::DESYNC_MODE;
    assert!(bed.server.world().set_attribute(name.0, name.1, name.2, mode, Some("strictest")));
    let second = scan();
    assert!(matches!(second.code, Some(3..=5)), "{}", second.err);

    let json: Value = serde_json::from_str(&std::fs::read_to_string(folder.path().join("a.json")).unwrap()).unwrap();
    let of = |name: &str| {
        let findings = json["findings"].as_array().unwrap().iter();
        findings.filter(|f| f["name"] == name && f["rule"] == "desync-mode-below-required").collect::<Vec<_>>()[0]
            .clone()
    };
    assert!(of("tenant-admin")["history"]["resolved"].is_string(), "{}", of("tenant-admin"));
    assert!(of("web-front")["history"]["first_seen"].is_string() && of("web-front")["history"]["resolved"].is_null());

    let history = run(bed.doorward(folder.path()).args(["history", "--format", "json"]));
    let history: Value = serde_json::from_str(&history.out).unwrap();
    assert_valid(&schema("history-v1"), &history);
    let scans = history["scans"].as_array().unwrap();
    assert_eq!(scans.len(), 2);
    assert_eq!(history["kpis"][0]["time_to_remediate"]["count"], 1);
    let ids: Vec<&str> = scans.iter().map(|scan| scan["run"]["id"].as_str().unwrap()).collect();
    let diff = run(bed.doorward(folder.path()).args(["history", "diff", ids[0], ids[1], "--format", "json"]));
    let diff: Value = serde_json::from_str(&diff.out).unwrap();
    assert_valid(&schema("history-diff-v1"), &diff);
    let fixed: Vec<&str> = diff["fixed"].as_array().unwrap().iter().map(|l| l["rule"].as_str().unwrap()).collect();
    assert_eq!(fixed, ["desync-mode-below-required"], "{diff}");
    // The account that cannot be entered resolved nothing, and nothing vanished from it.
    assert_eq!(diff["vanished"].as_array().unwrap().len(), 0);
    // A filter selects lines, and refuses what is recorded nowhere.
    let selected = |arguments: &[&str]| {
        let said = run(bed.doorward(folder.path()).args(["history", "diff", "--format", "json"]).args(arguments));
        let diff: Value = serde_json::from_str(&said.out).unwrap_or_default();
        (said.code, diff["fixed"].as_array().map_or(0, Vec::len))
    };
    assert_eq!(selected(&["--rule", "desync-mode-below-required"]), (Some(0), 1));
    assert_eq!(selected(&["--rule", "owner-missing"]), (Some(0), 0));
    assert_eq!(selected(&["--account", "200000000008"]), (Some(0), 1));
    assert_eq!(selected(&["--account", "123456789012"]).0, Some(2), "an account that was never recorded");
    assert_eq!(selected(&["--severity", "HIGH"]).0, Some(0));
    assert_eq!(selected(&["--severity", "grave"]).0, Some(2));
    assert_eq!(selected(&["--owner", "no-such-team"]).0, Some(2));
    let line = &diff["fixed"][0];
    assert_eq!((&line["mode_before"], &line["mode_after"]), (&"monitor".into(), &"strictest".into()), "{line}");
    let owner = line["owner"].as_str().unwrap();
    assert_eq!(selected(&["--owner", &owner.to_uppercase()]), (Some(0), 1), "{owner}");
    let table = run(doorward(folder.path()).env("COLUMNS", "200").args(["history", "diff"])).out;
    assert!(table.contains("monitor -> strictest") && table.contains(owner), "{table}");
    assert_eq!(selected(&["--rule", "owner-mising"]).0, Some(2));
    let owner = run(bed.doorward(folder.path()).args(["history", "--owner", "PLATFORM", "--format", "json"]));
    let owner: Value = serde_json::from_str(&owner.out).unwrap();
    assert_valid(&schema("history-v1"), &owner);
    let groups =
        |key: &str| -> Vec<Value> { owner[key].as_array().unwrap().iter().map(|x| x["group"].clone()).collect() };
    assert!(!groups("kpis").is_empty() && groups("kpis").iter().all(|group| group == "platform"), "{owner}");
    assert!(groups("scans").iter().all(|group| group == "platform"), "{owner}");
    let misspelt = run(bed.doorward(folder.path()).args(["history", "--owner", "platfrom"]));
    assert!(misspelt.code == Some(2) && misspelt.err.contains("did you mean platform?"), "{}", misspelt.err);
    for format in ["table", "csv", "openmetrics"] {
        let said = run(bed.doorward(folder.path()).args(["history", "--format", format]));
        assert!(said.code == Some(0) && said.out.len() > 100, "{format}: {}", said.err);
    }
    let said = run(bed.doorward(folder.path()).args(["history", "prune", "--dry-run"]));
    assert!(said.code == Some(0) && said.out.contains("would delete 0 raw scans"), "{}{}", said.out, said.err);
}

#[test]
fn a_killed_scan_is_resumed_to_the_same_result() {
    let whole = tempfile::tempdir().unwrap();
    let clean = Bed::start(&world("acme-org"), vec![]);
    run(clean.doorward(whole.path()).args(["-q", "scan", "--no-ledger", "--format", "json-v1=a.json"]));
    let expected = masked(&whole.path().join("a.json"));

    for (signal, wait) in [("-INT", 10), ("-KILL", 6), ("-KILL", 25)] {
        let bed = Bed::start(&world("acme-org"), vec![Fault::new(What::BlackHole).region("us-east-1").service("elb*")]);
        let folder = tempfile::tempdir().unwrap();
        let mut child = bed
            .doorward(folder.path())
            .args(["-q", "scan"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let begun = Instant::now();
        let asked =
            |region: &str| bed.server.calls().iter().filter(|c| c.region == region && c.service == "elbv2").count();
        while asked("us-east-1") == 0 || asked("eu-west-1") < wait {
            assert!(begun.elapsed() < Duration::from_secs(30), "the scan does not get going");
            std::thread::yield_now();
        }
        std::process::Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
        child.wait().unwrap();

        bed.server.set_faults(vec![]);
        bed.server.clear_calls();
        let said = run(bed.doorward(folder.path()).args(["-q", "scan", "--resume", "--format", "json-v1=a.json"]));
        assert!(matches!(said.code, Some(3)), "{signal}: {:?} {}", said.code, said.err);
        assert_eq!(masked(&folder.path().join("a.json")), expected, "{signal} after {wait} calls");
        let again = run(bed.doorward(folder.path()).args(["-q", "scan", "--resume"]));
        assert_eq!(again.code, Some(2), "nothing is left to resume: {}", again.err);
        let history = run(bed.doorward(folder.path()).args(["history", "--format", "json"]));
        let history: Value = serde_json::from_str(&history.out).unwrap();
        assert_eq!(history["scans"].as_array().unwrap().len(), 1, "one scan, however often it was stopped");
    }
}

#[test]
fn four_scans_share_one_ledger() {
    let bed = Bed::start(&world("gaps-org"), vec![]);
    let folder = tempfile::tempdir().unwrap();
    let mut children: Vec<_> = (0..4)
        .map(|n| {
            let format = format!("json-v1={n}.json");
            let mut command = bed.doorward(folder.path());
            command.args(["-q", "scan", "--format", &format]).stdout(Stdio::null()).stderr(Stdio::piped());
            command.spawn().unwrap()
        })
        .collect();
    for child in children.drain(..) {
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(matches!(output.status.code(), Some(3..=5)), "{:?} {said}", output.status);
        assert!(said.lines().all(|line| line.starts_with("waiting: ")), "{said}");
    }
    let history = run(bed.doorward(folder.path()).args(["history", "--format", "json"]));
    let history: Value = serde_json::from_str(&history.out).unwrap();
    assert_eq!(history["scans"].as_array().unwrap().len(), 4);
}

#[test]
fn a_ledger_that_cannot_be_used_is_found_out_before_the_scan() {
    let bed = Bed::start(&world("gaps-org"), vec![]);
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("notes.txt"), "not a ledger, but long enough to look like a file of some kind")
        .unwrap();
    let said = run(bed.doorward(folder.path()).args(["-q", "scan", "--ledger", "notes.txt"]));
    assert_eq!(said.code, Some(6), "{}", said.err);
    assert!(
        said.err.contains("notes.txt") && said.err.contains("--no-ledger") && bed.server.calls().is_empty(),
        "{}",
        said.err
    );
    let said = run(bed.doorward(folder.path()).args(["history", "--ledger", "nowhere.sqlite"]));
    assert_eq!(said.code, Some(2), "{}", said.err);
    assert!(said.err.contains("nowhere.sqlite") && said.err.contains("run a scan first"), "{}", said.err);
}

#[test]
fn a_scan_that_cannot_start_leaves_no_ledger() {
    let folder = tempfile::tempdir().unwrap();
    let scan = run(doorward(folder.path()).args(["scan", "--ledger", "state/ledger.sqlite"]));
    assert_eq!(scan.code, Some(6), "{}", scan.err);
    assert!(!folder.path().join("state/ledger.sqlite").exists());
    let history = run(doorward(folder.path()).args(["history", "--ledger", "state/ledger.sqlite"]));
    assert_eq!(history.code, Some(2), "{}{}", history.out, history.err);

    // A place where none can be created is still found before any scan work.
    std::fs::write(folder.path().join("file"), "").unwrap();
    let scan = run(doorward(folder.path()).args(["scan", "--ledger", "file/ledger.sqlite"]));
    assert_eq!(scan.code, Some(6), "{}", scan.err);
    assert!(scan.err.contains("file"), "{}", scan.err);
}
