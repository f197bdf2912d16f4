//! The names that the ledger knows: what a filter may name, and what a shell completes.

use std::collections::BTreeSet;

use rusqlite::Connection;

use crate::findings::OWNER_UNREAD;
use crate::owner_spelling::OWNER_SQL;
use crate::{Ledger, LedgerError};

/// Names of every recorded scan, each list sorted and without repetition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KnownNames {
    /// Account ids.
    pub accounts: Vec<String>,
    /// Owners of load balancers as last read, as most load balancers have them written; `(owner unread)` where it could not be read.
    pub owners: Vec<String>,
    /// Organizational units as paths of names, as last read.
    pub ous: Vec<String>,
    /// Rules of which a finding is recorded.
    pub rules: Vec<String>,
    /// The ids of scans, the newest first.
    pub runs: Vec<String>,
}

impl Ledger {
    /// The names that the ledger knows.
    ///
    /// # Errors
    ///
    /// The ledger cannot be read.
    pub fn known_names(&self) -> Result<KnownNames, LedgerError> {
        let mut names = self.read("listing names", |db| {
            Ok(KnownNames {
                accounts: list(db, "SELECT DISTINCT account FROM places")?,
                owners: list(
                    db,
                    &format!(
                        "SELECT DISTINCT coalesce({OWNER_SQL}, '{OWNER_UNREAD}') FROM load_balancers b
                         JOIN groupings g ON g.id = b.grouping"
                    ),
                )?,
                ous: list(
                    db,
                    "SELECT DISTINCT json_extract(g.document, '$.ou') FROM load_balancers b
                     JOIN groupings g ON g.id = b.grouping WHERE json_extract(g.document, '$.ou') IS NOT NULL",
                )?,
                rules: list(db, "SELECT DISTINCT name FROM rules")?,
                runs: Vec::new(),
            })
        })?;
        names.runs = self.runs()?.into_iter().rev().map(|run| run.id).collect();
        Ok(names)
    }
}

fn list(db: &Connection, query: &str) -> rusqlite::Result<Vec<String>> {
    let mut query = db.prepare(query)?;
    let names = query.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<BTreeSet<String>>>()?;
    Ok(names.into_iter().collect())
}
