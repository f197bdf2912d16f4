//! OCSF as the published schema has it: `tests/ocsf/*.json` are compiled from the tags of <https://github.com/ocsf/ocsf-schema> by
//! `tests/ocsf/schema.py`.

use std::sync::LazyLock;

use jiff::SignedDuration;
use jsonschema::Validator;
use serde_json::{Value, json};

use doorward_model::{History, ScanReport};
use doorward_sink_securityhub::Shape;

use crate::render::{gallery, ocsf};

static SCHEMAS: LazyLock<[(Shape, &str, Validator); 2]> = LazyLock::new(|| {
    [
        (Shape::SecurityHub, "1.6.0", validator(include_str!("../ocsf/1.6.0.json"))),
        (Shape::SecurityLake, "1.3.0", validator(include_str!("../ocsf/1.3.0.json"))),
    ]
});

fn validator(text: &str) -> Validator {
    let schema: Value = serde_json::from_str(text).expect("JSON");
    jsonschema::validator_for(&schema).expect("a schema")
}

fn faults(validator: &Validator, line: &Value) -> Vec<String> {
    validator.iter_errors(line).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

/// Every line of a report is valid in both versions.
pub(crate) fn check(report: &ScanReport) {
    for (shape, version, validator) in &*SCHEMAS {
        for line in ocsf(report, *shape) {
            assert_eq!(faults(validator, &line), Vec::<String>::new(), "{version}: {line:#}");
            assert_eq!(line["metadata"]["version"], *version);
            let activity = line["activity_id"].as_u64().expect("a number");
            assert_eq!(line["type_uid"].as_u64(), Some(2003 * 100 + activity));
            // Recommended only, and what readers of findings ask for.
            for path in
                ["finding_info/title", "finding_info/analytic/type_id", "compliance/standards/0", "remediation/desc"]
            {
                let value = line.pointer(&format!("/{path}"));
                assert!(value.is_some_and(|value| !value.is_null()), "{version}: {path} is missing in {line:#}");
            }
        }
    }
}

#[test]
fn the_published_schema_accepts_every_verdict() {
    check(&gallery());
}

#[test]
fn an_unknown_verdict_has_no_status_that_was_observed() {
    for (shape, ..) in &*SCHEMAS {
        for line in ocsf(&gallery(), *shape) {
            let status = &line["compliance"]["status_id"];
            match line["compliance"]["status_code"].as_str() {
                Some("pass") => assert_eq!(*status, 1),
                Some("fail" | "excepted") => assert_eq!(*status, 3),
                Some("unknown") => assert!([json!(0), json!(2)].contains(status), "{line:#}"),
                other => panic!("{other:?}"),
            }
        }
    }
}

/// A finding is closed by what was observed: one that was resolved earlier and is unknown now may fail again.
#[test]
fn only_an_observation_closes_a_finding() {
    let report = |resolved: bool, is_first: bool| {
        let mut report = gallery();
        let at = report.run.finished;
        let first_seen = if is_first { at } else { at - SignedDuration::from_hours(48) };
        let resolved = resolved.then(|| at - SignedDuration::from_hours(24));
        for finding in &mut report.findings {
            finding.history =
                Some(Box::new(History { first_seen, last_seen: at, resolved, reopened: 0, failing: None }));
        }
        report
    };
    for (shape, ..) in &*SCHEMAS {
        let mut seen = std::collections::BTreeSet::new();
        for (resolved, is_first) in [(true, false), (true, true), (false, false), (false, true)] {
            for line in ocsf(&report(resolved, is_first), *shape) {
                let status = line["compliance"]["status_code"].as_str().expect("a status").to_owned();
                let expected = match status.as_str() {
                    "pass" | "not applicable" if resolved => "Close",
                    "fail" | "excepted" if is_first => "Create",
                    _ => "Update",
                };
                assert_eq!(line["activity_name"], expected, "{status}, resolved {resolved}: {line:#}");
                seen.insert((status, expected));
            }
        }
        assert!(seen.contains(&("unknown".to_owned(), "Update")) && seen.contains(&("pass".to_owned(), "Close")));
    }
}

/// The schemas can refuse: a member of a later version, a missing one, a wrong type, a value that is not listed.
#[test]
fn the_schemas_refuse_what_is_wrong() {
    for (shape, _, validator) in &*SCHEMAS {
        let good = ocsf(&gallery(), *shape).remove(0);
        for (member, value) in [
            ("/compliance", json!({ "member_of_tomorrow": 1, "standards": ["x"] })),
            ("/cloud", json!({ "region": "eu-west-1" })),
            ("/time", json!("2026-11-30")),
            ("/severity_id", json!(7)),
            ("/metadata/product", json!({ "version": "1" })),
        ] {
            let mut bad = good.clone();
            *bad.pointer_mut(member).expect("a member") = value;
            assert_ne!(faults(validator, &bad), Vec::<String>::new(), "{member}");
        }
    }
    let (_, _, old) = &SCHEMAS[1];
    let newer = ocsf(&gallery(), Shape::SecurityHub).remove(0);
    assert_ne!(faults(old, &newer), Vec::<String>::new(), "1.3 has no checks");
}
