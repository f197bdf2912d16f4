//! One request for each journal entry: what the emulator received is what the ledger's journal intended, whatever AWS answers and
//! whoever else acts.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use doorward_fakeaws::{DESYNC_MODE, Fault, What};
use doorward_ledger::Ledger;
use serde_json::Value;

use crate::bed::{Bed, world};
use crate::change::{apply, doorward, plan, scan, sets, statuses};

const MODIFY: &str = "ModifyLoadBalancerAttributes";

/// How many entries of a change's journal intend a request.
fn intents(folder: &Path, change: &str) -> usize {
    let ledger = Ledger::open_read_only(&folder.join(".local/state/doorward/ledger.sqlite")).unwrap();
    let rows = ledger.journal(change).unwrap();
    let event = |document: &str| serde_json::from_str::<Value>(document).unwrap()["event"].clone();
    rows.iter().filter(|row| matches!(event(&row.document).as_str(), Some("intended" | "restoring"))).count()
}

fn part<'a>(step: &'a Value, key: &str) -> &'a str {
    step[key].as_str().unwrap()
}

#[test]
fn an_owner_who_acts_meanwhile_keeps_the_mode() {
    for (what, back) in [(What::ErrorAfter(500), false), (What::LostAnswer, false), (What::ErrorAfter(500), true)] {
        let bed = Bed::start(&world("acme-org"), vec![]);
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        scan(&bed, folder);
        let (plan, hash) = plan(&bed, folder, &[]);
        let (first, change) = (plan["steps"][0].clone(), part(&plan, "id"));
        let [account, region, name] = ["account", "region", "name"].map(|key| part(&first, key).to_owned());
        if back {
            let (said, _) = apply(&bed, folder, &hash, &[]);
            assert_eq!(said.code, Some(0), "{}", said.err);
        }
        // The request acts and is not answered; at that moment the owner sets strictest.
        let before = sets(&bed);
        let arn = part(&first, "arn");
        bed.server.set_faults(vec![Fault::new(what.clone()).action(MODIFY).resource(arn).times(1)]);
        let (done, whose) = (AtomicBool::new(false), [account.clone(), region.clone(), name.clone(), arn.to_owned()]);
        bed.server.after_each_call(move |call, world| {
            let [account, region, name, arn] = &whose;
            if call.action == MODIFY && call.resource == *arn && !done.swap(true, Ordering::SeqCst) {
                assert!(world.set_attribute(account, region, name, DESYNC_MODE, Some("strictest")));
            }
        });
        let reported = if back {
            let said = doorward(&bed, folder, &["rollback", change, "--yes", "--format", "json"]);
            assert_eq!(said.code, Some(8), "{what:?}: {} {}", said.err, said.out);
            serde_json::from_str(&said.out).unwrap()
        } else {
            let (said, reported) = apply(&bed, folder, &hash, &[]);
            assert_eq!(said.code, Some(8), "{what:?}: {} {}", said.err, said.out);
            reported
        };
        let of = |reported: &Value| -> Value {
            let all = reported["load_balancers"].as_array().unwrap();
            all.iter().find(|one| one["load_balancer"] == arn).unwrap()["change"].clone()
        };
        let wanted = if back { "restore-refused" } else { "overtaken" };
        assert_eq!(of(&reported)["status"], wanted, "{reported}");
        assert!(of(&reported)["detail"].as_str().unwrap().contains("strictest"), "{reported}");
        let mode = bed.server.world().attribute(&account, &region, &name, DESYNC_MODE).unwrap();
        assert_eq!(mode, "strictest", "what the owner set stays");
        let calls = bed.server.calls();
        let to_it = calls[..].iter().filter(|call| call.action == MODIFY && call.resource == arn).count();
        assert_eq!(to_it, if back { 2 } else { 1 });
        assert!(sets(&bed) > before);
        assert_eq!(sets(&bed), intents(folder, change));
    }
}

/// The law over random faults: requests received equal entries that intend one, for changes and roll-backs, over several runs of each.
#[test]
fn requests_equal_entries_under_random_faults() {
    let only: Option<u64> = std::env::var("DOORWARD_SEED").ok().and_then(|seed| seed.parse().ok());
    let count = if std::env::var_os("DOORWARD_SLOW").is_some() { 40 } else { 3 };
    // Those that take effect, and those after which the next reading decides at once: others cost pauses of real time.
    let kinds = [
        What::ErrorAfter(502),
        What::LostAnswer,
        What::Truncated(0.5),
        What::EmptyBody,
        What::Throttle,
        What::ExpiredToken,
        What::AccessDenied,
    ];
    for seed in only.map_or(0..count, |seed| seed..seed + 1) {
        let mut dice = fastrand::Rng::with_seed(seed);
        let bed = Bed::start(&world("acme-org"), vec![]);
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        scan(&bed, folder);
        let (plan, hash) = plan(&bed, folder, &[]);
        let change = part(&plan, "id");
        for run in 0..4 {
            let mut faults = Vec::new();
            for number in 0..dice.u64(1..3) {
                let what = kinds[dice.usize(..kinds.len())].clone();
                faults.push(Fault::new(what).action(MODIFY).random(0.4, seed * 100 + run * 10 + number));
            }
            bed.server.set_faults(faults);
            if run < 2 {
                apply(&bed, folder, &hash, &[]);
            } else {
                doorward(&bed, folder, &["rollback", change, "--yes"]);
            }
            assert_eq!(sets(&bed), intents(folder, change), "seed {seed}, run {run}");
        }
        bed.server.set_faults(vec![]);
        let said = doorward(&bed, folder, &["rollback", change, "--yes", "--format", "json"]);
        let rolled: Value = serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("seed {seed}: {}", said.err));
        let open = ["unsure", "restore-failed", "changed"].map(|status| statuses(&rolled).get(status).copied());
        assert_eq!(open, [None; 3], "seed {seed}: {rolled}");
        assert_eq!(sets(&bed), intents(folder, change), "seed {seed}");
    }
}
