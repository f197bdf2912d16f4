//! The settings file: named by `--config` or `DOORWARD_CONFIG`, or found. A found file is used only if no other user can have written
//! it, because it decides which programs run, which roles are assumed and where results go.

use std::path::{Path, PathBuf};

use doorward_file::ownership;

use crate::SettingsError;
use crate::variable::{folder, variable};

/// The variable that names the settings file.
const VARIABLE: &str = "DOORWARD_CONFIG";

/// A settings file that exists or was named.
pub(crate) struct SettingsFile {
    pub(crate) path: PathBuf,
    origin: Origin,
}

/// Why this file is the settings file.
enum Origin {
    Flag,
    Variable,
    Search,
}

impl SettingsFile {
    /// The named file, else the one that is found.
    pub(crate) fn find(config: Option<&Path>) -> Option<Self> {
        if let Some(path) = config {
            return Some(Self { path: path.to_owned(), origin: Origin::Flag });
        }
        if let Some(path) = variable(VARIABLE) {
            return Some(Self { path: path.into(), origin: Origin::Variable });
        }
        search().map(|path| Self { path, origin: Origin::Search })
    }

    /// Its text.
    ///
    /// # Errors
    ///
    /// It cannot be read, or it was found and another user can have written it.
    pub(crate) fn text(&self) -> Result<String, SettingsError> {
        let path = self.path.display();
        // With sudo, root acts for the user who called it, as in git.
        let caller = || variable("SUDO_UID").and_then(|id| id.to_str()?.parse().ok());
        let is_found = matches!(self.origin, Origin::Search);
        if let Some(problem) = is_found.then(|| ownership::check(&self.path, caller()).err()).flatten() {
            return Err(SettingsError(format!(
                "{path}: this settings file was found and is not used, because {problem}; if you trust it, name it with --config {path} \
                 or {VARIABLE}={path}"
            )));
        }
        let by = if matches!(self.origin, Origin::Variable) { "DOORWARD_CONFIG: " } else { "" };
        doorward_file::input::text(&self.path)
            .map_err(|e| SettingsError(format!("{by}{path}: the settings file cannot be read: {e}")))
    }
}

/// The settings file: the named one, else the one that is found.
pub fn locate(config: Option<&Path>) -> Option<PathBuf> {
    SettingsFile::find(config).map(|file| file.path)
}

/// The settings file if it was found outside of the working folder without being named: another person may have written it.
pub fn found_elsewhere(config: Option<&Path>) -> Option<PathBuf> {
    let here = std::env::current_dir().ok()?.join("doorward.toml");
    let file = SettingsFile::find(config)?;
    (matches!(file.origin, Origin::Search) && file.path != here).then_some(file.path)
}

/// `doorward.toml` in the working folder or above it, else in the XDG configuration folder.
fn search() -> Option<PathBuf> {
    let here = std::env::current_dir().ok();
    let upwards = here.iter().flat_map(|here| here.ancestors()).map(|folder| folder.join("doorward.toml"));
    let home = folder("XDG_CONFIG_HOME")
        .or_else(|| folder("HOME").map(|home| home.join(".config")))
        .map(|config| config.join("doorward/doorward.toml"));
    upwards.chain(home).find(|path| path.is_file())
}
