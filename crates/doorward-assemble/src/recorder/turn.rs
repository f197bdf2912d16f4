//! The turn of a recorder: when it takes the lease of the ledger, and how it waits for it.

use std::time::Duration;

use doorward_ledger::LedgerError;

use super::ScanRecorder;
use crate::AssembleError;

/// How often a lease is asked for that another process holds.
const PAUSE: Duration = Duration::from_millis(300);

/// The same where each question is a request to S3.
const SHARED_PAUSE: Duration = Duration::from_secs(2);

impl ScanRecorder {
    /// Takes the lease for a scan that begins to read. With a shared ledger, a scan takes it when it has read:
    /// [`ScanRecorder::wait_to_record`].
    ///
    /// # Errors
    /// When the ledger cannot be read or written.
    pub async fn wait_to_read(&mut self) -> Result<(), AssembleError> {
        if self.ledger.is_shared() { Ok(()) } else { self.wait_for_turn().await }
    }

    /// Takes the lease for a scan that has read everything, if it does not have it. From here on, no event is recorded before the scan.
    ///
    /// # Errors
    /// When the ledger cannot be read or written.
    pub async fn wait_to_record(&mut self) -> Result<(), AssembleError> {
        if self.lease.is_some() { Ok(()) } else { self.wait_for_turn().await }
    }

    /// Takes the lease. Waits while another process holds it, and reports that once.
    ///
    /// # Errors
    /// When the ledger cannot be read or written.
    pub async fn wait_for_turn(&mut self) -> Result<(), AssembleError> {
        let (owner, pause) = match self.ledger.is_shared() {
            true => (format!("process {} on {}", std::process::id(), machine()), SHARED_PAUSE),
            false => (format!("process {}", std::process::id()), PAUSE),
        };
        let mut announced = false;
        loop {
            match self.ledger.acquire_lease(&owner, (self.clock)(), self.ledger.lease_ttl()) {
                Ok(lease) => {
                    self.lease = Some(lease);
                    return Ok(());
                }
                Err(held @ LedgerError::Held { .. }) => {
                    if !announced {
                        (self.notices)(&format!("waiting: {held}"));
                        announced = true;
                    }
                    tokio::time::sleep(pause).await;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// The name of this machine, for those who wait for it.
fn machine() -> String {
    let named = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let plain: String = named.trim().chars().filter(|c| c.is_ascii_graphic()).take(64).collect();
    if plain.is_empty() { "another machine".to_owned() } else { plain }
}
