//! `invalid-headers-forwarded`: header fields with invalid names reach the targets.

use doorward_model::{
    Adjustment, Kind, LoadBalancer, Mode, Observed, Policy, Reachability, Rule, RuleMeta, Severity, Verdict,
    VerdictReason,
};

use crate::{preconditions, remediation};

/// The definition of the rule.
pub(crate) const META: RuleMeta = RuleMeta {
    id: "invalid-headers-forwarded",
    version: 1,
    title: "Invalid header fields are forwarded",
    severity: Severity::Low,
    adjustments: &[Adjustment::Reachable(1), Adjustment::Reason(VerdictReason::InvalidHeadersForwardedInStrictest, -1)],
    reasons: &[
        VerdictReason::InvalidHeadersForwarded,
        VerdictReason::InvalidHeadersForwardedInStrictest,
        VerdictReason::InvalidHeadersAgainstPreset,
        VerdictReason::InvalidHeadersDropped,
        VerdictReason::DropInvalidUnread,
        VerdictReason::DropInvalidNotReported,
        VerdictReason::KindUnrecognized,
        VerdictReason::NotApplicableKind,
        VerdictReason::NotApplicableNoDropInvalid,
    ],
    what: "Does this application load balancer remove header fields whose names are invalid, before it forwards a request?",
    why: "The desync mitigation mode is one of two controls. A header such as `Host : x` is Acceptable in AWS's \
         classification, so defensive forwards it, and a target that reads it as a Host header sees a different \
         request than the load balancer. Research published in 2025 attacked applications behind application load \
         balancers in this way. Sources disagree on this attribute. AWS's \
          Elastic Load Balancing best practices guide (as published on 2026-11-29) recommends strictest after monitoring, and \
          calls this attribute deprecated for that purpose. AWS Security Hub's note on ELB.4 (as published on 2026-11-29) \
          accepts that it is off where the mode is defensive or strictest (ELB.12). PortSwigger's paper of 2025-08-06 \
          recommends strictest together with this attribute.",
    evidence: "The attribute routing.http.drop_invalid_header_fields.enabled from DescribeLoadBalancerAttributes. \
         Mode and reachability only change the severity: strictest blocks requests with such names, so a failure is \
         less severe there. An unknown mode is rated as one that forwards them.",
    remediation: "Set routing.http.drop_invalid_header_fields.enabled to true in the tool that manages the load balancer. The \
                  load balancer then removes every header field whose name does not match `[-A-Za-z0-9]+`, names with an \
                  underscore among them. Access logs do not contain header names, so the effect cannot be predicted: \
                  it is unknown which clients depend on such a header. `doorward plan --drop-invalid` changes a \
                  canary first and \
                  watches it.",
    references: &[
        "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-load-balancer-attributes.html#drop-invalid-header-fields",
        "https://docs.aws.amazon.com/securityhub/latest/userguide/elb-controls.html#elb-4",
        "https://aws.github.io/aws-elb-best-practices/security/vulnerability_management/",
        "https://portswigger.net/research/http1-must-die",
    ],
};

/// See [`META`].
pub(crate) struct InvalidHeadersForwarded;

impl Rule for InvalidHeadersForwarded {
    fn meta(&self) -> &'static RuleMeta {
        &META
    }

    fn judge(&self, lb: &LoadBalancer, policy: &Policy) -> Verdict {
        if let Some(verdict) = preconditions::not_judgeable(lb) {
            return verdict;
        }
        if lb.kind == Kind::Classic {
            return Verdict::NotApplicable {
                reason: VerdictReason::NotApplicableNoDropInvalid,
                because: "A classic load balancer has no attribute that removes invalid header fields.".to_owned(),
            };
        }
        match &lb.drop_invalid_headers {
            Observed::Known(true) => Verdict::Pass {
                reason: VerdictReason::InvalidHeadersDropped,
                because: "Header fields with invalid names are removed.".to_owned(),
            },
            Observed::Known(false) => failure(lb, policy),
            Observed::Absent => Verdict::Unknown {
                reason: VerdictReason::DropInvalidNotReported,
                because: format!("AWS's response did not contain the attribute {}.", remediation::DROP_INVALID),
                gaps: vec![preconditions::not_reported(
                    remediation::DROP_INVALID,
                    "elasticloadbalancing:DescribeLoadBalancerAttributes",
                )],
            },
            Observed::Unread(gap) => {
                Verdict::unread(VerdictReason::DropInvalidUnread, "Whether invalid header fields are removed", gap)
            }
        }
    }
}

fn failure(lb: &LoadBalancer, policy: &Policy) -> Verdict {
    // What was not read may be reachable.
    let may_be_reached = !lb.reachability.known().is_some_and(Reachability::is_internal);
    let (reason, effect) = match &lb.mode {
        Observed::Known(Mode::Strictest) if policy.requires_dropped_headers() && may_be_reached => (
            VerdictReason::InvalidHeadersAgainstPreset,
            "The preset research-2026 requires their removal in addition to strictest.".to_owned(),
        ),
        Observed::Known(Mode::Strictest) => (
            VerdictReason::InvalidHeadersForwardedInStrictest,
            "The mode is strictest, which blocks most requests that contain them.".to_owned(),
        ),
        Observed::Known(mode) => {
            (VerdictReason::InvalidHeadersForwarded, format!("The mode is {mode}, which forwards them."))
        }
        Observed::Absent | Observed::Unread(_) => (
            VerdictReason::InvalidHeadersForwarded,
            "The mode is not known, so it is rated as a mode that forwards them.".to_owned(),
        ),
    };
    Verdict::Fail {
        reason,
        because: format!("Header fields with invalid names are not removed. {effect} {}", preconditions::exposure(lb)),
        severity: META.severity_of(reason, lb),
        remedy: format!("{} {}", remediation::drop_invalid_headers(lb), remediation::DROP_INVALID_CAUTION),
    }
}
