//! Makes plans: which load balancers will be changed, in which order and why; which will not, and why not. Pure.

use std::collections::BTreeMap;

use doorward_model::{Arn, IDLE_RULE, Kind, LoadBalancer, Mode, Observed, ScanReport, Verdict};
use jiff::Timestamp;

use crate::{ChangeSettings, SettingValue};

mod canonical;
mod document;
mod goal;
mod guard;
mod plan_digest;
mod request;
mod validity;

use document::FORMAT;
pub use document::{ChangeTarget, Effect, Patch, Plan, PlanError, PlanRun, PlanSnippet, Risk, Skip, SkipReason, Step};
pub use goal::{Goal, Insistence};
pub(crate) use guard::still_allowed;
pub use request::PlanRequest;
pub use validity::HomeOrganization;

/// The rule that compares the mode of a load balancer with the required mode.
pub const RULE: &str = "desync-mode-below-required";

/// The rule about header fields with invalid names.
pub const HEADERS_RULE: &str = "invalid-headers-forwarded";

/// How to set the attribute in the code that manages a load balancer: a sentence, and texts to paste.
pub type PatchFor<'a> = &'a dyn Fn(&LoadBalancer, SettingValue) -> (String, Vec<PlanSnippet>);

/// Makes a plan. `required` is the mode that policy requires, if that is certain.
pub fn plan(
    report: &ScanReport,
    required: &dyn Fn(&LoadBalancer) -> Option<Mode>,
    patch: PatchFor<'_>,
    order: &PlanRequest,
    settings: &ChangeSettings,
    made: Timestamp,
) -> Plan {
    let verdicts: BTreeMap<&Arn, &Verdict> = report
        .findings
        .iter()
        .filter(|f| f.rule == order.goal.rule())
        .map(|f| (&f.load_balancer, &*f.verdict))
        .collect();
    let idle = idle(report);
    let (mut considered, mut already) = (0, 0);
    let (mut steps, mut patches, mut skipped) = (Vec::new(), Vec::new(), Vec::new());
    for lb in report.load_balancers.iter().filter(|lb| lb.kind.can_parse_http()) {
        let skip = |reason, because| Skip { target: ChangeTarget::of(lb), owner: owner(lb), reason, because };
        match order.covers(lb) {
            Some(false) => continue,
            Some(true) => considered += 1,
            None => {
                considered += 1;
                let why = lb.owner.gap().map_or_else(String::new, |gap| format!(": {gap}"));
                skipped.push(skip(SkipReason::OwnerUnknown, format!("Its owner could not be read{why}")));
                continue;
            }
        }
        if let Some(because) = validity::outdated(report, lb, made, settings) {
            skipped.push(skip(SkipReason::Outdated, because));
            continue;
        }
        let insisted = order.insisted.get(&lb.arn).cloned().unwrap_or_default();
        let demand = || required(lb);
        match guard::decide(lb, verdicts.get(&lb.arn).copied(), &demand, order, insisted) {
            guard::GuardDecision::Already => already += 1,
            guard::GuardDecision::Skip(reason, because) => {
                skipped.push(skip(reason, because));
            }
            guard::GuardDecision::Patch { manager, from, to, reason } => {
                let (remedy, snippets) = patch(lb, to);
                let reason = with_idle(reason, idle.get(&lb.arn).copied());
                let (target, owner) = (ChangeTarget::of(lb), owner(lb));
                patches.push(Patch { target, owner, manager, from, to, reason, remedy, snippets });
            }
            guard::GuardDecision::Change(step) => {
                let reason = with_idle(step.reason.clone(), idle.get(&lb.arn).copied());
                let created = lb.created.filter(|_| lb.kind == Kind::Classic);
                steps.push(Step { observed: Some(validity::observed(report, lb)), created, reason, ..*step });
            }
        }
    }
    // Low risk first, then little traffic: early waves should affect as few users as possible.
    let weight = |step: &Step| (step.risk, step.effect.as_ref().map_or(u64::MAX, |effect| effect.requests));
    steps.sort_by(|a, b| weight(a).cmp(&weight(b)).then_with(|| a.target.arn.cmp(&b.target.arn)));
    let cap = settings.cap(steps.len());
    // Its effect is unknown, so one load balancer always comes first.
    let least = usize::from(order.goal == Goal::DropInvalidHeaders);
    let canary = settings.canary.max(least).min(cap);
    for (number, step) in steps.iter_mut().enumerate() {
        step.wave = wave(number, canary, cap);
    }
    let plan = Plan {
        format: FORMAT.to_owned(),
        id: String::new(),
        digest: String::new(),
        made,
        tool_version: report.run.tool_version.clone(),
        run: PlanRun {
            id: report.run.id.clone(),
            started: report.run.started,
            partition: Some(report.run.partition.clone()),
            account: Some(report.run.account.clone()),
            organization: report.organization.known().cloned(),
        },
        goal: order.goal,
        canary,
        cap,
        selection: order.criteria(),
        considered,
        already,
        steps,
        patches,
        skipped,
    };
    plan.sealed()
}

/// Load balancers without traffic, with the sentence of the finding: a stronger mode protects nothing there.
fn idle(report: &ScanReport) -> BTreeMap<&Arn, &str> {
    let fails = report.findings.iter().filter(|finding| finding.rule == IDLE_RULE);
    fails
        .filter(|finding| matches!(*finding.verdict, Verdict::Fail { .. } | Verdict::Excepted { .. }))
        .map(|finding| (&finding.load_balancer, finding.verdict.because()))
        .collect()
}

/// The reason of a step, which says that the load balancer is idle where it is.
fn with_idle(reason: String, idle: Option<&str>) -> String {
    match idle {
        None => reason,
        Some(because) => format!("{reason} It is idle: {because} Consider deleting it instead."),
    }
}

/// The wave of the load balancer with a number, from 0, in the order of the plan.
fn wave(number: usize, canary: usize, cap: usize) -> usize {
    if canary == 0 {
        1 + number / cap
    } else if number < canary {
        1
    } else {
        2 + (number - canary) / cap
    }
}

fn owner(lb: &LoadBalancer) -> Option<String> {
    match &lb.owner {
        Observed::Known(owner) => Some(owner.name.clone()),
        Observed::Absent => Some("unowned".to_owned()),
        Observed::Unread(_) => None,
    }
}

impl ChangeTarget {
    fn of(lb: &LoadBalancer) -> Self {
        Self {
            arn: lb.arn.clone(),
            kind: lb.kind,
            account: lb.account.clone(),
            region: lb.region.clone(),
            name: lb.name.clone(),
        }
    }
}
