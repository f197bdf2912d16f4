//! `desync-mode-headroom`: the mode is sufficient, and a stronger one is possible.

use doorward_model::{
    Adjustment, Kind, LoadBalancer, LogDestination, Mode, Observed, Policy, Rule, RuleMeta, Severity, Traffic,
    TrafficSource, TrafficStep, Verdict, VerdictReason,
};

use crate::{Requirement, Satisfaction, preconditions};

/// The definition of the rule.
pub(crate) const META: RuleMeta = RuleMeta {
    id: "desync-mode-headroom",
    version: 3,
    title: "Desync mitigation mode could be stronger",
    severity: Severity::Informational,
    adjustments: &[Adjustment::Reason(VerdictReason::TrafficAdmitsStrictest, 1)],
    reasons: &[
        VerdictReason::TrafficAdmitsStrictest,
        VerdictReason::TrafficAdmitsStrictestAfterFixes,
        VerdictReason::ModeStrictest,
        VerdictReason::TrafficAgainstStrictest,
        VerdictReason::ModeUnread,
        VerdictReason::ModeNotReported,
        VerdictReason::RequirementUnread,
        VerdictReason::ListenersUnread,
        VerdictReason::KindUnrecognized,
        VerdictReason::NotApplicableKind,
        VerdictReason::NotApplicableNoHttpListener,
        VerdictReason::NotApplicableModeMonitor,
        VerdictReason::NotApplicableModeRequired,
        VerdictReason::TrafficNotCollected,
        VerdictReason::TrafficInsufficient,
    ],
    what: "Is the mode of this load balancer defensive, although the policy would also accept strictest and the \
         traffic supports it?",
    why: "Defensive forwards Ambiguous requests and then closes the connections. Strictest blocks every request that \
         is not compliant; if all clients send compliant requests, it blocks nothing. A failure of this rule is not \
         a fault: it marks an improvement that the traffic supports now, or will support once the named clients are \
         fixed.",
    evidence: "The desync mitigation mode from DescribeLoadBalancerAttributes, the mode that the policy requires, and traffic \
               evidence from access logs and CloudWatch (`doorward traffic`). If the scan has no traffic evidence, \
               not enough of it, or only evidence older than `traffic.maximum_age_days`, the rule is not asked: an \
               earlier verdict is neither confirmed nor resolved.",
    remediation: "Collect traffic evidence over a representative period: classifications in the access logs of an \
                  application load balancer, and the CloudWatch metric DesyncMitigationMode_NonCompliant_Request_Count for \
                  both kinds. Change to strictest if no request that you need is Acceptable or Ambiguous.",
    references: &[
        "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-load-balancer-attributes.html#desync-mitigation-mode",
        "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html",
        "https://docs.aws.amazon.com/elasticloadbalancing/latest/classic/config-desync-mitigation-mode.html",
    ],
};

/// See [`META`].
pub(crate) struct DesyncModeHeadroom;

impl Rule for DesyncModeHeadroom {
    fn meta(&self) -> &'static RuleMeta {
        &META
    }

    fn judge(&self, lb: &LoadBalancer, policy: &Policy) -> Verdict {
        let seen = match preconditions::mode(lb) {
            Ok(seen) => seen,
            Err(verdict) => return verdict,
        };
        match seen.mode {
            Mode::Strictest => Verdict::Pass { reason: VerdictReason::ModeStrictest, because: strictest(lb) },
            Mode::Monitor => Verdict::NotApplicable {
                reason: VerdictReason::NotApplicableModeMonitor,
                because: "The mode is monitor; defensive comes before strictest.".to_owned(),
            },
            Mode::Defensive => {
                let required = Requirement::of(lb, policy);
                let open = required.satisfied_by(Mode::Defensive) == Satisfaction::Open;
                let unsure = if open { required.gaps() } else { &[] };
                let gaps: Vec<_> = unsure.iter().cloned().chain(seen.listeners).collect();
                if required.satisfied_by(Mode::Defensive) == Satisfaction::Missed {
                    Verdict::NotApplicable {
                        reason: VerdictReason::NotApplicableModeRequired,
                        because: format!("The mode is defensive, but the policy already requires {required}."),
                    }
                } else if gaps.is_empty() {
                    choice(lb, &required)
                } else {
                    let unread = preconditions::list(&gaps);
                    let reason = if open { VerdictReason::RequirementUnread } else { VerdictReason::ListenersUnread };
                    Verdict::Unknown {
                        reason,
                        because: format!(
                            "The mode is defensive and the policy requires {required}; a value that decides whether \
                             it already requires strictest could not be read: {unread}."
                        ),
                        gaps,
                    }
                }
            }
        }
    }
}

/// Strictest is a choice: the verdict follows from the traffic evidence.
fn choice(lb: &LoadBalancer, required: &Requirement) -> Verdict {
    let stands = format!("The mode is defensive and the policy requires {required}.");
    let Some(traffic) = lb.traffic.as_deref() else {
        return Verdict::NotAsked {
            reason: VerdictReason::TrafficNotCollected,
            because: format!(
                "{stands} Strictest would be stronger; this scan has no traffic evidence for or against it."
            ),
            remedy: gather_evidence(lb).to_owned(),
        };
    };
    let why = traffic.because.join(" ");
    match traffic.advised() {
        (TrafficStep::Raise, Some(Mode::Strictest)) => {
            let reason = VerdictReason::TrafficAdmitsStrictest;
            Verdict::Fail {
                reason,
                because: format!("{stands} The traffic supports strictest today. {why}"),
                severity: META.severity_of(reason, lb),
                remedy:
                    "Change it to strictest, and watch 4xx responses and the metric of non-compliant requests for a week."
                        .to_owned(),
            }
        }
        (TrafficStep::FixAndRaise, _) => {
            let reason = VerdictReason::TrafficAdmitsStrictestAfterFixes;
            Verdict::Fail {
                reason,
                because: format!("{stands} The traffic supports strictest once these sources are fixed. {why}"),
                severity: META.severity_of(reason, lb),
                remedy: sources(traffic),
            }
        }
        (TrafficStep::Raise | TrafficStep::Keep | TrafficStep::Watch, _) if traffic.basis.names_clients() => {
            Verdict::Pass {
                reason: VerdictReason::TrafficAgainstStrictest,
                because: format!(
                    "{stands} Strictest is stronger, but it would block requests that were observed. \
                     {why}"
                ),
            }
        }
        // This includes evidence from the metric alone: it counts requests without their clients.
        _ => Verdict::NotAsked {
            reason: VerdictReason::TrafficInsufficient,
            because: format!("{stands} Strictest would be stronger, but there is not enough traffic evidence."),
            remedy: why,
        },
    }
}

/// One sentence for each source.
fn sources(traffic: &Traffic) -> String {
    let sentences = traffic.sources.iter().map(|source| {
        let fix = source.fix.as_deref().unwrap_or(
            "Find out what the client sends; this version does not know the reason \
                 code.",
        );
        let TrafficSource { address, agent, reason, requests, .. } = source;
        format!("{address} ({agent}) sent {requests} requests with {reason}: {fix}")
    });
    sentences.collect::<Vec<_>>().join(" ")
}

/// The sentence for strictest, with the clients that it may block.
fn strictest(lb: &LoadBalancer) -> String {
    let plain = "The mode is strictest; no stronger mode exists.";
    match lb.traffic.as_deref().filter(|traffic| traffic.advised().0 == TrafficStep::Watch) {
        Some(traffic) => format!("{plain} {}", traffic.because.join(" ")),
        None => plain.to_owned(),
    }
}

/// Access logs of classic load balancers have no classification, so the metric is the only evidence:
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/classic/access-log-collection.html>
fn gather_evidence(lb: &LoadBalancer) -> &'static str {
    match (lb.kind, &lb.access_logs) {
        (Kind::Classic, _) => {
            "Watch the CloudWatch metric DesyncMitigationMode_NonCompliant_Request_Count (namespace AWS/ELB) over a \
             representative period: access logs of classic load balancers do not show classifications."
        }
        (_, Observed::Known(LogDestination::S3 { .. } | LogDestination::Delivery(_))) => {
            "Count the Acceptable and Ambiguous requests in its access logs over a representative period: strictest \
             would block them."
        }
        (_, Observed::Known(LogDestination::Nowhere)) => {
            "Turn on its access logs and count the Acceptable and Ambiguous requests over a representative period: \
             strictest would block them."
        }
        (_, Observed::Absent | Observed::Unread(_)) => {
            "It is not known whether it writes access logs. Check this, turn them on if necessary, and count the \
             Acceptable and Ambiguous requests over a representative period: strictest would block them."
        }
    }
}
