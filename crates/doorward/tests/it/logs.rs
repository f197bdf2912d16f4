//! The log on stderr: stages, one line for each event, the same events as JSON.

use serde_json::Value;

use crate::bed::{Bed, run, world};

/// The messages of the stages of a scan, in their order.
const STAGES: [&str; 4] = ["discovered", "collected", "normalized", "judged"];

/// The log of a scan with some more arguments.
fn log(world_name: &str, arguments: &[&str]) -> String {
    let bed = Bed::start(&world(world_name), vec![]);
    let folder = tempfile::tempdir().unwrap();
    let scan = ["scan", "--no-ledger", "--quiet", "--format", "json-v1=a.json"];
    let said = run(bed.doorward(folder.path()).args(scan).args(arguments));
    assert!(said.code.is_some_and(|code| code <= 5), "{}", said.err);
    said.err
}

#[test]
fn json_logs_are_one_object_per_event_and_name_each_stage() {
    let log = log("gaps-org", &["-v", "--log-format", "json"]);
    let events: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    let mut stages = STAGES.iter();
    let mut next = stages.next();
    for event in &events {
        for key in ["timestamp", "level", "target"] {
            assert!(event[key].is_string(), "{event}");
        }
        let message = event["fields"]["message"].as_str().expect("a message");
        if Some(&message) == next {
            next = stages.next();
        }
    }
    assert_eq!(next, None, "{log}");
}

#[test]
fn text_logs_are_one_line_per_event_and_each_v_adds_some() {
    let lines = |log: &str| {
        for line in log.lines() {
            assert!(line.get(..10).is_some_and(|date| date.parse::<jiff::civil::Date>().is_ok()), "{line:?}");
        }
        log.lines().count()
    };
    let (none, one, two) = (log("gaps-org", &[]), log("gaps-org", &["-v"]), log("gaps-org", &["-vv"]));
    assert_eq!(none, "");
    assert!(lines(&one) >= STAGES.len(), "{one}");
    assert!(lines(&two) > lines(&one), "{two}");
}

#[test]
fn directives_that_cannot_be_read_are_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let bed = Bed::start(&world("acme-org"), vec![]);
    let said = run(bed.doorward(folder.path()).args(["explain", "exit-codes"]).env("DOORWARD_LOG", "doorward=loud"));
    assert_eq!(said.code, Some(2), "{}", said.err);
    assert!(said.err.contains("DOORWARD_LOG: \"doorward=loud\" cannot be read"), "{}", said.err);
    let said = run(bed.doorward(folder.path()).args(["explain", "exit-codes"]).env("DOORWARD_LOG", ""));
    assert_eq!(said.code, Some(0), "{}", said.err);
}
