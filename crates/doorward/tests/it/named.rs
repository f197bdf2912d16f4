//! What the settings name: used, or named as not found, in text and JSON; a scan that was asked for something that does not exist is
//! not complete. Owners keep their spelling.

use std::path::Path;

use serde_json::Value;

use crate::bed::{Bed, Said, run};

const ORGANIZATION: &str = r#"
[organization]
id = "o-named00001"
management = "300000000001"
home_region = "eu-west-1"
regions = ["eu-west-1", "us-east-1"]

[[caller]]
access_key = "AKIAEXAMPLENAMED0001"
secret = "ExampleSecretNamed0000000000000000000001"
account = "300000000002"
arn = "arn:aws:iam::300000000002:user/security"
delegated_admin = true
allow = ["sts:*", "organizations:*", "elasticloadbalancing:Describe*", "account:ListRegions", "logs:Describe*"]

[[role]]
name = "doorward-scan"
accounts = ["*"]
trusts = ["300000000002"]
allow = ["elasticloadbalancing:*", "account:*", "logs:*"]

[[ou]]
path = "/Workloads/Prod"

[[ou]]
path = "/Empty"

[[account]]
id = "300000000001"
name = "management"

[[account]]
id = "300000000002"
name = "security"
tags = { stage = "prod" }

[[account]]
id = "300000000003"
name = "shop"
ou = "/Workloads/Prod"
"#;

fn load_balancer(name: &str, tags: &str) -> String {
    format!(
        "[[load_balancer]]\naccount = \"300000000003\"\nregion = \"eu-west-1\"\nname = \"{name}\"\nmode = \"strictest\"\ntags = {{ {tags} }}\n"
    )
}

fn scan(bed: &Bed, folder: &Path, flags: &[&str]) -> (Said, Value, String) {
    let outputs =
        ["scan", "--no-ledger", "--fail-on", "never", "--format", "json-v1=scan.json", "--format", "table=scan.txt"];
    let said = run(bed.doorward(folder).args(outputs).args(["--format", "csv=scan.csv"]).args(flags));
    let read =
        |name: &str| std::fs::read_to_string(folder.join(name)).unwrap_or_else(|e| panic!("{name}: {e}: {}", said.err));
    let (json, text) = (serde_json::from_str(&read("scan.json")).unwrap(), read("scan.txt"));
    (said, json, text)
}

/// The settings that matched nothing, each with whether it was asked for.
fn unmatched(json: &Value) -> Vec<(String, String, bool)> {
    let all = json["run"]["unmatched"].as_array().cloned().unwrap_or_default();
    let text = |one: &Value, key: &str| one[key].as_str().unwrap().to_owned();
    all.iter().map(|one| (text(one, "setting"), text(one, "value"), one["asked"].as_bool().unwrap())).collect()
}

#[test]
fn an_account_outside_of_the_organization_is_named_and_not_covered() {
    let bed = Bed::start(&format!("{ORGANIZATION}{}", load_balancer("web", "owner = \"web\"")), vec![]);
    let folder = tempfile::tempdir().unwrap();
    let whole = ["--account", "300000000003", "--region", "eu-west-1"];
    let (said, json, text) = scan(&bed, folder.path(), &whole);
    assert_eq!((said.code, unmatched(&json)), (Some(0), vec![]), "{}", said.err);
    assert!(text.contains("100.0% (1 of 1)"), "{text}");
    for (regions, shown) in [(&["--region", "eu-west-1"][..], "50.0% (1 of 2)"), (&[], "66.7% (2 of 3)")] {
        let flags = [&["--account", "300000000003", "--account", "999999999999"], regions].concat();
        let (said, json, text) = scan(&bed, folder.path(), &flags);
        assert_eq!(said.code, Some(4), "{}", said.err);
        assert_eq!(unmatched(&json), [("scope.include_accounts".to_owned(), "999999999999".to_owned(), true)]);
        let line = json["coverage"]["lines"].as_array().unwrap().iter().find(|line| line["account"] == "999999999999");
        let line = line.expect("a line of coverage");
        assert_eq!((&line["status"], &line["gaps"][0]["reason"]), (&"failed".into(), &"not-in-organization".into()));
        let sentence =
            "scope.include_accounts (--account) names 999999999999, which is not in organization o-named00001";
        assert!(text.contains(sentence) && text.contains(shown) && said.err.contains(sentence), "{text}\n{}", said.err);
        assert!(text.contains("so coverage is not complete"), "{text}");
    }
    // Also where a low coverage is accepted: nothing was read of what was asked for.
    let flags = ["--account", "300000000003", "--account", "999999999999", "--min-coverage", "10"];
    assert_eq!(scan(&bed, folder.path(), &flags).0.code, Some(4));
    // In the single account of the credentials.
    let (said, json, _) = scan(&bed, folder.path(), &["--single-account", "--account", "999999999999"]);
    assert_eq!((said.code, unmatched(&json).len()), (Some(4), 1), "{}", said.err);
}

#[test]
fn everything_that_names_nothing_is_named() {
    let bed = Bed::start(&format!("{ORGANIZATION}{}", load_balancer("web", "owner = \"web\"")), vec![]);
    let folder = tempfile::tempdir().unwrap();
    let settings = r#"
[scope]
exclude_accounts = ["999999999991"]
exclude_ous = ["/Nope"]
exclude_tags = [{ key = "stage", value = "test*" }]
[regions]
exclude = ["eu-east-9"]
[[access.overrides]]
accounts = ["999999999992"]
ous = ["/Acquired"]
role_name = "x"
[owner]
account_tags = []
[owner.ous]
"/Gone" = "nothing"
[[policy.rules]]
name = "cards"
required_mode = "strictest"
tags = { pci = "yes" }
accounts = ["300000000003"]
[[policy.rules]]
name = "elsewhere"
required_mode = "strictest"
accounts = ["999999999993"]
[[policy.rules]]
name = "matches"
required_mode = "strictest"
names = ["we*"]
[[policy.rules]]
name = "together"
required_mode = "strictest"
accounts = ["300000000003"]
ous = ["/Workloads"]
names = ["other"]
"#;
    std::fs::write(folder.path().join("doorward.toml"), settings).unwrap();
    let (said, json, text) = scan(&bed, folder.path(), &[]);
    // Exclusions and rules without effect leave nothing unread.
    assert_eq!(said.code, Some(0), "{}", said.err);
    let expected = [
        ("scope.exclude_accounts", "999999999991"),
        ("scope.exclude_ous", "/Nope"),
        ("scope.exclude_tags", "stage = test*"),
        ("regions.exclude", "eu-east-9"),
        ("access.overrides.0.accounts", "999999999992"),
        ("access.overrides.0.ous", "/Acquired"),
        ("owner.ous", "/Gone"),
        ("policy.rules.0.tags", "pci = yes"),
        ("policy.rules.1.accounts", "999999999993"),
        ("policy.rules.3.names", "other"),
    ];
    let expected: Vec<_> = expected.map(|(key, value)| (key.to_owned(), value.to_owned(), false)).into();
    assert_eq!(unmatched(&json), expected);
    for (key, value, _) in &expected {
        for place in [&text, &said.err] {
            assert!(place.lines().any(|line| line.contains(key) && line.contains(value)), "{key}: {place}");
        }
    }
    // The workbook has them too, and the doctor warns of those that need no list of load balancers.
    let pack = ["-q", "scan", "--no-ledger", "--fail-on", "never", "--format", "evidence=packs"];
    assert_eq!(run(bed.doorward(folder.path()).args(pack)).code, Some(0));
    let cover = walkdir::WalkDir::new(folder.path().join("packs")).into_iter().flatten();
    let cover = cover.map(walkdir::DirEntry::into_path).find(|path| path.ends_with("csv/cover.csv")).unwrap();
    let cover = std::fs::read_to_string(cover).unwrap();
    let doctor = run(bed.doorward(folder.path()).args(["-q", "doctor", "--no-ledger", "--for", "scan"]));
    for (key, value, _) in &expected {
        let names = |line: &str| line.contains(key.as_str()) && line.contains(value.as_str());
        assert!(cover.lines().any(|line| line.contains("and not found") && names(line)), "{key}: {cover}");
        let is_of_load_balancers = ["policy.rules.0.tags", "policy.rules.3.names"].contains(&key.as_str());
        let warned = doctor.err.lines().any(|line| line.starts_with("warning: ") && names(line));
        assert_eq!(warned, !is_of_load_balancers, "{key}: {}", doctor.err);
    }
    std::fs::remove_file(folder.path().join("doorward.toml")).unwrap();
    // Units and tags that a scan is asked for.
    let asked = |flags: &[&str], tags: &str| {
        let (said, json, _) = scan(&bed, folder.path(), &[&["--account", "300000000003"], flags].concat());
        std::fs::write(folder.path().join("doorward.toml"), tags).unwrap();
        (said.code, unmatched(&json).into_iter().map(|(_, value, asked)| (value, asked)).collect::<Vec<_>>())
    };
    assert_eq!(asked(&["--ou", "/Nope"], ""), (Some(4), vec![("/Nope".to_owned(), true)]));
    // It exists, and holds no account.
    assert_eq!(
        asked(&["--ou", "/Empty"], "[scope]\ninclude_tags = [{ key = \"stage\", value = \"qa\" }]\n"),
        (Some(0), vec![("/Empty".to_owned(), false)])
    );
    assert_eq!(asked(&[], ""), (Some(4), vec![("stage = qa".to_owned(), true)]));
}

#[test]
fn owners_keep_their_spelling_and_contradictions_are_reported() {
    let tags = [
        ("a", "owner = \"Équipe Web\""),
        ("b", "owner = \"équipe  web\""),
        ("c", "owner = \"Équipe Web\""),
        ("d", "owner = \"=SUM(A1)\""),
        ("e", "Owner = \"Team A\", owner = \"team b\""),
    ];
    let world: String = tags.iter().map(|(name, tags)| load_balancer(name, tags)).collect();
    let bed = Bed::start(&format!("{ORGANIZATION}{world}"), vec![]);
    let folder = tempfile::tempdir().unwrap();
    let (said, json, text) = scan(&bed, folder.path(), &["--format", "owners=owners"]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    let names: Vec<&str> = json["load_balancers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|lb| lb["owner"]["known"]["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["Équipe Web", "équipe web", "Équipe Web", "=SUM(A1)", "team b"]);
    let conflicting = &json["load_balancers"][4]["owner"]["known"]["conflicting"];
    assert_eq!(conflicting.to_string(), r#"["\"Owner\" = \"Team A\""]"#);
    let row = text.lines().find(|line| line.trim_start().starts_with("Équipe Web")).expect("a row of the owner");
    assert!(row.trim_end().ends_with('3'), "{row}");
    assert!(text.contains("team b counts, by tag \"owner\" (ignored: \"Owner\" = \"Team A\")"), "{text}");
    // The history has one group however the name is written, under the name of most load balancers.
    let recorded = run(bed.doorward(folder.path()).args(["-q", "scan", "--fail-on", "never", "--ledger", "l.sqlite"]));
    assert_eq!(recorded.code, Some(0), "{}", recorded.err);
    for format in ["table", "json", "csv", "openmetrics"] {
        let arguments = ["history", "--by", "owner", "--ledger", "l.sqlite", "--format", format];
        let history = run(bed.doorward(folder.path()).args(arguments));
        assert_eq!(history.code, Some(0), "{}", history.err);
        assert!(history.out.contains("Équipe Web") && !history.out.contains("équipe web"), "{}", history.out);
    }
    let csv = std::fs::read_to_string(folder.path().join("scan.csv")).unwrap();
    assert!(csv.contains("Équipe Web") && csv.contains("'=SUM(A1)"), "{csv}");
    let pages = std::fs::read_dir(folder.path().join("owners")).unwrap().flatten();
    let pages: Vec<String> = pages.map(|file| file.file_name().to_string_lossy().into_owned()).collect();
    assert_eq!(pages.iter().filter(|name| name.ends_with(".md") && name.contains("quipe")).count(), 1, "{pages:?}");
}

#[test]
fn a_reader_that_closes_stdout_changes_neither_the_exit_code_nor_the_messages() {
    use std::io::Read as _;
    use std::process::Stdio;
    let world: String = (0..60)
        .map(|n| load_balancer(&format!("web-{n}"), "owner = \"web\"").replace("strictest", "monitor"))
        .collect();
    let bed = Bed::start(&format!("{ORGANIZATION}{world}"), vec![]);
    let folder = tempfile::tempdir().unwrap();
    let saved = run(bed.doorward(folder.path()).args(["-q", "scan", "--no-ledger", "--save", "x.saved"]));
    assert_eq!(saved.code, Some(3), "{}", saved.err);
    for kind in ["table", "json-v1", "ndjson-v1", "html", "csv", "csv-raw", "asff", "ocsf", "ocsf-1.3"] {
        let mut command = bed.doorward(folder.path());
        command.args(["report", "--from", "x.saved", "--format", kind]).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        drop(child.stdout.take());
        let mut err = String::new();
        child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(3), "{kind}: {err}");
        assert!(err.starts_with("exit code 3: ") && err.lines().count() == 1, "{kind}: {err}");
    }
    for arguments in [&["explain", "exit-codes"][..], &["guide", "scan"], &["config", "show"], &["schema", "config"]] {
        let mut child =
            bed.doorward(folder.path()).args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let mut err = String::new();
        child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
        assert_eq!((child.wait().unwrap().code(), err.as_str()), (Some(0), ""), "{arguments:?}");
    }
    let semicolons = run(bed
        .doorward(folder.path())
        .args(["-q", "scan", "--no-ledger", "--format", "csv"])
        .env("DOORWARD_CSV__SEPARATOR", ";")
        .env("DOORWARD_CSV__SEPARATOR_LINE", "true"));
    assert!(semicolons.out.starts_with("\u{feff}sep=;\r\n"), "{}", &semicolons.out[..80]);
}

#[test]
fn the_guide_of_the_first_scan_counts_its_calls() {
    let world: String = (0..41).map(|n| load_balancer(&format!("web-{n}"), "owner = \"web\"")).collect();
    let bed = Bed::start(&format!("{ORGANIZATION}{world}"), vec![]);
    let folder = tempfile::tempdir().unwrap();
    let said = run(bed.doorward(folder.path()).args(["-q", "scan", "--no-ledger"]));
    assert_eq!(said.code, Some(3), "{}", said.err);
    let mut counts = std::collections::BTreeMap::new();
    for call in bed.server.calls() {
        *counts.entry(call.action).or_insert(0) += 1;
    }
    // Three accounts, one of them the caller's own; the root and three units; two Regions; 41 load balancers in one of them.
    let expected = [
        ("AssumeRole", 2),
        ("DescribeDeliverySources", 1),
        ("DescribeLoadBalancerAttributes", 41),
        ("DescribeLoadBalancers", 3 * 2 * 2),
        ("DescribeOrganization", 1),
        ("DescribeTags", 3),
        ("DescribeTargetGroups", 1),
        ("GetCallerIdentity", 1),
        ("ListAccounts", 1),
        ("ListOrganizationalUnitsForParent", 1 + 3),
        ("ListRegions", 1 + 3),
        ("ListRoots", 1),
    ];
    let found: Vec<(&str, i32)> = counts.iter().map(|(action, count)| (action.as_ref(), *count)).collect();
    assert_eq!(found, expected);
    // Every one of them is in the guide.
    let guide = run(bed.doorward(folder.path()).args(["guide", "first-scan"])).out;
    for (action, _) in
        expected.iter().filter(|(action, _)| !action.contains("DeliverySources") && !action.contains("Attributes"))
    {
        assert!(guide.contains(action), "{action}");
    }
}
