//! Advice for made-up traffic.

use jiff::Timestamp;

use super::*;
use crate::forecast::{ForecastInput, forecast};
use crate::tally::{AnsweredKind, Cause, Client, ClientSketch, ClientTally, HourTally, LoadBalancerKey, Tier};
use crate::window::{Hour, Window};

struct Case {
    tally: LoadBalancerTally,
    thresholds: Thresholds,
    days: u32,
    complete: bool,
}

fn case(compliant: u64) -> Case {
    let mut tally = LoadBalancerTally { compliant, lines: compliant, ..LoadBalancerTally::default() };
    for (day, hour) in (1..15).flat_map(|day| (3..10).map(move |hour| (day, hour))) {
        let hour: Hour = format!("2026-09-{day:02}T{hour:02}Z").parse().expect("an hour");
        tally.hours.insert(hour, HourTally { compliant: compliant / 98, ..HourTally::default() });
        tally.client_days.insert(hour.day(), ClientSketch::counted(compliant / 14));
    }
    Case { tally, thresholds: Thresholds::default(), days: 14, complete: true }
}

impl Case {
    fn with(mut self, address: &str, tier: &str, reason: &str, by: AnsweredKind, requests: u64) -> Self {
        let cause = Cause { tier: Tier::from(tier.to_owned()), reason: reason.to_owned() };
        let client = Client { address: address.to_owned(), agent: format!("agent-of-{address}"), cause: cause.clone() };
        let hour = "2026-09-05T03Z".parse().expect("an hour");
        self.tally.sources.clients.add(client, ClientTally::of(by, false, requests, hour));
        self.tally.causes.entry(cause).or_default().add(by, requests);
        self.tally.lines += requests;
        self
    }

    fn advise(&self, mode: Observed<Mode>) -> Advice {
        let end: Timestamp = "2026-09-15T00:00:00Z".parse().expect("a time");
        let window = Window::days_before(end, self.days).expect("a window");
        let key: LoadBalancerKey = "111122223333/eu-west-1/app/web/50dc6c495c0c9188".parse().expect("a key");
        let mut tally = self.tally.clone();
        tally.hours.retain(|hour, _| window.contains(*hour));
        let seen = ForecastInput {
            tally: Some(&tally),
            window: Some(window),
            complete: self.complete,
            ..ForecastInput::default()
        };
        advise(mode, forecast(&key, seen), Some(&self.tally), &self.thresholds)
    }

    fn step(&self, mode: Mode) -> AdviceStep {
        self.advise(Observed::Known(mode)).step
    }
}

#[test]
fn nothing_blocked_raises_now_and_says_how_sure() {
    let advice = case(10_000).advise(Observed::Known(Mode::Defensive));
    assert_eq!(advice.step, AdviceStep::Raise { to: Mode::Strictest });
    assert!(
        advice.because[0].contains("none of the 10000") && advice.because[0].contains("0.030%"),
        "{:?}",
        advice.because
    );
}

#[test]
fn scanners_do_not_stand_in_the_way() {
    let scanned = case(10_000).with("192.0.2.1", "Severe", "BadUri", AnsweredKind::Refused, 500);
    assert_eq!(scanned.step(Mode::Monitor), AdviceStep::Raise { to: Mode::Strictest });
}

#[test]
fn a_few_clients_are_named_with_their_fix() {
    let few = case(10_000)
        .with("192.0.2.1", "Acceptable", "SpaceInUri", AnsweredKind::Served, 30)
        .with("192.0.2.2", "Ambiguous", "BothTeClPresent", AnsweredKind::Served, 50)
        .with("192.0.2.3", "Severe", "BadUri", AnsweredKind::Refused, 70);
    let AdviceStep::FixAndRaise { to, sources } = few.step(Mode::Defensive) else {
        panic!("{:?}", few.step(Mode::Defensive))
    };
    let named: Vec<&str> = sources.iter().map(|source| source.client.address.as_str()).collect();
    assert_eq!((to, named), (Mode::Strictest, vec!["192.0.2.2", "192.0.2.1"]));
    assert!(sources.iter().all(|source| source.fix.is_some()));
    // From monitor, defensive is possible now: it affects no user.
    assert_eq!(few.step(Mode::Monitor), AdviceStep::Raise { to: Mode::Defensive });
}

#[test]
fn many_clients_keep_it_as_it_is() {
    let mut many = case(10_000);
    for number in 0..40 {
        many = many.with(&format!("192.0.2.{number}"), "Acceptable", "NonCompliantHeader", AnsweredKind::Served, 3);
    }
    assert_eq!(many.step(Mode::Defensive), AdviceStep::Keep);
    many.thresholds.tolerated_share = 0.05;
    assert_eq!(many.step(Mode::Defensive), AdviceStep::Raise { to: Mode::Strictest });
}

#[test]
fn protected_clients_are_never_blocked() {
    for protected in ["192.0.2.7", "192.0.2.0/24", "agent-of-*", "2001:db8::/32"] {
        let mut case = case(10_000).with("192.0.2.7", "Severe", "BadUri", AnsweredKind::Refused, 2);
        case.thresholds.protected_clients = vec![protected.to_owned()];
        let raises = matches!(case.step(Mode::Defensive), AdviceStep::Raise { .. });
        assert_eq!(raises, protected.starts_with("2001"), "{protected}");
    }
}

#[test]
fn without_evidence_nothing_is_recommended() {
    let short = Case { days: 3, ..case(10_000) };
    let quiet = case(100);
    let torn = Case { complete: false, ..case(10_000) };
    for case in [short, quiet, torn] {
        for mode in [Mode::Monitor, Mode::Defensive, Mode::Strictest] {
            let advice = case.advise(Observed::Known(mode));
            assert!(
                matches!(&advice.step, AdviceStep::NotEnoughEvidence { missing } if missing.len() == 1),
                "{advice:?}"
            );
            assert_eq!(advice.recommended, None);
        }
    }
    let unknown = case(10_000).advise(Observed::Absent);
    assert!(matches!(unknown.step, AdviceStep::NotEnoughEvidence { .. }) && unknown.recommended.is_none());
}

#[test]
fn strictest_is_watched() {
    assert_eq!(case(10_000).step(Mode::Strictest), AdviceStep::Keep);
    let severe = case(10_000).with("192.0.2.1", "Severe", "BadUri", AnsweredKind::Blocked, 5);
    assert_eq!(severe.step(Mode::Strictest), AdviceStep::Keep);
    let other = severe.with("192.0.2.2", "Acceptable", "SpaceInUri", AnsweredKind::Blocked, 9);
    let AdviceStep::Watch { sources } = other.step(Mode::Strictest) else { panic!("not watched") };
    assert_eq!(sources[0].client.address, "192.0.2.2");
}

#[test]
fn fractions_have_digits_that_say_something() {
    for (fraction, wanted) in
        [(0.5, "50.0%"), (0.01, "1.0%"), (0.0003, "0.030%"), (1.23e-7, "0.000012%"), (0.0, "0.00000000000%")]
    {
        let said = percent(fraction);
        if fraction > 0.0 {
            assert_eq!(said, wanted);
        }
    }
}

#[test]
fn settings_refuse_what_they_do_not_know() {
    let read: Thresholds = toml::from_str("minimum_days = 3\nprotected_clients = [\"10.0.0.0/8\"]").expect("reads");
    assert_eq!((read.minimum_days, read.minimum_requests), (3.0, 2_000));
    assert!(toml::from_str::<Thresholds>("minimum_dayz = 3").is_err());
}
