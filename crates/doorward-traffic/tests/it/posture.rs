//! The table of published triggers against a table that was typed by hand, in every configuration.

use std::collections::{BTreeMap, BTreeSet};

use doorward_model::{Gap, GapReason, Kind, LoadBalancer, Mode, Observed};
use doorward_traffic::{HopConfiguration, TriggerOutcome, posture, triggers};

/// The expected class and outcomes of a trigger: by whether invalid header fields are removed, then by mode.
struct Row {
    class: String,
    outcomes: [[TriggerOutcome; 3]; 2],
}

fn expected() -> BTreeMap<String, Row> {
    let read = |letters: &str| {
        let mut outcomes = letters.chars().map(|letter| match letter {
            'p' => TriggerOutcome::Passes,
            'c' => TriggerOutcome::PassesAndCloses,
            'r' => TriggerOutcome::HeaderRemoved,
            'b' => TriggerOutcome::Blocked,
            '?' => TriggerOutcome::Unknown,
            other => panic!("{other}"),
        });
        [(); 3].map(|()| outcomes.next().expect("three letters"))
    };
    let lines = include_str!("../triggers.tsv").lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let [id, class, forwarded, removed] =
                line.split('\t').collect::<Vec<_>>().try_into().expect("four columns");
            (id.to_owned(), Row { class: class.to_owned(), outcomes: [read(forwarded), read(removed)] })
        })
        .collect()
}

/// An application load balancer of which nothing is known but its identity.
pub(crate) fn application() -> LoadBalancer {
    let absent = "absent";
    serde_json::from_value(serde_json::json!({
        "arn": "arn:aws:elasticloadbalancing:eu-west-1:111122223333:loadbalancer/app/web/50dc6c495c0c9188",
        "account": "111122223333", "account_name": absent, "ou": absent, "region": "eu-west-1", "name": "web",
        "kind": "application", "scheme": absent, "vpc": null, "dns_name": null, "created": null, "state": null,
        "mode": absent, "drop_invalid_headers": absent, "waf_fail_open": absent, "access_logs": absent,
        "listeners": absent, "tags": absent, "managed_by": absent, "owner": absent, "environment": absent,
        "application": absent, "attributes": absent,
    }))
    .expect("a load balancer")
}

/// Sixteen configurations: each mode and each setting of the attribute, read, not reported and unread.
fn configurations() -> Vec<(Observed<Mode>, Observed<bool>)> {
    fn unread<T>() -> Observed<T> {
        Observed::unread(Gap::new(GapReason::AccessDenied, "elasticloadbalancing:DescribeLoadBalancerAttributes"))
    }
    let modes = [Mode::Monitor, Mode::Defensive, Mode::Strictest].map(Observed::Known);
    let modes = modes.into_iter().chain([unread()]);
    let drops = || [Observed::Known(false), Observed::Known(true), Observed::Absent, unread()];
    modes.flat_map(|mode| drops().map(|drop| (mode.clone(), drop))).collect()
}

/// Every disagreement between the product and the expected table.
fn disagreements(expected: &BTreeMap<String, Row>) -> Vec<String> {
    let mut found = Vec::new();
    for trigger in triggers() {
        let row = &expected[&trigger.id];
        let class =
            trigger.class().map_or("?".to_owned(), |class| class.split(' ').next().unwrap_or_default().to_owned());
        if class != row.class {
            found.push(format!("{}: the library says {class}, expected {}", trigger.id, row.class));
        }
        for (mode, drop) in configurations() {
            let lb = LoadBalancer { mode: mode.clone(), drop_invalid_headers: drop.clone(), ..application() };
            let configuration = HopConfiguration::observed(&lb).expect("it parses HTTP");
            let modes = mode.known().map_or(vec![0, 1, 2], |mode| vec![*mode as usize]);
            let drops = drop.known().map_or(vec![0, 1], |drop| vec![usize::from(*drop)]);
            let possible: BTreeSet<TriggerOutcome> =
                modes.iter().flat_map(|mode| drops.iter().map(|drop| row.outcomes[*drop][*mode])).collect();
            let right = match possible.len() {
                1 => *possible.first().expect("one"),
                _ => TriggerOutcome::Unknown,
            };
            let outcome = trigger.outcome(&configuration);
            if outcome != right {
                found.push(format!("{} in {mode:?}, {drop:?}: {outcome:?}, expected {right:?}", trigger.id));
            }
        }
    }
    found
}

#[test]
fn the_table_agrees_with_the_classifier_in_every_configuration() {
    assert_eq!(configurations().len(), 16);
    assert_eq!(disagreements(&expected()), [] as [String; 0]);
}

#[test]
fn a_wrong_cell_is_found() {
    for id in expected().into_keys() {
        for (drop, mode) in [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)] {
            let mut wrong = expected();
            let cell = &mut wrong.get_mut(&id).expect("there").outcomes[drop][mode];
            *cell = if *cell == TriggerOutcome::Blocked { TriggerOutcome::Passes } else { TriggerOutcome::Blocked };
            assert!(!disagreements(&wrong).is_empty(), "{id} {drop} {mode}");
        }
    }
}

#[test]
fn every_trigger_is_described_once_with_source_and_date() {
    let ids: BTreeSet<&str> = triggers().iter().map(|trigger| trigger.id.as_str()).collect();
    assert_eq!(ids.len(), triggers().len());
    assert_eq!(ids, expected().keys().map(String::as_str).collect());
    for trigger in triggers() {
        let id = &trigger.id;
        assert!(trigger.published.parse::<jiff::civil::Date>().is_ok(), "{id}");
        assert!(trigger.source.starts_with("https://"), "{id}");
        assert_ne!(trigger.request.is_some(), trigger.undecided.is_some(), "{id}: a request, or why there is none");
        if let Some(request) = &trigger.request {
            assert!(request.ends_with("\r\n\r\n") && trigger.class().is_some(), "{id}");
        }
        if let (Some(carrier), Some(request)) = (&trigger.carrier, &trigger.request) {
            assert!(
                request.contains(&format!("\r\n{carrier}:")),
                "{id}: {carrier:?} is not a header field of its request"
            );
        }
    }
}

#[test]
fn classic_load_balancers_cannot_remove_header_fields_and_others_have_no_posture() {
    let of = |kind, drop| LoadBalancer { kind, drop_invalid_headers: drop, ..application() };
    let classic = posture(&of(Kind::Classic, Observed::Absent)).expect("it parses HTTP");
    assert!(classic.triggers.iter().all(|trigger| trigger.strictest != TriggerOutcome::HeaderRemoved));
    assert!(classic.triggers.iter().any(|trigger| trigger.now == TriggerOutcome::Passes));
    for kind in [Kind::Network, Kind::Gateway] {
        assert_eq!(posture(&of(kind, Observed::Absent)), None);
    }
}
