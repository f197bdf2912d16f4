//! The actions that are declared for role templates are those that are called: none missing, none to spare.

use std::collections::BTreeSet;

use doorward_fakeaws::spec::AthenaSpec;
use doorward_traffic::{Capability, Metered, Metric, Window};
use jiff::{SignedDuration, Timestamp};

use super::bed::{APP, Bed, HERE, Log, load_balancer, logs_of, place, span};

async fn called(bed: &Bed) -> BTreeSet<String> {
    let calls: BTreeSet<String> = bed.server.calls().into_iter().map(|call| call.iam_action).collect();
    bed.server.clear_calls();
    calls
}

fn declared(capability: Capability) -> BTreeSet<String> {
    capability.operations().iter().map(|operation| operation.action().to_owned()).collect()
}

#[tokio::test]
async fn every_capability_calls_what_it_declares() {
    let bed = Bed::start().await;
    bed.put("central-logs", "alb", &Log::of(APP, "web", "2026-09-01T10:05:00Z", (1, 1)));
    let spans = [span("2026-09-01T10:00:00Z", "2026-09-01T11:00:00Z")];
    let plan = bed.source.plan_logs(&[logs_of(APP, "web", "central-logs", &spans)]).await;
    bed.source.count_logs(&plan, 1, None, |_, _| ()).await;
    assert_eq!(called(&bed).await, declared(Capability::Logs));
    assert_eq!(Capability::Logs.actions(), ["s3:GetObject", "s3:ListBucket"]);

    let now = Timestamp::now();
    let window = Window::covering(now - SignedDuration::from_hours(1), now).unwrap();
    let metered = [Metered { load_balancer: load_balancer(APP, "web"), place: place(APP, HERE) }];
    bed.source.metrics(&metered, &Metric::ALL, window, 300, now).await;
    assert_eq!(called(&bed).await, declared(Capability::Metrics));
    assert_eq!(Capability::Metrics.actions(), ["cloudwatch:GetMetricData"]);

    let columns = ["what", "account", "region", "elb", "key1", "key2", "key3", "key4", "requests", "served"];
    let answer = AthenaSpec {
        account: APP.to_owned(),
        region: HERE.to_owned(),
        columns: columns.map(str::to_owned).to_vec(),
        ..AthenaSpec::default()
    };
    bed.server.world().add_athena(&answer).unwrap();
    super::athena::count(&bed, &super::athena::job(u64::MAX)).await.unwrap();
    let late = doorward_traffic::AthenaJob { patience: std::time::Duration::ZERO, ..super::athena::job(u64::MAX) };
    super::athena::count(&bed, &late).await.unwrap_err();
    // What the job would scan is listed first; the rest is what Athena does in the caller's name.
    let athena: BTreeSet<String> = Capability::Athena.actions().into_iter().map(str::to_owned).collect();
    assert_eq!(called(&bed).await, athena);
    bed.server.shutdown().await;
}
