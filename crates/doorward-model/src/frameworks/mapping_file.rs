//! Reads one file that maps the controls of a framework to rules, or says everything that is wrong with it.

use serde::Deserialize;
use toml::Spanned;

use super::{Control, Framework};
use crate::{Kind, Scheme, data_problem, harmless};

/// What a finding type in ASFF begins with.
const FINDING_TYPES: [&str; 5] =
    ["Software and Configuration Checks", "TTPs", "Effects", "Unusual Behaviors", "Sensitive Data Identifications"];
/// Longest related requirement that Security Hub takes, in UTF-16 units.
const REQUIREMENT: usize = 64;

/// An error in a mapping of controls.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {problem}")]
pub struct FrameworkError {
    /// The file.
    pub file: String,
    /// The line in it, from 1.
    pub line: usize,
    /// The problem and the next step.
    pub problem: String,
}

/// The keys of a file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MappingFile {
    framework: Spanned<String>,
    version: Spanned<String>,
    short: Option<Spanned<String>>,
    #[serde(rename = "type")]
    finding_type: Option<Spanned<String>>,
    catalog: Option<Spanned<String>>,
    #[serde(default, rename = "control")]
    controls: Vec<MappedControl>,
}

/// The keys of a control.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MappedControl {
    id: Spanned<String>,
    related: Option<Spanned<String>>,
    title: Spanned<String>,
    rules: Spanned<Vec<Spanned<String>>>,
    #[serde(default)]
    kinds: Vec<Kind>,
    #[serde(default)]
    schemes: Vec<Scheme>,
    supports: Spanned<String>,
}

/// Collects what is wrong.
struct Reader<'a> {
    file: &'a str,
    text: &'a str,
    errors: Vec<FrameworkError>,
}

/// Reads a mapping. `rules` are the ids of all rules for a file of the user, whose controls are all named in findings; none for a file
/// that comes with Doorward.
pub(super) fn parse(file: &str, text: &str, rules: Option<&[&str]>) -> Result<Framework, Vec<FrameworkError>> {
    let mut reader = Reader { file, text, errors: Vec::new() };
    let mapping: MappingFile = match toml::from_str(text) {
        Ok(mapping) => mapping,
        Err(error) => {
            let at = error.span().map_or(0, |span| span.start);
            // Some messages have a second line with what was expected.
            reader.wrong(at, data_problem(&error.message().trim().replace('\n', "; ")));
            return Err(reader.errors);
        }
    };
    let framework = reader.framework(mapping, rules);
    if reader.errors.is_empty() { Ok(framework) } else { Err(reader.errors) }
}

/// The error of a framework that another mapping has already.
pub(super) fn repeated(file: &str, text: &str, other: &Framework) -> FrameworkError {
    let at = text.find("framework").unwrap_or(0);
    let problem = format!(
        "{} {} is mapped already; give one of the two another name or version",
        harmless(&other.name),
        harmless(&other.version)
    );
    FrameworkError { file: file.to_owned(), line: line_of(text, at), problem }
}

impl Reader<'_> {
    fn wrong(&mut self, at: usize, problem: String) {
        let line = line_of(self.text, at);
        self.errors.push(FrameworkError { file: self.file.to_owned(), line, problem: harmless(&problem).into_owned() });
    }

    fn framework(&mut self, mapping: MappingFile, rules: Option<&[&str]>) -> Framework {
        let MappingFile { framework, version, short, finding_type, catalog, controls } = mapping;
        if controls.is_empty() {
            self.wrong(framework.span().start, "the framework has no [[control]]; add one".to_owned());
        }
        if let Some(kind) = &finding_type {
            let parts: Vec<&str> = kind.get_ref().split('/').collect();
            if !parts.first().is_some_and(|first| FINDING_TYPES.contains(first)) || parts.len() > 3 {
                let problem = format!(
                    "{:?} is no finding type of Security Hub: write up to three parts with / between them, the first one of {}",
                    kind.get_ref(),
                    FINDING_TYPES.join(", ")
                );
                self.wrong(kind.span().start, problem);
            }
        }
        let mut read = Framework {
            name: self.text("framework", framework, 100),
            version: self.text("version", version, 50),
            short: short.map(|short| self.text("short", short, 50)),
            finding_type: finding_type.map(|kind| self.text("type", kind, 150)),
            catalog: catalog.map(|address| self.text("catalog", address, 500)),
            controls: Vec::new(),
        };
        let mut ids: Vec<(String, usize)> = Vec::new();
        for control in controls {
            let at = control.id.span().start;
            let id = control.id.get_ref().clone();
            if let Some((_, line)) = ids.iter().find(|(other, _)| *other == id) {
                self.wrong(at, format!("the control {id:?} is on line {line} already; write all its rules there"));
            }
            ids.push((id, line_of(self.text, at)));
            let control = self.control(control, &read, rules);
            read.controls.push(control);
        }
        read
    }

    fn control(&mut self, control: MappedControl, framework: &Framework, rules: Option<&[&str]>) -> Control {
        let MappedControl { id, related, title, rules: named, kinds, schemes, supports } = control;
        let at = id.span().start;
        if named.get_ref().is_empty() {
            let problem = format!("the control {:?} names no rules; name them or remove it", id.get_ref());
            self.wrong(named.span().start, problem);
        }
        // Only an assessor can say that a requirement is satisfied; a tool's output must not.
        if supports.get_ref().to_lowercase().contains("satisf") {
            let problem = format!(
                "the control {:?} claims to be satisfied; write what the rule's result contributes, the assessor decides",
                id.get_ref()
            );
            self.wrong(supports.span().start, problem);
        }
        let mut names: Vec<String> = Vec::new();
        for rule in named.into_inner() {
            let at = rule.span().start;
            let rule = rule.into_inner();
            if rules.is_some_and(|known| !known.contains(&rule.as_str())) {
                self.wrong(at, format!("there is no rule {rule:?}; `doorward explain` lists the rules"));
            }
            if names.contains(&rule) {
                self.wrong(at, format!("the rule {rule:?} is named twice; remove one"));
            }
            names.push(rule);
        }
        let id = self.text("id", id, 64);
        let related = related.map(|related| self.text("related", related, REQUIREMENT));
        // A file that the user names is meant for every output.
        let spelled = rules.map(|_| format!("{}/{id}", framework.label()));
        if related.is_none() && spelled.as_ref().is_some_and(|text| text.encode_utf16().count() > REQUIREMENT) {
            let problem = format!(
                "framework, version and id are longer than the {REQUIREMENT} characters of a requirement in Security Hub; set `short` or `related`"
            );
            self.wrong(at, problem);
        }
        Control {
            id,
            related: related.or(spelled),
            title: self.text("title", title, 500),
            rules: names,
            kinds,
            schemes,
            supports: self.text("supports", supports, 1000),
        }
    }

    /// A text that every output can show as it is.
    fn text(&mut self, key: &str, text: Spanned<String>, most: usize) -> String {
        let at = text.span().start;
        let text = text.into_inner();
        if text.trim().is_empty() {
            self.wrong(at, format!("`{key}` is empty"));
        }
        if text.encode_utf16().count() > most {
            self.wrong(at, format!("`{key}` is longer than {most} characters"));
        }
        if harmless(&text) != text {
            self.wrong(
                at,
                format!("`{key}` has characters that are not visible, such as control characters; remove them"),
            );
        }
        text
    }
}

/// The line of a place in a text, from 1.
fn line_of(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::super::Frameworks;
    use super::*;

    const RULES: [&str; 2] = ["desync-mode-below-required", "access-logs-disabled"];
    const HEAD: &str = "framework = \"ISO/IEC 27001\"\nversion = \"2022\"\n";

    fn read(texts: &[&str]) -> Result<Frameworks, Vec<String>> {
        let files: Vec<(String, String)> =
            texts.iter().enumerate().map(|(n, text)| (format!("{n}.toml"), (*text).to_owned())).collect();
        Frameworks::read(&files, &RULES).map_err(|errors| errors.iter().map(ToString::to_string).collect())
    }

    fn control(id: &str, rest: &str) -> String {
        format!("[[control]]\nid = \"{id}\"\ntitle = \"t\"\nsupports = \"s\"\n{rest}\n")
    }

    #[test]
    fn every_control_of_the_user_is_named_in_findings() {
        let iso = format!("{HEAD}{}", control("A.8.9", "rules = [\"desync-mode-below-required\"]"));
        let named = "framework = \"Own\"\nversion = \"1\"\nshort = \"OWN\"\n".to_owned()
            + &control("a", "rules = [\"access-logs-disabled\", \"desync-mode-below-required\"]\nrelated = \"OWN:a\"");
        let read = read(&[&iso, &named]).expect("reads");
        assert!(!read.has_only_shipped());
        let related: Vec<String> =
            read.related(RULES[0]).map(|(of, spelled)| format!("{}: {spelled}", of.label())).skip(4).collect();
        assert_eq!(related, ["ISO/IEC 27001 2022: ISO/IEC 27001 2022/A.8.9", "OWN: OWN:a"]);
        let last: Vec<&str> = read.related(RULES[1]).map(|(_, spelled)| spelled).collect();
        assert_eq!(last.last(), Some(&"OWN:a"));
        let kept = serde_json::to_string(&read).expect("JSON");
        assert_eq!(serde_json::from_str::<Frameworks>(&kept).expect("reads"), read);
    }

    #[test]
    fn errors_name_file_line_and_problem() {
        let rules = "rules = [\"desync-mode-below-required\"]";
        for (rest, line, about) in [
            (control("1", "rules = []"), 7, "names no rules"),
            (control("1", rules).replace("\"s\"", "\"Satisfies 1.2\""), 6, "the assessor decides"),
            (control("1", ""), 3, "missing field `rules`"),
            (control("1", &format!("{rules}\nrule = 1")), 8, "unknown field `rule`"),
            (control("1", &format!("{rules}\nkinds = [\"alb\"]")), 8, "unknown variant `alb`"),
            (control("1", "rules = ["), 7, "unclosed array"),
            (control("1", "rules = [\"desync-mode\"]"), 7, "there is no rule \"desync-mode\"; `doorward explain`"),
            (control("1", "rules = [\n\"access-logs-disabled\",\n\"access-logs-disabled\"]"), 9, "named twice"),
            (control("1", rules) + &control("1", rules), 9, "the control \"1\" is on line 4 already"),
            (control("", rules), 4, "`id` is empty"),
            (control("\\u001b[31m", rules), 4, "`id` has characters that are not visible"),
            (control("a\\u202eb", rules), 4, "not visible"),
            (control(&"x".repeat(65), &format!("{rules}\nrelated = \"x\"")), 4, "longer than 64"),
            (control(&"x".repeat(60), rules), 4, "set `short` or `related`"),
            (control("1", rules).replace("\"t\"", "1"), 5, "1 is where text is expected"),
            (String::new(), 1, "has no [[control]]"),
            ("type = \"ISO\"\n".to_owned() + &control("1", rules), 3, "no finding type of Security Hub"),
        ] {
            let errors = read(&[&format!("{HEAD}{rest}")]).expect_err(&rest);
            let first = errors.first().expect("an error");
            assert!(first.starts_with(&format!("0.toml:{line}: ")) && first.contains(about), "{first}\n{rest}");
            assert!(errors.iter().all(|error| harmless(error) == *error), "{errors:?}");
        }
    }

    #[test]
    fn all_errors_of_all_files_are_listed() {
        let bad = format!("{HEAD}{}{}", control("1", "rules = [\"x\"]"), control("2", "rules = [\"y\"]"));
        let errors = read(&[&bad, "framework = 1"]).expect_err("errors");
        assert_eq!(errors.len(), 3, "{errors:?}");
    }

    #[test]
    fn a_framework_is_mapped_once() {
        let rest = control("1", "rules = [\"desync-mode-below-required\"]");
        let iso = format!("# Ours\n{HEAD}{rest}");
        let errors = read(&[&iso, &iso]).expect_err("twice");
        assert_eq!(
            errors,
            ["1.toml:2: ISO/IEC 27001 2022 is mapped already; give one of the two another name or version"]
        );
        let pci = format!("framework = \"pci dss\"\nversion = \"4.0.1\"\n{rest}");
        assert!(read(&[&pci]).expect_err("comes with Doorward")[0].starts_with("0.toml:1: PCI DSS 4.0.1"));
    }
}
