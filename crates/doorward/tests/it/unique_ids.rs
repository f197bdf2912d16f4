//! What is unknown now and failed before is one finding: no identifier occurs twice in a list of any output, and none is left out.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::Path;

use doorward_model::{
    DeadlineTally, Frameworks, HistoryContext, Policy, ScanReport, Sink as _, SinkContext, VerdictKind,
};
use doorward_sink_evidence::{CsvDialect, FieldSeparator};
use doorward_sink_oscal::OscalContext;
use doorward_sink_parquet::ParquetSink;
use doorward_sink_securityhub::{Delivery, ExceptedAs, FindingRenderer, ReportIndex, Shape, asff_json, ocsf_ndjson};
use doorward_sink_text::{FlatContext, inventory_csv, json, ndjson};
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::Field;
use serde_json::Value;

use crate::output_figures::rows;
use crate::scene::Desk;

/// The last report of a history in which load balancers fail, pass, cannot be read, are not asked or are not seen.
fn play(dice: &mut fastrand::Rng) -> ScanReport {
    let mut desk = Desk::new();
    let mut last = None;
    for n in 0..dice.i64(2..4) {
        let mut scene = Vec::new();
        for account in 1..=2 {
            let status = dice.choice(["full", "full", "full", "partial", "failed", ""]).unwrap();
            let mut place = format!("{account} {status}");
            for name in 0..4 {
                let verdict = dice.choice(['f', 'f', 'f', 'e', 'p', 'u', 'u', 's', 's']).unwrap();
                if ["full", "partial"].contains(&status) && dice.u8(0..8) > 0 {
                    place.push_str(&format!(" lb{name}:{verdict}"));
                }
            }
            scene.extend((!status.is_empty()).then_some(place));
        }
        last = Some(desk.scan(n * 86_400, &scene.join("; ")).0);
    }
    last.unwrap()
}

#[track_caller]
fn once(list: &str, ids: impl IntoIterator<Item = String>) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    for id in ids {
        assert!(seen.insert(id.clone()), "{list}: {id} occurs twice");
    }
    seen
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

fn property(thing: &Value, name: &str) -> Option<String> {
    thing["props"].as_array()?.iter().find(|prop| prop["name"] == name).map(|prop| text(&prop["value"]))
}

fn parsed(write: impl FnOnce(&mut Vec<u8>)) -> Value {
    let mut out = Vec::new();
    write(&mut out);
    serde_json::from_slice(&out).unwrap()
}

/// The identifiers of findings in an OSCAL document, and those with the time of their last failure.
fn oscal(report: &ScanReport) -> [BTreeSet<String>; 3] {
    let frameworks = Frameworks::default();
    let rules = doorward_rules::definitions();
    let context = OscalContext { frameworks: &frameworks, rules: &rules, filter: None };
    let document = parsed(|out| doorward_sink_oscal::write(out, report, &context).map(|_| ()).unwrap());
    let result = &document["assessment-results"]["results"][0];
    let list = |name: &str| result[name].as_array().cloned().unwrap_or_default();
    let (observations, risks) = (list("observations"), list("risks"));
    let all = observations.iter().chain(&risks).chain(result["findings"].as_array().into_iter().flatten());
    let uuids = once("oscal", all.map(|one| text(&one["uuid"])));
    for risk in &risks {
        assert!(uuids.contains(&text(&risk["related-observations"][0]["observation-uuid"])), "{risk:#}");
    }
    let last = observations.iter().filter(|one| property(one, "last-seen").is_some());
    [
        once("oscal observations", observations.iter().filter_map(|one| property(one, "finding"))),
        last.filter_map(|one| property(one, "finding")).collect(),
        once("oscal risks", risks.iter().filter_map(|one| property(one, "finding"))),
    ]
}

/// The column of a Parquet table.
fn parquet(folder: &Path, table: &str, column: &str) -> Vec<Field> {
    let files = walkdir::WalkDir::new(folder.join(table)).into_iter().map(|entry| entry.unwrap());
    let file = files.filter(|entry| entry.file_type().is_file()).map(|entry| entry.into_path()).next().unwrap();
    let reader = SerializedFileReader::new(File::open(file).unwrap()).unwrap();
    let rows = reader.get_row_iter(None).unwrap().map(|row| row.unwrap());
    rows.map(|row| row.get_column_iter().find(|(name, _)| *name == column).unwrap().1.clone()).collect()
}

fn texts(fields: Vec<Field>) -> Vec<String> {
    fields.into_iter().map(|field| if let Field::Str(text) = field { text } else { panic!("{field:?}") }).collect()
}

#[test]
fn no_identifier_occurs_twice() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (mut both, mut unasked) = (0, 0);
    for seed in 0..if std::env::var_os("DOORWARD_SLOW").is_some() { 2_000 } else { 100 } {
        let mut report = play(&mut fastrand::Rng::with_seed(seed));
        report.tally.deadlines = Some(DeadlineTally::default());
        let report = report;
        let judged: BTreeSet<String> = report.findings.iter().map(|finding| finding.id.clone()).collect();
        let unseen: BTreeSet<String> = report.unseen_failures().keys().map(|id| (*id).to_owned()).collect();
        let all: BTreeSet<String> = judged.union(&unseen).cloned().collect();
        both += judged.intersection(&unseen).count();

        let [observed, last_seen, risks] = oscal(&report);
        assert_eq!((observed, &last_seen), (all.clone(), &unseen), "seed {seed}");
        assert!(unseen.is_subset(&risks), "seed {seed}: what failed when last seen has a risk");
        let not_asked =
            |id: &&String| report.findings.iter().any(|of| of.id == **id && of.verdict.kind() == VerdictKind::NotAsked);
        unasked += unseen.iter().filter(not_asked).count();

        let folder = tempfile::tempdir().unwrap();
        let sink = ParquetSink { folder: folder.path().to_owned(), policy: &Policy::default() };
        let history = HistoryContext::default();
        runtime.block_on(sink.emit(&report, SinkContext { history: &history, exit_code: 0 })).unwrap();
        assert_eq!(once("parquet findings", texts(parquet(folder.path(), "findings", "id"))), all, "seed {seed}");
        let last = parquet(folder.path(), "findings", "failure_last_seen");
        assert_eq!(last.iter().filter(|one| **one != Field::Null).count(), unseen.len(), "seed {seed}");
        once("parquet load balancers", texts(parquet(folder.path(), "load_balancers", "arn")));

        let mut csv = Vec::new();
        let rules = doorward_rules::catalogue();
        let (dialect, separator) = (CsvDialect::Raw, FieldSeparator::default());
        doorward_sink_evidence::csv::write(&mut csv, "", &report, &BTreeMap::new(), rules, dialect, separator).unwrap();
        let csv = rows(&String::from_utf8(csv).unwrap());
        assert_eq!(once("csv", csv.iter().map(|row| row["Finding id"].clone())), all, "seed {seed}");

        let flat = FlatContext::new(&report, BTreeMap::new(), &history);
        let document = parsed(|out| json::write(out, &report, &flat, 0).map(|_| ()).unwrap());
        let ids = |list: &Value, key: &str| {
            list.as_array().into_iter().flatten().map(|one| text(&one[key])).collect::<Vec<_>>()
        };
        assert_eq!(once("json findings", ids(&document["findings"], "id")), judged);
        assert_eq!(once("json unseen", ids(&document["unseen"]["findings"], "id")), unseen);
        let lost = ids(&document["unseen"]["load_balancers"], "arn");
        once("json load balancers", ids(&document["load_balancers"], "arn").into_iter().chain(lost));
        let mut lines = Vec::new();
        ndjson::write(&mut lines, &report, &flat, 0).unwrap();
        let lines = String::from_utf8(lines).unwrap();
        let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        for (kind, expected) in [("finding", &judged), ("unseen_finding", &unseen)] {
            let own = lines.iter().filter(|line| line["type"] == kind).map(|line| text(&line["id"]));
            assert_eq!(&once(kind, own), expected, "seed {seed}");
        }
        let mut inventory = Vec::new();
        inventory_csv::write(&mut inventory, &report, &flat).unwrap();
        let inventory = rows(&String::from_utf8(inventory).unwrap());
        once("csv-inventory", inventory.iter().map(|row| row["arn"].clone()));
        for row in &inventory {
            // A failure that was not observed may be overdue.
            let may_be = row["open_findings_not_seen"] != "0";
            assert!(!may_be || row["overdue"] != "no", "seed {seed}: {row:#?}");
        }
        let missed: usize = inventory.iter().map(|row| row["open_findings_not_seen"].parse::<usize>().unwrap()).sum();
        assert_eq!(missed, report.unseen.as_ref().unwrap().open(), "seed {seed}: every unseen failure is counted");

        let renderer = FindingRenderer::new(Delivery::Member, ExceptedAs::Failed, rules, BTreeMap::new());
        let index = ReportIndex::new(&report);
        let asff = parsed(|out| asff_json(&renderer, &index, out).map(|_| ()).unwrap());
        once("asff", ids(&asff, "Id"));
        let mut ocsf = Vec::new();
        ocsf_ndjson(&renderer, &index, Shape::SecurityHub, &mut ocsf).unwrap();
        let ocsf = String::from_utf8(ocsf).unwrap();
        let uid = |line: &str| text(&serde_json::from_str::<Value>(line).unwrap()["finding_info"]["uid"]);
        once("ocsf", ocsf.lines().map(uid));
    }
    assert!(both > 20 && unasked > 5, "{both} findings have a verdict and failed before, {unasked} were not asked");
}
