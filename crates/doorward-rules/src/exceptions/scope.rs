//! The scope of an exception.

use std::collections::BTreeMap;
use std::fmt;

use doorward_model::{AccountId, Arn, LoadBalancer, Pattern};
use serde::Serialize;

use crate::matching::{self, Match};

/// The load balancers that an exception covers. All given criteria must match; a criterion matches if any of its entries matches,
/// except tags, which must all match. At least one criterion is given.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ExceptionScope {
    /// Load balancers, by their exact ARN.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub arn: Vec<Arn>,
    /// Accounts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub accounts: Vec<AccountId>,
    /// Organizational units (OUs), by path of names (`/Workloads/Prod`) or by id; OUs below them are included.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ous: Vec<String>,
    /// Tags of the load balancer: the key exactly as written, the value a glob without regard to case.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, Pattern>,
    /// Globs over the load balancer's name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<Pattern>,
}

impl ExceptionScope {
    /// Whether no criterion is given.
    pub fn is_empty(&self) -> bool {
        self.arn.is_empty()
            && self.accounts.is_empty()
            && self.ous.is_empty()
            && self.tags.is_empty()
            && self.names.is_empty()
    }

    /// Whether it names an account, by its id or in an ARN.
    pub fn names_account(&self, account: &str) -> bool {
        self.accounts.iter().any(|id| id.as_str() == account) || self.arn.iter().any(|arn| arn.account() == account)
    }

    /// Whether it may cover a load balancer in one of these accounts and in one of these OUs, named by path or id with those below them.
    /// An empty list stands for all. An id and a path cannot be compared without the organization, so that such an OU may be covered.
    pub fn may_cover(&self, accounts: &[String], ous: &[String]) -> bool {
        let account = |id: &str| accounts.iter().any(|wanted| wanted == id);
        let is_path = |ou: &str| ou.starts_with('/');
        let within = |outer: &str, inner: &str| {
            inner.strip_prefix(outer.trim_end_matches('/')).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let ou = |own: &String| {
            ous.iter().any(|wanted| match (is_path(own), is_path(wanted)) {
                (true, true) => within(own, wanted) || within(wanted, own),
                (false, false) => own == wanted,
                _ => true,
            })
        };
        (accounts.is_empty()
            || ((self.accounts.is_empty() || self.accounts.iter().any(|id| account(id.as_str())))
                && (self.arn.is_empty() || self.arn.iter().any(|arn| account(arn.account())))))
            && (ous.is_empty() || self.ous.is_empty() || self.ous.iter().any(ou))
    }

    /// Whether it covers every possible load balancer, because no criterion excludes any.
    pub(crate) fn is_everything(&self) -> bool {
        let any_name = |pattern: &Pattern| {
            let text = pattern.as_str().trim();
            text.contains('*') && text.chars().all(|c| matches!(c, '*' | '?'))
        };
        let root = |unit: &String| unit.starts_with("r-") || (unit.starts_with('/') && unit.chars().all(|c| c == '/'));
        !self.is_empty()
            && self.arn.is_empty()
            && self.accounts.is_empty()
            && self.tags.is_empty()
            && (self.names.is_empty() || self.names.iter().any(any_name))
            && (self.ous.is_empty() || self.ous.iter().any(root))
    }

    /// Whether a load balancer is covered. A criterion that does not match decides, so that an unread value matters only if all
    /// other criteria match.
    pub(crate) fn covers(&self, lb: &LoadBalancer) -> Match {
        if self.is_empty() {
            return Match::No;
        }
        let observed = [
            (!self.arn.is_empty()).then(|| Match::seen(&lb.known_arn(), |arn| self.arn.contains(arn))),
            (!self.accounts.is_empty())
                .then(|| Match::seen(&lb.known_account(), |account| self.accounts.contains(account))),
            (!self.names.is_empty()).then(|| Match::seen(&lb.known_name(), |name| matching::any(&self.names, name))),
            (!self.ous.is_empty()).then(|| matching::within(&lb.ou, &self.ous)),
            (!self.tags.is_empty()).then(|| matching::tagged(&lb.tags, &self.tags)),
        ];
        Match::all(observed.into_iter().flatten())
    }
}

impl fmt::Display for ExceptionScope {
    /// `account 111122223333; tag app=legacy*; name web-*`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list =
            |what: &str, entries: Vec<&str>| (!entries.is_empty()).then(|| format!("{what} {}", entries.join(" or ")));
        let tags: Vec<_> = self.tags.iter().map(|(key, value)| format!("{key}={}", value.as_str())).collect();
        let criteria = [
            list("load balancer", self.arn.iter().map(Arn::as_str).collect()),
            list("account", self.accounts.iter().map(AccountId::as_str).collect()),
            list("OU", self.ous.iter().map(String::as_str).collect()),
            (!tags.is_empty()).then(|| format!("tag {}", tags.join(" and "))),
            list("name", self.names.iter().map(Pattern::as_str).collect()),
        ];
        f.write_str(&criteria.into_iter().flatten().collect::<Vec<_>>().join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_may_cover_what_none_of_its_criteria_excludes() {
        let scope = |accounts: &[&str], ous: &[&str]| ExceptionScope {
            accounts: accounts.iter().map(|id| AccountId::new(id).expect("an account")).collect(),
            ous: ous.iter().map(|ou| (*ou).to_owned()).collect(),
            ..ExceptionScope::default()
        };
        let (one, other) = ("111122223333", "444455556666");
        let texts = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        for (accounts, ous, wanted_accounts, wanted_ous, expected) in [
            (&[][..], &[][..], &[one][..], &["/Prod"][..], true),
            (&[one], &[], &[one], &[], true),
            (&[one], &[], &[other], &[], false),
            (&[one], &[], &[], &[], true),
            (&[], &["/Prod"], &[], &["/Prod/Shop"], true),
            (&[], &["/Prod/Shop"], &[], &["/Prod"], true),
            (&[], &["/Prod"], &[], &["/Production"], false),
            (&[], &["ou-ab12-cdefghij"], &[], &["/Prod"], true),
            (&[], &["ou-ab12-cdefghij"], &[], &["ou-ab12-other000"], false),
        ] {
            let may = scope(accounts, ous).may_cover(&texts(wanted_accounts), &texts(wanted_ous));
            assert_eq!(may, expected, "{accounts:?} {ous:?} for {wanted_accounts:?} {wanted_ous:?}");
        }
    }
}
