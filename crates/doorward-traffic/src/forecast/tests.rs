//! Forecasts of made-up tallies and metrics.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::*;
use crate::metric::Answer;
use crate::tally::{AnsweredKind, ClientSketch, HourTally, Tier};
use crate::window::Hour;

fn key() -> LoadBalancerKey {
    "111122223333/eu-west-1/app/web/50dc6c495c0c9188".parse().expect("a key")
}

fn window() -> Window {
    let at = |text: &str| text.parse::<Timestamp>().expect("a time");
    Window::covering(at("2026-09-01T00:00:00Z"), at("2026-09-11T00:00:00Z")).expect("a window")
}

fn tally(compliant: u64, causes: &[(&str, &str, AnsweredKind, u64)]) -> LoadBalancerTally {
    let mut tally = LoadBalancerTally { compliant, lines: compliant, ..LoadBalancerTally::default() };
    for (tier, reason, by, count) in causes {
        let cause = Cause { tier: Tier::from((*tier).to_owned()), reason: (*reason).to_owned() };
        tally.causes.entry(cause).or_default().add(*by, *count);
        tally.lines += count;
    }
    // Six hours of each of the ten days.
    for hour in (0..10).flat_map(|day| (0..6).map(move |hour| 24 * day + hour)) {
        let hour = Hour::of(window().starts_at() + SignedDuration::from_hours(hour));
        tally.hours.insert(hour, HourTally { compliant, ..HourTally::default() });
        tally.client_days.insert(hour.day(), ClientSketch::counted(100));
    }
    tally
}

fn from_tally(tally: &LoadBalancerTally) -> Forecast {
    forecast(
        &key(),
        ForecastInput { tally: Some(tally), window: Some(window()), complete: true, ..ForecastInput::default() },
    )
}

fn metric(non_compliant: u64, requests: u64) -> Series {
    let at = window().starts_at();
    let points = |count: u64| Answer::Points(if count > 0 { [(at, count)].into() } else { BTreeMap::new() });
    let answers = [
        (Metric::NonCompliant, points(non_compliant)),
        (Metric::Requests, points(requests)),
        (Metric::LoadBalancer4xx, points(0)),
    ];
    Series { window: window(), period_seconds: 3_600, answers: answers.into() }
}

#[test]
fn tiers_meet_modes() {
    let tally = tally(
        900,
        &[
            ("Acceptable", "SpaceInUri", AnsweredKind::Served, 40),
            ("Ambiguous", "BothTeClPresent", AnsweredKind::Served, 20),
            ("Ambiguous", "BothTeClPresent", AnsweredKind::Refused, 10),
            ("Severe", "BadUri", AnsweredKind::LoadBalancer, 15),
            ("Severe", "BadUri", AnsweredKind::Blocked, 5),
            ("Terrible", "New", AnsweredKind::Served, 10),
        ],
    );
    let forecast = from_tally(&tally);
    let of = |mode: Mode| {
        let mode = forecast.mode(mode).expect("there");
        let count = |share: Option<RequestShare>| share.map_or(u64::MAX, |share| share.count);
        (
            mode.forwarded.count,
            mode.closed.count,
            mode.blocked.count,
            count(mode.hurt),
            count(mode.others),
            count(mode.already),
        )
    };
    assert_eq!(of(Mode::Monitor), (1_000, 0, 0, 0, 0, 0));
    assert_eq!(of(Mode::Defensive), (940, 30, 30, 10, 15, 5));
    assert_eq!(of(Mode::Strictest), (900, 0, 100, 70, 25, 5));
    assert_eq!((forecast.evidence.basis, forecast.evidence.unknown_tier), (Basis::FullLogs, 10));
    let strictest = forecast.mode(Mode::Strictest).expect("there");
    assert_eq!((strictest.blocked.of, strictest.blocked.per_day), (1_000, 10.0));
    assert_eq!(strictest.hurt.expect("logs").of, 100);
}

#[test]
fn what_is_missing_shows() {
    let mut old = tally(1_000, &[]);
    old.absent = 1;
    let mut torn = tally(1_000, &[]);
    torn.unparsed.add(|| "?".to_owned());
    for tally in [old, torn] {
        assert_eq!(from_tally(&tally).evidence.basis, Basis::PartialLogs);
    }
    let only_old = LoadBalancerTally { lines: 10, absent: 10, ..LoadBalancerTally::default() };
    let forecast = from_tally(&only_old);
    assert_eq!((forecast.evidence.basis, forecast.modes.len()), (Basis::None, 0));
}

#[test]
fn the_metric_knows_no_tiers() {
    let of = |series: &Series| forecast(&key(), ForecastInput { series: Some(series), ..ForecastInput::default() });
    let clean = of(&metric(0, 1_000));
    assert_eq!(clean.modes.len(), 3);
    assert_eq!(clean.mode(Mode::Strictest).expect("there").blocked.of, 1_000);
    let some = of(&metric(30, 1_000));
    assert_eq!(some.evidence.basis, Basis::MetricOnly);
    assert!(some.mode(Mode::Defensive).is_none());
    let strictest = some.mode(Mode::Strictest).expect("there");
    assert_eq!((strictest.blocked.count, strictest.hurt), (30, None));
    // Blocked requests are not in RequestCount; a share above one would be nonsense.
    assert_eq!(of(&metric(30, 10)).mode(Mode::Strictest).expect("there").blocked.fraction(), Some(1.0));
    assert_eq!(of(&metric(0, 0)).evidence.basis, Basis::None);
}

#[test]
fn logs_are_held_against_the_metric() {
    let logs = tally(10_000, &[("Severe", "BadUri", AnsweredKind::LoadBalancer, 1_000)]);
    for (metric_says, agrees) in [(1_000, true), (981, true), (979, false), (1_001, false), (1_030, false), (0, false)]
    {
        let series = metric(metric_says, 11_000);
        let seen = ForecastInput {
            tally: Some(&logs),
            window: Some(window()),
            complete: true,
            series: Some(&series),
            ..ForecastInput::default()
        };
        let check = forecast(&key(), seen).evidence.cross_check;
        assert_eq!(matches!(check, CrossCheck::Agrees { .. }), agrees, "{metric_says} {check:?}");
    }
}

proptest! {
    #[test]
    fn every_request_is_treated_in_exactly_one_way(counts in prop::collection::vec(0_u64..1_000, 7)) {
        let bys = [AnsweredKind::Served, AnsweredKind::Refused, AnsweredKind::LoadBalancer, AnsweredKind::Blocked];
        let causes: Vec<_> = [("Acceptable", "A"), ("Ambiguous", "B"), ("Severe", "C")]
            .iter()
            .enumerate()
            .map(|(number, (tier, reason))| (*tier, *reason, bys[number], counts[number + 1]))
            .collect();
        let tally = tally(counts[0] + 1, &causes);
        for mode in from_tally(&tally).modes {
            let (hurt, others, already) = (mode.hurt.expect("logs"), mode.others.expect("logs"), mode.already.expect("logs"));
            prop_assert_eq!(mode.forwarded.count + mode.closed.count + mode.blocked.count, tally.classified());
            prop_assert_eq!(hurt.count + others.count + already.count, mode.blocked.count);
            let bound = mode.hurt_at_most.expect("clients");
            prop_assert!((0.0..=1.0).contains(&bound.fraction) && bound.among == 1_000);
        }
    }
}
