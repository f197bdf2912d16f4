//! Never archive what was not looked at, over many random histories, on the plan alone: no calls, so very many of them.

use std::collections::BTreeMap;

use doorward_model::Kind;
use doorward_sink_securityhub::plan::{Planner, SendDecision};
use doorward_sink_securityhub::{
    Asff, Delivery, ExceptedAs, FindingIntent, FindingRenderer, MemoryOutbox, Outbox, RecordState, ReportIndex, Why,
};
use jiff::SignedDuration;

use crate::bed::{METAS, MODE, Scene, start};
use crate::schedules::{change, slow};

#[test]
fn nothing_is_archived_that_was_not_looked_at() {
    let histories = if slow() { 10_000 } else { 500 };
    let (mut archived, mut left) = (0_u64, 0_u64);
    for seed in 0..histories {
        let (gone, kept) = history(seed);
        archived += gone;
        left += kept;
    }
    assert!(archived > histories / 2 && left > histories, "{archived} archived, {left} left alone");
}

fn history(seed: u64) -> (u64, u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    let renderer = FindingRenderer::new(Delivery::Member, ExceptedAs::Failed, &METAS, BTreeMap::new());
    let outbox = MemoryOutbox::default();
    let mut scene = Scene::default();
    let mut now = start();
    let (mut archived, mut left) = (0, 0);
    for _ in 0..random.usize(2..9) {
        change(&mut scene, &mut random);
        now += SignedDuration::from_secs(random.i64(60..5_000_000));
        // Sometimes an old saved scan is published again.
        let started = if random.u8(0..8) == 0 { now - SignedDuration::from_hours(24 * 40) } else { now };
        let report = scene.report(started);
        let index = ReportIndex::new(&report);
        let planner = Planner::new(&index, now, SignedDuration::from_hours(24 * 60), SignedDuration::from_hours(72));
        let rendered: BTreeMap<_, _> = renderer
            .render_all(&index)
            .map(|rendered| ((rendered.security_hub.clone(), rendered.finding.id.clone()), rendered))
            .collect();
        for security_hub in outbox.security_hubs().expect("read") {
            for (id, row) in outbox.remembered(&security_hub).expect("read") {
                if rendered.contains_key(&(security_hub.clone(), id.clone())) {
                    continue;
                }
                let name =
                    scene.load_balancers.keys().find(|(at, name)| row.load_balancer == crate::bed::arn(at, name));
                let lb = report.load_balancers.iter().find(|lb| lb.arn == row.load_balancer);
                let listed = lb.and_then(|lb| Some(lb.evidence.as_ref()?.at));
                let kind = name.and_then(|key| scene.load_balancers.get(key)).map(|truth| truth.kind);
                let asked = listed.is_some()
                    && kind == Some(Kind::Network)
                    && row.rule == MODE
                    && !scene.disabled.contains(MODE);
                let decision = planner
                    .absent(&id, &row, listed, asked, || -> Result<_, std::convert::Infallible> {
                        let text = outbox.document(&security_hub, &id).expect("read").expect("a document");
                        Ok(Some(serde_json::from_str::<Asff>(&text).expect("a finding")))
                    })
                    .expect("decided");
                if matches!(decision.why, Why::Gone | Why::NoLongerApplies) {
                    assert!(scene.lists(&row.subject), "seed {seed}: {id} was archived, without an observation");
                    assert!(name.is_none() || asked, "seed {seed}: {id} was archived, and it is there");
                    assert!(row.observed_at <= started, "seed {seed}: {id} was archived by an older scan");
                    archived += 1;
                }
                left += u64::from(matches!(decision.why, Why::NotLookedAt | Why::NotAsked | Why::Stale));
                deliver(&outbox, &security_hub, decision, now, &mut random);
            }
        }
        for ((security_hub, id), rendered) in rendered {
            let before = outbox.remembered(&security_hub).expect("read").remove(&id);
            let finding = report.findings.iter().find(|finding| finding.id == id).expect("a finding");
            let decision = planner.present(rendered, &finding.rule, &finding.load_balancer, before.as_ref());
            if let (Some(before), Some((intent, parcel))) = (&before, &decision.send) {
                assert_eq!(
                    (before.created_at, before.first_observed_at),
                    (intent.row.created_at, intent.row.first_observed_at)
                );
                assert!(parcel.updated_at > before.updated_at, "seed {seed}: {id} would be ignored");
                assert_eq!(intent.row.state, RecordState::Active);
            }
            deliver(&outbox, &security_hub, decision, now, &mut random);
        }
    }
    (archived, left)
}

/// Stores what a delivery stores; every fourth one is never confirmed.
fn deliver(
    outbox: &MemoryOutbox,
    security_hub: &doorward_model::AccountRegion,
    decision: SendDecision,
    now: jiff::Timestamp,
    random: &mut fastrand::Rng,
) {
    let Some((intent, parcel)) = decision.send else { return };
    let FindingIntent { id, .. } = &intent;
    let id = id.clone();
    outbox.intend(security_hub, &[intent]).expect("stored");
    if random.u8(0..4) > 0 {
        outbox.acknowledge(security_hub, &[(id, parcel.updated_at)], now).expect("stored");
    }
}
