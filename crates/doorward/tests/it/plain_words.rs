//! What is wrong with settings, flags and files is said in words of their users: no type, variant or escape of this program is named.

use std::path::Path;

use crate::bed::{REPOSITORY, doorward, run};

/// Words of parsers and of this program's types.
const INNER: [&str; 32] = [
    "invalid type",
    "invalid digit",
    "invalid float",
    "cannot parse",
    "failed to parse",
    "target type",
    "EOF",
    "ident at",
    "signed int",
    "usize",
    "u8",
    "u16",
    "u32",
    "u64",
    "i64",
    "f64",
    "sequence",
    "a map",
    "is map",
    "a string",
    "a boolean",
    "struct ",
    "enum ",
    "untagged",
    "$__toml",
    "Some(",
    "None",
    "Ok(",
    "Err(",
    "\\u{",
    "\\'",
    "..=",
];

/// Checks that an error says its problem in plain words.
fn assert_plain(what: &str, err: &str) {
    let inner = INNER.iter().find(|word| {
        // A word of its own, not a part of one.
        err.match_indices(**word).any(|(at, _)| {
            let before = err[..at].chars().next_back();
            let after = err[at + word.len()..].chars().next();
            let goes_on = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_');
            let is_part_before = word.starts_with(|c: char| c.is_ascii_alphanumeric()) && goes_on(before);
            let is_part_after = word.ends_with(|c: char| c.is_ascii_alphanumeric()) && goes_on(after);
            !is_part_before && !is_part_after
        })
    });
    assert!(inner.is_none(), "{what}: {inner:?} in {err}");
}

/// The dotted names of all settings that the default has.
fn settings(table: &toml::Table, above: &str, all: &mut Vec<String>) {
    for (key, value) in table {
        let name = if above.is_empty() { key.clone() } else { format!("{above}.{key}") };
        match value {
            toml::Value::Table(table) => settings(table, &name, all),
            _ => all.push(name),
        }
    }
}

#[test]
fn every_setting_says_what_is_wrong_with_its_value() {
    let text = std::fs::read_to_string(format!("{REPOSITORY}/config/default.toml")).unwrap();
    let mut names = Vec::new();
    settings(&toml::from_str(&text).unwrap(), "", &mut names);
    assert!(names.len() > 80, "{}", names.len());
    let folder = tempfile::tempdir().unwrap();
    let mut refused = 0;
    let odd = ["\"x\"", "{ x = 1 }", "2026-01-01"];
    for (name, third) in names.iter().zip(odd.into_iter().cycle()) {
        for value in ["-1", "[[]]", third] {
            std::fs::write(folder.path().join("doorward.toml"), format!("{name} = {value}\n")).unwrap();
            let said = run(doorward(folder.path()).args(["config", "show"]));
            assert!(matches!(said.code, Some(0 | 2)), "{name} = {value}: {}", said.err);
            if said.code == Some(0) {
                continue;
            }
            refused += 1;
            assert_plain(&format!("{name} = {value}"), &said.err);
            // Settings that only make sense together are named by their table.
            let (table, _) = name.rsplit_once('.').unwrap();
            assert!(said.err.contains(name.as_str()) || said.err.contains(table), "{name} = {value}: {}", said.err);
            assert!(said.err.contains("doorward.toml:1: "), "{name} = {value}: {}", said.err);
        }
    }
    assert!(refused > 2 * names.len(), "{refused} of {}", names.len());
}

#[test]
fn every_flag_says_what_is_wrong_with_its_value() {
    let folder = tempfile::tempdir().unwrap();
    let commands = [
        "scan --concurrency=",
        "scan --min-coverage=",
        "scan --sample=",
        "scan --shard=",
        "scan --account=",
        "scan --region=",
        "scan --fail-on=",
        "traffic --days=",
        "traffic --since=",
        "traffic --until=",
        "traffic compare --logs . --change=",
        "history --since=",
        "history --until=",
        "history --last=",
        "history --by=",
        "metrics collect --days=",
        "plan --to=",
        "plan --account=",
        "plan --load-balancer=",
        "apply p --watch=",
        "exceptions add --id a --rule b --reason c --requester d --approver e --expires=",
        "exceptions renew x --approver a --ticket t --expires=",
        "check . --min-coverage=",
        "check . --fail-on=",
        "check . --tag=",
        "verify . --head=",
    ];
    for command in commands {
        for value in ["x", "-1", "1.5x", "nan", "", "99999999999999999999", "2026-13-01", "'"] {
            let line = format!("{command}{value}");
            let said = run(doorward(folder.path()).args(line.split(' ')));
            assert!(matches!(said.code, Some(2 | 6)), "{line}: {:?} {}", said.code, said.err);
            assert_plain(&line, &said.err);
        }
    }
}

#[test]
fn every_file_says_why_it_cannot_be_used() {
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    for (name, text) in [
        ("empty", ""),
        ("list", "[]"),
        ("half", "{\"format\":"),
        ("text", "not json"),
        ("number", "{\"format\":1}"),
        ("other", "{\"format\":\"x\"}"),
        ("plan", "{\"format\":\"change-plan-v2\",\"id\":7}"),
        ("saved", "{\"format\":\"doorward-scan-v1\",\"normalize\":1}"),
        ("traffic", "{\"format\":\"traffic-evidence-v1\",\"window\":1}"),
    ] {
        put(name, text);
        for command in [
            "report --from FILE",
            "publish --dry-run --from FILE",
            "exceptions check --scan FILE",
            "advise --from FILE --traffic FILE",
            "traffic --logs . --from FILE",
            "apply FILE --dry-run",
            "check . --baseline FILE",
            "check . --scan FILE",
            "event FILE",
            "merge FILE",
            "scan --shard 1/2 --save x --discovered FILE",
            "verify . --key FILE",
            "plan --from FILE",
            "history --ledger FILE",
        ] {
            let line = command.replace("FILE", name);
            let said = run(doorward(folder.path()).args(line.split(' ')));
            assert!(matches!(said.code, Some(2..=6)), "{line}: {:?} {}", said.code, said.err);
            assert_plain(&line, &said.err);
        }
    }
    assert!(Path::new(&folder.path().join("plan")).exists());
}
