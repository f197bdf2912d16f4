//! The demo: its exit code, its closing text, and its outputs as a person reads them.

use std::collections::BTreeMap;
use std::path::Path;

use crate::bed::{REPOSITORY, doorward, run};

/// The page without its style and its data.
fn shown(html: &str) -> String {
    let body = html.split_once("</style>").map_or(html, |(_, body)| body);
    let body = body.split_once("<script").map_or(body, |(body, _)| body);
    body.split('<').map(|part| part.split_once('>').map_or(part, |(_, text)| text)).collect()
}

fn rows(text: &str) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv_lines(text);
    let header = reader.remove(0);
    reader.into_iter().map(|row| header.iter().cloned().zip(row).collect()).collect()
}

/// The cells of a CSV file without quoted line breaks.
fn csv_lines(text: &str) -> Vec<Vec<String>> {
    let cells = |line: &str| {
        let (mut cells, mut cell, mut quoted) = (Vec::new(), String::new(), false);
        for c in line.chars() {
            match c {
                '"' => quoted = !quoted,
                ',' if !quoted => cells.push(std::mem::take(&mut cell)),
                c => cell.push(c),
            }
        }
        cells.push(cell);
        cells
    };
    text.trim_start_matches('\u{feff}').lines().map(cells).collect()
}

/// The control mapping, counted again from the JSON report of the same scan.
fn check_controls(out: &Path) {
    let report: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(out.join("scan.json")).unwrap()).unwrap();
    let pack = std::fs::read_dir(out.join("evidence")).unwrap().next().unwrap().unwrap().path();
    let controls = rows(&std::fs::read_to_string(pack.join("csv/controls.csv")).unwrap());
    for (control, kind) in [("ELB.12", "application"), ("ELB.14", "classic")] {
        let row = controls.iter().find(|row| row["Control"] == control).unwrap();
        for (column, verdict) in [("Fail", "fail"), ("Excepted", "excepted"), ("Pass", "pass"), ("Unknown", "unknown")]
        {
            let findings = report["findings"].as_array().unwrap().iter();
            let of = findings
                .filter(|f| f["rule"] == "desync-mode-below-required" && f["kind"] == kind && f["verdict"] == verdict);
            assert_eq!(row[column], of.count().to_string(), "{control} {column}");
        }
    }
    // The period of the first pack is that of its change log and trend.
    let cover = std::fs::read_to_string(pack.join("csv/cover.csv")).unwrap();
    let trend = rows(&std::fs::read_to_string(pack.join("csv/trend.csv")).unwrap());
    assert!(trend.len() > 1 && !cover.contains("evidence for the time of the scan only"), "{cover}");
    let from = cover.lines().find_map(|line| line.strip_prefix("Period,From,")).unwrap();
    let day = |text: &str| text.trim_matches(['\'', '"']).chars().take(10).collect::<String>();
    let first = trend.iter().map(|row| day(&row["Run ended (ISO 8601)"])).min().unwrap();
    assert_eq!(day(from), first, "{cover}");
    for change in rows(&std::fs::read_to_string(pack.join("csv/changes.csv")).unwrap()) {
        assert!(day(&change["Not after (ISO 8601)"]) >= day(from), "{change:?}");
    }
}

/// A cost centre has the same load balancers in the summaries of owners and in the history.
fn check_cost_centres(folder: &Path) {
    let centres = rows(&std::fs::read_to_string(folder.join("out/owners/cost-centres.csv")).unwrap());
    let ledger = folder.join("out/ledger.sqlite").display().to_string();
    let said =
        run(doorward(folder).args(["history", "--ledger", &ledger, "--by", "tag:cost-center", "--format", "json"]));
    let history: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    let scans = history["scans"].as_array().unwrap();
    let newest = scans.iter().map(|scan| scan["run"]["at"].as_str().unwrap()).max().unwrap();
    let mut compared = 0;
    for scan in scans.iter().filter(|scan| scan["run"]["at"] == newest) {
        let group = scan["group"].as_str().unwrap();
        // The rows of the file are by cost centre and owner.
        let of = |column: &str| -> u64 {
            let own = centres.iter().filter(|row| row["cost_centre"] == group);
            own.map(|row| row[column].parse::<u64>().unwrap()).sum()
        };
        if !group.starts_with('(') {
            assert_eq!(scan["modes"]["monitor"].as_u64().unwrap(), of("monitor"), "{group}");
            assert_eq!(scan["load_balancers"].as_u64().unwrap(), of("mode_population"), "{group}");
            compared += 1;
        }
    }
    assert!(compared >= 2, "{compared}: {history}");
}

#[test]
fn the_demo_ends_with_0_and_names_the_exit_code_of_its_scan() {
    let folder = tempfile::tempdir().unwrap();
    let said = run(doorward(folder.path()).args(["demo", "--out", "out"]));
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert!(said.err.contains("`doorward scan` would end with exit code 3 here"), "{}", said.err);
    assert!(folder.path().join("out/scan.html").is_file());

    for entry in walkdir::WalkDir::new(folder.path().join("out")) {
        let path = entry.unwrap().into_path();
        let ending = path.extension().unwrap_or_default().to_string_lossy().into_owned();
        if !["html", "md", "txt", "csv"].contains(&ending.as_str()) {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let text = if ending == "html" { shown(&text) } else { text };
        // No name of this organization holds a line feed, so an escaped one is a fault of the output.
        assert!(!text.contains("\\u{a}"), "{}", path.display());
        assert!(ending != "html" || !text.contains('`'), "{}", path.display());
    }
    check_controls(&folder.path().join("out"));
    check_cost_centres(folder.path());

    // In the folder of an earlier demo, the closing text of another one lists what this one wrote.
    let other = format!("{REPOSITORY}/examples/gaps-org");
    let said = run(doorward(folder.path()).args(["demo", &other, "--out", "out"]));
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert!(said.err.contains("  scan.html ") && said.err.contains("the trend of this scan"), "{}", said.err);
    for absent in ["  change.txt", "  change-plan.md", "  event.txt", "  doorward.toml"] {
        assert!(!said.err.contains(absent), "{absent}: {}", said.err);
    }

    let said = run(doorward(folder.path()).args(["demo", "--out", "again", "--exit-code", "--quiet"]));
    assert_eq!((said.code, said.err.as_str()), (Some(3), ""));
}

#[test]
fn a_folder_that_cannot_be_written_is_exit_code_6() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("file"), "").unwrap();
    let said = run(doorward(folder.path()).args(["demo", "--out", "file/below"]));
    assert_eq!(said.code, Some(6), "{}", said.err);
    assert!(said.err.contains("file/below: cannot be written"), "{}", said.err);
}

#[test]
fn a_signal_ends_the_demo_and_leaves_nothing_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let start = |arguments: &[&str]| {
        let mut command = doorward(folder.path());
        command.args(arguments).stdout(std::process::Stdio::null()).stderr(std::process::Stdio::piped());
        command.spawn().unwrap()
    };
    for (signal, code) in [("-TERM", 143), ("-INT", 130)] {
        let child = start(&["demo", "--out", "out"]);
        let patience = std::time::Instant::now();
        while !out.join("ledger.sqlite").exists() {
            assert!(patience.elapsed().as_secs() < 30, "the demo does not get going");
            std::thread::yield_now();
        }
        assert!(std::process::Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
        let ended = child.wait_with_output().unwrap();
        let err = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert_eq!(ended.status.code(), Some(code), "{err}");
        assert!(err.contains("stopped before its end") && !err.contains("The demo is complete"), "{err}");
        assert!(!out.exists(), "{signal}: {:?}", std::fs::read_dir(&out).map(Iterator::count));
    }
}

#[test]
fn the_demo_replaces_nothing_that_no_demo_wrote() {
    let folder = tempfile::tempdir().unwrap();
    let demo = |arguments: &[&str]| run(doorward(folder.path()).args(["-q", "demo"]).args(arguments));
    for name in ["scan.json", "doorward.toml", "notes.txt", "owners"] {
        let place = folder.path().join(name);
        std::fs::create_dir(&place).unwrap();
        std::fs::write(place.join(name), "mine").unwrap();
        let said = demo(&["--gaps", "--out", name]);
        assert!(said.code == Some(2) && said.err.contains("no demo wrote"), "{name}: {:?} {}", said.code, said.err);
        assert_eq!(std::fs::read_to_string(place.join(name)).unwrap(), "mine");
        assert_eq!(std::fs::read_dir(&place).unwrap().count(), 1, "{name}");
    }
    // The folder of an earlier demo is replaced, with nothing left of that one.
    assert_eq!(demo(&["--out", "out"]).code, Some(0));
    assert!(folder.path().join("out/change.txt").is_file());
    assert_eq!(demo(&["--gaps", "--out", "out"]).code, Some(0));
    assert!(!folder.path().join("out/change.txt").exists() && folder.path().join("out/scan.json").is_file());
    std::fs::write(folder.path().join("out/notes.txt"), "mine").unwrap();
    let said = demo(&["--gaps", "--out", "out"]);
    assert!(said.code == Some(2) && said.err.contains("notes.txt"), "{}", said.err);
    assert!(folder.path().join("out/scan.json").is_file());
}
