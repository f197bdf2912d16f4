//! `desync-mode-reverted`: the mode is weaker than the one that Doorward set.

use std::sync::Arc;

use doorward_model::{
    AppliedChange, ChangeStatus, Gap, GapReason, Kind, LoadBalancer, Mode, Policy, Rule, RuleMeta, Severity, Verdict,
    VerdictReason, is_ahead,
};

use crate::{preconditions, remediation};

/// The definition of the rule.
pub(crate) const META: RuleMeta = RuleMeta {
    id: "desync-mode-reverted",
    version: 1,
    title: "Desync mitigation mode was reverted after a change",
    severity: Severity::Medium,
    adjustments: &[],
    reasons: &[
        VerdictReason::ModeReverted,
        VerdictReason::ModeKept,
        VerdictReason::ModeRaisedSince,
        VerdictReason::ModeUnread,
        VerdictReason::ModeNotReported,
        VerdictReason::ListenersUnread,
        VerdictReason::ChangeUnsettled,
        VerdictReason::KindUnrecognized,
        VerdictReason::NotApplicableKind,
        VerdictReason::NotApplicableNoHttpListener,
        VerdictReason::NotApplicableNoChange,
        VerdictReason::NotApplicableChangeNotInEffect,
    ],
    what: "Is the mode of this load balancer still the one that Doorward's last change set, or a stronger one?",
    why: "Controllers, stacks and pipelines restore their own settings, some of them hours later. After an approved \
         change is reverted, the load balancer is as exposed as before, although the change is recorded as done.",
    evidence: "The change journal in the ledger, and the desync mitigation mode from DescribeLoadBalancerAttributes, read \
               after the change. A change that was refused or failed did not set the mode, so the change before it counts. \
               A change that was rolled back or superseded set nothing that could be reverted. While the result of a \
               change or of a roll-back is unknown, the verdict is unknown. The rule runs only if the journal contains \
               a change to a load balancer of the scan.",
    remediation: "Find the author of the ModifyLoadBalancerAttributes call in CloudTrail, set the mode in the tool \
         that manages the load balancer, and then make the change again.",
    references: &[
        "https://docs.aws.amazon.com/elasticloadbalancing/latest/userguide/cloudtrail-logs.html",
        "https://docs.aws.amazon.com/awscloudtrail/latest/userguide/view-cloudtrail-events.html",
        "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-load-balancer-attributes.html#desync-mitigation-mode",
    ],
};

/// See [`META`].
pub(crate) struct DesyncModeReverted;

impl Rule for DesyncModeReverted {
    fn meta(&self) -> &'static RuleMeta {
        &META
    }

    /// Without a change to any load balancer every verdict would be "not applicable"; without the journal that would be wrong,
    /// because it would resolve earlier findings.
    fn is_asked(&self, load_balancers: &[LoadBalancer], changed: bool) -> bool {
        changed || load_balancers.iter().any(|lb| !lb.changes.is_empty())
    }

    fn judge(&self, lb: &LoadBalancer, _policy: &Policy) -> Verdict {
        let change = match change_in_effect(lb) {
            Ok(change) => change,
            Err(verdict) => return verdict,
        };
        let seen = match preconditions::mode(lb) {
            Ok(seen) => seen,
            Err(verdict) => return verdict,
        };
        let (mode, left) = (seen.mode, left(change));
        match seen.listeners {
            _ if mode == change.to => {
                Verdict::Pass { reason: VerdictReason::ModeKept, because: format!("{left}, and it is unchanged.") }
            }
            _ if mode > change.to => Verdict::Pass {
                reason: VerdictReason::ModeRaisedSince,
                because: format!("{left}; another change has raised it to {mode} since."),
            },
            None => {
                let reason = VerdictReason::ModeReverted;
                Verdict::Fail {
                    reason,
                    because: format!("{left}; it is {mode} {}.", if mode == change.from { "again" } else { "now" }),
                    severity: META.severity_of(reason, lb),
                    remedy: remedy(lb, change.to),
                }
            }
            Some(gap) => Verdict::Unknown {
                reason: VerdictReason::ListenersUnread,
                because: format!(
                    "{left}; it is {mode} now, but it is not known whether any listener uses HTTP: {gap}."
                ),
                gaps: vec![gap],
            },
        }
    }
}

/// The change whose mode should still be set. The error is the verdict where there is none.
fn change_in_effect(lb: &LoadBalancer) -> Result<&AppliedChange, Verdict> {
    let read = lb.evidence.as_ref().map(|evidence| evidence.at);
    // A mode that was read before a change is no evidence of its effect.
    let happened = |change: &&AppliedChange| read.is_none_or(|read| change.at <= read);
    // A change that was refused or failed did not set the mode, so the change before it counts.
    let set = |change: &&AppliedChange| {
        !matches!(change.status, ChangeStatus::Refused | ChangeStatus::Failed | ChangeStatus::RestoreRefused)
    };
    let own = |change: &&AppliedChange| !is_of_another(lb, change);
    let Some(change) = lb.changes.iter().rev().filter(happened).filter(own).find(set) else {
        let because = if lb.changes.is_empty() {
            "Doorward has not changed its mode."
        } else if lb.changes.iter().filter(happened).any(|change| is_of_another(lb, change)) {
            "Doorward has changed the mode of an earlier load balancer of the same name, but not of this one."
        } else {
            "When the mode was read, Doorward had not changed its mode."
        };
        let because = because.to_owned();
        return Err(Verdict::NotApplicable { reason: VerdictReason::NotApplicableNoChange, because });
    };
    match change.status {
        ChangeStatus::Changed | ChangeStatus::Already => Ok(change),
        status @ (ChangeStatus::Unsure | ChangeStatus::RestoreFailed) => {
            let settle = if status == ChangeStatus::Unsure { "apply its plan again" } else { "roll it back again" };
            let because =
                format!("The status of change {} to {} is: {status}; {settle} to settle it.", change.change, change.to);
            let gap = Gap::new(GapReason::Interrupted, "elasticloadbalancing:ModifyLoadBalancerAttributes");
            let gaps = vec![Arc::new(gap.with_message(because.clone()))];
            Err(Verdict::Unknown { reason: VerdictReason::ChangeUnsettled, because, gaps })
        }
        status => Err(Verdict::NotApplicable {
            reason: VerdictReason::NotApplicableChangeNotInEffect,
            because: format!(
                "The status of change {} to {} is: {status}. Only a mode that a change set can be reverted.",
                change.change, change.to
            ),
        }),
    }
}

/// Whether a change was of a deleted load balancer of the same name: only the ARN of a classic one is used again.
fn is_of_another(lb: &LoadBalancer, change: &AppliedChange) -> bool {
    lb.kind == Kind::Classic && lb.created.is_some_and(|created| is_ahead(created, change.at))
}

/// The effect of the change, as the beginning of a sentence.
fn left(change: &AppliedChange) -> String {
    let AppliedChange { change: id, at, to, by, status, .. } = change;
    let did = if *status == ChangeStatus::Already { "found the mode to be" } else { "set the mode to" };
    format!("Change {id}, approved by {by}, {did} {to} on {}", at.strftime("%Y-%m-%d at %H:%M UTC"))
}

fn remedy(lb: &LoadBalancer, to: Mode) -> String {
    format!(
        "A controller, a stack, a script or a person reverted it; the ModifyLoadBalancerAttributes events of CloudTrail in \
         {} name the author. {}",
        lb.region,
        remediation::set_mode_instructions(lb, to)
    )
}
