//! What a digest says of the scan that it is about.

use doorward_model::Observed;

use super::Composer;
use crate::digest::{Scan, edit_sentence};

impl Composer<'_> {
    /// The scan of the report.
    pub(super) fn scan(&self) -> Scan {
        let (run, coverage) = (&self.report.run, &self.report.coverage);
        Scan {
            run: run.id.clone(),
            finished: run.finished,
            observed: self.report.observed(),
            tool_version: run.tool_version.clone(),
            organization: match &self.report.organization {
                Observed::Known(organization) => organization.id.clone(),
                Observed::Absent | Observed::Unread(_) => run.account.to_string(),
            },
            interrupted: run.interrupted,
            accounts_listed: coverage.accounts_listing.is_full(),
            account_regions: coverage.counts.in_scope(),
            account_regions_complete: coverage.counts.complete,
            only: run.only.as_ref().map(|arn| arn.as_str().to_owned()),
            edited: run
                .only
                .as_ref()
                .and_then(|arn| self.load_balancers.get(arn)?.edited.as_deref())
                .map(edit_sentence),
        }
    }
}
