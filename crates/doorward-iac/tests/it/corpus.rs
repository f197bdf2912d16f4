//! Every case of the corpus: its declarations with their verdicts and lines.

use doorward_iac::{Declared, Subject, agreed};
use doorward_model::{LoadBalancer, Policy, Rule, Verdict};

use crate::cases::{Case, all};

/// The verdict on a load balancer, or the one that all its outcomes agree on.
fn judged(declared: &Declared, lb: &LoadBalancer, rule: &dyn Rule, policy: &Policy) -> Verdict {
    match rule.judge(lb, policy) {
        unknown @ Verdict::Unknown { .. } => {
            agreed(declared.outcomes.iter().map(|outcome| rule.judge(outcome, policy))).unwrap_or(unknown)
        }
        verdict => verdict,
    }
}

fn describe(case: &Case, declared: &Declared, policy: &Policy) -> String {
    let rules = doorward_rules::all();
    let rule = rules.iter().find(|rule| rule.meta().id == case.rule).unwrap();
    let (word, reason) = match &declared.subject {
        Subject::Incapable(_) => ("none", None),
        Subject::LoadBalancer(lb) => match judged(declared, lb, &**rule, policy) {
            Verdict::Pass { .. } => ("pass", None),
            Verdict::Fail { .. } => ("fail", None),
            Verdict::Excepted { .. } => ("excepted", None),
            Verdict::NotApplicable { .. } => ("none", None),
            Verdict::NotAsked { .. } => ("not-asked", None),
            Verdict::Unknown { gaps, .. } => ("unknown", gaps.first().map(|gap| gap.reason.code())),
        },
    };
    let place = &declared.place;
    let place = if place.file == case.file { place.line.to_string() } else { format!("{}:{}", place.file, place.line) };
    let reason = reason.map(|reason| format!(" | {reason}")).unwrap_or_default();
    let groups = declared.load_balancer().and_then(|lb| lb.target_groups.known()).map(|groups| {
        let names: Vec<&str> = groups.iter().map(|group| group.name.as_str()).collect();
        format!(" | {}", names.join(","))
    });
    format!("{} | {word} | {place}{reason}{}", declared.address, groups.unwrap_or_default())
}

#[test]
fn every_case() {
    let cases = all();
    let mut wrong = Vec::new();
    for case in &cases {
        let output = case.read();
        let policy = case.policy();
        let mut got: Vec<String> = output.declared.iter().map(|declared| describe(case, declared, &policy)).collect();
        let mut expected = case.expect.clone();
        got.sort();
        expected.sort();
        let parts = output.unread.iter().map(|u| format!("{} | {}", u.address, u.place.line));
        let broken = output.broken.iter().map(|error| format!("{} | {}", error.file, error.line));
        let mut unread: Vec<String> = parts.chain(broken).collect();
        unread.sort();
        let counted: Vec<String> =
            output.unexamined.iter().map(|one| format!("{} | {}", one.address, one.reason.as_str())).collect();
        let is_counted = case.counted.as_ref().is_none_or(|expected| *expected == counted);
        let problems: Vec<String> = output.errors.iter().map(ToString::to_string).collect();
        let as_expected = match &case.problem {
            None => problems.is_empty(),
            Some(problem) => {
                let (place, fragment) = problem.split_once(": ").unwrap();
                matches!(problems.as_slice(), [only] if only.starts_with(&format!("{place}:")) && only.contains(fragment))
            }
        };
        if got != expected || unread != case.unread || !as_expected || !is_counted {
            wrong.push(format!(
                "{}\n  expected {expected:?} {:?} {:?} {:?}\n  got      {got:?} {unread:?} {problems:?} {counted:?}",
                case.name, case.unread, case.problem, case.counted
            ));
        }
    }
    assert!(wrong.is_empty(), "{} of {} cases:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
    assert!(cases.len() >= 150, "{} cases", cases.len());
}

#[test]
fn names_are_unique() {
    let mut names: Vec<String> = all().into_iter().map(|case| case.name).collect();
    names.sort();
    let count = names.len();
    names.dedup();
    assert_eq!(names.len(), count, "two cases have the same name");
}
