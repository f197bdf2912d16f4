//! The clients of requests that are not compliant, each with what became of its requests.
//!
//! Clients that were answered, or may have been, have a table of their own, so that scanners cannot push them out of it, and protected
//! clients have another one. Each of the three tables keeps [`ClientTable::KEPT`] clients; up to there every count is exact, and what is lost beyond is stated, because no
//! conclusion may be drawn from a table that lost clients.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::cause::{AnsweredKind, Cause};
use crate::window::Hour;

/// Days in a [`ClientTally`]: longer windows count some of them once for two.
const DAYS: u32 = u64::BITS;

/// A client that can be fixed: its address, its user agent, and the cause of its non-compliant requests.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Client {
    /// Its address.
    pub address: String,
    /// Its user agent, at most 200 bytes of it.
    pub agent: String,
    /// The cause of its classification.
    pub cause: Cause,
}

/// One of its requests, to find the others by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RequestExample {
    /// Method and shape of the path.
    pub shape: String,
    /// The domain that was requested.
    pub domain: String,
    /// The trace id: `Root=1-...`.
    pub trace: String,
}

/// The results of a client's requests.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ClientTally {
    /// A target answered with a status below 400.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub served: u64,
    /// The load balancer answered with a status below 400.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub answered: u64,
    /// The load balancer redirected to a login, or demanded one with 401.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub logins: u64,
    /// The status was 500 or more, or there was none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub failed: u64,
    /// The status was one of 401 to 499 that may be an answer: not 403.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub refused: u64,
    /// The status was 403, or 400 by a target or a rule.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub denied: u64,
    /// The mode in force blocked them.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub blocked: u64,
    /// The days with requests, one bit for each, by their number since 1970 modulo 64.
    pub days: u64,
    /// The first hour.
    pub first: Option<Hour>,
    /// The last hour.
    pub last: Option<Hour>,
    /// One of its requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub example: Option<Box<RequestExample>>,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl ClientTally {
    /// So many requests of one hour. `denied` if the status refuses the client rather than answers the request.
    pub fn of(by: AnsweredKind, denied: bool, requests: u64, hour: Hour) -> Self {
        let mut tally = Self::default();
        *match by {
            AnsweredKind::Served => &mut tally.served,
            AnsweredKind::Answered => &mut tally.answered,
            AnsweredKind::Login => &mut tally.logins,
            AnsweredKind::Failed | AnsweredKind::Unanswered => &mut tally.failed,
            AnsweredKind::Refused | AnsweredKind::LoadBalancer if denied => &mut tally.denied,
            AnsweredKind::Refused | AnsweredKind::LoadBalancer => &mut tally.refused,
            AnsweredKind::Blocked => &mut tally.blocked,
        } = requests;
        tally.days = 1 << (hour.day_number() % DAYS);
        (tally.first, tally.last) = (Some(hour), Some(hour));
        tally
    }

    /// All requests.
    pub fn total(&self) -> u64 {
        self.served + self.answered + self.logins + self.failed + self.refused + self.denied + self.blocked
    }

    /// Whether a request was answered, or may have been.
    pub fn may_be_answered(&self) -> bool {
        self.served + self.answered + self.logins + self.failed > 0
    }

    /// Days with requests.
    pub fn day_count(&self) -> u32 {
        self.days.count_ones()
    }

    /// Adds another count.
    pub fn merge(&mut self, other: &Self) {
        self.served += other.served;
        self.answered += other.answered;
        self.logins += other.logins;
        self.failed += other.failed;
        self.refused += other.refused;
        self.denied += other.denied;
        self.blocked += other.blocked;
        self.days |= other.days;
        self.first = [self.first, other.first].into_iter().flatten().min();
        self.last = self.last.max(other.last);
        if self.example.is_none() {
            self.example.clone_from(&other.example);
        }
    }
}

/// The clients of one load balancer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ClientTable {
    /// Clients with a request that was answered, or may have been.
    #[serde(with = "super::as_list")]
    #[schemars(with = "Vec<(Client, ClientTally)>")]
    answered: BTreeMap<Client, ClientTally>,
    /// Clients of requests that were refused or blocked; some of them are in the other table too.
    #[serde(with = "super::as_list")]
    #[schemars(with = "Vec<(Client, ClientTally)>")]
    refused: BTreeMap<Client, ClientTally>,
    /// Protected clients, with all of their requests: each line was compared with the entries of the setting.
    #[serde(default, with = "super::as_list", skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "Vec<(Client, ClientTally)>")]
    protected: BTreeMap<Client, ClientTally>,
    /// Requests that were answered, or may have been, of clients beyond those kept.
    unkept: u64,
    /// How many refused requests a client may have sent that is not in the table, or more than are counted here.
    bound: u64,
}

impl ClientTable {
    /// Clients that each of the three tables keeps. An entry takes about 500 bytes.
    pub const KEPT: usize = 65_536;

    /// Counts requests of a client.
    pub fn add(&mut self, client: Client, tally: ClientTally) {
        if !tally.may_be_answered() {
            self.refused.entry(client).or_default().merge(&tally);
            self.shrink();
            return;
        }
        let full = self.answered.len() >= Self::KEPT;
        match self.answered.get_mut(&client) {
            Some(known) => known.merge(&tally),
            None if full => self.unkept += tally.total(),
            None => drop(self.answered.insert(client, tally)),
        }
    }

    /// Counts requests of a protected client. Where there are more of these than a table keeps, the others count as unkept.
    pub fn add_protected(&mut self, client: Client, tally: &ClientTally) {
        let full = self.protected.len() >= Self::KEPT;
        match self.protected.get_mut(&client) {
            Some(known) => known.merge(tally),
            None if full => self.unkept += tally.total(),
            None => drop(self.protected.insert(client, tally.clone())),
        }
    }

    /// Whether the lines of a client were found to be of a protected one.
    pub fn is_protected(&self, client: &Client) -> bool {
        self.protected.contains_key(client)
    }

    /// Adds another count.
    pub fn merge(&mut self, other: &Self) {
        for (client, tally) in &other.protected {
            self.add_protected(client.clone(), tally);
        }
        for (client, tally) in &other.answered {
            match self.answered.get_mut(client) {
                Some(known) => known.merge(tally),
                None => self.add(client.clone(), tally.clone()),
            }
        }
        for (client, tally) in &other.refused {
            match self.refused.get_mut(client) {
                Some(known) => known.merge(tally),
                None => self.add(client.clone(), tally.clone()),
            }
        }
        self.unkept += other.unkept;
        self.bound += other.bound;
    }

    /// The same counts under other addresses; those of clients that become equal are added.
    pub(crate) fn with_addresses(&self, address_of: impl Fn(&str) -> String) -> Self {
        let renamed = |clients: &BTreeMap<Client, ClientTally>| {
            let mut all: BTreeMap<Client, ClientTally> = BTreeMap::new();
            for (client, tally) in clients {
                let client = Client { address: address_of(&client.address), ..client.clone() };
                all.entry(client).or_default().merge(tally);
            }
            all
        };
        Self {
            answered: renamed(&self.answered),
            refused: renamed(&self.refused),
            protected: renamed(&self.protected),
            ..self.clone()
        }
    }

    /// Drops the half with fewer requests when the table is full.
    fn shrink(&mut self) {
        if self.refused.len() <= Self::KEPT {
            return;
        }
        let mut totals: Vec<u64> = self.refused.values().map(ClientTally::total).collect();
        let (_, dropped, _) = totals.select_nth_unstable_by(Self::KEPT / 2, |a, b| b.cmp(a));
        let dropped = *dropped;
        self.refused.retain(|_, tally| tally.total() > dropped);
        self.bound += dropped;
    }

    /// Records what a count elsewhere could not keep.
    pub(crate) fn lose(&mut self, unkept: u64, bound: u64) {
        self.unkept += unkept;
        self.bound += bound;
    }

    /// Every client with all of its requests.
    pub fn all(&self) -> BTreeMap<&Client, ClientTally> {
        let mut all: BTreeMap<&Client, ClientTally> =
            self.answered.iter().map(|(client, tally)| (client, tally.clone())).collect();
        for (client, tally) in self.refused.iter().chain(&self.protected) {
            all.entry(client).or_default().merge(tally);
        }
        all
    }

    /// Every client; one in two tables comes twice.
    pub(crate) fn clients(&self) -> impl Iterator<Item = &Client> {
        self.answered.keys().chain(self.refused.keys()).chain(self.protected.keys())
    }

    /// How many clients are kept; one in two tables counts twice.
    pub fn len(&self) -> usize {
        self.answered.len() + self.refused.len() + self.protected.len()
    }

    /// Whether there is no client.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Requests that were answered, or may have been, of clients that are not kept.
    pub fn unkept(&self) -> u64 {
        self.unkept
    }

    /// How many refused requests a client may have sent that is not kept.
    pub fn bound(&self) -> u64 {
        self.bound
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tally::Tier;

    fn client(number: usize) -> Client {
        let cause = Cause { tier: Tier::Severe, reason: "BadUri".to_owned() };
        Client { address: format!("address {number}"), agent: "-".to_owned(), cause }
    }

    fn one(by: AnsweredKind) -> ClientTally {
        ClientTally::of(by, false, 1, "2026-09-23T07Z".parse().expect("an hour"))
    }

    #[test]
    fn scanners_push_no_answered_client_out_and_what_is_lost_is_stated() {
        let mut table = ClientTable::default();
        (0..3).for_each(|_| table.add(client(0), one(AnsweredKind::Served)));
        for number in 1..ClientTable::KEPT + 2 {
            table.add(client(number), one(AnsweredKind::Refused));
            if number == ClientTable::KEPT {
                assert_eq!(table.bound(), 0);
            }
        }
        assert_eq!(table.all().get(&client(0)).map(ClientTally::total), Some(3));
        assert_eq!((table.bound(), table.unkept()), (1, 0));
        let mut twice = table.clone();
        twice.merge(&table);
        assert_eq!((twice.bound(), twice.all().get(&client(0)).map(|tally| tally.served)), (2, Some(6)));
        for number in 0..ClientTable::KEPT + 4 {
            table.add(client(number), one(AnsweredKind::Failed));
        }
        assert_eq!(table.unkept(), 4);
    }
}
