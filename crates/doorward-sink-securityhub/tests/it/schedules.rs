//! Random schedules of changes, faults and kills, checked against a model: whatever happens on the way, in the end the
//! Security Hub holds every finding once, with the date it was first given, and nothing was archived that was not gone.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use doorward_fakeaws::{Fault, What};
use doorward_model::{Kind, Mode};
use doorward_sink_securityhub::{Delivery, MemoryOutbox};

use crate::bed::{METAS, MODE, OWNER, SECURITY, Scene, Truth, arn, place, places};
use crate::doubles::{Cloud, text};

pub(crate) fn slow() -> bool {
    std::env::var_os("DOORWARD_SLOW").is_some()
}

#[tokio::test]
async fn faults_and_kills_lead_to_the_same_records() {
    let schedules = if slow() { 2_000 } else { 200 };
    let mut fired = 0;
    let mut kills = 0;
    for seed in 0..schedules {
        let (faults, killed) = schedule(seed).await;
        fired += faults;
        kills += killed;
    }
    // A bed in which nothing goes wrong would prove nothing.
    assert!(fired > schedules && kills > schedules / 4, "{fired} faults, {kills} kills");
}

/// Changes the organization a little.
pub(crate) fn change(scene: &mut Scene, random: &mut fastrand::Rng) {
    let all: Vec<_> = places().collect();
    for _ in 0..random.usize(1..5) {
        let place = &all[random.usize(0..all.len())];
        let name = format!("lb{}", random.u8(0..5));
        match random.u8(0..5) {
            0 => {
                scene.load_balancers.remove(&(place.clone(), name));
            }
            1 => {
                if let Some(truth) = scene.load_balancers.get_mut(&(place.clone(), name)) {
                    truth.owner = Some(format!("team {}", random.u8(0..3))).filter(|_| random.bool());
                }
            }
            _ => {
                let mode =
                    [None, Some(Mode::Monitor), Some(Mode::Defensive), Some(Mode::Strictest)][random.usize(0..4)];
                let kind = if random.u8(0..6) == 0 { Kind::Network } else { Kind::Application };
                scene.put(place, &name, Truth { mode, owner: Some("web".to_owned()), kind });
            }
        }
    }
    let mut some = |share: u8| -> BTreeSet<_> { all.iter().filter(|_| random.u8(0..100) < share).cloned().collect() };
    (scene.denied, scene.cut_short) = (some(15), some(10));
    (scene.excluded, scene.unheard) = (some(8), some(5));
    scene.disabled = [MODE, OWNER].into_iter().filter(|_| random.u8(0..100) < 8).collect();
}

fn faults(random: &mut fastrand::Rng) -> Vec<Fault> {
    let kinds = [
        What::Throttle,
        What::ServerError(503),
        What::Reset,
        What::LostAnswer,
        What::PartialFailure,
        What::HalfClose(0.4),
        What::Truncated(0.6),
        What::Malformed,
        What::EmptyBody,
    ];
    (0..random.usize(0..4))
        .map(|_| {
            let what = kinds[random.usize(0..kinds.len())].clone();
            Fault::new(what).service("securityhub").random(random.f64() * 0.6, random.u64(..)).times(random.u64(1..12))
        })
        .collect()
}

/// One schedule; answers how many faults and kills there were.
async fn schedule(seed: u64) -> (u64, u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    let cloud = Cloud::start().await;
    let outbox = Arc::new(MemoryOutbox::default());
    let delivery =
        if random.u8(0..5) == 0 { Delivery::Central(place(SECURITY, "eu-west-1")) } else { Delivery::Member };
    let mut scene = Scene::default();
    let mut model = Model { seed, ..Model::default() };
    let (mut fired, mut kills) = (0, 0);
    for _ in 0..random.usize(2..6) {
        change(&mut scene, &mut random);
        cloud.clock.advance(std::time::Duration::from_secs(random.u64(60..4_000_000)));
        let report = scene.report(cloud.now());
        let plan = cloud.server.set_faults(faults(&mut random));
        let steps = if random.u8(0..3) == 0 { random.i64(0..25) } else { i64::MAX };
        let (publisher, killed) = cloud.mortal(&outbox, delivery.clone(), steps);
        tokio::select! {
            outcome = publisher.publish(&report) => {
                let outcome = outcome.expect("published");
                assert!(outcome.adds_up() && outcome.receipt().adds_up(), "seed {seed}: {outcome:#?}");
                // A process that is dead and has nothing left to wait for ends here as well.
                kills += u64::from(!outcome.is_complete() && steps < i64::MAX);
            }
            () = killed.notified() => kills += 1,
        }
        fired += plan.fired_total();
        model.judge(&cloud, &scene);
    }

    // Now everything works, and everything is looked at.
    cloud.server.set_faults(Vec::new());
    cloud.server.clear_calls();
    cloud.clock.advance(std::time::Duration::from_secs(3_600));
    (scene.denied, scene.cut_short, scene.excluded, scene.unheard) = Default::default();
    scene.disabled.clear();
    let publisher = cloud.publisher(&outbox, delivery);
    let outcome = publisher.publish(&scene.report(cloud.now())).await.expect("published");
    assert!(outcome.is_complete(), "seed {seed}: {outcome:#?}");
    model.judge(&cloud, &scene);
    model.settled(&cloud, &scene);
    assert!(cloud.outcomes().keys().all(|outcome| outcome == "ok"), "seed {seed}: {:?}", cloud.outcomes());

    cloud.server.clear_calls();
    cloud.clock.advance(std::time::Duration::from_secs(60));
    publisher.publish(&scene.report(cloud.now())).await.expect("published");
    assert!(cloud.outcomes().is_empty(), "seed {seed}: an unchanged run sent {:?}", cloud.outcomes());
    (fired, kills)
}

/// What must be true of the Security Hubs.
#[derive(Default)]
struct Model {
    seed: u64,
    created: BTreeMap<String, String>,
    updated: BTreeMap<String, String>,
    archived: BTreeSet<String>,
    /// What the scan before saw gone: an import that was under way when the process was killed may land only now.
    gone_before: BTreeSet<String>,
}

impl Model {
    fn judge(&mut self, cloud: &Cloud, scene: &Scene) {
        let seed = self.seed;
        let mut archived = BTreeSet::new();
        let mut gone = BTreeSet::new();
        let mut ids = BTreeSet::new();
        for record in cloud.records() {
            let id = text(&record, "/Id").to_owned();
            assert!(ids.insert(id.clone()), "seed {seed}: two records of {id}");
            let created = text(&record, "/CreatedAt").to_owned();
            let first = self.created.entry(id.clone()).or_insert_with(|| created.clone());
            assert_eq!(*first, created, "seed {seed}: the date of {id} was rewritten");
            assert_eq!(text(&record, "/FirstObservedAt"), text(&record, "/ProductFields/doorward~1first-seen"));
            let updated = text(&record, "/UpdatedAt").to_owned();
            let before = self.updated.insert(id.clone(), updated.clone());
            assert!(before <= Some(updated), "seed {seed}: {id} went back in time");
            if is_gone(scene, &record) {
                gone.insert(id.clone());
            }
            if text(&record, "/RecordState") == "ARCHIVED" {
                archived.insert(id);
            }
        }
        for id in archived.difference(&self.archived) {
            let right = gone.contains(id) || self.gone_before.contains(id);
            assert!(right, "seed {seed}: {id} was archived, without an observation that it was gone");
        }
        (self.archived, self.gone_before) = (archived, gone);
    }

    /// After a whole scan without faults.
    fn settled(&self, cloud: &Cloud, scene: &Scene) {
        let records: BTreeMap<String, (String, String)> = cloud
            .records()
            .iter()
            .map(|r| {
                let reported = (text(r, "/RecordState").to_owned(), text(r, "/Compliance/Status").to_owned());
                (text(r, "/Id").to_owned(), reported)
            })
            .collect();
        let mut wanted = BTreeMap::new();
        for ((place, name), truth) in &scene.load_balancers {
            for meta in METAS {
                let status = match (meta.id, truth.kind, truth.mode, &truth.owner) {
                    (MODE, Kind::Network, _, _) => continue,
                    (MODE, _, None, _) => "NOT_AVAILABLE",
                    (MODE, _, Some(Mode::Monitor), _) | (OWNER, _, _, None) => "FAILED",
                    _ => "PASSED",
                };
                let id = doorward_model::Finding::id_for(&arn(place, name), meta.id);
                wanted.insert(id, ("ACTIVE".to_owned(), status.to_owned()));
            }
        }
        let active: BTreeMap<_, _> = records.into_iter().filter(|(_, (state, _))| state == "ACTIVE").collect();
        assert_eq!(active, wanted, "seed {}", self.seed);
    }
}

/// Whether the scan of a scene shows that what a record is about is gone, or that its rule does not apply.
fn is_gone(scene: &Scene, record: &serde_json::Value) -> bool {
    let field = |name: &str| text(record, &format!("/ProductFields/doorward~1{name}")).to_owned();
    let place = place(&field("account"), &field("region"));
    if !scene.lists(&place) {
        return false;
    }
    match scene.load_balancers.get(&(place, field("load-balancer-name"))) {
        None => true,
        Some(truth) => field("rule") == MODE && truth.kind == Kind::Network && !scene.disabled.contains(MODE),
    }
}
