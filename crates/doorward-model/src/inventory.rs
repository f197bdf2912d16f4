//! What a scan brought home: raw records as AWS gave them, and the gaps where it gave nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Account, AccountId, Arn, Gap, Kind, Listener, Observed, Region};

/// The raw result of collect. Serializable with a version, so that an old scan can be judged by a new policy, rendered
/// again, attached to a bug report or used as a test fixture.
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
    pub cells: Vec<Cell>,
}

impl Inventory {
    /// Checks what every inventory must be: each account covered, each account-Region once, each load balancer where its
    /// ARN says it is. A file that fails this was not written by a scan, or was changed since.
    pub fn check(&self) -> Result<(), String> {
        let mut places = BTreeSet::new();
        let mut covered = BTreeSet::new();
        for cell in &self.cells {
            let region = cell.region.as_ref().map_or("(Regions not listed)", Region::as_str);
            if !places.insert((&cell.account, &cell.region)) {
                return Err(format!("account {} {region} is covered twice", cell.account));
            }
            covered.insert(&cell.account);
            let foreign = cell.load_balancers.iter().find(|lb| {
                lb.arn.account() != cell.account.as_str()
                    || cell.region.as_ref().is_none_or(|r| lb.arn.region() != r.as_str())
            });
            if let Some(lb) = foreign {
                return Err(format!("{} is listed under account {} {region}", lb.arn, cell.account));
            }
        }
        match self.accounts.iter().find(|account| !covered.contains(&account.id)) {
            Some(account) => Err(format!("account {} is missing from the coverage", account.id)),
            None => Ok(()),
        }
    }
}

/// Who scanned, when and with what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Run {
    /// Names this run; derived from its start and its caller.
    pub id: String,
    /// Doorward's version.
    pub tool_version: String,
    /// When the scan began, UTC.
    pub started: Timestamp,
    /// When the last account-Region was settled, UTC.
    pub finished: Timestamp,
    /// The base identity, as `sts:GetCallerIdentity` named it.
    pub caller: Arn,
    /// The account of the base identity.
    pub account: AccountId,
    /// The partition, read from the caller's ARN.
    pub partition: String,
    /// The Region whose STS endpoint issued the sessions.
    pub home_region: Region,
    /// Seconds by which this machine's clock is ahead of AWS's, to the second; absent where nobody measured it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock_offset: Option<i64>,
    /// True when the scan was stopped before it had read everything, by a signal or by its own deadline.
    pub interrupted: bool,
    /// The one load balancer that was read, where an event asked for it. Such a run is no scan: nothing else was asked, so it
    /// says nothing of anything else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only: Option<Arn>,
}

/// The organization that was scanned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Organization {
    /// `o-...`
    pub id: String,
    /// The management account.
    pub management_account: AccountId,
}

/// How far the list of load balancers of one kind of API got.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Listing {
    /// Every page arrived.
    Full,
    /// At least one page did not; what arrived before it is kept.
    Unread(#[schemars(with = "Gap")] Arc<Gap>),
}

impl Listing {
    /// Whether every page arrived.
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Full)
    }
}

/// What happened in one account-Region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Cell {
    /// The account.
    pub account: AccountId,
    /// The Region; absent on the one line that stands for the Regions of an account that could not be listed.
    pub region: Option<Region>,
    /// When its first list was asked for, UTC: everything here was read then or later. Absent where nothing was asked, and in
    /// scans of versions that did not keep it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_at: Option<Timestamp>,
    /// Set when the account-Region was left out on purpose or is known to be closed: nothing else is filled then.
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
    /// Gaps that belong to the account-Region as a whole rather than to one load balancer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gaps: Vec<Gap>,
}

impl Cell {
    /// A cell that was not looked at on purpose.
    pub fn skipped(account: AccountId, region: Option<Region>, why: Gap) -> Self {
        let mut cell = Self::failed(account, region, why.clone());
        cell.skipped = Some(why);
        cell
    }

    /// A cell where nothing at all could be listed.
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

/// Where an observed value came from: what an auditor needs to find the call in CloudTrail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Evidence {
    /// The API operation: `elasticloadbalancing:DescribeLoadBalancerAttributes`.
    pub operation: String,
    /// When the answer arrived, UTC.
    pub at: Timestamp,
    /// AWS's request id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// A load balancer as AWS described it, nothing interpreted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RawLoadBalancer {
    /// Its ARN; composed for classic load balancers.
    pub arn: Arn,
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: Kind,
    /// `internet-facing` or `internal`, verbatim.
    pub scheme: Option<String>,
    /// Its VPC.
    pub vpc: Option<String>,
    /// Its DNS name.
    pub dns_name: Option<String>,
    /// When it was created.
    pub created: Option<Timestamp>,
    /// Its state code, verbatim; classic load balancers have none.
    pub state: Option<String>,
    /// Its security groups.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub security_groups: Vec<String>,
    /// Its Availability Zones by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub zones: Vec<String>,
    /// Every attribute AWS returned, unknown ones included, under AWS's keys. A classic load balancer's are spelled
    /// under the keys of the newer API where one exists, `elb.http.desyncmitigationmode` otherwise.
    pub attributes: Observed<BTreeMap<String, String>>,
    /// The call that brought the attributes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Evidence>,
    /// Its tags.
    pub tags: Observed<BTreeMap<String, String>>,
    /// Its listeners.
    pub listeners: Observed<Vec<Listener>>,
    /// Where CloudWatch Logs deliveries ("vended logs") send its access logs; empty when there are none.
    pub vended_logs: Observed<Vec<String>>,
}
