//! The organization that `seed.py` created, and the verdicts that follow from it.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use serde_json::Value;

/// The rules that a scan of the seeded organization asks.
pub(super) fn rules() -> Vec<&'static str> {
    doorward_rules::asked(&[], false).iter().map(|rule| rule.meta().id).collect()
}

/// The seeded organization.
pub(super) struct SeededOrganization {
    /// The Regions that hold something.
    pub(super) regions: Vec<String>,
    /// The scanner's access key.
    pub(super) key_id: String,
    /// Its secret.
    pub(super) secret: String,
    /// All accounts.
    pub(super) accounts: Vec<Account>,
    /// All load balancers, by ARN.
    pub(super) load_balancers: BTreeMap<String, LoadBalancer>,
}

/// An account.
pub(super) struct Account {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) active: bool,
}

/// A load balancer.
pub(super) struct LoadBalancer {
    pub(super) account: String,
    pub(super) account_name: String,
    pub(super) region: String,
    pub(super) kind: String,
    /// None where AWS's answer does not contain it.
    pub(super) mode: Option<String>,
    pub(super) tags: BTreeMap<String, String>,
    /// Whether a listener speaks HTTP.
    pub(super) http: bool,
    /// Whether access logs are written.
    pub(super) logs: bool,
    /// Whether invalid header fields are removed.
    pub(super) drops: bool,
}

impl SeededOrganization {
    /// Reads what the seed printed.
    pub(super) fn read(printed: &str) -> Result<Self> {
        let json: Value = serde_json::from_str(printed).context("the seed did not print JSON")?;
        let accounts = list(&json["accounts"])?.iter().map(|account| {
            let (id, name) = (text(&account["id"])?, text(&account["name"])?);
            Ok(Account { id, name, active: flag(&account["active"])? })
        });
        let load_balancers = list(&json["load_balancers"])?.iter().map(|lb| {
            let tags = lb["tags"].as_object().context("no tags")?;
            let tags = tags.iter().map(|(key, value)| Ok((key.clone(), text(value)?))).collect::<Result<_>>()?;
            let seen = LoadBalancer {
                account: text(&lb["account"])?,
                account_name: text(&lb["account_name"])?,
                region: text(&lb["region"])?,
                kind: text(&lb["kind"])?,
                mode: lb["mode"].as_str().map(str::to_owned),
                tags,
                http: flag(&lb["http"])?,
                logs: flag(&lb["logs"])?,
                drops: flag(&lb["drops"])?,
            };
            Ok((text(&lb["arn"])?, seen))
        });
        Ok(Self {
            regions: list(&json["regions"])?.iter().map(text).collect::<Result<_>>()?,
            key_id: text(&json["keys"]["id"])?,
            secret: text(&json["keys"]["secret"])?,
            accounts: accounts.collect::<Result<_>>()?,
            load_balancers: load_balancers.collect::<Result<_>>()?,
        })
    }

    /// The id of an account.
    pub(super) fn account(&self, name: &str) -> Result<&str> {
        let found = self.accounts.iter().find(|account| account.name == name);
        found.map(|account| account.id.as_str()).with_context(|| format!("the seed made no account {name}"))
    }

    /// Every account-Region there is to account for.
    pub(super) fn account_regions(&self) -> BTreeSet<(&Account, &str)> {
        let regions = |account| self.regions.iter().map(move |region| (account, region.as_str()));
        self.accounts.iter().flat_map(regions).collect()
    }

    /// Puts account ids into a text that names accounts in braces.
    pub(super) fn fill_in(&self, text: &str) -> Result<String> {
        let names = self.accounts.iter();
        Ok(names.fold(text.to_owned(), |text, account| text.replace(&format!("{{{}}}", account.name), &account.id)))
    }
}

impl PartialEq for Account {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for Account {}

impl PartialOrd for Account {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Account {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.id.cmp(&other.id)
    }
}

impl LoadBalancer {
    /// The verdict of a rule when everything was read; none for a rule that has no line here. Written from the rule's
    /// documentation, not from its code.
    pub(super) fn verdict(&self, rule: &str, required: &str) -> Option<&'static str> {
        let is_known = [
            "access-logs-disabled",
            "desync-mode-below-required",
            "desync-mode-headroom",
            "invalid-headers-forwarded",
            "owner-missing",
            "upstream-http1",
        ]
        .contains(&rule);
        if !is_known {
            return None;
        }
        if !matches!(self.kind.as_str(), "application" | "classic") {
            return Some("not-applicable");
        }
        let verdict = |good: bool| if good { "pass" } else { "fail" };
        Some(match rule {
            // The seed creates no target group.
            "upstream-http1" => "not-applicable",
            "owner-missing" => verdict(self.tags.contains_key("Owner")),
            // A classic load balancer always returns the attribute; here the newer kind returns it only where it was set.
            "access-logs-disabled" if self.mode.is_none() && self.kind == "application" => "unknown",
            "access-logs-disabled" => verdict(self.logs),
            "invalid-headers-forwarded" if self.kind == "classic" => "not-applicable",
            "invalid-headers-forwarded" if self.mode.is_none() => "unknown",
            "invalid-headers-forwarded" => verdict(self.drops),
            _ if !self.http => "not-applicable",
            _ => match (rule, self.mode.as_deref()) {
                (_, None) => "unknown",
                ("desync-mode-headroom", Some("strictest")) => "pass",
                ("desync-mode-headroom", Some("defensive")) if strength("defensive") >= strength(required) => {
                    "not-asked"
                }
                ("desync-mode-headroom", Some(_)) => "not-applicable",
                (_, Some(mode)) => verdict(strength(mode) >= strength(required)),
            },
        })
    }
}

fn strength(mode: &str) -> usize {
    ["monitor", "defensive", "strictest"].iter().position(|known| *known == mode).unwrap_or(0)
}

fn list(value: &Value) -> Result<&Vec<Value>> {
    value.as_array().context("the seed printed no list where one belongs")
}

fn text(value: &Value) -> Result<String> {
    value.as_str().map(str::to_owned).context("the seed printed no text where some belongs")
}

fn flag(value: &Value) -> Result<bool> {
    value.as_bool().context("the seed printed no boolean where one belongs")
}
