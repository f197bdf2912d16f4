//! Writes packs to look at: `pack SCAN.json DIR` of a saved scan, `pack --hostile DIR` of every hostile text.

#![expect(clippy::expect_used, reason = "an example may stop")]

#[path = "../tests/it/scene.rs"]
#[expect(dead_code, reason = "the tests use more of it")]
mod scene;

use std::path::Path;

use doorward_model::ScanReport;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [scan, dir] = arguments.as_slice() else { panic!("usage: pack (SCAN.json | --hostile) DIR") };
    let texts = scene::hostile();
    let (report, json, words) = if scan == "--hostile" {
        let report = scene::hostile_report(&texts);
        let json = serde_json::to_vec(&report).expect("serializes");
        (report, json, texts.as_slice())
    } else {
        let json = std::fs::read(scan).expect("the scan can be read");
        (serde_json::from_slice::<ScanReport>(&json).expect("a scan"), json, &[][..])
    };
    let mut context = scene::context(&report, words);
    if words.is_empty() {
        context.settings = "[policy]\nrequired_mode = \"defensive\"".to_owned();
    }
    let key = scene::key(7);
    let written = doorward_sink_evidence::write(Path::new(dir), &scene::pack(&report, &json, &context, Some(&key)));
    let written = written.expect("writes");
    assert!(written.receipt.adds_up(), "{:?}", written.receipt);
}
