//! The floors of crates: a crate depends on crates of lower floors only, and crates of one floor do not know each other.
//!
//! The tables are in `xtask/tidy/floors.toml`. A new crate or a new home for a package is a change there, where a
//! reviewer sees it.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde_json::Value;

use super::Violation;
use super::tables::{entries, texts};

/// Where the floors are listed.
pub(super) const LIST: &str = "xtask/tidy/floors.toml";

/// The floors, and the homes of packages from elsewhere.
pub(super) struct Floors {
    floors: BTreeMap<String, i64>,
    beside: BTreeMap<String, Beside>,
    homes: Vec<Home>,
}

/// A crate beside the floors.
struct Beside {
    uses: Vec<String>,
    used_by: Vec<String>,
}

/// Where packages from elsewhere may be used. A name that ends in `*` is a prefix.
struct Home {
    packages: Vec<String>,
    crates: Vec<String>,
}

/// Reads the tables.
pub(super) fn read(list: &str) -> Result<Floors> {
    let list: toml::Table = list.parse().with_context(|| format!("{LIST} is not TOML"))?;
    let section = |name: &str| list.get(name).and_then(toml::Value::as_table).into_iter().flatten();
    let floors = section("floors").map(|(name, floor)| {
        let floor = floor.as_integer().with_context(|| format!("{LIST}: the floor of {name} is not a number"))?;
        Ok((name.clone(), floor))
    });
    let beside = section("beside").map(|(name, entry)| {
        let entry = entry.as_table().with_context(|| format!("{LIST}: beside.{name} is not a table"))?;
        Ok((name.clone(), Beside { uses: texts(entry, LIST, "uses")?, used_by: texts(entry, LIST, "used_by")? }))
    });
    let homes = entries(&list, LIST, "home")?;
    let homes = homes
        .iter()
        .map(|home| Ok(Home { packages: texts(home, LIST, "packages")?, crates: texts(home, LIST, "crates")? }));
    Ok(Floors {
        floors: floors.collect::<Result<_>>()?,
        beside: beside.collect::<Result<_>>()?,
        homes: homes.collect::<Result<_>>()?,
    })
}

impl Floors {
    /// Whether a crate is one of the workspace.
    fn knows(&self, name: &str) -> bool {
        self.floors.contains_key(name) || self.beside.contains_key(name)
    }

    /// Why a crate may not depend on another one of the workspace.
    fn refusal(&self, from: &str, to: &str) -> Option<String> {
        if let Some(beside) = self.beside.get(from) {
            return (!beside.uses.iter().any(|used| used == to)).then(|| format!("{from} stands beside the floors"));
        }
        if let Some(beside) = self.beside.get(to) {
            return (!beside.used_by.iter().any(|user| user == from)).then(|| format!("{to} stands beside the floors"));
        }
        let (from_floor, to_floor) = (self.floors.get(from)?, self.floors.get(to)?);
        (from_floor <= to_floor).then(|| {
            format!("{from} is on floor {from_floor} and {to} on floor {to_floor}, and dependencies point down; declare a trait in {from} and let a crate above implement it")
        })
    }

    fn homes(&self, package: &str) -> Option<&[String]> {
        let matches = |name: &String| match name.strip_suffix('*') {
            Some(prefix) => package.starts_with(prefix),
            None => package == name,
        };
        self.homes.iter().find(|home| home.packages.iter().any(matches)).map(|home| home.crates.as_slice())
    }
}

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

/// Compares every dependency with the tables.
pub(super) fn check(floors: &Floors, members: &[Member]) -> Vec<Violation> {
    let mut violations = Vec::new();
    for member in members {
        let name = member.name.as_str();
        let mut report =
            |line: usize, message: String| violations.push(Violation::new(&member.manifest, line, message));
        if !floors.knows(name) {
            report(1, format!("{name} has no floor; add it to {LIST}, or merge it into another crate"));
        }
        let folder = if name == "xtask" { "xtask/Cargo.toml".to_owned() } else { format!("crates/{name}/Cargo.toml") };
        if member.manifest != folder {
            report(1, format!("a crate's folder has its name; move {name} to {folder}"));
        }
        for dependency in &member.dependencies {
            let line = member.line(dependency);
            if floors.knows(dependency) {
                if let Some(why) = floors.refusal(name, dependency) {
                    report(line, format!("{name} may not depend on {dependency}: {why}"));
                }
            } else if let Some(homes) = floors.homes(dependency)
                && name != "xtask"
                && !homes.iter().any(|home| home == name)
            {
                report(
                    line,
                    format!(
                        "{dependency} is used in {} only; move the code there, or add a home to {LIST}",
                        homes.join(", ")
                    ),
                );
            }
        }
    }
    violations
}

#[cfg(test)]
mod tests {
    use super::*;

    fn floors() -> Floors {
        read(include_str!("../../tidy/floors.toml")).expect("reads")
    }

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
    fn dependencies_that_point_down_pass() {
        let all = [
            member(
                "doorward",
                &[("doorward-model", ""), ("doorward-check", ""), ("doorward-fakeaws", ""), ("clap", "")],
            ),
            member("doorward-check", &[("doorward-iac", ""), ("doorward-rules", "")]),
            member("doorward-sink-text", &[("doorward-model", ""), ("doorward-file", ""), ("comfy-table", "")]),
            member("doorward-aws", &[("doorward-model", ""), ("aws-config", ""), ("aws-sdk-sts", ""), ("tokio", "")]),
            member("doorward-core", &[("doorward-model", ""), ("doorward-aws", ""), ("aws-sdk-account", "")]),
            member("doorward-rules", &[("doorward-model", ""), ("doorward-fakeaws", "dev"), ("tokio", "dev")]),
            member("xtask", &[("doorward-rules", ""), ("anyhow", "")]),
        ];
        assert_eq!(check(&floors(), &all), []);
    }

    #[track_caller]
    fn finds(member: Member, line: usize, about: &str) {
        let violations = check(&floors(), &[member]);
        assert_eq!(violations.len(), 1, "{violations:?}");
        assert_eq!(violations[0].line, line, "{violations:?}");
        assert!(violations[0].message.contains(about), "{violations:?}");
    }

    #[test]
    fn a_crate_of_the_same_floor_is_refused() {
        finds(
            member("doorward-rules", &[("doorward-model", ""), ("doorward-core", "")]),
            5,
            "may not depend on doorward-core",
        );
        finds(member("doorward-check", &[("doorward-setup", "")]), 4, "floor 4 and doorward-setup on floor 4");
        finds(member("doorward-model", &[("doorward-file", "")]), 4, "may not depend on doorward-file");
    }

    #[test]
    fn a_crate_of_a_higher_floor_is_refused() {
        finds(member("doorward-model", &[("doorward-rules", "")]), 4, "may not depend on doorward-rules");
        finds(member("doorward-aws", &[("doorward-core", "build")]), 4, "floor 1 and doorward-core on floor 2");
        finds(member("doorward-sink-page", &[("doorward", "")]), 4, "may not depend on doorward");
    }

    #[test]
    fn crates_beside_the_floors_are_for_those_that_the_table_names() {
        finds(member("doorward-core", &[("doorward-fakeaws", "")]), 4, "doorward-fakeaws stands beside");
        finds(member("doorward-fakeaws", &[("doorward-model", "")]), 4, "doorward-fakeaws stands beside");
        finds(member("xtask", &[("doorward-core", "")]), 4, "xtask stands beside");
        finds(member("doorward", &[("xtask", "")]), 4, "xtask stands beside");
    }

    #[test]
    fn a_package_away_from_its_home_is_refused() {
        finds(
            member("doorward-rules", &[("aws-sdk-sts", "")]),
            4,
            "aws-sdk-sts is used in doorward-aws, doorward-core only",
        );
        finds(member("doorward-core", &[("clap", "")]), 4, "clap is used in doorward only");
        finds(
            member("doorward-core", &[("aws-sdk-s3", "")]),
            4,
            "aws-sdk-s3 is used in doorward-remote-file, doorward-traffic only",
        );
        finds(member("doorward-model", &[("tokio", "")]), 4, "tokio is used in");
    }

    #[test]
    fn a_crate_without_a_floor_and_a_folder_of_another_name_are_refused() {
        finds(member("doorward-manager", &[]), 1, "has no floor");
        let mut moved = member("doorward-core", &[]);
        moved.manifest = "crates/core/Cargo.toml".to_owned();
        finds(moved, 1, "move doorward-core to crates/doorward-core");
    }

    #[test]
    fn tables_that_cannot_be_read_are_an_error() {
        for broken in ["[floors]\na = \"b\"", "[beside.a]\nuses = []", "[[home]]\npackages = [\"a\"]", "floors"] {
            assert!(read(broken).is_err(), "{broken}");
        }
    }
}
