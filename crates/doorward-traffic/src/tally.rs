//! What the logs said, counted: per load balancer, mergeable, serializable. Every engine gives this and nothing else does.
//!
//! Every line is in exactly one place: compliant, one pair of classification and reason, absent (written before logs
//! had a classification), rejected (the load balancer could not parse the request at all, in any mode), or unparsed.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use doorward_model::{AccountId, Mode, Region};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::object::Listed;
use crate::top::Top;
use crate::window::{Hour, Window};

/// How many samples of unparsed lines and of damaged objects are kept.
const SAMPLES: usize = 5;

/// A load balancer as the logs name it. Files that lie outside AWS's key layout say neither account nor Region. Written
/// `account/region/app/name/id`, with `-` for what is not known.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct BalancerKey {
    /// The account, where the key says it.
    pub account: Option<AccountId>,
    /// The Region, where the key says it.
    pub region: Option<Region>,
    /// As lines and metrics name it: `app/name/id`.
    pub id: String,
}

/// A text that names no load balancer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} names no load balancer; it should read account/region/app/name/id")]
pub struct NoBalancer(String);

impl BalancerKey {
    /// Its name, without kind and id.
    pub fn name(&self) -> &str {
        let mut parts = self.id.split('/');
        match (parts.next(), parts.next()) {
            (Some(_), Some(name)) => name,
            _ => &self.id,
        }
    }
}

impl fmt::Display for BalancerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let account = self.account.as_ref().map_or("-", AccountId::as_str);
        write!(f, "{account}/{}/{}", self.region.as_ref().map_or("-", Region::as_str), self.id)
    }
}

impl FromStr for BalancerKey {
    type Err = NoBalancer;
    fn from_str(text: &str) -> Result<Self, NoBalancer> {
        let wrong = || NoBalancer(text.to_owned());
        let mut parts = text.splitn(3, '/');
        let (account, region, id) = (parts.next(), parts.next(), parts.next().filter(|id| !id.is_empty()));
        let account = account.filter(|text| *text != "-").map(AccountId::new).transpose().map_err(|_| wrong())?;
        let region = region.filter(|text| *text != "-").map(Region::new).transpose().map_err(|_| wrong())?;
        Ok(Self { account, region, id: id.ok_or_else(wrong)?.to_owned() })
    }
}

impl TryFrom<String> for BalancerKey {
    type Error = NoBalancer;
    fn try_from(text: String) -> Result<Self, NoBalancer> {
        text.parse()
    }
}

impl From<BalancerKey> for String {
    fn from(key: BalancerKey) -> Self {
        key.to_string()
    }
}

/// The tier that AWS gave a request that is not compliant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(from = "String", into = "String")]
#[schemars(with = "String")]
pub enum Tier {
    /// Deviates from the RFC, with no known risk.
    Acceptable,
    /// May be understood in different ways.
    Ambiguous,
    /// Is a risk in itself.
    Severe,
    /// A tier this version does not know, as the log has it.
    Other(String),
}

impl Tier {
    /// The tier in AWS's spelling.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Acceptable => "Acceptable",
            Self::Ambiguous => "Ambiguous",
            Self::Severe => "Severe",
            Self::Other(text) => text,
        }
    }

    /// What a mode does with it. Nobody knows what a mode does with a tier that is not known, so for that one the worst is
    /// assumed wherever something is blocked at all.
    pub fn in_mode(&self, mode: Mode) -> Treatment {
        match (mode, self) {
            (Mode::Monitor, _) | (Mode::Defensive, Self::Acceptable) => Treatment::Forwarded,
            (Mode::Defensive, Self::Ambiguous) => Treatment::ForwardedAndClosed,
            (Mode::Defensive, Self::Severe | Self::Other(_)) | (Mode::Strictest, _) => Treatment::Blocked,
        }
    }
}

impl From<String> for Tier {
    fn from(text: String) -> Self {
        match text.as_str() {
            "Acceptable" => Self::Acceptable,
            "Ambiguous" => Self::Ambiguous,
            "Severe" => Self::Severe,
            _ => Self::Other(text),
        }
    }
}

impl From<Tier> for String {
    fn from(tier: Tier) -> Self {
        tier.as_str().to_owned()
    }
}

/// What a mode does with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Treatment {
    /// Goes to the target.
    Forwarded,
    /// Goes to the target; afterwards both connections are closed.
    ForwardedAndClosed,
    /// Is answered with 400 by the load balancer.
    Blocked,
}

/// Classification and reason, as the log has them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Cause {
    /// The tier.
    pub tier: Tier,
    /// The reason code; codes this version does not know are kept.
    pub reason: String,
}

/// Who answered requests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Answered {
    /// A target, with a status below 400: a user who got what they came for.
    pub served: u64,
    /// A target, with a status of 400 or more.
    pub refused: u64,
    /// The load balancer, with another status than 400: redirects, fixed responses, a firewall's block, targets that failed.
    pub by_balancer: u64,
    /// The load balancer, with 400: blocked by the mode in force. What a target would have said nobody knows.
    pub blocked: u64,
}

/// One of the four of [`Answered`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// See [`Answered::served`].
    Served,
    /// See [`Answered::refused`].
    Refused,
    /// See [`Answered::by_balancer`].
    Balancer,
    /// See [`Answered::blocked`].
    Blocked,
}

impl Answered {
    /// Counts requests.
    pub fn add(&mut self, by: By, requests: u64) {
        *match by {
            By::Served => &mut self.served,
            By::Refused => &mut self.refused,
            By::Balancer => &mut self.by_balancer,
            By::Blocked => &mut self.blocked,
        } += requests;
    }

    /// All of them.
    pub fn total(&self) -> u64 {
        self.served + self.refused + self.by_balancer + self.blocked
    }

    /// Adds another count.
    pub fn merge(&mut self, other: &Self) {
        self.served += other.served;
        self.refused += other.refused;
        self.by_balancer += other.by_balancer;
        self.blocked += other.blocked;
    }
}

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
    }
}

/// A client as one can go and fix it: an address with the program it runs and what it does wrong.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Client {
    /// Its address.
    pub address: String,
    /// Its user agent, at most 200 bytes of it.
    pub agent: String,
    /// What it does.
    pub cause: Cause,
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
    /// By the domain the client asked for (SNI), or the host of the URL where there is none.
    pub domains: Top<String>,
    /// By target group ARN.
    pub target_groups: Top<String>,
    /// By address, agent and cause together.
    pub clients: Top<Client>,
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

/// A number, and the first few of what was counted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Sampled {
    /// How many.
    pub count: u64,
    /// The first few, at most 300 bytes of each, bytes that are no text replaced.
    pub samples: Vec<String>,
}

impl Sampled {
    /// Counts one.
    pub fn add(&mut self, sample: impl FnOnce() -> String) {
        self.count += 1;
        if self.samples.len() < SAMPLES {
            self.samples.push(sample());
        }
    }

    /// Adds another count.
    pub fn merge(&mut self, other: &Self) {
        self.count += other.count;
        let room = SAMPLES.saturating_sub(self.samples.len());
        self.samples.extend(other.samples.iter().take(room).cloned());
    }
}

/// One load balancer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BalancerTally {
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
    /// By the status that the client saw; `-` where there was none.
    pub statuses: BTreeMap<String, u64>,
    /// By target group ARN; `-` where no target was chosen.
    pub target_groups: BTreeMap<String, u64>,
    /// By protocol as the log has it: `http`, `https`, `h2`, `grpcs`, `ws`, `wss`.
    pub protocols: BTreeMap<String, u64>,
    /// Where what is not compliant comes from.
    pub sources: Sources,
}

impl BalancerTally {
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

/// How reading went.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Reading {
    /// Objects that were read to their end.
    pub objects: u64,
    /// Objects without a byte in them, which AWS does write now and then.
    pub empty: u64,
    /// Objects that are cut short, corrupt, or followed by something that is no log; what could be read of them is counted.
    pub damaged: Sampled,
    /// Objects that could not be fetched or opened at all.
    pub unread: Sampled,
    /// Bytes as they are stored.
    pub stored_bytes: u64,
    /// Bytes of lines.
    pub bytes: u64,
    /// Lines taken by the short way.
    pub short_way: u64,
    /// Lines taken by the full parser, understood or not.
    pub full_parser: u64,
    /// Lines that could not be understood, of objects whose load balancer is not known.
    pub unparsed: Sampled,
    /// What the listing held.
    pub listed: Listed,
}

impl Reading {
    /// Adds another count.
    pub fn merge(&mut self, other: &Self) {
        self.objects += other.objects;
        self.empty += other.empty;
        self.damaged.merge(&other.damaged);
        self.unread.merge(&other.unread);
        self.stored_bytes += other.stored_bytes;
        self.bytes += other.bytes;
        self.short_way += other.short_way;
        self.full_parser += other.full_parser;
        self.unparsed.merge(&other.unparsed);
        self.listed.merge(&other.listed);
    }
}

/// What the logs said.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Tally {
    /// By load balancer.
    pub balancers: BTreeMap<BalancerKey, BalancerTally>,
    /// How reading went.
    pub reading: Reading,
}

impl Tally {
    /// Adds another count. The order does not matter unless a table of sources is full; then it moves counts within the
    /// bound, so merge in the order of the objects' names where two runs have to be equal.
    pub fn merge(&mut self, other: &Self) {
        for (key, theirs) in &other.balancers {
            match self.balancers.get_mut(key) {
                Some(mine) => mine.merge(theirs),
                None => {
                    self.balancers.insert(key.clone(), theirs.clone());
                }
            }
        }
        self.reading.merge(&other.reading);
    }

    /// Lines that were understood.
    pub fn lines(&self) -> u64 {
        self.balancers.values().map(|balancer| balancer.lines).sum()
    }

    /// Lines that were not.
    pub fn unparsed(&self) -> u64 {
        self.reading.unparsed.count + self.balancers.values().map(|balancer| balancer.unparsed.count).sum::<u64>()
    }

    /// Whether everything that was listed was read and understood.
    pub fn is_whole(&self) -> bool {
        self.unparsed() == 0 && self.reading.damaged.count == 0 && self.reading.unread.count == 0
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
