//! The load balancer that rules and sinks read, whichever API described it.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::reachability::not_collected;
use crate::{
    AccountId, AppliedChange, AppliedPolicy, Arn, Edit, Evidence, Gap, GapReason, InCode, LoadBalancerCost, Observed,
    OuPath, Reachability, Region, SharedText, TargetGroup, TextMap, TrackedSource, Traffic, Usage,
};

/// A desync mitigation mode. The order is the strength: `Monitor < Defensive < Strictest`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Forwards every request, including Severe ones.
    Monitor,
    /// Blocks Severe requests; AWS's default.
    Defensive,
    /// Blocks every request that is not compliant.
    Strictest,
}

/// A mode value that AWS does not document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a desync mitigation mode (monitor, defensive, strictest)")]
pub struct UnknownMode(pub String);

impl Mode {
    /// The mode in AWS's spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Monitor => "monitor",
            Self::Defensive => "defensive",
            Self::Strictest => "strictest",
        }
    }
}

impl FromStr for Mode {
    type Err = UnknownMode;

    /// Reads AWS's spelling exactly. AWS does not return another case, so such a value is an error.
    fn from_str(text: &str) -> Result<Self, UnknownMode> {
        match text {
            "monitor" => Ok(Self::Monitor),
            "defensive" => Ok(Self::Defensive),
            "strictest" => Ok(Self::Strictest),
            other => Err(UnknownMode(other.to_owned())),
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The kind of a load balancer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Application Load Balancer.
    Application,
    /// Classic Load Balancer.
    Classic,
    /// Network Load Balancer: does not parse HTTP.
    Network,
    /// Gateway Load Balancer: does not parse HTTP.
    Gateway,
    /// A kind that is not known to this version.
    Unrecognized,
}

/// The attribute of application load balancers that removes header fields with invalid names.
pub const DROP_INVALID: &str = "routing.http.drop_invalid_header_fields.enabled";

impl Kind {
    /// The kind in AWS's spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Application => "application",
            Self::Classic => "classic",
            Self::Network => "network",
            Self::Gateway => "gateway",
            Self::Unrecognized => "unrecognized",
        }
    }

    /// Whether this kind can have a desync mitigation mode.
    pub const fn can_parse_http(self) -> bool {
        matches!(self, Self::Application | Self::Classic | Self::Unrecognized)
    }

    /// The key of the attribute that holds the mode.
    pub const fn mode_attribute(self) -> &'static str {
        match self {
            Self::Classic => "elb.http.desyncmitigationmode",
            _ => "routing.http.desync_mitigation_mode",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Whether the addresses of a load balancer are public.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Scheme {
    /// Public addresses.
    InternetFacing,
    /// Private addresses only.
    Internal,
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::InternetFacing => "internet-facing",
            Self::Internal => "internal",
        })
    }
}

/// A listener: protocol and port.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Listener {
    /// The protocol as AWS spells it: `HTTP`, `HTTPS`, `TCP`, ...
    pub protocol: SharedText,
    /// The port; absent for gateway load balancers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
}

impl Listener {
    /// Whether the load balancer parses requests on this listener as HTTP.
    pub fn is_http(&self) -> bool {
        matches!(self.protocol.as_str(), "HTTP" | "HTTPS")
    }
}

/// Where access logs go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LogDestination {
    /// No access logs are written.
    Nowhere,
    /// To an S3 bucket, by the load balancer's own attributes.
    S3 {
        /// The bucket.
        bucket: String,
        /// The key prefix; empty when there is none.
        prefix: String,
    },
    /// By a CloudWatch Logs delivery ("vended logs"); the ARNs of the destinations.
    Delivery(Vec<String>),
}

/// The tool that manages a load balancer, and that would revert a manual change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Manager {
    /// A CloudFormation stack, by name.
    CloudFormation(String),
    /// The Kubernetes load balancer controller: cluster, and stack or resource where tagged.
    Kubernetes(String),
    /// An ECS gateway or Express Mode service.
    EcsGateway(String),
    /// An Elastic Beanstalk environment, by name.
    ElasticBeanstalk(String),
    /// Terraform, by a configured tag: `key=value`.
    Terraform(String),
}

impl fmt::Display for Manager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CloudFormation(name) => write!(f, "CloudFormation stack {name}"),
            Self::Kubernetes(name) => write!(f, "Kubernetes {name}"),
            Self::EcsGateway(name) => write!(f, "ECS gateway {name}"),
            Self::ElasticBeanstalk(name) => write!(f, "Elastic Beanstalk environment {name}"),
            Self::Terraform(tag) => write!(f, "Terraform ({tag})"),
        }
    }
}

/// The source of an owner's name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OwnerSource {
    /// A tag of the load balancer; the key as written there.
    ResourceTag(String),
    /// A tag of the account; the key as written there.
    AccountTag(String),
    /// The map from organizational units (OUs) in the settings; the OU that matched.
    OuMap(String),
}

impl fmt::Display for OwnerSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ResourceTag(key) => write!(f, "tag {key:?}"),
            Self::AccountTag(key) => write!(f, "account tag {key:?}"),
            Self::OuMap(unit) => write!(f, "OU {unit}"),
        }
    }
}

/// The owner, from tags or an organizational unit (OU).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Owner {
    /// The owner's name after aliases, in its original spelling. [`owner_key`](crate::owner_key) compares names.
    pub name: String,
    /// The source of the name.
    pub source: OwnerSource,
    /// Tags with the same key in another spelling and with another value, as `"owner" = "team b"`: they do not count.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conflicting: Vec<String>,
}

impl Owner {
    /// The source, with the tags that contradict it: `tag "Owner" (ignored: "owner" = "team b")`
    pub fn source_text(&self) -> String {
        match self.conflicting.as_slice() {
            [] => self.source.to_string(),
            conflicting => format!("{} (ignored: {})", self.source, conflicting.join(", ")),
        }
    }
}

/// A normalized load balancer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LoadBalancer {
    /// Its ARN; composed for classic load balancers.
    pub arn: Arn,
    /// The account it is in.
    pub account: AccountId,
    /// The account's name.
    pub account_name: Observed<String>,
    /// The organizational unit (OU) of the account.
    pub ou: Observed<OuPath>,
    /// The Region it is in.
    pub region: Region,
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: Kind,
    /// Whether its own addresses are public.
    pub scheme: Observed<Scheme>,
    /// How the internet reaches it.
    #[serde(default = "not_collected::<Reachability>")]
    pub reachability: Observed<Reachability>,
    /// The target groups of an application load balancer, ordered by name.
    #[serde(default = "not_collected::<Vec<TargetGroup>>")]
    pub target_groups: Observed<Vec<TargetGroup>>,
    /// Its VPC.
    pub vpc: Option<SharedText>,
    /// Its DNS name.
    pub dns_name: Option<String>,
    /// When it was created.
    pub created: Option<Timestamp>,
    /// Its state code, verbatim.
    pub state: Option<SharedText>,
    /// The desync mitigation mode. A value that AWS does not document is unread (malformed).
    pub mode: Observed<Mode>,
    /// Whether invalid header fields are dropped. This is a separate control: it never changes the desync verdict.
    pub drop_invalid_headers: Observed<bool>,
    /// Whether requests are forwarded when AWS WAF does not respond.
    pub waf_fail_open: Observed<bool>,
    /// Where access logs go.
    pub access_logs: Observed<LogDestination>,
    /// Its listeners.
    pub listeners: Observed<Vec<Listener>>,
    /// Its tags.
    pub tags: Observed<TextMap>,
    /// The tool that manages it; absent if no known tag of a tool is present.
    pub managed_by: Observed<Manager>,
    /// The owner; absent if it has none.
    pub owner: Observed<Owner>,
    /// Its environment, from the configured tags.
    pub environment: Observed<String>,
    /// Its application type, from the configured tags.
    pub application: Observed<String>,
    /// Every attribute AWS returned.
    pub attributes: Observed<TextMap>,
    /// The call that returned the attributes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Evidence>,
    /// Its security groups.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub security_groups: Vec<SharedText>,
    /// Its Availability Zones by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub zones: Vec<SharedText>,
    /// The traffic evidence, if it was collected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traffic: Option<Arc<Traffic>>,
    /// The sources of non-compliant requests that are followed from scan to scan.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tracked_sources: Vec<TrackedSource>,
    /// Doorward's changes of its mode, the oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<AppliedChange>,
    /// The author of its current mode, if the CloudTrail event of the call was received.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edited: Option<Box<Edit>>,
    /// The parts of its identity that are placeholders, because it was declared and not read; absent for one that was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub placeholder: Option<Arc<PlaceholderIdentity>>,
    /// Its declaration, if the files were given and one of them matches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declared: Option<Arc<InCode>>,
    /// How much it was used, by the daily metrics in the ledger; absent where none were collected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Arc<Usage>>,
    /// Its cost. Absent where no price is known, which is not zero.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<LoadBalancerCost>")]
    pub cost: Option<Arc<LoadBalancerCost>>,
    /// How the policy applies to it; absent before it is judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<AppliedPolicy>,
}

/// The identity of a load balancer that was declared and not read: a part with a gap is a placeholder, a part without a gap is
/// certain.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlaceholderIdentity {
    /// Why the ARN is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Gap>")]
    pub arn: Option<Arc<Gap>>,
    /// Why the account is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Gap>")]
    pub account: Option<Arc<Gap>>,
    /// Why the Region is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Gap>")]
    pub region: Option<Arc<Gap>>,
    /// Why the name is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Gap>")]
    pub name: Option<Arc<Gap>>,
}

impl LoadBalancer {
    /// Its ARN, unless that is a placeholder.
    pub fn known_arn(&self) -> Observed<&Arn> {
        self.unless_placeholder(&self.arn, |placeholder| placeholder.arn.as_ref())
    }

    /// Its account, unless that is a placeholder.
    pub fn known_account(&self) -> Observed<&AccountId> {
        self.unless_placeholder(&self.account, |placeholder| placeholder.account.as_ref())
    }

    /// Its name, unless that is a placeholder.
    pub fn known_name(&self) -> Observed<&str> {
        self.unless_placeholder(self.name.as_str(), |placeholder| placeholder.name.as_ref())
    }

    fn unless_placeholder<'a, T: ?Sized>(
        &self,
        part: &'a T,
        gap: fn(&PlaceholderIdentity) -> Option<&Arc<Gap>>,
    ) -> Observed<&'a T> {
        match self.placeholder.as_deref().and_then(gap) {
            Some(gap) => Observed::Unread(gap.clone()),
            None => Observed::Known(part),
        }
    }

    /// The owner as displayed: the name, `unowned`, `(not asked)` or `(owner unread)`.
    pub fn owner_label(&self) -> &str {
        match &self.owner {
            Observed::Known(owner) => &owner.name,
            Observed::Absent => "unowned",
            Observed::Unread(gap) if gap.reason == GapReason::NotAsked => "(not asked)",
            Observed::Unread(_) => "(owner unread)",
        }
    }
}
