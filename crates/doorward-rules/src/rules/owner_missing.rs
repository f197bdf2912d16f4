//! `owner-missing`: nobody is named as responsible.

use doorward_model::{LoadBalancer, Observed, Policy, Rule, RuleMeta, Severity, Verdict};

use crate::reading;

/// What the rule says of itself.
pub(crate) const META: RuleMeta = RuleMeta {
    id: "owner-missing",
    version: 1,
    title: "Load balancer has no owner",
    severity: Severity::Low,
    what: "Do the load balancer's tags, its account's tags or its organizational unit name somebody who is responsible?",
    why: "Whoever is to change the mode must know what the traffic behind it can bear. Without an owner a finding goes to \
          nobody and stays open.",
    evidence: "The tags from DescribeTags, the account's tags and unit from AWS Organizations, and the owner settings: which \
               tag keys count, aliases, and the map from units to owners. Where one of these could not be read and no \
               stronger one named an owner, the rule does not answer.",
    remediation: "Put one of the configured owner tags on the load balancer or its account, or map its organizational unit \
                  to an owner in the settings.",
    references: &[
        "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-tags.html",
        "https://docs.aws.amazon.com/elasticloadbalancing/latest/classic/add-remove-tags.html",
        "https://docs.aws.amazon.com/organizations/latest/userguide/orgs_tagging.html",
    ],
};

/// See [`META`].
pub(crate) struct OwnerMissing;

impl Rule for OwnerMissing {
    fn meta(&self) -> &'static RuleMeta {
        &META
    }

    fn judge(&self, lb: &LoadBalancer, _policy: &Policy) -> Verdict {
        if let Some(verdict) = reading::beyond_rules(lb) {
            return verdict;
        }
        match &lb.owner {
            Observed::Known(owner) => {
                Verdict::Pass { because: format!("The owner is {}, by {}.", owner.name, owner.source) }
            }
            Observed::Absent => Verdict::Fail {
                because:
                    "Neither a tag of the load balancer or its account nor its organizational unit names an owner."
                        .to_owned(),
                severity: Severity::Low,
                remedy: remedy(lb),
            },
            Observed::Unread(gap) => Verdict::unread("The owner", gap),
        }
    }
}

/// A tag that a manager does not know of is one that it may remove.
fn remedy(lb: &LoadBalancer) -> String {
    match &lb.managed_by {
        Observed::Known(manager) => {
            format!("Add one of the configured owner tags in {manager}, or tag the account, or map its unit to an owner.")
        }
        Observed::Absent | Observed::Unread(_) => {
            "Add one of the configured owner tags to the load balancer, or tag the account, or map its unit to an owner."
                .to_owned()
        }
    }
}
