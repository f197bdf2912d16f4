//! OSCAL assessment results: valid by NIST's schema, and every verdict of the report is found again with subject and risk.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::bed::{REPOSITORY, Said, doorward, run};

/// NIST's schema of OSCAL 1.1.3, as published.
const SCHEMA: &str = include_str!("../../../doorward-sink-oscal/tests/oscal-assessment-results-1.1.3.schema.json");

/// A saved sample as JSON and as OSCAL.
fn written(example: &str, arguments: &[&str]) -> (Value, Value) {
    let folder = tempfile::tempdir().unwrap();
    let saved = format!("{REPOSITORY}/reports/samples/{example}/scan.saved");
    let mut command = doorward(folder.path());
    command.args(["report", "--from", &saved, "--format", "json=a.json", "--format", "oscal=a.oscal", "--quiet"]);
    let Said { err, .. } = run(command.args(arguments));
    let read = |name: &str| {
        let text = std::fs::read_to_string(folder.path().join(name)).unwrap_or_else(|e| panic!("{e}: {err}"));
        serde_json::from_str::<Value>(&text).unwrap()
    };
    (read("a.json"), read("a.oscal")["assessment-results"].take())
}

fn property<'a>(thing: &'a Value, name: &str) -> Option<&'a str> {
    let props = thing["props"].as_array()?;
    props.iter().find(|prop| prop["name"] == name)?["value"].as_str()
}

fn list<'a>(thing: &'a Value, name: &str) -> &'a [Value] {
    thing[name].as_array().map_or(&[], Vec::as_slice)
}

#[test]
fn the_samples_are_valid_by_the_schema_of_nist() {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for (example, arguments) in [("acme-org", vec![]), ("gaps-org", vec![]), ("acme-org", vec!["--verdict", "pass"])] {
        let (_, oscal) = written(example, &arguments);
        let document = serde_json::json!({ "assessment-results": oscal });
        let faults: Vec<String> =
            validator.iter_errors(&document).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert_eq!(faults, Vec::<String>::new(), "{example}");
        // The schema can refuse: OSCAL takes no empty list and no other member.
        for (name, value) in [("results", serde_json::json!([])), ("unknown", serde_json::json!(1))] {
            let mut bad = document.clone();
            bad["assessment-results"][name] = value;
            assert!(!validator.is_valid(&bad), "{name}");
        }
    }
}

#[test]
fn every_verdict_has_an_observation_a_subject_and_its_risk() {
    for example in ["acme-org", "gaps-org"] {
        let (json, oscal) = written(example, &[]);
        let result = &oscal["results"][0];
        let items: BTreeMap<&str, &Value> = list(&result["local-definitions"], "inventory-items")
            .iter()
            .map(|item| (item["uuid"].as_str().unwrap(), item))
            .collect();
        let observed: BTreeMap<&str, &Value> =
            list(result, "observations").iter().filter_map(|one| Some((property(one, "finding")?, one))).collect();
        let risks: BTreeMap<&str, &Value> =
            list(result, "risks").iter().filter_map(|one| Some((property(one, "finding")?, one))).collect();
        let findings = list(&json, "findings");
        assert!(findings.len() > 20);
        for finding in findings {
            let id = finding["id"].as_str().unwrap();
            let observation = observed.get(id).unwrap_or_else(|| panic!("{id} has no observation"));
            let verdict = finding["verdict"].as_str().unwrap();
            assert_eq!(property(observation, "verdict"), Some(verdict.replace('-', " ").as_str()), "{id}");
            assert_eq!(property(observation, "reason"), finding["reason"].as_str(), "{id}");
            let subject = observation["subjects"][0]["subject-uuid"].as_str().unwrap();
            let arn = &items[subject]["props"][0];
            assert_eq!((&arn["name"], &arn["value"]), (&"asset-id".into(), &finding["load_balancer"]));
            let status = match verdict {
                "fail" => Some("open"),
                "excepted" => Some("deviation-approved"),
                "unknown" => Some("investigating"),
                _ => None,
            };
            assert_eq!(risks.get(id).and_then(|risk| risk["status"].as_str()), status, "{id}");
            if let Some(risk) = risks.get(id) {
                assert_eq!(risk["related-observations"][0]["observation-uuid"], observation["uuid"], "{id}");
            }
        }
        let unseen = list(&json["unseen"], "findings");
        let judged: BTreeSet<&str> = findings.iter().filter_map(|finding| finding["id"].as_str()).collect();
        let is_judged = |finding: &&Value| finding["id"].as_str().is_some_and(|id| judged.contains(id));
        let unjudged: Vec<&Value> = unseen.iter().filter(|finding| !is_judged(finding)).collect();
        assert_eq!(observed.len(), findings.len() + unjudged.len());
        for finding in unseen {
            let id = finding["id"].as_str().unwrap();
            assert_eq!(property(observed[id], "last-seen"), finding["last_seen"].as_str());
            assert_eq!(risks[id]["status"], "investigating");
        }
        for finding in unjudged {
            assert_eq!(property(observed[finding["id"].as_str().unwrap()], "verdict"), Some("unknown"));
        }
        // Every account-Region, with a risk where it was not read completely.
        let lines = list(&json["coverage"], "lines");
        let coverage = list(result, "observations").iter().filter(|one| property(one, "coverage").is_some());
        assert_eq!(coverage.clone().count(), lines.len());
        let numbered = coverage.filter(|one| property(one, "load-balancers").is_some());
        let listed = lines.iter().filter(|line| line["fully_listed"] == true).count();
        assert_eq!(numbered.count(), listed, "a number of load balancers is known where all were listed");
        let unread = lines.iter().filter(|line| matches!(line["status"].as_str(), Some("partial" | "failed"))).count();
        assert_eq!(list(result, "risks").iter().filter(|risk| property(risk, "coverage").is_some()).count(), unread);
        let uuids: Vec<&str> = ["observations", "risks", "findings"]
            .iter()
            .flat_map(|name| list(result, name))
            .map(|one| one["uuid"].as_str().unwrap())
            .collect();
        assert_eq!(uuids.iter().collect::<BTreeSet<_>>().len(), uuids.len(), "every identifier is given once");
    }
}

#[test]
fn what_was_not_observed_is_never_satisfied() {
    let mut states = BTreeSet::new();
    for (example, arguments) in [
        ("acme-org", vec![]),
        ("gaps-org", vec![]),
        ("gaps-org", vec!["--verdict", "pass"]),
        ("acme-org", vec!["--verdict", "pass"]),
    ] {
        let (json, oscal) = written(example, &arguments);
        let counts = &json["coverage"]["counts"];
        let unseen = ["load_balancers", "findings"].map(|name| list(&json["unseen"], name).len());
        let is_whole = arguments.is_empty() && counts["partial"] == 0 && counts["failed"] == 0 && unseen == [0, 0];
        let observations: BTreeMap<&str, &Value> =
            list(&oscal["results"][0], "observations").iter().map(|one| (one["uuid"].as_str().unwrap(), one)).collect();
        for finding in list(&oscal["results"][0], "findings") {
            let verdicts: BTreeSet<&str> = list(finding, "related-observations")
                .iter()
                .map(|one| property(observations[one["observation-uuid"].as_str().unwrap()], "verdict").unwrap())
                .collect();
            let asked: BTreeSet<&str> = list(finding, "related-observations")
                .iter()
                .map(|one| property(observations[one["observation-uuid"].as_str().unwrap()], "rule").unwrap())
                .collect();
            let all_asked = property(finding, "rules").unwrap().split(", ").all(|rule| asked.contains(rule));
            let is_pass =
                verdicts.contains("pass") && verdicts.iter().all(|one| ["pass", "not applicable"].contains(one));
            let status = &finding["target"]["status"];
            let expected = if verdicts.contains("fail") {
                ("not-satisfied", "fail")
            } else if is_pass && all_asked && is_whole {
                ("satisfied", "pass")
            } else {
                ("not-satisfied", "other")
            };
            let stated = (status["state"].as_str().unwrap(), status["reason"].as_str().unwrap());
            assert_eq!(stated, expected, "{example} {arguments:?}: {finding:#}");
            states.insert((example, expected));
        }
    }
    assert!(states.len() > 2, "{states:?}");
}

#[test]
fn the_same_report_gives_the_same_bytes_and_controls_have_the_ids_of_their_catalog() {
    let (_, oscal) = written("acme-org", &[]);
    assert_eq!(written("acme-org", &[]).1, oscal);
    let controls: BTreeSet<&str> = list(&oscal["results"][0]["reviewed-controls"], "control-selections")
        .iter()
        .flat_map(|selection| list(selection, "include-controls"))
        .map(|control| control["control-id"].as_str().unwrap())
        .collect();
    for id in ["ac-4.21", "ca-9.1", "cm-2", "pci-dss-v4.0.1_6.2.4"] {
        assert!(controls.contains(id), "{id}: {controls:?}");
    }
    let targets = list(&oscal["results"][0], "findings").iter().map(|one| one["target"]["target-id"].as_str().unwrap());
    let objectives: BTreeSet<&str> = list(&oscal["local-definitions"], "objectives-and-methods")
        .iter()
        .map(|one| one["parts"][0]["id"].as_str().unwrap())
        .collect();
    assert_eq!(targets.collect::<BTreeSet<_>>(), objectives);
}

/// A reader must not take a part for the whole.
#[test]
fn a_part_says_that_it_is_filtered() {
    let texts = |oscal: &Value| {
        let result = &oscal["results"][0];
        [&oscal["metadata"]["title"], &result["title"], &result["description"]]
            .map(|text| text.as_str().unwrap().to_owned())
    };
    let (_, whole) = written("acme-org", &[]);
    let (_, part) = written("acme-org", &["--owner", "storefront", "--verdict", "fail"]);
    let ([title, result, description], of_whole) = (texts(&part), texts(&whole));
    assert!(title.contains("a part of") && result.starts_with("Part of a scan"), "{title}; {result}");
    assert!(description.starts_with("FILTERED: owner storefront; verdict fail."), "{description}");
    assert!(!description.contains("Every load balancer of every account"), "{description}");
    assert!(of_whole.iter().all(|text| !text.contains("FILTERED") && !text.to_lowercase().contains("part of")));
    assert_ne!(part["uuid"], whole["uuid"]);
}
