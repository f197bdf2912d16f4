//! Changes that are continued, rolled back or verified later: what was not observed of a load balancer is not concluded from others.

use std::cell::Cell;
use std::time::Duration;

use doorward_change::{
    Applied, ApplyRun, ChangeResult, ChangeSettings, ChangeTarget, Event, Goal, Holds, Inspection, Journal as _,
    JournalEntry, ModeClient, ModeReading, Plan, PlanRequest, RollbackRun, SetFailure, SetResponse, SettingValue,
    SkipReason, StepState, StopReason, render_applied, render_verified, verify,
};
use doorward_fakeaws::Server;
use doorward_fakeaws::spec::LoadBalancerSpec;
use doorward_model::{Arn, Gap, GapReason, Kind, Mode, Observed};
use jiff::SignedDuration;

use crate::acting::{Hand, Paper, Peace, Pen};
use crate::bed::{self, ACCOUNTS, REGION, Wheel, edit, enter, mode_in, plan_of, scan, serve, sets, start};
use crate::watching::{LENGTH, Logs, Meter, Traffic, usual};

/// All load balancers of a plan are in one wave.
fn settings() -> ChangeSettings {
    ChangeSettings { canary: 0, wave_minimum: 20, ..bed::settings() }
}

/// A plan of the first load balancers of a kind, from monitor to defensive.
async fn planned(server: &Server, kind: Kind, count: usize) -> (doorward_aws::access::Access, Plan) {
    let access = enter(server).await;
    let report = scan(&access).await;
    let mut order = PlanRequest::new(Goal::Required);
    let found = report.load_balancers.iter().filter(|lb| lb.kind == kind).take(count);
    order.load_balancers = found.map(|lb| lb.arn.clone()).collect();
    let plan = plan_of(&report, &order, &settings());
    assert_eq!((plan.steps.len(), plan.waves()), (count, 1));
    (access, plan)
}

struct Stage<'a, C> {
    client: &'a C,
    paper: &'a Paper,
    wheel: &'a Wheel,
    traffic: Traffic,
}

impl<C: ModeClient> Stage<'_, C> {
    async fn apply(&self, plan: &Plan, watch: Option<Duration>) -> Applied {
        let (settings, time) = (settings(), self.wheel.time());
        let pen = Pen { paper: self.paper, fate: &Peace };
        let applying = ApplyRun {
            client: self.client,
            journal: &pen,
            metrics: &self.meter(),
            settings: &settings,
            time: &time,
            by: "mia".to_owned(),
            watch,
            progress: &|_, _| {},
        };
        applying.run(self.paper.state(plan)).await.unwrap()
    }

    fn meter(&self) -> Meter<'_> {
        Meter { traffic: self.traffic, wheel: self.wheel, refuses: Cell::new(false), logs: Logs::None }
    }

    async fn roll_back(&self, plan: &Plan) -> Applied {
        let (pen, time) = (Pen { paper: self.paper, fate: &Peace }, self.wheel.time());
        let rolling = RollbackRun {
            client: self.client,
            journal: &pen,
            time: &time,
            by: "mia".to_owned(),
            because: "a test".to_owned(),
            progress: &|_, _| {},
        };
        rolling.run(self.paper.state(plan)).await.unwrap()
    }

    fn note(&self, arn: Option<&Arn>, event: Event) {
        let entry = JournalEntry { at: self.wheel.now(), load_balancer: arn.cloned(), event };
        Pen { paper: self.paper, fate: &Peace }.write("change", &entry).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_load_balancer_that_is_changed_after_the_watch_of_its_wave_is_watched_too() {
    let server = serve(&bed::world(&[Mode::Monitor])).await;
    let (access, plan) = planned(&server, Kind::Application, 2).await;
    let hand = Hand { access: &access, fate: &Peace };
    let (paper, wheel) = (Paper::default(), Wheel::new());
    let stage = Stage { client: &hand, paper: &paper, wheel: &wheel, traffic: usual(3) };
    let late = &plan.steps[1].target.arn;
    edit(&server, late, Mode::Strictest);
    let first = stage.apply(&plan, Some(LENGTH)).await;
    assert_eq!((first.stopped, first.state.step_state(late)), (None, StepState::Refused));
    assert!(first.state.quiet_watch(1).is_some());
    edit(&server, late, Mode::Monitor);

    // Without a watch the wave is not called watched any more; with one it is watched again, once.
    let second = stage.apply(&plan, None).await;
    assert_eq!(second.state.step_state(late), StepState::Changed);
    assert!(second.state.watched(1).is_some() && second.state.quiet_watch(1).is_none());
    assert!(!render_applied(&second).text.contains("Wave 1, watched"), "{}", render_applied(&second).text);
    for (watch, is_watched) in [(LENGTH, true), (LENGTH, false), (LENGTH * 2, true), (LENGTH, false)] {
        let begun = wheel.now();
        let applied = stage.apply(&plan, Some(watch)).await;
        assert_eq!(applied.stopped, None);
        assert_eq!(wheel.now() > begun, is_watched, "{watch:?}");
        assert!(applied.state.quiet_watch(1).is_some());
        assert!(render_applied(&applied).text.contains("Wave 1, watched"));
    }
    assert_eq!(sets(&server).len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_usual_ends_before_the_change_of_each_load_balancer() {
    let server = serve(&bed::world(&[Mode::Monitor])).await;
    let (access, plan) = planned(&server, Kind::Application, 2).await;
    let hand = Hand { access: &access, fate: &Peace };
    let (paper, wheel) = (Paper::default(), Wheel::new());
    // Every load balancer fails more requests since the first change, which took three hours longer than the first run.
    let traffic = Traffic { worse: Some((start(), 0.0, 0.03)), ..usual(7) };
    let stage = Stage { client: &hand, paper: &paper, wheel: &wheel, traffic };
    let (early, late) = (&plan.steps[0].target, &plan.steps[1].target);
    edit(&server, &late.arn, Mode::Strictest);
    assert_eq!(stage.apply(&plan, None).await.state.step_state(&early.arn), StepState::Changed);
    wheel.turn(SignedDuration::from_hours(4));
    edit(&server, &late.arn, Mode::Monitor);
    let applied = stage.apply(&plan, Some(LENGTH)).await;
    let Some(StopReason::Regressed { seen, .. }) = &applied.stopped else { panic!("{:?}", applied.stopped) };
    assert!(seen.contains(&early.name), "{seen}");
    let record = applied.state.record(&early.arn).unwrap();
    assert!(record.sent.is_some_and(|sent| sent < start() + SignedDuration::from_mins(1)), "{record:?}");
}

/// AWS, which accepts requests and carries them out later.
struct Late<'a> {
    hand: Hand<'a, Peace>,
    accepted: Cell<Option<SettingValue>>,
}

impl ModeClient for Late<'_> {
    async fn inspect(&self, target: &ChangeTarget, of: SettingValue) -> Result<Inspection, Gap> {
        self.hand.inspect(target, of).await
    }

    async fn read(&self, target: &ChangeTarget, of: SettingValue) -> Result<ModeReading, Gap> {
        self.hand.read(target, of).await
    }

    async fn set(&self, _: &ChangeTarget, value: SettingValue) -> Result<SetResponse, SetFailure> {
        self.accepted.set(Some(value));
        Ok(SetResponse { value: Some(value.as_str().to_owned()), request_id: Some("late".to_owned()) })
    }
}

impl Late<'_> {
    async fn carry_out(&self, target: &ChangeTarget) {
        self.hand.set(target, self.accepted.take().expect("accepted")).await.expect("sets");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_accepted_request_that_shows_late_is_unknown_and_read_again() {
    let server = serve(&bed::world(&[Mode::Monitor])).await;
    let (access, plan) = planned(&server, Kind::Application, 1).await;
    let late = Late { hand: Hand { access: &access, fate: &Peace }, accepted: Cell::new(None) };
    let (paper, wheel) = (Paper::default(), Wheel::new());
    let stage = Stage { client: &late, paper: &paper, wheel: &wheel, traffic: usual(3) };
    let target = &plan.steps[0].target;
    let applied = stage.apply(&plan, None).await;
    assert_eq!(applied.state.step_state(&target.arn), StepState::Unsure);
    assert_eq!(render_applied(&applied).result, ChangeResult::Bad);
    late.carry_out(target).await;
    assert_eq!(stage.apply(&plan, None).await.state.step_state(&target.arn), StepState::Changed);
    assert_eq!(paper.intents(), 1, "one request");

    let restored = stage.roll_back(&plan).await;
    assert_eq!(restored.state.step_state(&target.arn), StepState::RestoreUnsure);
    late.carry_out(target).await;
    assert_eq!(stage.roll_back(&plan).await.state.step_state(&target.arn), StepState::Restored);
    assert_eq!((paper.intents(), mode_in(&server, &target.arn)), (2, "monitor".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn steps_whose_result_is_not_recorded_are_not_verified_as_good() {
    let server = serve(&bed::world(&[Mode::Monitor])).await;
    let (access, plan) = planned(&server, Kind::Application, 3).await;
    let hand = Hand { access: &access, fate: &Peace };
    let (paper, wheel) = (Paper::default(), Wheel::new());
    let stage = Stage { client: &hand, paper: &paper, wheel: &wheel, traffic: usual(3) };
    let arns: Vec<&Arn> = plan.steps.iter().map(|step| &step.target.arn).collect();
    let (from, to) = (plan.steps[0].from, plan.steps[0].to);
    for arn in &arns[..2] {
        stage.note(Some(arn), Event::Intended { from, to });
    }
    stage.note(Some(arns[1]), Event::Changed { request_id: None });
    stage.note(None, Event::RollbackBegan { by: "the watch".to_owned(), because: "worse".to_owned(), wave: Some(1) });
    stage.note(Some(arns[1]), Event::Restoring { to: from });

    // A roll-back that was killed is not done, and applying says so.
    let applied = stage.apply(&plan, None).await;
    let Some(StopReason::NotApplicable(because)) = &applied.stopped else { panic!("{:?}", applied.stopped) };
    assert!(because.contains("is unfinished: 2 load balancers may still have the new mode"), "{because}");
    assert!(because.contains(&format!("doorward rollback {}", plan.id)), "{because}");

    let state = paper.state(&plan);
    let verified = verify(&state, &hand, &stage.meter(), &settings(), &wheel.time()).await;
    assert_eq!(verified.len(), 2);
    assert!(verified.iter().all(|one| matches!(one.holds, Holds::Unknown(_))), "{verified:?}");
    let shown = render_verified(&state, &verified);
    assert_eq!(shown.result, ChangeResult::Unknown);
    assert!(shown.text.contains("0 verified, 2 of unknown state, 1 of its plan"), "{}", shown.text);
    assert!(shown.json["load_balancers"][0]["holds"].is_null(), "{}", shown.json);
    assert_eq!(stage.roll_back(&plan).await.state.unrestored(), 0);
    assert!(sets(&server).is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_classic_load_balancer_of_the_same_name_is_another_one() {
    let server = serve(&bed::world(&[Mode::Monitor])).await;
    let (access, plan) = planned(&server, Kind::Classic, 2).await;
    let hand = Hand { access: &access, fate: &Peace };
    let (paper, wheel) = (Paper::default(), Wheel::new());
    let stage = Stage { client: &hand, paper: &paper, wheel: &wheel, traffic: usual(3) };
    assert!(plan.steps.iter().all(|step| step.created.is_some()));
    let (changed, planned) = (&plan.steps[0].target, &plan.steps[1].target);
    let replace = |target: &ChangeTarget, mode: &str| {
        assert!(server.world().remove_load_balancer(target.account.as_str(), REGION, &target.name));
        let spec = LoadBalancerSpec {
            account: target.account.to_string(),
            region: REGION.to_owned(),
            name: target.name.clone(),
            kind: Some("classic".to_owned()),
            mode: Some(mode.to_owned()),
            created: Some("2026-11-23T09:30:00Z".to_owned()),
            ..LoadBalancerSpec::default()
        };
        server.world().add_load_balancer(&spec).unwrap();
    };
    replace(planned, "monitor");
    let applied = stage.apply(&plan, None).await;
    assert_eq!(applied.state.step_state(&changed.arn), StepState::Changed);
    assert_eq!(applied.state.step_state(&planned.arn), StepState::Refused);
    let detail = &applied.state.record(&planned.arn).unwrap().detail;
    assert!(detail.contains("another load balancer of its name was created at 2026-11-23T09:30:00Z"), "{detail}");

    replace(changed, "defensive");
    let verified = verify(&applied.state, &hand, &stage.meter(), &settings(), &wheel.time()).await;
    assert!(
        matches!(&verified[0].holds, Holds::No { found } if found.contains("another load balancer")),
        "{verified:?}"
    );
    let restored = stage.roll_back(&plan).await;
    assert_eq!(restored.state.step_state(&changed.arn), StepState::RestoreRefused);
    assert_eq!(mode_in(&server, &changed.arn), "defensive", "monitor was never its mode");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn load_balancers_whose_owner_was_not_read_are_named_in_the_plan_of_an_owner() {
    let server = serve(&bed::world(&[Mode::Monitor])).await;
    let access = enter(&server).await;
    let mut report = scan(&access).await;
    let gap = Gap::new(GapReason::AccessDenied, "elasticloadbalancing:DescribeTags");
    for lb in report.load_balancers.iter_mut().filter(|lb| lb.account.as_str() == ACCOUNTS[0]) {
        lb.owner = Observed::unread(gap.clone());
    }
    let mut order = PlanRequest::new(Goal::Required);
    order.owners = vec!["team-1".to_owned()];
    order.accounts = ACCOUNTS[..2].iter().map(|id| id.parse().unwrap()).collect();
    let plan = plan_of(&report, &order, &settings());
    assert_eq!((plan.steps.len(), plan.skipped.len(), plan.considered), (1, bed::EACH, 1 + bed::EACH));
    for skip in &plan.skipped {
        assert_eq!((skip.reason, skip.target.account.as_str()), (SkipReason::OwnerUnknown, ACCOUNTS[0]));
        assert!(skip.because.starts_with("Its owner could not be read: ") && skip.owner.is_none(), "{}", skip.because);
    }
    assert_eq!(Plan::read(&plan.text().unwrap()).unwrap(), plan);
}

/// AWS, whose responses do not contain when a load balancer was created.
struct Undated<'a>(Hand<'a, Peace>);

impl ModeClient for Undated<'_> {
    async fn inspect(&self, target: &ChangeTarget, of: SettingValue) -> Result<Inspection, Gap> {
        let mut inspected = self.0.inspect(target, of).await?;
        if let Inspection::Found(current) = &mut inspected {
            current.load_balancer.created = None;
        }
        Ok(inspected)
    }

    async fn read(&self, target: &ChangeTarget, of: SettingValue) -> Result<ModeReading, Gap> {
        self.0.read(target, of).await
    }

    async fn set(&self, target: &ChangeTarget, value: SettingValue) -> Result<SetResponse, SetFailure> {
        self.0.set(target, value).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_classic_load_balancer_whose_creation_is_unread_is_unknown() {
    let server = serve(&bed::world(&[Mode::Monitor])).await;
    let (access, plan) = planned(&server, Kind::Classic, 1).await;
    let (hand, undated) = (Hand { access: &access, fate: &Peace }, Undated(Hand { access: &access, fate: &Peace }));
    let (paper, wheel) = (Paper::default(), Wheel::new());
    let arn = &plan.steps[0].target.arn;
    let stage = Stage { client: &undated, paper: &paper, wheel: &wheel, traffic: usual(3) };
    assert_eq!(stage.apply(&plan, None).await.state.step_state(arn), StepState::Refused);
    let dated = Stage { client: &hand, paper: &paper, wheel: &wheel, traffic: usual(3) };
    let applied = dated.apply(&plan, None).await;
    assert_eq!(applied.state.step_state(arn), StepState::Changed);
    let verified = verify(&applied.state, &undated, &stage.meter(), &settings(), &wheel.time()).await;
    assert!(matches!(&verified[0].holds, Holds::Unknown(why) if why.contains("when it was created")), "{verified:?}");
    assert_eq!(stage.roll_back(&plan).await.state.step_state(arn), StepState::RestoreUnsure);
    assert_eq!(dated.roll_back(&plan).await.state.step_state(arn), StepState::Restored);
}
