//! Plugins through the whole program: what they write arrives or the exit code says that it did not, whatever they do.

#![cfg(unix)]

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::bed::{REPOSITORY, Said, doorward, run};

/// The findings of the saved scan.
pub(crate) static FINDINGS: LazyLock<usize> = LazyLock::new(|| {
    let lines = std::fs::read_to_string(format!("{REPOSITORY}/reports/samples/acme-org/scan.ndjson")).unwrap();
    lines.lines().filter(|line| line.starts_with("{\"type\":\"finding\"")).count()
});

pub(crate) struct Place(pub(crate) tempfile::TempDir);

impl Place {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a program of the shell that answers `describe` and `preflight`, and does `emit` as given.
    pub(crate) fn shell(&self, name: &str, destination: &str, emit: &str) -> PathBuf {
        let text = format!(
            "#!/bin/sh\nfor verb; do :; done\ncase $verb in\ndescribe) echo '{{\"contract\": \"doorward-report-v1\", \"name\": \"x\", \
             \"version\": \"1\", \"destination\": \"{destination}\", \"repeat\": \"idempotent\"}}';;\npreflight) echo '{{\"ok\": \
             true}}';;\nemit) {emit};;\nesac\n"
        );
        self.program(name, &text)
    }

    fn program(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    /// Settings with one plugin and a ledger of its own.
    pub(crate) fn settings(&self, program: &Path, more: &str) -> PathBuf {
        let (path, ledger) = (self.path("doorward.toml"), self.path("ledger.sqlite"));
        let text = format!("[reports.mine]\ncommand = [{program:?}]\n{more}\n[ledger]\npath = {ledger:?}\n");
        std::fs::write(&path, text).unwrap();
        path
    }

    pub(crate) fn report(&self, arguments: &[&str]) -> Command {
        let mut command = doorward(self.0.path());
        let saved = format!("{REPOSITORY}/reports/samples/acme-org/scan.saved");
        command.args(["report", "--from", &saved, "--config"]).arg(self.path("doorward.toml")).args(arguments);
        command
    }
}

fn example(name: &str) -> PathBuf {
    Path::new(REPOSITORY).join("examples/plugins").join(name)
}

#[test]
fn the_table_example_writes_what_fails_and_what_is_unknown() {
    let place = Place::new();
    // The repository may be writable by others; a program in use is not.
    let program = place.program("table", &std::fs::read_to_string(example("table")).unwrap());
    place.settings(&program, "");
    let Said { code, err, .. } = run(&mut place.report(&["--format", "mine=out.csv", "--format", "json-v1=out.json"]));
    assert_eq!(code, Some(3), "{err}");
    let json: Value = serde_json::from_str(&std::fs::read_to_string(place.path("out.json")).unwrap()).unwrap();
    let findings = json["findings"].as_array().unwrap();
    assert_eq!(findings.len(), *FINDINGS);
    let listed = |f: &&Value| matches!(f["verdict"].as_str(), Some("fail" | "unknown" | "excepted"));
    let csv = std::fs::read_to_string(place.path("out.csv")).unwrap();
    for finding in findings {
        assert_eq!(csv.contains(finding["id"].as_str().unwrap()), listed(&finding), "{finding}");
    }
    assert!(findings.iter().any(|f| f["verdict"] == "excepted") && csv.contains(",Deferred,"));
    // Without a path, the stream goes to stdout.
    let said = run(&mut place.report(&["--format", "mine"]));
    assert_eq!((said.code, said.out), (Some(3), csv));
}

#[test]
fn bad_plugins_end_in_time_and_are_named_and_the_other_outputs_are_written() {
    let answer = |read: usize, written: usize| format!("echo '{{\"findings_in\": {read}, \"written\": {written}}}'");
    let receipt = answer(*FINDINGS, *FINDINGS);
    let (findings, one_less) = (*FINDINGS, *FINDINGS - 1);
    let (misread, unbalanced) =
        (format!("it reports that it read {one_less}"), format!("1 written and 0 skipped are not {findings}"));
    for (emit, fault) in [
        ("sleep 60".to_owned(), "did not end in time"),
        ("trap '' TERM; sleep 60 & sleep 60; sleep 60".to_owned(), "did not end in time"),
        ("exec 0<&-; sleep 60".to_owned(), "did not end in time"),
        (format!("exec 0<&-; {receipt}"), "before it read the"),
        ("cat /dev/zero".to_owned(), "wrote more than 1048576 bytes to stdout"),
        ("head -c 1000000000 /dev/zero >&2; exit 4".to_owned(), "exit code 4"),
        ("kill -9 $$".to_owned(), "was ended by a signal"),
        ("cat >/dev/null".to_owned(), "wrote nothing to stdout"),
        ("cat >/dev/null; echo done".to_owned(), "does not match the contract"),
        (format!("cat >/dev/null; {}", answer(one_less, one_less)), misread.as_str()),
        (format!("cat >/dev/null; {}", answer(*FINDINGS, 1)), unbalanced.as_str()),
        (format!("cat >/dev/null; {receipt}; echo why >&2; exit 9"), "its stderr ends: why"),
        (format!("cat >/dev/null; {receipt}; echo '\\033[31mred\\033[0m' >&2; exit 9"), "\\u{1b}[31mred"),
        ("cat >/dev/null; exit 75".to_owned(), "another attempt later"),
    ] {
        let place = Place::new();
        let program = place.shell("bad", "remote", &emit);
        // Writing a gigabyte may take a busy machine longer than the plugins that never end are given.
        let timeout = if fault == "did not end in time" { "2s" } else { "20s" };
        place.settings(&program, &format!("timeout = \"{timeout}\""));
        let begun = Instant::now();
        let Said { code, err, .. } = run(&mut place.report(&["--format", "mine", "--format", "json-v1=out.json"]));
        let lasted = begun.elapsed();
        assert_eq!(code, Some(7), "{emit}: {err}");
        assert!(err.contains(fault) && err.contains("mine: ") && !err.contains('\u{1b}'), "{emit}: {err}");
        assert!(place.path("out.json").exists(), "{emit}");
        // Two seconds of the plugin, two of its end, and what the report itself takes on a busy machine.
        assert!(lasted < Duration::from_secs(30), "{emit}: {lasted:?}");
    }
}

#[test]
fn a_program_that_others_can_change_is_not_run() {
    let place = Place::new();
    let program = place.shell("x", "remote", "touch ran");
    let wrong = "sha256 = \"0000000000000000000000000000000000000000000000000000000000000000\"";
    for (more, mode, problem) in [
        ("", 0o777, "is not run, because"),
        (wrong, 0o755, "is not run, because its SHA-256 is"),
        ("pass_env = [\"NOT_SET\"]", 0o755, "pass_env names the variable NOT_SET, which is not set"),
    ] {
        place.settings(&program, more);
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(mode)).unwrap();
        let Said { code, err, .. } = run(&mut place.report(&["--format", "mine"]));
        assert_eq!(code, Some(6), "{err}");
        assert!(err.contains(problem), "{err}");
        assert!(!place.path("ran").exists());
    }
    place.settings(Path::new("relative"), "");
    let said = run(&mut place.report(&["--format", "mine"]));
    assert_eq!(said.code, Some(2), "{}", said.err);
    assert!(said.err.contains("is not an absolute path"), "{}", said.err);
    let said = run(&mut place.report(&["--format", "jsn-v1"]));
    assert_eq!(said.code, Some(2), "{}", said.err);
    place.settings(&program, "");
    let said = run(&mut place.report(&["--format", "jsn-v1"]));
    assert!(said.code == Some(2) && said.err.contains("did you mean json-v1?"), "{}", said.err);
    let said = run(place.report(&["--format", "mine=file"]).env("X", "y"));
    assert!(said.code == Some(6), "{}", said.err);
}

#[test]
fn a_service_gets_a_report_once_and_again_when_asked() {
    let place = Place::new();
    let findings = *FINDINGS;
    let receipt = format!("echo '{{\"findings_in\": {findings}, \"written\": {findings}}}'");
    let program = place.shell("x", "remote", &format!("head -n 1 >>headers; cat >/dev/null; env >seen; {receipt}"));
    place.settings(&program, "delta = true\npass_env = [\"MY_TOKEN\"]\nconfig = { project = \"SEC\" }");
    let send = |more: &[&str]| {
        let arguments: Vec<&str> = ["--format", "mine"].iter().chain(more).copied().collect();
        let said = run(place.report(&arguments).env("MY_TOKEN", "t").env("OTHER", "secret"));
        assert_eq!(said.code, Some(3), "{}", said.err);
        let text = std::fs::read_to_string(place.path("headers")).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<Value>>()
    };
    assert_eq!(send(&[]).len(), 1);
    assert_eq!(send(&[]).len(), 1, "the same report is not sent twice");
    let headers = send(&["--redeliver"]);
    assert_eq!(headers.len(), 2);
    assert_eq!(headers[0]["delivery"]["id"], headers[1]["delivery"]["id"]);
    assert_eq!(headers[0]["delivery"]["may_repeat"], false);
    assert_eq!(headers[1]["delivery"]["may_repeat"], true);
    assert_eq!(headers[1]["config"]["project"], "SEC");
    let seen = std::fs::read_to_string(place.path("seen")).unwrap();
    assert!(seen.contains("MY_TOKEN=t\n") && !seen.contains("OTHER"), "{seen}");
}

/// A tracker with the part of Jira's REST API that the example uses, in Python's standard library. It prints its port, then nothing.
const TRACKER: &str = include_str!("plugins/tracker.py");

struct Tracker {
    process: Child,
    url: String,
}

impl Tracker {
    fn start(place: &Place) -> Self {
        use std::io::BufRead as _;
        let script = place.program("tracker.py", TRACKER);
        let mut process = Command::new("python3")
            .arg(script)
            .arg(place.path("issues.json"))
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3");
        let mut port = String::new();
        std::io::BufReader::new(process.stdout.take().unwrap()).read_line(&mut port).unwrap();
        Self { process, url: format!("http://127.0.0.1:{}", port.trim()) }
    }
}

impl Drop for Tracker {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn the_tickets_example_opens_one_issue_for_each_failing_finding() {
    let place = Place::new();
    let tracker = Tracker::start(&place);
    let program = place.program("tickets", &std::fs::read_to_string(example("tickets")).unwrap());
    let more = format!(
        "pass_env = [\"TICKETS_TOKEN\"]\ndelta = true\nconfig = {{ url = \"{}\", project = \"SEC\" }}",
        tracker.url
    );
    place.settings(&program, &more);
    let send = |more: &[&str]| {
        let arguments: Vec<&str> =
            ["--format", "mine", "--format", "json-v1=out.json"].iter().chain(more).copied().collect();
        let said = run(place.report(&arguments).env("TICKETS_TOKEN", "t"));
        assert_eq!(said.code, Some(3), "{}", said.err);
        let text = std::fs::read_to_string(place.path("issues.json")).unwrap();
        serde_json::from_str::<Vec<Value>>(&text).unwrap()
    };
    let issues = send(&[]);
    let json: Value = serde_json::from_str(&std::fs::read_to_string(place.path("out.json")).unwrap()).unwrap();
    let failing = json["findings"].as_array().unwrap().iter().filter(|f| f["verdict"] == "fail").count();
    assert_eq!(issues.len(), failing);
    assert!(issues.iter().all(|issue| issue["status"] == "To Do" && issue["comments"].as_array().unwrap().is_empty()));
    assert_eq!(send(&["--redeliver"]), issues, "a second delivery changes nothing");
}

#[test]
fn a_plugin_reads_the_lines_of_ndjson_and_never_a_part_of_a_scan() {
    let place = Place::new();
    let findings = *FINDINGS;
    let receipt = format!("echo '{{\"findings_in\": {findings}, \"written\": {findings}}}'");
    let program = place.shell("x", "remote", &format!("cat >lines; {receipt}"));
    place.settings(&program, "");
    let said = run(&mut place.report(&["--format", "mine", "--format", "ndjson-v1=out.ndjson"]));
    assert_eq!(said.code, Some(3), "{}", said.err);
    let read = |name: &str| -> Vec<Value> {
        let text = std::fs::read_to_string(place.path(name)).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let (mut lines, expected) = (read("lines"), read("out.ndjson"));
    assert_eq!(lines.remove(0)["contract"], "doorward-report-v1");
    for line in lines.iter_mut().filter(|line| line["type"] == "finding") {
        assert!(line.as_object_mut().unwrap().remove("content_hash").is_some(), "{line}");
    }
    assert_eq!(lines, expected);
    let flat = |line: &Value| line["flat"]["required_mode"].is_string() && line["flat"]["profile"].is_string();
    assert!(lines.iter().filter(|line| line["type"] == "load_balancer").all(flat));
    // Every finding has its own hash, so that a second delivery finds none of them changed.
    place.settings(&program, "delta = true");
    for since in ["new", "same"] {
        let said = run(&mut place.report(&["--format", "mine", "--redeliver"]));
        assert_eq!(said.code, Some(3), "{}", said.err);
        let lines = read("lines");
        let findings: Vec<_> = lines.iter().filter(|line| line["type"] == "finding").collect();
        assert_eq!(findings.len(), *FINDINGS);
        assert!(findings.iter().all(|line| line["since_last"] == since), "{since}: {}", findings[0]);
    }
    // A rule that is no longer asked ends none of its findings: the load balancers are there.
    let counted = place.shell("y", "remote", "cat >lines; n=$(grep -c '^{\"type\":\"finding\"' lines); echo \"{\\\"findings_in\\\": $n, \\\"written\\\": $n}\"");
    let settings = place.settings(&counted, "delta = true");
    let text = std::fs::read_to_string(&settings).unwrap() + "[policy]\ndisabled = [\"access-logs-disabled\"]\n";
    std::fs::write(&settings, text).unwrap();
    let said = run(&mut place.report(&["--judge-again", "--format", "mine"]));
    assert!(matches!(said.code, Some(3)), "{}", said.err);
    let lines = read("lines");
    assert!(lines.iter().filter(|line| line["type"] == "finding").count() < *FINDINGS);
    assert!(lines.iter().all(|line| line["type"] != "finding_gone"), "a finding counts as gone");
    // A load balancer that a whole listing no longer has ends its findings.
    place.settings(&counted, "delta = true");
    let saved = std::fs::read_to_string(format!("{REPOSITORY}/reports/samples/acme-org/scan.saved")).unwrap();
    let (scan, rest) = saved.split_once('\n').unwrap();
    let mut scan: Value = serde_json::from_str(scan).unwrap();
    for cell in scan["inventory"]["cells"].as_array_mut().unwrap() {
        if let Some(all) = cell.get_mut("load_balancers").and_then(Value::as_array_mut) {
            all.retain(|lb| lb["name"] != "ci-runners");
        }
    }
    std::fs::write(place.path("less.saved"), format!("{scan}\n{rest}")).unwrap();
    let mut command = doorward(place.0.path());
    let said = run(command.args(["report", "--from", "less.saved", "--config", "doorward.toml", "--format", "mine"]));
    assert_eq!(said.code, Some(3), "{}", said.err);
    let lines = read("lines");
    let gone: Vec<&str> =
        lines.iter().filter(|line| line["type"] == "finding_gone").map(|line| line["id"].as_str().unwrap()).collect();
    assert!(gone.len() > 5 && gone.iter().all(|id| id.contains("/ci-runners/")), "{gone:?}");
    place.settings(&program, "delta = true");
    // What is left out of a report would count as gone.
    let said = run(&mut place.report(&["--format", "mine", "--severity", "high"]));
    assert_eq!(said.code, Some(2), "{}", said.err);
    assert!(said.err.contains("a plugin gets the whole scan"), "{}", said.err);
}

/// Whether a program is where a plugin of the shell looks for it.
fn is_installed(program: &str) -> bool {
    ["/usr/local/bin", "/usr/bin", "/bin"].iter().any(|folder| Path::new(folder).join(program).exists())
}

#[test]
fn the_summary_example_writes_markdown_in_which_tags_are_text() {
    if !is_installed("jq") {
        return eprintln!("jq is not installed: the example of the shell was not run");
    }
    let place = Place::new();
    let program = place.program("summary", &std::fs::read_to_string(example("summary")).unwrap());
    place.settings(&program, "");
    let said = run(&mut place.report(&["--format", "mine=out.md", "--format", "json-v1=out.json"]));
    assert_eq!(said.code, Some(3), "{}", said.err);
    let json: Value = serde_json::from_str(&std::fs::read_to_string(place.path("out.json")).unwrap()).unwrap();
    let markdown = std::fs::read_to_string(place.path("out.md")).unwrap();
    let findings = json["findings"].as_array().unwrap();
    let count = |verdict: &str| findings.iter().filter(|f| f["verdict"] == verdict).count();
    let observed = json["load_balancers"].as_array().unwrap().len();
    assert!(markdown.starts_with(&format!("# Load balancers: {observed} observed, {} findings fail\n", count("fail"))));
    assert!(markdown.contains(&format!("{} findings are unknown", count("unknown"))), "{markdown}");
    let owners: usize =
        markdown.lines().filter_map(|line| line.strip_prefix("- ")?.rsplit(": ").next()?.parse::<usize>().ok()).sum();
    assert_eq!(owners, count("fail"), "{markdown}");
    let tested = run(doorward(place.0.path()).args(["plugin", "test"]).arg(&program));
    assert_eq!(tested.code, Some(0), "{}{}", tested.out, tested.err);
}

/// A report of an older scan than the last delivered one does not have what was created since: nothing of that is gone.
#[test]
fn what_an_older_scan_does_not_have_is_not_gone() {
    let place = Place::new();
    let counted = place.shell("y", "remote", "cat >lines; n=$(grep -c '^{\"type\":\"finding\"' lines); echo \"{\\\"findings_in\\\": $n, \\\"written\\\": $n}\"");
    place.settings(&counted, "delta = true");
    let text = std::fs::read_to_string(format!("{REPOSITORY}/reports/samples/acme-org/scan.saved")).unwrap();
    // The scan without one load balancer, as if it had run at another time.
    let without = |name: &str, year: &str| {
        let (scan, rest) = text.split_once('\n').unwrap();
        let mut scan: Value = serde_json::from_str(&scan.replace("2026-11-02T", &format!("{year}-11-02T"))).unwrap();
        for cell in scan["inventory"]["cells"].as_array_mut().unwrap() {
            if let Some(all) = cell.get_mut("load_balancers").and_then(Value::as_array_mut) {
                all.retain(|lb| lb["name"] != name);
            }
        }
        let path = place.path(&format!("{year}.saved"));
        std::fs::write(&path, format!("{scan}\n{rest}")).unwrap();
        path
    };
    let gone = |saved: &Path| {
        let mut command = doorward(place.0.path());
        command.args(["report", "--config", "doorward.toml", "--format", "mine", "--from"]).arg(saved);
        let said = run(&mut command);
        assert!(matches!(said.code, Some(3)), "{}", said.err);
        let lines = std::fs::read_to_string(place.path("lines")).unwrap();
        let lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines
            .filter(|line| line["type"] == "finding_gone")
            .map(|line| line["id"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let newest = Path::new(REPOSITORY).join("reports/samples/acme-org/scan.saved");
    assert_eq!(gone(&newest), Vec::<String>::new());
    assert_eq!(gone(&without("ci-runners", "2025")), Vec::<String>::new(), "an older scan ends nothing");
    // The newest delivery is still what the next one is compared with.
    let ended = gone(&without("ci-runners", "2027"));
    assert!(ended.len() > 5 && ended.iter().all(|id| id.contains("/ci-runners/")), "{ended:?}");
}
