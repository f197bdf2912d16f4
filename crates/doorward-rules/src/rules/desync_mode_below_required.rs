//! `desync-mode-below-required`: the mode is weaker than the policy requires.

use doorward_model::{Adjustment, LoadBalancer, Mode, Policy, Rule, RuleMeta, Severity, Verdict, VerdictReason};

use crate::{Requirement, Satisfaction, preconditions, remediation};

/// The definition of the rule.
pub(crate) const META: RuleMeta = RuleMeta {
    id: "desync-mode-below-required",
    version: 1,
    title: "Desync mitigation mode is weaker than required",
    severity: Severity::Medium,
    adjustments: &[Adjustment::Reachable(1), Adjustment::Reason(VerdictReason::ModeDefensive, -1)],
    reasons: &[
        VerdictReason::ModeMonitor,
        VerdictReason::ModeDefensive,
        VerdictReason::ModeSufficient,
        VerdictReason::ModeUnread,
        VerdictReason::ModeNotReported,
        VerdictReason::RequirementUnread,
        VerdictReason::ListenersUnread,
        VerdictReason::KindUnrecognized,
        VerdictReason::NotApplicableKind,
        VerdictReason::NotApplicableNoHttpListener,
    ],
    what: "Is the desync mitigation mode of this application or classic load balancer (from weak to strong: monitor, \
           defensive, strictest) at least as strong as the policy requires?",
    why: "If the load balancer and a target parse a request differently, the request can smuggle a second one past every \
          check in front of the target. This poisons queues and caches and takes over the sessions of other users. Monitor \
          forwards even requests that AWS classifies as Severe. Defensive blocks those; strictest blocks every request that \
          is not compliant.",
    evidence: "The attribute routing.http.desync_mitigation_mode from DescribeLoadBalancerAttributes (classic: \
               elb.http.desyncmitigationmode), compared with the mode that the policy's first matching rule requires. \
               Removing invalid header fields is a separate control and does not change the verdict. If a value that \
               the policy depends on could not be read, the rule fails or passes only if every possible value gives the \
               same verdict.",
    remediation: "Set the mode in the tool that manages the load balancer: its stack, manifest or configuration. Use \
                  modify-load-balancer-attributes only if no tool manages it. AWS documents no downtime for the change. \
                  Before you set strictest, check which of this load balancer's requests it would block.",
    references: &[
        "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-load-balancer-attributes.html#desync-mitigation-mode",
        "https://docs.aws.amazon.com/elasticloadbalancing/latest/classic/config-desync-mitigation-mode.html",
        "https://docs.aws.amazon.com/securityhub/latest/userguide/elb-controls.html",
    ],
};

/// See [`META`].
pub(crate) struct DesyncModeBelowRequired;

impl Rule for DesyncModeBelowRequired {
    fn meta(&self) -> &'static RuleMeta {
        &META
    }

    fn judge(&self, lb: &LoadBalancer, policy: &Policy) -> Verdict {
        let seen = match preconditions::mode(lb) {
            Ok(seen) => seen,
            Err(verdict) => return verdict,
        };
        let mode = seen.mode;
        let required = Requirement::of(lb, policy);
        match required.satisfied_by(mode) {
            Satisfaction::Met => Verdict::Pass {
                reason: VerdictReason::ModeSufficient,
                because: format!("The mode is {mode}; the policy requires {required}."),
            },
            Satisfaction::Missed => match seen.listeners {
                None => failure(lb, mode, &required),
                Some(gap) => Verdict::Unknown {
                    reason: VerdictReason::ListenersUnread,
                    because: format!(
                        "The mode is {mode} and the policy requires {required}, but it is not known whether any \
                         listener uses HTTP: {gap}."
                    ),
                    gaps: vec![gap],
                },
            },
            Satisfaction::Open => {
                let gaps: Vec<_> = required.gaps().iter().cloned().chain(seen.listeners).collect();
                let unread = preconditions::list(&gaps);
                Verdict::Unknown {
                    reason: VerdictReason::RequirementUnread,
                    because: format!(
                        "The mode is {mode}; the policy requires {required}, which depends on a value that could not \
                         be read: {unread}."
                    ),
                    gaps,
                }
            }
        }
    }
}

fn failure(lb: &LoadBalancer, mode: Mode, required: &Requirement) -> Verdict {
    let exposure = preconditions::exposure(lb);
    let reason = match mode {
        Mode::Monitor => VerdictReason::ModeMonitor,
        // Strictest satisfies every policy.
        Mode::Defensive | Mode::Strictest => VerdictReason::ModeDefensive,
    };
    let because = format!("The mode is {mode}; the policy requires {required}. {exposure}");
    // Of several candidates the weakest is required in any case.
    let target = required.lowest();
    let mut remedy = remediation::set_mode_instructions(lb, target);
    remedy.push_str(remediation::mode_caution(target));
    if required.certain().is_none() {
        let (highest, unread) = (required.highest(), preconditions::list(required.gaps()));
        remedy.push_str(&format!(
            " The policy may even require {highest}; this depends on a value that could not be read: {unread}."
        ));
    }
    Verdict::Fail { reason, because, severity: META.severity_of(reason, lb), remedy }
}
