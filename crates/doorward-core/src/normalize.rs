//! Normalize: raw records become load balancers with one form for both APIs.
//!
//! Synchronous and pure. A value that AWS did not send is absent; a value that AWS does not document is unread (malformed); no
//! default is filled in.

use std::collections::BTreeMap;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use doorward_model::{
    Account, AccountId, Coverage, CoverageLine, Gap, GapReason, InFront, Inventory, Kind, LoadBalancer, LogDestination,
    Observed, Organization, RawLoadBalancer, Reachability, Region, Run, Scheme, TextMap,
};

mod label;
mod manager;
mod owner;

pub use label::label;

pub use manager::ManagerSettings;
pub use owner::OwnerSettings;

/// Tags for environment and application type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LabelSettings {
    /// Tag keys that name the environment, in order.
    pub environment_tags: Vec<String>,
    /// Tag keys that name the application type, in order.
    pub application_tags: Vec<String>,
}

/// The settings of tags.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NormalizeSettings {
    /// The owner.
    pub owner: OwnerSettings,
    /// The manager of a load balancer.
    pub manager: ManagerSettings,
    /// Tag keys that name the environment, in order.
    pub environment_tags: Vec<String>,
    /// Tag keys that name the application type, in order.
    pub application_tags: Vec<String>,
}

/// The normalized scan, the input of evaluate.
pub struct Normalized {
    /// The run.
    pub run: Run,
    /// The organization.
    pub organization: Observed<Organization>,
    /// Every account, ordered by id.
    pub accounts: Vec<Account>,
    /// Every account-Region with its outcome.
    pub coverage: Coverage,
    /// Every load balancer, ordered by account, Region and ARN.
    pub load_balancers: Vec<LoadBalancer>,
}

/// Normalizes an inventory. The order of the inventory does not matter.
pub fn normalize(inventory: Inventory, settings: &NormalizeSettings) -> Normalized {
    let Inventory { run, organization, mut accounts, accounts_listing, mut cells } = inventory;
    accounts.sort_by(|a, b| a.id.cmp(&b.id));
    cells.sort_by(|a, b| (&a.account, &a.region).cmp(&(&b.account, &b.region)));
    let coverage = Coverage::new(cells.iter().map(CoverageLine::of).collect(), accounts_listing);
    let by_id: BTreeMap<AccountId, &Account> = accounts.iter().map(|account| (account.id.clone(), account)).collect();
    let mut load_balancers = Vec::with_capacity(cells.iter().map(|cell| cell.load_balancers.len()).sum());
    for cell in cells {
        let Some(region) = cell.region else { continue };
        let account = by_id.get(&cell.account).copied();
        let mut found = cell.load_balancers;
        found.sort_by(|a, b| a.arn.cmp(&b.arn));
        load_balancers.extend(found.into_iter().map(|raw| one(raw, &cell.account, account, &region, settings)));
    }
    drop(by_id);
    tracing::info!(load_balancers = load_balancers.len(), "normalized");
    Normalized { run, organization, accounts, coverage, load_balancers }
}

fn one(
    raw: RawLoadBalancer,
    id: &AccountId,
    account: Option<&Account>,
    region: &Region,
    settings: &NormalizeSettings,
) -> LoadBalancer {
    let unlisted =
        || Gap::new(GapReason::Malformed, "organizations:ListAccounts").with_message("the account is not in the list");
    let ou = account.map_or_else(|| Observed::unread(unlisted()), |a| a.ou.clone());
    let account_tags = account.map_or_else(|| Observed::unread(unlisted()), |a| a.tags.clone());
    LoadBalancer {
        account: id.clone(),
        account_name: account.map_or_else(|| Observed::unread(unlisted()), |a| a.name.clone()),
        region: region.clone(),
        reachability: reachability(&raw),
        scheme: scheme(&raw),
        mode: attribute(&raw, raw.kind.mode_attribute()),
        drop_invalid_headers: attribute(&raw, doorward_model::DROP_INVALID),
        waf_fail_open: attribute(&raw, "waf.fail_open.enabled"),
        access_logs: access_logs(&raw),
        managed_by: settings.manager.of(&raw.tags),
        owner: settings.owner.of(&raw.tags, &account_tags, &ou),
        environment: first_tag(&raw.tags, &settings.environment_tags),
        application: first_tag(&raw.tags, &settings.application_tags),
        ou,
        arn: raw.arn,
        name: raw.name,
        kind: raw.kind,
        vpc: raw.vpc,
        dns_name: raw.dns_name,
        created: raw.created,
        state: raw.state,
        listeners: raw.listeners,
        target_groups: raw.target_groups,
        tags: raw.tags,
        attributes: raw.attributes,
        evidence: raw.evidence,
        security_groups: raw.security_groups,
        zones: raw.zones,
        traffic: None,
        changes: Vec::new(),
        edited: None,
        tracked_sources: Vec::new(),
        placeholder: None,
        declared: None,
        policy: None,
        usage: None,
        cost: None,
    }
}

/// How the internet reaches it, by what was read in front of it.
fn reachability(raw: &RawLoadBalancer) -> Observed<Reachability> {
    let front = InFront {
        network_load_balancers: &raw.reached_through,
        vpc_origins: &raw.vpc_origins,
        api_integrations: &raw.api_integrations,
    };
    Reachability::of(raw.kind, &scheme(raw), front)
}

/// The scheme. Only gateway load balancers have none; a value that AWS does not document is unread.
fn scheme(raw: &RawLoadBalancer) -> Observed<Scheme> {
    let unread =
        |value: &str| Observed::unread(undocumented("elasticloadbalancing:DescribeLoadBalancers", "scheme", value));
    match raw.scheme.as_deref() {
        None if raw.kind == Kind::Gateway => Observed::Absent,
        None => unread(""),
        Some("internet-facing") => Observed::Known(Scheme::InternetFacing),
        Some("internal") => Observed::Known(Scheme::Internal),
        Some(other) => unread(other),
    }
}

fn undocumented(operation: &str, what: &str, value: &str) -> Gap {
    Gap::new(GapReason::Malformed, operation)
        .with_message(format!("AWS returned the undocumented value {what} = {value:?}"))
}

/// An attribute as a typed value.
fn attribute<T: FromStr>(raw: &RawLoadBalancer, key: &str) -> Observed<T> {
    raw.attributes.as_ref().and_then(|attributes| match attributes.get(key) {
        None => Observed::Absent,
        Some(text) => match text.parse() {
            Ok(value) => Observed::Known(value),
            Err(_) => Observed::unread(undocumented("elasticloadbalancing:DescribeLoadBalancerAttributes", key, text)),
        },
    })
}

/// The destination by the attributes or, if they disable access logs, by the deliveries. `Nowhere` requires that both were read.
fn access_logs(raw: &RawLoadBalancer) -> Observed<LogDestination> {
    let enabled: Observed<bool> = attribute(raw, "access_logs.s3.enabled");
    enabled.and_then(|enabled| {
        let text = |key: &str| raw.attributes.known().and_then(|a| a.get(key)).unwrap_or_default().to_owned();
        if enabled {
            let (bucket, prefix) = (text("access_logs.s3.bucket"), text("access_logs.s3.prefix"));
            if bucket.is_empty() {
                let gap = Gap::new(GapReason::Malformed, "elasticloadbalancing:DescribeLoadBalancerAttributes");
                return Observed::unread(gap.with_message("access logs are on, but AWS's response names no bucket"));
            }
            return Observed::Known(LogDestination::S3 { bucket, prefix });
        }
        match &raw.vended_logs {
            Observed::Known(destinations) if !destinations.is_empty() => {
                Observed::Known(LogDestination::Delivery(destinations.clone()))
            }
            Observed::Known(_) => Observed::Known(LogDestination::Nowhere),
            // Only application load balancers can have deliveries.
            Observed::Absent if raw.kind == Kind::Classic => Observed::Known(LogDestination::Nowhere),
            Observed::Absent => Observed::Absent,
            Observed::Unread(gap) => Observed::Unread(gap.clone()),
        }
    })
}

/// The value of the first of these keys that is present and not blank. Case and surrounding white space of keys are ignored,
/// because people type them.
fn first_tag(tags: &Observed<TextMap>, keys: &[String]) -> Observed<String> {
    tags.as_ref().and_then(|tags| Observed::from_answer(find_tag(tags, keys).map(|found| normalized_text(found.value))))
}

/// A tag with one of the wanted keys.
struct FoundTag<'a> {
    /// The key as written in the tag.
    key: &'a str,
    value: &'a str,
    /// Tags whose keys differ only in spelling, and that have another value.
    conflicting: Vec<(&'a str, &'a str)>,
}

/// The first tag with one of the keys. Of several spellings of one key the one that the settings use counts, or else the first in byte
/// order.
fn find_tag<'a>(tags: &'a TextMap, keys: &[String]) -> Option<FoundTag<'a>> {
    keys.iter().find_map(|wanted| {
        let folded = normalized_text(wanted);
        let is_same = |(key, value): &(&str, &str)| normalized_text(key) == folded && !value.trim().is_empty();
        let mut same: Vec<(&str, &str)> = tags.iter().filter(is_same).collect();
        let at = same.iter().position(|(key, _)| key == wanted).unwrap_or(0);
        if same.is_empty() {
            return None;
        }
        let (key, value) = same.remove(at);
        same.retain(|(_, other)| normalized_text(other) != normalized_text(value));
        Some(FoundTag { key, value, conflicting: same })
    })
}

/// The text in lower case, with single spaces, trimmed: tags of every kind are compared as owners are.
fn normalized_text(text: &str) -> String {
    doorward_model::owner_key(text)
}
