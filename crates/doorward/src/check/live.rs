//! A saved scan beside a declaration: what the declaration leaves as it is, is taken from there.

use std::collections::BTreeMap;
use std::path::Path;

use doorward_core::normalize::{NormalizeSettings, normalize};
use doorward_iac::{Action, Declared, Dialect, Subject};
use doorward_model::{Account, GapReason, LoadBalancer, Observed, PlaceholderIdentity};
use jiff::Timestamp;

use crate::exit::Failure;
use crate::saved;

/// The load balancers of a saved scan.
pub(super) struct Live {
    load_balancers: Vec<LoadBalancer>,
    accounts: BTreeMap<String, Account>,
    at: Timestamp,
}

/// Reads a saved scan.
pub(super) fn read(path: &Path, settings: &NormalizeSettings) -> Result<Live, Failure> {
    let (saved, _) = saved::read(path)?;
    let at = saved.inventory.run.started;
    let scan = normalize(saved.inventory, settings);
    let accounts = scan.accounts.into_iter().map(|account| (account.id.to_string(), account)).collect();
    Ok(Live { load_balancers: scan.load_balancers, accounts, at })
}

impl Live {
    /// Fills what a declaration leaves as it is from the one load balancer that it is about, if there is exactly one. The
    /// answer is the account that it is in.
    pub(super) fn join(&self, declared: &mut Declared) -> Option<Account> {
        if declared.action == Action::Create {
            return None;
        }
        let dialect = declared.dialect;
        let address = declared.address.clone();
        let Subject::LoadBalancer(lb) = &mut declared.subject else { return None };
        let known = lb.placeholder.as_deref().cloned().unwrap_or_default();
        let mut same = self.load_balancers.iter().filter(|live| is_same(lb, &known, live, dialect, &address));
        let (Some(live), None) = (same.next(), same.next()) else { return None };
        let taken = fill(&mut lb.mode, &live.mode);
        fill(&mut lb.drop_invalid_headers, &live.drop_invalid_headers);
        fill(&mut lb.waf_fail_open, &live.waf_fail_open);
        // Whether a delivery exists is what the scan looked for.
        let is_open = lb
            .access_logs
            .gap()
            .is_some_and(|gap| matches!(gap.reason, GapReason::KeepsLiveValue | GapReason::Undeclared));
        if is_open {
            lb.access_logs = live.access_logs.clone();
        }
        fill(&mut lb.scheme, &live.scheme);
        fill(&mut lb.listeners, &live.listeners);
        lb.arn = live.arn.clone();
        lb.account = live.account.clone();
        lb.region = live.region.clone();
        lb.name.clone_from(&live.name);
        lb.placeholder = None;
        if taken {
            let said = format!("as the scan of {} saw {}", self.at.strftime("%Y-%m-%d"), live.arn);
            declared.note = Some(match declared.note.take() {
                Some(note) => format!("{note}; {said}"),
                None => said,
            });
        }
        self.accounts.get(live.account.as_str()).cloned()
    }
}

/// Takes the live value where the declaration keeps it or says nothing. A value that the files refer to and do not hold stays
/// unknown: it may be another one.
fn fill<T: Clone>(value: &mut Observed<T>, live: &Observed<T>) -> bool {
    let kept = value.gap().is_some_and(|gap| matches!(gap.reason, GapReason::KeepsLiveValue | GapReason::Undeclared));
    if kept {
        *value = live.clone();
    }
    kept
}

fn is_same(
    lb: &LoadBalancer,
    open: &PlaceholderIdentity,
    live: &LoadBalancer,
    dialect: Dialect,
    address: &str,
) -> bool {
    if lb.kind != live.kind {
        return false;
    }
    if open.arn.is_none() {
        return lb.arn == live.arn;
    }
    let placed =
        (open.account.is_some() || lb.account == live.account) && (open.region.is_some() || lb.region == live.region);
    let tag = |key: &str| live.tags.known().and_then(|tags| tags.get(key)).map(String::as_str);
    let named = if open.name.is_none() {
        lb.name == live.name
    } else {
        match dialect {
            // CloudFormation and the controller leave their own names in tags.
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
