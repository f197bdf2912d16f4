//! `owner-missing`: the load balancer has no owner.

use doorward_model::{LoadBalancer, Observed, Policy, Rule, RuleMeta, Severity, Verdict, VerdictReason};

use crate::preconditions;

/// The definition of the rule.
pub(crate) const META: RuleMeta = RuleMeta {
    id: "owner-missing",
    version: 1,
    title: "Load balancer has no owner",
    severity: Severity::Low,
    adjustments: &[],
    reasons: &[
        VerdictReason::NoOwner,
        VerdictReason::OwnerNamed,
        VerdictReason::OwnerUnread,
        VerdictReason::KindUnrecognized,
        VerdictReason::NotApplicableKind,
    ],
    what: "Do the tags of the load balancer, the tags of its account or its organizational unit (OU) name an owner?",
    why: "Changing the mode safely requires knowledge of the application behind the load balancer. A finding without \
         an owner has no recipient and stays open.",
    evidence: "The tags from DescribeTags, the account's tags and OU from AWS Organizations, and the owner settings: tag keys, \
               aliases, and the map from OUs to owners. If a source could not be read and no source before it names an owner, \
               the verdict is unknown.",
    remediation: "Add one of the configured owner tags to the load balancer or its account, or map its organizational unit \
                  (OU) to an owner in the settings.",
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
        if let Some(verdict) = preconditions::not_judgeable(lb) {
            return verdict;
        }
        match &lb.owner {
            Observed::Known(owner) => Verdict::Pass {
                reason: VerdictReason::OwnerNamed,
                because: format!("The owner is {}, by {}.", owner.name, owner.source),
            },
            Observed::Absent => Verdict::Fail {
                reason: VerdictReason::NoOwner,
                because:
                    "Neither a tag of the load balancer or its account nor its organizational unit names an owner."
                        .to_owned(),
                severity: META.severity_of(VerdictReason::NoOwner, lb),
                remedy: remedy(lb),
            },
            Observed::Unread(gap) => Verdict::unread(VerdictReason::OwnerUnread, "The owner", gap),
        }
    }
}

/// The manager of a load balancer may remove a tag that its own configuration lacks.
fn remedy(lb: &LoadBalancer) -> String {
    match &lb.managed_by {
        Observed::Known(manager) => {
            format!("Add one of the configured owner tags in {manager}, tag the account, or map its OU to an owner.")
        }
        Observed::Absent | Observed::Unread(_) => {
            "Add one of the configured owner tags to the load balancer, tag the account, or map its OU to an owner."
                .to_owned()
        }
    }
}
