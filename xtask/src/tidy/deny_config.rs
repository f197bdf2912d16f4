//! The licences that are accepted and the packages that are refused: `.cargo/deny.toml`, which cargo-deny reads too.

use anyhow::{Context, Result};
use semver::{Version, VersionReq};
use toml::Value;

/// The file, by path from the top.
pub(crate) const FILE: &str = ".cargo/deny.toml";

/// The parts of the file that are checked without cargo-deny.
#[derive(Debug)]
pub(super) struct DenyConfig {
    /// Licences that are accepted.
    pub(super) licences: Vec<String>,
    /// Packages that may not be built.
    pub(super) refused: Vec<Refused>,
}

/// A package that may not be built, and why.
#[derive(Debug)]
pub(super) struct Refused {
    name: String,
    versions: VersionReq,
    pub(super) why: String,
}

impl Refused {
    /// Whether it refuses a package of this name and version.
    pub(super) fn matches(&self, name: &str, version: &str) -> bool {
        self.name == name && Version::parse(version).is_ok_and(|version| self.versions.matches(&version))
    }
}

/// Reads the file's text.
pub(super) fn read(text: &str) -> Result<DenyConfig> {
    let file: toml::Table = text.parse().with_context(|| format!("{FILE} is not TOML"))?;
    let list = |section: &str, key: &str| -> Result<Vec<Value>> {
        let list = file.get(section).and_then(|section| section.get(key)).and_then(Value::as_array);
        list.cloned().with_context(|| format!("{FILE} has no list {section}.{key}"))
    };
    let licences = list("licenses", "allow")?
        .iter()
        .map(|licence| {
            licence.as_str().map(str::to_owned).with_context(|| format!("{FILE}: a licence is not a string"))
        })
        .collect::<Result<_>>()?;
    let refused = list("bans", "deny")?.iter().map(refused).collect::<Result<_>>()?;
    Ok(DenyConfig { licences, refused })
}

/// `{ crate = "NAME" | "NAME:VERSIONS", reason = "..." }`. With an `@` cargo-deny would mean one exact version.
fn refused(entry: &Value) -> Result<Refused> {
    let text = |key: &str| {
        let text = entry.get(key).and_then(Value::as_str);
        text.with_context(|| format!("{FILE}: an entry of bans.deny has no {key}: {entry}"))
    };
    let (name, versions) = text("crate")?.split_once(':').unwrap_or((text("crate")?, "*"));
    anyhow::ensure!(!name.contains('@'), "{FILE}: write {name} with a colon before the versions");
    let versions =
        versions.parse().with_context(|| format!("{FILE}: {versions:?} is not a version requirement of {name}"))?;
    Ok(Refused { name: name.to_owned(), versions, why: text("reason")?.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "[licenses]\nallow = [\"MIT\"]\n[bans]\ndeny = [{ crate = \"hyper:<1.0.0\", reason = \"old\" }, { crate = \"ring\", reason = \"one\" }]\n";

    #[test]
    fn the_file_is_read() {
        let config = read(TEXT).expect("reads");
        assert_eq!(config.licences, ["MIT"]);
        let refused = |name, version| config.refused.iter().any(|refused| refused.matches(name, version));
        assert!(refused("hyper", "0.14.32") && refused("ring", "0.17.14"));
        assert!(!refused("hyper", "1.12.0") && !refused("hyper-util", "0.1.0"));
    }

    #[test]
    fn a_missing_key_is_an_error() {
        for broken in
            ["", "[licenses]\nallow = []\n", &TEXT.replace("hyper:", "hyper@"), &TEXT.replace("reason", "why")]
        {
            assert!(read(broken).is_err(), "{broken}");
        }
    }
}
