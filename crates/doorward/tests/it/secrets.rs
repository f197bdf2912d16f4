//! Credentials appear nowhere: not in logs at the highest level, not in outputs, not in errors.

use crate::bed::{Bed, run, world};

#[test]
fn no_secret_is_ever_written() {
    let bed = Bed::start(&world("gaps-org"), vec![]);
    let folder = tempfile::tempdir().unwrap();
    let caller = &bed.server.world().callers()[0];
    let said = run(bed
        .doorward(folder.path())
        .args(["-vvv", "scan", "--format", "json-v1=a.json", "--format", "ndjson-v1=a.ndjson", "--save", "a.saved"])
        .env("DOORWARD_LOG", "trace"));
    assert!(matches!(said.code, Some(3..=5)), "{}", said.code.unwrap_or(-1));
    assert!(said.err.len() > 10_000, "the log is on: {} bytes", said.err.len());
    let mut texts = vec![said.out, said.err];
    for name in ["a.json", "a.ndjson", "a.saved"] {
        texts.push(std::fs::read_to_string(folder.path().join(name)).unwrap());
    }
    for text in texts {
        assert!(!text.contains(&caller.secret), "the base secret is in the output");
        for line in text.lines() {
            // A temporary secret or token would have to follow its name.
            for name in [
                "SecretAccessKey>",
                "SessionToken>",
                "secret_access_key: \"",
                "session_token: \"",
                "x-amz-security-token: ",
            ] {
                let Some((_, value)) = line.split_once(name) else { continue };
                assert!(
                    value.starts_with("**") || value.starts_with("***") || value.starts_with("<"),
                    "{name}{}",
                    &value[..value.len().min(24)]
                );
            }
        }
    }
}

/// The external ids of every role, each another one.
const EXTERNAL_IDS: &str = r#"
[access]
external_id = "canary-access"
[[access.overrides]]
accounts = ["999999999999"]
role_name = "other"
external_id = "canary-override"
[traffic]
external_id = "canary-traffic"
[change]
external_id = "canary-change"
[publish]
external_id = "canary-publish"
"#;

#[test]
fn an_external_id_stands_nowhere_but_in_the_settings() {
    let mut text = world("acme-org");
    for (role, id) in [("doorward-scan", "canary-access"), ("doorward-publish", "canary-publish")] {
        let named = format!("[[role]]\nname = \"{role}\"\n");
        assert!(text.contains(&named), "{role}");
        text = text.replace(&named, &format!("{named}external_id = \"{id}\"\n"));
    }
    let bed = Bed::start(&text, vec![]);
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    std::fs::write(folder.join("doorward.toml"), EXTERNAL_IDS).unwrap();
    let formats = ["json-v1=a.json", "html=a.html", "evidence=evidence", "owners=owners", "asff=a.asff"];
    let formats = formats.iter().flat_map(|format| ["--format", format]);
    let scan = run(bed
        .doorward(folder)
        .args(["-vvv", "scan", "--save", "a.saved", "--ledger", "a.sqlite"])
        .args(formats)
        .env("DOORWARD_LOG", "trace"));
    assert_eq!(scan.code, Some(3), "{}", scan.code.unwrap_or(-1));
    let mut texts = vec![("the scan".to_owned(), scan.out), ("the scan's log".to_owned(), scan.err)];
    for line in [
        "config show",
        "config show --origin",
        "doctor",
        "plan --from a.saved --out plan.json",
        "publish --from a.saved --dry-run --ledger a.sqlite",
        "report --from a.saved --format json-v1=b.json",
    ] {
        let said = run(bed.doorward(folder).args(line.split(' ')));
        texts.push((line.to_owned(), said.out + &said.err));
    }
    assert!(texts.iter().any(|(what, text)| what == "config show" && text.contains("(set, not shown)")));
    // A value of another type is not repeated by the error either.
    std::fs::write(folder.join("wrong.toml"), "[publish]\nexternal_id = 1234567890\n").unwrap();
    let wrong = run(bed.doorward(folder).args(["--config", "wrong.toml", "config", "show"]));
    assert_eq!(wrong.code, Some(2), "{}", wrong.err);
    assert!(wrong.err.contains("publish.external_id") && !wrong.err.contains("1234567890"), "{}", wrong.err);
    std::fs::remove_file(folder.join("wrong.toml")).unwrap();
    let mut pending = vec![folder.to_owned()];
    while let Some(next) = pending.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                pending.push(path);
            } else if !path.ends_with("doorward.toml") {
                texts
                    .push((path.display().to_string(), String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into()));
            }
        }
    }
    assert!(texts.len() > 40, "{} places", texts.len());
    for (what, text) in &texts {
        let Some(at) = text.find("canary-") else { continue };
        panic!("{what} holds {}", &text[at..text.len().min(at + 20)]);
    }
    // A saved scan is published by the external id of the settings, which Security Hub's role asks for.
    let said = run(bed.doorward(folder).args(["publish", "--from", "a.saved", "--ledger", "a.sqlite"]));
    assert_eq!(said.code, Some(0), "{} {}", said.out, said.err);
}
