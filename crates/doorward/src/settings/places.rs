//! The files that the settings name: no output may replace them.

use std::path::Path;

use doorward_notify::ChannelSettings;

use super::{Settings, locate};
use crate::places::{Places, REGISTER};

impl Places {
    /// What every command keeps: the settings file, every file that the settings name, and the ledger.
    pub(crate) fn of(settings: &Settings) -> Self {
        let mut places = Self::default();
        if let Some(file) = &settings.file {
            places.keep("the settings file", file);
        }
        for file in &settings.exceptions.files {
            places.keep(REGISTER, file);
        }
        if let Some(file) = &settings.evidence.signing_key_file {
            places.keep("the signing key", file);
        }
        if let Some(folder) = &settings.owners.templates_dir {
            places.keep_all("a template (owners.templates_dir)", folder);
        }
        for (name, channel) in &settings.notify.channels {
            if let ChannelSettings::Slack { url_file: Some(file), .. }
            | ChannelSettings::Teams { url_file: Some(file), .. } = channel
            {
                places.keep(&format!("the secret of the channel {name}"), file);
            }
        }
        if let Some(file) = settings.notify.smtp.as_ref().and_then(|smtp| smtp.password_file.as_ref()) {
            places.keep("the password of the mail server", file);
        }
        // Also where this command records nothing: earlier ones did.
        if let Ok(ledger) = settings.ledger.path() {
            places.keep_ledger(&ledger);
        }
        places
    }

    /// The same for a command that works without settings: those that are there, whole or not.
    pub(crate) fn found(config: Option<&Path>) -> Self {
        if let Ok(settings) = Settings::load(config, &[]) {
            return Self::of(&settings);
        }
        let mut places = Self::default();
        if let Some(file) = locate(config) {
            places.keep("the settings file", &file);
        }
        places
    }
}
