//! The evidence for auditors: a pack in a folder of packs, each following the one before; and the findings as CSV.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use doorward_model::{Receipt, ScanReport, SinkError, frameworks};
use doorward_rules::exceptions::State;
use doorward_sink_evidence::{
    Attachment, Context, Dialect, Earlier, ExceptionRow, Limits, Pack, Period, RunFigures, Sampling, SigningKey, csv,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::people::required;
use super::{Around, json};
use crate::exit::{Exit, Failure};

/// Audit evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EvidenceSettings {
    /// How many load balancers the sample draws.
    pub(crate) sample: usize,
    /// The seed it is drawn from: any text.
    pub(crate) seed: String,
    /// A file with the ed25519 key that signs packs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) signing_key_file: Option<PathBuf>,
    /// The environment variable that holds the key instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) signing_key_variable: Option<String>,
}

impl EvidenceSettings {
    /// What is wrong with them: the key and the problem.
    pub(crate) fn problem(&self) -> Option<(&'static str, String)> {
        if self.sample == 0 {
            return Some(("evidence.sample", "a sample of 0 load balancers shows nothing".to_owned()));
        }
        let both = self.signing_key_file.is_some() && self.signing_key_variable.is_some();
        both.then(|| {
            ("evidence.signing_key_variable", "there is a signing_key_file too; a pack has one signature".to_owned())
        })
    }

    /// The key, if one is configured.
    fn key(&self) -> Result<Option<SigningKey>, Failure> {
        let usage = |problem: String| Failure::new(Exit::Usage, problem);
        let (place, text) = match (&self.signing_key_file, &self.signing_key_variable) {
            (Some(path), _) => {
                let place = format!("evidence.signing_key_file, {}", path.display());
                let text = crate::input::text(path).map_err(|e| usage(format!("{place}: cannot be read: {e}")))?;
                (place, text)
            }
            (None, Some(name)) => {
                let place = format!("evidence.signing_key_variable, {name}");
                let text = std::env::var(name).map_err(|_| usage(format!("{place}: the variable holds no text")))?;
                (place, text)
            }
            (None, None) => return Ok(None),
        };
        SigningKey::parse(&text).map(Some).map_err(|e| usage(format!("{place}: {e}")))
    }
}

/// Where a pack will lie and what it follows, settled before there is a report.
pub(super) struct Archive {
    folder: PathBuf,
    earlier: Option<Earlier>,
    key: Option<SigningKey>,
}

impl Archive {
    pub(super) fn open(folder: &Path, settings: &EvidenceSettings) -> Result<Self, Failure> {
        let key = settings.key()?;
        let own = key.as_ref().map(SigningKey::public);
        let earlier = doorward_sink_evidence::newest(folder, own.as_ref())
            .map_err(|e| Failure::new(Exit::Preflight, e.to_string()))?;
        Ok(Self { folder: folder.to_owned(), earlier, key })
    }

    /// Writes the pack of a report, in a folder named after the run.
    pub(super) fn write(
        &self,
        report: &ScanReport,
        around: &Around<'_>,
        exit: Exit,
        quiet: bool,
    ) -> Result<Receipt, Failure> {
        let scan = |out: &mut dyn Write| json::write(out, report, exit).map(|_| ());
        let context = self.context(report, around)?;
        let pack = Pack {
            report,
            scan: Attachment::Writer(&scan),
            context: &context,
            key: self.key.as_ref(),
            limits: Limits::default(),
        };
        let written = doorward_sink_evidence::write(&self.folder.join(&report.run.id), &pack)?;
        if !quiet {
            let _ = writeln!(
                std::io::stderr(),
                "evidence: {} · keep this elsewhere, it proves that nobody replaced the pack: {}",
                written.receipt.destination,
                written.link.manifest_sha256
            );
        }
        Ok(written.receipt)
    }

    fn context(&self, report: &ScanReport, around: &Around<'_>) -> Result<Context, Failure> {
        let settings = &around.sinks.evidence;
        let earlier = self.earlier.as_ref();
        let from = earlier.map(|earlier| earlier.link.finished);
        let controls = frameworks().map_err(|e| Failure::new(Exit::Internal, e.to_string()))?;
        Ok(Context {
            build: around.build.map_or_else(build, |build| Ok(build.to_owned()))?,
            settings: around.settings.to_owned(),
            clock_offset: report.run.clock_offset.map(jiff::SignedDuration::from_secs),
            period: Period { from, until: from.map(|_| report.run.finished) },
            previous: earlier.map(|earlier| earlier.link.clone()),
            sampling: Sampling { size: settings.sample, seed: settings.seed.clone() },
            required: required(report, around),
            rules: doorward_rules::catalogue().to_vec(),
            controls: controls.to_vec(),
            exceptions: around.register.is_configured().then(|| exceptions(report, around)),
            changes: around.past.modes.as_ref().map(|changes| {
                let since = changes.iter().filter(|change| from.is_none_or(|from| change.after.at > from));
                since.cloned().collect()
            }),
            previous_figures: earlier.map(|earlier| earlier.figures.clone()),
            trend: around
                .past
                .trend
                .iter()
                .filter(|point| from.is_none_or(|from| point.at >= from))
                .map(RunFigures::from)
                .collect(),
        })
    }
}

/// Writes the findings as CSV.
pub(super) fn write_csv(
    out: &mut dyn std::io::Write,
    destination: &str,
    report: &ScanReport,
    around: &Around<'_>,
    dialect: Dialect,
) -> Result<Receipt, SinkError> {
    csv::write(out, destination, report, &required(report, around), doorward_rules::catalogue(), dialect)
}

/// The hash of this program.
fn build() -> Result<String, Failure> {
    let program = std::env::current_exe()
        .map_err(|e| Failure::new(Exit::Internal, format!("this program cannot find itself: {e}")))?;
    Ok(format!("SHA-256 {}", doorward_sink_evidence::fingerprint(&program)?))
}

fn exceptions(report: &ScanReport, around: &Around<'_>) -> Vec<ExceptionRow> {
    let at = report.run.started;
    let mut notices: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for notice in around.register.usage(&report.load_balancers, &report.findings, at) {
        notices.entry(notice.exception).or_default().push(notice.sentence);
    }
    let entries = around.register.entries(at).into_iter();
    entries
        .map(|entry| {
            let exception = entry.exception;
            ExceptionRow {
                id: exception.id.clone(),
                rule: exception.rule.clone(),
                scope: exception.scope.to_string(),
                reason: exception.reason.clone(),
                risk: exception.risk.clone(),
                compensating_control: exception.compensating_control.clone(),
                requester: exception.requester.clone(),
                approver: exception.approver.clone(),
                ticket: exception.ticket.clone(),
                start: exception.start.starts(),
                last_day: exception.expires.last_day(),
                ends: exception.expires.ends(),
                review: exception.review.map(|review| review.last_day()),
                state: match entry.state {
                    State::Pending => "pending",
                    State::Active => "active",
                    State::Expiring => "expiring",
                    State::Expired => "expired",
                }
                .to_owned(),
                days_left: entry.days_left,
                place: format!("{}:{}", entry.file, entry.line),
                notices: notices.remove(&exception.id).unwrap_or_default(),
            }
        })
        .collect()
}
