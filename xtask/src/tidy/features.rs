//! One build for all: `cargo run`, `cargo xtask` and the tests of the workspace select the same features of every package, so
//! that none is compiled twice.
//!
//! Cargo unifies features over the packages that a command selects, and those of dev-dependencies only where tests are
//! built. A feature that only a test asks for gives a package and everything above it a second build. The cure is to ask
//! for the feature where the program asks for the package.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail};

use super::Violation;
use crate::workspace;

/// The manifest in which features are asked for that only tests need.
const MANIFEST: &str = "crates/doorward/Cargo.toml";

/// Packages by name and version, each with the sets of features that it is built with.
type Built = BTreeMap<String, BTreeSet<String>>;

/// Compares what `cargo run` and `cargo xtask` build with what the tests build.
pub(super) fn run() -> Result<Vec<Violation>> {
    let tests = tree(&["--workspace", "--edges", "normal,build,dev"])?;
    let mut violations = check("cargo run", &tree(&["--package", "doorward", "--edges", "normal,build"])?, &tests);
    // Without a package `cargo tree` selects the default members, as `cargo run` and `cargo xtask` do.
    violations.extend(check("cargo xtask", &tree(&["--edges", "normal,build"])?, &tests));
    Ok(violations)
}

fn tree(selection: &[&str]) -> Result<Built> {
    let output = workspace::cargo()?
        .args(["tree", "--locked", "--prefix", "none", "--format", "{p}\t{f}"])
        .args(selection)
        .output()
        .context("cargo tree could not be started")?;
    if !output.status.success() {
        bail!("cargo tree failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    read(&String::from_utf8_lossy(&output.stdout))
}

/// Reads lines of `NAME vVERSION [(notes)]<tab>FEATURE,FEATURE [(*)]`.
fn read(tree: &str) -> Result<Built> {
    let mut built = Built::new();
    for line in tree.lines().filter(|line| !line.trim().is_empty()) {
        let (package, features) = line.split_once('\t').with_context(|| format!("cargo tree printed {line:?}"))?;
        let package = package.split(' ').take(2).collect::<Vec<_>>().join(" ");
        let features = features.trim_end_matches("(*)").trim().to_owned();
        built.entry(package).or_default().insert(features);
    }
    Ok(built)
}

/// Finds packages that a command builds with features other than those of the tests.
fn check(command: &str, built: &Built, tests: &Built) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (package, sets) in built {
        let of_tests = tests.get(package);
        for features in sets.iter().filter(|features| of_tests.is_none_or(|of_tests| !of_tests.contains(*features))) {
            let of_tests = of_tests.into_iter().flatten().cloned().collect::<Vec<_>>().join("} or {");
            let message = format!(
                "{command} builds {package} with {{{features}}}, the tests with {{{of_tests}}}, so that it and everything above it is \
                 compiled twice; ask for the missing features here or in the workspace's dependencies"
            );
            violations.push(Violation::new(MANIFEST, 1, message));
        }
    }
    violations
}

#[cfg(test)]
mod tests {
    use super::*;

    const TESTS: &str = "doorward v0.1.0 (/somewhere)\t\ntokio v1.54.1\tfs,rt,test-util\nsyn v2.0.1 (proc-macro)\tfull\nsyn v2.0.1\tfull (*)\n";

    fn found(built: &str) -> Vec<String> {
        check("cargo run", &read(built).expect("reads"), &read(TESTS).expect("reads"))
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn the_same_features_pass() {
        assert_eq!(found("doorward v0.1.0 (/somewhere)\t\ntokio v1.54.1\tfs,rt,test-util (*)\n"), [""; 0]);
        assert!(read("garbage").is_err());
    }

    #[test]
    fn a_feature_of_tests_alone_is_found() {
        let found = found("tokio v1.54.1\tfs,rt\n");
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(
            found[0].contains("cargo run builds tokio v1.54.1 with {fs,rt}, the tests with {fs,rt,test-util}"),
            "{found:?}"
        );
    }

    #[test]
    fn a_package_that_the_tests_do_not_build_is_found() {
        assert_eq!(found("tokio v1.55.0\tfs,rt,test-util\n").len(), 1);
    }
}
