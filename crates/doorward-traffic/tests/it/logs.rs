//! What is planned is what the windows need, what is read is what was written, and what is refused is named.

use std::collections::{BTreeMap, BTreeSet};

use doorward_model::GapReason;
use doorward_traffic::{Extent, LogPlace, Prices, Window, extent, falls_short};
use proptest::prelude::*;

use super::bed::{APP, Bed, HERE, LOGS, Log, SHOP, at, counts, load_balancer, logs_of, place, span};

#[tokio::test]
async fn a_window_is_planned_priced_and_read() {
    let bed = Bed::start().await;
    let mut bytes = 0;
    // Two load balancers in one bucket; the window is from 10:00 to 12:00.
    for (name, end, lines) in [
        ("web", "2026-09-01T10:00:00Z", (9, 9)),
        ("web", "2026-09-01T10:05:00Z", (3, 1)),
        ("web", "2026-09-01T11:55:00Z", (4, 0)),
        ("web", "2026-09-01T12:05:00Z", (9, 0)),
        ("web", "2026-09-01T12:10:00Z", (9, 9)),
        ("api", "2026-09-01T10:30:00Z", (5, 2)),
        ("other", "2026-09-01T10:30:00Z", (9, 9)),
    ] {
        bed.put("central-logs", "alb", &Log::of(APP, name, end, lines));
    }
    for junk in [
        "alb/AWSLogs/111111111111/ELBAccessLogTestFile".to_owned(),
        Log::of(APP, "web", "2026-09-01T10:30:00Z", (0, 0)).key("alb").replace(".log.gz", ".txt"),
    ] {
        assert!(bed.server.world().put_object("central-logs", &junk, "x", at("2026-09-01T10:30:00Z")));
    }
    let window = Window::covering(at("2026-09-01T10:00:00Z"), at("2026-09-01T12:00:00Z")).unwrap();
    let spans = [(window.starts_at(), window.ends_at())];
    let places = [logs_of(APP, "web", "central-logs", &spans), logs_of(APP, "api", "central-logs", &spans)];
    let plan = bed.source.plan_logs(&places).await;
    assert_eq!((plan.objects.len(), plan.missed.len(), plan.listed.other_logs), (4, 0, 1), "{plan:?}");
    let gets = || bed.server.calls().iter().filter(|call| call.action == "GetObject").count();
    assert_eq!(gets(), 0, "planning reads nothing");
    bytes += plan.objects.iter().map(|object| object.bytes).sum::<u64>();
    assert_eq!((plan.bytes(), plan.gets()), (bytes, 4));
    let cost = plan.cost(&Prices { gigabyte_out: 0.09, ..Prices::default() });
    assert!((cost.requests - (plan.lists as f64 * 5e-6 + 4.0 * 4e-7)).abs() < 1e-12, "{cost:?}");
    assert!((cost.transfer_from_afar - bytes as f64 * 9e-11).abs() < 1e-12, "{cost:?}");

    let mut seen = Vec::new();
    let counted = bed.source.count_logs(&plan, 2, Some(window), |planned, tally| {
        seen.push((planned.key.clone(), tally.unwrap().lines()));
    });
    let counted = counted.await;
    assert_eq!(gets(), 4);
    assert_eq!(counted.missed, []);
    let expected = BTreeMap::from([("api".to_owned(), (5, 2)), ("web".to_owned(), (7, 1))]);
    assert_eq!(counts(&counted.tally), expected);
    assert!(counted.tally.is_whole());
    // The object that ends after the window holds lines of 12:04 only: fetched, and found to be outside.
    assert_eq!(counted.tally.load_balancers[&load_balancer(APP, "web")].outside, 9);
    assert_eq!(
        seen.iter().map(|(key, _)| key.clone()).collect::<Vec<_>>(),
        plan.objects.iter().map(|o| o.key.clone()).collect::<Vec<_>>()
    );
    bed.server.shutdown().await;
}

#[tokio::test]
async fn one_bucket_that_refuses_stops_nothing_else() {
    let bed = Bed::start().await;
    let spans = [span("2026-09-01T10:00:00Z", "2026-09-01T11:00:00Z")];
    for end in ["2026-09-01T10:05:00Z", "2026-09-01T10:10:00Z", "2026-09-01T10:15:00Z"] {
        bed.put("central-logs", "alb", &Log::of(APP, "web", end, (1, 1)));
        bed.put("shop-logs", "alb", &Log::of(SHOP, "till", end, (1, 1)));
        bed.put("closed-logs", "alb", &Log::of(APP, "hidden", end, (1, 1)));
    }
    let from = |account: &str, place: LogPlace| LogPlace { reader: super::bed::place(account, HERE), ..place };
    let places = [
        logs_of(APP, "hidden", "closed-logs", &spans),
        logs_of(SHOP, "till", "shop-logs", &spans),
        logs_of(APP, "none", "no-such-logs", &spans),
        from("999999999999", logs_of(APP, "lost", "central-logs", &spans)),
        logs_of(APP, "web", "central-logs", &spans),
    ];
    let plan = bed.source.plan_logs(&places).await;
    let counted = bed.source.count_logs(&plan, 1, None, |_, _| ()).await;
    assert_eq!(counts(&counted.tally), BTreeMap::from([("web".to_owned(), (3, 3))]));
    assert!(!counted.tally.is_whole());
    let reported: Vec<_> = counted
        .missed
        .iter()
        .map(|missed| {
            (missed.load_balancer.name(), missed.gap.reason, missed.gap.code.as_deref(), missed.gap.action.as_deref())
        })
        .collect();
    let get = ("till", GapReason::AccessDenied, Some("AccessDenied"), Some("s3:GetObject"));
    assert_eq!(
        reported,
        [
            ("hidden", GapReason::AccessDenied, Some("AccessDenied"), Some("s3:ListBucket")),
            ("none", GapReason::Rejected, Some("NoSuchBucket"), None),
            ("lost", GapReason::RoleMissing, None, None),
            get,
            get,
            get,
        ]
    );
    bed.server.shutdown().await;
}

#[tokio::test]
async fn a_refused_place_is_not_asked_for_every_object() {
    let bed = Bed::start().await;
    let spans = [span("2026-09-01T00:00:00Z", "2026-09-02T00:00:00Z")];
    for number in 0..100_u32 {
        let end = at("2026-09-01T00:05:00Z") + jiff::SignedDuration::from_mins(5) * number.try_into().unwrap();
        let log = Log { end, ..Log::of(SHOP, "till", "2026-09-01T10:00:00Z", (1, 0)) };
        bed.put("shop-logs", "alb", &log);
    }
    let plan = bed.source.plan_logs(&[logs_of(SHOP, "till", "shop-logs", &spans)]).await;
    assert_eq!(plan.objects.len(), 100);
    let counted = bed.source.count_logs(&plan, 1, None, |_, _| ()).await;
    assert_eq!((counted.missed.len(), counted.tally.reading.unread.count), (100, 100));
    let gets = bed.server.calls().iter().filter(|call| call.action == "GetObject").count();
    assert!(gets <= 8, "{gets} requests, where the first few already said no");
    bed.server.shutdown().await;
}

#[tokio::test]
async fn a_bucket_elsewhere_and_a_session_of_another_account() {
    let bed = Bed::start().await;
    let spans = [span("2026-09-01T10:00:00Z", "2026-09-01T11:00:00Z")];
    bed.put("far-logs", "alb", &Log::of(APP, "web", "2026-09-01T10:05:00Z", (2, 0)));
    bed.put("closed-logs", "alb", &Log::of(APP, "api", "2026-09-01T10:05:00Z", (0, 3)));
    let by_owner = LogPlace { reader: place(LOGS, HERE), ..logs_of(APP, "api", "closed-logs", &spans) };
    let plan = bed.source.plan_logs(&[logs_of(APP, "web", "far-logs", &spans), by_owner]).await;
    let regions: BTreeSet<_> = plan.objects.iter().map(|object| &object.reader.region).collect();
    assert_eq!(regions.len(), 2, "{plan:?}");
    let counted = bed.source.count_logs(&plan, 1, None, |_, _| ()).await;
    assert_eq!(counted.missed, []);
    let expected = BTreeMap::from([("api".to_owned(), (0, 3)), ("web".to_owned(), (2, 0))]);
    assert_eq!(counts(&counted.tally), expected);
    bed.server.shutdown().await;
}

#[tokio::test]
async fn empty_objects_late_deliveries_and_what_changed_meanwhile() {
    let bed = Bed::start().await;
    let spans = [span("2026-09-01T23:00:00Z", "2026-09-02T00:00:00Z")];
    let empty = Log::of(APP, "web", "2026-09-01T23:05:00Z", (0, 0)).key("alb");
    assert!(bed.server.world().put_object("central-logs", &empty, "", at("2026-09-01T23:06:00Z")));
    // Delivered after midnight, so that the folder is the next day's.
    let late = Log::of(APP, "web", "2026-09-01T23:55:00Z", (5, 0));
    let key = late.key("alb").replace("/2026/09/01/", "/2026/09/02/");
    let written = bed.put("far-logs", "x", &late);
    assert!(!written.is_empty());
    let log = Log::of(APP, "web", "2026-09-01T23:50:00Z", (7, 0));
    let changed = bed.put("central-logs", "alb", &log);
    let kept = Log { end: late.end, ..Log::of(APP, "web", "2026-09-02T23:55:00Z", (5, 0)) };
    bed.put_at("central-logs", &key, &kept);
    let plan = bed.source.plan_logs(&[logs_of(APP, "web", "central-logs", &spans)]).await;
    assert_eq!((plan.objects.len(), plan.gets()), (3, 2));
    bed.put_at("central-logs", &changed, &Log { lines: (1, 1), ..log });
    let counted = bed.source.count_logs(&plan, 2, None, |_, _| ()).await;
    assert_eq!(counts(&counted.tally), BTreeMap::from([("web".to_owned(), (5, 0))]));
    assert_eq!((counted.tally.reading.empty, counted.tally.reading.unread.count), (1, 1));
    let reported: Vec<_> = counted.missed.iter().map(|missed| missed.gap.code.as_deref()).collect();
    assert_eq!(reported, [Some("PreconditionFailed")]);
    bed.server.shutdown().await;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Whatever the spans and the size of a page: every object that can hold a line of them is planned, once, and no other.
    #[test]
    fn plans_hold_what_the_spans_need(
        ends in proptest::collection::btree_set(0_i64..800, 0..40),
        cuts in proptest::collection::btree_set(0_i64..800, 2..7),
        page in 1_usize..9,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let bed = Bed::with_organization(&format!("page_size = {page}")).await;
            let minute = |number: i64| at("2026-08-31T12:00:00Z") + jiff::SignedDuration::from_mins(5 * number);
            let cuts: Vec<i64> = cuts.into_iter().collect();
            let spans: Vec<_> = cuts.chunks_exact(2).map(|pair| (minute(pair[0]), minute(pair[1]))).collect();
            let mut expected = Vec::new();
            for number in &ends {
                let end = minute(*number);
                let log = Log { end, ..Log::of(APP, "web", "2026-09-01T00:00:00Z", (1, 0)) };
                let key = bed.put("central-logs", "", &log);
                let covers = |from: i64, to: i64| *number > from && *number <= to + 1;
                if cuts.chunks_exact(2).any(|pair| covers(pair[0], pair[1])) {
                    expected.push(key);
                }
            }
            let place = LogPlace { prefix: String::new(), ..logs_of(APP, "web", "central-logs", &spans) };
            let plan = bed.source.plan_logs(&[place]).await;
            let planned: Vec<String> = plan.objects.iter().map(|object| object.key.clone()).collect();
            assert_eq!(planned, expected);
            assert_eq!(plan.missed, []);
            bed.server.shutdown().await;
        });
    }
}

#[tokio::test]
async fn metrics_first_then_only_what_they_point_at() {
    let bed = Bed::start().await;
    let now = jiff::Timestamp::now();
    let window =
        Window::covering(now - jiff::SignedDuration::from_hours(4), now - jiff::SignedDuration::from_hours(2)).unwrap();
    let start = window.starts_at();
    let minutes = |minutes: i64| start + jiff::SignedDuration::from_mins(minutes);
    // A load balancer that is clean, and one with three bad requests in one interval of many.
    for (name, bad) in [("clean", None), ("web", Some(5))] {
        for number in 0..12 {
            let severe = if bad == Some(number) { 3 } else { 0 };
            let log =
                Log { end: minutes(5 * (number + 1)), ..Log::of(APP, name, "2026-09-01T00:00:00Z", (10, severe)) };
            bed.put("central-logs", "alb", &log);
        }
        let id = load_balancer(APP, name).id;
        super::metrics::put(&bed, "RequestCount", &id, start, &[2.0; 60], None);
        if bad.is_some() {
            let name = "DesyncMitigationMode_NonCompliant_Request_Count";
            super::metrics::put(&bed, name, &id, minutes(29), &[3.0], None);
        }
    }
    let metered = ["clean", "web"]
        .map(|name| doorward_traffic::Metered { load_balancer: load_balancer(APP, name), place: place(APP, HERE) });
    let series = bed.source.metrics(&metered, &doorward_traffic::Metric::ALL, window, 300, now).await;
    let keys = ["clean", "web"].map(|name| load_balancer(APP, name));
    let extents = keys.clone().map(|key| extent(series.get(&key), window));
    assert_eq!(extents.clone().map(|(extent, _)| extent), [Extent::Cleared, Extent::AroundPeriods]);
    let all = ["clean", "web"].map(|name| logs_of(APP, name, "central-logs", &[(start, window.ends_at())]));
    assert_eq!(bed.source.plan_logs(&all).await.objects.len(), 24);
    let (_, spans) = &extents[1];
    let less = bed.source.plan_logs(&[logs_of(APP, "web", "central-logs", spans)]).await;
    // The interval of the period, one on each side, and one more whose lines may be late.
    assert_eq!(less.objects.len(), 4);
    let counted = bed.source.count_logs(&less, 1, Some(window), |_, _| ()).await;
    assert_eq!(counts(&counted.tally)["web"], (40, 3));
    for key in &keys {
        assert!(!falls_short(series.get(key), counted.tally.load_balancers.get(key)), "{key}");
    }
    assert!(falls_short(series.get(&keys[1]), None));
    bed.server.shutdown().await;
}
