//! Laws of exceptions: they permit, they never hide, and knowing less never permits more.

use doorward_model::{LoadBalancer, Policy, Verdict, VerdictKind};
use doorward_rules::exceptions::{Exception, Register, Terms};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use crate::fixture::load_balancer;
use crate::laws::{FIELDS, WORDS, any_load_balancer, any_policy, forget};

/// A few exceptions around the first day of March 2026, as text; each by itself, so that one can be left out.
fn any_exceptions() -> impl Strategy<Value = Vec<String>> {
    let rules: Vec<_> = doorward_rules::all().iter().map(|rule| rule.meta().id).collect();
    let list = |entries: Vec<&str>| format!("{entries:?}");
    let scope = (
        subsequence(WORDS.to_vec(), 0..=2),
        subsequence(vec!["/Prod", "/Dev"], 0..=1),
        subsequence(vec!["prod", "dev"], 0..=1),
        subsequence(vec!["111122223333", "444455556666"], 0..=1),
    )
        .prop_map(move |(names, ous, env, accounts)| {
            let mut criteria = Vec::new();
            if !names.is_empty() {
                criteria.push(format!("names = {}", list(names)));
            }
            if !ous.is_empty() {
                criteria.push(format!("ous = {}", list(ous)));
            }
            if !accounts.is_empty() {
                criteria.push(format!("accounts = {}", list(accounts)));
            }
            criteria.extend(env.first().map(|env| format!("tags = {{ env = \"{env}\" }}")));
            if criteria.is_empty() { "names = [\"*\"]".to_owned() } else { criteria.join(", ") }
        });
    let one = (select(rules), scope, -40i64..20, 0i64..60);
    prop::collection::vec(one, 0..6).prop_map(|exceptions| {
        let day = |days: i64| {
            let noon: Timestamp = "2026-03-01T12:00:00Z".parse().expect("a timestamp");
            (noon + SignedDuration::from_hours(24 * days)).to_string()[..10].to_owned()
        };
        let text = |(n, (rule, scope, start, length)): (usize, (&str, String, i64, i64))| {
            let many = if scope == "names = [\"*\"]" { "many = true\n" } else { "" };
            format!(
                "[[exception]]\nid = \"EX-{n}\"\nrule = \"{rule}\"\nscope = {{ {scope} }}\nreason = \"r\"\nrequester = \
                 \"s\"\napprover = \"k\"\nstart = {}\nexpires = {}\n{many}",
                day(start),
                day(start + length)
            )
        };
        exceptions.into_iter().enumerate().map(text).collect()
    })
}

fn now() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().expect("a timestamp")
}

fn register(exceptions: &[String]) -> Register {
    Register::parse(&[("x.toml".to_owned(), exceptions.concat())], &Terms::default()).expect("valid")
}

fn judge(register: &Register, lb: &LoadBalancer, policy: &Policy) -> Vec<(&'static str, Verdict)> {
    register.wrap(doorward_rules::all(), now()).iter().map(|rule| (rule.meta().id, rule.judge(lb, policy))).collect()
}

/// Whether an exception covers a load balancer of which everything is known, read plainly.
fn covers(exception: &Exception, lb: &LoadBalancer) -> bool {
    let scope = &exception.scope;
    let env = lb.tags.known().and_then(|tags| tags.get("env"));
    (scope.names.is_empty() || scope.names.iter().any(|name| name.as_str() == "*" || name.as_str() == lb.name))
        && (scope.accounts.is_empty() || scope.accounts.contains(&lb.account))
        && (scope.ous.is_empty() || lb.ou.known().is_some_and(|path| scope.ous.contains(&path.names)))
        && scope.tags.values().all(|value| env.is_some_and(|env| env == value.as_str()))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_exception_touches_failures_only_and_hides_nothing(
        lb in any_load_balancer(), policy in any_policy(), exceptions in any_exceptions(), lost: [bool; FIELDS],
    ) {
        let lb = forget(&lb, lost);
        let register = register(&exceptions);
        let wrapped = judge(&register, &lb, &policy);
        // None of these exceptions has a review date.
        prop_assert_eq!(wrapped.len(), doorward_rules::catalogue().len() - 1);
        for rule in doorward_rules::all() {
            let plain = rule.judge(&lb, &policy);
            let (_, wrapped) = wrapped.iter().find(|(id, _)| *id == rule.meta().id).expect("it runs");
            match (&plain, wrapped) {
                (
                    Verdict::Fail { reason, because, severity, remedy },
                    Verdict::Fail { reason: code, because: said, severity: still, remedy: same },
                ) => prop_assert!(reason == code && said.starts_with(because.as_str()) && severity == still && remedy == same),
                (Verdict::Fail { because, severity, .. }, Verdict::Excepted { because: said, severity: still, exception, .. }) => {
                    prop_assert!(said.starts_with(because.as_str()) && severity == still);
                    let entries = register.entries(now());
                    let entry = entries.iter().find(|entry| entry.exception.id == *exception).expect("it is there");
                    prop_assert!(entry.state.in_force() && entry.exception.rule == rule.meta().id);
                    prop_assert!(said.contains(exception.as_str()));
                }
                (other, same) => prop_assert_eq!(other, same),
            }
        }
    }

    #[test]
    fn where_less_is_known_an_exception_that_covers_it_still_permits_it_or_is_named_as_undecided(
        lb in any_load_balancer(), policy in any_policy(), exceptions in any_exceptions(), lost: [bool; FIELDS],
    ) {
        let register = register(&exceptions);
        let entries = register.entries(now());
        let less = forget(&lb, lost);
        let verdicts = judge(&register, &less, &policy);
        for rule in doorward_rules::all() {
            prop_assert_eq!(register.undecided(*rule, &lb, now()), None);
            let undecided = register.undecided(*rule, &less, now());
            let covering = |entry: &&doorward_rules::exceptions::Entry<'_>| {
                entry.exception.rule == rule.meta().id && entry.state.in_force() && covers(entry.exception, &lb)
            };
            let Some(covering) = entries.iter().find(covering) else { continue };
            let (_, verdict) = verdicts.iter().find(|(id, _)| *id == rule.meta().id).expect("it runs");
            if matches!(verdict, Verdict::Fail { .. }) {
                prop_assert!(undecided.is_some_and(|text| text.contains(&covering.exception.id)), "{verdict:?}");
            }
        }
    }

    #[test]
    fn where_everything_is_known_an_exception_in_force_that_covers_it_permits_it(
        lb in any_load_balancer(), policy in any_policy(), exceptions in any_exceptions(),
    ) {
        let register = register(&exceptions);
        let entries = register.entries(now());
        let verdicts = judge(&register, &lb, &policy);
        let mut expired_and_failing = false;
        for rule in doorward_rules::all() {
            let of_rule: Vec<_> = entries
                .iter()
                .filter(|entry| entry.exception.rule == rule.meta().id && covers(entry.exception, &lb))
                .collect();
            let permitted = of_rule.iter().any(|entry| entry.state.in_force());
            let expected = match rule.judge(&lb, &policy).kind() {
                VerdictKind::Fail if permitted => VerdictKind::Excepted,
                VerdictKind::Fail => {
                    expired_and_failing |= of_rule.iter().any(|entry| entry.days_left < 0);
                    VerdictKind::Fail
                }
                other => other,
            };
            let (_, verdict) = verdicts.iter().find(|(id, _)| *id == rule.meta().id).expect("it runs");
            prop_assert_eq!(verdict.kind(), expected);
        }
        let (_, expired) = verdicts.iter().find(|(id, _)| *id == "exception-expired").expect("it runs");
        prop_assert_eq!(expired.kind() == VerdictKind::Fail, expired_and_failing, "{:?}", expired);
    }

    #[test]
    fn without_an_exception_only_excepted_becomes_fail(
        lb in any_load_balancer(), policy in any_policy(), exceptions in any_exceptions(), lost: [bool; FIELDS],
        which: prop::sample::Index,
    ) {
        prop_assume!(!exceptions.is_empty());
        let lb = forget(&lb, lost);
        let mut fewer = exceptions.clone();
        fewer.remove(which.index(exceptions.len()));
        let (before, after) = (judge(&register(&exceptions), &lb, &policy), judge(&register(&fewer), &lb, &policy));
        for ((id, before), (_, after)) in before.iter().zip(&after).filter(|((id, _), _)| !id.starts_with("exception-")) {
            let (before, after) = (before.kind(), after.kind());
            let lapsed = before == VerdictKind::Excepted && after == VerdictKind::Fail;
            prop_assert!(before == after || lapsed, "{id}: {before} became {after}");
        }
    }

    #[test]
    fn knowing_less_never_permits_more(
        lb in any_load_balancer(), policy in any_policy(), exceptions in any_exceptions(), lost: [bool; FIELDS],
    ) {
        let register = register(&exceptions);
        let less = forget(&lb, lost);
        let (before, after) = (judge(&register, &lb, &policy), judge(&register, &less, &policy));
        for ((id, before), (_, after)) in before.iter().zip(&after) {
            let said = format!("{id}: {before:?} became {after:?}");
            let (before, after) = (before.kind(), after.kind());
            if id.starts_with("exception-") {
                // The rules about the register never turn an answer into its opposite.
                prop_assert!(after != VerdictKind::Fail || before == VerdictKind::Fail, "{said}");
                prop_assert!(before != VerdictKind::Fail || matches!(after, VerdictKind::Fail | VerdictKind::Unknown), "{said}");
            } else {
                prop_assert!(after != VerdictKind::Excepted || before == VerdictKind::Excepted, "{said}");
            }
        }
    }

    #[test]
    fn an_unknown_answer_about_the_register_names_what_stands_in_the_way(
        lb in any_load_balancer(), policy in any_policy(), exceptions in any_exceptions(), lost: [bool; FIELDS],
    ) {
        for (id, verdict) in judge(&register(&exceptions), &forget(&lb, lost), &policy) {
            if let Verdict::Unknown { gaps, because, .. } = verdict {
                prop_assert!(!gaps.is_empty() && !because.is_empty(), "{id}");
            }
        }
    }

    #[test]
    fn an_empty_register_changes_no_verdict(lb in any_load_balancer(), policy in any_policy(), lost: [bool; FIELDS]) {
        let lb = forget(&lb, lost);
        for (id, verdict) in judge(&register(&[]), &lb, &policy) {
            match doorward_rules::all().iter().find(|rule| rule.meta().id == id) {
                Some(rule) => prop_assert_eq!(verdict, rule.judge(&lb, &policy)),
                None => prop_assert_eq!(verdict.kind(), VerdictKind::NotApplicable),
            }
        }
    }
}

/// A classic ARN is used again by the next load balancer of the name; an exception is of the one that existed when it began.
#[test]
fn an_exception_by_arn_is_not_of_a_later_classic_load_balancer() {
    for (kind, created, wanted) in [
        ("classic", "2026-02-01T00:00:00Z", VerdictKind::Excepted),
        ("classic", "2026-02-20T08:00:00Z", VerdictKind::Excepted),
        ("classic", "2026-02-21T00:00:00Z", VerdictKind::Fail),
        // It may be the next one of the name: the failure stands, with the exception that may permit it.
        ("classic", "", VerdictKind::Fail),
        ("application", "2026-02-25T00:00:00Z", VerdictKind::Excepted),
        ("application", "", VerdictKind::Excepted),
    ] {
        let given =
            format!("kind = \"{kind}\"\nmode = \"monitor\"\nlisteners = [\"HTTP:80\"]\ncreated = \"{created}\"");
        let lb = load_balancer(&toml::from_str(&given).expect("a load balancer"));
        let register = register(&[format!(
            "[[exception]]\nid = \"EX-1\"\nrule = \"desync-mode-below-required\"\nscope = {{ arn = [\"{}\"] }}\nreason = \"r\"\n\
             requester = \"s\"\napprover = \"k\"\nstart = 2026-02-20\nexpires = 2026-03-10\n",
            lb.arn
        )]);
        let verdicts = judge(&register, &lb, &Policy::default());
        let (_, verdict) = verdicts.iter().find(|(rule, _)| *rule == "desync-mode-below-required").expect("judged");
        assert_eq!(verdict.kind(), wanted, "{kind} {created}: {verdict:?}");
    }
}
