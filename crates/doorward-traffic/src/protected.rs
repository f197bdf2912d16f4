//! The protected clients of the thresholds: addresses, networks, and patterns of user agents.

use std::net::IpAddr;

use doorward_model::Pattern;

/// The entries of the setting, ready to be compared with every line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ProtectedClients {
    entries: Vec<String>,
    rules: Vec<ProtectedEntry>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum ProtectedEntry {
    Address(IpAddr),
    /// An address of the network, and the number of its fixed bits.
    Network(IpAddr, u32),
    Agent(Pattern),
}

impl ProtectedClients {
    pub(crate) fn new(entries: &[String]) -> Self {
        Self { entries: entries.to_vec(), rules: entries.iter().map(|entry| ProtectedEntry::of(entry)).collect() }
    }

    /// The entries as they were written.
    pub(crate) fn entries(&self) -> &[String] {
        &self.entries
    }

    /// Whether an entry covers a client: by address, network or user agent.
    pub(crate) fn covers(&self, address: &str, agent: &str) -> bool {
        if self.rules.is_empty() {
            return false;
        }
        let parsed = address.parse::<IpAddr>().ok();
        self.rules.iter().any(|rule| match rule {
            ProtectedEntry::Address(only) => parsed == Some(*only),
            ProtectedEntry::Network(network, length) => {
                parsed.is_some_and(|address| within(address, *network, *length))
            }
            ProtectedEntry::Agent(pattern) => pattern.matches(agent),
        })
    }
}

impl ProtectedEntry {
    fn of(entry: &str) -> Self {
        if let Ok(address) = entry.parse() {
            return Self::Address(address);
        }
        let network = entry.split_once('/').and_then(|(network, length)| {
            let (network, length): (IpAddr, u32) = (network.parse().ok()?, length.parse().ok()?);
            Some(Self::Network(network, length))
        });
        network.unwrap_or_else(|| Self::Agent(Pattern::from(entry)))
    }
}

fn within(address: IpAddr, network: IpAddr, length: u32) -> bool {
    let (address, network, bits): (u128, u128, u32) = match (address, network) {
        (IpAddr::V4(address), IpAddr::V4(network)) => (address.to_bits().into(), network.to_bits().into(), 32),
        (IpAddr::V6(address), IpAddr::V6(network)) => (address.to_bits(), network.to_bits(), 128),
        _ => return false,
    };
    match bits.checked_sub(length) {
        None => false,
        Some(rest) => (address ^ network).checked_shr(rest).unwrap_or(0) == 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_cover_addresses_networks_and_agents() {
        let covers =
            |entry: &str, address: &str, agent: &str| ProtectedClients::new(&[entry.to_owned()]).covers(address, agent);
        for (entry, address, agent, covered) in [
            ("203.0.113.7", "203.0.113.7", "-", true),
            ("203.0.113.7", "203.0.113.70", "-", false),
            ("203.0.113.0/24", "203.0.113.70", "-", true),
            ("203.0.113.0/24", "203.0.114.70", "-", false),
            ("0.0.0.0/0", "203.0.114.70", "-", true),
            ("203.0.113.0/99", "203.0.113.0", "-", false),
            ("2001:db8::/32", "2001:db8:1::7", "-", true),
            ("2001:DB8:0:0::7", "2001:db8::7", "-", true),
            ("AcmePay/*", "192.0.2.1", "acmepay/5.1", true),
            ("AcmePay/*", "192.0.2.1", "AcmePOS/5.1", false),
        ] {
            assert_eq!(covers(entry, address, agent), covered, "{entry} {address} {agent}");
        }
        assert!(!ProtectedClients::default().covers("192.0.2.1", "-"));
    }
}
