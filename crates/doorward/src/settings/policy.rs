//! What makes a policy unusable: deadlines of rules that do not exist, profiles that cannot be distinguished.

use std::collections::BTreeSet;

use doorward_model::DeadlineDays;

use super::Settings;

/// The most days of a deadline: ten years. More is a slip of the finger.
const LONGEST: u32 = 3650;

/// The key and the problem of the first value that cannot be used.
pub(super) fn problem(settings: &Settings) -> Option<(String, String)> {
    let policy = &settings.policy;
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
        if let Some(channel) = profile.notify.iter().find(|channel| !settings.notify.channels.contains_key(*channel)) {
            return Some((key("notify"), format!("{channel:?} is not in notify.channels")));
        }
        if profile.deadlines.longest_interval_hours.is_some() {
            let problem =
                "it is a setting of policy.deadlines: observations are counted once for all profiles".to_owned();
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
        let problem = "0 hours never count: no failure would ever be overdue".to_owned();
        return Some((format!("{key}.longest_interval_hours"), problem));
    }
    for rule in deadlines.rules.keys() {
        if !doorward_rules::catalogue().iter().any(|meta| meta.id == rule) {
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
