//! Athena in one account-Region: declared results, started queries and created tables.

use super::spec::AthenaSpec;

/// Athena in one account-Region.
#[derive(Debug, Default)]
pub(crate) struct Athena {
    /// Declared results, in order; a query gets the first that matches.
    pub(crate) prepared: Vec<AthenaSpec>,
    /// Queries in the order of their start.
    pub(crate) queries: Vec<Query>,
    /// Created tables: name, and location of the data.
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
    /// Client request token: starting a query with it again is the same query.
    pub(crate) token: Option<String>,
    /// How often its state was polled; the state depends on it.
    pub(crate) polls: u32,
    pub(crate) stopped: bool,
    pub(crate) answer: AthenaSpec,
}

impl Athena {
    /// The declared result of a query; an empty one if none matches, as for statements that create something.
    pub(crate) fn answer(&self, sql: &str) -> AthenaSpec {
        self.prepared.iter().find(|answer| sql.contains(&answer.contains)).cloned().unwrap_or_default()
    }
}
