//! What `verify` finds: everything that is not as it was written, by its name.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use doorward_model::ScanReport;
use doorward_sink_evidence::{
    Context, Expect, Fault, Link, PublicKey, SigningKey, Verification, newest, verify, verify_chain, write,
};
use proptest::prelude::*;

use crate::bytes::contents;
use crate::scene;

/// A folder with packs that follow each other.
struct Archive {
    folder: tempfile::TempDir,
    links: Vec<Link>,
}

impl Archive {
    fn new(packs: usize, key: Option<&SigningKey>) -> Self {
        let mut archive = Self { folder: tempfile::tempdir().expect("a folder"), links: Vec::new() };
        for n in 0..packs {
            let previous = newest(archive.folder.path()).expect("reads").map(|earlier| earlier.link);
            assert_eq!(previous.as_ref(), archive.links.last());
            archive.links.push(pack(&archive.pack(n), n, previous, key));
        }
        archive
    }

    fn pack(&self, n: usize) -> PathBuf {
        self.folder.path().join(format!("pack-{n}"))
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
    let context = Context { previous, ..scene::context(&report, &["text".to_owned()]) };
    let json = serde_json::to_vec(&report).expect("serializes");
    write(dir, &scene::pack(&report, &json, &context, key)).expect("writes").link
}

#[track_caller]
fn finds(dir: &Path, expect: &Expect, wanted: &[Fault]) {
    let found = verify(dir, expect);
    assert_eq!(found.faults, wanted);
}

#[test]
fn an_untouched_pack_is_sound_and_says_what_was_not_proven() {
    let key = scene::key(1);
    let archive = Archive::new(1, Some(&key));
    let found = verify(&archive.pack(0), &Expect::default());
    assert_eq!((found.faults.as_slice(), found.notes.len()), (&[][..], 2), "{found:?}");
    let head = Some(archive.links[0].manifest_sha256.clone());
    let all = Expect { key: Some(key.public()), head, previous: None };
    let found = verify(&archive.pack(0), &all);
    assert!(found.is_sound() && found.notes.is_empty() && found.files > 10, "{found:?}");
}

/// A file and what it holds from now on; nothing: it is gone.
type Edit = (&'static str, Option<Vec<u8>>);

#[test]
fn every_kind_of_change_is_named() {
    let key = scene::key(1);
    let archive = Archive::new(1, Some(&key));
    let dir = archive.pack(0);
    let intact = contents(&dir);
    let file = |name: &str| name.to_owned();
    let results = String::from_utf8(intact["csv/results.csv"].clone()).expect("UTF-8");
    let mut lines: Vec<&str> = results.split_inclusive("\r\n").collect();
    lines.swap(3, 9);
    let was = u64::try_from(results.len()).expect("small");
    let population = intact["csv/population.csv"].clone();
    let cases: Vec<(&str, Vec<Edit>, Vec<Fault>)> = vec![
        ("deleted", vec![("csv/sample.csv", None)], vec![Fault::Missing(file("csv/sample.csv"))]),
        ("added", vec![("csv/more.csv", Some(b"a".to_vec()))], vec![Fault::Added(file("csv/more.csv"))]),
        ("hidden", vec![(".x", Some(b"a".to_vec()))], vec![Fault::Added(file(".x"))]),
        (
            "truncated",
            vec![("csv/results.csv", Some(results.as_bytes()[..100].to_vec()))],
            vec![Fault::Truncated { file: file("csv/results.csv"), is: 100, was }],
        ),
        (
            "re-ordered",
            vec![("csv/results.csv", Some(lines.concat().into_bytes()))],
            vec![Fault::Reordered(file("csv/results.csv"))],
        ),
        (
            "swapped",
            vec![("csv/results.csv", Some(population)), ("csv/population.csv", Some(results.clone().into_bytes()))],
            vec![
                Fault::Misplaced { file: file("csv/population.csv"), holds: file("csv/results.csv") },
                Fault::Misplaced { file: file("csv/results.csv"), holds: file("csv/population.csv") },
            ],
        ),
        (
            "edited",
            vec![("csv/results.csv", Some(results.replacen("fail", "pass", 1).into_bytes()))],
            vec![Fault::Changed(file("csv/results.csv"))],
        ),
        ("no sums", vec![("SHA256SUMS", None)], vec![Fault::Missing(file("SHA256SUMS"))]),
        ("no manifest", vec![("manifest.json", None)], vec![Fault::Missing(file("manifest.json"))]),
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
    assert!(matches!(found.faults.as_slice(), [Fault::Added(name)] if name.starts_with("scan.json")), "{found:?}");
}

#[test]
fn a_signature_says_who() {
    let (key, other) = (scene::key(1), scene::key(2));
    let archive = Archive::new(1, Some(&key));
    let dir = archive.pack(0);
    let by = |key: &SigningKey| Expect { key: Some(key.public()), ..Expect::default() };
    assert!(verify(&dir, &by(&key)).is_sound());
    assert!(matches!(verify(&dir, &by(&other)).faults.as_slice(), [Fault::Signature(..)]));
    // Replaced as a whole, signed by another: only the key tells.
    let forged = Archive::new(1, Some(&other));
    assert!(verify(&forged.pack(0), &Expect::default()).is_sound());
    assert!(!verify(&forged.pack(0), &by(&key)).is_sound());
    // Not signed at all, and a signature of something else put beside it.
    let bare = Archive::new(1, None);
    assert!(matches!(verify(&bare.pack(0), &by(&key)).faults.as_slice(), [Fault::Signature(..)]));
    fs::copy(dir.join("manifest.sig"), bare.pack(0).join("manifest.sig")).expect("copies");
    assert!(!verify(&bare.pack(0), &Expect::default()).is_sound());
    assert_eq!(PublicKey::parse(&key.public().to_string()), Ok(key.public()));
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
    let kind = |faults: &[Fault]| faults.iter().map(|fault| fault.to_string()).collect::<Vec<_>>().join("\n");
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
    assert!(matches!(found.faults.as_slice(), [Fault::Replayed(_)]), "{found:?}");
    fs::remove_dir_all(archive.pack(7)).expect("removes");
    // In place of the newest one.
    fs::remove_dir_all(archive.pack(2)).expect("removes");
    copy(&archive.pack(1), &archive.pack(2));
    assert!(!archive.verify().is_sound());
    // Another pack that follows the same one, as a second history.
    fs::remove_dir_all(archive.pack(2)).expect("removes");
    pack(&archive.pack(2), 5, Some(archive.links[0].clone()), None);
    assert!(!archive.verify().is_sound());
    assert!(newest(archive.folder.path()).is_err(), "a broken chain is not continued");
}

#[test]
fn time_goes_forward_in_a_chain() {
    let folder = tempfile::tempdir().expect("a folder");
    let link = pack(&folder.path().join("a"), 3, None, None);
    let report = report(2);
    let context = Context { previous: Some(link), ..scene::context(&report, &[]) };
    let error = write(&folder.path().join("b"), &scene::pack(&report, b"{}", &context, None)).expect_err("backwards");
    assert!(error.to_string().contains("a chain goes forward"), "{error}");
    assert!(!folder.path().join("b").exists());
    let stray = folder.path().join("notes.txt");
    fs::write(stray, "x").expect("writes");
    finds(folder.path(), &Expect::default(), &[Fault::Added("notes.txt".to_owned())]);
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
