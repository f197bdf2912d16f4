//! The plan: what will be changed, in which order and why; what will not, and why not. Pure, and reviewed by people.

use std::collections::BTreeMap;

use doorward_model::{AccountId, Arn, LoadBalancer, Mode, Observed, Region, ScanReport, Verdict};
use jiff::Timestamp;

use crate::ChangeSettings;

mod canonical;
mod digest;
mod document;
mod guard;
mod term;

pub use document::{
    Effect, Goal, Insistence, Patch, Plan, PlanError, PlanRun, Risk, Skip, SkipReason, Snippet, Step, Target,
};
use document::{FORMAT, wave};
pub(crate) use guard::still_allowed;
pub use term::Home;

/// The rule whose verdict says what policy makes of a load balancer.
pub const RULE: &str = "desync-mode-below-required";

/// What a plan is asked for. Empty lists mean all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanOrder {
    /// The goal.
    pub goal: Goal,
    /// Owners, by name without regard to case.
    pub owners: Vec<String>,
    /// Accounts.
    pub accounts: Vec<AccountId>,
    /// Regions.
    pub regions: Vec<Region>,
    /// Load balancers.
    pub balancers: Vec<Arn>,
    /// Whether a mode may also be lowered.
    pub lower: bool,
    /// What people insist on, by load balancer.
    pub insisted: BTreeMap<Arn, Insistence>,
}

/// How to write the intended mode where a load balancer is managed: a sentence, and texts to paste.
pub type PatchFor<'a> = &'a dyn Fn(&LoadBalancer, Mode) -> (String, Vec<Snippet>);

/// Makes a plan. `required` is the mode that policy demands, where that is certain; `patch` writes one for a manager.
pub fn plan(
    report: &ScanReport,
    required: &dyn Fn(&LoadBalancer) -> Option<Mode>,
    patch: PatchFor<'_>,
    order: &PlanOrder,
    settings: &ChangeSettings,
    made: Timestamp,
) -> Plan {
    let verdicts: BTreeMap<&Arn, &Verdict> =
        report.findings.iter().filter(|f| f.rule == RULE).map(|f| (&f.load_balancer, &f.verdict)).collect();
    let (mut considered, mut already) = (0, 0);
    let (mut steps, mut patches, mut skipped) = (Vec::new(), Vec::new(), Vec::new());
    for lb in report.load_balancers.iter().filter(|lb| lb.kind.can_parse_http() && order.covers(lb)) {
        considered += 1;
        if let Some(because) = term::outdated(report, lb, made, settings) {
            skipped.push(Skip { target: Target::of(lb), owner: owner(lb), reason: SkipReason::Outdated, because });
            continue;
        }
        let insisted = order.insisted.get(&lb.arn).cloned().unwrap_or_default();
        let demand = || required(lb);
        match guard::decide(lb, verdicts.get(&lb.arn).copied(), &demand, order, insisted) {
            guard::Decision::Already => already += 1,
            guard::Decision::Skip(reason, because) => {
                skipped.push(Skip { target: Target::of(lb), owner: owner(lb), reason, because });
            }
            guard::Decision::Patch { manager, from, to, reason } => {
                let (remedy, snippets) = patch(lb, to);
                let (target, owner) = (Target::of(lb), owner(lb));
                patches.push(Patch { target, owner, manager, from, to, reason, remedy, snippets });
            }
            guard::Decision::Change(step) => {
                steps.push(Step { observed: Some(term::observed(report, lb)), ..*step });
            }
        }
    }
    // The ones that can hurt least go first, and of those the ones with the least traffic.
    let weight = |step: &Step| (step.risk, step.effect.as_ref().map_or(u64::MAX, |effect| effect.requests));
    steps.sort_by(|a, b| weight(a).cmp(&weight(b)).then_with(|| a.target.arn.cmp(&b.target.arn)));
    let cap = settings.cap(steps.len());
    let canary = settings.canary.min(cap);
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
        considered,
        already,
        steps,
        patches,
        skipped,
    };
    plan.sealed()
}

fn owner(lb: &LoadBalancer) -> Option<String> {
    match &lb.owner {
        Observed::Known(owner) => Some(owner.name.clone()),
        Observed::Absent => Some("unowned".to_owned()),
        Observed::Unread(_) => None,
    }
}

impl Target {
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

impl PlanOrder {
    /// An order for all load balancers.
    pub fn new(goal: Goal) -> Self {
        Self {
            goal,
            owners: Vec::new(),
            accounts: Vec::new(),
            regions: Vec::new(),
            balancers: Vec::new(),
            lower: false,
            insisted: BTreeMap::new(),
        }
    }

    fn covers(&self, lb: &LoadBalancer) -> bool {
        let owner = || owner(lb).is_some_and(|owner| self.owners.iter().any(|one| one.eq_ignore_ascii_case(&owner)));
        (self.owners.is_empty() || owner())
            && (self.accounts.is_empty() || self.accounts.contains(&lb.account))
            && (self.regions.is_empty() || self.regions.contains(&lb.region))
            && (self.balancers.is_empty() || self.balancers.contains(&lb.arn))
    }
}
