//! The traffic of a load balancer for the page's script: counts as numbers, sentences as text.

use doorward_model::{Mode, Traffic, harmless};
use serde::Serialize;

/// One load balancer's traffic.
#[derive(Serialize)]
pub(crate) struct TrafficData {
    basis: String,
    window: String,
    requests: u64,
    denominator: String,
    /// Non-compliant requests, where logs were read: all that a mode could block.
    odd: Option<u64>,
    /// Classification and count, compliant first, then by name.
    tiers: Vec<(String, u64)>,
    modes: Vec<Effect>,
    advice: String,
    because: Vec<String>,
    sources: Vec<[String; 4]>,
    check: String,
}

/// The effect of a mode.
#[derive(Serialize)]
struct Effect {
    mode: &'static str,
    blocked: u64,
    closed: u64,
    hurt: Option<u64>,
}

impl TrafficData {
    /// `due` is the mode to set, where the load balancer fails to have the required one.
    pub(crate) fn of(traffic: &Traffic, due: Option<Mode>) -> Self {
        let text = |text: &str| harmless(text).into_owned();
        let odd: u64 = traffic.tiers.iter().filter(|(tier, _)| *tier != "Compliant").map(|(_, count)| count).sum();
        let mut tiers: Vec<(String, u64)> = traffic.tiers.iter().map(|(tier, count)| (text(tier), *count)).collect();
        tiers.sort_by_key(|(tier, _)| tier != "Compliant");
        let until = traffic.from.zip(traffic.until);
        Self {
            basis: text(&traffic.evidence()),
            window: until.map_or_else(String::new, |(from, until)| {
                format!("{} to {} UTC", from.strftime("%Y-%m-%d %H:%M"), until.strftime("%Y-%m-%d %H:%M"))
            }),
            requests: traffic.requests,
            denominator: text(&traffic.denominator),
            odd: (!tiers.is_empty()).then_some(odd),
            tiers,
            modes: [Mode::Monitor, Mode::Defensive, Mode::Strictest]
                .into_iter()
                .filter_map(|mode| traffic.effect(mode))
                .map(|effect| Effect {
                    mode: effect.mode.as_str(),
                    blocked: effect.blocked,
                    closed: effect.closed,
                    hurt: effect.hurt,
                })
                .collect(),
            advice: traffic.advice_towards(due),
            because: traffic.because.iter().map(|line| text(line)).collect(),
            sources: traffic
                .sources
                .iter()
                .map(|source| {
                    let fix = source.fix.as_deref().unwrap_or_default();
                    [
                        text(&format!("{} ({})", source.address, source.agent)),
                        text(&format!("{}, {}", source.tier, source.reason)),
                        source.requests.to_string(),
                        text(fix),
                    ]
                })
                .collect(),
            check: text(&traffic.cross_check),
        }
    }
}
