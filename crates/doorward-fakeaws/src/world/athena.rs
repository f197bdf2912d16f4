//! Athena's memory: the answers that the world prepared, and the queries that were started.

use super::spec::AthenaSpec;

/// Athena in one account-Region.
#[derive(Debug, Default)]
pub(crate) struct Athena {
    /// Prepared answers, in order; the first that fits a query is its.
    pub(crate) prepared: Vec<AthenaSpec>,
    /// Queries in the order in which they were started.
    pub(crate) queries: Vec<Query>,
    /// Tables that were made: name, and where the data lie.
    pub(crate) tables: Vec<(String, String)>,
}

/// A query that was started.
#[derive(Debug, Clone)]
pub(crate) struct Query {
    pub(crate) id: String,
    pub(crate) sql: String,
    pub(crate) database: String,
    pub(crate) workgroup: String,
    pub(crate) output: String,
    /// Token that makes starting it again the same query.
    pub(crate) token: Option<String>,
    /// How often its state was asked for: it is queued, then running, then done.
    pub(crate) looks: u32,
    pub(crate) stopped: bool,
    pub(crate) answer: AthenaSpec,
}

impl Athena {
    /// The answer prepared for a query; an empty one when there is none, as for statements that define something.
    pub(crate) fn answer(&self, sql: &str) -> AthenaSpec {
        self.prepared.iter().find(|answer| sql.contains(&answer.contains)).cloned().unwrap_or_default()
    }
}
