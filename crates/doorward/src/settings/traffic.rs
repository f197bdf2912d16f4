//! The settings of traffic: how far back, by which role, and what has to be there before anything is advised.

use doorward_core::access::{ExternalId, Purpose, RoleName};
use doorward_core::settings::Span;
use doorward_model::AccountId;
use doorward_traffic::{AthenaOutput, AthenaReach, ParquetColumns, ParquetPlace, Prices, SourcePrices, Thresholds};
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
    #[serde(default, skip_serializing)]
    pub(crate) external_id: Option<ExternalId>,
    /// The account whose role reads all logs, where they lie in a log archive; by default each load balancer's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) log_account: Option<AccountId>,
    /// Threads that parse; 0 for as many as there are processors.
    pub(crate) threads: usize,
    /// Days after which evidence is too old for advice.
    pub(crate) maximum_age_days: u32,
    /// Most megabytes (10^6 bytes) that remembered counts (`--state`) may take.
    pub(crate) state_megabytes: u32,
    /// What has to be there before anything is recommended.
    pub(crate) thresholds: Thresholds,
    /// What reading costs.
    pub(crate) prices: Prices,
    /// Counting by Athena.
    pub(crate) athena: AthenaSettings,
}

/// `[traffic.athena]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AthenaSettings {
    /// The workgroup that queries run in.
    pub(crate) workgroup: String,
    /// The database of the data catalogue that the table is made in.
    pub(crate) database: String,
    /// Where results go, as `s3://bucket/prefix/` with `{account}` and `{region}`; needed to count by Athena.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) output: Option<String>,
    /// Most gigabytes (10^9 bytes) that one run may scan.
    pub(crate) budget_gigabytes: f64,
    /// How long a query may take, waiting in line included.
    pub(crate) query_timeout: Span,
    /// Where CloudWatch Logs deliveries write logs as Parquet; without it, load balancers that log that way are not counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) vended: Option<ParquetPlace>,
    /// What the columns of those are called.
    #[serde(default)]
    pub(crate) columns: ParquetColumns,
}

impl AthenaSettings {
    fn problem(&self) -> Option<(&'static str, String)> {
        let names = [("traffic.athena.workgroup", &self.workgroup), ("traffic.athena.database", &self.database)];
        let is_name = |name: &str| {
            (1..=128).contains(&name.len())
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))
        };
        if let Some((key, name)) = names.into_iter().find(|(_, name)| !is_name(name)) {
            return Some((key, format!("{name:?} is not 1 to 128 letters, digits or _.-")));
        }
        if let Some(problem) = self.output.as_deref().and_then(|output| AthenaOutput::try_from(output).err()) {
            return Some(("traffic.athena.output", problem));
        }
        if !(self.budget_gigabytes > 0.0 && self.budget_gigabytes <= 1e9) {
            let problem = format!("{} is not above 0 and at most 1000000000", self.budget_gigabytes);
            return Some(("traffic.athena.budget_gigabytes", problem));
        }
        self.columns.problem().map(|problem| ("traffic.athena.columns", problem))
    }

    /// What the role needs to count by Athena. The place for results has to be set: it is the only one that may be written.
    pub(crate) fn reach(&self, within_organization: bool) -> Result<AthenaReach, String> {
        let output = self.output.as_deref().ok_or_else(|| {
            "traffic.athena.output is not set: set it to the place where Athena writes results (s3://BUCKET/PREFIX/); \
             nothing else may be written there by the role"
                .to_owned()
        })?;
        Ok(AthenaReach {
            workgroup: self.workgroup.clone(),
            database: self.database.clone(),
            output: AthenaOutput::try_from(output)?,
            vended: self.vended.clone(),
            within_organization,
        })
    }

    /// Most bytes that one run may scan.
    pub(crate) fn budget(&self) -> u64 {
        (self.budget_gigabytes * 1e9) as u64
    }
}

impl TrafficSettings {
    /// What is wrong with them: the key and the problem.
    pub(crate) fn problem(&self) -> Option<(&'static str, String)> {
        if !(1..=455).contains(&self.days) {
            return Some(("traffic.days", format!("{} is not between 1 and 455, which CloudWatch keeps", self.days)));
        }
        let shares = [
            ("traffic.thresholds.tolerated_share", self.thresholds.tolerated_share),
            ("traffic.thresholds.minimum_logged_share", self.thresholds.minimum_logged_share),
        ];
        let wrong = shares.into_iter().find(|(_, share)| !(0.0..=1.0).contains(share));
        let wrong = wrong.map(|(key, share)| (key, format!("{share} is not between 0 and 1")));
        wrong.or_else(|| self.athena.problem())
    }

    /// The role that sessions are opened by; what they are limited to is decided for each account.
    pub(crate) fn role(&self) -> Purpose {
        Purpose { role_name: self.role_name.clone(), external_id: self.external_id.clone(), grants: Vec::new() }
    }

    pub(crate) fn prices(&self) -> SourcePrices {
        SourcePrices {
            per_get: self.prices.million_gets / 1e6,
            per_byte_out: self.prices.gigabyte_out / 1e9,
            per_byte_scanned: self.prices.terabyte_scanned / 1e12,
            ..SourcePrices::default()
        }
    }

    pub(crate) fn threads(&self) -> usize {
        match self.threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            threads => threads,
        }
    }
}
