//! What would be read, before any of it is: objects, bytes and prices.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use doorward_model::{AccountRegion, Gap};

use crate::object::{INTERVAL, Listed, LogObject};
use crate::prices::Prices;
use crate::tally::LoadBalancerKey;

/// A span of time: the start is in it, the end is not.
pub type LogSpan = (Timestamp, Timestamp);

/// Where the logs of a load balancer lie, and which of them are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogPlace {
    /// The load balancer; it must have an account and a Region.
    pub load_balancer: LoadBalancerKey,
    /// The bucket, from its attributes.
    pub bucket: String,
    /// The key prefix, from its attributes; empty when there is none.
    pub prefix: String,
    /// The account-Region whose session reads them. The account may be another one than the load balancer's; the Region
    /// is the one the bucket is expected in, which is the load balancer's.
    pub reader: AccountRegion,
    /// The times whose lines are wanted, in order and apart. Widen them by an interval where lines may be late.
    pub spans: Vec<LogSpan>,
}

impl LogPlace {
    /// Whether an object that ends at `end` can hold lines of the spans.
    pub(crate) fn wants(&self, end: Timestamp) -> bool {
        self.spans.iter().any(|span| may_hold(*span, end))
    }
}

/// Whether an object that ends at `end` can hold lines of a span.
pub(super) fn may_hold((start, stop): LogSpan, end: Timestamp) -> bool {
    end > start && end <= last_end((start, stop))
}

/// The latest end of an object with lines of a span.
pub(super) fn last_end((_, stop): LogSpan) -> Timestamp {
    stop.saturating_add(INTERVAL).unwrap_or(Timestamp::MAX)
}

/// An object that will be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// The fields of its key.
    pub object: LogObject,
    /// The bucket.
    pub bucket: String,
    /// The key, with its prefix.
    pub key: String,
    /// The entity tag, which identifies its content; a checkpoint may keep it.
    pub etag: String,
    /// Its size in bytes, as stored.
    pub bytes: u64,
    /// The account-Region whose session reads it; the Region is the bucket's own.
    pub reader: AccountRegion,
    /// Number of its place, as given.
    pub place: usize,
}

/// A log object or a prefix that could not be listed or read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UnreadLogs {
    /// The load balancer whose logs are not complete for it.
    pub load_balancer: LoadBalancerKey,
    /// The object as `s3://bucket/key`, or a prefix of keys.
    pub what: String,
    /// Why.
    pub gap: Gap,
}

/// The logs to read, in the order of places and keys, whatever the order of the responses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogPlan {
    /// The objects, each log once.
    pub objects: Vec<Planned>,
    /// The listed objects, by kind.
    pub listed: Listed,
    /// The same of each place, in their order.
    pub listed_of: Vec<Listed>,
    /// Prefixes that could not be listed. Their objects are not planned, and their number is unknown.
    pub missed: Vec<UnreadLogs>,
    /// List requests that it took.
    pub lists: u64,
}

impl LogPlan {
    /// Bytes that will be read, as stored.
    pub fn bytes(&self) -> u64 {
        self.objects.iter().map(|object| object.bytes).sum()
    }

    /// Requests that will be made; an empty object takes none.
    pub fn gets(&self) -> u64 {
        self.objects.iter().filter(|object| object.bytes > 0).count() as u64
    }

    /// What reading it costs, and what listing it did.
    pub fn cost(&self, prices: &Prices) -> Cost {
        Cost { requests: prices.requests(self.lists, self.gets()), transfer_from_afar: prices.bytes_out(self.bytes()) }
    }
}

/// A cost in US dollars.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cost {
    /// Requests, wherever they come from.
    pub requests: f64,
    /// The bytes, if they are read from outside AWS; within the bucket's Region they cost nothing.
    pub transfer_from_afar: f64,
}
