//! Which places outputs may use.

use super::*;

#[cfg(unix)]
#[test]
fn a_place_is_where_a_path_leads() {
    use std::os::unix::fs::symlink;
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().canonicalize().expect("exists");
    let at = |path: &str| root.join(path);
    std::fs::create_dir_all(at("a/b")).expect("makes");
    std::fs::write(at("a/file"), "x").expect("writes");
    std::fs::hard_link(at("a/file"), at("hard")).expect("links");
    symlink("a/file", at("link")).expect("links");
    symlink("a", at("folder")).expect("links");
    symlink("a/not yet", at("dangling")).expect("links");
    symlink(at("a/b"), at("absolute")).expect("links");
    symlink("circle", at("circle")).expect("links");
    for (path, leads) in [
        ("a/file", "a/file"),
        ("./a/./file", "a/file"),
        ("a/b/../file", "a/file"),
        ("link", "a/file"),
        ("folder/file", "a/file"),
        ("folder/b/../file", "a/file"),
        // The system follows the link first: `..` is the folder that it leads to.
        ("absolute/../file", "a/file"),
        ("dangling", "a/not yet"),
        ("a/not yet/../file", "a/file"),
        ("new/file", "new/file"),
    ] {
        assert_eq!(resolve(&at(path)), at(leads), "{path}");
    }
    resolve(&at("circle"));
    for (one, other, is) in
        [("a/file", "hard", true), ("link", "hard", true), ("a/file", "new", false), ("dangling", "a/not yet", true)]
    {
        assert_eq!(same(&at(one), &at(other)), is, "{one} and {other}");
    }
}

#[test]
fn outputs_keep_apart_from_each_other_and_from_what_is_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |path: &str| folder.path().join(path);
    std::fs::create_dir_all(at("kept")).expect("makes");
    std::fs::write(at("kept/ledger"), "x").expect("writes");
    std::fs::write(at("day.log.gz"), "x").expect("writes");
    let problem_of = |outputs: &[(&str, bool)]| {
        let mut places = Places::default();
        places.keep_ledger(&at("kept/ledger"));
        places.keep_logs(folder.path());
        for (path, is_folder) in outputs {
            places.write("--format x", &at(path), *is_folder);
        }
        places.check().err().map(|conflict| conflict.to_string()).unwrap_or_default()
    };
    for (outputs, problem) in [
        (&[("a", false), ("b", false)][..], ""),
        (&[("a", false), ("c/b", true)], ""),
        (&[("kept/report", false)], ""),
        (&[("new.log", false)], ""),
        (&[("kept/ledger", false)], "is the ledger"),
        (&[("kept/ledger-wal", false)], "is a file of the ledger"),
        (&[("kept/ledger-shm", false)], "is a file of the ledger"),
        (&[("kept/ledger-journal", false)], "is a file of the ledger"),
        (&[("kept/ledger-lock", false)], "is a file of the ledger"),
        (&[("kept", true)], "is the folder of the ledger"),
        (&[("", true)], "is the folder of the ledger"),
        (&[("day.log.gz", false)], "is an access log"),
        (&[("a", false), ("x/../a", false)], "two outputs would be written to the same file"),
        (&[("a", true), ("a", false)], "two outputs would be written to the same folder"),
        (&[("c", true), ("c/b", false)], "is in"),
        (&[("c/d", true), ("c", true)], "is in"),
        (&[("./-", false)], ""),
    ] {
        let found = problem_of(outputs);
        assert!(if problem.is_empty() { found.is_empty() } else { found.contains(problem) }, "{outputs:?}: {found}");
    }
}

#[test]
fn a_dash_is_stdout_and_no_file() {
    for (is_folder, noun) in [(false, "name a file"), (true, "name a folder")] {
        let mut places = Places::default();
        places.write("--out", Path::new("-"), is_folder);
        let problem = places.check().expect_err("stdout").to_string();
        assert!(problem.starts_with("--out -: ") && problem.contains(noun), "{problem}");
    }
    let mut places = Places::default();
    places.file("--out", Path::new("./-"));
    assert_eq!(places.check(), Ok(()));
}
