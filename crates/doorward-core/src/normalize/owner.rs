//! The owner of a load balancer and the source of its name.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use doorward_model::{Observed, OuPath, Owner, OwnerSource, TextMap};

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

type Tags = Observed<TextMap>;

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
                    if let Some(found) = find_tag(tags, keys) {
                        let conflicting = found.conflicting.iter().map(|(key, value)| format!("{key:?} = {value:?}"));
                        return Observed::Known(Owner {
                            name: self.name(found.value),
                            source: source(found.key.to_owned()),
                            conflicting: conflicting.collect(),
                        });
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
            Observed::from_answer(closest.map(|(scope, owner)| Owner {
                name: self.name(owner),
                source: OwnerSource::OuMap(scope.clone()),
                conflicting: Vec::new(),
            }))
        })
    }

    /// The name after aliases, as it is written, with single spaces.
    fn name(&self, name: &str) -> String {
        let key = normalized_text(name);
        let alias = self.aliases.iter().find(|(alias, _)| normalized_text(alias) == key);
        let name = alias.map_or(name, |(_, name)| name);
        name.split_whitespace().collect::<Vec<_>>().join(" ")
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
            Observed::Known(owner) => Some(format!("{} by {}", owner.name, owner.source_text())),
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
            (&tags(&[("team", "web"), ("OWNER", "Core")]), &none, "/", Some("Core by tag \"OWNER\"")),
            (&none, &tags(&[("owner", "Data")]), "/", Some("Data by account tag \"owner\"")),
            (&none, &none, "/Workloads/Prod/EU", Some("SRE by OU /Workloads/Prod")),
            (&none, &none, "/Workloads", Some("Platform by OU /Workloads")),
            (&none, &none, "/Sandbox", Some("unowned")),
            // The spelling of the settings counts, and another value in another spelling is named.
            (
                &tags(&[("Owner", "Team A"), ("owner", "team  B ")]),
                &none,
                "/",
                Some("team B by tag \"owner\" (ignored: \"Owner\" = \"Team A\")"),
            ),
            (
                &tags(&[("OWNER", "b"), ("Owner", "a")]),
                &none,
                "/",
                Some("b by tag \"OWNER\" (ignored: \"Owner\" = \"a\")"),
            ),
            (&tags(&[("Owner", "team a"), ("owner", "Team A")]), &none, "/", Some("Team A by tag \"owner\"")),
            (&tags(&[("owner", "Équipe Web")]), &none, "/", Some("Équipe Web by tag \"owner\"")),
            (&tags(&[("owner", "=SUM(A1)")]), &none, "/", Some("=SUM(A1) by tag \"owner\"")),
            (&unread, &tags(&[("owner", "Data")]), "/Workloads", None),
            (&none, &unread, "/Workloads", None),
        ] {
            assert_eq!(check(lb, account, ou).as_deref(), expected, "{lb:?} {account:?} {ou}");
        }
    }
}
