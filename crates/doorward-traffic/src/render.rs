//! Traffic and advice as text for a terminal. Every share stands beside its denominator. Texts from logs are as they
//! were logged: the caller escapes control characters.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use doorward_model::Mode;
use jiff::civil::Date;

use crate::advice::{bound_text, counted, kind_label, percent};
use crate::affected::{affected, known_clients};
use crate::evidence::TrafficEvidence;
use crate::forecast::{Basis, CrossCheck, Forecast, ModeForecast, RequestShare};
use crate::tally::{LoadBalancerKey, LoadBalancerTally};
use crate::unread_lines::unread_lines;

/// How many sources and samples are spelled out.
const SHOWN: usize = 5;
/// The longest line of sentences, in characters.
const WIDTH: usize = 110;

mod advice_text;
mod documents;

pub use advice_text::render_advice;
use advice_text::{chart, columns, daily, per_day, seen, short_name};
pub use documents::{AdviceDocument, TrafficDocument};

/// The evidence that was read and, for each load balancer, the effect of each mode.
pub fn render_traffic(evidence: &TrafficEvidence, forecasts: &[(&LoadBalancerKey, Forecast)]) -> String {
    let mut text = table(evidence, forecasts);
    let reading = &evidence.tally.reading;
    if let Some(scanned) = &evidence.athena {
        let _ = writeln!(
            text,
            "Athena scanned {:.3} GB of {} log files with {} quer{}; {} lines understood, {} not",
            scanned.scanned_bytes as f64 / 1e9,
            scanned.objects,
            scanned.queries,
            if scanned.queries == 1 { "y" } else { "ies" },
            evidence.tally.lines(),
            evidence.tally.unparsed(),
        );
    } else {
        let _ = writeln!(
            text,
            "{} log files, {:.1} MB stored, {} lines understood, {} not; {} files damaged, {} not read",
            reading.objects,
            reading.stored_bytes as f64 / 1e6,
            evidence.tally.lines(),
            evidence.tally.unparsed(),
            reading.damaged.count,
            reading.unread.count
        );
    }
    for line in reading.listed.left_out().into_iter().chain(unread_lines(evidence)) {
        let _ = writeln!(text, "  {line}");
    }
    for (key, forecast) in forecasts {
        let _ = writeln!(text, "\n{key}");
        wrap(&mut text, "  ", "", &basis(forecast));
        let observed = forecast.evidence.observed.as_ref();
        for line in
            observed.into_iter().flat_map(|observed| observed.missing().into_iter().chain(observed.unknown.clone()))
        {
            wrap(&mut text, "  ", "", &line);
        }
        if let Some(reason) = evidence.no_count_reason(key) {
            wrap(&mut text, "  ", "", &reason);
        }
        if let Some(tally) = evidence.tally.load_balancers.get(*key) {
            causes(&mut text, tally);
        }
        for mode in &forecast.modes {
            wrap(&mut text, "  ", "", &effect(mode));
        }
        if let Some(tally) = evidence.tally.load_balancers.get(*key) {
            sources(&mut text, tally);
            let mut by_day: BTreeMap<Date, u64> = BTreeMap::new();
            for (hour, counts) in &tally.hours {
                *by_day.entry(hour.day()).or_default() += counts.non_compliant();
            }
            if let Some(chart) = chart(&by_day) {
                let _ = writeln!(text, "  {chart}");
            }
        }
    }
    text
}

/// One line for each load balancer with evidence: requests a day that are not compliant, by what is known of their clients.
fn table(evidence: &TrafficEvidence, forecasts: &[(&LoadBalancerKey, Forecast)]) -> String {
    let rows: Vec<[String; 8]> = forecasts
        .iter()
        .filter(|(_, forecast)| forecast.evidence.basis != Basis::None)
        .map(|(key, forecast)| {
            let observed = forecast.evidence.observed.clone().unwrap_or_default();
            let days = f64::from(observed.days_with_traffic.max(1));
            let tally = evidence.tally.load_balancers.get(*key).filter(|tally| tally.classified() > 0);
            let requests = tally.map(|tally| affected(tally, &known_clients(tally), |_| true));
            let partial = forecast.evidence.basis == Basis::PartialLogs;
            let daily = |count: Option<u64>| daily(count, days, partial);
            [
                short_name(key),
                forecast.modes.first().map_or_else(|| "-".to_owned(), |mode| per_day(mode.blocked.of, days)),
                daily(requests.map(|requests| requests.users)),
                daily(requests.map(|requests| requests.logins)),
                daily(requests.map(|requests| requests.unknown)),
                daily(requests.map(|requests| requests.scanners)),
                daily(requests.map(|requests| requests.already)),
                observed.summary(),
            ]
        })
        .collect();
    if rows.is_empty() {
        return String::new();
    }
    let title =
        "Requests per day: all, those that are not compliant by type of client, and those that are blocked already.";
    columns(title, ["load balancer", "all", "users", "logins", "unknown", "scanners", "blocked", "evidence"], &rows)
}

fn basis(forecast: &Forecast) -> String {
    let evidence = &forecast.evidence;
    let basis = match evidence.basis {
        Basis::FullLogs => "access logs",
        Basis::PeriodLogs => "CloudWatch, and the access logs around its periods with non-compliant requests,",
        Basis::PartialLogs => "incomplete access logs,",
        Basis::MetricOnly => "CloudWatch metrics only",
        Basis::None => "no evidence",
    };
    let window = evidence.window.map_or(String::new(), |window| {
        format!(
            " of {} to {} UTC",
            window.starts_at().strftime("%Y-%m-%d %H:%M"),
            window.ends_at().strftime("%Y-%m-%d %H:%M")
        )
    });
    let check = match &evidence.cross_check {
        CrossCheck::Agrees { logs, metric } => format!("logs {logs} and metric {metric} agree"),
        CrossCheck::Differs { logs, metric } => format!("LOGS {logs} AND METRIC {metric} DIFFER"),
        CrossCheck::NotPossible(why) => why.clone(),
    };
    let observed = evidence.observed.as_ref().map_or(String::new(), |observed| format!(" ({})", observed.summary()));
    format!("From {basis}{window}{observed}; {check}")
}

fn causes(text: &mut String, tally: &LoadBalancerTally) {
    let _ = writeln!(
        text,
        "  {} requests with a classification: {} compliant, {} not; {} rejected before one, {} lines too old for one",
        tally.classified(),
        tally.compliant,
        tally.non_compliant(),
        tally.rejected,
        tally.absent
    );
    for (cause, answered) in &tally.causes {
        let _ = writeln!(
            text,
            "    {:<10} {:<34} {:>8}, {} of them answered",
            cause.tier.as_str(),
            cause.reason,
            answered.total(),
            answered.answered_well()
        );
    }
}

fn effect(mode: &ModeForecast) -> String {
    let share = |part: &RequestShare| match part.fraction() {
        Some(fraction) if part.count > 0 => format!(" ({})", percent(fraction)),
        _ => String::new(),
    };
    let mut line = format!(
        "{:<10} blocks {} of {} {}{}",
        mode.mode.as_str(),
        mode.blocked.count,
        mode.blocked.of,
        mode.blocked.denominator.label(),
        share(&mode.blocked)
    );
    if mode.closed.count > 0 {
        let _ = write!(line, ", closes the connections of {}", mode.closed.count);
    }
    match mode.hurt {
        Some(hurt) if mode.blocked.count > 0 => {
            let verb = if hurt.count == 1 { "is" } else { "are" };
            let _ = write!(
                line,
                "; {} of the blocked requests {verb} from clients that were served, or may have been",
                hurt.count
            );
        }
        None => line.push_str("; it is unknown how many of them were served"),
        Some(_) => {}
    }
    if let Some(bound) = mode.hurt_at_most.filter(|_| mode.mode != Mode::Monitor) {
        let _ = write!(line, "; with 95% confidence, it affects users on at most {}", bound_text(bound));
    }
    line
}

fn sources(text: &mut String, tally: &LoadBalancerTally) {
    let mut clients = known_clients(tally);
    if clients.is_empty() {
        return;
    }
    clients.sort_by(|a, b| {
        (b.hurt(), b.tally.total()).cmp(&(a.hurt(), a.tally.total())).then_with(|| a.client.cmp(b.client))
    });
    let _ = writeln!(text, "  main sources");
    for known in clients.iter().take(SHOWN) {
        let (client, tally) = (known.client, &known.tally);
        let agent = if client.agent == "-" { "no user agent" } else { &client.agent };
        let _ = writeln!(text, "    {} ({agent})", client.address);
        let _ = writeln!(
            text,
            "      {} {}: {}, {} answered; {}",
            client.cause.tier.as_str(),
            client.cause.reason,
            counted(tally.total(), "request"),
            tally.served + tally.answered + tally.logins,
            kind_label(known.kind),
        );
        if let Some(seen) = seen(tally.first, tally.last) {
            let _ = writeln!(text, "      {seen}");
        }
        if let Some(example) = &tally.example {
            let line = format!("{} at {}, for example {}", example.shape, example.domain, example.trace);
            wrap(text, "      ", "", &line);
        }
    }
    if let more @ 1.. = clients.len().saturating_sub(SHOWN) {
        let lost = match tally.sources.clients.bound() {
            0 => String::new(),
            bound => format!("; each client that is not listed sent at most {bound} requests that were refused"),
        };
        let _ = writeln!(text, "    and {more} more{lost}");
    }
}

/// A sentence in lines of at most [`WIDTH`] characters, each indented.
fn wrap(text: &mut String, indent: &str, first: &str, sentence: &str) {
    let (mut line, mut begun) = (format!("{indent}{first}"), false);
    for word in sentence.split(' ') {
        if begun && line.chars().count() + 1 + word.chars().count() > WIDTH {
            let _ = writeln!(text, "{line}");
            line = format!("{indent}{}", " ".repeat(first.chars().count()));
            begun = false;
        }
        if begun {
            line.push(' ');
        }
        line.push_str(word);
        begun = true;
    }
    let _ = writeln!(text, "{line}");
}
