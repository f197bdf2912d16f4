//! Names of log files in a folder.

use std::collections::BTreeMap;
use std::fs;

use crate::folder::{logs, read, write};
use crate::words;

/// A log whose name has words before AWS's is read by its content: it may be the only copy.
#[test]
fn a_log_with_words_before_its_name_is_read() {
    let (folder, truth) = write(500_000, 60_000, 4);
    for (number, path) in logs(folder.path()).iter().enumerate() {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let before = ["Copy-", "copy of ", "node2_", "2026-10-20-", "AWSLogs_"][number % 5];
        fs::rename(path, path.with_file_name(format!("{before}{name}"))).expect("renames");
    }
    let tally = read(folder.path(), 2);
    // Such a name says neither the account nor the Region.
    let by_id = |counted: &BTreeMap<String, u64>| -> BTreeMap<String, u64> {
        let short = |key: &str| {
            key.split('\t').map(|part| &part[part.find("app/").unwrap_or(0)..]).collect::<Vec<_>>().join("\t")
        };
        counted.iter().map(|(key, count)| (short(key), *count)).collect()
    };
    assert_eq!(by_id(&words::counted(&tally)), by_id(&truth));
    assert_eq!(tally.reading.listed.other_logs, 0);
}
