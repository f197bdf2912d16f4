//! The same answers give the same bytes, whatever order they arrived in.

use std::time::Duration;

use doorward_aws::Stop;
use doorward_fakeaws::{Fault, What};
use doorward_model::{Inventory, ScanReport};

use crate::bed::{SMALL, Setup, judge, look, serve};

/// Request ids and times belong to a run, not to what was seen.
fn masked(mut inventory: Inventory) -> Inventory {
    for cell in &mut inventory.cells {
        cell.read_at = None;
        cell.load_balancers.iter_mut().for_each(|lb| lb.evidence = None);
    }
    inventory
}

async fn inventory(faults: Vec<Fault>) -> Inventory {
    let (_stopper, stop) = Stop::new();
    let server = serve(SMALL, faults).await;
    masked(look(&server, &Setup::default(), &stop).await.expect("a way in"))
}

fn bytes(report: &ScanReport) -> String {
    serde_json::to_string(report).expect("serializes")
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_answers_do_not_change_the_report() {
    let expected = bytes(&judge(inventory(vec![]).await));
    for seed in 1..=6 {
        let latency = Fault::new(What::Latency(Duration::from_millis(40))).random(0.4, seed);
        assert_eq!(bytes(&judge(inventory(vec![latency]).await)), expected, "seed {seed}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn shuffled_cells_do_not_change_the_report() {
    let inventory = inventory(vec![]).await;
    let expected = bytes(&judge(inventory.clone()));
    for seed in 1..=50 {
        let mut shuffled = inventory.clone();
        let mut rng = fastrand::Rng::with_seed(seed);
        rng.shuffle(&mut shuffled.cells);
        rng.shuffle(&mut shuffled.accounts);
        for cell in &mut shuffled.cells {
            rng.shuffle(&mut cell.load_balancers);
        }
        assert_eq!(bytes(&judge(shuffled)), expected, "seed {seed}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_inventory_survives_its_serialized_form() {
    let inventory = inventory(vec![Fault::new(What::AccessDenied).action("DescribeTags")]).await;
    let text = serde_json::to_string(&inventory).expect("serializes");
    let back: Inventory = serde_json::from_str(&text).expect("reads back");
    assert_eq!(serde_json::to_string(&back).expect("serializes"), text);
    assert_eq!(bytes(&judge(back)), bytes(&judge(inventory)));
}
