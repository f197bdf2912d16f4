//! Evaluate: one verdict per rule and load balancer, in a total order.

use std::collections::BTreeMap;

use doorward_model::{
    AccountId, DeadlineTally, EffectiveMode, Finding, LoadBalancer, Observed, Policy, PolicyTally, Region, Rule,
    ScanReport, Severity, Tally, Verdict,
};
use jiff::Timestamp;

use crate::normalize::Normalized;

/// Judges every load balancer by every rule that the policy does not turn off. Synchronous and pure: the same input gives the
/// same report, byte for byte.
pub fn evaluate(scan: Normalized, rules: &[&dyn Rule], policy: &Policy) -> ScanReport {
    let Normalized { run, organization, accounts, coverage, load_balancers } = scan;
    let mut rules: Vec<&dyn Rule> =
        rules.iter().copied().filter(|rule| !policy.disabled.iter().any(|id| id == rule.meta().id)).collect();
    rules.sort_by_key(|rule| rule.meta().id);
    let places: BTreeMap<(&AccountId, Option<&Region>), Timestamp> =
        coverage.lines.iter().filter_map(|line| Some(((&line.account, line.region.as_ref()), line.read_at?))).collect();
    let mut findings = Vec::with_capacity(load_balancers.len() * rules.len());
    for lb in &load_balancers {
        // Without a response the observation is at least as old as the start of the reading, or of the scan.
        let begun = || places.get(&(&lb.account, Some(&lb.region))).copied().unwrap_or(run.started);
        let observed_at = lb.evidence.as_ref().map_or_else(begun, |evidence| evidence.at);
        findings.extend(rules.iter().map(|rule| finding(lb, *rule, policy, observed_at)));
    }
    let tally = tally(&load_balancers, &findings, policy);
    tracing::info!(rules = rules.len(), findings = findings.len(), "judged");
    ScanReport {
        run,
        organization,
        coverage,
        tally,
        accounts,
        load_balancers,
        findings,
        changes_unfound: BTreeMap::new(),
        unseen: None,
    }
}

fn finding(lb: &LoadBalancer, rule: &dyn Rule, policy: &Policy, observed_at: Timestamp) -> Finding {
    let meta = rule.meta();
    let verdict = rule.judge(lb, policy);
    // An informational failure opens nothing, so it is never due.
    let deadline = verdict.severity().filter(|severity| *severity > Severity::Informational).and_then(|severity| {
        let profile = lb.policy.as_ref().map_or(&Observed::Absent, |applied| &applied.profile);
        policy.deadline(profile, meta.id, severity)
    });
    Finding {
        id: Finding::id_for(&lb.arn, meta.id),
        rule: meta.id.to_owned(),
        account: lb.account.clone(),
        region: lb.region.clone(),
        load_balancer: lb.arn.clone(),
        name: lb.name.clone(),
        kind: lb.kind,
        owner: lb.owner_label().to_owned(),
        verdict,
        observed_at: Some(observed_at),
        history: None,
        deadline,
    }
}

fn tally(load_balancers: &[LoadBalancer], findings: &[Finding], policy: &Policy) -> Tally {
    // Counted once the history is known.
    let deadlines = policy.has_deadlines().then(DeadlineTally::default);
    let mut tally = Tally { deadlines, policy: policy_tally(load_balancers), ..Tally::default() };
    for lb in load_balancers {
        *tally.kinds.entry(lb.kind).or_default() += 1;
        match lb.effective_mode() {
            EffectiveMode::Known(mode) => *tally.modes.entry(mode).or_default() += 1,
            EffectiveMode::Unknown => tally.mode_unknown += 1,
            EffectiveMode::NoHttpListener => tally.mode_not_applicable += 1,
            EffectiveMode::NotHttp => {}
        }
    }
    for finding in findings {
        *tally.verdicts.entry(finding.rule.clone()).or_default().entry(finding.verdict.kind()).or_default() += 1;
        if let Verdict::Fail { severity, .. } = finding.verdict {
            *tally.failures.entry(severity).or_default() += 1;
        }
    }
    tally
}

/// Counts the load balancers whose mode has an effect by how the policy decides on them; none where it was not applied.
fn policy_tally(load_balancers: &[LoadBalancer]) -> Option<PolicyTally> {
    let mut tally = PolicyTally::default();
    let mut any = false;
    for lb in load_balancers {
        let (Some(applied), mode) = (&lb.policy, lb.effective_mode()) else { continue };
        any = true;
        let mode = match mode {
            EffectiveMode::Known(mode) => Some(mode),
            EffectiveMode::Unknown => None,
            EffectiveMode::NoHttpListener | EffectiveMode::NotHttp => continue,
        };
        tally.of += 1;
        *tally.profiles.entry(applied.profile_label().to_owned()).or_default() += 1;
        match applied.by_default {
            Some(by_default) => tally.by_default += usize::from(by_default),
            None => tally.by_default_unknown += 1,
        }
        match mode {
            Some(mode) if mode >= applied.required_at_most => tally.at_or_above_required += 1,
            Some(mode) if mode < applied.required_at_least => {}
            _ => tally.at_or_above_required_unknown += 1,
        }
    }
    any.then_some(tally)
}
