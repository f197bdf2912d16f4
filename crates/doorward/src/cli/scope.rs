//! The flags for scope and credentials; each overrides a setting.

use clap::Args;
use figment::value::Value;

/// Scope and credentials.
#[derive(Debug, Args)]
#[command(next_help_heading = "Scope and credentials")]
pub(crate) struct ScopeArguments {
    /// Start from this profile of the shared AWS configuration
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
    /// Assume this role in every account
    #[arg(long, value_name = "NAME")]
    role_name: Option<String>,
    /// The external id that the role's trust policy requires
    #[arg(long, value_name = "ID")]
    external_id: Option<String>,
    /// Only the account of the current credentials, without asking Organizations
    #[arg(long)]
    single_account: bool,
    /// Only these accounts; repeatable
    #[arg(long = "account", value_name = "ID")]
    accounts: Vec<String>,
    /// Leave these accounts out; repeatable
    #[arg(long = "exclude-account", value_name = "ID")]
    exclude_accounts: Vec<String>,
    /// Only these organizational units and what is below them, by path or id; repeatable
    #[arg(long = "ou", value_name = "OU")]
    ous: Vec<String>,
    /// Leave these organizational units out; repeatable
    #[arg(long = "exclude-ou", value_name = "OU")]
    exclude_ous: Vec<String>,
    /// Only these Regions; repeatable
    #[arg(long = "region", value_name = "REGION")]
    regions: Vec<String>,
    /// Leave these Regions out; repeatable
    #[arg(long = "exclude-region", value_name = "REGION")]
    exclude_regions: Vec<String>,
    /// Number of concurrent requests
    #[arg(long, value_name = "N", value_parser = doorward_settings::whole_number::<i64>)]
    concurrency: Option<i64>,
}

impl ScopeArguments {
    /// The flags as settings.
    pub(crate) fn overrides(&self) -> Vec<(String, Value)> {
        let mut all = Vec::new();
        let mut text = |key: &str, value: &Option<String>| {
            all.extend(value.iter().map(|value| (key.to_owned(), Value::from(value.as_str()))));
        };
        text("access.profile", &self.profile);
        text("access.role_name", &self.role_name);
        text("access.external_id", &self.external_id);
        for (key, values) in [
            ("scope.include_accounts", &self.accounts),
            ("scope.exclude_accounts", &self.exclude_accounts),
            ("scope.include_ous", &self.ous),
            ("scope.exclude_ous", &self.exclude_ous),
            ("regions.include", &self.regions),
            ("regions.exclude", &self.exclude_regions),
        ] {
            if !values.is_empty() {
                all.push((key.to_owned(), Value::from(values.clone())));
            }
        }
        if self.single_account {
            all.push(("scope.single_account".to_owned(), Value::from(true)));
        }
        all.extend(self.concurrency.map(|n| ("calls.concurrency".to_owned(), Value::from(n))));
        all
    }
}
