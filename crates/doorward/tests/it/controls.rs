//! Frameworks of the user: their controls are in every output that has those of the shipped ones, and errors name file and line.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::bed::{REPOSITORY, Said, doorward, run};
use crate::output_figures::{Row, rows};

const ISO: &str = "framework = \"ISO/IEC 27001\"\nversion = \"2022\"\nshort = \"=ISO\"\n\n[[control]]\nid = \"A.8.9\"\n\
    title = \"<b>Configurations</b>\"\nrules = [\"desync-mode-below-required\"]\nsupports = \"The mode is the standard.\"\n";
const MODE: &str = "desync-mode-below-required";

struct Place(tempfile::TempDir);

impl Place {
    /// Settings that name files, in a folder of their own, by paths that are relative to it.
    fn with(files: &[(&str, &str)]) -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        std::fs::create_dir(place.path("settings")).unwrap();
        for (name, text) in files {
            std::fs::write(place.path("settings").join(name), text).unwrap();
        }
        let names: Vec<&str> = files.iter().map(|(name, _)| *name).collect();
        std::fs::write(place.path("settings/doorward.toml"), format!("[controls]\nfiles = {names:?}\n")).unwrap();
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = doorward(self.0.path());
        command.args(arguments).arg("--config").arg(self.path("settings/doorward.toml"));
        command
    }

    fn json_lines(&self, name: &str) -> Vec<Value> {
        let text = std::fs::read_to_string(self.path(name)).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

fn saved() -> String {
    format!("{REPOSITORY}/reports/samples/acme-org/scan.saved")
}

/// The rows of a sheet of the only pack in a folder, by column.
fn sheet(packs: &Path, name: &str) -> Vec<Row> {
    let pack = std::fs::read_dir(packs).unwrap().map(|entry| entry.unwrap().path()).find(|path| path.is_dir()).unwrap();
    rows(&std::fs::read_to_string(pack.join("csv").join(name)).unwrap())
}

#[test]
fn a_framework_of_the_user_is_in_every_output() {
    let place = Place::with(&[("iso27001.toml", ISO)]);
    let formats = ["asff=out.asff", "ocsf=out.ocsf", "ocsf-1.3=out.lake", "evidence=packs", "oscal=out.oscal"];
    let saved = saved();
    let mut arguments = vec!["report", "--judge-again", "--from", saved.as_str()];
    formats.iter().for_each(|format| arguments.extend(["--format", *format]));
    let Said { code, err, .. } = run(&mut place.command(&arguments));
    assert_eq!(code, Some(3), "{err}");

    let asff: Vec<Value> = serde_json::from_slice(&std::fs::read(place.path("out.asff")).unwrap()).unwrap();
    assert!(!asff.is_empty());
    for finding in &asff {
        let is_mode = finding["ProductFields"]["doorward/rule"] == MODE;
        let named = finding["Compliance"]["RelatedRequirements"].as_array().cloned().unwrap_or_default();
        assert_eq!(named.contains(&"=ISO/A.8.9".into()), is_mode, "{finding}");
        assert!(!is_mode || named.contains(&"PCI DSS v4.0.1/6.2.4".into()), "{finding}");
    }
    for name in ["out.ocsf", "out.lake"] {
        for line in place.json_lines(name) {
            let is_mode = line["compliance"]["control"] == MODE;
            let has = |key: &str, text: &str| line["compliance"][key].as_array().unwrap().contains(&text.into());
            assert_eq!(has("standards", "=ISO"), is_mode, "{line}");
            assert_eq!(has("requirements", "=ISO/A.8.9"), is_mode, "{line}");
        }
    }
    // The same rule counts the same for a control of every kind and scheme, whichever framework has it.
    let rows = sheet(&place.path("packs"), "controls.csv");
    let of = |control: &str| rows.iter().find(|row| row["Control"] == control && row["Rule"] == MODE).unwrap();
    let (own, shipped) = (of("A.8.9"), of("'2.2.1"));
    assert_eq!((own["Framework"].as_str(), own["Topic"].as_str()), ("ISO/IEC 27001", "<b>Configurations</b>"));
    for column in ["Fail", "Unknown", "Excepted", "Pass", "Not applicable"] {
        assert_eq!(own[column], shipped[column], "{column}");
    }
    let rows = sheet(&place.path("packs"), "requirements.csv");
    let row = rows.iter().find(|row| row["Requirement"] == "A.8.9").unwrap();
    assert_eq!((row["Framework"].as_str(), row["Result"].as_str()), ("ISO/IEC 27001 2022", "fail"));
    let oscal = std::fs::read_to_string(place.path("out.oscal")).unwrap();
    assert!(oscal.contains("ISO/IEC 27001 2022") && oscal.contains("A.8.9"));
}

/// Without `--judge-again` a saved scan is written with its own frameworks, whatever the settings name.
#[test]
fn a_saved_scan_keeps_its_frameworks() {
    let place = Place::with(&[("iso27001.toml", ISO)]);
    let text = std::fs::read_to_string(saved()).unwrap();
    let (scan, joined) = text.split_once('\n').unwrap();
    let mut scan: Value = serde_json::from_str(scan).unwrap();
    assert!(scan["sinks"].get("frameworks").is_none(), "nothing is saved where the user has none");
    let said = run(&mut place.command(&["report", "--from", &saved(), "--format", "asff"]));
    assert!(!said.out.contains("=ISO/A.8.9"));
    let kept = serde_json::json!([{"name": "Kept", "version": "1", "controls": [
        {"id": "K.1", "related": "Kept/K.1", "title": "t", "rules": [MODE], "supports": "s"},
    ]}]);
    scan["sinks"]["frameworks"] = kept;
    std::fs::write(place.path("own.saved"), format!("{scan}\n{joined}")).unwrap();
    let said = run(&mut place.command(&["report", "--from", "own.saved", "--format", "asff"]));
    assert!(said.out.contains("Kept/K.1") && !said.out.contains("=ISO/A.8.9"), "{}", said.err);
}

#[test]
fn errors_name_file_line_and_cause_before_any_work() {
    let other = ISO.replace("27001", "27017");
    for (files, errors) in [
        (
            vec![("a.toml", ISO.replace("below-required", "below"))],
            vec![("a.toml:8: there is no rule \"desync-mode-below\"", 1)],
        ),
        (
            vec![("a.toml", ISO.to_owned()), ("b.toml", ISO.to_owned())],
            vec![("b.toml:1: ISO/IEC 27001 2022 is mapped", 1)],
        ),
        (
            vec![("a.toml", format!("{ISO}{}", &ISO[ISO.find("[[").unwrap()..]))],
            vec![("a.toml:11: the control \"A.8.9\" is on", 1)],
        ),
        (vec![("a.toml", ISO.replace("A.8.9", "A\\u001b[31m"))], vec![("a.toml:6: `id` has characters", 1)]),
        (
            vec![("a.toml", ISO.replace("rules", "rule")), ("b.toml", other.replace("title", "topic"))],
            vec![("a.toml:8: unknown field `rule`", 1), ("b.toml:7: unknown field `topic`", 1)],
        ),
        (vec![("a.toml", "framework".to_owned())], vec![("a.toml:1: ", 1)]),
    ] {
        let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
        let place = Place::with(&files);
        for arguments in [vec!["scan", "--single-account"], vec!["config", "show"], vec!["publish", "--dry-run"]] {
            let Said { code, err, .. } = run(&mut place.command(&arguments));
            assert_eq!(code, Some(2), "{arguments:?}: {err}");
            assert!(errors.iter().all(|(error, times)| err.matches(error).count() == *times), "{err}");
            assert!(!err.contains('\u{1b}'), "{err}");
        }
    }
    let place = Place::with(&[("a.toml", ISO)]);
    std::fs::remove_file(place.path("settings/a.toml")).unwrap();
    let Said { code, err, .. } = run(&mut place.command(&["config", "show"]));
    assert!(
        code == Some(2) && err.contains("a.toml: the mapping of controls (controls.files) cannot be read"),
        "{err}"
    );
}

#[test]
fn no_output_replaces_a_mapping() {
    let place = Place::with(&[("iso27001.toml", ISO)]);
    let said = run(&mut place.command(&["report", "--from", &saved(), "--format", "json=settings/iso27001.toml"]));
    assert_eq!(said.code, Some(2), "{}", said.err);
    assert_eq!(std::fs::read_to_string(place.path("settings/iso27001.toml")).unwrap(), ISO);
}

/// The mappings of `examples/controls` and the one in the guide are valid.
#[test]
fn the_examples_are_valid() {
    let folder = Path::new(REPOSITORY).join("examples/controls");
    let guide = std::fs::read_to_string(Path::new(REPOSITORY).join("crates/doorward/guide/evidence.md")).unwrap();
    let (_, block) = guide.split_once("# iso27001.toml\n").unwrap();
    let (own, _) = block.split_once("```").unwrap();
    let mut files = vec![("guide.toml".to_owned(), own.replace("ISO/IEC 27001\"", "ISO/IEC 27001 of the guide\""))];
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        files.push((name, std::fs::read_to_string(path).unwrap()));
    }
    let names: BTreeSet<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
    assert!(["cis-controls-8.1.toml", "iso-27001-2022.toml", "soc-2.toml"].iter().all(|name| names.contains(name)));
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let place = Place::with(&files);
    let Said { code, err, .. } = run(&mut place.command(&["config", "show"]));
    assert_eq!(code, Some(0), "{err}");
}
