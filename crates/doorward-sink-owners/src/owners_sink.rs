//! The sink of `--format owners=DIR`.

use std::path::PathBuf;

use doorward_model::{CodeLink, Policy, Receipt, ScanReport, Sink, SinkContext, SinkError, SinkFuture};

use crate::{NAME, OwnersContext, OwnersSettings, folder, write};

/// Writes a folder with a summary for each owner.
pub struct OwnersSink<'a> {
    /// The folder.
    pub folder: PathBuf,
    /// The settings.
    pub settings: &'a OwnersSettings,
    /// The required modes.
    pub policy: &'a Policy,
    /// Links to the files that declare load balancers.
    pub code_link: Option<CodeLink>,
}

impl OwnersSink<'_> {
    fn write(&self, report: &ScanReport, context: &SinkContext<'_>) -> Result<Receipt, SinkError> {
        let settings = self.settings;
        let context = OwnersContext {
            required: doorward_rules::required_modes(&report.load_balancers, self.policy),
            rules: doorward_rules::definitions(),
            previous: context.history.before.clone(),
            history: context.history.clone(),
            cost_centre_tags: settings.cost_centre_tags.clone(),
            account_contacts: settings.contacts.clone(),
            ask: settings.ask.clone(),
            due_days: settings.due_days,
            templates_dir: settings.templates_dir.clone(),
            code_link: self.code_link.clone(),
        };
        write(&self.folder, report, &context)
    }

    fn check(&self) -> Result<(), SinkError> {
        folder::make(&self.folder)
    }
}

impl Sink for OwnersSink<'_> {
    fn name(&self) -> &str {
        NAME
    }

    fn preflight(&self) -> SinkFuture<'_, ()> {
        Box::pin(std::future::ready(self.check()))
    }

    fn emit<'a>(&'a self, report: &'a ScanReport, context: SinkContext<'a>) -> SinkFuture<'a, Receipt> {
        Box::pin(std::future::ready(self.write(report, &context)))
    }
}
