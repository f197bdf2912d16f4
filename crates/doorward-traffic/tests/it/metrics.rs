//! Three kinds of nothing, over real calls: no traffic, no permission, truly zero; and all points however they are paged.

use std::collections::BTreeMap;

use doorward_fakeaws::spec::MetricSpec;
use doorward_fakeaws::{Fault, What};
use doorward_model::GapReason;
use doorward_traffic::{Answer, Known, LoadBalancerKey, Metered, Metric, Series, Window};
use jiff::{SignedDuration, Timestamp};

use super::bed::{APP, Bed, HERE, SHOP, place};

/// A window of the last hours: the emulator's clock is the machine's.
fn window(hours: i64) -> (Window, Timestamp) {
    let now = Timestamp::now();
    (Window::covering(now - SignedDuration::from_hours(hours), now).unwrap(), now)
}

pub(crate) fn put(bed: &Bed, name: &str, id: &str, from: Timestamp, values: &[f64], status: Option<&str>) {
    let (namespace, dimension) =
        if id.contains('/') { ("AWS/ApplicationELB", "LoadBalancer") } else { ("AWS/ELB", "LoadBalancerName") };
    let metric = MetricSpec {
        account: APP.to_owned(),
        region: HERE.to_owned(),
        namespace: Some(namespace.to_owned()),
        name: name.to_owned(),
        dimensions: BTreeMap::from([(dimension.to_owned(), id.to_owned())]),
        from: Some(from.to_string()),
        every: Some(60),
        values: values.to_vec(),
        status: status.map(str::to_owned),
        ..MetricSpec::default()
    };
    bed.server.world().add_metric(&metric).unwrap();
}

fn metered(account: &str, id: &str) -> Metered {
    let load_balancer: LoadBalancerKey = format!("{account}/{HERE}/{id}").parse().unwrap();
    Metered { load_balancer, place: place(account, HERE) }
}

async fn ask(bed: &Bed, load_balancers: &[Metered], window: Window, now: Timestamp) -> BTreeMap<String, Series> {
    let series = bed.source.metrics(load_balancers, &Metric::ALL, window, 300, now).await;
    series.into_iter().map(|(key, series)| (key.id, series)).collect()
}

#[tokio::test]
async fn nothing_has_three_meanings() {
    let bed = Bed::start().await;
    let (window, now) = window(6);
    let from = window.starts_at();
    for (name, id, values, status) in [
        ("RequestCount", "app/busy/1", &[5.0; 90][..], None),
        ("DesyncMitigationMode_NonCompliant_Request_Count", "app/busy/1", &[0.0, 2.0, 3.0][..], None),
        ("RequestCount", "app/clean/2", &[1.0][..], None),
        ("RequestCount", "app/secret/4", &[1.0][..], Some("Forbidden")),
        ("RequestCount", "old-shop", &[7.0][..], None),
        ("HTTPCode_Backend_5XX", "old-shop", &[2.0][..], None),
    ] {
        put(&bed, name, id, from, values, status);
    }
    let load_balancers = [
        metered(APP, "app/busy/1"),
        metered(APP, "app/clean/2"),
        metered(APP, "app/idle/3"),
        metered(APP, "app/secret/4"),
        metered(APP, "old-shop"),
        metered(SHOP, "app/till/5"),
        metered("999999999999", "app/lost/6"),
    ];
    let series = ask(&bed, &load_balancers, window, now).await;
    let total = |id: &str, metric| match series[id].total(metric) {
        Known::Count(count) => count.to_string(),
        Known::NoTraffic => "no traffic".to_owned(),
        Known::NotAsked => "not asked".to_owned(),
        Known::Unread(gap) => format!("{} {}", gap.reason, gap.action.as_deref().unwrap_or("-")),
    };
    use Metric::{NewConnections, NonCompliant, Requests, Target5xx};
    for (id, metric, expected) in [
        ("app/busy/1", Requests, "450"),
        ("app/busy/1", NonCompliant, "5"),
        ("app/clean/2", NonCompliant, "0"),
        ("app/idle/3", NonCompliant, "no traffic"),
        ("app/secret/4", NonCompliant, "access-denied cloudwatch:GetMetricData"),
        ("old-shop", Requests, "7"),
        ("old-shop", Target5xx, "2"),
        ("old-shop", NonCompliant, "0"),
        ("old-shop", NewConnections, "not asked"),
        ("app/till/5", NonCompliant, "access-denied cloudwatch:GetMetricData"),
        ("app/lost/6", Requests, "role-missing -"),
    ] {
        assert_eq!(total(id, metric), expected, "{id} {metric:?}");
    }
    let above = series["app/busy/1"].above_zero(NonCompliant).unwrap();
    assert_eq!(above, [(from, from + SignedDuration::from_mins(5))]);
    bed.server.shutdown().await;
}

#[tokio::test]
async fn many_load_balancers_take_few_calls_and_any_pages() {
    for page in ["", "page_size = 7"] {
        let bed = Bed::with_organization(page).await;
        let (window, now) = window(2);
        let load_balancers: Vec<Metered> =
            (0..230).map(|number| metered(APP, &format!("app/b{number}/{number}"))).collect();
        for number in 0..230_u32 {
            let values = vec![f64::from(number); 3];
            put(&bed, "RequestCount", &format!("app/b{number}/{number}"), window.starts_at(), &values, None);
        }
        let series = ask(&bed, &load_balancers, window, now).await;
        for number in 0..230_u64 {
            let total = series[&format!("app/b{number}/{number}")].total(Metric::Requests);
            assert_eq!(total, if number == 0 { Known::NoTraffic } else { Known::Count(3 * number) }, "{number}");
        }
        let calls = bed.server.calls().len();
        assert!(if page.is_empty() { calls == 4 } else { calls > 30 }, "{calls}");
        bed.server.shutdown().await;
    }
}

#[tokio::test]
async fn what_cloudwatch_forgot_is_unread() {
    let bed = Bed::start().await;
    let now = Timestamp::now();
    let days = |days: i64| now - SignedDuration::from_hours(24 * days);
    let window = Window::covering(days(460), days(450)).unwrap();
    let series = ask(&bed, &[metered(APP, "app/busy/1")], window, now).await;
    assert!(matches!(series["app/busy/1"].total(Metric::Requests), Known::Unread(_)));
    assert_eq!(bed.server.calls().len(), 0);
    // A window two months back is asked for in hours, or there would be no points.
    let window = Window::covering(days(100), days(99)).unwrap();
    put(&bed, "RequestCount", "app/busy/1", days(99) - SignedDuration::from_hours(5), &[1.0; 120], None);
    let series = ask(&bed, &[metered(APP, "app/busy/1")], window, now).await;
    assert_eq!(series["app/busy/1"].period_seconds, 3600);
    assert_eq!(series["app/busy/1"].total(Metric::Requests), Known::Count(120));
    bed.server.shutdown().await;
}

#[tokio::test]
async fn partial_and_failed_answers_are_no_answers() {
    for (status, reason) in [("PartialData", GapReason::Malformed), ("InternalError", GapReason::ServiceFailure)] {
        let bed = Bed::start().await;
        let (window, now) = window(2);
        put(&bed, "RequestCount", "app/busy/1", window.starts_at(), &[1.0; 9], Some(status));
        let series = ask(&bed, &[metered(APP, "app/busy/1")], window, now).await;
        let Some(Answer::Unread(gap)) = series["app/busy/1"].answers.get(&Metric::Requests) else {
            panic!("{series:?}");
        };
        assert_eq!(gap.reason, reason);
        assert!(matches!(series["app/busy/1"].answers[&Metric::NonCompliant], Answer::Points(_)));
        bed.server.shutdown().await;
    }
}

#[tokio::test]
async fn every_fault_once_changes_nothing_and_for_ever_is_reported() {
    use GapReason::*;
    let faults = [
        (What::Throttle, Throttled),
        (What::ServerError(500), ServiceFailure),
        (What::ServerError(503), ServiceFailure),
        (What::ExpiredToken, Expired),
        (What::Reset, Unreachable),
        (What::HalfClose(0.5), Malformed),
        (What::Truncated(0.5), Malformed),
        (What::Truncated(0.97), Malformed),
        (What::Malformed, Malformed),
        (What::EmptyBody, Malformed),
    ];
    let bed = Bed::with_organization("page_size = 5").await;
    let (window, now) = window(2);
    put(&bed, "RequestCount", "app/busy/1", window.starts_at(), &[1.0; 120], None);
    let load_balancers = [metered(APP, "app/busy/1")];
    let truth = ask(&bed, &load_balancers, window, now).await;
    let calls = bed.server.calls().len() as u64;
    assert!(calls >= 4, "{calls}");
    for (what, reason) in faults {
        for number in 1..=calls {
            let plan = bed.server.set_faults(vec![Fault::new(what.clone()).service("cloudwatch").nth(number)]);
            assert_eq!(ask(&bed, &load_balancers, window, now).await, truth, "{what:?} at {number}");
            assert_eq!(plan.fired_total(), 1);
        }
        bed.server.set_faults(vec![Fault::new(what.clone()).service("cloudwatch")]);
        let series = ask(&bed, &load_balancers, window, now).await;
        for (metric, answer) in &series["app/busy/1"].answers {
            let Answer::Unread(gap) = answer else { panic!("{what:?}: {metric:?} is {answer:?}") };
            assert_eq!(gap.reason, reason, "{what:?}: {gap}");
        }
    }
    bed.server.shutdown().await;
}
