//! The owner of a load balancer and the source of its name.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use doorward_model::{Observed, OuPath, Owner, OwnerSource};

use super::{find_tag, normalized_text};

/// The sources of owners: tags of the load balancer, tags of its account, a map of organizational units (OUs). The first match
/// applies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OwnerSettings {
    /// Tag keys of the load balancer, in order.
    pub tags: Vec<String>,
    /// Tag keys of the account, in order. Reading account tags costs one call per account.
    pub account_tags: Vec<String>,
    /// Organizational units (path of names or id) to owners; the longest matching path applies.
    #[serde(default)]
    pub ous: BTreeMap<String, String>,
    /// Other spellings of an owner: alias to name.
    #[serde(default)]
    pub aliases: BTreeMap<String, String>,
}

type Tags = Observed<BTreeMap<String, String>>;

impl OwnerSettings {
    /// Absent means unowned. A source that could not be read ends the search, because it has priority over the sources after it.
    pub(super) fn of(&self, tags: &Tags, account_tags: &Tags, ou: &Observed<OuPath>) -> Observed<Owner> {
        for (tags, keys, source) in [
            (tags, &self.tags, OwnerSource::ResourceTag as fn(String) -> OwnerSource),
            (account_tags, &self.account_tags, OwnerSource::AccountTag),
        ] {
            if keys.is_empty() {
                continue;
            }
            match tags {
                Observed::Known(tags) => {
                    if let Some((key, value)) = find_tag(tags, keys) {
                        return Observed::Known(Owner { name: self.name(value), source: source(key.to_owned()) });
                    }
                }
                Observed::Absent => {}
                Observed::Unread(gap) => return Observed::Unread(gap.clone()),
            }
        }
        if self.ous.is_empty() {
            return Observed::Absent;
        }
        ou.as_ref().and_then(|ou| {
            let matching = self.ous.iter().filter(|(scope, _)| ou.is_within(scope));
            let closest = matching.max_by_key(|(scope, _)| depth(scope, ou));
            Observed::from_answer(
                closest
                    .map(|(scope, owner)| Owner { name: self.name(owner), source: OwnerSource::OuMap(scope.clone()) }),
            )
        })
    }

    fn name(&self, name: &str) -> String {
        let name = normalized_text(name);
        let alias = self.aliases.iter().find(|(alias, _)| normalized_text(alias) == name);
        alias.map_or(name, |(_, name)| normalized_text(name))
    }
}

/// The depth of a scope in the tree: the larger, the closer to the account.
fn depth(scope: &str, ou: &OuPath) -> usize {
    match ou.ids.iter().position(|id| id == scope) {
        Some(position) => position,
        None => scope.split('/').filter(|part| !part.is_empty()).count(),
    }
}

#[cfg(test)]
mod tests {
    use doorward_model::{Gap, GapReason};

    use super::*;

    fn settings() -> OwnerSettings {
        OwnerSettings {
            tags: vec!["owner".into(), "team".into()],
            account_tags: vec!["owner".into()],
            ous: [("/Workloads".to_owned(), "Platform".to_owned()), ("/Workloads/Prod".to_owned(), "SRE".to_owned())]
                .into(),
            aliases: [("payments team".to_owned(), "payments".to_owned())].into(),
        }
    }

    fn tags(pairs: &[(&str, &str)]) -> Tags {
        Observed::Known(pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect())
    }

    fn check(lb: &Tags, account: &Tags, names: &str) -> Option<String> {
        let ou = Observed::Known(OuPath { names: names.into(), ids: vec![] });
        match settings().of(lb, account, &ou) {
            Observed::Known(owner) => Some(format!("{} by {}", owner.name, owner.source)),
            Observed::Absent => Some("unowned".into()),
            Observed::Unread(_) => None,
        }
    }

    #[test]
    fn the_first_source_that_says_something_decides() {
        let unread = Observed::unread(Gap::new(GapReason::AccessDenied, "elasticloadbalancing:DescribeTags"));
        let none = tags(&[]);
        for (lb, account, ou, expected) in [
            (&tags(&[("Owner ", " Payments   Team ")]), &none, "/", Some("payments by tag \"Owner \"")),
            (&tags(&[("team", "web"), ("owner", "  ")]), &none, "/", Some("web by tag \"team\"")),
            (&tags(&[("team", "web"), ("OWNER", "Core")]), &none, "/", Some("core by tag \"OWNER\"")),
            (&none, &tags(&[("owner", "Data")]), "/", Some("data by account tag \"owner\"")),
            (&none, &none, "/Workloads/Prod/EU", Some("sre by OU /Workloads/Prod")),
            (&none, &none, "/Workloads", Some("platform by OU /Workloads")),
            (&none, &none, "/Sandbox", Some("unowned")),
            (&unread, &tags(&[("owner", "Data")]), "/Workloads", None),
            (&none, &unread, "/Workloads", None),
        ] {
            assert_eq!(check(lb, account, ou).as_deref(), expected, "{lb:?} {account:?} {ou}");
        }
    }
}
