//! Random schedules of faults, kills and concurrent editors against an emulated AWS, checked with a model.
//!
//! 200 in a normal run; `DOORWARD_SLOW=1` runs 2,000. A failure prints its seed; `DOORWARD_SEED=N` runs that one alone.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};

use doorward_aws::access::Access;
use doorward_change::{
    ApplyRun, ChangeState, Event, Goal, Insistence, Plan, PlanRequest, RollbackRun, Step, StepState, StopReason,
};
use doorward_fakeaws::Server;
use doorward_model::{Arn, Mode};

use crate::acting::{Hand, Paper, Peace, Pen, Unwatched};
use crate::bed::{self, Dice, Wheel, edit, enter, mode_in, plan_of, scan, serve, sets, settings};
use crate::storm::{MODES, Storm, faults, until_killed};

struct Schedule<'a> {
    seed: u64,
    server: &'a Server,
    access: &'a Access,
    plan: &'a Plan,
    arns: &'a [Arn],
    dice: &'a Dice,
    paper: Paper,
    edits: RefCell<Vec<(usize, Arn, Mode)>>,
    wheel: Wheel,
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Do {
    Apply,
    RollBack,
}

impl Schedule<'_> {
    fn storm(&self, edits: usize, kill: Option<usize>) -> Storm<'_> {
        Storm {
            server: self.server,
            dice: self.dice,
            arns: self.arns,
            edits,
            kill: Cell::new(kill),
            killed: Cell::new(false),
            log: &self.edits,
            paper: &self.paper,
        }
    }

    /// One process: begins from the journal, and ends by itself or by the kill. What it came to, if it came to an end.
    async fn process(&self, what: Do, storm: &Storm<'_>) -> Option<(ChangeState, Option<StopReason>)> {
        let (intended, sent) = (self.paper.intents(), sets(self.server).len());
        let ended = self.carry_out(what, storm).await;
        let (intended, sent) = (self.paper.intents() - intended, sets(self.server).len() - sent);
        // A kill may come between the entry and its request, and after nothing else.
        let unsent = usize::from(storm.killed.get());
        assert!(
            (intended.saturating_sub(unsent)..=intended).contains(&sent),
            "seed {}: {intended} requests were intended and {sent} sent: {:#?}",
            self.seed,
            self.paper.entries()
        );
        ended
    }

    async fn carry_out(&self, what: Do, storm: &Storm<'_>) -> Option<(ChangeState, Option<StopReason>)> {
        let hand = Hand { access: self.access, fate: storm };
        let pen = Pen { paper: &self.paper, fate: storm };
        let time = self.wheel.time();
        let state = self.paper.state(self.plan);
        let settings = settings();
        let ended = match what {
            Do::Apply => {
                let applying = ApplyRun {
                    client: &hand,
                    journal: &pen,
                    metrics: &Unwatched,
                    settings: &settings,
                    time: &time,
                    by: "tester".to_owned(),
                    watch: None,
                    progress: &|_, _| {},
                };
                until_killed(storm, applying.run(state)).await
            }
            Do::RollBack => {
                let rolling = RollbackRun {
                    client: &hand,
                    journal: &pen,
                    time: &time,
                    by: "tester".to_owned(),
                    because: "a test".to_owned(),
                    progress: &|_, _| {},
                };
                until_killed(storm, rolling.run(state)).await
            }
        };
        ended?.ok().map(|applied| (applied.state, applied.stopped))
    }

    /// The last edit of a load balancer by another user, with the journal's length then.
    fn last_edit(&self, arn: &Arn) -> Option<(usize, Mode)> {
        self.edits.borrow().iter().rev().find(|(_, edited, _)| edited == arn).map(|(at, _, mode)| (*at, *mode))
    }

    /// The journal says of every load balancer what is true of it.
    fn check_truth(&self, initial: &BTreeMap<Arn, String>) {
        let (plan, seed) = (self.plan, self.seed);
        let state = self.paper.state(plan);
        let entries = self.paper.entries();
        for step in &plan.steps {
            let arn = &step.target.arn;
            let now = mode_in(self.server, arn);
            let decided = entries.iter().rposition(|entry| entry.load_balancer.as_ref() == Some(arn)).unwrap_or(0);
            let edited = self.last_edit(arn);
            // What happens between the last reading and its entry cannot be reported from what happens after.
            let edited_since = edited.is_some_and(|(at, _)| at >= decided);
            let others = edited.map_or(initial[arn].clone(), |(_, mode)| mode.to_string());
            let standing = state.step_state(arn);
            let reported = || format!("seed {seed}: {arn} stands at {standing:?} and is in {now}: {entries:#?}");
            match standing {
                StepState::Changed if !edited_since => assert_eq!(now, step.to.as_str(), "{}", reported()),
                StepState::Restored if !edited_since => {
                    // Byte for byte what was there before, or what another user set to the same.
                    let prior = state.record(arn).unwrap().prior.unwrap();
                    assert_eq!(now, prior.as_str(), "{}", reported());
                }
                // Nothing of ours is there: it is what another user left.
                StepState::Planned | StepState::Refused | StepState::Already | StepState::Failed => {
                    assert_eq!(now, others, "{}", reported());
                }
                _ => {}
            }
            if let Some(prior) = state.record(arn).and_then(|load_balancer| load_balancer.prior) {
                assert_eq!(prior, step.from, "{}", reported());
            }
        }
        // A load balancer that is not in the plan is never touched.
        let planned: BTreeSet<&Arn> = plan.steps.iter().map(|step| &step.target.arn).collect();
        for arn in self.arns.iter().filter(|arn| !planned.contains(arn)) {
            let others = self.last_edit(arn).map_or(initial[arn].clone(), |(_, mode)| mode.to_string());
            assert_eq!(mode_in(self.server, arn), others, "seed {seed}: {arn} is not in the plan");
        }
    }

    /// No wave is begun before the one before is settled, and none holds more than the cap.
    fn check_waves(&self) {
        let wave_of: BTreeMap<&Arn, usize> = self.plan.steps.iter().map(|s| (&s.target.arn, s.wave)).collect();
        let mut sizes: BTreeMap<usize, BTreeSet<Arn>> = BTreeMap::new();
        let mut open: BTreeMap<Arn, usize> = BTreeMap::new();
        for entry in self.paper.entries() {
            let Some(arn) = entry.load_balancer else { continue };
            let wave = wave_of[&arn];
            match entry.event {
                Event::Intended { .. } => {
                    let earlier = open.values().filter(|open| **open < wave).count();
                    assert_eq!(earlier, 0, "seed {}: wave {wave} began while an earlier one was open", self.seed);
                    sizes.entry(wave).or_default().insert(arn.clone());
                    open.insert(arn, wave);
                }
                Event::Unsure { .. } | Event::Failed { .. } => {
                    open.insert(arn, wave);
                }
                _ => {
                    open.remove(&arn);
                }
            }
        }
        for (wave, members) in sizes {
            let most = if wave == 1 { self.plan.canary } else { self.plan.cap };
            assert!(
                members.len() <= most,
                "seed {}: wave {wave} changed {} of at most {most}",
                self.seed,
                members.len()
            );
        }
    }
}

async fn one(seed: u64) {
    let dice = Dice::new(seed);
    let modes: Vec<Mode> = (0..7).map(|_| MODES[dice.below(3)]).collect();
    let server = serve(&bed::world(&modes)).await;
    let access = enter(&server).await;
    let report = scan(&access).await;
    let arns: Vec<Arn> = report.load_balancers.iter().map(|lb| lb.arn.clone()).collect();
    let initial: BTreeMap<Arn, String> = arns.iter().map(|arn| (arn.clone(), mode_in(&server, arn))).collect();
    let mut order = PlanRequest::new([Goal::Required, Goal::Mode(Mode::Strictest)][dice.below(2)]);
    let insist = Insistence { without_evidence: Some("a test".to_owned()), over_manager: None };
    order.insisted = arns.iter().map(|arn| (arn.clone(), insist.clone())).collect();
    let plan = plan_of(&report, &order, &settings());
    let plan = Plan::read(&plan.text().unwrap()).expect("a plan reads back");
    server.clear_calls();

    let schedule = Schedule {
        seed,
        server: &server,
        access: &access,
        plan: &plan,
        arns: &arns,
        dice: &dice,
        paper: Paper::default(),
        edits: RefCell::default(),
        wheel: Wheel::new(),
    };
    server.set_faults(faults(&dice, seed));
    let edits = [0, 2, 8][dice.below(3)];
    let mut doing = Do::Apply;
    for _ in 0..2 + dice.below(6) {
        let kill = dice.chance(60).then(|| dice.below(60));
        let storm = schedule.storm(edits, kill);
        schedule.process(doing, &storm).await;
        schedule.check_truth(&initial);
        schedule.check_waves();
        if dice.chance(25) {
            doing = Do::RollBack;
        }
    }

    // The weather clears: whatever is open comes to an end, and the end is final.
    server.set_faults(vec![]);
    let calm = schedule.storm(0, None);
    let mut before = Vec::new();
    for round in 0..4 {
        let (state, stopped) = schedule.process(doing, &calm).await.expect("nothing kills it");
        schedule.check_truth(&initial);
        let sent = sets(&server);
        if round > 0 {
            assert_eq!(sent, before, "seed {seed}: {doing:?} again sent something again");
        }
        before = sent;
        if doing == Do::Apply {
            // A wave is given up for failures only; in calm weather there are none but those that an editor causes.
            let rolled = state.rollback().is_some();
            let canaryless = stopped == Some(StopReason::NoCanary);
            assert_eq!(stopped.is_some(), rolled || canaryless, "seed {seed}: {stopped:?}");
            let settled = |step: &Step| {
                matches!(
                    state.step_state(&step.target.arn),
                    StepState::Changed | StepState::Already | StepState::Refused | StepState::Overtaken
                )
            };
            let begun = |step: &&Step| !canaryless || step.wave == 1;
            assert!(rolled || plan.steps.iter().filter(begun).all(settled), "seed {seed}: {:?}", state.count());
        } else {
            let ours = plan.steps.iter().filter(|s| state.step_state(&s.target.arn).may_be_ours()).count();
            assert_eq!(ours, 0, "seed {seed}: something of ours is left: {:?}", state.count());
        }
    }
    // Rolled back at last, nothing of ours is left: every mode is what it was or what another user made of it.
    let found: Vec<(StepState, String)> = {
        let state = schedule.paper.state(&plan);
        let found = |step: &Step| (state.step_state(&step.target.arn), mode_in(&server, &step.target.arn));
        plan.steps.iter().map(found).collect()
    };
    let (state, _) = schedule.process(Do::RollBack, &calm).await.expect("nothing kills it");
    schedule.check_truth(&initial);
    for (step, (standing, was)) in plan.steps.iter().zip(found) {
        let ours = standing.may_be_ours() && was == step.to.as_str();
        let wanted = if ours { step.from.to_string() } else { was };
        assert_eq!(mode_in(&server, &step.target.arn), wanted, "seed {seed}: {} {standing:?}", step.target.arn);
    }
    for step in &plan.steps {
        let arn = &step.target.arn;
        if schedule.last_edit(arn).is_none() {
            assert_eq!(mode_in(&server, arn), initial[arn], "seed {seed}: {arn} {:?}", state.step_state(arn));
        }
    }
    // Nothing but the mode was ever touched.
    for call in server.calls() {
        let known = matches!(
            &*call.iam_action,
            "sts:AssumeRole"
                | "elasticloadbalancing:DescribeLoadBalancers"
                | "elasticloadbalancing:DescribeTags"
                | "elasticloadbalancing:DescribeLoadBalancerAttributes"
                | "elasticloadbalancing:ModifyLoadBalancerAttributes"
        );
        assert!(known, "seed {seed}: {call:?}");
    }
    let again = scan(&access).await;
    for (was, is) in report.load_balancers.iter().zip(&again.load_balancers) {
        let key = was.kind.mode_attribute();
        let without = |lb: &doorward_model::LoadBalancer| {
            let mut attributes: BTreeMap<String, String> = lb.attributes.known().unwrap().into();
            attributes.remove(key);
            attributes
        };
        assert_eq!(without(was), without(is), "seed {seed}: {}", was.arn);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_schedules() {
    let only: Option<u64> = std::env::var("DOORWARD_SEED").ok().and_then(|seed| seed.parse().ok());
    let count = if std::env::var_os("DOORWARD_SLOW").is_some() { 2_000 } else { 200 };
    for seed in only.map_or(0..count, |seed| seed..seed + 1) {
        one(seed).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_quiet_change_and_its_roll_back() {
    let server = serve(&bed::world(&[Mode::Monitor, Mode::Defensive])).await;
    let access = enter(&server).await;
    let report = scan(&access).await;
    let plan = plan_of(&report, &PlanRequest::new(Goal::Required), &settings());
    assert_eq!((plan.considered, plan.steps.len(), plan.waves()), (15, 8, 3));
    server.clear_calls();
    let paper = Paper::default();
    let (hand, pen) = (Hand { access: &access, fate: &Peace }, Pen { paper: &paper, fate: &Peace });
    let (settings, wheel) = (settings(), Wheel::new());
    let time = wheel.time();
    let applying = || ApplyRun {
        client: &hand,
        journal: &pen,
        metrics: &Unwatched,
        settings: &settings,
        time: &time,
        by: "mia".to_owned(),
        watch: None,
        progress: &|_, _| {},
    };
    let applied = applying().run(paper.state(&plan)).await.unwrap();
    assert!(applied.stopped.is_none() && applied.state.is_good());
    assert_eq!(sets(&server).len(), 8);
    assert!(plan.steps.iter().all(|step| mode_in(&server, &step.target.arn) == "defensive"));
    let reported = applied.state.applied();
    assert!(reported.iter().all(|(_, change)| change.by == "mia" && change.request_id.is_some()));

    let applied = applying().run(paper.state(&plan)).await.unwrap();
    assert!(applied.stopped.is_none());
    assert_eq!(sets(&server).len(), 8, "applied again, nothing is sent");

    // Somebody raises one of them; the others go back, that one stays.
    let raised = &plan.steps[3].target.arn;
    edit(&server, raised, Mode::Strictest);
    let rolling = RollbackRun {
        client: &hand,
        journal: &pen,
        time: &time,
        by: "ben".to_owned(),
        because: "complaints".to_owned(),
        progress: &|_, _| {},
    };
    let rolled = rolling.run(paper.state(&plan)).await.unwrap();
    assert!(!rolled.state.is_good());
    for step in &plan.steps {
        let arn = &step.target.arn;
        let wanted = if arn == raised { "strictest" } else { "monitor" };
        assert_eq!(mode_in(&server, arn), wanted);
        assert_eq!(rolled.state.record(arn).unwrap().by, "ben");
    }
    assert_eq!(rolled.state.step_state(raised), StepState::RestoreRefused);
    assert_eq!(sets(&server).len(), 8 + 7);
    let refused = applying().run(paper.state(&plan)).await.unwrap();
    assert!(matches!(refused.stopped, Some(StopReason::NotApplicable(because)) if because.contains("ben")));
}
