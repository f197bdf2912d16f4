//! Programs that are refused: fleets of devices, apps on changing addresses, and clients of an application that denies.

use super::*;

const HEADER: (&str, &str) = ("Acceptable", "NonCompliantHeader");

fn device(number: usize) -> String {
    format!("{}.{}.{}.9", 11 + number % 180, number * 7 % 250, number * 13 % 250)
}

#[test]
fn a_program_that_comes_back_is_no_scanner() {
    let fleet = |agent: &'static str, status| {
        defended().clients(1_200, move |n| (device(n), agent.to_owned()), HEADER, by_target(status), 300)
    };
    let steady = |agent: &str, outcome| defended().client(560, agent, HEADER, outcome);
    let once = |agent: &'static str| {
        defended().clients(300, move |n| (device(n), agent.to_owned()), HEADER, by_target("404"), 300)
    };
    let app = defended().clients(
        600,
        |n| (device(n / 2), "AcmeMobile/7.2 (iPhone)".to_owned()),
        HEADER,
        by_target("401"),
        600,
    );
    let seldom = {
        let mut population = steady("AcmeSoap/1", by_target("403"));
        population.requests.retain(|request| request.class.is_none() || request.at / DAY < 3);
        population
    };
    let rows: Vec<(&str, Population, &str, &str)> = vec![
        ("devices that are challenged", fleet("AcmeTill/7.2", "401"), "fix 1 then strictest", "on 300 addresses"),
        (
            "devices that find nothing",
            fleet("AcmeTill/7.2", "404"),
            "fix 1 then strictest",
            "1200 failed, or came from",
        ),
        ("an app on changing addresses", app, "fix 1 then strictest", "AcmeMobile/7.2 (iPhone) on 300 addresses"),
        ("a permission", steady("AcmeSoap/1", by_target("403")), "fix 1 then strictest", "560 failed, or came from"),
        ("a validation", steady("AcmeSoap/1", by_target("400")), "fix 1 then strictest", "560 failed, or came from"),
        ("a firewall", steady("AcmeSoap/1", by_load_balancer("403", "waf")), "fix 1 then strictest", "560 failed"),
        // Scanners come back too; they say what they are, or do not name a program.
        ("a scanner by its name", fleet("zgrab/0.x", "404"), "raise strictest", "scanners"),
        ("a scanner by its name, challenged", fleet("masscan/1.3", "401"), "raise strictest", "scanners"),
        ("a program that is seen once everywhere", once("l33t/1.0"), "raise strictest", "scanners"),
        ("no user agent, denied", steady("-", by_target("403")), "raise strictest", "scanners"),
        ("a library, denied", steady("curl/8.1", by_target("403")), "raise strictest", "scanners"),
        ("a scanner, denied", steady("Nuclei - Open-source", by_target("403")), "raise strictest", "scanners"),
        ("denied on three of fourteen days", seldom, "raise strictest", "scanners"),
    ];
    for (name, population, wanted, says) in rows {
        let advice = population.advise();
        let text = said(&advice);
        assert_eq!(step(&advice), wanted, "{name}: {text}");
        assert!(text.contains(says), "{name}: {says:?} is not in: {text}");
    }
}

/// A mode blocks a request before any action; who refused it after one, or by an action that is not documented, is unknown.
#[test]
fn what_follows_an_action_is_no_mode_and_no_scanner() {
    let person = |n: usize| (device(n), format!("Mozilla/5.0 {n}"));
    let refused = |status, actions| by_load_balancer(status, actions);
    let rows: Vec<(&str, Population, &str, &str)> = vec![
        ("in monitor", users().client(1, "x/1", HEADER, refused("400", "forward")), "raise defensive", "strictest"),
        ("one", defended().client(1, "x/1", HEADER, refused("400", "forward")), "fix 1 then strictest", "unknown"),
        (
            "behind a firewall",
            defended().client(1, "x/1", HEADER, refused("400", "waf,forward")),
            "fix 1 then strictest",
            "unknown",
        ),
        (
            "at a login",
            defended().client(1, "x/1", HEADER, refused("400", "authenticate")),
            "fix 1 then strictest",
            "unknown",
        ),
        (
            "a firewall's answer",
            defended().client(1, "x/1", HEADER, refused("400", "waf")),
            "raise strictest",
            "scanner",
        ),
        (
            "before any action",
            users().client(1, "x/1", HEADER, refused("400", "-")),
            "not enough",
            "The mode was stricter",
        ),
        ("tokens", defended().clients(560, person, HEADER, refused("401", "jwt-validation"), 560), "keep", "unknown"),
        (
            "tokens, then a rule",
            defended().clients(560, person, HEADER, refused("403", "validate-token,forward"), 560),
            "keep",
            "unknown",
        ),
        (
            "a new action",
            defended().client(1, "x/1", HEADER, refused("404", "teleport")),
            "fix 1 then strictest",
            "unknown",
        ),
        (
            "known actions",
            defended().clients(560, person, HEADER, refused("403", "waf,forward"), 560),
            "raise strictest",
            "scanners",
        ),
    ];
    for (name, population, wanted, says) in rows {
        let advice = population.advise();
        let text = said(&advice);
        assert_eq!(step(&advice), wanted, "{name}: {text}");
        assert!(text.to_lowercase().contains(&says.to_lowercase()), "{name}: {says:?} is not in: {text}");
    }
}
