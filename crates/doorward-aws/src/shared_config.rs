//! The shared AWS configuration (`~/.aws/config` and `~/.aws/credentials`), read as the AWS CLI and botocore read it.
//!
//! The SDK's own reader drops profiles whose name has a blank and reports neither that nor a profile that does not exist.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::variables::{ValueOrigin, Variables};

mod ini;

pub(crate) use ini::Located;

/// Why the shared configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SharedConfigError {
    /// A line that cannot be read.
    #[error("{}:{line}: {problem}; correct the line in the AWS configuration", .path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The problem.
        problem: String,
    },
    /// The file is not text.
    #[error("{}:{line}: the text is not UTF-8; save the AWS configuration as UTF-8", .path.display())]
    Encoding {
        /// The file.
        path: PathBuf,
        /// The line of the first byte that is not UTF-8, from 1.
        line: usize,
    },
}

/// The profile to start from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SelectedProfile {
    pub(crate) name: String,
    pub(crate) origin: ValueOrigin,
}

impl SelectedProfile {
    /// The profile that a setting or flag names, else the one that a variable names, else `default`.
    pub(crate) fn of(setting: Option<&str>, variables: &Variables) -> Self {
        Self::placed(setting, None, variables)
    }

    /// The same, where it is known what sets the setting.
    pub(crate) fn placed(setting: Option<&str>, place: Option<String>, variables: &Variables) -> Self {
        if let Some(name) = setting.map(str::trim).filter(|name| !name.is_empty()) {
            return Self { name: name.to_owned(), origin: ValueOrigin::Setting { key: "access.profile", place } };
        }
        match variables.first(&["AWS_PROFILE", "AWS_DEFAULT_PROFILE"]) {
            Some((variable, name)) => Self { name: name.to_owned(), origin: ValueOrigin::variable(variable) },
            None => Self { name: "default".to_owned(), origin: ValueOrigin::Default },
        }
    }

    /// Whether a flag or a setting names it, so that it comes before keys in the environment.
    pub(crate) fn is_explicit(&self) -> bool {
        matches!(self.origin, ValueOrigin::Setting { .. })
    }

    /// Whether anything names it, so that it has to exist.
    pub(crate) fn is_named(&self) -> bool {
        self.origin != ValueOrigin::Default
    }
}

type Settings = BTreeMap<String, Located>;

/// The profiles and other sections of both files.
#[derive(Default)]
pub(crate) struct SharedConfig {
    /// By name, from the configuration file.
    profiles: BTreeMap<String, Settings>,
    /// By name, from the credentials file, whose settings win.
    credentials: BTreeMap<String, Settings>,
    sso_sessions: BTreeMap<String, Settings>,
    services: BTreeMap<String, Settings>,
    /// Sections that no tool reads as the profile that was meant: its name, the file and line, and how to write it.
    misnamed: Vec<(String, ValueOrigin, String)>,
    files: Vec<PathBuf>,
    /// Files that exist and cannot be read, with the reason.
    unreadable: Vec<String>,
}

impl SharedConfig {
    /// Reads both files. A file that does not exist is empty.
    pub(crate) fn load(variables: &Variables) -> Result<Self, SharedConfigError> {
        let mut config = Self::default();
        let config_file = config.place(variables, "AWS_CONFIG_FILE", "~/.aws/config");
        let credentials_file = config.place(variables, "AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials");
        if let Some(text) = config.read(&config_file)? {
            config.add_config(&config_file, &text)?;
        }
        if let Some(text) = config.read(&credentials_file)? {
            for section in ini::parse(&credentials_file, &text)? {
                let words = ini::words(&section.header).unwrap_or_default();
                if let [kind, name] = words.as_slice()
                    && kind == "profile"
                {
                    let origin = ValueOrigin::Line(credentials_file.clone(), section.line);
                    config.misnamed.push((name.clone(), origin, format!("in this file write [{name}]")));
                }
                config.credentials.entry(section.header).or_default().extend(section.entries);
            }
        }
        Ok(config)
    }

    fn place(&mut self, variables: &Variables, variable: &str, default: &str) -> PathBuf {
        let path = variables.expand(&variables.filled(variables.get(variable).unwrap_or(default)));
        self.files.push(path.clone());
        path
    }

    fn read(&mut self, path: &Path) -> Result<Option<String>, SharedConfigError> {
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(None),
            Err(error) => {
                self.unreadable.push(format!("{} cannot be read: {error}", path.display()));
                return Ok(None);
            }
        };
        String::from_utf8(bytes).map(Some).map_err(|error| {
            let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            let line = good.iter().filter(|byte| **byte == b'\n').count() + 1;
            SharedConfigError::Encoding { path: path.to_owned(), line }
        })
    }

    fn add_config(&mut self, path: &Path, text: &str) -> Result<(), SharedConfigError> {
        // Whether the last section of the default profile was `[default]`.
        let mut is_short = None;
        for section in ini::parse(path, text)? {
            let header = section.header.as_str();
            let origin = ValueOrigin::Line(path.to_owned(), section.line);
            if header == "default" {
                self.add_default(section.entries, is_short.replace(true) == Some(true));
                continue;
            }
            let words = ini::words(header).unwrap_or_default();
            let (kind, name) = match words.as_slice() {
                [kind, name] => (kind.as_str(), name.as_str()),
                [kind, rest @ ..] if kind == "profile" && rest.len() > 1 => {
                    let name = rest.join(" ");
                    let write = format!("a name with a blank needs quotes: write [profile \"{name}\"]");
                    self.misnamed.push((name, origin, write));
                    continue;
                }
                [name] => {
                    self.misnamed.push((name.clone(), origin, format!("in this file write [profile {name}]")));
                    continue;
                }
                _ => continue,
            };
            match kind {
                "profile" if name == "default" => {
                    self.add_default(section.entries, is_short.replace(false) == Some(false));
                }
                "profile" => self.profiles.entry(name.to_owned()).or_default().extend(section.entries),
                "sso-session" => self.sso_sessions.entry(name.to_owned()).or_default().extend(section.entries),
                "services" => self.services.entry(name.to_owned()).or_default().extend(section.entries),
                _ => {}
            }
        }
        Ok(())
    }

    /// Of `[default]` and `[profile default]` the later one counts alone; two of the same kind are one section.
    fn add_default(&mut self, entries: Settings, goes_on: bool) {
        let known = self.profiles.entry("default".to_owned()).or_default();
        if !goes_on {
            known.clear();
        }
        known.extend(entries);
    }

    /// Files that exist and cannot be read, each as a clause with the reason.
    pub(crate) fn unreadable(&self) -> String {
        self.unreadable.iter().map(|problem| format!("; {problem}")).collect()
    }

    /// Whether a profile exists in either file.
    pub(crate) fn has(&self, profile: &str) -> bool {
        self.profiles.contains_key(profile) || self.credentials.contains_key(profile)
    }

    /// A setting of a profile that has a value.
    pub(crate) fn get(&self, profile: &str, name: &str) -> Option<&Located> {
        self.in_credentials_file(profile, name).or_else(|| self.in_config_file(profile, name))
    }

    pub(crate) fn in_credentials_file(&self, profile: &str, name: &str) -> Option<&Located> {
        self.credentials.get(profile)?.get(name).filter(|located| !located.text.is_empty())
    }

    pub(crate) fn in_config_file(&self, profile: &str, name: &str) -> Option<&Located> {
        self.profiles.get(profile)?.get(name).filter(|located| !located.text.is_empty())
    }

    /// A setting of an `[sso-session]`; the outer none where the session does not exist.
    pub(crate) fn sso_session(&self, session: &str, name: &str) -> Option<Option<&Located>> {
        Some(self.sso_sessions.get(session)?.get(name).filter(|located| !located.text.is_empty()))
    }

    /// A setting of one service in the `[services]` section that a profile names. The service is written in lower case with `_`.
    pub(crate) fn of_service(&self, profile: &str, service: &str, name: &str) -> Option<&Located> {
        let services = self.get(profile, "services")?;
        self.services.get(&services.text)?.get(service)?.nested.get(name).filter(|located| !located.text.is_empty())
    }

    /// All settings of a profile.
    pub(crate) fn settings_of(&self, profile: &str) -> BTreeMap<String, String> {
        let files = [self.profiles.get(profile), self.credentials.get(profile)];
        let settings = files.into_iter().flatten().flatten().filter(|(_, located)| !located.text.is_empty());
        settings.map(|(name, located)| (name.clone(), located.text.clone())).collect()
    }

    /// Why a profile is not there, as a sentence that names the files and the profiles with a similar name.
    pub(crate) fn absence(&self, profile: &SelectedProfile) -> String {
        let files: Vec<String> = self.files.iter().map(|path| path.display().to_string()).collect();
        let mut text = format!("the profile `{}` ({}) is not in {}", profile.name, profile.origin, files.join(" or "));
        if let Some((_, origin, write)) = self.misnamed.iter().find(|(name, ..)| *name == profile.name) {
            text += &format!("; {origin} has that name, but {write}");
        } else if let Some(unreadable) = self.unreadable.first() {
            text += &format!("; {unreadable}");
        } else {
            let names: Vec<&str> =
                self.profiles.keys().chain(self.credentials.keys()).map(String::as_str).take(12).collect();
            let names: std::collections::BTreeSet<&str> = names.into_iter().collect();
            let names: Vec<&str> = names.into_iter().collect();
            text += &if names.is_empty() {
                "; there are no profiles".to_owned()
            } else {
                format!("; the profiles there are {}", names.join(", "))
            };
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(config: &str, credentials: &str) -> SharedConfig {
        let directory =
            std::env::temp_dir().join(format!("doorward-shared-{}-{}", std::process::id(), fastrand::u64(..)));
        std::fs::create_dir_all(&directory).expect("a directory");
        let write = |name: &str, text: &str| {
            let path = directory.join(name);
            std::fs::write(&path, text).expect("writes");
            path.display().to_string()
        };
        let pairs =
            [("AWS_CONFIG_FILE", write("config", config)), ("AWS_SHARED_CREDENTIALS_FILE", write("c", credentials))];
        let variables = Variables::new(pairs.map(|(name, value)| (name.to_owned(), value)));
        let loaded = SharedConfig::load(&variables);
        std::fs::remove_dir_all(&directory).expect("removes");
        loaded.unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn profiles_are_those_that_botocore_reads() {
        let text = "[default]\nregion = eu-west-1\n[profile \"My Team Audit\"]\nregion = eu-west-2\n[profile Two Words]\n\
                    region = eu-west-3\n[plain]\nregion = eu-north-1\n[profile a]\nregion =\n[profile a]\noutput = json\n";
        let shared = config(text, "[a]\naws_access_key_id = K\n[profile b]\naws_access_key_id = L\n");
        for (name, is_there) in [
            ("default", true),
            ("My Team Audit", true),
            ("Two Words", false),
            ("plain", false),
            ("a", true),
            ("profile b", true),
        ] {
            assert_eq!(shared.has(name), is_there, "{name}");
        }
        assert!(shared.get("a", "region").is_none(), "an empty value is unset");
        assert_eq!(shared.get("a", "aws_access_key_id").map(|located| located.text.as_str()), Some("K"));
        let missing = SelectedProfile::of(Some("Two Words"), &Variables::default());
        assert!(shared.absence(&missing).contains("write [profile \"Two Words\"]"), "{}", shared.absence(&missing));
        let missing = SelectedProfile::of(Some("typo"), &Variables::default());
        assert!(shared.absence(&missing).contains("My Team Audit, a, default"), "{}", shared.absence(&missing));
        for (name, words) in [("plain", "in this file write [profile plain]"), ("b", "in this file write [b]")] {
            let missing = shared.absence(&SelectedProfile::of(Some(name), &Variables::default()));
            assert!(missing.contains(words), "{missing}");
        }
        let twice = config("[default]\nregion = eu-west-1\n[x]\n[default]\noutput = json\n", "");
        assert!(twice.get("default", "region").is_some() && twice.get("default", "output").is_some());
        let both = config("[default]\nregion = eu-west-1\n[profile default]\noutput = json\n", "");
        assert!(both.get("default", "region").is_none(), "the later one alone, as in botocore");
    }

    #[test]
    fn a_flag_comes_before_the_variables() {
        let variables = Variables::new([("AWS_PROFILE".to_owned(), "other".to_owned())]);
        assert!(SelectedProfile::of(Some("mine"), &variables).is_explicit());
        let selected = SelectedProfile::of(Some(" "), &variables);
        assert_eq!((selected.name.as_str(), selected.is_explicit(), selected.is_named()), ("other", false, true));
        assert!(!SelectedProfile::of(None, &Variables::default()).is_named());
    }
}
