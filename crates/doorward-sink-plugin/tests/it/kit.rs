//! The conformance tests on the skeletons, and on programs that break one clause each.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use doorward_sink_plugin::conformance::{self, ClauseVerdict};
use doorward_sink_plugin::skeleton::{Language, write};
use doorward_sink_plugin::{Plugin, PluginSettings};

use crate::bad_plugins::BAD;

fn plugin(program: &Path) -> Plugin {
    let settings = serde_json::json!({ "command": [program], "timeout": "60s" });
    let settings: PluginSettings = serde_json::from_value(settings).expect("settings");
    Plugin::new(&settings, |_| None).expect("a program")
}

fn faults(verdicts: &[ClauseVerdict]) -> Vec<(&str, &str)> {
    verdicts.iter().filter_map(|verdict| Some((verdict.clause, verdict.fault.as_deref()?))).collect()
}

fn not_checked(verdicts: &[ClauseVerdict]) -> Vec<&str> {
    verdicts.iter().filter(|verdict| verdict.not_checked.is_some()).map(|verdict| verdict.clause).collect()
}

async fn tested(program: &Path) -> Vec<ClauseVerdict> {
    conformance::test(&plugin(program), 2_000).await
}

#[tokio::test]
async fn the_python_skeleton_keeps_the_contract() {
    let folder = tempfile::tempdir().expect("a folder");
    let program = write(folder.path(), "first", Language::Python).expect("writes");
    let verdicts = conformance::test(&plugin(&program), conformance::MANY).await;
    assert_eq!(faults(&verdicts), []);
    assert_eq!((verdicts.len(), not_checked(&verdicts)), (19, vec![]));
    write(folder.path(), "first", Language::Python).expect_err("an existing folder stays as it is");
}

fn of_guide() -> String {
    let guide = include_str!("../../../doorward/guide/plugins.md");
    guide.split("```python\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a program").to_owned()
}

fn executable(folder: &Path, name: &str, text: &str) -> PathBuf {
    let program = folder.join(name);
    std::fs::write(&program, text).expect("writes");
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("sets");
    program
}

/// The plugin that the guide prints, as a newcomer copies it.
#[tokio::test]
async fn the_plugin_of_the_guide_keeps_the_contract() {
    let text = of_guide();
    assert_eq!(text.lines().count(), 15);
    let folder = tempfile::tempdir().expect("a folder");
    let program = executable(folder.path(), "mine", &text);
    let verdicts = tested(&program).await;
    assert_eq!((faults(&verdicts), not_checked(&verdicts)), (vec![], vec![]));
}

/// A clause that nothing in the output shows is not kept.
#[tokio::test]
async fn what_the_kit_cannot_see_is_not_checked() {
    let (written, second, texts) = (
        "the output contains what the receipt counts",
        "a second delivery changes nothing if the plugin promises that",
        "external text is treated as data",
    );
    for (changes, expected) in [
        (
            &[(
                "out.writelines(json.dumps([f[\"verdict\"], f[\"name\"]]) + \"\\n\" for f in found)",
                "out.write(\"x\")",
            )][..],
            vec![written, texts],
        ),
        (
            &[(
                "\"destination\": \"file\", \"repeat\": \"idempotent\"",
                "\"destination\": \"file\", \"repeat\": \"at-least-once\"",
            )],
            vec![second],
        ),
        (
            &[
                ("\"file\"", "\"remote\""),
                ("open(header[\"destination\"], \"w\")", "open(\"/dev/null\", \"w\")"),
                ("\"where\": header[\"destination\"]", "\"where\": \"there\""),
            ],
            vec![written, texts, second],
        ),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let mut text = of_guide();
        for (from, to) in changes {
            assert!(text.contains(from), "{from}");
            text = text.replace(from, to);
        }
        let program = executable(folder.path(), "mine", &text);
        let verdicts = tested(&program).await;
        assert_eq!((faults(&verdicts), not_checked(&verdicts)), (vec![], expected.clone()));
        let said = conformance::text(&verdicts);
        assert!(said.contains("of 19 clauses; ") && said.contains("not checked") && said.contains("?    "), "{said}");
        let junit = conformance::junit(&verdicts);
        assert!(
            junit.contains(&format!("skipped=\"{}\"", expected.len())) && junit.contains("<skipped message="),
            "{junit}"
        );
    }
}

/// Needs jq; where there is none, the shell skeleton says so itself.
#[tokio::test]
async fn the_shell_skeleton_keeps_the_contract() {
    let folder = tempfile::tempdir().expect("a folder");
    let program = write(folder.path(), "first", Language::Sh).expect("writes");
    let has_jq = ["/usr/local/bin/jq", "/usr/bin/jq", "/bin/jq"].iter().any(|jq| Path::new(jq).exists());
    if has_jq {
        assert_eq!(faults(&tested(&program).await), []);
    }
}

#[tokio::test]
async fn every_broken_plugin_is_found_and_its_fault_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let good = write(folder.path(), "good", Language::Python).expect("writes");
    let good = std::fs::read_to_string(good).expect("reads");
    for (name, changes, clause, fault) in BAD {
        let mut text = good.clone();
        for (from, to) in *changes {
            assert!(text.contains(from), "{name}: {from}");
            text = text.replace(from, to);
        }
        let program = executable(folder.path(), name, &text);
        let verdicts = tested(&program).await;
        let found = faults(&verdicts);
        assert!(found.iter().any(|(of, why)| of == clause && why.contains(fault)), "{name}: {found:#?}");
        assert!(conformance::junit(&verdicts).contains("<failure"), "{name}");
        assert!(conformance::text(&verdicts).contains("FAIL"), "{name}");
    }
    assert!(BAD.len() >= 12);
}
