//! The watch explains before it blames: worlds in which a mode blocks requests that were never served, and worlds in which it blocks
//! requests that were served. The rule that does not explain runs on the same worlds, so that the difference is a figure.

use doorward_change::{BlockedForecast, MetricSample, MetricSamples, PERIOD, WatchVerdict, judge};
use jiff::{SignedDuration, Timestamp};

use crate::bed::{settings, start};

/// A load balancer before and after its mode is raised. Shares are of all requests.
#[derive(Debug, Clone, Copy)]
struct World {
    seed: u64,
    /// Requests a minute.
    busy: f64,
    /// Usual 4xx responses of the load balancer.
    usual_4xx: f64,
    /// Error responses of targets to compliant requests.
    errors: f64,
    /// Standard deviation of the logarithm of these two, by the hour.
    wander: f64,
    /// Non-compliant requests that targets answer with errors: never served, and blocked from the change on.
    never_served: f64,
    /// By which factor they vary with the hour.
    rhythm: f64,
    /// Of how many the plan's forecast knows.
    known: f64,
    /// A scanner that begins with the change: blocked, and never served.
    scanner: f64,
    /// Whether the usual non-compliant clients stay away after the change.
    away: bool,
    /// Non-compliant requests that targets serve, that the forecast does not know, and that are blocked from the change on.
    lost: f64,
}

impl World {
    fn noise(&self, minute: i64, purpose: u64) -> f64 {
        let mut dice =
            fastrand::Rng::with_seed(self.seed ^ (minute as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (purpose << 56));
        (0..12).map(|_| dice.f64()).sum::<f64>() - 6.0
    }

    fn count(&self, mean: f64, minute: i64, purpose: u64) -> f64 {
        (mean + mean.max(0.0).sqrt() * self.noise(minute, purpose)).round().max(0.0)
    }

    fn minute(&self, at: Timestamp, changed: bool) -> MetricSample {
        let minute = at.as_second() / 60;
        let hour = minute / 60;
        let wander = |purpose: u64| (self.wander * self.noise(hour, purpose)).exp();
        let rhythm = 1.0 + self.rhythm * (std::f64::consts::TAU * (hour % 24) as f64 / 24.0).sin();
        let all = self.busy;
        let staying = if changed && self.away { 0.0 } else { 1.0 };
        let never_served = self.count(all * self.never_served * rhythm * staying, minute, 1);
        let scanner = if changed { self.count(all * self.scanner, minute, 2) } else { 0.0 };
        let lost = self.count(all * self.lost, minute, 3);
        let own_4xx = self.count(all * self.usual_4xx * wander(20), minute, 4);
        let errors = self.count(all * self.errors * wander(21), minute, 5);
        let good = self.count(all * (1.0 - self.usual_4xx - self.errors), minute, 6);
        let non_compliant = never_served + scanner + lost;
        let blocked = if changed { non_compliant } else { 0.0 };
        MetricSample {
            requests: good + errors + non_compliant - blocked,
            elb_4xx: own_4xx + blocked,
            // A third of the errors are 5xx.
            target_5xx: (errors / 3.0).round(),
            target_4xx: errors - (errors / 3.0).round() + if changed { 0.0 } else { never_served },
            connections: self.count(all * 0.3, minute, 7),
            non_compliant,
            ..MetricSample::empty(at)
        }
    }

    fn between(&self, from: Timestamp, until: Timestamp, changed: bool) -> MetricSamples {
        let minutes = from.as_second() / 60..until.as_second() / 60;
        let at = |minute: i64| Timestamp::from_second(minute * 60).unwrap();
        MetricSamples::new(minutes.map(|minute| self.minute(at(minute), changed)).collect())
    }

    /// What a watch reads before the change: three hours, and the same hours of two weeks.
    fn usual(&self, changed: Timestamp) -> MetricSamples {
        let hour = SignedDuration::from_hours(1);
        let mut samples = self.between(changed - hour * 3, changed, false).samples().to_vec();
        for week in 1..=2 {
            let back = hour * (24 * 7 * week);
            samples.extend_from_slice(self.between(changed - back - hour, changed - back + hour * 2, false).samples());
        }
        MetricSamples::new(samples)
    }

    /// The forecast of a plan from a week of logs.
    fn forecast(&self) -> BlockedForecast {
        let minutes = self.busy * 7.0 * 1440.0;
        let of = (minutes * (1.0 + self.never_served + self.lost)).round();
        BlockedForecast::new((minutes * self.never_served * self.known).round(), 0.0, of)
    }
}

/// The verdicts after two periods, and after ten and thirty.
fn verdicts(world: &World, changed: Timestamp, explains: bool) -> [WatchVerdict; 3] {
    let without = |samples: MetricSamples| {
        let bare = |sample: &MetricSample| MetricSample { non_compliant: 0.0, target_4xx: 0.0, ..*sample };
        MetricSamples::new(samples.samples().iter().map(bare).collect())
    };
    let kept = |samples: MetricSamples| if explains { samples } else { without(samples) };
    let before = kept(world.usual(changed));
    let forecast = world.forecast();
    [2, 10, 30].map(|periods| {
        let until = changed + PERIOD * periods;
        let after = kept(world.between(changed, until, true));
        judge(&before, &after, until, explains.then_some(&forecast), &settings().watch)
    })
}

fn is_regression(verdict: &WatchVerdict) -> bool {
    matches!(verdict, WatchVerdict::Regressed(_))
}

/// A world from a seed. `lost` is the share of requests that are served now and will not be.
fn world(seed: u64, lost: f64) -> (World, Timestamp) {
    let mut dice = fastrand::Rng::with_seed(seed);
    let mut between = |low: f64, high: f64| low + (high - low) * dice.f64();
    let world = World {
        seed,
        busy: 10_f64.powf(between(3.3, 5.0)),
        usual_4xx: between(0.0, 0.01),
        errors: between(0.0, 0.02),
        wander: between(0.0, 0.15),
        never_served: between(0.0, 0.08),
        rhythm: between(0.0, 0.6),
        // A forecast of sampled logs, or of other hours, knows a part.
        known: if between(0.0, 1.0) < 0.5 { 1.0 } else { between(0.0, 1.0) },
        scanner: if between(0.0, 1.0) < 0.3 { between(0.0, 0.3) } else { 0.0 },
        away: between(0.0, 1.0) < 0.2,
        lost,
    };
    let changed = start() + SignedDuration::from_mins(between(0.0, 7.0 * 1440.0) as i64);
    (world, changed)
}

fn worlds() -> u64 {
    if std::env::var_os("DOORWARD_SLOW").is_some() { 10_000 } else { 300 }
}

/// The least loss that is injected: the tolerance is 1%, and two periods tell a loss from chance from here on.
const LOSS: (f64, f64) = (0.04, 0.20);

#[test]
fn requests_that_were_never_served_are_no_loss() {
    let (mut wrong, mut old) = (Vec::new(), 0);
    for seed in 0..worlds() {
        let (world, changed) = world(seed, 0.0);
        let verdict = verdicts(&world, changed, true).into_iter().find(is_regression);
        wrong.extend(verdict.map(|verdict| format!("{world:?}: {verdict:?}")));
        old += usize::from(verdicts(&world, changed, false).iter().any(is_regression));
    }
    let all = worlds();
    println!("never served only: {} of {all} worlds rolled back; {old} by the rule that does not explain", wrong.len());
    assert!(wrong.is_empty(), "{} of {all}: {:#?}", wrong.len(), wrong.first());
    // The worlds are of the kind that the explanation is for.
    assert!(old as u64 * 2 > all, "{old} of {all}");
}

#[test]
fn noise_alone_is_no_loss() {
    for seed in 0..worlds() {
        let (world, changed) = world(seed, 0.0);
        let world = World { never_served: 0.0, scanner: 0.0, ..world };
        let verdict = verdicts(&world, changed, true).into_iter().find(is_regression);
        assert!(verdict.is_none(), "{world:?}: {verdict:?}");
    }
}

#[test]
fn a_loss_of_served_requests_is_found_within_two_periods() {
    let (mut missed, mut old) = (Vec::new(), 0);
    for seed in 0..worlds() {
        let lost = LOSS.0 + (LOSS.1 - LOSS.0) * fastrand::Rng::with_seed(!seed).f64();
        let (world, changed) = world(seed, lost);
        let [first, ..] = verdicts(&world, changed, true);
        if !is_regression(&first) {
            missed.push(format!("{world:?}: {first:?}"));
        }
        old += u64::from(!is_regression(&verdicts(&world, changed, false)[0]));
    }
    let all = worlds();
    println!(
        "loss of served requests: {} of {all} worlds missed; {old} by the rule that does not explain",
        missed.len()
    );
    assert!(missed.len() as u64 * 1000 <= all, "{} of {all} missed: {:#?}", missed.len(), missed.first());
}

/// Sizes of losses below [`LOSS`], in shares of requests, and the least share of worlds in which each is caught after 2, 10 and 30 periods.
/// The tolerance is 1% of requests above the usual, so that a loss of that size is none by the settings. Of 300 worlds 92% are
/// caught at 2%, 97% at 3% and 99% at 4%: where usual rates wander, a loss of that size is within them.
const SMALL_LOSSES: [(f64, [f64; 3]); 4] = [(0.01, [0.0; 3]), (0.02, [0.88; 3]), (0.03, [0.94; 3]), (0.04, [0.97; 3])];

#[test]
fn smaller_losses_are_caught_the_more_often_the_larger_they_are() {
    let all = worlds();
    let mut earlier = [0; 3];
    for (lost, least) in SMALL_LOSSES {
        let mut caught = [0_u64; 3];
        for seed in 0..all {
            let (world, changed) = world(seed, lost);
            for (count, verdict) in caught.iter_mut().zip(verdicts(&world, changed, true)) {
                *count += u64::from(is_regression(&verdict));
            }
        }
        let shares = caught.map(|count| count as f64 / all as f64);
        let shown = shares.map(|share| format!("{:.1}%", share * 100.0));
        println!(
            "loss of {:.0}%: caught in {} of {all} worlds after 2, 10 and 30 periods",
            lost * 100.0,
            shown.join(", ")
        );
        for ((share, least), (now, before)) in shares.iter().zip(least).zip(caught.iter().zip(earlier)) {
            assert!(*share >= least, "{lost}: {shares:?}");
            assert!(*now >= before, "{lost}: a larger loss is caught less often: {caught:?} after {earlier:?}");
        }
        earlier = caught;
    }
}

#[test]
fn expected_explained_and_unexplained_are_reported_apart() {
    let base = World {
        seed: 1,
        busy: 10_000.0,
        usual_4xx: 0.001,
        errors: 0.005,
        wander: 0.0,
        never_served: 0.05,
        rhythm: 0.0,
        known: 1.0,
        scanner: 0.0,
        away: false,
        lost: 0.0,
    };
    let changed = start();
    let [_, verdict, _] = verdicts(&base, changed, true);
    let WatchVerdict::Quiet { explained: Some(rise), .. } = verdict else { panic!("{verdict:?}") };
    // A hundred thousand requests in ten periods, a twentieth of them blocked.
    assert!((rise.usual - 100.0).abs() < 20.0 && (rise.seen - 5_100.0).abs() < 400.0, "{rise:?}");
    let blocked = rise.of * 0.05 / 1.05;
    assert!(rise.forecast.0 < blocked && rise.forecast.1 > blocked, "{rise:?}");
    assert!((rise.no_longer_errors - 5_000.0).abs() < 400.0 && rise.unexplained < 300.0, "{rise:?}");
    assert!(rise.is_notable() && rise.to_string().contains("that were never served"), "{rise}");

    let [_, verdict, _] = verdicts(&World { lost: 0.05, ..base }, changed, true);
    let WatchVerdict::Regressed(found) = verdict else { panic!("{verdict:?}") };
    let rise = found[0].explained.expect("explained");
    // Two periods suffice.
    assert!((rise.unexplained - 1_000.0).abs() < 200.0, "{rise:?}");
    assert!(found[0].to_string().contains("; unexplained "), "{}", found[0]);
}
