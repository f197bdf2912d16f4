//! The traffic view: which requests each mode would block, by load balancer.

use std::cmp::Reverse;

use doorward_model::{Mode, ScanReport, Traffic, percent};
use serde::Serialize;

use crate::PageContext;
use crate::chart::{ChartPart, stacked};

/// How many load balancers have a row; the others are in the sheet of each load balancer.
const ROWS: usize = 25;

/// The section.
#[derive(Serialize)]
pub(super) struct ImpactView {
    rows: Vec<ImpactRow>,
    /// Load balancers with evidence and without a row.
    more: usize,
    with_evidence: usize,
    without_evidence: usize,
    /// Load balancers of which strictest would block nothing that was observed.
    unharmed: usize,
}

/// One load balancer.
#[derive(Serialize)]
struct ImpactRow {
    name: String,
    owner: String,
    requests: u64,
    /// Not compliant, of these; absent where only metrics were read.
    defensive: Effect,
    strictest: Effect,
    advice: String,
}

/// What a mode would do.
#[derive(Default, Serialize)]
struct Effect {
    known: bool,
    blocked: u64,
    /// `0.4% (7 of 2167)`
    share: String,
    /// How many of those a target served successfully; empty where that is unknown.
    hurt: String,
    parts: Vec<ChartPart>,
}

impl Effect {
    fn of(traffic: &Traffic, mode: Mode) -> Self {
        let Some(effect) = traffic.effect(mode) else { return Self::default() };
        let count = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
        // Where it is not known what was served, none of it is drawn as harmless.
        let hurt = effect.hurt.map(|hurt| hurt.min(effect.blocked));
        let (blocked, odd) = (count(effect.blocked), count(odd(traffic)));
        let counts = [
            ("hurt", count(hurt.unwrap_or(0))),
            ("blocked", count(hurt.map_or(0, |hurt| effect.blocked - hurt))),
            ("unknown", count(if hurt.is_none() { effect.blocked } else { 0 })),
            ("closed", count(effect.closed)),
            ("forwarded", odd.saturating_sub(blocked + count(effect.closed))),
        ];
        let whole: usize = counts.iter().map(|(_, count)| count).sum();
        Self {
            known: true,
            blocked: effect.blocked,
            share: percent(blocked, count(traffic.requests)).map_or_else(
                || "no requests".to_owned(),
                |share| format!("{share} ({blocked} of {})", traffic.requests),
            ),
            hurt: effect.hurt.map_or_else(|| "unknown".to_owned(), |hurt| hurt.to_string()),
            parts: stacked(&counts, whole),
        }
    }
}

/// Requests that are not compliant, where logs were read.
fn odd(traffic: &Traffic) -> u64 {
    traffic.tiers.iter().filter(|(tier, _)| *tier != "Compliant").map(|(_, count)| count).sum()
}

/// Reads it off the report; none where no traffic was joined to it.
pub(super) fn of(report: &ScanReport, context: &PageContext) -> Option<ImpactView> {
    let able = report.load_balancers.iter().filter(|lb| lb.effective_mode().applies());
    let with: Vec<_> = able.clone().filter_map(|lb| Some((lb, lb.traffic.as_deref()?))).collect();
    if with.is_empty() {
        return None;
    }
    let without_evidence = able.count() - with.len();
    let harmless = |traffic: &Traffic| {
        traffic.requests > 0 && traffic.effect(Mode::Strictest).is_some_and(|effect| effect.blocked == 0)
    };
    let unharmed = with.iter().filter(|(_, traffic)| harmless(traffic)).count();
    let with_evidence = with.len();
    let mut shown: Vec<_> = with.into_iter().filter(|(_, traffic)| traffic.requests > 0).collect();
    shown.sort_by_key(|(lb, traffic)| {
        let effect = traffic.effect(Mode::Strictest);
        let (hurt, blocked) = effect.map_or((None, None), |effect| (effect.hurt, Some(effect.blocked)));
        // Known harm first, then what may be harm, then what is known to be none.
        let rank = match (hurt, blocked) {
            (Some(1..), _) => 2,
            (None, None | Some(1..)) => 1,
            (Some(0), _) | (None, Some(0)) => 0,
        };
        (Reverse((rank, hurt.unwrap_or(0), blocked.unwrap_or(0), traffic.requests)), &lb.arn)
    });
    let more = shown.len().saturating_sub(ROWS);
    let rows = shown.into_iter().take(ROWS).map(|(lb, traffic)| ImpactRow {
        name: lb.name.clone(),
        owner: lb.owner_label().to_owned(),
        requests: traffic.requests,
        defensive: Effect::of(traffic, Mode::Defensive),
        strictest: Effect::of(traffic, Mode::Strictest),
        advice: traffic.advice_towards(context.required.get(&lb.arn).and_then(|required| required.unmet_by(lb))),
    });
    Some(ImpactView { rows: rows.collect(), more, with_evidence, without_evidence, unharmed })
}
