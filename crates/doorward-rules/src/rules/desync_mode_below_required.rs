//! `desync-mode-below-required`: the mode is weaker than the policy requires.

use doorward_model::{LoadBalancer, Mode, Policy, Rule, RuleMeta, Severity, Verdict};

use crate::{Requirement, Standing, dialect, reading};

/// What the rule says of itself.
pub(crate) const META: RuleMeta = RuleMeta {
    id: "desync-mode-below-required",
    version: 1,
    title: "Desync mitigation mode is weaker than required",
    severity: Severity::Medium,
    what: "Is the desync mitigation mode of this application or classic load balancer (from weak to strong: monitor, \
           defensive, strictest) at least as strong as the policy requires?",
    why: "A request that the load balancer and a target read differently can smuggle a second request past every check in \
          front of the target: it poisons queues and caches and takes over other users' sessions. In monitor even requests \
          that AWS classifies as Severe are forwarded. Defensive blocks those; strictest blocks everything that is not \
          compliant.",
    evidence: "The attribute routing.http.desync_mitigation_mode from DescribeLoadBalancerAttributes (classic: \
               elb.http.desyncmitigationmode), compared with the mode that the policy's first matching rule requires. \
               Dropping invalid header fields is another control and changes nothing here. Where the policy asks about \
               something that could not be read, the rule fails or passes only if the answer does not matter. A failure \
               is one step graver where the load balancer is internet-facing, and one step lighter where the mode is \
               defensive rather than monitor.",
    remediation: "Set the mode where the load balancer is managed: in its stack, manifest or configuration, or with \
                  modify-load-balancer-attributes where nothing manages it. AWS documents no downtime for the change. Before \
                  strictest, check what this load balancer's own traffic would lose.",
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
        let seen = match reading::mode(lb) {
            Ok(seen) => seen,
            Err(verdict) => return verdict,
        };
        let mode = seen.mode;
        let required = Requirement::of(lb, policy);
        match required.standing(mode) {
            Standing::Met => Verdict::Pass { because: format!("The mode is {mode}; the policy requires {required}.") },
            Standing::Missed => match seen.listeners {
                None => failure(lb, mode, &required),
                Some(gap) => Verdict::Unknown {
                    because: format!(
                        "The mode is {mode} and the policy requires {required}, but whether any listener speaks HTTP \
                         could not be read: {gap}."
                    ),
                    gaps: vec![gap],
                },
            },
            Standing::Open => {
                let gaps: Vec<_> = required.gaps().iter().cloned().chain(seen.listeners).collect();
                let unread = reading::list(&gaps);
                Verdict::Unknown {
                    because: format!(
                        "The mode is {mode}; the policy requires {required}, depending on what could not be read: {unread}."
                    ),
                    gaps,
                }
            }
        }
    }
}

fn failure(lb: &LoadBalancer, mode: Mode, required: &Requirement) -> Verdict {
    let (severity, exposure) = match mode {
        Mode::Monitor => reading::rate(lb, Severity::Medium, Severity::High),
        Mode::Defensive | Mode::Strictest => reading::rate(lb, Severity::Low, Severity::Medium),
    };
    let because = format!("The mode is {mode}; the policy requires {required}. {exposure}");
    // Of several candidates the weakest is the one that is required in any case.
    let target = required.lowest();
    let mut remedy = dialect::set_mode(lb, target);
    remedy.push_str(dialect::mode_caution(target));
    if required.certain().is_none() {
        let (highest, unread) = (required.highest(), reading::list(required.gaps()));
        remedy.push_str(&format!(" Even {highest} may be required, depending on what could not be read: {unread}."));
    }
    Verdict::Fail { because, severity, remedy }
}
