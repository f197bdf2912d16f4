//! The posture of many load balancers: it depends on few values, so it is computed once for each combination of them.

use std::sync::{Arc, LazyLock};

use doorward_model::{EffectiveMode, Kind, LoadBalancer, Mode, TriggerSummary};

use super::{HopConfiguration, Trigger, TriggerOutcome, triggers};

/// What decides: whether it can remove header fields, its mode and whether it does, each if known.
type Deciding = (bool, Option<Mode>, Option<bool>);

static ALL: LazyLock<Vec<(Deciding, Arc<TriggerSummary>)>> = LazyLock::new(|| {
    let modes = [None, Some(Mode::Monitor), Some(Mode::Defensive), Some(Mode::Strictest)];
    let drops = [None, Some(true), Some(false)];
    let each = [true, false].into_iter().flat_map(|can| modes.into_iter().map(move |mode| (can, mode)));
    each.flat_map(|(can, mode)| drops.into_iter().map(move |drop| (can, mode, drop)))
        .map(|deciding| (deciding, Arc::new(summary(deciding))))
        .collect()
});

/// Which published triggers reach the targets of a load balancer; none of one that does not parse HTTP.
pub fn trigger_summary(lb: &LoadBalancer) -> Option<Arc<TriggerSummary>> {
    if !lb.kind.can_parse_http() || lb.effective_mode() == EffectiveMode::NoHttpListener {
        return None;
    }
    let deciding = (lb.kind != Kind::Classic, lb.mode.known().copied(), lb.drop_invalid_headers.known().copied());
    ALL.iter().find(|(known, _)| *known == deciding).map(|(_, summary)| summary.clone())
}

fn summary((can_drop, mode, drop): Deciding) -> TriggerSummary {
    let now = HopConfiguration::possible(can_drop, mode, drop);
    let strictest = HopConfiguration::of(Mode::Strictest, can_drop);
    let named = |keep: &dyn Fn(&Trigger) -> bool| {
        triggers().iter().filter(|trigger| keep(trigger)).map(|trigger| trigger.id.as_str()).collect()
    };
    TriggerSummary {
        all: triggers().len(),
        now: named(&|trigger| trigger.outcome(&now).reaches_target()),
        unknown: named(&|trigger| trigger.outcome(&now) == TriggerOutcome::Unknown),
        strictest: named(&|trigger| trigger.outcome(&strictest).reaches_target()),
    }
}
