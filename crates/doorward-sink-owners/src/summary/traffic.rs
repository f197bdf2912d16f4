//! The traffic of an owner's load balancers, as a table.

use std::collections::BTreeMap;

use doorward_model::{LoadBalancer, Mode, Traffic, TrafficBasis, share};
use serde::Serialize;

mod tracked;

pub(super) use tracked::TrackedRow;

/// One load balancer whose traffic was read.
#[derive(Serialize)]
pub(super) struct TrafficRow {
    name: String,
    region: String,
    window: String,
    basis: String,
    requests: u64,
    denominator: String,
    /// Mode, what it would block of all requests, and who would be hurt.
    modes: Vec<(&'static str, String, String)>,
    advice: String,
    because: Vec<String>,
    /// Who, what it does, how often, how to end it.
    sources: Vec<Source>,
}

#[derive(Serialize)]
struct Source {
    who: String,
    what: String,
    requests: u64,
    fix: String,
}

impl TrafficRow {
    /// The row of a load balancer; none where nothing is known of its traffic. `due` is the required
    /// mode, where the mode is weaker.
    pub(super) fn of(lb: &LoadBalancer, due: Option<Mode>) -> Option<Self> {
        let traffic = lb.traffic.as_deref().filter(|traffic| traffic.basis != TrafficBasis::None)?;
        Some(Self {
            name: lb.name.clone(),
            region: lb.region.to_string(),
            window: match (traffic.from, traffic.until) {
                (Some(from), Some(until)) => {
                    format!("{} to {} UTC", from.strftime("%Y-%m-%d %H:%M"), until.strftime("%Y-%m-%d %H:%M"))
                }
                _ => "no window".to_owned(),
            },
            basis: traffic.evidence(),
            requests: traffic.requests,
            denominator: traffic.denominator.clone(),
            modes: [Mode::Defensive, Mode::Strictest].map(|mode| effect(traffic, mode)).to_vec(),
            advice: traffic.advice_towards(due),
            because: traffic.because.clone(),
            sources: traffic
                .sources
                .iter()
                .map(|source| Source {
                    who: format!("{} ({})", source.address, source.agent),
                    what: format!("{}, {}", source.tier, source.reason),
                    requests: source.requests,
                    fix: source.fix.clone().unwrap_or_default(),
                })
                .collect(),
        })
    }
}

/// Load balancers whose traffic was asked for and is unknown, by the reason.
pub(super) fn silent<'a>(load_balancers: impl Iterator<Item = &'a LoadBalancer>) -> Vec<(String, Vec<String>)> {
    let mut reasons: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for lb in load_balancers {
        if let Some(traffic) = lb.traffic.as_deref().filter(|traffic| traffic.basis == TrafficBasis::None) {
            reasons.entry(traffic.because.join(" ")).or_default().push(format!("{} ({})", lb.name, lb.region));
        }
    }
    reasons.into_iter().collect()
}

fn effect(traffic: &Traffic, mode: Mode) -> (&'static str, String, String) {
    let Some(effect) = traffic.effect(mode) else {
        return (mode.as_str(), "unknown".to_owned(), "unknown".to_owned());
    };
    let count = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
    let hurt = effect.hurt.map_or_else(|| "unknown".to_owned(), |hurt| format!("{hurt} of {}", effect.blocked));
    (mode.as_str(), share(count(effect.blocked), count(traffic.requests)), hurt)
}
