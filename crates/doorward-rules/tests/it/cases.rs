//! Runs the cases of every rule.

use std::path::Path;

use doorward_model::{Mode, Policy, PolicyRule, Rule, Severity, Verdict, VerdictKind};
use serde::Deserialize;

use crate::fixture::{Given, load_balancer};

/// One file of cases.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cases {
    case: Vec<Case>,
}

/// One load balancer under one policy, and the verdict it must get.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    #[serde(default)]
    given: Given,
    #[serde(default)]
    policy: GivenPolicy,
    expect: Expect,
}

/// The policy of a case; defensive is required where it says nothing.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct GivenPolicy {
    required_mode: Option<Mode>,
    #[serde(default)]
    rules: Vec<PolicyRule>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expect {
    verdict: VerdictKind,
    severity: Option<Severity>,
    #[serde(default)]
    because_contains: Vec<String>,
    #[serde(default)]
    remedy_contains: Vec<String>,
    #[serde(default)]
    remedy_lacks: Vec<String>,
    /// The reasons of the gaps, in order.
    gaps: Option<Vec<String>>,
}

#[test]
fn every_rule_answers_its_cases() {
    for rule in doorward_rules::all() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/cases/{}.toml", rule.meta().id));
        let text = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let cases: Cases = toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let mut names: Vec<_> = cases.case.iter().map(|case| case.name.as_str()).collect();
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "{}: two cases have one name", file.display());
        for case in &cases.case {
            check(*rule, case);
        }
    }
}

fn check(rule: &dyn Rule, case: &Case) {
    let policy = Policy {
        required_mode: case.policy.required_mode.unwrap_or(Mode::Defensive),
        rules: case.policy.rules.clone(),
        disabled: Vec::new(),
    };
    let verdict = rule.judge(&load_balancer(&case.given), &policy);
    let at = format!("{}: {}: {verdict:#?}", rule.meta().id, case.name);
    assert_eq!(verdict.kind(), case.expect.verdict, "{at}");
    assert_eq!(verdict.severity(), case.expect.severity, "{at}");
    for part in &case.expect.because_contains {
        assert!(verdict.because().contains(part), "missing {part:?} in {at}");
    }
    let (remedy, gaps) = match &verdict {
        Verdict::Fail { remedy, .. } => (remedy.as_str(), Vec::new()),
        Verdict::Unknown { gaps, .. } => ("", gaps.iter().map(|gap| gap.reason.code().to_owned()).collect()),
        _ => ("", Vec::new()),
    };
    for part in &case.expect.remedy_contains {
        assert!(remedy.contains(part), "missing {part:?} in {at}");
    }
    for part in &case.expect.remedy_lacks {
        assert!(!remedy.contains(part), "{part:?} in {at}");
    }
    if let Some(expected) = &case.expect.gaps {
        assert_eq!(&gaps, expected, "{at}");
    }
    let sentence = verdict.because();
    assert!(sentence.ends_with('.') && !sentence.contains(".."), "not a sentence: {at}");
}
