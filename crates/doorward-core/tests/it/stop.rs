//! A scan that is stopped ends at once and marks what it did not reach.

use std::sync::atomic::Ordering;
use std::time::Duration;

use doorward_aws::Stop;
use doorward_fakeaws::{Fault, What};
use doorward_model::{CoverageStatus, GapReason};

use crate::bed::{SMALL, Setup, check_honest, judge, look, serve, span};

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_sts_does_not_hold_up_a_stop() {
    let server = serve(SMALL, vec![Fault::new(What::BlackHole).service("sts")]).await;
    let mut setup = Setup::default();
    setup.calls.attempt_timeout = span(60_000);
    setup.calls.read_timeout = span(60_000);
    setup.calls.call_deadline = span(60_000);
    let (stopper, stop) = Stop::new();
    let press = async {
        while server.calls().is_empty() {
            tokio::task::yield_now().await;
        }
        stopper.stop(GapReason::Interrupted);
    };
    let both = async { tokio::join!(look(&server, &setup, &stop), press).0 };
    let error =
        tokio::time::timeout(Duration::from_secs(5), both).await.expect("ends at once").expect_err("nothing seen");
    assert!(error.contains("stopped"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_region_costs_no_other_region_anything() {
    // More account-Regions than permits, and one Region that never answers.
    let mut world = SMALL.to_owned();
    for n in 100..220 {
        world += &format!("\n[[account]]\nid = \"300000000{n}\"\nname = \"a{n}\"\n");
    }
    let server = serve(&world, vec![Fault::new(What::BlackHole).region("us-east-1").service("elb*")]).await;
    let mut setup = Setup::default();
    setup.calls.concurrency = 16;
    setup.calls.tries = 2;
    setup.calls.call_deadline = span(1500);
    let (_stopper, stop) = Stop::new();
    let report = judge(look(&server, &setup, &stop).await.expect("a way in"));
    for line in &report.coverage.lines {
        let silent = line.region.as_ref().is_some_and(|r| r.as_str() == "us-east-1");
        assert!(silent || matches!(line.status, CoverageStatus::Complete | CoverageStatus::Skipped), "{line:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_reached_is_interrupted() {
    for reason in [GapReason::Interrupted, GapReason::ScanDeadline, GapReason::TimedOut] {
        // Every load balancer call in one Region hangs, so the scan cannot end by itself.
        let server = serve(SMALL, vec![Fault::new(What::BlackHole).region("us-east-1").service("elb*")]).await;
        let mut setup = Setup::default();
        setup.calls.attempt_timeout = span(60_000);
        setup.calls.read_timeout = span(60_000);
        setup.calls.call_deadline = span(60_000);
        let (stopper, stop) = Stop::new();
        let scan = look(&server, &setup, &stop);
        let press = async {
            while !server.calls().iter().any(|c| c.region == "us-east-1" && c.service.starts_with("elb")) {
                tokio::task::yield_now().await;
            }
            // Give the other Regions the time to finish: the black hole itself waits for ever.
            while setup.kept.load(Ordering::Relaxed) == 0 {
                tokio::task::yield_now().await;
            }
            stopper.stop(reason);
        };
        let both = async { tokio::join!(scan, press).0 };
        let inventory =
            tokio::time::timeout(Duration::from_secs(10), both).await.expect("ends at once").expect("a way in");
        let report = judge(inventory);
        check_honest("stopped", &report, SMALL, &server);
        for line in
            report.coverage.lines.iter().filter(|l| l.region.as_ref().is_some_and(|r| r.as_str() == "us-east-1"))
        {
            assert_eq!((line.status, line.gaps[0].reason), (CoverageStatus::Failed, reason), "{line:?}");
        }
        assert!(!report.load_balancers.is_empty(), "what was read before is kept");
    }
}
