//! The memory as the binary fulfils it: with a ledger on a disk, which forgets nothing between two processes.

use std::path::Path;
use std::sync::Mutex;

use doorward_ledger::{DigestIntent, LEASE_TTL, Lease, Ledger, OpenOptions};
use doorward_notify::{DeliveryStore, DeliveryStoreError, Dispatcher, Environment, Fate, Intent, Remembered};
use jiff::Timestamp;

use crate::bed::{RULES, day, directory, report, settings, slack};
use crate::doubles::{Act, Receiver, time};

struct Kept(Mutex<(Ledger, Lease)>);

fn kept(path: &Path, owner: &str, days: i64) -> Kept {
    let mut ledger = Ledger::open(path, OpenOptions::default()).expect("opens");
    let lease = ledger.acquire_lease(owner, day(days), LEASE_TTL).expect("free");
    Kept(Mutex::new((ledger, lease)))
}

fn there(intent: DigestIntent) -> Intent {
    Intent { id: intent.id, state: intent.state, at: intent.at }
}

fn here(intent: &Intent) -> DigestIntent {
    DigestIntent { id: intent.id.clone(), state: intent.state.clone(), at: intent.at }
}

fn written(error: impl std::fmt::Display) -> DeliveryStoreError {
    DeliveryStoreError { verb: "written", problem: error.to_string() }
}

impl DeliveryStore for Kept {
    fn recall(&self, audience: &str, channel: &str) -> Result<Remembered, DeliveryStoreError> {
        let row = self.0.lock().expect("no panic").0.digest(audience, channel).map_err(written)?;
        let (delivered, open) = (row.delivered.map(there), row.open.map(there));
        Ok(Remembered { delivered, open, attempts: row.attempts, failure: row.failure })
    }

    fn intend(&self, audience: &str, channel: &str, intent: &Intent) -> Result<(), DeliveryStoreError> {
        let (ledger, lease) = &mut *self.0.lock().expect("no panic");
        ledger.digest_intend(lease, audience, channel, &here(intent)).map_err(written)
    }

    fn acknowledge(&self, audience: &str, channel: &str, id: &str, at: Timestamp) -> Result<(), DeliveryStoreError> {
        let (ledger, lease) = &mut *self.0.lock().expect("no panic");
        ledger.digest_acknowledge(lease, audience, channel, id, at).map_err(written)
    }

    fn fail(
        &self,
        audience: &str,
        channel: &str,
        open: Option<&Intent>,
        reason: &str,
    ) -> Result<(), DeliveryStoreError> {
        let (ledger, lease) = &mut *self.0.lock().expect("no panic");
        ledger.digest_fail(lease, audience, channel, open.map(here).as_ref(), reason).map_err(written)
    }
}

#[tokio::test]
async fn a_ledger_remembers_what_was_reported() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ledger.db");
    let mut acts = [Act::Answer(403, ""), Act::TakeAndHangup, Act::TakeAndHangup].into_iter();
    let receiver = Receiver::start(Default::default(), move || acts.next().unwrap_or(Act::Take)).await;
    let environment = Environment::new([("HOOK".to_owned(), receiver.url())]);
    // Refused; perhaps arrived, twice; arrived; known.
    let (mut reported, mut attempts) = (Vec::new(), Vec::new());
    for days in 1..=4 {
        let mut all = settings(&["web"], vec![("chat", slack("HOOK"))]);
        all.tries = if days == 2 { 2 } else { 1 };
        let memory = kept(&path, &format!("run {days}"), days);
        let courier = Dispatcher::new(directory(all), &environment, memory, None, time().0).expect("opens");
        let outcome = courier.deliver(&report(days, "a:high@web"), &RULES).await;
        reported.push(match &outcome.lines[0].fate {
            Fate::Delivered { may_repeat } => format!("delivered {may_repeat}"),
            Fate::Failed { unclear, .. } => format!("failed {unclear}"),
            Fate::Unchanged => "unchanged".to_owned(),
        });
        attempts.push(outcome.lines[0].attempts);
    }
    assert_eq!(reported, ["failed false", "failed true", "delivered true", "unchanged"]);
    assert_eq!(attempts, [1, 2, 3, 0]);
    assert_eq!(receiver.bodies().len(), 3);
    let row = Ledger::open_read_only(&path).expect("opens").digest("owner:web", "chat").expect("reads");
    assert!(row.delivered.is_some() && row.open.is_none() && row.failure.is_none(), "{row:?}");
}
