//! Advice as a part of the load balancer it is about, for rules and sinks.

use std::collections::BTreeMap;
use std::sync::Arc;

use doorward_model::{
    Arn, LoadBalancer, Mode, ModeEffect, Observed, Traffic, TrafficBasis, TrafficSource, TrafficStep,
};
use doorward_traffic::{Advice, Basis, CrossCheck, SourceToFix, Step, Tier, advise};
use jiff::Timestamp;

use super::found::Found;
use crate::settings::TrafficSettings;

/// Traffic by load balancer.
pub(crate) type ByArn = BTreeMap<Arn, Arc<Traffic>>;

/// Advice for a load balancer in a mode. What CloudWatch did not say is said first.
pub(crate) fn advice(
    found: &Found,
    key: &doorward_traffic::BalancerKey,
    mode: Observed<Mode>,
    created: Option<Timestamp>,
    settings: &TrafficSettings,
) -> Advice {
    let tally = found.tally.balancers.get(key);
    let mut advice = advise(mode, found.forecast_since(key, created), tally, &settings.thresholds);
    let nothing = advice.forecast.evidence.basis == Basis::None;
    if let (Step::NotEnoughEvidence { missing }, Some(silence)) = (&mut advice.step, found.silence(key)) {
        if nothing && found.is_idle(key) {
            *missing = vec!["Look again when it has traffic; a window without any decides nothing.".to_owned()];
            advice.because.clear();
        }
        advice.because.insert(0, silence);
    }
    advice
}

/// The traffic of every load balancer that can parse HTTP, at the time of a scan: evidence that is too old by then advises nothing.
pub(crate) fn of(found: &Found, load_balancers: &[LoadBalancer], settings: &TrafficSettings, at: Timestamp) -> ByArn {
    let asked = load_balancers.iter().filter(|lb| lb.kind.can_parse_http());
    asked
        .filter_map(|lb| {
            let key = found.key_of(lb);
            let known = found.tally.balancers.contains_key(&key) || found.series.contains_key(&key);
            let advice = known.then(|| advice(found, &key, lb.mode.clone(), lb.created, settings))?;
            let tally = found.tally.balancers.get(&key);
            let mut tiers: BTreeMap<String, u64> = BTreeMap::new();
            if let Some(tally) = tally.filter(|tally| tally.classified() > 0) {
                tiers.insert("Compliant".to_owned(), tally.compliant);
                for (cause, answered) in &tally.causes {
                    *tiers.entry(cause.tier.as_str().to_owned()).or_default() += answered.total();
                }
            }
            let mut traffic = view(&advice, tiers);
            expire(&mut traffic, settings, at);
            Some((lb.arn.clone(), Arc::new(traffic)))
        })
        .collect()
}

/// Evidence that is too old at a time advises nothing.
fn expire(traffic: &mut Traffic, settings: &TrafficSettings, at: Timestamp) {
    let oldest = jiff::SignedDuration::from_hours(24 * i64::from(settings.maximum_age_days));
    if traffic.until.is_some_and(|until| at.duration_since(until) > oldest) {
        traffic.step = TrafficStep::NotEnoughEvidence;
        traffic.recommended = None;
        let days = settings.maximum_age_days;
        traffic.because = vec![format!("The evidence is more than {days} days old; run `doorward traffic` again.")];
    }
}

/// The same for the load balancers of a report that is acted on later than it was made.
pub(crate) fn expire_all(load_balancers: &mut [LoadBalancer], settings: &TrafficSettings, at: Timestamp) {
    for traffic in load_balancers.iter_mut().filter_map(|lb| lb.traffic.as_mut()) {
        expire(Arc::make_mut(traffic), settings, at);
    }
}

/// Advice as reports show it.
fn view(advice: &Advice, tiers: BTreeMap<String, u64>) -> Traffic {
    let evidence = &advice.forecast.evidence;
    let (step, sources, missing): (_, &[SourceToFix], &[String]) = match &advice.step {
        Step::Raise { .. } => (TrafficStep::Raise, &[], &[]),
        Step::FixAndRaise { sources, .. } => (TrafficStep::FixAndRaise, sources, &[]),
        Step::Keep => (TrafficStep::Keep, &[], &[]),
        Step::Watch { sources } => (TrafficStep::Watch, sources, &[]),
        Step::NotEnoughEvidence { missing } => (TrafficStep::NotEnoughEvidence, &[], missing),
    };
    let whole = advice.forecast.modes.first().map(|mode| mode.forwarded);
    Traffic {
        basis: match evidence.basis {
            Basis::FullLogs => TrafficBasis::FullLogs,
            Basis::PeriodLogs => TrafficBasis::PeriodLogs,
            Basis::PartialLogs => TrafficBasis::PartialLogs,
            Basis::MetricOnly => TrafficBasis::MetricOnly,
            Basis::None => TrafficBasis::None,
        },
        from: evidence.window.map(|window| window.starts_at()),
        until: evidence.window.map(|window| window.ends_at()),
        observed: evidence.observed.clone(),
        requests: whole.map_or(0, |share| share.of),
        denominator: whole.map_or_else(|| "requests".to_owned(), |share| share.denominator.label().to_owned()),
        tiers,
        modes: advice
            .forecast
            .modes
            .iter()
            .map(|mode| ModeEffect {
                mode: mode.mode,
                blocked: mode.blocked.count,
                closed: mode.closed.count,
                hurt: mode.hurt.map(|share| share.count),
                hurt_per_million: mode.hurt_at_most.map(|bound| (bound * 1e6).ceil() as u64),
            })
            .collect(),
        cross_check: match &evidence.cross_check {
            CrossCheck::Agrees { logs, metric } => {
                format!("Logs ({logs}) and CloudWatch ({metric}) agree on how many requests are not compliant.")
            }
            CrossCheck::Differs { logs, metric } => {
                format!("Logs have {logs} requests that are not compliant, CloudWatch counts {metric}.")
            }
            CrossCheck::NotPossible(why) => format!("Logs and CloudWatch were not compared: {why}."),
        },
        recommended: advice.recommended,
        step,
        because: advice.because.iter().chain(missing).cloned().collect(),
        sources: sources.iter().map(source).collect(),
    }
}

fn source(source: &SourceToFix) -> TrafficSource {
    TrafficSource {
        address: source.client.address.clone(),
        agent: source.client.agent.clone(),
        tier: Tier::as_str(&source.client.cause.tier).to_owned(),
        reason: source.client.cause.reason.clone(),
        requests: source.requests,
        served: source.served,
        fix: source.fix.clone(),
        protected: source.protected,
    }
}
