//! Settings, from flags, environment variables, `doorward.toml` and the embedded default.

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use doorward_aws::access::{AccessSettings, SettingOrigins};
use doorward_aws::settings::CallSettings;
use doorward_change::ChangeSettings;
use doorward_check::GateSettings;
use doorward_core::ScanSettings;
use doorward_core::collect::CollectSettings;
use doorward_core::discover::{DiscoverSettings, RegionSettings, ScopeSettings};
use doorward_core::normalize::{LabelSettings, ManagerSettings, NormalizeSettings, OwnerSettings};
use doorward_cost::CostSettings;
use doorward_model::{DeclarationSettings, Policy};
use doorward_remote_file::{ObjectUrl, RemoteFileSettings};
use doorward_rules::policy_problem;
use doorward_saved_scan::{ExceptionFileError, ExceptionSettings, ReportCriteria};
use doorward_settings::{Layers, Override, Schema, SettingSource, SettingsError};
use doorward_sink_evidence::EvidenceSettings;
use doorward_sink_owners::OwnersSettings;
use doorward_sink_plugin::{PluginSettings, PluginsSettings};
use doorward_sink_securityhub::PublishSettings;
use doorward_traffic::TrafficSettings;

use doorward_outputs::{CsvSettings, REGISTRY, SinkSettings};

mod control_settings;
mod event;
mod flags;
mod kept_files;
mod ledger;
mod metric_settings;

pub(crate) use control_settings::ControlSettings;
pub(crate) use doorward_model::ReportSettings;
pub(crate) use event::EventSettings;
pub(crate) use flags::Overridable;
pub(crate) use ledger::LedgerSettings;
pub(crate) use metric_settings::MetricsSettings;

/// The embedded default; every key is in it.
pub(crate) const DEFAULT: &str = include_str!("../../../config/default.toml");

/// The layers of the settings.
pub(crate) const SCHEMA: Schema = Schema { default: DEFAULT, schema: || schemars::schema_for!(Settings) };

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
    /// Frameworks of controls besides those that come with Doorward.
    #[serde(default)]
    pub(crate) controls: ControlSettings,
    /// Where history is kept.
    pub(crate) ledger: LedgerSettings,
    /// Files that are objects in S3.
    #[serde(default)]
    pub(crate) s3: RemoteFileSettings,
    /// Traffic evidence.
    pub(crate) traffic: TrafficSettings,
    /// Daily metrics.
    pub(crate) metrics: MetricsSettings,
    /// Files that declare load balancers.
    #[serde(default)]
    pub(crate) declarations: DeclarationSettings,
    /// Costs of load balancers.
    pub(crate) cost: CostSettings,
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
    /// Outputs that other programs write, by the name that `--format` has for them.
    #[serde(default)]
    pub(crate) reports: PluginsSettings,
    /// The gate for infrastructure as code.
    pub(crate) check: GateSettings,
    /// All settings as `doorward config show` prints them, without secrets: evidence quotes them.
    #[serde(skip)]
    pub(crate) text: String,
    /// The settings file, where there is one.
    #[serde(skip)]
    pub(crate) file: Option<PathBuf>,
}

impl Settings {
    /// Merges all layers and checks the result. `overrides` are the flags, as dotted keys.
    pub(crate) fn load(config: Option<&Path>, overrides: &[Override]) -> Result<Self, SettingsError> {
        let settings = Self::of(&Layers::find(SCHEMA, config, overrides)?)?;
        settings.ledger.open_in_s3(&settings);
        Ok(settings)
    }

    fn of(layers: &Layers) -> Result<Self, SettingsError> {
        let mut settings: Self = layers.extract()?;
        choose_signing_key(layers, &mut settings.evidence);
        settings.check(layers)?;
        for path in &mut settings.exceptions.files {
            *path = layers.resolve("exceptions.files", path);
        }
        for path in &mut settings.controls.files {
            *path = layers.resolve("controls.files", path);
        }
        settings.controls.read().map_err(SettingsError::of_named_file)?;
        if let Some(path) = &mut settings.cost.price_file {
            *path = layers.resolve("cost.price_file", path);
        }
        if let Some(path) = &mut settings.cost.export {
            *path = layers.resolve("cost.export", path);
        }
        if let Some(key) = &mut settings.evidence.signing_key_file {
            *key = layers.resolve("evidence.signing_key_file", key);
        }
        settings.ledger.longest_interval_hours = settings.policy.deadlines.longest_interval_hours;
        settings.ledger.idle_days = settings.metrics.idle_days;
        settings.ledger.cost_centre_tags = settings.owners.cost_centre_tags.clone();
        settings.notify.code_link = settings.declarations.code_link();
        settings.ledger.watch = Some(settings.change.watch.clone());
        settings.access.origins = origins_of_access(layers);
        settings.text = layers.show(false)?;
        settings.file = layers.file().map(Path::to_owned);
        Ok(settings)
    }

    /// `doorward config show`: the effective settings. Settings that do not hold up are an error here too: what is shown is what a scan
    /// would use.
    pub(crate) fn show(config: Option<&Path>, origins: bool) -> Result<String, SettingsError> {
        let layers = Layers::find(SCHEMA, config, &[])?;
        Self::of(&layers)?;
        layers.show(origins)
    }

    /// The settings of the sinks.
    pub(crate) fn sinks(&self) -> SinkSettings {
        SinkSettings {
            csv: self.csv,
            evidence: self.evidence.clone(),
            owners: self.owners.clone(),
            publish: self.publish.clone(),
            frameworks: self.controls.frameworks.clone(),
            declarations: self.declarations.clone(),
        }
    }

    /// What decides what a report says; reads the exceptions.
    pub(crate) fn criteria(&self) -> Result<ReportCriteria, ExceptionFileError> {
        Ok(ReportCriteria {
            normalize: self.normalize(),
            policy: self.policy.clone(),
            exceptions: self.exceptions.read()?,
            report: self.report.clone(),
            sinks: self.sinks(),
            settings: self.text.clone(),
        })
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
        let problem = self.calls.problem().or_else(|| self.access.problem()).or_else(|| self.scope.problem());
        problem
            .or_else(|| self.exceptions.problem())
            .or_else(|| self.report.problem())
            .or_else(|| self.evidence.problem())
            .or_else(|| self.publish.problem())
            .or_else(|| self.metrics.problem())
            .or_else(|| self.traffic.problem())
            .or_else(|| self.declarations.problem())
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
        let wrong = |key: &str, problem: String| Err(layers.wrong(key, &problem));
        let has_channel = |name: &str| self.notify.channels.contains_key(name);
        if let Some((key, problem)) = policy_problem(&self.policy, has_channel) {
            return wrong(&key, problem);
        }
        if self.ledger.path.as_ref().is_some_and(|path| path.as_os_str().is_empty()) {
            return wrong("ledger.path", "the path is empty; name a file, or set ledger.enabled to false".to_owned());
        }
        if let Some(Err(problem)) = self.ledger.path.as_deref().map(ObjectUrl::of_path) {
            return wrong("ledger.path", problem.to_string());
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
        if let Err(error) = doorward_notify::ChannelsConfig::new(self.notify.clone()) {
            return wrong(&error.setting, error.problem);
        }
        if let Some((key, problem)) = self.problem() {
            return wrong(key, problem);
        }
        let taken: Vec<&str> = REGISTRY.iter().map(|output| output.name).collect();
        for (name, plugin) in &self.reports {
            if let Some((key, problem)) = PluginSettings::problem(name, plugin, &taken) {
                let key = if key.is_empty() { format!("reports.{name}") } else { format!("reports.{name}.{key}") };
                return wrong(&key, problem);
            }
        }
        Ok(())
    }
}

/// Lets a signing key that a flag names replace one that the settings hold in a variable.
fn choose_signing_key(layers: &Layers, evidence: &mut EvidenceSettings) {
    if layers.source("evidence.signing_key_file") == SettingSource::Flag {
        evidence.signing_key_variable = None;
    }
}

/// What sets the settings that the way in shows.
fn origins_of_access(layers: &Layers) -> SettingOrigins {
    let keys = ["access.profile", "access.home_region"].into_iter();
    let set = keys.filter(|key| layers.source(key) != SettingSource::Default);
    SettingOrigins::new(set.map(|key| (key.to_owned(), layers.origin(key))))
}
