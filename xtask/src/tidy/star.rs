//! The crate star: everything may depend on the model, nobody on a sibling, only the binary knows all.
//!
//! The tables are the design's; `crates/README.md` explains them. A new crate or a new home for a dependency is a change
//! here, which is where a reviewer sees it.

use anyhow::{Context, Result};
use serde_json::Value;

use super::Complaint;

/// The crate that everything may depend on.
const CENTRE: &str = "doorward-model";
/// The crates that may depend on all others.
const KNOW_ALL: [&str; 2] = ["doorward", "xtask"];

/// Every crate there may be.
const CRATES: [&str; 16] = [
    "doorward",
    "doorward-change",
    "doorward-core",
    "doorward-fakeaws",
    "doorward-iac",
    "doorward-ledger",
    "doorward-model",
    "doorward-notify",
    "doorward-rules",
    "doorward-sink-evidence",
    "doorward-sink-owners",
    "doorward-sink-page",
    "doorward-sink-securityhub",
    "doorward-sink-text",
    "doorward-traffic",
    "xtask",
];

/// The crates that call AWS, and so may know the types that all of the SDK shares.
const CALLERS: &[&str] =
    &["doorward-core", "doorward-change", "doorward-notify", "doorward-sink-securityhub", "doorward-traffic"];

/// Where a third-party crate may live. A name that ends in `*` is a prefix; the first line that fits decides.
const HOMES: &[(&str, &[&str])] = &[
    ("aws-sdk-athena", &["doorward-traffic"]),
    ("aws-sdk-cloudwatch", &["doorward-traffic"]),
    ("aws-sdk-s3", &["doorward-traffic"]),
    ("aws-sdk-securityhub", &["doorward-sink-securityhub"]),
    ("aws-sdk-sns", &["doorward-notify"]),
    // The one cryptography there is; it signs evidence too.
    ("aws-lc-rs", &["doorward-core", "doorward-sink-evidence"]),
    ("aws-config", &["doorward-core"]),
    ("aws-sdk-*", &["doorward-core"]),
    ("aws-*", CALLERS),
    ("anyhow", &["doorward"]),
    ("miette", &["doorward"]),
    ("clap*", &["doorward"]),
    ("figment", &["doorward"]),
    ("comfy-table", &["doorward", "doorward-sink-text"]),
    ("annotate-snippets", &["doorward"]),
    ("walkdir", &["doorward"]),
    ("hcl-*", &["doorward-iac"]),
    ("saphyr*", &["doorward-iac"]),
    ("indicatif", &["doorward"]),
    ("lambda_runtime", &["doorward"]),
    ("tracing-subscriber", &["doorward"]),
    ("rusqlite", &["doorward-ledger"]),
    ("rustix", &["doorward-ledger"]),
    ("csv", &["doorward-sink-evidence", "doorward-sink-owners"]),
    ("rust_xlsxwriter", &["doorward-sink-evidence"]),
    ("flate2", &["doorward-traffic"]),
    ("askama", &["doorward-sink-page"]),
    ("minijinja", &["doorward-sink-owners", "doorward-sink-page"]),
    ("axum", &["doorward-fakeaws"]),
    ("hyper*", &["doorward-fakeaws", "doorward-notify"]),
    ("http-body-util", &["doorward-fakeaws", "doorward-notify"]),
    ("rustls", &["doorward-notify"]),
    ("lettre", &["doorward-notify"]),
    // The runtime: the model, the rules and the renderers are pure and have no use for it.
    (
        "tokio",
        &[
            "doorward",
            "doorward-change",
            "doorward-core",
            "doorward-fakeaws",
            "doorward-notify",
            "doorward-sink-securityhub",
            "doorward-traffic",
        ],
    ),
];

/// A crate of the workspace with the dependencies that end up in a program; those of its tests do not count.
pub(super) struct Member {
    name: String,
    manifest: String,
    text: String,
    dependencies: Vec<String>,
}

impl Member {
    /// Reads a package of `cargo metadata`, given its manifest's path from the top and text.
    pub(super) fn read(package: &Value, manifest: &str, text: String) -> Result<Self> {
        let name = package["name"].as_str().context("a package has no name")?.to_owned();
        let all = package["dependencies"].as_array().with_context(|| format!("{name} lists no dependencies"))?;
        let dependencies = all
            .iter()
            .filter(|dependency| dependency["kind"].as_str() != Some("dev"))
            .filter_map(|dependency| dependency["name"].as_str().map(str::to_owned))
            .collect();
        Ok(Self { name, manifest: manifest.to_owned(), text, dependencies })
    }

    /// The line of the manifest that names a dependency.
    fn line(&self, dependency: &str) -> usize {
        let names = |line: &str| {
            let key = line.trim_start().trim_start_matches('"');
            key.strip_prefix(dependency).is_some_and(|rest| rest.starts_with([' ', '.', '=', '"']))
        };
        self.text.lines().position(names).map_or(1, |index| index + 1)
    }
}

/// Compares every arrow with the tables.
pub(super) fn check(members: &[Member]) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for member in members {
        let name = member.name.as_str();
        let mut complain = |line: usize, what: String| complaints.push(Complaint::new(&member.manifest, line, what));
        if !CRATES.contains(&name) {
            complain(1, format!("{name} is not a crate of the star; add it to the table of `tidy` or merge it"));
        }
        let folder = if name == "xtask" { "xtask/Cargo.toml".to_owned() } else { format!("crates/{name}/Cargo.toml") };
        if member.manifest != folder {
            complain(1, format!("a crate's folder has its name; move {name} to {folder}"));
        }
        for dependency in &member.dependencies {
            let line = member.line(dependency);
            if CRATES.contains(&dependency.as_str()) {
                if dependency != CENTRE && !KNOW_ALL.contains(&name) {
                    let way_out = format!("state the need as a trait in {name} and let `doorward` fulfil it");
                    complain(line, format!("{name} may not know its sibling {dependency}; {way_out}"));
                }
            } else if let Some(homes) = homes(dependency).filter(|homes| !homes.contains(&name) && name != "xtask") {
                complain(line, format!("{dependency} lives in {}; move what needs it there", homes.join(", ")));
            }
        }
    }
    complaints
}

fn homes(dependency: &str) -> Option<&'static [&'static str]> {
    let fits = |name: &str| match name.strip_suffix('*') {
        Some(prefix) => dependency.starts_with(prefix),
        None => dependency == name,
    };
    HOMES.iter().find(|(name, _)| fits(name)).map(|(_, homes)| *homes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(name: &str, dependencies: &[(&str, &str)]) -> Member {
        let listed: Vec<Value> =
            dependencies.iter().map(|(name, kind)| serde_json::json!({"name": name, "kind": kind})).collect();
        let package = serde_json::json!({"name": name, "dependencies": listed});
        let manifest =
            if name == "xtask" { "xtask/Cargo.toml".to_owned() } else { format!("crates/{name}/Cargo.toml") };
        let mut text = format!("[package]\nname = \"{name}\"\n[dependencies]\n");
        for (name, _) in dependencies {
            text.push_str(&format!("{name}.workspace = true\n"));
        }
        Member::read(&package, &manifest, text).expect("reads")
    }

    #[test]
    fn the_agreed_arrows_pass() {
        let all = [
            member(
                "doorward",
                &[("doorward-model", ""), ("doorward-core", ""), ("doorward-fakeaws", ""), ("clap", "")],
            ),
            member("doorward-core", &[("doorward-model", ""), ("aws-config", ""), ("aws-sdk-sts", ""), ("tokio", "")]),
            member("doorward-rules", &[("doorward-model", ""), ("doorward-fakeaws", "dev"), ("tokio", "dev")]),
            member("xtask", &[("doorward-core", ""), ("anyhow", "")]),
        ];
        assert_eq!(check(&all), []);
    }

    #[track_caller]
    fn complains(member: Member, line: usize, about: &str) {
        let complaints = check(&[member]);
        assert_eq!(complaints.len(), 1, "{complaints:?}");
        assert_eq!(complaints[0].line, line, "{complaints:?}");
        assert!(complaints[0].what.contains(about), "{complaints:?}");
    }

    #[test]
    fn a_sibling_is_refused() {
        complains(
            member("doorward-rules", &[("doorward-model", ""), ("doorward-core", "")]),
            5,
            "sibling doorward-core",
        );
        complains(member("doorward-core", &[("doorward-fakeaws", "build")]), 4, "sibling doorward-fakeaws");
        complains(member("doorward-model", &[("doorward-rules", "")]), 4, "sibling doorward-rules");
    }

    #[test]
    fn a_dependency_away_from_home_is_refused() {
        complains(member("doorward-rules", &[("aws-sdk-sts", "")]), 4, "aws-sdk-sts lives in doorward-core");
        complains(member("doorward-core", &[("clap", "")]), 4, "clap lives in doorward");
        complains(member("doorward-core", &[("aws-sdk-s3", "")]), 4, "aws-sdk-s3 lives in doorward-traffic");
        complains(member("doorward-model", &[("tokio", "")]), 4, "tokio lives in");
    }

    #[test]
    fn a_stranger_is_refused() {
        complains(member("doorward-manager", &[]), 1, "not a crate of the star");
        let mut moved = member("doorward-core", &[]);
        moved.manifest = "crates/core/Cargo.toml".to_owned();
        complains(moved, 1, "move doorward-core to crates/doorward-core");
    }
}
