//! `--scan`: the values that a declaration leaves unchanged, taken from a saved scan.

use std::collections::BTreeMap;

use doorward_core::normalize::{NormalizeSettings, normalize};
use doorward_iac::{Action, Declared, Dialect, Subject};
use doorward_model::{Account, GapReason, Inventory, LoadBalancer, Observed, PlaceholderIdentity};
use jiff::Timestamp;

/// The load balancers of a saved scan.
pub struct LiveScan {
    load_balancers: Vec<LoadBalancer>,
    accounts: BTreeMap<String, Account>,
    started: Timestamp,
}

impl LiveScan {
    /// The load balancers of an inventory.
    pub fn new(inventory: Inventory, settings: &NormalizeSettings) -> Self {
        let scan = normalize(inventory, settings);
        let accounts = scan.accounts.into_iter().map(|account| (account.id.to_string(), account)).collect();
        Self { load_balancers: scan.load_balancers, accounts, started: scan.run.started }
    }

    /// Completes a declaration with the values of its load balancer, if exactly one in the scan matches. Returns the
    /// account of that load balancer.
    pub(crate) fn complete(&self, declared: &mut Declared) -> Option<Account> {
        if declared.action == Action::Create {
            return None;
        }
        let dialect = declared.dialect;
        let address = declared.address.clone();
        let Declared { subject: Subject::LoadBalancer(lb), outcomes, note, .. } = declared else { return None };
        let undecided = lb.placeholder.as_deref().cloned().unwrap_or_default();
        let mut same = self.load_balancers.iter().filter(|live| is_same(lb, &undecided, live, dialect, &address));
        let (Some(live), None) = (same.next(), same.next()) else { return None };
        let mut is_taken = take(lb, live);
        // A possible value that leaves the attribute as it is leaves it as the scan saw it.
        for outcome in outcomes.iter_mut().filter(|outcome| outcome.kind == live.kind) {
            is_taken |= take(outcome, live);
        }
        if is_taken {
            let source = format!("as the scan of {} observed on {}", self.started.strftime("%Y-%m-%d"), live.arn);
            *note = Some(match note.take() {
                Some(note) => format!("{note}; {source}"),
                None => source,
            });
        }
        self.accounts.get(live.account.as_str()).cloned()
    }
}

/// Completes a load balancer with the values of the live one. Returns whether its mode was taken.
fn take(lb: &mut LoadBalancer, live: &LoadBalancer) -> bool {
    let is_taken = fill(&mut lb.mode, &live.mode);
    fill(&mut lb.drop_invalid_headers, &live.drop_invalid_headers);
    fill(&mut lb.waf_fail_open, &live.waf_fail_open);
    // A declaration cannot show log deliveries of CloudWatch Logs. The scan has read them.
    let is_open =
        lb.access_logs.gap().is_some_and(|gap| matches!(gap.reason, GapReason::KeepsLiveValue | GapReason::Undeclared));
    if is_open {
        lb.access_logs = live.access_logs.clone();
    }
    fill(&mut lb.scheme, &live.scheme);
    // Declared target groups are recorded only if they are a finding.
    if lb.target_groups.known().is_none() {
        lb.target_groups = live.target_groups.clone();
    }
    // The load balancers in front of it are other declarations: what was scanned counts while the scheme stays.
    if lb.scheme == live.scheme {
        lb.reachability = live.reachability.clone();
    }
    fill(&mut lb.listeners, &live.listeners);
    lb.arn = live.arn.clone();
    lb.account = live.account.clone();
    lb.region = live.region.clone();
    lb.name.clone_from(&live.name);
    lb.placeholder = None;
    is_taken
}

/// Takes the live value where the declaration keeps it or does not set it. A value that the files reference and do not
/// contain stays unknown, because deployment may resolve it to another one.
fn fill<T: Clone>(value: &mut Observed<T>, live: &Observed<T>) -> bool {
    let kept = value.gap().is_some_and(|gap| matches!(gap.reason, GapReason::KeepsLiveValue | GapReason::Undeclared));
    if kept {
        *value = live.clone();
    }
    kept
}

/// Whether a declaration, parts of whose identity may be undecided, is the declaration of this load balancer.
fn is_same(
    lb: &LoadBalancer,
    undecided: &PlaceholderIdentity,
    live: &LoadBalancer,
    dialect: Dialect,
    address: &str,
) -> bool {
    if lb.kind != live.kind {
        return false;
    }
    if undecided.arn.is_none() {
        return lb.arn == live.arn;
    }
    let placed = (undecided.account.is_some() || lb.account == live.account)
        && (undecided.region.is_some() || lb.region == live.region);
    let tag = |key: &str| live.tags.known().and_then(|tags| tags.get(key));
    let named = if undecided.name.is_none() {
        lb.name == live.name
    } else {
        match dialect {
            // CloudFormation and the AWS Load Balancer Controller record the declaration in tags.
            Dialect::CloudFormation => {
                tag("aws:cloudformation:logical-id").is_some_and(|id| address.rsplit('.').next() == Some(id))
            }
            Dialect::Kubernetes => {
                let stack = tag("ingress.k8s.aws/stack").or_else(|| tag("gateway.k8s.aws/stack"));
                stack.is_some_and(|stack| address.split(' ').nth(1) == Some(stack))
            }
            _ => false,
        }
    };
    placed && named
}
