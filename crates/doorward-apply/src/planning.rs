//! Plans by policy, with the texts to paste where code manages a load balancer.

use doorward_change::{ChangeSettings, Plan, PlanRequest, PlanSnippet, SettingValue, plan};
use doorward_model::{LoadBalancer, Policy, ScanReport};
use doorward_rules::Requirement;
use jiff::Timestamp;

/// Makes a plan by the policy that the scan was judged by.
pub fn make_plan(
    report: &ScanReport,
    policy: &Policy,
    request: &PlanRequest,
    settings: &ChangeSettings,
    made: Timestamp,
) -> Plan {
    let required = |lb: &LoadBalancer| Requirement::of(lb, policy).certain();
    plan(report, &required, &patch, request, settings, made)
}

/// How to set a mode in the code that manages a load balancer, as a sentence and as texts to paste. If code declares it and it has no
/// other sign of a manager, there is no text to paste: the declaration is to be changed.
fn patch(lb: &LoadBalancer, value: SettingValue) -> (String, Vec<PlanSnippet>) {
    let Some(mode) = value.mode() else { return (headers_patch(lb), Vec::new()) };
    let managed = lb.managed_by.known().is_some();
    let declared = lb.declared.as_deref().map(|declared| match declared.place() {
        Some(place) if !place.way.is_empty() => format!("It is declared at {place}. {} {mode}.", place.way),
        _ => format!("It is declared at {declared}. Set the mode to {mode} there."),
    });
    let remedy = match declared {
        Some(declared) if managed => format!("{declared} {}", doorward_rules::set_mode_instructions(lb, mode)),
        Some(declared) => return (declared, Vec::new()),
        None => doorward_rules::set_mode_instructions(lb, mode),
    };
    let snippets = doorward_sink_owners::snippets(lb, mode).into_iter().map(|snippet| PlanSnippet {
        dialect: snippet.dialect.to_owned(),
        language: snippet.language.to_owned(),
        code: snippet.code,
    });
    (remedy, snippets.collect())
}

/// How to have invalid header fields removed in the code that manages a load balancer.
fn headers_patch(lb: &LoadBalancer) -> String {
    match lb.declared.as_deref() {
        Some(declared) if lb.managed_by.known().is_none() => {
            format!("It is declared at {declared}. Set {} to true there.", doorward_model::DROP_INVALID)
        }
        _ => doorward_rules::drop_invalid_headers(lb),
    }
}
