//! Evidence that once led to wrong advice, and its siblings: what an expert would advise.

use doorward_model::Mode;
use doorward_traffic::{Tally, Thresholds};

use super::*;

const ACCEPTABLE: (&str, &str) = ("Acceptable", "SpaceInUri");
const HEADER: (&str, &str) = ("Acceptable", "NonCompliantHeader");
const SEVERE: (&str, &str) = ("Severe", "SuspiciousTeClPresent");

#[test]
fn clients_that_were_served_or_may_have_been_are_seen() {
    let login = by_load_balancer("302", "authenticate");
    let protected = Thresholds {
        tolerated_share: 0.001,
        protected_clients: vec!["203.0.113.70".to_owned()],
        ..Thresholds::default()
    };
    let fixed = by_load_balancer("200", "fixed-response");
    let moved = by_load_balancer("301", "redirect");
    let rows: Vec<(&str, Population, &str, &str)> = vec![
        ("nothing", defended(), "raise strictest", "none of the 5600"),
        (
            "scanners",
            defended().clients(280, scanner, ACCEPTABLE, by_target("404"), 280),
            "raise strictest",
            "280 came from clients that were always refused: scanners. None of the 280 got an answer with a status below 400. They came from zgrab/0.x on 280 addresses",
        ),
        ("logins of many", defended().clients(280, person, HEADER, login, 280), "keep", "lock out users at the login"),
        ("logins of one", defended().client(280, "AcmeKiosk/2", HEADER, login), "fix 1 then strictest", "login"),
        (
            "a fixed response",
            defended().client(280, "AcmeProbe/1", ("Acceptable", "GetHeadZeroContentLength"), fixed),
            "fix 1 then strictest",
            "280 were answered",
        ),
        (
            "a redirect",
            defended().client(560, "AcmeMeter/3", ACCEPTABLE, moved),
            "fix 1 then strictest",
            "1 source accounts",
        ),
        (
            "an outage",
            defended().client(560, "AcmeBatch/1", ACCEPTABLE, by_load_balancer("502", "forward")),
            "fix 1 then strictest",
            "unknown",
        ),
        (
            "an outage, answered by the target",
            defended().client(560, "-", ACCEPTABLE, by_target("503")),
            "fix 1 then strictest",
            "unknown",
        ),
        (
            "clients that closed the connection",
            defended().client(56, "-", ACCEPTABLE, by_load_balancer("460", "forward")),
            "fix 1 then strictest",
            "unknown",
        ),
        (
            "a challenge",
            defended().client(560, "AcmeSoap/1", ACCEPTABLE, by_target("401")),
            "fix 1 then strictest",
            "regular",
        ),
        (
            "a business answer",
            defended().client(560, "curl/8", ACCEPTABLE, by_target("404")),
            "fix 1 then strictest",
            "regular",
        ),
        (
            "a limit",
            defended().client(56, "AcmeSync/4", ACCEPTABLE, by_target("429")),
            "fix 1 then strictest",
            "regular",
        ),
        (
            "a conflict",
            defended().client(14, "AcmeSync/4", ACCEPTABLE, by_target("409")),
            "fix 1 then strictest",
            "regular",
        ),
        (
            "a protected client alone",
            Population { thresholds: protected.clone(), ..defended().client(3, "AcmePay/1", ACCEPTABLE, SERVED) },
            "fix 1 then strictest",
            "1 source accounts",
        ),
        (
            "a protected client among scanners",
            Population {
                thresholds: protected.clone(),
                ..defended().clients(4_668, scanner, ACCEPTABLE, by_target("404"), 1_167).client(
                    3,
                    "AcmePay/1",
                    ACCEPTABLE,
                    SERVED,
                )
            },
            "fix 1 then strictest",
            "1 source accounts",
        ),
        (
            "a protected client that is refused",
            Population { thresholds: protected, ..defended().client(1, "-", ACCEPTABLE, by_target("404")) },
            "fix 1 then strictest",
            "1 source accounts",
        ),
        (
            "one client among scanners",
            defended().clients(1_680, scanner, ACCEPTABLE, by_target("404"), 1_680).client(
                1_680,
                "AcmePOS/5",
                ACCEPTABLE,
                SERVED,
            ),
            "fix 1 then strictest",
            "1 source accounts for these",
        ),
        (
            "one program on nine addresses",
            defended().clients(90, |n| (format!("198.51.{n}.7"), "AcmePOS/5.1".to_owned()), ACCEPTABLE, SERVED, 9),
            "fix 1 then strictest",
            "AcmePOS/5.1 on 9 addresses",
        ),
        (
            "one program in many versions",
            defended().clients(
                90,
                |n| (format!("198.51.{n}.7"), format!("AcmePOS/5.{n} (till {n})")),
                ACCEPTABLE,
                SERVED,
                9,
            ),
            "fix 1 then strictest",
            "1 source accounts for these.",
        ),
        (
            "one client with six causes",
            [
                "SpaceInUri",
                "NonCompliantHeader",
                "EmptyHeader",
                "GetHeadZeroContentLength",
                "MultipleHeaderLines",
                "BadVersion",
            ]
            .into_iter()
            .fold(defended(), |all, reason| all.client(20, "AcmeTill/1", ("Acceptable", reason), SERVED)),
            "fix 6 then strictest",
            "1 source accounts for these.",
        ),
        (
            "a challenge from many addresses of one network",
            defended().clients(
                500,
                |n| (format!("203.0.113.{n}"), "AcmeSoap/1".to_owned()),
                ACCEPTABLE,
                by_target("401"),
                250,
            ),
            "fix 1 then strictest",
            "regular",
        ),
        (
            "scanners of many networks",
            defended().clients(500, |n| (format!("203.{n}.113.7"), "-".to_owned()), ACCEPTABLE, by_target("401"), 250),
            "raise strictest",
            "scanners",
        ),
        (
            "a protected client by the end of a long user agent",
            Population {
                thresholds: Thresholds { protected_clients: vec!["*AcmePay".to_owned()], ..Thresholds::default() },
                ..defended().client(
                    1,
                    &format!("Mozilla/5.0 {} AcmePay", "x".repeat(300)),
                    ACCEPTABLE,
                    by_target("404"),
                )
            },
            "fix 1 then strictest",
            "1 source accounts",
        ),
        (
            "one network",
            defended().clients(90, |n| (format!("198.51.100.{n}"), "curl/8".to_owned()), ACCEPTABLE, SERVED, 9),
            "fix 1 then strictest",
            "9 addresses of 198.51.100.0/24",
        ),
        (
            "a library on nine addresses",
            defended().clients(90, |n| (format!("198.51.{n}.7"), "curl/8".to_owned()), ACCEPTABLE, SERVED, 9),
            "keep",
            "more than 5 sources",
        ),
        (
            "an attack that is answered",
            users().clients(70, |n| (format!("198.{n}.100.7"), "-".to_owned()), SEVERE, SERVED, 7),
            "fix 5 then defensive",
            "POSSIBLE REQUEST SMUGGLING: targets answered 70 Severe requests of 7 clients.",
        ),
        (
            "an attack that is answered, of one address",
            users().client(1, "-", SEVERE, SERVED),
            "fix 1 then defensive",
            "targets answered 1 Severe request of 1 client.",
        ),
        (
            "blocked already",
            defended().client(280, "-", SEVERE, BLOCKED),
            "raise strictest",
            "none of the 5880 requests logged with a classification that are not blocked now; the mode in force already blocks 280",
        ),
    ];
    let mut wrong = Vec::new();
    for (name, population, wanted, says) in rows {
        let advice = population.advise();
        let text = said(&advice);
        let named = !wanted.starts_with("fix") || !advice.blocks.is_empty();
        let plain = !text.contains("1 sources") && !text.contains(" 1 requests ");
        if step(&advice) != wanted || !text.contains(says) || !named || !plain {
            wrong.push(format!("{name}: {}, not {wanted} with {says:?}: {text}", step(&advice)));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    // From monitor, defensive blocks none of these, and is advised now.
    let logins = users().clients(280, person, HEADER, login, 280).advise();
    assert_eq!(step(&logins), "raise defensive");
}

#[test]
fn evidence_that_does_not_exist_raises_nothing() {
    let strictest_for_12_days = |population: Population| {
        let mut population = population.client(560, "AcmeShop/1", ACCEPTABLE, BLOCKED);
        population.requests.retain(|request| request.class.is_none() || request.at < 12 * DAY);
        population
    };
    let hours = |hours: std::ops::Range<i64>| {
        let mut population = users();
        population.requests.iter_mut().for_each(|request| {
            let span = 3_600 * (hours.end - hours.start);
            request.at = request.at / DAY * DAY + 3_600 * hours.start + request.at % span;
        });
        population
    };
    let on = |days: &[i64], daily| Population::with_users(Mode::Monitor, days.iter().copied(), daily);
    let metered = |population: Population, requests, odd| population.metered((requests, odd));
    let rows: Vec<(&str, Population, &str)> = vec![
        ("one day of a folder", on(&[13], 5_600), "there are"),
        ("first and last day", on(&[0, 13], 2_800), "2 of 14 days"),
        ("a hole of six days", on(&[0, 1, 2, 3, 10, 11, 12, 13], 700), "8 of 14 days"),
        ("five minutes of each day", hours(0..1), "14 days with log lines in fewer than 6 hours are not counted"),
        ("four hours of each day", hours(0..4), "13 days with log lines in fewer than 6 hours are not counted"),
        ("a tenth of the requests", metered(users(), 50_400, 0), "the logs contain 5600 of the 56000 requests"),
        (
            "five requests that no log holds",
            metered(users(), 0, 5),
            "5 non-compliant requests are counted but not logged: CloudWatch counts 5, but the logs contain 0.",
        ),
        ("one request that no log holds", metered(users(), 0, 1), "1 non-compliant request is counted but not logged"),
        (
            "two percent that no log holds",
            metered(users().clients(9_800, scanner, SEVERE, by_target("404"), 9_800), 200, 200),
            "200 non-compliant requests are counted but not logged",
        ),
        (
            "rolled back from strictest",
            strictest_for_12_days(users()),
            "requests were blocked with 400, which monitor does not do",
        ),
        (
            "rolled back to defensive",
            Population { mode: Mode::Defensive, ..strictest_for_12_days(users()) },
            "requests were blocked with 400, which defensive does not do",
        ),
        (
            "a mode that was weaker",
            Population { mode: Mode::Defensive, ..users().client(280, "-", SEVERE, SERVED) },
            "280 requests were served that defensive blocks",
        ),
        (
            "a change in the window",
            Population { changed: Some(12 * DAY + 60), ..users() },
            "Collect evidence from 2026-10-31 00:01 UTC on, when the mode was changed",
        ),
        (
            "refused before any rule",
            Population::with_users(Mode::Monitor, 0..DAYS, 100).clients(2_000, person, ("-", "-"), BLOCKED, 280),
            "Wait until there are at least 2000 requests; so far there are 1400.",
        ),
    ];
    for (name, population, says) in rows {
        let advice = population.advise();
        let text = said(&advice);
        assert_eq!(step(&advice), "not enough", "{name}: {text}");
        assert_eq!(advice.recommended, None, "{name}");
        assert!(text.contains(says), "{name}: {says:?} is not in: {text}");
    }
    // With a share that is tolerated, so few may be missing.
    let tolerant = Thresholds { tolerated_share: 0.01, ..Thresholds::default() };
    let tolerant = Population { thresholds: tolerant, ..metered(users(), 0, 5) }.advise();
    assert_eq!(step(&tolerant), "raise strictest");
    assert!(said(&tolerant).contains("5 non-compliant requests are counted but not logged"), "{}", said(&tolerant));
    // A change before the window is none in it.
    assert_eq!(step(&Population { changed: Some(-60), ..users() }.advise()), "raise strictest");
}

#[test]
fn a_bad_file_stops_only_its_load_balancer() {
    let population = users();
    let damaged = |name: &str| -> Tally { Reader::new(Limits::default(), None).read(name, &[0x1f, 0x8b, 8, 0, 0]) };
    let end = "_20261021T1200Z_10.0.0.1_y.log.gz";
    for (name, wanted) in [
        (format!("444455556666_elasticloadbalancing_eu-west-1_app.api.50dc6c495c0c9199{end}"), "raise strictest"),
        (format!("111122223333_elasticloadbalancing_eu-west-1_app.web.50dc6c495c0c9188{end}"), "not enough"),
        ("renamed.log.gz".to_owned(), "not enough"),
    ] {
        let mut evidence = population.evidence();
        evidence.tally.merge(&damaged(&name));
        assert!(!evidence.is_complete());
        assert_eq!(step(&population.advise_with(&evidence)), wanted, "{name}");
    }
}

#[test]
fn many_clients_that_were_refused_are_no_conclusion() {
    let mut population = users();
    population.nodes = 1;
    let mut evidence = population.evidence();
    let mut many = doorward_traffic::LoadBalancerTally::default();
    many.sources.clients = lossy();
    evidence.tally.load_balancers.get_mut(&key()).unwrap().merge(&many);
    let text = said(&population.advise_with(&evidence));
    assert!(text.contains("it is unknown whether a regular client is among those that were not stored"), "{text}");
}

#[test]
fn protected_clients_are_compared_line_by_line() {
    let protected = Thresholds {
        tolerated_share: 0.01,
        protected_clients: vec!["203.0.113.0/24".to_owned()],
        ..Thresholds::default()
    };
    let population = Population { thresholds: protected, ..defended().client(1, "-", ACCEPTABLE, by_target("404")) };
    let mut evidence = population.evidence();
    let mut many = doorward_traffic::LoadBalancerTally::default();
    // So few lost requests hide no regular client.
    many.sources.clients = serde_json::from_str(r#"{"answered": [], "refused": [], "unkept": 0, "bound": 1}"#).unwrap();
    evidence.tally.load_balancers.get_mut(&key()).unwrap().merge(&many);
    let advice = population.advise_with(&evidence);
    assert!(advice.blocks.iter().any(|source| source.protected), "{:?}", advice.blocks);
    assert_ne!(step(&advice), "not enough", "{}", said(&advice));
    // Saved evidence of other settings: a table that lost clients says nothing of a protected one.
    let advice = population.advise_with(&evidence.protecting(&[]));
    assert_eq!(step(&advice), "not enough");
    assert!(said(&advice).contains("lines were not compared with these protected clients"), "{}", said(&advice));
}

/// A table that lost clients with up to five refused requests each.
fn lossy() -> doorward_traffic::ClientTable {
    let text = r#"{"answered": [], "refused": [], "unkept": 0, "bound": 5}"#;
    serde_json::from_str(text).unwrap()
}
