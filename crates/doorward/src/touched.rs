//! Who touched modes, as the ledger knows it: what Doorward did by its journal, and what events say that others did.

use std::collections::BTreeMap;

use doorward_ledger::Ledger;
use doorward_model::{AppliedChange, Arn, Edit, LoadBalancer};

use crate::change;
use crate::exit::Failure;
use crate::memory::failed;

/// What Doorward did to the modes, by load balancer; the oldest change of each first.
pub(crate) type Changes = BTreeMap<Arn, Vec<AppliedChange>>;

/// Who left load balancers in the mode they were last seen in.
pub(crate) type Edits = BTreeMap<Arn, Edit>;

/// Both.
#[derive(Debug, Default)]
pub(crate) struct Touched {
    pub(crate) changes: Changes,
    pub(crate) edits: Edits,
}

impl Touched {
    /// All that a ledger knows.
    pub(crate) fn of(ledger: &Ledger) -> Result<Self, Failure> {
        let edits = ledger.edits().map_err(failed)?;
        let edits = edits.into_iter().filter_map(|(arn, edit)| Some((Arn::new(&arn).ok()?, edit))).collect();
        Ok(Self { changes: change::changes(ledger)?, edits })
    }

    /// Joins to a load balancer what is known of it. Who left it in another mode than it is in now did not leave it in this one.
    pub(crate) fn join(&mut self, lb: &mut LoadBalancer) {
        lb.changes = self.changes.remove(&lb.arn).unwrap_or_default();
        lb.edited = self.edits.remove(&lb.arn).filter(|edit| lb.mode.known() == Some(&edit.left));
    }
}
