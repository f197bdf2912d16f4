//! A ledger under its lease, shared by deliveries and by the code that releases the lease.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use doorward_core::Clock;
use doorward_ledger::{LEASE_TTL, Lease, Ledger, LedgerError};

use crate::exit::{Exit, Failure};
use crate::scan_recorder::ScanRecorder;

/// A ledger that several deliveries use. Its calls block for milliseconds.
#[derive(Clone)]
pub(crate) struct LeasedLedger {
    shared: Arc<Mutex<(Ledger, Option<Lease>)>>,
    clock: Option<Clock>,
}

impl LeasedLedger {
    /// A ledger that is only read.
    pub(crate) fn reading(ledger: Ledger) -> Self {
        Self { shared: Arc::new(Mutex::new((ledger, None))), clock: None }
    }

    /// A ledger that is written, under the lease of a recorder.
    pub(crate) fn writing(recorder: ScanRecorder, clock: Clock) -> Result<Self, Failure> {
        Ok(Self { shared: Arc::new(Mutex::new(recorder.into_parts()?)), clock: Some(clock) })
    }

    pub(crate) fn read<T>(&self, act: impl FnOnce(&Ledger) -> Result<T, LedgerError>) -> Result<T, String> {
        let shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        act(&shared.0).map_err(|e| e.to_string())
    }

    /// Reads by an action with an error of its own.
    pub(crate) fn with<T>(&self, act: impl FnOnce(&Ledger) -> Result<T, Failure>) -> Result<T, Failure> {
        act(&self.shared.lock().unwrap_or_else(PoisonError::into_inner).0)
    }

    /// Writes, and renews the lease: deliveries may last longer than a lease.
    pub(crate) fn write<T>(
        &self,
        act: impl FnOnce(&mut Ledger, &Lease) -> Result<T, LedgerError>,
    ) -> Result<T, String> {
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        let (ledger, Some(lease)) = &mut *shared else { return Err("it was opened for reading".to_owned()) };
        if let Some(clock) = &self.clock {
            ledger.renew_lease(lease, clock(), LEASE_TTL).map_err(|e| e.to_string())?;
        }
        act(ledger, lease).map_err(|e| e.to_string())
    }

    /// Renews the lease.
    pub(crate) fn renew(&self) -> Result<(), Failure> {
        self.write(|_, _| Ok(())).map_err(|problem| Failure::new(Exit::Sink, problem))
    }

    /// Releases the lease. All clones must be dropped by then.
    pub(crate) fn release(self) -> Result<(), Failure> {
        let busy = || Failure::new(Exit::Internal, "the ledger is still in use after the delivery");
        let (mut ledger, lease) =
            Arc::into_inner(self.shared).ok_or_else(busy)?.into_inner().unwrap_or_else(PoisonError::into_inner);
        lease.map_or(Ok(()), |lease| ledger.release_lease(lease).map_err(Failure::from))
    }
}

/// Opens a ledger that a command only reads.
pub(crate) fn read_only(path: &Path) -> Result<Ledger, Failure> {
    Ledger::open_read_only(path).map_err(|e| Failure::new(Exit::Usage, e.to_string()))
}
