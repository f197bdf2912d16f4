//! Outputs of a ledger that never read anything, and shares of scans that read less: nothing of it is a zero or a rise.

use std::time::Duration;

use doorward_ledger::FigureGroup;
use doorward_sink_text::ANY_WIDTH;
use doorward_sink_text::history::ScanTrend;
use serde_json::Value;

use crate::bed::{Bed, run, world};
use crate::formats::{assert_valid, schema};
use crate::output_figures::rows;
use crate::scene::Desk;

/// Metrics of what is known, which have no sample where nothing is.
const KNOWN: [&str; 16] = [
    "load_balancers",
    "unseen_load_balancers",
    "open_findings",
    "excepted_findings",
    "exceptions_due",
    "unseen_findings",
    "unowned_load_balancers",
    "in_monitor_load_balancers",
    "overdue_findings",
    "deadline_findings",
    "policy_load_balancers",
    "at_or_above_required_load_balancers",
    "at_or_above_required_unknown_load_balancers",
    "by_default_load_balancers",
    "by_default_unknown_load_balancers",
    "never",
];

struct Outputs {
    table: String,
    groups: String,
    metrics: String,
    json: Value,
    csv: String,
}

fn outputs(scenes: &[&str]) -> Outputs {
    let mut desk = Desk::new();
    for (n, scene) in (0..).zip(scenes) {
        desk.scan(n * 86_400, scene);
    }
    let trend = ScanTrend::of(&desk.ledger, None, None, &FigureGroup::All, None).unwrap();
    let groups = ScanTrend::of(&desk.ledger, None, None, &FigureGroup::Owner, None).unwrap();
    Outputs {
        table: trend.table(0, ANY_WIDTH),
        groups: groups.table(0, ANY_WIDTH),
        metrics: trend.openmetrics(),
        json: serde_json::to_value(&trend).unwrap(),
        csv: trend.csv(),
    }
}

fn samples(metrics: &str, name: &str) -> usize {
    metrics.lines().filter(|line| line.starts_with(&format!("doorward_{name}{{"))).count()
}

#[test]
fn a_ledger_that_never_read_anything_has_no_zeros() {
    for scenes in [&["1 failed; 2 failed"][..], &["1 failed; 2 skipped", "1 failed"]] {
        let Outputs { table, groups, metrics, json, csv } = outputs(scenes);
        for said in ["open now              unknown: nothing was read yet", "in monitor now: unknown"] {
            assert!(table.contains(said), "{said}: {table}");
        }
        for zero in ["0 in monitor now", "now              0", "0 more under an exception"] {
            assert!(!table.contains(zero) && !groups.contains(zero), "{zero}: {table}{groups}");
        }
        for name in KNOWN {
            assert_eq!(samples(&metrics, name), 0, "{name}: {metrics}");
        }
        assert_valid(&schema("history-v1"), &json);
        let kpi = &json["kpis"][0];
        for count in ["open", "open_unseen", "excepted", "excepted_unseen", "overdue", "with_deadline", "in_monitor"] {
            assert_eq!(kpi[count], Value::Null, "{count}: {kpi:#}");
        }
        let rows = rows(&csv);
        for column in
            ["exceptions_due", "not_seen", "open_known", "open_not_seen", "load_balancers_not_seen", "overdue"]
        {
            assert_eq!(rows.last().unwrap()[column], "", "{column}: {csv}");
        }
    }
}

/// Zero is known once something was read, also where later scans read nothing.
#[test]
fn what_was_read_and_is_zero_stays_zero() {
    for scenes in [&["1 full"][..], &["1 full", "1 failed"], &["1 full a:p:strictest", "1 full"]] {
        let Outputs { table, metrics, json, csv, .. } = outputs(scenes);
        assert!(table.contains("open now              0; 0 more under an exception"), "{table}");
        assert!(table.contains("0 in monitor now") && !table.contains("unknown: nothing"), "{table}");
        for name in ["exceptions_due", "in_monitor_load_balancers", "overdue_findings", "open_findings"] {
            assert!(samples(&metrics, name) > 0, "{name}: {metrics}");
        }
        assert_eq!((&json["kpis"][0]["open"], &json["kpis"][0]["overdue"]), (&0.into(), &0.into()));
        assert_eq!(rows(&csv).last().unwrap()["not_seen"], "0");
    }
}

/// A scan of one account, after one of all: the share in the required mode has bounds, and its line does not rise.
#[test]
fn the_share_as_required_does_not_rise_when_less_is_read() {
    let bed = Bed::start_at(&world("acme-org"), vec![], "2026-11-03T08:00:00Z".parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let scan = |flags: &[&str]| {
        let said = run(bed.doorward(folder.path()).args(["-q", "scan", "--format", "json=scan.json"]).args(flags));
        assert!(matches!(said.code, Some(0 | 3..=5)), "{}", said.err);
        bed.pass(Duration::from_secs(86_400));
    };
    scan(&[]);
    for account in ["100000000030", "100000000040", "100000000010"] {
        scan(&["--account", account]);
        let text = run(bed.doorward(folder.path()).args(["history"])).out;
        let line = text.lines().find(|line| line.trim_start().starts_with("as required")).unwrap();
        let blocks: Vec<char> = line.chars().filter(|c| ('▁'..='█').contains(c)).collect();
        assert!(blocks.len() > 1 && blocks.iter().all(|block| *block <= blocks[0]), "{line}");
        assert!(line.contains("of those seen; ") && line.contains("% to ") && line.contains(" known"), "{line}");
    }
}
