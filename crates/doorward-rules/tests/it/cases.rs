//! Runs the cases of every rule.

use std::collections::BTreeSet;
use std::path::Path;

use doorward_model::{Mode, Policy, PolicyPreset, PolicyRule, RuleMeta, Severity, Verdict, VerdictKind, VerdictReason};
use doorward_rules::exceptions::{Register, Terms};
use jiff::Timestamp;
use serde::Deserialize;

use crate::fixture::{Given, load_balancer};

/// One file of cases.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cases {
    /// The register of exceptions of every case that does not bring its own, as text; without one there is none.
    register: Option<String>,
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
    register: Option<String>,
    #[serde(default = "noon")]
    now: Timestamp,
    expect: Expect,
}

/// When a case is judged that does not say.
fn noon() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().expect("a timestamp")
}

/// The policy of a case; defensive is required where it says nothing.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct GivenPolicy {
    required_mode: Option<Mode>,
    #[serde(default)]
    rules: Vec<PolicyRule>,
    #[serde(default)]
    disabled: Vec<String>,
    preset: Option<PolicyPreset>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expect {
    verdict: VerdictKind,
    reason: VerdictReason,
    severity: Option<Severity>,
    #[serde(default)]
    because_contains: Vec<String>,
    #[serde(default)]
    remedy_contains: Vec<String>,
    #[serde(default)]
    remedy_lacks: Vec<String>,
    /// The reasons of the gaps, in order.
    gaps: Option<Vec<String>>,
    /// The exception that permits it.
    exception: Option<String>,
    /// The last day on which it does.
    expires: Option<String>,
}

#[test]
fn every_rule_answers_its_cases() {
    for meta in doorward_rules::catalogue() {
        let rule = meta.id;
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/cases/{rule}.toml"));
        let text = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let cases: Cases = toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let mut names: Vec<_> = cases.case.iter().map(|case| case.name.as_str()).collect();
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "{}: two cases have one name", file.display());
        for case in &cases.case {
            check(meta, case, case.register.as_ref().or(cases.register.as_ref()));
        }
        // Every reason that a rule documents has a case. `exception-valid` belongs to the register, which wraps every rule.
        let expected: BTreeSet<_> = cases.case.iter().map(|case| case.expect.reason).collect();
        let untested: Vec<_> = meta.reasons.iter().filter(|reason| !expected.contains(reason)).collect();
        assert!(untested.is_empty(), "{}: no case has the reason {untested:?}", file.display());
    }
}

fn check(meta: &RuleMeta, case: &Case, register: Option<&String>) {
    let rule = meta.id;
    let files: Vec<_> = register.map(|text| ("exceptions.toml".to_owned(), text.clone())).into_iter().collect();
    let register =
        Register::parse(&files, &Terms::default()).unwrap_or_else(|wrong| panic!("{}: {wrong:?}", case.name));
    let rules = register.wrap(doorward_rules::all(), case.now);
    let judge = rules.iter().find(|wrapped| wrapped.meta().id == rule).expect("a rule that runs");
    let policy = Policy {
        required_mode: case.policy.required_mode.unwrap_or(Mode::Defensive),
        rules: case.policy.rules.clone(),
        disabled: case.policy.disabled.clone(),
        preset: case.policy.preset,
        ..Policy::default()
    };
    let verdict = judge.judge(&load_balancer(&case.given), &policy);
    let at = format!("{rule}: {}: {verdict:#?}", case.name);
    assert_eq!(verdict.kind(), case.expect.verdict, "{at}");
    assert_eq!(verdict.reason(), case.expect.reason, "{at}");
    let documented = meta.reasons.contains(&verdict.reason()) || verdict.kind() == VerdictKind::Excepted;
    assert!(documented && verdict.reason().kind() == verdict.kind(), "a reason that the rule does not document: {at}");
    assert_eq!(verdict.severity(), case.expect.severity, "{at}");
    for part in &case.expect.because_contains {
        assert!(verdict.because().contains(part), "missing {part:?} in {at}");
    }
    let (remedy, gaps) = match &verdict {
        Verdict::Fail { remedy, .. } | Verdict::NotAsked { remedy, .. } => (remedy.as_str(), Vec::new()),
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
    let (exception, expires) = match &verdict {
        Verdict::Excepted { exception, expires, .. } => (Some(exception.clone()), Some(expires.clone())),
        _ => (None, None),
    };
    assert_eq!(exception, case.expect.exception, "{at}");
    assert_eq!(expires, case.expect.expires, "{at}");
    let sentence = verdict.because();
    assert!(sentence.ends_with('.') && !sentence.contains(".."), "not a sentence: {at}");
}
