//! Recording a scan that several processes read.

use std::collections::BTreeSet;

use doorward_ledger::{Ledger, LedgerError, RunHeader};
use doorward_model::{AccountId, Inventory, Region};

use super::{ScanRecorder, known_of};
use crate::AssembleError;
use doorward_core::discover::{DiscoverSettings, KnownOrganization, PlanKnowledge, add_unplanned};

/// The organizations of which a ledger contains scans.
#[derive(Debug, Clone, Default)]
pub struct KnownAhead {
    /// The organizations, as their newest scans read them.
    pub organizations: Vec<KnownOrganization>,
    /// The load balancers of each account-Region that has any.
    pub counts: Vec<(AccountId, Region, u64)>,
}

impl KnownAhead {
    /// Reads a ledger, and changes nothing in it. One that does not exist knows nothing.
    ///
    /// # Errors
    /// When the ledger cannot be read: processes that know different things would divide a scan differently.
    pub fn read(path: &std::path::Path) -> Result<Self, AssembleError> {
        let ledger = match Ledger::open_read_only(path) {
            Err(LedgerError::Missing { .. }) => return Ok(Self::default()),
            opened => opened?,
        };
        let organizations = ledger.newest_headers()?.into_iter().map(known_of).collect();
        Ok(Self { organizations, counts: ledger.load_balancer_counts()? })
    }
}

impl ScanRecorder {
    /// Adds the accounts and Regions that this ledger has and the plan of the shards lacks, as not read; `settings` are those of the merge,
    /// for parts that do not have their own. Returns the accounts.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn add_unplanned(
        &self,
        inventory: &mut Inventory,
        planned: &PlanKnowledge,
        settings: &DiscoverSettings,
    ) -> Result<Vec<AccountId>, AssembleError> {
        let settings = planned.discovered_by.as_ref().unwrap_or(settings);
        Ok(add_unplanned(inventory, settings, &self.known()?, &planned.departed))
    }

    /// Gives a merged scan an id of its own where a merge of other parts has recorded the id of its plan: shards that were repeated after
    /// that are another scan. A merge of the same parts keeps the id, so that it may be repeated.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn name_merged(&self, inventory: &mut Inventory) -> Result<(), AssembleError> {
        let readings = |inventory: &Inventory| {
            let cells = inventory.cells.iter();
            cells.map(|cell| (cell.account.clone(), cell.region.clone(), cell.read_at)).collect::<BTreeSet<_>>()
        };
        let (recorded, own) = (self.ledger.runs()?, readings(inventory));
        let planned = inventory.run.id.clone();
        for number in 2.. {
            if !recorded.iter().any(|run| run.id == inventory.run.id) {
                break;
            }
            // Where the raw data was deleted, nothing proves that the parts are the same.
            if self.ledger.inventory(&inventory.run.id)?.is_some_and(|earlier| readings(&earlier) == own) {
                break;
            }
            inventory.run.id = format!("{planned}-{number}");
        }
        Ok(())
    }

    /// Begins and ends the collecting of a scan that others read; `plan` and `settings` identify what they read. A merge that was stopped
    /// before its record is done again, and a scan that is recorded already is left as it is.
    ///
    /// # Errors
    /// When the ledger cannot be read or written.
    pub async fn begin_merged(
        &mut self,
        inventory: &Inventory,
        plan: String,
        settings: String,
    ) -> Result<(), AssembleError> {
        self.wait_to_record().await?;
        let run = &inventory.run;
        self.run.clone_from(&run.id);
        let lease = self.lease()?;
        let header = RunHeader {
            run: run.clone(),
            organization: inventory.organization.clone(),
            accounts: inventory.accounts.clone(),
            accounts_listing: inventory.accounts_listing.clone(),
            plan,
            settings,
        };
        self.ledger.together(|ledger| {
            if ledger.runs()?.iter().any(|recorded| recorded.id == run.id) {
                return Ok(());
            }
            let mut begun = false;
            while let Some(old) = ledger.unfinished_run()? {
                if old.header.run.id == run.id {
                    begun = true;
                    break;
                }
                ledger.abandon_run(&lease, &old.header.run.id)?;
            }
            if !begun {
                ledger.begin_run(&lease, &header)?;
            }
            ledger.finish_run(&lease, inventory)
        })?;
        Ok(())
    }
}
