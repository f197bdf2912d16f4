//! The watch: a seeded regression is caught within two periods, and noise is not a regression.

use std::cell::Cell;
use std::time::Duration;

use doorward_change::{
    ApplyRun, BlockedByLogs, BlockedSource, ChangeTarget, Goal, Insistence, MetricSample, MetricSamples, MetricSource,
    PERIOD, PlanRequest, StepState, StopReason, UsualMetrics, WatchVerdict, judge,
};
use doorward_model::{Gap, GapReason, LoadBalancer, Mode};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use crate::acting::{Hand, Paper, Peace, Pen};
use crate::bed::{self, Wheel, enter, mode_in, plan_of, scan, serve, sets, settings, start};

/// A week of traffic, made up: the shape of days and weekends, rates that wander, and rare bursts of bad requests.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Traffic {
    pub(crate) seed: u64,
    /// Requests a minute at the busiest hour.
    pub(crate) busy: f64,
    /// Usual shares of 4xx and 5xx.
    pub(crate) bad: (f64, f64),
    /// How much rates wander: the standard deviation of their logarithm.
    pub(crate) wander: f64,
    /// Additional shares of 4xx and 5xx from a time on.
    pub(crate) worse: Option<(Timestamp, f64, f64)>,
}

impl Traffic {
    /// A number from -1 to 1 that depends on the minute, the seed and a purpose, and on nothing else.
    fn noise(&self, minute: i64, purpose: u64) -> f64 {
        let mut dice =
            fastrand::Rng::with_seed(self.seed ^ (minute as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (purpose << 56));
        // The sum of twelve is nearly normal, with a standard deviation of one.
        (0..12).map(|_| dice.f64()).sum::<f64>() - 6.0
    }

    /// A count that is expected to be `mean`, as chance makes it.
    fn count(&self, mean: f64, minute: i64, purpose: u64) -> f64 {
        (mean + mean.max(0.0).sqrt() * self.noise(minute, purpose)).round().max(0.0)
    }

    fn minute(&self, at: Timestamp) -> Option<MetricSample> {
        self.sample(at, 1.0)
    }

    /// The sample of some minutes of an hour: in a whole hour the wandering of minutes is averaged.
    fn sample(&self, at: Timestamp, minutes: f64) -> Option<MetricSample> {
        let minute = at.as_second() / 60;
        let hour = (minute / 60).rem_euclid(24) as f64;
        let weekend = matches!((minute / 1440 + 4).rem_euclid(7), 0 | 6);
        let shape = (1.0 + (std::f64::consts::TAU * (hour - 14.0) / 24.0).cos()) / 2.0;
        let mean = minutes * self.busy * (0.1 + 0.9 * shape) * if weekend { 0.4 } else { 1.0 };
        // Rates wander by the hour, and a little by the minute.
        let wander = |purpose: u64| {
            let by_minute = 0.3 * self.noise(minute, purpose + 1) / minutes.sqrt();
            (self.wander * (0.7 * self.noise(minute / 60 * 60, purpose) + by_minute)).exp()
        };
        let all = self.count(mean * wander(1), minute, 3);
        let worse = self.worse.filter(|(since, _, _)| at >= *since).map_or((0.0, 0.0), |(_, four, five)| (four, five));
        let four = self.count(all * (self.bad.0 * wander(4) + worse.0).min(1.0), minute, 6).min(all);
        let requests = all - four;
        let five = self.count(requests * (self.bad.1 * wander(7) + worse.1).min(1.0), minute, 9).min(requests);
        let connections = self.count(all * 0.3 * wander(10), minute, 12);
        let sample = MetricSample { requests, elb_4xx: four, target_5xx: five, connections, ..MetricSample::empty(at) };
        (all > 0.0).then_some(sample)
    }

    fn between(&self, from: Timestamp, until: Timestamp) -> MetricSamples {
        let minutes = from.as_second() / 60..until.as_second() / 60;
        let at = |minute: i64| Timestamp::from_second(minute * 60).unwrap();
        MetricSamples::new(minutes.filter_map(|minute| self.minute(at(minute))).collect())
    }

    /// The whole hours of four weeks and three hours.
    fn hours(&self, changed: Timestamp) -> MetricSamples {
        let last = changed.as_second() / 3600;
        let at = |hour: i64| Timestamp::from_second(hour * 3600).unwrap();
        MetricSamples::new((last - 28 * 24 - 3..last).filter_map(|hour| self.sample(at(hour), 60.0)).collect())
    }
}

/// Metrics of a kind of traffic, reported two minutes late.
pub(crate) struct Meter<'a> {
    pub(crate) traffic: Traffic,
    pub(crate) wheel: &'a Wheel,
    pub(crate) refuses: Cell<bool>,
    pub(crate) logs: Logs,
}

/// What access logs have of the rise.
#[derive(Clone, Copy)]
pub(crate) enum Logs {
    None,
    /// All of it is of one client.
    OfOne {
        is_scanner: bool,
    },
    /// The same, and the logs lack most of the requests.
    PartOfScanner,
}

impl MetricSource for Meter<'_> {
    async fn read(&self, _: &ChangeTarget, from: Timestamp, until: Timestamp) -> Result<MetricSamples, Gap> {
        if self.refuses.get() {
            return Err(Gap::new(GapReason::AccessDenied, "cloudwatch:GetMetricData"));
        }
        assert!(from < until && from.as_second() % 60 == 0 && until.as_second() % 60 == 0);
        let reported = self.wheel.now() - SignedDuration::from_secs(120);
        Ok(self.traffic.between(from, until.min(reported)))
    }

    async fn read_hours(&self, _: &ChangeTarget, from: Timestamp, until: Timestamp) -> Result<MetricSamples, Gap> {
        assert!(from < until && from.as_second() % 3600 == 0 && until.as_second() % 3600 == 0);
        Ok(self.traffic.hours(until))
    }

    async fn blocked(&self, _: &LoadBalancer, from: Timestamp, until: Timestamp) -> Result<BlockedByLogs, String> {
        let read = self.traffic.between(from, until);
        let all = read.samples().iter().map(|sample| sample.elb_4xx).sum::<f64>() as u64;
        let (all_4xx, is_scanner) = match self.logs {
            Logs::None => return Err("it is not known whether it writes access logs to S3".to_owned()),
            Logs::OfOne { is_scanner } => (all, is_scanner),
            Logs::PartOfScanner => (all / 10, true),
        };
        let (address, agent) = ("203.0.113.9".to_owned(), "zgrab".to_owned());
        let source = BlockedSource { address, agent, requests: all_4xx, is_scanner };
        Ok(BlockedByLogs { sources: vec![source], all_4xx })
    }
}

pub(crate) const LENGTH: Duration = Duration::from_secs(30 * 60);

/// Applies a plan with a watch of half an hour. What stopped it, how long it took, and how many load balancers stand changed.
async fn watched(traffic: Traffic, blind: bool) -> (Option<StopReason>, SignedDuration, usize, Vec<String>) {
    let (stopped, took, changed, modes, _) = watched_with(traffic, blind, Logs::None).await;
    (stopped, took, changed, modes)
}

/// The same with access logs, and what the journal says of the first wave.
pub(crate) async fn watched_with(
    traffic: Traffic,
    blind: bool,
    logs: Logs,
) -> (Option<StopReason>, SignedDuration, usize, Vec<String>, String) {
    let server = serve(&bed::world(&[Mode::Monitor])).await;
    let access = enter(&server).await;
    let report = scan(&access).await;
    let mut order = PlanRequest::new(Goal::Mode(Mode::Strictest));
    let insist = Insistence { without_evidence: Some("a test".to_owned()), over_manager: None };
    let few: Vec<_> = report.load_balancers.iter().take(2).map(|lb| lb.arn.clone()).collect();
    order.insisted = few.iter().map(|arn| (arn.clone(), insist.clone())).collect();
    order.load_balancers = few;
    let plan = plan_of(&report, &order, &settings());
    assert_eq!((plan.steps.len(), plan.waves()), (2, 2));
    let (paper, wheel, settings) = (Paper::default(), Wheel::new(), settings());
    wheel.turn(SignedDuration::from_secs(17));
    let (hand, pen) = (Hand { access: &access, fate: &Peace }, Pen { paper: &paper, fate: &Peace });
    let meter = Meter { traffic, wheel: &wheel, refuses: Cell::new(blind), logs };
    let time = wheel.time();
    let begun = wheel.now();
    let applying = ApplyRun {
        client: &hand,
        journal: &pen,
        metrics: &meter,
        settings: &settings,
        time: &time,
        by: "mia".to_owned(),
        watch: Some(LENGTH),
        progress: &|_, _| {},
    };
    let applied = applying.run(paper.state(&plan)).await.unwrap();
    let changed = plan.steps.iter().filter(|s| applied.state.step_state(&s.target.arn) == StepState::Changed).count();
    let modes = plan.steps.iter().map(|step| mode_in(&server, &step.target.arn)).collect();
    assert!(sets(&server).len() <= 4);
    let seen =
        applied.state.watched(0).or(applied.state.watched(1)).map(|watch| watch.seen.clone()).unwrap_or_default();
    (applied.stopped, wheel.now().duration_since(begun), changed, modes, seen)
}

pub(crate) fn usual(seed: u64) -> Traffic {
    Traffic { seed, busy: 3_000.0, bad: (0.01, 0.005), wander: 0.15, worse: None }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_regression_is_caught_within_two_periods_and_rolled_back() {
    for worse in [(0.08, 0.0), (0.0, 0.05)] {
        let traffic = Traffic { worse: Some((start(), worse.0, worse.1)), ..usual(7) };
        let (stopped, took, changed, modes) = watched(traffic, false).await;
        assert!(matches!(&stopped, Some(StopReason::Regressed { wave: 1, .. })), "{stopped:?}");
        // Two whole periods after the one of the change, and until they are reported.
        assert!(took <= PERIOD * 3 + SignedDuration::from_secs(120 + 60), "{took:#}");
        assert_eq!((changed, modes), (0, vec!["monitor".to_owned(); 2]));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn access_logs_name_the_sources_of_a_rise_and_only_scanners_are_none_of_users() {
    let traffic = Traffic { worse: Some((start(), 0.08, 0.0)), ..usual(7) };
    for (logs, rolled_back, words) in [
        (Logs::OfOne { is_scanner: true }, false, "the rise comes from scanners alone: "),
        (Logs::OfOne { is_scanner: false }, true, "(zgrab), not known as a scanner"),
        (Logs::PartOfScanner, true, "according to the access logs of these hours, "),
        (Logs::None, true, "access logs were not read: it is not known whether it writes access logs to S3"),
    ] {
        let (stopped, _, changed, modes, seen) = watched_with(traffic, false, logs).await;
        assert_eq!(matches!(&stopped, Some(StopReason::Regressed { .. })), rolled_back, "{stopped:?} {seen}");
        assert!(seen.contains(words), "{seen}");
        assert!(matches!(logs, Logs::None) || seen.contains(" came from 203.0.113.9 (zgrab), "), "{seen}");
        let expected = if rolled_back { (0, "monitor") } else { (2, "strictest") };
        assert_eq!((changed, modes), (expected.0, vec![expected.1.to_owned(); 2]), "{seen}");
    }
    // Errors of targets are no requests that a mode blocks: logs change nothing.
    let traffic = Traffic { worse: Some((start(), 0.08, 0.05)), ..usual(7) };
    let (stopped, ..) = watched_with(traffic, false, Logs::OfOne { is_scanner: true }).await;
    assert!(matches!(&stopped, Some(StopReason::Regressed { .. })), "{stopped:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_quiet_service_is_changed_to_the_end() {
    let (stopped, took, changed, modes) = watched(usual(3), false).await;
    assert_eq!((stopped, changed, modes), (None, 2, vec!["strictest".to_owned(); 2]));
    assert!(took >= SignedDuration::from_mins(60), "each wave is watched: {took:#}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_observed_stops_and_is_not_called_quiet() {
    let (stopped, _, changed, modes) = watched(usual(3), true).await;
    assert!(
        matches!(&stopped, Some(StopReason::Unobserved { wave: 1, why }) if why.contains("GetMetricData")),
        "{stopped:?}"
    );
    assert_eq!((changed, modes), (1, vec!["strictest".to_owned(), "monitor".to_owned()]));
}

/// What the watch would have said at any of the minutes of half an hour, for a change at any time, with whole hours and without.
fn verdicts(traffic: &Traffic, changed: Timestamp, hours: bool) -> Vec<WatchVerdict> {
    let hour = SignedDuration::from_hours(1);
    let mut before = traffic.between(changed - hour * 3, changed);
    for week in 1..=2 {
        let back = hour * (24 * 7 * week);
        let part = traffic.between(changed - back - hour, changed - back + hour * 2);
        let mut samples: Vec<MetricSample> = before.samples().to_vec();
        samples.extend_from_slice(part.samples());
        before = MetricSamples::new(samples);
    }
    let hours = if hours { traffic.hours(changed) } else { MetricSamples::default() };
    let before = UsualMetrics { minutes: before, hours, hours_unread: None };
    let at = |minute: i32| {
        let until = changed + PERIOD * minute;
        judge(&before, &traffic.between(changed, until), until, None, &settings().watch)
    };
    (2..=30).map(at).collect()
}

fn traffics() -> impl Strategy<Value = Traffic> {
    (any::<u64>(), prop_oneof![Just(3.0), Just(60.0), Just(1_000.0), Just(20_000.0)], 0.0..0.05, 0.0..0.03, 0.02..0.35)
        .prop_map(|(seed, busy, four, five, wander)| Traffic { seed, busy, bad: (four, five), wander, worse: None })
}

fn times() -> impl Strategy<Value = Timestamp> {
    (0_i64..7 * 1440).prop_map(|minute| start() + SignedDuration::from_mins(minute))
}

/// Statements about chance are made of chosen weeks: the same ones in every run, ten times as many with `DOORWARD_SLOW=1`.
fn config() -> ProptestConfig {
    let cases = if std::env::var_os("DOORWARD_SLOW").is_some() { 4_000 } else { 400 };
    ProptestConfig { cases, rng_seed: RngSeed::Fixed(2026), failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn noise_is_never_rolled_back(traffic in traffics(), changed in times(), hours in any::<bool>()) {
        for verdict in verdicts(&traffic, changed, hours) {
            prop_assert!(!matches!(verdict, WatchVerdict::Regressed(_)), "{verdict:?}");
        }
    }

    #[test]
    fn a_tenth_of_the_requests_lost_is_never_missed_where_few_are_usual(traffic in traffics(), changed in times()) {
        let (busy, bad) = (traffic.busy.max(10_000.0), (traffic.bad.0 / 5.0, traffic.bad.1));
        let traffic = Traffic { busy, bad, wander: traffic.wander / 2.0, ..traffic };
        let requests: f64 = traffic.between(changed, changed + PERIOD * 2).samples().iter().map(|s| s.requests).sum();
        prop_assume!(requests >= 600.0);
        let worse = Traffic { worse: Some((changed, 0.10, 0.0)), ..traffic };
        for hours in [false, true] {
            let verdicts = verdicts(&worse, changed, hours);
            prop_assert!(matches!(verdicts[0], WatchVerdict::Regressed(_)), "{hours}: {:?}", verdicts[0]);
        }
    }
}

/// Of load balancers on which nothing changes, this share may be called worse at any minute of half an hour.
const PROMISED: f64 = 0.001;

/// How many of so many load balancers are called worse, with nothing changed; `history` is false where only three hours are known.
fn false_alarms(kind: &Traffic, load_balancers: u64, history: bool) -> u32 {
    let mut dice = fastrand::Rng::with_seed(2026);
    let hour = SignedDuration::from_hours(1);
    let mut alarms = 0;
    for _ in 0..load_balancers {
        let traffic = Traffic { seed: dice.u64(..), ..*kind };
        let changed = start() + SignedDuration::from_mins(dice.i64(0..7 * 1440));
        let mut before = traffic.between(changed - hour * 3, changed).samples().to_vec();
        if history {
            for week in 1..=2 {
                let back = hour * (24 * 7 * week);
                before.extend_from_slice(traffic.between(changed - back - hour, changed - back + hour * 2).samples());
            }
        }
        let hours = if history { traffic.hours(changed) } else { MetricSamples::default() };
        let before = UsualMetrics { minutes: MetricSamples::new(before), hours, hours_unread: None };
        let after = traffic.between(changed, changed + PERIOD * 30);
        let worse = (2..=30).any(|minute| {
            let until = changed + PERIOD * minute;
            let so_far: Vec<MetricSample> = after.samples().iter().filter(|s| s.at < until).copied().collect();
            let verdict = judge(&before, &MetricSamples::new(so_far), until, None, &settings().watch);
            matches!(verdict, WatchVerdict::Regressed(_))
        });
        alarms += u32::from(worse);
    }
    alarms
}

#[test]
fn false_alarms_of_a_watch_are_as_rare_as_promised() {
    let load_balancers: u64 = if std::env::var_os("DOORWARD_SLOW").is_some() { 10_000 } else { 1_000 };
    let all = load_balancers as f64;
    let most = PROMISED * all + 3.0 * (all * PROMISED * (1.0 - PROMISED)).sqrt();
    let kind = |busy: f64, bad: (f64, f64), wander: f64| Traffic { seed: 0, busy, bad, wander, worse: None };
    let mut wrong = Vec::new();
    for (name, traffic, history) in [
        ("busy, chance only", kind(20_000.0, (0.01, 0.005), 0.0), true),
        ("quiet (3 a minute)", kind(3.0, (0.01, 0.005), 0.1), true),
        ("rare errors (1 in 100,000)", kind(1_000.0, (1e-5, 1e-5), 0.1), true),
        ("rates vary by 30%", kind(3_000.0, (0.01, 0.005), 0.3), true),
        ("three hours known, rates vary by 30%", kind(3_000.0, (0.05, 0.03), 0.3), false),
    ] {
        let alarms = false_alarms(&traffic, load_balancers, history);
        let line = format!("{alarms:>4} of {load_balancers} false alarms: {name}");
        println!("{line}");
        if f64::from(alarms) > most {
            wrong.push(line);
        }
    }
    assert!(wrong.is_empty(), "at most {most:.0}: {wrong:#?}");
}

#[test]
fn nothing_reported_is_not_quiet() {
    let traffic = usual(1);
    let before = traffic.between(start() - SignedDuration::from_hours(3), start());
    let before = UsualMetrics::from(before);
    let (none, nothing) = (MetricSamples::default(), UsualMetrics::default());
    let settings = settings().watch;
    let until = start() + SignedDuration::from_mins(10);
    let unknown = |before: &UsualMetrics, after: &MetricSamples, until: Timestamp, about: &str| {
        let reported = judge(before, after, until, None, &settings);
        assert!(matches!(&reported, WatchVerdict::Unknown(because) if because.contains(about)), "{reported:?}");
    };
    unknown(&before, &none, until, "no request");
    assert_eq!(judge(&nothing, &none, until, None, &settings), WatchVerdict::NoTraffic);
    let after = traffic.between(start(), until);
    unknown(&nothing, &after, until, "too little");
    assert!(matches!(judge(&before, &after, until, None, &settings), WatchVerdict::Quiet { periods: 10, .. }));
    // A service that falls silent is not quiet, however well it did before.
    unknown(&before, &after, until + SignedDuration::from_mins(3), "3 minutes");
}
