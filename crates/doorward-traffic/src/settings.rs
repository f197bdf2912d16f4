//! The settings of traffic: the window, the role, and the evidence that advice requires.

use doorward_aws::access::{ExternalId, RoleName};
use doorward_aws::{Purpose, settings};
use doorward_model::AccountId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::protected;
use crate::{AdviceRules, AthenaOptions, AthenaOutput, AthenaReach, ParquetColumns, ParquetPlace, Prices, Thresholds};

/// `[traffic]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TrafficSettings {
    /// The number of days before now.
    pub days: u32,
    /// The role to assume in the accounts of the load balancers and of their logs.
    pub role_name: RoleName,
    /// The external id that its trust policy requires; by default the scan's.
    #[serde(default, skip_serializing)]
    pub external_id: Option<ExternalId>,
    /// The account whose role reads all logs, for a central log archive; by default each load balancer's own account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_account: Option<AccountId>,
    /// Whether requests for logs state that the requester pays, which requester-pays buckets require.
    #[serde(default)]
    pub requester_pays: bool,
    /// Threads that parse; 0 for one per processor.
    pub threads: usize,
    /// Days after which evidence is too old for advice.
    pub maximum_age_days: u32,
    /// The size limit of the cached counts (`--state`), in megabytes (10^6 bytes).
    pub state_megabytes: u32,
    /// Whether client addresses are stored and shown without their host part: the last 8 bits of IPv4 and the last 80 of IPv6 are zero.
    pub truncate_addresses: bool,
    /// Days in which a tracked source of non-compliant requests is due to be fixed, from when it was first observed.
    pub source_due_days: u32,
    /// The evidence that a recommendation requires.
    pub thresholds: Thresholds,
    /// The prices for cost estimates.
    pub prices: Prices,
    /// Counting by Athena.
    pub athena: AthenaSettings,
}

/// `[traffic.athena]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AthenaSettings {
    /// The workgroup of the queries.
    pub workgroup: String,
    /// The database of the Data Catalog in which the table is created.
    pub database: String,
    /// The location of query results, as `s3://bucket/prefix/` with `{account}` and `{region}`; required to count by Athena.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    /// The limit of one run, in gigabytes (10^9 bytes) scanned.
    pub budget_gigabytes: f64,
    /// How long a query may take, with its time in the queue.
    pub query_timeout: settings::Span,
    /// The location in which CloudWatch Logs deliveries write logs as Parquet; without it, these logs are not counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vended: Option<ParquetPlace>,
    /// The names of their columns.
    #[serde(default)]
    pub columns: ParquetColumns,
}

impl AthenaSettings {
    /// The key and the problem of a setting that cannot be used.
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
            let problem = format!("{} is not greater than 0 and at most 1000000000", self.budget_gigabytes);
            return Some(("traffic.athena.budget_gigabytes", problem));
        }
        self.columns.problem().map(|problem| ("traffic.athena.columns", problem))
    }

    /// The resources that the role needs to count by Athena.
    ///
    /// # Errors
    /// The location of results is not set: it is the only one to which the role may write.
    pub fn reach(&self, within_organization: bool) -> Result<AthenaReach, String> {
        let output = self.output.as_deref().ok_or_else(|| {
            "traffic.athena.output is not set; set it to the location to which Athena writes results \
             (s3://BUCKET/PREFIX/), the only one to which the role may write"
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

    /// The options of a count.
    pub fn options(&self) -> AthenaOptions {
        AthenaOptions {
            workgroup: self.workgroup.clone(),
            database: self.database.clone(),
            output: self.output.clone(),
            budget: (self.budget_gigabytes * 1e9) as u64,
            query_timeout: self.query_timeout.0,
            vended: self.vended.clone(),
            columns: self.columns.clone(),
        }
    }
}

impl TrafficSettings {
    /// The key and the problem of a setting that cannot be used.
    pub fn problem(&self) -> Option<(&'static str, String)> {
        if !(1..=455).contains(&self.days) {
            return Some((
                "traffic.days",
                format!("{} is not between 1 and 455, the days that CloudWatch keeps", self.days),
            ));
        }
        let shares = [
            ("traffic.thresholds.tolerated_share", self.thresholds.tolerated_share),
            ("traffic.thresholds.minimum_logged_share", self.thresholds.minimum_logged_share),
        ];
        let wrong = shares.into_iter().find(|(_, share)| !(0.0..=1.0).contains(share));
        let wrong = wrong.map(|(key, share)| (key, format!("{share} is not between 0 and 1")));
        let protected = || protected::problem(&self.thresholds.protected_clients);
        let wrong = wrong.or_else(|| Some(("traffic.thresholds.protected_clients", protected()?)));
        wrong.or_else(|| self.athena.problem())
    }

    /// The role of sessions; their session policy depends on the account.
    pub fn role(&self) -> Purpose {
        Purpose { role_name: self.role_name.clone(), external_id: self.external_id.clone(), grants: Vec::new() }
    }

    /// The rules by which evidence becomes advice.
    pub fn advice_rules(&self) -> AdviceRules<'_> {
        AdviceRules {
            thresholds: &self.thresholds,
            maximum_age_days: self.maximum_age_days,
            source_due_days: self.source_due_days,
        }
    }

    /// Threads that parse.
    pub fn threads(&self) -> usize {
        match self.threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            threads => threads,
        }
    }
}
