//! The boundaries of a term, to the second and in UTC, against a calendar computed here.

use doorward_model::{LoadBalancer, Mode, Observed, Policy, VerdictKind};
use doorward_rules::exceptions::{Moment, Register, TermState, Terms};
use jiff::Timestamp;
use proptest::prelude::*;

use crate::fixture::{Given, load_balancer};

const DAY: i64 = 86_400;

/// Days from 1970-01-01 to a date of the Gregorian calendar, by counting the days of years and months.
fn day_number((year, month, day): (i64, i64, i64)) -> i64 {
    let leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let years: i64 = (1970..year).map(|year| if leap(year) { 366 } else { 365 }).sum();
    let february = if leap(year) { 29 } else { 28 };
    let months = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    years + months.iter().take(usize::try_from(month - 1).expect("a month")).sum::<i64>() + day - 1
}

/// The date of a day, by looking for it.
fn date(number: i64) -> String {
    let mut year = 1970;
    while day_number((year + 1, 1, 1)) <= number {
        year += 1;
    }
    let month = (1..=12).rev().find(|month| day_number((year, *month, 1)) <= number).expect("a month");
    format!("{year:04}-{month:02}-{:02}", number - day_number((year, month, 1)) + 1)
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("within the calendar")
}

fn register(start: &str, expires: &str) -> Register {
    let text = format!(
        "[[exception]]\nid = \"EX-1\"\nrule = \"desync-mode-below-required\"\nscope.names = \"web\"\nreason = \
         \"r\"\nrequester = \"s\"\napprover = \"k\"\nstart = {start}\nexpires = {expires}\n"
    );
    let terms = Terms { maximum_days: 4000, ..Terms::default() };
    Register::parse(&[("x.toml".to_owned(), text)], &terms).unwrap_or_else(|wrong| panic!("{wrong:?}"))
}

fn failing() -> (LoadBalancer, Policy) {
    let lb = LoadBalancer { mode: Observed::Known(Mode::Monitor), ..load_balancer(&Given::default()) };
    (lb, Policy { required_mode: Mode::Defensive, rules: Vec::new(), disabled: Vec::new(), ..Policy::default() })
}

fn verdict(register: &Register, rule: &str, now: Timestamp) -> VerdictKind {
    let (lb, policy) = failing();
    let rules = register.wrap(doorward_rules::all(), now);
    rules.iter().find(|wrapped| wrapped.meta().id == rule).expect("it runs").judge(&lb, &policy).kind()
}

/// Around an end: what the three rules and the list say in its last second, and in the next.
#[track_caller]
fn check(start: &str, expires: &str, begins: Timestamp, ends: Timestamp) {
    let register = register(start, expires);
    let second = jiff::SignedDuration::from_secs(1);
    let instant = jiff::SignedDuration::from_nanos(1);
    for (now, in_force) in [
        (begins - second, false),
        (begins - instant, false),
        (begins, true),
        (ends - second, true),
        (ends - instant, true),
        (ends, false),
        (ends + second, false),
    ] {
        let judged = verdict(&register, "desync-mode-below-required", now);
        let expected = if in_force { VerdictKind::Excepted } else { VerdictKind::Fail };
        assert_eq!(judged, expected, "{start} to {expires} at {now}");
        let state = register.entries(now)[0].state;
        assert_eq!(state.in_force(), in_force, "{start} to {expires} at {now}");
        assert_eq!(state == TermState::Pending, now < begins);
        let expired = verdict(&register, "exception-expired", now);
        assert_eq!(expired == VerdictKind::Fail, now >= ends, "{start} to {expires} at {now}");
        let expiring = verdict(&register, "exception-expiring", now);
        assert_eq!(expiring == VerdictKind::Fail, state == TermState::Expiring, "{start} to {expires} at {now}");
    }
}

#[test]
fn the_calendar_of_this_test_is_right() {
    for (number, text) in
        [(0, "1970-01-01"), (59, "1970-03-01"), (11_016, "2000-02-29"), (20_513, "2026-03-01"), (47_541, "2100-03-01")]
    {
        assert_eq!(date(number), text);
    }
}

#[test]
fn named_days_end_when_they_should() {
    for (start, expires, begins, ends) in [
        // Leap days, and the year that is none.
        ("2028-02-01", "2028-02-28", "2028-02-01T00:00:00Z", "2028-02-29T00:00:00Z"),
        ("2028-02-01", "2028-02-29", "2028-02-01T00:00:00Z", "2028-03-01T00:00:00Z"),
        ("2028-02-29", "2028-02-29", "2028-02-29T00:00:00Z", "2028-03-01T00:00:00Z"),
        ("2100-02-01", "2100-02-28", "2100-02-01T00:00:00Z", "2100-03-01T00:00:00Z"),
        ("2026-12-01", "2026-12-31", "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"),
        // The nights on which clocks change in Europe and the United States: UTC does not care.
        ("2026-03-29", "2026-03-29", "2026-03-29T00:00:00Z", "2026-03-30T00:00:00Z"),
        ("2026-10-25", "2026-10-25", "2026-10-25T00:00:00Z", "2026-10-26T00:00:00Z"),
        ("2026-11-01", "2026-11-01", "2026-11-01T00:00:00Z", "2026-11-02T00:00:00Z"),
        // Timestamps, in whichever offset, are instants and include nothing after them.
        ("2026-03-29T01:30:00+01:00", "2026-03-29T03:30:00+02:00", "2026-03-29T00:30:00Z", "2026-03-29T01:30:00Z"),
        ("2026-03-01", "2026-03-31T00:00:00Z", "2026-03-01T00:00:00Z", "2026-03-31T00:00:00Z"),
        ("2026-03-01 08:00:00Z", "\"2026-03-31\"", "2026-03-01T08:00:00Z", "2026-04-01T00:00:00Z"),
    ] {
        let instant = |text: &str| text.parse::<Timestamp>().expect("a timestamp");
        check(start, expires, instant(begins), instant(ends));
    }
}

#[test]
fn moments_are_read_and_written_alike() {
    for text in ["2026-03-31", "2028-02-29", "2026-03-31T17:00:00Z", "2026-03-31T17:00:00.5Z"] {
        assert_eq!(text.parse::<Moment>().expect("a moment").to_string(), text);
    }
    for text in ["", "2026", "2026-02-29", "31.03.2026", "2026-03-31T17:00:00", "17:00:00", "2026-03-31T25:00:00Z"] {
        assert!(text.parse::<Moment>().is_err(), "{text}");
    }
    let last_day = |text: &str| text.parse::<Moment>().expect("a moment").last_day().to_string();
    assert_eq!(last_day("2026-03-31"), "2026-03-31");
    assert_eq!(last_day("2026-04-01T00:00:00Z"), "2026-03-31");
    assert_eq!(last_day("2026-04-01T00:00:00.1Z"), "2026-04-01");
    assert_eq!(last_day("2026-04-01T00:00:00+02:00"), "2026-03-31");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_day_holds_until_its_last_second(first in 10_957i64..47_847, length in 0i64..400) {
        let last = first + length;
        check(&date(first), &date(last), at(first * DAY), at((last + 1) * DAY));
    }

    #[test]
    fn an_instant_is_an_instant_in_every_offset(
        start in 946_684_800i64..4_102_444_800, length in 1i64..40_000_000, hours in -12i64..=14, half: bool,
    ) {
        let offset = hours * 3600 + if half && hours < 14 { 1800 } else { 0 };
        let local = |second: i64| {
            let wall = second + offset;
            let (day, rest) = (wall.div_euclid(DAY), wall.rem_euclid(DAY));
            let sign = if offset < 0 { '-' } else { '+' };
            let (h, m, s) = (rest / 3600, rest / 60 % 60, rest % 60);
            let (oh, om) = (offset.abs() / 3600, offset.abs() / 60 % 60);
            format!("{}T{h:02}:{m:02}:{s:02}{sign}{oh:02}:{om:02}", date(day))
        };
        check(&local(start), &local(start + length), at(start), at(start + length));
    }

    #[test]
    fn days_left_are_those_of_the_calendar(today in 10_957i64..47_847, second in 0i64..DAY, left in -100i64..400) {
        let expires = today + left;
        let register = register(&date(today - 200), &date(expires));
        prop_assert_eq!(register.entries(at(today * DAY + second))[0].days_left, left);
    }

    #[test]
    fn the_longest_term_is_counted_in_days_of_the_calendar(first in 10_957i64..47_847, most in 1u32..800, over: bool) {
        let last = first + i64::from(most) - 1 + i64::from(over);
        let text = format!(
            "[[exception]]\nid = \"EX-1\"\nrule = \"owner-missing\"\nscope.names = \"web\"\nreason = \"r\"\nrequester = \
             \"s\"\napprover = \"k\"\nstart = {}\nexpires = {}\n", date(first), date(last)
        );
        let terms = Terms { maximum_days: most, ..Terms::default() };
        match Register::parse(&[("x.toml".to_owned(), text)], &terms) {
            Ok(_) => prop_assert!(!over),
            Err(errors) => {
                prop_assert!(over);
                let latest = format!("the latest end is {}", date(last - 1));
                prop_assert!(errors[0].to_string().starts_with("x.toml:9: ") && errors[0].to_string().ends_with(&latest));
            }
        }
    }
}
