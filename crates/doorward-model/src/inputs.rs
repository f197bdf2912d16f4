//! What a scan was judged with besides what it read from AWS: kept with it, so that it is judged the same for ever.

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{AppliedChange, Arn, Edit, InCode, LoadBalancer, ScanReport, Traffic};

/// Everything that was joined to load balancers before or after they were judged, by ARN.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Inputs {
    /// What the requests said, as it was weighed then.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub traffic: BTreeMap<Arn, Arc<Traffic>>,
    /// What Doorward did to the modes, the oldest change of each first; also of load balancers that the scan did not find.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub changes: BTreeMap<Arn, Vec<AppliedChange>>,
    /// Who left load balancers in their modes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub edits: BTreeMap<Arn, Edit>,
    /// Where load balancers are declared.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub declared: BTreeMap<Arn, Arc<InCode>>,
}

impl Inputs {
    /// What a report was judged with.
    pub fn of(report: &ScanReport) -> Self {
        let mut inputs = Self { changes: report.changes_unfound.clone(), ..Self::default() };
        report.load_balancers.iter().for_each(|lb| inputs.add(lb));
        inputs
    }

    fn add(&mut self, lb: &LoadBalancer) {
        let arn = &lb.arn;
        self.traffic.extend(lb.traffic.iter().map(|traffic| (arn.clone(), traffic.clone())));
        self.edits.extend(lb.edited.iter().map(|edit| (arn.clone(), edit.clone())));
        self.declared.extend(lb.declared.iter().map(|declared| (arn.clone(), declared.clone())));
        if !lb.changes.is_empty() {
            self.changes.insert(arn.clone(), lb.changes.clone());
        }
    }

    /// Whether nothing was joined.
    pub fn is_empty(&self) -> bool {
        let Self { traffic, changes, edits, declared } = self;
        traffic.is_empty() && changes.is_empty() && edits.is_empty() && declared.is_empty()
    }

    /// The same, split by account and Region.
    pub fn by_place(self) -> BTreeMap<(String, String), Self> {
        fn place(arn: &Arn) -> (String, String) {
            (arn.account().to_owned(), arn.region().to_owned())
        }
        let Self { traffic, changes, edits, declared } = self;
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
        places
    }

    /// Takes in others, which win where both say something of a load balancer.
    pub fn extend(&mut self, others: Self) {
        let Self { traffic, changes, edits, declared } = others;
        self.traffic.extend(traffic);
        self.changes.extend(changes);
        self.edits.extend(edits);
        self.declared.extend(declared);
    }

    /// Drops everything that is known of one load balancer.
    pub fn forget(&mut self, arn: &Arn) {
        self.traffic.remove(arn);
        self.changes.remove(arn);
        self.edits.remove(arn);
        self.declared.remove(arn);
    }
}
