//! The committed samples are what the demo writes today, byte for byte.

use std::collections::BTreeMap;
use std::path::Path;

use crate::bed::{REPOSITORY, doorward, run};

fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = std::fs::read_dir(folder)
        .unwrap_or_else(|e| panic!("{}: {e}; write it with `cargo xtask samples`", folder.display()));
    let mut all = BTreeMap::new();
    // The ledger is a database, not a text; what it holds is in history.json.
    for path in entries.map(|entry| entry.unwrap().path()).filter(|p| !p.to_string_lossy().contains("ledger.sqlite")) {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            all.extend(files(&path).into_iter().map(|(inner, text)| (format!("{name}/{inner}"), text)));
        } else {
            all.insert(name, std::fs::read(&path).unwrap());
        }
    }
    all
}

#[test]
fn every_example_gives_its_sample() {
    for example in ["acme-org", "gaps-org"] {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("out");
        // From the same folder, because a saved scan names the files of the exception register.
        let said = run(doorward(folder.path())
            .current_dir(REPOSITORY)
            .args(["-q", "demo", &format!("examples/{example}"), "--exit-code", "--out"])
            .arg(&out));
        assert!(matches!(said.code, Some(3..=5)), "{}", said.err);
        let (written, committed) = (files(&out), files(Path::new(&format!("{REPOSITORY}/reports/samples/{example}"))));
        assert_eq!(written.keys().collect::<Vec<_>>(), committed.keys().collect::<Vec<_>>(), "{example}");
        for (name, text) in &written {
            let same = committed.get(name) == Some(text);
            assert!(
                same,
                "{example}/{name} differs from reports/samples; look at the difference, then `cargo xtask samples`"
            );
        }
        assert_eq!(
            written.get("scan.txt").map(Vec::as_slice),
            Some(said.out.as_bytes()),
            "{example}: stdout is the table"
        );
    }
}
