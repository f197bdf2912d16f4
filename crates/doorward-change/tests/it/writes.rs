//! One request for each journal entry, at the wire: requests that act without an answer, refusals, and another party that changes the
//! mode at exactly that moment.

use std::sync::atomic::{AtomicUsize, Ordering};

use doorward_aws::access::Access;
use doorward_change::{
    ApplyRun, ChangeState, Event, Goal, Journal as _, JournalEntry, Plan, PlanRequest, RollbackRun, StepState,
};
use doorward_fakeaws::{Fault, Server, What};
use doorward_model::{Arn, Kind, Mode};

use crate::acting::{Hand, Paper, Peace, Pen, Unwatched};
use crate::bed::{self, Wheel, edit, enter, mode_in, place, plan_of, scan, serve, sets, settings};

const MODIFY: &str = "ModifyLoadBalancerAttributes";

/// A load balancer in monitor, and a plan to set it to defensive.
struct One {
    server: Server,
    access: Access,
    plan: Plan,
    paper: Paper,
}

impl One {
    async fn new(kind: Kind) -> Self {
        let server = serve(&bed::world(&[Mode::Monitor])).await;
        let access = enter(&server).await;
        let report = scan(&access).await;
        let mut order = PlanRequest::new(Goal::Required);
        let one = report.load_balancers.iter().find(|lb| lb.kind == kind).unwrap();
        order.load_balancers = vec![one.arn.clone()];
        let plan = plan_of(&report, &order, &settings());
        server.clear_calls();
        Self { server, access, plan, paper: Paper::default() }
    }

    fn arn(&self) -> &Arn {
        &self.plan.steps[0].target.arn
    }

    /// After each of the next requests that set a mode, whether or not they act, another party sets these.
    fn another_party_sets(&self, modes: &[Mode]) {
        let ((key, name), arn) = (place(self.arn()), self.arn().clone());
        let (modes, next) = (modes.to_vec(), AtomicUsize::new(0));
        self.server.after_each_call(move |call, world| {
            if call.action != MODIFY {
                return;
            }
            if let Some(mode) = modes.get(next.fetch_add(1, Ordering::SeqCst)) {
                assert!(world.set_attribute(arn.account(), arn.region(), &name, key, Some(mode.as_str())));
            }
        });
    }

    async fn apply(&self) -> ChangeState {
        let (hand, pen) = (Hand { access: &self.access, fate: &Peace }, Pen { paper: &self.paper, fate: &Peace });
        let (settings, time) = (settings(), Wheel::new().time());
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
        applying.run(self.paper.state(&self.plan)).await.unwrap().state
    }

    async fn roll_back(&self) -> ChangeState {
        let (hand, pen) = (Hand { access: &self.access, fate: &Peace }, Pen { paper: &self.paper, fate: &Peace });
        let time = Wheel::new().time();
        let rolling = RollbackRun {
            client: &hand,
            journal: &pen,
            time: &time,
            by: "ben".to_owned(),
            because: "complaints".to_owned(),
            progress: &|_, _| {},
        };
        rolling.run(self.paper.state(&self.plan)).await.unwrap().state
    }
}

/// A row: what the requests meet, how often, what another party sets right after each, and what must come of it.
struct Row {
    what: What,
    times: u64,
    party: &'static [Mode],
    standing: StepState,
    mode: Mode,
    requests: usize,
}

/// Every answer after which AWS has acted although the answer does not say so.
fn acted() -> Vec<What> {
    vec![
        What::ErrorAfter(500),
        What::ErrorAfter(503),
        What::LostAnswer,
        What::HalfClose(0.5),
        What::Truncated(0.6),
        What::Malformed,
        What::EmptyBody,
    ]
}

/// The rows of a change from monitor to defensive, in the words of a change; a roll-back is its mirror image.
fn rows() -> Vec<Row> {
    use Mode::{Defensive, Monitor, Strictest};
    use StepState::{Changed, Failed, Overtaken, Unsure};
    let row = |what, times, party, standing, mode, requests| Row { what, times, party, standing, mode, requests };
    let mut rows = vec![
        // The request did nothing and may be sent again, as a new entry.
        row(What::ServerError(500), 1, &[], Changed, Defensive, 2),
        row(What::Reset, 2, &[], Changed, Defensive, 3),
        row(What::ServerError(502), 99, &[], Unsure, Monitor, 5),
        row(What::Reset, 99, &[], Unsure, Monitor, 5),
        // Nothing was done, and another party acted: it is left alone.
        row(What::ServerError(500), 1, &[Strictest], Overtaken, Strictest, 1),
        row(What::Reset, 1, &[Strictest], Overtaken, Strictest, 1),
        // AWS certainly refused: repeated politely where that passes, given up where it does not.
        row(What::Throttle, 1, &[], Changed, Defensive, 2),
        row(What::Throttle, 4, &[], Changed, Defensive, 5),
        row(What::Throttle, 99, &[], Failed, Monitor, 5),
        row(What::Throttle, 1, &[Strictest], Overtaken, Strictest, 1),
        row(What::ExpiredToken, 1, &[], Changed, Defensive, 2),
        row(What::AccessDenied, 99, &[], Failed, Monitor, 1),
        row(What::AccessDenied, 1, &[Strictest], Overtaken, Strictest, 1),
    ];
    for what in acted() {
        rows.push(row(what.clone(), 99, &[], Changed, Defensive, 1));
        rows.push(row(what.clone(), 1, &[Strictest], Overtaken, Strictest, 1));
        // Set back at once: the reading equals what the journal names, so it cannot be reported from a request that did nothing.
        rows.push(row(what.clone(), 1, &[Monitor], Changed, Defensive, 2));
        rows.push(row(what.clone(), 3, &[Monitor, Monitor, Monitor], Changed, Defensive, 4));
        rows.push(row(what.clone(), 99, &[Monitor; 9], Unsure, Monitor, 5));
        rows.push(row(what, 99, &[Monitor, Strictest], Overtaken, Strictest, 2));
    }
    rows
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_is_sent_again_only_from_the_journalled_mode_and_as_a_new_entry() {
    for kind in [Kind::Application, Kind::Classic] {
        for row in rows() {
            let one = One::new(kind).await;
            one.another_party_sets(row.party);
            one.server.set_faults(vec![Fault::new(row.what.clone()).action(MODIFY).times(row.times)]);
            let state = one.apply().await;
            let reported =
                format!("{kind}, {:?} {} times, then {:?}: {:#?}", row.what, row.times, row.party, one.paper.entries());
            assert_eq!(state.step_state(one.arn()), row.standing, "{reported}");
            assert_eq!(mode_in(&one.server, one.arn()), row.mode.as_str(), "{reported}");
            assert_eq!((sets(&one.server).len(), one.paper.intents()), (row.requests, row.requests), "{reported}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_holds_for_a_roll_back() {
    use Mode::{Defensive, Monitor, Strictest};
    for row in rows() {
        let one = One::new(Kind::Application).await;
        one.apply().await;
        let mirrored = |mode: &Mode| match mode {
            Monitor => Defensive,
            Defensive => Monitor,
            Strictest => Strictest,
        };
        let standing = match row.standing {
            StepState::Changed => StepState::Restored,
            StepState::Failed => StepState::RestoreFailed,
            StepState::Overtaken => StepState::RestoreRefused,
            _ => StepState::RestoreUnsure,
        };
        let party: Vec<Mode> = row.party.iter().map(mirrored).collect();
        one.another_party_sets(&party);
        one.server.set_faults(vec![Fault::new(row.what.clone()).action(MODIFY).times(row.times)]);
        let state = one.roll_back().await;
        let reported = format!("{:?} {} times, then {party:?}: {:#?}", row.what, row.times, one.paper.entries());
        assert_eq!(state.step_state(one.arn()), standing, "{reported}");
        assert_eq!(mode_in(&one.server, one.arn()), mirrored(&row.mode).as_str(), "{reported}");
        assert_eq!((sets(&one.server).len(), one.paper.intents()), (1 + row.requests, 1 + row.requests), "{reported}");
    }
}

/// The sequence of a change that was answered with an error after it had acted: each request has its entry before it and its outcome
/// after it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_request_has_its_own_entry_and_outcome() {
    let one = One::new(Kind::Application).await;
    one.another_party_sets(&[Mode::Monitor]);
    one.server.set_faults(vec![Fault::new(What::ErrorAfter(500)).action(MODIFY).times(1)]);
    one.apply().await;
    let names: Vec<&str> = one
        .paper
        .entries()
        .iter()
        .map(|entry| match entry.event {
            Event::Approved { .. } => "approved",
            Event::Intended { .. } => "intended",
            Event::Unsure { .. } => "unsure",
            Event::Changed { .. } => "changed",
            _ => "other",
        })
        .collect();
    assert_eq!(names, ["approved", "intended", "unsure", "intended", "changed"]);
}

/// A try of which nothing is known is looked into outside the change window; it is not repeated there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn outside_its_window_nothing_is_sent() {
    let server = serve(&bed::world(&[Mode::Monitor])).await;
    let access = enter(&server).await;
    let report = scan(&access).await;
    let mut order = PlanRequest::new(Goal::Required);
    order.load_balancers = report.load_balancers.iter().take(2).map(|lb| lb.arn.clone()).collect();
    let plan = plan_of(&report, &order, &settings());
    let paper = Paper::default();
    let (hand, pen) = (Hand { access: &access, fate: &Peace }, Pen { paper: &paper, fate: &Peace });
    for step in &plan.steps {
        let intended = Event::Intended { from: step.from, to: step.to };
        let entry = JournalEntry { at: bed::start(), load_balancer: Some(step.target.arn.clone()), event: intended };
        pen.write("", &entry).unwrap();
    }
    // The first one's call had taken effect, the second one's had not.
    edit(&server, &plan.steps[0].target.arn, Mode::Defensive);
    server.clear_calls();
    let freeze = serde_json::from_str(r#"{"from": "2026-11-01", "until": "2026-12-01", "reason": "sale"}"#).unwrap();
    let settings = doorward_change::ChangeSettings { freezes: vec![freeze], ..settings() };
    let time = Wheel::new().time();
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
    let standing = |number: usize| applied.state.step_state(&plan.steps[number].target.arn);
    assert_eq!((standing(0), standing(1)), (StepState::Changed, StepState::Refused));
    let reported = &applied.state.record(&plan.steps[1].target.arn).unwrap().detail;
    assert!(reported.contains("sale") && sets(&server).is_empty(), "{reported}");
}
