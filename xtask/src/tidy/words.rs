//! Plain English: words that `xtask/tidy/words.toml` refuses in sources, help, settings and documents.

use anyhow::{Context, Result};

use super::Violation;
use super::tables::{entries, text, texts};

/// Where the words are listed.
pub(super) const LIST: &str = "xtask/tidy/words.toml";

/// The refused words, and the places where they may stand.
pub(super) struct Words {
    refused: Vec<Refused>,
    /// Paths of files and folders.
    allowed: Vec<String>,
}

struct Refused {
    /// Each a word or several, in lower case.
    phrases: Vec<Vec<String>>,
    /// Words that make it a proper term when they stand directly before it.
    after: Vec<String>,
    instead: String,
}

/// Reads the list.
pub(super) fn read(list: &str) -> Result<Words> {
    let list: toml::Table = list.parse().with_context(|| format!("{LIST} is not TOML"))?;
    let split = |phrase: String| phrase.split(' ').map(str::to_owned).collect();
    let refused = entries(&list, LIST, "word")?.into_iter().map(|entry| {
        Ok(Refused {
            phrases: texts(&entry, LIST, "phrases")?.into_iter().map(split).collect(),
            after: if entry.contains_key("after") { texts(&entry, LIST, "after")? } else { Vec::new() },
            instead: text(&entry, LIST, "instead")?,
        })
    });
    let allowed = entries(&list, LIST, "allowed")?.into_iter().map(|entry| {
        // A place without a reason is refused here, by the missing key.
        text(&entry, LIST, "reason")?;
        text(&entry, LIST, "path")
    });
    Ok(Words { refused: refused.collect::<Result<_>>()?, allowed: allowed.collect::<Result<_>>()? })
}

/// Whether a file is one that people read: sources and their texts, documents, settings, workflows. Left out are samples and
/// inputs of tests, which hold text from outside, and schemas of other projects.
pub(super) fn reads(path: &str) -> bool {
    let document = path.ends_with(".md");
    let settings =
        [".toml", ".yml", ".yaml", ".html", ".txt", ".j2", ".css", ".js"].iter().any(|ending| path.ends_with(ending));
    let program = path.ends_with(".rs") || path.ends_with(".py");
    let outside = path.starts_with("reports/samples/") || path.contains("/tests/") || path.ends_with("Cargo.lock");
    let place = ["crates/", "xtask/", "config/", "reports/", "examples/", ".github/", ".cargo/"];
    let inside = !path.contains('/') || place.iter().any(|folder| path.starts_with(folder));
    inside && !outside && (document || settings || program)
}

/// Finds the refused words of one file.
pub(super) fn check(words: &Words, path: &str, file: &str) -> Vec<Violation> {
    let within =
        |place: &String| path == place || path.strip_prefix(place.as_str()).is_some_and(|rest| rest.starts_with('/'));
    if words.allowed.iter().any(within) {
        return Vec::new();
    }
    let mut violations = Vec::new();
    // The last words of the line before, for a phrase that is broken over two lines.
    let mut before: Vec<String> = Vec::new();
    for (number, line) in (1..).zip(file.lines()) {
        let own = split(line);
        let start = before.len();
        let all: Vec<String> = before.into_iter().chain(own).collect();
        for refused in &words.refused {
            for phrase in &refused.phrases {
                for at in 0..all.len() {
                    let ends_here = at + phrase.len() > start;
                    let proper = at > 0 && refused.after.contains(&all[at - 1]);
                    if ends_here && all[at..].starts_with(phrase) && !proper {
                        let message = format!("{:?} is refused; write: {}", phrase.join(" "), refused.instead);
                        violations.push(Violation::new(path, number, message));
                    }
                }
            }
        }
        before = all[all.len().saturating_sub(2)..].to_vec();
    }
    violations
}

/// The words of a line in lower case. Identifiers are split at underscores and before capital letters.
fn split(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut last = ' ';
    for c in line.chars() {
        let begins = !c.is_alphabetic() || (c.is_uppercase() && last.is_lowercase());
        if begins && !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        if c.is_alphabetic() {
            word.extend(c.to_lowercase());
        }
        last = c;
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"
[[word]]
phrases = ["told"]
instead = "reported"
[[word]]
phrases = ["say otherwise", "says otherwise"]
instead = "contradicts"
[[word]]
phrases = ["balancer", "balancers"]
after = ["load"]
instead = "load balancer"
[[allowed]]
path = "crates/a/quotes"
reason = "it quotes"
"#;

    fn found(path: &str, file: &str) -> Vec<String> {
        check(&read(TEXT).expect("reads"), path, file).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_refused_word_is_found_with_its_line() {
        for line in [
            "What is told.",
            "// TOLD",
            "fn told() {}",
            "struct TimeTold;",
            "the balancer",
            "let balancers_read = 1;",
            "they say otherwise",
            "told-enabled",
        ] {
            let found = found("a.rs", &format!("fine\n{line}\n"));
            assert!(
                found.len() == 1 && found[0].starts_with("a.rs:2: ") && found[0].contains("write: "),
                "{line}: {found:?}"
            );
        }
        assert_eq!(
            found("a.md", "one load\nbalancer, two say\notherwise\n"),
            ["a.md:3: \"say otherwise\" is refused; write: contradicts"]
        );
    }

    #[test]
    fn proper_terms_and_parts_of_words_pass() {
        for line in [
            "a load balancer",
            "load_balancers",
            "LoadBalancer",
            "load-balancer",
            "stolidness",
            "say it otherwise",
            "untold_x()",
        ] {
            assert_eq!(found("a.rs", line), [""; 0], "{line}");
        }
        assert_eq!(found("crates/a/quotes/b.rs", "told"), [""; 0]);
        assert_eq!(found("crates/a/quotes.rs", "told").len(), 1);
    }

    #[test]
    fn the_list_of_the_project_is_read_and_every_place_has_a_reason() {
        let list = include_str!("../../tidy/words.toml");
        let words = read(list).expect("reads");
        assert_eq!(check(&words, "README.md", "Nobody is told.").len(), 2);
        assert!(read(&list.replacen("reason = ", "why = ", 1)).is_err());
    }

    #[test]
    fn people_read_sources_documents_and_settings() {
        for path in [
            "README.md",
            "crates/a/src/b.rs",
            "crates/doorward/guide/x.md",
            "config/default.toml",
            "reports/rules.md",
            "xtask/e2e/x.py",
        ] {
            assert!(reads(path), "{path}");
        }
        for path in [
            "reports/samples/table.txt",
            "crates/a/tests/hostile.toml",
            "Cargo.lock",
            "target/x.md",
            "reports/samples/scan.html",
        ] {
            assert!(!reads(path), "{path}");
        }
    }
}
