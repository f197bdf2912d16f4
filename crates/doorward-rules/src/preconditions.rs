//! What must be known of a load balancer before a rule can judge it.

use std::sync::Arc;

use doorward_model::{
    Arn, EffectiveMode, Gap, GapReason, Kind, LoadBalancer, Mode, Observed, Reachability, Scheme, Verdict,
    VerdictReason,
};

/// The verdict on a load balancer that no rule can judge because of its kind: the kind does not parse HTTP, is not known to
/// this version, or AWS's response contradicts itself about it.
pub(crate) fn not_judgeable(lb: &LoadBalancer) -> Option<Verdict> {
    match lb.kind {
        Kind::Application | Kind::Classic => None,
        Kind::Network | Kind::Gateway => Some(Verdict::NotApplicable {
            reason: VerdictReason::NotApplicableKind,
            because: format!("A {} load balancer does not parse HTTP.", lb.kind),
        }),
        Kind::Unrecognized => {
            let gap = Gap::new(GapReason::Malformed, "elasticloadbalancing:DescribeLoadBalancers").with_message(
                "the load balancer is of a kind that this version does not know, or AWS's response names two kinds",
            );
            Some(Verdict::Unknown {
                reason: VerdictReason::KindUnrecognized,
                because: "The load balancer is of a kind that this version does not know, or AWS's response names two \
                          kinds."
                    .to_owned(),
                gaps: vec![Arc::new(gap)],
            })
        }
    }
}

/// The mode of a load balancer that the desync rules can judge.
pub(crate) struct ObservedMode {
    /// The mode.
    pub(crate) mode: Mode,
    /// Set where the listeners were not read, so that it is unknown whether the mode has an effect. A rule may still pass,
    /// because the mode itself was observed, but it must not fail.
    pub(crate) listeners: Option<Arc<Gap>>,
}

/// The mode.
///
/// # Errors
///
/// The verdict on a load balancer whose mode cannot be judged.
pub(crate) fn mode(lb: &LoadBalancer) -> Result<ObservedMode, Verdict> {
    if let Some(verdict) = not_judgeable(lb) {
        return Err(verdict);
    }
    if lb.effective_mode() == EffectiveMode::NoHttpListener {
        return Err(Verdict::NotApplicable {
            reason: VerdictReason::NotApplicableNoHttpListener,
            because: "No listener of this classic load balancer uses HTTP or HTTPS, so its mode has no effect."
                .to_owned(),
        });
    }
    let listeners = match (lb.kind, &lb.listeners) {
        // An application load balancer admits only HTTP and HTTPS listeners, so they need not be read:
        // https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-listeners.html
        (Kind::Application, _) => None,
        (_, Observed::Known(_)) => None,
        (_, Observed::Absent) => Some(not_reported("the listeners", "elasticloadbalancing:DescribeLoadBalancers")),
        (_, Observed::Unread(gap)) => Some(gap.clone()),
    };
    match &lb.mode {
        Observed::Known(mode) => Ok(ObservedMode { mode: *mode, listeners }),
        Observed::Absent => {
            let attribute = lb.kind.mode_attribute();
            Err(Verdict::Unknown {
                reason: VerdictReason::ModeNotReported,
                because: format!("AWS's response did not contain the attribute {attribute}."),
                gaps: vec![not_reported(attribute, "elasticloadbalancing:DescribeLoadBalancerAttributes")],
            })
        }
        Observed::Unread(gap) => Err(Verdict::unread(VerdictReason::ModeUnread, "The desync mitigation mode", gap)),
    }
}

/// The gap where AWS's response lacks what was asked for.
pub(crate) fn not_reported(what: &str, operation: &str) -> Arc<Gap> {
    let gap = Gap::new(GapReason::Malformed, operation);
    Arc::new(gap.with_message(format!("AWS's response did not contain {what}")))
}

/// The sentence on who can reach the load balancer, which [`Adjustment::Reachable`](doorward_model::Adjustment) rates.
pub(crate) fn exposure(lb: &LoadBalancer) -> String {
    match (&lb.reachability, &lb.scheme) {
        (Observed::Known(Reachability::InternetFacing), _) => "It is internet-facing.".to_owned(),
        (Observed::Known(Reachability::ThroughNetworkLoadBalancers(through)), _) => {
            let names: Vec<&str> = through.iter().map(Arn::load_balancer_name).collect();
            format!(
                "It is internal, but the internet reaches it through the network load balancer {}.",
                names.join(" and ")
            )
        }
        (Observed::Known(Reachability::ThroughEntryPoints(through)), _) => {
            let ways: Vec<String> = through.iter().map(ToString::to_string).collect();
            format!("It is internal, but the internet reaches it through the {}.", ways.join(" and the "))
        }
        (Observed::Known(Reachability::InternalWithoutEntryPoint), _) if lb.kind == Kind::Application => {
            "It is internal. No internet-facing network load balancer, no CloudFront VPC origin and no HTTP or WebSocket API of \
             API Gateway leads to it; Global Accelerator and REST APIs are not read."
                .to_owned()
        }
        (Observed::Known(Reachability::Internal), _) if lb.kind == Kind::Application => {
            "It is internal. No internet-facing network load balancer forwards to it; CloudFront VPC origins and API Gateway \
             VPC links were not read."
                .to_owned()
        }
        (Observed::Known(Reachability::Internal | Reachability::InternalWithoutEntryPoint), _) => {
            "It is internal.".to_owned()
        }
        (_, Observed::Known(Scheme::Internal)) => {
            "It is internal. It is not known whether the internet reaches it through another load balancer, \
             CloudFront or API Gateway, so it is rated as reachable."
                .to_owned()
        }
        _ => "Its scheme is not known, so it is rated as internet-facing.".to_owned(),
    }
}

/// Several gaps as one clause.
pub(crate) fn list(gaps: &[Arc<Gap>]) -> String {
    gaps.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
