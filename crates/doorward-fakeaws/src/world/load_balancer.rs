//! A load balancer in memory. What many have in common is shared or a default, so that hundreds of thousands fit.

use std::sync::Arc;

use jiff::Timestamp;

use super::attributes;
use super::kind::Kind;

/// A listener: protocol and port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listener {
    pub(crate) protocol: Box<str>,
    pub(crate) port: u16,
}

/// A target group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TargetGroup {
    pub(crate) name: Box<str>,
    /// `instance`, `ip`, `lambda` or `alb`.
    pub(crate) target_type: Box<str>,
    /// `HTTP1`, `HTTP2` or `GRPC`; none for groups without one.
    pub(crate) version: Option<Box<str>>,
}

/// Key and value pairs, shared between load balancers declared alike until one is modified.
pub(crate) type Pairs = Arc<Vec<(Box<str>, Box<str>)>>;

/// One load balancer.
#[derive(Debug, Clone)]
pub(crate) struct LoadBalancer {
    pub(crate) name: Box<str>,
    /// The hexadecimal id at the end of a v2 ARN.
    pub(crate) id: u64,
    pub(crate) kind: Kind,
    pub(crate) internal: bool,
    pub(crate) state: Arc<str>,
    pub(crate) vpc: Arc<str>,
    pub(crate) created: Timestamp,
    /// Attributes that differ from the defaults of the type.
    pub(crate) overrides: Pairs,
    pub(crate) omitted: Arc<[Box<str>]>,
    pub(crate) tags: Pairs,
    pub(crate) listeners: Arc<[Listener]>,
    pub(crate) vended_logs: bool,
    /// Its target groups; none for the default of its kind.
    pub(crate) target_groups: Option<Arc<[TargetGroup]>>,
    /// Names of the application load balancers that its groups of type `alb` have as targets.
    pub(crate) alb_targets: Arc<[Box<str>]>,
    /// Ids of the CloudFront VPC origins that lead to it.
    pub(crate) vpc_origins: Arc<[Box<str>]>,
    /// Ids of the APIs of API Gateway with an integration that leads to it.
    pub(crate) apis: Arc<[Box<str>]>,
}

impl LoadBalancer {
    /// The ARN in the account and Region that hold it.
    pub(crate) fn arn(&self, partition: &str, account: &str, region: &str) -> String {
        let name = &self.name;
        match self.kind {
            Kind::Classic => {
                format!("arn:{partition}:elasticloadbalancing:{region}:{account}:loadbalancer/{name}")
            }
            kind => format!(
                "arn:{partition}:elasticloadbalancing:{region}:{account}:loadbalancer/{}/{name}/{:016x}",
                kind.segment(),
                self.id
            ),
        }
    }

    /// Overwrites one attribute; `None` returns it to its default.
    pub(crate) fn set_attribute(&mut self, key: &str, value: Option<&str>) {
        let overrides = Arc::make_mut(&mut self.overrides);
        overrides.retain(|(existing, _)| &**existing != key);
        if let Some(value) = value {
            overrides.push((key.into(), value.into()));
        }
    }

    fn overridden(&self, key: &str) -> Option<&str> {
        self.overrides.iter().find(|(existing, _)| &**existing == key).map(|(_, value)| &**value)
    }

    /// The effective value of one attribute, as a response contains it.
    pub(crate) fn attribute<'a>(&'a self, key: &str) -> Option<&'a str> {
        if self.omitted.iter().any(|omitted| &**omitted == key) {
            return None;
        }
        self.overridden(key).or_else(|| {
            attributes::defaults(self.kind).iter().find(|(known, _)| *known == key).map(|(_, value)| *value)
        })
    }

    /// Every attribute of a response: the defaults with this load balancer's values, then keys without a default.
    pub(crate) fn attributes(&self) -> impl Iterator<Item = (&str, &str)> {
        let defaults = attributes::defaults(self.kind);
        let known = defaults.iter().map(|&(key, value)| (key, self.overridden(key).unwrap_or(value)));
        let extra = self
            .overrides
            .iter()
            .map(|(key, value)| (&**key, &**value))
            .filter(move |(key, _)| !defaults.iter().any(|(known, _)| known == key));
        known.chain(extra).filter(|(key, _)| !self.omitted.iter().any(|omitted| **omitted == **key))
    }
}
