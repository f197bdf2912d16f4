//! Not asked is not fixed, and a scan that sees less is no progress: over several scans, through every output.

use std::path::Path;
use std::time::Duration;

use doorward_fakeaws::{DESYNC_MODE, Fault, What};
use serde_json::Value;

use crate::bed::{Bed, REPOSITORY, Said, run, world};
use crate::traffic::EDGE;

const HEADROOM: &str = "desync-mode-headroom";
const DAY: Duration = Duration::from_secs(86_400);

fn file(folder: &Path, name: &str) -> String {
    std::fs::read_to_string(folder.join(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}: {text}"))
}

fn scan(bed: &Bed, folder: &Path, flags: &[&str]) -> (Said, Value) {
    let outputs = ["-q", "scan", "--format", "json-v1=scan.json", "--save", "scan.saved"];
    let said = run(bed.doorward(folder).args(outputs).args(flags));
    assert!(matches!(said.code, Some(0 | 3..=5)), "{:?} {}", said.code, said.err);
    let report = parsed(&file(folder, "scan.json"));
    (said, report)
}

fn history(bed: &Bed, folder: &Path) -> Value {
    let said = run(bed.doorward(folder).args(["history", "--format", "json"]));
    assert_eq!(said.code, Some(0), "{}", said.err);
    parsed(&said.out)
}

/// The difference between the last two scans.
fn diff(bed: &Bed, folder: &Path) -> Value {
    let history = history(bed, folder);
    let runs: Vec<&str> =
        history["scans"].as_array().unwrap().iter().map(|run| run["run"]["id"].as_str().unwrap()).collect();
    let [.., before, after] = runs[..] else { panic!("two scans: {runs:?}") };
    let said = run(bed.doorward(folder).args(["history", "diff", before, after, "--format", "json"]));
    parsed(&said.out)
}

/// The finding on the traffic of the one load balancer whose traffic is known.
fn headroom(findings: &Value) -> Value {
    let findings = findings.as_array().unwrap().iter();
    let mut found = findings.filter(|f| {
        let id = f["id"].as_str().or_else(|| f["Id"].as_str()).unwrap_or_default();
        id.contains(HEADROOM) && id.contains("/eu-west-1/") && id.ends_with(EDGE)
    });
    found.next().cloned().unwrap_or(Value::Null)
}

/// What Security Hub holds of it: status, severity, record state.
fn security_hub(bed: &Bed) -> [String; 3] {
    let held = Value::from(bed.server.world().security_hub_findings("100000000020", "eu-west-1"));
    let finding = headroom(&held);
    ["/Compliance/Status", "/Severity/Label", "/RecordState"]
        .map(|at| finding.pointer(at).and_then(Value::as_str).unwrap_or("none").to_owned())
}

/// The organization at a time when the example logs are new, with a load balancer that could go to strictest.
fn edge_in_defensive() -> Bed {
    let bed = Bed::start_at(&world("acme-org"), vec![], "2026-11-03T08:00:00Z".parse().unwrap());
    let changed = bed.server.world().set_attribute(
        "100000000020",
        "eu-west-1",
        "storefront-edge",
        DESYNC_MODE,
        Some("defensive"),
    );
    assert!(changed);
    bed
}

fn traffic(bed: &Bed, folder: &Path) {
    let logs = format!("{REPOSITORY}/examples/traffic");
    let arguments = ["-q", "traffic", "--logs", &logs, "--from", "scan.saved", "--save", "t.json", "--format", "json"];
    let said = run(bed.doorward(folder).args(arguments));
    assert!(matches!(said.code, Some(0 | 4)), "{}", said.err);
}

/// A finding that rests on traffic, after later scans that do not have it.
#[test]
fn a_scan_without_the_evidence_neither_resolves_nor_passes() {
    for how in ["no traffic", "traffic that is too old", "rule switched off"] {
        let bed = edge_in_defensive();
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        scan(&bed, folder, &[]);
        traffic(&bed, folder);
        bed.pass(Duration::from_secs(60));
        let (_, report) = scan(&bed, folder, &["--traffic", "t.json"]);
        let first = headroom(&report["findings"]);
        assert_eq!((&first["verdict"], &first["severity"]), (&"fail".into(), &"low".into()), "{first:#}");
        let said = run(bed.doorward(folder).args(["publish", "--format", "json"]));
        assert_eq!(said.code, Some(0), "{} {}", said.err, said.out);
        assert_eq!(security_hub(&bed), ["FAILED", "LOW", "ACTIVE"], "the recorded scan keeps its traffic");

        let flags: &[&str] = match how {
            "traffic that is too old" => {
                bed.pass(40 * DAY);
                &["--traffic", "t.json"]
            }
            "rule switched off" => {
                std::fs::write(folder.join("doorward.toml"), format!("[policy]\ndisabled = [\"{HEADROOM}\"]\n"))
                    .unwrap();
                &[]
            }
            _ => &[],
        };
        bed.pass(DAY);
        let (_, report) = scan(&bed, folder, flags);
        let second = headroom(&report["findings"]);
        let expected = if how == "rule switched off" { Value::Null } else { "not-asked".into() };
        assert_eq!(second["verdict"], expected, "{how}: {second:#}");
        let unseen = headroom(&report["unseen"]["findings"]);
        assert_eq!(
            (&unseen["because"], &unseen["severity"]),
            (&"not-asked".into(), &"low".into()),
            "{how}: {unseen:#}"
        );

        let reported = history(&bed, folder);
        let kpi = &reported["kpis"][0];
        assert_eq!(kpi["time_to_remediate"]["count"], 0, "{how}: {kpi:#}");
        let runs = reported["scans"].as_array().unwrap();
        let [.., before, after] = &runs[..] else { panic!("two scans") };
        assert_eq!(before["open_known"], after["open_known"], "{how}");
        let changed = diff(&bed, folder);
        assert_eq!(changed["fixed"].as_array().map(Vec::len), Some(0), "{how}: {changed:#}");
        assert_eq!(headroom(&changed["now_unseen"])["rule"], HEADROOM, "{how}: {changed:#}");

        let said = run(bed.doorward(folder).args(["publish", "--format", "json"]));
        assert_eq!(said.code, Some(0), "{how}: {} {}", said.err, said.out);
        assert_eq!(security_hub(&bed), ["FAILED", "LOW", "ACTIVE"], "{how}");

        // Asked again, with the mode raised: now it is fixed.
        std::fs::write(folder.join("doorward.toml"), "").unwrap();
        bed.server.world().set_attribute(
            "100000000020",
            "eu-west-1",
            "storefront-edge",
            DESYNC_MODE,
            Some("strictest"),
        );
        bed.pass(DAY);
        scan(&bed, folder, &[]);
        assert_eq!(headroom(&diff(&bed, folder)["fixed"])["rule"], HEADROOM, "{how}");
    }
}

/// What `publish` and `plan` make of the ledger is what they make of the saved scan.
#[test]
fn a_recorded_scan_is_judged_as_it_was() {
    let bed = edge_in_defensive();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    scan(&bed, folder, &[]);
    traffic(&bed, folder);
    let code = format!("{REPOSITORY}/examples/acme-org/iac");
    bed.pass(Duration::from_secs(60));
    scan(&bed, folder, &["--traffic", "t.json", "--iac", &code]);
    std::fs::remove_file(folder.join("t.json")).unwrap();
    // Every command begins at the time of the bed, and so would read what has yet to be observed.
    bed.pass(Duration::from_secs(60));
    let plan = |from: &[&str]| {
        let said = run(bed.doorward(folder).args(["publish", "--dry-run", "--format", "json"]).args(from));
        assert_eq!(said.code, Some(0), "{}", said.err);
        let mut plan = parsed(&said.out);
        // The time of the delivery is that of the command.
        for planned in plan["findings"].as_array_mut().unwrap() {
            planned["finding"]["UpdatedAt"].take();
        }
        plan
    };
    let of_ledger = plan(&[]);
    assert_eq!(of_ledger, plan(&["--from", "scan.saved"]));
    assert!(of_ledger.to_string().contains("The traffic supports strictest today"), "the traffic of the recorded scan");
    assert!(of_ledger.to_string().contains("doorward/declared"), "the declarations of the recorded scan");
    let steps = |from: &[&str], out: &str| {
        run(bed.doorward(folder).args(["-q", "plan", "--from-advice", "--out", out]).args(from));
        let plan = std::fs::read_to_string(folder.join(out)).map_or(Value::Null, |text| parsed(&text));
        (plan["steps"].clone(), plan["patches"].clone())
    };
    let of_ledger = steps(&[], "ledger.json");
    assert!(of_ledger.0.is_array(), "there is a plan");
    assert_eq!(of_ledger, steps(&["--from", "scan.saved"], "saved.json"));

    // A plan acts on the evidence when it is made, however old the scan is that weighed it.
    bed.pass(60 * DAY);
    let (changed, patches) = steps(&[], "late.json");
    let raised = |list: &Value| list.to_string().contains(EDGE);
    assert!(!raised(&changed) && !raised(&patches), "evidence of 60 days ago raises nothing");
}

/// One account is denied: every output says what was seen and what was not, and no figure improves.
#[test]
fn a_denied_account_is_said_in_every_output_and_improves_none() {
    let bed = Bed::start_at(&world("acme-org"), vec![], "2026-11-03T08:00:00Z".parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let outputs: &[&str] = &[
        "--format",
        "html=scan.html",
        "--format",
        "owners=owners",
        "--format",
        "ndjson-v1=scan.ndjson",
        "--format",
        "table=scan.txt",
        "--format",
        "evidence=evidence",
    ];
    scan(&bed, folder, &[]);
    let whole = history(&bed, folder)["scans"][0].clone();
    let open = whole["open_total"].as_u64().unwrap();
    assert_eq!((whole["open_known"].as_u64(), whole["unseen"].as_u64()), (Some(open), Some(0)));

    bed.server.set_faults(vec![Fault::new(What::AccessDenied).account("100000000020").service("elb*")]);
    bed.pass(DAY);
    let (_, report) = scan(&bed, folder, outputs);
    let reported = history(&bed, folder);
    let less = &reported["scans"][1];
    let (seen, unseen) = (less["open_total"].as_u64().unwrap(), less["not_seen"]["open_total"].as_u64().unwrap());
    assert!(unseen > 0 && seen < open, "the account had open findings");
    assert_eq!(less["open_known"].as_u64(), Some(open), "nothing was seen to end");
    assert_eq!(
        report["unseen"]["findings"].as_array().map(|all| all.iter().filter(|f| f["excepted"] == false).count() as u64),
        Some(unseen)
    );
    let least = |run: &Value| run["strictest_or_defensive_known"]["least"].as_u64().unwrap();
    assert!(least(less) <= least(&whole));
    assert_eq!(less["strictest_or_defensive_known"]["of"], whole["strictest_or_defensive_known"]["of"]);

    let both = format!("{seen} seen failing and {unseen} not seen now");
    let table = file(folder, "scan.txt");
    assert!(table.contains(&both), "{table}");
    assert!(table.contains("of the known load balancers were seen"), "{table}");
    let page = file(folder, "scan.html");
    assert!(page.contains(&format!("{seen} were seen failing and {unseen} not seen now")), "the page");
    let lines = file(folder, "scan.ndjson");
    let of = |kind: &str| lines.lines().filter(|line| line.contains(&format!("\"type\":\"{kind}\""))).count();
    assert_eq!(of("unseen_finding"), report["unseen"]["findings"].as_array().unwrap().len());
    assert_eq!(of("unseen_load_balancer"), report["unseen"]["load_balancers"].as_array().unwrap().len());
    let end = parsed(lines.lines().last().unwrap());
    assert_eq!(end["unseen"]["load_balancers"].as_u64(), Some(of("unseen_load_balancer") as u64));
    let owners = file(folder, "owners/owners.csv");
    assert!(owners.lines().any(|line| line.starts_with("storefront,")), "an owner with fewer observations: {owners}");
    let run_id = report["run"]["id"].as_str().unwrap();
    let trend = file(folder, &format!("evidence/{run_id}/csv/trend.csv"));
    assert!(trend.lines().next().unwrap().contains("Failing as far as is known"), "{trend}");
    let known: Vec<&str> = trend.lines().skip(1).filter_map(|line| line.rsplit(',').next()).collect();
    assert_eq!(known, [open.to_string(), open.to_string()], "{trend}");

    let text = run(bed.doorward(folder).args(["history"])).out;
    assert!(text.contains(&format!("{open} ({both})")), "{text}");
    assert!(text.contains("██"), "no step in the trend of open findings: {text}");
    let by_owner = run(bed.doorward(folder).args(["history", "--by", "owner"])).out;
    assert!(by_owner.contains("not seen now)"), "{by_owner}");
    let csv = run(bed.doorward(folder).args(["history", "--format", "csv"])).out;
    let column = csv.lines().next().unwrap().split(',').position(|name| name == "open_known").unwrap();
    let values: Vec<&str> = csv.lines().skip(1).map(|line| line.split(',').nth(column).unwrap()).collect();
    assert_eq!(values, [open.to_string(), open.to_string()]);
    let metrics = run(bed.doorward(folder).args(["history", "--format", "openmetrics"])).out;
    let sum: u64 = metrics
        .lines()
        .filter(|line| line.starts_with("doorward_open_findings{") && !line.contains("informational"))
        .map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap())
        .sum();
    assert_eq!(sum, open, "{metrics}");
    let kpi = &reported["kpis"][0];
    assert_eq!((kpi["open"].as_u64(), kpi["open_unseen"].as_u64()), (Some(open), Some(unseen)));
    assert_eq!(kpi["time_to_remediate"]["count"], 0);

    // Saved and rendered again, it says the same.
    let again =
        run(bed.doorward(folder).args(["-q", "report", "--from", "scan.saved", "--format", "json-v1=again.json"]));
    assert!(again.code.is_some(), "{}", again.err);
    assert_eq!(file(folder, "again.json"), file(folder, "scan.json"));
}

/// The same account-Region is hidden in other ways; each leaves the figures where they were.
#[test]
fn narrowing_by_flags_improves_nothing() {
    for flags in [
        &["--account", "100000000040"][..],
        &["--exclude-account", "100000000020"],
        &["--exclude-region", "eu-west-1"],
        &["--region", "us-east-1"],
        &["--single-account"],
    ] {
        let bed = Bed::start_at(&world("acme-org"), vec![], "2026-11-03T08:00:00Z".parse().unwrap());
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        scan(&bed, folder, &[]);
        bed.pass(DAY);
        scan(&bed, folder, flags);
        let reported = history(&bed, folder);
        let [before, after] = &reported["scans"].as_array().unwrap()[..] else { panic!("two scans") };
        assert_eq!(before["open_known"], after["open_known"], "{flags:?}");
        assert_eq!(before["excepted_known"], after["excepted_known"], "{flags:?}");
        assert!(after["account_regions_unseen"].as_u64() > Some(0), "{flags:?}");
        assert_eq!(reported["kpis"][0]["time_to_remediate"]["count"], 0, "{flags:?}");
        let changed = diff(&bed, folder);
        for list in ["fixed", "vanished", "new", "regressed"] {
            assert_eq!(changed[list].as_array().map(Vec::len), Some(0), "{flags:?}: {list}");
        }
    }
}

#[test]
fn a_first_scan_without_access_is_unknown_and_not_zero() {
    let bed = Bed::start_at(&world("acme-org"), vec![], "2026-11-03T08:00:00Z".parse().unwrap());
    bed.server.set_faults(vec![Fault::new(What::AccessDenied).service("elb*")]);
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (said, report) = scan(&bed, folder, &["--format", "html=scan.html"]);
    assert_eq!(said.code, Some(4), "{}", said.err);
    assert!(report["unseen"]["never_read"].as_u64() > Some(0));
    assert_eq!(history(&bed, folder)["scans"][0]["open_known"], Value::Null);
    assert!(file(folder, "scan.html").contains("text-anchor=\"middle\">unknown</text>"), "no bar labelled 0");
    let text = run(bed.doorward(folder).args(["history"])).out;
    assert!(text.contains("open findings           ?  unknown: nothing was read yet"), "{text}");
    let metrics = run(bed.doorward(folder).args(["history", "--format", "openmetrics"])).out;
    assert!(!metrics.contains("doorward_open_findings{"), "{metrics}");
}

#[test]
fn nothing_asked_is_no_clean_result() {
    let bed = Bed::start_at(&world("acme-org"), vec![], "2026-11-03T08:00:00Z".parse().unwrap());
    let all = [
        "access-logs-disabled",
        "desync-mode-below-required",
        HEADROOM,
        "owner-missing",
        "invalid-headers-forwarded",
        "upstream-http1",
    ];
    for (disabled, code) in [
        (format!("{:?}", [&all[..], &["desync-mode-reverted"]].concat()), Some(2)),
        // The one that is left is asked only where a change of a mode is recorded.
        (format!("{all:?}"), Some(2)),
        (format!("{:?}", [all[0], all[2], all[3], all[4], all[5]]), Some(3)),
        // What is left needs evidence that this scan does not have.
        (format!("{:?}", [all[0], all[1], all[3], all[4], all[5]]), Some(0)),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        std::fs::write(folder.join("doorward.toml"), format!("[policy]\ndisabled = {disabled}\n")).unwrap();
        let said = run(bed.doorward(folder).args(["-q", "scan"]));
        assert_eq!(said.code, code, "{disabled}: {}", said.err);
        assert_eq!(said.err.contains("policy.disabled turns off every rule"), code == Some(2), "{}", said.err);
    }
}

/// A history without the numbers of what the newest look did not see.
pub(crate) fn without_unseen(mut history: Value) -> Value {
    for list in ["kpis", "rules"] {
        for kpi in history[list].as_array_mut().unwrap() {
            ["open_unseen", "in_monitor_unseen"].iter().for_each(|key| drop(kpi[*key].take()));
        }
    }
    history
}
