//! Measures a large organization: a year of daily scans of 50,000 load balancers, then one more.
//!
//! `cargo bench -p doorward-ledger`; `DOORWARD_BENCH_LOAD_BALANCERS` and `DOORWARD_BENCH_SCANS` change the size. Prints each
//! figure with its limit and ends with an error when one is exceeded.

#![expect(clippy::print_stdout, clippy::expect_used, reason = "a benchmark reports to the terminal and may stop")]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use doorward_ledger::{FigureGroup, LEASE_TTL, Lease, Ledger, OpenOptions, RunHeader};
use doorward_model::{
    AccountId, Arn, Coverage, CoverageLine, Evidence, Finding, Inventory, Kind, Listing, LoadBalancer, Mode, Observed,
    OuPath, Owner, OwnerSource, RawLoadBalancer, Region, RegionInventory, ReportTally, Run, ScanReport, Severity,
    TextMap, Verdict, VerdictReason,
};
use jiff::{SignedDuration, Timestamp};

const RULES: [&str; 4] =
    ["desync-mode-below-required", "invalid-headers-not-dropped", "access-logs-off", "waf-fail-open"];
const REGIONS: usize = 17;
const PER_PLACE: usize = 5;

fn size(name: &str, default: usize) -> usize {
    std::env::var(name).ok().and_then(|n| n.parse().ok()).unwrap_or(default)
}

/// Set for the process that records the last scan: its memory is not yet stretched by anything else.
const LAST: &str = "DOORWARD_BENCH_LAST";

fn main() -> ExitCode {
    if let Some(path) = std::env::var_os(LAST) {
        let (load_balancers, scans) =
            (size("DOORWARD_BENCH_LOAD_BALANCERS", 50_000), size("DOORWARD_BENCH_SCANS", 365));
        let next = report(load_balancers, scans, load_balancers / 200);
        let mut ledger = Ledger::open(path.as_ref(), OpenOptions::default()).expect("opens");
        let lease = ledger.acquire_lease("bench", day(1), LEASE_TTL).expect("free");
        let (took, peak) = record(&mut ledger, &lease, next);
        println!("{} {peak}", took.as_secs_f64());
        return ExitCode::SUCCESS;
    }
    let (load_balancers, scans) = (size("DOORWARD_BENCH_LOAD_BALANCERS", 50_000), size("DOORWARD_BENCH_SCANS", 365));
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ledger.db");
    let mut ledger = Ledger::open(&path, OpenOptions::default()).expect("opens");
    let lease = ledger.acquire_lease("bench", day(0), LEASE_TTL).expect("free");
    let mut within = true;
    let mut figure = |what: &str, is: f64, limit: f64, unit: &str| {
        let verdict = if is < limit { "ok" } else { "TOO MUCH" };
        within &= is < limit;
        println!("{what:<62} {is:>9.2} {unit:<3} (limit {limit} {unit}) {verdict}");
    };
    println!("{load_balancers} load balancers, {} findings, {scans} earlier scans", load_balancers * RULES.len());

    let mut first_bytes = 0;
    for scan in 0..2 {
        let before = bytes(&path);
        let raw = inventory(load_balancers, scan);
        let took = collect(&mut ledger, &lease, &raw);
        drop(raw);
        let (recorded, _) = record(&mut ledger, &lease, report(load_balancers, scan, 0));
        let grown = bytes(&path) - before;
        println!("scan {scan}: checkpoint {took:.2?}, record {recorded:.2?}, the file grew by {:.1} MB", mb(grown));
        if scan == 0 {
            first_bytes = grown;
        } else {
            figure("growth by an unchanged scan, of the first", 100.0 * mb(grown) / mb(first_bytes), 5.0, "%");
        }
    }
    let started = Instant::now();
    for scan in 2..scans {
        // A fleet that lives: every day a few hundred load balancers change.
        record(&mut ledger, &lease, report(load_balancers, scan, load_balancers / 200));
    }
    println!("{} more scans with changes in {:.1?}", scans.saturating_sub(2), started.elapsed());

    ledger.release_lease(lease).expect("releases");
    let exe = std::env::current_exe().expect("known");
    let last = std::process::Command::new(exe).env(LAST, &path).output().expect("runs");
    let output = String::from_utf8_lossy(&last.stdout);
    let (took, peak) = output.trim().split_once(' ').expect("two figures");
    let (took, peak): (f64, f64) = (took.parse().expect("a figure"), peak.parse().expect("a figure"));
    figure("record one more scan", took, 3.0, "s");
    figure("memory that recording adds at its peak", peak, 100.0, "MB");
    for (what, by) in [
        ("history, whole", FigureGroup::All),
        ("history by owner", FigureGroup::Owner),
        ("history by unit", FigureGroup::Ou),
    ] {
        let started = Instant::now();
        let rows = ledger.history(None, None, &by).expect("reads").len();
        figure(&format!("{what} ({rows} rows)"), started.elapsed().as_secs_f64(), 1.0, "s");
    }
    let started = Instant::now();
    let kpis = ledger.kpis(None, None, &FigureGroup::Owner).expect("reads").len();
    figure(&format!("key figures by owner ({kpis} rows)"), started.elapsed().as_secs_f64(), 1.0, "s");
    let started = Instant::now();
    let diff = ledger.diff("run-0", &format!("run-{scans}")).expect("compares");
    println!("difference of first and last ({} fixed): {:.2?}", diff.fixed.len(), started.elapsed());
    let started = Instant::now();
    println!("open findings ({}): {:.2?}", ledger.open_findings().expect("reads").len(), started.elapsed());
    println!("the file: {:.1} MB", mb(bytes(&path)));
    if within { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn mb(bytes: u64) -> f64 {
    f64::from(u32::try_from(bytes / 1024).unwrap_or(u32::MAX)) / 1024.0
}

/// The size of the database without what waits in its log.
fn bytes(path: &Path) -> u64 {
    let db = rusqlite::Connection::open(path).expect("opens");
    let pages: i64 = db.query_row("PRAGMA page_count", [], |row| row.get(0)).expect("counts");
    pages.unsigned_abs() * 4096
}

fn day(n: usize) -> Timestamp {
    let zero: Timestamp = "2025-01-01T03:00:00Z".parse().expect("valid");
    zero + SignedDuration::from_hours(24 * i64::try_from(n).expect("small"))
}

fn collect(ledger: &mut Ledger, lease: &Lease, raw: &Inventory) -> Duration {
    let started = Instant::now();
    let header = RunHeader {
        run: raw.run.clone(),
        organization: Observed::Absent,
        accounts: Vec::new(),
        accounts_listing: Listing::Full,
        plan: String::new(),
        settings: String::new(),
    };
    ledger.begin_run(lease, &header).expect("begins");
    for cell in &raw.cells {
        ledger.commit_cell(lease, &raw.run.id, cell).expect("keeps");
    }
    ledger.finish_run(lease, raw).expect("finishes");
    started.elapsed()
}

/// Records, and tells how long it took and how much memory it added at its peak, MB.
fn record(ledger: &mut Ledger, lease: &Lease, report: ScanReport) -> (Duration, f64) {
    let before = memory("VmRSS:");
    // Starts the kernel's high-water mark anew.
    let restarted = std::fs::write("/proc/self/clear_refs", "5").is_ok();
    let started = Instant::now();
    ledger.record(lease, &report, &["cost-centre".to_owned()]).expect("records");
    let took = started.elapsed();
    let peak = if restarted { memory("VmHWM:") - before } else { f64::NAN };
    (took, peak)
}

/// A line of the kernel's account of this process, MB.
fn memory(line: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let found = status.lines().find_map(|l| l.strip_prefix(line)?.split_whitespace().next()?.parse::<f64>().ok());
    found.unwrap_or(f64::NAN) / 1024.0
}

fn run(scan: usize) -> Run {
    Run {
        id: format!("run-{scan}"),
        tool_version: "0.1.0".to_owned(),
        started: day(scan),
        finished: day(scan) + SignedDuration::from_mins(20),
        caller: Arn::new("arn:aws:sts::999999999999:assumed-role/scanner/me").expect("valid"),
        account: AccountId::new("999999999999").expect("valid"),
        partition: "aws".to_owned(),
        home_region: region(0),
        clock_offset: None,
        unmatched: Vec::new(),
        interrupted: false,
        only: None,
    }
}

fn region(n: usize) -> Region {
    Region::new(&format!("eu-place-{}", n % REGIONS)).expect("valid")
}

fn account(place: usize) -> AccountId {
    AccountId::new(&format!("{:012}", place / REGIONS + 1)).expect("valid")
}

/// The place of a load balancer: five in each, and as many places without any.
fn place(lb: usize) -> usize {
    lb / PER_PLACE * 2
}

fn places(load_balancers: usize) -> usize {
    load_balancers / PER_PLACE * 2
}

fn arn(lb: usize) -> Arn {
    let (account, region) = (account(place(lb)), region(place(lb)));
    Arn::new(&format!("arn:aws:elasticloadbalancing:{region}:{account}:loadbalancer/app/lb-{lb:06}/{lb:016x}"))
        .expect("valid")
}

/// Twenty attributes and five tags, as a real one has.
fn inventory(load_balancers: usize, scan: usize) -> Inventory {
    let attributes: TextMap =
        (0..20).map(|n| (format!("routing.http.some_attribute_{n:02}.enabled"), format!("value-{n}"))).collect();
    let raw = |lb: usize| RawLoadBalancer {
        arn: arn(lb),
        name: format!("lb-{lb:06}"),
        kind: Kind::Application,
        scheme: Some("internet-facing".into()),
        vpc: Some("vpc-0123456789abcdef0".into()),
        dns_name: Some(format!("lb-{lb:06}-1234567890.eu-west-1.elb.amazonaws.com")),
        created: Some(day(0)),
        state: Some("active".into()),
        security_groups: vec![format!("sg-{lb:017x}").into()],
        zones: vec!["eu-west-1a".into(), "eu-west-1b".into()],
        attributes: Observed::Known(attributes.clone()),
        evidence: Some(Evidence {
            operation: "elasticloadbalancing:DescribeLoadBalancerAttributes".into(),
            at: day(scan) + SignedDuration::from_micros(i64::try_from(lb).expect("small")),
            request_id: Some(format!("8f2b6a1c-0d3e-4f50-{scan:04x}-{lb:012x}")),
        }),
        tags: Observed::Known((0..5).map(|n| (format!("tag-key-{n}"), format!("tag-value-{}", lb % 97))).collect()),
        listeners: Observed::Absent,
        vended_logs: Observed::Absent,
        target_groups: Observed::Absent,
        reached_through: Observed::Absent,
        vpc_origins: Observed::Absent,
        api_integrations: Observed::Absent,
    };
    let cell = |number: usize| RegionInventory {
        account: account(number),
        region: Some(region(number)),
        read_at: None,
        skipped: None,
        listing: Listing::Full,
        classic_listing: Listing::Full,
        load_balancers: if number.is_multiple_of(2) {
            (0..PER_PLACE).map(|n| raw(number / 2 * PER_PLACE + n)).collect()
        } else {
            Vec::new()
        },
        gone: Vec::new(),
        gaps: Vec::new(),
    };
    Inventory {
        run: run(scan),
        organization: Observed::Absent,
        accounts: Vec::new(),
        accounts_listing: Listing::Full,
        cells: (0..places(load_balancers)).map(cell).collect(),
    }
}

/// A report in which `changing` load balancers, other ones each day, are not as they were the day before.
fn report(load_balancers: usize, scan: usize, changing: usize) -> ScanReport {
    let changes = |lb: usize| changing > 0 && (lb + scan * 7919) % load_balancers < changing;
    let mut report = ScanReport {
        run: run(scan),
        organization: Observed::Absent,
        coverage: Coverage::new((0..places(load_balancers)).map(|n| line(n, load_balancers)).collect(), Listing::Full),
        tally: ReportTally::default(),
        accounts: Vec::new(),
        load_balancers: Vec::with_capacity(load_balancers),
        findings: Vec::with_capacity(load_balancers * RULES.len()),
        changes_unfound: BTreeMap::new(),
        unseen: None,
    };
    for lb in 0..load_balancers {
        let weak = (lb % 3 == 0) != changes(lb);
        let one = load_balancer(lb, if weak { Mode::Monitor } else { Mode::Strictest });
        report.findings.extend(RULES.iter().enumerate().map(|(n, rule)| finding(&one, rule, weak && n < 2)));
        report.load_balancers.push(one);
    }
    report
}

fn line(number: usize, load_balancers: usize) -> CoverageLine {
    CoverageLine {
        account: account(number),
        region: Some(region(number)),
        status: doorward_model::CoverageStatus::Complete,
        read_at: None,
        fully_listed: true,
        load_balancers: Some(if number.is_multiple_of(2) && number < places(load_balancers) { PER_PLACE } else { 0 }),
        gone: 0,
        gaps: Vec::new(),
    }
}

fn finding(lb: &LoadBalancer, rule: &str, fails: bool) -> Finding {
    let because = "the mode is monitor; strictest is required".to_owned();
    Finding {
        id: Finding::id_for(&lb.arn, rule),
        rule: rule.into(),
        account: lb.account.clone(),
        region: lb.region.clone(),
        load_balancer: lb.arn.clone(),
        name: lb.name.as_str().into(),
        kind: lb.kind,
        owner: lb.owner_label().into(),
        verdict: Arc::new(if fails {
            Verdict::Fail {
                reason: VerdictReason::ModeMonitor,
                because,
                severity: Severity::High,
                remedy: "set it to strictest".to_owned(),
            }
        } else {
            Verdict::Pass { reason: VerdictReason::ModeSufficient, because }
        }),
        observed_at: None,
        history: None,
        deadline: None,
    }
}

fn load_balancer(lb: usize, mode: Mode) -> LoadBalancer {
    let owner = Owner {
        name: format!("team-{:03}", lb % 500),
        source: OwnerSource::ResourceTag("owner".to_owned()),
        conflicting: Vec::new(),
    };
    LoadBalancer {
        arn: arn(lb),
        account: account(place(lb)),
        account_name: Observed::Absent,
        ou: Observed::Known(OuPath { names: format!("/Workloads/Unit{:02}", place(lb) % 40), ids: Vec::new() }),
        region: region(place(lb)),
        name: format!("lb-{lb:06}"),
        kind: Kind::Application,
        reachability: Observed::Absent,
        target_groups: Observed::Absent,
        scheme: Observed::Absent,
        vpc: None,
        dns_name: None,
        created: None,
        state: None,
        mode: Observed::Known(mode),
        drop_invalid_headers: Observed::Absent,
        waf_fail_open: Observed::Absent,
        access_logs: Observed::Absent,
        listeners: Observed::Absent,
        tags: Observed::Known(BTreeMap::from([("cost-centre".to_owned(), format!("{}", lb % 50))]).into()),
        managed_by: Observed::Absent,
        owner: Observed::Known(owner),
        environment: Observed::Absent,
        application: Observed::Absent,
        attributes: Observed::Absent,
        evidence: None,
        security_groups: Vec::new(),
        zones: Vec::new(),
        traffic: None,
        changes: Vec::new(),
        edited: None,
        tracked_sources: Vec::new(),
        placeholder: None,
        declared: None,
        policy: None,
        usage: None,
        cost: None,
    }
}
