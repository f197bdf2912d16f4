//! The folder of a demo. It belongs to the demo alone: what is there from elsewhere is never replaced, and a demo that does not end leaves
//! none of its files behind.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use crate::ExampleError;

/// The list of the names that demos wrote to the folder, one a line. Like the other files beside the ledger it is no output, which its
/// name shows.
const LIST: &str = "ledger.sqlite-demo";

/// What every demo may write besides the outputs of its scan.
const NAMES: [&str; 19] = [
    "change-plan.json",
    "change-plan.md",
    "change.txt",
    "costs.csv",
    "doorward.toml",
    "event.json",
    "event.txt",
    "exceptions.toml",
    "history.csv",
    "history.json",
    "history.metrics",
    "history.txt",
    "ledger.sqlite",
    "ledger.sqlite-journal",
    "ledger.sqlite-lock",
    "ledger.sqlite-shm",
    "ledger.sqlite-wal",
    "scan.saved",
    "traffic.json",
];

/// The folder of evidence packs, which earlier demos may have written of other days.
const PACKS: &str = "evidence";

/// A folder while a demo writes to it. Dropped before [`DemoFolder::finish`], it removes what the demo wrote.
#[derive(Debug)]
pub struct DemoFolder {
    place: PathBuf,
    names: BTreeSet<String>,
    /// Folders in it that were there before.
    kept: BTreeSet<String>,
    /// How the names of this demo's evidence packs begin.
    pack: String,
    is_finished: bool,
}

impl DemoFolder {
    /// Takes a folder, which is made where it is missing, and removes the files of an earlier demo from it. `outputs` are the names of the
    /// outputs of the scan, `pack` is how the names of its evidence packs begin.
    ///
    /// # Errors
    ///
    /// The folder cannot be made, or something is in it that no demo wrote.
    pub fn take(place: &Path, outputs: impl Iterator<Item = &'static str>, pack: String) -> Result<Self, ExampleError> {
        let unwritable = |path: &Path, source| ExampleError::Write { path: path.display().to_string(), source };
        std::fs::create_dir_all(place).map_err(|e| unwritable(place, e))?;
        let list = std::fs::read_to_string(place.join(LIST)).unwrap_or_default();
        let before: BTreeSet<&str> = list.lines().collect();
        let mut found = entries(place).map_err(|e| unwritable(place, e))?;
        found.remove(LIST);
        // A demo that was killed may leave a draft.
        let is_draft = |name: &str| name.starts_with(".doorward-") && name.ends_with(".part");
        if let Some(name) = found.iter().find(|name| !before.contains(name.as_str()) && !is_draft(name)) {
            return Err(ExampleError::Foreign { folder: place.display().to_string(), name: name.clone() });
        }
        let kept = found.iter().filter(|name| place.join(name).is_dir()).cloned().collect();
        let names = NAMES
            .into_iter()
            .chain(outputs)
            .map(str::to_owned)
            .chain(before.into_iter().map(str::to_owned))
            .chain(found)
            .collect();
        let folder = Self { place: place.to_owned(), names, kept, pack, is_finished: false };
        folder.remove_files();
        let text: String = folder.names.iter().map(|name| format!("{name}\n")).collect();
        folder.put(LIST, &text)?;
        Ok(folder)
    }

    /// Writes a text into it. Returns its path.
    ///
    /// # Errors
    ///
    /// It cannot be written.
    pub fn put(&self, name: &str, text: &str) -> Result<PathBuf, ExampleError> {
        let path = self.place.join(name);
        let written = std::fs::write(&path, text);
        written.map_err(|source| ExampleError::Write { path: path.display().to_string(), source })?;
        Ok(path)
    }

    /// Keeps what was written.
    pub fn finish(mut self) {
        self.is_finished = true;
    }

    /// Removes the files of demos, and the evidence packs of this one: evidence is never replaced.
    fn remove_files(&self) {
        for name in self.names.iter().filter(|name| !name.contains(['/', '\\'])) {
            // What is a folder is not removed by this.
            let _ = std::fs::remove_file(self.place.join(name));
        }
        let packs = self.place.join(PACKS);
        for pack in entries(&packs).unwrap_or_default().iter().filter(|pack| pack.starts_with(&self.pack)) {
            let _ = std::fs::remove_dir_all(packs.join(pack));
        }
    }
}

impl Drop for DemoFolder {
    fn drop(&mut self) {
        if self.is_finished {
            return;
        }
        self.remove_files();
        let is_new = |name: &&String| !self.kept.contains(*name) && !name.contains(['/', '\\']) && *name != PACKS;
        for name in self.names.iter().filter(is_new) {
            let _ = std::fs::remove_dir_all(self.place.join(name));
        }
        // These fail where something else is left, which the list names.
        let _ = std::fs::remove_dir(self.place.join(PACKS));
        if entries(&self.place).is_ok_and(|left| left.iter().all(|name| name == LIST)) {
            let _ = std::fs::remove_file(self.place.join(LIST));
            let _ = std::fs::remove_dir(&self.place);
        }
    }
}

fn entries(folder: &Path) -> io::Result<BTreeSet<String>> {
    std::fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(place: &Path) -> Result<DemoFolder, ExampleError> {
        DemoFolder::take(place, ["scan.json", "owners", "evidence"].into_iter(), "20261102T".to_owned())
    }

    fn names(place: &Path) -> Vec<String> {
        entries(place).map(|names| names.into_iter().collect()).unwrap_or_default()
    }

    fn write(place: &Path, name: &str) {
        let path = place.join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("makes");
        std::fs::write(path, "x").expect("writes");
    }

    #[test]
    fn a_demo_that_does_not_end_leaves_nothing() {
        let outer = tempfile::tempdir().expect("a folder");
        let place = outer.path().join("demo");
        let folder = take(&place).expect("new");
        for name in ["scan.json", "owners/index.md", "evidence/20261102T1/pack.json", "ledger.sqlite-wal"] {
            write(&place, name);
        }
        drop(folder);
        assert!(!place.exists(), "{:?}", names(&place));
    }

    #[test]
    fn a_later_demo_replaces_an_earlier_one_and_keeps_its_other_packs() {
        let outer = tempfile::tempdir().expect("a folder");
        let place = outer.path().join("demo");
        let folder = take(&place).expect("new");
        for name in ["scan.json", "change.txt", "evidence/20261102T1/pack.json", "evidence/20250101T1/pack.json"] {
            write(&place, name);
        }
        folder.finish();
        let folder = take(&place).expect("of a demo");
        assert_eq!(names(&place), ["evidence", "ledger.sqlite-demo"]);
        assert_eq!(names(&place.join("evidence")), ["20250101T1"]);
        write(&place, "scan.json");
        drop(folder);
        assert_eq!(names(&place), ["evidence", "ledger.sqlite-demo"], "the next demo can take what is left");
        assert!(take(&place).is_ok());
    }

    #[test]
    fn what_no_demo_wrote_is_never_replaced() {
        let outer = tempfile::tempdir().expect("a folder");
        for (name, before) in [("scan.json", false), ("notes.txt", false), ("doorward.toml", true)] {
            let place = outer.path().join(name);
            write(&place, name);
            if before {
                // An empty list is none.
                std::fs::write(place.join(LIST), "").expect("writes");
            }
            let refused = take(&place).expect_err(name).to_string();
            assert!(refused.contains(name) && refused.contains("--out"), "{refused}");
            assert_eq!(std::fs::read_to_string(place.join(name)).expect("stays"), "x");
        }
        // A list that another program wrote removes nothing outside of the folder.
        let place = outer.path().join("list");
        write(&place, LIST);
        write(outer.path(), "outside.txt");
        std::fs::write(place.join(LIST), "../outside.txt\n").expect("writes");
        drop(take(&place).expect("empty"));
        assert!(outer.path().join("outside.txt").exists());
    }
}
