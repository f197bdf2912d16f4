//! What comes from elsewhere: no second network stack, no licence that nobody agreed to.

use anyhow::{Context, Result, bail};

use super::agreed::{Agreed, FILE};
use super::{Complaint, licence};
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

/// Checks every package; complaints point into the lock file.
pub(super) fn check(packages: &[Package], agreed: &Agreed, lock: &str) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for package in packages {
        let Package { name, version, licence } = package;
        let mut complain = |what: String| complaints.push(Complaint::new("Cargo.lock", line(lock, package), what));
        if let Some(refused) = agreed.refused.iter().find(|refused| refused.is(name, version)) {
            let why = &refused.why;
            complain(format!(
                "{name} {version} may not be built: {why}; find who asks with `cargo tree -i {name}@{version}` and turn the feature off"
            ));
        }
        if let Err(problem) = licence::allowed(licence, &agreed.licences) {
            complain(format!("{name} {version}: {problem}; replace the package, or agree to the licence in {FILE}"));
        }
    }
    complaints
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

    fn agreed() -> Agreed {
        let deny = "[{ crate = \"hyper:<1.0.0\", reason = \"old\" }, { crate = \"ring\", reason = \"one\" }]";
        super::super::agreed::read(&format!("[licenses]\nallow = [\"MIT\", \"ISC\"]\n[bans]\ndeny = {deny}\n"))
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
        let complaints: Vec<String> = check(&packages, &agreed(), LOCK).iter().map(ToString::to_string).collect();
        assert_eq!(complaints.len(), 2, "{complaints:?}");
        assert!(complaints[0].starts_with("Cargo.lock:8: hyper 0.14.32 may not be built"), "{complaints:?}");
        assert!(complaints[1].contains("ring 0.17.14"), "{complaints:?}");
    }

    #[test]
    fn a_strange_licence_is_refused() {
        let packages = read("hyper v1.12.0\tSSPL-1.0\n").expect("reads");
        let complaints = check(&packages, &agreed(), LOCK);
        assert_eq!(complaints.len(), 1);
        assert!(complaints[0].to_string().starts_with("Cargo.lock:4: hyper 1.12.0: SSPL-1.0"), "{}", complaints[0]);
    }
}
