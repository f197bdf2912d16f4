//! Clients grouped into sources that can be fixed: a program on many addresses is one, and so is a network.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::affected::{ClientKind, KnownClient};
use crate::protected::ProtectedClients;
use crate::reasons;
use crate::tally::{Cause, Client, ClientTally, RequestExample};
use crate::window::Hour;

/// User agents of libraries and tools, which are in the programs of many owners: lower case, up to the slash.
const LIBRARIES: [&str; 22] = [
    "aiohttp",
    "apache-httpclient",
    "axios",
    "curl",
    "dart",
    "go-http-client",
    "got",
    "guzzlehttp",
    "http_client",
    "httpx",
    "java",
    "jakarta commons-httpclient",
    "libwww-perl",
    "node",
    "node-fetch",
    "okhttp",
    "php",
    "postmanruntime",
    "python-requests",
    "python-urllib",
    "ruby",
    "wget",
];
/// The first words of the user agents of programs that scan the internet: lower case.
const SCANNERS: [&str; 25] = [
    "acunetix",
    "arachni",
    "censysinspect",
    "cloudmapping",
    "dirbuster",
    "expanse",
    "feroxbuster",
    "fuzz",
    "gobuster",
    "internetmeasurement",
    "l9explore",
    "l9tcpid",
    "masscan",
    "nessus",
    "netsystemsresearch",
    "nikto",
    "nmap",
    "nuclei",
    "openvas",
    "shodan",
    "sqlmap",
    "wfuzz",
    "whatweb",
    "wpscan",
    "zgrab",
];
/// The first product of browsers, and of whatever wants to be taken for one.
const BROWSER: &str = "mozilla";
/// Bits of the networks that are one source: of an IPv4 and of an IPv6 address.
const NETWORKS: (u32, u32) = (24, 48);

/// A source of requests that a mode would block: a client, a program on several addresses, or several clients of one network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SourceToFix {
    /// The client with the most requests, and the cause of all.
    pub client: Client,
    /// What makes its clients one source: the program, in lower case and without its version, or the network with the library or browser.
    /// Entries with the same group are one source with several causes.
    pub group: String,
    /// How many addresses the source has.
    pub addresses: u64,
    /// How many user agents: versions of one program, for example.
    pub agents: u64,
    /// The network that all of them are in, where several clients of it are one source.
    pub network: Option<String>,
    /// The kind of its clients.
    pub kind: ClientKind,
    /// Requests of it that would be blocked, at least.
    pub requests: u64,
    /// Requests that a target or the load balancer answered with a status below 400, at least; logins are not included.
    pub served: u64,
    /// Requests that were redirected to a login.
    pub logins: u64,
    /// Requests that failed, or were refused although the client may be a user.
    pub unknown: u64,
    /// The hour of the first.
    pub first: Option<Hour>,
    /// The hour of the last.
    pub last: Option<Hour>,
    /// One of its requests; none of scanners.
    pub example: Option<Box<RequestExample>>,
    /// Typical clients; none for a reason code that this version does not know.
    pub likely: Option<String>,
    /// The fix.
    pub fix: Option<String>,
    /// Whether it is one of the protected clients in the thresholds.
    pub protected: bool,
}

impl SourceToFix {
    /// Its requests that were answered, or may have been.
    pub fn hurt(&self) -> u64 {
        self.served + self.logins + self.unknown
    }

    /// Its name: `192.0.2.7 (AcmePOS/5.1)`, or `AcmePOS/5.1 on 9 addresses (192.0.2.7 and 8 more)`.
    pub fn name(&self) -> String {
        let Client { address, agent, .. } = &self.client;
        let agent = match (self.agents, agent.as_str()) {
            (0 | 1, "-") => "no user agent".to_owned(),
            (0 | 1, _) => agent.clone(),
            (count, _) => format!("{agent} and {} more of its user agents", count - 1),
        };
        match (&self.network, self.addresses) {
            (_, 0 | 1) => format!("{address} ({agent})"),
            (Some(network), count) => format!("{count} addresses of {network} ({agent})"),
            (None, count) => format!("{agent} on {count} addresses ({address} and {} more)", count - 1),
        }
    }

    /// How many sources these are: entries that differ in their cause alone are one.
    pub(crate) fn count(sources: &[Self]) -> usize {
        sources.iter().map(|source| &source.group).collect::<BTreeSet<_>>().len()
    }

    /// The addresses in short: `192.0.2.7 and 8 more`.
    pub fn places(&self) -> String {
        match (&self.network, self.addresses) {
            (_, 0 | 1) => self.client.address.clone(),
            (Some(network), count) => format!("{count} addresses of {network}"),
            (None, count) => format!("{} and {} more", self.client.address, count - 1),
        }
    }
}

/// The key by which clients form one source.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct SourceKey {
    /// The program, if the user agent names one; otherwise the network and the user agent.
    group: String,
    network: Option<String>,
    cause: Cause,
    /// Scanners are never mixed with clients that may be users, nor protected clients with others.
    scanner: bool,
    protected: bool,
}

/// Groups clients, those with the most answered requests first.
///
/// A client is protected if it is one of the protected clients, or if its lines were compared with entries that are still protected and
/// found to be of one.
pub(super) fn sources(clients: &[KnownClient<'_>], protected: &[String], compared: &[String]) -> Vec<SourceToFix> {
    // Lines were compared with all of these; entries that were added since are looked up.
    let same = compared.iter().all(|entry| protected.contains(entry));
    let protected = ProtectedClients::new(protected);
    let mut groups: BTreeMap<SourceKey, Vec<&KnownClient<'_>>> = BTreeMap::new();
    for known in clients {
        let Client { address, agent, cause } = known.client;
        let key = SourceKey {
            group: program(agent).unwrap_or_else(|| format!("{} ({})", network(address), product(agent))),
            network: program(agent).is_none().then(|| network(address)),
            cause: cause.clone(),
            scanner: known.kind == ClientKind::Scanner,
            protected: (same && known.protected) || protected.covers(address, agent),
        };
        groups.entry(key).or_default().push(known);
    }
    let mut sources: Vec<SourceToFix> =
        groups.into_iter().filter_map(|(key, clients)| source(&key, &clients)).collect();
    sources.sort_by(|a, b| {
        let weight = |source: &SourceToFix| (source.hurt(), source.protected, source.requests);
        weight(b).cmp(&weight(a)).then_with(|| a.client.cmp(&b.client))
    });
    sources
}

fn source(key: &SourceKey, clients: &[&KnownClient<'_>]) -> Option<SourceToFix> {
    let most =
        clients.iter().max_by(|a, b| a.tally.total().cmp(&b.tally.total()).then_with(|| b.client.cmp(a.client)))?;
    let mut all = ClientTally::default();
    clients.iter().for_each(|known| all.merge(&known.tally));
    let agents: BTreeSet<&str> = clients.iter().map(|known| known.client.agent.as_str()).collect();
    let mut addresses: Vec<&str> = clients.iter().map(|known| known.client.address.as_str()).collect();
    addresses.sort_unstable();
    addresses.dedup();
    let known = reasons::reason(&key.cause.reason);
    let hurt: u64 = clients.iter().map(|known| known.hurt()).sum();
    let served = all.served + all.answered;
    Some(SourceToFix {
        client: most.client.clone(),
        group: key.group.clone(),
        addresses: addresses.len() as u64,
        agents: agents.len() as u64,
        network: key.network.clone().filter(|_| addresses.len() > 1),
        kind: clients.iter().map(|known| known.kind).min().unwrap_or(ClientKind::Unknown),
        requests: all.total(),
        served,
        logins: all.logins,
        unknown: hurt.saturating_sub(served + all.logins),
        first: all.first,
        last: all.last,
        example: all.example,
        likely: known.map(|known| known.clients.clone()),
        fix: known.map(|known| known.fix.clone()),
        protected: key.protected,
    })
}

/// The program that a user agent names, without its version: one program is one source in all of its versions. None of browsers, libraries
/// and missing user agents.
pub(crate) fn program(agent: &str) -> Option<String> {
    let product = name_of(agent);
    let anonymous = matches!(product.as_str(), "" | "-" | BROWSER) || LIBRARIES.contains(&product.as_str());
    (!anonymous).then_some(product)
}

/// Whether a user agent is that of a program that looks for weaknesses or counts servers: no client of an application has it.
pub(crate) fn is_scanner(agent: &str) -> bool {
    let name = name_of(agent);
    let first = name.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
    SCANNERS.contains(&first)
}

/// The part that all user agents of one client share: the program or library without its version, or the whole of a
/// browser's.
pub(crate) fn product(agent: &str) -> String {
    let product = name_of(agent);
    if product == BROWSER { agent.to_owned() } else { product }
}

/// The first product of a user agent in lower case and without its version.
fn name_of(agent: &str) -> String {
    let product = agent.split('/').next().unwrap_or_default().to_ascii_lowercase();
    // A version may stand behind a space too.
    let name = |word: &&str| !word.trim_start_matches('v').starts_with(|c: char| c.is_ascii_digit());
    product.split_whitespace().take_while(name).collect::<Vec<_>>().join(" ")
}

/// The network of an address, or the address itself where it is not one.
pub(crate) fn network(address: &str) -> String {
    match address.parse::<IpAddr>() {
        Ok(IpAddr::V4(own)) => {
            let mask = u32::MAX << (32 - NETWORKS.0);
            format!("{}/{}", std::net::Ipv4Addr::from_bits(own.to_bits() & mask), NETWORKS.0)
        }
        Ok(IpAddr::V6(own)) => {
            let mask = u128::MAX << (128 - NETWORKS.1);
            format!("{}/{}", std::net::Ipv6Addr::from_bits(own.to_bits() & mask), NETWORKS.1)
        }
        Err(_) => address.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_and_networks_are_sources() {
        for (agent, names) in [
            ("AcmePOS/5.1", true),
            ("reporting-cron/1.0", true),
            ("Mozilla/5.0 (X11; Linux x86_64)", false),
            ("curl/8.1", false),
            ("Java/1.8.0_292", false),
            ("-", false),
            ("", false),
        ] {
            assert_eq!(program(agent).is_some(), names, "{agent}");
        }
        for agent in ["AcmePOS/5.1", "AcmePOS/5.2 (till 17)", "AcmePOS 5", "acmepos v4.0 beta", "AcmePOS"] {
            assert_eq!(program(agent).as_deref(), Some("acmepos"), "{agent}");
        }
        for (address, wanted) in
            [("192.0.2.7", "192.0.2.0/24"), ("2001:db8:1:2::3", "2001:db8:1::/48"), ("host", "host")]
        {
            assert_eq!(network(address), wanted);
        }
    }
}
