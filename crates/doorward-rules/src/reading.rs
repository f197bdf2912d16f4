//! What several rules need to know of a load balancer before they ask their own question.

use std::sync::Arc;

use doorward_model::{EffectiveMode, Gap, GapReason, Kind, LoadBalancer, Mode, Observed, Scheme, Severity, Verdict};

/// The verdict on a load balancer that no rule can ask anything, by its kind alone: one that does not parse HTTP, or one
/// of a kind that this version does not know or AWS's answer contradicts itself about.
pub(crate) fn beyond_rules(lb: &LoadBalancer) -> Option<Verdict> {
    match lb.kind {
        Kind::Application | Kind::Classic => None,
        Kind::Network | Kind::Gateway => {
            Some(Verdict::NotApplicable { because: format!("A {} load balancer does not parse HTTP.", lb.kind) })
        }
        Kind::Unrecognized => {
            let gap = Gap::new(GapReason::Malformed, "elasticloadbalancing:DescribeLoadBalancers").with_message(
                "the load balancer is of a kind that this version does not know, or AWS's answer names two kinds",
            );
            Some(Verdict::Unknown {
                because:
                    "The load balancer is of a kind that this version does not know, or AWS's answer names two kinds."
                        .to_owned(),
                gaps: vec![Arc::new(gap)],
            })
        }
    }
}

/// The mode of a load balancer that the desync rules can judge.
pub(crate) struct SeenMode {
    /// The mode.
    pub(crate) mode: Mode,
    /// Set where nobody could see whether any listener speaks HTTP, that is whether the mode does anything. A rule may
    /// still pass then, because the mode itself was seen, but it must not fail.
    pub(crate) listeners: Option<Arc<Gap>>,
}

/// Reads the mode. The error is the verdict for a load balancer whose mode cannot be judged.
pub(crate) fn mode(lb: &LoadBalancer) -> Result<SeenMode, Verdict> {
    if let Some(verdict) = beyond_rules(lb) {
        return Err(verdict);
    }
    if lb.effective_mode() == EffectiveMode::NoHttpListener {
        let because = "No listener of this classic load balancer speaks HTTP or HTTPS, so its mode does nothing.";
        return Err(Verdict::NotApplicable { because: because.to_owned() });
    }
    let listeners = match (lb.kind, &lb.listeners) {
        // AWS admits no other listeners than HTTP and HTTPS to an application load balancer, so nobody needs to look:
        // https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-listeners.html
        (Kind::Application, _) => None,
        (_, Observed::Known(_)) => None,
        (_, Observed::Absent) => Some(left_out("the listeners", "elasticloadbalancing:DescribeLoadBalancers")),
        (_, Observed::Unread(gap)) => Some(gap.clone()),
    };
    match &lb.mode {
        Observed::Known(mode) => Ok(SeenMode { mode: *mode, listeners }),
        Observed::Absent => {
            let attribute = lb.kind.mode_attribute();
            Err(Verdict::Unknown {
                because: format!("AWS's answer did not contain the attribute {attribute}."),
                gaps: vec![left_out(attribute, "elasticloadbalancing:DescribeLoadBalancerAttributes")],
            })
        }
        Observed::Unread(gap) => Err(Verdict::unread("The desync mitigation mode", gap)),
    }
}

/// The gap where AWS answered without the thing it was asked for.
pub(crate) fn left_out(what: &str, operation: &str) -> Arc<Gap> {
    let gap = Gap::new(GapReason::Malformed, operation);
    Arc::new(gap.with_message(format!("AWS's answer did not contain {what}")))
}

/// How much a failure matters by who can reach the load balancer, and the sentence that says so. Where nobody could read
/// the scheme the worse of the two counts.
pub(crate) fn rate(lb: &LoadBalancer, internal: Severity, internet_facing: Severity) -> (Severity, &'static str) {
    match &lb.scheme {
        Observed::Known(Scheme::Internal) => (internal, "It is internal."),
        Observed::Known(Scheme::InternetFacing) => (internet_facing, "It is internet-facing."),
        Observed::Absent | Observed::Unread(_) => {
            (internet_facing, "Its scheme is not known, so it is rated as if it were internet-facing.")
        }
    }
}

/// Several gaps as one clause.
pub(crate) fn list(gaps: &[Arc<Gap>]) -> String {
    gaps.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
