//! Flags that win over settings.

use figment::value::Value;

use crate::exit::{Exit, Failure};
use crate::output::SinkSettings;
use crate::settings::ReportSettings;

use super::{OutputArguments, ScanArguments};

type Overrides = Vec<(String, Value)>;

impl ScanArguments {
    /// The flags as settings.
    pub(crate) fn overrides(&self) -> Overrides {
        let mut all = self.output.overrides();
        all.extend(self.scope.overrides());
        all.extend(
            self.ledger.iter().map(|path| ("ledger.path".to_owned(), Value::from(path.to_string_lossy().as_ref()))),
        );
        if self.no_ledger {
            all.push(("ledger.enabled".to_owned(), Value::from(false)));
        }
        all
    }
}

impl OutputArguments {
    /// Lets the flags win over settings that come from elsewhere than the settings file.
    pub(crate) fn overlay(&self, report: &mut ReportSettings, sinks: &mut SinkSettings) -> Result<(), Failure> {
        let evidence = &mut sinks.evidence;
        if let Some(size) = self.sample {
            evidence.sample = usize::try_from(size).unwrap_or(usize::MAX);
        }
        if let Some(seed) = &self.seed {
            evidence.seed.clone_from(seed);
        }
        if let Some(path) = &self.signing_key {
            (evidence.signing_key_file, evidence.signing_key_variable) = (Some(path.clone()), None);
        }
        if let Some((key, problem)) = evidence.problem() {
            return Err(Failure::new(Exit::Usage, format!("{key}: {problem}")));
        }
        if let Some(text) = &self.fail_on {
            report.fail_on = text.parse().map_err(|e| Failure::new(Exit::Usage, format!("--fail-on {text}: {e}")))?;
        }
        if let Some(percent) = self.min_coverage {
            if !(0.0..=100.0).contains(&percent) {
                return Err(Failure::new(Exit::Usage, format!("--min-coverage {percent}: not a percentage")));
            }
            report.minimum_coverage = percent;
        }
        Ok(())
    }

    /// The flags as settings.
    pub(crate) fn overrides(&self) -> Overrides {
        let fail_on = self.fail_on.iter().map(|text| ("report.fail_on".to_owned(), Value::from(text.as_str())));
        let coverage = self.min_coverage.map(|percent| ("report.minimum_coverage".to_owned(), Value::from(percent)));
        let sample = self.sample.map(|size| ("evidence.sample".to_owned(), Value::from(size)));
        let seed = self.seed.iter().map(|seed| ("evidence.seed".to_owned(), Value::from(seed.as_str())));
        let key = self.signing_key.iter();
        let key =
            key.map(|path| ("evidence.signing_key_file".to_owned(), Value::from(path.to_string_lossy().as_ref())));
        fail_on.chain(coverage).chain(sample).chain(seed).chain(key).collect()
    }
}
