//! Rules of the policy that match no load balancer of a scan: most often a criterion is misspelt, and the load balancers that the rule
//! was written for are judged by another one.

use doorward_model::{AccountId, Pattern, Policy, PolicyRule, ScanReport, UnmatchedSetting};

use crate::matching::Match;
use crate::requirement::criteria;

/// What the policy names and the scan did not find: accounts and organizational units that do not exist, and the criteria of rules
/// that match no load balancer.
pub fn unmatched_rules(report: &ScanReport, policy: &Policy) -> Vec<UnmatchedSetting> {
    let mut all = Vec::new();
    for (n, rule) in policy.rules.iter().enumerate() {
        let key = |criterion: &str| format!("policy.rules.{n}.{criterion}");
        let mut elsewhere = Vec::new();
        if report.coverage.accounts_listing.is_full() {
            let because = "which is no account of the scan";
            elsewhere = UnmatchedSetting::accounts(&key("accounts"), &rule.accounts, &report.accounts, because);
            let ous = rule.ous.iter().map(String::as_str);
            elsewhere.extend(UnmatchedSetting::ous(&key("ous"), ous, &report.accounts));
        }
        let criteria = without_match(rule, report);
        let is_named = |key: &str| elsewhere.iter().any(|one| one.setting == key);
        let unnamed = criteria.iter().filter(|(criterion, _)| !is_named(&key(criterion)));
        let of_criteria = unnamed.map(|(criterion, value)| {
            let because = format!("which matches no load balancer that was read (rule {:?})", rule.name);
            let setting = if criterion.is_empty() { format!("policy.rules.{n}") } else { key(criterion) };
            UnmatchedSetting::new(&setting, value.as_str(), because)
        });
        let of_criteria: Vec<_> = of_criteria.collect();
        all.extend(elsewhere);
        all.extend(of_criteria);
    }
    all
}

/// The criteria of a rule that match no load balancer, with their values as text; the rule as a whole, under an empty name, where each
/// criterion matches one and no load balancer matches all. None where a load balancer matches or may match.
fn without_match(rule: &PolicyRule, report: &ScanReport) -> Vec<(&'static str, String)> {
    let mut matched = vec![false; criteria_of(rule).len()];
    for lb in &report.load_balancers {
        let found: Vec<Match> = criteria(rule, lb).into_iter().flatten().collect();
        for (has, found) in matched.iter_mut().zip(&found) {
            *has |= !matches!(found, Match::No);
        }
        if !matches!(Match::all(found), Match::No) {
            return Vec::new();
        }
    }
    if report.load_balancers.is_empty() {
        return Vec::new();
    }
    let none: Vec<_> =
        criteria_of(rule).into_iter().zip(&matched).filter(|(_, has)| !**has).map(|(one, _)| one).collect();
    if none.is_empty() { vec![("", format!("criteria of {:?} in one combination", rule.name))] } else { none }
}

/// The given criteria of a rule, with their values as text, in the order of [`criteria`].
fn criteria_of(rule: &PolicyRule) -> Vec<(&'static str, String)> {
    let patterns = |patterns: &[Pattern]| joined(patterns.iter().map(|pattern| pattern.as_str().to_owned()));
    let tags = rule.tags.iter().map(|(key, value)| format!("{key} = {}", value.as_str()));
    let all = [
        ("accounts", joined(rule.accounts.iter().map(AccountId::to_string))),
        ("kinds", joined(rule.kinds.iter().map(ToString::to_string))),
        ("names", patterns(&rule.names)),
        ("ous", joined(rule.ous.iter().cloned())),
        ("scheme", rule.scheme.map(|scheme| scheme.to_string())),
        ("reachable", rule.reachable.map(|reachable| reachable.to_string())),
        ("tags", joined(tags)),
        ("environments", patterns(&rule.environments)),
        ("applications", patterns(&rule.applications)),
    ];
    all.into_iter().filter_map(|(key, text)| Some((key, text?))).collect()
}

fn joined(values: impl Iterator<Item = String>) -> Option<String> {
    let values: Vec<String> = values.collect();
    (!values.is_empty()).then(|| values.join(", "))
}
