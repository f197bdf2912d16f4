//! Traffic and advice as text for a terminal. Every share stands beside its denominator. Texts from logs are as they
//! were logged: the caller escapes control characters.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use doorward_model::{Mode, Observed};

use crate::advice::{Advice, SourceToFix, Step};
use crate::evidence::TrafficEvidence;
use crate::forecast::{Basis, CrossCheck, Forecast, ModeForecast, Share};
use crate::tally::{LoadBalancerKey, LoadBalancerTally};
use crate::unread_lines::unread_lines;

/// How many sources and samples are spelled out.
const SHOWN: usize = 5;
/// How many load balancers without evidence are named.
const NAMED: usize = 8;

/// What was read, and for each load balancer what each mode would have done.
pub fn render_traffic(evidence: &TrafficEvidence, forecasts: &[(&LoadBalancerKey, Forecast)]) -> String {
    let mut text = String::new();
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
        let _ = writeln!(text, "  {}", basis(forecast));
        let observed = forecast.evidence.observed.as_ref();
        for line in
            observed.into_iter().flat_map(|observed| observed.missing().into_iter().chain(observed.unknown.clone()))
        {
            let _ = writeln!(text, "  {line}");
        }
        if let Some(reason) = evidence.no_count_reason(key) {
            let _ = writeln!(text, "  {reason}");
        }
        if let Some(tally) = evidence.tally.load_balancers.get(*key) {
            causes(&mut text, tally);
        }
        for mode in &forecast.modes {
            let _ = writeln!(text, "  {}", effect(mode));
        }
        if let Some(tally) = evidence.tally.load_balancers.get(*key) {
            sources(&mut text, tally);
        }
    }
    text
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
    format!("from {basis}{window}{observed}; {check}")
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
            "    {:<10} {:<34} {:>8}, {} of them served by a target",
            cause.tier.as_str(),
            cause.reason,
            answered.total(),
            answered.served
        );
    }
}

fn effect(mode: &ModeForecast) -> String {
    let share = |part: &Share| match part.fraction() {
        Some(fraction) if part.count > 0 => format!(" ({:.4}%)", fraction * 100.0),
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
            let _ = write!(line, "; {} of the blocked requests were served by a target", hurt.count);
        }
        None => line.push_str("; how many of them were served is unknown"),
        Some(_) => {}
    }
    if let Some(bound) = mode.hurt_at_most.filter(|_| mode.mode != Mode::Monitor) {
        let _ = write!(line, "; at 95% confidence at most {:.4}% of all are users", bound * 100.0);
    }
    line
}

fn sources(text: &mut String, tally: &LoadBalancerTally) {
    let clients = tally.sources.clients.ranked();
    if clients.is_empty() {
        return;
    }
    let _ = writeln!(text, "  main sources");
    for (client, weight) in clients.iter().take(SHOWN) {
        let _ = writeln!(
            text,
            "    {} ({}): {} {}, {} requests, {} served",
            client.address,
            client.agent,
            client.cause.tier.as_str(),
            client.cause.reason,
            weight.requests,
            weight.served
        );
    }
    if let more @ 1.. = clients.len().saturating_sub(SHOWN) {
        let _ = writeln!(text, "    and {more} more; each figure may be {} too low", tally.sources.clients.bound());
    }
}

/// The advice for each load balancer, what can be done now first. Load balancers with the same missing evidence are listed together.
pub fn render_advice(advice: &BTreeMap<LoadBalancerKey, Advice>) -> String {
    let mut order: Vec<(&LoadBalancerKey, &Advice)> = advice.iter().collect();
    order.sort_by_key(|(key, advice)| (rank(&advice.step), *key));
    let mut text = String::new();
    let mut silent: BTreeMap<(&[String], &[String]), Vec<&LoadBalancerKey>> = BTreeMap::new();
    for (key, advice) in order {
        if let Step::NotEnoughEvidence { missing } = &advice.step {
            silent.entry((&advice.because, missing)).or_default().push(key);
            continue;
        }
        let _ = writeln!(text, "{}\n  {} · now {}", headline(advice), place(key), mode(advice));
        for line in &advice.because {
            let _ = writeln!(text, "  {line}");
        }
        if let Step::FixAndRaise { sources, .. } | Step::Watch { sources } = &advice.step {
            to_fix(&mut text, sources);
        }
        text.push('\n');
    }
    for ((because, missing), keys) in silent {
        let _ = writeln!(text, "NOT ENOUGH EVIDENCE for {} load balancer{}", keys.len(), plural(keys.len()));
        for key in keys.iter().take(NAMED) {
            let _ = writeln!(text, "  {}", place(key));
        }
        if let more @ 1.. = keys.len().saturating_sub(NAMED) {
            let _ = writeln!(text, "  and {more} more, all in --format json");
        }
        for line in because {
            let _ = writeln!(text, "  {line}");
        }
        for line in missing {
            let _ = writeln!(text, "  → {line}");
        }
        text.push('\n');
    }
    if text.is_empty() {
        text.push_str("No load balancer here can parse HTTP, and no logs were evidence.\n");
    }
    text
}

fn place(key: &LoadBalancerKey) -> String {
    let account = key.account.as_ref().map_or("-", |account| account.as_str());
    let region = key.region.as_ref().map_or("-", |region| region.as_str());
    format!("{} · {account} {region}", key.name())
}

fn mode(advice: &Advice) -> String {
    match &advice.current {
        Observed::Known(mode) => mode.to_string(),
        Observed::Absent => "in an unknown mode".to_owned(),
        Observed::Unread(gap) => format!("in a mode that could not be read ({})", gap.reason.code()),
    }
}

const fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

fn rank(step: &Step) -> u8 {
    match step {
        Step::Raise { .. } => 0,
        Step::FixAndRaise { .. } => 1,
        Step::Watch { .. } => 2,
        Step::Keep => 3,
        Step::NotEnoughEvidence { .. } => 4,
    }
}

fn headline(advice: &Advice) -> String {
    match &advice.step {
        Step::Raise { to } => format!("RAISE to {to}"),
        Step::FixAndRaise { to, sources } => {
            format!("FIX {} source{}, then raise to {to}", sources.len(), plural(sources.len()))
        }
        Step::Watch { .. } => "KEEP, and check which clients are blocked".to_owned(),
        Step::Keep => "KEEP".to_owned(),
        Step::NotEnoughEvidence { .. } => "NOT ENOUGH EVIDENCE".to_owned(),
    }
}

fn to_fix(text: &mut String, sources: &[SourceToFix]) {
    for source in sources {
        let client = &source.client;
        let _ = writeln!(
            text,
            "  → {} ({}): {} {}, {} requests, {} served{}",
            client.address,
            client.agent,
            client.cause.tier.as_str(),
            client.cause.reason,
            source.requests,
            source.served,
            if source.protected { ", PROTECTED" } else { "" }
        );
        if let Some(likely) = &source.likely {
            let _ = writeln!(text, "      likely: {likely}");
        }
        let fix = source
            .fix
            .as_deref()
            .unwrap_or("this version does not know the reason code; find out what the client sends");
        let _ = writeln!(text, "      fix: {fix}");
    }
}
