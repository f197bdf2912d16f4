//! Why a part cannot be used. Each sentence continues the name of the file and a colon.

use jiff::{SignedDuration, Timestamp};

/// Why a part cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PartProblem {
    /// The file cannot be opened or read.
    #[error("it cannot be read: {0}")]
    Unreadable(String),
    /// The first line is not that of a part.
    #[error("this version cannot read it as a part of a scan: {0}")]
    NotAPart(String),
    /// The closing line is missing.
    #[error("it ends at line {0} without its closing line: its shard was stopped, or the copy is incomplete")]
    Truncated(usize),
    /// Its content contradicts itself.
    #[error("it is broken: {0}")]
    Broken(String),
    /// The file of a plan, where a part is expected.
    #[error("it is the plan of a scan, not a part; pass it with --discovered")]
    Plan,
    /// Another file is of the same shard.
    #[error("shard {shard} was passed twice, also as {other}; pass only one of the two")]
    Twice {
        /// The shard.
        shard: String,
        /// The other file.
        other: String,
    },
    /// It belongs to another scan.
    #[error("it is a part of another scan: {0} differs from the other parts")]
    Foreign(String),
    /// Its scan began too long ago.
    #[error("its scan began on {started}, more than {limit:#} ago (scan.resume_within)")]
    Stale {
        /// When it began.
        started: Timestamp,
        /// The longest time.
        limit: SignedDuration,
    },
    /// Its scan began in the future.
    #[error("its scan began on {0}, which is in the future; check the clocks of the machines")]
    Ahead(Timestamp),
}
