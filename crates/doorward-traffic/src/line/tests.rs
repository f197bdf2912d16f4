//! The full parser with lines that are odd in every known way.

use super::*;

/// Lines that are odd in every known way, each with the expected result: `tests/lines/odd.tsv`.
const ODD: &str = include_str!("../../tests/lines/odd.tsv");
/// AWS's own samples.
const OFFICIAL: &str = include_str!("../../tests/lines/official.log");

fn what(line: &str) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    match read(line.as_bytes()).map(|line| line.class) {
        None => "unparsed".to_owned(),
        Some(Class::Compliant) => "compliant".to_owned(),
        Some(Class::Absent) => "absent".to_owned(),
        Some(Class::Rejected) => "rejected".to_owned(),
        Some(Class::Tier(tier, reason)) => format!("{} {}", text(tier), text(reason)),
    }
}

#[test]
fn odd_lines_are_what_they_are() {
    let mut wrong = Vec::new();
    for case in ODD.lines() {
        let (wanted, line) = case.split_once('\t').expect("two columns");
        let found = what(line);
        if found != wanted {
            wrong.push(format!("{found} instead of {wanted}: {line}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(ODD.lines().count() > 45);
}

#[test]
fn official_samples_parse() {
    assert_eq!(OFFICIAL.lines().count(), 9);
    for line in OFFICIAL.lines() {
        let read = read(line.as_bytes()).unwrap_or_else(|| panic!("{line}"));
        assert_eq!(read.protocol, line.split(' ').next().expect("a word").as_bytes());
        assert!(matches!(read.class, Class::Compliant | Class::Rejected), "{line}");
    }
}

#[test]
fn fields_are_taken_from_the_front() {
    let line = OFFICIAL.lines().nth(1).expect("the second");
    let read = read(line.as_bytes()).expect("parses");
    assert_eq!(read.hour.to_string(), "2018-07-02T22Z");
    assert_eq!(read.load_balancer, b"app/my-loadbalancer/50dc6c495c0c9188");
    assert_eq!(read.client, b"192.168.131.39:2817");
    assert_eq!((read.status.text(), read.target_status.text()), ("200".to_owned(), "200".to_owned()));
    assert_eq!(read.request, b"GET https://www.example.com:443/ HTTP/1.1");
    assert_eq!((read.agent, read.domain), (&b"curl/7.46.0"[..], &b"www.example.com"[..]));
}

#[test]
fn endless_lines_are_refused() {
    let line = OFFICIAL.lines().next().expect("one");
    let long = |length: usize| line.replacen("curl/7.46.0", &"x".repeat(length), 1);
    assert_eq!(what(&long(LONGEST - 1_000)), "compliant");
    assert_eq!(what(&long(LONGEST)), "unparsed");
}
