//! Evidence for auditors: a folder of packs, each of which names the previous one.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use doorward_file::create_private_folder;
use doorward_model::{Framework, Receipt, ScanReport, Sink, SinkContext, SinkError, SinkFuture, frameworks};
use doorward_rules::exceptions::State;
use doorward_sink_evidence::{
    Attachment, Context, Earlier, ExceptionRow, Limits, Pack, Period, RunFigures, Sampling, SigningKey,
};
use doorward_sink_text::json;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{SinkInputs, owners};
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

/// Writes evidence packs.
struct EvidenceSink<'a> {
    folder: PathBuf,
    key: Option<SigningKey>,
    build: String,
    controls: Vec<Framework>,
    /// The newest pack in the folder, which the new one follows; read by the preflight.
    earlier: OnceLock<Option<Earlier>>,
    inputs: SinkInputs<'a>,
}

/// Makes the sink. Reads the signing key.
pub(super) fn make<'a>(folder: &Path, inputs: SinkInputs<'a>) -> Result<Box<dyn Sink + 'a>, Failure> {
    Ok(Box::new(EvidenceSink {
        folder: folder.to_owned(),
        key: inputs.settings.evidence.key()?,
        build: inputs.build.map_or_else(program_hash, |build| Ok(build.to_owned()))?,
        controls: frameworks().map_err(|e| Failure::new(Exit::Internal, e.to_string()))?.to_vec(),
        earlier: OnceLock::new(),
        inputs,
    }))
}

impl EvidenceSink<'_> {
    fn check(&self) -> Result<(), SinkError> {
        let folder = &self.folder;
        create_private_folder(folder)
            .map_err(|e| error(format!("{}: the folder cannot be created: {e}", folder.display())))?;
        let own = self.key.as_ref().map(SigningKey::public);
        let earlier = doorward_sink_evidence::newest(folder, own.as_ref())?;
        self.earlier.set(earlier).map_err(|_| error("the folder was checked twice".to_owned()))
    }

    /// Writes the pack of a report, in a folder named after the run.
    fn write(&self, report: &ScanReport, context: &SinkContext<'_>) -> Result<Receipt, SinkError> {
        let exit_code = context.exit_code;
        let scan = |out: &mut dyn Write| json::write(out, report, exit_code).map(|_| ());
        let context = self.context(report, context);
        let pack = Pack {
            report,
            scan: Attachment::Writer(&scan),
            context: &context,
            key: self.key.as_ref(),
            limits: Limits::default(),
        };
        let written = doorward_sink_evidence::write(&self.folder.join(&report.run.id), &pack)?;
        if !self.inputs.options.quiet {
            let _ = writeln!(
                std::io::stderr(),
                "evidence: {} · keep this hash elsewhere: it proves that the pack was not replaced: {}",
                written.receipt.destination,
                written.link.manifest_sha256
            );
        }
        Ok(written.receipt)
    }

    fn context(&self, report: &ScanReport, context: &SinkContext<'_>) -> Context {
        let settings = &self.inputs.settings.evidence;
        let earlier = self.earlier.get().and_then(Option::as_ref);
        let from = earlier.map(|earlier| earlier.link.finished);
        let history = context.history;
        // The first pack holds everything that the ledger knows, so its period begins with the earliest of that.
        let known = history.trend.iter().map(|point| point.at).chain(
            history.modes.iter().flatten().map(|change| change.before.as_ref().map_or(change.after.at, |seen| seen.at)),
        );
        let start = from.or_else(|| known.min()).filter(|start| *start < report.run.finished);
        Context {
            build: self.build.clone(),
            settings: self.inputs.settings_text.to_owned(),
            clock_offset: report.run.clock_offset.map(jiff::SignedDuration::from_secs),
            period: Period { from: start, until: start.map(|_| report.run.finished) },
            previous: earlier.map(|earlier| earlier.link.clone()),
            sampling: Sampling { size: settings.sample, seed: settings.seed.clone() },
            required: owners::required(report, self.inputs.policy),
            rules: doorward_rules::catalogue().to_vec(),
            controls: self.controls.clone(),
            exceptions: self.inputs.register.is_configured().then(|| exceptions(report, &self.inputs)),
            changes: history.modes.as_ref().map(|changes| {
                let since = changes.iter().filter(|change| from.is_none_or(|from| change.after.at > from));
                since.cloned().collect()
            }),
            previous_figures: earlier.map(|earlier| earlier.figures.clone()),
            trend: history
                .trend
                .iter()
                .filter(|point| from.is_none_or(|from| point.at >= from))
                .map(RunFigures::from)
                .collect(),
        }
    }
}

impl Sink for EvidenceSink<'_> {
    fn name(&self) -> &str {
        "evidence"
    }

    fn preflight(&self) -> SinkFuture<'_, ()> {
        Box::pin(std::future::ready(self.check()))
    }

    fn emit<'a>(&'a self, report: &'a ScanReport, context: SinkContext<'a>) -> SinkFuture<'a, Receipt> {
        Box::pin(std::future::ready(self.write(report, &context)))
    }
}

fn error(problem: String) -> SinkError {
    SinkError { sink: "evidence".to_owned(), problem }
}

/// The hash of this program.
fn program_hash() -> Result<String, Failure> {
    let program = std::env::current_exe()
        .map_err(|e| Failure::new(Exit::Internal, format!("the path of this program is not known: {e}")))?;
    Ok(format!("SHA-256 {}", doorward_sink_evidence::fingerprint(&program)?))
}

fn exceptions(report: &ScanReport, inputs: &SinkInputs<'_>) -> Vec<ExceptionRow> {
    let at = report.run.started;
    let mut notices: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for notice in inputs.register.usage(&report.load_balancers, &report.findings, at) {
        notices.entry(notice.exception).or_default().push(notice.sentence);
    }
    let entries = inputs.register.entries(at).into_iter();
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
