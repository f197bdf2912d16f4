//! Hints at the owner of an unowned load balancer, each with its source. A hint is a question, never an owner.

use std::collections::BTreeMap;

use doorward_model::{Account, AccountId, LoadBalancer, Observed, ScanReport};

use crate::OwnersContext;

/// Parts of tag keys that tend to lead to people.
const HINT_KEYS: [&str; 11] = [
    "owner",
    "team",
    "contact",
    "maintainer",
    "responsible",
    "squad",
    "product",
    "project",
    "service",
    "application",
    "created",
];

/// The sources of hints in a report.
pub(crate) struct OwnerHints<'a> {
    accounts: BTreeMap<&'a AccountId, &'a Account>,
    /// How many load balancers each owner has in an account.
    owners: BTreeMap<&'a AccountId, BTreeMap<&'a str, usize>>,
    contacts: &'a BTreeMap<AccountId, String>,
}

impl<'a> OwnerHints<'a> {
    /// Reads it off the report.
    pub(crate) fn of(report: &'a ScanReport, context: &'a OwnersContext) -> Self {
        let mut owners: BTreeMap<&AccountId, BTreeMap<&str, usize>> = BTreeMap::new();
        for lb in &report.load_balancers {
            if let Observed::Known(owner) = &lb.owner {
                *owners.entry(&lb.account).or_default().entry(&owner.name).or_default() += 1;
            }
        }
        let accounts = report.accounts.iter().map(|account| (&account.id, account)).collect();
        Self { accounts, owners, contacts: &context.account_contacts }
    }

    /// Hints as sentences, the strongest first.
    pub(crate) fn hints(&self, lb: &LoadBalancer) -> Vec<String> {
        let mut hints = Vec::new();
        if let Observed::Known(manager) = &lb.managed_by {
            hints.push(format!("Ask the team that runs {manager}, which manages it."));
        }
        let is_hint = |key: &str| HINT_KEYS.iter().any(|part| key.to_lowercase().contains(part));
        if let Observed::Known(tags) = &lb.tags {
            let named =
                tags.iter().filter(|(key, value)| is_hint(key) && !value.trim().is_empty() && !key.starts_with("aws:"));
            hints.extend(named.map(|(key, value)| format!("Its tag {key} is {value}.")));
        }
        if let Some(contact) = self.contacts.get(&lb.account) {
            hints.push(format!("The contact of account {} is {contact}.", lb.account));
        }
        if let Some(Observed::Known(tags)) = self.accounts.get(&lb.account).map(|account| &account.tags) {
            let named = tags.iter().filter(|(key, value)| is_hint(key) && !value.trim().is_empty());
            hints.extend(named.map(|(key, value)| format!("The tag {key} of its account is {value}.")));
        }
        if let Some(owners) = self.owners.get(&lb.account) {
            let owned: usize = owners.values().sum();
            let most = owners.iter().max_by(|(a, m), (b, n)| m.cmp(n).then_with(|| b.cmp(a)));
            if let Some((owner, count)) = most {
                hints.push(format!("{count} of the {owned} owned load balancers in its account belong to {owner}."));
            }
        }
        if let Observed::Known(name) = &lb.account_name {
            hints.push(format!("Its account is named {name}."));
        }
        if let Observed::Known(ou) = &lb.ou {
            hints.push(format!("Its account is in the organizational unit {}.", ou.names));
        }
        hints
    }
}
