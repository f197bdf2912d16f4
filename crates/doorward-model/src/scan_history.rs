//! The history of a scan: what earlier scans recorded of its findings, and what they saw that it did not.

use std::collections::BTreeMap;

use crate::{Finding, History, LoadBalancer, ScanReport, Unseen, owner_key};

/// What the ledger knows of a scan, once the scan is recorded or looked up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ScanHistory {
    /// The history of each finding that ever failed, by the finding's id.
    pub findings: BTreeMap<String, History>,
    /// What earlier scans saw and this one did not; absent where no ledger was read.
    pub unseen: Option<Unseen>,
}

/// Gives the owners of what was not seen the spelling that the report has for them.
fn respell(unseen: &mut Unseen, load_balancers: &[LoadBalancer]) {
    let names = load_balancers.iter().filter_map(|lb| lb.owner.known()).map(|owner| owner.name.as_str());
    let spellings: BTreeMap<String, &str> = names.map(|name| (owner_key(name), name)).collect();
    let owners = unseen.load_balancers.iter_mut().map(|lb| &mut lb.owner);
    for owner in owners.chain(unseen.findings.iter_mut().map(|finding| &mut finding.owner)) {
        if let Some(name) = spellings.get(&owner_key(owner)) {
            *owner = (*name).to_owned();
        }
    }
}

impl ScanReport {
    /// The report with this history in the place of the history that it holds. A finding that the history does not name has none.
    pub fn with_history(self, mut history: ScanHistory) -> Self {
        let findings = self.findings.into_iter();
        let findings = findings.map(|finding| Finding { history: history.findings.remove(&finding.id), ..finding });
        if let Some(unseen) = &mut history.unseen {
            respell(unseen, &self.load_balancers);
        }
        Self { findings: findings.collect(), unseen: history.unseen, ..self }
    }
}
