//! `[publish]`: which Security Hub takes findings, by which role, and how often.

use std::collections::BTreeSet;
use std::time::Duration;

use doorward_aws::access::{ExternalId, RoleName};
use doorward_aws::{Purpose, settings};
use doorward_model::{AccountId, AccountRegion, LoadBalancer, Region};
use jiff::SignedDuration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Settings, grants, reading_grant};

/// Security Hub.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PublishSettings {
    /// The account and Region that take findings.
    pub delivery: DeliveryKind,
    /// The account that takes all findings, with `delivery = "central"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountId>,
    /// Its Region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<Region>,
    /// The role to assume in the account that takes a finding; not the scan's role, which cannot write.
    pub role_name: RoleName,
    /// The external id that the trust policy of the role requires; by default that of the scan.
    #[serde(default, skip_serializing)]
    pub external_id: Option<ExternalId>,
    /// Whether an excepted failure is a `WARNING` instead of `FAILED`.
    pub excepted_as_warning: bool,
    /// Whether an overdue failure is one severity step higher.
    #[serde(default)]
    pub overdue_raises: bool,
    /// The age in days at which an unchanged finding is sent again.
    pub keep_alive_days: u32,
    /// The age at which a reading is too old: its finding is sent as `NOT_AVAILABLE`.
    #[serde(default = "three_days")]
    pub maximum_age: settings::Span,
    /// The share of Security Hub's quotas to use, from 0 to 1.
    pub share_of_quotas: f64,
}

/// Three daily scans, so that one failed scan changes nothing. Scans that were saved before this was a setting lack it.
fn three_days() -> settings::Span {
    settings::Span(Duration::from_secs(3 * 86_400))
}

/// The account and Region that take findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DeliveryKind {
    /// The account and Region of the load balancer.
    Member,
    /// One account and Region.
    Central,
}

impl PublishSettings {
    /// The settings of the sink.
    pub fn delivery_settings(&self) -> Settings {
        Settings {
            keep_alive_days: self.keep_alive_days,
            maximum_age: SignedDuration::try_from(self.maximum_age.0).unwrap_or(SignedDuration::MAX),
            share_of_quotas: self.share_of_quotas,
            ..Settings::default()
        }
    }

    /// The purpose of the sessions that import findings.
    pub fn purpose(&self) -> Purpose {
        Purpose { role_name: self.role_name.clone(), external_id: self.external_id.clone(), grants: grants() }
    }

    /// The account-Region that takes all findings, with central delivery.
    pub fn central(&self) -> Option<AccountRegion> {
        let central = (self.delivery == DeliveryKind::Central).then_some((&self.account, &self.region));
        let (Some(account), Some(region)) = central? else { return None };
        Some(AccountRegion { account: account.clone(), region: region.clone() })
    }

    /// The account-Regions that take, or would take, the findings of these load balancers.
    pub fn security_hubs(&self, load_balancers: &[LoadBalancer]) -> BTreeSet<AccountRegion> {
        if let Some(central) = self.central() {
            return BTreeSet::from([central]);
        }
        let able = load_balancers.iter().filter(|lb| lb.kind.can_parse_http());
        able.map(|lb| AccountRegion { account: lb.account.clone(), region: lb.region.clone() }).collect()
    }

    /// The purpose of the sessions that only read findings.
    pub fn reading(&self) -> Purpose {
        Purpose { grants: vec![reading_grant()], ..self.purpose() }
    }

    /// The key and the problem of a setting that cannot be used.
    pub fn problem(&self) -> Option<(&'static str, String)> {
        let central = self.delivery == DeliveryKind::Central;
        if central && (self.account.is_none() || self.region.is_none()) {
            let problem = "central delivery needs publish.account and publish.region".to_owned();
            return Some(("publish.delivery", problem));
        }
        if !central && (self.account.is_some() || self.region.is_some()) {
            let key = if self.account.is_some() { "publish.account" } else { "publish.region" };
            return Some((key, "it has an effect only with publish.delivery = \"central\"".to_owned()));
        }
        if !(1..=80).contains(&self.keep_alive_days) {
            let problem = format!("{} is not between 1 and 80; Security Hub deletes at 90", self.keep_alive_days);
            return Some(("publish.keep_alive_days", problem));
        }
        if !(0.01..=1.0).contains(&self.share_of_quotas) {
            let problem = format!("{} is not between 0.01 and 1", self.share_of_quotas);
            return Some(("publish.share_of_quotas", problem));
        }
        None
    }
}
