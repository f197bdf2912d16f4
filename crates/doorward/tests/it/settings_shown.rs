//! Settings as users read them: every value that a comment or a guide shows is accepted, and what `config show` prints is a settings file.

use std::path::Path;

use crate::bed::{REPOSITORY, Said, doorward, run};

fn shown(folder: &Path, toml: &str) -> Said {
    std::fs::write(folder.join("doorward.toml"), toml).unwrap();
    run(doorward(folder).args(["--config", "doorward.toml", "config", "show"]))
}

/// A documented value: where it is, and settings with it alone, then with the values beside it.
struct Example {
    line: usize,
    tries: Vec<String>,
}

fn is_setting(text: &str) -> bool {
    let key = text.split_once(" = ").map(|(key, _)| key);
    key.is_some_and(|key| !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-')))
}

/// The examples in the comments of the default settings.
fn examples(default: &str) -> Vec<Example> {
    let lines: Vec<&str> = default.lines().collect();
    let (mut header, mut own_header) = (String::new(), None::<String>);
    let mut sections: Vec<(String, String)> = Vec::new();
    let mut found: Vec<(usize, String, Option<String>, String)> = Vec::new();
    for (n, line) in lines.iter().enumerate() {
        if line.starts_with('[') {
            (header, own_header) = ((*line).to_owned(), None);
            continue;
        }
        let Some(comment) = line.strip_prefix("# ") else {
            own_header = None;
            continue;
        };
        if comment.starts_with('[') && comment.ends_with(']') {
            own_header = Some(comment.to_owned());
        } else if is_setting(comment) {
            found.push((n + 1, header.clone(), own_header.clone(), comment.to_owned()));
        } else if let Some((_, pair)) = comment.split_once(": \"").filter(|(_, pair)| pair.contains("\" = \"")) {
            // The pair is explained before the header of its table.
            let next = lines[n..].iter().find(|line| line.starts_with('[')).unwrap();
            found.push((n + 1, (*next).to_owned(), None, format!("\"{pair}")));
        }
    }
    for (_, header, own, text) in &found {
        let header = own.as_ref().unwrap_or(header).clone();
        match sections.iter_mut().find(|(known, _)| *known == header) {
            Some((_, all)) => all.push_str(&format!("{text}\n")),
            None => sections.push((header, format!("{text}\n"))),
        }
    }
    let top = |header: &str| header.trim_matches(['[', ']']).split('.').next().unwrap().to_owned();
    let whole = |header: &str| -> String {
        let parts = sections.iter().filter(|(other, _)| top(other) == top(header));
        parts.map(|(header, text)| format!("{header}\n{text}")).collect()
    };
    let examples = found.iter().map(|(line, header, own, text)| {
        let header = own.as_ref().unwrap_or(header);
        let section = &sections.iter().find(|(known, _)| known == header).unwrap().1;
        Example {
            line: *line,
            // The account and the Region of findings belong to central delivery.
            tries: vec![
                format!("{header}\n{text}\n"),
                format!("{header}\n{section}"),
                whole(header),
                // A risk profile names a channel, which the settings of notifications define.
                format!("{}{}", whole(header), whole("[notify]")),
                format!("{header}\ndelivery = \"central\"\n{section}"),
            ],
        }
    });
    examples.collect()
}

#[test]
fn every_value_in_a_comment_of_the_default_settings_is_accepted() {
    let default = std::fs::read_to_string(format!("{REPOSITORY}/config/default.toml")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let examples = examples(&default);
    assert!(examples.len() > 30, "{}", examples.len());
    for Example { line, tries } in examples {
        let answers: Vec<Said> = tries.iter().map(|toml| shown(folder.path(), toml)).collect();
        let accepted = answers.iter().any(|said| said.code == Some(0));
        let errors: Vec<&str> = answers.iter().map(|said| said.err.as_str()).collect();
        assert!(accepted, "config/default.toml:{line}: {}\n{}", tries[0], errors.join("\n"));
    }
}

#[test]
fn every_settings_file_in_a_guide_is_accepted() {
    let folder = tempfile::tempdir().unwrap();
    // The mapping of controls that a guide names.
    std::fs::copy(format!("{REPOSITORY}/examples/controls/iso-27001-2022.toml"), folder.path().join("iso27001.toml"))
        .unwrap();
    let guides = std::fs::read_dir(format!("{REPOSITORY}/crates/doorward/guide")).unwrap();
    let mut texts: Vec<_> = guides.map(|entry| entry.unwrap().path()).collect();
    texts.push(format!("{REPOSITORY}/README.md").into());
    let mut count = 0;
    for path in texts {
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        for block in text.split("```toml\n").skip(1) {
            let toml = block.split_once("```").unwrap().0;
            // Exceptions and mappings of controls have files of their own.
            if !toml.contains("[[exception]]") && !toml.contains("[[control]]") {
                let said = shown(folder.path(), toml);
                assert_eq!(said.code, Some(0), "{}: {toml}\n{}", path.display(), said.err);
                count += 1;
            }
        }
    }
    assert!(count > 0);
}

#[test]
fn what_config_show_prints_is_a_settings_file_with_the_same_effect() {
    let folder = tempfile::tempdir().unwrap();
    let examples = ["examples/acme-org/doorward.toml", "examples/gaps-org/doorward.toml"];
    let mut files: Vec<String> = examples.iter().map(|path| format!("{REPOSITORY}/{path}")).collect();
    files.retain(|path| Path::new(path).exists());
    let mut texts: Vec<String> = files.iter().map(|path| std::fs::read_to_string(path).unwrap()).collect();
    texts.push(
        "[owner.aliases]\n\"payments team\" = \"payments\"\n\"a.b\" = \"it's \\\"b\\\"\"\n[owner.ous]\n\"/Infrastructure\" = \"x\"\n\
         [[policy.rules]]\nname = \"card # data\"\nrequired_mode = \"strictest\"\ntags = { \"pci scope\" = \"yes\" }\n"
            .to_owned(),
    );
    for text in texts {
        let text = text.lines().filter(|line| !line.starts_with("files = ")).collect::<Vec<_>>().join("\n");
        let first = shown(folder.path(), &text);
        assert_eq!(first.code, Some(0), "{}", first.err);
        let again = shown(folder.path(), &first.out);
        assert_eq!((again.code, &again.out), (Some(0), &first.out), "{}", again.err);
    }
}
