//! Packages from elsewhere: no second network or TLS stack, and only accepted licences.

use anyhow::{Context, Result, bail};

use super::deny_config::{DenyConfig, FILE};
use super::{Violation, licence};
use crate::workspace;

/// A package that is built.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Package {
    name: String,
    version: String,
    licence: String,
}

/// The packages that are built for any target, tests included. `cargo metadata` would also list packages that only a
/// feature that is off asks for; `cargo tree` resolves features as the build does.
pub(super) fn built() -> Result<Vec<Package>> {
    let output = workspace::cargo()?
        .args(["tree", "--workspace", "--locked", "--target", "all", "--edges", "normal,build,dev"])
        .args(["--prefix", "none", "--format", "{p}\t{l}"])
        .output()
        .context("cargo tree could not be started")?;
    if !output.status.success() {
        bail!("cargo tree failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    read(&String::from_utf8_lossy(&output.stdout))
}

/// Reads lines of `NAME vVERSION [(notes)]<tab>LICENCE [(*)]`.
fn read(tree: &str) -> Result<Vec<Package>> {
    let mut packages = Vec::new();
    for line in tree.lines().filter(|line| !line.trim().is_empty()) {
        let (package, licence) = line.split_once('\t').with_context(|| format!("cargo tree printed {line:?}"))?;
        let mut words = package.split(' ');
        let name = words.next().unwrap_or_default().to_owned();
        let version = words.next().and_then(|word| word.strip_prefix('v'));
        let version = version.with_context(|| format!("cargo tree printed no version in {line:?}"))?.to_owned();
        let licence = licence.trim_end_matches("(*)").trim().to_owned();
        packages.push(Package { name, version, licence });
    }
    packages.sort();
    packages.dedup();
    Ok(packages)
}

/// Checks every package; violations point into the lock file.
pub(super) fn check(packages: &[Package], config: &DenyConfig, lock: &str) -> Vec<Violation> {
    let mut violations = Vec::new();
    for package in packages {
        let Package { name, version, licence } = package;
        let mut report = |message: String| violations.push(Violation::new("Cargo.lock", line(lock, package), message));
        if let Some(refused) = config.refused.iter().find(|refused| refused.matches(name, version)) {
            let why = &refused.why;
            report(format!(
                "{name} {version} may not be built: {why}; find the package that depends on it with `cargo tree -i {name}@{version}` and turn the feature off"
            ));
        }
        if let Err(problem) = licence::allowed(licence, &config.licences) {
            report(format!("{name} {version}: {problem}; replace the package, or accept the licence in {FILE}"));
        }
    }
    violations
}

fn line(lock: &str, package: &Package) -> usize {
    let name = format!("name = \"{}\"", package.name);
    let version = format!("version = \"{}\"", package.version);
    let lines: Vec<&str> = lock.lines().collect();
    lines.windows(2).position(|pair| pair[0] == name && pair[1] == version).map_or(1, |index| index + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> DenyConfig {
        let deny = "[{ crate = \"hyper:<1.0.0\", reason = \"old\" }, { crate = \"ring\", reason = \"one\" }]";
        super::super::deny_config::read(&format!("[licenses]\nallow = [\"MIT\", \"ISC\"]\n[bans]\ndeny = {deny}\n"))
            .expect("reads")
    }

    const LOCK: &str = "version = 4\n\n[[package]]\nname = \"hyper\"\nversion = \"1.12.0\"\n\n[[package]]\nname = \"hyper\"\nversion = \"0.14.32\"\n";

    #[test]
    fn a_tree_is_read() {
        let tree = "doorward v0.1.0 (/somewhere)\tApache-2.0\nhyper v1.12.0\tMIT\nhyper v1.12.0\tMIT (*)\nsyn v2.0.1 (proc-macro)\tMIT\n\n";
        let names: Vec<String> =
            read(tree).expect("reads").into_iter().map(|p| format!("{} {} {}", p.name, p.version, p.licence)).collect();
        assert_eq!(names, ["doorward 0.1.0 Apache-2.0", "hyper 1.12.0 MIT", "syn 2.0.1 MIT"]);
        assert!(read("garbage").is_err());
    }

    #[test]
    fn the_legacy_stack_is_refused_with_its_line() {
        let packages = read("hyper v1.12.0\tMIT\nhyper v0.14.32\tMIT\nring v0.17.14\tISC\n").expect("reads");
        let violations: Vec<String> = check(&packages, &config(), LOCK).iter().map(ToString::to_string).collect();
        assert_eq!(violations.len(), 2, "{violations:?}");
        assert!(violations[0].starts_with("Cargo.lock:8: hyper 0.14.32 may not be built"), "{violations:?}");
        assert!(violations[1].contains("ring 0.17.14"), "{violations:?}");
    }

    #[test]
    fn an_unlisted_licence_is_refused() {
        let packages = read("hyper v1.12.0\tSSPL-1.0\n").expect("reads");
        let violations = check(&packages, &config(), LOCK);
        assert_eq!(violations.len(), 1);
        assert!(violations[0].to_string().starts_with("Cargo.lock:4: hyper 1.12.0: SSPL-1.0"), "{}", violations[0]);
    }
}
