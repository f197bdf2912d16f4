//! A ledger under its lease, shared by the deliveries and changes of one process and by the code that releases the lease.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use crate::{Lease, Ledger, LedgerError};

/// A ledger that several parts of a process use; clones share it. Its calls block for milliseconds.
#[derive(Clone)]
pub struct LeasedLedger {
    shared: Arc<Mutex<(Ledger, Option<Lease>)>>,
    now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
}

impl LeasedLedger {
    /// A ledger that is only read.
    ///
    /// # Errors
    /// When there is no ledger at the path, or it cannot be opened.
    pub fn reading(path: &Path) -> Result<Self, LedgerError> {
        let ledger = Ledger::open_read_only(path)?;
        Ok(Self { shared: Arc::new(Mutex::new((ledger, None))), now: Arc::new(|| Timestamp::UNIX_EPOCH) })
    }

    /// A ledger that is written under a lease; `now` is the clock by which the lease is renewed.
    pub fn writing(ledger: Ledger, lease: Lease, now: Arc<dyn Fn() -> Timestamp + Send + Sync>) -> Self {
        Self { shared: Arc::new(Mutex::new((ledger, Some(lease)))), now }
    }

    fn lock(&self) -> MutexGuard<'_, (Ledger, Option<Lease>)> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads.
    ///
    /// # Errors
    /// Those of the action.
    pub fn read<T, E>(&self, act: impl FnOnce(&Ledger) -> Result<T, E>) -> Result<T, E> {
        act(&self.lock().0)
    }

    /// Writes, and renews the lease: deliveries may last longer than a lease.
    ///
    /// # Errors
    /// [`LedgerError::NoLease`] for a ledger that is only read, [`LedgerError::Fenced`] when the lease was lost, and those of the
    /// action.
    pub fn write<T>(&self, act: impl FnOnce(&mut Ledger, &Lease) -> Result<T, LedgerError>) -> Result<T, LedgerError> {
        let mut shared = self.lock();
        let (ledger, lease) = &mut *shared;
        let Some(lease) = lease else { return Err(LedgerError::NoLease { path: ledger.path().to_owned() }) };
        ledger.renew_lease(lease, (self.now)(), ledger.lease_ttl())?;
        act(ledger, lease)
    }

    /// How often the lease is to be renewed while something lasts that does not write.
    pub fn renewal(&self) -> Duration {
        Duration::try_from(self.lock().0.lease_ttl() / 3).unwrap_or(Duration::from_secs(10))
    }

    /// Renews the lease.
    ///
    /// # Errors
    /// As [`LeasedLedger::write`].
    pub fn renew(&self) -> Result<(), LedgerError> {
        self.write(|_, _| Ok(()))
    }

    /// Releases the lease: what is still shared can read from here on, and no longer write.
    ///
    /// # Errors
    /// When the ledger cannot be written; the lease then expires by itself.
    pub fn release(self) -> Result<(), LedgerError> {
        let mut shared = self.lock();
        let lease = shared.1.take();
        lease.map_or(Ok(()), |lease| shared.0.release_lease(lease))
    }
}
