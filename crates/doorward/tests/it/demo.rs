//! The exit code of the demo.

use crate::bed::{doorward, run};

#[test]
fn the_demo_ends_with_0_and_names_the_exit_code_of_its_scan() {
    let folder = tempfile::tempdir().unwrap();
    let said = run(doorward(folder.path()).args(["demo", "--out", "out"]));
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert!(said.err.contains("`doorward scan` would end with exit code 3 here"), "{}", said.err);
    assert!(folder.path().join("out/scan.html").is_file());

    let said = run(doorward(folder.path()).args(["demo", "--out", "again", "--exit-code", "--quiet"]));
    assert_eq!((said.code, said.err.as_str()), (Some(3), ""));
}
