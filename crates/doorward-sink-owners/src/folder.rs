//! The output folder: files are written atomically, and stale pages are removed when that is safe.
//!
//! The folder's own list, `.doorward-owners.json`, says which pages this sink wrote and what was in them. A page of an
//! earlier scan that this one did not write is removed only when all of this is sure: the list names it, its name is one
//! that this sink gives, it was not changed since, and this scan listed everything, so that the owner really has nothing
//! left. In every other case it stays as it is and the index names it. What is not on the list is never touched.

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use doorward_file::{AtomicFile, Readers, create_private_folder};
use doorward_model::{CoverageStatus, GapReason, ScanReport, SinkError, sha256_hex};
use serde::{Deserialize, Serialize};

use crate::problem;

const LIST: &str = ".doorward-owners.json";
const FORMAT: &str = "doorward-owners-v1";

/// The folder's list of what is ours.
#[derive(Debug, Default, Serialize, Deserialize)]
struct List {
    format: String,
    /// By file name.
    pages: BTreeMap<String, Listed>,
}

/// One page on the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Listed {
    owner: String,
    sha256: String,
    /// When the scan behind it ended, UTC.
    at: String,
}

/// A page of an earlier scan that is still there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Retired {
    pub(crate) file: String,
    pub(crate) owner: String,
    pub(crate) at: String,
    /// Why it was not removed.
    pub(crate) because: &'static str,
}

/// The folder while it is being written.
pub(crate) struct Folder {
    place: PathBuf,
    before: BTreeMap<String, Listed>,
    now: BTreeMap<String, Listed>,
    kept: BTreeMap<String, Listed>,
}

/// The files that every folder of this sink has.
const INDEX: [&str; 4] = ["index.md", "index.html", "owners.csv", "cost-centres.csv"];

/// Makes the folder where it is missing. Refuses one that has a file with the name of an index and no list: this sink did not write it.
pub(crate) fn make(place: &Path) -> Result<(), SinkError> {
    create_private_folder(place)
        .map_err(|e| problem(format!("{}: the folder cannot be created: {e}", place.display())))?;
    let is_there = |name: &&str| std::fs::symlink_metadata(place.join(name)).is_ok();
    match INDEX.into_iter().find(is_there).filter(|_| !is_there(&LIST)) {
        None => Ok(()),
        Some(name) => Err(problem(format!(
            "{}: {name} is not of an earlier summary, because the folder has no {LIST}, and it is not replaced; name another folder",
            place.display()
        ))),
    }
}

impl Folder {
    /// Makes the folder where it is missing and reads its list. A list that cannot be read is none: nothing is ours then.
    pub(crate) fn open(place: &Path) -> Result<Self, SinkError> {
        make(place)?;
        let list: List = std::fs::read(place.join(LIST))
            .ok()
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .filter(|list: &List| list.format == FORMAT)
            .unwrap_or_default();
        let before = list.pages.into_iter().filter(|(name, _)| is_ours(name)).collect();
        Ok(Self { place: place.to_owned(), before, now: BTreeMap::new(), kept: BTreeMap::new() })
    }

    /// Writes an owner's page and lists it.
    pub(crate) fn put_page(&mut self, file: &str, ending: &str, owner: &str, text: &str) -> Result<(), SinkError> {
        let name = format!("{file}.{ending}");
        self.put(&name, text)?;
        let sha256 = sha256_hex(text.as_bytes());
        self.now.insert(name, Listed { owner: owner.to_owned(), sha256, at: String::new() });
        Ok(())
    }

    /// Writes a file.
    pub(crate) fn put(&self, name: &str, bytes: impl AsRef<[u8]>) -> Result<(), SinkError> {
        let path = self.place.join(name);
        let write = || -> io::Result<()> {
            // Others may write to this folder: a link there is replaced, never followed.
            let mut file = AtomicFile::replace(&path, Readers::Owner)?;
            file.write_all(bytes.as_ref())?;
            file.finish()
        };
        write().map_err(|e| problem(format!("{}: cannot be written: {e}", path.display())))
    }

    /// Removes the pages that are stale for sure and names those that stay.
    pub(crate) fn retire(&mut self, report: &ScanReport) -> Result<Vec<Retired>, SinkError> {
        let whole = looked_everywhere(report);
        let mut retired = Vec::new();
        for (name, listed) in &self.before {
            if self.now.contains_key(name) {
                continue;
            }
            let path = self.place.join(name);
            let because = match std::fs::symlink_metadata(&path) {
                Err(_) => continue,
                Ok(metadata) if !metadata.is_file() => "it is no longer a regular file",
                Ok(_) if std::fs::read(&path).map(|bytes| sha256_hex(&bytes)).ok() != Some(listed.sha256.clone()) => {
                    "it was changed since it was written"
                }
                Ok(_) if !whole => "this scan did not read everything, so the owner may still have findings",
                Ok(_) => {
                    std::fs::remove_file(&path)
                        .map_err(|e| problem(format!("{}: the stale page cannot be removed: {e}", path.display())))?;
                    continue;
                }
            };
            retired.push(Retired { file: name.clone(), owner: listed.owner.clone(), at: listed.at.clone(), because });
            self.kept.insert(name.clone(), listed.clone());
        }
        Ok(retired)
    }

    /// Writes the list.
    pub(crate) fn close(self, report: &ScanReport) -> Result<(), SinkError> {
        let at = report.run.finished.to_string();
        let written = self.now.iter().map(|(name, listed)| (name.clone(), Listed { at: at.clone(), ..listed.clone() }));
        let pages = self.kept.iter().map(|(name, listed)| (name.clone(), listed.clone())).chain(written).collect();
        let list = List { format: FORMAT.to_owned(), pages };
        let mut text = serde_json::to_vec_pretty(&list).map_err(|e| problem(format!("{LIST}: {e}")))?;
        text.push(b'\n');
        self.put(LIST, text)
    }
}

/// Whether this sink could have given a file this name: the list is a file like any other, and may have been changed.
fn is_ours(name: &str) -> bool {
    let Some(stem) = name.strip_suffix(".md").or_else(|| name.strip_suffix(".html")) else { return false };
    let is_hash = |text: &str| matches!(text.len(), 8 | 64) && text.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f'));
    let is_slug =
        |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    ["unowned", "owner-unread", "owner-not-asked"].contains(&stem)
        || stem.rsplit_once('-').is_some_and(|(slug, hash)| is_slug(slug) && is_hash(hash))
}

/// Reasons that prove that an account-Region has no load balancers.
const CLOSED: [GapReason; 2] = [GapReason::RegionDisabled, GapReason::AccountInactive];

/// Whether the scan listed every load balancer there is. Account-Regions that are known to hold none do not count.
fn looked_everywhere(report: &ScanReport) -> bool {
    report.coverage.accounts_listing.is_full()
        && !report.run.interrupted
        && report.coverage.lines.iter().all(|line| match line.status {
            CoverageStatus::Skipped => {
                !line.gaps.is_empty() && line.gaps.iter().all(|gap| CLOSED.contains(&gap.reason))
            }
            _ => line.fully_listed,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_this_sink_gives_are_ours() {
        for name in ["payments-1a2b3c4d.md", "unowned.html"] {
            assert!(is_ours(name), "{name}");
        }
        for name in
            ["index.md", "../x.md", "a/b.md", "README.md", ".md", "notes.txt", "owners.csv", "/etc/x.html", "a\\b.md"]
        {
            assert!(!is_ours(name), "{name}");
        }
    }
}
