//! Laws that hold for every load balancer and policy, above all that knowing less never turns an answer into its opposite.
//! The file is long because the generators of load balancers and of lesser knowledge serve every law.

use std::collections::BTreeMap;

use doorward_model::{
    AppliedChange, ChangeStatus, Gap, GapReason, Kind, Listener, LoadBalancer, LogDestination, Manager, Mode, Observed,
    ObservedTime, OuPath, Owner, OwnerSource, Pattern, PlaceholderIdentity, Policy, PolicyRule, Reachability, Rule,
    Scheme, Severity, Traffic, TrafficBasis, TrafficStep, Verdict, VerdictKind,
};
use doorward_rules::{Requirement, Satisfaction};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use crate::fixture::{Given, load_balancer, unread};

const MODES: [Mode; 3] = [Mode::Monitor, Mode::Defensive, Mode::Strictest];
/// Classic twice: the only kind whose listeners matter.
const KINDS: [Kind; 6] =
    [Kind::Application, Kind::Classic, Kind::Classic, Kind::Network, Kind::Gateway, Kind::Unrecognized];
pub(crate) const WORDS: [&str; 3] = ["prod", "dev", "shop"];
/// The observations of a load balancer that rules and policies read.
pub(crate) const FIELDS: usize = 11;

fn maybe<T: Clone + std::fmt::Debug + 'static>(values: Vec<T>) -> impl Strategy<Value = Observed<T>> {
    prop_oneof![6 => select(values).prop_map(Observed::Known), 1 => Just(Observed::Absent)]
}

fn word() -> impl Strategy<Value = String> {
    select(&WORDS[..]).prop_map(str::to_owned)
}

const STATUSES: [ChangeStatus; 9] = [
    ChangeStatus::Unsure,
    ChangeStatus::Changed,
    ChangeStatus::Already,
    ChangeStatus::Refused,
    ChangeStatus::Failed,
    ChangeStatus::Overtaken,
    ChangeStatus::Restored,
    ChangeStatus::RestoreRefused,
    ChangeStatus::RestoreFailed,
];

fn any_change() -> impl Strategy<Value = AppliedChange> {
    (select(&STATUSES[..]), select(&MODES[..]), select(&MODES[..]), word()).prop_map(|(status, from, to, change)| {
        let at = "2026-02-01T12:00:00Z".parse().expect("a timestamp");
        let (by, why) = ("Kim Stone".to_owned(), "the policy requires it".to_owned());
        AppliedChange { change, at, from, to, status, by, why, detail: String::new(), request_id: None }
    })
}

const STEPS: [TrafficStep; 5] = [
    TrafficStep::Raise,
    TrafficStep::FixAndRaise,
    TrafficStep::Keep,
    TrafficStep::Watch,
    TrafficStep::NotEnoughEvidence,
];
const BASES: [TrafficBasis; 5] = [
    TrafficBasis::FullLogs,
    TrafficBasis::PeriodLogs,
    TrafficBasis::PartialLogs,
    TrafficBasis::MetricOnly,
    TrafficBasis::None,
];

fn any_traffic() -> impl Strategy<Value = Traffic> {
    (select(&STEPS[..]), select(&BASES[..]), proptest::option::of(select(&MODES[..]))).prop_map(
        |(step, basis, recommended)| Traffic {
            basis,
            from: None,
            until: None,
            requests: 100,
            denominator: "requests".to_owned(),
            tiers: BTreeMap::new(),
            modes: Vec::new(),
            cross_check: String::new(),
            recommended,
            step,
            because: vec!["So many of 100.".to_owned()],
            sources: Vec::new(),
            observed: Some(ObservedTime::default()),
        },
    )
}

/// The same load balancer with everything taken away that some scans join to it and others do not. A new kind of evidence
/// belongs here.
fn without_evidence(lb: &LoadBalancer) -> LoadBalancer {
    LoadBalancer { traffic: None, changes: Vec::new(), edited: None, declared: None, ..lb.clone() }
}

/// A load balancer of which everything is known or known to be absent.
pub(crate) fn any_load_balancer() -> impl Strategy<Value = LoadBalancer> {
    let words = || WORDS.map(str::to_owned).to_vec();
    let listener = |protocol: &str| Listener { protocol: protocol.into(), port: Some(443) };
    let ous =
        ["/Prod", "/Dev"].map(|names| OuPath { names: names.to_owned(), ids: vec!["r-ab12".to_owned()] }).to_vec();
    let tags = ["prod", "dev"].map(|env| BTreeMap::from([("env".to_owned(), env.to_owned())])).to_vec();
    let owner = Owner {
        name: "team".to_owned(),
        source: OwnerSource::ResourceTag("owner".to_owned()),
        conflicting: Vec::new(),
    };
    let logs = vec![
        LogDestination::Nowhere,
        LogDestination::S3 { bucket: "logs".to_owned(), prefix: String::new() },
        LogDestination::Delivery(vec!["arn:aws:logs:eu-west-1:111122223333:delivery-destination:d".to_owned()]),
    ];
    (
        (select(&KINDS[..]), maybe(MODES.to_vec()), maybe(vec![Scheme::Internal, Scheme::InternetFacing])),
        maybe(vec![vec![listener("HTTPS")], vec![listener("TCP")], vec![]]),
        (maybe(ous), maybe(tags), maybe(words()), maybe(words())),
        (maybe(vec![Manager::Terraform("iac=terraform".to_owned())]), maybe(vec![owner]), maybe(logs)),
        (word(), prop::collection::vec(any_change(), 0..4), proptest::option::of(any_traffic())),
        maybe(vec![true, false]),
    )
        .prop_map(
            |(
                (kind, mode, scheme),
                listeners,
                (ou, tags, environment, application),
                managed,
                (name, changes, traffic),
                drop_invalid_headers,
            )| {
                let (managed_by, owner, access_logs) = managed;
                let base = load_balancer(&Given::default());
                LoadBalancer {
                    reachability: scheme.clone().map(|scheme| match scheme {
                        Scheme::Internal => Reachability::Internal,
                        Scheme::InternetFacing => Reachability::InternetFacing,
                    }),
                    kind,
                    name,
                    mode,
                    scheme,
                    listeners,
                    ou,
                    tags: tags.map(Into::into),
                    environment,
                    application,
                    managed_by,
                    owner,
                    access_logs,
                    drop_invalid_headers,
                    changes,
                    traffic: traffic.map(std::sync::Arc::new),
                    ..base
                }
            },
        )
}

fn any_patterns() -> impl Strategy<Value = Vec<Pattern>> {
    subsequence(WORDS.to_vec(), 0..=1).prop_map(|words| words.into_iter().map(Pattern::from).collect())
}

fn any_policy_rule() -> impl Strategy<Value = PolicyRule> {
    (
        (word(), select(&MODES[..]), subsequence(vec![Kind::Application, Kind::Classic], 0..=1)),
        (any_patterns(), any_patterns(), any_patterns(), any_patterns()),
        (
            proptest::option::of(select(vec![Scheme::Internal, Scheme::InternetFacing])),
            proptest::option::of(any::<bool>()),
        ),
        subsequence(vec!["/Prod".to_owned(), "/Dev".to_owned()], 0..=1),
    )
        .prop_map(
            |((name, required_mode, kinds), (names, tags, environments, applications), (scheme, reachable), ous)| {
                PolicyRule {
                    name,
                    required_mode,
                    accounts: Vec::new(),
                    ous,
                    kinds,
                    scheme,
                    reachable,
                    names,
                    tags: tags.into_iter().map(|pattern| ("env".to_owned(), pattern)).collect(),
                    environments,
                    applications,
                }
            },
        )
}

pub(crate) fn any_policy() -> impl Strategy<Value = Policy> {
    (select(&MODES[..]), prop::collection::vec(any_policy_rule(), 0..4)).prop_map(|(required_mode, rules)| Policy {
        required_mode,
        rules,
        disabled: Vec::new(),
        ..Policy::default()
    })
}

/// The same load balancer with some observations lost.
pub(crate) fn forget(lb: &LoadBalancer, lost: [bool; FIELDS]) -> LoadBalancer {
    fn lose<T>(field: &mut Observed<T>, lost: bool) {
        if lost {
            *field = unread("access-denied", "elasticloadbalancing:Describe");
        }
    }
    let mut less = lb.clone();
    let [
        mode,
        scheme,
        listeners,
        ou,
        tags,
        environment,
        application,
        managed_by,
        owner,
        access_logs,
        drop_invalid_headers,
    ] = lost;
    lose(&mut less.mode, mode);
    lose(&mut less.scheme, scheme);
    lose(&mut less.reachability, scheme);
    lose(&mut less.listeners, listeners);
    lose(&mut less.ou, ou);
    lose(&mut less.tags, tags);
    lose(&mut less.environment, environment);
    lose(&mut less.application, application);
    lose(&mut less.managed_by, managed_by);
    lose(&mut less.owner, owner);
    lose(&mut less.access_logs, access_logs);
    lose(&mut less.drop_invalid_headers, drop_invalid_headers);
    less
}

/// The rule by its id.
fn rule(id: &str) -> &'static dyn Rule {
    *doorward_rules::all().iter().find(|rule| rule.meta().id == id).expect("registered")
}

/// What the policy says, read plainly, where everything is known.
fn first_match(lb: &LoadBalancer, policy: &Policy) -> Mode {
    let any = |patterns: &[Pattern], text: Option<&String>| {
        patterns.is_empty() || text.is_some_and(|text| patterns.iter().any(|pattern| pattern.matches(text)))
    };
    for rule in &policy.rules {
        let env = lb.tags.known().and_then(|tags| tags.get("env"));
        let holds = (rule.kinds.is_empty() || rule.kinds.contains(&lb.kind))
            && any(&rule.names, Some(&lb.name))
            && any(&rule.environments, lb.environment.known())
            && any(&rule.applications, lb.application.known())
            && rule.tags.values().all(|pattern| env.is_some_and(|env| pattern.matches(env)))
            && rule.scheme.is_none_or(|scheme| lb.scheme.known() == Some(&scheme))
            && rule
                .reachable
                .is_none_or(|wanted| lb.reachability.known().is_some_and(|known| known.is_internal() != wanted))
            && (rule.ous.is_empty() || lb.ou.known().is_some_and(|path| rule.ous.contains(&path.names)));
        if holds {
            return rule.required_mode;
        }
    }
    policy.required_mode
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn where_everything_is_known_the_first_match_decides(lb in any_load_balancer(), policy in any_policy()) {
        let required = Requirement::of(&lb, &policy);
        prop_assert_eq!(required.certain(), Some(first_match(&lb, &policy)));
        prop_assert_eq!(required.candidates().len(), 1);
        prop_assert!(required.gaps().is_empty());
    }

    #[test]
    fn what_is_required_stays_among_the_candidates(
        lb in any_load_balancer(), policy in any_policy(), lost: [bool; FIELDS], more: [bool; FIELDS],
    ) {
        let less = forget(&lb, lost);
        let required = Requirement::of(&less, &policy);
        let truth = first_match(&lb, &policy);
        prop_assert!(required.candidates().iter().any(|candidate| candidate.mode == truth));
        prop_assert!(required.candidates().is_sorted_by_key(|candidate| candidate.mode));
        prop_assert!(required.certain().is_some() || !required.gaps().is_empty());
        let least = Requirement::of(&forget(&less, more), &policy);
        for mode in MODES {
            let (before, after) = (required.satisfied_by(mode), least.satisfied_by(mode));
            prop_assert!(after == before || after == Satisfaction::Open, "{mode}: {before:?} became {after:?}");
        }
    }

    #[test]
    fn knowing_less_never_turns_an_answer_into_its_opposite(
        lb in any_load_balancer(), policy in any_policy(), lost: [bool; FIELDS],
    ) {
        let less = forget(&lb, lost);
        for rule in doorward_rules::all() {
            let (before, after) = (rule.judge(&lb, &policy), rule.judge(&less, &policy));
            // The one answer that may change: that no listener speaks HTTP, which is no longer seen. What is then
            // seen of the mode may still satisfy, but never condemn.
            let mode_alone = before.kind() == VerdictKind::NotApplicable && after.kind() == VerdictKind::Pass;
            let stays = after.kind() == before.kind() || after.kind() == VerdictKind::Unknown || mode_alone;
            prop_assert!(stays, "{}: {before:?} became {after:?}", rule.meta().id);
            if let (Some(before), Some(after)) = (before.severity(), after.severity()) {
                prop_assert!(after >= before, "{}: not knowing made it milder", rule.meta().id);
            }
        }
    }

    #[test]
    fn evidence_that_was_not_collected_changes_an_answer_to_not_asked_and_to_nothing_else(
        lb in any_load_balancer(), policy in any_policy(), lost: [bool; FIELDS],
    ) {
        let lb = forget(&lb, lost);
        let bare = without_evidence(&lb);
        let asked = doorward_rules::asked(std::slice::from_ref(&bare), false);
        for rule in doorward_rules::all() {
            // A rule that is not asked at all has no verdict, which says as little.
            if !asked.iter().any(|asked| asked.meta().id == rule.meta().id) {
                continue;
            }
            let (with, without) = (rule.judge(&lb, &policy), rule.judge(&bare, &policy));
            let same = (with.kind(), with.severity()) == (without.kind(), without.severity());
            prop_assert!(
                same || without.kind() == VerdictKind::NotAsked,
                "{}: {with:?} became {without:?}", rule.meta().id
            );
        }
    }

    #[test]
    fn an_unknown_verdict_names_what_stands_in_the_way(
        lb in any_load_balancer(), policy in any_policy(), lost: [bool; FIELDS],
    ) {
        for rule in doorward_rules::all() {
            if let Verdict::Unknown { gaps, .. } = rule.judge(&forget(&lb, lost), &policy) {
                prop_assert!(!gaps.is_empty(), "{}", rule.meta().id);
            }
        }
    }

    #[test]
    fn every_verdict_has_a_reason_that_its_rule_documents(
        lb in any_load_balancer(), policy in any_policy(), lost: [bool; FIELDS],
    ) {
        for rule in doorward_rules::all() {
            let verdict = rule.judge(&forget(&lb, lost), &policy);
            prop_assert!(rule.meta().reasons.contains(&verdict.reason()), "{}: {verdict:?}", rule.meta().id);
            prop_assert_eq!(verdict.reason().kind(), verdict.kind());
        }
    }

    #[test]
    fn dropping_invalid_headers_changes_no_verdict_of_another_rule(lb in any_load_balancer(), policy in any_policy(), drop: bool) {
        let other = LoadBalancer { drop_invalid_headers: Observed::Known(drop), ..lb.clone() };
        for rule in doorward_rules::all().iter().filter(|rule| rule.meta().id != "invalid-headers-forwarded") {
            prop_assert_eq!(rule.judge(&lb, &policy), rule.judge(&other, &policy));
        }
    }

    /// The mode changes the severity of forwarded header fields, and never whether they are forwarded.
    #[test]
    fn the_mode_changes_no_verdict_on_invalid_headers(lb in any_load_balancer(), policy in any_policy(), mode in maybe(MODES.to_vec())) {
        let rule = rule("invalid-headers-forwarded");
        let (before, after) =
            (rule.judge(&lb, &policy), rule.judge(&LoadBalancer { mode, ..lb.clone() }, &policy));
        prop_assert_eq!(before.kind(), after.kind());
    }

    #[test]
    fn a_stronger_mode_never_loses_a_pass(lb in any_load_balancer(), policy in any_policy()) {
        let rule = rule("desync-mode-below-required");
        let [monitor, defensive, strictest] = MODES.map(|mode| {
            rule.judge(&LoadBalancer { mode: Observed::Known(mode), ..lb.clone() }, &policy)
        });
        for (weak, strong) in [(&monitor, &defensive), (&defensive, &strictest)] {
            prop_assert!(weak.kind() != VerdictKind::Pass || strong.kind() == VerdictKind::Pass);
        }
        prop_assert!(monitor.severity().is_none_or(|severity| severity >= Severity::Medium));
        prop_assert!(strictest.severity().is_none());
    }

    #[test]
    fn the_two_desync_rules_never_fail_together(lb in any_load_balancer(), policy in any_policy()) {
        let below = rule("desync-mode-below-required").judge(&lb, &policy);
        let headroom = rule("desync-mode-headroom").judge(&lb, &policy);
        prop_assert!(below.severity().is_none() || headroom.severity().is_none());
    }

    #[test]
    fn only_a_mode_that_was_left_is_set_back(lb in any_load_balancer(), policy in any_policy(), refused in any_change()) {
        let verdict = rule("desync-mode-reverted").judge(&lb, &policy);
        if verdict.kind() == VerdictKind::Fail {
            let mode = lb.mode.known().expect("a failure rests on what was seen");
            let left = |change: &AppliedChange| {
                matches!(change.status, ChangeStatus::Changed | ChangeStatus::Already) && change.to > *mode
            };
            prop_assert!(lb.changes.iter().any(left), "{verdict:?}");
        }
        // A change that nobody made changes no answer.
        for status in [ChangeStatus::Refused, ChangeStatus::RestoreRefused] {
            let mut later = lb.clone();
            later.changes.push(AppliedChange { status, ..refused.clone() });
            let reported = rule("desync-mode-reverted").judge(&later, &policy);
            prop_assert!(reported == verdict || lb.changes.is_empty() && reported.kind() == VerdictKind::NotApplicable, "{reported:?}");
        }
    }

    #[test]
    fn where_nothing_was_changed_no_result_is_requested(lbs in prop::collection::vec(any_load_balancer(), 0..4)) {
        let asked = doorward_rules::asked(&lbs, false);
        let left_out: Vec<_> = doorward_rules::all()
            .iter()
            .filter(|rule| !asked.iter().any(|asked| asked.meta().id == rule.meta().id))
            .collect();
        let ids: Vec<_> = left_out.iter().map(|rule| rule.meta().id).collect();
        let changed = lbs.iter().any(|lb| !lb.changes.is_empty());
        prop_assert_eq!(ids.contains(&"desync-mode-reverted"), !changed);
        prop_assert_eq!(ids.contains(&"load-balancer-idle"), lbs.iter().all(|lb| lb.usage.is_none()));
        for (rule, lb) in left_out.iter().flat_map(|rule| lbs.iter().map(move |lb| (rule, lb))) {
            let verdict = rule.judge(lb, &Policy { required_mode: Mode::Strictest, ..Policy::default() });
            prop_assert!(!matches!(verdict.kind(), VerdictKind::Fail | VerdictKind::Pass), "{}", rule.meta().id);
        }
    }
}

/// A part of the identity that is a stand-in matches nothing for certain, whatever stands in its place.
#[test]
fn a_placeholder_matches_nothing_for_certain() {
    let gap = || Some(std::sync::Arc::new(Gap::new(GapReason::Undeclared, "main.tf:1:1")));
    let seen = load_balancer(&Given::default());
    let rule = PolicyRule {
        name: "one".to_owned(),
        required_mode: Mode::Strictest,
        accounts: Vec::new(),
        ous: Vec::new(),
        kinds: Vec::new(),
        scheme: None,
        reachable: None,
        names: Vec::new(),
        tags: BTreeMap::new(),
        environments: Vec::new(),
        applications: Vec::new(),
    };
    let by_name = PolicyRule { names: vec![Pattern::from("*")], ..rule.clone() };
    let by_account = PolicyRule { accounts: vec![seen.account.clone()], ..rule };
    for (rule, placeholder) in [
        (by_name, PlaceholderIdentity { name: gap(), ..PlaceholderIdentity::default() }),
        (by_account, PlaceholderIdentity { account: gap(), ..PlaceholderIdentity::default() }),
    ] {
        let policy =
            Policy { required_mode: Mode::Monitor, rules: vec![rule], disabled: Vec::new(), ..Policy::default() };
        assert_eq!(Requirement::of(&seen, &policy).certain(), Some(Mode::Strictest));
        let declared = LoadBalancer { placeholder: Some(std::sync::Arc::new(placeholder)), ..seen.clone() };
        assert_eq!(Requirement::of(&declared, &policy).certain(), None);
        assert_eq!(Requirement::of(&declared, &policy).gaps().len(), 1);
    }
}
