//! What holds for every report: each finding in exactly one summary, and all of them together the whole.

use std::collections::BTreeMap;

use doorward_model::{
    Arn, GapReason, Observed, Owner, ScanReport, Severity, Unseen, UnseenFinding, UnseenLoadBalancer, Verdict,
    WhyUnseen, owner_key,
};
use proptest::prelude::*;

use crate::{context, scene, written};

/// Owners as they come: common ones, odd ones, nobody, and those that could not be read or asked for.
fn any_owner() -> impl Strategy<Value = Observed<Owner>> {
    prop_oneof![
        3 => (0_u8..5).prop_map(|n| scene::owner(&format!("team-{n}"))),
        2 => proptest::sample::select(scene::hostile().into_iter().filter(|text| text.len() < 200).collect::<Vec<_>>())
            .prop_map(|name| scene::owner(&name)),
        2 => proptest::sample::select(vec!["unowned", "Unowned", "(owner unread)", "a/b", "a-b", "a b"]).prop_map(scene::owner),
        1 => Just(Observed::Absent),
        1 => Just(scene::unread(GapReason::AccessDenied)),
        1 => Just(scene::unread(GapReason::NotAsked)),
    ]
}

fn owned_by(owners: &[Observed<Owner>]) -> ScanReport {
    let mut report = scene::large(owners.len() as u64, 3);
    let mut labels = BTreeMap::new();
    for (lb, owner) in report.load_balancers.iter_mut().zip(owners) {
        lb.owner = owner.clone();
        labels.insert(lb.arn.clone(), lb.owner_label().to_owned());
    }
    for finding in &mut report.findings {
        finding.owner = labels[&finding.load_balancer].as_str().into();
    }
    report
}

/// The rows of a table, its header first.
fn rows(text: &str) -> Vec<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
    reader.records().map(|row| row.expect("a row").iter().map(str::to_owned).collect()).collect()
}

fn sum(rows: &[Vec<String>], column: &str) -> usize {
    let at = rows[0].iter().position(|name| name == column).expect("a column");
    rows[1..].iter().map(|row| row[at].parse::<usize>().expect("a number")).sum()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn every_finding_is_in_exactly_one_summary(owners in proptest::collection::vec(any_owner(), 1..40)) {
        let report = owned_by(&owners);
        let folder = tempfile::tempdir().expect("a folder");
        let (receipt, files) = written(folder.path(), &report, &context());
        prop_assert!(receipt.adds_up());
        prop_assert_eq!(receipt.written, report.findings.len());

        // Names are unlike each other here, so that a page either lists a load balancer or does not.
        let pages: Vec<_> = files.iter().filter(|(name, _)| name.ends_with(".html") && *name != "index.html").collect();
        let asked = |page: &str| page.split_once("All verdicts</summary>").expect("the list of all").1.to_owned();
        let mut listed = 0;
        for lb in &report.load_balancers {
            let mark = format!("<bdi>{}</bdi></th>", lb.name);
            let on: Vec<_> = pages.iter().filter(|(_, page)| asked(page).contains(&mark)).collect();
            prop_assert_eq!(on.len(), 1, "{} is on {} pages", lb.name, on.len());
            let page = asked(on[0].1);
            let row = page.split_once(&mark).expect("its row").1.split_once("</tr>").expect("ends").0;
            listed += row.matches("<td>").count() - row.matches("<td>not asked</td>").count();
        }
        prop_assert_eq!(listed, report.findings.len());

        // One page per owner, and one owner per page.
        let keys: std::collections::BTreeSet<_> = owners.iter().map(|owner| match owner {
            Observed::Known(owner) => (0, owner_key(&owner.name)),
            Observed::Absent => (1, String::new()),
            Observed::Unread(gap) => (if gap.reason == GapReason::NotAsked { 2 } else { 3 }, String::new()),
        }).collect();
        prop_assert_eq!(pages.len(), keys.len());

        let table = rows(&files["owners.csv"]);
        prop_assert_eq!(table.len() - 1, keys.len());
        prop_assert_eq!(sum(&table, "load_balancers"), report.load_balancers.len());
        for severity in [Severity::Critical, Severity::High, Severity::Medium, Severity::Low, Severity::Informational] {
            let all = report.findings.iter().filter(|f| f.verdict.severity() == Some(severity)).count();
            prop_assert_eq!(sum(&table, &format!("failures_{severity}")), all);
        }
        let excepted = report.findings.iter().filter(|f| matches!(*f.verdict, Verdict::Excepted { .. })).count();
        let unknown = report.findings.iter().filter(|f| matches!(*f.verdict, Verdict::Unknown { .. })).count();
        let centres = rows(&files["cost-centres.csv"]);
        for table in [&table, &centres] {
            prop_assert_eq!(sum(table, "excepted"), excepted);
            prop_assert_eq!(sum(table, "unknown"), unknown);
            prop_assert_eq!(sum(table, "mode_unknown"), report.tally.mode_unknown);
            prop_assert_eq!(sum(table, "mode_population"), report.tally.mode_population());
        }
        prop_assert_eq!(sum(&centres, "exposure"), sum(&table, "exposure"));
    }
}

#[test]
fn the_same_report_gives_the_same_bytes() {
    let report = scene::large(120, 9);
    let (a, b) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let first = written(a.path(), &report, &context()).1;
    assert_eq!(first, written(b.path(), &report, &context()).1);
    assert_eq!(first, written(a.path(), &report, &context()).1, "and again over its own");
}

/// Load balancers `lost` that were not seen, with two findings each, and a finding of each of the first three that were seen.
fn partly_seen() -> ScanReport {
    let mut report = scene::large(12, 3);
    let at = report.run.started;
    let mut unseen = Unseen { account_regions: 1, ..Unseen::default() };
    for (n, lb) in report.load_balancers.iter().take(3).enumerate() {
        let arn = Arn::new(&format!("{}f", lb.arn)).expect("an ARN");
        let finding = |load_balancer: &Arn, name: &str, excepted: bool| UnseenFinding {
            id: format!("{name}-{n}-{excepted}"),
            rule: "desync-mode-below-required".to_owned(),
            account: lb.account.clone(),
            region: lb.region.clone(),
            load_balancer: load_balancer.clone(),
            name: name.to_owned(),
            kind: lb.kind,
            owner: "team-lost".to_owned(),
            unit: "/Shop".to_owned(),
            excepted,
            severity: Some(Severity::High),
            first_seen: at,
            last_seen: at,
            because: WhyUnseen::LoadBalancerNotSeen,
        };
        unseen.findings.extend([
            finding(&arn, "lost", false),
            finding(&arn, "lost", true),
            finding(&lb.arn, "read", false),
        ]);
        unseen.load_balancers.push(UnseenLoadBalancer {
            arn,
            account: lb.account.clone(),
            region: lb.region.clone(),
            name: "lost".to_owned(),
            kind: lb.kind,
            owner: "team-lost".to_owned(),
            unit: "/Shop".to_owned(),
            mode: None,
            last_seen: at,
        });
    }
    report.unseen = Some(unseen);
    report
}

const NOT_SEEN: [(&str, usize); 4] =
    [("load_balancers_not_seen", 3), ("failures_not_seen", 6), ("excepted_not_seen", 3), ("exposure_not_seen", 6 * 16)];

#[test]
fn what_was_not_seen_has_a_cost_centre_and_is_unknown_without_a_ledger() {
    let mut report = partly_seen();
    let folder = tempfile::tempdir().expect("a folder");
    let (_, files) = written(folder.path(), &report, &context());
    let (owners, centres) = (rows(&files["owners.csv"]), rows(&files["cost-centres.csv"]));
    let (first, rest) = (std::slice::from_ref(&centres[0]), &centres[1..]);
    let (lost, seen): (Vec<_>, Vec<_>) = rest.iter().cloned().partition(|row| row[0] == "(not seen now)");
    for (column, count) in NOT_SEEN {
        assert_eq!((sum(&owners, column), sum(&centres, column)), (count, count), "{column}");
        // The findings of load balancers that were seen are in the cost centres of these.
        let of = |part: &[Vec<String>]| sum(&[first, part].concat(), column);
        let expected = if column == "failures_not_seen" { (3, 3) } else { (of(&lost), 0) };
        if column != "exposure_not_seen" {
            assert_eq!((of(&lost), of(&seen)), expected, "{column}");
        }
    }
    let all: Vec<&str> = files["index.md"].lines().filter(|line| line.starts_with("| **all** |")).collect();
    let [by_owner, by_centre] = all[..] else { panic!("two tables: {all:?}") };
    assert!(by_owner == by_centre && by_owner.ends_with("| 6 | 3 |"), "{by_owner}");
    let of_centres: usize = files["index.md"]
        .split_once("## By cost centre")
        .expect("a table")
        .1
        .lines()
        .filter(|line| line.starts_with("| ") && !line.contains("**all**") && !line.contains("cost centre"))
        .filter_map(|line| line.rsplit('|').nth(2)?.trim().parse::<usize>().ok())
        .sum();
    assert_eq!(of_centres, 6, "the rows add up to the last one");

    report.unseen = None;
    let (_, files) = written(folder.path(), &report, &context());
    for table in ["owners.csv", "cost-centres.csv"] {
        let table = rows(&files[table]);
        for (column, _) in NOT_SEEN {
            let at = table[0].iter().position(|name| name == column).expect("a column");
            assert!(table[1..].iter().all(|row| row[at].is_empty()), "{column}");
        }
    }
    assert!(files["index.md"].lines().any(|line| line.ends_with("| unknown | unknown |")), "{}", files["index.md"]);
    assert!(files["index.html"].contains("<td class=\"n\">unknown</td>"));
}
