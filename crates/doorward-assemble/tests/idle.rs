//! A load balancer is called idle only if it surely is: random schedules of faults of daily metrics, each judged over a ledger of its own,
//! against the truth that the metrics were made of.

#![expect(clippy::expect_used, reason = "a test that cannot go on should say where")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use doorward_assemble::ledger_usage;
use doorward_ledger::{LEASE_TTL, Ledger, OpenOptions};
use doorward_model::{
    Arn, DailyMetric, DailyReading, Kind, LoadBalancer, Policy, Usage, Verdict, VerdictReason, kind_of_arn,
};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

/// How many schedules: few in the normal run, many in the slow one.
fn schedules() -> u64 {
    if std::env::var_os("DOORWARD_SLOW").is_some() { 10_000 } else { 200 }
}

fn day(back: i64) -> Date {
    let today = Date::constant(2026, 11, 2);
    today.checked_sub(Span::new().days(back)).expect("a day")
}

fn load_balancer(path: &str, created: Option<Timestamp>) -> LoadBalancer {
    let kind = kind_of_arn(&arn(path));
    let text = format!(
        r#"{{"arn": "{}", "account": "111122223333", "account_name": "absent", "ou": "absent", "region": "eu-west-1",
            "name": "x", "kind": "{kind}", "scheme": "absent", "mode": "absent", "drop_invalid_headers": "absent",
            "waf_fail_open": "absent", "access_logs": "absent", "listeners": "absent", "tags": "absent",
            "managed_by": "absent", "owner": "absent", "environment": "absent", "application": "absent",
            "attributes": "absent"}}"#,
        arn(path)
    );
    LoadBalancer { created, ..serde_json::from_str(&text).expect("a load balancer") }
}

fn arn(path: &str) -> Arn {
    Arn::new(&format!("arn:aws:elasticloadbalancing:eu-west-1:111122223333:loadbalancer/{path}")).expect("an ARN")
}

fn judge(lb: LoadBalancer) -> Verdict {
    let rules = doorward_rules::all();
    let rule = rules.iter().find(|rule| rule.meta().id == "load-balancer-idle").expect("the rule");
    rule.judge(&lb, &Policy::default())
}

/// What happened at one load balancer, and what of it was read.
struct Schedule {
    seed: u64,
    path: String,
    kind: Kind,
    days: u32,
    created: Option<Timestamp>,
    truth: BTreeMap<(DailyMetric, Date), u64>,
    readings: Vec<DailyReading>,
}

impl Schedule {
    fn random(seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let days = random.i64(7..31);
        let path = match random.usize(0..4) {
            0 => format!("app/x{seed}/0123456789abcdef"),
            1 => format!("net/x{seed}/0123456789abcdef"),
            2 => format!("gwy/x{seed}/0123456789abcdef"),
            _ => format!("x{seed}"),
        };
        let kind = kind_of_arn(&arn(&path));
        let truth = truth(&mut random, kind, days);
        // What is read: everything, or with faults: single figures, a metric, the newest days, or a stretch is missing.
        let fault = random.usize(0..6);
        let (gap, lost) = (random.i64(1..40), DailyMetric::of(kind)[random.usize(0..DailyMetric::of(kind).len())]);
        let stale = random.i64(1..9);
        let is_read = |metric: DailyMetric, at: Date, random: &mut fastrand::Rng| match fault {
            0 | 1 => true,
            2 => random.u8(0..40) > 0,
            3 => metric != lost,
            4 => at < day(stale),
            _ => !(day(gap + 3)..=day(gap)).contains(&at),
        };
        let reading = |((metric, at), value): (&(DailyMetric, Date), &u64)| DailyReading {
            load_balancer: arn(&path),
            metric: *metric,
            day: *at,
            value: *value,
        };
        let read: Vec<_> = truth.iter().filter(|((metric, at), _)| is_read(*metric, *at, &mut random)).collect();
        let readings = read.into_iter().map(reading).collect();
        let created = match random.u8(0..5) {
            0 => None,
            1 => day(random.i64(0..40)).at(12, 0, 0, 0).to_zoned(TimeZone::UTC).ok().map(|at| at.timestamp()),
            _ => Some("2026-01-01T00:00:00Z".parse().expect("a time")),
        };
        Self { seed, kind, days: u32::try_from(days).expect("small"), created, truth, readings, path }
    }

    /// The verdict, and the one that follows from what happened and what was read.
    fn check(&self, usage: Option<Arc<Usage>>) -> &'static str {
        let Self { seed, kind, truth, readings, .. } = self;
        let window = usage.as_deref().map(|usage| (usage.from, usage.until));
        let verdict = judge(LoadBalancer { usage, ..load_balancer(&self.path, self.created) });
        let in_window = |at: Date| window.is_some_and(|(from, until)| (from..=until).contains(&at));
        let traffic =
            |(metric, at): &(DailyMetric, Date)| DailyMetric::traffic_of(*kind).contains(metric) && in_window(*at);
        let busy = truth.iter().any(|(key, value)| traffic(key) && *value > 0);
        let read: BTreeSet<_> = readings.iter().map(|reading| (reading.metric, reading.day)).collect();
        let whole = truth.keys().filter(|key| traffic(key)).all(|key| read.contains(key));
        let seen = readings.iter().any(|reading| traffic(&(reading.metric, reading.day)) && reading.value > 0);
        let created = self.created.map(|at| at.to_zoned(TimeZone::UTC).date());
        let old = created.is_some_and(|created| window.is_some_and(|(from, _)| created < from));
        let expected = match (window, seen, whole && old) {
            (None, ..) => "not asked",
            (_, true, _) => "pass",
            (_, false, true) => "fail",
            (_, false, false) => "unknown",
        };
        let got = match &verdict {
            Verdict::Fail { reason: VerdictReason::NoTraffic, .. } => "fail",
            Verdict::Pass { .. } => "pass",
            Verdict::Unknown { .. } => "unknown",
            Verdict::NotAsked { .. } => "not asked",
            _ => "other",
        };
        assert_eq!(got, expected, "seed {seed}: {kind} {verdict:?}");
        assert!(got != "fail" || (!busy && old), "seed {seed}: it was used");
        got
    }
}

/// What happened, day by day: nothing at all, traffic, or traffic without any target to choose.
fn truth(random: &mut fastrand::Rng, kind: Kind, days: i64) -> BTreeMap<(DailyMetric, Date), u64> {
    use DailyMetric as M;
    let quiet = random.u8(0..3) > 0;
    let mut truth = BTreeMap::new();
    for back in 1..60 {
        let outside = back > days + 4;
        let busy = if outside { random.bool() } else { !quiet && random.u8(0..8) == 0 };
        let has_targets = random.bool();
        for metric in DailyMetric::of(kind) {
            let counted = match metric {
                M::Requests | M::Redirects | M::FixedResponses | M::Bytes => has_targets,
                M::LoadBalancer4xx | M::LoadBalancer5xx => !has_targets,
                _ => true,
            };
            // Connections of scanners are there on any day.
            let noise = if DailyMetric::traffic_of(kind).contains(metric) { 0 } else { random.u64(0..3) };
            truth.insert((*metric, day(back)), if busy && counted { random.u64(1..900) } else { noise });
        }
    }
    truth
}

#[test]
fn nothing_is_called_idle_that_may_be_used() {
    let now: Timestamp = "2026-11-02T09:00:00Z".parse().expect("a time");
    let mut verdicts: BTreeMap<&str, usize> = BTreeMap::new();
    let seeds: Vec<u64> = (0..schedules()).collect();
    for seeds in seeds.chunks(500) {
        let all: Vec<Schedule> = seeds.iter().map(|seed| Schedule::random(*seed)).collect();
        let folder = tempfile::tempdir().expect("a folder");
        let mut ledger = Ledger::open(&folder.path().join("ledger.db"), OpenOptions::default()).expect("opens");
        let lease = ledger.acquire_lease("test", now, LEASE_TTL).expect("a lease");
        let readings: Vec<DailyReading> = all.iter().flat_map(|one| one.readings.iter().cloned()).collect();
        ledger.store_daily(&lease, &readings).expect("stores");
        let windows: BTreeSet<u32> = all.iter().map(|one| one.days).collect();
        for days in windows {
            let usage = ledger_usage::known(&ledger, now, days).expect("reads");
            for one in all.iter().filter(|one| one.days == days) {
                *verdicts.entry(one.check(usage.get(&arn(&one.path)).cloned())).or_default() += 1;
            }
        }
    }
    // A bed in which nothing goes wrong would prove nothing.
    assert!(["fail", "pass", "unknown"].iter().all(|word| verdicts.get(word).is_some_and(|n| *n > 10)), "{verdicts:?}");
}

#[test]
fn a_load_balancer_without_targets_still_has_clients() {
    let kinds = [Kind::Application, Kind::Classic];
    for (kind, path) in kinds.into_iter().zip(["app/x/0123456789abcdef", "x"]) {
        let figures = DailyMetric::of(kind).iter().map(|metric| {
            let value = if *metric == DailyMetric::LoadBalancer5xx { 7 } else { 0 };
            (*metric, (1..=14).map(|back| (day(back), value)).collect())
        });
        let usage = Usage::of(&figures.collect(), kind, day(14), day(1));
        let created = Some("2026-01-01T00:00:00Z".parse().expect("a time"));
        let verdict = judge(LoadBalancer { usage: Some(Arc::new(usage)), ..load_balancer(path, created) });
        assert!(matches!(verdict, Verdict::Pass { reason: VerdictReason::TrafficSeen, .. }), "{kind} {verdict:?}");
    }
}
