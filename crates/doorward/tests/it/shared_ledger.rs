//! A ledger in S3: every command takes it, readers write nothing, refusals are no empty history, and events are recorded while a scan
//! reads.

use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use doorward_fakeaws::{DESYNC_MODE, Fault, What};
use serde_json::Value;

use crate::bed::{Bed, Said, run, world};
use crate::event::{envelope, feed, record};

const EDGE: (&str, &str, &str) = ("100000000020", "eu-west-1", "image-resizer");
const BUCKET: &str = "acme-ledger";
const KEY: &str = "doorward/ledger.sqlite";
pub(crate) const PLACE: &str = "s3://acme-ledger/doorward/ledger.sqlite";

/// The organization of the example with a bucket, and what `doorward setup iam --for ledger` grants the base identity.
pub(crate) fn shared_world(versioned: bool) -> String {
    let grants = format!(
        "allow = [\n  {{ actions = [\"s3:GetObject\", \"s3:PutObject\"], resources = [\"arn:aws:s3:::{BUCKET}/{KEY}\"] }},\n  \
         {{ actions = [\"s3:ListBucket\", \"s3:GetBucketVersioning\"], resources = [\"arn:aws:s3:::{BUCKET}\"] }},\n"
    );
    let bucket = format!(
        "\n[[bucket]]\nname = \"{BUCKET}\"\naccount = \"100000000002\"\nregion = \"eu-west-1\"\nversioned = {versioned}\n"
    );
    world("acme-org").replacen("allow = [\n", &grants, 1) + &bucket
}

fn scan(bed: &Bed, folder: &Path, ledger: &str) -> Said {
    run(bed.doorward(folder).args(["scan", "-q", "--format", "json-v1=scan.json", "--ledger", ledger]))
}

fn puts(bed: &Bed) -> usize {
    bed.server.calls().iter().filter(|call| call.action == "PutObject").count()
}

#[test]
fn a_scan_is_recorded_in_three_writes_and_read_by_every_command() {
    let bed = Bed::start(&shared_world(true), vec![]);
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (folder, other) = (folder.path(), other.path());
    let scanned = scan(&bed, folder, PLACE);
    assert_eq!(scanned.code, Some(3), "{}", scanned.err);
    assert_eq!(puts(&bed), 3, "lease, what was read, and the record");
    // The same file on disk gives the same answers.
    let bytes = bed.server.world().object(BUCKET, KEY).unwrap();
    std::fs::write(other.join("ledger.sqlite"), &bytes).unwrap();
    bed.server.clear_calls();
    for arguments in [
        &["history"][..],
        &["history", "--format", "json"],
        &["history", "--by", "owner", "--format", "csv"],
        &["history", "prune", "--dry-run"],
        &["plan", "--out", "plan.json"],
        &["publish", "--dry-run"],
        &["verify-change"],
        &["policy", "explain", EDGE.2],
    ] {
        let of = |ledger: &str| {
            let _ = std::fs::remove_file(other.join("plan.json"));
            let said = run(bed.doorward(other).arg("-q").args(arguments).args(["--ledger", ledger]));
            (said.code, said.out.replace(ledger, "LEDGER"), said.err.replace(ledger, "LEDGER"))
        };
        let (shared, local) = (of(PLACE), of("ledger.sqlite"));
        assert!(shared.0.is_some_and(|code| code != 1), "{arguments:?}: {shared:?}");
        // A plan has a time and a hash of its own.
        if arguments[0] != "plan" {
            assert_eq!(shared, local, "{arguments:?}");
        }
    }
    assert_eq!(puts(&bed), 0, "commands that read write nothing");
    assert_eq!(bed.server.world().object(BUCKET, KEY).unwrap(), bytes);
    // Those that write, by another machine.
    for arguments in [&["publish"][..], &["history", "prune"]] {
        let said = run(bed.doorward(other).arg("-q").args(arguments).args(["--ledger", PLACE]));
        assert_eq!(said.code, Some(0), "{arguments:?}: {}", said.err);
    }
    assert!(puts(&bed) > 0);
    let verbose = run(bed.doorward(folder).args(["history", "-v", "--ledger", PLACE]));
    assert!(verbose.err.contains("1 reads (") && verbose.err.contains(" USD"), "{}", verbose.err);
}

#[test]
fn a_refusal_is_no_empty_history() {
    let bed = Bed::start(&shared_world(true), vec![]);
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let history = |ledger: &str| run(bed.doorward(folder).args(["history", "--ledger", ledger]));
    let missing = history(PLACE);
    assert!(missing.code == Some(2) && missing.err.contains("there is no ledger here yet"), "{}", missing.err);
    for (fault, part) in [
        (Fault::new(What::AccessDenied).service("s3"), "it is not known whether the object exists"),
        (Fault::new(What::ServerError(503)).service("s3"), "service-failure at s3:GetObject"),
        (Fault::new(What::Reset).service("s3"), "unreachable at s3:GetObject"),
    ] {
        bed.server.set_faults(vec![fault]);
        for said in [history(PLACE), scan(&bed, folder, PLACE)] {
            assert!(matches!(said.code, Some(2 | 6)), "{:?} {}", said.code, said.err);
            assert!(said.err.contains(PLACE) && said.err.contains(part), "{part}: {}", said.err);
        }
        bed.server.set_faults(vec![]);
        assert_eq!(bed.server.world().object(BUCKET, KEY), None, "no new history was started");
    }
    let text = "not a database, and longer than its header would have to be, by far: it goes on and on and on and on";
    assert!(bed.server.world().put_object(BUCKET, KEY, text, jiff::Timestamp::UNIX_EPOCH));
    for said in [history(PLACE), scan(&bed, folder, PLACE)] {
        assert!(said.err.contains("this file is not a Doorward ledger"), "{}", said.err);
    }
    assert_eq!(bed.server.world().object(BUCKET, KEY).unwrap(), text);
    for (ledger, part) in [
        ("s3://no-such-bucket/ledger", "allow s3:GetObject on arn:aws:s3:::no-such-bucket/ledger"),
        ("s3://UPPER/ledger", "write s3://bucket/key"),
        ("s3://acme-ledger/", "write s3://bucket/key"),
    ] {
        let said = history(ledger);
        assert!(said.code == Some(2) && said.err.contains(part), "{ledger}: {:?} {}", said.code, said.err);
    }
    let resumed = run(bed.doorward(folder).args(["scan", "--resume", "--ledger", "s3://acme-ledger/other"]));
    assert!(resumed.code != Some(0), "{}", resumed.err);
}

#[test]
fn the_doctor_advises_versions() {
    for (versioned, part) in [(false, "versioning of the bucket acme-ledger is off"), (true, "will be created")] {
        let bed = Bed::start(&shared_world(versioned), vec![]);
        let folder = tempfile::tempdir().unwrap();
        let mut doctor = bed.doorward(folder.path());
        let said = run(doctor.args(["doctor", "--ledger", PLACE]));
        assert!(said.out.contains(part), "{} {}", said.out, said.err);
        bed.server.set_faults(vec![Fault::new(What::AccessDenied).action("GetBucketVersioning")]);
        let said = run(bed.doorward(folder.path()).args(["doctor", "--ledger", PLACE]));
        assert!(said.out.contains("keeps earlier versions"), "{} {}", said.out, said.err);
    }
}

/// Waits for a call that matches.
fn wait_for(bed: &Bed, matches: impl Fn(&doorward_fakeaws::CallRecord) -> bool) {
    let begun = Instant::now();
    while !bed.server.calls().iter().any(&matches) {
        assert!(begun.elapsed() < Duration::from_secs(60), "no such call");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn an_event_is_recorded_while_a_scan_reads() {
    let bed = Bed::start(&shared_world(true), vec![]);
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    assert_eq!(scan(&bed, folder, PLACE).code, Some(3));
    let report: Value = serde_json::from_str(&std::fs::read_to_string(folder.join("scan.json")).unwrap()).unwrap();
    let all = report["load_balancers"].as_array().unwrap();
    let lb = all.iter().find(|lb| lb["account"] == EDGE.0 && lb["region"] == EDGE.1 && lb["name"] == EDGE.2).unwrap();
    bed.server.clear_calls();

    // One account-Region answers after twelve seconds; the event arrives meanwhile, when its own account-Region was read.
    let slow = Fault::new(What::Latency(Duration::from_secs(12))).service("elbv2").region("us-east-1").nth(1);
    bed.server.set_faults(vec![slow]);
    let mut reading: Child = bed
        .doorward(folder)
        .args(["scan", "-q", "--format", "json-v1=second.json", "--ledger", PLACE])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let here = |call: &doorward_fakeaws::CallRecord| call.account == EDGE.0 && call.region == EDGE.1;
    wait_for(&bed, |call| here(call) && call.action == "DescribeLoadBalancerAttributes");
    std::thread::sleep(Duration::from_secs(2));
    assert!(bed.server.world().set_attribute(EDGE.0, EDGE.1, EDGE.2, DESYNC_MODE, Some("monitor")));
    let other = tempfile::tempdir().unwrap();
    let drift = envelope(&record("drift", lb, "monitor")).to_string();
    let event = |said: Said| -> Value {
        assert!(matches!(said.code, Some(0 | 3)), "{:?} {}", said.code, said.err);
        serde_json::from_str(&said.out).unwrap()
    };
    let handle = || feed(bed.doorward(other.path()).args(["event", "--format", "json", "--ledger", PLACE]), &drift);
    let first = event(handle());
    assert_eq!(first["events"][0]["repeat"], false);
    assert!(reading.try_wait().unwrap().is_none(), "the event waited for the scan");
    let done = reading.wait_with_output().unwrap();
    assert_eq!(done.status.code(), Some(3), "{}", String::from_utf8_lossy(&done.stderr));

    // Nothing is lost: the scan has the event's later reading, the event is known, and both scans are recorded.
    let report: Value = serde_json::from_str(&std::fs::read_to_string(folder.join("second.json")).unwrap()).unwrap();
    let all = report["load_balancers"].as_array().unwrap();
    let seen = all.iter().find(|lb| lb["account"] == EDGE.0 && lb["region"] == EDGE.1 && lb["name"] == EDGE.2).unwrap();
    assert_eq!(seen["mode"]["known"], "monitor", "{seen}");
    assert_eq!(event(handle())["events"][0]["repeat"], true);
    let history = run(bed.doorward(other.path()).args(["history", "--format", "json", "--ledger", PLACE]));
    let history: Value = serde_json::from_str(&history.out).unwrap();
    assert_eq!(history["scans"].as_array().unwrap().len(), 2);
}

#[test]
fn scans_of_several_machines_are_each_recorded_once() {
    let bed = Bed::start(&shared_world(true), vec![]);
    let folders: Vec<_> = (0..3).map(|_| tempfile::tempdir().unwrap()).collect();
    // Lost answers of writes on the way, and refusals of writes that meet.
    let faults = [What::LostAnswer, What::Conflict, What::ServerError(500), What::ErrorAfter(500)];
    bed.server.set_faults(faults.map(|what| Fault::new(what).action("PutObject").every(5)).to_vec());
    let scans: Vec<Child> = folders
        .iter()
        .map(|folder| {
            let mut scan = bed.doorward(folder.path());
            scan.args(["scan", "-q", "--format", "json-v1=scan.json", "--ledger", PLACE]);
            scan.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    for scan in scans {
        let done = scan.wait_with_output().unwrap();
        assert_eq!(done.status.code(), Some(3), "{}", String::from_utf8_lossy(&done.stderr));
    }
    bed.server.set_faults(vec![]);
    let history = run(bed.doorward(folders[0].path()).args(["history", "--format", "json", "--ledger", PLACE]));
    let history: Value = serde_json::from_str(&history.out).unwrap();
    assert_eq!(history["scans"].as_array().unwrap().len(), 3);
}
