//! `load-balancer-idle`: no traffic was counted on any day of the window.

use std::sync::Arc;

use doorward_model::{
    Gap, GapReason, Kind, LoadBalancer, Policy, Rule, RuleMeta, Severity, Usage, Verdict, VerdictReason,
};
use jiff::tz::TimeZone;

/// The definition of the rule.
pub(crate) const META: RuleMeta = RuleMeta {
    id: "load-balancer-idle",
    version: 1,
    title: "Load balancer without traffic",
    severity: Severity::Low,
    adjustments: &[],
    reasons: &[
        VerdictReason::NoTraffic,
        VerdictReason::TrafficSeen,
        VerdictReason::TrafficUnread,
        VerdictReason::WindowTooShort,
        VerdictReason::KindUnrecognized,
        VerdictReason::TrafficNotCollected,
    ],
    what: "Did this load balancer have any traffic in the window of daily metrics?",
    why: "A load balancer is billed for every hour, with or without traffic, and an unused load balancer can still \
         be reached, although it may no longer be maintained.",
    evidence: "Daily metrics of CloudWatch, as `doorward metrics collect` keeps them in the ledger: requests, redirects, fixed \
               responses and errors of an application load balancer, requests, bytes and errors of a classic one, new flows of the others. \
               Errors that the load balancer returns itself also count: CloudWatch counts a request only if a target \
               was chosen, so a load balancer without targets may still have clients. The rule fails only if every \
               metric of every day of the window was read and is zero, and the load balancer is older than the \
               window. A day that was not read makes the verdict unknown, unless traffic was counted on another day. \
               Without any metric, the rule is not asked.",
    remediation: "Ask the owner what the load balancer is for. Delete it, or have an exception approved that states \
         why it is kept.",
    references: &[
        "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html",
        "https://docs.aws.amazon.com/elasticloadbalancing/latest/network/load-balancer-cloudwatch-metrics.html",
        "https://docs.aws.amazon.com/elasticloadbalancing/latest/gateway/cloudwatch-metrics.html",
        "https://docs.aws.amazon.com/elasticloadbalancing/latest/classic/elb-cloudwatch-metrics.html",
    ],
};

/// See [`META`].
pub(crate) struct LoadBalancerIdle;

impl Rule for LoadBalancerIdle {
    fn meta(&self) -> &'static RuleMeta {
        &META
    }

    fn is_asked(&self, load_balancers: &[LoadBalancer], _: bool) -> bool {
        load_balancers.iter().any(|lb| lb.usage.is_some())
    }

    fn judge(&self, lb: &LoadBalancer, _: &Policy) -> Verdict {
        if lb.kind == Kind::Unrecognized {
            let what = "it is not known which metrics count the traffic of a load balancer of this kind";
            return unknown(VerdictReason::KindUnrecognized, GapReason::Malformed, what);
        }
        let Some(usage) = lb.usage.as_deref() else {
            return Verdict::NotAsked {
                reason: VerdictReason::TrafficNotCollected,
                because: "The ledger has no daily metrics of this load balancer.".to_owned(),
                remedy: "Collect them with `doorward metrics collect`.".to_owned(),
            };
        };
        let Usage { from, until, days, days_read, count, last_traffic } = usage;
        if *count > 0 {
            let last = last_traffic.map_or_else(String::new, |day| format!(", last on {day}"));
            let because = format!("Traffic was counted between {from} and {until}{last}.");
            return Verdict::Pass { reason: VerdictReason::TrafficSeen, because };
        }
        let created = lb.created.map(|at| TimeZone::UTC.to_datetime(at).date());
        match created {
            None => {
                return unknown(
                    VerdictReason::WindowTooShort,
                    GapReason::Malformed,
                    "AWS's response did not contain the time of creation, so it may be younger than the window",
                );
            }
            Some(created) if created >= *from => {
                let what = format!("the load balancer was created on {created}, and the window begins on {from}");
                return unknown(VerdictReason::WindowTooShort, GapReason::NotAsked, &what);
            }
            Some(_) => {}
        }
        if !usage.is_complete() {
            let what = format!("{days_read} of the {days} days from {from} to {until} were read completely");
            return unknown(VerdictReason::TrafficUnread, GapReason::NotAsked, &what);
        }
        Verdict::Fail {
            reason: VerdictReason::NoTraffic,
            because: format!("No traffic was counted on any of the {days} days from {from} to {until} (UTC)."),
            severity: META.severity_of(VerdictReason::NoTraffic, lb),
            remedy: format!(
                "Ask the owner, {}, what it is for. Delete it, or have an exception approved that states why it is \
                 kept. Without traffic, a stronger mode protects nothing.",
                lb.owner_label()
            ),
        }
    }
}

fn unknown(reason: VerdictReason, gap: GapReason, what: &str) -> Verdict {
    let gap = Arc::new(Gap::new(gap, "cloudwatch:GetMetricData").with_message(what));
    Verdict::Unknown { reason, because: format!("It is not known whether it is used: {what}."), gaps: vec![gap] }
}
