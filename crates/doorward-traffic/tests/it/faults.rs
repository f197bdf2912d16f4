//! Every call that reading logs makes fails in turn, in every way, once and for ever: the count is right, or the gap is named.

use std::collections::BTreeMap;
use std::time::Duration;

use doorward_aws::settings::{CallSettings, Span as Length};
use doorward_fakeaws::{Fault, What};
use doorward_model::GapReason;
use doorward_traffic::{Counted, LogPlan};

use super::bed::{APP, Bed, Log, counts, limits, logs_of, span};

/// Six objects on two days over small pages, two of them long enough to come in many pieces.
async fn bed() -> Bed {
    let bed = Bed::with_organization("page_size = 2").await;
    for (end, noise) in [
        ("2026-09-01T10:05:00Z", 0),
        ("2026-09-01T10:10:00Z", 3000),
        ("2026-09-01T10:15:00Z", 0),
        ("2026-09-02T10:05:00Z", 0),
        ("2026-09-02T10:10:00Z", 3000),
        ("2026-09-02T10:15:00Z", 0),
    ] {
        bed.put("central-logs", "alb", &Log { noise, ..Log::of(APP, "web", end, (150, 10)) });
    }
    bed
}

async fn run(bed: &Bed) -> (LogPlan, Counted) {
    let places = [logs_of(APP, "web", "central-logs", &[span("2026-09-01T10:00:00Z", "2026-09-02T12:00:00Z")])];
    let plan = bed.source.plan_logs(&places).await;
    let counted = bed.source.count_logs(&plan, 2, None, |_, _| ()).await;
    (plan, counted)
}

fn kinds() -> Vec<(What, GapReason)> {
    use GapReason::*;
    vec![
        (What::Throttle, Throttled),
        (What::ServerError(500), ServiceFailure),
        (What::ServerError(503), ServiceFailure),
        (What::ExpiredToken, Expired),
        (What::ClockSkew, ClockSkew),
        (What::Reset, Unreachable),
        (What::HalfClose(0.0), Malformed),
        (What::HalfClose(0.3), Malformed),
        (What::HalfClose(0.9), Malformed),
        (What::Truncated(0.2), Malformed),
        (What::Truncated(0.97), Malformed),
        (What::Malformed, Malformed),
        (What::EmptyBody, Malformed),
    ]
}

#[tokio::test]
async fn every_call_may_fail_once() {
    let bed = bed().await;
    let (_, truth) = run(&bed).await;
    assert_eq!(counts(&truth.tally), BTreeMap::from([("web".to_owned(), (900, 60))]));
    assert!(truth.missed.is_empty() && truth.tally.is_whole(), "{truth:?}");
    let calls = bed.server.calls().len() as u64;
    assert!(calls > 10, "{calls}");
    for (what, _) in kinds() {
        for number in 1..=calls {
            let fired = bed.server.set_faults(vec![Fault::new(what.clone()).service("s3").nth(number)]);
            let (_, counted) = run(&bed).await;
            assert_eq!(counted, truth, "{what:?} at call {number}");
            assert_eq!(fired.fired_total(), 1);
        }
    }
    bed.server.shutdown().await;
}

#[tokio::test]
async fn what_fails_for_ever_is_a_gap_of_its_own() {
    let bed = bed().await;
    let (_, truth) = run(&bed).await;
    for (what, reason) in kinds() {
        // What came before a cut is kept, so that cutting an object off again and again still brings it all; and the last bytes
        // of a list only close its elements.
        let harmless = matches!(what, What::HalfClose(part) if part > 0.0) || what == What::Truncated(0.97);
        bed.server.set_faults(vec![Fault::new(what.clone()).action("GetObject")]);
        let (plan, counted) = run(&bed).await;
        assert_eq!(plan.objects.len(), 6, "{what:?}");
        assert!(!counted.missed.is_empty() || (harmless && counted == truth), "{what:?}: {counted:?}");
        for missed in &counted.missed {
            assert_eq!(missed.gap.reason, reason, "{what:?}: {}", missed.gap);
        }
        let read = plan.objects.len() - counted.missed.len();
        let lines: (u64, u64) = counts(&counted.tally).get("web").copied().unwrap_or_default();
        assert_eq!(
            (lines, counted.tally.reading.unread.count as usize),
            ((150 * read as u64, 10 * read as u64), 6 - read),
            "{what:?}"
        );

        bed.server.set_faults(vec![Fault::new(what.clone()).action("ListObjectsV2")]);
        let (plan, counted) = run(&bed).await;
        if harmless && counted == truth {
            continue;
        }
        assert_eq!((plan.objects.len(), counted.missed.len()), (0, 1), "{what:?}");
        assert_eq!(counted.missed[0].gap.reason, reason, "{what:?}: {}", counted.missed[0].gap);
        assert!(!counted.tally.is_whole());
    }
    bed.server.shutdown().await;
}

#[tokio::test]
async fn an_object_that_is_cut_goes_on_where_it_was_cut() {
    let bed = bed().await;
    let (_, truth) = run(&bed).await;
    let gets = || bed.server.calls().into_iter().filter(|call| call.action == "GetObject").collect::<Vec<_>>();
    bed.server.clear_calls();
    bed.server.set_faults(vec![Fault::new(What::HalfClose(0.5)).action("GetObject").first_of_each(3)]);
    let (_, counted) = run(&bed).await;
    assert_eq!(counted, truth);
    let calls = gets();
    let whole = calls.iter().filter(|call| call.status == 200).count();
    let parts = calls.iter().filter(|call| call.status == 206).count();
    assert!(whole >= 6 && parts >= 6, "{whole} whole, {parts} in part");
    bed.server.shutdown().await;
}

#[tokio::test]
async fn random_faults_never_lie() {
    let bed = bed().await;
    let (_, truth) = run(&bed).await;
    for seed in 0..12 {
        let faults = kinds().into_iter().map(|(what, _)| Fault::new(what).service("s3").random(0.06, seed));
        bed.server.set_faults(faults.collect());
        let (plan, counted) = run(&bed).await;
        let complete = counted.missed.is_empty();
        assert_eq!(counted.tally.is_whole(), complete, "{seed}: {:?}", counted.missed);
        let lost = counted.missed.len() - plan.missed.len();
        let read = (plan.objects.len() - lost) as u64;
        let lines = counts(&counted.tally).get("web").copied().unwrap_or_default();
        assert_eq!(lines, (150 * read, 10 * read), "{seed}: {:?}", counted.missed);
        assert!(!complete || counted == truth, "{seed}");
    }
    bed.server.shutdown().await;
}

#[tokio::test]
async fn silence_ends_at_the_deadline_and_slowness_does_not_matter() {
    let millis = |millis| Length(Duration::from_millis(millis));
    let short = CallSettings { attempt_timeout: millis(300), call_deadline: millis(700), ..limits() };
    let bed = Bed::with_limits(short).await;
    bed.put("central-logs", "alb", &Log { noise: 300, ..Log::of(APP, "web", "2026-09-01T10:05:00Z", (150, 10)) });
    let (_, truth) = run(&bed).await;
    let drip = What::SlowDrip { bytes: 2048, interval: Duration::from_millis(2) };
    bed.server.set_faults(vec![Fault::new(drip).action("GetObject")]);
    assert_eq!(run(&bed).await.1, truth);
    for action in ["GetObject", "ListObjectsV2"] {
        bed.server.set_faults(vec![Fault::new(What::BlackHole).action(action)]);
        let (_, counted) = run(&bed).await;
        assert_eq!(counted.missed.len(), 1, "{action}");
        assert_eq!(counted.missed[0].gap.reason, GapReason::TimedOut, "{action}");
    }
    bed.server.shutdown().await;
}

#[tokio::test]
async fn a_session_that_expired_is_renewed() {
    let bed = bed().await;
    let (_, truth) = run(&bed).await;
    bed.server.set_faults(vec![Fault::new(What::ExpiredToken).action("GetObject").nth(2)]);
    assert_eq!(run(&bed).await.1, truth);
    assert_eq!(*bed.refused.lock().unwrap(), ["AKIA111111111111"]);
    bed.server.shutdown().await;
}

#[tokio::test]
async fn a_parser_that_panics_is_not_waited_for() {
    let bed = bed().await;
    let (plan, _) = run(&bed).await;
    let source = bed.source.clone();
    let task = tokio::spawn(async move {
        let parser =
            || |_: &doorward_traffic::Planned, _: &mut doorward_traffic::Body| -> () { panic!("a parser that fails") };
        source.read_logs(&plan, 2, parser, |_, _| ()).await;
    });
    let ended = tokio::time::timeout(Duration::from_secs(20), task).await.expect("it ends");
    assert!(ended.expect_err("the panic goes on").is_panic());
    bed.server.shutdown().await;
}

#[tokio::test]
async fn a_caller_that_stops_waiting_stops_the_downloads() {
    let bed = bed().await;
    let (plan, _) = run(&bed).await;
    let drip = What::SlowDrip { bytes: 1, interval: Duration::from_millis(50) };
    bed.server.set_faults(vec![Fault::new(drip).action("GetObject")]);
    let read = bed.source.count_logs(&plan, 2, None, |_, _| ());
    assert!(tokio::time::timeout(Duration::from_millis(200), read).await.is_err());
    // The threads end with their bodies; otherwise the runtime of this test would not end.
    bed.server.shutdown().await;
}
