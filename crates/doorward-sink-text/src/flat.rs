//! Load balancers in scalars, for queries: one string for each value, whether it is known or not. The exact values, with their gaps,
//! stand beside them.

use std::collections::BTreeMap;

use doorward_model::{
    Arn, DeadlineState, EffectiveMode, Finding, GapReason, HistoryContext, LoadBalancer, Mode, ModeTransition,
    Observed, ReportFilter, RequiredMode, ScanReport, Severity, VerdictKind,
};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

/// A value that could not be read.
pub(crate) const UNKNOWN: &str = "unknown";
/// A value that the load balancer cannot have.
pub(crate) const NOT_APPLICABLE: &str = "not-applicable";

/// A load balancer in scalars. `unknown` is a value that could not be read; it is never another value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FlatLoadBalancer {
    /// `monitor`, `defensive`, `strictest`; `absent` where AWS's response did not contain it; `unknown`; `not-applicable`.
    pub mode: &'static str,
    /// The same for load balancers whose mode has an effect, as every count of modes uses it: `unknown` includes what AWS did not
    /// return, and a classic load balancer without an HTTP listener is `not-applicable`.
    pub effective_mode: &'static str,
    /// The mode that the policy requires; `unknown` where that depends on a value that could not be read; `not-applicable`.
    pub required_mode: &'static str,
    /// When a scan first observed the current mode after another one, UTC: it was set no later. Null where that is not recorded.
    pub mode_since: Option<Timestamp>,
    /// The owner's name; `unowned`, `unknown`, or `not-asked` where no rule needs it.
    pub owner: String,
    /// The organizational unit as a path of names; `none` or `unknown`.
    pub ou: String,
    /// The name of the risk profile; `none`, `unknown`, or `not-applicable` where the mode has no effect.
    pub profile: String,
    /// Whether an open finding is past its deadline: `yes`; `no`; `unknown` where the begin of one is not known, a verdict is unknown,
    /// a failure was not observed now or findings are left out of this output; `not-applicable` where the policy has no deadlines.
    pub overdue: &'static str,
}

/// The input for the scalars besides the report. The default is empty, so required modes are unknown.
#[derive(Debug, Clone, Default)]
pub struct FlatContext {
    required: BTreeMap<Arn, RequiredMode>,
    modes: BTreeMap<Arn, (Option<Mode>, Timestamp)>,
    /// Load balancers of which that is not `no`; absent where the policy has no deadlines.
    overdue: Option<BTreeMap<Arn, &'static str>>,
    /// Whether findings of these load balancers are left out.
    is_partial: bool,
    /// The part of the report that is written, in words.
    pub(crate) filter: Option<String>,
}

impl FlatContext {
    /// The context of a report: the required mode of each load balancer that has one, and the changes of modes that the ledger knows.
    pub fn new(report: &ScanReport, required: BTreeMap<Arn, RequiredMode>, history: &HistoryContext) -> Self {
        let mut modes = BTreeMap::new();
        for ModeTransition { load_balancer, to, after, .. } in history.modes.iter().flatten() {
            // The oldest come first.
            modes.insert(load_balancer.clone(), (*to, after.at));
        }
        let overdue = report.tally.deadlines.map(|_| overdue(report));
        Self { required, modes, overdue, is_partial: false, filter: None }
    }

    /// The same for a part of a report.
    #[must_use]
    pub fn filtered(self, filter: Option<&ReportFilter>) -> Self {
        let is_partial = filter.is_some_and(ReportFilter::selects_findings);
        Self { filter: filter.map(ToString::to_string), is_partial, ..self }
    }

    /// The scalars of a load balancer.
    pub fn of(&self, lb: &LoadBalancer) -> FlatLoadBalancer {
        let effective = lb.effective_mode();
        let mode = match &lb.mode {
            _ if !lb.kind.can_parse_http() => NOT_APPLICABLE,
            Observed::Known(mode) => mode.as_str(),
            Observed::Absent => "absent",
            Observed::Unread(_) => UNKNOWN,
        };
        FlatLoadBalancer {
            mode,
            effective_mode: match effective {
                EffectiveMode::Known(mode) => mode.as_str(),
                EffectiveMode::Unknown => UNKNOWN,
                EffectiveMode::NoHttpListener | EffectiveMode::NotHttp => NOT_APPLICABLE,
            },
            required_mode: if effective.applies() {
                self.required.get(&lb.arn).and_then(RequiredMode::certain).map_or(UNKNOWN, Mode::as_str)
            } else {
                NOT_APPLICABLE
            },
            mode_since: self
                .modes
                .get(&lb.arn)
                .filter(|(to, _)| to.is_some() && to.as_ref() == lb.mode.known())
                .map(|(_, at)| *at),
            owner: match &lb.owner {
                Observed::Known(owner) => owner.name.clone(),
                Observed::Absent => "unowned".to_owned(),
                Observed::Unread(gap) if gap.reason == GapReason::NotAsked => "not-asked".to_owned(),
                Observed::Unread(_) => UNKNOWN.to_owned(),
            },
            ou: match &lb.ou {
                Observed::Known(ou) => ou.names.clone(),
                Observed::Absent => "none".to_owned(),
                Observed::Unread(_) => UNKNOWN.to_owned(),
            },
            profile: match &lb.policy {
                _ if !effective.applies() => NOT_APPLICABLE.to_owned(),
                Some(applied) => applied.profile_label().to_owned(),
                None => UNKNOWN.to_owned(),
            },
            overdue: match &self.overdue {
                None => NOT_APPLICABLE,
                Some(overdue) => overdue.get(&lb.arn).copied().unwrap_or(if self.is_partial { UNKNOWN } else { "no" }),
            },
        }
    }
}

/// The load balancers with a finding that is overdue, or for which this is not known.
fn overdue(report: &ScanReport) -> BTreeMap<Arn, &'static str> {
    let mut overdue = BTreeMap::new();
    for finding in &report.findings {
        // An informational failure and one under an exception have no deadline.
        let state = finding.deadline.as_ref().map(|deadline| deadline.state);
        let arn = || finding.load_balancer.clone();
        if state == Some(DeadlineState::Overdue) {
            overdue.insert(arn(), "yes");
        } else if state == Some(DeadlineState::Unknown)
            || finding.verdict.kind() == VerdictKind::Unknown
            || fails_unasked(finding)
        {
            overdue.entry(arn()).or_insert(UNKNOWN);
        }
    }
    // A failure that was not observed stands as it was last seen; under an exception it has no deadline.
    let unseen = report.unseen.iter().flat_map(|unseen| &unseen.findings);
    for finding in unseen.filter(|of| !of.excepted && of.severity != Some(Severity::Informational)) {
        overdue.entry(finding.load_balancer.clone()).or_insert(UNKNOWN);
    }
    overdue
}

/// Whether a finding failed when its rule was last asked, and was not asked now.
fn fails_unasked(finding: &Finding) -> bool {
    let is_open = finding.history.as_ref().is_some_and(|history| history.resolved.is_none());
    finding.verdict.kind() == VerdictKind::NotAsked && is_open
}

/// A load balancer with its scalars.
#[derive(Serialize, JsonSchema)]
pub struct QueriedLoadBalancer<'a> {
    /// The load balancer.
    #[serde(flatten)]
    pub load_balancer: &'a LoadBalancer,
    /// The same in scalars, for queries.
    pub flat: FlatLoadBalancer,
}

impl<'a> QueriedLoadBalancer<'a> {
    /// A load balancer with its scalars.
    pub fn of(load_balancer: &'a LoadBalancer, context: &FlatContext) -> Self {
        Self { load_balancer, flat: context.of(load_balancer) }
    }
}
