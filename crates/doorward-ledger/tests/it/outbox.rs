//! The outbox: rows come back as they went in, only the attempt that was meant is confirmed, and only a lease writes.

use doorward_ledger::{LedgerError, OutboxRow};
use doorward_model::{AccountId, AccountRegion, Region};

use crate::scene::{Desk, open, time};

fn place(account: &str, region: &str) -> AccountRegion {
    AccountRegion { account: AccountId::new(account).expect("valid"), region: Region::new(region).expect("valid") }
}

fn row(updated: i64) -> OutboxRow {
    OutboxRow {
        subject: place("111111111111", "eu-west-1"),
        load_balancer: "arn:aws:elasticloadbalancing:eu-west-1:111111111111:loadbalancer/app/a/1"
            .parse()
            .expect("an ARN"),
        rule: "desync-mode-below-required".to_owned(),
        content: "digest".to_owned(),
        created_at: time(1),
        first_observed_at: time(0),
        updated_at: time(updated),
        observed_at: time(updated - 1),
        accepted_at: None,
        archived: false,
        acknowledged: false,
        attempts: 1,
    }
}

#[test]
fn rows_come_back_as_they_went_in() {
    let mut desk = Desk::new();
    let security_hub = place("999999999999", "eu-central-1");
    assert!(desk.ledger.outbox_places().expect("reads").is_empty());
    desk.ledger
        .outbox_intend(&desk.lease, &security_hub, [("a", &row(10), "{}"), ("b", &row(11), "[]")])
        .expect("writes");
    let reader = open(&desk.path);
    assert!(reader.outbox_places().expect("reads").iter().eq([&security_hub]));
    let rows = reader.outbox(&security_hub).expect("reads");
    assert_eq!(rows.into_iter().collect::<Vec<_>>(), [("a".to_owned(), row(10)), ("b".to_owned(), row(11))]);
    assert_eq!(reader.outbox_document(&security_hub, "b").expect("reads").as_deref(), Some("[]"));
    assert_eq!(reader.outbox_document(&security_hub, "c").expect("reads"), None);
    assert!(reader.outbox(&place("999999999999", "eu-west-1")).expect("reads").is_empty());
}

#[test]
fn only_the_attempt_that_was_meant_is_confirmed() {
    let mut desk = Desk::new();
    let security_hub = place("999999999999", "eu-central-1");
    desk.ledger.outbox_intend(&desk.lease, &security_hub, [("a", &row(10), ""), ("b", &row(10), "")]).expect("writes");
    // A later attempt at the same finding; the answer to the earlier one says nothing about it.
    desk.ledger.outbox_intend(&desk.lease, &security_hub, [("b", &row(20), "")]).expect("writes");
    let accepted = [("a".to_owned(), time(10)), ("b".to_owned(), time(10))];
    desk.ledger.outbox_acknowledge(&desk.lease, &security_hub, &accepted, time(12)).expect("writes");
    let rows = desk.ledger.outbox(&security_hub).expect("reads");
    let confirmed = OutboxRow { acknowledged: true, accepted_at: Some(time(12)), attempts: 0, ..row(10) };
    assert_eq!((&rows["a"], &rows["b"]), (&confirmed, &row(20)));
}

#[test]
fn only_a_lease_writes() {
    let mut desk = Desk::new();
    let security_hub = place("999999999999", "eu-central-1");
    let mut other = open(&desk.path);
    let taken = other.acquire_lease("second", time(30), doorward_ledger::LEASE_TTL).expect("expired");
    let reported = desk.ledger.outbox_intend(&desk.lease, &security_hub, [("a", &row(10), "")]).expect_err("fenced");
    assert!(matches!(reported, LedgerError::Fenced { .. }), "{reported}");
    let reported = desk.ledger.outbox_acknowledge(&desk.lease, &security_hub, &[], time(1)).expect_err("fenced");
    assert!(matches!(reported, LedgerError::Fenced { .. }), "{reported}");
    other.outbox_intend(&taken, &security_hub, [("a", &row(10), "")]).expect("writes");
}
