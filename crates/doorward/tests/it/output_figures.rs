//! Reads the figures out of every output of a scan, as a person or a program would, so that tests can compare them. Nothing here is
//! taken from the code that counts: each output is parsed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;

/// By figure: the outputs that show it, each with its value.
#[derive(Debug, Default)]
pub(crate) struct OutputFigures(BTreeMap<&'static str, BTreeMap<String, String>>);

const OPEN: [&str; 4] = ["critical", "high", "medium", "low"];
const RULE: &str = "desync-mode-below-required";

impl OutputFigures {
    /// Reads every output in a folder, named as the demo names them.
    pub(crate) fn read(folder: &Path) -> Self {
        let mut all = Self::default();
        all.json(&text(folder, "scan.json"), &text(folder, "history.json"));
        all.ndjson(&text(folder, "scan.ndjson"));
        all.table(&text(folder, "scan.txt"));
        all.page(&text(folder, "scan.html"));
        all.csv(&rows(&text(folder, "scan.csv")));
        all.inventory(&rows(&text(folder, "scan-inventory.csv")));
        all.owners(&rows(&text(folder, "owners/owners.csv")), &text(folder, "owners/index.html"));
        all.history_csv(&rows(&text(folder, "history.csv")));
        all.metrics(&text(folder, "history.metrics"));
        let pack = newest_pack(folder);
        let sheet = |name: &str| rows(&text(&pack, &format!("csv/{name}.csv")));
        all.sheets(&sheet("summary"), &sheet("trend"), &sheet("unseen"), &sheet("population"), &sheet("results"));
        all
    }

    /// Reads the digests of `doorward notify --dry-run --format json`: each finding is in the digest of one audience, so that their
    /// totals add up to those of the other outputs.
    pub(crate) fn digests(&mut self, document: &str) {
        let document: Value = serde_json::from_str(document).unwrap();
        let digests = document["digests"].as_array().unwrap();
        let of = |key: &str| digests.iter().map(|one| number(&one["digest"]["totals"][key])).sum::<u64>();
        self.put("open", "digests", of("failing"));
        self.put("open known", "digests", of("failing") + of("unseen_failing"));
        self.put("excepted", "digests", of("excepted"));
        self.put("unknown", "digests", of("unknown"));
        self.put("load balancers", "digests", of("load_balancers"));
        self.put("load balancers not seen", "digests", of("load_balancers_unseen"));
    }

    /// A value of an output.
    pub(crate) fn put(&mut self, figure: &'static str, output: &str, value: impl ToString) {
        let before = self.0.entry(figure).or_default().insert(output.to_owned(), value.to_string());
        assert!(before.is_none(), "{figure} of {output} is read twice");
    }

    /// The value that all outputs agree on; it panics with all of them where they do not.
    pub(crate) fn agreed(&self, figure: &str) -> &str {
        let values = &self.0[figure];
        let distinct: BTreeSet<&String> = values.values().collect();
        assert_eq!(distinct.len(), 1, "{figure}: {values:#?}");
        distinct.first().unwrap()
    }

    /// Every figure with the number of outputs that show it.
    pub(crate) fn counted(&self) -> BTreeMap<&'static str, usize> {
        self.0.iter().map(|(figure, values)| (*figure, values.len())).collect()
    }

    fn json(&mut self, scan: &str, history: &str) {
        let report: Value = serde_json::from_str(scan).unwrap();
        let findings = report["findings"].as_array().unwrap();
        let open = |f: &&Value| f["verdict"] == "fail" && f["severity"] != "informational";
        let count = |verdict: &str| findings.iter().filter(|f| f["verdict"] == verdict).count();
        let unseen = &report["unseen"];
        let missed = |excepted: bool| {
            let all = unseen["findings"].as_array().into_iter().flatten();
            all.filter(|f| f["excepted"] == excepted).count()
        };
        let seen_open = findings.iter().filter(open).count();
        self.put("open", "json", seen_open);
        self.put("open known", "json", seen_open + missed(false));
        self.put("excepted", "json", count("excepted"));
        self.put("excepted known", "json", count("excepted") + missed(true));
        self.put("unknown", "json", count("unknown"));
        let noted = findings.iter().filter(|f| f["verdict"] == "fail" && f["severity"] == "informational");
        self.put("informational", "json", noted.count());
        let of_mode = |verdict: &str| findings.iter().filter(|f| f["rule"] == RULE && f["verdict"] == verdict).count();
        self.put("weaker", "json", of_mode("fail"));
        let lbs = report["load_balancers"].as_array().unwrap();
        let lost = unseen["load_balancers"].as_array().map_or(0, Vec::len);
        self.put("load balancers", "json", lbs.len());
        self.put("load balancers not seen", "json", lost);
        for mode in ["monitor", "defensive", "strictest"] {
            let figure = mode_figure(mode);
            self.put(figure, "json tally", report["tally"]["modes"][mode].as_u64().unwrap_or(0));
            // Classic load balancers without an HTTP listener have a mode that has no effect.
            let flat = lbs.iter().filter(|lb| lb["flat"]["effective_mode"] == mode).count();
            self.put(figure, "json load balancers", flat);
        }
        self.put("mode unknown", "json tally", report["tally"]["mode_unknown"].as_u64().unwrap_or(0));
        let counts = &report["coverage"]["counts"];
        let scope = counts["all"].as_u64().unwrap() - counts["skipped"].as_u64().unwrap();
        self.put("coverage", "json", format!("{} of {scope}", counts["complete"]));
        let history: Value = serde_json::from_str(history).unwrap();
        let last = history["scans"].as_array().unwrap().last().unwrap();
        self.put("open", "history.json", &last["open_total"]);
        self.put("open known", "history.json", number(&last["open_known"]));
        self.put("excepted", "history.json", &last["excepted"]);
        self.put("excepted known", "history.json", number(&last["excepted_known"]));
        self.put("unknown", "history.json", &last["unknown"]);
        let mean = history["kpis"][0]["time_to_remediate"]["mean"].as_str().map(seconds);
        self.put(
            "time to remediate",
            "history.json",
            mean.map_or_else(|| "none".to_owned(), |s| format!("{:.1}", s / 86_400.0)),
        );
    }

    fn ndjson(&mut self, text: &str) {
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let of = |kind: &str| lines.iter().filter(|line| line["type"] == kind).collect::<Vec<_>>();
        let open = of("finding").iter().filter(|f| f["verdict"] == "fail" && f["severity"] != "informational").count();
        let missed = of("unseen_finding").iter().filter(|f| f["excepted"] == false).count();
        self.put("open", "ndjson", open);
        self.put("open known", "ndjson", open + missed);
        self.put("load balancers", "ndjson", of("load_balancer").len());
        self.put("load balancers not seen", "ndjson", of("unseen_load_balancer").len());
    }

    fn table(&mut self, text: &str) {
        if let Some(line) = text.lines().find(|line| line.contains("open findings (critical to low)")) {
            let open = line.split("= ").nth(1).unwrap().split(' ').next().unwrap();
            self.put("open", "table", open);
            self.put("informational", "table", between(line, "+ ", " informational"));
            self.put("excepted", "table", between(line, "; ", " more under an exception"));
        }
        self.put("load balancers", "table", between(text, "  of ", " load balancer"));
        if !text.contains("none in scope of the account-Regions") {
            self.put("coverage", "table", between(text, "% (", ") of the account-Regions"));
        }
        for mode in ["monitor", "defensive", "strictest"] {
            if let Some(line) = text.lines().find(|line| line.trim_start().starts_with(mode) && line.contains("% (")) {
                self.put(mode_figure(mode), "table", between(line, "% (", " of "));
            }
        }
        let (open, unseen) = match text.lines().find(|line| line.contains(" seen failing and ")) {
            Some(line) => {
                let words: Vec<usize> = line.split([' ', ';']).filter_map(|word| word.parse().ok()).collect();
                (words[0], words[1])
            }
            None => return,
        };
        self.put("open known", "table", open + unseen);
    }

    fn page(&mut self, html: &str) {
        let card = |label: &str| {
            let rest = html.split_once(&format!("<p class=\"label\">{label}</p><p class=\"figure\">"))?.1;
            Some(rest.split_once("</p>")?.0.to_owned())
        };
        // Where nothing was read, cards have no zeros.
        let counted = |label: &str| card(label).map(|figure| if figure == "unknown" { "0".to_owned() } else { figure });
        self.put("open known", "page card", counted("Open findings").unwrap());
        self.put("weaker", "page card", counted("Weaker than required").unwrap());
        self.put("unknown", "page card", counted("Unknown verdicts").unwrap());
        if let Some((before, _)) = html.split_once(" over all rules") {
            let all = before.rsplit("of ").next().unwrap();
            self.put("open known", "page card of severities", all.split(' ').next().unwrap());
        }
        self.put(
            "time to remediate",
            "page card",
            match card("Mean time to remediate").as_deref() {
                None | Some("none yet") => "none".to_owned(),
                Some(days) => days.trim_end_matches(" days").to_owned(),
            },
        );
        let h1 = between(html, "<h1>", "</h1>");
        let weaker = h1.split(' ').next().unwrap();
        if weaker.parse::<usize>().is_ok() {
            self.put("weaker", "page headline", weaker);
        }
        // The newest scan is the last row of the trend's table.
        if let Some(trend) = html.split_once("aria-label=\"Trend: table\"") {
            let table = trend.1.split_once("</table>").unwrap().0;
            let row = table.rsplit("<tr>").next().unwrap();
            let cells: Vec<&str> =
                row.split("<td class=\"n\">").skip(1).map(|c| c.split('<').next().unwrap()).collect();
            self.put("open", "page trend", cells[1]);
            self.put("open known", "page trend", if cells[2] == "unknown" { "0" } else { cells[2] });
            self.put("excepted", "page trend", cells[3]);
            self.put("unknown", "page trend", cells[4]);
        }
        for (group, output) in [("Findings by owner", "page owners"), ("Findings by account", "page accounts")] {
            let table = html.split_once(&format!("aria-label=\"{group}: table\"")).unwrap().1;
            let total = table.split_once("<tfoot>").unwrap().1.split_once("</tfoot>").unwrap().0;
            let cell = |label: &str| -> Option<usize> {
                let rest = total.split_once(&format!("data-l=\"{label}\">"))?.1;
                rest.split_once('<')?.0.parse().ok()
            };
            let open: usize = OPEN.iter().map(|severity| cell(severity).unwrap()).sum();
            self.put("open", output, open);
            self.put("open known", output, open + cell("failing, not seen now").unwrap_or(0));
            self.put("excepted", output, cell("excepted").unwrap());
            self.put("unknown", output, cell("unknown").unwrap());
            self.put("load balancers", output, cell("load balancers").unwrap());
            self.put("load balancers not seen", output, cell("load balancers not seen now").unwrap_or(0));
        }
    }

    fn csv(&mut self, rows: &[Row]) {
        let seen: Vec<&Row> = rows.iter().filter(|row| row["Reason"] != "not-seen").collect();
        let count = |verdict: &str| seen.iter().filter(|row| row["Verdict"] == verdict).count();
        let open = seen.iter().filter(|row| row["Verdict"] == "fail" && row["Severity"] != "informational").count();
        self.put("open", "csv", open);
        self.put("excepted", "csv", count("excepted"));
        self.put("unknown", "csv", count("unknown"));
    }

    fn inventory(&mut self, rows: &[Row]) {
        let seen: Vec<&Row> = rows.iter().filter(|row| row["seen"] == "yes").collect();
        self.put("load balancers", "csv-inventory", seen.len());
        self.put("load balancers not seen", "csv-inventory", rows.len() - seen.len());
        for mode in ["monitor", "defensive", "strictest"] {
            let count = seen.iter().filter(|row| row["effective_mode"] == mode).count();
            self.put(mode_figure(mode), "csv-inventory", count);
        }
        let sum: usize = seen.iter().map(|row| row["open_findings"].parse::<usize>().unwrap()).sum();
        self.put("open", "csv-inventory", sum);
    }

    fn owners(&mut self, rows: &[Row], _index: &str) {
        let sum = |column: &str| rows.iter().map(|row| row[column].parse::<usize>().unwrap()).sum::<usize>();
        let open: usize = OPEN.iter().map(|severity| sum(&format!("failures_{severity}"))).sum();
        self.put("open", "owners.csv", open);
        self.put("open known", "owners.csv", open + sum("failures_not_seen"));
        self.put("informational", "owners.csv", sum("failures_informational"));
        self.put("excepted", "owners.csv", sum("excepted"));
        self.put("excepted known", "owners.csv", sum("excepted") + sum("excepted_not_seen"));
        self.put("unknown", "owners.csv", sum("unknown"));
        self.put("load balancers", "owners.csv", sum("load_balancers"));
        self.put("load balancers not seen", "owners.csv", sum("load_balancers_not_seen"));
        for mode in ["monitor", "defensive", "strictest"] {
            self.put(mode_figure(mode), "owners.csv", sum(mode));
        }
    }

    fn history_csv(&mut self, rows: &[Row]) {
        let last = rows.last().unwrap();
        let open: usize = OPEN.iter().map(|severity| last[&format!("open_{severity}")].parse::<usize>().unwrap()).sum();
        self.put("open", "history.csv", open);
        self.put("open known", "history.csv", if last["open_known"].is_empty() { "0" } else { &last["open_known"] });
        self.put("excepted", "history.csv", &last["excepted"]);
        self.put("unknown", "history.csv", &last["unknown_verdicts"]);
        self.put("coverage", "history.csv", format!("{} of {}", last["complete"], last["in_scope"]));
        for mode in ["monitor", "defensive", "strictest"] {
            self.put(mode_figure(mode), "history.csv", &last[mode]);
        }
    }

    fn metrics(&mut self, text: &str) {
        let sum = |name: &str| -> usize {
            let lines = text.lines().filter(|line| line.starts_with(&format!("doorward_{name}{{")));
            let wanted = lines.filter(|line| !line.contains("informational"));
            wanted.map(|line| line.rsplit(' ').next().unwrap().parse::<usize>().unwrap()).sum()
        };
        self.put("open", "metrics", sum("seen_open_findings"));
        self.put("open known", "metrics", sum("open_findings"));
        self.put("excepted known", "metrics", sum("excepted_findings"));
        self.put("unknown", "metrics", sum("unknown_verdicts"));
        let mean =
            text.lines().find_map(|line| line.strip_prefix("doorward_time_to_remediate_seconds_mean{group=\"\"} "));
        let mean = mean.map(|seconds| format!("{:.1}", seconds.parse::<f64>().unwrap() / 86_400.0));
        self.put("time to remediate", "metrics", mean.unwrap_or_else(|| "none".to_owned()));
    }

    fn sheets(&mut self, summary: &[Row], trend: &[Row], not_seen: &[Row], population: &[Row], results: &[Row]) {
        let row = |section: &str, group: &str, measure: &str| {
            let found = summary
                .iter()
                .find(|row| row["Section"] == section && row["Group"] == group && row["Measure"] == measure);
            // A run that read nothing has no zeros.
            let count = |row: &Row| if row["Count"].is_empty() { "0".to_owned() } else { row["Count"].clone() };
            found.map(|row| (count(row), row["Of"].clone()))
        };
        let failures = |measure: &str| row("Failures", "", measure).map(|(count, _)| count);
        self.put("open", "summary sheet", failures("failures without informational ones").unwrap());
        self.put("excepted", "summary sheet", failures("failures under an exception").unwrap());
        self.put("unknown", "summary sheet", failures("verdicts unknown").unwrap());
        if let Some(known) = failures("failures as far as is known, seen or not") {
            self.put("open known", "summary sheet", known);
        }
        for mode in ["monitor", "defensive", "strictest"] {
            self.put(mode_figure(mode), "summary sheet", row("Modes", "", &format!("in {mode}")).unwrap().0);
        }
        if let Some((weaker, _)) = row("Verdicts", RULE, "fail, of those that the rule applies to") {
            self.put("weaker", "summary sheet", weaker);
        }
        let (complete, scope) = row("Coverage", "", "account-Regions in scope, complete").unwrap();
        self.put("coverage", "summary sheet", format!("{complete} of {scope}"));
        let last = trend.last().unwrap();
        // A run that read nothing has no zeros.
        self.put("open", "trend sheet", if last["Failing"].is_empty() { "0" } else { &last["Failing"] });
        let known = &last["Failing as far as is known"];
        self.put("open known", "trend sheet", if known.is_empty() { "0" } else { known });
        let missed = not_seen.iter().filter(|row| row["What"] == "load balancer").count();
        self.put("load balancers not seen", "not seen sheet", missed);
        self.put("load balancers", "population sheet", population.len());
        let open = results.iter().filter(|row| row["Verdict"] == "fail" && row["Severity"] != "informational").count();
        self.put("open", "results sheet", open);
        let missed = |excepted: &str| {
            not_seen.iter().filter(|row| row["What"] == "failure" && row["Excepted"] == excepted).count()
        };
        self.put("open known", "not seen and results sheets", open + missed("no"));
    }
}

/// The rows of a CSV file, by column.
pub(crate) type Row = BTreeMap<String, String>;

fn mode_figure(mode: &str) -> &'static str {
    match mode {
        "monitor" => "monitor",
        "defensive" => "defensive",
        _ => "strictest",
    }
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or(0)
}

/// Seconds of an ISO 8601 duration of hours, minutes and seconds.
fn seconds(text: &str) -> f64 {
    let span: jiff::SignedDuration = text.parse().unwrap();
    span.as_secs_f64()
}

fn text(folder: &Path, name: &str) -> String {
    std::fs::read_to_string(folder.join(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
}

fn newest_pack(folder: &Path) -> std::path::PathBuf {
    let packs = std::fs::read_dir(folder.join("evidence")).unwrap();
    packs.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()).max().unwrap()
}

/// What stands between two texts, the first time.
pub(crate) fn between<'t>(text: &'t str, before: &str, after: &str) -> &'t str {
    let rest = text.split_once(before).unwrap_or_else(|| panic!("{before:?} is missing")).1;
    rest.split_once(after).unwrap_or_else(|| panic!("{after:?} is missing")).0
}

/// The rows of a CSV file, line breaks in quotes included.
pub(crate) fn rows(text: &str) -> Vec<Row> {
    let (mut lines, mut line, mut cell, mut quoted) = (Vec::new(), Vec::new(), String::new(), false);
    for c in text.trim_start_matches('\u{feff}').chars() {
        match c {
            '"' => quoted = !quoted,
            ',' if !quoted => line.push(std::mem::take(&mut cell)),
            '\n' if !quoted => {
                line.push(std::mem::take(&mut cell));
                lines.push(std::mem::take(&mut line));
            }
            '\r' if !quoted => {}
            c => cell.push(c),
        }
    }
    let mut lines = lines.into_iter();
    let header: Vec<String> = lines.next().unwrap_or_default();
    lines.map(|line| header.iter().cloned().zip(line).collect()).collect()
}
