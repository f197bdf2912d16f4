//! Objects in S3 among the places of a command.

use std::path::Path;

use doorward_file::places::Places;

fn problem(places: &Places) -> String {
    places.check().err().map(|conflict| conflict.to_string()).unwrap_or_default()
}

fn assert_problem(found: &str, expected: &str, what: &str) {
    assert!(if expected.is_empty() { found.is_empty() } else { found.contains(expected) }, "{what}: {found}");
}

#[test]
fn objects_are_compared_by_their_addresses() {
    for (output, is_folder, expected) in [
        ("s3://acme/a/ledger", false, "is the ledger, s3://acme/a/ledger"),
        ("s3://acme/a/ledger/", false, "is the ledger"),
        ("s3://acme/a//ledger", false, "is the ledger"),
        ("s3://acme/a", true, "is the folder of the ledger"),
        ("s3://acme/a", false, ""),
        ("s3://acme/a/ledger2", false, ""),
        ("s3://acme/a/ledger?versionId=1", false, ""),
        ("s3://acme/a/Ledger", false, ""),
        ("s3://other/a/ledger", false, ""),
        // SQLite keeps nothing beside a copy that is an object.
        ("s3://acme/a/ledger-wal", false, ""),
        // A folder of this machine contains no object, and a path that looks similar is none.
        (".", true, ""),
        ("s3:/acme/a/ledger", false, ""),
    ] {
        let mut places = Places::default();
        places.keep_ledger(Path::new("s3://acme/a/ledger"));
        if is_folder {
            places.folder("--save", Path::new(output))
        } else {
            places.file("--save", Path::new(output))
        }
        assert_problem(&problem(&places), expected, output);
    }
}

#[test]
fn two_outputs_are_two_objects() {
    for (one, other, expected) in [
        (("s3://acme/a", false), ("s3://acme/a", false), "two outputs would be written to the same file"),
        (("s3://acme/a", false), ("s3://acme/a/b", false), ""),
        (("s3://acme/a", true), ("s3://acme/a/b", false), "is in s3://acme/a"),
    ] {
        let mut places = Places::default();
        for (path, is_folder) in [one, other] {
            let path = Path::new(path);
            if is_folder { places.folder("--format x", path) } else { places.file("--format x", path) }
        }
        assert_problem(&problem(&places), expected, one.0);
    }
}

#[test]
fn the_files_of_a_command_are_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let script = folder.path().join("plugin.py");
    std::fs::write(&script, "").expect("writes");
    let command = ["/usr/bin/env".to_owned(), "python3".to_owned(), script.display().to_string()];
    for (output, expected) in [(script.as_path(), "is a file of the plugin x"), (Path::new("python3"), "")] {
        let mut places = Places::default();
        places.keep_command("a file of the plugin x", &command);
        places.file("--format x", output);
        assert_problem(&problem(&places), expected, "x");
    }
}
