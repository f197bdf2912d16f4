//! What of a report belongs to an audience.

use std::collections::BTreeSet;

use doorward_model::Finding;

use crate::digest::Totals;

/// What of the report belongs to an audience.
#[derive(Default)]
pub(crate) struct Share<'a> {
    pub(super) findings: Vec<&'a Finding>,
    pub(super) totals: Totals,
    /// The names that its owners have in the report.
    pub(super) owners: BTreeSet<&'a str>,
}

impl Share<'_> {
    /// How many verdicts of the report it has.
    pub(crate) fn findings(&self) -> usize {
        self.findings.len()
    }

    /// How many owners.
    pub(crate) fn owners(&self) -> usize {
        self.owners.len()
    }
}
