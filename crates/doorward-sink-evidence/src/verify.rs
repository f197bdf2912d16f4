//! Verifies a pack offline: with nothing but the folder, and whatever was kept elsewhere.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::PublicKey;
use crate::files::{Entry, Print, below, digest_of, sha256};
use crate::manifest::{FORMAT, Link, MANIFEST, Manifest, SIGNATURE, SUMS};

mod fault;

pub use fault::Fault;

/// What is known from elsewhere. The default knows nothing, and proves the less.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expect {
    /// The key that the packs must be signed with.
    pub key: Option<PublicKey>,
    /// The SHA-256 of manifest.json of the newest pack, as it was kept elsewhere.
    pub head: Option<String>,
    /// The SHA-256 of manifest.json of the pack before the first one here.
    pub previous: Option<String>,
}

/// What a look at one pack or a chain of packs gave.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verification {
    /// The packs that could be read, in the order of the chain.
    pub packs: Vec<Link>,
    /// How many files were compared.
    pub files: usize,
    /// Everything that is not as it was written.
    pub faults: Vec<Fault>,
    /// What was not proven, in sentences.
    pub notes: Vec<String>,
}

impl Verification {
    /// Whether nothing was found. What the notes say is still not proven.
    pub fn is_sound(&self) -> bool {
        self.faults.is_empty()
    }
}

/// Verifies the pack in a folder or, where the folder has no manifest of its own, every pack in its folders as one chain.
pub fn verify(dir: &Path, expect: &Expect) -> Verification {
    let is_archive = !dir.join(MANIFEST).exists()
        && fs::read_dir(dir).is_ok_and(|entries| entries.flatten().any(|entry| entry.path().join(MANIFEST).exists()));
    if is_archive { crate::chain::archive(dir, expect) } else { single(dir, expect) }
}

fn single(dir: &Path, expect: &Expect) -> Verification {
    let mut verification = Verification::default();
    let Some(looked) = look(dir, "", expect.key.as_ref(), &mut verification) else { return verification };
    let before = looked.previous.map(|link| link.manifest_sha256);
    ends(&mut verification, expect, before.as_deref());
    verification
}

/// Holds both ends of a chain against what was kept elsewhere.
pub(crate) fn ends(verification: &mut Verification, expect: &Expect, before: Option<&str>) {
    let Some(newest) = verification.packs.last() else { return };
    let newest = newest.manifest_sha256.clone();
    match &expect.head {
        Some(head) if !head.eq_ignore_ascii_case(&newest) => verification.faults.push(Fault::Replayed(format!(
            "the newest pack's manifest has the SHA-256 {newest}, and {head} was expected: it is an older or \
             another pack"
        ))),
        Some(_) => {}
        None => verification.notes.push(
            "Whether this is the newest pack, and whether it was replaced as a whole, was not checked: give the hash of its \
             manifest that was kept elsewhere."
                .to_owned(),
        ),
    }
    match (&expect.previous, before) {
        (Some(expected), Some(before)) if expected.eq_ignore_ascii_case(before) => {}
        (Some(expected), before) => verification.faults.push(Fault::Chain(format!(
            "the first pack follows {}, and {expected} was expected",
            before.unwrap_or("none")
        ))),
        (None, Some(before)) => verification.notes.push(format!(
            "The first pack follows one whose manifest has the SHA-256 {before}; that one was not looked at."
        )),
        (None, None) => {}
    }
}

/// What a pack says of itself.
pub(crate) struct Looked {
    pub(crate) link: Link,
    pub(crate) previous: Option<Link>,
}

/// Looks at one pack; `prefix` stands before the names of its files.
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
            verification.faults.push(Fault::Unreadable(problem.to_string()));
            return None;
        }
    };
    for (name, _) in found.iter().filter(|(_, entry)| **entry == Entry::Strange) {
        faults.push(Fault::Added(format!("{} (a link or no regular file)", named(name))));
    }
    let read = |name: &str| (found.get(name) == Some(&Entry::File)).then(|| fs::read(dir.join(name)).ok()).flatten();
    let sums = read(SUMS);
    let Some(bytes) = read(MANIFEST) else {
        faults.push(Fault::Missing(named(MANIFEST)));
        verification.faults.append(&mut faults);
        return None;
    };
    let manifest = match parse(&bytes) {
        Ok(manifest) => manifest,
        Err(why) => {
            faults.push(Fault::Manifest(named(MANIFEST), why));
            verification.faults.append(&mut faults);
            return None;
        }
    };

    let signature = read(SIGNATURE);
    let expected = manifest.sums(&bytes, signature.as_deref());
    match sums {
        None => faults.push(Fault::Missing(named(SUMS))),
        Some(sums) if sums != expected.as_bytes() => faults.extend(told_by_sums(&sums, &bytes, named)),
        Some(_) => {}
    }
    let own: BTreeSet<&str> = [MANIFEST, SUMS, SIGNATURE].into();
    let listed: BTreeSet<&str> = manifest.files.iter().map(|file| file.name.as_str()).collect();
    for name in found.iter().filter(|(_, entry)| **entry == Entry::File).map(|(name, _)| name.as_str()) {
        let unsigned = name == SIGNATURE && manifest.signed_by.is_none();
        if unsigned || !(listed.contains(name) || own.contains(name)) {
            faults.push(Fault::Added(named(name)));
        }
    }
    for file in &manifest.files {
        verification.files += 1;
        if !found.contains_key(&file.name) {
            faults.push(Fault::Missing(named(&file.name)));
            continue;
        }
        if found.get(&file.name) != Some(&Entry::File) {
            continue;
        }
        let path = dir.join(&file.name);
        // How it differs is asked only where it does.
        let fault = match digest_of(&path) {
            Ok(digest) if digest == (file.print.bytes, file.print.sha256.clone()) => None,
            Ok(_) => Some(Print::of(&path).map(|is| what_happened(&manifest, &file.name, &file.print, &is, named))),
            Err(problem) => Some(Err(problem)),
        };
        faults.extend(fault.map(|fault| fault.unwrap_or_else(|problem| Fault::Unreadable(problem.to_string()))));
    }
    check_signature(&manifest, &bytes, signature.as_deref(), key, &named, (&mut faults, &mut verification.notes));
    verification.faults.append(&mut faults);
    let link = manifest.link(&bytes);
    verification.packs.push(link.clone());
    Some(Looked { link, previous: manifest.previous })
}

/// Reads a manifest that is written in the one way there is and agrees with itself.
fn parse(bytes: &[u8]) -> Result<Manifest, String> {
    let manifest: Manifest = serde_json::from_slice(bytes).map_err(|error| format!("it is no manifest: {error}"))?;
    if manifest.format != FORMAT {
        return Err(format!("its format is {:?}, and this version verifies {FORMAT}", manifest.format));
    }
    if manifest.bytes().ok().as_deref() != Some(bytes) {
        return Err("it is not written as Doorward writes it".to_owned());
    }
    if !manifest.files.is_sorted_by(|a, b| a.name < b.name) {
        return Err("its files are not in their order".to_owned());
    }
    let sequence = manifest.previous.as_ref().map_or(1, |link| link.sequence.saturating_add(1));
    if manifest.sequence != sequence {
        return Err(format!("it is number {} of its chain and would have to be {sequence}", manifest.sequence));
    }
    if manifest.chained() != manifest.chain {
        return Err("its chain hash does not follow from what it lists".to_owned());
    }
    Ok(manifest)
}

/// Which of the two changed, where the sums do not say what the manifest says. Where the sums do not know the manifest as
/// it is, it may be either.
fn told_by_sums(sums: &[u8], manifest: &[u8], named: impl Fn(&str) -> String) -> Vec<Fault> {
    let own = format!("{}  {MANIFEST}", sha256(manifest));
    if String::from_utf8_lossy(sums).lines().any(|line| line == own) {
        return vec![Fault::Changed(named(SUMS))];
    }
    let why = format!("{SUMS} records another hash for it; one of the two was changed");
    vec![Fault::Manifest(named(MANIFEST), why), Fault::Changed(named(SUMS))]
}

fn what_happened(manifest: &Manifest, name: &str, was: &Print, is: &Print, named: impl Fn(&str) -> String) -> Fault {
    if let Some(other) = manifest.files.iter().find(|file| file.print.sha256 == is.sha256) {
        return Fault::Misplaced { file: named(name), holds: named(&other.name) };
    }
    match (is.bytes, is.lines == was.lines) {
        (bytes, _) if bytes < was.bytes => Fault::Truncated { file: named(name), is: bytes, was: was.bytes },
        (_, true) => Fault::Reordered(named(name)),
        _ => Fault::Changed(named(name)),
    }
}

fn check_signature(
    manifest: &Manifest,
    bytes: &[u8],
    signature: Option<&[u8]>,
    trusted: Option<&PublicKey>,
    named: &dyn Fn(&str) -> String,
    (faults, notes): (&mut Vec<Fault>, &mut Vec<String>),
) {
    let mut wrong = |why: String| faults.push(Fault::Signature(named(SIGNATURE), why));
    let Some(signer) = &manifest.signed_by else {
        match trusted {
            Some(key) => wrong(format!("the pack is not signed, and a signature by {key} was expected")),
            None => notes.push(format!("{} is not signed: whoever can write there can replace it.", named(MANIFEST))),
        }
        return;
    };
    let Ok(key) = PublicKey::parse(signer) else {
        return wrong(format!("the manifest names a key that is none: {signer:?}"));
    };
    match signature {
        None => return faults.push(Fault::Missing(named(SIGNATURE))),
        Some(signature) if !key.accepts(bytes, signature) => {
            return wrong(format!("it is no signature over {MANIFEST} by the key {key}"));
        }
        Some(_) => {}
    }
    match trusted {
        Some(trusted) if *trusted != key => wrong(format!("the pack is signed by {key}, and {trusted} was expected")),
        Some(_) => {}
        None => notes.push(format!("{} is signed by {key}; whose key that is was not checked.", named(MANIFEST))),
    }
}
