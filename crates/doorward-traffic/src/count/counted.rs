//! What a line adds to the counts of its hour and its client, and how fields are recognized without the full parser.

use super::SAMPLE;
use crate::line::{Line, Status, address};
use crate::outcome::is_denied;
use crate::protected::ProtectedClients;
use crate::request_origin::{domain, excerpt, shape};
use crate::tally::{AnsweredKind, Cause, Client, ClientTally, HourTally, LoadBalancerTally, RequestExample};

/// Of user agents and paths this much is kept.
const TEXT: usize = 200;
/// Marks requests for which no target group was chosen.
pub(super) const UNROUTED: u8 = 0x80;
/// The text in the place of the target group's ARN if no target group was chosen.
pub(super) const NO_TARGET_GROUP: &[u8] = b"-";

/// Whether the target's status is `-` or has three digits, given its first byte and what follows.
#[inline]
pub(super) fn is_status(first: u8, rest: &[u8]) -> bool {
    matches!((first, rest), (b'-', [b' ', ..]) | (b'1'..=b'9', [b'0'..=b'9', b'0'..=b'9', b' ', ..]))
}

/// The length of the address in a client: up to its last colon, which stands at most five digits before the end.
#[inline]
pub(super) fn before_port(client: &[u8]) -> usize {
    let end = client.iter().rev().take(6).position(|byte| *byte == b':');
    end.map_or_else(|| address(client).len(), |digits| client.len() - 1 - digits)
}

#[inline]
pub(super) fn begins_bare(field: &[u8]) -> bool {
    !matches!(field.first(), None | Some(b'"' | b' '))
}

/// The first byte of a target's status, marked where no target group was chosen.
#[inline]
pub(super) fn unrouted(target: u8, target_group: &[u8]) -> u8 {
    if target_group == NO_TARGET_GROUP { target | UNROUTED } else { target }
}

/// Adds requests to an hour, by who answered them and how.
pub(crate) fn answered(hour: &mut HourTally, status: Status, target: Status, routed: bool, requests: u64) {
    if routed {
        hour.routed += requests;
    }
    if target.family().is_none() {
        match status.family() {
            Some(3) => hour.own_3xx += requests,
            Some(4) => hour.own_4xx += requests,
            Some(5..) => hour.own_5xx += requests,
            _ => {}
        }
    }
    match status.family() {
        Some(4) => hour.client_4xx += requests,
        Some(5..) => hour.client_5xx += requests,
        _ => {}
    }
    if target.family().is_some_and(|family| family >= 5) {
        hour.target_5xx += requests;
    }
}

pub(super) fn sources(
    load_balancer: &mut LoadBalancerTally,
    line: &Line<'_>,
    cause: &Cause,
    by: AnsweredKind,
    protected: &ProtectedClients,
) {
    let sources = &mut load_balancer.sources;
    let served = by == AnsweredKind::Served;
    let (address, agent) = (excerpt(line.address(), TEXT), excerpt(line.agent, TEXT));
    // By the whole user agent, of which only a part is kept.
    let protected = !protected.entries().is_empty() && protected.covers(&address, &String::from_utf8_lossy(line.agent));
    let shape = excerpt(shape(line.request).as_bytes(), TEXT);
    let domain = excerpt(domain(line.domain, line.request), TEXT);
    let denied = is_denied(line);
    let mut tally = ClientTally::of(by, denied, 1, line.hour);
    if tally.may_be_answered() {
        let trace = excerpt(line.trace, TEXT);
        tally.example = Some(Box::new(RequestExample { shape: shape.clone(), domain: domain.clone(), trace }));
    }
    sources.shapes.add(shape, served);
    sources.domains.add(domain, served);
    sources.target_groups.add(excerpt(line.target_group, SAMPLE), served);
    sources.addresses.add(address.clone(), served);
    sources.agents.add(agent.clone(), served);
    let client = Client { address, agent, cause: cause.clone() };
    if protected {
        sources.clients.add_protected(client, &tally);
    } else {
        sources.clients.add(client, tally);
    }
}
