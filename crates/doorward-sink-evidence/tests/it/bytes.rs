//! The same pack gives the same bytes, whole or not at all.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::Path;

use doorward_sink_evidence::{Attachment, Pack, SheetLimits, write};

use crate::scene;

/// Every file below a folder, by its path from there.
pub(crate) fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut pending = vec![folder.to_owned()];
    while let Some(next) = pending.pop() {
        for entry in fs::read_dir(next).expect("reads") {
            let path = entry.expect("reads").path();
            if path.is_dir() {
                pending.push(path);
            } else {
                let name = path.strip_prefix(folder).expect("below").to_string_lossy().replace('\\', "/");
                found.insert(name, fs::read(path).expect("reads"));
            }
        }
    }
    found
}

#[test]
fn two_renderings_are_the_same_bytes() {
    let texts = vec!["plain".to_owned()];
    let report = scene::report(300);
    let (context, key) = (scene::context(&report, &texts), scene::key(1));
    let folder = tempfile::tempdir().expect("a folder");
    let json = serde_json::to_vec(&report).expect("serializes");
    let pack = scene::pack(&report, &json, &context, Some(&key));
    let one = write(&folder.path().join("one"), &pack).expect("writes");
    let write_scan = |out: &mut dyn Write| out.write_all(&json);
    let streamed = Pack { scan: Attachment::Writer(&write_scan), ..pack };
    let other = write(&folder.path().join("deep/er/other"), &streamed).expect("writes");
    assert_eq!(one.link, other.link);
    assert!(one.receipt.adds_up() && one.receipt.written == report.findings.len());
    let (one, other) = (contents(&folder.path().join("one")), contents(&folder.path().join("deep/er/other")));
    assert_eq!(one.keys().collect::<Vec<_>>(), other.keys().collect::<Vec<_>>());
    for (name, bytes) in one {
        assert!(bytes == other[&name], "{name} differs");
    }
}

#[test]
fn what_is_there_is_not_overwritten() {
    let report = scene::report(3);
    let context = scene::context(&report, &[]);
    let folder = tempfile::tempdir().expect("a folder");
    let empty = folder.path().join("empty");
    fs::create_dir(&empty).expect("makes");
    let pack = scene::pack(&report, b"{}", &context, None);
    write(&empty, &pack).expect("an empty folder is taken");
    let before = contents(folder.path());
    let error = write(&empty, &pack).expect_err("holds a pack");
    assert!(error.to_string().contains("evidence is never overwritten"), "{error}");
    assert_eq!(contents(folder.path()), before);

    let fail = |_: &mut dyn Write| Err(io::Error::other("no such scan"));
    let missing = Pack { scan: Attachment::Writer(&fail), ..pack };
    let error = write(&folder.path().join("new"), &missing).expect_err("no scan");
    assert!(error.to_string().contains("no such scan"), "{error}");
    let tiny = Pack { limits: SheetLimits { rows: 1, cell: 300 }, ..scene::pack(&report, b"{}", &context, None) };
    assert!(write(&folder.path().join("new"), &tiny).is_err());
    assert_eq!(contents(folder.path()), before, "nothing is left behind");
}
