//! The shapes of weeks, and how often chance is taken for a change: load balancers by the thousand on which nothing changes.

use doorward_model::{Gap, GapReason};
use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::source::UnreadLogs;
use crate::tally::Tally;
use crate::window::Hour;

const CHANGED: &str = "2026-09-22";

fn changed() -> Date {
    CHANGED.parse().expect("a date")
}

/// Three weeks before the change and one after; `rate` gives requests of a thousand with 5xx by day.
fn weeks(rate: impl Fn(i64) -> u64) -> LoadBalancerTally {
    let start: Timestamp = "2026-09-01T00:00:00Z".parse().expect("a time");
    let mut tally = LoadBalancerTally::default();
    for day in 0..29 {
        let hour = Hour::of(start + SignedDuration::from_hours(24 * day + 5));
        let errors = 10 * rate(day);
        let counts = HourTally { compliant: 10_000, client_5xx: errors, target_5xx: errors, ..HourTally::default() };
        tally.hours.insert(hour, counts);
    }
    tally
}

fn of(tally: &LoadBalancerTally, figure: Figure) -> Compared {
    let all = compare(tally, None, changed());
    all.into_iter().find(|compared| compared.figure == figure).expect("there")
}

#[test]
fn the_week_has_its_shape() {
    // Weekends are three times as bad, before as after: no change.
    let shaped = weeks(|day| if matches!((day + 1) % 7, 5 | 6) { 30 } else { 10 + (day % 2) as u64 });
    let compared = of(&shaped, Figure::Client5xx);
    assert_eq!((compared.change, compared.days_after), (Change::WithinNoise, 7), "{compared:?}");
}

#[test]
fn a_rise_is_a_statement() {
    for (after, wanted) in [(10, Change::WithinNoise), (20, Change::Rose), (1, Change::Fell)] {
        let tally = weeks(|day| if day > 20 { after } else { 9 + (day % 3) as u64 });
        assert_eq!(of(&tally, Figure::Target5xx).change, wanted, "{after}");
    }
}

#[test]
fn noise_hides_what_it_can_hide() {
    let wild = |day: i64| if day > 20 { 25 } else { 5 + (day * 7 % 40) as u64 };
    assert_eq!(of(&weeks(wild), Figure::Client5xx).change, Change::WithinNoise);
}

#[test]
fn too_few_days_are_not_no_change() {
    let mut tally = weeks(|_| 10);
    tally.hours.retain(|hour, _| hour.day() >= "2026-09-15".parse().expect("a date"));
    let compared = of(&tally, Figure::Client5xx);
    assert_eq!((compared.change, compared.after), (Change::TooFewDays, None));
    assert_eq!(of(&LoadBalancerTally::default(), Figure::NonCompliant).change, Change::TooFewDays);
}

#[test]
fn two_errors_after_clean_weeks_are_no_rise_and_twenty_are() {
    for (errors, wanted) in [(2, Change::WithinNoise), (21, Change::Rose)] {
        let mut tally = weeks(|_| 0);
        for (number, counts) in tally.hours.values_mut().skip(22).enumerate() {
            counts.client_5xx = errors / 7 + u64::from((number as u64) < errors % 7);
        }
        assert_eq!(of(&tally, Figure::Client5xx).change, wanted, "{errors}");
    }
}

#[test]
fn parts_of_days_are_not_compared() {
    let tally = weeks(|_| 10);
    let at = |text: &str| text.parse::<Timestamp>().expect("a time");
    let window = Window::covering(at("2026-09-01T05:00:00Z"), at("2026-09-29T07:00:00Z")).expect("a window");
    let all = compare(&tally, Some(window), changed());
    // Six whole days after the change: the 29th ends at seven, and the 22nd is the day of the change.
    assert!(all.iter().all(|compared| compared.days_after == 6), "{all:?}");
}

/// Four weeks of so many hours a day before the change, and so many after it.
fn hours_a_day(before: i64, after: i64) -> LoadBalancerTally {
    let start: Timestamp = "2026-09-01T00:00:00Z".parse().expect("a time");
    let mut tally = LoadBalancerTally::default();
    for day in 0..29 {
        for hour in 0..if day < 21 { before } else { after } {
            let errors = 10 + (day * 7 + hour) as u64 % 5;
            let counts = HourTally { compliant: 1_000, client_5xx: errors, ..HourTally::default() };
            tally.hours.insert(Hour::of(start + SignedDuration::from_hours(24 * day + hour)), counts);
        }
    }
    tally
}

/// Two hours of the night are not a day, on either side of the change; a quiet load balancer has few hours on both.
#[test]
fn days_of_few_hours_are_not_compared_with_whole_ones() {
    for (before, after, wanted) in [
        (24, 2, Change::TooFewDays),
        (24, 11, Change::TooFewDays),
        (2, 24, Change::TooFewDays),
        (24, 24, Change::WithinNoise),
        (24, 13, Change::WithinNoise),
        (2, 2, Change::WithinNoise),
    ] {
        let compared = of(&hours_a_day(before, after), Figure::Client5xx);
        assert_eq!(compared.change, wanted, "{before} {after}: {compared:?}");
        let says = compared.unread.unwrap_or_default().contains("fewer than half of the usual hours");
        assert_eq!(says, wanted == Change::TooFewDays, "{before} {after}");
    }
    // One day of which a part is missing is left out, and the others are compared.
    let mut tally = hours_a_day(24, 24);
    tally.hours.retain(|hour, _| {
        hour.day() != "2026-09-25".parse().expect("a date") || hour.start().as_second() % 86_400 == 0
    });
    let compared = of(&tally, Figure::Client5xx);
    assert_eq!((compared.change, compared.days_after), (Change::WithinNoise, 6));
    assert!(compared.unread.is_some_and(|unread| unread.starts_with("1 day was not compared")));
}

/// Files that are damaged, refused or not understood are days that were not read.
#[test]
fn logs_that_were_not_read_in_full_are_not_compared() {
    let key: LoadBalancerKey = "111122223333/eu-west-1/app/web/1".parse().expect("a key");
    let whole = || {
        let mut tally = Tally::default();
        tally.load_balancers.insert(key.clone(), hours_a_day(24, 24));
        tally
    };
    let compared = |tally: Tally| {
        let all = compare_evidence(&TrafficEvidence::new(None, tally), changed());
        all.get(&key).cloned().expect("compared")
    };
    assert!(!compared(whole()).is_unknown());
    let (mut damaged, mut unparsed, mut unnamed, mut refused) = (whole(), whole(), whole(), whole());
    damaged.incomplete.insert(key.clone(), 13);
    // Two files are of another load balancer.
    (0..15).for_each(|_| damaged.reading.damaged.add(|| "cut".to_owned()));
    unparsed.load_balancers.get_mut(&key).expect("there").unparsed.add(|| "cut".to_owned());
    unnamed.reading.unparsed.add(|| "cut".to_owned());
    refused.problems.entry(key.clone()).or_default().add(|| "two files of one name".to_owned());
    for (tally, says) in [
        (damaged, "13 log files were damaged or could not be read"),
        (unparsed, "1 line could not be understood"),
        (unnamed, "1 line could not be understood"),
        (refused, "two files of one name"),
    ] {
        let compared = compared(tally);
        assert!(compared.is_unknown() && compared.by == ComparedBy::Nothing, "{says}: {compared:?}");
        let unread = compared.figures[0].unread.clone().unwrap_or_default();
        assert!(unread.contains(says), "{says}: {unread}");
    }
}

/// A metric, and its count by day.
type DailyCount = (Metric, fn(i64) -> u64);

fn series(metrics: [DailyCount; 4]) -> Series {
    let start: Timestamp = "2026-09-01T00:00:00Z".parse().expect("a time");
    let points = |count: fn(i64) -> u64| {
        Answer::Points((0..29).map(|day| (start + SignedDuration::from_hours(24 * day + 5), count(day))).collect())
    };
    let answers = metrics.into_iter().map(|(metric, count)| (metric, points(count))).collect();
    let end = start + SignedDuration::from_hours(24 * 29);
    Series { window: Window::covering(start, end).expect("a window"), period_seconds: 300, answers }
}

/// Logs around bad periods say nothing about days: the share of bad requests in them stays the same while it falls to a twelfth.
#[test]
fn logs_around_periods_are_not_compared_and_metrics_are() {
    let key: LoadBalancerKey = "111122223333/eu-west-1/app/web/1".parse().expect("a key");
    let mut evidence = TrafficEvidence::new(None, Tally::default());
    let mut around = LoadBalancerTally::default();
    for (hour, counts) in weeks(|_| 10).hours {
        around
            .hours
            .insert(hour, HourTally { compliant: counts.compliant / 100, acceptable: 1, ..HourTally::default() });
    }
    evidence.tally.load_balancers.insert(key.clone(), around);
    evidence.series.insert(
        key.clone(),
        series([
            (Metric::Requests, |_| 100_000),
            (Metric::LoadBalancer4xx, |day| if day > 20 { 900 } else { 100 + day as u64 % 3 }),
            (Metric::NonCompliant, |day| if day > 20 { 42 } else { 500 + day as u64 % 7 }),
            (Metric::Target5xx, |day| 40 + day as u64 % 5),
        ]),
    );
    let changes = |evidence: &TrafficEvidence| -> (ComparedBy, Vec<(Figure, Change)>) {
        let BeforeAfter { by, figures } = compare_evidence(evidence, changed()).remove(&key).expect("compared");
        (by, figures.iter().map(|figure| (figure.figure, figure.change)).collect())
    };
    let by_metrics = vec![
        (Figure::NonCompliant, Change::Fell),
        (Figure::LoadBalancer4xx, Change::Rose),
        (Figure::Target5xx, Change::WithinNoise),
        (Figure::Client4xx, Change::NotRead),
        (Figure::Client5xx, Change::NotRead),
    ];
    for extent in [Extent::AroundPeriods, Extent::Cleared] {
        evidence.extents.insert(key.clone(), extent);
        assert_eq!(changes(&evidence), (ComparedBy::Metrics, by_metrics.clone()), "{extent:?}");
    }
    let text = render_comparison(&compare_evidence(&evidence, changed()), changed());
    assert!(text.contains("4xx to clients, of all lines: unknown: only log files around the periods"), "{text}");

    for extent in [Extent::AllWithoutMetric, Extent::AllAfterDisagreement, Extent::AllByAthena] {
        evidence.extents.insert(key.clone(), extent);
        assert_eq!(changes(&evidence).0, ComparedBy::Logs, "{extent:?}");
    }
    // All logs were wanted, and one is missing: its day is not what it was.
    let gap = Gap::new(GapReason::AccessDenied, "s3:GetObject");
    evidence.missed.push(UnreadLogs { load_balancer: key.clone(), what: "s3://b/k".to_owned(), gap: gap.clone() });
    assert_eq!(changes(&evidence), (ComparedBy::Metrics, by_metrics));
    // A metric that could not be read is no zero.
    if let Some(series) = evidence.series.get_mut(&key) {
        series.answers.insert(Metric::Target5xx, Answer::Unread(std::sync::Arc::new(gap)));
    }
    assert!(changes(&evidence).1.contains(&(Figure::Target5xx, Change::NotRead)));
    evidence.series.clear();
    let (by, figures) = changes(&evidence);
    assert!(by == ComparedBy::Nothing && figures.iter().all(|(_, change)| *change == Change::NotRead), "{figures:?}");
}

/// How days of a load balancer differ.
#[derive(Debug, Clone, Copy)]
enum Vary {
    /// By chance only.
    Chance,
    /// Rates by a normal factor with this deviation.
    Normal(f64),
    /// Rates by a log-normal factor with this deviation.
    Factor(f64),
}

/// Traffic of one row of the table.
#[derive(Debug, Clone, Copy)]
struct Row {
    name: &'static str,
    before: i64,
    after: i64,
    requests: f64,
    rate: f64,
    vary: Vary,
    /// Weekends have 40% of the requests and three times the rate.
    weekends: bool,
}

const fn row(name: &'static str, days: (i64, i64), traffic: (f64, f64), vary: Vary) -> Row {
    Row { name, before: days.0, after: days.1, requests: traffic.0, rate: traffic.1, vary, weekends: false }
}

const BUSY: (f64, f64) = (1_000_000.0, 0.005);
const QUIET: (f64, f64) = (2_000.0, 0.0005);

fn rows() -> Vec<Row> {
    use Vary::{Chance, Factor, Normal};
    let plain = vec![
        row("busy, 14 days before, 7 after, chance only", (14, 7), BUSY, Chance),
        row("quiet (2,000 a day, 0.05%)", (14, 7), QUIET, Chance),
        row("rare errors (1 in 100,000 of 10,000 a day)", (14, 7), (10_000.0, 1e-5), Chance),
        row("rare errors (1 in 100,000 of 300,000 a day)", (14, 7), (300_000.0, 1e-5), Chance),
        row("1 day after, chance only", (14, 1), BUSY, Chance),
        row("quiet, 1 day after", (14, 1), QUIET, Chance),
        row("days vary by 30%, 7 after", (14, 7), BUSY, Normal(0.3)),
        row("days vary by 30%, 1 day after", (14, 1), BUSY, Normal(0.3)),
        row("days vary by a factor (30%), 7 after", (14, 7), BUSY, Factor(0.3)),
        row("days vary by a factor (30%), 1 day after", (14, 1), BUSY, Factor(0.3)),
        row("days vary by 60%, 1 day after", (14, 1), BUSY, Factor(0.6)),
        row("quiet, days vary by 30%, 7 after", (14, 7), QUIET, Factor(0.3)),
        row("10 a day, days vary by 30%, 3 after", (14, 3), (20_000.0, 0.0005), Factor(0.3)),
        row("28 days before, 3 after, vary by 30%", (28, 3), BUSY, Normal(0.3)),
        row("28 days before, 21 after, vary by 30%", (28, 21), BUSY, Factor(0.3)),
    ];
    let shaped = plain.clone().into_iter().map(|row| Row { weekends: true, ..row });
    plain.into_iter().chain(shaped).collect()
}

/// A standard normal number.
fn normal(dice: &mut fastrand::Rng) -> f64 {
    let radius = (-2.0 * (1.0 - dice.f64()).ln()).sqrt();
    radius * (std::f64::consts::TAU * dice.f64()).cos()
}

fn poisson(dice: &mut fastrand::Rng, mean: f64) -> u64 {
    if mean > 500.0 {
        return (mean + mean.sqrt() * normal(dice)).round().max(0.0) as u64;
    }
    let (mut count, mut product, limit) = (0, dice.f64(), (-mean).exp());
    while product > limit {
        product *= dice.f64();
        count += 1;
    }
    count
}

/// Days of one figure of one load balancer; from the change on, the rate is multiplied.
fn days_of(row: &Row, dice: &mut fastrand::Rng, times: f64) -> Vec<ComparedDay> {
    let first = dice.i64(0..7);
    let days = (0..row.before + row.after).map(|day| {
        // The day of the change itself is left out.
        let number = first + day + i64::from(day >= row.before);
        let weekday = number.rem_euclid(7);
        let (more, worse) = if row.weekends && weekday > 4 { (0.4, 3.0) } else { (1.0, 1.0) };
        let factor = match row.vary {
            Vary::Chance => 1.0,
            Vary::Normal(by) => (1.0 + by * normal(dice)).max(0.0),
            Vary::Factor(by) => (by * normal(dice)).exp(),
        };
        let of = poisson(dice, row.requests * more).max(1);
        let after = day >= row.before;
        let rate = row.rate * worse * factor * if after { times } else { 1.0 };
        let count = poisson(dice, of as f64 * rate).min(of);
        ComparedDay { weekday: weekday as i8, after, count, of }
    });
    days.collect()
}

/// Of so many load balancers with four figures each, how many show a change.
fn alarms(row: &Row, load_balancers: u32, times: f64) -> u32 {
    let mut dice = fastrand::Rng::with_seed(2026);
    let mut alarms = 0;
    for _ in 0..load_balancers {
        let mut left = 0;
        for _ in Figure::OF_LOGS {
            let days = days_of(row, &mut dice, times);
            let range = usual_range(&days, PROMISED / Figure::OF_LOGS.len() as f64).expect("enough days");
            left += u32::from(range.after > range.high || range.after < range.low);
        }
        alarms += u32::from(left > 0);
    }
    alarms
}

#[test]
fn false_alarms_are_as_rare_as_promised() {
    let load_balancers = if std::env::var_os("DOORWARD_SLOW").is_some() { 10_000 } else { 1_000 };
    let all = f64::from(load_balancers);
    let most = PROMISED * all + 3.0 * (all * PROMISED * (1.0 - PROMISED)).sqrt();
    let mut wrong = Vec::new();
    for row in rows() {
        let alarms = alarms(&row, load_balancers, 1.0);
        let weekends = if row.weekends { ", with weekends" } else { "" };
        let line = format!("{alarms:>4} of {load_balancers} false alarms: {}{weekends}", row.name);
        println!("{line}");
        if f64::from(alarms) > most {
            wrong.push(line);
        }
    }
    assert!(wrong.is_empty(), "at most {most:.0}: {wrong:#?}");
}

/// A test that never alarms would pass the one above.
#[test]
fn changes_are_still_seen() {
    use Vary::{Chance, Factor};
    for (row, times, at_least) in [
        (row("busy, 5% more", (14, 7), BUSY, Chance), 1.05, 99),
        (row("quiet, six times as many", (14, 7), QUIET, Chance), 6.0, 95),
        (row("days vary by 30%, a twelfth", (14, 7), BUSY, Factor(0.3)), 1.0 / 12.0, 99),
        (row("days vary by 30%, three times as many", (14, 7), BUSY, Factor(0.3)), 3.0, 99),
        (row("days vary by 30%, ten times as many after 1 day", (14, 1), BUSY, Factor(0.3)), 10.0, 90),
    ] {
        let seen = alarms(&row, 100, times);
        println!("{seen} of 100 seen: {}", row.name);
        assert!(seen >= at_least, "{seen} of 100: {}", row.name);
    }
}
