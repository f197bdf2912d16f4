//! Outside text in every field: it is data in every file of the pack.

use doorward_sink_evidence::csv::{self, CsvDialect, FieldSeparator};
use doorward_sink_evidence::{Expect, verify, write};

use crate::bytes::contents;
use crate::scene;
use crate::sheets::rows;

#[test]
fn there_are_enough_hostile_texts() {
    let texts = scene::hostile();
    assert!(texts.len() >= 300, "{}", texts.len());
    assert!(texts.iter().any(|text| text.len() > 32_767) && texts.iter().any(|text| text.contains('\0')));
}

#[test]
fn no_text_leaves_its_cell() {
    let texts = scene::hostile();
    let report = scene::hostile_report(&texts);
    let context = scene::context(&report, &texts);
    let folder = tempfile::tempdir().expect("a folder");
    let dir = folder.path().join("pack");
    let json = serde_json::to_vec(&report).expect("serializes");
    write(&dir, &scene::pack(&report, &json, &context, None)).expect("writes");
    assert_eq!(std::fs::read_dir(folder.path()).expect("reads").count(), 1, "nothing lands outside");
    assert!(verify(&dir, &Expect::default()).is_sound());
    let files = contents(&dir);
    assert_eq!(files.len(), 26, "{:?}", files.keys());
    for (name, bytes) in files.iter().filter(|(name, _)| name.ends_with(".csv") || name.ends_with(".md")) {
        let text = String::from_utf8(bytes.clone()).expect("UTF-8");
        let steers = |c: char| (c.is_control() && !"\r\n".contains(c)) || ('\u{202a}'..='\u{202e}').contains(&c);
        assert!(!text.chars().any(steers), "{name}");
        if name.ends_with(".csv") {
            for row in rows(&text) {
                let calculates = |cell: &str| cell.trim_start().starts_with(['=', '+', '-', '@', '\t', '\r']);
                for (column, cell) in &row {
                    // Counts that are negative are numbers of ours.
                    let number = matches!(column.as_str(), "Change" | "Days left") && cell.parse::<i64>().is_ok();
                    assert!(number || !calculates(cell), "{name}, {column}: {cell:?}");
                    let split = cell.split([';', ',', '|', '\t', '\n', '\r', '"']);
                    assert!(number || !split.into_iter().any(calculates), "{name}, {column}: {cell:?}");
                }
            }
        }
    }
    assert_eq!(files["scan.json"], json, "the scan is verbatim");
}

#[test]
fn programs_get_every_text_verbatim() {
    let texts = scene::hostile();
    let report = scene::hostile_report(&texts);
    let mut bytes = Vec::new();
    csv::write(
        &mut bytes,
        "out.csv",
        &report,
        &scene::required(&report),
        &[],
        CsvDialect::Raw,
        FieldSeparator::default(),
    )
    .expect("writes");
    let read = rows(std::str::from_utf8(&bytes).expect("UTF-8"));
    assert_eq!(read.len(), report.findings.len());
    for (row, finding) in read.iter().zip(&report.findings) {
        assert_eq!(row["Load balancer"], finding.name);
        assert_eq!(row["Because"], finding.verdict.because());
    }
}
