//! The smallest loss that a watch can show, before a change and in its result.

use std::cell::Cell;

use doorward_change::{DryRunResult, Goal, PlanRequest, render_dry_run, smallest_losses};
use doorward_model::Mode;

use crate::bed::{self, Wheel, enter, plan_of, scan, serve, settings};
use crate::watching::{LENGTH, Logs, Meter, Traffic, usual, watched_with};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_smallest_loss_is_stated_before_a_change_and_in_its_result() {
    let (stopped, .., seen) = watched_with(usual(3), false, Logs::None).await;
    assert_eq!(stopped, None);
    assert!(seen.contains(": a loss below ") && seen.contains("% within 29 minutes"), "{seen}");

    let server = serve(&bed::world(&[Mode::Monitor])).await;
    let report = scan(&enter(&server).await).await;
    let mut order = PlanRequest::new(Goal::Mode(Mode::Defensive));
    order.load_balancers = report.load_balancers.iter().take(1).map(|lb| lb.arn.clone()).collect();
    let (settings, wheel) = (settings(), Wheel::new());
    let plan = plan_of(&report, &order, &settings);
    let before = |traffic: Traffic, refuses: bool| {
        let meter = Meter { traffic, wheel: &wheel, refuses: Cell::new(refuses), logs: Logs::None };
        let (plan, settings, time) = (&plan, &settings, wheel.time());
        async move { smallest_losses(plan, &meter, settings, LENGTH, &time).await }
    };
    let results = vec![DryRunResult::WouldChange; plan.steps.len()];
    let losses = before(usual(3), false).await;
    let smallest = losses[0].clone().expect("hours are known");
    assert!(smallest.soon > 0.01 && smallest.soon < 0.1 && smallest.later <= smallest.soon, "{smallest:?}");
    assert_eq!(smallest.periods, 30);
    let rendered = render_dry_run(&plan, &results, &losses);
    assert!(rendered.text.contains("would be changed; watched, a loss below "), "{}", rendered.text);
    assert_eq!(rendered.json["load_balancers"][0]["smallest_loss"]["periods"], 30);
    // More variation, a larger loss.
    let restless = before(Traffic { wander: 0.35, bad: (0.03, 0.03), ..usual(3) }, false).await[0].clone().unwrap();
    assert!(restless.soon > smallest.soon * 1.5, "{restless:?} {smallest:?}");
    // Of few requests little can be said, and what is not read is unknown.
    for (busy, words) in [
        (3.0, "no loss can be distinguished from the usual variation within 2 minutes, and a loss below "),
        (0.3, "no loss of requests can be distinguished"),
    ] {
        let small = before(Traffic { busy, ..usual(3) }, false).await[0].clone();
        assert!(small.as_ref().is_ok_and(|small| small.to_string().starts_with(words)), "{small:?}");
    }
    let unread = before(usual(3), true).await;
    let rendered = render_dry_run(&plan, &results, &unread);
    assert!(
        rendered.text.contains("the smallest loss that a watch can show is unknown: its metrics could not be read")
    );
    assert!(rendered.json["load_balancers"][0]["smallest_loss"].is_null());
    assert!(!render_dry_run(&plan, &results, &[]).text.contains("loss"));
}
