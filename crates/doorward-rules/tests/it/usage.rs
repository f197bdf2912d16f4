//! What is said of exceptions after a scan.

use std::path::Path;

use doorward_model::{Finding, LoadBalancer, Mode, Policy};
use doorward_rules::exceptions::{Register, Terms};
use jiff::Timestamp;
use serde::Deserialize;

use crate::fixture::{Given, load_balancer};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cases {
    case: Vec<Case>,
}

/// See the head of `tests/registers/usage.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    register: String,
    load_balancers: Vec<toml::Table>,
    maximum_matches: Option<usize>,
    now: Option<Timestamp>,
    #[serde(default)]
    disabled: Vec<String>,
    expect: Vec<String>,
}

fn load_balancers(said: &[toml::Table]) -> Vec<LoadBalancer> {
    let one = |given: &toml::Table| load_balancer(&given.clone().try_into::<Given>().expect("a load balancer"));
    let mut all = Vec::new();
    for given in said {
        let mut given = given.clone();
        let Some(times) = given.remove("times") else {
            all.push(one(&given));
            continue;
        };
        let name = given.get("name").and_then(toml::Value::as_str).expect("a name").to_owned();
        for n in 0..times.as_integer().expect("a number") {
            given.insert("name".to_owned(), format!("{name}-{n}").into());
            all.push(one(&given));
        }
    }
    all
}

/// Judges as the scan does.
fn findings(lbs: &[LoadBalancer], register: &Register, policy: &Policy, now: Timestamp) -> Vec<Finding> {
    let rules = register.wrap(doorward_rules::all(), now);
    let enabled = |id: &str| !policy.disabled.iter().any(|off| off == id);
    let rules: Vec<_> = rules.iter().filter(|rule| enabled(rule.meta().id)).collect();
    lbs.iter()
        .flat_map(|lb| {
            rules.iter().map(|rule| Finding {
                id: Finding::id_for(&lb.arn, rule.meta().id),
                rule: rule.meta().id.into(),
                account: lb.account.clone(),
                region: lb.region.clone(),
                load_balancer: lb.arn.clone(),
                name: lb.name.as_str().into(),
                kind: lb.kind,
                owner: lb.owner_label().into(),
                verdict: rule.judge(lb, policy).into(),
                observed_at: None,
                history: None,
                deadline: None,
            })
        })
        .collect()
}

#[test]
fn exceptions_that_do_nothing_or_too_much_are_named_with_file_and_line() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/registers/usage.toml");
    let cases: Cases = toml::from_str(&std::fs::read_to_string(file).expect("the file is there")).expect("cases");
    for case in &cases.case {
        let maximum_matches = case.maximum_matches.unwrap_or(Terms::default().maximum_matches);
        let terms = Terms { maximum_matches, ..Terms::default() };
        let register = Register::parse(&[("exceptions.toml".to_owned(), case.register.clone())], &terms)
            .unwrap_or_else(|wrong| panic!("{}: {wrong:?}", case.name));
        let now = case.now.unwrap_or_else(|| "2026-03-01T12:00:00Z".parse().expect("a timestamp"));
        let policy = Policy {
            required_mode: Mode::Defensive,
            rules: Vec::new(),
            disabled: case.disabled.clone(),
            ..Policy::default()
        };
        let lbs = load_balancers(&case.load_balancers);
        let said: Vec<_> = register
            .usage(&lbs, &findings(&lbs, &register, &policy, now), now)
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(said, case.expect, "{}", case.name);
    }
}
