//! Made-up populations of clients, written as log lines and read again, and the advice for them.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use doorward_model::{Mode, Observed};
use doorward_traffic::{
    Advice, AdviceStep, Answer, Limits, LoadBalancerKey, Metric, Reader, Series, Thresholds, TrafficEvidence, Window,
    advise,
};
use jiff::{SignedDuration, Timestamp};

mod known_sets;
mod more_sets;
mod parts;
mod random;
mod refused_programs;

/// Days of the window.
const DAYS: i64 = 14;
const DAY: i64 = 86_400;
const GROUP: &str = "arn:aws:elasticloadbalancing:eu-west-1:111122223333:targetgroup/web/73e2d6bc24d8a067";

fn start() -> Timestamp {
    "2026-10-19T00:00:00Z".parse().unwrap()
}

fn key() -> LoadBalancerKey {
    "111122223333/eu-west-1/app/web/50dc6c495c0c9188".parse().unwrap()
}

/// The kind of the step.
fn step(advice: &Advice) -> String {
    match &advice.step {
        AdviceStep::Raise { to } => format!("raise {to}"),
        AdviceStep::FixAndRaise { to, sources } => format!("fix {} then {to}", sources.len()),
        AdviceStep::Keep => "keep".to_owned(),
        AdviceStep::Watch { .. } => "watch".to_owned(),
        AdviceStep::NotEnoughEvidence { .. } => "not enough".to_owned(),
    }
}

fn users() -> Population {
    Population::with_users(Mode::Monitor, 0..DAYS, 400)
}

fn defended() -> Population {
    Population { mode: Mode::Defensive, ..users() }
}

fn person(number: usize) -> (String, String) {
    (format!("198.51.{}.{}", number / 250, number % 250), format!("Mozilla/5.0 (X11; rv:{})", number % 9))
}

fn scanner(number: usize) -> (String, String) {
    (format!("192.{}.{}.9", number / 250, number % 250), "zgrab/0.x".to_owned())
}

/// What the load balancer does with a request.
#[derive(Debug, Clone, Copy)]
struct Outcome {
    status: &'static str,
    target: &'static str,
    actions: &'static str,
}

const fn by_target(status: &'static str) -> Outcome {
    Outcome { status, target: status, actions: "forward" }
}

const fn by_load_balancer(status: &'static str, actions: &'static str) -> Outcome {
    Outcome { status, target: "-", actions }
}

const SERVED: Outcome = by_target("200");
const BLOCKED: Outcome = by_load_balancer("400", "-");

/// One request.
#[derive(Debug, Clone)]
struct Request {
    /// Seconds after the beginning of the window.
    at: i64,
    address: String,
    agent: String,
    /// Classification and reason; none of compliant requests.
    class: Option<(&'static str, &'static str)>,
    outcome: Outcome,
    path: String,
}

/// Everything about the load balancer.
struct Population {
    requests: Vec<Request>,
    mode: Mode,
    thresholds: Thresholds,
    /// When the mode was changed, if that is known.
    changed: Option<i64>,
    /// CloudWatch: requests and non-compliant requests by hour; none if it was not asked.
    metric: Option<BTreeMap<i64, (u64, u64)>>,
    /// Read without naming a window.
    folder: bool,
    nodes: usize,
}

impl Population {
    /// So many compliant requests of 280 people a day, on these days.
    fn with_users(mode: Mode, days: impl IntoIterator<Item = i64>, daily: i64) -> Self {
        let mut population = Self {
            requests: Vec::new(),
            mode,
            thresholds: Thresholds::default(),
            changed: None,
            metric: None,
            folder: true,
            nodes: 2,
        };
        for day in days {
            for number in 0..daily {
                population.requests.push(Request {
                    at: day * DAY + number * (DAY - 1) / daily.max(1),
                    address: format!("198.18.{}.{}", number % 28, number % 10),
                    agent: "Mozilla/5.0 (Windows NT 10.0)".to_owned(),
                    class: None,
                    outcome: SERVED,
                    path: "/".to_owned(),
                });
            }
        }
        population
    }

    /// So many requests of clients in turn, spread over all days.
    fn clients(
        mut self,
        count: usize,
        client: impl Fn(usize) -> (String, String),
        class: (&'static str, &'static str),
        outcome: Outcome,
        clients: usize,
    ) -> Self {
        for number in 0..count {
            let (address, agent) = client(number % clients);
            self.requests.push(Request {
                at: number as i64 * (DAYS * DAY - 1) / count as i64,
                address,
                agent,
                class: Some(class),
                outcome,
                path: format!("/api/{}", number % 7),
            });
        }
        self
    }

    /// So many requests of one client.
    fn client(self, count: usize, agent: &str, class: (&'static str, &'static str), outcome: Outcome) -> Self {
        let agent = agent.to_owned();
        self.clients(count, |_| ("203.0.113.70".to_owned(), agent.clone()), class, outcome, 1)
    }

    fn line(request: &Request) -> String {
        let time = (start() + SignedDuration::from_secs(request.at)).strftime("%Y-%m-%dT%H:%M:%S.000000Z").to_string();
        let Request { address, agent, class, outcome: Outcome { status, target, actions }, path, .. } = request;
        let (tier, reason) = class.unwrap_or(("-", "-"));
        let (group, rule) = if *target == "-" { ("-", if *actions == "-" { "-" } else { "3" }) } else { (GROUP, "0") };
        format!(
            "https {time} app/web/50dc6c495c0c9188 {address}:4711 10.0.0.1:80 0.001 0.002 0.000 {status} {target} 34 366 \
             \"GET https://shop.example:443{path} HTTP/1.1\" \"{agent}\" ECDHE TLSv1.3 {group} \"Root=1-{}\" \"shop.example\" \
             \"-\" {rule} {time} \"{actions}\" \"-\" \"-\" \"10.0.0.1:80\" \"{target}\" \"{tier}\" \"{reason}\" TID_1",
            request.at
        )
    }

    /// The log files, one for each day and node: key and text.
    fn files(&self) -> Vec<(String, String)> {
        let mut files: BTreeMap<(i64, usize), String> = BTreeMap::new();
        for (number, request) in self.requests.iter().enumerate() {
            let text = files.entry((request.at / DAY, number % self.nodes)).or_default();
            let _ = writeln!(text, "{}", Self::line(request));
        }
        let name = |day: i64, node: usize| {
            let end = (start() + SignedDuration::from_secs(day * DAY + DAY / 2)).strftime("%Y%m%dT%H%MZ").to_string();
            format!("111122223333_elasticloadbalancing_eu-west-1_app.web.50dc6c495c0c9188_{end}_10.0.0.{node}_x.log.gz")
        };
        files.into_iter().map(|((day, node), text)| (name(day, node), text)).collect()
    }

    fn evidence(&self) -> TrafficEvidence {
        let window = Window::days_before(start() + SignedDuration::from_hours(24 * DAYS), 14).unwrap();
        let protected = &self.thresholds.protected_clients;
        let mut reader = Reader::new(Limits::default(), None).with_protected(protected);
        let mut tally = doorward_traffic::Tally::default();
        for (name, text) in self.files() {
            tally.merge(&reader.read(&name, text.as_bytes()));
        }
        let asked = (!self.folder || self.metric.is_some()).then_some(window);
        let mut evidence = TrafficEvidence::new(asked, tally).protecting(protected);
        if let Some(hours) = &self.metric {
            let points = |of: fn(&(u64, u64)) -> u64| {
                let at = |hour: i64| start() + SignedDuration::from_hours(hour);
                Answer::Points(hours.iter().map(|(hour, counts)| (at(*hour), of(counts))).collect())
            };
            let answers = BTreeMap::from([
                (Metric::Requests, points(|counts| counts.0)),
                (Metric::NonCompliant, points(|counts| counts.1)),
                (Metric::LoadBalancer4xx, Answer::Points(BTreeMap::new())),
            ]);
            evidence.series.insert(key(), Series { window, period_seconds: 3_600, answers });
        }
        evidence
    }

    /// CloudWatch counts what was requested, with so many more of each.
    fn metered(mut self, more: (u64, u64)) -> Self {
        let mut hours: BTreeMap<i64, (u64, u64)> = BTreeMap::new();
        for request in &self.requests {
            let hour = hours.entry(request.at / 3_600).or_default();
            hour.0 += u64::from(request.outcome.target != "-");
            hour.1 += u64::from(request.class.is_some());
        }
        let hour = hours.entry(72).or_default();
        *hour = (hour.0 + more.0, hour.1 + more.1);
        self.metric = Some(hours);
        self
    }

    fn advise(&self) -> Advice {
        self.advise_with(&self.evidence())
    }

    fn advise_with(&self, evidence: &TrafficEvidence) -> Advice {
        let changed = self.changed.map(|at| start() + SignedDuration::from_secs(at));
        let forecast = evidence.forecast_since(&key(), None, changed);
        advise(Observed::Known(self.mode), forecast, evidence.tally.load_balancers.get(&key()), &self.thresholds)
    }
}

/// Everything that is said, in one text.
fn said(advice: &Advice) -> String {
    let mut text = advice.alarm.clone().unwrap_or_default();
    text += &advice.because.join(" ");
    if let AdviceStep::NotEnoughEvidence { missing } = &advice.step {
        text = format!("{text} -> {}", missing.join(" "));
    }
    text
}
