//! The renderer of a delivery, made from settings, exceptions and policy.

use std::collections::BTreeMap;

use doorward_model::{Frameworks, LoadBalancer, Policy};
use doorward_rules::exceptions::Register;
use jiff::Timestamp;

use super::{Approval, Delivery, ExceptedAs, FindingRenderer};
use crate::PublishSettings;

/// Renders findings of the rules that apply to these load balancers; findings of other rules, from earlier scans, are left as they
/// are. `changes_elsewhere` is as in [`Register::rules`].
pub fn renderer(
    settings: &PublishSettings,
    register: &Register,
    frameworks: &Frameworks,
    policy: &Policy,
    load_balancers: &[LoadBalancer],
    changes_elsewhere: bool,
) -> FindingRenderer {
    let delivery = settings.central().map_or(Delivery::Member, Delivery::Central);
    let excepted = if settings.excepted_as_warning { ExceptedAs::Warning } else { ExceptedAs::Failed };
    let entries = register.entries(Timestamp::UNIX_EPOCH);
    let approvals: BTreeMap<String, Approval> = entries
        .into_iter()
        .map(|entry| {
            let exception = entry.exception;
            let approval = Approval { approver: exception.approver.clone(), reason: exception.reason.clone() };
            (exception.id.clone(), approval)
        })
        .collect();
    let asked = register.rules(load_balancers, changes_elsewhere, Timestamp::UNIX_EPOCH);
    let asked =
        |id: &str| asked.iter().any(|rule| rule.meta().id == id) && !policy.disabled.iter().any(|off| off == id);
    let rules: Vec<_> = doorward_rules::catalogue().iter().copied().filter(|meta| asked(meta.id)).collect();
    FindingRenderer::new(delivery, excepted, &rules, approvals)
        .raising_overdue(settings.overdue_raises)
        .mapped_to(frameworks.clone())
}
