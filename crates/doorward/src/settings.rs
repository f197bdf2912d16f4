//! Settings: what the operator wants, from flags, environment, `doorward.toml` and the embedded default.

use std::path::{Path, PathBuf};
use std::time::Duration;

use figment::Figment;
use figment::providers::{Format, Toml};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use doorward_core::access::AccessSettings;
use doorward_core::collect::CollectSettings;
use doorward_core::discover::{DiscoverSettings, RegionSettings, ScopeSettings};
use doorward_core::normalize::{ManagerSettings, NormalizeSettings, OwnerSettings};
use doorward_core::settings::{CallSettings, Span};
use doorward_model::{Policy, Severity, VerdictKind};

use crate::memory::LedgerSettings;
use crate::output::{EvidenceSettings, OwnersSettings, SinkSettings};
use crate::publish::PublishSettings;
use crate::register::ExceptionSettings;

mod complain;
mod environment;
mod origin;

pub(crate) use complain::SettingsError;
pub(crate) use environment::Environment;
pub(crate) use origin::show;

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
    /// Who is responsible.
    pub(crate) owner: OwnerSettings,
    /// What manages a load balancer.
    pub(crate) manager: ManagerSettings,
    /// Which tags tell environment and application type.
    pub(crate) labels: LabelSettings,
    /// What is demanded.
    pub(crate) policy: Policy,
    /// Who may fail a rule, and until when.
    pub(crate) exceptions: ExceptionSettings,
    /// Where history is kept.
    pub(crate) ledger: LedgerSettings,
    /// What the requests say.
    pub(crate) traffic: crate::traffic::TrafficSettings,
    /// Audit evidence.
    pub(crate) evidence: EvidenceSettings,
    /// Summaries per owner.
    pub(crate) owners: OwnersSettings,
    /// Who is told what, and where.
    pub(crate) notify: doorward_notify::Settings,
    /// How modes are changed.
    pub(crate) change: crate::change::ChangeSettings,
    /// What is done about events.
    pub(crate) event: crate::event::EventSettings,
    /// How Security Hub is told.
    pub(crate) publish: PublishSettings,
    /// When a report is bad news.
    pub(crate) report: ReportSettings,
    /// All of it as `doorward config show` prints it, secrets left out: what evidence quotes.
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
    /// When the scan stops; what is not read by then is listed as timed out.
    pub(crate) deadline: Span,
    /// How old a reading may be that `--resume` keeps; by default as long as the deadline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) resume_within: Option<Span>,
}

impl ScanSettings {
    /// How old a reading may be that a resumed scan keeps.
    pub(crate) fn resume_within(&self) -> Duration {
        self.resume_within.unwrap_or(self.deadline).0
    }
}

/// Which tags tell environment and application type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LabelSettings {
    /// Tag keys that name the environment, in order.
    pub(crate) environment_tags: Vec<String>,
    /// Tag keys that name the application type, in order.
    pub(crate) application_tags: Vec<String>,
}

/// The severity from which a failure decides the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum FailOn {
    /// Any failure.
    Informational,
    /// Low and above.
    Low,
    /// Medium and above.
    Medium,
    /// High and above.
    High,
    /// Critical only.
    Critical,
    /// No failure.
    Never,
}

impl FailOn {
    /// Whether a failure of this severity counts.
    pub(crate) fn covers(self, severity: Severity) -> bool {
        let threshold = match self {
            Self::Informational => Severity::Informational,
            Self::Low => Severity::Low,
            Self::Medium => Severity::Medium,
            Self::High => Severity::High,
            Self::Critical => Severity::Critical,
            Self::Never => return false,
        };
        severity >= threshold
    }
}

/// When a report is bad news.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReportSettings {
    /// The lowest severity of a failure that makes the exit code 3.
    pub(crate) fail_on: FailOn,
    /// The least share, in percent, of account-Regions read completely and of verdicts known.
    pub(crate) minimum_coverage: f64,
}

impl ReportSettings {
    /// Whether a part of a whole is at least the minimum. Exact for every count that fits a scan; 100 % means all.
    pub(crate) fn is_enough(&self, part: usize, whole: usize) -> bool {
        part as f64 * 100.0 >= self.minimum_coverage * whole as f64
    }

    /// Whether enough of the verdicts are known; those that do not apply and those that were not asked do not count. Where
    /// nothing else is left than what was not asked, nothing is known.
    pub(crate) fn is_enough_known(&self, verdicts: impl Iterator<Item = VerdictKind>) -> bool {
        let (mut known, mut all, mut not_asked) = (0, 0, 0);
        for verdict in verdicts {
            match verdict {
                VerdictKind::NotApplicable => {}
                VerdictKind::NotAsked => not_asked += 1,
                VerdictKind::Unknown => all += 1,
                VerdictKind::Fail | VerdictKind::Excepted | VerdictKind::Pass => {
                    all += 1;
                    known += 1;
                }
            }
        }
        if all == 0 && not_asked > 0 {
            return self.is_enough(0, not_asked);
        }
        self.is_enough(known, all)
    }
}

impl Settings {
    /// Merges all layers and checks the result. `overrides` are the flags, as dotted keys.
    pub(crate) fn load(
        config: Option<&Path>,
        overrides: &[(String, figment::value::Value)],
    ) -> Result<Self, SettingsError> {
        let layers = Layers::find(config, overrides)?;
        let mut settings: Self = layers.figment.extract().map_err(|error| complain::explain(&error, &layers))?;
        settings.check(&layers)?;
        if let Source::Line(settings_file, _) = layers.source("exceptions.files") {
            let files = &mut settings.exceptions.files;
            files.iter_mut().for_each(|path| *path = crate::exceptions::beside(&settings_file, path));
        }
        if let (Source::Line(file, _), Some(key)) =
            (layers.source("evidence.signing_key_file"), &mut settings.evidence.signing_key_file)
        {
            *key = crate::exceptions::beside(&file, key);
        }
        settings.text = origin::quoted(&layers)?;
        settings.file = layers.file.map(|(path, _)| path);
        Ok(settings)
    }

    /// What the sinks need.
    pub(crate) fn sinks(&self) -> SinkSettings {
        SinkSettings { evidence: self.evidence.clone(), owners: self.owners.clone(), publish: self.publish.clone() }
    }

    /// What discover needs.
    pub(crate) fn discover(&self) -> DiscoverSettings {
        DiscoverSettings {
            scope: self.scope.clone(),
            regions: self.regions.clone(),
            account_tags_wanted: !self.owner.account_tags.is_empty(),
        }
    }

    /// What normalize needs.
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
        let problem = self.evidence.problem().or_else(|| self.publish.problem());
        problem
            .or_else(|| self.traffic.problem())
            .or_else(|| self.change.run_settings().problem())
            .or_else(|| self.event.problem())
    }

    /// Every unit the settings name, with the key that names it.
    pub(crate) fn unit_scopes(&self) -> Vec<(String, &str)> {
        let lists = [
            ("scope.include_ous".to_owned(), &self.scope.include_ous),
            ("scope.exclude_ous".to_owned(), &self.scope.exclude_ous),
        ];
        let overrides =
            self.access.overrides.iter().enumerate().map(|(n, o)| (format!("access.overrides.{n}.ous"), &o.ous));
        let rules = self.policy.rules.iter().enumerate().map(|(n, rule)| (format!("policy.rules.{n}.ous"), &rule.ous));
        let listed = lists.into_iter().chain(overrides).chain(rules);
        let listed = listed.flat_map(|(key, scopes)| scopes.iter().map(move |scope| (key.clone(), scope.as_str())));
        let owners = self.owner.ous.keys().map(|scope| ("owner.ous".to_owned(), scope.as_str()));
        listed.chain(owners).collect()
    }

    fn check(&self, layers: &Layers) -> Result<(), SettingsError> {
        let wrong = |key: &str, problem: String| Err(complain::wrong(key, &problem, layers));
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
            return wrong("calls.tries", "0 tries never call anything".to_owned());
        }
        if !(0.0..=100.0).contains(&self.report.minimum_coverage) {
            return wrong("report.minimum_coverage", format!("{} is not a percentage", self.report.minimum_coverage));
        }
        let session = &self.access.session_name;
        if !(2..=64).contains(&session.len()) || !in_sts(session) {
            return wrong("access.session_name", format!("{session:?} is not 2 to 64 letters, digits or _+=,.@-"));
        }
        for (key, scope) in self.unit_scopes() {
            if !(scope.starts_with('/') || scope.starts_with("ou-") || scope.starts_with("r-")) {
                return wrong(
                    &key,
                    format!("{scope:?} is not a unit: write its path (/Workloads/Prod) or its id (ou-...)"),
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
            return wrong(key, "units and account tags cannot be read with scope.single_account".to_owned());
        }
        if self.exceptions.maximum_days == 0 {
            return wrong(
                "exceptions.maximum_days",
                "0 days admit no exception at all; leave `exceptions.files` empty instead".to_owned(),
            );
        }
        if let Err(error) = doorward_notify::Directory::new(self.notify.clone()) {
            return wrong(&error.setting, error.problem);
        }
        if let Some((key, problem)) = self.problem() {
            return wrong(key, problem);
        }
        let known: Vec<&str> = doorward_rules::catalogue().iter().map(|meta| meta.id).collect();
        if let Some(id) = self.policy.disabled.iter().find(|id| !known.contains(&id.as_str())) {
            let near = complain::nearest(id, &known).map(|n| format!("; did you mean {n}?")).unwrap_or_default();
            return wrong("policy.disabled", format!("there is no rule {id:?}{near}"));
        }
        Ok(())
    }
}

/// The merged layers and where the files among them lie.
pub(crate) struct Layers {
    figment: Figment,
    /// The settings file, with its text.
    file: Option<(PathBuf, String)>,
    /// Dotted keys that environment variables set.
    variables: Vec<String>,
    /// Dotted keys that flags set.
    flags: Vec<String>,
}

/// Who said a setting last.
enum Source {
    Flag,
    Variable(String),
    Line(PathBuf, usize),
    Default,
}

impl Layers {
    pub(crate) fn find(
        config: Option<&Path>,
        overrides: &[(String, figment::value::Value)],
    ) -> Result<Self, SettingsError> {
        let mut figment = Figment::from(Toml::string(DEFAULT));
        let mut file = None;
        if let Some(path) = locate(config) {
            let text = crate::input::text(&path)
                .map_err(|e| SettingsError(format!("{}: the settings file cannot be read: {e}", path.display())))?;
            complain::syntax(&path, &text)?;
            figment = figment.merge(Toml::string(&text));
            file = Some((path, text));
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

    /// Who said a dotted key last. A key inside a list belongs to whoever said the list.
    fn source(&self, key: &str) -> Source {
        let said = |keys: &[String]| {
            keys.iter()
                .find(|said| {
                    key == said.as_str() || key.strip_prefix(said.as_str()).is_some_and(|r| r.starts_with('.'))
                })
                .cloned()
        };
        if said(&self.flags).is_some() {
            return Source::Flag;
        }
        if let Some(key) = said(&self.variables) {
            return Source::Variable(Environment::variable(&key));
        }
        let line = self.file.as_ref().and_then(|(path, text)| Some((path.clone(), complain::line(text, key)?)));
        line.map_or(Source::Default, |(path, line)| Source::Line(path, line))
    }
}

/// The settings file: as named, else the one that is found.
pub(crate) fn locate(config: Option<&Path>) -> Option<PathBuf> {
    config.map(Path::to_owned).or_else(search)
}

/// The settings file that was found outside of the working folder, without being named: another person may have written it.
pub(crate) fn found_elsewhere(config: Option<&Path>) -> Option<PathBuf> {
    let here = std::env::current_dir().ok()?.join("doorward.toml");
    if config.is_some() { None } else { search().filter(|path| *path != here) }
}

/// `doorward.toml` in the working folder or above it, else in the XDG configuration folder.
fn search() -> Option<PathBuf> {
    let here = std::env::current_dir().ok()?;
    let upwards = here.ancestors().map(|folder| folder.join("doorward.toml"));
    let home = std::env::var_os("XDG_CONFIG_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".config")));
    upwards.chain(home.map(|config| config.join("doorward/doorward.toml"))).find(|path| path.is_file())
}
