//! What to plan: the goal, and the load balancers that are considered.

use std::collections::{BTreeMap, BTreeSet};

use doorward_model::{AccountId, Arn, LoadBalancer, Region, ReportFilter, ScanReport};

use super::goal::{Goal, Insistence};
use super::owner;

/// What to plan. Empty lists select all load balancers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanRequest {
    /// The goal.
    pub goal: Goal,
    /// Owners, by name, case-insensitive.
    pub owners: Vec<String>,
    /// Accounts.
    pub accounts: Vec<AccountId>,
    /// Regions.
    pub regions: Vec<Region>,
    /// Load balancers.
    pub load_balancers: Vec<Arn>,
    /// Whether a mode may also be lowered.
    pub lower: bool,
    /// Overridden guards, by load balancer.
    pub insisted: BTreeMap<Arn, Insistence>,
}

impl PlanRequest {
    /// A request for all load balancers.
    pub fn new(goal: Goal) -> Self {
        Self {
            goal,
            owners: Vec::new(),
            accounts: Vec::new(),
            regions: Vec::new(),
            load_balancers: Vec::new(),
            lower: false,
            insisted: BTreeMap::new(),
        }
    }

    /// Whether a load balancer is requested; none if that depends on its owner, which could not be read.
    pub(super) fn covers(&self, lb: &LoadBalancer) -> Option<bool> {
        let within = (self.accounts.is_empty() || self.accounts.contains(&lb.account))
            && (self.regions.is_empty() || self.regions.contains(&lb.region))
            && (self.load_balancers.is_empty() || self.load_balancers.contains(&lb.arn));
        if !within || self.owners.is_empty() {
            return Some(within);
        }
        let name = owner(lb)?;
        let name = doorward_model::owner_key(&name);
        Some(self.owners.iter().any(|owner| doorward_model::owner_key(owner) == name))
    }

    /// The criteria in words: `owner payments; Region eu-west-1`; none if every load balancer is considered.
    pub(super) fn criteria(&self) -> Option<String> {
        fn words<T: ToString>(name: &str, values: &[T]) -> Option<String> {
            let values: Vec<String> = values.iter().map(ToString::to_string).collect();
            (!values.is_empty()).then(|| format!("{name} {}", values.join(" or ")))
        }
        let parts = [
            words("owner", &self.owners),
            words("account", &self.accounts),
            words("Region", &self.regions),
            words("load balancer", &self.load_balancers),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        (!parts.is_empty()).then(|| parts.join("; "))
    }

    /// A criterion that selects nothing that the scan knows: its flag, the value and the known values. The plan would read as if nothing
    /// had to be changed. None where what is known is incomplete, because the value may then be right.
    pub fn unmatched(&self, report: &ScanReport) -> Option<(&'static str, String, Vec<String>)> {
        let accounts = self.accounts.iter().map(ToString::to_string).collect();
        let filter = ReportFilter { owners: self.owners.clone(), accounts, ..ReportFilter::default() };
        if let Some((flag, value, known)) = filter.unmatched(report) {
            return Some((flag, value.to_owned(), known));
        }
        let lines = &report.coverage.lines;
        let known: BTreeSet<String> = lines.iter().filter_map(|line| Some(line.region.as_ref()?.to_string())).collect();
        // A line without a Region stands for Regions that could not be listed.
        let is_listed = lines.iter().all(|line| line.region.is_some());
        let unknown =
            self.regions.iter().map(ToString::to_string).find(|region| is_listed && !known.contains(region))?;
        Some(("--region", unknown, known.into_iter().collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Goal;

    #[test]
    fn criteria_are_words() {
        let mut request = PlanRequest::new(Goal::Required);
        assert_eq!(request.criteria(), None);
        request.owners = vec!["payments".to_owned(), "search".to_owned()];
        request.regions = vec![Region::new("eu-west-1").expect("a Region")];
        assert_eq!(request.criteria().as_deref(), Some("owner payments or search; Region eu-west-1"));
    }
}
