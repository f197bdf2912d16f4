//! The emulated organization: accounts, identities with their permissions, and resources.

pub(crate) mod athena;
pub(crate) mod attributes;
pub(crate) mod bucket;
mod build;
pub(crate) mod kind;
mod load;
pub(crate) mod load_balancer;
pub(crate) mod metric;
pub(crate) mod organization;
pub(crate) mod security_hub;
pub mod spec;

use std::collections::{BTreeMap, HashMap};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use bytes::Bytes;
use jiff::Timestamp;
use serde::Serialize;

use crate::faults::Fault;
use crate::iam::session::Principal;
use athena::Athena;
use bucket::{Bucket, Object};
use load_balancer::LoadBalancer;
use metric::{Series, SeriesKey};
use organization::{Account, Organization};
use security_hub::SecurityHub;

/// A problem of a world's description.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{message}", place(*.line, .section))]
pub struct WorldError {
    /// Line in the TOML file (from 1), when it came from one.
    pub line: Option<usize>,
    /// The table that contains it, such as `account 3`.
    pub section: String,
    /// The problem, in lower case.
    pub message: String,
}

fn place(line: Option<usize>, section: &str) -> String {
    match (line, section.is_empty()) {
        (Some(line), true) => format!("line {line}: "),
        (Some(line), false) => format!("line {line}: {section}: "),
        (None, true) => String::new(),
        (None, false) => format!("{section}: "),
    }
}

/// An emulated organization. Load balancers and findings change while it is being served.
#[derive(Debug)]
pub struct World {
    pub(crate) organization: Organization,
    pub(crate) accounts: Vec<Account>,
    pub(crate) by_id: HashMap<String, u32>,
    pub(crate) callers: HashMap<String, std::sync::Arc<Principal>>,
    pub(crate) caller_keys: Vec<Caller>,
    /// One cell per account and Region: `account * regions + region`.
    cells: Vec<RwLock<Cell>>,
    pub(crate) buckets: BTreeMap<String, RwLock<Bucket>>,
    pub(crate) faults: Vec<Fault>,
    /// The time from which the age of metrics is measured, if it is not the server's clock.
    pub(crate) metrics_as_of: std::sync::OnceLock<Timestamp>,
}

/// A long-lived identity to sign requests with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Access key id.
    pub access_key: String,
    /// Secret access key.
    pub secret: String,
    /// Account id.
    pub account: String,
    /// ARN of the identity.
    pub arn: String,
}

/// The resources of one account in one Region.
#[derive(Debug, Default)]
pub(crate) struct Cell {
    /// v2 load balancers by the id in their ARN, which is the order of lists.
    pub(crate) current: BTreeMap<u64, LoadBalancer>,
    /// Classic load balancers by name.
    pub(crate) classic: BTreeMap<Box<str>, LoadBalancer>,
    /// Findings of Security Hub.
    pub(crate) security_hub: SecurityHub,
    /// SNS topics by name, each with its published messages.
    pub(crate) topics: BTreeMap<String, Vec<serde_json::Value>>,
    /// Metrics of CloudWatch.
    pub(crate) metrics: BTreeMap<SeriesKey, Series>,
    /// Queries of Athena.
    pub(crate) athena: Athena,
}

/// Size of a world, as `GET /_fake/world` returns it.
#[derive(Debug, Clone, Serialize)]
pub struct WorldSummary {
    /// Organization id.
    pub organization: String,
    /// Partition.
    pub partition: String,
    /// Region that callers start in.
    pub home_region: String,
    /// Id of the management account.
    pub management: String,
    /// Number of Regions of the partition.
    pub regions: usize,
    /// Number of accounts in any state.
    pub accounts: usize,
    /// Number of load balancers by type.
    pub load_balancers: BTreeMap<&'static str, usize>,
}

impl World {
    /// The account of a resource, by its ARN; for a bucket its owner.
    pub(crate) fn owner(&self, arn: &str) -> Option<u32> {
        let mut fields = arn.splitn(6, ':');
        let (service, account, resource) = (fields.nth(2)?, fields.nth(1)?, fields.next()?);
        if service == "s3" {
            let bucket = self.buckets.get(resource.split('/').next()?)?;
            return Some(bucket.read().unwrap_or_else(PoisonError::into_inner).account);
        }
        self.by_id.get(account).copied()
    }

    /// The organization that an account is in.
    pub(crate) fn organization_of(&self, account: u32) -> &str {
        let outside = self.account(account).is_some_and(|account| account.outside);
        if outside { "o-elsewhere0001" } else { &self.organization.id }
    }

    /// The identities that requests may be signed with, in file order.
    #[must_use]
    pub fn callers(&self) -> &[Caller] {
        &self.caller_keys
    }

    /// Ids of all accounts in any state, in file order.
    pub fn account_ids(&self) -> impl Iterator<Item = &str> {
        self.accounts.iter().map(|account| account.id.as_str())
    }

    /// Names of the partition's Regions.
    pub fn region_names(&self) -> impl Iterator<Item = &str> {
        self.organization.regions.iter().map(|region| region.name.as_str())
    }

    /// The Region that callers start in.
    #[must_use]
    pub fn home_region(&self) -> &str {
        &self.organization.home_region
    }

    /// ARN of a load balancer by name; v2 before classic.
    #[must_use]
    pub fn arn(&self, account: &str, region: &str, name: &str) -> Option<String> {
        let cell = self.read(self.index(account, region)?);
        let found = named(&cell, name)?;
        Some(found.arn(&self.organization.partition, account, region))
    }

    /// The value of an attribute in the response of a Describe call; `None` if absent.
    #[must_use]
    pub fn attribute(&self, account: &str, region: &str, name: &str, key: &str) -> Option<String> {
        let cell = self.read(self.index(account, region)?);
        named(&cell, name)?.attribute(key).map(str::to_owned)
    }

    /// Overwrites an attribute without any validation (`None`: back to the default). False if no load balancer has that name.
    pub fn set_attribute(&self, account: &str, region: &str, name: &str, key: &str, value: Option<&str>) -> bool {
        self.change(account, region, name, |load_balancer| load_balancer.set_attribute(key, value))
    }

    /// Replaces the tags of a load balancer. False if no load balancer has that name.
    pub fn set_tags(&self, account: &str, region: &str, name: &str, tags: &[(&str, &str)]) -> bool {
        let tags = tags.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
        self.change(account, region, name, |load_balancer| load_balancer.tags = std::sync::Arc::new(tags))
    }

    /// Deletes a load balancer. False if no load balancer has that name.
    pub fn remove_load_balancer(&self, account: &str, region: &str, name: &str) -> bool {
        let Some(index) = self.index(account, region) else { return false };
        let mut cell = self.write(index);
        let id = cell
            .current
            .values()
            .find(|load_balancer| &*load_balancer.name == name)
            .map(|load_balancer| load_balancer.id);
        match id {
            Some(id) => cell.current.remove(&id).is_some(),
            None => cell.classic.remove(name).is_some(),
        }
    }

    /// Enables or disables Security Hub in an account-Region; its findings stay. False if there is no such account-Region.
    pub fn set_security_hub(&self, account: &str, region: &str, enabled: bool) -> bool {
        let Some(index) = self.index(account, region) else { return false };
        self.write(index).security_hub.disabled = !enabled;
        true
    }

    /// Every finding of Security Hub in an account-Region, as ASFF, ordered by product and id.
    #[must_use]
    pub fn security_hub_findings(&self, account: &str, region: &str) -> Vec<serde_json::Value> {
        let Some(index) = self.index(account, region) else { return Vec::new() };
        self.read(index).security_hub.findings().cloned().collect()
    }

    /// Writes a finding without checks, as Security Hub writes those of its own controls. False if there is no such account-Region.
    pub fn put_security_hub_finding(
        &self,
        account: &str,
        region: &str,
        finding: serde_json::Value,
        at: Timestamp,
    ) -> bool {
        let Some(index) = self.index(account, region) else { return false };
        self.write(index).security_hub.import(finding, at);
        true
    }

    /// Creates an SNS topic; if its name ends in `.fifo`, it is a FIFO topic. False if there is no such account-Region.
    pub fn add_topic(&self, account: &str, region: &str, name: &str) -> bool {
        let Some(index) = self.index(account, region) else { return false };
        self.write(index).topics.entry(name.to_owned()).or_default();
        true
    }

    /// Every message that was published to a topic, in order: `id`, `subject`, `message`, `group_id`, `deduplication_id`.
    #[must_use]
    pub fn published(&self, account: &str, region: &str, name: &str) -> Vec<serde_json::Value> {
        let Some(index) = self.index(account, region) else { return Vec::new() };
        self.read(index).topics.get(name).cloned().unwrap_or_default()
    }

    /// Puts an object into a bucket; replaces one with the same key. False if there is no such bucket.
    pub fn put_object(&self, bucket: &str, key: &str, content: impl Into<Bytes>, modified: Timestamp) -> bool {
        let Some(bucket) = self.buckets.get(bucket) else { return false };
        let mut bucket = bucket.write().unwrap_or_else(PoisonError::into_inner);
        bucket.objects.insert(key.to_owned(), Object::in_memory(content.into(), modified));
        true
    }

    /// The content of an object; none if there is no such bucket or object.
    #[must_use]
    pub fn object(&self, bucket: &str, key: &str) -> Option<Bytes> {
        let bucket = self.buckets.get(bucket)?.read().unwrap_or_else(PoisonError::into_inner);
        bucket.objects.get(key)?.read()
    }

    /// Measures the age of metrics from a fixed time instead of now: CloudWatch deletes old one-minute points, and an example may be set
    /// in the past. Only the first call has an effect.
    pub fn keep_metrics_as_of(&self, time: Timestamp) {
        let _ = self.metrics_as_of.set(time);
    }

    /// Text of every query that was started in an account-Region, in order.
    #[must_use]
    pub fn athena_queries(&self, account: &str, region: &str) -> Vec<String> {
        let Some(index) = self.index(account, region) else { return Vec::new() };
        self.read(index).athena.queries.iter().map(|query| query.sql.clone()).collect()
    }

    /// Counts accounts, Regions and load balancers.
    #[must_use]
    pub fn summary(&self) -> WorldSummary {
        let mut load_balancers = BTreeMap::new();
        for cell in &self.cells {
            let cell = cell.read().unwrap_or_else(PoisonError::into_inner);
            for load_balancer in cell.current.values().chain(cell.classic.values()) {
                *load_balancers.entry(load_balancer.kind.name()).or_insert(0) += 1;
            }
        }
        WorldSummary {
            organization: self.organization.id.clone(),
            partition: self.organization.partition.clone(),
            home_region: self.organization.home_region.clone(),
            management: self.account(self.organization.management).map(|a| a.id.clone()).unwrap_or_default(),
            regions: self.organization.regions.len(),
            accounts: self.accounts.len(),
            load_balancers,
        }
    }

    pub(crate) fn account(&self, index: u32) -> Option<&Account> {
        self.accounts.get(usize::try_from(index).ok()?)
    }

    pub(crate) fn account_by_id(&self, id: &str) -> Option<(u32, &Account)> {
        let index = *self.by_id.get(id)?;
        Some((index, self.account(index)?))
    }

    /// Position of the cell of an account-Region.
    pub(crate) fn cell(&self, account: u32, region: u16) -> usize {
        (account as usize) * self.organization.regions.len() + usize::from(region)
    }

    pub(crate) fn read(&self, cell: usize) -> RwLockReadGuard<'_, Cell> {
        let cell = self.cells.get(cell).unwrap_or(&self.cells[0]);
        cell.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn write(&self, cell: usize) -> RwLockWriteGuard<'_, Cell> {
        let cell = self.cells.get(cell).unwrap_or(&self.cells[0]);
        cell.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Index of an account, or the sentence that there is none.
    fn find_account(&self, id: &str) -> Result<u32, String> {
        self.by_id.get(id).copied().ok_or_else(|| format!("there is no account {id}"))
    }

    /// Index of a Region, or the sentence that there is none.
    fn find_region(&self, name: &str) -> Result<u16, String> {
        self.organization.region_index(name).ok_or_else(|| format!("there is no Region {name:?}"))
    }

    fn index(&self, account: &str, region: &str) -> Option<usize> {
        Some(self.cell(*self.by_id.get(account)?, self.organization.region_index(region)?))
    }

    fn change(&self, account: &str, region: &str, name: &str, apply: impl FnOnce(&mut LoadBalancer)) -> bool {
        let Some(index) = self.index(account, region) else { return false };
        let mut cell = self.write(index);
        let Cell { current, classic, .. } = &mut *cell;
        let found = current.values_mut().find(|load_balancer| &*load_balancer.name == name);
        match found.or_else(|| classic.get_mut(name)) {
            Some(load_balancer) => {
                apply(load_balancer);
                true
            }
            None => false,
        }
    }
}

fn named<'a>(cell: &'a Cell, name: &str) -> Option<&'a LoadBalancer> {
    cell.current.values().find(|load_balancer| &*load_balancer.name == name).or_else(|| cell.classic.get(name))
}
