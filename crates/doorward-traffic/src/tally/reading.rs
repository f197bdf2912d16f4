//! How reading went: files and lines by what became of them, with samples.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::object::Listed;

/// How many samples of unparsed lines and of damaged objects are kept.
const SAMPLES: usize = 5;

/// A count, and its first few items.
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
