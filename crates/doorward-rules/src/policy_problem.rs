//! What makes a policy unusable: rules that do not exist, profiles with the same name.

use std::collections::BTreeSet;

use doorward_model::{DeadlineDays, Policy};

use crate::catalogue;
use crate::exceptions::nearest;

/// The most days of a deadline: ten years. More is a slip of the finger.
const LONGEST: u32 = 3650;

/// The key and the problem of the first value of a policy that cannot be used. `has_channel` answers whether notifications have a
/// channel of a name.
pub fn policy_problem(policy: &Policy, has_channel: impl Fn(&str) -> bool) -> Option<(String, String)> {
    let known: Vec<&str> = catalogue().iter().map(|meta| meta.id).collect();
    if let Some(id) = policy.disabled.iter().find(|id| !known.contains(&id.as_str())) {
        let near = nearest(id, &known).map(|near| format!("; did you mean {near}?")).unwrap_or_default();
        return Some(("policy.disabled".to_owned(), format!("there is no rule {id:?}{near}")));
    }
    let mut names = BTreeSet::new();
    for (n, profile) in policy.profiles.iter().enumerate() {
        let key = |name: &str| format!("policy.profiles.{n}.{name}");
        if profile.name.trim().is_empty() || ["none", "unknown"].contains(&profile.name.trim()) {
            let problem =
                format!("{:?} is no name of a risk profile: reports use `none` and `unknown` themselves", profile.name);
            return Some((key("name"), problem));
        }
        if !names.insert(profile.name.trim().to_lowercase()) {
            return Some((key("name"), format!("{:?} is the name of another risk profile", profile.name)));
        }
        if let Some(channel) = profile.notify.iter().find(|channel| !has_channel(channel)) {
            return Some((key("notify"), format!("{channel:?} is not in notify.channels")));
        }
        if profile.deadlines.longest_interval_hours.is_some() {
            let problem = "it is a setting of policy.deadlines, because observations are counted once for all \
                 profiles"
                .to_owned();
            return Some((key("deadlines.longest_interval_hours"), problem));
        }
        if let Some(found) = of_deadlines(&profile.deadlines, &key("deadlines")) {
            return Some(found);
        }
    }
    of_deadlines(&policy.deadlines, "policy.deadlines")
}

fn of_deadlines(deadlines: &DeadlineDays, key: &str) -> Option<(String, String)> {
    if deadlines.longest_interval_hours == Some(0) {
        let problem = "with 0 hours no time would count, and no failure would ever be overdue".to_owned();
        return Some((format!("{key}.longest_interval_hours"), problem));
    }
    for rule in deadlines.rules.keys() {
        if !catalogue().iter().any(|meta| meta.id == rule) {
            let problem = format!("{rule:?} is not the id of a rule; `doorward explain` lists them");
            return Some((format!("{key}.rules"), problem));
        }
    }
    let severities =
        deadlines.severities.iter().map(|(severity, days)| (format!("{key}.severities.{severity}"), *days));
    let rules = deadlines.rules.iter().map(|(rule, days)| (format!("{key}.rules.{rule}"), *days));
    severities
        .chain(rules)
        .find(|(_, days)| !(1..=LONGEST).contains(days))
        .map(|(key, days)| (key, format!("{days} is not between 1 and {LONGEST} days")))
}
