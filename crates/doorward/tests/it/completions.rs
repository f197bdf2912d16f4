//! Completions that a shell asks for: names of the ledger, from local files alone, never an error and never a wait.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::bed::{doorward, run};

/// What bash would offer after these words, of which the last is typed in part. Nothing is ever said on stderr.
fn offered(folder: &Path, words: &[&str], variables: &[(&str, &str)]) -> Vec<String> {
    let mut command = doorward(folder);
    let index = words.len().to_string();
    command.env("DOORWARD_COMPLETE", "bash").env("_CLAP_COMPLETE_INDEX", &index).env("_CLAP_IFS", "\n");
    command.envs(variables.iter().copied()).args(["--", "doorward"]).args(words);
    let begun = Instant::now();
    let said = run(&mut command);
    assert!(said.code == Some(0) && said.err.is_empty(), "{words:?}: {:?} {}", said.code, said.err);
    assert!(begun.elapsed() < Duration::from_secs(20), "{words:?}: {:?}", begun.elapsed());
    said.out.lines().map(str::to_owned).collect()
}

#[test]
fn names_of_the_ledger_are_offered_and_nothing_that_a_shell_would_run() {
    let folder = tempfile::tempdir().unwrap();
    let said = run(doorward(folder.path()).args(["-q", "demo", "--out", "demo"]));
    assert_eq!(said.code, Some(0), "{}", said.err);
    let settings = "[ledger]\npath = \"demo/ledger.sqlite\"\n";
    std::fs::write(folder.path().join("doorward.toml"), settings).unwrap();
    let offered = |words: &[&str]| offered(folder.path(), words, &[]);
    let owners = offered(&["report", "--owner", ""]);
    assert!(owners.contains(&"storefront".to_owned()), "{owners:?}");
    // The example has owners that are formulas, and one with a blank.
    let is_plain = |name: &String| !name.contains(|c: char| " $`;&|<>()*?[]{}'\"\\!#~".contains(c));
    assert!(owners.iter().all(is_plain), "{owners:?}");
    assert_eq!(offered(&["report", "--owner", "storef"]), ["storefront"]);
    assert!(offered(&["history", "diff", "--owner", "storef"]).contains(&"storefront".to_owned()));
    assert!(offered(&["scan", "--account", "1000000000"]).contains(&"100000000020".to_owned()));
    assert!(offered(&["exceptions", "list", "--ou", "/"]).iter().any(|ou| ou.starts_with("/Workloads")));
    assert!(offered(&["report", "--rule", "desync"]).contains(&"desync-mode-below-required".to_owned()));
    assert!(offered(&["report", "--format", "csv"]).contains(&"csv-inventory".to_owned()));
    let runs = offered(&["history", "diff", ""]);
    assert!(runs.contains(&"latest~1".to_owned()) && runs.iter().any(|run| run.starts_with("20261102T")), "{runs:?}");
    assert!(offered(&["history", "diff", "latest", "2026"]).len() >= 3);
    assert!(offered(&["histo"]).contains(&"history".to_owned()), "commands are offered as before");
    // A ledger that the command line names is read instead.
    std::fs::remove_file(folder.path().join("doorward.toml")).unwrap();
    assert_eq!(offered(&["report", "--owner", "storef"]), Vec::<String>::new());
    let named = ["history", "--ledger", "demo/ledger.sqlite", "diff", "--owner", "storef"];
    assert_eq!(offered(&named), ["storefront"]);
}

#[test]
fn what_cannot_be_read_is_offered_as_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let ask = ["report", "--owner", ""];
    for settings in [
        "",
        "[ledger]\npath = \"no/such/file\"\n",
        "[ledger]\npath = \"s3://bucket/key\"\n",
        "[ledger]\npath = \"doorward.toml\"\n",
        "[ledger\n",
    ] {
        std::fs::write(folder.path().join("doorward.toml"), settings).unwrap();
        // A proxy that does not answer would show a call to AWS by its wait.
        let variables = [
            ("HTTPS_PROXY", "http://192.0.2.1:9"),
            ("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE"),
            ("AWS_SECRET_ACCESS_KEY", "x"),
        ];
        assert_eq!(offered(folder.path(), &ask, &variables), Vec::<String>::new(), "{settings}");
    }
    assert!(!folder.path().join("no").exists(), "nothing is created");
    let said = run(doorward(folder.path()).env("DOORWARD_COMPLETE", "no-such-shell"));
    assert!(said.code == Some(2) && said.err.contains("no-such-shell"), "{}", said.err);
    let script = run(doorward(folder.path()).env("DOORWARD_COMPLETE", "bash"));
    assert!(
        script.code == Some(0) && script.out.contains("DOORWARD_COMPLETE=\"bash\""),
        "{}{}",
        script.out,
        script.err
    );
}
