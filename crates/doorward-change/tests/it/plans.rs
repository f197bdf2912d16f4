//! Planning: the guards as cases, and the laws of every plan.

use std::sync::Arc;

use doorward_change::{Goal, Insistence, Plan, PlanError, PlanRequest, Risk, SkipReason, markdown};
use doorward_model::{
    Certainty, CodePlace, Gap, GapReason, InCode, LoadBalancer, Manager, Mode, ModeEffect, Observed, ObservedTime,
    ScanReport, Traffic, TrafficBasis, TrafficStep, Verdict, VerdictReason,
};
use proptest::prelude::*;

use crate::bed::{self, enter, plan_of, scan, serve, settings};

async fn report(mode: Mode) -> ScanReport {
    let server = serve(&bed::world(&[mode])).await;
    scan(&enter(&server).await).await
}

fn gap() -> Arc<Gap> {
    Arc::new(Gap::new(GapReason::AccessDenied, "elasticloadbalancing:DescribeTags"))
}

fn declared(places: usize) -> Arc<InCode> {
    let place = CodePlace {
        dialect: "hcl".into(),
        address: "aws_lb.web".into(),
        file: "main.tf".into(),
        line: 3,
        column: 1,
        way: "In aws_lb.web, set desync_mitigation_mode to".into(),
        patch: None,
        unpatched: None,
    };
    let certainty = if places == 1 { Certainty::Likely } else { Certainty::Ambiguous };
    Arc::new(InCode { certainty, because: "It fits.".into(), places: vec![place; places] })
}

fn traffic(step: TrafficStep, recommended: Option<Mode>, hurt: Option<u64>) -> Arc<Traffic> {
    let effect = |mode| ModeEffect { mode, blocked: 3, closed: 1, hurt, hurt_per_million: None };
    Arc::new(Traffic {
        basis: TrafficBasis::FullLogs,
        observed: Some(ObservedTime::default()),
        from: Some(bed::start() - jiff::SignedDuration::from_hours(24)),
        until: Some(bed::start()),
        requests: 1_000,
        denominator: "requests".into(),
        tiers: Default::default(),
        modes: vec![effect(Mode::Monitor), effect(Mode::Defensive), effect(Mode::Strictest)],
        cross_check: String::new(),
        recommended,
        step,
        because: vec!["It was seen.".into()],
        sources: vec![],
    })
}

/// What becomes of one load balancer in monitor: the mode it is changed to and the risk, a patch, or why not.
#[derive(Debug, PartialEq)]
enum Fate {
    Change(Mode, Risk),
    Patch(Mode),
    Skip(SkipReason),
    Already,
}

fn fate(report: &ScanReport, order: &PlanRequest, alter: impl FnOnce(&mut LoadBalancer, &mut Verdict)) -> Fate {
    let mut report = report.clone();
    report.load_balancers.truncate(1);
    let lb = &mut report.load_balancers[0];
    report.findings.retain(|f| f.load_balancer == lb.arn && f.rule == "desync-mode-below-required");
    alter(lb, Arc::make_mut(&mut report.findings[0].verdict));
    let plan = plan_of(&report, order, &settings());
    Plan::read(&plan.text().unwrap()).expect("reads back");
    match (&plan.steps[..], &plan.patches[..], &plan.skipped[..], plan.already) {
        ([step], [], [], 0) => Fate::Change(step.to.mode().unwrap(), step.risk),
        ([], [patch], [], 0) => Fate::Patch(patch.to.mode().unwrap()),
        ([], [], [skip], 0) => Fate::Skip(skip.reason),
        ([], [], [], 1) => Fate::Already,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_guards() {
    use Mode::{Defensive, Monitor, Strictest};
    let report = report(Monitor).await;
    let arn = report.load_balancers[0].arn.clone();
    let required = PlanRequest::new(Goal::Required);
    let strictest = PlanRequest::new(Goal::Mode(Strictest));
    let advice = PlanRequest::new(Goal::Advice);
    let insisting = |order: &PlanRequest, without_evidence: bool, over_manager: bool| {
        let reason = |is: bool| is.then(|| "we know".to_owned());
        let insist = Insistence { without_evidence: reason(without_evidence), over_manager: reason(over_manager) };
        PlanRequest { insisted: [(arn.clone(), insist)].into(), ..order.clone() }
    };
    let check = |order: &PlanRequest, wanted: Fate, alter: &dyn Fn(&mut LoadBalancer, &mut Verdict)| {
        assert_eq!(fate(&report, order, alter), wanted);
    };
    let stack = || Observed::Known(Manager::CloudFormation("web".into()));

    check(&required, Fate::Change(Defensive, Risk::Medium), &|_, _| {});
    check(&strictest, Fate::Skip(SkipReason::NoEvidence), &|_, _| {});
    check(&insisting(&strictest, true, false), Fate::Change(Strictest, Risk::High), &|_, _| {});
    check(&advice, Fate::Skip(SkipReason::NoEvidence), &|_, _| {});
    // Nothing without an observed mode, whatever --insist names.
    for unseen in [Observed::Absent, Observed::Unread(gap())] {
        check(&insisting(&strictest, true, true), Fate::Skip(SkipReason::ModeUnknown), &|lb, _| {
            lb.mode = unseen.clone();
        });
    }
    check(&required, Fate::Skip(SkipReason::Excepted), &|_, verdict| {
        *verdict = Verdict::Excepted {
            reason: VerdictReason::ExceptionValid,
            because: String::new(),
            severity: doorward_model::Severity::High,
            exception: "EX-1".into(),
            expires: "2027-01-01".into(),
        };
    });
    check(&required, Fate::Skip(SkipReason::NotApplicable), &|_, verdict| {
        *verdict = Verdict::NotApplicable {
            reason: VerdictReason::NotApplicableKind,
            because: "No listener speaks HTTP.".into(),
        };
    });
    // Evidence decides, in both directions.
    let with = |step, recommended, hurt| {
        move |lb: &mut LoadBalancer, _: &mut Verdict| lb.traffic = Some(traffic(step, recommended, hurt))
    };
    check(&strictest, Fate::Change(Strictest, Risk::Low), &with(TrafficStep::Raise, Some(Strictest), Some(0)));
    check(&advice, Fate::Change(Strictest, Risk::Low), &with(TrafficStep::Raise, Some(Strictest), Some(0)));
    check(&advice, Fate::Change(Defensive, Risk::Low), &with(TrafficStep::Raise, Some(Defensive), Some(9)));
    check(&strictest, Fate::Skip(SkipReason::AgainstAdvice), &with(TrafficStep::Raise, Some(Defensive), Some(9)));
    check(&strictest, Fate::Skip(SkipReason::AgainstAdvice), &with(TrafficStep::Keep, Some(Monitor), Some(9)));
    check(&advice, Fate::Already, &with(TrafficStep::Keep, Some(Monitor), Some(9)));
    check(&advice, Fate::Skip(SkipReason::AgainstAdvice), &with(TrafficStep::FixAndRaise, Some(Strictest), Some(9)));
    check(&required, Fate::Skip(SkipReason::AgainstAdvice), &with(TrafficStep::Keep, Some(Monitor), Some(9)));
    check(&required, Fate::Change(Defensive, Risk::Low), &with(TrafficStep::FixAndRaise, Some(Strictest), Some(0)));
    check(&required, Fate::Change(Defensive, Risk::Medium), &with(TrafficStep::NotEnoughEvidence, None, None));
    check(&strictest, Fate::Skip(SkipReason::NoEvidence), &with(TrafficStep::NotEnoughEvidence, None, Some(0)));
    // A window that was asked for is no evidence: such traffic advises nothing, whatever it says.
    let unobserved = |lb: &mut LoadBalancer, _: &mut Verdict| {
        let traffic = traffic(TrafficStep::Raise, Some(Strictest), Some(0));
        lb.traffic = Some(Arc::new(Traffic { observed: None, ..(*traffic).clone() }));
    };
    check(&advice, Fate::Skip(SkipReason::NoEvidence), &unobserved);
    check(&strictest, Fate::Skip(SkipReason::NoEvidence), &unobserved);
    check(&required, Fate::Change(Defensive, Risk::Medium), &unobserved);
    // Managed elsewhere: a patch, unless --insist names it; unknown whether: neither.
    check(&required, Fate::Patch(Defensive), &|lb, _| lb.managed_by = stack());
    check(&insisting(&required, false, true), Fate::Change(Defensive, Risk::High), &|lb, _| lb.managed_by = stack());
    // What code declares is changed there, whichever of several declarations it is.
    for places in 1..3 {
        check(&required, Fate::Patch(Defensive), &|lb, _| lb.declared = Some(declared(places)));
    }
    check(&insisting(&required, false, true), Fate::Change(Defensive, Risk::High), &|lb, _| {
        lb.declared = Some(declared(1));
    });
    check(&required, Fate::Skip(SkipReason::ManagerUnknown), &|lb, _| lb.managed_by = Observed::Unread(gap()));
    // Lowering is a decision of its own.
    let monitor = PlanRequest::new(Goal::Mode(Monitor));
    check(&monitor, Fate::Already, &|_, _| {});
    check(&monitor, Fate::Skip(SkipReason::Stronger), &|lb, _| lb.mode = Observed::Known(Strictest));
    let lower = PlanRequest { lower: true, ..monitor };
    check(&lower, Fate::Change(Monitor, Risk::High), &|lb, _| lb.mode = Observed::Known(Strictest));
    check(&required, Fate::Already, &|lb, verdict| {
        lb.mode = Observed::Known(Strictest);
        *verdict = Verdict::Pass { reason: VerdictReason::ModeSufficient, because: String::new() };
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edited_plan_is_refused() {
    let plan = plan_of(&report(Mode::Monitor).await, &PlanRequest::new(Goal::Required), &settings());
    let text = plan.text().unwrap();
    assert_eq!(Plan::read(&text).unwrap(), plan);
    let edited = text.replacen("\"to\": \"defensive\"", "\"to\": \"strictest\"", 1);
    assert_ne!(edited, text);
    assert!(matches!(Plan::read(&edited), Err(PlanError::Edited { .. })));
    assert!(matches!(Plan::read(&text.replace("change-plan-v2", "change-plan-v9")), Err(PlanError::Format(_))));
    for cut in (0..text.len() - 1).step_by(97) {
        assert!(Plan::read(&text[..cut]).is_err(), "cut at {cut}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reviewer_reads_markdown_and_hostile_names_stay_text() {
    let mut report = report(Mode::Monitor).await;
    report.load_balancers.truncate(3);
    report.load_balancers[0].name = "x|y<script>alert(1)</script>\n# head [a](javascript:b) `c`".into();
    report.load_balancers[1].managed_by = Observed::Known(Manager::CloudFormation("web".into()));
    let kept: Vec<_> = report.load_balancers.iter().map(|lb| lb.arn.clone()).collect();
    report.findings.retain(|finding| kept.contains(&finding.load_balancer));
    let plan = plan_of(&report, &PlanRequest::new(Goal::Required), &settings());
    let text = markdown(&plan);
    assert!(
        text.contains(&plan.digest) && text.contains("## To change in the code or stack that manages them"),
        "{text}"
    );
    assert!(!text.contains("<script>") && !text.contains("\n# head") && !text.contains("[a](javascript"), "{text}");
    let row = text.lines().find(|line| line.contains("alert")).unwrap();
    let bars = row.replace("\\\\", "").replace("\\|", "").matches('|').count();
    assert_eq!(bars, 8, "{row}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    /// Whatever the sizes, every wave is within the cap, the first is the canary's, and everything is in exactly one wave.
    #[test]
    fn waves_never_exceed_their_cap(steps in 0_usize..400, canary in 0_usize..20, share in 0.0..1.0, minimum in 1_usize..30) {
        let settings = doorward_change::ChangeSettings { canary, wave_share: share, wave_minimum: minimum, ..settings() };
        let cap = settings.cap(steps);
        prop_assert_eq!(cap, minimum.max((steps as f64 * share).ceil() as usize));
        let report = template(steps);
        let plan = plan_of(&report, &PlanRequest::new(Goal::Required), &settings);
        prop_assert_eq!(plan.steps.len(), steps);
        let mut sum = 0;
        for wave in 1..=plan.waves() {
            let size = plan.wave(wave).count();
            let most = if wave == 1 && canary > 0 { canary.min(cap) } else { cap };
            prop_assert!((1..=most).contains(&size));
            sum += size;
        }
        prop_assert_eq!(sum, steps);
    }
}

/// A report with so many load balancers in monitor that nothing else is known of.
fn template(count: usize) -> ScanReport {
    static ONE: std::sync::OnceLock<ScanReport> = std::sync::OnceLock::new();
    let one = ONE.get_or_init(|| {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(report(Mode::Monitor))
    });
    let mut report = one.clone();
    let model = one.load_balancers[0].clone();
    report.findings.clear();
    let copy = |number: usize| {
        let arn = format!("{}{number:04x}", &model.arn.as_str()[..model.arn.as_str().len() - 4]);
        LoadBalancer { arn: doorward_model::Arn::new(&arn).unwrap(), ..model.clone() }
    };
    report.load_balancers = (0..count).map(copy).collect();
    report
}
