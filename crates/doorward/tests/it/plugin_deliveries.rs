//! What a plugin takes is taken once, and what it did not write is not delivered.

#![cfg(unix)]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use doorward_ledger::{Ledger, OpenOptions, PreflightState};
use jiff::Timestamp;
use serde_json::Value;

use crate::bed::{REPOSITORY, Said, doorward, run};
use crate::plugins::{FINDINGS, Place};

/// Commands of the shell that answer with the receipt of a report, which is in the file `lines`.
const RECEIPT: &str =
    "n=$(grep -c '^{\"type\":\"finding\"' lines); echo \"{\\\"findings_in\\\": $n, \\\"written\\\": $n}\"";

fn receipt() -> String {
    format!("echo '{{\"findings_in\": {0}, \"written\": {0}}}'", *FINDINGS)
}

/// The deliveries that a plugin saw, as its headers name them: id and whether it may repeat.
fn seen(place: &Place) -> Vec<(String, bool)> {
    let text = std::fs::read_to_string(place.path("headers")).unwrap_or_default();
    let headers = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let delivery = |header: Value| {
        let delivery = &header["delivery"];
        (delivery["id"].as_str().unwrap().to_owned(), delivery["may_repeat"].as_bool().unwrap())
    };
    headers.map(delivery).collect()
}

/// The saved scan of the example, and the same without one load balancer.
fn reports(place: &Place) -> [PathBuf; 2] {
    let first = Path::new(REPOSITORY).join("reports/samples/acme-org/scan.saved");
    let text = std::fs::read_to_string(&first).unwrap();
    let (scan, rest) = text.split_once('\n').unwrap();
    let mut scan: Value = serde_json::from_str(scan).unwrap();
    for cell in scan["inventory"]["cells"].as_array_mut().unwrap() {
        if let Some(all) = cell.get_mut("load_balancers").and_then(Value::as_array_mut) {
            all.retain(|lb| lb["name"] != "ci-runners");
        }
    }
    let second = place.path("second.saved");
    std::fs::write(&second, format!("{scan}\n{rest}")).unwrap();
    [first, second]
}

fn deliver(place: &Place, saved: &Path, more: &[&str]) -> Said {
    let mut command = doorward(place.0.path());
    run(command.args(["report", "--config", "doorward.toml", "--format", "mine", "--from"]).arg(saved).args(more))
}

#[test]
fn a_report_that_a_service_took_is_not_sent_again_whatever_was_sent_after_it() {
    let place = Place::new();
    let program = place.shell("x", "remote", &format!("cat >lines; head -n 1 lines >>headers; {RECEIPT}"));
    place.settings(&program, "");
    let [first, second] = reports(&place);
    for (saved, deliveries) in [(&first, 1), (&second, 2), (&first, 2), (&second, 2), (&first, 2)] {
        let said = deliver(&place, saved, &[]);
        assert_eq!((said.code, seen(&place).len()), (Some(3), deliveries), "{}", said.err);
    }
    assert_eq!(deliver(&place, &first, &["--redeliver"]).code, Some(3));
    let seen = seen(&place);
    assert_eq!(seen[2], (seen[0].0.clone(), true));
    assert_eq!(seen.iter().map(|(_, may_repeat)| *may_repeat).collect::<Vec<_>>(), [false, false, true]);
}

#[test]
fn what_may_have_arrived_may_repeat() {
    let place = Place::new();
    // The first calls end after a part of the work: one asks for another try, one fails.
    let part =
        "cat >lines; head -n 1 lines >>headers; n=$(grep -c . headers); test $n = 1 && exit 75; test $n = 3 && exit 1";
    let program = place.shell("x", "remote", &format!("{part}; {RECEIPT}"));
    place.settings(&program, "");
    let [first, second] = reports(&place);
    let said = deliver(&place, &first, &[]);
    assert_eq!(said.code, Some(3), "{}", said.err);
    assert_eq!(deliver(&place, &second, &[]).code, Some(7));
    // Another report is delivered before the failed one is tried again.
    assert_eq!(deliver(&place, &first, &["--redeliver"]).code, Some(3));
    assert_eq!(deliver(&place, &second, &[]).code, Some(3));
    let may_repeat: Vec<bool> = seen(&place).into_iter().map(|(_, may_repeat)| may_repeat).collect();
    assert_eq!(may_repeat, [false, true, false, true, true]);
}

#[test]
fn a_file_or_a_folder_that_was_not_written_is_not_delivered() {
    for (kind, problem) in [("file", "wrote nothing to"), ("folder", "wrote no file into")] {
        let place = Place::new();
        let program = place.shell("x", kind, &format!("cat >/dev/null; {}", receipt()));
        place.settings(&program, "");
        let said = run(&mut place.report(&["--format", "mine=out", "--format", "json-v1=out.json"]));
        assert_eq!(said.code, Some(7), "{kind}: {}", said.err);
        assert!(said.err.contains(problem) && place.path("out.json").exists(), "{kind}: {}", said.err);
        let old = if kind == "file" { place.path("out") } else { place.path("out/part") };
        std::fs::write(&old, "yesterday").unwrap();
        let said = run(&mut place.report(&["--format", "mine=out"]));
        assert_eq!(said.code, Some(7), "{kind}: {}", said.err);
        assert!(said.err.contains("what is there is older than this delivery"), "{kind}: {}", said.err);
        assert_eq!(std::fs::read_to_string(old).unwrap(), "yesterday");
    }
}

#[test]
fn a_stream_that_is_no_file_ends_in_time() {
    let place_of = "read -r header; d=$(printf %s \"$header\" | sed 's/.*\"destination\":\"\\([^\"]*\\)\".*/\\1/'); cat >/dev/null";
    for (make, problem) in [
        ("mkfifo $d", "no regular file"),
        ("ln -s /dev/zero $d", "it is a link, which is not followed"),
        ("ln -s /etc/passwd $d", "it is a link, which is not followed"),
        ("mkdir $d", "no regular file"),
    ] {
        let place = Place::new();
        let program = place.shell("x", "stream", &format!("{place_of}; {make}; {}", receipt()));
        place.settings(&program, "timeout = \"20s\"");
        let begun = Instant::now();
        let said = run(&mut place.report(&["--format", "mine=out"]));
        assert_eq!(said.code, Some(7), "{make}: {}", said.err);
        assert!(said.err.contains(problem) && !place.path("out").exists(), "{make}: {}", said.err);
        assert!(begun.elapsed() < Duration::from_secs(20), "{make}: {:?}", begun.elapsed());
    }
}

/// A lease lasts half a minute. A delivery that lasts longer keeps it, so that its arrival is stored.
#[test]
fn the_lease_is_renewed_while_a_plugin_works() {
    let place = Place::new();
    let program = place.shell("x", "remote", &format!("cat >/dev/null; echo >>started; sleep 15; {}", receipt()));
    place.settings(&program, "");
    let mut process = place.report(&["--format", "mine"]).spawn().unwrap();
    let mut ends: Vec<Timestamp> = Vec::new();
    let code = loop {
        if let Some(status) = process.try_wait().unwrap() {
            break status.code();
        }
        std::thread::sleep(Duration::from_millis(200));
        if place.path("started").exists() {
            let found = Ledger::preflight(&place.path("ledger.sqlite"), OpenOptions::default(), Timestamp::UNIX_EPOCH);
            if let PreflightState::Ready { held: Some((_, until)), .. } = found.expect("a ledger").state {
                ends.push(until);
            }
        }
    };
    assert_eq!(code, Some(3));
    let (first, last) = (ends.first().expect("held"), ends.last().expect("held"));
    assert!(last.duration_since(*first) > jiff::SignedDuration::from_secs(5), "{ends:?}");
    let again = run(&mut place.report(&["--format", "mine"]));
    assert_eq!(again.code, Some(3), "{}", again.err);
    assert_eq!(std::fs::read_to_string(place.path("started")).unwrap().lines().count(), 1, "it arrived once");
}
