//! `desync-mode-reverted`: Doorward changed the mode, and it is not what Doorward left.

use doorward_model::{AppliedChange, ChangeStatus, LoadBalancer, Mode, Policy, Rule, RuleMeta, Severity, Verdict};

use crate::{dialect, reading};

/// What the rule says of itself.
pub(crate) const META: RuleMeta = RuleMeta {
    id: "desync-mode-reverted",
    version: 1,
    title: "Desync mitigation mode was set back after a change",
    severity: Severity::Medium,
    what: "Is this load balancer still in the mode that Doorward's last change left it in, or in a stronger one?",
    why: "Controllers, stacks and pipelines write their own settings back, some of them hours later. A change that somebody \
          approved and that does not last leaves the load balancer as exposed as before, while everybody believes it is \
          mended.",
    evidence: "The change journal in the ledger, and the desync mitigation mode from DescribeLoadBalancerAttributes, read \
               after the change. A change that was refused set nothing, so the one before it counts; one that was rolled \
               back, failed or was overtaken left nothing to be set back. The rule runs only where the journal has a change \
               of a load balancer of the scan.",
    remediation: "Find out in CloudTrail whose ModifyLoadBalancerAttributes it was, set the mode where the load balancer is \
                  managed, and only then change it again.",
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

    fn judge(&self, lb: &LoadBalancer, _policy: &Policy) -> Verdict {
        let change = match standing(lb) {
            Ok(change) => change,
            Err(because) => return Verdict::NotApplicable { because },
        };
        let seen = match reading::mode(lb) {
            Ok(seen) => seen,
            Err(verdict) => return verdict,
        };
        let (mode, left) = (seen.mode, left(change));
        match seen.listeners {
            _ if mode == change.to => Verdict::Pass { because: format!("{left}, and it still is.") },
            _ if mode > change.to => {
                Verdict::Pass { because: format!("{left}; something else has made it stronger since: {mode}.") }
            }
            None => Verdict::Fail {
                because: format!("{left}; it is {mode} {}.", if mode == change.from { "again" } else { "now" }),
                severity: META.severity,
                remedy: remedy(lb, change.to),
            },
            Some(gap) => Verdict::Unknown {
                because: format!(
                    "{left}; it is {mode} now, but whether any listener speaks HTTP could not be read: {gap}."
                ),
                gaps: vec![gap],
            },
        }
    }
}

/// The change whose mode should still be there. The error says why there is none.
fn standing(lb: &LoadBalancer) -> Result<&AppliedChange, String> {
    let read = lb.evidence.as_ref().map(|evidence| evidence.at);
    // A mode that was read before a change says nothing about what became of it.
    let happened = |change: &&AppliedChange| read.is_none_or(|read| change.at <= read);
    // What was refused set nothing: the change before it is the one that counts.
    let set = |change: &&AppliedChange| !matches!(change.status, ChangeStatus::Refused | ChangeStatus::RestoreRefused);
    let Some(change) = lb.changes.iter().rev().filter(happened).find(set) else {
        let when = if lb.changes.is_empty() { "Doorward has" } else { "By the time it was read, Doorward had" };
        return Err(format!("{when} not changed its mode."));
    };
    match change.status {
        ChangeStatus::Changed | ChangeStatus::Already => Ok(change),
        status => Err(format!(
            "Change {} to {} stands at: {status}. Only a mode that a change is known to have left can be set back.",
            change.change, change.to
        )),
    }
}

/// What the change left, as the beginning of a sentence.
fn left(change: &AppliedChange) -> String {
    let AppliedChange { change: id, at, to, by, status, .. } = change;
    let did = if *status == ChangeStatus::Already { "found the mode to be" } else { "set the mode to" };
    format!("Change {id}, approved by {by}, {did} {to} on {}", at.strftime("%Y-%m-%d at %H:%M UTC"))
}

fn remedy(lb: &LoadBalancer, to: Mode) -> String {
    format!(
        "A controller, a stack, a script or a person set it back; CloudTrail's ModifyLoadBalancerAttributes in {} says \
         which. {}",
        lb.region,
        dialect::set_mode(lb, to)
    )
}
