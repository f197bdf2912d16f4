//! The files of the exception register: they are read before a scan, and their texts are kept with a saved scan.

use std::io;
use std::path::{Path, PathBuf};

use doorward_file::encoding::encode;
use doorward_file::{Readers, places, write_file};
use doorward_rules::exceptions::register_edit::{self, EditError, Renewal};
use doorward_rules::exceptions::{Exception, ExceptionError, Moment, Register, Terms};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The exception register.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExceptionSettings {
    /// The files of the register; relative to the settings file that names them.
    pub files: Vec<PathBuf>,
    /// The longest term of an exception, in days.
    pub maximum_days: u32,
    /// How many days before its end an exception is due.
    pub warn_days: u32,
    /// How many load balancers an exception may cover without `many = true`.
    pub maximum_matches: usize,
}

impl ExceptionSettings {
    /// The limits of exceptions.
    pub fn terms(&self) -> Terms {
        Terms { maximum_days: self.maximum_days, warn_days: self.warn_days, maximum_matches: self.maximum_matches }
    }

    /// The key and the problem of a value that cannot be used.
    pub fn problem(&self) -> Option<(&'static str, String)> {
        let problem = "with 0 days no exception is valid; to use no exceptions, leave `exceptions.files` empty";
        (self.maximum_days == 0).then(|| ("exceptions.maximum_days", problem.to_owned()))
    }

    /// Reads the files. A register that cannot be read stops everything before it starts: exceptions neither fail open
    /// nor fail into alarm for everything.
    ///
    /// # Errors
    ///
    /// A file cannot be read.
    pub fn read(&self) -> Result<ExceptionTexts, ExceptionFileError> {
        let read = |path: &PathBuf| {
            let path = path.display().to_string();
            match doorward_file::input::text(path.as_ref()) {
                Ok(text) => Ok(ExceptionFile { path, text }),
                Err(source) => Err(ExceptionFileError::Settings { path, source }),
            }
        };
        Ok(ExceptionTexts { files: self.files.iter().map(read).collect::<Result<_, _>>()?, settings: self.clone() })
    }
}

/// The register cannot be used or changed.
#[derive(Debug, thiserror::Error)]
pub enum ExceptionFileError {
    /// A file that the settings name cannot be read.
    #[error("{path}: the exception register (exceptions.files) cannot be read: {source}")]
    Settings {
        /// The file.
        path: String,
        /// The cause.
        source: io::Error,
    },
    /// A file to be changed cannot be read.
    #[error("{path}: the exception register cannot be read: {source}")]
    Unreadable {
        /// The file.
        path: String,
        /// The cause.
        source: io::Error,
    },
    /// Files have errors: a line for each, with file and line.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Invalid(Vec<ExceptionError>),
    /// A change is not possible.
    #[error(transparent)]
    Edit(#[from] EditError),
    /// The settings name no file.
    #[error("there is no exception register; set `exceptions.files` in doorward.toml")]
    NoFile,
    /// A file cannot be written.
    #[error("{path} cannot be written: {source}")]
    Write {
        /// The file.
        path: String,
        /// The cause.
        source: io::Error,
    },
}

/// One file of the register, as it was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ExceptionFile {
    /// Its path.
    pub path: String,
    /// Its text.
    pub text: String,
}

/// The register as text, kept with a saved scan so that the scan is judged again by the same exceptions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ExceptionTexts {
    /// The settings.
    pub settings: ExceptionSettings,
    /// The files, in the order of the settings.
    pub files: Vec<ExceptionFile>,
}

impl ExceptionTexts {
    /// Parses the register.
    ///
    /// # Errors
    ///
    /// Every error of every file.
    pub fn register(&self) -> Result<Register, ExceptionFileError> {
        let files: Vec<(String, String)> = self.files.iter().map(|f| (f.path.clone(), f.text.clone())).collect();
        Register::parse(&files, &self.settings.terms()).map_err(ExceptionFileError::Invalid)
    }

    /// Adds an exception to a file, which may be new or one that the settings do not name. Returns a sentence that names both.
    ///
    /// # Errors
    ///
    /// The file cannot be read or written, a date is past, or the register would not be valid.
    pub fn add(&self, path: &Path, exception: &Exception, now: Timestamp) -> Result<String, ExceptionFileError> {
        let Exception { id, start, expires, review, .. } = exception;
        register_edit::check_dates(id, (*start, *expires), (*review, false), now)?;
        // The path may be spelt differently than in the settings.
        let named = self.files.iter().find(|file| places::same(Path::new(&file.path), path));
        let label = named.map_or_else(|| path.display().to_string(), |file| file.path.clone());
        let old = match named {
            Some(file) => file.text.clone(),
            None if path.exists() => doorward_file::input::text(path)
                .map_err(|source| ExceptionFileError::Unreadable { path: label.clone(), source })?,
            None => String::new(),
        };
        let new = register_edit::add(&label, &old, exception, &self.settings.terms())?;
        self.replace(&label, new)?;
        Ok(format!("{label}: added {id}, {}", in_force(*start, *expires, now)))
    }

    /// Gives an exception a new term. Returns a sentence that names it and its file. A review date of the term before stays where it lies
    /// in the new term and ahead.
    ///
    /// # Errors
    ///
    /// There is no such exception, the file cannot be written, a date is past or outside of the term, or the register would not be valid.
    pub fn renew(&self, id: &str, renewal: &Renewal, now: Timestamp) -> Result<String, ExceptionFileError> {
        let register = self.register()?;
        let entries = register.entries(now);
        let holder = entries.iter().find(|entry| entry.exception.id == id).map(|entry| entry.file);
        // An unknown id is looked up in the first file: the error then names similar ids.
        let file = self.files.iter().find(|file| holder.is_none_or(|holder| holder == file.path));
        let file = file.ok_or(ExceptionFileError::NoFile)?;
        let before = entries.iter().find(|entry| entry.exception.id == id).and_then(|entry| entry.exception.review);
        let kept = before.filter(|_| renewal.review.is_none());
        let (start, expires) = (renewal.start, renewal.expires);
        register_edit::check_dates(id, (start, expires), (renewal.review.or(kept), kept.is_some()), now)?;
        let new = register_edit::renew(&file.path, &file.text, id, renewal, &self.settings.terms())?;
        self.replace(&file.path, new)?;
        let stays = kept.map(|review| format!("; its review date stays {review}")).unwrap_or_default();
        Ok(format!("{}: renewed {id}, {}{stays}", file.path, in_force(start, expires, now)))
    }

    /// Puts a new text in the place of one file, if the register as a whole is still valid with it: ids are unique over all.
    fn replace(&self, path: &str, text: String) -> Result<(), ExceptionFileError> {
        let mut whole = self.clone();
        whole.files.retain(|file| file.path != path);
        whole.files.push(ExceptionFile { path: path.to_owned(), text: text.clone() });
        whole.register()?;
        let bytes = in_form_of(path.as_ref(), &text);
        write_file(path.as_ref(), Readers::Umask, |out| out.write_all(&bytes))
            .map_err(|source| ExceptionFileError::Write { path: path.to_owned(), source })
    }
}

/// When a term is in force, in words.
fn in_force(start: Moment, expires: Moment, now: Timestamp) -> String {
    let from = if start.starts() > now { format!("from {start} ") } else { String::new() };
    format!("in force {from}until {}", expires.last_day())
}

/// A text in the encoding of the file that it replaces, with its byte order mark; a new file is UTF-8.
fn in_form_of(path: &Path, text: &str) -> Vec<u8> {
    let bytes = doorward_file::input::bytes(path, doorward_file::input::DOCUMENT);
    match bytes.and_then(doorward_file::input::decoded_with_form) {
        Ok(old) => encode(text, old.encoding, old.marked),
        Err(_) => text.as_bytes().to_vec(),
    }
}
