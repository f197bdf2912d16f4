//! Histories with a clock: what a command reads is dated when it was read, and nothing is ever reported as newer than it is.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use doorward_fakeaws::{DESYNC_MODE, Fault, What};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::bed::{Bed, Said, run, world};

const DAY: u64 = 86_400;

fn start() -> Timestamp {
    "2026-03-01T08:00:00Z".parse().unwrap()
}

fn time(value: &Value) -> Timestamp {
    value.as_str().unwrap_or_else(|| panic!("no time: {value}")).parse().unwrap()
}

fn scan(bed: &Bed, folder: &Path, flags: &[&str]) -> (Said, Value) {
    let mut command = bed.doorward(folder);
    command.args(["-q", "scan", "--format", "json-v1", "--format", "table=scan.txt"]).args(flags);
    let said = run(&mut command);
    let report = serde_json::from_str(&said.out).unwrap_or(Value::Null);
    (said, report)
}

fn publish(bed: &Bed, folder: &Path, flags: &[&str]) -> (Said, Value) {
    let said = run(bed.doorward(folder).args(["publish", "--format", "json"]).args(flags));
    let json = serde_json::from_str(&said.out).unwrap_or(Value::Null);
    (said, json)
}

/// Everything that the Security Hubs of a report's account-Regions hold.
fn held(bed: &Bed, report: &Value) -> Vec<Value> {
    let lines = report["coverage"]["lines"].as_array().unwrap().iter();
    let places = lines.filter_map(|line| Some((line["account"].as_str()?, line["region"].as_str()?)));
    places.flat_map(|(account, region)| bed.server.world().security_hub_findings(account, region)).collect()
}

/// Begins a scan that hangs in us-east-1, and stops it once it has read the rest.
fn stopped(bed: &Bed, folder: &Path) {
    bed.server.set_faults(vec![Fault::new(What::BlackHole).region("us-east-1").service("elb*")]);
    bed.server.clear_calls();
    let mut child =
        bed.doorward(folder).args(["-q", "scan"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let patience = Instant::now();
    let asked = |region: &str| bed.server.calls().iter().filter(|c| c.region == region && c.service == "elbv2").count();
    // Until nothing but the silent Region is left to wait for, so that there is something to keep.
    let (mut calls, mut quiet) = (0, Instant::now());
    while asked("us-east-1") == 0 || asked("eu-west-1") < 20 || quiet.elapsed() < Duration::from_millis(400) {
        assert!(patience.elapsed() < Duration::from_secs(30), "the scan does not get going");
        let now = bed.server.calls().len();
        if now != calls {
            (calls, quiet) = (now, Instant::now());
        }
        std::thread::yield_now();
    }
    assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(143));
    bed.server.set_faults(vec![]);
}

/// The times at which load balancers were read.
fn readings(report: &Value) -> Vec<Timestamp> {
    let all = report["load_balancers"].as_array().unwrap().iter();
    all.filter_map(|lb| lb.get("evidence")).map(|evidence| time(&evidence["at"])).collect()
}

/// What must be true of every report: nothing in it is reported as newer than it is.
fn check(report: &Value) {
    let findings = report["findings"].as_array().unwrap();
    assert!(!findings.is_empty());
    for finding in findings {
        let lb = report["load_balancers"].as_array().unwrap().iter().find(|lb| lb["arn"] == finding["load_balancer"]);
        let evidence = lb.and_then(|lb| lb.get("evidence")).map(|evidence| time(&evidence["at"]));
        let observed = time(&finding["observed_at"]);
        let line = report["coverage"]["lines"].as_array().unwrap().iter();
        let mut line = line.filter(|line| line["account"] == finding["account"] && line["region"] == finding["region"]);
        let begun = time(&line.next().unwrap()["read_at"]);
        assert_eq!(observed, evidence.unwrap_or(begun), "{finding}");
        assert!(begun <= observed && time(&report["observed"]["from"]) <= observed, "{finding}");
        assert!(observed <= time(&report["observed"]["to"]), "{finding}");
        if let Some(history) = finding.get("history") {
            assert!(time(&history["last_seen"]) <= observed, "{finding}");
            assert!(time(&history["first_seen"]) <= observed, "{finding}");
        }
    }
}

#[test]
fn a_scan_months_later_is_dated_months_later() {
    let folder = tempfile::tempdir().unwrap();
    let bed = Bed::start_at(&world("gaps-org"), vec![], start());
    let started = |bed: &Bed| {
        let (said, report) = scan(bed, folder.path(), &[]);
        check(&report);
        report["run"]["started"].as_str().unwrap_or_else(|| panic!("{}", said.err)).to_owned()
    };
    assert!(started(&bed).starts_with("2026-03-01T08:00"));
    bed.pass(Duration::from_secs(45 * DAY));
    assert!(started(&bed).starts_with("2026-04-15T08:00"), "{}", bed.now());
}

#[test]
fn a_resume_keeps_what_is_recent_and_reads_the_rest_again() {
    // (hours between stop and resume, the setting, whether anything of before is kept)
    for (hours, within, keeps) in [(2, None, true), (5, None, false), (5, Some("6h"), true), (45 * 24, None, false)] {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        if let Some(within) = within {
            std::fs::write(folder.join("doorward.toml"), format!("[scan]\nresume_within = \"{within}\"\n")).unwrap();
        }
        let bed = Bed::start_at(&world("acme-org"), vec![], start());
        stopped(&bed, folder);
        // Everything gets worse meanwhile.
        let (account, region, name) = ("100000000020", "eu-west-1", "image-resizer");
        assert!(bed.server.world().set_attribute(account, region, name, DESYNC_MODE, Some("monitor")));
        bed.pass(Duration::from_secs(hours * 3_600));
        let again = bed.now();
        let (said, report) = scan(&bed, folder, &["--resume", "--save", "scan.saved"]);
        assert!(matches!(said.code, Some(3 | 5)), "{hours} h: {:?} {}", said.code, said.err);
        check(&report);
        let old = readings(&report).into_iter().filter(|at| *at < again).count();
        assert_eq!(old > 0, keeps, "{hours} h, {within:?}: {old} of {}", readings(&report).len());
        assert_eq!(said.err.contains("are read again"), !keeps, "{hours} h: {}", said.err);
        assert_eq!(time(&report["run"]["started"]) < again, keeps, "{hours} h");
        let table = std::fs::read_to_string(folder.join("scan.txt")).unwrap();
        let long = time(&report["observed"]["to"]).duration_since(time(&report["observed"]["from"]));
        assert_eq!(
            table.contains("NOT A SNAPSHOT: the values were read between"),
            long > SignedDuration::from_hours(1)
        );
        assert_eq!(long > SignedDuration::from_hours(1), keeps, "{hours} h: {long:#}");
        let here = |lb: &&Value| lb["name"] == name && lb["account"] == account && lb["region"] == region;
        let mode = report["load_balancers"].as_array().unwrap().iter().find(here).unwrap();
        assert!(keeps || mode["mode"]["known"] == "monitor", "{mode}");

        // Security Hub and the ledger say the same.
        let (said, _) = publish(&bed, folder, &[]);
        assert_eq!(said.code, Some(0), "{} {}", said.err, said.out);
        let findings = report["findings"].as_array().unwrap();
        for record in held(&bed, &report) {
            let finding = findings.iter().find(|finding| finding["id"] == record["Id"]).unwrap();
            let millis = |value: &Value| time(value).as_millisecond();
            assert!(millis(&record["LastObservedAt"]) <= millis(&finding["observed_at"]), "{record}");
            assert!(millis(&record["FirstObservedAt"]) <= millis(&finding["observed_at"]), "{record}");
        }
    }
}

#[test]
fn a_resume_that_is_stopped_again_still_forgets_what_is_old() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let bed = Bed::start_at(&world("acme-org"), vec![], start());
    stopped(&bed, folder);
    bed.pass(Duration::from_secs(45 * DAY));
    // Stopped at once: nothing can be read.
    bed.server.set_faults(vec![Fault::new(What::BlackHole).service("elb*")]);
    let said = run(bed.doorward(folder).args(["-q", "scan", "--resume"]).env("DOORWARD_SCAN__DEADLINE", "2s"));
    assert!(said.err.contains("are read again"), "{}", said.err);
    bed.server.set_faults(vec![]);
    let again = bed.now();
    let (said, report) = scan(&bed, folder, &["--resume"]);
    assert!(matches!(said.code, Some(3 | 5)), "{:?} {} {:#}", said.code, said.err, report["coverage"]);
    check(&report);
    assert!(readings(&report).iter().all(|at| *at >= again));
}

#[test]
fn publishing_one_scan_for_ever_keeps_no_pass_alive() {
    for from in [&[][..], &["--from", "scan.saved"]] {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let bed = Bed::start_at(&world("acme-org"), vec![], start());
        let (said, report) = scan(&bed, folder, &["--save", "scan.saved"]);
        assert_eq!(said.code, Some(3), "{}", said.err);
        let read = time(&report["observed"]["to"]);
        for (day, fresh) in [(0, true), (2, true), (4, false), (61, false), (122, false), (400, false)] {
            bed.pass(Duration::from_secs(day * DAY).saturating_sub(bed.now().duration_since(start()).unsigned_abs()));
            let (said, outcome) = publish(&bed, folder, from);
            assert_eq!(said.code, Some(if fresh { 0 } else { 4 }), "day {day}: {} {}", said.err, said.out);
            assert_eq!(outcome["stale"].as_u64() == Some(0), fresh, "day {day}");
            let records = held(&bed, &report);
            assert!(!records.is_empty());
            for record in &records {
                assert!(time(&record["LastObservedAt"]) <= read, "day {day}: {record}");
                assert_eq!(record["RecordState"], "ACTIVE", "day {day}: {record}");
                let status = record["Compliance"]["Status"].as_str().unwrap();
                assert!(fresh || status == "NOT_AVAILABLE", "day {day}: {record}");
            }
            let text = run(bed.doorward(folder).args(["publish", "--dry-run"]).args(from));
            let reported =
                text.out.contains("Warning: its values are up to") && text.out.contains("publish.maximum_age");
            assert_eq!((reported, text.code), (!fresh, Some(if fresh { 0 } else { 4 })), "day {day}: {}", text.out);
        }
        // A digest and a plan from it say how old it is.
        let said = run(bed.doorward(folder).args(["notify", "--dry-run"]).args(from));
        assert!(said.err.contains("warning: its values are up to"), "{}", said.err);
        let said = run(bed.doorward(folder).args(["plan", "--out", "plan.json"]).args(from));
        assert!(said.err.contains("warning: its values are up to"), "{}", said.err);
        // The next scan says how it stands.
        let (_, report) = scan(&bed, folder, &[]);
        let (said, outcome) = publish(&bed, folder, &[]);
        assert_eq!((said.code, outcome["stale"].as_u64()), (Some(0), Some(0)), "{}", said.err);
        assert!(held(&bed, &report).iter().any(|record| record["Compliance"]["Status"] == "PASSED"));
    }
}

#[test]
fn only_a_scan_that_ended_is_delivered_after_it() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let bed = Bed::start_at(&world("acme-org"), vec![], start());
    let (said, report) = scan(&bed, folder, &["--publish"]);
    assert!(said.code == Some(3) && said.err.contains("accepted"), "{:?} {}", said.code, said.err);
    assert!(!held(&bed, &report).is_empty());
    bed.pass(Duration::from_secs(DAY));
    // Stopped by its deadline; no way in; an output that cannot be written.
    let hole = Fault::new(What::BlackHole).region("us-east-1").service("elb*");
    let denied = Fault::new(What::AccessDenied).service("organizations");
    for (faults, deadline, flags, code) in [
        (vec![hole], "2s", &[][..], None),
        (vec![denied], "4h", &[], Some(6)),
        (vec![], "4h", &["--format", "csv=scan.txt/all.csv"], None),
    ] {
        bed.server.set_faults(faults);
        bed.server.clear_calls();
        let mut command = bed.doorward(folder);
        command.args(["-q", "scan", "--publish", "--format", "table=scan.txt"]).args(flags);
        let said = run(command.env("DOORWARD_SCAN__DEADLINE", deadline));
        assert!(
            code.is_none_or(|code| said.code == Some(code)) && said.code != Some(0),
            "{:?} {}",
            said.code,
            said.err
        );
        let called = bed.server.calls().iter().any(|call| call.service == "securityhub");
        assert!(!called, "{flags:?}: {}", said.err);
    }
    let said = run(bed.doorward(folder).args(["scan", "--publish"]).env("DOORWARD_LEDGER__ENABLED", "false"));
    assert!(said.code == Some(2) && said.err.contains("ledger.enabled"), "{:?} {}", said.code, said.err);
}

#[test]
fn the_stacks_deliver_within_the_scan() {
    let stack = std::fs::read_to_string(format!("{}/examples/fargate/stack.yaml", crate::bed::REPOSITORY)).unwrap();
    let containers: Vec<&str> = stack.split("        - Name: ").skip(1).collect();
    let scans = containers.iter().find(|text| text.starts_with("doorward\n")).expect("the scan's container");
    assert!(scans.contains("            - scan\n            - --publish\n"), "{scans}");
    assert!(
        !stack.contains("            - publish\n"),
        "publishing by itself would publish an old scan after one that failed"
    );
}

#[test]
fn a_clock_that_is_ahead_is_named_and_freezes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    // One run on a machine whose clock is 300 days ahead, where nothing checks dates.
    let ahead = Bed::start_at(&world("acme-org"), vec![], start() + SignedDuration::from_hours(24 * 300));
    let (said, _) = scan(&ahead, folder, &[]);
    assert_eq!(said.code, Some(3), "{}", said.err);
    let (said, _) = publish(&ahead, folder, &[]);
    assert_eq!(said.code, Some(0), "{}", said.err);

    let bed = Bed::start_at(&world("acme-org"), vec![], start());
    let (said, json) = publish(&bed, folder, &["--dry-run"]);
    assert!(said.code == Some(4) && json["stale"].as_u64() > Some(0), "{:?} {}", said.code, said.err);
    assert!(said.err.contains("in the future by this machine's clock"), "{}", said.err);

    let (account, region, name) = ("100000000040", "eu-west-1", "hack-week");
    assert!(bed.server.world().set_attribute(account, region, name, DESYNC_MODE, Some("strictest")));
    let (said, report) = scan(&bed, folder, &[]);
    assert_eq!(said.code, Some(3), "{}", said.err);
    assert!(said.err.contains("with a date in the future"), "{}", said.err);
    check(&report);
    let rule = "desync-mode-below-required";
    let finding = report["findings"].as_array().unwrap().iter().find(|f| f["name"] == name && f["rule"] == rule);
    let history = &finding.unwrap()["history"];
    assert!(time(&history["resolved"]) <= bed.now() + SignedDuration::from_mins(5), "{history}");
    let (said, outcome) = publish(&bed, folder, &[]);
    assert_eq!((said.code, outcome["stale"].as_u64()), (Some(0), Some(0)), "{} {}", said.err, said.out);
    let record = held(&bed, &report).into_iter().find(|r| r["Id"] == finding.unwrap()["id"]).unwrap();
    assert_eq!(record["Compliance"]["Status"], "PASSED");
    bed.pass(Duration::from_secs(3_600));
    let (said, _) = scan(&bed, folder, &[]);
    assert!(!said.err.contains("warning"), "one scan sets it right: {}", said.err);
}

#[test]
fn a_measured_offset_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let bed = Bed::start_undated(&world("acme-org"), start());
    let ahead = (start() + SignedDuration::from_mins(20)).to_string();
    let mut command = bed.doorward(folder.path());
    command.args(["-q", "scan", "--no-ledger", "--format", "table"]).env("DOORWARD_TEST_CLOCK", ahead);
    let said = run(&mut command);
    assert_eq!(said.code, Some(3), "{}", said.err);
    for text in [&said.out, &said.err] {
        assert!(text.contains("this machine's clock is 20m") && text.contains("ahead of AWS's"), "{text}");
    }
    let said = run(bed.doorward(folder.path()).args(["-q", "scan", "--no-ledger", "--format", "table"]));
    assert!(!said.err.contains("clock") && !said.out.contains("clock"), "{}", said.err);
}

#[test]
fn a_second_ledger_keeps_the_first_dates_in_security_hub() {
    let bed = Bed::start_at(&world("acme-org"), vec![], start());
    let mut before: Option<Vec<(Value, Value)>> = None;
    for _ in 0..2 {
        let folder = tempfile::tempdir().unwrap();
        let (said, report) = scan(&bed, folder.path(), &[]);
        assert_eq!(said.code, Some(3), "{}", said.err);
        let (said, _) = publish(&bed, folder.path(), &[]);
        assert_eq!(said.code, Some(0), "{} {}", said.err, said.out);
        let dates: Vec<_> =
            held(&bed, &report).iter().map(|r| (r["CreatedAt"].clone(), r["FirstObservedAt"].clone())).collect();
        assert!(before.is_none_or(|before| before == dates), "dates were reset");
        before = Some(dates);
        bed.pass(Duration::from_secs(20 * DAY));
    }
}

#[test]
fn a_ledger_without_content_is_no_new_ledger() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let bed = Bed::start(&world("gaps-org"), vec![]);
    std::fs::write(folder.join("ledger.sqlite"), "").unwrap();
    for (arguments, code) in [(&["scan", "-q"][..], 6), (&["publish"], 2), (&["history"], 2), (&["notify"], 2)] {
        let said = run(bed.doorward(folder).args(arguments).args(["--ledger", "ledger.sqlite"]));
        assert_eq!(said.code, Some(code), "{arguments:?}: {}", said.err);
        assert!(said.err.contains("the ledger file is empty (0 bytes)"), "{arguments:?}: {}", said.err);
    }
    assert_eq!(std::fs::metadata(folder.join("ledger.sqlite")).unwrap().len(), 0);
}
