//! The part of a report that belongs to an audience.

use std::collections::BTreeSet;

use doorward_model::Finding;

use crate::digest::Totals;

/// The part of the report that belongs to an audience.
#[derive(Default)]
pub(crate) struct AudienceShare<'a> {
    pub(super) findings: Vec<&'a Finding>,
    pub(super) totals: Totals,
    /// The names that its owners have in the report.
    pub(super) owners: BTreeSet<&'a str>,
}

impl AudienceShare<'_> {
    /// The number of verdicts in it.
    pub(crate) fn findings(&self) -> usize {
        self.findings.len()
    }

    /// The number of owners.
    pub(crate) fn owners(&self) -> usize {
        self.owners.len()
    }
}
