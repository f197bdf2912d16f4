//! Flags that override settings, as dotted keys and values: the one mapping between the two.

use std::path::{Path, PathBuf};

use clap::Args;
use figment::value::Value;

use super::{OutputArguments, ScanArguments};
use doorward_settings::Override;

/// The ledger of a command that scans.
#[derive(Debug, Args)]
#[command(next_help_heading = "History")]
pub(crate) struct LedgerArguments {
    /// Use this ledger [default: as in the settings]
    #[arg(long, value_name = "FILE", conflicts_with = "no_ledger")]
    ledger: Option<PathBuf>,
    /// Use no ledger: neither read nor record history
    #[arg(long)]
    no_ledger: bool,
}

impl LedgerArguments {
    /// The flags as settings.
    pub(crate) fn overrides(&self) -> Vec<Override> {
        let file = self.ledger.as_deref().map(|file| path("ledger.path", file));
        file.into_iter().chain(self.no_ledger.then(|| setting("ledger.enabled", false))).collect()
    }
}

impl ScanArguments {
    /// The flags as settings.
    pub(crate) fn overrides(&self) -> Vec<Override> {
        [self.output.overrides(), self.scope.overrides(), self.ledger.overrides()].concat()
    }
}

impl OutputArguments {
    /// The flags as settings.
    pub(crate) fn overrides(&self) -> Vec<Override> {
        let all = [
            self.fail_on.as_deref().map(|severity| setting("report.fail_on", severity.to_ascii_lowercase())),
            self.min_coverage.map(|percent| setting("report.minimum_coverage", percent)),
            self.sample.map(|size| setting("evidence.sample", size)),
            self.seed.as_deref().map(|seed| setting("evidence.seed", seed)),
            self.signing_key.as_deref().map(|file| path("evidence.signing_key_file", file)),
        ];
        all.into_iter().flatten().collect()
    }
}

fn setting(key: &str, value: impl Into<Value>) -> Override {
    (key.to_owned(), value.into())
}

fn path(key: &str, value: &Path) -> Override {
    setting(key, value.to_string_lossy().as_ref())
}
