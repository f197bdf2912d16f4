//! The settings of traffic: how far back, by which role, and what has to be there before anything is advised.

use doorward_core::access::{Purpose, RoleName};
use doorward_model::AccountId;
use doorward_traffic::{Capability, Prices, SourcePrices, Thresholds};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `[traffic]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TrafficSettings {
    /// How many days back.
    pub(crate) days: u32,
    /// The role to assume in the accounts of the load balancers and of their logs.
    pub(crate) role_name: RoleName,
    /// The external id that its trust policy asks for; by default the scan's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) external_id: Option<String>,
    /// The account whose role reads all logs, where they lie in a log archive; by default each load balancer's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) log_account: Option<AccountId>,
    /// Threads that parse; 0 for as many as there are processors.
    pub(crate) threads: usize,
    /// Days after which evidence is too old for advice.
    pub(crate) maximum_age_days: u32,
    /// What has to be there before anything is recommended.
    pub(crate) thresholds: Thresholds,
    /// What reading costs.
    pub(crate) prices: Prices,
}

impl TrafficSettings {
    /// What is wrong with them: the key and the problem.
    pub(crate) fn problem(&self) -> Option<(&'static str, String)> {
        if !(1..=455).contains(&self.days) {
            return Some(("traffic.days", format!("{} is not between 1 and 455, which CloudWatch keeps", self.days)));
        }
        let share = self.thresholds.tolerated_share;
        (!(0.0..=1.0).contains(&share))
            .then(|| ("traffic.thresholds.tolerated_share", format!("{share} is not between 0 and 1")))
    }

    /// What sessions are for: reading logs and metrics, and nothing else.
    pub(crate) fn purpose(&self) -> Purpose {
        let mut actions = Capability::Logs.actions();
        actions.extend(Capability::Metrics.actions());
        Purpose { role_name: self.role_name.clone(), external_id: self.external_id.clone(), actions }
    }

    pub(super) fn prices(&self) -> SourcePrices {
        SourcePrices {
            per_get: self.prices.million_gets / 1e6,
            per_byte_out: self.prices.gigabyte_out / 1e9,
            ..SourcePrices::default()
        }
    }

    pub(super) fn threads(&self) -> usize {
        match self.threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            threads => threads,
        }
    }
}
