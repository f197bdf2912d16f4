//! What was not read or not seen never looks like a good result: on the page and on the posture sheet.

use std::sync::Arc;

use doorward_model::{
    Coverage, CoverageStatus, Finding, Gap, GapReason, HistoryContext, LastMode, Mode, ModeEffect, NotObserved,
    Observed, ReportTally, RunPoint, ScanReport, Severity, Unseen, UnseenFinding, UnseenLoadBalancer, Verdict,
    VerdictReason, WhyUnseen,
};
use doorward_sink_page::{ExceptionTerm, PageContext, render, render_sheet};

use crate::scene;

const MODE: &str = "desync-mode-below-required";

/// A report whose first load balancers were not seen, each with a failure of high severity. Everything in scope was read, as in a scan of
/// fewer accounts than before.
fn hidden(load_balancers: u64, count: usize) -> ScanReport {
    let mut report = scene::large(load_balancers, 3);
    let gone: Vec<_> = report.load_balancers.drain(..count).collect();
    let is_gone = |f: &Finding| gone.iter().any(|lb| lb.arn == f.load_balancer);
    let (lost, kept): (Vec<_>, Vec<_>) = report.findings.into_iter().partition(is_gone);
    report.findings = kept;
    let at = report.run.started;
    let findings = lost.into_iter().filter(|f| f.rule == MODE).map(|f| UnseenFinding {
        id: f.id,
        rule: f.rule.into(),
        account: f.account,
        region: f.region,
        load_balancer: f.load_balancer,
        name: f.name.into(),
        kind: f.kind,
        owner: "team-lost".to_owned(),
        unit: String::new(),
        excepted: false,
        severity: Some(Severity::High),
        first_seen: at,
        last_seen: at,
        because: WhyUnseen::LoadBalancerNotSeen,
    });
    let load_balancers = gone.iter().map(|lb| UnseenLoadBalancer {
        arn: lb.arn.clone(),
        account: lb.account.clone(),
        region: lb.region.clone(),
        name: lb.name.clone(),
        kind: lb.kind,
        owner: "team-lost".to_owned(),
        unit: String::new(),
        mode: Some(LastMode::Monitor),
        last_seen: at,
    });
    report.unseen = Some(Unseen {
        load_balancers: load_balancers.collect(),
        findings: findings.collect(),
        account_regions: 1,
        never_read: 0,
    });
    report.tally = ReportTally::of(&report.load_balancers, &report.findings);
    report
}

/// A report of a scan that every account refused.
fn denied() -> ScanReport {
    let mut report = scene::large(4, 2);
    (report.load_balancers, report.findings, report.tally) = (Vec::new(), Vec::new(), ReportTally::default());
    for line in &mut report.coverage.lines {
        (line.status, line.fully_listed, line.load_balancers) = (CoverageStatus::Failed, false, None);
    }
    report.coverage = Coverage::new(report.coverage.lines, report.coverage.accounts_listing);
    report
}

fn page(report: &ScanReport, context: &PageContext) -> String {
    render(report, context).expect("renders")
}

#[test]
fn a_sheet_of_a_scan_that_saw_less_warns_and_counts_what_it_did_not_see() {
    let report = hidden(20, 19);
    assert!(report.is_whole(), "everything in scope was read");
    let tally = &report.tally;
    let point = |modes: Vec<(Mode, usize)>, unseen| RunPoint {
        run: String::new(),
        at: report.run.finished,
        coverage: report.coverage.counts,
        modes: modes.into_iter().collect(),
        mode_unknown: 0,
        open: tally.failures.clone(),
        excepted: 0,
        unknown: 0,
        unseen: Some(NotObserved { load_balancers: unseen, failing: unseen, ..NotObserved::default() }),
        policy: None,
    };
    let trend = vec![point(vec![(Mode::Defensive, 12), (Mode::Monitor, 8)], 0), point(vec![(Mode::Defensive, 1)], 19)];
    let history = HistoryContext { trend, ..HistoryContext::default() };
    let sheet = render_sheet(&report, &history, &[]).expect("renders");
    assert!(sheet.contains("role=\"alert\">Not everything was read"), "{sheet}");
    assert!(sheet.contains("19 load balancers and 19 failures that earlier scans saw"), "{sheet}");
    assert!(
        sheet.contains("60.0% (12 of 20)") && sheet.contains("<td>5.0% to 100.0% of 20</td>"),
        "the trend: {sheet}"
    );
    let open = tally.open_findings();
    assert!(sheet.contains(&format!("<b>{}</b>", open + 19)), "{sheet}");
    assert!(sheet.contains(&format!("{open} seen, 19 not seen now")), "{sheet}");
    assert!(sheet.contains("of 20 known; 19 of them not seen now"), "the shares of modes: {sheet}");
    assert!(!sheet.contains("100.0% (1 of 1)"), "no share of what was seen alone");
    assert!(
        sheet.contains("<bdi>team-lost</bdi></th><td class=\"n\">0</td><td class=\"n\">0</td><td class=\"n\">19</td>")
    );
    // With nothing hidden there is nothing to warn of.
    let whole = render_sheet(&scene::large(20, 3), &HistoryContext::default(), &[]).expect("renders");
    assert!(!whole.contains("role=\"alert\""));
}

/// The figure of a card.
fn card(page: &str, label: &str) -> (String, String) {
    let rest = page.split_once(&format!("<p class=\"label\">{label}</p><p class=\"figure\">")).expect(label).1;
    let (figure, rest) = rest.split_once("</p><p class=\"soft\">").expect("a figure");
    (figure.to_owned(), rest.split_once("</p>").expect("its denominator").0.to_owned())
}

#[test]
fn a_card_of_nothing_is_unknown_and_what_was_not_seen_counts() {
    let labels = [
        "Weaker than required",
        "Weaker by exception",
        "Open findings",
        "Critical or high failures",
        "Unknown verdicts",
    ];
    let nothing = page(&denied(), &PageContext::default());
    for label in labels {
        assert_eq!(card(&nothing, label), ("unknown".to_owned(), "nothing was read".to_owned()), "{label}");
    }
    let less = page(&hidden(20, 19), &PageContext::default());
    let seen: usize = {
        let failures = &hidden(20, 19).tally.failures;
        [Severity::High, Severity::Critical].iter().filter_map(|severity| failures.get(severity)).sum()
    };
    let (figure, of) = card(&less, "Critical or high failures");
    assert_eq!(figure, (seen + 19).to_string());
    assert!(of.starts_with(&format!("{seen} seen, 19 not seen now")), "{of}");
}

#[test]
fn an_exception_of_what_was_not_read_is_due() {
    let today = denied().run.finished.to_zoned(jiff::tz::TimeZone::UTC).date();
    let term = |id: &str, days: i32| ExceptionTerm {
        id: id.to_owned(),
        last_day: today.saturating_add(jiff::Span::new().days(days)),
    };
    let exceptions = vec![term("EX-OVER", -20), term("EX-SOON", 5), term("EX-LATER", 90)];
    let context = PageContext { exceptions, ..PageContext::default() };
    let text = page(&denied(), &context);
    assert!(text.contains("EX-OVER") && text.contains(">expired<") && text.contains(">5 days left<"), "{text}");
    assert!(text.contains("no verdict names it, and not everything was read") && !text.contains("EX-LATER"));
    assert!(text.contains("1 exception that ends; 1 exception expired"), "{text}");
    let text = page(&denied(), &PageContext::default());
    assert!(
        text.contains("No exception in use expired among what was read, and none among what was read ends"),
        "{text}"
    );
    assert!(text.contains("<dd>nothing among what was read</dd>"), "{text}");
    // Where everything was read, an exception that no verdict names is not in use.
    let whole = page(&scene::large(0, 1), &context);
    assert!(!whole.contains("EX-OVER") && whole.contains("No exception in use expired, and none ends within 30 days."));
}

/// The sentence is that of the rule; the page names the exception and its last day as it does for an exception that ends.
#[test]
fn an_exception_that_expired_has_its_id_and_last_day_once_for_all_load_balancers() {
    let mut report = scene::large(6, 3);
    let failing: Vec<_> = report
        .findings
        .iter()
        .map(|f| f.load_balancer.clone())
        .collect::<std::collections::BTreeSet<_>>()
        .into_iter()
        .take(3)
        .collect();
    let ids = ["ACME-9", "ACME-9", "ACME-91"];
    report.findings.retain(|finding| finding.rule != "exception-expired");
    let mut expired: Vec<Finding> = Vec::new();
    for (arn, id) in failing.iter().zip(ids) {
        let mut finding = report.findings.iter().find(|f| f.load_balancer == *arn).expect("a finding").clone();
        finding.rule = "exception-expired".into();
        finding.verdict = Arc::new(Verdict::Fail {
            severity: Severity::High,
            reason: VerdictReason::FailsAfterExpiry,
            because: format!(
                "Exception {id} expired at the end of 2026-10-15 (UTC), and the load balancer still fails x."
            ),
            remedy: String::new(),
        });
        expired.push(finding);
    }
    report.findings.extend(expired);
    let term = |id: &str| ExceptionTerm { id: id.to_owned(), last_day: jiff::civil::date(2026, 10, 15) };
    let context = PageContext { exceptions: vec![term("ACME-9"), term("ACME-91")], ..PageContext::default() };
    let text = page(&report, &context);
    for (id, count) in [("ACME-9", 2), ("ACME-91", 1)] {
        let row = format!(
            "<tr><th scope=\"row\">{id}</th><td><span class=\"tag high\">expired</span></td><td>2026-10-15</td><td class=\"n\">{count}</td>"
        );
        assert!(text.contains(&row), "{id}: {text}");
    }
    // A register that does not have it leaves the sentence.
    let text = page(&report, &PageContext::default());
    assert!(text.contains("<th scope=\"row\">Exception ACME-91 expired at the end of 2026-10-15"), "{text}");
}

#[test]
fn a_page_of_a_part_does_not_say_that_nothing_fails() {
    let report = scene::large(0, 1);
    let all = page(&report, &PageContext::default());
    assert!(all.contains(">Nothing that was read fails.<"), "{all}");
    let part = page(&report, &PageContext { filter: Some("owner x".to_owned()), ..PageContext::default() });
    assert!(part.contains(">Nothing that was read in this part of the report fails.<"), "{part}");
}

#[test]
fn what_could_not_be_read_about_accounts_is_on_the_page() {
    let mut report = scene::large(4, 2);
    let gap = Gap::new(GapReason::AccessDenied, "organizations:ListRoots");
    report.accounts.iter_mut().for_each(|account| account.ou = Observed::unread(gap.clone()));
    let text = page(&report, &PageContext::default());
    assert!(text.contains("Not read about accounts") && text.contains("organizations:ListRoots"), "{text}");
    assert!(text.contains(&format!("{} organizational unit", report.accounts[0].id)));
    assert!(!page(&scene::large(4, 2), &PageContext::default()).contains("Not read about accounts"));
}

#[test]
fn harm_that_is_not_known_is_not_drawn_as_harmless() {
    let mut report = scene::large(3, 1);
    let hurts = [Some(0), None, Some(3)];
    for (n, (lb, hurt)) in report.load_balancers.iter_mut().zip(hurts).enumerate() {
        let mut traffic = scene::traffic(1, "Severe");
        traffic.modes = vec![ModeEffect { mode: Mode::Strictest, blocked: 7, closed: 0, hurt, hurt_per_million: None }];
        (lb.name, lb.traffic) = (format!("row-{n}"), Some(Arc::new(traffic)));
        lb.mode = Observed::Known(Mode::Defensive);
    }
    let text = page(&report, &PageContext::default());
    assert!(text.contains("rect class=\"part unknown\"") && text.contains("unknown whether the clients were served"));
    let rows: Vec<usize> = ["row-2", "row-1", "row-0"]
        .iter()
        .map(|name| text.find(&format!("<bdi>{name}</bdi>")).expect("a row"))
        .collect();
    assert!(rows.is_sorted(), "known harm first, then what may be harm: {rows:?}");
    let unknown = &text[rows[1]..rows[2]];
    assert!(unknown.contains("part unknown") && !unknown.contains("part blocked"), "{unknown}");
    assert!(!text[rows[2]..].split("</tr>").next().expect("a row").contains("part unknown"));
}

#[test]
fn a_zero_that_was_read_stays_a_zero() {
    let mut report = scene::large(1, 1);
    let pass = Verdict::Pass { reason: VerdictReason::ModeSufficient, because: "It is.".to_owned() };
    report.findings.iter_mut().for_each(|finding| finding.verdict = Arc::new(pass.clone()));
    report.tally = ReportTally::of(&report.load_balancers, &report.findings);
    assert_eq!(card(&page(&report, &PageContext::default()), "Unknown verdicts").0, "0", "a zero that was read stays");
}
