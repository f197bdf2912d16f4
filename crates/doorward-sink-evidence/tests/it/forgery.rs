//! Edits of a signed chain by a forger who can write to the folder but holds neither the private key nor what was kept
//! elsewhere. The forger knows the format and makes everything consistent again: this file writes manifests by a copy of
//! the format, not by the code under test.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use doorward_sink_evidence::{Expect, newest, verify};
use serde::{Deserialize, Serialize};

use crate::bytes::contents;
use crate::scene;
use crate::tampering::Archive;

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Link {
    run: String,
    finished: String,
    sequence: u64,
    manifest_sha256: String,
    chain: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Sheet {
    tabs: Vec<String>,
    header_row: u32,
    csv: String,
    rows: usize,
    columns: usize,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct FileEntry {
    name: String,
    bytes: u64,
    sha256: String,
    lines: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Manifest {
    format: String,
    run: String,
    started: String,
    finished: String,
    caller: String,
    tool_version: String,
    build: String,
    sequence: u64,
    previous: Option<Link>,
    sheets: Vec<Sheet>,
    files: Vec<FileEntry>,
    chain: String,
    signed_by: Option<String>,
}

fn sha256(bytes: &[u8]) -> String {
    hex::encode(digest(&SHA256, bytes))
}

/// The sum of the hashes of the lines, as the manifest has it.
fn lines(bytes: &[u8]) -> String {
    let mut sum = [0_u64; 4];
    let mut pieces: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
    if bytes.is_empty() || bytes.ends_with(b"\n") {
        pieces.push(b"");
    }
    for piece in pieces {
        for (part, bytes) in sum.iter_mut().zip(digest(&SHA256, piece).as_ref().chunks_exact(8)) {
            *part = part.wrapping_add(u64::from_be_bytes(bytes.try_into().expect("eight")));
        }
    }
    sum.iter().map(|part| format!("{part:016x}")).collect()
}

/// A pack in memory: its files by name. A name that ends with `/` is an empty folder.
type Files = BTreeMap<String, Vec<u8>>;

/// Packs by the names of their folders; `""` holds what lies beside them.
type Packs = BTreeMap<String, Files>;

fn manifest_of(pack: &Files) -> Option<Manifest> {
    serde_json::from_slice(pack.get("manifest.json")?).ok()
}

/// Makes a pack consistent with its files again: entries, chain hash, signature, sums. Returns the link of the pack.
fn settle(pack: &mut Files, edit: impl FnOnce(&mut Manifest), key: Option<&Ed25519KeyPair>) -> Option<Link> {
    let mut manifest = manifest_of(pack)?;
    manifest.files = pack
        .iter()
        .filter(|(name, _)| !["manifest.json", "manifest.sig", "SHA256SUMS"].contains(&name.as_str()))
        .filter(|(name, _)| !name.ends_with('/'))
        .map(|(name, bytes)| FileEntry {
            name: name.clone(),
            bytes: u64::try_from(bytes.len()).expect("small"),
            sha256: sha256(bytes),
            lines: lines(bytes),
        })
        .collect();
    manifest.signed_by = key.map(|key| hex::encode(key.public_key()));
    edit(&mut manifest);
    let before = manifest.previous.as_ref().map_or("", |link| link.chain.as_str());
    let mut text = format!("doorward-evidence-v1\n{before}\n{}\n{}\n", manifest.sequence, manifest.run);
    for file in &manifest.files {
        writeln!(text, "{}  {}", file.sha256, file.name).expect("writes");
    }
    manifest.chain = sha256(text.as_bytes());
    let mut bytes = serde_json::to_vec_pretty(&manifest).expect("serializes");
    bytes.push(b'\n');
    let link = Link {
        run: manifest.run.clone(),
        finished: manifest.finished.clone(),
        sequence: manifest.sequence,
        manifest_sha256: sha256(&bytes),
        chain: manifest.chain.clone(),
    };
    let mut sums: Vec<(String, String)> =
        manifest.files.iter().map(|file| (file.name.clone(), file.sha256.clone())).collect();
    sums.push(("manifest.json".to_owned(), sha256(&bytes)));
    pack.remove("manifest.sig");
    if let Some(key) = key {
        let signature = key.sign(&bytes).as_ref().to_vec();
        sums.push(("manifest.sig".to_owned(), sha256(&signature)));
        pack.insert("manifest.sig".to_owned(), signature);
    }
    sums.sort();
    let sums: String = sums.iter().map(|(name, hash)| format!("{hash}  {name}\n")).collect();
    pack.insert("SHA256SUMS".to_owned(), sums.into_bytes());
    pack.insert("manifest.json".to_owned(), bytes);
    Some(link)
}

/// Settles a pack and every pack after it, so that the chain is whole again.
fn settle_from(packs: &mut Packs, first: &str, key: Option<&Ed25519KeyPair>) {
    let names: Vec<String> = packs.keys().filter(|name| name.as_str() >= first).cloned().collect();
    let mut link: Option<Link> = None;
    for name in names.iter().filter(|name| !name.is_empty()) {
        let before = link.take();
        link = settle(
            packs.get_mut(name).expect("there"),
            |manifest| {
                if before.is_some() {
                    manifest.previous = before;
                }
            },
            key,
        );
    }
}

/// Reads an archive: its folders, and every file below.
fn read(archive: &Path) -> Packs {
    let mut packs = Packs::new();
    for (name, bytes) in contents(archive) {
        let (pack, file) = name.split_once('/').unwrap_or(("", &name));
        packs.entry(pack.to_owned()).or_default().insert(file.to_owned(), bytes);
    }
    packs
}

/// Brings a folder from one state to another.
fn bring(archive: &Path, from: &Packs, to: &Packs) {
    for (pack, files) in from {
        for name in files.keys().filter(|name| !to.get(pack).is_some_and(|files| files.contains_key(*name))) {
            let path = archive.join(pack).join(name);
            if name.ends_with('/') { fs::remove_dir(path) } else { fs::remove_file(path) }.expect("removes");
        }
    }
    for (pack, files) in to {
        for (name, bytes) in files {
            if from.get(pack).and_then(|files| files.get(name)) == Some(bytes) {
                continue;
            }
            let path = archive.join(pack).join(name);
            if name.ends_with('/') {
                fs::create_dir_all(path).expect("makes");
                continue;
            }
            fs::create_dir_all(path.parent().expect("has one")).expect("makes");
            fs::write(path, bytes).expect("writes");
        }
    }
    for pack in from.keys().filter(|pack| !pack.is_empty() && !to.contains_key(*pack)) {
        fs::remove_dir_all(archive.join(pack)).expect("removes");
    }
}

/// Edits of one kind or another; most are made consistent again.
struct Forger {
    random: fastrand::Rng,
    other: Ed25519KeyPair,
}

impl Forger {
    fn pack(&mut self, packs: &Packs) -> Option<String> {
        let names: Vec<&String> = packs.keys().filter(|name| !name.is_empty()).collect();
        (!names.is_empty()).then(|| names[self.random.usize(..names.len())].clone())
    }

    fn file(&mut self, files: &Files) -> Option<String> {
        let names: Vec<&String> = files.keys().filter(|name| !name.ends_with('/')).collect();
        (!names.is_empty()).then(|| names[self.random.usize(..names.len())].clone())
    }

    /// The key that a forger can sign with: none, or one of their own.
    fn key(&mut self) -> Option<Ed25519KeyPair> {
        let seed = [self.random.u8(2..5); 32];
        self.random.bool().then(|| Ed25519KeyPair::from_seed_unchecked(&seed).expect("a key"))
    }

    /// Changes the content of a file: a word, a byte, its end, its beginning, its lines.
    fn alter(&mut self, bytes: &mut Vec<u8>) {
        match self.random.u8(..5) {
            0 => {
                let text = String::from_utf8_lossy(bytes).into_owned();
                *bytes = text.replacen("fail", "pass", 1).into_bytes();
            }
            1 if !bytes.is_empty() => {
                let at = self.random.usize(..bytes.len());
                bytes[at] ^= self.random.u8(1..);
            }
            2 => bytes.truncate(self.random.usize(..=bytes.len())),
            3 => bytes.extend_from_slice(b"\n"),
            _ => {
                let mut lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
                self.random.shuffle(&mut lines);
                *bytes = lines.concat();
            }
        }
    }

    /// One edit; says which.
    fn edit(&mut self, packs: &mut Packs) -> String {
        let Some(name) = self.pack(packs) else { return "nothing".to_owned() };
        let last = packs.keys().next_back().cloned().unwrap_or_default();
        let kind = self.random.u8(..16);
        match kind {
            0 => {
                let files = packs.get_mut(&name).expect("there");
                if let Some(file) = self.file(files) {
                    files.remove(&file);
                }
            }
            1 => {
                let files = packs.get_mut(&name).expect("there");
                if let Some(bytes) = self.file(files).and_then(|file| files.get_mut(&file)) {
                    self.alter(bytes);
                }
            }
            2 => {
                // Two files of the same or of two packs.
                let other = self.pack(packs).expect("there is one");
                let (one, two) = (self.file(&packs[&name]), self.file(&packs[&other]));
                if let (Some(one), Some(two)) = (one, two) {
                    let (first, second) = (packs[&name][&one].clone(), packs[&other][&two].clone());
                    packs.get_mut(&name).expect("there").insert(one, second);
                    packs.get_mut(&other).expect("there").insert(two, first);
                }
            }
            3 => {
                packs.get_mut(&name).expect("there").remove("manifest.sig");
            }
            4 => {
                let names = ["more.csv", "csv/more.csv", ".hidden", "empty/", "csv/deep/", "manifest.json.bak"];
                let more = names[self.random.usize(..names.len())];
                packs.get_mut(&name).expect("there").insert(more.to_owned(), Vec::new());
            }
            5 => {
                let names = ["notes.txt", "20261103T090000.000000Z-100000000002/", ".doorward-x.part/"];
                let more = names[self.random.usize(..names.len())];
                packs.entry(String::new()).or_default().insert(more.to_owned(), Vec::new());
            }
            6 => {
                packs.remove(&last);
            }
            7 => {
                packs.remove(&name);
            }
            8 => {
                // Another name, most often that of another run.
                let names = ["run-0", "run-1", "run-2", "run-9"];
                let to = names[self.random.usize(..names.len())];
                if let Some(files) = packs.remove(&name) {
                    let other = packs.insert(to.to_owned(), files);
                    other.map(|other| packs.insert(name.clone(), other));
                }
            }
            9 => {
                let files = packs[&name].clone();
                packs.insert("run-7".to_owned(), files);
            }
            10 | 11 => {
                // The last pack, consistently.
                let key = self.key();
                let files = packs.get_mut(&last).expect("there");
                if let Some(bytes) = self.file(files).and_then(|file| files.get_mut(&file)) {
                    self.alter(bytes);
                }
                settle(files, |_| {}, key.as_ref());
            }
            12 => {
                // Any pack and all after it, consistently.
                let key = self.key();
                let files = packs.get_mut(&name).expect("there");
                if let Some(bytes) = self.file(files).and_then(|file| files.get_mut(&file)) {
                    self.alter(bytes);
                }
                settle_from(packs, &name, key.as_ref());
            }
            13 => {
                // The whole chain, by another key or by none.
                let key = self.key();
                settle_from(packs, "", key.as_ref());
            }
            14 => {
                // What the manifest says of the run.
                let key = self.key();
                settle(packs.get_mut(&name).expect("there"), |manifest| manifest.caller.push('x'), key.as_ref());
            }
            _ => {
                // A signature of the same length by another key, over the same manifest, and sums that agree.
                let files = packs.get_mut(&name).expect("there");
                if let Some(manifest) = files.get("manifest.json").cloned() {
                    files.insert("manifest.sig".to_owned(), self.other.sign(&manifest).as_ref().to_vec());
                }
            }
        }
        format!("{kind} on {name}")
    }
}

/// How many edits: hundreds, in the slow lane ten thousand.
fn edits() -> u64 {
    if std::env::var_os("DOORWARD_SLOW").is_some() { 10_000 } else { 500 }
}

#[test]
fn no_edit_of_a_signed_chain_is_taken_for_what_was_written() {
    let key = scene::key(1);
    let archive = Archive::new(3, Some(&key));
    let folder = archive.folder.path();
    let written = read(folder);
    assert_eq!(written.len(), 3);
    // The forger's copy of the format is the format: it gives the same bytes where nothing is edited.
    let mut same = written.clone();
    let own = Ed25519KeyPair::from_seed_unchecked(&scene::seed(1)).expect("a key");
    settle_from(&mut same, "", Some(&own));
    assert!(same == written, "the forger knows the format");

    let known = Expect {
        key: Some(key.public()),
        head: archive.links.last().map(|link| link.manifest_sha256.clone()),
        previous: None,
    };
    assert!(verify(folder, &known).is_proven());
    let (mut state, mut edited, mut seed) = (written.clone(), 0, 20_261_129);
    let mut consistent = 0;
    while edited < edits() {
        seed += 1;
        let random = fastrand::Rng::with_seed(seed);
        let mut forger = Forger { random, other: Ed25519KeyPair::from_seed_unchecked(&[9; 32]).expect("a key") };
        let mut next = written.clone();
        let steps: Vec<String> = (0..forger.random.u8(1..4)).map(|_| forger.edit(&mut next)).collect();
        if next == written {
            continue;
        }
        edited += 1;
        bring(folder, &state, &next);
        state = next;
        let found = verify(folder, &Expect::default());
        assert!(!found.is_proven(), "seed {seed}, {steps:?}: as written, without a key");
        consistent += u64::from(found.is_sound());
        let found = verify(folder, &known);
        assert!(!found.is_sound() && !found.is_proven(), "seed {seed}, {steps:?}: accepted by key and head");
        // What the next scan would continue is signed by its own key: the chain as it was, or its beginning.
        if let Ok(Some(earlier)) = newest(folder, Some(&key.public())) {
            assert!(archive.links.contains(&earlier.link), "seed {seed}, {steps:?}: continued from a forged pack");
        }
    }
    bring(folder, &state, &written);
    assert!(verify(folder, &known).is_proven(), "and the chain itself is as written");
    // Where all of it is replaced consistently, the folder alone cannot tell: that is why it never says so.
    assert!(consistent > 0, "no edit was consistent: the forger is too weak");
}
