//! Joins traffic evidence to load balancers: advice for each of them, as rules and reports show it.

use std::collections::BTreeMap;
use std::sync::Arc;

use doorward_model::{
    Arn, LoadBalancer, Mode, ModeEffect, Observed, Traffic, TrafficBasis, TrafficSource, TrafficStep,
};
use jiff::{SignedDuration, Timestamp};

use crate::advice::{Advice, AdviceStep, SourceToFix, Thresholds, advise};
use crate::evidence::{TrafficEvidence, key, last_change};
use crate::forecast::{Basis, CrossCheck};
use crate::tally::{LoadBalancerKey, LoadBalancerTally};
use crate::unread_lines::remedies;

/// Traffic by load balancer.
pub type TrafficByArn = BTreeMap<Arn, Arc<Traffic>>;

/// Which evidence suffices for advice.
#[derive(Debug, Clone, Copy)]
pub struct AdviceRules<'a> {
    /// The evidence that a recommendation requires.
    pub thresholds: &'a Thresholds,
    /// Days after which evidence is too old to recommend a mode.
    pub maximum_age_days: u32,
    /// Days in which a tracked source is due to be fixed.
    pub source_due_days: u32,
}

/// Advice for every load balancer that was scanned and can parse HTTP, and for every other one that left logs, at a time: evidence that
/// is too old by then recommends nothing.
pub fn advise_all(
    evidence: &TrafficEvidence,
    load_balancers: &[LoadBalancer],
    rules: AdviceRules<'_>,
    at: Timestamp,
) -> BTreeMap<LoadBalancerKey, Advice> {
    let joined = evidence.joined_to(load_balancers);
    let evidence = joined.as_ref();
    let mut known: BTreeMap<LoadBalancerKey, Option<&LoadBalancer>> =
        evidence.keys().map(|key| (key.clone(), None)).collect();
    for lb in load_balancers.iter().filter(|lb| lb.kind.can_parse_http()) {
        known.insert(key(lb), Some(lb));
    }
    let each = known.into_iter().map(|(key, lb)| {
        let mut advice = advice_for(evidence, &key, lb, rules.thresholds);
        let until = advice.forecast.evidence.window.map(|window| window.ends_at());
        if let Some(old) = too_old(until, rules.maximum_age_days, at) {
            advice.step = AdviceStep::NotEnoughEvidence { missing: vec![old] };
            advice.recommended = None;
        }
        (key, advice)
    });
    each.collect()
}

/// Advice for a load balancer in a mode. If CloudWatch gave no count, the first reason says so.
fn advice_for(
    evidence: &TrafficEvidence,
    key: &LoadBalancerKey,
    lb: Option<&LoadBalancer>,
    thresholds: &Thresholds,
) -> Advice {
    let tally = evidence.tally.load_balancers.get(key);
    let (created, changed) = (lb.and_then(|lb| lb.created), lb.and_then(last_change));
    let mode = lb.map_or(Observed::<Mode>::Absent, |lb| lb.mode.clone());
    let mut advice = advise(mode, evidence.forecast_since(key, created, changed), tally, thresholds);
    let nothing = advice.forecast.evidence.basis == Basis::None;
    let refused = remedies(evidence, key);
    if let AdviceStep::NotEnoughEvidence { missing } = &mut advice.step
        && !refused.is_empty()
    {
        // Logs that are refused are switched on.
        if nothing {
            missing.clear();
        }
        missing.splice(0..0, refused);
    }
    if let (AdviceStep::NotEnoughEvidence { missing }, Some(reason)) = (&mut advice.step, evidence.no_count_reason(key))
    {
        if nothing && evidence.is_idle(key) {
            let wait = "Collect evidence again when there is traffic; a window without traffic supports no mode.";
            *missing = vec![wait.to_owned()];
            advice.because.clear();
        }
        advice.because.insert(0, reason);
    }
    advice
}

/// The traffic of every load balancer that can parse HTTP and is in the evidence, at the time of a scan: evidence that is too old by
/// then recommends nothing.
pub fn join(
    evidence: &TrafficEvidence,
    load_balancers: &[LoadBalancer],
    rules: AdviceRules<'_>,
    at: Timestamp,
) -> TrafficByArn {
    let joined = evidence.joined_to(load_balancers);
    let evidence = joined.as_ref();
    let asked = load_balancers.iter().filter(|lb| lb.kind.can_parse_http());
    let traffic = asked.filter_map(|lb| {
        let key = key(lb);
        let advice = evidence.covers(&key).then(|| advice_for(evidence, &key, Some(lb), rules.thresholds))?;
        let mut traffic = view(&advice, tiers(evidence.tally.load_balancers.get(&key)));
        expire(&mut traffic, rules.maximum_age_days, at);
        Some((lb.arn.clone(), Arc::new(traffic)))
    });
    traffic.collect()
}

/// Applies the age limit again to traffic that was weighed before, for a command that acts on it later than the scan.
pub fn expire_all(weighed: &mut TrafficByArn, maximum_age_days: u32, at: Timestamp) {
    weighed.values_mut().for_each(|traffic| expire(Arc::make_mut(traffic), maximum_age_days, at));
}

/// Evidence that is too old at a time recommends nothing.
fn expire(traffic: &mut Traffic, days: u32, at: Timestamp) {
    if let Some(old) = too_old(traffic.until, days, at) {
        traffic.step = TrafficStep::NotEnoughEvidence;
        traffic.recommended = None;
        traffic.because = vec![old];
    }
}

/// The sentence about evidence that is too old at a time; none if it is not.
fn too_old(until: Option<Timestamp>, days: u32, at: Timestamp) -> Option<String> {
    let oldest = SignedDuration::from_hours(24 * i64::from(days));
    until
        .is_some_and(|until| at.duration_since(until) > oldest)
        .then(|| format!("The evidence is more than {days} days old; run `doorward traffic` again."))
}

/// Requests by classification; empty if none was logged.
fn tiers(tally: Option<&LoadBalancerTally>) -> BTreeMap<String, u64> {
    let mut tiers: BTreeMap<String, u64> = BTreeMap::new();
    if let Some(tally) = tally.filter(|tally| tally.classified() > 0) {
        tiers.insert("Compliant".to_owned(), tally.compliant);
        for (cause, answered) in &tally.causes {
            *tiers.entry(cause.tier.as_str().to_owned()).or_default() += answered.total();
        }
    }
    tiers
}

/// Advice as reports show it.
fn view(advice: &Advice, tiers: BTreeMap<String, u64>) -> Traffic {
    let evidence = &advice.forecast.evidence;
    // A raise within the tolerated share blocks these.
    let tolerated: Vec<SourceToFix> = advice.blocks.iter().filter(|source| source.hurt() > 0).cloned().collect();
    let (step, sources, missing): (_, &[SourceToFix], &[String]) = match &advice.step {
        AdviceStep::Raise { .. } => (TrafficStep::Raise, &tolerated, &[]),
        AdviceStep::FixAndRaise { sources, .. } => (TrafficStep::FixAndRaise, sources, &[]),
        AdviceStep::Keep => (TrafficStep::Keep, &[], &[]),
        AdviceStep::Watch { sources } => (TrafficStep::Watch, sources, &[]),
        AdviceStep::NotEnoughEvidence { missing } => (TrafficStep::NotEnoughEvidence, &[], missing),
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
                hurt_per_million: mode.hurt_at_most.map(|bound| (bound.fraction * 1e6).ceil() as u64),
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
        because: advice.alarm.iter().chain(&advice.because).chain(missing).cloned().collect(),
        sources: sources.iter().map(source).collect(),
    }
}

fn source(source: &SourceToFix) -> TrafficSource {
    TrafficSource {
        address: source.places(),
        agent: source.client.agent.clone(),
        tier: source.client.cause.tier.as_str().to_owned(),
        reason: source.client.cause.reason.clone(),
        requests: source.requests,
        served: source.served,
        fix: source.fix.clone(),
        protected: source.protected,
    }
}
