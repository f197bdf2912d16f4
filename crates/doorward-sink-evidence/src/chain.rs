//! The chain of packs: each names the manifest of the previous pack.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use doorward_model::{ScanReport, SinkError};

use crate::error::EvidenceError;
use crate::folder_lock::{is_lock, is_unfinished};
use crate::manifest::{Link, MANIFEST, SIGNATURE};
use crate::pack_files::digest_of;
use crate::verify::{Expect, Looked, Verification, VerifyFault, ends, look};
use crate::write::SCAN;
use crate::{PublicKey, RunFigures};

/// The entries of an archive, by name, and whether each is a pack. The lock of the folder is none of them.
fn folders(archive: &Path) -> std::io::Result<Vec<(String, PathBuf, bool)>> {
    let mut folders = Vec::new();
    for entry in std::fs::read_dir(archive)? {
        let entry = entry?;
        if is_lock(&entry.path()) {
            continue;
        }
        let name = entry.file_name().to_string_lossy().into_owned();
        // A run that was stopped may have written every file of its pack.
        let is_pack = entry.file_type()?.is_dir() && !is_unfinished(&name) && entry.path().join(MANIFEST).exists();
        folders.push((name, entry.path(), is_pack));
    }
    folders.sort();
    Ok(folders)
}

/// The pack that a new one follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Earlier {
    /// How the new one refers to it.
    pub link: Link,
    /// The counts of its scan.
    pub figures: RunFigures,
    /// The part of its scan that it is evidence of, as the filter says; none for the whole scan.
    pub scope: Option<String>,
}

/// The newest pack of a folder of packs, for the next one to follow; none where there is no pack yet. `own` is the key that
/// the next pack is signed with.
///
/// # Errors
///
/// The folder or a pack cannot be read, is not as it was written, or is not signed as the next one will be: a chain is not
/// continued from a broken link, and its signer neither changes nor stops.
pub fn newest(archive: &Path, own: Option<&PublicKey>) -> Result<Option<Earlier>, SinkError> {
    let folders = match folders(archive) {
        Ok(folders) => folders,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(EvidenceError::io(archive)(error).into()),
    };
    let refuse = |why: String| {
        let problem = format!(
            "{}: the chain of packs in this folder cannot be continued: {why}; run `doorward verify` to see the \
             fault, or name another folder to begin a new chain",
            archive.display()
        );
        Err(EvidenceError::Other(problem).into())
    };
    let (packs, others): (Vec<_>, Vec<_>) = folders.into_iter().partition(|(.., is_pack)| *is_pack);
    let packs: Vec<PathBuf> = packs.into_iter().map(|(_, path, _)| path).collect();
    // Folders of our own that a stopped scan left behind never were packs.
    let gutted = others.iter().find(|(name, path, _)| path.is_dir() && !name.starts_with(".doorward-"));
    if let Some((name, ..)) = gutted {
        return refuse(format!("{name:?} is not a pack"));
    }
    let verification = verify_chain(&packs, &Expect { key: own.copied(), ..Expect::default() });
    if let (Some(fault), false) = (verification.faults.first(), packs.is_empty()) {
        return refuse(fault.to_string());
    }
    if let (None, Some(signer)) = (own, &verification.signer) {
        return refuse(format!(
            "they are signed by {signer}, but no signing key is set (evidence.signing_key_file, or --signing-key)"
        ));
    }
    let Some(link) = verification.packs.last().cloned() else { return Ok(None) };
    for pack in packs {
        if digest_of(&pack.join(MANIFEST))?.1 == link.manifest_sha256 {
            let scan = pack.join(SCAN);
            return Ok(Some(Earlier { figures: figures(&scan)?, scope: scope(&scan)?, link }));
        }
    }
    Err(EvidenceError::Other(format!("{}: the newest pack changed while it was read", archive.display())).into())
}

/// The filter of the scan of a pack.
fn scope(scan: &Path) -> Result<Option<String>, EvidenceError> {
    #[derive(serde::Deserialize)]
    struct Filtered {
        #[serde(default)]
        filter: Option<String>,
    }
    let file = File::open(scan).map_err(EvidenceError::io(scan))?;
    let scan: Result<Filtered, _> = serde_json::from_reader(BufReader::new(file));
    scan.map(|scan| scan.filter).map_err(|e| EvidenceError::Other(format!("the filter of the previous pack: {e}")))
}

/// What the scan of a pack counted.
fn figures(scan: &Path) -> Result<RunFigures, EvidenceError> {
    let file = File::open(scan).map_err(EvidenceError::io(scan))?;
    let report: ScanReport = serde_json::from_reader(BufReader::new(file))
        .map_err(|e| EvidenceError::Other(format!("{}: not a scan of this version: {e}", scan.display())))?;
    Ok(RunFigures::of(&report))
}

/// Verifies every pack in a folder of packs; whatever else lies there was added.
pub(crate) fn archive(dir: &Path, expect: &Expect) -> Verification {
    let folders = match folders(dir) {
        Ok(folders) => folders,
        Err(error) => {
            let fault = VerifyFault::Unreadable(format!("{}: {error}", dir.display()));
            return Verification { faults: vec![fault], ..Verification::default() };
        }
    };
    let (packs, others): (Vec<_>, Vec<_>) = folders.into_iter().partition(|(.., is_pack)| *is_pack);
    let packs: Vec<PathBuf> = packs.into_iter().map(|(_, path, _)| path).collect();
    let mut verification = verify_chain(&packs, expect);
    verification.faults.extend(others.into_iter().map(|(name, path, _)| {
        let is_folder = std::fs::symlink_metadata(path).is_ok_and(|found| found.is_dir());
        if is_folder && is_unfinished(&name) { VerifyFault::Unfinished(name) } else { VerifyFault::Added(name) }
    }));
    verification
}

/// Verifies packs and that they follow each other without a gap, in whatever order they are given.
pub fn verify_chain(packs: &[PathBuf], expect: &Expect) -> Verification {
    let mut verification = Verification::default();
    let mut looked: Vec<(String, Looked)> = Vec::new();
    for path in packs {
        let name =
            path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned());
        let seen = look(path, &format!("{name}/"), expect.key.as_ref(), &mut verification);
        looked.extend(seen.map(|seen| (name, seen)));
    }
    looked.sort_by(|(a, one), (b, other)| (one.link.sequence, a).cmp(&(other.link.sequence, b)));
    verification.packs = looked.iter().map(|(_, seen)| seen.link.clone()).collect();
    verification.signer = looked.last().and_then(|(_, seen)| seen.signed_by.clone());
    for (name, seen) in looked.iter().filter(|(name, seen)| *name != seen.link.run) {
        verification.faults.push(VerifyFault::Misplaced { file: name.clone(), holds: seen.link.run.clone() });
    }
    for pair in looked.windows(2) {
        let [(before, earlier), (name, later)] = pair else { continue };
        verification.faults.extend(follows((before, &earlier.link), (name, later)));
        verification.faults.extend(signs((before, earlier), (name, later)));
    }
    let first = looked.first().map(|(_, seen)| seen.previous.clone());
    if let (Some(Some(missing)), None) = (&first, &expect.previous) {
        verification.faults.push(VerifyFault::Chain(format!(
            "the first pack here follows the pack of run {} (manifest {}), which is missing",
            missing.run, missing.manifest_sha256
        )));
    }
    ends(&mut verification, expect, first.flatten().map(|link| link.manifest_sha256).as_deref());
    verification
}

/// Why one pack does not follow the other.
fn follows((before, earlier): (&str, &Link), (name, later): (&str, &Looked)) -> Option<VerifyFault> {
    if earlier.run == later.link.run || earlier.sequence == later.link.sequence {
        return Some(VerifyFault::Replayed(format!("{name} has the same place in the chain as {before}")));
    }
    if later.previous.as_ref() != Some(earlier) {
        return Some(VerifyFault::Chain(format!(
            "{name} does not follow {before}: a pack between them is missing, or one was changed"
        )));
    }
    (later.link.finished <= earlier.finished)
        .then(|| VerifyFault::Replayed(format!("{name} is of a run that ended no later than that of {before}")))
}

/// Why the signer of one pack cannot follow that of the other. A chain may begin to be signed; from then on every pack is
/// signed by the same key. Otherwise anyone with write access could put an unsigned pack, or one of their own, at its end.
fn signs((before, earlier): (&str, &Looked), (name, later): (&str, &Looked)) -> Option<VerifyFault> {
    let key = earlier.signed_by.as_ref()?;
    let why = match &later.signed_by {
        Some(other) if other == key => return None,
        Some(other) => format!("the pack is signed by {other}, but the previous pack, {before}, by {key}"),
        None => format!("the pack is not signed, but the previous pack, {before}, is signed by {key}"),
    };
    Some(VerifyFault::Signature(format!("{name}/{SIGNATURE}"), format!("{why}; the signer of a chain must not change")))
}
