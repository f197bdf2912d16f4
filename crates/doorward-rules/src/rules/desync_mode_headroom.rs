//! `desync-mode-headroom`: the required mode is met, and a stronger one exists.

use doorward_model::{
    Kind, LoadBalancer, LogDestination, Mode, Observed, Policy, Rule, RuleMeta, Severity, Traffic, TrafficSource,
    TrafficStep, Verdict,
};

use crate::{Requirement, Standing, reading};

/// What the rule says of itself.
pub(crate) const META: RuleMeta = RuleMeta {
    id: "desync-mode-headroom",
    version: 3,
    title: "Desync mitigation mode could be stronger",
    severity: Severity::Informational,
    what: "Does this load balancer meet its required mode in defensive, so that strictest is still open to it?",
    why: "Defensive forwards Ambiguous requests and merely closes the connections afterwards. Strictest blocks everything \
          that is not compliant, and for a load balancer whose clients send only compliant requests it costs nothing. \
          Nothing is wrong where this rule fails: it marks an improvement that the traffic admits, now or once its sources \
          are fixed.",
    evidence: "The desync mitigation mode from DescribeLoadBalancerAttributes, the mode that the policy requires, and what \
               access logs and CloudWatch say (`doorward traffic`). Where strictest is a choice and the scan has no traffic \
               evidence, or not enough, or evidence older than `traffic.maximum_age_days`, the rule is not asked: an earlier \
               answer is neither confirmed nor resolved.",
    remediation: "Gather traffic evidence over a representative time: classifications in the access logs of an application \
                  load balancer, the CloudWatch metric DesyncMitigationMode_NonCompliant_Request_Count for both kinds. \
                  Go to strictest where no Acceptable or Ambiguous request is missed by anybody.",
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
        let seen = match reading::mode(lb) {
            Ok(seen) => seen,
            Err(verdict) => return verdict,
        };
        match seen.mode {
            Mode::Strictest => Verdict::Pass { because: strictest(lb) },
            Mode::Monitor => {
                Verdict::NotApplicable { because: "The mode is monitor; defensive comes before strictest.".to_owned() }
            }
            Mode::Defensive => {
                let required = Requirement::of(lb, policy);
                let open = required.standing(Mode::Defensive) == Standing::Open;
                let unsure = if open { required.gaps() } else { &[] };
                let gaps: Vec<_> = unsure.iter().cloned().chain(seen.listeners).collect();
                if required.standing(Mode::Defensive) == Standing::Missed {
                    Verdict::NotApplicable {
                        because: format!(
                            "The mode is defensive; the policy requires {required}, so it is not a choice."
                        ),
                    }
                } else if gaps.is_empty() {
                    choice(lb, &required)
                } else {
                    let unread = reading::list(&gaps);
                    Verdict::Unknown {
                        because: format!(
                            "The mode is defensive and the policy requires {required}; whether strictest is a choice here \
                             depends on what could not be read: {unread}."
                        ),
                        gaps,
                    }
                }
            }
        }
    }
}

/// Strictest is a choice: what the traffic says about it.
fn choice(lb: &LoadBalancer, required: &Requirement) -> Verdict {
    let stands = format!("The mode is defensive and the policy requires {required}.");
    let Some(traffic) = lb.traffic.as_deref() else {
        return Verdict::NotAsked {
            because: format!(
                "{stands} Strictest would be stronger; this scan has no traffic evidence for or against it."
            ),
            remedy: gather_evidence(lb).to_owned(),
        };
    };
    let why = traffic.because.join(" ");
    match traffic.advised() {
        (TrafficStep::Raise, Some(Mode::Strictest)) => Verdict::Fail {
            because: format!("{stands} The traffic admits strictest today. {why}"),
            severity: Severity::Low,
            remedy:
                "Change it to strictest, and watch 4xx answers and the metric of non-compliant requests for a week."
                    .to_owned(),
        },
        (TrafficStep::FixAndRaise, _) => Verdict::Fail {
            because: format!("{stands} The traffic admits strictest once these sources are fixed. {why}"),
            severity: Severity::Informational,
            remedy: sources(traffic),
        },
        (TrafficStep::Raise | TrafficStep::Keep | TrafficStep::Watch, _) if traffic.basis.names_clients() => {
            Verdict::Pass {
                because: format!("{stands} Strictest is stronger, but the traffic speaks against it. {why}"),
            }
        }
        // Among others the metric alone: it counts requests without saying whose, which speaks neither for nor against.
        _ => Verdict::NotAsked {
            because: format!("{stands} Strictest would be stronger; the traffic evidence is not enough to tell."),
            remedy: why,
        },
    }
}

/// One sentence for each source.
fn sources(traffic: &Traffic) -> String {
    let sentences = traffic.sources.iter().map(|source| {
        let fix = source.fix.as_deref().unwrap_or("Find out what it sends; this reason code is not known here.");
        let TrafficSource { address, agent, reason, requests, .. } = source;
        format!("{address} ({agent}) sent {requests} requests with {reason}: {fix}")
    });
    sentences.collect::<Vec<_>>().join(" ")
}

/// Strictest already: whom it may block is worth a word.
fn strictest(lb: &LoadBalancer) -> String {
    let plain = "The mode is strictest; there is no stronger one.";
    match lb.traffic.as_deref().filter(|traffic| traffic.advised().0 == TrafficStep::Watch) {
        Some(traffic) => format!("{plain} {}", traffic.because.join(" ")),
        None => plain.to_owned(),
    }
}

/// Access logs of classic load balancers have no classification, so their only witness is the metric:
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/classic/access-log-collection.html>
fn gather_evidence(lb: &LoadBalancer) -> &'static str {
    match (lb.kind, &lb.access_logs) {
        (Kind::Classic, _) => {
            "Watch the CloudWatch metric DesyncMitigationMode_NonCompliant_Request_Count (namespace AWS/ELB) over a \
             representative time: access logs of classic load balancers do not show classifications."
        }
        (_, Observed::Known(LogDestination::S3 { .. } | LogDestination::Delivery(_))) => {
            "Count the Acceptable and Ambiguous requests in its access logs over a representative time: strictest would \
             block these."
        }
        (_, Observed::Known(LogDestination::Nowhere)) => {
            "Turn its access logs on and count the Acceptable and Ambiguous requests over a representative time: strictest \
             would block these."
        }
        (_, Observed::Absent | Observed::Unread(_)) => {
            "Whether it writes access logs is not known: find out, turn them on if need be, and count the Acceptable and \
             Ambiguous requests over a representative time: strictest would block these."
        }
    }
}
