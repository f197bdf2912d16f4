//! Reconcile names every difference between what is remembered and what the Security Hub holds.

use std::sync::Arc;

use doorward_fakeaws::{Fault, What};
use doorward_model::Mode;
use doorward_sink_securityhub::{Delivery, MemoryOutbox, RecordDifference};

use crate::bed::{ACCOUNTS, REGIONS, Scene, Truth, place};
use crate::doubles::{Cloud, world};

fn scene(count: usize) -> Scene {
    let mut scene = Scene::default();
    for number in 0..count {
        scene.put(&place(ACCOUNTS[0], REGIONS[0]), &format!("lb{number}"), Truth::with(Mode::Monitor));
    }
    scene
}

#[tokio::test]
async fn what_was_sent_is_there() {
    let cloud = Cloud::start().await;
    let outbox = Arc::new(MemoryOutbox::default());
    let publisher = cloud.publisher(&outbox, Delivery::Member);
    // Three pages of 100.
    publisher.publish(&scene(120).report(cloud.now())).await.expect("published");
    let audits = publisher.reconcile("aws").await.expect("read");
    assert_eq!(audits.len(), 1);
    assert_eq!((audits[0].remembered, audits[0].found), (240, 240));
    assert_eq!(audits[0].differences, []);
    assert!(cloud.outcomes().keys().all(|outcome| outcome == "ok"));
}

#[tokio::test]
async fn every_difference_is_named() {
    let cloud = Cloud::serve(&world("\"securityhub:*\"")).await;
    let ours = Arc::new(MemoryOutbox::default());
    cloud.publisher(&ours, Delivery::Member).publish(&scene(3).report(cloud.now())).await.expect("published");

    // Another ledger's run: another owner, and a load balancer that ours does not know.
    cloud.days_pass(1);
    let mut other = scene(4);
    for truth in other.load_balancers.values_mut() {
        truth.owner = Some("other".to_owned());
    }
    let theirs = Arc::new(MemoryOutbox::default());
    cloud.publisher(&theirs, Delivery::Member).publish(&other.report(cloud.now())).await.expect("published");

    // And one of ours that never arrives.
    let mut more = scene(3);
    more.put(&place(ACCOUNTS[0], REGIONS[0]), "lost", Truth::with(Mode::Monitor));
    cloud.server.set_faults(vec![Fault::new(What::Reset).service("securityhub").action("BatchImportFindings")]);
    cloud.publisher(&ours, Delivery::Member).publish(&more.report(cloud.now())).await.expect("published");
    cloud.server.set_faults(Vec::new());

    let audits = cloud.publisher(&ours, Delivery::Member).reconcile("aws").await.expect("read");
    let differences = &audits[0].differences;
    let named = |part: &str| -> Vec<&RecordDifference> {
        differences.iter().filter(|(id, _)| id.contains(part)).map(|(_, difference)| difference).collect()
    };
    assert_eq!(named("/lb3/"), [&RecordDifference::NotRemembered, &RecordDifference::NotRemembered]);
    assert_eq!(named("/lost/"), [&RecordDifference::NeverArrived, &RecordDifference::NeverArrived]);
    let members: Vec<&str> = named("desync-mode-below-required/app/lb1/")
        .iter()
        .filter_map(|difference| match difference {
            RecordDifference::Differs { member, .. } => Some(member.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(
        members,
        [
            "/LastObservedAt",
            "/ProductFields/doorward~1last-seen",
            "/ProductFields/doorward~1owner",
            "/ProductFields/doorward~1scan-id",
            "/UpdatedAt"
        ]
    );
}

#[tokio::test]
async fn a_security_hub_that_cannot_be_read_says_so() {
    let cloud = Cloud::start().await;
    let outbox = Arc::new(MemoryOutbox::default());
    let publisher = cloud.publisher(&outbox, Delivery::Member);
    publisher.publish(&scene(1).report(cloud.now())).await.expect("published");
    cloud.server.world().set_security_hub(ACCOUNTS[0], REGIONS[0], false);
    let audits = publisher.reconcile("aws").await.expect("read");
    assert!(audits[0].closed.is_some() && audits[0].differences.is_empty());
}
