//! Outputs: schemas hold, a saved scan renders to the same bytes, outside text stays data.

use serde_json::Value;

use crate::bed::{Bed, doorward, run, world};

pub(crate) fn schema(kind: &str) -> jsonschema::Validator {
    let folder = tempfile::tempdir().unwrap();
    let said = run(doorward(folder.path()).args(["schema", kind]));
    assert_eq!(said.code, Some(0), "{}", said.err);
    jsonschema::validator_for(&serde_json::from_str(&said.out).unwrap()).unwrap()
}

/// The schemas that editors and programs take from the repository are those of the types.
#[test]
fn committed_schemas_are_current() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folder = tempfile::tempdir().unwrap();
    for (path, kind) in [
        ("config/schema/settings.json", "config"),
        ("config/schema/exceptions.json", "exceptions"),
        ("reports/schema/json-v1.json", "json-v1"),
        ("reports/schema/ndjson-v1.json", "ndjson-v1"),
        ("reports/schema/check-json-v1.json", "check-json-v1"),
        ("reports/schema/event-v1.json", "event-v1"),
        ("reports/schema/traffic-v1.json", "traffic-v1"),
        ("reports/schema/advice-v1.json", "advice-v1"),
        ("reports/schema/change-plan-v2.json", "change-plan-v2"),
        ("reports/schema/digest-v1.json", "digest-v1"),
        ("reports/schema/doctor-v1.json", "doctor-v1"),
        ("reports/schema/history-v1.json", "history-v1"),
        ("reports/schema/history-diff-v1.json", "history-diff-v1"),
        ("reports/schema/exceptions-v1.json", "exceptions-v1"),
        ("reports/schema/publish-v1.json", "publish-v1"),
        ("reports/schema/notify-v1.json", "notify-v1"),
        ("reports/schema/saved.json", "saved"),
    ] {
        let printed = run(doorward(folder.path()).args(["schema", kind])).out;
        let committed = std::fs::read_to_string(root.join(path)).unwrap_or_default();
        assert_eq!(committed, printed, "{path} is not current; run `cargo xtask samples`");
    }
    // The example register is valid by its schema. TOML's dates are texts in JSON.
    let example = std::fs::read_to_string(root.join("config/exceptions.example.toml")).unwrap();
    fn json(value: &toml::Value) -> Value {
        match value {
            toml::Value::Datetime(at) => Value::String(at.to_string()),
            toml::Value::Array(all) => all.iter().map(json).collect(),
            toml::Value::Table(all) => all.iter().map(|(key, value)| (key.clone(), json(value))).collect(),
            other => serde_json::to_value(other).unwrap(),
        }
    }
    let example: toml::Value = toml::from_str(&example).unwrap();
    assert_valid(&schema("exceptions"), &json(&example));
}

pub(crate) fn assert_valid(validator: &jsonschema::Validator, value: &Value) {
    let problems: Vec<String> =
        validator.iter_errors(value).map(|e| format!("{} at {}", e, e.instance_path())).collect();
    assert!(problems.is_empty(), "{problems:?}");
}

#[test]
fn every_output_keeps_its_schema_and_a_saved_scan_its_bytes() {
    for example in ["acme-org", "gaps-org"] {
        let bed = Bed::start(&world(example), vec![]);
        let folder = tempfile::tempdir().unwrap();
        let all = ["--format", "table=a.txt", "--format", "json-v1=a.json", "--format", "ndjson-v1=a.ndjson"];
        let scanned = run(bed.doorward(folder.path()).args(["-q", "scan", "--save", "scan.saved"]).args(all));
        assert!(matches!(scanned.code, Some(3..=5)), "{}", scanned.err);
        assert!(scanned.out.is_empty() && scanned.err.is_empty(), "quiet: {}{}", scanned.out, scanned.err);
        let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();

        let json: Value = serde_json::from_str(&read("a.json")).unwrap();
        assert_valid(&schema("json-v1"), &json);
        assert_eq!(json["exit_code"].as_i64(), scanned.code.map(i64::from));
        let line_schema = schema("ndjson-v1");
        let lines: Vec<Value> = read("a.ndjson").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        lines.iter().for_each(|line| assert_valid(&line_schema, line));
        assert_eq!((&lines[0]["type"], &lines.last().unwrap()["type"]), (&"run".into(), &"end".into()));
        let findings = lines.iter().filter(|line| line["type"] == "finding").count();
        assert_eq!(findings, json["findings"].as_array().unwrap().len());
        assert_eq!(lines.last().unwrap()["findings"], findings);
        let saved = schema("saved");
        for line in read("scan.saved").lines() {
            assert_valid(&saved, &serde_json::from_str(line).unwrap());
        }

        // Another day, another working folder, no network: the same bytes and the same exit code.
        let renamed = all.map(|argument| argument.replace("=a.", "=b."));
        let rendered = run(doorward(folder.path()).args(["-q", "report", "--from", "scan.saved"]).args(renamed));
        assert_eq!(rendered.code, scanned.code, "{}", rendered.err);
        for kind in ["txt", "json", "ndjson"] {
            assert_eq!(read(&format!("a.{kind}")), read(&format!("b.{kind}")), "{kind}");
        }
    }
}

#[test]
fn an_old_scan_is_judged_by_a_new_policy() {
    let bed = Bed::start(&world("acme-org"), vec![]);
    let folder = tempfile::tempdir().unwrap();
    run(bed.doorward(folder.path()).args(["-q", "scan", "--save", "scan.saved", "--format", "json-v1=old.json"]));
    std::fs::write(folder.path().join("doorward.toml"), "[policy]\nrequired_mode = \"strictest\"\n").unwrap();
    run(doorward(folder.path()).args([
        "-q",
        "report",
        "--from",
        "scan.saved",
        "--judge-again",
        "--format",
        "json-v1=new.json",
    ]));
    let failures = |name: &str| {
        let json: Value = serde_json::from_str(&std::fs::read_to_string(folder.path().join(name)).unwrap()).unwrap();
        json["tally"]["verdicts"]["desync-mode-below-required"]["fail"].as_u64().unwrap()
    };
    assert!(failures("new.json") > failures("old.json"));
}

#[test]
fn settings_files_keep_the_schema_of_the_settings() {
    let validator = schema("config");
    for file in ["config/default.toml", "examples/acme-org/doorward.toml"] {
        let text = std::fs::read_to_string(format!("{}/{file}", crate::bed::REPOSITORY)).unwrap();
        let value: toml::Value = toml::from_str(&text).unwrap();
        assert_valid(&validator, &serde_json::to_value(value).unwrap());
    }
    let wrong = serde_json::json!({ "access": { "role_nam": "x" } });
    assert!(!validator.is_valid(&wrong));
}

#[test]
fn outside_text_never_steers_the_terminal() {
    let hostile = "\n[[load_balancer]]\naccount = \"200000000002\"\nregion = \"eu-west-1\"\nname = \"evil\"\nmode = \"monitor\"\ntags = { owner = \"\\u009b31m red \\u202e backwards \\r\\n HIGH forged\" }\n";
    let bed = Bed::start(&(world("gaps-org") + hostile), vec![]);
    let folder = tempfile::tempdir().unwrap();
    let said = run(bed.doorward(folder.path()).args(["-q", "scan", "--color", "never"]));
    assert!(said.out.contains("evil"), "{}", said.out);
    let steering: Vec<char> =
        said.out.chars().filter(|c| (c.is_control() && *c != '\n') || ('\u{202a}'..='\u{202e}').contains(c)).collect();
    assert!(steering.is_empty(), "{steering:?} in {}", said.out);
    assert!(
        !said
            .out
            .lines()
            .any(|line| line.trim_start().starts_with("HIGH forged") || line.trim_start().starts_with("high forged"))
    );
}

#[test]
fn config_show_says_where_each_value_came_from() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("doorward.toml"), "# mine\n[calls]\nconcurrency = 8\n").unwrap();
    let below = folder.path().join("a/b");
    std::fs::create_dir_all(&below).unwrap();
    let said = run(doorward(folder.path())
        .args(["config", "show", "--origin"])
        .current_dir(&below)
        .env("DOORWARD_ACCESS__ROLE_NAME", "auditor"));
    assert_eq!(said.code, Some(0), "{}", said.err);
    let line =
        |key: &str| said.out.lines().find(|l| l.starts_with(key)).unwrap_or_else(|| panic!("{key}: {}", said.out));
    assert!(line("calls.concurrency = 8").ends_with("doorward.toml:3"), "{}", line("calls.concurrency"));
    assert!(line("access.role_name = \"auditor\"").ends_with("DOORWARD_ACCESS__ROLE_NAME"));
    assert!(line("policy.required_mode = \"defensive\"").contains("default"));
}

#[test]
fn a_settings_file_from_elsewhere_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let (above, below) = (folder.path().join("doorward.toml"), folder.path().join("a/b"));
    std::fs::create_dir_all(&below).unwrap();
    std::fs::write(&above, "[report]\nfail_on = \"never\"\n").unwrap();
    std::fs::write(below.join("lb.tf"), "").unwrap();
    let name = format!("settings: {}", above.canonicalize().unwrap().display());
    let config = above.display().to_string();
    let said = |at: &std::path::Path, line: &[&str]| run(doorward(folder.path()).args(line).current_dir(at)).err;
    for (at, line, named) in [
        (below.as_path(), vec!["exceptions", "check"], true),
        (&below, vec!["config", "show"], true),
        (&below, vec!["check", "lb.tf"], true),
        (&below, vec!["notify", "--dry-run"], true),
        (&below, vec!["-q", "exceptions", "check"], false),
        (&below, vec!["--config", &config, "exceptions", "check"], false),
        (&below, vec!["explain", "exit-codes"], false),
        (folder.path(), vec!["exceptions", "check"], false),
    ] {
        let err = said(at, &line);
        assert_eq!(err.contains(&name), named, "{line:?}: {err}");
    }
}

#[test]
fn every_setting_that_a_remedy_names_exists() {
    let path = format!("{}/config/default.toml", crate::bed::REPOSITORY);
    let default: toml::Table = std::fs::read_to_string(path).unwrap().parse().unwrap();
    let mut named = 0;
    for reason in doorward_model::GapReason::ALL {
        let quoted = reason.remedy().split('`').skip(1).step_by(2);
        for key in quoted.filter(|key| !key.starts_with("doorward ")) {
            let (section, name) = key.split_once('.').unwrap_or_else(|| panic!("{key} is no setting"));
            assert!(default[section].get(name).is_some(), "{}: {key} is no setting", reason.code());
            named += 1;
        }
    }
    assert!(named >= 5);
}

#[test]
fn one_output_that_fails_costs_no_other() {
    let bed = Bed::start(&world("gaps-org"), vec![]);
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["-q", "scan", "--save", "no/such/x", "--format", "json-v1=a.json"];
    let said = run(bed.doorward(folder.path()).args(arguments));
    assert_eq!(said.code, Some(6), "{}", said.err);
    assert!(said.err.contains("no/such/x") && bed.server.calls().is_empty(), "found out before the scan: {}", said.err);

    let arguments =
        ["-q", "scan", "--format", "json-v1=/dev/full", "--format", "ndjson-v1=b.ndjson", "--save", "b.saved"];
    let said = run(bed.doorward(folder.path()).args(arguments));
    assert_eq!(said.code, Some(7), "{}", said.err);
    assert!(said.err.contains("/dev/full"), "{}", said.err);
    assert!(folder.path().join("b.ndjson").is_file() && folder.path().join("b.saved").is_file());
    assert!(!std::path::Path::new("/dev/full").is_file(), "a device stays a device");

    let said =
        run(bed.doorward(folder.path()).args(["-q", "scan", "--format", "json-v1=c", "--format", "ndjson-v1=./c"]));
    assert_eq!(said.code, Some(2), "{}", said.err);
}

#[test]
fn a_saved_scan_that_was_changed_is_refused() {
    let bed = Bed::start(&world("gaps-org"), vec![]);
    let folder = tempfile::tempdir().unwrap();
    run(bed.doorward(folder.path()).args(["-q", "scan", "--save", "a.saved", "--format", "json-v1=a.json"]));
    let text = std::fs::read_to_string(folder.path().join("a.saved")).unwrap();
    let (scan, remembered) = text.split_once('\n').unwrap();
    let mut saved: Value = serde_json::from_str(scan).unwrap();
    let cells = saved["inventory"]["cells"].as_array_mut().unwrap();
    cells.retain(|cell| cell["account"] != "200000000003");
    std::fs::write(folder.path().join("b.saved"), format!("{saved}\n{remembered}")).unwrap();
    let said = run(doorward(folder.path()).args(["report", "--from", "b.saved"]));
    assert_eq!(said.code, Some(2), "{}", said.err);
    assert!(said.err.contains("200000000003"), "{}", said.err);
}

#[test]
fn explanations_cover_every_topic_they_list() {
    let folder = tempfile::tempdir().unwrap();
    let list = run(doorward(folder.path()).arg("explain"));
    let topics: Vec<&str> = list
        .out
        .lines()
        .filter_map(|line| line.strip_prefix("  "))
        .filter_map(|line| line.split_whitespace().next())
        .chain(["exit-codes"])
        .collect();
    assert!(topics.len() > 20, "{topics:?}");
    for topic in topics {
        let said = run(doorward(folder.path()).args(["explain", topic]));
        assert_eq!(said.code, Some(0), "{topic}: {}", said.err);
        assert!(said.out.len() > 60, "{topic}: {}", said.out);
    }
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        assert!(run(doorward(folder.path()).args(["completions", shell])).out.contains("doorward"), "{shell}");
    }
}
