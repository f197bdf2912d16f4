//! Commands that write a ledger, each on another machine, with the ledger in S3: a merge, a change and its rollback, digests, metrics.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::Value;

use crate::bed::{Bed, Said, run};
use crate::change::{apply, modes, plan, statuses};
use crate::shared_ledger::{PLACE, shared_world};

/// A machine of the team: its own home, and so its own copy of the ledger.
struct Machine(tempfile::TempDir);

impl Machine {
    fn new(settings: &str) -> Self {
        let machine = Self(tempfile::tempdir().unwrap());
        std::fs::write(machine.folder().join("doorward.toml"), settings).unwrap();
        machine
    }

    fn folder(&self) -> &Path {
        self.0.path()
    }

    fn run(&self, bed: &Bed, arguments: &[&str]) -> Said {
        run(bed.doorward(self.folder()).arg("-q").args(arguments))
    }

    fn done(&self, bed: &Bed, arguments: &[&str], code: i32) -> Said {
        let said = self.run(bed, arguments);
        assert_eq!(said.code, Some(code), "{arguments:?}: {} {}", said.err, said.out);
        said
    }

    fn scans(&self, bed: &Bed) -> usize {
        let history = self.done(bed, &["history", "--format", "json"], 0);
        serde_json::from_str::<Value>(&history.out).unwrap()["scans"].as_array().unwrap().len()
    }
}

#[test]
fn every_command_that_writes_shares_the_ledger_in_s3() {
    let bed = Bed::start(&shared_world(true), vec![]);
    let inbox = tempfile::tempdir().unwrap();
    let receiver = inbox.path().join("receive");
    std::fs::write(&receiver, "#!/bin/sh\ncat >> \"$1\"; echo >> \"$1\"\n").unwrap();
    std::fs::set_permissions(&receiver, std::fs::Permissions::from_mode(0o755)).unwrap();
    let got = inbox.path().join("got");
    let settings = format!(
        "[ledger]\npath = \"{PLACE}\"\n[exceptions]\nfiles = [\"exceptions.toml\"]\n[notify]\nfallback = [\"all\"]\n\
         [notify.channels]\nall = {{ kind = \"exec\", command = [{receiver:?}, {got:?}] }}\n"
    );
    let machines: Vec<Machine> = (0..4).map(|_| Machine::new(&settings)).collect();
    for machine in &machines {
        std::fs::write(machine.folder().join("exceptions.toml"), "").unwrap();
    }
    let [a, b, c, d] = &machines[..] else { panic!("four machines") };

    // Shards know the ledger, also where there is none yet, and write nothing into it.
    for _ in 0..2 {
        a.done(&bed, &["scan", "--discover-only", "--save", "plan.json"], 0);
        for (shard, part) in [("1/2", "part-1.json"), ("2/2", "part-2.json")] {
            let plan = ["--discovered", "plan.json", "--save", part];
            a.done(&bed, &[&["scan", "--shard", shard], &plan[..]].concat(), 0);
        }
        bed.server.clear_calls();
        a.done(&bed, &["merge", "--discovered", "plan.json", "part-{1..2}.json", "--format", "json-v1=a.json"], 3);
        let puts = bed.server.calls().iter().filter(|call| call.action == "PutObject").count();
        assert!((1..=3).contains(&puts), "{puts} writes of one merge");
    }
    assert_eq!(b.scans(&bed), 2);
    a.done(&bed, &["merge", "--discovered", "plan.json", "part-{1..2}.json"], 3);
    assert_eq!(c.scans(&bed), 2, "the same parts are the same scan");

    // A change is made on one machine, checked on another, and taken back on a third.
    let (planned, hash) = plan(&bed, b.folder(), &[]);
    let (change, steps) = (planned["id"].as_str().unwrap(), planned["steps"].as_array().unwrap().len());
    let before = modes(&bed, &planned);
    let (said, applied) = apply(&bed, b.folder(), &hash, &[]);
    assert_eq!(said.code, Some(0), "{} {}", said.err, said.out);
    assert_eq!(statuses(&applied), [("changed", steps)].into());
    let verified = c.done(&bed, &["verify-change", change], 0);
    assert!(verified.out.contains("defensive"), "{}", verified.out);
    let rolled = c.done(&bed, &["rollback", change, "--yes", "--reason", "complaints", "--format", "json"], 0);
    let rolled: Value = serde_json::from_str(&rolled.out).unwrap();
    assert_eq!(statuses(&rolled), [("restored", steps)].into());
    assert_eq!(modes(&bed, &planned), before);
    let (said, again) = apply(&bed, b.folder(), &hash, &[]);
    assert!(said.code == Some(8) && again["stopped"].as_str().unwrap().contains("rolled back"), "{again}");

    // What one machine sent, no other sends again.
    let digests = || std::fs::read_to_string(&got).unwrap_or_default().lines().filter(|line| !line.is_empty()).count();
    d.done(&bed, &["notify"], 0);
    assert_eq!(digests(), 1);
    b.done(&bed, &["notify"], 0);
    assert_eq!(digests(), 1);

    // Daily metrics of one machine are in the reports of the others.
    let collected = c.run(&bed, &["metrics", "collect", "--days", "3"]);
    assert!(matches!(collected.code, Some(0 | 4)), "{:?} {} {}", collected.code, collected.err, collected.out);
    let scanned = d.run(&bed, &["scan", "--format", "table", "--format", "json-v1=d.json"]);
    // Three days of metrics leave open whether load balancers are idle.
    assert!(matches!(scanned.code, Some(3 | 5)), "{:?} {} {}", scanned.code, scanned.err, scanned.out);
    assert_eq!(a.scans(&bed), 3);
    let report: Value = serde_json::from_str(&std::fs::read_to_string(d.folder().join("d.json")).unwrap()).unwrap();
    let all = report["load_balancers"].as_array().unwrap();
    let changed = all.iter().filter(|lb| lb["changes"][0]["change"] == change).count();
    assert_eq!(changed, steps, "the changes are in the ledger");
    assert!(collected.code == Some(4) || all.iter().any(|lb| lb["usage"].is_object()), "{}", collected.out);

    b.done(&bed, &["exceptions", "check"], 0);
    assert!(a.done(&bed, &["history", "--by", "owner", "--format", "csv"], 0).out.lines().count() > 3);
    let explained = d.done(&bed, &["policy", "explain", "image-resizer"], 0);
    assert!(explained.out.contains("image-resizer"), "{}", explained.out);
}
