//! Parquet files: every row is what the report says, what was not read is unknown, and a report written again replaces its files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::Field;
use serde_json::Value;

use crate::bed::{REPOSITORY, Said, doorward, run};

type ReadRow = BTreeMap<String, Field>;

struct Files(tempfile::TempDir);

impl Files {
    /// A saved scan as JSON and as Parquet.
    fn of(saved: &str) -> Self {
        let files = Self(tempfile::tempdir().unwrap());
        files.write(saved);
        files
    }

    fn write(&self, saved: &str) {
        let mut command = doorward(self.0.path());
        command.args(["report", "--from", saved, "--format", "json=a.json", "--format", "parquet=tables", "--quiet"]);
        let Said { code, err, .. } = run(&mut command);
        assert!(matches!(code, Some(0 | 3 | 4 | 5)), "{err}");
    }

    fn report(&self) -> Value {
        serde_json::from_str(&std::fs::read_to_string(self.0.path().join("a.json")).unwrap()).unwrap()
    }

    /// The only file of a table.
    fn file(&self, table: &str) -> PathBuf {
        let only = |folder: &Path| {
            let mut entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
            let first = entries.next().unwrap();
            assert_eq!(entries.next(), None, "{}", folder.display());
            first
        };
        only(&only(&self.0.path().join("tables").join(table)))
    }

    fn rows(&self, table: &str) -> Vec<ReadRow> {
        let reader = SerializedFileReader::new(std::fs::File::open(self.file(table)).unwrap()).unwrap();
        let rows = reader.get_row_iter(None).unwrap();
        rows.map(|row| row.unwrap().get_column_iter().map(|(name, field)| (name.clone(), field.clone())).collect())
            .collect()
    }
}

fn saved(example: &str) -> String {
    format!("{REPOSITORY}/reports/samples/{example}/scan.saved")
}

fn text(row: &ReadRow, column: &str) -> Option<String> {
    match &row[column] {
        Field::Null => None,
        Field::Str(text) => Some(text.clone()),
        other => panic!("{column}: {other:?}"),
    }
}

fn is_true(row: &ReadRow, column: &str) -> bool {
    row[column] == Field::Bool(true)
}

fn observed(value: &Value) -> (Option<String>, Option<String>) {
    let (value, state) = match value.get("known") {
        Some(known) => (known.as_str().map(str::to_owned), "known"),
        None if value == "absent" => (None, "absent"),
        None => (None, "unknown"),
    };
    (value, Some(state.to_owned()))
}

#[test]
fn the_rows_are_the_report() {
    for example in ["acme-org", "gaps-org"] {
        let files = Files::of(&saved(example));
        let report = files.report();
        let path = files.file("findings");
        let run = report["run"]["id"].as_str().unwrap();
        assert!(path.ends_with(format!("findings/day=2026-11-02/{run}.parquet")), "{}", path.display());
        let findings = files.rows("findings");
        let (seen, unseen): (Vec<_>, Vec<_>) = findings.iter().partition(|row| is_true(row, "observed"));
        let expected = report["findings"].as_array().unwrap();
        assert_eq!(seen.len(), expected.len());
        for (row, finding) in seen.iter().zip(expected) {
            for column in [
                "id",
                "rule",
                "account",
                "region",
                "load_balancer",
                "name",
                "kind",
                "owner",
                "verdict",
                "reason",
                "because",
            ] {
                assert_eq!(text(row, column).as_deref(), finding[column].as_str(), "{column} of {finding}");
            }
            assert_eq!(text(row, "severity").as_deref(), finding["severity"].as_str(), "{finding}");
        }
        assert_eq!(unseen.len(), report["unseen"]["findings"].as_array().map_or(0, Vec::len));
        assert!(unseen.iter().all(|row| text(row, "verdict").as_deref() == Some("unknown")));
        let rows = files.rows("load_balancers");
        let seen = rows.iter().filter(|row| is_true(row, "observed"));
        let expected = report["load_balancers"].as_array().unwrap();
        assert_eq!(seen.clone().count(), expected.len());
        for (row, lb) in seen.zip(expected) {
            assert_eq!(text(row, "arn").as_deref(), lb["arn"].as_str());
            for column in ["mode", "scheme"] {
                let read = (text(row, column), text(row, &format!("{column}_state")));
                assert_eq!(read, observed(&lb[column]), "{column} of {}", lb["arn"]);
            }
            let (required, state) = (text(row, "required_mode"), text(row, "required_mode_state"));
            let expected = lb["flat"]["required_mode"].as_str().unwrap();
            match expected {
                "unknown" | "not-applicable" => assert_eq!((required, state.as_deref()), (None, Some(expected))),
                mode => assert_eq!((required.as_deref(), state.as_deref()), (Some(mode), Some("known"))),
            }
            let tags = text(row, "tags").map(|tags| serde_json::from_str::<Value>(&tags).unwrap());
            assert_eq!(tags.as_ref(), lb["tags"].get("known"));
        }
        let lines = report["coverage"]["lines"].as_array().unwrap();
        let rows = files.rows("coverage");
        assert_eq!(rows.len(), lines.len());
        for (row, line) in rows.iter().zip(lines) {
            assert_eq!(text(row, "status").as_deref(), line["status"].as_str());
            assert_eq!(text(row, "region").as_deref(), line["region"].as_str());
            let found = Field::Long(line["load_balancers"].as_i64().unwrap_or(0));
            let expected = if line["fully_listed"] == true { found } else { Field::Null };
            assert_eq!(row["load_balancers"], expected, "{line}");
        }
        let rows = files.rows("runs");
        let [row] = rows.as_slice() else { panic!("{rows:?}") };
        for (column, count) in
            [("account_regions", "all"), ("complete", "complete"), ("failed", "failed"), ("skipped", "skipped")]
        {
            assert_eq!(row[column], Field::Long(report["coverage"]["counts"][count].as_i64().unwrap()), "{column}");
        }
    }
}

#[test]
fn a_report_written_again_replaces_its_files_with_the_same_bytes() {
    let files = Files::of(&saved("acme-org"));
    let tables = ["load_balancers", "findings", "coverage", "runs"];
    let bytes = || tables.map(|table| std::fs::read(files.file(table)).unwrap());
    let first = bytes();
    files.write(&saved("acme-org"));
    assert!(bytes() == first);
}

/// More rows than one group, and texts that other formats trip over.
#[test]
fn large_reports_and_hostile_texts_are_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let text_of_scan = std::fs::read_to_string(saved("acme-org")).unwrap();
    let (scan, _) = text_of_scan.split_once('\n').unwrap();
    let mut scan: Value = serde_json::from_str(scan).unwrap();
    let hostile = ["=1+1", "a\u{0}b\n\"c\"", "\u{202e}日本 🚀", ""];
    for cell in scan["inventory"]["cells"].as_array_mut().unwrap() {
        if let Some(all) = cell.get_mut("load_balancers").and_then(Value::as_array_mut) {
            let made = all.iter().flat_map(|lb| {
                (0..30).map(move |n| {
                    let arn = lb["arn"].as_str().unwrap();
                    let mut copy: Value =
                        serde_json::from_str(&lb.to_string().replace(arn, &format!("{arn}{n:02}"))).unwrap();
                    copy["name"] = hostile[n % hostile.len()].into();
                    copy
                })
            });
            *all = made.collect();
        }
    }
    let large = folder.path().join("large.saved");
    std::fs::write(&large, format!("{scan}\n{{\"history\": {{}}}}\n")).unwrap();
    let files = Files::of(large.to_str().unwrap());
    let rows = files.rows("findings");
    let expected = files.report();
    let expected = expected["findings"].as_array().unwrap();
    assert!(rows.len() > 10_000 && rows.len() == expected.len());
    for (row, finding) in rows.iter().zip(expected) {
        assert_eq!(text(row, "id").as_deref(), finding["id"].as_str());
        assert_eq!(text(row, "name").as_deref(), finding["name"].as_str());
    }
}
