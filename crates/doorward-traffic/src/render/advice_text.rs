//! Advice as text: one table of all load balancers first, then the reasons of each.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use doorward_model::Observed;
use jiff::Timestamp;
use jiff::civil::Date;

use super::wrap;
use crate::advice::{Advice, AdviceStep, SourceToFix, counted, kind_label};
use crate::forecast::Basis;
use crate::tally::LoadBalancerKey;
use crate::window::Hour;

/// How many load balancers without evidence are named.
const NAMED: usize = 8;
/// Most characters of a name in the table.
const NAME: usize = 28;
/// Days of the chart: the last ones.
const CHART: usize = 60;

/// The advice for each load balancer: a table first, then the reasons, what can be done now first. Load balancers with the same missing
/// evidence are listed together. `modes_read` is when the modes were read, if a scan has them: they may have changed since.
pub fn render_advice(advice: &BTreeMap<LoadBalancerKey, Advice>, modes_read: Option<Timestamp>) -> String {
    let mut order: Vec<(&LoadBalancerKey, &Advice)> = advice.iter().collect();
    order.sort_by_key(|(key, advice)| (rank(&advice.step), *key));
    let mut text = table(&order, modes_read);
    let on = modes_read.map_or(String::new(), |at| format!(" on {}", at.strftime("%Y-%m-%d")));
    let mut silent: BTreeMap<(&[String], &[String]), Vec<&LoadBalancerKey>> = BTreeMap::new();
    for (key, advice) in order {
        if let AdviceStep::NotEnoughEvidence { missing } = &advice.step
            && advice.alarm.is_none()
        {
            silent.entry((&advice.because, missing)).or_default().push(key);
            continue;
        }
        let _ = writeln!(text, "{}\n  {} · {}{on}", headline(advice), place(key), mode(advice));
        if let Some(alarm) = &advice.alarm {
            wrap(&mut text, "  ", "! ", alarm);
        }
        for line in &advice.because {
            wrap(&mut text, "  ", "", line);
        }
        if let Some(chart) = chart(&advice.by_day) {
            let _ = writeln!(text, "  {chart}");
        }
        match &advice.step {
            AdviceStep::FixAndRaise { sources, .. } | AdviceStep::Watch { sources } => to_fix(&mut text, sources),
            AdviceStep::NotEnoughEvidence { missing } => {
                missing.iter().for_each(|line| wrap(&mut text, "  ", "→ ", line));
            }
            AdviceStep::Raise { .. } => would_be_blocked(&mut text, &advice.blocks),
            AdviceStep::Keep => {}
        }
        text.push('\n');
    }
    for ((because, missing), keys) in silent {
        let _ = writeln!(text, "NOT ENOUGH EVIDENCE for {}", counted(keys.len() as u64, "load balancer"));
        for key in keys.iter().take(NAMED) {
            let _ = writeln!(text, "  {}", place(key));
        }
        if let more @ 1.. = keys.len().saturating_sub(NAMED) {
            let _ = writeln!(text, "  and {more} more, all in --format json");
        }
        because.iter().for_each(|line| wrap(&mut text, "  ", "", line));
        missing.iter().for_each(|line| wrap(&mut text, "  ", "→ ", line));
        text.push('\n');
    }
    if text.is_empty() {
        text.push_str("No load balancer in this scan parses HTTP, and no logs were read.\n");
    }
    text
}

/// One line for each load balancer with evidence: requests per day that the mode after the step, or else the next mode up, would newly
/// block, by what is known of their clients; those that are blocked already; and the evidence.
fn table(order: &[(&LoadBalancerKey, &Advice)], modes_read: Option<Timestamp>) -> String {
    let rows: Vec<[String; 8]> = order
        .iter()
        .filter(|(_, advice)| advice.forecast.evidence.basis != Basis::None)
        .map(|(key, advice)| row(key, advice))
        .collect();
    if rows.is_empty() {
        return String::new();
    }
    let mut title =
        "Requests per day that would be newly blocked, by type of client, and those that are blocked already."
            .to_owned();
    if let Some(at) = modes_read {
        let _ = write!(title, "\nThe modes are those of the scan of {} UTC.", at.strftime("%Y-%m-%d %H:%M"));
    }
    columns(
        &title,
        ["load balancer", "mode → advised", "users", "logins", "unknown", "scanners", "already", "evidence"],
        &rows,
    )
}

/// A title, and a table of names, figures and the evidence.
pub(super) fn columns(title: &str, head: [&str; 8], rows: &[[String; 8]]) -> String {
    let head = head.map(str::to_owned);
    let width =
        |column: usize| rows.iter().chain([&head]).map(|row| row[column].chars().count()).max().unwrap_or_default();
    let widths: [usize; 8] = std::array::from_fn(width);
    let mut text = format!("{title}\n\n");
    for row in [&head].into_iter().chain(rows) {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate() {
            let width = widths[column];
            let _ = match column {
                2..=6 => write!(line, "{cell:>width$}  "),
                _ => write!(line, "{cell:<width$}  "),
            };
        }
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text.push('\n');
    text
}

/// Name and Region of a load balancer, cut to a length.
pub(super) fn short_name(key: &LoadBalancerKey) -> String {
    let name: String = if key.name().chars().count() > NAME {
        key.name().chars().take(NAME - 1).chain(['…']).collect()
    } else {
        key.name().to_owned()
    };
    format!("{name} {}", key.region.as_ref().map_or("-", |region| region.as_str()))
}

fn row(key: &LoadBalancerKey, advice: &Advice) -> [String; 8] {
    let observed = advice.forecast.evidence.observed.clone().unwrap_or_default();
    let days = f64::from(observed.days_with_traffic.max(1));
    let now = advice.current.known().map_or("unknown", |mode| mode.as_str());
    let then = match (&advice.step, advice.recommended) {
        (AdviceStep::NotEnoughEvidence { .. }, _) | (_, None) => "?".to_owned(),
        (AdviceStep::FixAndRaise { .. }, Some(mode)) => format!("{mode} *"),
        (_, Some(mode)) => mode.to_string(),
    };
    // Where evidence is missing, there were at least as many as were seen, and none seen is not zero.
    let partial = matches!(advice.step, AdviceStep::NotEnoughEvidence { .. });
    let daily = |count: Option<u64>| daily(count, days, partial);
    let affected = advice.affected;
    [
        short_name(key),
        format!("{now} → {then}"),
        daily(affected.map(|requests| requests.users)),
        daily(affected.map(|requests| requests.logins)),
        daily(affected.map(|requests| requests.unknown)),
        daily(affected.map(|requests| requests.scanners)),
        daily(affected.map(|requests| requests.already)),
        observed.summary(),
    ]
}

/// The cell of a count per day: `-` if it is not known, `≥2.5` if more may be missing, `?` if all of it may be.
pub(super) fn daily(count: Option<u64>, days: f64, partial: bool) -> String {
    match (count, partial) {
        (None, _) => "-".to_owned(),
        (Some(0), true) => "?".to_owned(),
        (Some(count), true) => format!("≥{}", per_day(count, days)),
        (Some(count), false) => per_day(count, days),
    }
}

/// A count per day; what is there is never rounded to zero.
pub(super) fn per_day(count: u64, days: f64) -> String {
    let daily = count as f64 / days;
    if count > 0 && daily < 0.05 { "<0.1".to_owned() } else { format!("{daily:.1}") }
}

/// A chart of requests that are not compliant, one character a day; none if there are none.
pub(super) fn chart(by_day: &BTreeMap<Date, u64>) -> Option<String> {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let most = by_day.values().copied().max().filter(|most| *most > 0)?;
    let (last, _) = by_day.last_key_value()?;
    let (first, _) = by_day.first_key_value()?;
    let mut days: Vec<Date> = first.series(jiff::ToSpan::days(1)).take_while(|day| day <= last).collect();
    days.drain(..days.len().saturating_sub(CHART));
    let bars: String = days
        .iter()
        .map(|day| match by_day.get(day).copied().unwrap_or(0) {
            0 => '·',
            count => BARS.get(((count * 8).div_ceil(most) - 1) as usize).copied().unwrap_or('█'),
        })
        .collect();
    let from = days.first()?;
    Some(format!("not compliant per day: {bars} ({from} to {last}, at most {most})"))
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

fn rank(step: &AdviceStep) -> u8 {
    match step {
        AdviceStep::Raise { .. } => 0,
        AdviceStep::FixAndRaise { .. } => 1,
        AdviceStep::Watch { .. } => 2,
        AdviceStep::Keep => 3,
        AdviceStep::NotEnoughEvidence { .. } => 4,
    }
}

fn headline(advice: &Advice) -> String {
    match &advice.step {
        AdviceStep::Raise { to } => format!("RAISE to {to}"),
        AdviceStep::FixAndRaise { to, sources } => {
            let verb = if sources.iter().any(|source| source.unknown > 0) { "FIX OR CHECK" } else { "FIX" };
            format!("{verb} {}, then raise to {to}", counted(SourceToFix::count(sources) as u64, "source"))
        }
        AdviceStep::Watch { .. } => "KEEP, and check which clients are blocked".to_owned(),
        AdviceStep::Keep => "KEEP".to_owned(),
        AdviceStep::NotEnoughEvidence { .. } => "NOT ENOUGH EVIDENCE".to_owned(),
    }
}

/// The sources that a raise within the tolerated share blocks although they were served, or may have been.
fn would_be_blocked(text: &mut String, blocks: &[SourceToFix]) {
    let users: Vec<SourceToFix> = blocks.iter().filter(|source| source.hurt() > 0).cloned().collect();
    if users.is_empty() {
        return;
    }
    wrap(
        text,
        "  ",
        "",
        "These requests were served, or may have been, and would be blocked; the tolerated share \
         permits this:",
    );
    to_fix(text, &users[..users.len().min(NAMED)]);
    if let more @ 1.. = users.len().saturating_sub(NAMED) {
        let _ = writeln!(text, "  and {}, all in --format json", counted_more(more));
    }
}

/// `1 more source`, `2 more sources`.
fn counted_more(more: usize) -> String {
    if more == 1 { "1 more source".to_owned() } else { format!("{more} more sources") }
}

/// `first seen after 2026-10-19 00:00, last seen before 2026-11-01 23:00 UTC`, by the first and the last hour.
pub(super) fn seen(first: Option<Hour>, last: Option<Hour>) -> Option<String> {
    let minute = |hour: Hour| hour.start().strftime("%Y-%m-%d %H:%M").to_string();
    Some(format!("first seen after {}, last seen before {} UTC", minute(first?), minute(last?.after())))
}

fn to_fix(text: &mut String, sources: &[SourceToFix]) {
    for source in sources {
        let cause = &source.client.cause;
        wrap(text, "  ", "→ ", &source.name());
        let protected = if source.protected { ", PROTECTED" } else { "" };
        let what = format!(
            "{} {}: {}, {} answered; {}{protected}",
            cause.tier.as_str(),
            cause.reason,
            counted(source.requests, "request"),
            source.served + source.logins,
            kind_label(source.kind),
        );
        wrap(text, "      ", "", &what);
        if let Some(seen) = seen(source.first, source.last) {
            wrap(text, "      ", "", &seen);
        }
        if let Some(example) = &source.example {
            wrap(
                text,
                "      ",
                "",
                &format!("{} at {}, for example {}", example.shape, example.domain, example.trace),
            );
        }
        if let Some(likely) = &source.likely {
            wrap(text, "      ", "likely: ", likely);
        }
        let fix = source
            .fix
            .as_deref()
            .unwrap_or("this version does not know the reason code; find out what the client sends");
        wrap(text, "      ", "fix: ", fix);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_become_bars() {
        let day = |day: i8| jiff::civil::date(2026, 9, day);
        assert_eq!(chart(&BTreeMap::from([(day(1), 0)])), None);
        let chart = chart(&BTreeMap::from([(day(1), 8), (day(2), 1), (day(4), 4), (day(5), 0)]));
        assert_eq!(chart.as_deref(), Some("not compliant per day: █▁·▄· (2026-09-01 to 2026-09-05, at most 8)"));
        assert_eq!(
            (per_day(0, 14.0), per_day(1, 300.0), per_day(7, 14.0)),
            ("0.0".into(), "<0.1".into(), "0.5".into())
        );
    }
}
