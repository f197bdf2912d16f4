//! The pages as a person reads them: the text that a browser shows, one target mode, ages, each cause once.

use std::sync::Arc;

use doorward_model::{
    Gap, GapReason, History, Manager, Mode, Observed, ObservedTime, TrafficBasis, TrafficStep, Verdict,
};
use doorward_sink_owners::snippets;

use crate::pages::{MODE_RULE, one, pages};
use crate::{context, scene};

/// What a browser shows of a page: its text, with the content of each `<pre>` as it is laid out.
fn as_shown(html: &str) -> String {
    let body = html.split_once("</style>").expect("a style").1;
    let mut text = String::new();
    for part in body.split('<') {
        text.push_str(part.split_once('>').map_or(part, |(_, text)| text));
    }
    let entities = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#x27;", "'"), ("&#x2f;", "/"), ("&amp;", "&")];
    entities.iter().fold(text, |text, (entity, shown)| text.replace(entity, shown))
}

#[test]
fn a_browser_shows_each_snippet_line_by_line() {
    for manager in [
        Manager::Terraform("x".into()),
        Manager::CloudFormation("x".into()),
        Manager::Kubernetes("x".into()),
        Manager::EcsGateway("x".into()),
        Manager::ElasticBeanstalk("x".into()),
    ] {
        let (report, context) = one(|report| report.load_balancers[0].managed_by = Observed::Known(manager));
        let [md, html] = pages(&report, &context);
        let shown = as_shown(&html);
        for snippet in snippets(&report.load_balancers[0], Mode::Defensive) {
            assert!(shown.contains(&snippet.code), "{:?} in {shown}", snippet.code);
            assert!(md.contains(&snippet.code), "{:?} in {md}", snippet.code);
        }
        // These names are harmless, so nothing on the page is an escape, and backticks became code.
        assert!(!shown.contains("\\u{") && !shown.contains('`'), "{shown}");
    }
}

#[test]
fn a_load_balancer_has_one_target_mode() {
    for (step, advised, expected) in [
        (TrafficStep::Raise, Mode::Strictest, "first defensive, as required; then strictest"),
        (
            TrafficStep::FixAndRaise,
            Mode::Strictest,
            "first defensive, as required; then strictest, once these sources are fixed",
        ),
        (TrafficStep::Raise, Mode::Defensive, "raise now: defensive"),
    ] {
        let (report, context) = one(|report| {
            let mut traffic = scene::traffic(1, "x");
            traffic.basis = TrafficBasis::FullLogs;
            traffic.observed = Some(ObservedTime::default());
            (traffic.step, traffic.recommended) = (step, Some(advised));
            report.load_balancers[0].traffic = Some(traffic.into());
        });
        for page in pages(&report, &context) {
            assert!(page.contains(expected), "{expected} in {page}");
            assert!(!page.contains("raise now: strictest") && !page.contains("then raise: strictest"), "{page}");
        }
    }
}

#[test]
fn an_age_is_never_zero_days_and_an_ended_exception_has_its_date() {
    let expired = "Exception EX-1 expired at the end of 2026-10-15 (UTC), and the load balancer still fails.";
    let (report, context) = one(|report| {
        let finished = report.run.finished;
        for finding in &mut report.findings {
            let history =
                History { first_seen: finished, last_seen: finished, resolved: None, reopened: 0, failing: None };
            finding.history = Some(Box::new(history));
        }
        let mut ended = report.findings.iter().find(|f| f.rule == MODE_RULE).expect("a finding").clone();
        ended.rule = "exception-expired".into();
        if let Verdict::Fail { because, .. } = Arc::make_mut(&mut ended.verdict) {
            *because = expired.into();
        }
        report.findings.retain(|finding| finding.rule != ended.rule);
        report.findings.push(ended);
    });
    let [md, html] = pages(&report, &context);
    for shown in [md, as_shown(&html)] {
        assert!(shown.contains("open for less than 1 day"), "{shown}");
        assert!(!shown.contains("0 days"), "{shown}");
        let todo =
            shown.split_once("What to do").expect("a section").1.split_once("The load balancers").expect("next").0;
        assert!(todo.contains(&expired.replace("(UTC)", "\\(UTC\\)")) || todo.contains(expired), "{todo}");
    }
}

#[test]
fn one_cause_of_unread_owners_is_listed_once() {
    let mut report = scene::large(3, 1);
    for (n, lb) in report.load_balancers.iter_mut().enumerate() {
        let mut gap = Gap::new(GapReason::AccessDenied, "elasticloadbalancing:DescribeTags");
        gap.request_id = Some(format!("request-{n}"));
        lb.owner = Observed::Unread(gap.into());
    }
    for page in pages(&report, &context()) {
        let remedy = GapReason::AccessDenied.remedy().split('.').next().expect("a sentence");
        let causes = page.split_once("What to do").expect("a section").0;
        assert_eq!(causes.matches("access-denied at").count(), 1, "{remedy}: {causes}");
    }
}
