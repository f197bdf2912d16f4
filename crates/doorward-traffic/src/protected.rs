//! The protected clients of the thresholds: addresses, networks, and patterns of user agents.

use std::net::IpAddr;

use doorward_model::Pattern;

use crate::truncate::KEPT;

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
    /// Entries that look like addresses and are invalid are compared as patterns of user agents; [`problem`] refuses them in settings.
    pub(crate) fn new(entries: &[String]) -> Self {
        let rule = |entry: &String| {
            ProtectedEntry::of(entry.trim()).unwrap_or_else(|_| ProtectedEntry::Agent(Pattern::from(entry.trim())))
        };
        Self { entries: entries.to_vec(), rules: entries.iter().map(rule).collect() }
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
        let parsed = address.parse::<IpAddr>().ok().map(|address| address.to_canonical());
        self.rules.iter().any(|rule| match rule {
            ProtectedEntry::Address(only) => parsed == Some(*only),
            ProtectedEntry::Network(network, length) => {
                parsed.is_some_and(|address| within(address, *network, *length))
            }
            ProtectedEntry::Agent(pattern) => pattern.matches(agent),
        })
    }

    /// Whether an entry may cover a client of which the address was saved without its host part, and which [`Self::covers`] cannot find.
    pub(crate) fn may_cover_truncated(&self, address: &str) -> bool {
        let Ok(address) = address.parse::<IpAddr>() else { return false };
        let kept = if address.is_ipv4() { KEPT.0 } else { KEPT.1 };
        self.rules.iter().any(|rule| match rule {
            ProtectedEntry::Address(only) => within(address, *only, kept),
            ProtectedEntry::Network(network, length) => *length > kept && within(address, *network, kept),
            ProtectedEntry::Agent(_) => false,
        })
    }
}

/// The problem of the first entry that looks like an address, a network or a range and is none: it would protect no client, without a word.
pub(crate) fn problem(entries: &[String]) -> Option<String> {
    entries.iter().find_map(|entry| ProtectedEntry::of(entry.trim()).err())
}

impl ProtectedEntry {
    fn of(entry: &str) -> Result<Self, String> {
        if let Ok(address) = entry.parse::<IpAddr>() {
            return Ok(Self::Address(address.to_canonical()));
        }
        let network = entry.split_once('/').and_then(|(network, length)| {
            let is_number = !length.is_empty() && length.bytes().all(|byte| byte.is_ascii_digit());
            let (network, length): (IpAddr, u32) = (network.parse().ok()?, length.parse().ok()?);
            let most = if network.is_ipv4() { 32 } else { 128 };
            (is_number && length <= most).then_some(Self::Network(network, length))
        });
        match network {
            Some(network) => Ok(network),
            None if entry.is_empty() => Err("an entry is empty; name an address, a network or a user agent".to_owned()),
            None if looks_like_address(entry) => Err(format!(
                "{entry:?} is neither an address (198.51.100.9) nor a network (198.51.100.0/24, 2001:db8::/32), and looks like one, so that it \
                 would protect no client; write ranges and patterns of addresses as networks, one entry for each"
            )),
            None => Ok(Self::Agent(Pattern::from(entry))),
        }
    }
}

/// Whether a text that is no address was meant to be one, or several: it begins with an address, or has nothing but what addresses, networks
/// and ranges are written with.
fn looks_like_address(entry: &str) -> bool {
    let bare = entry.trim_start_matches(['[', '(', '"', '\'', '=', '~', '!']);
    let of_address = |c: char| c.is_ascii_hexdigit() || c == '.' || c == ':';
    let begin = &bare[..bare.find(|c| !of_address(c)).unwrap_or(bare.len())];
    let begins_as_one = begin.trim_end_matches([':', '.']).parse::<IpAddr>().is_ok()
        // An address of IPv4 with a port: digits follow its colon.
        || begin.split_once(':').is_some_and(|(address, _)| address.parse::<std::net::Ipv4Addr>().is_ok());
    let digits = |c: char| c.is_ascii_digit() || c.is_ascii_whitespace() || ".:/-_*?,;[](){}x%|&+".contains(c);
    let numbers =
        entry.contains(|c: char| c.is_ascii_digit()) && entry.contains(['.', ':', '/']) && entry.chars().all(digits);
    let hexadecimal = |c: char| c.is_ascii_hexdigit() || digits(c);
    let colons = entry.matches(':').count() >= 2
        && entry.contains(|c: char| c.is_ascii_digit())
        && entry.chars().all(hexadecimal);
    begins_as_one || numbers || colons
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
            (" 203.0.113.7\t", "203.0.113.7", "-", true),
            ("::ffff:203.0.113.7", "203.0.113.7", "-", true),
            (" AcmePay/* ", "192.0.2.1", "AcmePay/5.1", true),
            ("203.0.113.7/32", "203.0.113.7", "-", true),
            ("2001:db8::7/128", "2001:db8::7", "-", true),
            ("2001:db8::/32", "2001:db8:1::7", "-", true),
            ("2001:DB8:0:0::7", "2001:db8::7", "-", true),
            ("AcmePay/*", "192.0.2.1", "acmepay/5.1", true),
            ("AcmePay/*", "192.0.2.1", "AcmePOS/5.1", false),
        ] {
            assert_eq!(covers(entry, address, agent), covered, "{entry} {address} {agent}");
        }
        let entries = |entries: &[&str]| entries.iter().map(|entry| (*entry).to_owned()).collect::<Vec<String>>();
        for entry in [
            "198.51.100.9/99",
            "198.51.100.9/33",
            "2001:db8::/129",
            "198.51.100.0/",
            "198.51.100.0/+8",
            "198.51.100.0 /24",
            "198.51.100.0/255.255.255.0",
            "198.51.100.9:443",
            "[2001:db8::1]",
            "[2001:db8::1]:443",
            "2001:db8::1%eth0",
            "2001:db8::*",
            "198.51.100.0-198.51.100.20",
            "198.51.100.0 - 20",
            "198.51.100.*",
            "198.51.*.*",
            "198.51.100.x",
            "198.51.100",
            "198.51.100.300",
            "198.51.100.009",
            "198.51.100.9,198.51.100.10",
            "198.51.100.9 198.51.100.10",
            "198.51.100.9 (office)",
            "198.51.100.9:https",
            "198.51.100.9.",
            "\"198.51.100.9\"",
            "10.*",
            "",
            " ",
        ] {
            let problem = problem(&entries(&["AcmePay/*", entry]));
            let named = problem.as_deref().is_some_and(|problem| problem.contains(&format!("{:?}", entry.trim())));
            assert!(named || (entry.trim().is_empty() && problem.is_some()), "{entry}: {problem:?}");
        }
        let fine = [
            "AcmePay/*",
            "*",
            "AcmePay 5.1",
            "curl/8.1",
            "-",
            "Acme:Pay",
            "Dead.Beef/1",
            "198.51.100.9",
            "198.51.100.0/0",
            "::/0",
        ];
        assert_eq!(problem(&entries(&fine)), None);
        assert!(!ProtectedClients::default().covers("192.0.2.1", "-"));
    }
}
