//! Settings, from flags, environment variables, `doorward.toml` and the embedded default.

use std::path::{Path, PathBuf};
use std::time::Duration;

use figment::Figment;
use figment::providers::{Format, Toml};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use doorward_aws::access::AccessSettings;
use doorward_aws::settings::{CallSettings, Span};
use doorward_change::ChangeSettings;
use doorward_check::GateSettings;
use doorward_core::collect::CollectSettings;
use doorward_core::discover::{DiscoverSettings, RegionSettings, ScopeSettings};
use doorward_core::normalize::{ManagerSettings, NormalizeSettings, OwnerSettings};
use doorward_model::Policy;
use doorward_sink_evidence::EvidenceSettings;
use doorward_sink_owners::OwnersSettings;
use doorward_sink_securityhub::PublishSettings;
use doorward_traffic::TrafficSettings;

use crate::register::ExceptionSettings;
use crate::sinks::{CsvSettings, SinkSettings};

mod diagnostics;
mod environment;
mod event;
mod flags;
mod ledger;
mod metrics;
mod origin;
mod places;
mod policy;
mod settings_file;

pub(crate) use diagnostics::SettingsError;
pub(crate) use doorward_model::ReportSettings;
pub(crate) use environment::{Environment, doubtful};
pub(crate) use event::EventSettings;
pub(crate) use flags::Overridable;
pub(crate) use ledger::LedgerSettings;
pub(crate) use metrics::MetricsSettings;
pub(crate) use origin::show;
pub(crate) use settings_file::{found_elsewhere, locate};

use settings_file::SettingsFile;

/// A flag as a setting: the dotted key and the value.
pub(crate) type Override = (String, figment::value::Value);

/// The embedded default; every key is in it.
pub(crate) const DEFAULT: &str = include_str!("../../../config/default.toml");

/// All settings, by the part of Doorward that reads them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    /// How sessions are opened.
    pub(crate) access: AccessSettings,
    /// Which accounts are scanned.
    pub(crate) scope: ScopeSettings,
    /// Which Regions are scanned.
    pub(crate) regions: RegionSettings,
    /// How calls are made.
    pub(crate) calls: CallSettings,
    /// The scan as a whole.
    pub(crate) scan: ScanSettings,
    /// What is collected beyond the minimum.
    pub(crate) collect: CollectSettings,
    /// How owners are found.
    pub(crate) owner: OwnerSettings,
    /// How the manager of a load balancer is found.
    pub(crate) manager: ManagerSettings,
    /// Tags for environment and application type.
    pub(crate) labels: LabelSettings,
    /// The required modes.
    pub(crate) policy: Policy,
    /// The exception register.
    pub(crate) exceptions: ExceptionSettings,
    /// Where history is kept.
    pub(crate) ledger: LedgerSettings,
    /// Traffic evidence.
    pub(crate) traffic: TrafficSettings,
    /// Daily metrics.
    pub(crate) metrics: MetricsSettings,
    /// Audit evidence.
    pub(crate) evidence: EvidenceSettings,
    /// CSV for spreadsheets.
    pub(crate) csv: CsvSettings,
    /// Summaries per owner.
    pub(crate) owners: OwnersSettings,
    /// Notifications to owners.
    pub(crate) notify: doorward_notify::Settings,
    /// How modes are changed.
    pub(crate) change: ChangeSettings,
    /// Events.
    pub(crate) event: EventSettings,
    /// Delivery to Security Hub.
    pub(crate) publish: PublishSettings,
    /// Which reports change the exit code.
    pub(crate) report: ReportSettings,
    /// The gate for infrastructure as code.
    pub(crate) check: GateSettings,
    /// All settings as `doorward config show` prints them, without secrets: evidence quotes them.
    #[serde(skip)]
    pub(crate) text: String,
    /// The settings file, where there is one.
    #[serde(skip)]
    pub(crate) file: Option<PathBuf>,
}

/// The scan as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ScanSettings {
    /// How long a scan may take; what is not read by then is listed with the reason `scan-deadline`.
    pub(crate) deadline: Span,
    /// The maximum age of a reading that `--resume` keeps; by default the deadline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) resume_within: Option<Span>,
}

impl ScanSettings {
    /// The maximum age of a reading that a resumed scan keeps.
    pub(crate) fn resume_within(&self) -> Duration {
        self.resume_within.unwrap_or(self.deadline).0
    }
}

/// Tags for environment and application type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LabelSettings {
    /// Tag keys that name the environment, in order.
    pub(crate) environment_tags: Vec<String>,
    /// Tag keys that name the application type, in order.
    pub(crate) application_tags: Vec<String>,
}

impl Settings {
    /// Merges all layers and checks the result. `overrides` are the flags, as dotted keys.
    pub(crate) fn load(config: Option<&Path>, overrides: &[Override]) -> Result<Self, SettingsError> {
        let layers = Layers::find(config, overrides)?;
        let mut settings: Self = layers.figment.extract().map_err(|error| diagnostics::explain(&error, &layers))?;
        layers.choose_signing_key(&mut settings.evidence);
        settings.check(&layers)?;
        if let Source::Line(settings_file, _) = layers.source("exceptions.files") {
            let files = &mut settings.exceptions.files;
            files.iter_mut().for_each(|path| *path = beside(&settings_file, path));
        }
        if let (Source::Line(file, _), Some(key)) =
            (layers.source("evidence.signing_key_file"), &mut settings.evidence.signing_key_file)
        {
            *key = beside(&file, key);
        }
        settings.ledger.longest_interval_hours = settings.policy.deadlines.longest_interval_hours;
        settings.ledger.idle_days = settings.metrics.idle_days;
        settings.text = origin::quoted(&layers)?;
        settings.file = layers.file.map(|(path, _)| path);
        Ok(settings)
    }

    /// The settings of the sinks.
    pub(crate) fn sinks(&self) -> SinkSettings {
        SinkSettings {
            csv: self.csv,
            evidence: self.evidence.clone(),
            owners: self.owners.clone(),
            publish: self.publish.clone(),
        }
    }

    /// The settings of a connection to AWS.
    pub(crate) fn connection(&self) -> (&AccessSettings, &CallSettings) {
        (&self.access, &self.calls)
    }

    /// The settings of discover.
    pub(crate) fn discover(&self) -> DiscoverSettings {
        DiscoverSettings {
            scope: self.scope.clone(),
            regions: self.regions.clone(),
            account_tags_wanted: !self.owner.account_tags.is_empty(),
        }
    }

    /// The settings of normalize.
    pub(crate) fn normalize(&self) -> NormalizeSettings {
        NormalizeSettings {
            owner: self.owner.clone(),
            manager: self.manager.clone(),
            environment_tags: self.labels.environment_tags.clone(),
            application_tags: self.labels.application_tags.clone(),
        }
    }

    /// The key and the problem of a section that cannot be used.
    fn problem(&self) -> Option<(&'static str, String)> {
        let problem = self.report.problem().or_else(|| self.evidence.problem()).or_else(|| self.publish.problem());
        problem
            .or_else(|| self.metrics.problem())
            .or_else(|| self.traffic.problem())
            .or_else(|| self.change.problem())
            .or_else(|| self.event.problem())
    }

    /// Every organizational unit in the settings, with its key.
    pub(crate) fn unit_scopes(&self) -> Vec<(String, &str)> {
        let lists = [
            ("scope.include_ous".to_owned(), &self.scope.include_ous),
            ("scope.exclude_ous".to_owned(), &self.scope.exclude_ous),
        ];
        let overrides =
            self.access.overrides.iter().enumerate().map(|(n, o)| (format!("access.overrides.{n}.ous"), &o.ous));
        let rules = self.policy.rules.iter().enumerate().map(|(n, rule)| (format!("policy.rules.{n}.ous"), &rule.ous));
        let profiles = self.policy.profiles.iter().enumerate();
        let profiles = profiles.map(|(n, profile)| (format!("policy.profiles.{n}.ous"), &profile.ous));
        let listed = lists.into_iter().chain(overrides).chain(rules).chain(profiles);
        let listed = listed.flat_map(|(key, scopes)| scopes.iter().map(move |scope| (key.clone(), scope.as_str())));
        let owners = self.owner.ous.keys().map(|scope| ("owner.ous".to_owned(), scope.as_str()));
        listed.chain(owners).collect()
    }

    fn check(&self, layers: &Layers) -> Result<(), SettingsError> {
        let wrong = |key: &str, problem: String| Err(diagnostics::wrong(key, &problem, layers));
        if let Some((key, problem)) = policy::problem(self) {
            return wrong(&key, problem);
        }
        let in_sts = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_+=,.@-".contains(&b));
        if self.calls.concurrency == 0 || self.calls.concurrency > 4096 {
            return wrong("calls.concurrency", format!("{} is not between 1 and 4096", self.calls.concurrency));
        }
        if !(0.01..=1e6).contains(&self.calls.share_of_limits) {
            return wrong(
                "calls.share_of_limits",
                format!("{} is not between 0.01 and 1000000", self.calls.share_of_limits),
            );
        }
        if self.calls.tries == 0 {
            return wrong("calls.tries", "0 tries never make a call".to_owned());
        }
        let session = &self.access.session_name;
        if !(2..=64).contains(&session.len()) || !in_sts(session) {
            return wrong("access.session_name", format!("{session:?} is not 2 to 64 letters, digits or _+=,.@-"));
        }
        if self.ledger.path.as_ref().is_some_and(|path| path.as_os_str().is_empty()) {
            return wrong("ledger.path", "the path is empty; name a file, or set ledger.enabled to false".to_owned());
        }
        for (key, scope) in self.unit_scopes() {
            if !(scope.starts_with('/') || scope.starts_with("ou-") || scope.starts_with("r-")) {
                return wrong(
                    &key,
                    format!(
                        "{scope:?} is not an organizational unit: write its path (/Workloads/Prod) or its id (ou-...)"
                    ),
                );
            }
        }
        let scope = &self.scope;
        let needs_organization = [
            ("scope.include_ous", scope.include_ous.is_empty()),
            ("scope.exclude_ous", scope.exclude_ous.is_empty()),
            ("scope.include_tags", scope.include_tags.is_empty()),
            ("scope.exclude_tags", scope.exclude_tags.is_empty()),
        ];
        if let Some((key, _)) = needs_organization.into_iter().find(|(_, empty)| scope.single_account && !empty) {
            return wrong(
                key,
                "organizational units and account tags cannot be read with scope.single_account".to_owned(),
            );
        }
        if self.exceptions.maximum_days == 0 {
            return wrong(
                "exceptions.maximum_days",
                "0 days permit no exception; leave `exceptions.files` empty instead".to_owned(),
            );
        }
        if let Err(error) = doorward_notify::ChannelsConfig::new(self.notify.clone()) {
            return wrong(&error.setting, error.problem);
        }
        if let Some((key, problem)) = self.problem() {
            return wrong(key, problem);
        }
        let known: Vec<&str> = doorward_rules::catalogue().iter().map(|meta| meta.id).collect();
        if let Some(id) = self.policy.disabled.iter().find(|id| !known.contains(&id.as_str())) {
            let near = diagnostics::nearest(id, &known).map(|n| format!("; did you mean {n}?")).unwrap_or_default();
            return wrong("policy.disabled", format!("there is no rule {id:?}{near}"));
        }
        Ok(())
    }
}

/// The merged layers and the settings file among them.
pub(crate) struct Layers {
    figment: Figment,
    /// The settings file, with its text.
    file: Option<(PathBuf, String)>,
    /// Dotted keys that environment variables set.
    variables: Vec<String>,
    /// Dotted keys that flags set.
    flags: Vec<String>,
}

/// The layer that set a value.
enum Source {
    Flag,
    Variable(String),
    Line(PathBuf, usize),
    Default,
}

impl Layers {
    /// Lets a signing key that a flag names replace one that the settings hold in a variable.
    fn choose_signing_key(&self, evidence: &mut EvidenceSettings) {
        if self.flags.iter().any(|key| key == "evidence.signing_key_file") {
            evidence.signing_key_variable = None;
        }
    }

    pub(crate) fn find(config: Option<&Path>, overrides: &[Override]) -> Result<Self, SettingsError> {
        let mut figment = Figment::from(Toml::string(DEFAULT));
        let mut file = None;
        if let Some(found) = SettingsFile::find(config) {
            let text = found.text()?;
            diagnostics::syntax(&found.path, &text)?;
            figment = figment.merge(Toml::string(&text));
            file = Some((found.path, text));
        }
        let environment = Environment::read()?;
        let variables = environment.keys().map(str::to_owned).collect();
        figment = figment.merge(environment);
        for (key, value) in overrides {
            figment = figment.merge(environment::Flag(key.clone(), value.clone()));
        }
        let flags = overrides.iter().map(|(key, _)| key.clone()).collect();
        Ok(Self { figment, file, variables, flags })
    }

    /// The layer that set a dotted key. A key inside a list belongs to the layer that set the list.
    fn source(&self, key: &str) -> Source {
        let covering = |keys: &[String]| {
            keys.iter()
                .find(|set| key == set.as_str() || key.strip_prefix(set.as_str()).is_some_and(|r| r.starts_with('.')))
                .cloned()
        };
        if covering(&self.flags).is_some() {
            return Source::Flag;
        }
        let below = || {
            let inside = |set: &&String| set.strip_prefix(key).is_some_and(|rest| rest.starts_with('.'));
            self.variables.iter().find(inside).cloned()
        };
        if let Some(key) = covering(&self.variables).or_else(below) {
            return Source::Variable(Environment::variable(&key));
        }
        let line = self.file.as_ref().and_then(|(path, text)| Some((path.clone(), diagnostics::line(text, key)?)));
        line.map_or(Source::Default, |(path, line)| Source::Line(path, line))
    }
}

/// The path of a relative path that a settings file names: relative to the file's folder.
fn beside(settings_file: &Path, path: &Path) -> PathBuf {
    match settings_file.parent() {
        Some(folder) if path.is_relative() => folder.join(path),
        _ => path.to_owned(),
    }
}
