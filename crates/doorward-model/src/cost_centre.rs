//! The cost centres of load balancers, as every output names them.

use std::collections::BTreeMap;

use crate::cost::accounts_by_id;
use crate::{Account, AccountId, LoadBalancer, Observed, tag_value};

/// The group of what a scan did not see: the tags that name a cost centre are known of what was seen only.
pub const COST_CENTRE_NOT_SEEN: &str = "(not seen now)";

/// The cost centres of load balancers, by the tag keys that name them.
pub struct CostCentres<'a> {
    accounts: BTreeMap<&'a AccountId, &'a Account>,
    keys: &'a [String],
}

impl<'a> CostCentres<'a> {
    /// The cost centres by tag keys, in their order: of a load balancer, then of its account.
    pub fn new(accounts: &'a [Account], keys: &'a [String]) -> Self {
        Self { accounts: accounts_by_id(accounts), keys }
    }

    /// The cost centre of a load balancer: its name, `(none)` or `(unread: REASON)`; empty where no keys are configured.
    pub fn of(&self, lb: &LoadBalancer) -> String {
        if self.keys.is_empty() {
            return String::new();
        }
        match tag_value(lb, self.accounts.get(&lb.account).copied(), self.keys) {
            Observed::Known(value) => value,
            Observed::Absent => "(none)".to_owned(),
            Observed::Unread(gap) => format!("(unread: {})", gap.reason),
        }
    }
}
