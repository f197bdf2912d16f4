//! Writes ledgers of random histories with their key figures, which `cargo xtask cross-check` computes again in Python.
//!
//! Arguments: the folder, and how many. Each ledger is `N/ledger.db`, its figures are `N/kpis.json`.

#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a tool of the tests reports to its caller, and says where it cannot go on"
)]
#![allow(dead_code, reason = "the scenes are those of the tests, which use more of them")]

use std::path::PathBuf;

use doorward_ledger::{FigureGroup, Kpi};
use doorward_model::Deadline;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;

#[path = "../tests/it/scene.rs"]
mod scene;

use scene::{Desk, report};

const DAY: i64 = 86_400;

/// The tag keys that name a cost centre: the scenes use the second.
const CENTRE: &str = "cost-center|cost-centre";

/// One scan: seconds since the one before, and the two accounts as a scene writes them.
fn scan() -> impl Strategy<Value = (i64, String)> {
    let gap = proptest::prop_oneof![1..3 * DAY, proptest::strategy::Just(DAY), 7 * DAY..20 * DAY];
    let thing = (
        proptest::sample::select(vec!["a", "b", "c", "d"]),
        proptest::sample::select(vec!['f', 'f', 'e', 'p', 'u', 'n']),
        proptest::sample::select(vec!["", "@red", "@blue"]),
    );
    let things = proptest::collection::vec(thing, 0..5);
    let status = proptest::sample::select(vec!["full", "full", "full", "partial", "failed", "skipped"]);
    let account = (status, things).prop_map(|(status, things)| {
        let mut seen = std::collections::BTreeMap::new();
        seen.extend(things.into_iter().map(|(name, verdict, owner)| (name, format!(" {name}:{verdict}{owner}"))));
        let things: String =
            if matches!(status, "full" | "partial") { seen.into_values().collect() } else { String::new() };
        format!("{status}{things}")
    });
    (gap, proptest::collection::vec(account, 2..3)).prop_map(|(gap, accounts)| {
        let lines = accounts.iter().zip(1..).map(|(account, n)| format!("{n} {account}"));
        (gap, lines.collect::<Vec<_>>().join("; "))
    })
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let folder = PathBuf::from(arguments.first().expect("a folder"));
    let count: usize = arguments.get(1).map_or(Ok(200), |n| n.parse()).expect("a number");
    let mut runner = TestRunner::deterministic();
    let histories = proptest::collection::vec(scan(), 3..16);
    for n in 0..count {
        let scans = histories.new_tree(&mut runner).expect("a history").current();
        let mut desk = Desk::new();
        let mut at = 0;
        for (gap, scene) in &scans {
            at += gap;
            let mut report = report(&format!("run-{at}"), at, scene);
            for finding in report.findings.iter_mut().filter(|finding| finding.verdict.severity().is_some()) {
                finding.deadline = Some(Box::new(Deadline::new(10, "a setting".to_owned())));
            }
            desk.ledger.record(&desk.lease, &report, &[CENTRE.to_owned()]).expect("records");
        }
        let figures = |by: FigureGroup| -> Vec<Kpi> { desk.ledger.kpis(None, None, &by).expect("reads") };
        let document = serde_json::json!({
            "all": figures(FigureGroup::All),
            "owner": figures(FigureGroup::Owner),
            "severity": figures(FigureGroup::Severity),
            "ou": figures(FigureGroup::Ou),
            "rule": figures(FigureGroup::Rule),
            "centre": figures(FigureGroup::Tag(CENTRE.to_owned())),
            "centre_dimension": format!("tag:{CENTRE}"),
            "half": desk.ledger.kpis(None, Some(scene::time(at / 2)), &FigureGroup::All).expect("reads"),
            "half_until": scene::time(at / 2).to_string(),
        });
        let place = folder.join(n.to_string());
        std::fs::create_dir_all(&place).expect("a folder");
        std::fs::write(place.join("kpis.json"), document.to_string()).expect("writes");
        for suffix in ["", "-wal"] {
            let from = PathBuf::from(format!("{}{suffix}", desk.path.display()));
            if from.exists() {
                std::fs::copy(&from, place.join(format!("ledger.db{suffix}"))).expect("copies");
            }
        }
    }
    println!("{count} histories");
}
