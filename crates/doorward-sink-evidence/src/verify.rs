//! Verifies a pack offline, from its folder and any hash or key that was kept elsewhere.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use doorward_model::sha256_hex;

use crate::PublicKey;
use crate::manifest::{FORMAT, Link, MANIFEST, Manifest, SIGNATURE, SUMS};
use crate::pack_files::{FolderEntry, Print, below, digest_of, small};
use crate::write::WORKBOOK;

mod fault;
mod render;

pub use fault::VerifyFault;
pub use render::{verification_document, verification_text};

/// The most bytes that manifest.json and SHA256SUMS may have: a hundred times what every sheet and file needs.
const LARGEST: u64 = 4 << 20;

/// Files by which a folder is known as that of a pack.
const TRACES: [&str; 5] = [MANIFEST, SUMS, SIGNATURE, WORKBOOK, "scan.json"];

/// The bytes of a signature.
const SIGNATURE_BYTES: u64 = 64;

/// Knowledge from outside the folder. The default is empty and proves nothing: anyone with write access to a folder
/// can replace
/// all of it, consistently.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expect {
    /// The key that the packs must be signed with.
    pub key: Option<PublicKey>,
    /// The SHA-256 of manifest.json of the newest pack, as it was kept elsewhere.
    pub head: Option<String>,
    /// The SHA-256 of manifest.json of the pack before the first one here.
    pub previous: Option<String>,
}

/// The result of verifying one pack or a chain of packs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verification {
    /// The packs that could be read, in the order of the chain.
    pub packs: Vec<Link>,
    /// How many files were compared.
    pub files: usize,
    /// Everything that is not as it was written.
    pub faults: Vec<VerifyFault>,
    /// What was not proven, in sentences.
    pub notes: Vec<String>,
    /// What the packs were compared with that is not in the folder.
    pub proof: Proof,
    /// The public key that the newest pack of a chain names.
    pub(crate) signer: Option<String>,
}

/// What packs were compared with that was kept elsewhere.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Proof {
    /// A public key: every pack was written by the holder of its private key.
    pub key: bool,
    /// The hash of the newest manifest: this pack and, by the chain, every pack before it is the one that was written.
    pub head: bool,
}

impl Verification {
    /// Whether no fault was found: the packs are consistent with themselves and with what was kept elsewhere.
    pub fn is_sound(&self) -> bool {
        self.faults.is_empty()
    }

    /// Whether the packs are as they were written: no fault was found, and something that was kept elsewhere proves it.
    pub fn is_proven(&self) -> bool {
        self.is_sound() && !self.packs.is_empty() && (self.proof.key || self.proof.head)
    }
}

/// Verifies the pack in a folder or, where the folder has no manifest of its own, every pack in its folders as one chain.
pub fn verify(dir: &Path, expect: &Expect) -> Verification {
    let is_archive = !dir.join(MANIFEST).exists()
        && fs::read_dir(dir).is_ok_and(|entries| entries.flatten().any(|entry| entry.path().join(MANIFEST).exists()));
    if is_archive { crate::chain::archive(dir, expect) } else { single(dir, expect) }
}

/// Why a folder holds nothing to verify: it is not there, is no folder, cannot be read, or has no trace of a pack. A pack that lost its
/// manifest has other files of a pack, or the name of a run, and is verified: that is a fault and no mistyped path.
pub fn nothing_to_verify(dir: &Path) -> Option<String> {
    let is_pack = |dir: &Path| {
        let is_named = dir.file_name().is_some_and(|name| is_run_id(&name.to_string_lossy()));
        is_named || TRACES.iter().any(|name| dir.join(name).exists())
    };
    let unreadable = |e: std::io::Error| Some(format!("cannot be read: {e}"));
    match fs::metadata(dir) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Some("does not exist".to_owned()),
        Err(e) => return unreadable(e),
        Ok(found) if !found.is_dir() => return Some("is a file; give the folder of the pack".to_owned()),
        Ok(_) => {}
    }
    let full = dir.canonicalize().unwrap_or_else(|_| dir.to_owned());
    let mut entries = match fs::read_dir(dir) {
        Ok(entries) => entries.flatten(),
        Err(e) => return unreadable(e),
    };
    let found = is_pack(&full) || entries.any(|entry| entry.path().is_dir() && is_pack(&entry.path()));
    (!found).then(|| "holds no evidence pack: neither it nor a folder in it has a manifest.json".to_owned())
}

fn single(dir: &Path, expect: &Expect) -> Verification {
    let mut verification = Verification::default();
    let Some(looked) = look(dir, "", expect.key.as_ref(), &mut verification) else { return verification };
    // A pack that was copied may have any name, but not that of another run.
    let name = dir.canonicalize().ok().and_then(|dir| Some(dir.file_name()?.to_string_lossy().into_owned()));
    if let Some(name) = name.filter(|name| is_run_id(name) && *name != looked.link.run) {
        verification.faults.push(VerifyFault::Misplaced { file: name, holds: looked.link.run.clone() });
    }
    let before = looked.previous.map(|link| link.manifest_sha256);
    ends(&mut verification, expect, before.as_deref());
    verification
}

/// Whether a name has the form that runs have: a time and an account, `20261102T090000.000000Z-100000000002`.
fn is_run_id(name: &str) -> bool {
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    name.split_once('T')
        .zip(name.split_once("Z-"))
        .is_some_and(|((day, _), (_, account))| (day.len(), account.len()) == (8, 12) && digits(day) && digits(account))
}

/// Holds both ends of a chain against what was kept elsewhere.
pub(crate) fn ends(verification: &mut Verification, expect: &Expect, before: Option<&str>) {
    verification.proof = Proof { key: expect.key.is_some(), head: expect.head.is_some() };
    let Some(newest) = verification.packs.last() else { return };
    let newest = newest.manifest_sha256.clone();
    match &expect.head {
        Some(head) if !head.eq_ignore_ascii_case(&newest) => verification.faults.push(VerifyFault::Replayed(format!(
            "the newest pack's manifest has the SHA-256 {newest}, but {head} was expected: this is an older or a \
             different pack"
        ))),
        Some(_) => {}
        None => verification.notes.push(
            "It was not checked whether this is the newest pack and whether it was replaced as a whole: pass the \
             hash of its manifest with --head."
                .to_owned(),
        ),
    }
    match (&expect.previous, before) {
        (Some(expected), Some(before)) if expected.eq_ignore_ascii_case(before) => {}
        (Some(expected), before) => verification.faults.push(VerifyFault::Chain(format!(
            "the first pack follows {}, but {expected} was expected",
            before.unwrap_or("none")
        ))),
        (None, Some(before)) => verification.notes.push(format!(
            "The first pack follows a pack whose manifest has the SHA-256 {before}; that pack was not verified."
        )),
        (None, None) => {}
    }
}

/// The statements of a pack about itself.
pub(crate) struct Looked {
    pub(crate) link: Link,
    pub(crate) previous: Option<Link>,
    /// The public key that its manifest names.
    pub(crate) signed_by: Option<String>,
}

/// Verifies one pack; `prefix` precedes the names of its files.
pub(crate) fn look(
    dir: &Path,
    prefix: &str,
    key: Option<&PublicKey>,
    verification: &mut Verification,
) -> Option<Looked> {
    let mut faults = Vec::new();
    let named = |name: &str| format!("{prefix}{name}");
    let found = match below(dir) {
        Ok(found) => found,
        Err(problem) => {
            verification.faults.push(VerifyFault::Unreadable(problem.to_string()));
            return None;
        }
    };
    for (name, _) in found.iter().filter(|(_, entry)| **entry == FolderEntry::Strange) {
        faults.push(VerifyFault::Added(format!("{} (a link, or not a regular file)", named(name))));
    }
    let mut read = |name: &str, most: u64, wrong: fn(String, String) -> VerifyFault| {
        let Some(FolderEntry::File(_)) = found.get(name) else { return None };
        match small(&dir.join(name), most) {
            Ok(Ok(bytes)) => return Some(bytes),
            Ok(Err(size)) => {
                faults.push(wrong(named(name), format!("it has {size} bytes; at most {most} are allowed")))
            }
            Err(problem) => faults.push(VerifyFault::Unreadable(problem.to_string())),
        }
        None
    };
    let bytes = read(MANIFEST, LARGEST, VerifyFault::Manifest);
    let sums = read(SUMS, LARGEST, |name, _| VerifyFault::Changed(name));
    let signature = read(SIGNATURE, SIGNATURE_BYTES, VerifyFault::Signature);
    let there = |name: &str| matches!(found.get(name), Some(FolderEntry::File(_)));
    let Some(bytes) = bytes else {
        if !there(MANIFEST) {
            faults.push(VerifyFault::Missing(named(MANIFEST)));
        }
        verification.faults.append(&mut faults);
        return None;
    };
    let manifest = match parse(&bytes) {
        Ok(manifest) => manifest,
        Err(why) => {
            faults.push(VerifyFault::Manifest(named(MANIFEST), why));
            verification.faults.append(&mut faults);
            return None;
        }
    };

    let expected = manifest.sums(&bytes, signature.as_deref());
    match sums {
        None if !there(SUMS) => faults.push(VerifyFault::Missing(named(SUMS))),
        Some(sums) if sums != expected.as_bytes() => faults.extend(faults_by_sums(&sums, &bytes, named)),
        _ => {}
    }
    let (files, folders) = belonging(&manifest);
    for (name, entry) in &found {
        let belongs = match entry {
            FolderEntry::File(_) => files.contains(name.as_str()),
            FolderEntry::Folder => folders.contains(name.as_str()),
            FolderEntry::Strange => continue,
        };
        if !belongs {
            faults.push(VerifyFault::Added(named(name)));
        }
    }
    for file in &manifest.files {
        verification.files += 1;
        match found.get(&file.name) {
            None => faults.push(VerifyFault::Missing(named(&file.name))),
            Some(FolderEntry::File(size)) => {
                faults.extend(compare(dir, &manifest, &file.name, (&file.print, *size), &named))
            }
            Some(FolderEntry::Folder | FolderEntry::Strange) => {}
        }
    }
    if signature.is_some() || !there(SIGNATURE) {
        check_signature(&manifest, &bytes, signature.as_deref(), key, &named, (&mut faults, &mut verification.notes));
    }
    verification.faults.append(&mut faults);
    let link = manifest.link(&bytes);
    verification.packs.push(link.clone());
    Some(Looked { link, previous: manifest.previous, signed_by: manifest.signed_by })
}

/// The files and the folders of a pack, by its manifest.
fn belonging(manifest: &Manifest) -> (BTreeSet<&str>, BTreeSet<&str>) {
    let signature = manifest.signed_by.as_ref().map(|_| SIGNATURE);
    let listed = manifest.files.iter().map(|file| file.name.as_str());
    let files: BTreeSet<&str> = listed.chain([MANIFEST, SUMS]).chain(signature).collect();
    let folders = files.iter().flat_map(|name| name.match_indices('/').filter_map(|(at, _)| name.get(..=at))).collect();
    (files, folders)
}

/// What is wrong with a file, if anything is. A file of another size is read only where it may be another one's.
fn compare(
    dir: &Path,
    manifest: &Manifest,
    name: &str,
    (was, size): (&Print, u64),
    named: &dyn Fn(&str) -> String,
) -> Option<VerifyFault> {
    let path = dir.join(name);
    let file = || named(name);
    if size != was.bytes && !manifest.files.iter().any(|other| other.print.bytes == size) {
        let truncated = size < was.bytes;
        return Some(if truncated {
            VerifyFault::Truncated { file: file(), is: size, was: was.bytes }
        } else {
            VerifyFault::Changed(file())
        });
    }
    // How it differs is asked only where it does.
    let differs = match digest_of(&path) {
        Ok(digest) if digest == (was.bytes, was.sha256.clone()) => return None,
        Ok(_) => Print::of(&path).map(|is| what_happened(manifest, name, was, &is, named)),
        Err(problem) => Err(problem),
    };
    Some(differs.unwrap_or_else(|problem| VerifyFault::Unreadable(problem.to_string())))
}

/// Reads a manifest that is written in the one way there is and agrees with itself.
fn parse(bytes: &[u8]) -> Result<Manifest, String> {
    let manifest: Manifest = serde_json::from_slice(bytes).map_err(|error| format!("it is not a manifest: {error}"))?;
    if manifest.format != FORMAT {
        return Err(format!("its format is {:?}, but this version verifies {FORMAT}", manifest.format));
    }
    if manifest.bytes().ok().as_deref() != Some(bytes) {
        return Err("its bytes are not the ones that Doorward writes".to_owned());
    }
    if !manifest.files.is_sorted_by(|a, b| a.name < b.name) {
        return Err("its files are not in order".to_owned());
    }
    let sequence = manifest.previous.as_ref().map_or(1, |link| link.sequence.saturating_add(1));
    if manifest.sequence != sequence {
        return Err(format!("it is number {} of its chain, but should be number {sequence}", manifest.sequence));
    }
    if manifest.chained() != manifest.chain {
        return Err("its chain hash does not match its content".to_owned());
    }
    Ok(manifest)
}

/// Which of the two changed, where the sums do not say what the manifest says. Where the sums do not know the manifest as
/// it is, it may be either.
fn faults_by_sums(sums: &[u8], manifest: &[u8], named: impl Fn(&str) -> String) -> Vec<VerifyFault> {
    let own = format!("{}  {MANIFEST}", sha256_hex(manifest));
    if String::from_utf8_lossy(sums).lines().any(|line| line == own) {
        return vec![VerifyFault::Changed(named(SUMS))];
    }
    let why = format!("{SUMS} records another hash for it; one of the two was changed");
    vec![VerifyFault::Manifest(named(MANIFEST), why), VerifyFault::Changed(named(SUMS))]
}

fn what_happened(
    manifest: &Manifest,
    name: &str,
    was: &Print,
    is: &Print,
    named: impl Fn(&str) -> String,
) -> VerifyFault {
    if let Some(other) = manifest.files.iter().find(|file| file.print.sha256 == is.sha256) {
        return VerifyFault::Misplaced { file: named(name), holds: named(&other.name) };
    }
    match (is.bytes, is.lines == was.lines) {
        (bytes, _) if bytes < was.bytes => VerifyFault::Truncated { file: named(name), is: bytes, was: was.bytes },
        (_, true) => VerifyFault::Reordered(named(name)),
        _ => VerifyFault::Changed(named(name)),
    }
}

fn check_signature(
    manifest: &Manifest,
    bytes: &[u8],
    signature: Option<&[u8]>,
    trusted: Option<&PublicKey>,
    named: &dyn Fn(&str) -> String,
    (faults, notes): (&mut Vec<VerifyFault>, &mut Vec<String>),
) {
    let mut wrong = |why: String| faults.push(VerifyFault::Signature(named(SIGNATURE), why));
    let Some(signer) = &manifest.signed_by else {
        match trusted {
            Some(key) => wrong(format!("the pack is not signed, but a signature by {key} was expected")),
            None => notes.push(format!("{} is not signed: anyone with write access can replace it.", named(MANIFEST))),
        }
        return;
    };
    let Ok(key) = PublicKey::parse(signer) else {
        return wrong(format!("the manifest names an invalid key: {signer:?}"));
    };
    match signature {
        None => return faults.push(VerifyFault::Missing(named(SIGNATURE))),
        Some(signature) if !key.accepts(bytes, signature) => {
            return wrong(format!("it is not a valid signature of {MANIFEST} by the key {key}"));
        }
        Some(_) => {}
    }
    match trusted {
        Some(trusted) if *trusted != key => wrong(format!("the pack is signed by {key}, but {trusted} was expected")),
        Some(_) => {}
        None => notes.push(format!("{} is signed by {key}; the owner of that key was not checked.", named(MANIFEST))),
    }
}
