//! The criteria of a policy rule or of a risk profile.

use std::collections::BTreeMap;

use doorward_model::{AccountId, Kind, LoadBalancer, Pattern, PolicyRule, RiskProfile, Scheme};

use crate::matching::{self, Match};

/// PolicyCriteria: each that is given must match.
pub(crate) struct PolicyCriteria<'a> {
    pub(crate) accounts: &'a [AccountId],
    pub(crate) ous: &'a [String],
    kinds: &'a [Kind],
    scheme: Option<Scheme>,
    reachable: Option<bool>,
    names: &'a [Pattern],
    tags: &'a BTreeMap<String, Pattern>,
    environments: &'a [Pattern],
    applications: &'a [Pattern],
}

impl<'a> PolicyCriteria<'a> {
    /// Those of a policy rule.
    pub(crate) fn of_rule(rule: &'a PolicyRule) -> Self {
        let PolicyRule {
            name: _,
            required_mode: _,
            accounts,
            ous,
            kinds,
            scheme,
            reachable,
            names,
            tags,
            environments,
            applications,
        } = rule;
        Self { accounts, ous, kinds, scheme: *scheme, reachable: *reachable, names, tags, environments, applications }
    }

    /// Those of a risk profile.
    pub(crate) fn of_profile(profile: &'a RiskProfile) -> Self {
        let RiskProfile { accounts, ous, kinds, scheme, reachable, names, tags, environments, applications, .. } =
            profile;
        Self { accounts, ous, kinds, scheme: *scheme, reachable: *reachable, names, tags, environments, applications }
    }

    /// Whether all of them match.
    pub(crate) fn matches(&self, lb: &LoadBalancer) -> Match {
        Match::all(self.each(lb).into_iter().flatten())
    }

    /// Whether each of them matches, evaluated alone; none where it is not given.
    pub(crate) fn each(&self, lb: &LoadBalancer) -> [Option<Match>; 9] {
        [
            (!self.accounts.is_empty())
                .then(|| Match::seen(&lb.known_account(), |account| self.accounts.contains(account))),
            (!self.kinds.is_empty()).then(|| Match::from(self.kinds.contains(&lb.kind))),
            (!self.names.is_empty()).then(|| Match::seen(&lb.known_name(), |name| matching::any(self.names, name))),
            (!self.ous.is_empty()).then(|| matching::within(&lb.ou, self.ous)),
            self.scheme.map(|wanted| Match::seen(&lb.scheme, |scheme| *scheme == wanted)),
            self.reachable.map(|wanted| Match::seen(&lb.reachability, |known| known.is_internal() != wanted)),
            (!self.tags.is_empty()).then(|| matching::tagged(&lb.tags, self.tags)),
            (!self.environments.is_empty())
                .then(|| Match::seen(&lb.environment, |text| matching::any(self.environments, text))),
            (!self.applications.is_empty())
                .then(|| Match::seen(&lb.application, |text| matching::any(self.applications, text))),
        ]
    }

    /// The given criteria with their values as text, in the order of [`Self::each`].
    pub(crate) fn texts(&self) -> Vec<(&'static str, String)> {
        let patterns = |patterns: &[Pattern]| joined(patterns.iter().map(|pattern| pattern.as_str().to_owned()));
        let tags = self.tags.iter().map(|(key, value)| format!("{key} = {}", value.as_str()));
        let all = [
            ("accounts", joined(self.accounts.iter().map(AccountId::to_string))),
            ("kinds", joined(self.kinds.iter().map(ToString::to_string))),
            ("names", patterns(self.names)),
            ("ous", joined(self.ous.iter().cloned())),
            ("scheme", self.scheme.map(|scheme| scheme.to_string())),
            ("reachable", self.reachable.map(|reachable| reachable.to_string())),
            ("tags", joined(tags)),
            ("environments", patterns(self.environments)),
            ("applications", patterns(self.applications)),
        ];
        all.into_iter().filter_map(|(key, text)| Some((key, text?))).collect()
    }
}

fn joined(values: impl Iterator<Item = String>) -> Option<String> {
    let values: Vec<String> = values.collect();
    (!values.is_empty()).then(|| values.join(", "))
}
