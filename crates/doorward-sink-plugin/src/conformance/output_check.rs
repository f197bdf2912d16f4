//! What a program wrote, compared with the report that it was given. What cannot be recognized in its output is not checked.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use doorward_process::open_written;
use serde_json::Value;

use super::report_lines::HOSTILE;

/// The most bytes of one file that are compared.
const MOST: u64 = 64 << 20;
/// The markup among the hostile texts.
const MARKUP: &str = "<script>alert(1)</script>";
/// The beginnings of the formulas among them.
const FORMULAS: [&str; 2] = ["=HYPERLINK(", "@SUM("];

/// Whether a clause holds: none if it does, else why that is not known. The error is what is wrong.
pub(super) type Checked = Result<Option<String>, String>;

/// The files at a destination, by their paths below it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct WrittenOutput(BTreeMap<PathBuf, Vec<u8>>);

impl WrittenOutput {
    /// Reads a file, or every file below a folder.
    pub(super) fn of(path: &Path) -> Result<Self, String> {
        let mut output = Self::default();
        if !path.is_dir() {
            output.add(path, PathBuf::new())?;
            return Ok(output);
        }
        let mut open = vec![path.to_owned()];
        while let Some(folder) = open.pop() {
            let entries = std::fs::read_dir(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
            for entry in entries.flatten() {
                if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    open.push(entry.path());
                } else {
                    let file = entry.path();
                    output.add(&file, file.strip_prefix(path).unwrap_or(&file).to_owned())?;
                }
            }
        }
        Ok(output)
    }

    fn add(&mut self, path: &Path, name: PathBuf) -> Result<(), String> {
        let mut bytes = Vec::new();
        let read = open_written(path).and_then(|file| file.take(MOST).read_to_end(&mut bytes));
        read.map_err(|error| format!("its output cannot be read: {error}"))?;
        self.0.insert(name, bytes);
        Ok(())
    }

    /// Whether the findings that it says that it wrote are in it. Any of the texts that name a load balancer names its finding.
    pub(super) fn has_findings(&self, report: &[Value], written: usize) -> Checked {
        if written == 0 {
            return Ok(Some("it left out every finding of the test".to_owned()));
        }
        let is_found = |finding: &&Value| {
            let arn = finding["load_balancer"].as_str().and_then(|arn| arn.rsplit('/').next());
            let names = [finding["id"].as_str(), finding["name"].as_str(), arn];
            names.into_iter().flatten().any(|name| self.0.values().any(|bytes| contains(bytes, name)))
        };
        match report.iter().filter(|line| line["type"] == "finding").filter(is_found).count() {
            found if found >= written => Ok(None),
            0 => Ok(Some(
                "no finding is recognized in its output: it is a summary, or has a form that this test cannot read"
                    .to_owned(),
            )),
            // A column of a database or of Parquet has each text once, packed with others.
            _ if self.0.values().any(|bytes| std::str::from_utf8(bytes).is_err()) => {
                Ok(Some("its output is not text".to_owned()))
            }
            found => {
                Err(format!("it reports that it wrote {written} findings, but its output contains {found} of them"))
            }
        }
    }

    /// Whether hostile texts are data in it.
    pub(super) fn has_texts_as_data(&self) -> Checked {
        let mut outcome = Err("it wrote no file".to_owned());
        for bytes in self.0.values() {
            let checked = match std::str::from_utf8(bytes) {
                Ok(text) => texts_as_data(text)?,
                Err(_) => Some("its output is not text".to_owned()),
            };
            outcome = match outcome {
                Ok(None) => Ok(None),
                Ok(Some(_)) if checked.is_some() => outcome,
                Ok(Some(_)) | Err(_) => Ok(checked),
            };
        }
        outcome
    }
}

fn texts_as_data(text: &str) -> Checked {
    let absent = || Some("no text of the report is recognized in its output".to_owned());
    if let Some(strings) = json_strings(text) {
        // A text that is a string of JSON is data, whatever it holds.
        let is_there = HOSTILE.iter().any(|hostile| !hostile.is_empty() && strings.iter().any(|s| s.contains(hostile)));
        return Ok(if is_there { None } else { absent() });
    }
    let begin = text.trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n']);
    if begin.starts_with('<') || begin.starts_with("# ") {
        let raw =
            text.match_indices(MARKUP).any(|(at, _)| !text.get(..at).is_some_and(|before| before.ends_with('\\')));
        return match raw {
            true => Err(format!("a text is written as markup: {MARKUP}")),
            false => Ok(if text.contains("alert") { None } else { absent() }),
        };
    }
    let first = text.lines().next().unwrap_or_default();
    if [',', ';', '\t'].iter().any(|separator| first.contains(*separator)) {
        let begins_cell = |at: usize| {
            let before = text.get(..at).unwrap_or_default();
            let before = before.strip_suffix('"').unwrap_or(before);
            before.is_empty() || before.ends_with(['\n', ',', ';', '\t'])
        };
        let formula = FORMULAS.iter().find(|formula| text.match_indices(**formula).any(|(at, _)| begins_cell(at)));
        return match formula {
            Some(formula) => Err(format!("a cell begins with {formula}, which a spreadsheet runs as a formula")),
            None => Ok(if text.contains("HYPERLINK(") { None } else { absent() }),
        };
    }
    if text.contains("\u{1b}[31m") {
        return Err("the control characters of a text are written as they are: a terminal obeys them".to_owned());
    }
    let unknown = "its output is neither JSON nor markup nor a table: how its reader takes a text is not known";
    Ok(Some(unknown.to_owned()))
}

/// Every string in a JSON document or in lines of JSON; none where the text is neither.
fn json_strings(text: &str) -> Option<Vec<String>> {
    let lines = || text.lines().filter(|line| !line.trim().is_empty()).map(serde_json::from_str).collect();
    let documents: Result<Vec<Value>, _> = serde_json::from_str(text).map(|whole| vec![whole]).or_else(|_| lines());
    let mut open = documents.ok()?;
    let mut strings = Vec::new();
    while let Some(value) = open.pop() {
        match value {
            Value::String(text) => strings.push(text),
            Value::Array(values) => open.extend(values),
            Value::Object(members) => {
                for (key, value) in members {
                    strings.push(key);
                    open.push(value);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
    Some(strings)
}

fn contains(bytes: &[u8], text: &str) -> bool {
    !text.is_empty() && bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_texts_are_judged_by_the_form_of_the_output() {
        for (text, part) in [
            ("[\"<script>alert(1)</script>\"]", "ok"),
            ("{\"a\": \"<script>alert(1)</script>\"}\n{\"a\": 1}\n", "ok"),
            ("{\"a\": 1}", "no text of the report"),
            ("<html><script>alert(1)</script>", "written as markup"),
            ("<script>web{'name': '<script>alert(1)</script>'}", "written as markup"),
            ("<html>&lt;script&gt;alert(1)&lt;/script&gt;", "ok"),
            ("# Findings\n- <script>alert(1)</script>\n", "written as markup"),
            ("# Findings\n- \\<script\\>alert\\(1\\)\n", "ok"),
            ("# Findings\n- 3\n", "no text of the report"),
            ("id,name\n1,=HYPERLINK(\"http://example.com\")\n", "runs as a formula"),
            ("id,name\n1,\"=HYPERLINK(\"\"http://example.com\"\")\"\n", "runs as a formula"),
            ("id;name\n@SUM(1+1);x\n", "runs as a formula"),
            ("id,name\n1,'=HYPERLINK(x)\n2,'@SUM(1)\n", "ok"),
            ("web \u{1b}[31mred\n", "a terminal obeys them"),
            ("web\n<script>alert(1)</script>\n", "is not known"),
            ("x", "is not known"),
        ] {
            let found = match texts_as_data(text) {
                Ok(None) => "ok".to_owned(),
                Ok(Some(why)) | Err(why) => why,
            };
            assert!(found.contains(part), "{text:?}: {found}");
        }
    }
}
