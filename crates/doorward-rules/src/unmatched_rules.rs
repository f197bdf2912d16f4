//! Rules of the policy that match no load balancer of a scan: most often a criterion is misspelt, and the load balancers that the rule
//! was written for are judged by another one.

use doorward_model::{Policy, ScanReport, UnmatchedSetting};

use crate::matching::Match;
use crate::policy_criteria::PolicyCriteria;

/// Entries of the policy that match nothing in the scan: accounts and organizational units that do not exist, and
/// the criteria of rules
/// that match no load balancer.
pub fn unmatched_rules(report: &ScanReport, policy: &Policy) -> Vec<UnmatchedSetting> {
    let mut all = Vec::new();
    let rules = policy.rules.iter().enumerate();
    let rules = rules.map(|(n, rule)| (format!("policy.rules.{n}"), "rule", &rule.name, PolicyCriteria::of_rule(rule)));
    let profiles = policy.profiles.iter().enumerate();
    let profiles = profiles.map(|(n, profile)| {
        (format!("policy.profiles.{n}"), "risk profile", &profile.name, PolicyCriteria::of_profile(profile))
    });
    for (whole, noun, name, rule) in rules.chain(profiles) {
        let key = |criterion: &str| format!("{whole}.{criterion}");
        let mut elsewhere = Vec::new();
        if report.coverage.accounts_listing.is_full() {
            let because = "which is no account of the scan";
            elsewhere = UnmatchedSetting::accounts(&key("accounts"), rule.accounts, &report.accounts, because);
            let ous = rule.ous.iter().map(String::as_str);
            elsewhere.extend(UnmatchedSetting::ous(&key("ous"), ous, &report.accounts));
        }
        let criteria = without_match(&rule, name, report);
        let is_named = |key: &str| elsewhere.iter().any(|one| one.setting == key);
        let unnamed = criteria.iter().filter(|(criterion, _)| !is_named(&key(criterion)));
        let of_criteria = unnamed.map(|(criterion, value)| {
            let because = format!("which matches no load balancer that was read ({noun} {name:?})");
            let setting = if criterion.is_empty() { whole.clone() } else { key(criterion) };
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
fn without_match(rule: &PolicyCriteria<'_>, name: &str, report: &ScanReport) -> Vec<(&'static str, String)> {
    let mut matched = vec![false; rule.texts().len()];
    for lb in &report.load_balancers {
        let found: Vec<Match> = rule.each(lb).into_iter().flatten().collect();
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
    let none: Vec<_> = rule.texts().into_iter().zip(&matched).filter(|(_, has)| !**has).map(|(one, _)| one).collect();
    if none.is_empty() { vec![("", format!("criteria of {name:?} in one combination"))] } else { none }
}
