//! How findings are delivered.

use std::collections::BTreeSet;
use std::time::Duration;

use doorward_core::access::{ExternalId, Purpose, RoleName};
use doorward_core::settings::Span;
use doorward_model::{AccountId, AccountRegion, LoadBalancer, Region};
use doorward_sink_securityhub::{Settings as SinkSettings, grants, reading_grant};
use jiff::SignedDuration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Security Hub.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PublishSettings {
    /// Where findings go.
    pub(crate) delivery: DeliveryKind,
    /// The account that takes them all, with `delivery = "central"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) account: Option<AccountId>,
    /// Its Region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) region: Option<Region>,
    /// The role to assume in the account that takes a finding; never the scan's, which cannot write.
    pub(crate) role_name: RoleName,
    /// The external id that its trust policy asks for; by default the scan's.
    #[serde(default, skip_serializing)]
    pub(crate) external_id: Option<ExternalId>,
    /// Whether an excepted failure is a `WARNING` instead of `FAILED`.
    pub(crate) excepted_as_warning: bool,
    /// Age in days at which an unchanged finding is sent again.
    pub(crate) keep_alive_days: u32,
    /// The age from which an observation says nothing about today: its finding is sent as `NOT_AVAILABLE`.
    #[serde(default = "three_days")]
    pub(crate) maximum_age: Span,
    /// The share of Security Hub's quotas to use, from 0 to 1.
    pub(crate) share_of_quotas: f64,
}

/// Three scans of every day, so that one that fails changes nothing. Scans that were saved before this was a setting lack it.
fn three_days() -> Span {
    Span(Duration::from_secs(3 * 86_400))
}

/// Where findings go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum DeliveryKind {
    /// Into the load balancer's own account and Region.
    Member,
    /// Into one account and Region.
    Central,
}

impl PublishSettings {
    /// What the sink needs.
    pub(super) fn sink(&self) -> SinkSettings {
        SinkSettings {
            keep_alive_days: self.keep_alive_days,
            maximum_age: SignedDuration::try_from(self.maximum_age.0).unwrap_or(SignedDuration::MAX),
            share_of_quotas: self.share_of_quotas,
            ..SinkSettings::default()
        }
    }

    /// What sessions are opened for.
    pub(crate) fn purpose(&self) -> Purpose {
        Purpose { role_name: self.role_name.clone(), external_id: self.external_id.clone(), grants: grants() }
    }

    /// The one hub that takes all, with central delivery.
    pub(crate) fn central(&self) -> Option<AccountRegion> {
        let central = (self.delivery == DeliveryKind::Central).then_some((&self.account, &self.region));
        let (Some(account), Some(region)) = central? else { return None };
        Some(AccountRegion { account: account.clone(), region: region.clone() })
    }

    /// The hubs that take, or would take, what is found of these load balancers.
    pub(crate) fn hubs(&self, load_balancers: &[LoadBalancer]) -> BTreeSet<AccountRegion> {
        if let Some(central) = self.central() {
            return BTreeSet::from([central]);
        }
        let able = load_balancers.iter().filter(|lb| lb.kind.can_parse_http());
        able.map(|lb| AccountRegion { account: lb.account.clone(), region: lb.region.clone() }).collect()
    }

    /// What sessions are opened for that only read findings.
    pub(crate) fn reading(&self) -> Purpose {
        Purpose { grants: vec![reading_grant()], ..self.purpose() }
    }

    /// The key and the problem of a setting that cannot be used.
    pub(crate) fn problem(&self) -> Option<(&'static str, String)> {
        let central = self.delivery == DeliveryKind::Central;
        if central && (self.account.is_none() || self.region.is_none()) {
            let problem = "central delivery needs publish.account and publish.region".to_owned();
            return Some(("publish.delivery", problem));
        }
        if !central && (self.account.is_some() || self.region.is_some()) {
            let key = if self.account.is_some() { "publish.account" } else { "publish.region" };
            return Some((key, "it is of use only with publish.delivery = \"central\"".to_owned()));
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
