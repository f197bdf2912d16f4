//! What `verify` finds: everything that is not as it was written, by its name.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use doorward_model::ScanReport;
use doorward_sink_evidence::{
    Expect, Link, PackContext, PublicKey, SigningKey, Verification, VerifyFault, newest, verify, verify_chain, write,
};
use proptest::prelude::*;

use crate::bytes::contents;
use crate::scene;

/// A folder with packs that follow each other.
pub(crate) struct Archive {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) links: Vec<Link>,
}

impl Archive {
    pub(crate) fn new(packs: usize, key: Option<&SigningKey>) -> Self {
        let mut archive = Self { folder: tempfile::tempdir().expect("a folder"), links: Vec::new() };
        for n in 0..packs {
            let own = key.map(SigningKey::public);
            let previous = newest(archive.folder.path(), own.as_ref()).expect("reads").map(|earlier| earlier.link);
            assert_eq!(previous.as_ref(), archive.links.last());
            archive.links.push(pack(&archive.pack(n), n, previous, key));
        }
        archive
    }

    fn pack(&self, n: usize) -> PathBuf {
        self.folder.path().join(format!("run-{n}"))
    }

    fn verify(&self) -> Verification {
        verify(self.folder.path(), &Expect::default())
    }
}

fn report(n: usize) -> ScanReport {
    let mut report = scene::report(12 + n);
    report.run.id = format!("run-{n}");
    report.run.finished = scene::time(86_400 * i64::try_from(n).expect("small"));
    report
}

fn pack(dir: &Path, n: usize, previous: Option<Link>, key: Option<&SigningKey>) -> Link {
    let report = report(n);
    let context = PackContext { previous, ..scene::context(&report, &["text".to_owned()]) };
    let json = serde_json::to_vec(&report).expect("serializes");
    write(dir, &scene::pack(&report, &json, &context, key)).expect("writes").link
}

#[track_caller]
fn finds(dir: &Path, expect: &Expect, wanted: &[VerifyFault]) {
    let found = verify(dir, expect);
    assert_eq!(found.faults, wanted);
}

#[test]
fn an_untouched_pack_is_sound_and_says_what_was_not_proven() {
    let key = scene::key(1);
    let archive = Archive::new(1, Some(&key));
    let found = verify(&archive.pack(0), &Expect::default());
    assert_eq!((found.faults.as_slice(), found.notes.len()), (&[][..], 2), "{found:?}");
    assert!(found.is_sound() && !found.is_proven(), "{found:?}");
    let all = Expect { key: Some(key.public()), head: Some(archive.links[0].manifest_sha256.clone()), previous: None };
    let found = verify(&archive.pack(0), &all);
    assert!(found.is_proven() && found.notes.is_empty() && found.files > 10, "{found:?}");
    for known in [Expect { head: None, ..all.clone() }, Expect { key: None, ..all }] {
        assert!(verify(&archive.pack(0), &known).is_proven(), "either of the two proves that the pack is as written");
    }
}

/// A file and what it holds from now on; nothing: it is gone.
type Edit = (&'static str, Option<Vec<u8>>);

#[test]
fn every_kind_of_change_is_named() {
    let key = scene::key(1);
    let archive = Archive::new(1, Some(&key));
    let dir = archive.pack(0);
    let intact = contents(&dir);
    let (file, population) = (|name: &str| name.to_owned(), intact["csv/population.csv"].clone());
    let results = String::from_utf8(intact["csv/results.csv"].clone()).expect("UTF-8");
    let mut lines: Vec<&str> = results.split_inclusive("\r\n").collect();
    lines.swap(3, 9);
    let was = results.len() as u64;
    let cases: Vec<(&str, Vec<Edit>, Vec<VerifyFault>)> = vec![
        ("deleted", vec![("csv/sample.csv", None)], vec![VerifyFault::Missing(file("csv/sample.csv"))]),
        ("added", vec![("csv/more.csv", Some(b"a".to_vec()))], vec![VerifyFault::Added(file("csv/more.csv"))]),
        ("hidden", vec![(".x", Some(b"a".to_vec()))], vec![VerifyFault::Added(file(".x"))]),
        (
            "truncated",
            vec![("csv/results.csv", Some(results.as_bytes()[..100].to_vec()))],
            vec![VerifyFault::Truncated { file: file("csv/results.csv"), is: 100, was }],
        ),
        (
            "re-ordered",
            vec![("csv/results.csv", Some(lines.concat().into_bytes()))],
            vec![VerifyFault::Reordered(file("csv/results.csv"))],
        ),
        (
            "swapped",
            vec![("csv/results.csv", Some(population)), ("csv/population.csv", Some(results.clone().into_bytes()))],
            vec![
                VerifyFault::Misplaced { file: file("csv/population.csv"), holds: file("csv/results.csv") },
                VerifyFault::Misplaced { file: file("csv/results.csv"), holds: file("csv/population.csv") },
            ],
        ),
        (
            "edited",
            vec![("csv/results.csv", Some(results.replacen("fail", "pass", 1).into_bytes()))],
            vec![VerifyFault::Changed(file("csv/results.csv"))],
        ),
        ("no sums", vec![("SHA256SUMS", None)], vec![VerifyFault::Missing(file("SHA256SUMS"))]),
        ("no manifest", vec![("manifest.json", None)], vec![VerifyFault::Missing(file("manifest.json"))]),
    ];
    for (what, edits, wanted) in cases {
        for (name, bytes) in &edits {
            match bytes {
                Some(bytes) => fs::write(dir.join(name), bytes).expect("writes"),
                None => fs::remove_file(dir.join(name)).expect("removes"),
            }
        }
        let found = verify(&dir, &Expect::default());
        assert_eq!(found.faults, wanted, "{what}");
        for (name, _) in edits {
            match intact.get(name) {
                Some(bytes) => fs::write(dir.join(name), bytes).expect("writes"),
                None => fs::remove_file(dir.join(name)).expect("removes"),
            }
        }
    }
    finds(&dir, &Expect::default(), &[]);
}

#[cfg(unix)]
#[test]
fn a_link_is_not_followed() {
    let archive = Archive::new(1, None);
    let dir = archive.pack(0);
    fs::rename(dir.join("scan.json"), archive.folder.path().join("elsewhere")).expect("moves");
    std::os::unix::fs::symlink("../elsewhere", dir.join("scan.json")).expect("links");
    let found = verify(&dir, &Expect::default());
    assert!(
        matches!(found.faults.as_slice(), [VerifyFault::Added(name)] if name.starts_with("scan.json")),
        "{found:?}"
    );
}

#[test]
fn a_signature_says_who() {
    let (key, other) = (scene::key(1), scene::key(2));
    let archive = Archive::new(1, Some(&key));
    let dir = archive.pack(0);
    let by = |key: &SigningKey| Expect { key: Some(key.public()), ..Expect::default() };
    assert!(verify(&dir, &by(&key)).is_sound());
    assert!(matches!(verify(&dir, &by(&other)).faults.as_slice(), [VerifyFault::Signature(..)]));
    // Replaced as a whole, signed by another: only the key tells.
    let forged = Archive::new(1, Some(&other));
    assert!(verify(&forged.pack(0), &Expect::default()).is_sound());
    assert!(!verify(&forged.pack(0), &by(&key)).is_sound());
    // Not signed at all, and a signature of something else put beside it.
    let bare = Archive::new(1, None);
    assert!(matches!(verify(&bare.pack(0), &by(&key)).faults.as_slice(), [VerifyFault::Signature(..)]));
    fs::copy(dir.join("manifest.sig"), bare.pack(0).join("manifest.sig")).expect("copies");
    assert!(!verify(&bare.pack(0), &Expect::default()).is_sound());
    assert_eq!(PublicKey::parse(&key.public().to_string()), Ok(key.public()));
}

#[test]
fn the_signer_of_a_chain_neither_changes_nor_stops() {
    let (key, other) = (scene::key(1), scene::key(2));
    let kind = |found: &Verification| found.faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    // The signer of each pack of a chain, and what is wrong with the chain.
    for (signers, wrong) in [
        (vec![Some(&key), Some(&key), Some(&key)], None),
        (vec![None, None], None),
        (vec![None, Some(&key), Some(&key)], None),
        (vec![Some(&key), None], Some("the pack is not signed, but the previous pack, run-0, is signed by")),
        (vec![Some(&key), Some(&other)], Some("the signer of a chain must not change")),
        (
            vec![Some(&key), None, Some(&key)],
            Some("the pack is not signed, but the previous pack, run-0, is signed by"),
        ),
        (vec![None, Some(&key), None], Some("the pack is not signed, but the previous pack, run-1, is signed by")),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let mut previous = None;
        for (n, signer) in signers.iter().enumerate() {
            previous = Some(pack(&folder.path().join(format!("run-{n}")), n, previous, *signer));
        }
        let found = verify(folder.path(), &Expect::default());
        assert!(!found.is_proven());
        match wrong {
            None => assert!(found.is_sound(), "{}", kind(&found)),
            Some(wrong) => assert!(kind(&found).contains(wrong), "{}", kind(&found)),
        }
        // A scan continues only what is signed as its own pack will be.
        let alike = |own: Option<&SigningKey>| {
            signers.iter().all(|signer| signer.map(SigningKey::public) == own.map(SigningKey::public))
        };
        for own in [None, Some(&key), Some(&other)] {
            let public = own.map(SigningKey::public);
            let continued = newest(folder.path(), public.as_ref());
            assert_eq!(continued.is_ok(), alike(own), "{:?}", continued.err());
        }
    }
}

#[test]
fn a_pack_is_what_its_folder_is_called() {
    let archive = Archive::new(3, Some(&scene::key(1)));
    let run = |n: usize| archive.pack(n);
    let away = archive.folder.path().join("away");
    for (from, to) in [(run(0), run(1)), (away.clone(), run(0))] {
        // The names of two packs are exchanged; then one is given a name of no run.
        if from != away {
            fs::rename(&from, &away).expect("moves");
            fs::rename(&to, &from).expect("moves");
            fs::rename(&away, &to).expect("moves");
        } else {
            fs::rename(&to, &away).expect("moves");
        }
        let found = archive.verify();
        assert!(found.faults.iter().any(|fault| matches!(fault, VerifyFault::Misplaced { .. })), "{found:?}");
        assert!(newest(archive.folder.path(), Some(&scene::key(1).public())).is_err());
        if from != away {
            fs::rename(&from, &away).expect("moves");
            fs::rename(&to, &from).expect("moves");
            fs::rename(&away, &to).expect("moves");
        } else {
            fs::rename(&away, &to).expect("moves");
        }
    }
    assert!(archive.verify().is_sound());
    // A pack alone may have any name but that of another run.
    let alone = tempfile::tempdir().expect("a folder");
    for (name, faults) in [("for the auditor", 0), ("20261102T090000.000000Z-100000000002", 1)] {
        copy(&run(0), &alone.path().join(name));
        assert_eq!(verify(&alone.path().join(name), &Expect::default()).faults.len(), faults, "{name}");
    }
}

#[test]
fn folders_and_links_are_added_too() {
    let archive = Archive::new(2, Some(&scene::key(1)));
    let (dir, folder) = (archive.pack(0), archive.folder.path());
    for (path, named) in [
        (dir.join("empty"), "run-0/empty/"),
        (dir.join("csv/empty"), "run-0/csv/empty/"),
        (dir.join(".hidden"), "run-0/.hidden/"),
        (folder.join("empty"), "empty"),
    ] {
        fs::create_dir(&path).expect("makes");
        finds(folder, &Expect::default(), &[VerifyFault::Added(named.to_owned())]);
        fs::remove_dir(&path).expect("removes");
    }
    #[cfg(unix)]
    for (path, to, named) in [
        (dir.join("link"), "scan.json", "run-0/link (a link, or not a regular file)"),
        (dir.join("more"), "csv", "run-0/more (a link, or not a regular file)"),
        (folder.join("run-2"), "run-1", "run-2"),
    ] {
        std::os::unix::fs::symlink(to, &path).expect("links");
        finds(folder, &Expect::default(), &[VerifyFault::Added(named.to_owned())]);
        fs::remove_file(&path).expect("removes");
    }
    finds(folder, &Expect::default(), &[]);
}

/// A chain whose newest pack lost its manifest must not be continued from the pack before.
#[test]
fn a_folder_that_is_no_pack_any_more_stops_the_chain() {
    let key = scene::key(1);
    let archive = Archive::new(2, Some(&key));
    fs::remove_file(archive.pack(1).join("manifest.json")).expect("removes");
    let error = newest(archive.folder.path(), Some(&key.public())).expect_err("it was a pack");
    assert!(error.to_string().contains("\"run-1\" is not a pack"), "{error}");
}

#[test]
fn a_chain_is_followed_from_end_to_end() {
    let archive = Archive::new(4, None);
    let found = archive.verify();
    assert_eq!((found.faults.as_slice(), found.packs.as_slice()), (&[][..], archive.links.as_slice()));
    // The order in which packs are given does not matter; their contents do.
    let mut packs: Vec<PathBuf> = (0..4).map(|n| archive.pack(n)).collect();
    packs.reverse();
    assert!(verify_chain(&packs, &Expect::default()).is_sound());

    let whole = Expect { head: Some(archive.links[3].manifest_sha256.clone()), ..Expect::default() };
    assert!(verify(archive.folder.path(), &whole).is_sound());
    let away = archive.folder.path().join("../away-from-the-archive");
    let kind = |faults: &[VerifyFault]| faults.iter().map(|fault| fault.to_string()).collect::<Vec<_>>().join("\n");
    for (n, expect, word) in [
        (0, Expect::default(), "chain broken"),
        (1, Expect::default(), "chain broken"),
        // The tail of a chain is missed only by who kept its head.
        (3, whole.clone(), "replayed"),
    ] {
        let away = away.with_extension(format!("{}-{n}", std::process::id()));
        fs::rename(archive.pack(n), &away).expect("moves");
        let found = verify(archive.folder.path(), &expect);
        assert!(kind(&found.faults).contains(word), "without {n}: {found:?}");
        fs::rename(&away, archive.pack(n)).expect("moves back");
    }
    assert!(archive.verify().is_sound());

    let first = Expect { previous: Some(archive.links[0].manifest_sha256.clone()), ..Expect::default() };
    assert!(verify_chain(&[archive.pack(1), archive.pack(2)], &first).is_sound());
    assert!(!verify_chain(&[archive.pack(2), archive.pack(3)], &first).is_sound());
}

#[test]
fn an_old_pack_in_a_new_place_is_named() {
    let archive = Archive::new(3, None);
    copy(&archive.pack(1), &archive.pack(7));
    let found = archive.verify();
    assert!(
        matches!(found.faults.as_slice(), [VerifyFault::Misplaced { file, holds }, VerifyFault::Replayed(_)] if file == "run-7" && holds == "run-1"),
        "{found:?}"
    );
    fs::remove_dir_all(archive.pack(7)).expect("removes");
    // In place of the newest one.
    fs::remove_dir_all(archive.pack(2)).expect("removes");
    copy(&archive.pack(1), &archive.pack(2));
    assert!(!archive.verify().is_sound());
    // Another pack that follows the same one, as a second history.
    fs::remove_dir_all(archive.pack(2)).expect("removes");
    pack(&archive.pack(5), 5, Some(archive.links[0].clone()), None);
    assert!(!archive.verify().is_sound());
    assert!(newest(archive.folder.path(), None).is_err(), "a broken chain is not continued");
}

#[test]
fn time_goes_forward_in_a_chain() {
    let folder = tempfile::tempdir().expect("a folder");
    let link = pack(&folder.path().join("run-3"), 3, None, None);
    let report = report(2);
    let context = PackContext { previous: Some(link), ..scene::context(&report, &[]) };
    let error = write(&folder.path().join("b"), &scene::pack(&report, b"{}", &context, None)).expect_err("backwards");
    assert!(error.to_string().contains("a chain is written in the order of its runs"), "{error}");
    assert!(!folder.path().join("b").exists());
    let stray = folder.path().join("notes.txt");
    fs::write(stray, "x").expect("writes");
    finds(folder.path(), &Expect::default(), &[VerifyFault::Added("notes.txt".to_owned())]);
}

fn copy(from: &Path, to: &Path) {
    for (name, bytes) in contents(from) {
        let path = to.join(name);
        fs::create_dir_all(path.parent().expect("has one")).expect("makes");
        fs::write(path, bytes).expect("writes");
    }
}

/// How many single bytes are changed: hundreds, in the slow lane ten thousand.
fn changes() -> u32 {
    if std::env::var_os("DOORWARD_SLOW").is_some() { 10_000 } else { 300 }
}

#[test]
fn every_single_byte_counts() {
    let archive = Archive::new(1, Some(&scene::key(1)));
    let dir = archive.pack(0);
    let intact: BTreeMap<String, Vec<u8>> = contents(&dir);
    let names: Vec<&String> = intact.keys().collect();
    let mut random = fastrand::Rng::with_seed(20_261_102);
    for _ in 0..changes() {
        // Every file alike: a large one must not shield a small one.
        let name = names[random.usize(..names.len())];
        let mut bytes = intact[name].clone();
        let (place, flip) = (random.usize(..bytes.len()), random.u8(1..));
        bytes[place] ^= flip;
        fs::write(dir.join(name), &bytes).expect("writes");
        let found = verify(&dir, &Expect::default());
        let named = found.faults.iter().any(|fault| fault.file() == Some(name.as_str()));
        assert!(named, "byte {place} of {name} ^ {flip}: {:?}", found.faults);
        fs::write(dir.join(name), &intact[name]).expect("writes");
    }
    finds(&dir, &Expect::default(), &[]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_manifest_makes_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), json in "\\{\"[a-z\":,0-9\\[\\]{} ]{0,60}\\}") {
        let folder = tempfile::tempdir().expect("a folder");
        for text in [bytes.as_slice(), json.as_bytes()] {
            fs::write(folder.path().join("manifest.json"), text).expect("writes");
            prop_assert!(!verify(folder.path(), &Expect::default()).is_sound());
        }
    }
}
