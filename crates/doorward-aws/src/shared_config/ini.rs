//! Reads the format of the shared AWS configuration: sections, `name = value`, and nested settings on indented lines.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::SharedConfigError;
use crate::variables::ValueOrigin;

/// A value, and the line it is on.
#[derive(Clone)]
pub(crate) struct Located {
    pub(crate) text: String,
    path: PathBuf,
    line: usize,
    /// The settings on indented lines below, as in `[services]`.
    pub(crate) nested: BTreeMap<String, Located>,
}

impl Located {
    pub(crate) fn origin(&self) -> ValueOrigin {
        ValueOrigin::Line(self.path.clone(), self.line)
    }
}

/// A section as the file has it.
pub(super) struct IniSection {
    /// The text between the brackets.
    pub(super) header: String,
    pub(super) line: usize,
    pub(super) entries: BTreeMap<String, Located>,
}

/// Splits a file into its sections. Names of settings are in lower case; comments have a line of their own, or follow a blank.
pub(super) fn parse(path: &Path, text: &str) -> Result<Vec<IniSection>, SharedConfigError> {
    let mut sections: Vec<IniSection> = Vec::new();
    let mut current: Option<String> = None;
    // The columns by which the current setting is indented: lines with more belong to it, as in Python's configparser.
    let mut depth = 0;
    for (index, raw) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        let wrong = |problem: &str| SharedConfigError::Syntax {
            path: path.to_owned(),
            line: index + 1,
            problem: problem.to_owned(),
        };
        let line = raw.trim();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        let located = |text: &str| Located {
            text: text.to_owned(),
            path: path.to_owned(),
            line: index + 1,
            nested: BTreeMap::new(),
        };
        let indent = raw.len() - raw.trim_start().len();
        if let (true, Some(key), Some(section)) = (indent > depth, &current, sections.last_mut()) {
            match (section.entries.get_mut(key), setting(line)) {
                // The value goes on: a long command, for example.
                (Some(entry), _) if !entry.text.is_empty() => entry.text += &format!("\n{line}"),
                (Some(entry), Some((name, value))) => drop(entry.nested.insert(name, located(value))),
                _ => {}
            }
            continue;
        }
        depth = indent;
        if let Some(rest) = line.strip_prefix('[') {
            let end = rest.rfind(']').ok_or_else(|| wrong("the section's name has no closing bracket"))?;
            let header = rest[..end].trim().to_owned();
            sections.push(IniSection { header, line: index + 1, entries: BTreeMap::new() });
            current = None;
            continue;
        }
        let (name, value) = setting(line).ok_or_else(|| wrong("the line is neither `[section]` nor `name = value`"))?;
        let section = sections.last_mut().ok_or_else(|| wrong("a setting stands before the first `[section]`"))?;
        section.entries.insert(name.clone(), located(value));
        current = Some(name);
    }
    Ok(sections)
}

/// `name = value` or `name: value`.
fn setting(line: &str) -> Option<(String, &str)> {
    let at = line.find(['=', ':'])?;
    let name = line[..at].trim().to_ascii_lowercase();
    let value = line[at + 1..].trim();
    // A command may contain both characters as part of its own syntax.
    let value = if name == "credential_process" { value } else { without_comment(value) };
    (!name.is_empty()).then_some((name, value))
}

fn without_comment(value: &str) -> &str {
    let begins = |at: usize| value[..at].ends_with([' ', '\t']);
    match value.char_indices().find(|(at, c)| matches!(c, '#' | ';') && begins(*at)) {
        Some((at, _)) => value[..at].trim_end(),
        None => value,
    }
}

/// The words of a section's name, split as a shell does: quotes keep blanks. None where a quote is not closed.
pub(super) fn words(header: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut characters = header.chars();
    while let Some(character) = characters.next() {
        match character {
            ' ' | '\t' => words.extend(word.take()),
            '"' | '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match characters.next()? {
                        closing if closing == character => break,
                        '\\' if character == '"' => word.push(characters.next()?),
                        inner => word.push(inner),
                    }
                }
            }
            '\\' => word.get_or_insert_default().push(characters.next()?),
            plain => word.get_or_insert_default().push(plain),
        }
    }
    words.extend(word);
    Some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_sections_are_split_as_a_shell_does() {
        for (header, expected) in [
            ("profile dev", Some(vec!["profile", "dev"])),
            ("profile \"My Team Audit\"", Some(vec!["profile", "My Team Audit"])),
            ("profile 'a b'", Some(vec!["profile", "a b"])),
            ("profile My\\ Team", Some(vec!["profile", "My Team"])),
            ("profile My Team", Some(vec!["profile", "My", "Team"])),
            ("profile \"open", None),
        ] {
            let expected = expected.map(|words| words.into_iter().map(str::to_owned).collect::<Vec<_>>());
            assert_eq!(words(header), expected, "{header}");
        }
    }

    #[test]
    fn settings_have_lines_and_nested_settings() {
        let text = "\u{feff}# c\r\n[profile a]\r\nRegion : eu-west-1 # near\r\nservices = s\n[services s]\nsts =\n  endpoint_url = http://x ; y\n";
        let sections = parse(Path::new("/c"), text).unwrap_or_else(|error| panic!("{error}"));
        let region = &sections[0].entries["region"];
        assert_eq!((region.text.as_str(), region.origin().to_string()), ("eu-west-1", "/c:3".to_owned()));
        let endpoint = &sections[1].entries["sts"].nested["endpoint_url"];
        assert_eq!((endpoint.text.as_str(), endpoint.origin().to_string()), ("http://x", "/c:7".to_owned()));
        // Whole sections may be indented; a value may go on in lines with more blanks.
        let text = "[profile a]\n  region = eu-west-1\n  s3 =\n    x = y\n  credential_process = run\n    --now\n\toutput = json\n[b]\nc = d\n";
        let sections = parse(Path::new("/c"), text).unwrap_or_else(|error| panic!("{error}"));
        let found: Vec<(&str, &str)> =
            sections[0].entries.iter().map(|(name, located)| (name.as_str(), located.text.as_str())).collect();
        assert_eq!(
            found,
            [("credential_process", "run\n--now"), ("output", "json"), ("region", "eu-west-1"), ("s3", "")]
        );
        assert_eq!(sections[0].entries["s3"].nested["x"].text, "y");
        for (text, line) in [("a = b", 1), ("[x", 1), ("[x]\nnothing", 2), ("[x]\n= b", 2)] {
            let error = parse(Path::new("/c"), text).err().expect("refused").to_string();
            assert!(error.contains(&format!("/c:{line}")), "{error}");
        }
    }
}
