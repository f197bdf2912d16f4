//! Evaluate: one verdict per rule and load balancer, in a total order.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use doorward_model::{
    AccountId, DeadlineTally, Finding, LoadBalancer, Observed, Policy, Region, ReportTally, Rule, ScanReport, Severity,
    Verdict,
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
    let mut verdicts = HashSet::new();
    let mut findings = Vec::with_capacity(load_balancers.len() * rules.len());
    for lb in &load_balancers {
        // Without a response the observation is at least as old as the start of the reading, or of the scan.
        let begun = || places.get(&(&lb.account, Some(&lb.region))).copied().unwrap_or(run.started);
        let observed_at = lb.evidence.as_ref().map_or_else(begun, |evidence| evidence.at);
        findings.extend(rules.iter().map(|rule| finding(lb, *rule, policy, observed_at, &mut verdicts)));
    }
    // Deadlines are counted once the history is known.
    let deadlines = policy.has_deadlines().then(DeadlineTally::default);
    let tally = ReportTally { deadlines, ..ReportTally::of(&load_balancers, &findings) };
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

/// The answer of a rule. Most load balancers have one of few verdicts on a rule, so each is kept once.
fn finding(
    lb: &LoadBalancer,
    rule: &dyn Rule,
    policy: &Policy,
    observed_at: Timestamp,
    verdicts: &mut HashSet<Arc<Verdict>>,
) -> Finding {
    let meta = rule.meta();
    let verdict = rule.judge(lb, policy);
    // An informational failure opens nothing, so it is never due.
    let deadline = verdict.severity().filter(|severity| *severity > Severity::Informational).and_then(|severity| {
        let profile = lb.policy.as_ref().map_or(&Observed::Absent, |applied| &applied.profile);
        policy.deadline(profile, meta.id, severity)
    });
    let verdict = verdicts.get(&verdict).cloned().unwrap_or_else(|| {
        let verdict = Arc::new(verdict);
        verdicts.insert(verdict.clone());
        verdict
    });
    Finding {
        id: Finding::id_for(&lb.arn, meta.id),
        rule: meta.id.into(),
        account: lb.account.clone(),
        region: lb.region.clone(),
        load_balancer: lb.arn.clone(),
        name: lb.name.as_str().into(),
        kind: lb.kind,
        owner: lb.owner_label().into(),
        verdict,
        observed_at: Some(observed_at),
        history: None,
        deadline: deadline.map(Box::new),
    }
}
