//! What was not read, not asked or not seen is never a pass, a zero or an empty sheet.

use std::path::Path;
use std::sync::Arc;

use doorward_model::{
    Coverage, CoverageStatus, Gap, GapReason, LastMode, Listing, Observed, ScanReport, Severity, Unseen, UnseenFinding,
    UnseenLoadBalancer, Verdict, VerdictReason, WhyUnseen,
};
use doorward_sink_evidence::{PackContext, SheetLimits};

use crate::scene;
use crate::sheets::{file, packed};

const MODE: &str = "desync-mode-below-required";

/// A report in which everything was read and every rule passes.
fn passing(count: usize) -> ScanReport {
    let mut report = scene::report(count);
    let mut lines = report.coverage.lines;
    lines.retain(|line| line.status == CoverageStatus::Complete);
    report.coverage = Coverage::new(lines, Listing::Full);
    let pass = Arc::new(Verdict::Pass { reason: VerdictReason::ModeSufficient, because: "It is.".to_owned() });
    report.findings.iter_mut().for_each(|finding| finding.verdict = pass.clone());
    judged(report)
}

fn judged(mut report: ScanReport) -> ScanReport {
    report.tally = doorward_model::ReportTally::of(&report.load_balancers, &report.findings);
    report
}

/// The report with its first load balancers not seen, each with a failure of the mode rule.
fn hidden(mut report: ScanReport, count: usize) -> ScanReport {
    let gone: Vec<_> = report.load_balancers.drain(..count).collect();
    let is_gone = |f: &doorward_model::Finding| gone.iter().any(|lb| lb.arn == f.load_balancer);
    let (lost, kept): (Vec<_>, Vec<_>) = report.findings.into_iter().partition(is_gone);
    report.findings = kept;
    let at = scene::time(-86_400);
    let findings = lost.into_iter().filter(|f| f.rule == MODE).map(|f| UnseenFinding {
        id: f.id,
        rule: f.rule.into(),
        account: f.account,
        region: f.region,
        load_balancer: f.load_balancer,
        name: f.name.into(),
        kind: f.kind,
        owner: f.owner.to_string(),
        unit: String::new(),
        excepted: false,
        severity: Some(Severity::High),
        first_seen: at,
        last_seen: at,
        because: WhyUnseen::LoadBalancerNotSeen,
    });
    let load_balancers = gone.iter().map(|lb| UnseenLoadBalancer {
        arn: lb.arn.clone(),
        account: lb.account.clone(),
        region: lb.region.clone(),
        name: lb.name.clone(),
        kind: lb.kind,
        owner: lb.owner_label().to_owned(),
        unit: String::new(),
        mode: Some(LastMode::Monitor),
        last_seen: at,
    });
    report.unseen = Some(Unseen {
        load_balancers: load_balancers.collect(),
        findings: findings.collect(),
        account_regions: 1,
        never_read: 0,
    });
    judged(report)
}

/// A report of a scan that every account refused.
fn denied() -> ScanReport {
    let mut report = scene::report(0);
    for line in &mut report.coverage.lines {
        (line.status, line.fully_listed) = (CoverageStatus::Failed, false);
    }
    report.coverage = Coverage::new(report.coverage.lines, Listing::Full);
    report
}

fn plain(report: &ScanReport) -> PackContext {
    PackContext { exceptions: None, changes: None, previous_figures: None, ..scene::context(report, &[]) }
}

/// The result of requirement 1.2.5 of PCI DSS, which one rule supports, and what is not known of it.
fn requirement(report: &ScanReport, id: &str) -> (String, String) {
    let folder = packed(report, &plain(report), SheetLimits::default());
    let rows = file(&folder.path().join("pack"), "csv/requirements.csv");
    let row = rows.iter().find(|row| row["Requirement"].trim_start_matches('\'') == id).expect("a row");
    (row["Result"].clone(), row["Not known"].clone())
}

#[test]
fn a_requirement_passes_only_if_everything_that_it_is_about_was_read_and_asked() {
    let whole = passing(12);
    assert_eq!(requirement(&whole, "1.2.5"), ("pass".to_owned(), String::new()));
    // A rule that did not run.
    let mut lacking = whole.clone();
    lacking.findings.retain(|finding| finding.rule != "exception-expired");
    assert_eq!(requirement(&judged(lacking.clone()), "1.2.5").0, "pass");
    let (result, why) = requirement(&judged(lacking), "1.2.7");
    assert!(result == "unknown" && why.contains("exception-expired"), "{result}: {why}");
    // An account-Region that was not read.
    let mut cut = whole.clone();
    cut.coverage.lines[0].status = CoverageStatus::Partial;
    cut.coverage = Coverage::new(cut.coverage.lines, Listing::Full);
    let (result, why) = requirement(&cut, "1.2.5");
    assert!(result == "unknown" && why.contains("1 of 2 account-Regions were not read completely"), "{result}: {why}");
    let mut unlisted = whole.clone();
    unlisted.coverage.accounts_listing =
        Listing::Unread(Arc::new(Gap::new(GapReason::AccessDenied, "organizations:ListAccounts")));
    assert_eq!(requirement(&unlisted, "1.2.5").0, "unknown");
    // A scan that was narrowed, with everything of it read: what earlier scans saw is not gone.
    let (result, why) = requirement(&hidden(whole.clone(), 4), "1.2.5");
    assert!(result == "unknown" && why.contains("4 load balancers and 4 failures"), "{result}: {why}");
    assert_eq!(requirement(&denied(), "1.2.5").0, "unknown");
    // A failure that was seen is a failure whatever was not.
    let mut failing = hidden(whole, 4);
    failing.findings[1].verdict = Arc::new(Verdict::Fail {
        reason: VerdictReason::ModeMonitor,
        because: "It is in monitor.".to_owned(),
        severity: Severity::High,
        remedy: "Raise it.".to_owned(),
    });
    assert_eq!(failing.findings[1].rule, MODE);
    assert_eq!(requirement(&judged(failing), "1.2.5").0, "fail");
}

fn sentences(dir: &Path, topic: &str) -> String {
    let rows = file(dir, "csv/management.csv");
    let of = rows.iter().filter(|row| row["Topic"] == topic).map(|row| row["Sentence"].clone());
    of.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_management_summary_counts_what_was_not_seen_and_has_no_zero_of_nothing() {
    let report = hidden(passing(12), 4);
    let folder = packed(&report, &plain(&report), SheetLimits::default());
    let dir = folder.path().join("pack");
    let open = sentences(&dir, "Open findings");
    assert!(open.contains("4 findings are open as far as is known (0 seen, 4 not seen now), 4 of them"), "{open}");
    let verdict = sentences(&dir, "Verdict");
    assert!(verdict.contains("4 more were weaker when they were last seen"), "{verdict}");

    let report = denied();
    let folder = packed(&report, &plain(&report), SheetLimits::default());
    let dir = folder.path().join("pack");
    for topic in ["Verdict", "Open findings"] {
        assert!(sentences(&dir, topic).starts_with("Unknown: nothing was read"), "{}", sentences(&dir, topic));
    }
    let summary = file(&dir, "csv/summary.csv");
    for row in summary.iter().filter(|row| ["Modes", "Failures"].contains(&row["Section"].as_str())) {
        assert_eq!(row["Count"], "", "{row:?}");
    }
    assert!(summary.iter().any(|row| row["Section"] == "Coverage" && row["Count"] == "0"), "coverage is known");
}

#[test]
fn an_empty_sheet_says_why() {
    let report = denied();
    let empty = |context: &PackContext| {
        let folder = packed(&report, context, SheetLimits::default());
        let readme = std::fs::read_to_string(folder.path().join("pack/README.md")).expect("reads");
        move |csv: &str| {
            let line = readme.lines().find(|line| line.contains(&format!("`csv/{csv}.csv`"))).expect("a line");
            line.split_once(": 0 rows ").expect("it is empty").1.trim_end_matches(" |").to_owned()
        }
    };
    let without = empty(&plain(&report));
    for csv in ["changes", "unseen", "key_figures"] {
        assert_eq!(without(csv), "(unknown: no ledger was read)", "{csv}");
    }
    assert_eq!(without("traffic"), "(unknown: the scan has no traffic evidence)");
    assert_eq!(without("costs"), "(unknown: no price of a load balancer is known)");
    assert_eq!(without("exceptions"), "(unknown: no register of exceptions is configured)");
    assert_eq!(without("population"), "(unknown: nothing was read)");
    assert_eq!(without("results"), "(unknown: nothing was read)");
    // What was read and is empty is nothing.
    let read = PackContext { changes: Some(Vec::new()), exceptions: Some(Vec::new()), ..plain(&report) };
    let with = empty(&read);
    assert_eq!([with("changes"), with("exceptions")], ["(none)", "(none)"]);
    let part = PackContext { scope: Some("owner red".to_owned()), ..plain(&report) };
    assert!(empty(&part)("changes").contains("the ledger records whole scans"));
}

#[test]
fn a_number_of_load_balancers_is_exact_at_least_or_blank() {
    let mut report = scene::report(9);
    report.coverage.lines[1].fully_listed = false;
    report.coverage.lines[1].status = CoverageStatus::Partial;
    let folder = packed(&report, &plain(&report), SheetLimits::default());
    let rows = file(&folder.path().join("pack"), "csv/coverage.csv");
    let numbers: Vec<_> = rows.iter().map(|row| (row["Load balancers"].as_str(), row["Number is"].as_str())).collect();
    let found: Vec<String> =
        report.coverage.lines.iter().map(|line| line.load_balancers.unwrap_or_default().to_string()).collect();
    assert_eq!(numbers, [(found[0].as_str(), "exact"), (found[1].as_str(), "at least"), ("", "unknown")]);
    assert_eq!(rows[2]["Deleted meanwhile"], "");
}

#[test]
fn what_could_not_be_read_about_accounts_and_tags_has_its_place() {
    let mut report = scene::report(4);
    let gap = Gap::new(GapReason::AccessDenied, "organizations:ListRoots");
    report.accounts.iter_mut().for_each(|account| account.ou = Observed::unread(gap.clone()));
    report.accounts[0].name = Observed::unread(Gap::new(GapReason::NotAsked, "organizations:ListAccounts"));
    report.load_balancers[0].application = Observed::unread(gap.clone());
    report.load_balancers[1].application = Observed::Absent;
    report.load_balancers[1].environment = Observed::unread(gap);
    let resolved = report.findings.iter_mut().find(|finding| matches!(*finding.verdict, Verdict::Unknown { .. }));
    let resolved = resolved.expect("an unknown verdict");
    resolved.history.as_mut().expect("a history").resolved = Some(scene::time(-3_600));
    let id = resolved.id.clone();
    let folder = packed(&report, &plain(&report), SheetLimits::default());
    let dir = folder.path().join("pack");
    let unknowns = file(&dir, "csv/unknowns.csv");
    let units: Vec<_> = unknowns.iter().filter(|row| row["What"] == "organizational unit").collect();
    assert_eq!(units.len(), report.accounts.len());
    assert!(units.iter().all(|row| row["Operation"] == "organizations:ListRoots" && !row["Account"].is_empty()));
    assert!(unknowns.iter().all(|row| row["What"] != "account name"), "what was not asked is no error");
    let population = file(&dir, "csv/population.csv");
    let of = |n: usize, column: &str| population[n][column].clone();
    assert_eq!([of(0, "Application"), of(1, "Application")], ["(unread: access-denied)", "(absent)"]);
    assert_eq!(of(1, "Environment"), "(unread: access-denied)");
    let results = file(&dir, "csv/results.csv");
    assert_eq!(results[0]["Application"], "(unread: access-denied)");
    let row = results.iter().find(|row| row["Finding id"] == id).expect("a row");
    assert_eq!(row["Age in days"], "", "it was resolved, and is not known to fail again");
}

#[test]
fn an_exception_is_unused_only_if_what_it_may_cover_was_read() {
    let report = denied();
    let mut context = scene::context(&report, &["text".to_owned()]);
    let used = |context: &PackContext| {
        let folder = packed(&report, context, SheetLimits::default());
        let row = file(&folder.path().join("pack"), "csv/exceptions.csv").remove(0);
        (row["Used"].clone(), row["Failures permitted"].clone())
    };
    assert_eq!(used(&context), ("unused".to_owned(), "0".to_owned()));
    context.exceptions.iter_mut().flatten().for_each(|row| row.read = false);
    assert_eq!(used(&context), ("unknown".to_owned(), String::new()));
}

#[test]
fn a_pack_of_a_part_says_so_where_it_is_read() {
    let report = scene::report(9);
    let context = PackContext { scope: Some("owner team-1".to_owned()), ..plain(&report) };
    let folder = packed(&report, &context, SheetLimits::default());
    let dir = folder.path().join("pack");
    let readme = std::fs::read_to_string(dir.join("README.md")).expect("reads");
    assert!(readme.contains("covers a part of the scan: owner team-1"), "{readme}");
    assert!(sentences(&dir, "Scope").contains("covers a part of the scan: owner team-1"));
    let since = sentences(&dir, "Since the previous period");
    assert!(since.contains("the ledger records whole scans") && !since.contains("no earlier run"), "{since}");
    let whole = packed(&report, &plain(&report), SheetLimits::default());
    assert!(!std::fs::read_to_string(whole.path().join("pack/README.md")).expect("reads").contains("part of the scan"));
}
