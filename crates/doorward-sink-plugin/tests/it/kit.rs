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

async fn tested(program: &Path) -> Vec<ClauseVerdict> {
    conformance::test(&plugin(program), 2_000).await
}

#[tokio::test]
async fn the_python_skeleton_keeps_the_contract() {
    let folder = tempfile::tempdir().expect("a folder");
    let program = write(folder.path(), "first", Language::Python).expect("writes");
    let verdicts = conformance::test(&plugin(&program), conformance::MANY).await;
    assert_eq!(faults(&verdicts), []);
    assert_eq!(verdicts.len(), 17);
    write(folder.path(), "first", Language::Python).expect_err("an existing folder stays as it is");
}

/// The plugin that the guide prints, as a newcomer copies it.
#[tokio::test]
async fn the_plugin_of_the_guide_keeps_the_contract() {
    let guide = include_str!("../../../doorward/guide/plugins.md");
    let text = guide.split("```python\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a program");
    assert_eq!(text.lines().count(), 15);
    let folder = tempfile::tempdir().expect("a folder");
    let program = folder.path().join("mine");
    std::fs::write(&program, text).expect("writes");
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("sets");
    assert_eq!(faults(&tested(&program).await), []);
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
        let program: PathBuf = folder.path().join(name);
        std::fs::write(&program, text).expect("writes");
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("sets");
        let verdicts = tested(&program).await;
        let found = faults(&verdicts);
        assert!(found.iter().any(|(of, why)| of == clause && why.contains(fault)), "{name}: {found:#?}");
        assert!(conformance::junit(&verdicts).contains("<failure"), "{name}");
        assert!(conformance::text(&verdicts).contains("FAIL"), "{name}");
    }
    assert!(BAD.len() >= 12);
}
