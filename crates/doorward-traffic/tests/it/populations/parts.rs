//! Evidence of which a part is somewhere else: under another name, of another time, counted and not logged, or without addresses.

use std::fs;

use doorward_model::{AccountId, Gap, GapReason, LoadBalancer, Mode, Region};
use doorward_traffic::{AdviceRules, FolderOptions, Tally, Thresholds, advise_all, read_folder, render_traffic};

use super::*;
use crate::posture::application;

const ACCEPTABLE: (&str, &str) = ("Acceptable", "SpaceInUri");

/// The evidence of a folder with these files.
fn folder(files: &[(String, String)]) -> TrafficEvidence {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let options = FolderOptions { window: None, threads: 2, protected: &[] };
    TrafficEvidence::new(None, read_folder(folder.path(), options, &|_| ()).unwrap())
}

/// The same files without AWS's names.
fn renamed(files: Vec<(String, String)>) -> Vec<(String, String)> {
    files.into_iter().enumerate().map(|(number, (_, text))| (format!("node-{number}.log"), text)).collect()
}

/// A till that is answered, and a few other users.
fn till() -> Population {
    let mut population =
        Population::with_users(Mode::Defensive, 0..DAYS, 10).client(56, "AcmePOS/5.1", ACCEPTABLE, SERVED);
    // Lines of their own: the users of both populations are the same.
    population.requests.iter_mut().for_each(|request| request.at = (request.at + 7).min(DAYS * DAY - 1));
    population.nodes = 1;
    population
}

fn scanned() -> LoadBalancer {
    LoadBalancer { mode: Observed::Known(Mode::Defensive), ..application() }
}

fn advised(evidence: &TrafficEvidence, load_balancers: &[LoadBalancer]) -> BTreeMap<LoadBalancerKey, Advice> {
    let thresholds = Thresholds::default();
    let rules = AdviceRules { thresholds: &thresholds, maximum_age_days: 30, source_due_days: 90 };
    advise_all(evidence, load_balancers, rules, start() + SignedDuration::from_hours(24 * DAYS))
}

/// Half of the files have AWS's names, and the clients are in the other half.
#[test]
fn halves_of_one_load_balancer_are_one() {
    let (users, till) = (defended().files(), till().files());
    let other = |name: &str| name.replace("111122223333", "444455556666").replace("app.web.50", "app.api.60");
    let misnamed: Vec<(String, String)> = till.iter().map(|(name, text)| (other(name), text.clone())).collect();
    let joined = vec![("node-b.log".to_owned(), till.iter().map(|(_, text)| text.as_str()).collect::<String>())];
    for (what, rest) in [("renamed", renamed(till.clone())), ("joined", joined), ("of another name", misnamed)] {
        let evidence = folder(&[users.clone(), rest].concat());
        assert_eq!(evidence.keys().collect::<Vec<_>>(), [&key()], "{what}");
        let advice = defended().advise_with(&evidence);
        assert_eq!(step(&advice), "fix 1 then strictest", "{what}: {}", said(&advice));
        let all = advised(&evidence, &[scanned()]);
        assert_eq!((all.len(), step(&all[&key()])), (1, "fix 1 then strictest".to_owned()), "{what}");
    }
}

/// Without AWS's names, a scan says whose lines they are, unless several load balancers have the id.
#[test]
fn an_id_alone_is_the_only_load_balancer_of_the_scan_that_has_it() {
    let evidence = folder(&renamed([defended().files(), till().files()].concat()));
    let other = LoadBalancer {
        region: Region::new("us-east-1").unwrap(),
        account: AccountId::new("444455556666").unwrap(),
        arn: "arn:aws:elasticloadbalancing:us-east-1:444455556666:loadbalancer/app/web/50dc6c495c0c9188"
            .parse()
            .unwrap(),
        ..scanned()
    };
    for evidence in [evidence.clone(), evidence.clone().about(&[scanned()])] {
        let one = advised(&evidence, &[scanned()]);
        assert_eq!((one.len(), step(&one[&key()])), (1, "fix 1 then strictest".to_owned()));
    }
    for evidence in [evidence.clone(), evidence.about(&[scanned(), other.clone()])] {
        for (key, advice) in advised(&evidence, &[scanned(), other.clone()]) {
            assert_eq!(step(&advice), "not enough", "{key}");
            assert!(key.account.is_none() || said(&advice).contains("2 load balancers have the id app/web/"), "{key}");
        }
    }
    // A part with AWS's name is of one of the two, and the rest of either.
    let some = folder(&[defended().files(), renamed(till().files())].concat());
    assert_eq!(step(&advised(&some, &[scanned()])[&key()]), "fix 1 then strictest");
}

#[test]
fn lines_of_the_future_are_no_evidence() {
    let (evidence, end) = (defended().evidence(), start() + SignedDuration::from_hours(24 * DAYS));
    for (now, wanted) in [
        (end, "raise strictest"),
        // The last hour is not over.
        (end - SignedDuration::from_mins(50), "raise strictest"),
        (end - SignedDuration::from_hours(24 * 5), "not enough"),
        (start() - SignedDuration::from_hours(24 * 40), "not enough"),
    ] {
        let evidence = evidence.clone().as_of(now);
        let advice = defended().advise_with(&evidence);
        assert_eq!(step(&advice), wanted, "{now}: {}", said(&advice));
        assert_eq!(evidence.is_complete(), wanted != "not enough");
        let says = "the last of them after 2026-11-01 23:00 UTC: leave them out (--until)";
        assert_eq!(said(&advice).contains(says), wanted == "not enough", "{}", said(&advice));
        // `doorward traffic` ends with the exit code of incomplete evidence, and names the reason.
        assert_eq!(render_traffic(&evidence, &[]).contains(says), wanted == "not enough");
        // Saved evidence has the problem already when it is read again.
        let again = said(&defended().advise_with(&evidence.as_of(now + SignedDuration::from_mins(1))));
        assert_eq!(again.matches(says).count(), usize::from(wanted == "not enough"), "{again}");
    }
}

/// Without the count of requests that are not compliant, each request that is not logged may be one of a user.
#[test]
fn requests_that_are_not_logged_are_unknown_without_the_metric() {
    let gap = || Answer::Unread(std::sync::Arc::new(Gap::new(GapReason::AccessDenied, "cloudwatch:GetMetricData")));
    for (share, more, answer, wanted) in [
        (0.0, 168, Some(gap()), "not enough"),
        (0.0, 168, None, "not enough"),
        (0.0, 1, None, "not enough"),
        (0.0, 0, None, "raise strictest"),
        (0.05, 168, Some(gap()), "raise strictest"),
    ] {
        let thresholds = Thresholds { tolerated_share: share, ..Thresholds::default() };
        let population = Population { thresholds, ..defended().metered((more, 0)) };
        let mut evidence = population.evidence();
        let answers = &mut evidence.series.get_mut(&key()).unwrap().answers;
        answers.remove(&Metric::NonCompliant);
        answers.extend(answer.map(|answer| (Metric::NonCompliant, answer)));
        let advice = population.advise_with(&evidence);
        let text = said(&advice);
        assert_eq!(step(&advice), wanted, "{share} {more}: {text}");
        assert!(text.contains("count of non-compliant requests were not compared: CloudWatch"), "{text}");
        let missing = "counted and not logged, and how many of them are not compliant is unknown";
        assert_eq!(text.contains(missing), wanted == "not enough", "{text}");
    }
}

/// The tolerated share is one for all requests that may be of users.
#[test]
fn a_share_is_tolerated_once() {
    let thresholds = || Thresholds { tolerated_share: 0.001, ..Thresholds::default() };
    for (served, unseen, wanted) in [
        (5, 0, "raise strictest"),
        (0, 5, "raise strictest"),
        (2, 3, "raise strictest"),
        (5, 5, "fix 1 then strictest"),
        (3, 3, "fix 1 then strictest"),
        (0, 6, "not enough"),
    ] {
        let population = defended().client(served, "AcmePOS/5.1", ACCEPTABLE, SERVED);
        let population = Population { thresholds: thresholds(), ..population.metered((unseen, unseen)) };
        let advice = population.advise();
        assert_eq!(step(&advice), wanted, "{served} and {unseen}: {}", said(&advice));
        let says_so = said(&advice).contains("more than the tolerated share may be of users");
        assert_eq!(says_so, wanted.starts_with("fix"), "{}", said(&advice));
    }
}

/// An address without its host part is not the address of a protected client, and not that of another one.
#[test]
fn protected_clients_are_not_found_among_truncated_addresses() {
    let population = |entries: &[&str]| Population {
        thresholds: Thresholds {
            protected_clients: entries.iter().map(|entry| (*entry).to_owned()).collect(),
            ..Thresholds::default()
        },
        ..defended().client(2, "AcmePay/1", ACCEPTABLE, by_target("404"))
    };
    let saved = |entries: &[&str]| population(entries).evidence().with_truncated_addresses();
    for (compared, entries, wanted) in [
        (&[][..], &["203.0.113.70"][..], "not enough"),
        (&[], &["203.0.113.64/27"], "not enough"),
        (&[], &["203.0.113.0/24"], "fix 1 then strictest"),
        (&[], &["AcmePay/*"], "fix 1 then strictest"),
        // None of the clients is of its network.
        (&[], &["203.0.114.70", "2001:db8::7"], "raise strictest"),
        (&["203.0.113.70"], &["203.0.113.70"], "fix 1 then strictest"),
        (&["203.0.113.70"], &["203.0.113.70", "203.0.114.70"], "fix 1 then strictest"),
        (&["203.0.113.71"], &["203.0.113.70", "203.0.113.71"], "not enough"),
        // An entry that was compared is no more, so that what its lines were is unknown.
        (&["203.0.113.70", "198.51.100.7"], &["203.0.113.70"], "not enough"),
    ] {
        let evidence = saved(compared);
        let advice = population(entries).advise_with(&evidence);
        assert_eq!(step(&advice), wanted, "{compared:?} {entries:?}: {}", said(&advice));
        let says = "lines were not compared with these protected clients";
        assert_eq!(said(&advice).contains(says), wanted == "not enough", "{}", said(&advice));
    }
    assert_eq!(step(&population(&["203.0.113.70"]).advise()), "fix 1 then strictest");
}

/// An entry that no client has may be misspelled.
#[test]
fn protected_clients_that_sent_nothing_are_named() {
    let entries = ["203.0.113.70", "AcmePay/*", "203.0.114.0/24", "AcmePai/*"].map(str::to_owned);
    let evidence = defended().client(1, "AcmePay/1", ACCEPTABLE, by_target("404")).evidence();
    assert_eq!(
        evidence.remarks(&entries),
        [
            "none of the non-compliant requests in the logs that were read came from these protected clients: 203.0.114.0/24, \
             AcmePai/*"
        ]
    );
    assert!(evidence.remarks(&entries[..2]).is_empty());
    assert!(evidence.with_truncated_addresses().remarks(&entries).is_empty());
    // Where no log was read, nothing is known of clients.
    assert!(TrafficEvidence::new(None, Tally::default()).remarks(&entries).is_empty());
}
