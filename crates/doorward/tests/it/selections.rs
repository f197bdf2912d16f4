//! Parts of reports and histories: what selects them, what they say that they are of, and what is refused because its figures would read
//! as if nothing failed.

use std::path::Path;

use serde_json::Value;

use crate::bed::{Said, doorward, run};

const RULES: [&str; 3] = ["desync-mode-below-required", "desync-mode-reverted", "upstream-http1"];
const SEVERITIES: [&str; 5] = ["critical", "high", "medium", "low", "informational"];

/// A folder with the demo in `demo`.
fn demo() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let said = run(doorward(folder.path()).args(["-q", "demo", "--out", "demo"]));
    assert_eq!(said.code, Some(0), "{}", said.err);
    folder
}

/// A command on the day of the demo.
fn on(folder: &Path, arguments: &[&str]) -> Said {
    run(doorward(folder).env("DOORWARD_TEST_CLOCK", "2026-11-02T12:00:00Z still").args(arguments))
}

fn history(folder: &Path, arguments: &[&str]) -> Said {
    on(folder, &[&["history", "--ledger", "demo/ledger.sqlite"], arguments].concat())
}

fn report(folder: &Path, arguments: &[&str]) -> Said {
    on(folder, &[&["report", "--from", "demo/scan.saved"], arguments].concat())
}

fn json(said: &Said) -> Value {
    serde_json::from_str(&said.out).unwrap_or_else(|e| panic!("{e}: {} {}", said.out, said.err))
}

#[test]
fn scans_are_compared_from_the_earlier_to_the_later_one() {
    let folder = demo();
    let folder = folder.path();
    for (scans, part) in [
        (&["latest", "latest~2"][..], "name the earlier scan first: latest~2 latest"),
        (&["20261102", "20260824"], "name the earlier scan first: 20260824 20261102"),
        (&["latest"], "are the same scan"),
        (&["latest", "latest"], "are the same scan"),
        (&["20261102", "latest~0"], "are the same scan"),
    ] {
        let said = history(folder, &[&["diff"], scans].concat());
        assert!(said.code == Some(2) && said.err.contains(part) && said.out.is_empty(), "{scans:?}: {}", said.err);
    }
    let said = history(folder, &["diff", "latest~2", "latest"]);
    assert!(said.code == Some(0) && said.out.contains("\nFixed (1)\n"), "{}{}", said.out, said.err);
}

#[test]
fn a_period_ends_after_it_begins_and_holds_what_it_shows() {
    let folder = demo();
    let folder = folder.path();
    for period in [
        ["--since", "2026-11-02", "--until", "2026-10-01"],
        ["--since", "2026-11-02", "--until", "2026-11-02"],
        ["--since", "1d", "--until", "30d"],
    ] {
        let said = history(folder, &period);
        assert!(said.code == Some(2) && said.err.contains("is not before --until"), "{period:?}: {}", said.err);
        let logs = ["traffic", "--logs", "demo"].into_iter().chain(period).collect::<Vec<_>>();
        let said = on(folder, &logs);
        // The end of a window of logs is a day that belongs to it.
        let is_day = period[1] == period[3];
        assert!(said.code == Some(2) && (is_day || !said.err.is_empty()), "{period:?}: {}", said.err);
    }
    for (until, changes) in [("2020-01-01", 0), ("2026-10-01", 0), ("2026-11-01", 1), ("2026-11-03", 2)] {
        let said = history(folder, &["--until", until, "--format", "json"]);
        let found = json(&said);
        assert_eq!(found["changes"].as_array().unwrap().len(), changes, "{until}: {found}");
        assert_eq!(found["filter"], format!("before {until}T00:00:00Z"));
        let said = history(folder, &["--until", until]);
        assert_eq!(said.out.contains("Mode changes"), changes > 0, "{until}: {}", said.out);
        assert!(said.out.starts_with("FILTERED: before "), "{}", said.out);
    }
}

/// The findings that a filter leaves out may fail.
#[test]
fn a_part_without_failures_says_of_which_findings_none_fails() {
    let folder = demo();
    let said = report(folder.path(), &["--owner", "developer-relations"]);
    assert!(said.out.contains("Selected: 1 load balancer, 10 findings."), "{}", said.out);
    let sentence = "None of the selected findings fails; findings that are not selected may fail.";
    assert!(said.out.contains(sentence), "{}", said.out);
}

#[test]
fn every_part_says_that_it_is_one() {
    let folder = demo();
    let folder = folder.path();
    let filters: [&[&str]; 6] = [
        &["--owner", "payments"],
        &["--account", "100000000021"],
        &["--rule", "access-logs-disabled"],
        &["--severity", "medium"],
        &["--verdict", "pass"],
        &["--ou", "/Workloads/Prod"],
    ];
    for filter in filters {
        let value = filter[1];
        let said = report(folder, filter);
        assert!(said.out.starts_with("FILTERED: ") && said.out.contains(value), "{filter:?}: {}", said.out);
        let document = json(&report(folder, &[filter, &["--format", "json"]].concat()));
        assert!(document["filter"].as_str().is_some_and(|text| text.contains(value)), "{filter:?}");
        let findings = document["findings"].as_array().unwrap().len();
        assert!(said.out.contains(&format!(" load balancers, {findings} findings.")), "{filter:?}: {}", said.out);
        assert!(!said.out.contains("Nothing that was read fails."), "{filter:?}: {}", said.out);
        for format in ["csv", "csv-raw", "asff", "ocsf", "ocsf-1.3"] {
            let said = report(folder, &[filter, &["--format", format]].concat());
            assert!(said.err.contains("FILTERED: ") && said.err.contains(value), "{filter:?} {format}: {}", said.err);
            let said = report(folder, &[filter, &["-q", "--format", format]].concat());
            assert_eq!(said.err, "", "{filter:?} {format}");
        }
        // Findings that are left out are no sign that load balancers are as required: the page shows what is open of each.
        let page = report(folder, &[filter, &["--format", "html"]].concat());
        let is_of_findings = !["--owner", "--account", "--ou"].contains(&filter[0]);
        assert_eq!(page.out.contains("Filtered: "), !is_of_findings, "{filter:?}");
        assert_eq!(page.code == Some(2) && page.err.contains("leave out the filters"), is_of_findings, "{filter:?}");
    }
    for filter in [
        &["--owner", "payments"][..],
        &["--ou", "/Workloads/Prod"],
        &["--severity", "high"],
        &["--rule", "owner-missing"],
    ] {
        let said = history(folder, filter);
        assert!(said.out.starts_with("FILTERED: ") && said.out.contains(filter[1]), "{filter:?}: {}", said.out);
        let document = json(&history(folder, &[filter, &["--format", "json"]].concat()));
        crate::formats::assert_valid(&crate::formats::schema("history-v1"), &document);
        assert_eq!(document["filter"], format!("{} {}", filter[0].trim_start_matches('-'), filter[1]));
        for format in ["csv", "openmetrics"] {
            let said = history(folder, &[filter, &["--format", format]].concat());
            assert!(said.err.starts_with("FILTERED: ") && !said.out.contains("FILTERED"), "{filter:?}: {}", said.err);
        }
    }
    for filter in [
        &["--owner", "payments"][..],
        &["--account", "100000000021"],
        &["--severity", "high"],
        &["--rule", "owner-missing"],
    ] {
        let said = history(folder, &[&["diff", "latest~2"], filter].concat());
        let is_first = said.out.lines().nth(2).unwrap_or_default().starts_with("FILTERED: ");
        assert!(is_first && said.out.contains("of all findings"), "{filter:?}: {}", said.out);
        let document = json(&history(folder, &[&["diff", "latest~2", "--format", "json"], filter].concat()));
        crate::formats::assert_valid(&crate::formats::schema("history-diff-v1"), &document);
        assert!(document["filter"].as_str().is_some_and(|text| text.contains(filter[1])), "{document}");
    }
    assert!(json(&history(folder, &["--format", "json"])).get("filter").is_none());

    let plan = |arguments: &[&str]| {
        on(folder, &[&["plan", "--from", "demo/scan.saved", "--out", "p.json"], arguments].concat())
    };
    let said = plan(&["--owner", "payments", "--region", "eu-west-1"]);
    assert!(said.out.contains("FILTERED: owner payments; Region eu-west-1."), "{}{}", said.out, said.err);
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    assert!(read("p.md").contains("Filtered: owner payments; Region eu-west-1."), "{}", read("p.md"));
    assert_eq!(
        serde_json::from_str::<Value>(&read("p.json")).unwrap()["selection"],
        "owner payments; Region eu-west-1"
    );
    let said = plan(&[]);
    assert!(!said.out.contains("FILTERED") && !read("p.json").contains("selection"), "{}", said.out);

    let list = |arguments: &[&str]| {
        on(folder, &[&["exceptions", "list", "--config", "demo/doorward.toml"], arguments].concat())
    };
    let said = list(&["--rule", "owner-missing"]);
    assert!(said.out.contains("FILTERED: rule owner-missing. 0 of 3 exceptions are listed."), "{}", said.out);
    let said = list(&["--account", "100000000021", "--format", "json"]);
    assert_eq!(json(&said)["filter"], "account 100000000021");
    assert!(!list(&[]).out.contains("FILTERED"));
}

#[test]
fn every_value_of_a_closed_set_is_accepted_and_others_are_refused() {
    let folder = demo();
    let folder = folder.path();
    for severity in SEVERITIES {
        for said in [
            history(folder, &["--severity", severity]),
            history(folder, &["diff", "--severity", severity]),
            history(folder, &["--severity", &severity.to_uppercase(), "--format", "json"]),
        ] {
            assert_eq!(said.code, Some(0), "{severity}: {}", said.err);
        }
        assert!(matches!(report(folder, &["--severity", severity]).code, Some(3)), "{severity}");
    }
    let said = history(folder, &["--severity", "critical"]);
    assert!(said.out.contains("Nothing matches: no finding of severity critical is recorded"), "{}", said.out);
    let document = json(&history(folder, &["--severity", "critical", "--format", "json"]));
    assert!(document["kpis"].as_array().unwrap().is_empty() && document["filter"] == "severity critical", "{document}");
    for rule in RULES {
        for said in [history(folder, &["--rule", rule]), history(folder, &["diff", "--rule", rule])] {
            assert_eq!(said.code, Some(0), "{rule}: {}", said.err);
        }
        assert!(matches!(report(folder, &["--rule", rule]).code, Some(3)), "{rule}");
    }
    // Zeros would read as if the rule had been judged and never failed.
    let said = history(folder, &["--rule", "desync-mode-reverted"]);
    assert!(said.out.contains("Nothing matches: no failure of the rule desync-mode-reverted"), "{}", said.out);
    for verdict in ["fail", "excepted", "unknown", "pass", "not-applicable", "not-asked"] {
        assert!(matches!(report(folder, &["--verdict", verdict]).code, Some(3)), "{verdict}");
    }
    let plan = |flag: &str, value: &str| {
        let base = ["plan", "--from", "demo/scan.saved", "--out", "p.json"];
        on(folder, &[&base, &[flag, value][..]].concat())
    };
    for (said, near) in [
        (history(folder, &["--severity", "hgih"]), Some("high")),
        (history(folder, &["diff", "--severity", "hgih"]), Some("high")),
        (report(folder, &["--severity", "hgih"]), Some("high")),
        (history(folder, &["--rule", "owner-mising"]), Some("owner-missing")),
        (history(folder, &["diff", "--rule", "owner-mising"]), Some("owner-missing")),
        (report(folder, &["--rule", "owner-mising"]), Some("owner-missing")),
        (report(folder, &["--verdict", "fial"]), None),
        (history(folder, &["--owner", "paymets"]), Some("payments")),
        (history(folder, &["diff", "--owner", "paymets"]), Some("payments")),
        (report(folder, &["--owner", "paymets"]), Some("payments")),
        (plan("--owner", "paymets"), Some("payments")),
        (history(folder, &["diff", "--account", "999999999999"]), None),
        (report(folder, &["--account", "999999999999"]), None),
        (plan("--account", "999999999999"), None),
        (history(folder, &["--ou", "/Nowhere"]), None),
        (report(folder, &["--ou", "/Nowhere"]), None),
        (plan("--region", "eu-wst-1"), Some("eu-west-1")),
    ] {
        assert!(said.code == Some(2) && said.err.contains("not one of"), "{}{}", said.out, said.err);
        let hint = near.map(|near| format!("did you mean {near}?"));
        assert!(hint.is_none_or(|hint| said.err.contains(&hint)), "{near:?}: {}", said.err);
        assert!(!folder.join("p.json").exists());
    }
}
