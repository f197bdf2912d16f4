//! The folder of summaries against the report it is made of.

#![expect(clippy::expect_used, reason = "a test that cannot go on says why")]

mod folder;
mod hostile;
mod laws;
mod pages;
mod reading;
#[path = "../../../doorward-sink-page/tests/it/scene.rs"]
mod scene;

use std::collections::BTreeMap;
use std::path::Path;

use doorward_model::{Receipt, ScanReport};
use doorward_sink_owners::{OwnersContext, write};

/// Writes and reads back: every file by its name.
fn written(folder: &Path, report: &ScanReport, context: &OwnersContext) -> (Receipt, BTreeMap<String, String>) {
    let receipt = write(folder, report, context).expect("written");
    (receipt, files(folder))
}

/// Every file of a folder by its name.
fn files(folder: &Path) -> BTreeMap<String, String> {
    let entries = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry"));
    let read = |entry: std::fs::DirEntry| {
        let name = entry.file_name().into_string().expect("a plain name");
        (name, std::fs::read_to_string(entry.path()).expect("UTF-8"))
    };
    entries.map(read).collect()
}

fn context() -> OwnersContext {
    OwnersContext { cost_centre_tags: vec!["Cost-Center".into()], due_days: 14, ..OwnersContext::default() }
}
