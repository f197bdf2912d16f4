//! Texts of commands fit the terminal: no line is broken inside a word, and none is wider than the terminal, at any usual width.

use std::collections::BTreeSet;

use crate::bed::{Bed, REPOSITORY, run, world};

/// Short forms of heads that tables have where they are narrow.
const SHORT: [&str; 5] = ["crit", "info", "unseen", "n/asked", "fixed"];

/// Checks a text at several widths; `at` gives it at a width in columns.
pub(crate) fn assert_fits(what: &str, at: &dyn Fn(&str) -> String) {
    let words: BTreeSet<String> = at("10000").split_whitespace().map(str::to_owned).collect();
    for width in [60, 80, 120, 200] {
        let text = at(&width.to_string());
        let mut is_note = false;
        for line in text.lines() {
            is_note |= line.contains("(too narrow for:");
            // A line of a file that a check shows stays as it is; it is cut, not broken.
            let is_source = line.contains(" | ") || line.trim_end().ends_with(" |");
            let longest = line.split(' ').map(|word| word.chars().count()).max().unwrap_or(0);
            // A word that is longer than what is left beside an indent is not broken.
            let is_word = line.split_whitespace().count() == 1;
            let wide = line.chars().count();
            assert!(wide <= width || longest + 30 > width || is_word || is_source, "{what} at {width}: {wide}: {line}");
            for word in line.split_whitespace().filter(|word| word.chars().count() > 3 && !word.ends_with('…')) {
                let is_count = word.chars().all(|c| c.is_ascii_digit() || ".,:%".contains(c));
                assert!(
                    words.contains(word) || SHORT.contains(&word) || is_note || is_source || is_count,
                    "{what} at {width}: {word:?} in {line}"
                );
            }
            is_note &= !line.trim_end().ends_with(')');
        }
    }
}

/// The commands that read AWS, and those of files, beside the tables of samples.
#[test]
fn texts_of_commands_fit_every_terminal() {
    let start = "2026-11-02T09:00:00Z".parse().unwrap();
    let bed = Bed::start_still(&world("gaps-org"), start);
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let iac = format!("{REPOSITORY}/examples/iac");
    let example = std::fs::read_to_string(format!("{REPOSITORY}/examples/gaps-org/doorward.toml")).unwrap();
    std::fs::write(folder.join("doorward.toml"), example).unwrap();
    let request = "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n";
    std::fs::write(folder.join("request"), request).unwrap();
    let said = run(bed.doorward(folder).args(["-q", "scan", "--save", "a.saved"]));
    assert!(matches!(said.code, Some(3..=5)), "{}", said.err);
    let said = run(bed.doorward(folder).args(["plan", "--to", "strictest", "--out", "p.json"]));
    assert!(matches!(said.code, Some(0 | 4)), "{}", said.err);
    let report = run(bed.doorward(folder).args(["-q", "report", "--from", "a.saved", "--format", "json"])).out;
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    let record = crate::event::record("e-1", &report["load_balancers"][0], "monitor");
    std::fs::write(folder.join("event.json"), crate::event::envelope(&record).to_string()).unwrap();
    run(bed.doorward(folder).args(["-q", "event", "event.json"]));
    // The first run stores the days; every later one says so in the same words.
    run(bed.doorward(folder).args(["-q", "metrics", "collect", "--days", "7"]));
    let commands = [
        "doctor",
        "doctor --for scan",
        "publish --dry-run",
        "report --from a.saved",
        "report --from a.saved --compare-securityhub",
        "report --from a.saved --rule access-logs-disabled",
        "apply p.json --dry-run",
        "apply p.json --dry-run --watch 30m",
        "verify-change",
        "metrics collect --days 7",
        "traffic --since 1d",
        "advise --since 1d",
        &format!("check {iac}"),
        &format!("check {iac} --scan a.saved --verbose"),
        "history --severity high",
        "history --since 30d",
        "exceptions list --rule owner-missing",
        "exceptions check --scan a.saved",
        "event event.json",
        "explain report.fail_on",
        "explain monitor",
        "traffic classify request",
    ];
    for command in commands {
        let at = |width: &str| {
            let said = run(bed.doorward(folder).env("COLUMNS", width).args(command.split(' ')));
            assert!(!said.out.is_empty(), "{command}: {:?} {}", said.code, said.err);
            said.out
        };
        assert_fits(command, &at);
    }
}
