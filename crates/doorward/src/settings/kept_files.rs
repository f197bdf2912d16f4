//! The files that the settings name: no output may replace them.

use std::path::Path;

use doorward_file::places::{Places, REGISTER};
use doorward_settings::locate;

use super::Settings;

impl Settings {
    /// What every command keeps: the settings file, every file that the settings name, and the ledger.
    pub(crate) fn places(&self) -> Places {
        let mut places = Places::default();
        if let Some(file) = &self.file {
            places.keep("the settings file", file);
        }
        for file in &self.exceptions.files {
            places.keep(REGISTER, file);
        }
        for file in &self.controls.files {
            places.keep("a mapping of controls (controls.files)", file);
        }
        if let Some(file) = &self.evidence.signing_key_file {
            places.keep("the signing key", file);
        }
        if let Some(file) = &self.cost.price_file {
            places.keep("the price file", file);
        }
        if let Some(file) = &self.cost.export {
            places.keep("the billing export", file);
        }
        if let Some(folder) = &self.owners.templates_dir {
            places.keep_all("a template (owners.templates_dir)", folder);
        }
        self.notify.keep_files(&mut places);
        let plugins =
            self.reports.iter().map(|(name, plugin)| (format!("a file of the plugin {name}"), &plugin.command));
        plugins.for_each(|(what, command)| places.keep_command(&what, command));
        // Also where this command records nothing: earlier ones did.
        if let Ok(ledger) = self.ledger.path() {
            places.keep_ledger(&ledger);
        }
        places
    }

    /// The same, for a command that works without settings: those that are there, whole or not.
    pub(crate) fn found_places(config: Option<&Path>) -> Places {
        if let Ok(settings) = Self::load(config, &[]) {
            return settings.places();
        }
        let mut places = Places::default();
        if let Some(file) = locate(config) {
            places.keep("the settings file", &file);
        }
        places
    }
}
