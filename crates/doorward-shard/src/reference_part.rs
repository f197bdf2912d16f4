//! Which scan the parts belong to: each names what it was made of, and the scan of most of them is merged.

use std::collections::BTreeMap;

use doorward_model::{Observed, sha256_hex};
use serde::Serialize;
use serde_json::Value;

use crate::part::PartHead;
use crate::part_problem::PartProblem;

/// The values that all parts of one scan share, each with its name for messages.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PartIdentity(Vec<(String, String)>);

impl PartIdentity {
    /// The identity of a part, or of the parts that are read by a plan file with this hash.
    pub(crate) fn of<C: Serialize>(head: &PartHead<C>, of: Option<u32>, plan_file: Option<&str>) -> Self {
        let text = |value: &str| value.to_owned();
        let organization = match &head.organization {
            Observed::Known(organization) => organization.id.clone(),
            _ => format!("the single account {}", head.run.account),
        };
        let run = plan_file.map_or_else(|| text("its own"), |_| head.run.id.clone());
        let mut all = vec![
            (text("the version of Doorward"), head.run.tool_version.clone()),
            (text("the organization"), organization),
            (text("the account of the credentials"), head.run.account.to_string()),
            (text("the partition"), head.run.partition.clone()),
            (text("the plan file (--discovered)"), plan_file.map_or_else(|| text("none"), text)),
            (text("the run"), run),
            (text("the settings of what is read (scope, regions, collect)"), head.reads.clone()),
        ];
        let criteria = serde_json::to_value(&head.criteria).unwrap_or_default();
        if let Value::Object(members) = criteria {
            let named = members.into_iter().map(|(name, value)| {
                let label = match name.as_str() {
                    "policy" => text("the policy"),
                    "exceptions" => text("the exception register"),
                    "settings" => text("a setting (doorward config show)"),
                    other => format!("the setting of {other}"),
                };
                (label, sha256_hex(value.to_string().as_bytes()))
            });
            all.extend(named);
        }
        all.push((text("the plan (its account-Regions)"), head.plan.clone()));
        all.push((text("the record of load balancer counts by which the plan is divided"), head.counts.clone()));
        all.extend(of.map(|of| (text("the number of shards"), of.to_string())));
        Self(all)
    }

    /// The first difference.
    pub(crate) fn difference(&self, other: &Self) -> Option<PartProblem> {
        // The settings as text differ whenever one of them does, and a more exact name comes first.
        let pairs = self.0.iter().zip(&other.0);
        let differ = pairs.filter(|(one, other)| one != other).map(|((name, _), _)| name);
        let first = differ.clone().find(|name| !name.starts_with("a setting")).or_else(|| differ.clone().next());
        match first {
            Some(name) => Some(PartProblem::Foreign(name.clone())),
            None if self.0.len() != other.0.len() => Some(PartProblem::Foreign("the form of the settings".to_owned())),
            None => None,
        }
    }
}

/// The identity of the most parts; of several, that with the newest part.
pub(crate) fn reference<T: Ord + Copy>(parts: &[(PartIdentity, T)]) -> Option<PartIdentity> {
    let mut groups: BTreeMap<&PartIdentity, (usize, T)> = BTreeMap::new();
    for (identity, started) in parts {
        let group = groups.entry(identity).or_insert((0, *started));
        group.0 += 1;
        group.1 = group.1.max(*started);
    }
    groups.into_iter().max_by_key(|(_, weight)| *weight).map(|(identity, _)| identity.clone())
}
