//! A ledger held under its lease while something is delivered, shared by the deliveries and whoever gives the lease back.

use std::sync::{Arc, Mutex, PoisonError};

use doorward_core::Clock;
use doorward_ledger::{LEASE_TTL, Lease, Ledger, LedgerError};

use crate::exit::{Exit, Failure};
use crate::memory::{Memory, failed};

/// The ledger. Its calls block for milliseconds.
#[derive(Clone)]
pub(crate) struct Held {
    shared: Arc<Mutex<(Ledger, Option<Lease>)>>,
    clock: Option<Clock>,
}

impl Held {
    /// For looking only.
    pub(crate) fn reading(ledger: Ledger) -> Self {
        Self { shared: Arc::new(Mutex::new((ledger, None))), clock: None }
    }

    /// For writing, once its lease is there.
    pub(crate) fn writing(memory: Memory, clock: Clock) -> Result<Self, Failure> {
        Ok(Self { shared: Arc::new(Mutex::new(memory.into_parts()?)), clock: Some(clock) })
    }

    pub(crate) fn read<T>(&self, act: impl FnOnce(&Ledger) -> Result<T, LedgerError>) -> Result<T, String> {
        let shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        act(&shared.0).map_err(|e| e.to_string())
    }

    /// Looks, by an act that fails in its own way.
    pub(crate) fn with<T>(&self, act: impl FnOnce(&Ledger) -> Result<T, Failure>) -> Result<T, Failure> {
        act(&self.shared.lock().unwrap_or_else(PoisonError::into_inner).0)
    }

    /// Writes, and holds on to the lease: deliveries may last longer than it does.
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

    /// Holds on to the lease while something else is done.
    pub(crate) fn renew(&self) -> Result<(), Failure> {
        self.write(|_, _| Ok(())).map_err(|problem| Failure::new(Exit::Sink, problem))
    }

    /// Gives the lease back. Nobody else may hold the ledger any more.
    pub(crate) fn release(self) -> Result<(), Failure> {
        let busy = || Failure::new(Exit::Internal, "the ledger is still in use after the delivery");
        let (mut ledger, lease) =
            Arc::into_inner(self.shared).ok_or_else(busy)?.into_inner().unwrap_or_else(PoisonError::into_inner);
        lease.map_or(Ok(()), |lease| ledger.release_lease(lease).map_err(failed))
    }
}
