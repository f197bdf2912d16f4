//! Athena end to end: what is refused before it costs anything, what rows become, and that no fault runs a query twice.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use doorward_fakeaws::spec::AthenaSpec;
use doorward_fakeaws::{Fault, What};
use doorward_model::{AccountId, Gap, GapReason, Mode, Region};
use doorward_traffic::{AthenaCount, AthenaError, AthenaJob, AthenaLogs, Prices, Treatment, Window};

use super::bed::{APP, Bed, HERE, Log, at, load_balancer, place};

pub(crate) fn job(budget: u64) -> AthenaJob {
    AthenaJob {
        place: place(APP, HERE),
        logs: AthenaLogs::Lines { bucket: "central-logs".to_owned(), prefix: "alb".to_owned() },
        accounts: BTreeSet::from([AccountId::new(APP).unwrap()]),
        scanned: BTreeSet::from([AccountId::new(APP).unwrap()]),
        regions: BTreeSet::from([Region::new(HERE).unwrap()]),
        load_balancers: Some(BTreeSet::from(["app/o'brien/0123456789abcdef".to_owned()])),
        window: Window::covering(at("2026-09-01T10:00:00Z"), at("2026-09-01T12:00:00Z")).unwrap(),
        database: "traffic".to_owned(),
        workgroup: "primary".to_owned(),
        output: Some("s3://results/athena/".to_owned()),
        budget,
        patience: Duration::from_secs(60),
    }
}

/// Estimates and counts.
pub(crate) async fn count(bed: &Bed, job: &AthenaJob) -> Result<AthenaCount, AthenaError> {
    let estimate = bed.source.estimate(job).await?;
    bed.source.athena(job, estimate, std::future::pending()).await
}

fn row(what: &str, keys: [&str; 4], requests: u64, served: u64) -> Vec<String> {
    let elb = "app/web/0123456789abcdef";
    let [a, b, c, d] = keys;
    [what, APP, HERE, elb, a, b, c, d]
        .map(str::to_owned)
        .into_iter()
        .chain([requests, served].map(|n| n.to_string()))
        .collect()
}

fn answer() -> AthenaSpec {
    let mut rows = vec![
        row("hour", ["2026-09-01T10 compliant", "served 2 2", "-", "-"], 1000, 990),
        row("hour", ["2026-09-01T11 tier", "served 2 2", "Severe", "BadUri"], 7, 7),
        row("hour", ["2026-09-01T11 tier", "blocked 4 -", "Ambiguous", "BothTeClPresent"], 3, 0),
        row("hour", ["2026-09-01T11 rejected", "blocked 4 -", "-", "-"], 2, 0),
        row("hour", ["- unparsed", "unanswered - -", "", ""], 5, 0),
        row("odd", ["half a li", "", "", ""], 5, 0),
        row("hour", ["outside compliant", "served 2 2", "-", "-"], 50, 50),
        row("status", ["200", "", "", ""], 1007, 0),
        row("clients", ["203.0.113.9", "curl", "Severe BadUri", "2026-09-01T11 served"], 7, 7),
    ];
    // More sources than are kept: the last one says how frequent those may be that are not here.
    rows.extend((0..257).map(|number| row("addresses", [&format!("192.0.2.{number}"), "", "", ""], 300 - number, 0)));
    AthenaSpec {
        account: APP.to_owned(),
        region: HERE.to_owned(),
        contains: "GROUPING SETS".to_owned(),
        columns: ["what", "account", "region", "elb", "key1", "key2", "key3", "key4", "requests", "served"]
            .map(str::to_owned)
            .to_vec(),
        rows,
        scanned: 4_711,
        fails: None,
        endless: false,
    }
}

async fn bed() -> Bed {
    let bed = Bed::with_organization("page_size = 100").await;
    for (name, end) in
        [("web", "2026-09-01T10:05:00Z"), ("other", "2026-09-01T23:05:00Z"), ("web", "2026-09-03T10:05:00Z")]
    {
        bed.put("central-logs", "alb", &Log::of(APP, name, end, (1, 0)));
    }
    bed.server.world().add_athena(&answer()).unwrap();
    bed
}

#[tokio::test]
async fn a_count_is_estimated_bounded_and_made() {
    let bed = bed().await;
    let estimate = bed.source.estimate(&job(0)).await.unwrap();
    // Athena scans whole days, whichever load balancers are wanted; the third object lies in another day's folder.
    assert_eq!(estimate.objects, 2);
    assert!((estimate.cost(&Prices::default()) - estimate.bytes as f64 * 5e-12).abs() < 1e-15);
    let refused = bed.source.athena(&job(estimate.bytes - 1), estimate, std::future::pending()).await.unwrap_err();
    assert!(matches!(refused, AthenaError::OverBudget { bytes, .. } if bytes == estimate.bytes), "{refused}");
    assert_eq!(bed.server.world().athena_queries(APP, HERE), Vec::<String>::new());

    let count = bed.source.athena(&job(estimate.bytes), estimate, std::future::pending()).await.unwrap();
    assert_eq!(count.scanned, 4_711);
    let statements = bed.server.world().athena_queries(APP, HERE);
    assert_eq!(statements.len(), 2);
    assert!(statements[0].starts_with("CREATE EXTERNAL TABLE IF NOT EXISTS"), "{}", statements[0]);
    assert!(statements[1].contains("object_elb IN ('app/o''brien/0123456789abcdef')"), "{}", statements[1]);

    let tally = &count.tally.load_balancers[&load_balancer(APP, "web")];
    assert_eq!((tally.lines, tally.compliant, tally.rejected, tally.outside), (1012, 1000, 2, 50));
    assert_eq!((tally.unparsed.count, &tally.unparsed.samples[..]), (5, &["half a li".to_owned()][..]));
    let blocked = |mode: Mode| {
        let causes = tally.causes.iter().filter(|(cause, _)| cause.tier.in_mode(mode) == Treatment::Blocked);
        causes.map(|(_, answered)| answered.total()).sum::<u64>()
    };
    assert_eq!((blocked(Mode::Monitor), blocked(Mode::Defensive), blocked(Mode::Strictest)), (0, 7, 10));
    assert_eq!(tally.statuses, BTreeMap::from([("200".to_owned(), 1007)]));
    let addresses = &tally.sources.addresses;
    assert_eq!((addresses.len(), addresses.bound(), addresses.total()), (256, 44, 10));
    assert_eq!(tally.sources.clients.len(), 1);
    bed.server.shutdown().await;
}

#[tokio::test]
async fn every_call_may_fail_once_and_no_query_runs_twice() {
    let bed = bed().await;
    let truth = count(&bed, &job(u64::MAX)).await.unwrap();
    let calls = bed.server.calls().len() as u64;
    let started = bed.server.world().athena_queries(APP, HERE).len();
    for what in [
        What::Throttle,
        What::ServerError(500),
        What::ExpiredToken,
        What::Reset,
        What::LostAnswer,
        What::HalfClose(0.5),
        What::Malformed,
        What::EmptyBody,
    ] {
        for number in 1..=calls {
            let before = bed.server.world().athena_queries(APP, HERE).len();
            bed.server.set_faults(vec![Fault::new(what.clone()).nth(number)]);
            let counted = count(&bed, &job(u64::MAX)).await;
            assert_eq!(counted.as_ref(), Ok(&truth), "{what:?} at {number}");
            assert_eq!(bed.server.world().athena_queries(APP, HERE).len() - before, started, "{what:?} at {number}");
        }
    }
    bed.server.shutdown().await;
}

#[tokio::test]
async fn what_ends_badly_says_how() {
    let bed = Bed::start().await;
    let broken = AthenaSpec { contains: "CREATE".to_owned(), fails: Some("no database".to_owned()), ..answer() };
    bed.server.world().add_athena(&broken).unwrap();
    let failed = count(&bed, &job(u64::MAX)).await.unwrap_err();
    assert_eq!(failed.to_string(), "Athena ended the query as FAILED: no database");
    bed.server.shutdown().await;

    let bed = self::bed().await;
    bed.server.set_faults(vec![Fault::new(What::AccessDenied).action("GetQueryResults")]);
    let AthenaError::Gap(gap) = count(&bed, &job(u64::MAX)).await.unwrap_err() else { panic!("a gap was expected") };
    assert_eq!((gap.reason, gap.action.as_deref()), (GapReason::AccessDenied, Some("athena:GetQueryResults")));
    // Nobody waits for a query whose end cannot be seen.
    bed.server.set_faults(vec![Fault::new(What::AccessDenied).action("GetQueryExecution")]);
    count(&bed, &job(u64::MAX)).await.unwrap_err();
    assert!(bed.server.calls().iter().any(|call| call.action == "StopQueryExecution"));
    bed.server.set_faults(vec![]);
    let late = AthenaJob { patience: Duration::ZERO, ..job(u64::MAX) };
    let AthenaError::Gap(gap) = count(&bed, &late).await.unwrap_err() else { panic!("a gap was expected") };
    assert_eq!(gap.reason, GapReason::TimedOut);
    // Nor for one that somebody has given up.
    bed.server.clear_calls();
    let given_up = std::future::ready(Gap::new(GapReason::Interrupted, "test"));
    let estimate = bed.source.estimate(&job(u64::MAX)).await.unwrap();
    let AthenaError::Gap(gap) = bed.source.athena(&job(u64::MAX), estimate, given_up).await.unwrap_err() else {
        panic!("a gap was expected")
    };
    assert_eq!(gap.reason, GapReason::Interrupted);
    assert!(bed.server.calls().iter().any(|call| call.action == "StopQueryExecution"));
    bed.server.shutdown().await;
}
