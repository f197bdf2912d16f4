//! Outputs that are objects in S3 never replace the ledger, a plan or a part: exit code 2 before any call, as for files on disk.

use std::path::Path;

use crate::bed::{Bed, Said, run, world};

const BUCKET: &str = "acme-ledger";

/// The organization of the example with a bucket that its scanner may read and write.
fn world_with_bucket() -> String {
    let grants = format!(
        "allow = [\n  {{ actions = [\"s3:GetObject\", \"s3:PutObject\"], resources = [\"arn:aws:s3:::{BUCKET}/*\"] }},\n  \
         {{ actions = [\"s3:ListBucket\", \"s3:GetBucketVersioning\"], resources = [\"arn:aws:s3:::{BUCKET}\"] }},\n"
    );
    let bucket = format!(
        "\n[[bucket]]\nname = \"{BUCKET}\"\naccount = \"100000000002\"\nregion = \"eu-west-1\"\nversioned = true\n"
    );
    world("acme-org").replacen("allow = [\n", &grants, 1) + &bucket
}

fn said(bed: &Bed, folder: &Path, line: &str) -> Said {
    run(bed.doorward(folder).arg("-q").args(line.split(' ')))
}

#[test]
fn an_object_never_replaces_the_ledger_a_plan_or_a_part() {
    let bed = Bed::start(&world_with_bucket(), vec![]);
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for (line, code) in [
        ("scan --ledger s3://acme-ledger/a/ledger.sqlite --format json-v1=scan.json", 3),
        ("scan --no-ledger --discover-only --save s3://acme-ledger/b/plan.json", 0),
        (
            "scan --no-ledger --shard 1/2 --discovered s3://acme-ledger/b/plan.json --save s3://acme-ledger/b/part-1.json",
            0,
        ),
        (
            "scan --no-ledger --shard 2/2 --discovered s3://acme-ledger/b/plan.json --save s3://acme-ledger/b/part-2.json",
            0,
        ),
    ] {
        let said = said(&bed, folder, line);
        assert_eq!(said.code, Some(code), "{line}: {}", said.err);
    }
    let keys = ["a/ledger.sqlite", "b/plan.json", "b/part-1.json", "b/part-2.json"];
    let objects = || keys.map(|key| bed.server.world().object(BUCKET, key).expect("stored"));
    let before = objects();
    let ledger = "--ledger s3://acme-ledger/a/ledger.sqlite";
    let merge =
        "merge --discovered s3://acme-ledger/b/plan.json s3://acme-ledger/b/part-{1..2}.json --format json-v1=m.json";
    bed.server.clear_calls();
    for (line, problem) in [
        (format!("scan --shard 1/4 {ledger} --save s3://acme-ledger/a/ledger.sqlite"), "is the ledger"),
        (format!("scan --shard 1/4 {ledger} --save s3://acme-ledger/a//ledger.sqlite"), "is the ledger"),
        (format!("scan --shard 1/4 {ledger} --save s3://acme-ledger/a/ledger.sqlite/"), "is the ledger"),
        (format!("scan --discover-only {ledger} --save s3://acme-ledger/a/ledger.sqlite"), "is the ledger"),
        (
            "scan --no-ledger --shard 2/2 --discovered s3://acme-ledger/b/plan.json --save s3://acme-ledger/b/plan.json"
                .to_owned(),
            "is the input of --discovered",
        ),
        (format!("{merge} {ledger} --save s3://acme-ledger/a/ledger.sqlite"), "is the ledger"),
        (format!("{merge} --no-ledger --save s3://acme-ledger/b/part-2.json"), "is a part"),
        (format!("{merge} --no-ledger --save s3://acme-ledger/b/plan.json"), "is the input of --discovered"),
        (format!("{merge} --no-ledger --save s3://acme-ledger/b/"), "write s3://bucket/key"),
        ("scan --no-ledger --shard 1/4 --save s3://acme-ledger/b/".to_owned(), "write s3://bucket/key"),
        ("scan --no-ledger --shard 1/4 --save s3://ACME/part".to_owned(), "write s3://bucket/key"),
    ] {
        let said = said(&bed, folder, &line);
        assert_eq!(said.code, Some(2), "{line}: {}", said.err);
        assert!(said.err.contains(problem), "{line}: {}", said.err);
        assert!(bed.server.calls().is_empty(), "{line}: AWS was called first");
    }
    // The copies of a scheduled scan's outputs, by the names of their files.
    for (to, format, problem) in [
        ("s3://acme-ledger/a", "json-v1=ledger.sqlite", "is the ledger"),
        ("s3://acme-ledger/a", "evidence=ledger.sqlite", "is the ledger"),
        ("s3://acme-ledger", "owners=a", "write s3://bucket/key"),
    ] {
        let mut event = bed.doorward(folder);
        event
            .args(["event", "--lambda"])
            .args(ledger.split(' '))
            .env("DOORWARD_EVENT__FORMATS", format!("[{format:?}]"));
        let said = run(event.env("DOORWARD_EVENT__COPY_TO", to));
        assert_eq!(said.code, Some(2), "{to}: {}", said.err);
        assert!(said.err.contains(problem), "{to}: {}", said.err);
    }
    assert!(bed.server.calls().is_empty());
    assert!(objects() == before, "an object was replaced");
    // What is in the way of nothing is written; an address with a question mark is that of another object.
    for line in [
        format!(
            "scan --no-ledger --shard 1/2 --save s3://acme-ledger/a/ledger.sqlite?1 {}",
            "--discovered s3://acme-ledger/b/plan.json"
        ),
        format!("{merge} {ledger} --save s3://acme-ledger/b/merged.saved"),
    ] {
        let said = said(&bed, folder, &line);
        assert!(matches!(said.code, Some(0 | 3)), "{line}: {}", said.err);
    }
    assert_eq!(objects()[1..], before[1..]);
    let history = said(&bed, folder, &format!("history {ledger}"));
    assert_eq!(history.code, Some(0), "{}", history.err);
}
