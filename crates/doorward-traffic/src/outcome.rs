//! What became of one request, by its log line.

use crate::line::Line;
use crate::tally::AnsweredKind;

/// Statuses by which a load balancer says that the request did not end: the client closed the connection, or was too slow.
const UNFINISHED: &[&[u8; 3]] = &[b"460", b"408"];
/// The status of a firewall's CAPTCHA: a person who solves it is served afterwards.
const CAPTCHA: &[&[u8; 3]] = &[b"405"];
/// The status of a rule for logins that refuses requests of clients that have not signed in, instead of redirecting them.
const SIGN_IN_FIRST: &[&[u8; 3]] = &[b"401"];
/// Statuses that refuse the client: every other one of 401 to 499 may be the answer to a legitimate request.
const DENIED: &[&[u8; 3]] = &[b"400", b"403"];

/// What stands in the place of the actions where there were none.
const NO_ACTION: &[u8] = b"-";
/// The actions that AWS documents for access logs. How a load balancer refuses requests by others is unknown: the validation of JSON Web
/// Tokens, for example, refuses clients that have not signed in, and its name in access logs is not documented.
const ACTIONS: [&[u8]; 7] =
    [NO_ACTION, b"authenticate", b"fixed-response", b"forward", b"redirect", FIREWALL, b"waf-failed"];

/// The actions of a request that a firewall answered.
const FIREWALL: &[u8] = b"waf";

/// Who answered a request.
pub(crate) fn by(line: &Line<'_>) -> AnsweredKind {
    match (line.target_status.family(), line.status.family()) {
        (Some(..=3), _) => AnsweredKind::Served,
        (Some(4), _) => AnsweredKind::Refused,
        (Some(_), _) => AnsweredKind::Failed,
        (None, Some(..=3)) if is_login(line.actions) => AnsweredKind::Login,
        (None, Some(..=3)) => AnsweredKind::Answered,
        (None, Some(4)) if line.status.is_one_of(SIGN_IN_FIRST) && is_login(line.actions) => AnsweredKind::Login,
        // A mode blocks a request before any action.
        (None, Some(4)) if line.status.is_400() && line.actions == NO_ACTION => AnsweredKind::Blocked,
        // After an action, only a rule or a firewall refuses a request; the others end by a fault, or for a reason that is unknown.
        (None, Some(4)) if line.status.is_400() && !is_answer_of_rule(line.actions) => AnsweredKind::Unanswered,
        (None, Some(4)) if !are_known(line.actions) => AnsweredKind::Unanswered,
        (None, Some(4)) if line.actions == FIREWALL && line.status.is_one_of(CAPTCHA) => AnsweredKind::Unanswered,
        (None, Some(4)) if !line.status.is_one_of(UNFINISHED) => AnsweredKind::LoadBalancer,
        (None, _) => AnsweredKind::Unanswered,
    }
}

fn is_login(actions: &[u8]) -> bool {
    memchr::memmem::find(actions, b"authenticate").is_some()
}

/// Whether all actions are documented. The field is empty where a count elsewhere did not keep them.
fn are_known(actions: &[u8]) -> bool {
    actions.split(|byte| *byte == b',').all(|action| action.is_empty() || ACTIONS.contains(&action))
}

fn is_answer_of_rule(actions: &[u8]) -> bool {
    actions == FIREWALL || memchr::memmem::find(actions, b"fixed-response").is_some()
}

/// Whether the status refuses the client, rather than answers the request.
pub(crate) fn is_denied(line: &Line<'_>) -> bool {
    line.status.is_one_of(DENIED) || (line.target_status.family().is_none() && line.actions == FIREWALL)
}
