//! Audit evidence from the command line: packs that follow each other, and their verification.

use std::path::{Path, PathBuf};
use std::process::Command;

use doorward_fakeaws::DESYNC_MODE;
use doorward_sink_evidence::fingerprint;

use crate::bed::{Bed, Said, run, world};

/// The seed of a key that signs nothing else.
const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

fn verify(folder: &Path, flags: &[&str]) -> Said {
    run(Command::new(env!("CARGO_BIN_EXE_doorward")).current_dir(folder).args(["verify", "archive"]).args(flags))
}

fn packs(folder: &Path) -> Vec<PathBuf> {
    let mut packs: Vec<PathBuf> =
        std::fs::read_dir(folder.join("archive")).unwrap().map(|entry| entry.unwrap().path()).collect();
    packs.sort();
    packs
}

#[test]
fn a_mistyped_path_does_not_look_like_tampering() {
    let folder = tempfile::tempdir().unwrap();
    let verify = |path: &str| {
        run(Command::new(env!("CARGO_BIN_EXE_doorward")).current_dir(folder.path()).args(["verify", path]))
    };
    std::fs::create_dir(folder.path().join("empty")).unwrap();
    std::fs::create_dir_all(folder.path().join("photos/2026")).unwrap();
    std::fs::write(folder.path().join("file"), "x").unwrap();
    for (path, reason) in [
        ("NOT-THERE", "does not exist"),
        ("empty", "holds no evidence pack"),
        ("photos", "holds no evidence pack"),
        ("file", "is a file"),
    ] {
        let said = verify(path);
        assert_eq!((said.code, said.out.as_str()), (Some(2), ""), "{path}: {}", said.err);
        assert!(said.err.contains(reason) && said.err.contains(path), "{}", said.err);
    }
    // What is left of a pack, or has the name of one, is verified.
    std::fs::create_dir_all(folder.path().join("archive/20261102T090000.000000Z-100000000002")).unwrap();
    std::fs::create_dir(folder.path().join("rest")).unwrap();
    std::fs::write(folder.path().join("rest/SHA256SUMS"), "").unwrap();
    for path in ["archive", "rest"] {
        let said = verify(path);
        assert_eq!(said.code, Some(3), "{path}: {} {}", said.out, said.err);
        assert!(said.out.contains("NOT as written"), "{}", said.out);
    }
}

#[test]
fn packs_follow_each_other_and_tell_what_was_touched() {
    let bed = Bed::start(&world("acme-org"), vec![]);
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let scan = |flags: &[&str]| run(bed.doorward(folder).args(["scan", "--format", "evidence=archive"]).args(flags));
    let first = scan(&["--save", "a.saved"]);
    assert_eq!(first.code, Some(3), "{}", first.err);
    let sound = verify(folder, &[]);
    assert_eq!(sound.code, Some(4), "{}", sound.out);
    assert!(sound.out.contains("consistent with itself, not proven: 1 pack,"), "{}", sound.out);
    assert!(!sound.out.contains("as written"), "{}", sound.out);

    // Between the packs one mode changes: the second one's change log has it, and its summary compares with the first.
    let world = bed.server.world();
    assert!(world.set_attribute("100000000040", "eu-west-1", "hack-week", DESYNC_MODE, Some("strictest")));
    let second = scan(&["--sample", "3", "--seed", "q4"]);
    assert_eq!(second.code, Some(3), "{}", second.err);
    let [before, after] = &packs(folder)[..] else { panic!("two packs") };
    let changes = std::fs::read_to_string(after.join("csv/changes.csv")).unwrap();
    assert!(changes.lines().count() == 2 && changes.contains("hack-week"), "{changes}");
    let cover = std::fs::read_to_string(after.join("csv/cover.csv")).unwrap();
    let run_before = before.file_name().unwrap().to_string_lossy().into_owned();
    assert!(cover.contains(&format!("run {run_before}")), "{cover}");
    assert!(cover.contains("s, to the second (ahead of AWS is positive)"), "{cover}");
    assert!(cover.contains("Size drawn,'3\r\n") && cover.contains("Seed,q4\r\n"), "{cover}");
    let head = second.err.lines().find_map(|line| line.rsplit_once("was not replaced: ")).unwrap().1.to_owned();
    let proven = verify(folder, &["--head", &head]);
    assert_eq!(proven.code, Some(0));
    assert!(proven.out.contains("archive: as written: 2 packs,"), "{}", proven.out);
    for (flags, proven) in [(&["--format", "json"][..], false), (&["--format", "json", "--head", &head][..], true)] {
        let reported: serde_json::Value = serde_json::from_str(&verify(folder, flags).out).unwrap();
        assert_eq!((reported["sound"].as_bool(), reported["proven"].as_bool()), (Some(true), Some(proven)));
    }

    // One byte, in a file nobody looks at.
    let touched = before.join("csv/method.csv");
    let original = std::fs::read(&touched).unwrap();
    let mut bytes = original.clone();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&touched, &bytes).unwrap();
    let broken = verify(folder, &["--format", "json"]);
    let reported: serde_json::Value = serde_json::from_str(&broken.out).unwrap();
    assert_eq!((broken.code, reported["sound"].as_bool()), (Some(3), Some(false)));
    assert!(reported["faults"][0]["file"].as_str().unwrap().ends_with("csv/method.csv"), "{reported}");
    // A chain is not continued from a broken link, and that is said before anything is scanned.
    bed.server.clear_calls();
    let refused = scan(&[]);
    assert_eq!(refused.code, Some(6), "{}", refused.err);
    assert!(refused.err.contains("cannot be continued") && bed.server.calls().is_empty(), "{}", refused.err);

    // The newest pack taken away: the hash that was kept elsewhere tells.
    std::fs::write(&touched, &original).unwrap();
    std::fs::remove_dir_all(after).unwrap();
    assert_eq!(verify(folder, &[]).code, Some(4));
    assert_eq!(verify(folder, &["--head", &head]).code, Some(3));
}

#[test]
fn a_saved_scan_gives_the_same_pack_for_ever_and_keys_stay_secret() {
    let bed = Bed::start(&world("acme-org"), vec![]);
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let scan = run(bed.doorward(folder).args(["-q", "scan", "--format", "json-v1=a.json", "--save", "a.saved"]));
    assert_eq!(scan.code, Some(3), "{}", scan.err);
    std::fs::write(folder.join("key"), KEY).unwrap();
    let render = |archive: &str| {
        let format = format!("evidence={archive}");
        let arguments = ["report", "--from", "a.saved", "--signing-key", "key", "--format", &format];
        let mut command = Command::new(env!("CARGO_BIN_EXE_doorward"));
        let said = run(command.current_dir(folder).args(arguments));
        assert_eq!(said.code, Some(3), "{}", said.err);
        assert!(!said.err.contains(KEY) && !said.out.contains(KEY));
    };
    render("archive");
    render("again");
    let names = ["evidence.xlsx", "manifest.json", "manifest.sig", "scan.json", "csv/results.csv", "README.md"];
    let pack = packs(folder).remove(0);
    let again = folder.join("again").join(pack.file_name().unwrap());
    for name in names {
        let bytes = std::fs::read(pack.join(name)).unwrap();
        assert!(bytes == std::fs::read(again.join(name)).unwrap(), "{name} differs");
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains(KEY), "{name} holds the key");
    }
    assert_eq!(std::fs::read(pack.join("scan.json")).unwrap(), std::fs::read(folder.join("a.json")).unwrap());
    // The same run a second time is refused: evidence is not overwritten.
    let mut command = Command::new(env!("CARGO_BIN_EXE_doorward"));
    let again = ["report", "--from", "a.saved", "--signing-key", "key", "--format", "evidence=archive"];
    let said = run(command.current_dir(folder).args(again));
    assert_eq!(said.code, Some(7), "{}", said.err);

    std::fs::write(folder.join("other"), "11".repeat(32)).unwrap();
    assert_eq!(verify(folder, &["--key", "other"]).code, Some(3));
    let manifest: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(pack.join("manifest.json")).unwrap()).unwrap();
    std::fs::write(folder.join("public"), manifest["signed_by"].as_str().unwrap()).unwrap();
    assert_eq!(verify(folder, &["--key", "public"]).code, Some(0));
    assert_eq!(verify(folder, &[]).code, Some(4), "whose key it is was not checked");
    for (name, key) in [("no key", "words"), ("nothing there", "")] {
        let flags = ["report", "--from", "a.saved", "--signing-key", "bad", "--format", "evidence=third"];
        std::fs::write(folder.join("bad"), key).unwrap();
        let said = run(Command::new(env!("CARGO_BIN_EXE_doorward")).current_dir(folder).args(flags));
        assert_eq!(said.code, Some(2), "{name}: {}", said.err);
        assert!(said.err.contains("bad") && said.err.contains("ed25519"), "{}", said.err);
    }
}

#[test]
fn a_signing_scan_does_not_continue_what_its_key_did_not_sign() {
    let bed = Bed::start_at(&world("acme-org"), vec![], "2026-11-02T09:00:00Z".parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::write(folder.join("key"), KEY).unwrap();
    std::fs::write(folder.join("other"), "11".repeat(32)).unwrap();
    let scan = |flags: &[&str]| {
        bed.pass(std::time::Duration::from_secs(86_400));
        bed.server.clear_calls();
        run(bed.doorward(folder).args(["-q", "scan", "--format", "evidence=archive"]).args(flags))
    };
    assert_eq!(scan(&["--signing-key", "key"]).code, Some(3));
    for flags in [&["--signing-key", "other"][..], &[]] {
        let refused = scan(flags);
        assert_eq!(refused.code, Some(6), "{}", refused.err);
        assert!(refused.err.contains("cannot be continued") && bed.server.calls().is_empty(), "{}", refused.err);
    }
    // The last pack, forged: not signed any more, and consistent with itself.
    let pack = packs(folder).remove(0);
    let manifest = pack.join("manifest.json");
    let (signed, before) = (std::fs::read_to_string(&manifest).unwrap(), fingerprint(&manifest).unwrap());
    let mut lines: Vec<String> = signed.lines().map(str::to_owned).collect();
    let by = lines.iter().position(|line| line.contains("\"signed_by\"")).unwrap();
    lines[by] = "  \"signed_by\": null".to_owned();
    std::fs::write(&manifest, lines.join("\n") + "\n").unwrap();
    std::fs::remove_file(pack.join("manifest.sig")).unwrap();
    let sums = std::fs::read_to_string(pack.join("SHA256SUMS")).unwrap();
    let sums: String = sums
        .replace(&before, &fingerprint(&manifest).unwrap())
        .lines()
        .filter(|line| !line.ends_with("manifest.sig"))
        .map(|line| format!("{line}\n"))
        .collect();
    std::fs::write(pack.join("SHA256SUMS"), sums).unwrap();
    assert_eq!(verify(folder, &[]).code, Some(4), "alone it is consistent with itself");
    let refused = scan(&["--signing-key", "key"]);
    assert_eq!(refused.code, Some(6), "{}", refused.err);
    assert!(refused.err.contains("the pack is not signed, but a signature by"), "{}", refused.err);
    assert!(bed.server.calls().is_empty());
}

#[test]
fn account_ids_keep_their_zeros() {
    let text = world("acme-org").replace("100000000040", "000123456789");
    let bed = Bed::start(&text, vec![]);
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let formats =
        ["csv=a.csv", "csv-raw=raw.csv", "ndjson-v1=a.ndjson", "json-v1=a.json", "owners=owners", "html=a.html"];
    let flags = formats.iter().flat_map(|format| ["--format", format]);
    let said = run(bed.doorward(folder).args(["-q", "scan"]).args(flags));
    assert_eq!(said.code, Some(3), "{}", said.err);
    for (file, cell) in [
        ("a.csv", "'000123456789,"),
        ("raw.csv", ",000123456789,"),
        ("a.ndjson", "\"000123456789\""),
        ("a.json", "\"000123456789\""),
        ("a.html", "000123456789"),
        ("owners/owners.csv", ""),
    ] {
        let bytes = std::fs::read_to_string(folder.join(file)).unwrap();
        assert!(bytes.contains(cell), "{file} has no {cell}");
    }
    let raw = std::fs::read_to_string(folder.join("raw.csv")).unwrap();
    let report: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(folder.join("a.json")).unwrap()).unwrap();
    let findings = report["findings"].as_array().unwrap().len();
    assert!(raw.matches("\r\n").count() > findings, "a row for each finding, and a header");
}

/// A pack is of a risk profile where the filter says so; a chain has one scope, and no pack leaves verdicts out.
#[test]
fn a_pack_of_a_part_says_of_which() {
    let folder = tempfile::tempdir().unwrap();
    let doorward = || crate::bed::doorward(folder.path());
    assert_eq!(run(doorward().args(["-q", "demo"])).code, Some(0));
    let report = |filters: &[&str]| {
        let saved = ["-q", "report", "--from", "doorward-demo/scan.saved", "--format", "evidence=archive"];
        run(doorward().args(saved).args(filters))
    };
    let misspelt = report(&["--profile", "internet-faceing"]);
    assert!(misspelt.code == Some(2) && misspelt.err.contains("did you mean internet-facing?"), "{}", misspelt.err);
    let without_verdicts = report(&["--severity", "high"]);
    assert!(
        without_verdicts.code == Some(2) && without_verdicts.err.contains("cannot be filtered"),
        "{}",
        without_verdicts.err
    );
    assert!(!folder.path().join("archive").exists(), "what is refused writes nothing");
    // A value that selects nothing would read as if nothing failed.
    for (flag, value, near) in [
        ("--account", "100000000099", "not one of"),
        ("--owner", "storefrnt", "did you mean storefront?"),
        ("--ou", "/Nowhere", "not one of"),
    ] {
        let refused = report(&[flag, value]);
        assert!(refused.code == Some(2) && refused.err.contains(near), "{flag}: {}", refused.err);
    }
    // Figures of a part would read as those of the organization.
    for (format, filter) in [
        ("posture", ["--account", "100000000030"]),
        ("csv-inventory", ["--verdict", "pass"]),
        ("html", ["--rule", "owner-missing"]),
        ("html", ["--severity", "high"]),
    ] {
        let saved = ["-q", "report", "--from", "doorward-demo/scan.saved", "--format", format];
        let refused = run(doorward().args(saved).args(filter));
        assert!(refused.code == Some(2) && refused.err.contains("leave out the filters"), "{format}: {}", refused.err);
    }

    // A page of load balancers with all their findings may be of a part.
    let page = ["-q", "report", "--from", "doorward-demo/scan.saved", "--format", "html", "--account", "100000000030"];
    assert!(run(doorward().args(page)).out.contains("Filtered: account 100000000030"));

    let part = report(&["--profile", "internet-facing"]);
    assert_eq!(part.code, Some(3), "{}", part.err);
    let [pack] = &packs(folder.path())[..] else { panic!("one pack") };
    let csv = |name: &str| std::fs::read_to_string(pack.join(format!("csv/{name}.csv"))).unwrap();
    assert!(csv("cover").contains("profile internet-facing; coverage is that of the whole scan"), "{}", csv("cover"));
    let scan: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(pack.join("scan.json")).unwrap()).unwrap();
    assert_eq!(scan["filter"], "profile internet-facing");
    let profiles: std::collections::BTreeSet<&str> =
        scan["load_balancers"].as_array().unwrap().iter().map(|lb| lb["flat"]["profile"].as_str().unwrap()).collect();
    assert_eq!(profiles.into_iter().collect::<Vec<_>>(), ["internet-facing"]);
    assert_eq!(csv("population").lines().count(), scan["load_balancers"].as_array().unwrap().len() + 1);
    assert_eq!(verify(folder.path(), &[]).code, Some(4), "consistent with itself");

    let whole = report(&[]);
    assert!(whole.code == Some(6) && whole.err.contains("a chain has one scope"), "{}", whole.err);
}
