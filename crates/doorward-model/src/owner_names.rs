//! Owners as groups: names that differ only in case and white space are one owner.

use std::collections::BTreeMap;

use crate::LoadBalancer;

/// What owners are grouped and compared by: the name in lower case, with single spaces, trimmed.
pub fn owner_key(name: &str) -> String {
    let mut key = String::with_capacity(name.len());
    for word in name.split_whitespace() {
        if !key.is_empty() {
            key.push(' ');
        }
        key.push_str(&word.to_lowercase());
    }
    key
}

/// One spelling for each owner of a report: that of most load balancers, and of those the first in byte order.
#[derive(Debug, Clone, Default)]
pub struct OwnerNames(BTreeMap<String, String>);

impl OwnerNames {
    /// The owners of some load balancers.
    pub fn of(load_balancers: &[LoadBalancer]) -> Self {
        let mut written: BTreeMap<String, BTreeMap<&str, usize>> = BTreeMap::new();
        for owner in load_balancers.iter().filter_map(|lb| lb.owner.known()) {
            *written.entry(owner_key(&owner.name)).or_default().entry(&owner.name).or_default() += 1;
        }
        let most = |spellings: BTreeMap<&str, usize>| {
            spellings
                .into_iter()
                .max_by(|(a, n), (b, m)| n.cmp(m).then_with(|| b.cmp(a)))
                .map(|(name, _)| name.to_owned())
        };
        Self(written.into_iter().filter_map(|(key, spellings)| Some((key, most(spellings)?))).collect())
    }

    /// The spelling of the group that a name or label is in; the name itself where no load balancer has that owner.
    pub fn shown<'a>(&'a self, name: &'a str) -> &'a str {
        self.0.get(&owner_key(name)).map_or(name, String::as_str)
    }
}
