//! The hop behind a load balancer, and whether the internet reaches the load balancer.

use std::fmt;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Arn, Gap, GapReason, Kind, Observed, Scheme};

/// A target group that a load balancer forwards requests to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct TargetGroup {
    /// Its name.
    pub name: String,
    /// The type of its targets as AWS spells it: `instance`, `ip`, `lambda`, `alb`.
    pub target_type: String,
    /// The version of HTTP that its targets are sent, as AWS spells it: `HTTP1`, `HTTP2`, `GRPC`. Absent where the group has none, such
    /// as a group of Lambda functions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol_version: Option<String>,
}

impl TargetGroup {
    /// Whether its targets are sent HTTP/1.1 and could be sent HTTP/2: only groups of instances and addresses have a choice.
    pub fn could_be_http2(&self) -> bool {
        self.protocol_version.as_deref() == Some("HTTP1") && matches!(self.target_type.as_str(), "instance" | "ip")
    }
}

/// How the internet reaches a load balancer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Reachability {
    /// By its own public addresses.
    InternetFacing,
    /// It is internal, and a target of these internet-facing network load balancers.
    ThroughNetworkLoadBalancers(Vec<Arn>),
    /// It is internal, and no internet-facing network load balancer of its account and Region has it as a target. CloudFront VPC origins
    /// and API Gateway VPC links are not read.
    Internal,
}

impl Reachability {
    /// The reachability by scheme and by the internet-facing network load balancers that forward to it.
    pub fn of(kind: Kind, scheme: &Observed<Scheme>, reached_through: &Observed<Vec<Arn>>) -> Observed<Self> {
        scheme.as_ref().and_then(|scheme| match (scheme, kind, reached_through) {
            (Scheme::InternetFacing, ..) => Observed::Known(Self::InternetFacing),
            (Scheme::Internal, Kind::Application, Observed::Known(through)) if through.is_empty() => {
                Observed::Known(Self::Internal)
            }
            (Scheme::Internal, Kind::Application, Observed::Known(through)) => {
                Observed::Known(Self::ThroughNetworkLoadBalancers(through.clone()))
            }
            (Scheme::Internal, Kind::Application | Kind::Unrecognized, Observed::Unread(gap)) => {
                Observed::Unread(gap.clone())
            }
            (Scheme::Internal, Kind::Application | Kind::Unrecognized, _) => Observed::Unread(not_collected_gap()),
            // Only application load balancers can be targets of another load balancer.
            (Scheme::Internal, Kind::Classic | Kind::Network | Kind::Gateway, _) => Observed::Known(Self::Internal),
        })
    }
}

impl fmt::Display for Reachability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InternetFacing => f.pad("internet-facing"),
            Self::ThroughNetworkLoadBalancers(through) => {
                let names: Vec<&str> = through.iter().map(Arn::load_balancer_name).collect();
                write!(f, "internal, through network load balancer {}", names.join(", "))
            }
            Self::Internal => f.pad("internal"),
        }
    }
}

fn not_collected_gap() -> Arc<Gap> {
    let gap = Gap::new(GapReason::NotAsked, "elasticloadbalancing:DescribeTargetGroups");
    Arc::new(gap.with_message("the scan did not read target groups"))
}

/// The value of what scans of earlier versions did not read.
pub(crate) fn not_collected<T>() -> Observed<T> {
    Observed::Unread(not_collected_gap())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn internal_alone_proves_nothing() {
        let arn =
            Arn::new("arn:aws:elasticloadbalancing:eu-west-1:111122223333:loadbalancer/net/edge/50dc6c495c0c9188");
        let through = vec![arn.expect("an ARN")];
        let internal = Observed::Known(Scheme::Internal);
        let denied =
            || Observed::unread(Gap::new(GapReason::AccessDenied, "elasticloadbalancing:DescribeTargetGroups"));
        let of =
            |kind, scheme: &Observed<Scheme>, through: &Observed<Vec<Arn>>| Reachability::of(kind, scheme, through);
        let application = Kind::Application;
        assert_eq!(
            of(application, &Observed::Known(Scheme::InternetFacing), &denied()),
            Observed::Known(Reachability::InternetFacing)
        );
        assert_eq!(of(application, &internal, &Observed::Known(vec![])), Observed::Known(Reachability::Internal));
        assert_eq!(
            of(application, &internal, &Observed::Known(through.clone())),
            Observed::Known(Reachability::ThroughNetworkLoadBalancers(through))
        );
        for unread in [denied(), Observed::Absent, not_collected()] {
            assert!(of(application, &internal, &unread).gap().is_some(), "{unread:?}");
        }
        assert_eq!(of(Kind::Classic, &internal, &Observed::Absent), Observed::Known(Reachability::Internal));
        assert!(of(application, &Observed::unread(Gap::new(GapReason::Malformed, "x")), &denied()).gap().is_some());
    }

    #[test]
    fn only_instances_and_addresses_that_get_http_1_could_get_http_2() {
        let group = |target_type: &str, version: Option<&str>| TargetGroup {
            name: "x".to_owned(),
            target_type: target_type.to_owned(),
            protocol_version: version.map(str::to_owned),
        };
        for (target_type, version, could) in [
            ("instance", Some("HTTP1"), true),
            ("ip", Some("HTTP1"), true),
            ("ip", Some("HTTP2"), false),
            ("ip", Some("GRPC"), false),
            ("lambda", None, false),
            ("alb", None, false),
            ("instance", None, false),
            ("instance", Some("HTTP3"), false),
        ] {
            assert_eq!(group(target_type, version).could_be_http2(), could, "{target_type} {version:?}");
        }
    }
}
