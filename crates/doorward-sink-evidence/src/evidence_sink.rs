//! The sink of `--format evidence=DIR`: a folder of packs, each of which names the previous one.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::PathBuf;

use doorward_file::create_private_folder;
use doorward_model::{
    Arn, Frameworks, Policy, Receipt, ReportFilter, RequiredMode, ScanReport, Sink, SinkContext, SinkError, SinkFuture,
};
use doorward_rules::exceptions::Register;

use crate::error::SINK;
use crate::folder_lock::LockedFolder;
use crate::write::write;
use crate::{
    Attachment, Earlier, EvidenceSettings, Pack, PackContext, Period, RunFigures, Sampling, SheetLimits, SigningKey,
    TriggersOf, exception_rows, newest,
};

/// Writes the whole report as JSON, with the exit code of the program.
pub type WriteScan = fn(&mut dyn Write, &ScanReport, &BTreeMap<Arn, RequiredMode>, ReportPart<'_>) -> io::Result<()>;

/// The context of a scan that is written, and the filter that selected a part of it.
pub type ReportPart<'a> = (&'a SinkContext<'a>, Option<&'a ReportFilter>);

/// Writes evidence packs.
pub struct EvidenceSink<'a> {
    /// The folder of packs.
    pub folder: PathBuf,
    /// The key that signs them.
    pub key: Option<SigningKey>,
    /// The name of this build.
    pub build: String,
    /// Control frameworks.
    pub frameworks: &'a Frameworks,
    /// The part of the scan that a pack is evidence of; the whole scan without one.
    pub filter: Option<&'a ReportFilter>,
    /// The settings of evidence.
    pub settings: &'a EvidenceSettings,
    /// All settings as text, which evidence quotes.
    pub settings_text: &'a str,
    /// The required modes.
    pub policy: &'a Policy,
    /// The exceptions.
    pub register: &'a Register,
    /// Tag keys that name a cost centre, in order.
    pub cost_centre_tags: &'a [String],
    /// Which published triggers reach the targets of a load balancer.
    pub triggers: TriggersOf,
    /// Writes the scan that lies beside the sheets.
    pub scan: WriteScan,
    /// Where the hash of a new pack is reported.
    pub notice: fn(&str),
}

impl EvidenceSink<'_> {
    fn check(&self) -> Result<(), SinkError> {
        let folder = &self.folder;
        create_private_folder(folder)
            .map_err(|e| error(format!("{}: the folder cannot be created: {e}", folder.display())))?;
        self.earlier().map(|_| ())
    }

    /// The newest pack in the folder, which a new one follows; none where there is no pack yet.
    fn earlier(&self) -> Result<Option<Earlier>, SinkError> {
        let folder = &self.folder;
        let own = self.key.as_ref().map(SigningKey::public);
        let earlier = newest(folder, own.as_ref())?;
        let scope = self.filter.map(ToString::to_string);
        if let Some(earlier) = earlier.as_ref().filter(|earlier| earlier.scope != scope) {
            let words = |scope: &Option<String>| scope.clone().unwrap_or_else(|| "the whole scan".to_owned());
            return Err(error(format!(
                "{}: the packs in this folder cover {}, but this one covers {}; a chain has one scope, so name \
                 another folder",
                folder.display(),
                words(&earlier.scope),
                words(&scope)
            )));
        }
        Ok(earlier)
    }

    /// Writes the pack of a report, in a folder named after the run.
    fn write(&self, report: &ScanReport, context: &SinkContext<'_>) -> Result<Receipt, SinkError> {
        // Another scan may have added a pack since the preflight: the new one follows the newest one of now.
        let _locked = LockedFolder::of(&self.folder, self.notice)?;
        let earlier = self.earlier()?;
        let sink = context;
        let context = self.context(report, sink, earlier.as_ref());
        let scan = |out: &mut dyn Write| (self.scan)(out, report, &context.required, (sink, self.filter));
        let pack = Pack {
            report,
            scan: Attachment::Writer(&scan),
            context: &context,
            key: self.key.as_ref(),
            limits: SheetLimits::default(),
        };
        let written = write(&self.folder.join(&report.run.id), &pack)?;
        (self.notice)(&format!(
            "evidence: {} · keep this hash outside the folder; it proves that the pack was not replaced: {}",
            written.receipt.destination, written.link.manifest_sha256
        ));
        Ok(written.receipt)
    }

    fn context(&self, report: &ScanReport, context: &SinkContext<'_>, earlier: Option<&Earlier>) -> PackContext {
        let settings = self.settings;
        let from = earlier.map(|earlier| earlier.link.finished);
        let history = context.history;
        // The first pack holds everything that the ledger knows, so its period begins with the earliest of that.
        let known = history.trend.iter().map(|point| point.at).chain(
            history.modes.iter().flatten().map(|change| change.before.as_ref().map_or(change.after.at, |seen| seen.at)),
        );
        let start = from.or_else(|| known.min()).filter(|start| *start < report.run.finished);
        PackContext {
            build: self.build.clone(),
            scope: self.filter.map(ToString::to_string),
            settings: self.settings_text.to_owned(),
            clock_offset: report.run.clock_offset.map(jiff::SignedDuration::from_secs),
            period: Period { from: start, until: start.map(|_| report.run.finished) },
            previous: earlier.map(|earlier| earlier.link.clone()),
            sampling: Sampling { size: settings.sample, seed: settings.seed.clone() },
            required: doorward_rules::required_modes(&report.load_balancers, self.policy),
            rules: doorward_rules::catalogue().to_vec(),
            controls: self.frameworks.all().cloned().collect(),
            exceptions: self.register.is_configured().then(|| exception_rows(self.register, report)),
            changes: history.modes.as_ref().map(|changes| {
                let since = changes.iter().filter(|change| from.is_none_or(|from| change.after.at > from));
                since.cloned().collect()
            }),
            attribute_changes: history.attribute_changes.clone(),
            // Before the first pack there is no period; what the run before counted is the state that this one is compared with.
            previous_figures: earlier.map(|earlier| earlier.figures.clone()).or_else(|| {
                let before = history.before.as_ref()?;
                history.trend.iter().find(|point| point.run == before.run).map(RunFigures::from)
            }),
            trend: history
                .trend
                .iter()
                .filter(|point| from.is_none_or(|from| point.at >= from))
                .map(RunFigures::from)
                .collect(),
            kpis: history.kpis.clone().unwrap_or_default(),
            cost_centre_tags: self.cost_centre_tags.to_vec(),
            triggers: Some(self.triggers),
        }
    }
}

impl Sink for EvidenceSink<'_> {
    fn name(&self) -> &str {
        SINK
    }

    fn preflight(&self) -> SinkFuture<'_, ()> {
        Box::pin(std::future::ready(self.check()))
    }

    fn emit<'a>(&'a self, report: &'a ScanReport, context: SinkContext<'a>) -> SinkFuture<'a, Receipt> {
        Box::pin(std::future::ready(self.write(report, &context)))
    }
}

fn error(problem: String) -> SinkError {
    SinkError { sink: SINK.to_owned(), problem }
}
