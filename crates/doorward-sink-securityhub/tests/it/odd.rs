//! Odd findings: whatever names, tags and reasons contain, they are rendered within ASFF's limits, accepted, and never
//! in the way of the others; and every finding of a report ends in exactly one count.

use std::collections::BTreeMap;
use std::sync::Arc;

use doorward_fakeaws::{Fault, What};
use doorward_model::{
    Certainty, ChangeStatus, CodePlace, Gap, GapReason, InCode, LoadBalancer, Mode, Observed, Owner, OwnerSource,
    ScanReport, TextMap, Verdict, VerdictReason,
};
use doorward_sink_securityhub::{Delivery, ExceptedAs, FINDING_BYTES, FindingRenderer, MemoryOutbox, ReportIndex};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::bed::{ACCOUNTS, METAS, MODE, REGIONS, Scene, Truth, applied, finding, place};
use crate::doubles::{Cloud, text};

/// Texts that break things.
fn odd_text() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        Just("   \t".to_owned()),
        Just("\u{0}\u{7}\u{1b}[31m".to_owned()),
        Just("\u{a0}\u{2003}".to_owned()),
        "\\PC{1,40}",
        "[😀🚪é\"\\\\<>&]{1,500}",
        Just("x".repeat(500)),
        Just("漢".repeat(5_000)),
    ]
}

fn odd_map(most: usize) -> impl Strategy<Value = BTreeMap<String, String>> {
    prop_oneof![
        prop::collection::btree_map(odd_text(), odd_text(), 0..12),
        Just((0..most).map(|n| (format!("key {n} {}", "k".repeat(n % 200)), "値".repeat(n % 300))).collect()),
    ]
}

fn odd_verdict() -> impl Strategy<Value = Verdict> {
    let gaps = prop::collection::vec(odd_text(), 0..30).prop_map(|messages| {
        let gap = |message| Arc::new(Gap::new(GapReason::Malformed, "elasticloadbalancing:X").with_message(message));
        messages.into_iter().map(gap).collect::<Vec<_>>()
    });
    let severity = doorward_model::Severity::High;
    prop_oneof![
        odd_text().prop_map(|because| Verdict::Pass { reason: VerdictReason::ModeSufficient, because }),
        (odd_text(), odd_text()).prop_map(move |(because, remedy)| Verdict::Fail {
            reason: VerdictReason::ModeMonitor,
            because,
            severity,
            remedy
        }),
        (odd_text(), odd_text()).prop_map(move |(because, exception)| Verdict::Excepted {
            reason: VerdictReason::ExceptionValid,
            because,
            severity,
            exception,
            expires: "2026-12-31".to_owned()
        }),
        (odd_text(), gaps).prop_map(|(because, gaps)| Verdict::Unknown {
            reason: VerdictReason::ModeUnread,
            because,
            gaps
        }),
        odd_text().prop_map(|because| Verdict::NotApplicable { reason: VerdictReason::NotApplicableKind, because }),
    ]
}

prop_compose! {
    fn odd_load_balancer()(
        name in odd_text(), account in odd_text(), owner in odd_text(), tags in odd_map(1_000), attributes in odd_map(150),
        groups in prop::collection::vec(odd_text(), 0..60), state in odd_text(), verdict in odd_verdict(),
        done in prop::option::of(odd_text()),
        rule in prop_oneof![4 => Just(MODE), 1 => Just("a-rule-of-tomorrow")],
    ) -> (LoadBalancer, Verdict, &'static str) {
        let here = place(ACCOUNTS[0], REGIONS[0]);
        let plain = Scene { load_balancers: [((here, "lb".to_owned()), Truth::with(Mode::Monitor))].into(), ..Scene::default() };
        let mut lb = plain.report(crate::bed::start()).load_balancers.remove(0);
        lb.account_name = Observed::Known(account);
        lb.owner = Observed::Known(Owner { name: owner.clone(), source: OwnerSource::ResourceTag(owner), conflicting: Vec::new() });
        lb.environment = Observed::Known(name.clone());
        (lb.name, lb.state) = (name, Some(state.into()));
        lb.security_groups = groups.into_iter().map(Into::into).collect();
        lb.declared = done.as_ref().map(|text| Arc::new(declared(text)));
        lb.changes = done.iter().map(|text| applied(ChangeStatus::Changed, text)).collect();
        (lb.tags, lb.attributes) = (Observed::Known(tags.into()), Observed::Known(attributes.into()));
        (lb, verdict, rule)
    }
}

/// Several declarations with one text in everything that comes from files.
fn declared(text: &str) -> InCode {
    let place = CodePlace {
        dialect: "hcl".to_owned(),
        address: text.to_owned(),
        file: text.to_owned(),
        line: 1,
        column: 1,
        way: text.to_owned(),
        patch: None,
        unpatched: None,
    };
    InCode { certainty: Certainty::Ambiguous, because: "They fit.".to_owned(), places: vec![place; 40] }
}

/// A report of odd load balancers, with ARNs as long as the model admits.
fn odd_report(load_balancers: Vec<(LoadBalancer, Verdict, &'static str)>, cloud: &Cloud) -> ScanReport {
    let mut report = Scene::default().report(cloud.now());
    for (number, (mut lb, verdict, rule)) in load_balancers.into_iter().enumerate() {
        let name = if number % 3 == 0 { "n".repeat(500) } else { "web".to_owned() };
        lb.arn = crate::bed::arn(&place(ACCOUNTS[0], REGIONS[0]), &format!("{name}{number}"));
        report.findings.push(finding(&lb, rule, verdict));
        report.load_balancers.push(lb);
    }
    report
}

#[test]
fn every_finding_ends_in_one_count_and_odd_ones_stop_no_other() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let mut runner = TestRunner::new_with_rng(
        Config { cases: 48, failure_persistence: None, ..Config::default() },
        proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    );
    let strategy = (prop::collection::vec(odd_load_balancer(), 1..8), 0..4_u8);
    runner
        .run(&strategy, |(load_balancers, trouble)| {
            runtime.block_on(async {
                let cloud = Cloud::start().await;
                let report = odd_report(load_balancers, &cloud);
                let applicable = report
                    .findings
                    .iter()
                    .filter(|f| f.rule == MODE && !matches!(*f.verdict, Verdict::NotApplicable { .. }));
                let applicable = applicable.count();
                let faults = match trouble {
                    0 => vec![Fault::new(What::PartialFailure).service("securityhub")],
                    1 => vec![Fault::new(What::AccessDenied).service("securityhub")],
                    _ => Vec::new(),
                };
                let sound = faults.is_empty();
                cloud.server.set_faults(faults);
                let outbox = Arc::new(MemoryOutbox::default());
                let outcome = cloud.publisher(&outbox, Delivery::Member).publish(&report).await.expect("published");
                prop_assert!(outcome.adds_up() && outcome.receipt().adds_up(), "{outcome:#?}");
                if sound {
                    prop_assert_eq!(outcome.accepted(), applicable, "{:?}", outcome.refused().collect::<Vec<_>>());
                    prop_assert_eq!(cloud.records().len(), applicable);
                }
                Ok(())
            })
        })
        .expect("holds");
}

#[test]
fn nothing_is_cut_silently_and_nothing_is_too_large() {
    let renderer = FindingRenderer::new(Delivery::Member, ExceptedAs::Failed, &METAS, BTreeMap::new());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let cloud = runtime.block_on(Cloud::start());
    let mut runner = TestRunner::new_with_rng(
        Config { cases: 64, failure_persistence: None, ..Config::default() },
        proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    );
    let all = std::cell::RefCell::new(Vec::new());
    runner
        .run(&prop::collection::vec(odd_load_balancer(), 1..4), |load_balancers| {
            let report = odd_report(load_balancers, &cloud);
            crate::ocsf::check(&report);
            let index = ReportIndex::new(&report);
            for rendered in renderer.render_all(&index) {
                all.borrow_mut().push(rendered.finding.clone());
                let json = rendered.finding.to_json().expect("JSON");
                prop_assert!(json.len() <= FINDING_BYTES, "{} bytes", json.len());
                let lost = json.contains("… (cut)");
                let reported = rendered.finding.product_fields.contains_key("doorward/cut");
                prop_assert!(reported || !lost, "{json}");
                let lb = report
                    .load_balancers
                    .iter()
                    .find(|lb| rendered.finding.resources[0].id.starts_with(&lb.arn.as_str()[..90]));
                let tags = lb.and_then(|lb| lb.tags.known()).map_or(0, TextMap::len);
                prop_assert!(reported || rendered.finding.resources[0].tags.len() >= tags.min(1), "{json}");
            }
            Ok(())
        })
        .expect("holds");
    offer("odd", &all.into_inner());
}

/// Leaves findings where `cargo xtask asff` looks for them, to have them checked against the model of AWS's own SDK.
pub(crate) fn offer(name: &str, findings: &impl serde::Serialize) {
    if let Some(folder) = std::env::var_os("DOORWARD_ASFF_OUT") {
        let path = std::path::Path::new(&folder).join(format!("{name}.json"));
        std::fs::write(path, serde_json::to_vec(findings).expect("JSON")).expect("written");
    }
}

#[tokio::test]
async fn a_finding_that_security_hub_calls_invalid_is_found_among_many() {
    let cloud = Cloud::start().await;
    let here = place(ACCOUNTS[0], REGIONS[0]);
    let mut scene = Scene::default();
    for number in 0..60 {
        scene.put(&here, &format!("lb{number}"), Truth::with(Mode::Monitor));
    }
    let report = scene.report(cloud.now());
    let outbox = Arc::new(MemoryOutbox::default());
    // The emulator refuses the whole call for it, as Security Hub does for what its model forbids.
    cloud.server.set_faults(vec![Fault::new(What::InvalidFinding("lb17/".to_owned())).service("securityhub")]);
    let outcome = cloud.publisher(&outbox, Delivery::Member).publish(&report).await.expect("published");
    assert!(outcome.adds_up() && !outcome.is_complete(), "{outcome:#?}");
    assert_eq!(outcome.accepted(), 118);
    let refused: Vec<_> = outcome.refused().map(|(_, refused)| (refused.id.as_str(), refused.code.as_str())).collect();
    assert_eq!(refused.len(), 2);
    assert!(refused.iter().all(|(id, code)| id.contains("/lb17/") && *code == "InvalidInputException"), "{refused:?}");
    assert!(cloud.records().iter().all(|record| !text(record, "/Id").contains("/lb17/")));
}
