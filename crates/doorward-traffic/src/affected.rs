//! Which requests a mode would block, by what is known of their clients.
//!
//! A client that got a status below 400 from a target or from the load balancer was served. After a status of 500 or more, or
//! none, it is unknown whether it would have been. A client that is refused again and again, with a status that may be an answer
//! (401, 404, 409, 429), and that comes back with the same network and user agent, is a regular client: unknown too. So is a program that
//! its user agent names, if it is refused on many addresses and at least one of them comes back on another day, as the devices of a fleet
//! do; and such a program on one network that is refused on most days, with whatever status (400, 403). Only what is left is called a
//! scanner.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::advice::{is_scanner, network, product, program};
use crate::tally::{Answered, Client, ClientTally, LoadBalancerTally, Tier};

/// Refused requests from which a client that comes back is regular. Scanners try more addresses than they repeat requests from one.
const REGULAR: u64 = 10;
/// The same for a client that comes on half of the days.
const REGULAR_ON_MOST_DAYS: u64 = 5;

/// The kind of a client, by its requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ClientKind {
    /// It was served.
    User,
    /// It was sent to a login.
    Login,
    /// Its requests failed, or were blocked: whether it is a user is unknown.
    Unknown,
    /// It comes back and is refused, as a business client may be: whether it is a user is unknown.
    Regular,
    /// It was refused, and never answered.
    Scanner,
}

/// Requests by what is known of their clients. The five add up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AffectedRequests {
    /// Answered with a status below 400, by a target or by the load balancer.
    pub users: u64,
    /// Redirected to a login by the load balancer.
    pub logins: u64,
    /// Failed, or refused requests of clients that may be users.
    pub unknown: u64,
    /// Refused requests of all other clients.
    pub scanners: u64,
    /// Blocked already.
    pub already: u64,
}

impl AffectedRequests {
    /// Requests of clients that were served, or may have been.
    pub fn hurt(&self) -> u64 {
        self.users + self.logins + self.unknown
    }

    /// All that would be blocked and are not blocked already.
    pub fn newly(&self) -> u64 {
        self.hurt() + self.scanners
    }
}

/// A client and its known attributes.
#[derive(Debug, Clone)]
pub(crate) struct KnownClient<'a> {
    pub(crate) client: &'a Client,
    pub(crate) tally: ClientTally,
    pub(crate) kind: ClientKind,
    /// Whether its lines were found to be of a protected client.
    pub(crate) protected: bool,
}

impl KnownClient<'_> {
    /// Its requests that were answered, or may have been.
    pub(crate) fn hurt(&self) -> u64 {
        let ClientTally { served, answered, logins, failed, .. } = self.tally;
        served + answered + logins + failed + self.refused()
    }

    /// Its refused requests, if it may be a user.
    fn refused(&self) -> u64 {
        if self.kind == ClientKind::Scanner { 0 } else { self.tally.refused + self.tally.denied }
    }
}

/// The clients of a load balancer that sent requests which are not compliant.
pub(crate) fn known_clients(tally: &LoadBalancerTally) -> Vec<KnownClient<'_>> {
    let days: BTreeSet<u32> = tally.hours.keys().map(|hour| hour.day_number()).collect();
    let sources = &tally.sources;
    let all = sources.clients.all();
    // What a program on an address does with one cause tells of its others, and of its other versions: user agents may hold a number that
    // changes with every request.
    let products: BTreeMap<&str, String> =
        all.keys().map(|client| (client.agent.as_str(), product(&client.agent))).collect();
    let product_of = |agent: &str| products.get(agent).map_or("", String::as_str);
    let mut together: BTreeMap<(&str, &str), ClientTally> = BTreeMap::new();
    for (client, tally) in &all {
        together.entry((&client.address, product_of(&client.agent))).or_default().merge(tally);
    }
    // A client may come with several addresses of one network.
    let mut networks: BTreeMap<(String, &str), ClientTally> = BTreeMap::new();
    for ((address, product), tally) in &together {
        networks.entry((network(address), product)).or_default().merge(tally);
    }
    let named = named_programs(all.keys().map(|client| client.agent.as_str()), product_of);
    let fleets = fleets(&together, &named, days.len());
    let kinds: BTreeMap<(&str, &str), ClientKind> = together
        .iter()
        .map(|((address, product), tally)| {
            let kind = kind(tally, days.len());
            let is_regular = fleets.contains(product)
                || networks.get(&(network(address), *product)).is_some_and(|tally| {
                    is_regular(tally, days.len()) || (named.contains(product) && is_steady(tally, days.len()))
                });
            let kind = if kind == ClientKind::Scanner && is_regular { ClientKind::Regular } else { kind };
            ((*address, *product), kind)
        })
        .collect();
    all.into_iter()
        .map(|(client, tally)| {
            let kind = kinds.get(&(client.address.as_str(), product_of(&client.agent))).copied();
            let protected = sources.clients.is_protected(client);
            KnownClient { client, tally, kind: kind.unwrap_or(ClientKind::Unknown), protected }
        })
        .collect()
}

fn kind(tally: &ClientTally, days: usize) -> ClientKind {
    if tally.served + tally.answered > 0 {
        ClientKind::User
    } else if tally.logins > 0 {
        ClientKind::Login
    } else if tally.failed > 0 {
        ClientKind::Unknown
    } else if is_regular(tally, days) {
        ClientKind::Regular
    } else if tally.blocked > 0 && tally.refused + tally.denied == 0 {
        ClientKind::Unknown
    } else {
        ClientKind::Scanner
    }
}

fn is_regular(tally: &ClientTally, days: usize) -> bool {
    let seen = tally.day_count();
    seen >= 2
        && (tally.refused >= REGULAR || (tally.refused >= REGULAR_ON_MOST_DAYS && seen as usize * 2 >= days.min(64)))
}

/// The products that name a program of one owner: no browser, no library, no scanner.
fn named_programs<'a>(
    agents: impl Iterator<Item = &'a str>,
    product_of: impl Fn(&'a str) -> &'a str,
) -> BTreeSet<&'a str> {
    agents.filter(|agent| program(agent).is_some() && !is_scanner(agent)).map(product_of).collect()
}

/// Named programs that are refused on several addresses, of which one comes back: scanners change theirs.
fn fleets<'a>(
    together: &BTreeMap<(&'a str, &'a str), ClientTally>,
    named: &BTreeSet<&str>,
    days: usize,
) -> BTreeSet<&'a str> {
    let mut programs: BTreeMap<&str, (ClientTally, bool)> = BTreeMap::new();
    for ((_, product), tally) in together.iter().filter(|((_, product), _)| named.contains(product)) {
        let (all, returns) = programs.entry(product).or_default();
        all.merge(tally);
        *returns |= tally.day_count() >= 2;
    }
    let regular = programs.into_iter().filter(|(_, (all, returns))| *returns && is_regular(all, days));
    regular.map(|(product, _)| product).collect()
}

/// Whether a client is refused on most days, with whatever status.
fn is_steady(tally: &ClientTally, days: usize) -> bool {
    let seen = tally.day_count();
    seen >= 2 && tally.refused + tally.denied >= REGULAR && seen as usize * 2 >= days.min(64)
}

/// Whether so many requests could hide a regular client among those that a table has lost.
pub(crate) fn hides_regular_clients(lost: u64) -> bool {
    lost >= REGULAR_ON_MOST_DAYS
}

/// Client-days with requests of some tiers of clients that were served, or may have been: addresses with such requests on a day, summed up
/// over the days. Never too few: requests of clients that are not kept are a client-day each, and of windows longer than the days that are
/// distinguished each day stands for several.
pub(crate) fn hurt_client_days(
    tally: &LoadBalancerTally,
    clients: &[KnownClient<'_>],
    wanted: impl Fn(&Tier) -> bool,
) -> u64 {
    let mut days: BTreeMap<&str, u64> = BTreeMap::new();
    for known in clients.iter().filter(|known| wanted(&known.client.cause.tier) && known.hurt() > 0) {
        *days.entry(&known.client.address).or_default() |= known.tally.days;
    }
    let window = tally.window().map_or(0, |window| window.hours().div_ceil(24));
    let seen: u32 = days.values().map(|days| days.count_ones()).sum();
    u64::from(seen) * u64::from(window.div_ceil(u64::BITS).max(1)) + tally.sources.clients.unkept()
}

/// The requests of some tiers, by what is known of their clients. The sums of users and logins are exact even where the table of
/// clients lost some.
pub(crate) fn affected(
    tally: &LoadBalancerTally,
    clients: &[KnownClient<'_>],
    wanted: impl Fn(&Tier) -> bool,
) -> AffectedRequests {
    let mut sum = Answered::default();
    tally.causes.iter().filter(|(cause, _)| wanted(&cause.tier)).for_each(|(_, answered)| sum.merge(answered));
    let refused = sum.refused + sum.by_load_balancer;
    let regular: u64 = clients.iter().filter(|known| wanted(&known.client.cause.tier)).map(KnownClient::refused).sum();
    let regular = regular.min(refused);
    AffectedRequests {
        users: sum.served + sum.answered,
        logins: sum.logins,
        unknown: sum.failed + sum.unanswered + regular,
        scanners: refused - regular,
        already: sum.blocked,
    }
}
