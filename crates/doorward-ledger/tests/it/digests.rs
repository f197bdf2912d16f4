//! What was delivered: intents come back as they went in, only the digest that was meant is confirmed, and only a lease writes.

use doorward_ledger::{DigestIntent, DigestRow, LedgerError};

use crate::scene::{Desk, open, time};

fn intent(id: &str, at: i64) -> DigestIntent {
    DigestIntent { id: id.to_owned(), state: format!("{{\"of\":\"{id}\"}}"), at: time(at) }
}

#[test]
fn nothing_is_remembered_at_first() {
    assert_eq!(Desk::new().ledger.digest("owner:web", "chat").expect("reads"), DigestRow::default());
}

#[test]
fn a_digest_is_open_until_it_is_confirmed() {
    let mut desk = Desk::new();
    desk.ledger.digest_intend(&desk.lease, "owner:web", "chat", &intent("a", 1)).expect("writes");
    let row = open(&desk.path).digest("owner:web", "chat").expect("reads");
    assert_eq!(row, DigestRow { delivered: None, open: Some(intent("a", 1)), attempts: 1, failure: None });
    desk.ledger.digest_acknowledge(&desk.lease, "owner:web", "chat", "a", time(2)).expect("writes");
    let reported = DigestIntent { at: time(2), ..intent("a", 1) };
    let row = open(&desk.path).digest("owner:web", "chat").expect("reads");
    assert_eq!(row, DigestRow { delivered: Some(reported), open: None, attempts: 0, failure: None });
    // Another channel of the same owner, and another owner at the same channel, are not concerned.
    for (audience, channel) in [("owner:web", "mail"), ("owner:pay", "chat")] {
        assert_eq!(desk.ledger.digest(audience, channel).expect("reads"), DigestRow::default());
    }
}

#[test]
fn only_the_digest_that_was_meant_is_confirmed() {
    let mut desk = Desk::new();
    desk.ledger.digest_intend(&desk.lease, "unowned", "chat", &intent("a", 1)).expect("writes");
    desk.ledger.digest_intend(&desk.lease, "unowned", "chat", &intent("b", 2)).expect("writes");
    desk.ledger.digest_acknowledge(&desk.lease, "unowned", "chat", "a", time(3)).expect("writes");
    let row = desk.ledger.digest("unowned", "chat").expect("reads");
    assert_eq!(row, DigestRow { delivered: None, open: Some(intent("b", 2)), attempts: 2, failure: None });
}

#[test]
fn a_failure_says_why_and_what_is_open() {
    let mut desk = Desk::new();
    let (lease, ledger) = (&desk.lease, &mut desk.ledger);
    ledger.digest_intend(lease, "unlisted", "chat", &intent("a", 1)).expect("writes");
    ledger.digest_fail(lease, "unlisted", "chat", Some(&intent("a", 1)), "no answer").expect("writes");
    ledger.digest_intend(lease, "unlisted", "chat", &intent("b", 2)).expect("writes");
    // It certainly did not arrive: what was open before is open again.
    ledger.digest_fail(lease, "unlisted", "chat", Some(&intent("a", 1)), "refused").expect("writes");
    let row = ledger.digest("unlisted", "chat").expect("reads");
    let failure = Some("refused".to_owned());
    assert_eq!(row, DigestRow { delivered: None, open: Some(intent("a", 1)), attempts: 2, failure });
    ledger.digest_fail(lease, "unlisted", "chat", None, "refused").expect("writes");
    assert_eq!(ledger.digest("unlisted", "chat").expect("reads").open, None);
}

#[test]
fn only_a_lease_writes() {
    let mut desk = Desk::new();
    let mut other = open(&desk.path);
    let taken = other.acquire_lease("second", time(30), doorward_ledger::LEASE_TTL).expect("expired");
    let (lease, ledger) = (&desk.lease, &mut desk.ledger);
    let all = [
        ledger.digest_intend(lease, "unowned", "chat", &intent("a", 1)),
        ledger.digest_acknowledge(lease, "unowned", "chat", "a", time(1)),
        ledger.digest_fail(lease, "unowned", "chat", None, "x"),
    ];
    for reported in all {
        assert!(matches!(reported, Err(LedgerError::Fenced { .. })), "{reported:?}");
    }
    other.digest_intend(&taken, "unowned", "chat", &intent("a", 1)).expect("writes");
}
