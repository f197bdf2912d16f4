//! What the logs said, counted: per load balancer, mergeable, serializable. Every engine gives this and nothing else does.
//!
//! Every line is in exactly one place: compliant, one pair of classification and reason, absent (written before logs
//! had a classification), rejected (the load balancer could not parse the request at all, in any mode), or unparsed.

use std::collections::BTreeMap;

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::top::Top;
use crate::window::{Hour, Window};

mod bare_ids;
mod cause;
mod client_sketch;
mod client_table;
mod files;
mod load_balancer;
mod reading;

pub use cause::{Answered, AnsweredKind, Cause, Tier, Treatment};
pub use client_sketch::ClientSketch;
pub use client_table::{Client, ClientTable, ClientTally, RequestExample};
pub use files::{LogFiles, NodeFiles};
pub use load_balancer::{LoadBalancerKey, NoLoadBalancer};
pub use reading::{Reading, Sampled};

/// One hour of a load balancer. The first seven add up to all of its lines.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HourTally {
    /// Compliant requests.
    pub compliant: u64,
    /// Acceptable ones.
    pub acceptable: u64,
    /// Ambiguous ones.
    pub ambiguous: u64,
    /// Severe ones.
    pub severe: u64,
    /// Ones of a tier this version does not know.
    pub other: u64,
    /// Lines without a classification.
    pub absent: u64,
    /// Requests that could not be parsed, so that no mode ever saw them.
    pub rejected: u64,
    /// Requests, of all of these, that the client saw answered with 400 to 499.
    pub client_4xx: u64,
    /// Requests, of all of these, that the client saw answered with 500 or more.
    pub client_5xx: u64,
    /// Requests, of all of these, that a target answered with 500 or more.
    pub target_5xx: u64,
    /// Requests that are not compliant and that a target answered with a status below 400.
    pub served: u64,
    /// Requests, of all of these, for which a target group was chosen: what CloudWatch counts as `RequestCount`.
    pub routed: u64,
    /// Requests, of all of these, that the load balancer itself answered with 300 to 399.
    pub own_3xx: u64,
    /// Requests, of all of these, that the load balancer itself answered with 400 to 499.
    pub own_4xx: u64,
    /// Requests, of all of these, that the load balancer itself answered with 500 or more.
    pub own_5xx: u64,
}

impl HourTally {
    /// All lines of the hour that were understood.
    pub fn lines(&self) -> u64 {
        self.classified() + self.absent + self.rejected
    }

    /// Lines with a classification.
    pub fn classified(&self) -> u64 {
        self.compliant + self.non_compliant()
    }

    /// Lines with a tier.
    pub fn non_compliant(&self) -> u64 {
        self.acceptable + self.ambiguous + self.severe + self.other
    }

    /// Adds another count.
    pub fn merge(&mut self, other: &Self) {
        self.compliant += other.compliant;
        self.acceptable += other.acceptable;
        self.ambiguous += other.ambiguous;
        self.severe += other.severe;
        self.other += other.other;
        self.absent += other.absent;
        self.rejected += other.rejected;
        self.client_4xx += other.client_4xx;
        self.client_5xx += other.client_5xx;
        self.target_5xx += other.target_5xx;
        self.served += other.served;
        self.routed += other.routed;
        self.own_3xx += other.own_3xx;
        self.own_4xx += other.own_4xx;
        self.own_5xx += other.own_5xx;
    }
}

/// Where requests come from that are not compliant.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Sources {
    /// By client address.
    pub addresses: Top<String>,
    /// By user agent, at most 200 bytes of it.
    pub agents: Top<String>,
    /// By method and the shape of the path: `GET /orders/*`, without the query.
    pub shapes: Top<String>,
    /// By the domain that the client requested (SNI), or the host of the URL if there is none.
    pub domains: Top<String>,
    /// By target group ARN.
    pub target_groups: Top<String>,
    /// By address, agent and cause together, with what became of their requests.
    pub clients: ClientTable,
}

impl Sources {
    /// Adds another count.
    pub fn merge(&mut self, other: &Self) {
        self.addresses.merge(&other.addresses);
        self.agents.merge(&other.agents);
        self.shapes.merge(&other.shapes);
        self.domains.merge(&other.domains);
        self.target_groups.merge(&other.target_groups);
        self.clients.merge(&other.clients);
    }
}

/// One load balancer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LoadBalancerTally {
    /// Lines that were understood: compliant, not compliant, absent and rejected together.
    pub lines: u64,
    /// Requests logged as compliant.
    pub compliant: u64,
    /// Lines of a format that has no classification. Not compliant; simply not known.
    pub absent: u64,
    /// Requests that the load balancer could not parse and answered with 400, in whatever mode. Of no tier.
    pub rejected: u64,
    /// Requests with a tier, by cause, and who answered them.
    #[serde(with = "as_list")]
    #[schemars(with = "Vec<(Cause, Answered)>")]
    pub causes: BTreeMap<Cause, Answered>,
    /// Lines of its objects that could not be understood.
    pub unparsed: Sampled,
    /// Lines outside the window that was asked for; counted nowhere else.
    pub outside: u64,
    /// By hour of UTC.
    pub hours: BTreeMap<Hour, HourTally>,
    /// By the status that the client received; `-` if there was none.
    pub statuses: BTreeMap<String, u64>,
    /// By target group ARN; `-` if no target was chosen.
    pub target_groups: BTreeMap<String, u64>,
    /// By protocol as the log has it: `http`, `https`, `h2`, `grpcs`, `ws`, `wss`.
    pub protocols: BTreeMap<String, u64>,
    /// The sources of non-compliant requests.
    pub sources: Sources,
    /// The client addresses of each day, of all lines.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub client_days: BTreeMap<Date, ClientSketch>,
    /// Requests that the load balancer answered with 400 and of which the logs do not have the actions: it is unknown whether the mode
    /// in force blocked them or a rule refused them.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub without_actions: u64,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl LoadBalancerTally {
    /// Requests with a tier.
    pub fn non_compliant(&self) -> u64 {
        self.causes.values().map(Answered::total).sum()
    }

    /// Requests of which the classification is known.
    pub fn classified(&self) -> u64 {
        self.compliant + self.non_compliant()
    }

    /// The hours in which there were lines.
    pub fn window(&self) -> Option<Window> {
        let (first, _) = self.hours.first_key_value()?;
        let (last, _) = self.hours.last_key_value()?;
        Some(Window::hour(*first).and(Window::hour(*last)))
    }

    /// Adds another count.
    pub fn merge(&mut self, other: &Self) {
        self.lines += other.lines;
        self.compliant += other.compliant;
        self.absent += other.absent;
        self.rejected += other.rejected;
        self.outside += other.outside;
        for (cause, answered) in &other.causes {
            self.causes.entry(cause.clone()).or_default().merge(answered);
        }
        self.unparsed.merge(&other.unparsed);
        for (hour, tally) in &other.hours {
            self.hours.entry(*hour).or_default().merge(tally);
        }
        for (mine, theirs) in [
            (&mut self.statuses, &other.statuses),
            (&mut self.target_groups, &other.target_groups),
            (&mut self.protocols, &other.protocols),
        ] {
            for (key, requests) in theirs {
                add(mine, key, *requests);
            }
        }
        self.sources.merge(&other.sources);
        for (day, clients) in &other.client_days {
            self.client_days.entry(*day).or_default().merge(clients);
        }
        self.without_actions += other.without_actions;
    }

    /// Client-days, at least: addresses that sent something on a day, summed up over the days.
    pub fn client_days_at_least(&self) -> u64 {
        self.client_days.values().map(ClientSketch::at_least).sum()
    }
}

/// Adds to a count without copying a key that is there.
pub(crate) fn add(counts: &mut BTreeMap<String, u64>, key: &str, requests: u64) {
    match counts.get_mut(key) {
        Some(count) => *count += requests,
        None => {
            counts.insert(key.to_owned(), requests);
        }
    }
}

/// The counts from the logs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Tally {
    /// By load balancer.
    pub load_balancers: BTreeMap<LoadBalancerKey, LoadBalancerTally>,
    /// Objects that are damaged or could not be read, by the load balancer that they are of. An object with lines of several load balancers
    /// counts for one of them, and the others are here with 0.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub incomplete: BTreeMap<LoadBalancerKey, u64>,
    /// Why lines of a load balancer are no evidence or not all of it, besides files that cannot be read: files that were refused, lines
    /// that may be of several load balancers, lines dated in the future. Clauses without a full stop.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub problems: BTreeMap<LoadBalancerKey, Sampled>,
    /// The files that were read to their ends, by load balancer; those only whose names are AWS's.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub files: BTreeMap<LoadBalancerKey, LogFiles>,
    /// How reading went.
    pub reading: Reading,
}

impl Tally {
    /// Adds another count. The order does not matter unless a table of sources is full; then it moves counts within the
    /// bound, so merge in the order of the objects' names where two runs have to be equal.
    pub fn merge(&mut self, other: &Self) {
        for (key, theirs) in &other.load_balancers {
            match self.load_balancers.get_mut(key) {
                Some(mine) => mine.merge(theirs),
                None => {
                    self.load_balancers.insert(key.clone(), theirs.clone());
                }
            }
        }
        for (key, files) in &other.files {
            self.files.entry(key.clone()).or_default().merge(files);
        }
        for (key, objects) in &other.incomplete {
            *self.incomplete.entry(key.clone()).or_default() += objects;
        }
        for (key, problems) in &other.problems {
            self.problems.entry(key.clone()).or_default().merge(problems);
        }
        self.reading.merge(&other.reading);
    }

    /// Lines that were understood.
    pub fn lines(&self) -> u64 {
        self.load_balancers.values().map(|load_balancer| load_balancer.lines).sum()
    }

    /// Lines that were not.
    pub fn unparsed(&self) -> u64 {
        self.reading.unparsed.count
            + self.load_balancers.values().map(|load_balancer| load_balancer.unparsed.count).sum::<u64>()
    }

    /// Whether everything that may be of a load balancer was read and understood: its own objects, and those whose names and lines do
    /// not show which load balancer they are of.
    pub fn is_whole_for(&self, key: &LoadBalancerKey) -> bool {
        let unparsed = self.load_balancers.get(key).map_or(0, |load_balancer| load_balancer.unparsed.count);
        let attributed: u64 = self.incomplete.values().sum();
        let problems = self.reading.damaged.count + self.reading.unread.count;
        unparsed == 0
            && self.reading.unparsed.count == 0
            && !self.incomplete.contains_key(key)
            && !self.problems.contains_key(key)
            && problems <= attributed
    }

    /// Whether everything that was listed was read and understood.
    pub fn is_whole(&self) -> bool {
        self.unparsed() == 0
            && self.reading.damaged.count == 0
            && self.reading.unread.count == 0
            && self.problems.is_empty()
    }
}

/// Maps whose keys are not texts, as lists of pairs.
mod as_list {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<K: Serialize, V: Serialize, S: Serializer>(
        map: &BTreeMap<K, V>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(map)
    }

    pub(super) fn deserialize<'de, K: Deserialize<'de> + Ord, V: Deserialize<'de>, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<BTreeMap<K, V>, D::Error> {
        Ok(Vec::<(K, V)>::deserialize(deserializer)?.into_iter().collect())
    }
}
