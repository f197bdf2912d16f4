//! `upstream-http1`: targets that could be sent HTTP/2 are sent HTTP/1.1.

use doorward_model::{
    GapReason, Kind, LoadBalancer, Observed, Policy, Rule, RuleMeta, Severity, TargetGroup, Verdict, VerdictReason,
};

use crate::{preconditions, remediation};

/// The definition of the rule.
pub(crate) const META: RuleMeta = RuleMeta {
    id: "upstream-http1",
    version: 1,
    title: "Targets receive HTTP/1.1",
    severity: Severity::Informational,
    adjustments: &[],
    reasons: &[
        VerdictReason::UpstreamHttp1,
        VerdictReason::UpstreamHttp2,
        VerdictReason::TargetGroupsUnread,
        VerdictReason::ProtocolVersionNotReported,
        VerdictReason::KindUnrecognized,
        VerdictReason::NotApplicableKind,
        VerdictReason::NotApplicableNoProtocolVersion,
        VerdictReason::NotApplicableNoTargetGroup,
        VerdictReason::TargetGroupsNotCollected,
    ],
    what: "Does this application load balancer send HTTP/1.1 to a target group of instances or addresses, which could be sent \
           HTTP/2?",
    why: "Request smuggling needs a load balancer and a target that disagree about where an HTTP/1.1 request ends. HTTP/2 sends \
          each request in frames of known length, so most published triggers cannot be written in it. Some triggers are Compliant \
          in AWS's classification, and no desync mitigation mode blocks those. PortSwigger's papers of 2025-08-06 \
          and 2026-08-05 name HTTP/2 to the target as the change that removes this class of attack. Behind an \
          application load balancer this is inferred from HTTP/2's framing; AWS does not document it (as read on \
          2026-11-29). A failure of this rule is \
          not a fault: it marks an improvement where the targets support HTTP/2.",
    evidence: "The type of targets and the protocol version of each target group from DescribeTargetGroups \
               (`collect.target_groups`). For a declaration in Terraform, CloudFormation or Kubernetes: the target \
               groups that listeners in the same files lead to. Other target groups may exist, so a declaration \
               never passes. Whether the targets support HTTP/2 is not read.",
    remediation: "If the targets support HTTP/2, create a target group with the protocol version HTTP2, register the \
         targets in it, and make the listener rules forward to it, in the tool that manages them. The protocol \
         version of an \
                  existing target group cannot be changed.",
    references: &[
        "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-target-groups.html#target-group-protocol-version",
        "https://portswigger.net/research/http1-must-die",
        "https://portswigger.net/research/can-ai-do-novel-security-research",
    ],
};

/// See [`META`].
pub(crate) struct UpstreamHttp1;

impl Rule for UpstreamHttp1 {
    fn meta(&self) -> &'static RuleMeta {
        &META
    }

    fn judge(&self, lb: &LoadBalancer, _policy: &Policy) -> Verdict {
        if let Some(verdict) = preconditions::not_judgeable(lb) {
            return verdict;
        }
        if lb.kind == Kind::Classic {
            return Verdict::NotApplicable {
                reason: VerdictReason::NotApplicableNoProtocolVersion,
                because: "A classic load balancer sends HTTP/1.1 only.".to_owned(),
            };
        }
        match &lb.target_groups {
            Observed::Known(groups) => judge(lb, groups),
            Observed::Unread(gap) if gap.reason == GapReason::NotAsked => Verdict::NotAsked {
                reason: VerdictReason::TargetGroupsNotCollected,
                because: "Its target groups were not read.".to_owned(),
                remedy: "Scan with `collect.target_groups = true`. For a declaration, target groups are known only \
                     if the files contain them and the listeners that lead to them."
                    .to_owned(),
            },
            Observed::Unread(gap) => Verdict::unread(VerdictReason::TargetGroupsUnread, "The target groups", gap),
            Observed::Absent => not_reported("the target groups"),
        }
    }
}

fn judge(lb: &LoadBalancer, groups: &[TargetGroup]) -> Verdict {
    let has_choice = |group: &&TargetGroup| matches!(group.target_type.as_str(), "instance" | "ip");
    let http1: Vec<&str> =
        groups.iter().filter(|group| group.could_be_http2()).map(|group| group.name.as_str()).collect();
    if !http1.is_empty() {
        return Verdict::Fail {
            reason: VerdictReason::UpstreamHttp1,
            because: format!(
                "{} of {} target groups {} sent HTTP/1.1 and could be sent HTTP/2: {}.",
                http1.len(),
                groups.len(),
                if http1.len() == 1 { "is" } else { "are" },
                named(&http1)
            ),
            severity: META.severity_of(VerdictReason::UpstreamHttp1, lb),
            remedy: remediation::use_http2(lb),
        };
    }
    let mut with_choice = groups.iter().filter(has_choice).peekable();
    if with_choice.peek().is_none() {
        return Verdict::NotApplicable {
            reason: VerdictReason::NotApplicableNoTargetGroup,
            because: "It has no target group of instances or addresses.".to_owned(),
        };
    }
    let known = |group: &TargetGroup| matches!(group.protocol_version.as_deref(), Some("HTTP2" | "GRPC"));
    match with_choice.find(|group| !known(group)) {
        Some(group) => not_reported(&format!("a documented protocol version of the target group {}", group.name)),
        None => Verdict::Pass {
            reason: VerdictReason::UpstreamHttp2,
            because: "Every target group of instances or addresses is sent HTTP/2.".to_owned(),
        },
    }
}

fn not_reported(what: &str) -> Verdict {
    Verdict::Unknown {
        reason: VerdictReason::ProtocolVersionNotReported,
        because: format!("AWS's response did not contain {what}."),
        gaps: vec![preconditions::not_reported(what, "elasticloadbalancing:DescribeTargetGroups")],
    }
}

/// A few names, and the number of the others.
fn named(names: &[&str]) -> String {
    const SHOWN: usize = 5;
    let shown = names.iter().take(SHOWN).copied().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
