//! Advice stands on the days that were observed, not on the window that was asked for.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use doorward_model::{Gap, GapReason, Mode, Observed};
use doorward_traffic::{
    Advice, AdviceStep, Answer, AnsweredKind, Basis, Cause, ForecastInput, Hour, HourTally, Key, Limits,
    LoadBalancerKey, LoadBalancerTally, Metric, Reader, Series, Tally, Thresholds, Tier, Window, advise, forecast,
};
use jiff::{SignedDuration, Timestamp};

/// 14 days, which is what is asked for by default.
const HOURS: i64 = 336;
const GROUP: &str = "arn:aws:elasticloadbalancing:eu-west-1:111122223333:targetgroup/web/73e2d6bc24d8a067";

fn key() -> LoadBalancerKey {
    "111122223333/eu-west-1/app/web/50dc6c495c0c9188".parse().unwrap()
}

fn at(hour: i64) -> Timestamp {
    "2026-09-01T00:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_hours(hour)
}

fn asked() -> Window {
    Window::covering(at(0), at(HOURS)).unwrap()
}

/// What there is of one load balancer. Hours count from the beginning of the window.
#[derive(Default)]
struct Scene {
    tally: LoadBalancerTally,
    metrics: BTreeMap<Metric, Answer>,
    /// Keys of empty files.
    files: Tally,
    /// Hours after the beginning of the window.
    created: Option<i64>,
    around_periods: bool,
    /// A folder that was read without naming a window.
    without_window: bool,
}

fn scene() -> Scene {
    Scene::default()
}

impl Scene {
    /// So many compliant lines in each of these hours.
    fn lines(mut self, hours: impl IntoIterator<Item = i64>, lines: u64) -> Self {
        for hour in hours {
            let hour = self.tally.hours.entry(Hour::of(at(hour))).or_default();
            hour.merge(&HourTally { compliant: lines, routed: lines, ..HourTally::default() });
            self.tally.compliant += lines;
            self.tally.lines += lines;
            *self.tally.target_groups.entry(GROUP.to_owned()).or_default() += lines;
        }
        self
    }

    /// So many requests of scanners, refused by a target, in an hour.
    fn scanned(mut self, hour: i64, requests: u64) -> Self {
        let tally = HourTally { severe: requests, routed: requests, ..HourTally::default() };
        self.tally.hours.entry(Hour::of(at(hour))).or_default().merge(&tally);
        let cause = Cause { tier: Tier::Severe, reason: "BadUri".to_owned() };
        self.tally.causes.entry(cause).or_default().add(AnsweredKind::Refused, requests);
        self.tally.lines += requests;
        *self.tally.target_groups.entry(GROUP.to_owned()).or_default() += requests;
        self
    }

    /// Files without a byte that end in these hours.
    fn empty_files(mut self, hours: impl IntoIterator<Item = i64>) -> Self {
        let mut reader = Reader::new(Limits::default(), None);
        for hour in hours {
            let end = at(hour).saturating_add(SignedDuration::from_mins(30)).unwrap().strftime("%Y%m%dT%H%MZ");
            let name =
                format!("111122223333_elasticloadbalancing_eu-west-1_app.web.50dc6c495c0c9188_{end}_10.0.0.1_x.log.gz");
            assert!(matches!(Key::read(&name), Key::AccessLog(_)));
            self.files.merge(&reader.read(&name, b""));
        }
        self
    }

    /// CloudWatch answered: requests by hour, none of them non-compliant, no answers by the load balancer itself.
    fn requests(self, hours: impl IntoIterator<Item = i64>, requests: u64) -> Self {
        let points = hours.into_iter().map(|hour| (at(hour), requests)).collect();
        self.metric(Metric::Requests, Answer::Points(points))
            .metric(Metric::NonCompliant, Answer::Points(BTreeMap::new()))
            .metric(Metric::LoadBalancer4xx, Answer::Points(BTreeMap::new()))
    }

    /// What CloudWatch answered for one metric; points are added to those that are there.
    fn metric(mut self, metric: Metric, answer: Answer) -> Self {
        match (self.metrics.get_mut(&metric), answer) {
            (Some(Answer::Points(points)), Answer::Points(more)) => points.extend(more),
            (_, answer) => drop(self.metrics.insert(metric, answer)),
        }
        self
    }

    fn point(self, metric: Metric, hour: i64, count: u64) -> Self {
        self.metric(metric, Answer::Points([(at(hour), count)].into()))
    }

    fn unread(self, metric: Metric) -> Self {
        let gap = Gap::new(GapReason::AccessDenied, "cloudwatch:GetMetricData");
        self.metric(metric, Answer::Unread(Arc::new(gap)))
    }

    fn advise(&self, thresholds: &Thresholds) -> Advice {
        let series = Series { window: asked(), period_seconds: 300, answers: self.metrics.clone() };
        let tally = (self.tally.lines > 0).then_some(&self.tally);
        let seen = ForecastInput {
            tally,
            files: self.files.files.get(&key()),
            created: self.created.map(at),
            window: (!self.without_window).then(asked),
            complete: true,
            series: (!self.metrics.is_empty()).then_some(&series),
            around_periods: self.around_periods,
            ..ForecastInput::default()
        };
        advise(Observed::Known(Mode::Defensive), forecast(&key(), seen), tally, thresholds)
    }
}

/// All hours but these.
fn without(hole: Range<i64>) -> impl Iterator<Item = i64> {
    (0..HOURS).filter(move |hour| !hole.contains(hour))
}

/// All hours but this one of each day.
fn without_hour(left_out: i64) -> impl Iterator<Item = i64> {
    (0..HOURS).filter(move |hour| hour % 24 != left_out)
}

/// Monday to Friday; 1 September 2026 is a Tuesday.
fn weekdays() -> impl Iterator<Item = i64> {
    (0..HOURS).filter(|hour| !matches!((hour / 24 + 1) % 7, 5 | 6))
}

/// Everything that is said, in one text.
fn said(advice: &Advice) -> String {
    let mut text = advice.because.join(" ");
    if let AdviceStep::NotEnoughEvidence { missing } = &advice.step {
        text += " -> ";
        text += &missing.join(" ");
    }
    text
}

#[test]
fn what_was_asked_for_is_no_evidence() {
    let rows: Vec<(&str, Scene, &str)> = vec![
        ("one point of five minutes", scene().requests([100], 5_000), "1 of 14 days; traffic in 1 of 336 hours"),
        (
            "logs of one hour, CloudWatch denied",
            scene().lines([100], 5_000).unread(Metric::Requests).unread(Metric::NonCompliant),
            "traffic in 1 of 336 hours",
        ),
        ("logs of one hour, at the end", scene().lines([335], 5_000), "1 of 336 hours"),
        ("logs of one hour, at the end, in a folder", scene_in_folder([335]), "1 of 1 hours"),
        (
            "a folder, one hour a day",
            scene_in_folder((23..HOURS).step_by(24)),
            "13 days with log lines in fewer than 6 hours are not counted",
        ),
        ("logs of the last day", scene().lines(312..336, 200), "1 of 14 days"),
        (
            "logs of the last day, metrics of 14, in full",
            scene().lines(312..336, 120).requests(0..HOURS, 120),
            "1 of 14 days, 7.1% of requests",
        ),
        (
            "logs of the last day, metrics of 14",
            scene().lines(312..336, 200).requests(0..HOURS, 200),
            "at least 7 consecutive days with traffic; there are 1.0",
        ),
        (
            "logs of the first day, metrics of 14",
            scene().lines(0..24, 200).requests(0..HOURS, 200),
            "the logs contain 4800 of the 67200 requests that CloudWatch counts in the same time (7.1%)",
        ),
        (
            "logs of one hour of each day, metrics of all",
            scene()
                .lines((2..HOURS).step_by(24), 4_000)
                .requests((2..HOURS).step_by(24), 4_000)
                .requests(without_hour(2), 9),
            "14 of 336 hours, 95.1% of requests",
        ),
        (
            "a hole of six days",
            scene().lines(without(96..240), 200),
            "There are no log lines from 2026-09-05 00:00 to 2026-09-11 00:00 (UTC).",
        ),
        (
            "a hole of six days, with requests",
            scene().lines(without(96..240), 200).requests(0..HOURS, 200),
            "2026-09-05 00:00 to 2026-09-11 00:00 (28800 requests by CloudWatch)",
        ),
        (
            "a hole of six days, with hardly any requests",
            scene().lines(without(96..240), 200).requests(without(96..240), 200).requests((96..240).step_by(24), 1),
            "8 of 14 days, 99.9% of requests",
        ),
        ("first and last day", scene().lines((0..24).chain(312..336), 200), "2 of 14 days"),
        ("first and last day, in a folder", scene_in_folder((0..24).chain(312..336)), "2 of 14 days"),
        (
            "created yesterday",
            Scene { created: Some(306), ..scene().requests(306..336, 500) },
            "1 of 1 days; traffic in 30 of 30 hours",
        ),
        (
            "created yesterday, with logs",
            Scene { created: Some(306), ..scene().lines(306..336, 500).requests(306..336, 500) },
            "1 of 1 days, 100.0% of requests",
        ),
        (
            "logging switched on an hour ago",
            scene().lines([335], 3_000).requests(0..HOURS, 3_000),
            "1 of 336 hours, 0.3% of requests, 3000 lines",
        ),
        (
            "logging switched off five days ago",
            scene().lines(0..216, 200).requests(0..HOURS, 200),
            "the logs contain 43200 of the 67200 requests",
        ),
        (
            "requests in one hour, with files of every day",
            scene().lines([100], 5_000).empty_files((0..HOURS).step_by(4)),
            "1 of 14 days",
        ),
        (
            "requests in one hour, with files and metrics of every day",
            scene().lines([100], 5_000).empty_files(0..HOURS).requests([100], 5_000),
            "1 of 14 days, 100.0% of requests",
        ),
        (
            "a tenth of the requests",
            scene().lines((0..HOURS).step_by(6), 100).requests((0..HOURS).step_by(6), 1_000),
            "the logs contain 5600 of the 56000 requests that CloudWatch counts in the same time (10.0%)",
        ),
        ("one request of twenty missing", scene().lines(0..HOURS, 94).requests(0..HOURS, 100), "(94.0%)"),
        (
            "periods only, requests not read",
            Scene { around_periods: true, ..scene().scanned(50, 2_500).requests(0..HOURS, 0).unread(Metric::Requests) },
            "RequestCount could not be read",
        ),
        (
            "periods only, requests on one day",
            Scene {
                around_periods: true,
                ..scene().scanned(50, 2_500).requests([50], 9_000).point(Metric::NonCompliant, 50, 2_500)
            },
            "CloudWatch was read: 1 of 14 days",
        ),
        (
            "answers of the load balancer not read",
            scene().requests(0..HOURS, 200).unread(Metric::LoadBalancer4xx),
            "HTTPCode_ELB_4XX_Count could not be read",
        ),
        (
            "answers of the load balancer not read, periods only",
            Scene {
                around_periods: true,
                ..scene().scanned(50, 10).requests(0..HOURS, 200).unread(Metric::LoadBalancer4xx)
            },
            "HTTPCode_ELB_4XX_Count could not be read",
        ),
        (
            "non-compliant requests before the first log",
            scene().lines(120..336, 200).requests(0..HOURS, 200).point(Metric::NonCompliant, 30, 4),
            "counts 4 non-compliant requests in hours without log lines",
        ),
        ("idle", scene().requests([], 0), "no evidence"),
        ("idle with connections", scene().requests([], 0).point(Metric::NewConnections, 9, 70), "0 of 14 days"),
        (
            "weekdays, without CloudWatch",
            scene().lines(weekdays(), 200),
            "also allow Doorward to read CloudWatch, to distinguish quiet days from missing logs",
        ),
        (
            "metrics of another load balancer",
            scene().lines(without(96..240), 200).requests([], 0),
            "It is not known whether they were quiet or logs are missing",
        ),
    ];
    for (name, scene, says) in rows {
        let advice = scene.advise(&Thresholds::default());
        let text = said(&advice);
        assert!(matches!(advice.step, AdviceStep::NotEnoughEvidence { .. }), "{name}: {:?}: {text}", advice.step);
        assert_eq!(advice.recommended, None, "{name}");
        assert!(text.contains(says), "{name}: {text}");
        assert!(!text.contains("All logs"), "{name}: {text}");
        // No threshold makes evidence of an absence of requests.
        let none =
            Thresholds { minimum_days: 0.0, minimum_requests: 0, minimum_logged_share: 0.0, ..Thresholds::default() };
        if name.starts_with("idle") {
            assert!(matches!(scene.advise(&none).step, AdviceStep::NotEnoughEvidence { .. }), "{name}");
        }
    }
}

fn scene_in_folder(hours: impl IntoIterator<Item = i64>) -> Scene {
    Scene { without_window: true, ..scene().lines(hours, 200) }
}

#[test]
fn complete_evidence_still_raises() {
    let rows: Vec<(&str, Scene, Basis, &str)> = vec![
        (
            "logs",
            scene().lines(0..HOURS, 200),
            Basis::FullLogs,
            "14 of 14 days, 67200 lines; traffic in 336 of 336 hours",
        ),
        ("a folder", scene_in_folder(0..HOURS), Basis::FullLogs, "14 of 14 days"),
        (
            "logs and metrics",
            scene().lines(0..HOURS, 200).requests(0..HOURS, 200),
            Basis::FullLogs,
            "14 of 14 days, 100.0% of requests",
        ),
        ("metrics", scene().requests(0..HOURS, 200), Basis::MetricOnly, "14 of 14 days; traffic in 336 of 336 hours"),
        (
            "weekdays, by CloudWatch",
            scene().lines(weekdays(), 200).requests(weekdays(), 200),
            Basis::FullLogs,
            "10 of 14 days, 100.0% of requests",
        ),
        (
            "a nightly job",
            scene().lines((2..HOURS).step_by(24), 500).requests((2..HOURS).step_by(24), 500),
            Basis::FullLogs,
            "14 of 14 days, 100.0% of requests, 7000 lines; traffic in 14 of 336 hours",
        ),
        (
            "13 of 14 days",
            scene().lines(without(48..72), 100).requests(without(48..72), 100).requests(48..72, 23),
            Basis::FullLogs,
            "13 of 14 days, 98.3% of requests",
        ),
        (
            "periods only, with complete metrics",
            Scene {
                around_periods: true,
                ..scene().lines([50], 40).scanned(50, 10).requests(0..HOURS, 200).point(Metric::NonCompliant, 50, 10)
            },
            Basis::PeriodLogs,
            "only those around the periods with non-compliant requests were read, 50 lines",
        ),
        (
            "created in the window",
            Scene { created: Some(100), ..scene().lines(100..HOURS, 200).requests(100..HOURS, 200) },
            Basis::FullLogs,
            "10 of 10 days, 100.0% of requests",
        ),
        (
            "logging switched on in the window",
            scene().lines(100..HOURS, 200).requests(0..HOURS, 200),
            Basis::FullLogs,
            "10 of 14 days, 70.2% of requests, 47200 lines; traffic in 236 of 336 hours. The logs begin on 2026-09-05 04:00 UTC; CloudWatch \
             counts 20000 requests before.",
        ),
    ];
    for (name, scene, basis, says) in rows {
        let advice = scene.advise(&Thresholds::default());
        let text = said(&advice);
        assert_eq!(advice.step, AdviceStep::Raise { to: Mode::Strictest }, "{name}: {text}");
        assert_eq!(advice.forecast.evidence.basis, basis, "{name}");
        assert!(text.contains(says), "{name}: {text}");
        assert!(!text.contains("All logs"), "{name}: {text}");
    }
}

#[test]
fn the_window_is_cut_and_says_what_is_not_known() {
    let cut = Scene { created: Some(100), ..scene().lines(110..HOURS, 200).empty_files([105]) };
    let evidence = cut.advise(&Thresholds::default()).forecast.evidence;
    let window = evidence.window.unwrap();
    assert_eq!((window.starts_at(), window.ends_at()), (at(100), at(HOURS)), "the creation");
    let observed = evidence.observed.unwrap();
    assert_eq!(observed.logs_begin, Some(at(105)), "the first file, empty as it is");
    assert_eq!((observed.hours, observed.hours_with_traffic, observed.hours_quiet), (236, 226, 1));
    assert_eq!((observed.logged, observed.counted, observed.counted_before), (None, None, None));
    assert!(observed.unknown.iter().any(|line| line.starts_with("9 of 236 hours have no log lines")), "{observed:?}");
    let files =
        "The files come from 1 load balancer node (10.0.0.1) and from 1 of 2772 five-minute intervals. It is not known";
    assert!(observed.unknown.iter().any(|line| line.starts_with(files)), "{observed:?}");
    // What is counted on a day is counted on a day that was observed.
    let hole = scene().lines(without(96..240), 200).scanned(10, 80);
    let forecast = hole.advise(&Thresholds::default()).forecast;
    assert_eq!(forecast.mode(Mode::Strictest).unwrap().blocked.per_day, 10.0, "80 in eight days");
}
