//! The inputs of judging besides the inventory. They are stored with a scan, so that it always gets the same verdicts.

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    AppliedChange, Arn, Edit, InCode, LoadBalancer, LoadBalancerCost, ScanReport, TrackedSource, Traffic, Usage,
};

/// The data that is joined to load balancers, by ARN.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Inputs {
    /// The traffic evidence, as evaluated at the time.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub traffic: BTreeMap<Arn, Arc<Traffic>>,
    /// Doorward's changes of modes, the oldest of each load balancer first; also of load balancers that the scan did not find.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub changes: BTreeMap<Arn, Vec<AppliedChange>>,
    /// The authors of the current modes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub edits: BTreeMap<Arn, Edit>,
    /// The declarations.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub declared: BTreeMap<Arn, Arc<InCode>>,
    /// The sources of non-compliant requests that are followed from scan to scan.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tracked: BTreeMap<Arn, Vec<TrackedSource>>,
    /// How much load balancers were used.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub usage: BTreeMap<Arn, Arc<Usage>>,
    /// The costs of load balancers.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub costs: BTreeMap<Arn, Arc<LoadBalancerCost>>,
}

impl Inputs {
    /// The inputs of a report.
    pub fn of(report: &ScanReport) -> Self {
        let mut inputs = Self { changes: report.changes_unfound.clone(), ..Self::default() };
        report.load_balancers.iter().for_each(|lb| inputs.add(lb));
        inputs
    }

    fn add(&mut self, lb: &LoadBalancer) {
        let arn = &lb.arn;
        self.traffic.extend(lb.traffic.iter().map(|traffic| (arn.clone(), traffic.clone())));
        self.edits.extend(lb.edited.iter().map(|edit| (arn.clone(), edit.as_ref().clone())));
        self.usage.extend(lb.usage.iter().map(|usage| (arn.clone(), usage.clone())));
        self.costs.extend(lb.cost.iter().map(|cost| (arn.clone(), cost.clone())));
        self.declared.extend(lb.declared.iter().map(|declared| (arn.clone(), declared.clone())));
        if !lb.tracked_sources.is_empty() {
            self.tracked.insert(arn.clone(), lb.tracked_sources.clone());
        }
        if !lb.changes.is_empty() {
            self.changes.insert(arn.clone(), lb.changes.clone());
        }
    }

    /// Whether nothing was joined.
    pub fn is_empty(&self) -> bool {
        let Self { traffic, changes, edits, declared, tracked, usage, costs } = self;
        let rest = [edits.is_empty(), declared.is_empty(), tracked.is_empty(), usage.is_empty(), costs.is_empty()];
        traffic.is_empty() && changes.is_empty() && rest.into_iter().all(|is_empty| is_empty)
    }

    /// The same, split by account and Region.
    pub fn by_place(self) -> BTreeMap<(String, String), Self> {
        fn place(arn: &Arn) -> (String, String) {
            (arn.account().to_owned(), arn.region().to_owned())
        }
        let Self { traffic, changes, edits, declared, tracked, usage, costs } = self;
        let mut places: BTreeMap<(String, String), Self> = BTreeMap::new();
        for (arn, value) in traffic {
            places.entry(place(&arn)).or_default().traffic.insert(arn, value);
        }
        for (arn, value) in changes {
            places.entry(place(&arn)).or_default().changes.insert(arn, value);
        }
        for (arn, value) in edits {
            places.entry(place(&arn)).or_default().edits.insert(arn, value);
        }
        for (arn, value) in declared {
            places.entry(place(&arn)).or_default().declared.insert(arn, value);
        }
        for (arn, value) in tracked {
            places.entry(place(&arn)).or_default().tracked.insert(arn, value);
        }
        for (arn, value) in usage {
            places.entry(place(&arn)).or_default().usage.insert(arn, value);
        }
        for (arn, value) in costs {
            places.entry(place(&arn)).or_default().costs.insert(arn, value);
        }
        places
    }

    /// Adds other inputs, which override those of the same load balancer.
    pub fn extend(&mut self, others: Self) {
        let Self { traffic, changes, edits, declared, tracked, usage, costs } = others;
        self.traffic.extend(traffic);
        self.changes.extend(changes);
        self.edits.extend(edits);
        self.declared.extend(declared);
        self.tracked.extend(tracked);
        self.usage.extend(usage);
        self.costs.extend(costs);
    }

    /// Removes the inputs of one load balancer.
    pub fn forget(&mut self, arn: &Arn) {
        self.traffic.remove(arn);
        self.changes.remove(arn);
        self.edits.remove(arn);
        self.declared.remove(arn);
        self.tracked.remove(arn);
        self.usage.remove(arn);
        self.costs.remove(arn);
    }
}
