//! The recommended mode and treatment of invalid header fields of a load balancer that the internet reaches.

use doorward_model::{Kind, LoadBalancer, Mode, Observed, Reachability, TrafficStep};
use schemars::JsonSchema;
use serde::Serialize;

/// The target of both attributes. Policy decides what fails; this is what the research of 2025 and 2026 recommends beyond it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RecommendedTarget {
    /// The mode: strictest where traffic evidence supports it, otherwise defensive.
    pub mode: Mode,
    /// Whether invalid header fields are to be removed: always, except by classic load balancers, which cannot. The effect on clients
    /// is unknown before the change.
    pub drop_invalid_headers: bool,
    /// Why this mode.
    pub because: String,
}

impl RecommendedTarget {
    /// The target of a load balancer; none where the internet does not reach it. What was not read may be reachable.
    pub fn of(lb: &LoadBalancer) -> Option<Self> {
        if lb.reachability.known().is_some_and(Reachability::is_internal) {
            return None;
        }
        let advised = lb.traffic.as_deref().map(|traffic| (traffic.advised(), traffic));
        let (mode, because) = match (&lb.mode, advised) {
            (Observed::Known(Mode::Strictest), Some(((TrafficStep::Watch, _), _))) => {
                (Mode::Strictest, "it is in strictest; check the blocked clients".to_owned())
            }
            (Observed::Known(Mode::Strictest), _) => (Mode::Strictest, "it is in strictest".to_owned()),
            (_, Some(((TrafficStep::Raise, Some(Mode::Strictest)), _))) => {
                (Mode::Strictest, "its traffic supports strictest".to_owned())
            }
            (_, Some(((TrafficStep::FixAndRaise, _), traffic))) => {
                let sources = traffic.sources.len();
                let are = if sources == 1 { "source needs" } else { "sources need" };
                (
                    Mode::Defensive,
                    format!(
                        "{sources} {are} requests that strictest blocks; fix them, then set \
                     strictest"
                    ),
                )
            }
            (_, Some(((TrafficStep::NotEnoughEvidence, _), _))) => {
                (Mode::Defensive, "there is not enough traffic evidence for strictest".to_owned())
            }
            (_, Some(_)) => (Mode::Defensive, "its traffic does not support strictest now".to_owned()),
            (_, None) => (Mode::Defensive, "its traffic was not read; strictest needs evidence".to_owned()),
        };
        Some(Self { mode, drop_invalid_headers: lb.kind != Kind::Classic, because })
    }
}
