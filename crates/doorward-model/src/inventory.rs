//! The raw result of a scan: records as AWS returned them, and gaps where it returned none.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::reachability::{api_integrations_not_read, not_collected, vpc_origins_not_read};
use crate::{
    Account, AccountId, Arn, EntryPoint, Gap, Kind, Listener, Observed, Region, SharedText, TargetGroup, TextMap,
    UnmatchedSetting,
};

/// The result of the stage *collect*. It is serialized with a version, so that a saved scan can be judged by a new policy,
/// rendered again, attached to a bug report or used as a test fixture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Inventory {
    /// The run that produced it.
    pub run: Run,
    /// The organization, absent in single-account mode.
    pub organization: Observed<Organization>,
    /// Every account of the organization, scanned or not, ordered by id.
    pub accounts: Vec<Account>,
    /// Whether the list of accounts arrived in full.
    pub accounts_listing: Listing,
    /// Every account-Region exactly once, ordered by account and Region.
    pub cells: Vec<RegionInventory>,
}

impl Inventory {
    /// Checks that each account is covered, each account-Region occurs once, and each load balancer is listed under the
    /// account and Region of its ARN.
    ///
    /// # Errors
    ///
    /// The first violation as a sentence: a scan did not write this inventory, or it was changed since.
    pub fn check(&self) -> Result<(), String> {
        let mut places = BTreeSet::new();
        let mut covered = BTreeSet::new();
        for cell in &self.cells {
            if !places.insert((&cell.account, &cell.region)) {
                return Err(format!("account {} {} is covered twice", cell.account, cell.region_label()));
            }
            covered.insert(&cell.account);
            cell.check()?;
        }
        match self.accounts.iter().find(|account| !covered.contains(&account.id)) {
            Some(account) => Err(format!("account {} is missing from the coverage", account.id)),
            None => Ok(()),
        }
    }
}

/// The identity, time and version of a scan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Run {
    /// The id of the run, derived from its start and its caller.
    pub id: String,
    /// Doorward's version.
    pub tool_version: String,
    /// When the scan began, UTC.
    pub started: Timestamp,
    /// When the last account-Region was settled, UTC.
    pub finished: Timestamp,
    /// The base identity, from `sts:GetCallerIdentity`.
    pub caller: Arn,
    /// The account of the base identity.
    pub account: AccountId,
    /// The partition, read from the caller's ARN.
    pub partition: String,
    /// The Region whose STS endpoint issued the sessions.
    pub home_region: Region,
    /// Seconds by which this machine's clock is ahead of AWS's; absent if it was not measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock_offset: Option<i64>,
    /// Whether the scan was stopped before it had read everything, by a signal or by its deadline.
    pub interrupted: bool,
    /// The only load balancer that was read, if an event caused the run. Such a run is not a scan: it has no information on
    /// any other load balancer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only: Option<Arn>,
    /// Entries of the settings that the scan did not find.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unmatched: Vec<UnmatchedSetting>,
}

/// The organization that was scanned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Organization {
    /// `o-...`
    pub id: String,
    /// The management account.
    pub management_account: AccountId,
}

/// Whether a paginated list arrived in full.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Listing {
    /// Every page arrived.
    Full,
    /// At least one page did not; the pages before it are kept.
    Unread(#[schemars(with = "Gap")] Arc<Gap>),
}

impl Listing {
    /// Whether every page arrived.
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Full)
    }

    /// Why a page did not arrive.
    pub fn gap(&self) -> Option<&Gap> {
        match self {
            Self::Full => None,
            Self::Unread(gap) => Some(gap),
        }
    }
}

/// The raw result for one account-Region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RegionInventory {
    /// The account.
    pub account: AccountId,
    /// The Region; absent on the single entry that represents the Regions of an account that could not be listed.
    pub region: Option<Region>,
    /// When the first list was requested, UTC: every value was read then or later. Absent if nothing was requested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_at: Option<Timestamp>,
    /// Why it was not read, if the settings exclude it or it is known to be closed; every list is then empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skipped: Option<Gap>,
    /// The list of application, network and gateway load balancers.
    pub listing: Listing,
    /// The list of classic load balancers.
    pub classic_listing: Listing,
    /// The load balancers found, ordered by ARN.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub load_balancers: Vec<RawLoadBalancer>,
    /// Load balancers that were listed and then deleted before they could be read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gone: Vec<Arn>,
    /// Gaps of the account-Region as a whole.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gaps: Vec<Gap>,
}

impl RegionInventory {
    /// Checks that each load balancer is listed under the account and Region of its ARN.
    ///
    /// # Errors
    ///
    /// The first that is not, as a sentence.
    pub fn check(&self) -> Result<(), String> {
        let foreign = self.load_balancers.iter().find(|lb| {
            lb.arn.account() != self.account.as_str()
                || self.region.as_ref().is_none_or(|r| lb.arn.region() != r.as_str())
        });
        match foreign {
            Some(lb) => Err(format!("{} is listed under account {} {}", lb.arn, self.account, self.region_label())),
            None => Ok(()),
        }
    }

    fn region_label(&self) -> &str {
        self.region.as_ref().map_or("(Regions not listed)", Region::as_str)
    }

    /// An account-Region that was skipped.
    pub fn skipped(account: AccountId, region: Option<Region>, why: Gap) -> Self {
        let mut cell = Self::failed(account, region, why.clone());
        cell.skipped = Some(why);
        cell
    }

    /// An account-Region where no list arrived.
    pub fn failed(account: AccountId, region: Option<Region>, why: Gap) -> Self {
        let why = Arc::new(why);
        Self {
            account,
            region,
            read_at: None,
            skipped: None,
            listing: Listing::Unread(why.clone()),
            classic_listing: Listing::Unread(why),
            load_balancers: Vec::new(),
            gone: Vec::new(),
            gaps: Vec::new(),
        }
    }
}

/// The API call that returned a value, as an auditor can find it in CloudTrail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Evidence {
    /// The API operation: `elasticloadbalancing:DescribeLoadBalancerAttributes`.
    pub operation: SharedText,
    /// When the response arrived, UTC.
    pub at: Timestamp,
    /// AWS's request id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// A load balancer as AWS described it, without interpretation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RawLoadBalancer {
    /// Its ARN; composed for classic load balancers.
    pub arn: Arn,
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: Kind,
    /// `internet-facing` or `internal`, verbatim.
    pub scheme: Option<SharedText>,
    /// Its VPC.
    pub vpc: Option<SharedText>,
    /// Its DNS name.
    pub dns_name: Option<String>,
    /// When it was created.
    pub created: Option<Timestamp>,
    /// Its state code, verbatim; classic load balancers have none.
    pub state: Option<SharedText>,
    /// Its security groups.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub security_groups: Vec<SharedText>,
    /// Its Availability Zones by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub zones: Vec<SharedText>,
    /// Every attribute that AWS returned, under AWS's keys, including attributes not known to this version. Attributes of a
    /// classic load balancer have the keys of the newer API where one exists, otherwise their own, such as
    /// `elb.http.desyncmitigationmode`.
    pub attributes: Observed<TextMap>,
    /// The call that returned the attributes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Evidence>,
    /// Its tags.
    pub tags: Observed<TextMap>,
    /// Its listeners.
    pub listeners: Observed<Vec<Listener>>,
    /// Where CloudWatch Logs deliveries ("vended logs") send its access logs; empty when there are none.
    pub vended_logs: Observed<Vec<String>>,
    /// The target groups of an application load balancer, ordered by name.
    #[serde(default = "not_collected::<Vec<TargetGroup>>")]
    pub target_groups: Observed<Vec<TargetGroup>>,
    /// The internet-facing network load balancers of which an internal application load balancer is a target, ordered. Absent for every
    /// other load balancer.
    #[serde(default = "not_collected::<Vec<Arn>>")]
    pub reached_through: Observed<Vec<Arn>>,
    /// The CloudFront VPC origins that lead to an internal application load balancer, ordered. Absent for every other load balancer.
    #[serde(default = "vpc_origins_not_read")]
    pub vpc_origins: Observed<Vec<EntryPoint>>,
    /// The APIs of API Gateway that lead to an internal application load balancer, ordered. Absent for every other load balancer.
    #[serde(default = "api_integrations_not_read")]
    pub api_integrations: Observed<Vec<EntryPoint>>,
}

impl RawLoadBalancer {
    /// The gap of every value that was not read.
    pub fn unread(&self) -> impl Iterator<Item = &Gap> {
        // Destructured in full: a new field does not compile until its gap is named here.
        let Self {
            arn: _,
            name: _,
            kind: _,
            scheme: _,
            vpc: _,
            dns_name: _,
            created: _,
            state: _,
            security_groups: _,
            zones: _,
            attributes,
            evidence: _,
            tags,
            listeners,
            vended_logs,
            target_groups,
            reached_through,
            vpc_origins,
            api_integrations,
        } = self;
        let hop = [target_groups.gap(), reached_through.gap(), vpc_origins.gap(), api_integrations.gap()];
        [attributes.gap(), tags.gap(), listeners.gap(), vended_logs.gap()]
            .into_iter()
            .chain(hop)
            .flatten()
            .map(AsRef::as_ref)
    }
}
