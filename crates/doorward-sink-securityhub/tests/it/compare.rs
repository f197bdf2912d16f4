//! What was seen beside what Security Hub's own controls say: every standing by its case, and laws over all of them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use doorward_fakeaws::{Fault, What};
use doorward_model::{AccountRegion, Gap, GapReason, Kind, Mode, Severity, Verdict, VerdictReason};
use doorward_sink_securityhub::{
    APPLICATION, Blind, CLASSIC, CONFIG, Closed, NativeFinding, NativeFindings, Standing, UnseenSide, compare, native,
};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::bed::{ACCOUNTS, MODE, REGIONS, Scene, Truth, arn, place};
use crate::doubles::Cloud;

/// Its name, the mode, another verdict than the scene's, the answer, and how they stand.
type Case = (&'static str, Option<Mode>, Option<Verdict>, NativeFindings, Standing);

fn here() -> AccountRegion {
    place(ACCOUNTS[0], REGIONS[0])
}

fn says(control: &str, resource: &str, status: &str) -> NativeFinding {
    NativeFinding {
        control: control.to_owned(),
        account: ACCOUNTS[0].to_owned(),
        region: REGIONS[0].to_owned(),
        resource: resource.to_owned(),
        status: status.to_owned(),
        reasons: Vec::new(),
        suppressed: false,
        updated_at: "2026-11-01T00:00:00.000Z".to_owned(),
    }
}

fn of(name: &str, status: &str) -> NativeFinding {
    says(APPLICATION, arn(&here(), name).as_str(), status)
}

fn account(control: &str, status: &str, reason: &str) -> NativeFinding {
    let reasons = vec![reason.to_owned()];
    NativeFinding { reasons, ..says(control, &format!("AWS::::Account:{}", ACCOUNTS[0]), status) }
}

/// How a load balancer `edge` in a mode stands to an answer.
fn standing(mode: Option<Mode>, kind: Kind, verdict: Option<Verdict>, answer: NativeFindings) -> Standing {
    let mut scene = Scene::default();
    scene.put(&here(), "edge", Truth { mode, kind, ..Truth::with(Mode::Monitor) });
    let mut report = scene.report("2026-11-02T09:00:00Z".parse().expect("a time"));
    for finding in report.findings.iter_mut().filter(|finding| finding.rule == MODE) {
        finding.verdict = verdict.clone().map_or_else(|| finding.verdict.clone(), Arc::new);
    }
    let lines = compare(&report, &BTreeMap::from([(here(), answer)])).lines;
    assert_eq!(lines.len(), 1);
    lines[0].standing.clone()
}

#[test]
fn every_standing_has_its_case() {
    let (monitor, defensive) = (Some(Mode::Monitor), Some(Mode::Defensive));
    let gap = Gap::new(GapReason::AccessDenied, "securityhub:GetFindings");
    let demanding = Verdict::Fail {
        reason: VerdictReason::ModeMonitor,
        because: "strictest".to_owned(),
        severity: Severity::High,
        remedy: String::new(),
    };
    let content = Verdict::Pass { reason: VerdictReason::ModeSufficient, because: "monitor will do".to_owned() };
    let hushed = NativeFinding { suppressed: true, ..of("edge", "FAILED") };
    let silent = NativeFinding { reasons: vec!["CONFIG_EVALUATIONS_EMPTY".to_owned()], ..of("edge", "NOT_AVAILABLE") };
    let empty = || vec!["CONFIG_EVALUATIONS_EMPTY".to_owned()];
    let cases: Vec<Case> = vec![
        ("both fail", monitor, None, Ok(vec![of("edge", "FAILED")]), Standing::Agrees),
        ("both pass", defensive, None, Ok(vec![of("edge", "PASSED")]), Standing::Agrees),
        ("strictest passes", Some(Mode::Strictest), None, Ok(vec![of("edge", "PASSED")]), Standing::Agrees),
        ("passes in monitor", monitor, None, Ok(vec![of("edge", "PASSED")]), Standing::Contradicts),
        ("fails in defensive", defensive, None, Ok(vec![of("edge", "FAILED")]), Standing::Contradicts),
        (
            "one standard lags",
            monitor,
            None,
            Ok(vec![of("edge", "FAILED"), of("edge", "PASSED")]),
            Standing::Contradicts,
        ),
        ("suppressed", monitor, None, Ok(vec![hushed.clone()]), Standing::Suppressed),
        ("suppressed in one standard", monitor, None, Ok(vec![hushed, of("edge", "FAILED")]), Standing::Agrees),
        ("policy wants more", defensive, Some(demanding), Ok(vec![of("edge", "PASSED")]), Standing::AsksLess),
        ("policy wants less", monitor, Some(content), Ok(vec![of("edge", "FAILED")]), Standing::AsksMore),
        ("not evaluated", monitor, None, Ok(vec![silent]), Standing::Blind(Blind::NotEvaluated(empty()))),
        (
            "the account was not evaluated",
            monitor,
            None,
            Ok(vec![account(APPLICATION, "WARNING", "CONFIG_EVALUATIONS_EMPTY")]),
            Standing::Blind(Blind::NotEvaluated(empty())),
        ),
        ("Config is off", monitor, None, Ok(vec![account(CONFIG, "FAILED", "X")]), Standing::Blind(Blind::NotRecorded)),
        ("Config is on", monitor, None, Ok(vec![account(CONFIG, "PASSED", "X")]), Standing::Blind(Blind::ControlOff)),
        ("others are seen", monitor, None, Ok(vec![of("other", "PASSED")]), Standing::Blind(Blind::Overlooked)),
        ("no findings", monitor, None, Ok(Vec::new()), Standing::Blind(Blind::ControlOff)),
        (
            "the other control is no answer",
            monitor,
            None,
            Ok(vec![says(CLASSIC, arn(&here(), "edge").as_str(), "FAILED")]),
            Standing::Blind(Blind::ControlOff),
        ),
        ("no Security Hub", monitor, None, Err(Closed::NotEnabled(gap.clone())), Standing::Blind(Blind::NotEnabled)),
        (
            "a Security Hub behind a door",
            monitor,
            None,
            Err(Closed::Unreachable(gap.clone())),
            Standing::Unknown(UnseenSide::Theirs(gap)),
        ),
        (
            "nobody saw the mode",
            None,
            None,
            Ok(vec![of("edge", "PASSED")]),
            Standing::Unknown(UnseenSide::Ours(Gap::new(
                GapReason::AccessDenied,
                "elasticloadbalancing:DescribeLoadBalancerAttributes",
            ))),
        ),
    ];
    for (case, mode, verdict, answer, expected) in cases {
        assert_eq!(standing(mode, Kind::Application, verdict, answer), expected, "{case}");
    }
    let classic = Ok(vec![says(CLASSIC, arn(&here(), "edge").as_str(), "FAILED")]);
    assert_eq!(standing(monitor, Kind::Classic, None, classic), Standing::Agrees);
}

#[test]
fn who_was_not_asked_is_unknown() {
    let mut scene = Scene::default();
    scene.put(&here(), "edge", Truth::with(Mode::Monitor));
    let compared = compare(&scene.report("2026-11-02T09:00:00Z".parse().expect("a time")), &BTreeMap::new());
    let gap = Gap::new(GapReason::NotAsked, "securityhub:GetFindings");
    assert_eq!(compared.lines[0].standing, Standing::Unknown(UnseenSide::Theirs(gap)));
    assert_eq!(compared.answered, 0);
}

#[test]
fn what_only_security_hub_names_is_gone_or_unseen() {
    let scene = Scene { cut_short: BTreeSet::from([place(ACCOUNTS[1], REGIONS[0])]), ..Scene::default() };
    let report = scene.report("2026-11-02T09:00:00Z".parse().expect("a time"));
    let answer = || Ok(vec![of("ghost", "PASSED"), account(CONFIG, "PASSED", "X")]);
    let answers = BTreeMap::from([(here(), answer()), (place(ACCOUNTS[1], REGIONS[0]), answer())]);
    let strays = compare(&report, &answers).strays;
    assert_eq!(strays.iter().map(|stray| stray.gone).collect::<Vec<_>>(), [true, false]);
}

/// A finding as Security Hub writes those of its controls.
fn asff(number: usize, control: &str, resource: &str, status: &str) -> Value {
    json!({
        "SchemaVersion": "2018-10-08",
        "Id": format!("arn:aws:securityhub:eu-west-1:{}:security-control/{control}/finding/{number}", ACCOUNTS[0]),
        "ProductArn": "arn:aws:securityhub:eu-west-1::product/aws/securityhub",
        "GeneratorId": format!("security-control/{control}"),
        "AwsAccountId": ACCOUNTS[0],
        "Region": "eu-west-1",
        "CreatedAt": "2026-11-01T00:00:00.000Z",
        "UpdatedAt": "2026-11-01T00:00:00.000Z",
        "Resources": [{"Type": "AwsElbv2LoadBalancer", "Id": resource, "Partition": "aws", "Region": "eu-west-1"}],
        "Compliance": {"Status": status, "SecurityControlId": control, "StatusReasons": [{"ReasonCode": "R"}]},
    })
}

#[tokio::test]
async fn a_security_hub_is_read_page_by_page_and_only_its_own_controls() {
    let cloud = Cloud::start().await;
    let world = cloud.server.world();
    let put = |finding: Value| assert!(world.put_security_hub_finding(ACCOUNTS[0], REGIONS[0], finding, cloud.now()));
    for number in 0..230 {
        put(asff(number, APPLICATION, &format!("arn:{number}"), "PASSED"));
    }
    put(asff(230, CONFIG, "AWS::::Account:111111111111", "FAILED"));
    put(asff(231, "ELB.4", "arn:x", "PASSED"));
    // Another product may name a control as it likes.
    let mut foreign = asff(232, APPLICATION, "arn:y", "PASSED");
    foreign["ProductArn"] = json!("arn:aws:securityhub:eu-west-1::product/acme/scanner");
    put(foreign);
    let mut archived = asff(233, APPLICATION, "arn:z", "PASSED");
    archived["RecordState"] = json!("ARCHIVED");
    put(archived);

    let (aws, security_hub) = (cloud.aws(), here());
    let read = || native(&aws, &security_hub);
    let found = read().await.expect("read");
    assert_eq!(found.len(), 231);
    assert_eq!(found.iter().filter(|finding| finding.control == CONFIG).count(), 1);
    assert!(found.iter().all(|finding| finding.region == "eu-west-1" && finding.reasons == ["R"]));

    cloud.server.set_faults(vec![Fault::new(What::AccessDenied).service("securityhub")]);
    let closed = read().await.expect_err("denied");
    assert_eq!(closed.gap().reason, GapReason::AccessDenied);
    cloud.server.set_faults(Vec::new());
    assert!(world.set_security_hub(ACCOUNTS[0], REGIONS[0], false));
    assert!(matches!(read().await, Err(Closed::NotEnabled(_))));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// One line for each load balancer whatever Security Hub says, and agreement only where both sides looked and say the same.
    #[test]
    fn agreement_is_never_assumed(
        modes in proptest::collection::vec(0..4_u8, 1..6),
        said in proptest::collection::vec((0..7_usize, 0..5_usize, 0..3_usize), 0..8),
        closed in 0..3_u8,
    ) {
        let modes: Vec<Option<Mode>> = modes.iter().map(|mode| match mode {
            0 => None,
            1 => Some(Mode::Monitor),
            2 => Some(Mode::Defensive),
            _ => Some(Mode::Strictest),
        }).collect();
        let mut scene = Scene::default();
        for (number, mode) in modes.iter().enumerate() {
            scene.put(&here(), &format!("lb{number}"), Truth { mode: *mode, ..Truth::with(Mode::Monitor) });
        }
        let report = scene.report("2026-11-02T09:00:00Z".parse().expect("a time"));
        let findings: Vec<NativeFinding> = said.iter().map(|(lb, status, control)| {
            let status = ["PASSED", "FAILED", "WARNING", "NOT_AVAILABLE", "\u{1b}[2J"][*status];
            let control = [APPLICATION, CLASSIC, CONFIG][*control];
            NativeFinding { control: control.to_owned(), ..of(&format!("lb{lb}"), status) }
        }).collect();
        let answer = match closed {
            0 => Err(Closed::Unreachable(Gap::new(GapReason::Throttled, "securityhub:GetFindings"))),
            _ => Ok(findings.clone()),
        };
        let read = answer.is_ok();
        let comparison = compare(&report, &BTreeMap::from([(here(), answer)]));
        prop_assert_eq!(comparison.lines.len(), modes.len());
        for line in &comparison.lines {
            let right = if line.mode == Some(Mode::Monitor) { "FAILED" } else { "PASSED" };
            let about: Vec<&NativeFinding> = findings.iter()
                .filter(|f| f.control == APPLICATION && f.resource == line.load_balancer.as_str())
                .filter(|f| f.status == "PASSED" || f.status == "FAILED")
                .collect();
            let agrees = matches!(line.standing, Standing::Agrees);
            prop_assert_eq!(agrees, read && line.mode.is_some() && !about.is_empty() && about.iter().all(|f| f.status == right));
        }
    }
}
