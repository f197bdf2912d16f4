//! Every value that a comment of the default settings offers is accepted, and the file that `config init` writes sets nothing.

use crate::bed::{REPOSITORY, doorward, run};

#[test]
fn every_value_in_a_comment_is_accepted() {
    let text = std::fs::read_to_string(format!("{REPOSITORY}/config/default.toml")).unwrap();
    let (mut section, mut in_list, mut tried) = (String::new(), false, 0);
    for line in text.lines() {
        if line.starts_with('[') {
            section = line.to_owned();
        }
        in_list = line.starts_with("# [") || (in_list && line.starts_with("# "));
        let Some((key, value)) = line.strip_prefix("# ").and_then(|rest| rest.split_once(" = ")) else { continue };
        let is_key = !key.is_empty() && key.chars().all(|c| c.is_ascii_lowercase() || c == '_');
        // The line of an owner names a channel, which the settings of channels define.
        if in_list || !is_key || section.is_empty() || section == "[notify.owners]" {
            continue;
        }
        let folder = tempfile::tempdir().unwrap();
        // The account and the Region of findings belong to central delivery, which needs both.
        let beside = match (section.as_str(), key) {
            ("[publish]", "account") => "delivery = \"central\"\nregion = \"eu-west-1\"\n",
            ("[publish]", "region") => "delivery = \"central\"\naccount = \"111122223333\"\n",
            _ => "",
        };
        // The lines of audiences name channels too.
        let after = match section.as_str() {
            "[notify.audiences]" => ["[notify.channels]\nleadership-mail", "finops-mail"]
                .map(|name| format!("{name} = {{ kind = \"exec\", command = [\"/bin/true\"] }}\n"))
                .concat(),
            _ => String::new(),
        };
        let settings = format!("{section}\n{beside}{key} = {value}\n{after}");
        std::fs::write(folder.path().join("doorward.toml"), settings).unwrap();
        let said = run(doorward(folder.path()).args(["config", "show"]));
        assert_eq!(said.code, Some(0), "{section} {key} = {value}: {}", said.err);
        tried += 1;
    }
    assert!(tried > 8, "{tried} commented values");
}

#[test]
fn config_init_writes_a_file_that_sets_nothing_and_replaces_none() {
    let folder = tempfile::tempdir().unwrap();
    let show = || run(doorward(folder.path()).args(["config", "show"])).out;
    let before = show();
    let said = run(doorward(folder.path()).args(["config", "init"]));
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert_eq!(show(), before);
    let said = run(doorward(folder.path()).args(["config", "init"]));
    assert_eq!(said.code, Some(2), "{}", said.err);
    assert!(said.err.contains("the file exists and is not replaced"), "{}", said.err);
    // To stdout it is the same text, and no file of that name appears.
    let printed = run(doorward(folder.path()).args(["config", "init", "--out", "-"]));
    let written = std::fs::read_to_string(folder.path().join("doorward.toml")).unwrap();
    assert_eq!((printed.code, printed.out.as_str(), printed.err.as_str()), (Some(0), written.as_str(), ""));
    assert!(!folder.path().join("-").exists() && written.contains("# minimum_coverage = 100.0"), "{written}");
    fn is_empty(value: &toml::Value) -> bool {
        value.as_table().is_some_and(|table| table.values().all(is_empty))
    }
    let table: toml::Table = toml::from_str(&written).unwrap();
    assert!(table.values().all(is_empty), "{written}");
}
