//! The call log's record of a request, including responses that a fault changed.

use jiff::Timestamp;

use super::super::state::State;
use super::{Identified, iam_action};
use crate::calls::CallRecord;
use crate::faults::What;
use crate::reply::Reply;
use crate::service::DelegatedCall;

/// Keeps a call with its outcome, or only counts it.
pub(super) fn record(
    state: &State,
    sequence: u64,
    request_id: &str,
    now: Timestamp,
    identified: &Identified<'_>,
    reply: &Reply,
    fault: Option<&What>,
) {
    let outcome = match fault {
        None => reply.outcome.clone(),
        Some(What::Form(form)) => format!("fault:{}", form.name()),
        Some(what) => fault_outcome(what).to_owned(),
    };
    let status = match fault {
        Some(What::Reset | What::BlackHole | What::LostAnswer) => 0,
        Some(What::ServerError(status) | What::ErrorAfter(status)) => *status,
        _ => reply.status,
    };
    let (service, action) = (identified.service.label, identified.action.as_str());
    let record = state.calls.add(sequence, (service, action, &outcome), || CallRecord {
        sequence,
        time: now,
        account: identified.account.to_owned(),
        region: identified.scope.region.clone(),
        service: service.to_owned(),
        action: action.to_owned(),
        resource: if identified.resources.is_empty() { "*".to_owned() } else { identified.resources.join(",") },
        iam_action: iam_action(identified),
        outcome: outcome.clone(),
        status,
        access_key: identified.scope.access_key.clone(),
        request_id: request_id.to_owned(),
    });
    if let Some(record) = record {
        state.run_hook(&record);
    }
}

/// Keeps the calls that a service made on behalf of its caller, each as a record of its own.
pub(super) fn record_delegated(
    state: &State,
    request_id: &str,
    now: Timestamp,
    identified: &Identified<'_>,
    delegated_calls: Vec<DelegatedCall>,
) {
    for call in delegated_calls {
        let outcome = if call.allowed { "ok" } else { "AccessDenied" };
        let (service, action) = call.action.split_once(':').unwrap_or(("", call.action));
        let sequence = state.next_sequence();
        state.calls.add(sequence, (service, action, outcome), || CallRecord {
            sequence,
            time: now,
            account: identified.account.to_owned(),
            region: identified.scope.region.clone(),
            service: service.to_owned(),
            action: action.to_owned(),
            resource: call.resource,
            iam_action: call.action.to_owned(),
            outcome: outcome.to_owned(),
            status: if call.allowed { 200 } else { 403 },
            access_key: identified.scope.access_key.clone(),
            request_id: request_id.to_owned(),
        });
    }
}

fn fault_outcome(what: &What) -> &'static str {
    match what {
        What::ServerError(_) => "fault:server_error",
        What::ErrorAfter(_) => "fault:error_after",
        What::Reset => "fault:reset",
        What::LostAnswer => "fault:lost_answer",
        What::HalfClose(_) => "fault:half_close",
        What::BlackHole => "fault:black_hole",
        What::SlowDrip { .. } => "fault:slow_drip",
        What::Truncated(_) => "fault:truncated",
        What::Malformed => "fault:malformed",
        What::EmptyBody => "fault:empty_body",
        _ => "fault",
    }
}
