//! What a digest says: only what changed or fell due, from what was observed, to whom it concerns.

use doorward_model::HistoryContext;
use doorward_notify::{DeliveryStore as _, Digest, DigestChange, StoredDigest, plan};
use jiff::Timestamp;

use crate::bed::{RULES, day, directory, exec, report, settings};
use crate::doubles::Book;

/// Owners `web` and `pay` and a channel that is never used.
struct Desk {
    book: Book,
    reported: Timestamp,
}

impl Desk {
    fn new() -> Self {
        Self { book: Book::new(), reported: day(0) }
    }

    /// The digests of a report.
    fn digests(&self, days: i64, scene: &str) -> Vec<Digest> {
        let directory = directory(settings(&["web", "Pay"], vec![("out", exec(&["/bin/true"]))]));
        let (planned, untold) =
            plan(&report(days, scene), &RULES, &HistoryContext::default(), &directory, &self.book).expect("reads");
        assert_eq!(untold, []);
        assert_eq!(planned.len(), 4, "every line of the directory is planned for");
        planned.into_iter().filter_map(|planned| planned.digest?.changes().cloned()).collect()
    }

    /// What they say: `AUDIENCE CHANGE NAME ...`, with `due` for what is newly due and `still` for what is due as before.
    fn says(&self, days: i64, scene: &str) -> Vec<String> {
        let say = |digest: &Digest| {
            let changes = digest.changes.iter().map(|c| format!("{} {}", word(c.change), c.line.name));
            let due = digest.due.iter().map(|d| format!("{} {}", if d.new { "due" } else { "still" }, d.line.name));
            format!("{}: {}", digest.audience.key(), changes.chain(due).collect::<Vec<_>>().join(", "))
        };
        self.digests(days, scene).iter().map(say).collect()
    }

    /// The digests of a report arrive, in a world without trouble.
    fn reported(mut self, days: i64, scene: &str) -> Self {
        self.arrive(days, scene);
        self
    }

    fn arrive(&mut self, days: i64, scene: &str) {
        // A channel that does nothing leaves the same memory as one that works.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let directory = directory(settings(&["web", "Pay"], vec![("out", exec(&["/bin/true"]))]));
        let (time, _) = crate::doubles::time();
        let courier = doorward_notify::Dispatcher::new(
            directory,
            &doorward_notify::Environment::default(),
            self.book.clone(),
            None,
            time,
        );
        let outcome =
            runtime.block_on(courier.expect("opens").deliver(&report(days, scene), &RULES, &HistoryContext::default()));
        assert!(outcome.is_complete(), "{outcome:#?}");
        self.reported = day(days);
    }
}

fn word(change: DigestChange) -> String {
    serde_json::to_value(change).expect("a word").as_str().expect("a word").to_owned()
}

#[test]
fn only_what_changed_is_reported() {
    for (before, now, expected) in [
        ("a:pass@web", "a:pass@web", ""),
        ("a:high@web", "a:high@web", ""),
        ("a:pass@web", "a:high@web", "new a"),
        ("a:pass@web", "a:high+@web", "reopened a"),
        ("a:high@web", "a:pass@web", "fixed a"),
        ("a:high@web", "a:n/a@web", "not-applicable a"),
        // Not asked is not fixed: the finding stays as it was.
        ("a:high@web", "a:none@web", "not-asked a"),
        ("a:high@web", "a:skip@web", "not-asked a"),
        ("a:ex=2027-12-31@web", "a:skip@web", "not-asked a"),
        ("a:pass@web", "a:skip@web", ""),
        ("a:high@web", "a:skip@pay", "moved a"),
        ("a:high@web", "a:none@pay", "moved a"),
        ("a:high@web", "", "gone a"),
        ("a:high@web", "!closed", "gone a"),
        ("a:high@web", "a:info@web", "fixed a"),
        ("a:high@web", "a:critical@web", "severity a"),
        ("a:high@web", "a:ex=2027-12-31@web", "excepted a"),
        ("a:ex=2027-12-31@web", "a:high@web", "exception-ended a"),
        ("a:ex=2027-12-31@web", "a:ex=2028-12-31@web", "exception-changed a"),
        ("a:pass@web", "a:ex=2027-12-31@web", "excepted a"),
        // Nothing was observed: that closes nothing, and is reported once.
        ("a:high@web", "!denied", "unseen a"),
        ("a:high@web", "!half", "unseen a"),
        ("a:high@web", "a:unknown@web", "unseen a"),
        ("a:pass@web", "a:unknown@web", "unknown a"),
        ("a:pass@web", "!denied", ""),
        ("a:unknown@web", "a:pass@web", "cleared a"),
        ("a:unknown@web", "a:high@web", "new a"),
        ("a:high@web", "a:high@?", "unseen a"),
        ("a:high@web", "a:high@WEB", ""),
    ] {
        let said = Desk::new().reported(1, before).says(2, now);
        let own = said.iter().find_map(|said| said.strip_prefix("owner:web: ")).unwrap_or_default();
        assert_eq!(own, expected, "{before:?} then {now:?}: {said:?}");
    }
}

#[test]
fn what_was_not_asked_is_reported_once_and_stands_until_it_is_asked_again() {
    for not_asked in ["a:skip@web", "a:none@web"] {
        let desk = Desk::new().reported(1, "a:high@web").reported(2, not_asked);
        assert_eq!(desk.says(3, not_asked), Vec::<String>::new(), "once");
        assert_eq!(desk.says(3, "a:high@web"), ["owner:web: seen-again a"]);
        assert_eq!(desk.says(3, "a:pass@web"), ["owner:web: fixed a"], "only now");
        assert_eq!(desk.says(3, ""), ["owner:web: gone a"]);
    }
}

#[test]
fn a_digest_counts_what_was_not_seen_beside_what_was() {
    let mut report = report(2, "a:high@web !denied");
    let known = |n: usize| doorward_model::UnseenFinding {
        id: format!("known-{n}"),
        rule: report.findings[0].rule.to_string(),
        account: report.findings[0].account.clone(),
        region: report.findings[0].region.clone(),
        load_balancer: doorward_model::Arn::new(&format!("{}{n}", crate::bed::arn("z"))).expect("an ARN"),
        name: format!("z{n}"),
        kind: doorward_model::Kind::Application,
        owner: "web".to_owned(),
        unit: "/Prod".to_owned(),
        excepted: n == 0,
        severity: Some(doorward_model::Severity::High),
        first_seen: crate::bed::day(0),
        last_seen: crate::bed::day(1),
        because: doorward_model::WhyUnseen::LoadBalancerNotSeen,
    };
    let findings = (0..4).map(known).collect();
    report.unseen = Some(doorward_model::Unseen { findings, account_regions: 1, ..Default::default() });
    let directory = directory(settings(&["web", "Pay"], vec![("out", exec(&["/bin/true"]))]));
    let (planned, _) = plan(&report, &RULES, &HistoryContext::default(), &directory, &Desk::new().book).expect("reads");
    let web = planned.iter().find(|planned| planned.audience.key() == "owner:web").expect("web is told");
    let digest = web.digest.as_ref().and_then(|notice| notice.changes()).expect("a digest");
    assert_eq!((digest.totals.failing, digest.totals.unseen_failing, digest.totals.unseen_excepted), (1, 3, 1));
    assert!(digest.headline().contains("1 failing finding and 3 not seen now"), "{}", digest.headline());
    let text = web.text.as_deref().expect("a text");
    assert!(text.contains("3 findings that failed when last seen, 1 under an exception"), "{text}");
}

#[test]
fn an_event_tells_of_one_load_balancer_and_takes_nothing_back() {
    let desk = Desk::new().reported(1, "a:pass@web b:high@web c:ex=2027-12-31@web");
    let digests = desk.digests(2, "!only a:high@web");
    let [digest] = &digests[..] else { panic!("one is told: {digests:?}") };
    assert_eq!(digest.scan.only.as_deref(), Some(crate::bed::arn("a").as_str()));
    assert!(digest.headline().contains("1 change on one load balancer of"), "{}", digest.headline());
    let (planned, _) = plan(
        &report(2, "!only a:high@web"),
        &RULES,
        &HistoryContext::default(),
        &directory(settings(&["web", "Pay"], vec![("out", exec(&["/bin/true"]))])),
        &desk.book,
    )
    .expect("reads");
    let text = planned.iter().find_map(|planned| planned.text.clone()).expect("a text");
    assert!(text.contains("This digest covers one load balancer") && !text.contains("read completely"), "{text}");
    let desk = desk.reported(2, "!only a:high@web");
    assert_eq!(desk.says(3, "!only a:high@web"), Vec::<String>::new(), "once");
    // The others are known as before: a scan that sees them so tells nothing, one that does not tells that.
    assert_eq!(desk.says(3, "a:high@web b:high@web c:ex=2027-12-31@web"), Vec::<String>::new());
    assert_eq!(desk.says(3, "a:pass@web b:high@web"), ["owner:web: fixed a, gone c"]);
    assert_eq!(desk.says(3, "!only a:pass@web"), ["owner:web: fixed a"]);
    assert_eq!(desk.says(3, "!only a:high@pay"), ["owner:Pay: new a", "owner:web: moved a"]);
}

#[test]
fn what_was_unseen_keeps_what_it_was() {
    let desk = Desk::new().reported(1, "a:high@web").reported(2, "!denied");
    assert_eq!(desk.says(3, "!denied"), Vec::<String>::new());
    assert_eq!(desk.says(3, "a:high@web"), ["owner:web: seen-again a"]);
    assert_eq!(desk.says(3, "a:pass@web"), ["owner:web: fixed a"]);
    assert_eq!(desk.says(3, ""), ["owner:web: gone a"]);
    let desk = desk.reported(3, "a:unknown@web");
    assert_eq!(desk.says(4, "a:low@web"), ["owner:web: severity a"]);
}

/// A scan that was not sent saw it in order: the ledger knows, and the audience was last sent that it fails.
#[test]
fn what_was_unseen_does_not_fail_where_the_ledger_knows_better() {
    for unseen in ["!clean !denied", "!clean a:unknown@web", "!clean a:skip@web"] {
        let desk = Desk::new().reported(1, "a:high@web");
        let digests = desk.digests(2, unseen);
        let [digest] = &digests[..] else { panic!("{unseen}: {digests:?}") };
        assert_eq!(digest.changes[0].line.standing, None, "{unseen}");
        let desk = desk.reported(2, unseen);
        assert_eq!(desk.says(3, unseen), Vec::<String>::new(), "{unseen}: once");
        assert_eq!(desk.says(3, "a:pass@web"), ["owner:web: cleared a"], "{unseen}");
        assert_eq!(desk.says(3, "a:high@web"), ["owner:web: new a"], "{unseen}");
    }
}

#[test]
fn each_is_reported_of_its_own() {
    let desk = Desk::new();
    assert_eq!(
        desk.says(1, "a:high@web b:low@pay c:low@somebody d:low e:low@? f:pass@web"),
        ["owner:Pay: new b", "owner:web: new a", "unlisted: new c", "unowned: new d, new e"]
    );
    let desk = desk.reported(1, "a:high@web");
    assert_eq!(desk.says(2, "a:high@pay"), ["owner:Pay: new a", "owner:web: moved a"]);
}

#[test]
fn what_is_due_is_reported_once() {
    let soon = "a:ex=2026-11-20@web b:high@web";
    let desk = Desk::new();
    assert_eq!(desk.says(1, soon), ["owner:web: new b, excepted a"]);
    let mut desk = desk.reported(1, soon);
    assert_eq!(desk.says(3, soon), Vec::<String>::new());
    assert_eq!(desk.says(4, soon), ["owner:web: due a"], "14 days before its end");
    desk.arrive(4, soon);
    assert_eq!(desk.says(5, soon), Vec::<String>::new());
    assert_eq!(desk.says(30, soon), ["owner:web: still a, due b"], "older than high may be");
    // What is due is due whether anybody can look or not.
    assert_eq!(Desk::new().reported(1, soon).says(4, "!denied"), ["owner:web: unseen a, unseen b, due a"]);
    // A date that cannot be read is no permission to wait.
    assert_eq!(Desk::new().says(1, "a:ex=soon@web"), ["owner:web: excepted a, due a"]);
}

#[test]
fn figures_have_their_denominators() {
    let digest =
        Desk::new().digests(1, "a:high@web b:unknown@web c:pass@web d:ex=2027-01-01@web e:info@web !half").remove(0);
    let totals = &digest.totals;
    assert_eq!(
        (totals.findings, totals.passing, totals.failing, totals.informational, totals.excepted, totals.unknown),
        (5, 1, 1, 1, 1, 1)
    );
    assert_eq!((totals.load_balancers, totals.load_balancers_failing, totals.load_balancers_unknown), (5, 1, 1));
    assert_eq!((digest.scan.account_regions, digest.scan.account_regions_complete), (1, 0));
    let directory = directory(settings(&["web"], vec![("out", exec(&["/bin/true"]))]));
    let (planned, _) = plan(
        &report(1, "a:high@web b:unknown@web !half"),
        &RULES,
        &HistoryContext::default(),
        &directory,
        &Book::new(),
    )
    .expect("reads");
    let text = planned[0].text.as_deref().expect("a digest");
    for said in [
        "Failing: 1 of 2 load balancers, with 1 finding",
        "1 load balancer with unknown verdicts",
        "UTC; the rest is unknown",
    ] {
        assert!(text.contains(said), "{said:?} in {text}");
    }
}

#[test]
fn the_same_is_the_same_and_nothing_else_is() {
    let desk = Desk::new();
    let id = |desk: &Desk, days, scene: &str| desk.digests(days, scene).remove(0).id;
    assert_eq!(id(&desk, 1, "a:high@web"), id(&desk, 2, "a:high@web"));
    assert_eq!(desk.digests(1, "a:high@web"), desk.digests(1, "a:high@web"));
    assert_ne!(id(&desk, 1, "a:high@web"), id(&desk, 1, "a:low@web"));
    // Back and forth: what stands is what stood, and it is another digest.
    let first = id(&desk, 1, "a:high@web");
    let desk = desk.reported(1, "a:high@web").reported(2, "a:pass@web");
    assert_ne!(id(&desk, 3, "a:high@web"), first);
}

#[test]
fn what_may_have_arrived_is_reported_again() {
    let desk = Desk::new().reported(1, "a:pass@web b:high@web");
    // An attempt of which nobody knows: whoever got it believes that a fails.
    let attempt = desk.digests(2, "a:high@web b:high@web").remove(0);
    let state = serde_json::json!({
        "entries": {}, "uncertain": {attempt.changes[0].line.finding.clone(): {
            "arn": attempt.changes[0].line.load_balancer, "rule": attempt.changes[0].line.rule, "name": "a",
            "owner": "web", "standing": {"is": "failing", "severity": "high"},
        }},
    });
    let intent = StoredDigest { id: attempt.id, state: state.to_string(), at: day(2) };
    desk.book.intend("owner:web", "out", &intent).expect("writes");
    assert_eq!(desk.says(3, "a:pass@web b:high@web"), ["owner:web: fixed a"]);
    assert_eq!(desk.says(3, "a:high@web b:high@web"), ["owner:web: new a"]);
    assert!(desk.digests(3, "a:pass@web b:high@web")[0].may_repeat);
}
