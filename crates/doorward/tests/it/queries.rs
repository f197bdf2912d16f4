//! Every query of the guide runs on the outputs of both examples, one of which has gaps everywhere. It needs jq, and Python for SQL;
//! without one of them, its queries are reported as skipped.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::bed::{REPOSITORY, doorward, run};
use crate::widths::assert_fits;

/// The queries of one language, in order.
fn queries(language: &str) -> Vec<String> {
    let guide = std::fs::read_to_string(format!("{REPOSITORY}/crates/doorward/guide/queries.md")).unwrap();
    let fence = format!("```{language}\n");
    let blocks = guide.split(&fence).skip(1);
    blocks.map(|block| block.split_once("```").unwrap().0.trim().to_owned()).collect()
}

fn is_there(program: &str) -> bool {
    let tried = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    tried.is_ok_and(|status| status.success())
}

fn jq(folder: &Path, query: &str) -> Value {
    let answer = Command::new("jq").arg(query).arg(folder.join("scan.json")).output().unwrap();
    assert!(answer.status.success(), "{query}\n{}", String::from_utf8_lossy(&answer.stderr));
    serde_json::from_slice(&answer.stdout).unwrap_or_else(|e| panic!("{query}: {e}"))
}

/// SQL over the file, by the database that Python has.
fn sql(folder: &Path, query: &str) -> Value {
    let script = "import csv, json, sqlite3, sys\n\
                  rows = list(csv.reader(open(sys.argv[1], encoding='utf-8-sig', newline='')))\n\
                  db = sqlite3.connect(':memory:')\n\
                  db.execute('CREATE TABLE inventory (%s)' % ', '.join('\"%s\"' % name for name in rows[0]))\n\
                  db.executemany('INSERT INTO inventory VALUES (%s)' % ', '.join('?' for _ in rows[0]), rows[1:])\n\
                  print(json.dumps(db.execute(sys.argv[2]).fetchall()))";
    let query = query.replace("'inventory.csv'", "inventory");
    let file = folder.join("scan-inventory.csv");
    let answer = Command::new("python3").args(["-c", script]).arg(file).arg(&query).output().unwrap();
    assert!(answer.status.success(), "{query}\n{}", String::from_utf8_lossy(&answer.stderr));
    serde_json::from_slice(&answer.stdout).unwrap()
}

/// PowerShell over both files, as the guide reads them.
fn powershell(folder: &Path, query: &str) -> Value {
    let script = format!(
        "$scan = Get-Content scan.json -Raw | ConvertFrom-Json; $inventory = Import-Csv scan-inventory.csv; \
         ConvertTo-Json -Depth 4 -InputObject @({query})"
    );
    let answer = Command::new("pwsh").current_dir(folder).args(["-NoProfile", "-Command", &script]).output().unwrap();
    assert!(answer.status.success(), "{query}\n{}", String::from_utf8_lossy(&answer.stderr));
    serde_json::from_slice(&answer.stdout).unwrap_or_else(|e| panic!("{query}: {e}"))
}

#[test]
fn every_query_of_the_guide_runs_on_clean_and_on_unread_data() {
    let (with_jq, with_sql) = (queries("jq"), queries("sql"));
    assert_eq!(with_jq.len() + with_sql.len(), 20);
    let with_powershell = queries("powershell");
    assert_eq!(with_powershell.len(), 4);
    let folder = tempfile::tempdir().unwrap();
    for (example, flag) in [("acme", None), ("gaps", Some("--gaps"))] {
        let said = run(doorward(folder.path()).args(["-q", "demo", "--out", example]).args(flag));
        assert_eq!(said.code, Some(0), "{}", said.err);
    }
    let (acme, gaps) = (folder.path().join("acme"), folder.path().join("gaps"));
    let report: Value = serde_json::from_str(&std::fs::read_to_string(acme.join("scan.json")).unwrap()).unwrap();
    let findings = report["findings"].as_array().unwrap();
    if is_there("jq") {
        let answers: Vec<(Value, Value)> = with_jq.iter().map(|query| (jq(&acme, query), jq(&gaps, query))).collect();
        let weaker = findings.iter().filter(|f| f["rule"] == "desync-mode-below-required" && f["verdict"] == "fail");
        assert_eq!(answers[1].0.as_array().unwrap().len(), weaker.count());
        let open = findings.iter().filter(|f| f["verdict"] == "fail" && f["severity"] != "informational").count();
        let by_severity = answers[7].0.as_object().unwrap().values().map(|n| n.as_u64().unwrap()).sum::<u64>();
        assert_eq!((by_severity, answers[13].0.as_u64()), (open as u64, Some(open as u64)));
        assert_eq!(answers[0].0["monitor"], report["tally"]["modes"]["monitor"]);
        let unknown = answers[4].1.as_array().unwrap();
        assert!(!unknown.is_empty(), "the example with gaps has reasons");
        assert!(answers[0].1["unknown"].as_u64() > Some(0), "unknown is a string of its own: {}", answers[0].1);
        assert!(!answers[14].0.as_array().unwrap().is_empty(), "load balancers to raise");
        // A mode that could not be read is not one to raise, though the policy requires the strongest of that load balancer.
        for raised in answers[14].0.as_array().unwrap().iter().chain(answers[14].1.as_array().unwrap()) {
            assert!(matches!(raised["from"].as_str(), Some("monitor" | "defensive")), "{raised}");
        }
        let required = "[.load_balancers[].flat | select((.mode | IN(\"unknown\", \"absent\")) and .required_mode != \"unknown\")] | length";
        assert!(jq(&gaps, required).as_u64() > Some(0), "the example with gaps has modes that could not be read");
        // Null where the mode was never observed to change.
        let in_monitor = answers[9].0.as_array().unwrap();
        assert!(!in_monitor.is_empty() && in_monitor.iter().all(|lb| lb["since"].is_null() || lb["since"].is_string()));
    } else {
        println!("SKIPPED: jq is not installed, so {} queries did not run", with_jq.len());
    }
    if is_there("python3") {
        for folder in [&acme, &gaps] {
            let answers: Vec<Value> = with_sql.iter().map(|query| sql(folder, query)).collect();
            assert!(answers[..3].iter().all(|rows| !rows.as_array().unwrap().is_empty()), "{answers:?}");
        }
    } else {
        println!("SKIPPED: Python is not installed, so {} queries did not run", with_sql.len());
    }
    if is_there("pwsh") {
        let answers: Vec<(Value, Value)> =
            with_powershell.iter().map(|query| (powershell(&acme, query), powershell(&gaps, query))).collect();
        let count = |value: &Value| value.as_array().map_or(0, Vec::len);
        let weaker = findings.iter().filter(|f| f["rule"] == "desync-mode-below-required" && f["verdict"] == "fail");
        assert_eq!(count(&answers[1].0), weaker.count());
        assert!(count(&answers[0].0) >= 3 && count(&answers[2].0) > 5, "{answers:?}");
        assert!(count(&answers[3].0) == 0 && count(&answers[3].1) > 0, "only one example has gaps: {answers:?}");
    } else {
        println!("SKIPPED: PowerShell is not installed, so {} queries did not run", with_powershell.len());
    }
}

/// No table of a command is broken inside a word, and none is wider than the terminal, at any usual width.
#[test]
fn tables_fit_every_terminal() {
    let folder = tempfile::tempdir().unwrap();
    for (example, flag) in [("acme", None), ("gaps", Some("--gaps"))] {
        let said = run(doorward(folder.path()).args(["-q", "demo", "--out", example]).args(flag));
        assert_eq!(said.code, Some(0), "{}", said.err);
    }
    let settings = "[ledger]\npath = \"acme/ledger.sqlite\"\n[notify]\nfallback = [\"all\"]\nunowned = []\n[notify.channels]\nall = \
                    { kind = \"exec\", command = [\"/bin/true\"] }\n";
    std::fs::write(folder.path().join("notify.toml"), settings).unwrap();
    for example in ["acme", "gaps"] {
        let (saved, ledger) = (format!("{example}/scan.saved"), format!("{example}/ledger.sqlite"));
        let logs = format!("{REPOSITORY}/examples/traffic");
        let (traffic, plan) = (format!("{example}/traffic.json"), format!("{example}.plan"));
        let mut commands: Vec<Vec<&str>> = vec![
            vec!["report", "--from", &saved],
            vec!["history", "--ledger", &ledger],
            vec!["history", "--ledger", &ledger, "--by", "owner"],
            vec!["history", "--ledger", &ledger, "--by", "ou"],
            vec!["history", "--ledger", &ledger, "--by", "severity"],
            vec!["history", "--ledger", &ledger, "--by", "rule"],
            vec!["posture", "--from", &saved],
            vec!["plan", "--from", &saved, "--out", &plan],
            vec!["explain", "exit-codes"],
            vec!["explain", "desync-mode-below-required"],
        ];
        if example == "acme" {
            commands.push(vec!["advise", "--traffic", &traffic, "--from", &saved]);
            commands.push(vec!["history", "--ledger", &ledger, "diff"]);
            commands.push(vec!["history", "--ledger", &ledger, "diff", "latest~2", "latest"]);
            commands.push(vec!["exceptions", "list", "--config", "acme/doorward.toml"]);
            commands.push(vec!["verify", "acme/evidence"]);
            commands.push(vec!["policy", "explain", "partner-api", "--from", &saved]);
            commands.push(vec!["policy", "presets"]);
            commands.push(vec!["posture", "partner-api", "--from", &saved]);
            commands.push(vec!["traffic", "--logs", &logs, "--from", &saved]);
            commands.push(vec!["explain"]);
            commands.push(vec!["guide"]);
            commands.push(vec!["notify", "--dry-run", "--from", &saved, "--config", "notify.toml"]);
        }
        for command in &commands {
            let at = |width: &str| {
                let mut command_line = doorward(folder.path());
                command_line.env("COLUMNS", width).env("DOORWARD_TEST_CLOCK", "2026-11-02T12:00:00Z still");
                let said = run(command_line.args(command));
                assert!(!said.out.is_empty(), "{command:?}: {}", said.err);
                said.out
            };
            assert_fits(&format!("{command:?}"), &at);
        }
    }
}
