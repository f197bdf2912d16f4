//! The folder of summaries, one per owner.

use std::path::{Path, PathBuf};

use doorward_file::create_private_folder;
use doorward_model::{Receipt, ScanReport, Sink, SinkContext, SinkError, SinkFuture};
use doorward_sink_owners as owners;

use super::SinkInputs;
use crate::exit::Failure;

/// Writes a folder with a summary for each owner.
struct OwnersSink<'a> {
    folder: PathBuf,
    inputs: SinkInputs<'a>,
}

/// Makes the sink.
pub(super) fn make<'a>(folder: &Path, inputs: SinkInputs<'a>) -> Result<Box<dyn Sink + 'a>, Failure> {
    Ok(Box::new(OwnersSink { folder: folder.to_owned(), inputs }))
}

impl OwnersSink<'_> {
    fn write(&self, report: &ScanReport, context: &SinkContext<'_>) -> Result<Receipt, SinkError> {
        let settings = &self.inputs.settings.owners;
        let context = owners::Context {
            required: doorward_rules::required_modes(&report.load_balancers, self.inputs.policy),
            rules: doorward_rules::definitions(),
            previous: context.history.before.clone(),
            cost_centre_tags: settings.cost_centre_tags.clone(),
            account_contacts: settings.contacts.clone(),
            ask: settings.ask.clone(),
            due_days: settings.due_days,
            templates_dir: settings.templates_dir.clone(),
        };
        owners::write(&self.folder, report, &context)
    }

    fn check(&self) -> Result<(), SinkError> {
        create_private_folder(&self.folder).map_err(|e| SinkError {
            sink: "owners".to_owned(),
            problem: format!("{}: the folder cannot be created: {e}", self.folder.display()),
        })
    }
}

impl Sink for OwnersSink<'_> {
    fn name(&self) -> &str {
        "owners"
    }

    fn preflight(&self) -> SinkFuture<'_, ()> {
        Box::pin(std::future::ready(self.check()))
    }

    fn emit<'a>(&'a self, report: &'a ScanReport, context: SinkContext<'a>) -> SinkFuture<'a, Receipt> {
        Box::pin(std::future::ready(self.write(report, &context)))
    }
}
