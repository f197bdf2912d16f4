//! A scan that is stopped ends at once and marks what it did not reach.

use std::time::Duration;

use doorward_core::Stop;
use doorward_fakeaws::{Fault, What};
use doorward_model::{CoverageStatus, GapReason};

use crate::bed::{SMALL, Setup, check_honest, judge, look, serve, span};

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_reached_is_interrupted() {
    for reason in [GapReason::Interrupted, GapReason::TimedOut] {
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
            while server.calls().iter().filter(|c| c.action == "DescribeDeliverySources").count() < 3 {
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
