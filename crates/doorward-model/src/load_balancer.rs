//! The one load balancer type that every rule and sink sees, whatever API it came from.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{AccountId, AppliedChange, Arn, Edit, Evidence, Gap, GapReason, InCode, Observed, OuPath, Region, Traffic};

/// A desync mitigation mode. The order is the strength: `Monitor < Defensive < Strictest`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Everything is forwarded, Severe requests included.
    Monitor,
    /// Severe requests are blocked; AWS's default.
    Defensive,
    /// Everything but compliant requests is blocked.
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

    /// Reads AWS's spelling exactly: a value in another case is not one that AWS returns, so it is not guessed at.
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
    /// A kind this version does not know.
    Unrecognized,
}

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

    /// Whether this kind can carry a desync mitigation mode at all.
    pub const fn can_parse_http(self) -> bool {
        matches!(self, Self::Application | Self::Classic | Self::Unrecognized)
    }

    /// The attribute key that carries the mode.
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

/// Whether the internet can reach a load balancer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Scheme {
    /// Has public addresses.
    InternetFacing,
    /// Has private addresses only.
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

/// One listener: what it accepts and where.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Listener {
    /// The protocol as AWS spells it: `HTTP`, `HTTPS`, `TCP`, ...
    pub protocol: String,
    /// The port; absent for gateway load balancers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
}

impl Listener {
    /// Whether requests on this listener are parsed as HTTP.
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

/// What would change the setting back if it were changed by hand.
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

/// Where an owner's name was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OwnerSource {
    /// A tag of the load balancer; the key as written there.
    ResourceTag(String),
    /// A tag of the account; the key as written there.
    AccountTag(String),
    /// The settings' map from organizational units; the unit that matched.
    OuMap(String),
}

impl fmt::Display for OwnerSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ResourceTag(key) => write!(f, "tag {key:?}"),
            Self::AccountTag(key) => write!(f, "account tag {key:?}"),
            Self::OuMap(unit) => write!(f, "unit {unit}"),
        }
    }
}

/// Whoever tags, account or unit say is responsible.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Owner {
    /// The owner's name after aliases and normalisation.
    pub name: String,
    /// Where it was found.
    pub source: OwnerSource,
}

/// One load balancer, normalized.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LoadBalancer {
    /// Its ARN; composed for classic load balancers.
    pub arn: Arn,
    /// The account it is in.
    pub account: AccountId,
    /// The account's name.
    pub account_name: Observed<String>,
    /// Where the account stands in the organization.
    pub ou: Observed<OuPath>,
    /// The Region it is in.
    pub region: Region,
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: Kind,
    /// Whether the internet can reach it.
    pub scheme: Observed<Scheme>,
    /// Its VPC.
    pub vpc: Option<String>,
    /// Its DNS name.
    pub dns_name: Option<String>,
    /// When it was created.
    pub created: Option<Timestamp>,
    /// Its state code, verbatim.
    pub state: Option<String>,
    /// The desync mitigation mode. A value AWS does not document is unread (malformed), never guessed.
    pub mode: Observed<Mode>,
    /// Whether invalid header fields are dropped. A control of its own: it never changes the desync verdict.
    pub drop_invalid_headers: Observed<bool>,
    /// Whether requests pass when the web application firewall does not answer.
    pub waf_fail_open: Observed<bool>,
    /// Where access logs go.
    pub access_logs: Observed<LogDestination>,
    /// Its listeners.
    pub listeners: Observed<Vec<Listener>>,
    /// Its tags.
    pub tags: Observed<BTreeMap<String, String>>,
    /// What manages it; absent when no known sign of a manager is there.
    pub managed_by: Observed<Manager>,
    /// Who is responsible; absent means unowned.
    pub owner: Observed<Owner>,
    /// Its environment, from the configured tags.
    pub environment: Observed<String>,
    /// Its application type, from the configured tags.
    pub application: Observed<String>,
    /// Every attribute AWS returned.
    pub attributes: Observed<BTreeMap<String, String>>,
    /// The call that brought the attributes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Evidence>,
    /// Its security groups.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub security_groups: Vec<String>,
    /// Its Availability Zones by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub zones: Vec<String>,
    /// What its requests said, where somebody looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traffic: Option<Arc<Traffic>>,
    /// What Doorward did to its mode, the oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<AppliedChange>,
    /// Who left it in this mode, where AWS's event of the call was taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edited: Option<Edit>,
    /// Which parts of its identity are stand-ins, because it was declared and nobody saw it; none for one that was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undecided: Option<Arc<Undecided>>,
    /// Where it is declared, where somebody gave the files and one of them fits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declared: Option<Arc<InCode>>,
}

/// The identity of a load balancer that was declared rather than seen: why a part of it is not known. A part without a gap is
/// as good as seen.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Undecided {
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
    /// Its ARN, where it has been given one.
    pub fn known_arn(&self) -> Observed<&Arn> {
        self.decided(&self.arn, |undecided| undecided.arn.as_ref())
    }

    /// Its account, where that is settled.
    pub fn known_account(&self) -> Observed<&AccountId> {
        self.decided(&self.account, |undecided| undecided.account.as_ref())
    }

    /// Its name, where that is settled.
    pub fn known_name(&self) -> Observed<&str> {
        self.decided(self.name.as_str(), |undecided| undecided.name.as_ref())
    }

    fn decided<'a, T: ?Sized>(&self, part: &'a T, gap: fn(&Undecided) -> Option<&Arc<Gap>>) -> Observed<&'a T> {
        match self.undecided.as_deref().and_then(gap) {
            Some(gap) => Observed::Unread(gap.clone()),
            None => Observed::Known(part),
        }
    }

    /// The owner as people should read it: the name, `unowned`, or that nobody could look.
    pub fn owner_label(&self) -> &str {
        match &self.owner {
            Observed::Known(owner) => &owner.name,
            Observed::Absent => "unowned",
            Observed::Unread(gap) if gap.reason == GapReason::NotAsked => "(not asked)",
            Observed::Unread(_) => "(owner unread)",
        }
    }
}
