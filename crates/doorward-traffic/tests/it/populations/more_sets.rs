//! Further evidence of the same kinds: protocols, logins, firewalls, programs with a number in their user agent, and raises that block
//! requests of users within the tolerated share.

use doorward_model::Mode;
use doorward_traffic::{Hour, Thresholds};

use super::*;

const ACCEPTABLE: (&str, &str) = ("Acceptable", "SpaceInUri");
const AMBIGUOUS: (&str, &str) = ("Ambiguous", "BothTeClPresent");
const SEVERE: (&str, &str) = ("Severe", "BadUri");

#[test]
fn clients_that_may_be_users_stand_in_the_way() {
    let login = by_load_balancer("401", "authenticate");
    let numbered = |n: usize| ("203.0.113.70".to_owned(), format!("AcmeTill/5.1 (receipt {n})"));
    let rows: Vec<(&str, Population, &str, &str)> = vec![
        ("logins that are refused", defended().clients(280, person, ACCEPTABLE, login, 280), "keep", "at the login"),
        (
            "a person before a CAPTCHA",
            defended().client(2, "Mozilla/5.0 (X11)", ACCEPTABLE, by_load_balancer("405", "waf")),
            "fix 1 then strictest",
            "unknown",
        ),
        (
            "a person before a challenge",
            defended().client(2, "Mozilla/5.0 (X11)", ACCEPTABLE, by_load_balancer("202", "waf")),
            "fix 1 then strictest",
            "answered: users",
        ),
        (
            "a slow upload",
            defended().client(3, "AcmeCam/1", ACCEPTABLE, by_load_balancer("408", "forward")),
            "fix 1 then strictest",
            "unknown",
        ),
        (
            "a firewall that could not be asked",
            defended().client(3, "AcmeCam/1", ACCEPTABLE, by_load_balancer("502", "waf-failed")),
            "fix 1 then strictest",
            "unknown",
        ),
        (
            "an identity provider that failed",
            defended().client(3, "Mozilla/5.0 (X11)", ACCEPTABLE, by_load_balancer("561", "authenticate")),
            "fix 1 then strictest",
            "unknown",
        ),
        (
            "a WebSocket",
            defended().client(3, "AcmeChat/1", ACCEPTABLE, by_target("101")),
            "fix 1 then strictest",
            "answered: users",
        ),
        (
            "a user agent with a number, and 404 as the answer",
            defended().clients(140, numbered, ACCEPTABLE, by_target("404"), 140),
            "fix 1 then strictest",
            "regular",
        ),
        (
            "a library in two versions that is answered once",
            defended()
                .clients(1, |_| ("203.0.113.70".to_owned(), "curl/8.1".to_owned()), ACCEPTABLE, SERVED, 1)
                .clients(8, |_| ("203.0.113.70".to_owned(), "curl/8.2".to_owned()), ACCEPTABLE, by_target("403"), 1),
            "fix 1 then strictest",
            "203.0.113.70 (curl/8.2 and 1 more of its user agents)",
        ),
        (
            "people with addresses of IPv6 that change",
            defended().clients(
                140,
                |n| (format!("2001:db8:7:{:x}::{:x}", n % 9, n + 1), "AcmePOS/2".to_owned()),
                ACCEPTABLE,
                by_target("404"),
                140,
            ),
            "fix 1 then strictest",
            "140 addresses",
        ),
        (
            "an address without a port",
            defended().client(1, "-", ACCEPTABLE, by_target("304")),
            "fix 1 then strictest",
            "answered: users",
        ),
        (
            "a firewall that refuses scanners",
            defended().clients(280, scanner, ACCEPTABLE, by_load_balancer("403", "waf"), 280),
            "raise strictest",
            "scanners",
        ),
        (
            "a protocol that the target group does not have",
            defended().clients(280, scanner, ACCEPTABLE, by_load_balancer("464", "forward"), 280),
            "raise strictest",
            "scanners",
        ),
        (
            "ambiguous requests that are answered",
            users().clients(280, person, AMBIGUOUS, SERVED, 280),
            "raise defensive",
            "The connections of 280 Ambiguous requests (20.0 a day) would be closed after the response",
        ),
        (
            "a tier that this version does not know",
            defended().client(1, "AcmeNew/1", ("Dubious", "NewReason"), SERVED),
            "fix 1 then strictest",
            "answered: users",
        ),
    ];
    let mut wrong = Vec::new();
    for (name, population, wanted, says) in rows {
        let advice = population.advise();
        let text = said(&advice);
        if step(&advice) != wanted || !text.contains(says) {
            wrong.push(format!("{name}: {}, not {wanted} with {says:?}: {text}", step(&advice)));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// A tolerated share is a permission, not a reason to be silent.
#[test]
fn a_raise_names_every_user_that_it_blocks() {
    let thresholds = Thresholds { tolerated_share: 0.01, ..Thresholds::default() };
    let population =
        Population { thresholds, ..defended() }.clients(400, scanner, ACCEPTABLE, by_target("404"), 100).clients(
            6,
            |n| (format!("203.0.{n}.7"), format!("Acme{}/1", ["A", "B", "C", "D", "E", "F"][n])),
            ACCEPTABLE,
            SERVED,
            6,
        );
    let advice = population.advise();
    assert_eq!(step(&advice), "raise strictest");
    let text = said(&advice);
    let rendered = doorward_traffic::render_advice(&BTreeMap::from([(key(), advice.clone())]), None);
    for name in ["AcmeA", "AcmeB", "AcmeC", "AcmeD", "AcmeE", "AcmeF"] {
        assert!(text.contains(name), "{name}: {text}");
        assert!(rendered.contains(&format!("({name}/1)")), "{name}: {rendered}");
    }
    assert!(text.contains("and 1 more"), "the scanners: {text}");
    assert!(rendered.contains("would be blocked; the tolerated share permits this"), "{rendered}");
}

/// Hours are of UTC, in which no day has 23 or 25 hours: a change of clocks where the users are neither adds days nor makes gaps.
#[test]
fn a_change_of_clocks_is_neither_a_day_nor_a_gap() {
    let population = users();
    let autumn: Timestamp = "2026-10-25T01:00:00Z".parse().unwrap();
    let second = autumn.duration_since(start()).as_secs();
    assert!((0..DAYS * DAY).contains(&second), "the change of clocks is in the window");
    let evidence = population.evidence();
    let tally = &evidence.tally.load_balancers[&key()];
    assert_eq!(tally.hours.len() as i64, DAYS * 24);
    assert!(tally.hours.contains_key(&Hour::of(autumn)));
    let advice = population.advise_with(&evidence);
    assert_eq!(step(&advice), "raise strictest");
    assert!(said(&advice).contains("14 of 14 days"), "{}", said(&advice));
}

/// A node whose clock is wrong writes lines of another time: they fill no gap.
#[test]
fn lines_of_a_wrong_clock_fill_no_gap() {
    for (name, wrong) in [("years ago", -900 * DAY), ("in the future", 900 * DAY)] {
        let mut population = Population::with_users(Mode::Monitor, [13], 5_600);
        let template = population.requests[0].clone();
        population.requests.push(Request { at: template.at + wrong, ..template });
        let advice = population.advise();
        assert_eq!(step(&advice), "not enough", "{name}: {}", said(&advice));
        // A request that was answered at such a time is named as any other.
        let mut whole = users();
        let template = whole.requests[0].clone();
        whole.requests.push(Request { at: template.at + wrong, class: Some(SEVERE), ..template });
        let advice = whole.advise();
        assert_eq!(step(&advice), "fix 1 then defensive", "{name}: {}", said(&advice));
    }
}
