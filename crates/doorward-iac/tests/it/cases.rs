//! The corpus: cases as data, one file per dialect.

use std::collections::BTreeMap;

use doorward_iac::{
    ALL_FILES, Deployment, FileError, ParseOutput, PartlyRead, SourceFile, VariableOption, VariableValues, parse,
};
use doorward_model::{Mode, Policy};

/// One case.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    pub(crate) name: String,
    /// The file that is checked.
    #[serde(default)]
    pub(crate) file: String,
    /// Its text.
    pub(crate) text: String,
    /// The name of a frame that the text is put into.
    #[serde(default)]
    wrap: String,
    /// Files beside it. Those that start with `+` are checked as well. Those that start with `!` cannot be read; the text is the cause.
    #[serde(default)]
    files: BTreeMap<String, String>,
    /// The values of options `--var`, in their order.
    #[serde(default)]
    vars: Vec<(String, String)>,
    /// The rule that judges it; the one about the mode where none is named.
    #[serde(default = "mode_rule")]
    pub(crate) rule: String,
    /// The mode that the policy requires; defensive where nothing is said.
    #[serde(default)]
    pub(crate) required: Option<Mode>,
    /// Nothing is deployed yet.
    #[serde(default)]
    pub(crate) new: bool,
    /// The files are found in a folder; otherwise the user names them.
    #[serde(default)]
    found: bool,
    /// `address | verdict | line` or `file:line`, and of an unknown one the reason, of known target groups their names; ordered by place.
    #[serde(default)]
    pub(crate) expect: Vec<String>,
    /// `address | line` of what is declared elsewhere.
    #[serde(default)]
    pub(crate) unread: Vec<String>,
    /// `address | reason` of what is counted; not compared if it is not given.
    #[serde(default)]
    pub(crate) counted: Option<Vec<String>>,
    /// `file:line: fragment` of what is wrong.
    #[serde(default)]
    pub(crate) problem: Option<String>,
    /// The behaviour that the case rests on.
    #[serde(default)]
    #[expect(dead_code, reason = "for reviewers of the case")]
    cite: String,
}

fn mode_rule() -> String {
    "desync-mode-below-required".to_owned()
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Corpus {
    /// The name of a file that gives none.
    file: String,
    /// Frames: what comes before the text and after it, parted by `@@`.
    #[serde(default)]
    wraps: BTreeMap<String, String>,
    #[serde(rename = "case")]
    cases: Vec<Case>,
}

/// Every case of every dialect.
pub(crate) fn all() -> Vec<Case> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let mut cases = Vec::new();
    for path in paths {
        let text = std::fs::read_to_string(&path).unwrap();
        let corpus: Corpus = toml::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        for mut case in corpus.cases {
            if case.file.is_empty() {
                case.file.clone_from(&corpus.file);
            }
            if let Some(frame) = corpus.wraps.get(&case.wrap) {
                case.text = frame.replacen("@@", &case.text, 1);
            } else {
                assert!(case.wrap.is_empty(), "{}: there is no frame {:?}", case.name, case.wrap);
            }
            cases.push(case);
        }
    }
    cases
}

impl Case {
    pub(crate) fn deployment(&self) -> Deployment {
        let option = |(name, text): &(String, String)| VariableOption::Value { name: name.clone(), text: text.clone() };
        let variables = VariableValues { options: self.vars.iter().map(option).collect(), ..VariableValues::default() };
        Deployment { new: self.new, variables, ..Deployment::default() }
    }

    pub(crate) fn policy(&self) -> Policy {
        Policy {
            required_mode: self.required.unwrap_or(Mode::Defensive),
            rules: Vec::new(),
            disabled: Vec::new(),
            ..Policy::default()
        }
    }

    /// The files that are checked, with another text of the first one.
    pub(crate) fn sources(&self, bytes: Vec<u8>) -> Result<Vec<SourceFile>, FileError> {
        let mut sources = vec![SourceFile::new(self.file.as_str(), bytes, !self.found)?];
        for (name, text) in &self.files {
            if let Some(name) = name.strip_prefix('+') {
                sources.push(SourceFile::new(name, text.clone().into_bytes(), !self.found)?);
            }
        }
        Ok(sources)
    }

    /// Reads the case with another text of its first file.
    pub(crate) fn read_as(&self, bytes: Vec<u8>) -> ParseOutput {
        match self.sources(bytes) {
            Ok(sources) => parse(&sources, &self.deployment(), &|folder| self.folder(folder, &sources)),
            Err(error) => ParseOutput { errors: vec![error], ..ParseOutput::default() },
        }
    }

    fn folder(&self, folder: &str, sources: &[SourceFile]) -> Result<Vec<SourceFile>, PartlyRead> {
        if let Some(above) = folder.strip_suffix(ALL_FILES) {
            let below = |name: &&str| name.starts_with(above);
            let names = self.files.keys().map(|name| name.strip_prefix('+').unwrap_or(name));
            let names = names.chain(std::iter::once(self.file.as_str())).filter(below);
            return names.map(|name| SourceFile::new(name, Vec::new(), false).map_err(PartlyRead::from)).collect();
        }
        let within = |path: &str| path.rsplit_once('/').map_or("", |(folder, _)| folder) == folder;
        let endings = [".tf", ".tofu", ".tf.json", ".tofu.json", ".tfvars", ".tfvars.json", "modules.json"];
        let is_configuration = |path: &str| endings.iter().any(|ending| path.ends_with(ending));
        let mut found: Vec<SourceFile> =
            sources.iter().filter(|s| within(&s.path) && is_configuration(&s.path)).cloned().collect();
        let mut errors = Vec::new();
        for (name, text) in &self.files {
            if let Some(name) = name.strip_prefix('!') {
                let error = FileError::at_start(name, text.as_str());
                if name == folder {
                    return Err(error.into());
                }
                if within(name) && is_configuration(name) {
                    errors.push(error);
                }
                continue;
            }
            let name = name.strip_prefix('+').unwrap_or(name);
            if name == folder {
                return Ok(vec![SourceFile::new(name, text.clone().into_bytes(), false)?]);
            }
            if within(name) && is_configuration(name) && !found.iter().any(|source| source.path == name) {
                found.push(SourceFile::new(name, text.clone().into_bytes(), false)?);
            }
        }
        if errors.is_empty() { Ok(found) } else { Err(PartlyRead { sources: found, errors }) }
    }

    pub(crate) fn read(&self) -> ParseOutput {
        self.read_as(self.text.clone().into_bytes())
    }
}

impl Case {
    /// A file that is no case of the corpus.
    pub(crate) fn of(file: &str, text: String) -> Self {
        Self {
            rule: mode_rule(),
            name: String::new(),
            file: file.to_owned(),
            text,
            wrap: String::new(),
            files: BTreeMap::new(),
            vars: Vec::new(),
            required: None,
            new: false,
            found: false,
            expect: Vec::new(),
            unread: Vec::new(),
            counted: None,
            problem: None,
            cite: String::new(),
        }
    }

    /// Puts a file beside it.
    pub(crate) fn put(&mut self, name: &str, text: String) {
        self.files.insert(name.to_owned(), text);
    }
}
