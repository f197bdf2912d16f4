//! What became of one request, by its log line.

use crate::line::Line;
use crate::tally::By;

/// Statuses by which a load balancer says that the client closed the connection.
const CLIENT_CLOSED: &[&[u8; 3]] = &[b"460"];
/// Statuses that refuse the client: every other one of 401 to 499 may be the answer to a legitimate request.
const DENIED: &[&[u8; 3]] = &[b"400", b"403"];

/// Who answered a request.
pub(crate) fn by(line: &Line<'_>) -> By {
    match (line.target_status.family(), line.status.family()) {
        (Some(..=3), _) => By::Served,
        (Some(4), _) => By::Refused,
        (Some(_), _) => By::Failed,
        (None, Some(..=3)) if memchr::memmem::find(line.actions, b"authenticate").is_some() => By::Login,
        (None, Some(..=3)) => By::Answered,
        // A mode blocks a request before it gets to a rule or a firewall.
        (None, Some(4)) if line.status.is_400() && !is_answer_of_rule(line.actions) => By::Blocked,
        (None, Some(4)) if !line.status.is_one_of(CLIENT_CLOSED) => By::LoadBalancer,
        (None, _) => By::Unanswered,
    }
}

fn is_answer_of_rule(actions: &[u8]) -> bool {
    actions == b"waf" || memchr::memmem::find(actions, b"fixed-response").is_some()
}

/// Whether the status refuses the client, rather than answers the request.
pub(crate) fn is_denied(line: &Line<'_>) -> bool {
    line.status.is_one_of(DENIED) || line.actions == b"waf"
}
