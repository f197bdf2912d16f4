//! The delivery state in a ledger on a disk, which forgets nothing between two processes.

use doorward_model::HistoryContext;
use std::path::Path;
use std::sync::Arc;

use doorward_ledger::{LEASE_TTL, LeasedLedger, Ledger, OpenOptions};
use doorward_notify::{DigestFate, Dispatcher, Environment, LedgerDeliveryStore};

use crate::bed::{RULES, day, directory, report, settings, slack};
use crate::doubles::{Act, Receiver, time};

fn kept(path: &Path, owner: &str, days: i64) -> LedgerDeliveryStore {
    let mut ledger = Ledger::open(path, OpenOptions::default()).expect("opens");
    let lease = ledger.acquire_lease(owner, day(days), LEASE_TTL).expect("free");
    LedgerDeliveryStore(LeasedLedger::writing(ledger, lease, Arc::new(move || day(days))))
}

#[tokio::test]
async fn a_ledger_remembers_what_was_reported() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ledger.db");
    let mut acts = [Act::Confirmation(403, ""), Act::TakeAndHangup, Act::TakeAndHangup].into_iter();
    let receiver = Receiver::start(Default::default(), move || acts.next().unwrap_or(Act::Take)).await;
    let environment = Environment::new([("HOOK".to_owned(), receiver.url())]);
    // Refused; perhaps arrived, twice; arrived; known.
    let (mut reported, mut attempts) = (Vec::new(), Vec::new());
    for days in 1..=4 {
        let mut all = settings(&["web"], vec![("chat", slack("HOOK"))]);
        all.tries = if days == 2 { 2 } else { 1 };
        let memory = kept(&path, &format!("run {days}"), days);
        let courier = Dispatcher::new(directory(all), &environment, memory, None, time().0).expect("opens");
        let outcome = courier.deliver(&report(days, "a:high@web"), &RULES, &HistoryContext::default()).await;
        reported.push(match &outcome.lines[0].fate {
            DigestFate::Delivered { may_repeat } => format!("delivered {may_repeat}"),
            DigestFate::Failed { unclear, .. } => format!("failed {unclear}"),
            DigestFate::Unchanged => "unchanged".to_owned(),
        });
        attempts.push(outcome.lines[0].attempts);
    }
    assert_eq!(reported, ["failed false", "failed true", "delivered true", "unchanged"]);
    assert_eq!(attempts, [1, 2, 3, 0]);
    assert_eq!(receiver.bodies().len(), 3);
    let row = Ledger::open_read_only(&path).expect("opens").digest("owner:web", "chat").expect("reads");
    assert!(row.delivered.is_some() && row.open.is_none() && row.failure.is_none(), "{row:?}");
}
