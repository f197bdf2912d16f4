//! Client addresses without the part that names a single host, for those who must not store it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::TrafficEvidence;

/// Bits of an address that are kept: of an IPv4 and of an IPv6 address. Advice groups clients by the same networks.
pub(crate) const KEPT: (u32, u32) = (24, 48);

impl TrafficEvidence {
    /// The same evidence, with the host part of every client address set to zero. Clients of one network with one user agent and one
    /// cause become one; no request is lost.
    #[must_use]
    pub fn with_truncated_addresses(mut self) -> Self {
        self.truncated_addresses = true;
        for load_balancer in self.tally.load_balancers.values_mut() {
            let sources = &mut load_balancer.sources;
            sources.addresses = sources.addresses.with_keys(|address| truncated(address));
            sources.clients = sources.clients.with_addresses(truncated);
        }
        self
    }
}

/// An address without its host part; a text that is no address is kept, because no client has it.
fn truncated(address: &str) -> String {
    match address.parse::<IpAddr>() {
        Ok(IpAddr::V4(own)) => Ipv4Addr::from_bits(own.to_bits() & (u32::MAX << (32 - KEPT.0))).to_string(),
        Ok(IpAddr::V6(own)) => Ipv6Addr::from_bits(own.to_bits() & (u128::MAX << (128 - KEPT.1))).to_string(),
        Err(_) => address.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tally::{AnsweredKind, Cause, Client, ClientTable, ClientTally, Tier};
    use crate::top::Top;
    use crate::window::Hour;

    #[test]
    fn the_host_part_is_zero() {
        for (address, kept) in [
            ("192.0.2.77", "192.0.2.0"),
            ("203.0.113.255", "203.0.113.0"),
            ("2001:db8:1:2::3", "2001:db8:1::"),
            ("::ffff:192.0.2.77", "::"),
            ("-", "-"),
            ("", ""),
        ] {
            assert_eq!(truncated(address), kept, "{address}");
        }
    }

    #[test]
    fn no_request_is_lost() {
        let hour = Hour::of("2026-11-30T10:00:00Z".parse().expect("a time"));
        let cause = Cause { tier: Tier::from("Ambiguous".to_owned()), reason: "BothTeClPresent".to_owned() };
        let (mut table, mut top) = (ClientTable::default(), Top::<String>::default());
        for (host, by) in [
            (1, AnsweredKind::Served),
            (2, AnsweredKind::Served),
            (3, AnsweredKind::Blocked),
            (3, AnsweredKind::Served),
        ] {
            let address = format!("192.0.2.{host}");
            top.add(address.clone(), by == AnsweredKind::Served);
            let client = Client { address, agent: "pos/1".to_owned(), cause: cause.clone() };
            table.add(client, ClientTally::of(by, false, 1, hour));
        }
        let table = table.with_addresses(truncated);
        let all = table.all();
        let totals: Vec<(&str, u64)> =
            all.iter().map(|(client, tally)| (client.address.as_str(), tally.total())).collect();
        assert_eq!(totals, [("192.0.2.0", 4)]);
        let top = top.with_keys(|address| truncated(address));
        assert_eq!(top.total(), 4);
        let ranked: Vec<(&str, u64)> =
            top.ranked().into_iter().map(|(key, weight)| (key.as_str(), weight.requests)).collect();
        assert_eq!(ranked, [("192.0.2.0", 4)]);
    }
}
