//! How owners are written: figures are grouped by a folded name, and shown under the name as most load balancers have it.

use std::collections::BTreeMap;

use doorward_model::{LoadBalancer, OwnerNames, owner_key};
use rusqlite::Connection;

use crate::error::LedgerFault;

/// The entry of a grouping's document with the owner as it is written. Absent where that is the folded name, as in ledgers of earlier
/// versions.
const WRITTEN: &str = "owner as written";
/// The entry with the folded name.
const FOLDED: &str = "owner";

/// The entry for the owner of a load balancer, where one is needed.
pub(crate) fn entry(lb: &LoadBalancer, names: &OwnerNames) -> Option<(&'static str, String)> {
    let owner = lb.owner.known()?;
    let written = names.shown(&owner.name);
    (written != owner_key(&owner.name)).then(|| (WRITTEN, written.to_owned()))
}

/// The owner of a grouping's document, as it is written.
pub(crate) fn owner_in(document: &BTreeMap<String, String>) -> Option<&String> {
    document.get(WRITTEN).or_else(|| document.get(FOLDED))
}

/// The owner of the grouping `g` as a SQL expression, as it is written.
pub(crate) const OWNER_SQL: &str =
    "coalesce(json_extract(g.document, '$.\"owner as written\"'), json_extract(g.document, '$.owner'))";

/// Owners as they are written, by their folded names.
#[derive(Default)]
pub(crate) struct OwnerSpellings(BTreeMap<String, String>);

impl OwnerSpellings {
    /// The spelling that most load balancers of the ledger have; of those the first in byte order.
    pub(crate) fn read(db: &Connection) -> Result<Self, LedgerFault> {
        let mut counted: BTreeMap<String, BTreeMap<String, i64>> = BTreeMap::new();
        let mut query = db.prepare(
            "SELECT g.document, count(*) FROM load_balancers b JOIN groupings g ON g.id = b.grouping GROUP BY g.id",
        )?;
        let mut rows = query.query([])?;
        while let Some(row) = rows.next()? {
            let document: BTreeMap<String, String> = serde_json::from_str(&row.get::<_, String>(0)?)?;
            if let (Some(folded), Some(written)) = (document.get(FOLDED), owner_in(&document)) {
                let count = counted.entry(folded.clone()).or_default().entry(written.clone()).or_default();
                *count += row.get::<_, i64>(1)?;
            }
        }
        let most = |spellings: BTreeMap<String, i64>| {
            let most = spellings.into_iter().max_by(|(a, n), (b, m)| n.cmp(m).then_with(|| b.cmp(a)));
            most.map(|(written, _)| written)
        };
        Ok(Self(counted.into_iter().filter_map(|(folded, spellings)| Some((folded, most(spellings)?))).collect()))
    }

    /// The owner of a group, as it is written.
    pub(crate) fn shown(&self, folded: &str) -> String {
        self.0.get(folded).map_or(folded, String::as_str).to_owned()
    }
}
