//! The hop behind a load balancer, and whether the internet reaches the load balancer.

use std::fmt;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Arn, Gap, GapReason, Kind, Observed, Scheme, SharedText};

/// A target group that a load balancer forwards requests to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct TargetGroup {
    /// Its name.
    pub name: String,
    /// The type of its targets as AWS spells it: `instance`, `ip`, `lambda`, `alb`.
    pub target_type: SharedText,
    /// The version of HTTP that its targets are sent, as AWS spells it: `HTTP1`, `HTTP2`, `GRPC`. Absent where the group has none, such
    /// as a group of Lambda functions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol_version: Option<SharedText>,
}

impl TargetGroup {
    /// Whether its targets are sent HTTP/1.1 and could be sent HTTP/2: only groups of instances and addresses have a choice.
    pub fn could_be_http2(&self) -> bool {
        self.protocol_version.as_deref() == Some("HTTP1") && matches!(self.target_type.as_str(), "instance" | "ip")
    }
}

/// A service of AWS that forwards requests of the internet to load balancers without public addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum EntryService {
    /// CloudFront, by a VPC origin.
    CloudFront,
    /// API Gateway, by an integration of an HTTP or WebSocket API through a VPC link.
    ApiGateway,
}

/// A way through a service of AWS to a load balancer without public addresses.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct EntryPoint {
    /// The service.
    pub service: EntryService,
    /// The id of the VPC origin or of the API.
    pub id: String,
    /// The network load balancer that the service forwards to, where it does not name the load balancer itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub through: Option<Arn>,
}

impl fmt::Display for EntryPoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.service {
            EntryService::CloudFront => "CloudFront VPC origin",
            EntryService::ApiGateway => "API Gateway API",
        };
        write!(f, "{what} {}", self.id)?;
        match &self.through {
            Some(through) => write!(f, " and network load balancer {}", through.load_balancer_name()),
            None => Ok(()),
        }
    }
}

/// The entry points in front of a load balancer that were read.
#[derive(Debug, Clone, Copy)]
pub struct InFront<'a> {
    /// The internet-facing network load balancers that forward to it.
    pub network_load_balancers: &'a Observed<Vec<Arn>>,
    /// The CloudFront VPC origins that lead to it.
    pub vpc_origins: &'a Observed<Vec<EntryPoint>>,
    /// The APIs of API Gateway with an integration that leads to it.
    pub api_integrations: &'a Observed<Vec<EntryPoint>>,
}

/// How the internet reaches a load balancer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Reachability {
    /// By its own public addresses.
    InternetFacing,
    /// It is internal, and a target of these internet-facing network load balancers.
    ThroughNetworkLoadBalancers(Vec<Arn>),
    /// It is internal, and a CloudFront VPC origin or an API of API Gateway leads to it.
    ThroughEntryPoints(Vec<EntryPoint>),
    /// It is internal, and no internet-facing network load balancer of its account and Region has it as a target. CloudFront VPC origins
    /// and API Gateway VPC links were not read.
    Internal,
    /// It is internal, no internet-facing network load balancer of its account and Region has it as a target, and no CloudFront VPC origin
    /// and no HTTP or WebSocket API of API Gateway leads to it.
    InternalWithoutEntryPoint,
}

/// The part that `Reachability::Internal` leaves open.
const ENTRY_POINTS_UNREAD: &str = "CloudFront VPC origins and API Gateway VPC links were not read";
/// What `Reachability::InternalWithoutEntryPoint` rests on, and leaves open.
const ENTRY_POINTS_READ: &str = "no CloudFront VPC origin and no HTTP or WebSocket API of API Gateway leads to it; Global Accelerator and \
                                 REST APIs are not read";

impl Reachability {
    /// The reachability by scheme and by what was read in front of the load balancer. A way that was found counts, whatever else could not
    /// be read. What was asked for and could not be read leaves it unknown; what the settings exclude is named in the text.
    pub fn of(kind: Kind, scheme: &Observed<Scheme>, front: InFront<'_>) -> Observed<Self> {
        let scheme = match scheme {
            Observed::Known(scheme) => *scheme,
            Observed::Absent => return Observed::Absent,
            Observed::Unread(gap) => return Observed::Unread(gap.clone()),
        };
        match (scheme, kind) {
            (Scheme::InternetFacing, _) => Observed::Known(Self::InternetFacing),
            (Scheme::Internal, Kind::Application | Kind::Unrecognized) => Self::of_internal(kind, front),
            // Only application load balancers can be targets of another load balancer. CloudFront and API Gateway can lead to a network
            // load balancer as well, and Doorward reads that for the application load balancers behind it only.
            (Scheme::Internal, Kind::Network) => Observed::Known(Self::Internal),
            (Scheme::Internal, Kind::Classic | Kind::Gateway) => Observed::Known(Self::InternalWithoutEntryPoint),
        }
    }

    fn of_internal(kind: Kind, front: InFront<'_>) -> Observed<Self> {
        let InFront { network_load_balancers, vpc_origins, api_integrations } = front;
        let through = match network_load_balancers {
            Observed::Known(through) if kind == Kind::Application && !through.is_empty() => {
                return Observed::Known(Self::ThroughNetworkLoadBalancers(through.clone()));
            }
            other => other,
        };
        let entries = [vpc_origins, api_integrations];
        let mut found: Vec<EntryPoint> = entries.iter().filter_map(|read| read.known()).flatten().cloned().collect();
        if !found.is_empty() {
            found.sort();
            return Observed::Known(Self::ThroughEntryPoints(found));
        }
        if let Observed::Unread(gap) = through {
            return Observed::Unread(gap.clone());
        }
        if through.known().is_none() || kind != Kind::Application {
            return Observed::Unread(not_collected_gap());
        }
        let failed = entries.iter().filter_map(|read| read.gap()).find(|gap| gap.reason != GapReason::NotAsked);
        match failed {
            Some(gap) => Observed::Unread(gap.clone()),
            None if entries.iter().all(|read| read.known().is_some()) => {
                Observed::Known(Self::InternalWithoutEntryPoint)
            }
            None => Observed::Known(Self::Internal),
        }
    }

    /// Whether no way from the internet to the load balancer was found among what was read.
    pub const fn is_internal(&self) -> bool {
        matches!(self, Self::Internal | Self::InternalWithoutEntryPoint)
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
            Self::ThroughEntryPoints(through) => {
                let ways: Vec<String> = through.iter().map(ToString::to_string).collect();
                write!(f, "internal, through {}", ways.join(", "))
            }
            Self::Internal => write!(f, "internal; {ENTRY_POINTS_UNREAD}"),
            Self::InternalWithoutEntryPoint => write!(f, "internal; {ENTRY_POINTS_READ}"),
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

/// The CloudFront VPC origins of scans that did not read them.
pub(crate) fn vpc_origins_not_read() -> Observed<Vec<EntryPoint>> {
    Observed::unread(Gap::new(GapReason::NotAsked, "cloudfront:ListVpcOrigins"))
}

/// The APIs of scans that did not read them.
pub(crate) fn api_integrations_not_read() -> Observed<Vec<EntryPoint>> {
    Observed::unread(Gap::new(GapReason::NotAsked, "apigateway:GET"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn internal_alone_proves_nothing() {
        let open = Observed::unread(Gap::new(GapReason::NotAsked, "cloudfront:ListVpcOrigins"));
        let arn =
            Arn::new("arn:aws:elasticloadbalancing:eu-west-1:111122223333:loadbalancer/net/edge/50dc6c495c0c9188");
        let through = vec![arn.expect("an ARN")];
        let internal = Observed::Known(Scheme::Internal);
        let denied =
            || Observed::unread(Gap::new(GapReason::AccessDenied, "elasticloadbalancing:DescribeTargetGroups"));
        let of = |kind, scheme: &Observed<Scheme>, through: &Observed<Vec<Arn>>| {
            let front = InFront { network_load_balancers: through, vpc_origins: &open, api_integrations: &open };
            Reachability::of(kind, scheme, front)
        };
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
        assert_eq!(of(Kind::Network, &internal, &Observed::Absent), Observed::Known(Reachability::Internal));
        let classic = of(Kind::Classic, &internal, &Observed::Absent);
        assert_eq!(classic, Observed::Known(Reachability::InternalWithoutEntryPoint));
        assert!(of(application, &Observed::unread(Gap::new(GapReason::Malformed, "x")), &denied()).gap().is_some());
    }

    #[test]
    fn a_way_that_was_found_counts_and_a_way_that_could_not_be_read_leaves_it_unknown() {
        let way = |service| EntryPoint { service, id: "x1".to_owned(), through: None };
        let known = |service: Option<EntryService>| Observed::Known(service.map(way).into_iter().collect::<Vec<_>>());
        let unread = |reason, operation| Observed::unread(Gap::new(reason, operation));
        let (cloudfront, gateway) = ("cloudfront:ListVpcOrigins", "apigateway:GET");
        let off = || (unread(GapReason::NotAsked, cloudfront), unread(GapReason::NotAsked, gateway));
        let denied = |operation| unread(GapReason::AccessDenied, operation);
        let none = || known(None);
        let groups_denied =
            Observed::unread(Gap::new(GapReason::AccessDenied, "elasticloadbalancing:DescribeTargetGroups"));
        let nothing: Observed<Vec<Arn>> = Observed::Known(vec![]);
        for (through, (origins, apis), expected) in [
            (&nothing, off(), "internal; CloudFront VPC origins and API Gateway VPC links were not read"),
            (
                &nothing,
                (none(), none()),
                "internal; no CloudFront VPC origin and no HTTP or WebSocket API of API Gateway leads to it; Global Accelerator and \
                 REST APIs are not read",
            ),
            (&nothing, (known(Some(EntryService::CloudFront)), none()), "internal, through CloudFront VPC origin x1"),
            (
                &nothing,
                (denied(cloudfront), known(Some(EntryService::ApiGateway))),
                "internal, through API Gateway API x1",
            ),
            (
                &groups_denied,
                (known(Some(EntryService::CloudFront)), none()),
                "internal, through CloudFront VPC origin x1",
            ),
            (&nothing, (denied(cloudfront), none()), "unknown by cloudfront:ListVpcOrigins"),
            (&nothing, (none(), denied(gateway)), "unknown by apigateway:GET"),
            (&groups_denied, (none(), none()), "unknown by elasticloadbalancing:DescribeTargetGroups"),
        ] {
            let front = InFront { network_load_balancers: through, vpc_origins: &origins, api_integrations: &apis };
            let found = match Reachability::of(Kind::Application, &Observed::Known(Scheme::Internal), front) {
                Observed::Known(found) => found.to_string(),
                Observed::Unread(gap) => format!("unknown by {}", gap.operation),
                Observed::Absent => "absent".to_owned(),
            };
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn a_network_load_balancer_on_the_way_is_named() {
        let arn = "arn:aws:elasticloadbalancing:eu-west-1:111122223333:loadbalancer/net/inner/50dc6c495c0c9188";
        let through = Some(Arn::new(arn).expect("an ARN"));
        let way = EntryPoint { service: EntryService::CloudFront, id: "vo_1".to_owned(), through };
        let text = Reachability::ThroughEntryPoints(vec![way]).to_string();
        assert_eq!(text, "internal, through CloudFront VPC origin vo_1 and network load balancer inner");
    }

    #[test]
    fn only_instances_and_addresses_that_get_http_1_could_get_http_2() {
        let group = |target_type: &str, version: Option<&str>| TargetGroup {
            name: "x".to_owned(),
            target_type: target_type.into(),
            protocol_version: version.map(Into::into),
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
