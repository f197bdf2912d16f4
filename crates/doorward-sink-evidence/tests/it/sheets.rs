//! What the sheets say: the CSV files against the report, and what happens at the limits of a sheet.

use std::collections::BTreeMap;
use std::path::Path;

use doorward_model::{
    Kind, LastMode, ScanReport, Severity, Unseen, UnseenFinding, UnseenLoadBalancer, VerdictKind, WhyUnseen,
};
use doorward_sink_evidence::csv::{self, CsvDialect, FieldSeparator};
use doorward_sink_evidence::{Pack, PackContext, RunFigures, Sampling, SheetLimits, write};
use serde_json::Value;

use crate::scene;

/// The rows of a CSV file, by the names of its columns.
pub(crate) fn rows(text: &str) -> Vec<BTreeMap<String, String>> {
    let mut reader = ::csv::Reader::from_reader(text.trim_start_matches('\u{feff}').as_bytes());
    reader.deserialize().map(|row| row.expect("a row")).collect()
}

pub(crate) fn file(dir: &Path, name: &str) -> Vec<BTreeMap<String, String>> {
    rows(&std::fs::read_to_string(dir.join(name)).expect("reads"))
}

pub(crate) fn packed(report: &ScanReport, context: &PackContext, limits: SheetLimits) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let json = serde_json::to_vec(report).expect("serializes");
    let pack = Pack { limits, ..scene::pack(report, &json, context, None) };
    write(&folder.path().join("pack"), &pack).expect("writes");
    folder
}

/// Every figure of the control mapping, counted again from the report alone.
#[test]
fn a_control_counts_the_load_balancers_that_it_is_about() {
    let mut report = scene::report(90);
    let classic: Vec<_> = report.load_balancers.iter().step_by(5).map(|lb| lb.arn.clone()).collect();
    report.load_balancers.iter_mut().filter(|lb| classic.contains(&lb.arn)).for_each(|lb| lb.kind = Kind::Classic);
    report.findings.iter_mut().filter(|f| classic.contains(&f.load_balancer)).for_each(|f| f.kind = Kind::Classic);
    let context = scene::context(&report, &["text".to_owned()]);
    let folder = packed(&report, &context, SheetLimits::default());
    let controls = file(&folder.path().join("pack"), "csv/controls.csv");
    let is_about = |control: &str, kind: &str, scheme: Option<&str>| match control {
        "ELB.12" => kind == "application",
        "ELB.14" => kind == "classic",
        "ELB.5" => kind == "application" || kind == "classic",
        "1.4.1" | "6.4.2" => scheme != Some("internal"),
        _ => true,
    };
    let mut elb = BTreeMap::new();
    for row in &controls {
        let count = |verdict: VerdictKind| {
            let of = report.findings.iter().filter(|finding| {
                let lb = report.load_balancers.iter().find(|lb| lb.arn == finding.load_balancer).expect("is there");
                let scheme = lb.scheme.known().map(ToString::to_string);
                finding.rule == row["Rule"]
                    && finding.verdict.kind() == verdict
                    && is_about(row["Control"].trim_start_matches('\''), &finding.kind.to_string(), scheme.as_deref())
            });
            of.count()
        };
        let ran = report.findings.iter().any(|finding| finding.rule == row["Rule"]);
        for (column, verdict) in [
            ("Fail", VerdictKind::Fail),
            ("Unknown", VerdictKind::Unknown),
            ("Excepted", VerdictKind::Excepted),
            ("Pass", VerdictKind::Pass),
            ("Not applicable", VerdictKind::NotApplicable),
            ("Not asked", VerdictKind::NotAsked),
        ] {
            let expected = if ran { count(verdict).to_string() } else { String::new() };
            assert_eq!(row[column], expected, "{} {} {column}", row["Control"], row["Rule"]);
            *elb.entry(row["Control"].trim_start_matches('\'').to_owned()).or_insert(0) +=
                row[column].parse::<usize>().unwrap_or(0);
        }
    }
    assert!(elb["ELB.12"] > 0 && elb["ELB.14"] > 0 && elb["ELB.12"] != elb["ELB.14"], "{elb:?}");
    assert!(elb["6.4.2"] < elb["6.2.4"], "{elb:?}");
}

#[test]
fn the_sheets_say_what_the_report_says() {
    let report = scene::report(60);
    let context = scene::context(&report, &["text".to_owned()]);
    let folder = packed(&report, &context, SheetLimits::default());
    let dir = folder.path().join("pack");
    let results = file(&dir, "csv/results.csv");
    assert_eq!(results.len(), report.findings.len());
    for (row, finding) in results.iter().zip(&report.findings) {
        assert_eq!(row["Finding id"], finding.id);
        assert_eq!(row["Verdict"], finding.verdict.kind().to_string());
        assert_eq!(row["Reason"], finding.verdict.reason().code());
        assert_eq!(row["Account"], format!("'{}", finding.account));
        let lb = report.load_balancers.iter().find(|lb| lb.arn == finding.load_balancer).expect("is there");
        // Unread is never a mode.
        let mode = lb.mode.known().filter(|_| lb.kind.can_parse_http());
        assert_eq!(mode.is_some(), ["monitor", "defensive", "strictest"].contains(&row["Observed mode"].as_str()));
        let reported = row["Evidence: request id"].as_str();
        assert_eq!(reported, lb.evidence.as_ref().and_then(|e| e.request_id.clone()).unwrap_or_default());
        assert_eq!(
            row["Age in days"],
            if finding.verdict.kind() == VerdictKind::Fail { "30" } else { &row["Age in days"] }
        );
    }
    let population = file(&dir, "csv/population.csv");
    assert_eq!(population.len(), report.load_balancers.len());
    let out = population.iter().filter(|row| row["In scope"] == "no").count();
    let network = report.load_balancers.iter().filter(|lb| !lb.kind.can_parse_http()).count();
    assert!(network > 0 && out == network);
    assert!(population.iter().all(|row| (row["In scope"] == "no") != row["Why not in scope"].is_empty()));

    let coverage = file(&dir, "csv/coverage.csv");
    assert_eq!(coverage.len(), report.coverage.counts.all);
    assert!(coverage.iter().any(|row| row["Status"] == "failed" && row["Why not complete"] == "access-denied"));
    let unknown = report.findings.iter().filter(|f| f.verdict.kind() == VerdictKind::Unknown).count();
    let unknowns = file(&dir, "csv/unknowns.csv");
    assert_eq!(unknowns.iter().filter(|row| row["What"] == "unknown verdict").count(), unknown);
    assert_eq!(unknowns.len(), unknown + 1);

    let log = file(&dir, "csv/remediation.csv");
    let found = report.load_balancers.iter().flat_map(|lb| lb.changes.iter().map(move |change| (&lb.arn, change)));
    let unfound = report.changes_unfound.iter().flat_map(|(arn, all)| all.iter().map(move |change| (arn, change)));
    let changes: Vec<_> = found.chain(unfound).collect();
    assert!(!report.changes_unfound.is_empty() && changes.len() > 1 && log.len() == changes.len());
    for (row, (arn, change)) in log.iter().zip(changes) {
        assert_eq!(row["ARN"], arn.as_str());
        assert_eq!(row["Account"], format!("'{}", arn.account()));
        assert_eq!(row["Observed mode"] == "not found", report.changes_unfound.contains_key(arn));
        assert_eq!(
            [&row["Change"], &row["Approved by"], &row["Why planned"]],
            [&change.change, &change.by, &change.why]
        );
        assert_eq!([&row["Mode before"], &row["Mode planned"]], [change.from.as_str(), change.to.as_str()]);
        assert_eq!([&row["Value before"], &row["Value planned"]], [&row["Mode before"], &row["Mode planned"]]);
        assert_eq!(row["Attribute"], "routing.http.desync_mitigation_mode");
        assert_eq!([row["Status"].as_str(), &row["Detail"]], [change.status.label(), &change.detail]);
        assert_eq!(row["Since (ISO 8601)"], change.at.to_string());
        assert_eq!(row["Request id"], change.request_id.clone().unwrap_or_default());
    }

    // No share without its denominator, and none that is rounded up.
    for row in file(&dir, "csv/summary.csv") {
        assert!(row["Share"].is_empty() || !row["Of"].is_empty(), "{row:?}");
        let Ok(share) = row["Share"].parse::<f64>() else { continue };
        let exact = row["Count"].parse::<f64>().expect("a count") / row["Of"].parse::<f64>().expect("a count");
        assert!(share <= exact && exact - share < 0.0001, "{row:?}");
    }
    let method = file(&dir, "csv/method.csv");
    let manifest: Value =
        serde_json::from_slice(&std::fs::read(dir.join("manifest.json")).expect("reads")).expect("JSON");
    for sheet in manifest["sheets"].as_array().expect("sheets") {
        let tab = sheet["tabs"][0].as_str().expect("a tab");
        let explained = method.iter().filter(|row| row["Section"] == "Column" && row["Sheet"] == tab).count();
        assert_eq!(Some(explained), sheet["columns"].as_u64().map(|n| usize::try_from(n).expect("small")), "{tab}");
        let name = sheet["csv"].as_str().expect("a name");
        assert_eq!(Some(file(&dir, name).len()), sheet["rows"].as_u64().map(|n| usize::try_from(n).expect("small")));
    }
    assert!(method.iter().all(|row| !row["Explanation"].is_empty()), "everything is explained");
}

#[test]
fn a_report_of_nothing_is_a_pack_too() {
    let report = scene::report(0);
    let folder = packed(&report, &PackContext::default(), SheetLimits::default());
    let dir = folder.path().join("pack");
    assert_eq!(file(&dir, "csv/results.csv").len(), 0);
    assert_eq!(file(&dir, "csv/remediation.csv").len(), 0);
    let method = file(&dir, "csv/method.csv");
    let said = method.iter().find(|row| row["Section"] == "Sheet" && row["Name"] == "Remediation log");
    assert!(said.is_some_and(|row| row["Explanation"].contains("without a ledger")));
    assert!(file(&dir, "csv/cover.csv").iter().any(|row| row["Item"] == "Previous period" && row["Value"] == "(none)"));
}

#[test]
fn long_sheets_are_split_and_long_cells_say_where_the_rest_is() {
    let long = "a".repeat(1_000);
    let mut report = scene::report(25);
    for finding in &mut report.findings {
        finding.name = long.as_str().into();
    }
    let folder = packed(&report, &scene::context(&report, &[]), SheetLimits { rows: 11, cell: 256 });
    let dir = folder.path().join("pack");
    let manifest: Value =
        serde_json::from_slice(&std::fs::read(dir.join("manifest.json")).expect("reads")).expect("JSON");
    let sheets = manifest["sheets"].as_array().expect("sheets");
    let results = sheets.iter().find(|sheet| sheet["csv"] == "csv/results.csv").expect("is there");
    assert_eq!(results["rows"], 125);
    let tabs: Vec<&str> = results["tabs"].as_array().expect("tabs").iter().filter_map(Value::as_str).collect();
    assert_eq!(tabs.len(), 13);
    assert_eq!((tabs[0], tabs[12]), ("Results", "Results 13"));
    // The CSV file is neither split nor cut.
    let rows = file(&dir, "csv/results.csv");
    assert!(rows.len() == 125 && rows.iter().all(|row| row["Load balancer"] == long));
}

#[test]
fn a_sample_can_be_drawn_again() {
    let report = scene::report(200);
    let draw = |seed: &str, size| {
        let context =
            PackContext { sampling: Sampling { size, seed: seed.to_owned() }, ..scene::context(&report, &[]) };
        let folder = packed(&report, &context, SheetLimits::default());
        let rows = file(&folder.path().join("pack"), "csv/sample.csv");
        rows.into_iter().map(|row| (row["ARN"].clone(), row["Draw key"].clone())).collect::<Vec<_>>()
    };
    let ten = draw("a", 10);
    assert_eq!(ten.len(), 10);
    assert!(ten.is_sorted_by_key(|(_, key)| key.trim_start_matches('\'').to_owned()));
    // More are the same and more; another seed draws others.
    assert_eq!(draw("a", 20)[..10], ten[..]);
    assert_ne!(draw("b", 10), ten);
    let in_scope = report.load_balancers.iter().filter(|lb| lb.kind.can_parse_http()).count();
    assert_eq!(draw("a", 1_000).len(), in_scope);
    for (arn, key) in ten {
        // The guard of the dialect stands before what begins with a digit.
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, format!("a\n{arn}").as_bytes());
        assert_eq!(key.trim_start_matches('\''), hex::encode(digest));
    }
}

#[test]
fn csv_for_people_and_for_programs() {
    let report = scene::report(20);
    let separated = |dialect, separator| {
        let mut bytes = Vec::new();
        let required = scene::required(&report);
        let receipt = csv::write(&mut bytes, "out.csv", &report, &required, &[], dialect, separator).expect("writes");
        assert!(receipt.adds_up() && receipt.written == 100);
        String::from_utf8(bytes).expect("UTF-8")
    };
    let render = |dialect| separated(dialect, FieldSeparator::default());
    let (raw, excel) = (render(CsvDialect::Raw), render(CsvDialect::Excel));
    // The same fields with another separator, which the first line names.
    let semicolons = separated(CsvDialect::Excel, FieldSeparator { byte: b';', is_named: true });
    let named = semicolons.strip_prefix("\u{feff}sep=;\r\n").expect("the line comes after the byte order mark");
    let mut reader = ::csv::ReaderBuilder::new().delimiter(b';').from_reader(named.as_bytes());
    let read: Vec<BTreeMap<String, String>> = reader.deserialize().map(|row| row.expect("a row")).collect();
    assert_eq!(read, rows(&excel));
    assert!(!raw.starts_with('\u{feff}') && excel.starts_with('\u{feff}'));
    assert!(raw.ends_with("\r\n") && !raw.replace("\r\n", "").contains('\r'));
    let (raw, excel) = (rows(&raw), rows(&excel));
    for (raw, excel) in raw.iter().zip(&excel) {
        assert_eq!(format!("'{}", raw["Account"]), excel["Account"]);
        assert_eq!(raw["Finding id"], excel["Finding id"]);
    }
    assert!(raw.iter().any(|row| row["Account"] == "000123456789"));
}

/// The report after an account was denied: half of the load balancers and their findings are known, and were not seen.
fn half_seen(report: &ScanReport) -> ScanReport {
    let mut less = report.clone();
    let lost = less.load_balancers.split_off(report.load_balancers.len() / 2);
    less.findings.retain(|finding| less.load_balancers.iter().any(|lb| lb.arn == finding.load_balancer));
    let mut unseen = Unseen { account_regions: 1, ..Unseen::default() };
    for lb in &lost {
        unseen.load_balancers.push(UnseenLoadBalancer {
            arn: lb.arn.clone(),
            account: lb.account.clone(),
            region: lb.region.clone(),
            name: lb.name.clone(),
            kind: lb.kind,
            owner: "team-lost".to_owned(),
            unit: "/Lost".to_owned(),
            mode: lb.kind.can_parse_http().then_some(LastMode::Monitor),
            last_seen: report.run.started,
        });
    }
    let failed = report.findings.iter().filter(|f| f.verdict.severity() > Some(Severity::Informational));
    for finding in failed.filter(|f| lost.iter().any(|lb| lb.arn == f.load_balancer)) {
        unseen.findings.push(UnseenFinding {
            id: finding.id.clone(),
            rule: finding.rule.to_string(),
            account: finding.account.clone(),
            region: finding.region.clone(),
            load_balancer: finding.load_balancer.clone(),
            name: finding.name.to_string(),
            kind: finding.kind,
            owner: "team-lost".to_owned(),
            unit: "/Lost".to_owned(),
            excepted: false,
            severity: finding.verdict.severity(),
            first_seen: report.run.started,
            last_seen: report.run.started,
            because: WhyUnseen::LoadBalancerNotSeen,
        });
    }
    less.unseen = Some(unseen);
    less
}

#[test]
fn a_period_that_saw_less_is_not_compared_as_if_it_had_seen_all() {
    let mut whole = scene::report(60);
    whole.unseen = Some(Unseen::default());
    whole.coverage.counts.complete = whole.coverage.counts.in_scope();
    let less = half_seen(&whole);
    let context = |before: &ScanReport, now: &ScanReport| {
        let trend = vec![RunFigures::of(before), RunFigures::of(now)];
        PackContext { previous_figures: Some(RunFigures::of(before)), trend, ..scene::context(now, &[]) }
    };
    let summary = |before: &ScanReport, now: &ScanReport| {
        let folder = packed(now, &context(before, now), SheetLimits::default());
        let dir = folder.path().join("pack");
        (file(&dir, "csv/summary.csv"), file(&dir, "csv/trend.csv"))
    };
    let find = |rows: &[BTreeMap<String, String>], section: &str, group: &str, measure: &str| {
        let wanted = |row: &&BTreeMap<String, String>| {
            row["Section"] == section && row["Group"] == group && row["Measure"] == measure
        };
        rows.iter().find(wanted).unwrap_or_else(|| panic!("no row {section} {group} {measure}")).clone()
    };
    let failing = RunFigures::of(&whole).all.failing();
    let seen = RunFigures::of(&less).all.failing();
    assert!(0 < seen && seen < failing);

    let (rows, trend) = summary(&whole, &less);
    let plain = find(&rows, "Failures", "", "failures without informational ones");
    assert_eq!([&plain["Count"], &plain["Change"]], [&seen.to_string(), ""], "what was seen is not compared");
    let known = find(&rows, "Failures", "", "failures as far as is known, seen or not");
    assert_eq!([&known["Count"], &known["Change"]], [&failing.to_string(), "0"], "nothing was seen to end");
    let missed = find(&rows, "Failures", "", "failures when last seen, not seen now");
    assert_eq!(missed["Count"], (failing - seen).to_string());
    assert_eq!(find(&rows, "Modes", "", "in monitor")["Change"], "");
    let owner = find(&rows, "By owner", "team-lost", "failures as far as is known, seen or not");
    assert_eq!(owner["Count"], (failing - seen).to_string(), "an owner without observations is not gone");
    let covered = find(&rows, "Coverage", "", "known load balancers that were seen");
    assert!(covered["Count"].parse::<usize>().expect("a count") < covered["Of"].parse().expect("a count"));
    let figures: Vec<_> = trend.iter().map(|row| row["Failing as far as is known"].clone()).collect();
    assert_eq!(figures, [failing.to_string(), failing.to_string()]);
    assert_eq!(trend[1]["Failing, not seen"], (failing - seen).to_string());

    let (rows, _) = summary(&whole, &whole);
    assert_eq!(find(&rows, "Failures", "", "failures without informational ones")["Change"], "0", "both saw all");
}

#[test]
fn a_run_that_saw_nothing_is_blank_in_the_trend_and_not_zero() {
    let report = scene::report(10);
    let mut nothing = RunFigures::of(&scene::report(0));
    (nothing.coverage.complete, nothing.coverage.partial) = (0, 0);
    let context = PackContext { trend: vec![nothing], ..scene::context(&report, &[]) };
    let folder = packed(&report, &context, SheetLimits::default());
    let trend = file(&folder.path().join("pack"), "csv/trend.csv");
    for column in ["Failing as far as is known", "Load balancers", "Monitor", "Failing", "Excepted", "Unknown"] {
        assert_eq!(trend[0][column], "", "{column}");
    }
}
