//! The clients whose requests a mode blocks, with what is known of them from the time before.

use std::collections::BTreeMap;

use crate::affected::{ClientKind, known_clients};
use crate::tally::LoadBalancerTally;

/// A client with blocked requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockedClient {
    /// Its address.
    pub address: String,
    /// Its user agent, cut to the stored length.
    pub agent: String,
    /// Its blocked requests.
    pub requests: u64,
    /// Its kind.
    pub kind: ClientKind,
}

/// The clients with blocked requests in a tally, those with the most first. What an earlier tally has of them counts too: a client whose
/// requests were only ever blocked is unknown, one that targets refused and never served is a scanner.
pub fn blocked_clients(before: Option<&LoadBalancerTally>, since: &LoadBalancerTally) -> Vec<BlockedClient> {
    let mut all = before.cloned().unwrap_or_default();
    all.merge(since);
    let kinds: BTreeMap<(&str, &str), ClientKind> = known_clients(&all)
        .into_iter()
        .map(|known| {
            let kind = if known.protected { ClientKind::User } else { known.kind };
            ((known.client.address.as_str(), known.client.agent.as_str()), kind)
        })
        .collect();
    let mut blocked: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    let own = since.sources.clients.all();
    for (client, tally) in own.iter().filter(|(_, tally)| tally.blocked > 0) {
        *blocked.entry((&client.address, &client.agent)).or_default() += tally.blocked;
    }
    let mut found: Vec<BlockedClient> = blocked
        .into_iter()
        .map(|(client, requests)| BlockedClient {
            address: client.0.to_owned(),
            agent: client.1.to_owned(),
            requests,
            kind: kinds.get(&client).copied().unwrap_or(ClientKind::Unknown),
        })
        .collect();
    found.sort_by(|a, b| b.requests.cmp(&a.requests).then_with(|| (&a.address, &a.agent).cmp(&(&b.address, &b.agent))));
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tally::{AnsweredKind, Cause, Client, ClientTally, Tier};
    use crate::window::Hour;

    fn tally(lines: &[(&str, &str, AnsweredKind, u64)]) -> LoadBalancerTally {
        let mut tally = LoadBalancerTally::default();
        let hour = Hour::of("2026-11-02T09:00:00Z".parse().expect("a time"));
        for (address, agent, by, requests) in lines {
            let cause = Cause { tier: Tier::Severe, reason: "BadHeader".to_owned() };
            let client = Client { address: (*address).to_owned(), agent: (*agent).to_owned(), cause };
            tally.sources.clients.add(client, ClientTally::of(*by, false, *requests, hour));
        }
        tally
    }

    #[test]
    fn only_a_client_that_was_refused_and_never_served_is_a_scanner() {
        let before = tally(&[
            ("203.0.113.9", "zgrab", AnsweredKind::Refused, 3),
            ("198.51.100.7", "shop/1.0", AnsweredKind::Served, 1),
            ("198.51.100.8", "probe", AnsweredKind::Refused, 2),
            ("198.51.100.9", "gone", AnsweredKind::Refused, 2),
        ]);
        let since = tally(&[
            ("203.0.113.9", "zgrab", AnsweredKind::Blocked, 398),
            ("198.51.100.7", "shop/1.0", AnsweredKind::Blocked, 10),
            ("192.0.2.1", "new", AnsweredKind::Blocked, 4),
            ("198.51.100.8", "probe", AnsweredKind::Blocked, 2),
            ("198.51.100.8", "probe", AnsweredKind::Served, 1),
        ]);
        let found = blocked_clients(Some(&before), &since);
        let found: Vec<_> = found.iter().map(|one| (one.address.as_str(), one.requests, one.kind)).collect();
        assert_eq!(
            found,
            [
                ("203.0.113.9", 398, ClientKind::Scanner),
                ("198.51.100.7", 10, ClientKind::User),
                ("192.0.2.1", 4, ClientKind::Unknown),
                ("198.51.100.8", 2, ClientKind::User),
            ]
        );
        // Without the time before, being blocked proves nothing.
        assert!(blocked_clients(None, &since).iter().all(|one| one.kind != ClientKind::Scanner));
    }
}
