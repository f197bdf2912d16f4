//! Whatever fails, nothing is made up: the N-th call for every N, and random schedules.

use std::sync::Arc;
use std::time::Duration;

use doorward_core::discover::KnownOrganization;
use doorward_fakeaws::{Fault, Form, What};
use futures::StreamExt;

use crate::bed::{SMALL, Setup, check_honest, fired, known, scan, serve, span};

/// No scan of the small organization may take longer than this, whatever happens to it.
const DEADLINE: Duration = Duration::from_secs(60);

/// Scans under faults; checks the one law; returns how often the faults fired.
async fn check(what: String, faults: Vec<Fault>) -> u64 {
    check_again(what, faults, &[]).await
}

/// The same for a scan that follows another.
async fn check_again(what: String, faults: Vec<Fault>, known: &[KnownOrganization]) -> u64 {
    let server = serve(SMALL, faults).await;
    let setup = Setup { known: known.to_vec(), ..Setup::default() };
    let outcome = tokio::time::timeout(DEADLINE, scan(&server, &setup)).await;
    match outcome.unwrap_or_else(|_| panic!("{what}: hangs")) {
        Ok(report) => check_honest(&what, &report, SMALL, &server),
        Err(no_way_in) => assert!(!no_way_in.is_empty(), "{what}: fails without a sentence"),
    }
    let fired = fired(&server.faults());
    server.shutdown().await;
    fired
}

fn kinds() -> Vec<What> {
    vec![
        What::AccessDenied,
        What::ScpDenied("arn:aws:organizations::300000000001:policy/o-small00001/service_control_policy/p-x".into()),
        What::Throttle,
        What::ServerError(500),
        What::ServerError(503),
        What::ExpiredToken,
        What::Reset,
        What::HalfClose(0.6),
        What::BlackHole,
        What::SlowDrip { bytes: 40, interval: Duration::from_millis(30) },
        What::Truncated(0.3),
        What::Truncated(0.9),
        What::Malformed,
        What::EmptyBody,
        What::WrongAccount,
        What::ClockSkew,
    ]
}

async fn clean_calls() -> u64 {
    let server = serve(SMALL, vec![]).await;
    scan(&server, &Setup::default()).await.expect("a way in");
    server.calls().len() as u64
}

#[tokio::test(flavor = "multi_thread")]
async fn the_nth_call_fails_for_every_n() {
    let calls = clean_calls().await;
    assert!(calls > 30, "the small organization takes {calls} calls");
    let cases = (1..=calls).flat_map(|n| kinds().into_iter().map(move |what| (n, what)));
    let fired: Vec<u64> = futures::stream::iter(cases)
        .map(|(n, what)| check(format!("call {n}: {what:?}"), vec![Fault::new(what).nth(n)]))
        .buffer_unordered(16)
        .collect()
        .await;
    let hits = fired.iter().filter(|fired| **fired > 0).count();
    // Some kinds make sense for AssumeRole only; most must have struck.
    assert!(hits * 10 >= fired.len() * 8, "only {hits} of {} faults fired", fired.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_always_fails_is_a_gap() {
    let actions = [
        "ListAccounts",
        "ListRoots",
        "ListOrganizationalUnitsForParent",
        "ListRegions",
        "AssumeRole",
        "DescribeOrganization",
        "DescribeLoadBalancers",
        "DescribeLoadBalancerAttributes",
        "DescribeTags",
        "DescribeDeliverySources",
        "DescribeDeliveries",
    ];
    let cases = actions.into_iter().flat_map(|action| kinds().into_iter().map(move |what| (action, what)));
    futures::stream::iter(cases)
        .for_each_concurrent(16, |(action, what)| async move {
            check(format!("{action} always: {what:?}"), vec![Fault::new(what).action(action)]).await;
        })
        .await;
}

/// Answers that parse and are not right. Nothing of what they say may be believed, once or always.
#[tokio::test(flavor = "multi_thread")]
async fn every_answer_takes_every_form() {
    let known = known(SMALL).await;
    let fired: Vec<(Form, u64)> = futures::stream::iter(Form::ALL.iter().copied())
        .map(|form| {
            let known = &known;
            async move {
                let always = vec![Fault::new(What::Form(form))];
                let all = check_again(format!("{form:?} always"), always, known).await;
                for n in 1.. {
                    let fault = Fault::new(What::Form(form)).nth(n);
                    if check_again(format!("answer {n}: {form:?}"), vec![fault], known).await == 0 {
                        return (form, all.min(n - 1));
                    }
                }
                (form, 0)
            }
        })
        .buffer_unordered(8)
        .collect()
        .await;
    assert_eq!(fired.len(), Form::ALL.len());
    for (form, number) in fired {
        assert!(number > 0, "{form:?} never fired");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_action_that_always_takes_a_form_is_a_gap() {
    let known = known(SMALL).await;
    let actions = ["ListAccounts", "ListRegions", "DescribeLoadBalancers", "DescribeLoadBalancerAttributes", "List*"];
    let cases = actions.into_iter().flat_map(|action| Form::ALL.iter().map(move |form| (action, *form)));
    futures::stream::iter(cases)
        .for_each_concurrent(16, |(action, form)| {
            let known = &known;
            async move {
                let fault = Fault::new(What::Form(form)).action(action);
                check_again(format!("{action} always: {form:?}"), vec![fault], known).await;
            }
        })
        .await;
}

/// One random fault: what, where and how often, all from the seed.
fn random_fault(rng: &mut fastrand::Rng) -> Fault {
    let mut kinds = kinds();
    kinds.extend(Form::ALL.iter().copied().map(What::Form));
    let mut fault = Fault::new(kinds[rng.usize(..kinds.len())].clone());
    if rng.bool() {
        let actions = ["Describe*", "List*", "AssumeRole", "DescribeTags", "DescribeLoadBalancerAttributes"];
        fault = fault.action(actions[rng.usize(..actions.len())]);
    }
    if rng.u8(..3) == 0 {
        let regions = ["eu-west-1", "us-east-1", "me-south-1"];
        fault = fault.region(regions[rng.usize(..regions.len())]);
    }
    if rng.u8(..4) == 0 {
        fault = fault.account("300000000003");
    }
    match rng.u8(..4) {
        0 => fault.nth(rng.u64(1..60)),
        1 => fault.every(rng.u64(2..12)),
        2 => fault.first_of_each(rng.u64(1..4)),
        _ => fault.random(rng.f64() * 0.6, rng.u64(..)),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn random_schedules_make_up_nothing() {
    let number = |name: &str| std::env::var(name).ok().and_then(|n| n.parse::<u64>().ok());
    let usual = if std::env::var_os("DOORWARD_SLOW").is_some() { 10_000 } else { 200 };
    let (runs, first) = (number("DOORWARD_FAULT_RUNS").unwrap_or(usual), number("DOORWARD_FAULT_SEED").unwrap_or(1));
    println!("{runs} schedules, seeds {first} to {}", first + runs - 1);
    let total = Arc::new(std::sync::atomic::AtomicU64::new(0));
    let known = known(SMALL).await;
    futures::stream::iter(first..first + runs)
        .for_each_concurrent(16, |seed| {
            let (total, known) = (total.clone(), &known);
            async move {
                let mut rng = fastrand::Rng::with_seed(seed);
                let faults: Vec<Fault> = (0..rng.usize(1..4)).map(|_| random_fault(&mut rng)).collect();
                let hits = check_again(format!("DOORWARD_FAULT_SEED={seed}: {faults:?}"), faults, known).await;
                total.fetch_add(hits, std::sync::atomic::Ordering::Relaxed);
            }
        })
        .await;
    let total = total.load(std::sync::atomic::Ordering::Relaxed);
    assert!(total >= runs, "only {total} faults fired in {runs} runs");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_black_hole_ends_at_the_deadline_of_the_call() {
    let server = serve(SMALL, vec![Fault::new(What::BlackHole).region("us-east-1").service("elbv2")]).await;
    let mut setup = Setup::default();
    setup.calls.call_deadline = span(1500);
    let begun = tokio::time::Instant::now();
    let report = scan(&server, &setup).await.expect("a way in");
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
    check_honest("black hole", &report, SMALL, &server);
    let dark = report.coverage.lines.iter().filter(|l| l.region.as_ref().is_some_and(|r| r.as_str() == "us-east-1"));
    for line in dark {
        assert!(line.gaps.iter().any(|gap| gap.reason == doorward_model::GapReason::TimedOut), "{line:?}");
    }
}
