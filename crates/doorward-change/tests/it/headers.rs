//! Plans that remove header fields with invalid names: the one attribute is set, read again, restored, and the mode is left alone.

use doorward_change::{
    ApplyRun, DryRunResult, Goal, HEADERS_RULE, Plan, PlanRequest, Risk, RollbackRun, SettingValue, SkipReason,
    StepState, dry_run, markdown,
};
use doorward_model::{Arn, Mode, Observed, ScanReport};

use crate::acting::{Hand, Paper, Peace, Pen, Unwatched};
use crate::bed::{self, Wheel, attribute_in, enter, mode_in, plan_of, scan, serve, sets, settings};

const ATTRIBUTE: &str = "routing.http.drop_invalid_header_fields.enabled";

fn headers(report: &ScanReport) -> Plan {
    plan_of(report, &PlanRequest::new(Goal::DropInvalidHeaders), &settings())
}

fn removed(server: &doorward_fakeaws::Server, arn: &Arn) -> String {
    attribute_in(server, arn, ATTRIBUTE)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_one_attribute_is_set_and_restored_and_no_mode_is_touched() {
    let server = serve(&bed::world(&[Mode::Monitor])).await;
    let access = enter(&server).await;
    let report = scan(&access).await;
    let plan = headers(&report);
    assert!(!plan.steps.is_empty() && plan.canary >= 1, "{plan:?}");
    for step in &plan.steps {
        assert_eq!((step.from, step.to), (SettingValue::KeepInvalidHeaders, SettingValue::DropInvalidHeaders));
        // The effect is unknown and is not called safe.
        assert_eq!((step.risk, &step.effect), (Risk::Medium, &None));
        assert!(step.evidence.contains("Its effect on clients cannot be predicted"), "{}", step.evidence);
        assert_eq!(removed(&server, &step.target.arn), "false");
    }
    assert!(markdown(&plan).contains("keep-invalid-headers -> drop-invalid-headers"));
    let text = plan.text().unwrap();
    assert_eq!(Plan::read(&text).unwrap(), plan, "it reads back as it was written");

    let modes = |server: &doorward_fakeaws::Server| -> Vec<String> {
        plan.steps.iter().map(|step| mode_in(server, &step.target.arn)).collect()
    };
    let before = modes(&server);
    let (paper, wheel, settings) = (Paper::default(), Wheel::new(), settings());
    let (hand, pen) = (Hand { access: &access, fate: &Peace }, Pen { paper: &paper, fate: &Peace });
    let time = wheel.time();
    let would = dry_run(&plan, &hand, &settings, &time).await;
    assert!(would.iter().all(|result| *result == DryRunResult::WouldChange), "{would:?}");
    assert!(sets(&server).is_empty());

    let applying = ApplyRun {
        client: &hand,
        journal: &pen,
        metrics: &Unwatched,
        settings: &settings,
        time: &time,
        by: "mia".to_owned(),
        watch: None,
        progress: &|_, _| {},
    };
    let applied = applying.run(paper.state(&plan)).await.unwrap();
    for step in &plan.steps {
        assert_eq!(applied.state.step_state(&step.target.arn), StepState::Changed);
        assert_eq!(removed(&server, &step.target.arn), "true");
    }
    assert_eq!(modes(&server), before);
    // It is none of the changes of a mode, which reports and the rule about reverted modes read.
    assert!(applied.state.applied().is_empty());
    assert_eq!(applied.state.applied_steps().len(), plan.steps.len());
    let again = headers(&scan(&access).await);
    assert_eq!((again.steps.len(), again.already), (0, plan.steps.len()));

    // Another party turns one off again: it is left alone.
    let mine = plan.steps[0].target.arn.clone();
    bed::set_attribute(&server, &mine, ATTRIBUTE, "false");
    let rolling = RollbackRun {
        client: &hand,
        journal: &pen,
        time: &time,
        by: "mia".to_owned(),
        because: "a client lost a header".to_owned(),
        progress: &|_, _| {},
    };
    let restored = rolling.run(paper.state(&plan)).await.unwrap();
    for step in &plan.steps {
        assert_eq!(restored.state.step_state(&step.target.arn), StepState::Restored, "{}", step.target.arn);
        assert_eq!(removed(&server, &step.target.arn), "false");
    }
    assert_eq!(modes(&server), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_not_read_is_not_planned() {
    let server = serve(&bed::world(&[Mode::Monitor])).await;
    let access = enter(&server).await;
    let mut report = scan(&access).await;
    let gap = doorward_model::Gap::new(doorward_model::GapReason::AccessDenied, "elasticloadbalancing:Describe");
    report.load_balancers[0].drop_invalid_headers = Observed::unread(gap);
    report.load_balancers[1].drop_invalid_headers = Observed::Absent;
    let arns: Vec<Arn> = report.load_balancers.iter().take(2).map(|lb| lb.arn.clone()).collect();
    let plan = headers(&report);
    for arn in &arns {
        let skip = plan.skipped.iter().find(|skip| skip.target.arn == *arn).expect("skipped");
        assert_eq!(skip.reason, SkipReason::HeadersUnknown);
    }
    assert!(report.findings.iter().any(|finding| finding.rule == HEADERS_RULE));
}

#[test]
fn a_step_changes_one_attribute() {
    for (value, word, aws) in [
        (SettingValue::Monitor, "monitor", "monitor"),
        (SettingValue::Defensive, "defensive", "defensive"),
        (SettingValue::Strictest, "strictest", "strictest"),
        (SettingValue::KeepInvalidHeaders, "keep-invalid-headers", "false"),
        (SettingValue::DropInvalidHeaders, "drop-invalid-headers", "true"),
    ] {
        assert_eq!((value.to_string().as_str(), value.as_str()), (word, aws));
        assert_eq!(serde_json::to_value(value).unwrap(), word);
        assert_eq!(value.mode().map(SettingValue::from).unwrap_or(value), value);
    }
}
