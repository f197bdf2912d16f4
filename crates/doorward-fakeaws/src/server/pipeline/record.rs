//! What the call log keeps of a request, spoiled answers included.

use jiff::Timestamp;

use super::super::state::State;
use super::{Identified, iam_action};
use crate::calls::{CallDetail, CallRecord};
use crate::faults::What;
use crate::reply::Reply;
use crate::service::Deed;

/// Keeps a call with what became of it, or only counts it.
pub(super) fn record(
    state: &State,
    sequence: u64,
    request_id: &str,
    now: Timestamp,
    identified: &Identified<'_>,
    reply: &Reply,
    spoil: Option<&What>,
) {
    let outcome = match spoil {
        None => reply.outcome.clone(),
        Some(What::Form(form)) => format!("fault:{}", form.name()),
        Some(what) => spoiled_outcome(what).to_owned(),
    };
    if state.calls.detail() == CallDetail::Counts {
        state.calls.count(sequence, identified.service.label, &identified.action, &outcome);
        return;
    }
    let status = match spoil {
        Some(What::Reset | What::BlackHole | What::LostAnswer) => 0,
        Some(What::ServerError(status) | What::ErrorAfter(status)) => *status,
        _ => reply.status,
    };
    let record = CallRecord {
        sequence,
        time: now,
        account: identified.account.to_owned(),
        region: identified.scope.region.clone(),
        service: identified.service.label.to_owned(),
        action: identified.action.clone(),
        resource: if identified.resources.is_empty() { "*".to_owned() } else { identified.resources.join(",") },
        iam_action: iam_action(identified),
        outcome,
        status,
        access_key: identified.scope.access_key.clone(),
        request_id: request_id.to_owned(),
    };
    state.calls.keep(record.clone());
    state.run_hook(&record);
}

/// Keeps what a service did in the caller's name, each as a call of its own.
pub(super) fn record_deeds(
    state: &State,
    request_id: &str,
    now: Timestamp,
    identified: &Identified<'_>,
    deeds: Vec<Deed>,
) {
    for deed in deeds {
        let outcome = if deed.allowed { "ok" } else { "AccessDenied" };
        let (service, action) = deed.action.split_once(':').unwrap_or(("", deed.action));
        let sequence = state.next_sequence();
        if state.calls.detail() == CallDetail::Counts {
            state.calls.count(sequence, service, action, outcome);
            continue;
        }
        state.calls.keep(CallRecord {
            sequence,
            time: now,
            account: identified.account.to_owned(),
            region: identified.scope.region.clone(),
            service: service.to_owned(),
            action: action.to_owned(),
            resource: deed.resource,
            iam_action: deed.action.to_owned(),
            outcome: outcome.to_owned(),
            status: if deed.allowed { 200 } else { 403 },
            access_key: identified.scope.access_key.clone(),
            request_id: request_id.to_owned(),
        });
    }
}

fn spoiled_outcome(what: &What) -> &'static str {
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
