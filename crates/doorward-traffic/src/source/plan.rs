//! What would be read, before any of it is: objects, bytes and prices.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use doorward_model::{AccountRegion, Gap, Region};

use crate::object::{INTERVAL, Listed, LogObject};
use crate::plan::{BalancerPlan, ListedObject};
use crate::tally::BalancerKey;

/// A span of time: the start is in it, the end is not.
pub type Span = (Timestamp, Timestamp);

/// Where the logs of a load balancer lie, and which of them are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogPlace {
    /// The load balancer; it must have an account and a Region.
    pub balancer: BalancerKey,
    /// The bucket, from its attributes.
    pub bucket: String,
    /// The key prefix, from its attributes; empty when there is none.
    pub prefix: String,
    /// The account-Region whose session reads them. The account may be another one than the load balancer's; the Region
    /// is the one the bucket is expected in, which is the load balancer's.
    pub reader: AccountRegion,
    /// The times whose lines are wanted, in order and apart. Widen them by an interval where lines may be late.
    pub spans: Vec<Span>,
}

impl LogPlace {
    /// Whether an object that ends at `end` can hold lines of the spans.
    pub(super) fn wants(&self, end: Timestamp) -> bool {
        self.spans.iter().any(|span| may_hold(*span, end))
    }
}

/// Whether an object that ends at `end` can hold lines of a span.
pub(super) fn may_hold((start, stop): Span, end: Timestamp) -> bool {
    end > start && end <= last_end((start, stop))
}

/// The latest end of an object with lines of a span.
pub(super) fn last_end((_, stop): Span) -> Timestamp {
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

/// Something that could not be listed or read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missed {
    /// The load balancer whose logs are not complete for it.
    pub balancer: BalancerKey,
    /// What it was, as `s3://bucket/key`, or a prefix of keys.
    pub what: String,
    /// Why.
    pub gap: Gap,
}

/// What would be read. Its order is that of places and keys, whatever order the answers came in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogPlan {
    /// The objects, each log once.
    pub objects: Vec<Planned>,
    /// What the listing held, by kind.
    pub listed: Listed,
    /// Prefixes that could not be listed. Their objects are not planned, and their number is unknown.
    pub missed: Vec<Missed>,
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
    pub fn cost(&self, prices: &SourcePrices) -> Cost {
        Cost {
            requests: self.lists as f64 * prices.per_list + self.gets() as f64 * prices.per_get,
            transfer_from_afar: self.bytes() as f64 * prices.per_byte_out,
        }
    }

    /// The objects as [`crate::plan()`] takes them, which leaves out those that the metric clears.
    pub fn offered(&self) -> Vec<ListedObject> {
        let listed = |planned: &Planned| ListedObject {
            object: planned.object.clone(),
            key: planned.key.clone(),
            bytes: planned.bytes,
        };
        self.objects.iter().map(listed).collect()
    }

    /// The same with those objects only that other plans fetch.
    #[must_use]
    pub fn only(&self, plans: &[BalancerPlan]) -> Self {
        let wanted: BTreeSet<&str> =
            plans.iter().flat_map(|plan| plan.fetch.iter().map(|listed| listed.key.as_str())).collect();
        let objects = self.objects.iter().filter(|object| wanted.contains(object.key.as_str())).cloned().collect();
        Self { objects, ..self.clone() }
    }

    /// Bytes by the Region that they lie in.
    pub fn bytes_by_region(&self) -> BTreeMap<Region, u64> {
        let mut regions = BTreeMap::new();
        for object in &self.objects {
            *regions.entry(object.reader.region.clone()).or_insert(0) += object.bytes;
        }
        regions
    }
}

/// List prices in US dollars. They differ between Regions and change; an operator sets their own.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SourcePrices {
    /// One list request.
    pub per_list: f64,
    /// One GET request.
    pub per_get: f64,
    /// One byte that leaves the bucket's Region.
    pub per_byte_out: f64,
    /// One byte that Athena scans.
    pub per_byte_scanned: f64,
    /// One metric that CloudWatch is asked for.
    pub per_metric: f64,
}

impl Default for SourcePrices {
    /// 5 dollars for a million lists, 0.40 for a million GETs, 0.09 for a gigabyte to the internet, 5 for a terabyte scanned,
    /// 0.01 for a thousand metrics.
    fn default() -> Self {
        Self { per_list: 5e-6, per_get: 4e-7, per_byte_out: 0.09 / 1e9, per_byte_scanned: 5.0 / 1e12, per_metric: 1e-5 }
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
