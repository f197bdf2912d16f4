//! Digests from the command line: once each, where the settings say, and nowhere else.

use std::os::unix::fs::PermissionsExt as _;

use doorward_fakeaws::DESYNC_MODE;

use crate::bed::{Bed, run, world};
use crate::formats::{assert_valid, schema};

#[test]
fn owners_are_reported_once_and_again_when_something_changes() {
    let bed = Bed::start(&world("acme-org"), vec![]);
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let receiver = folder.join("receive");
    std::fs::write(&receiver, "#!/bin/sh\ncat >> \"$1\"; echo >> \"$1\"; test ! -e \"$1.broken\"\n").unwrap();
    std::fs::set_permissions(&receiver, std::fs::Permissions::from_mode(0o755)).unwrap();
    let got = folder.join("got");
    let settings = format!(
        "[notify]\nfallback = [\"rest\"]\n[notify.owners]\nstorefront = [\"shop\"]\n[notify.channels]\n\
         shop = {{ kind = \"exec\", command = [{receiver:?}, {got:?}] }}\n\
         rest = {{ kind = \"exec\", command = [{receiver:?}, {:?}] }}\n",
        folder.join("other")
    );
    std::fs::write(folder.join("doorward.toml"), settings).unwrap();
    let scan = || run(bed.doorward(folder).args(["-q", "scan", "--format", "json-v1=a.json"]));
    let notify = |flags: &[&str]| run(bed.doorward(folder).arg("notify").args(flags));
    let digests = || std::fs::read_to_string(&got).unwrap_or_default().lines().filter(|l| !l.is_empty()).count();
    assert_eq!(scan().code, Some(3));

    let dry = notify(&["--dry-run"]);
    assert!(dry.code == Some(0) && dry.out.contains("storefront") && digests() == 0, "{} {}", dry.out, dry.err);
    let as_json = |flags: &[&str]| {
        let said = notify(&[&["--format", "json"], flags].concat());
        assert_valid(&schema("notify-v1"), &serde_json::from_str(&said.out).unwrap());
    };
    as_json(&["--dry-run"]);
    let first = notify(&[]);
    assert_eq!((first.code, digests()), (Some(0), 1), "{} {}", first.out, first.err);
    let document: serde_json::Value =
        serde_json::from_str(std::fs::read_to_string(&got).unwrap().lines().next().unwrap()).unwrap();
    assert_eq!(document["format"], "doorward-digest-v1");
    assert_valid(&schema("digest-v1"), &document);
    as_json(&[]);
    assert!(first.out.contains("have no recipient"), "what nobody owns is said: {}", first.out);
    assert_eq!((notify(&[]).code, digests()), (Some(0), 1), "nothing changed");

    // One is fixed; the receiver refuses at first.
    let place = ("100000000020", "eu-west-1", "storefront-edge");
    assert!(bed.server.world().set_attribute(place.0, place.1, place.2, DESYNC_MODE, Some("strictest")));
    assert_eq!(scan().code, Some(3));
    std::fs::write(folder.join("got.broken"), "").unwrap();
    let failed = notify(&[]);
    assert!(failed.code == Some(7) && failed.out.contains("FAILED"), "{} {}", failed.out, failed.err);
    std::fs::remove_file(folder.join("got.broken")).unwrap();
    let reported = notify(&[]);
    assert_eq!(reported.code, Some(0), "{} {}", reported.out, reported.err);
    let all = digests();
    assert_eq!((notify(&[]).code, digests()), (Some(0), all));
    let last = std::fs::read_to_string(&got).unwrap();
    assert!(last.lines().rfind(|line| !line.is_empty()).unwrap().contains("storefront-edge"));
}

#[test]
fn a_channel_that_is_not_there_is_named_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("doorward.toml"), "[notify]\nfallback = [\"chat\"]\n").unwrap();
    let said = run(crate::bed::doorward(folder.path()).args(["notify", "--dry-run"]));
    assert!(said.code == Some(2) && said.err.contains("notify.fallback") && said.err.contains("chat"), "{}", said.err);
}
