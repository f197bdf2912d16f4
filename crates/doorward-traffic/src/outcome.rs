//! What became of one request, by its log line.

use crate::line::Line;
use crate::tally::By;

/// Statuses by which a load balancer says that the request did not end: the client closed the connection, or was too slow.
const UNFINISHED: &[&[u8; 3]] = &[b"460", b"408"];
/// The status of a firewall's CAPTCHA: a person who solves it is served afterwards.
const CAPTCHA: &[&[u8; 3]] = &[b"405"];
/// The status of a rule for logins that refuses requests of clients that have not signed in, instead of redirecting them.
const SIGN_IN_FIRST: &[&[u8; 3]] = &[b"401"];
/// Statuses that refuse the client: every other one of 401 to 499 may be the answer to a legitimate request.
const DENIED: &[&[u8; 3]] = &[b"400", b"403"];

/// The actions of a request that a firewall answered.
const FIREWALL: &[u8] = b"waf";

/// Who answered a request.
pub(crate) fn by(line: &Line<'_>) -> By {
    match (line.target_status.family(), line.status.family()) {
        (Some(..=3), _) => By::Served,
        (Some(4), _) => By::Refused,
        (Some(_), _) => By::Failed,
        (None, Some(..=3)) if is_login(line.actions) => By::Login,
        (None, Some(..=3)) => By::Answered,
        (None, Some(4)) if line.status.is_one_of(SIGN_IN_FIRST) && is_login(line.actions) => By::Login,
        // A mode blocks a request before it gets to a rule or a firewall.
        (None, Some(4)) if line.status.is_400() && !is_answer_of_rule(line.actions) => By::Blocked,
        (None, Some(4)) if line.actions == FIREWALL && line.status.is_one_of(CAPTCHA) => By::Unanswered,
        (None, Some(4)) if !line.status.is_one_of(UNFINISHED) => By::LoadBalancer,
        (None, _) => By::Unanswered,
    }
}

fn is_login(actions: &[u8]) -> bool {
    memchr::memmem::find(actions, b"authenticate").is_some()
}

fn is_answer_of_rule(actions: &[u8]) -> bool {
    actions == FIREWALL || memchr::memmem::find(actions, b"fixed-response").is_some()
}

/// Whether the status refuses the client, rather than answers the request.
pub(crate) fn is_denied(line: &Line<'_>) -> bool {
    line.status.is_one_of(DENIED) || (line.target_status.family().is_none() && line.actions == FIREWALL)
}
