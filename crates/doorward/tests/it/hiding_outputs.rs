//! The law of unseen account-Regions, in every output: what a scan did not see never improves a figure, a trend, a key figure or a
//! digest.
//!
//! A random history is played twice: once with account-Regions hidden from some scans, and once in a world that stands still, as last
//! seen, where the other does not look. Every output of the last scan of both is written and parsed. The figures that count what is
//! known are equal, and no figure of what was seen stands alone.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use doorward_ledger::{FigureGroup, RunSummary};
use doorward_model::{
    HistoryContext, ObservationPeriod, Observed, OwnerRisk, PostureSummary, PreviousRun, RemediationFigures,
    ReportTally, ScanReport, Severity, UnseenFinding,
};
use doorward_notify::{
    Audience, ChannelSettings, ChannelsConfig, DeliveryStore, DeliveryStoreError, DigestState, StoredDigest,
};
use doorward_sink_evidence::{Attachment, CsvDialect, FieldSeparator, Pack, PackContext, RunFigures, SheetLimits};
use doorward_sink_text::history::ScanTrend;
use doorward_sink_text::{ANY_WIDTH, FlatContext, TextStyle, inventory_csv, json, ndjson, table};
use jiff::Timestamp;

use crate::output_figures::{OutputFigures, between};
use crate::scene::Desk;

const ACCOUNTS: u64 = 3;

/// How an account-Region is kept from a scan.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Hidden {
    No,
    Failed,
    Skipped,
    Cut,
    Missing,
    NotAsked,
}

const WAYS: [Hidden; 8] = [
    Hidden::No,
    Hidden::No,
    Hidden::No,
    Hidden::Failed,
    Hidden::Skipped,
    Hidden::Cut,
    Hidden::Missing,
    Hidden::NotAsked,
];

/// Load balancers by name: verdict and owner.
type Things = BTreeMap<u8, (char, &'static str)>;

fn written(things: &Things, verdict: impl Fn(u8, char) -> char) -> String {
    let mode = |truth| if truth == 'p' { "strictest" } else { "monitor" };
    let one = |(name, (truth, owner)): (&u8, &(char, &str))| {
        format!(" lb{name}:{}:{}{owner}", verdict(*name, *truth), mode(*truth))
    };
    things.iter().map(one).collect()
}

/// A history with hidden account-Regions, and the one in which what is hidden stands still. Each ends with its last report.
fn play(dice: &mut fastrand::Rng) -> [(Desk, ScanReport); 2] {
    let (mut desk, mut still) = (Desk::new(), Desk::new());
    let mut last: Vec<Option<Things>> = vec![None; ACCOUNTS as usize];
    let mut verdicts: Vec<BTreeMap<u8, char>> = vec![BTreeMap::new(); ACCOUNTS as usize];
    let mut truth: Vec<Things> = vec![BTreeMap::new(); ACCOUNTS as usize];
    let mut reports = None;
    for n in 0..dice.i64(1..5) {
        let (mut scene, mut frozen) = (Vec::new(), Vec::new());
        for account in 0..ACCOUNTS {
            let at = account as usize;
            let things = &mut truth[at];
            for name in 0..4 {
                match dice.u8(0..4) {
                    0 => drop(things.remove(&name)),
                    1 => {}
                    _ => {
                        let owner = dice.choice(["@red", "@blue", ""]).unwrap();
                        things.insert(name, (dice.choice(['f', 'f', 'e', 'p', 'n']).unwrap(), owner));
                    }
                }
            }
            let (things, number) = (&truth[at], account + 1);
            let hidden = dice.choice(WAYS).unwrap();
            if matches!(hidden, Hidden::No | Hidden::NotAsked) {
                last[at] = Some(things.clone());
                verdicts[at].retain(|name, _| things.contains_key(name));
            }
            if hidden == Hidden::No {
                verdicts[at].extend(things.iter().map(|(name, (truth, _))| (*name, *truth)));
            }
            match hidden {
                Hidden::No => scene.push(format!("{number} full{}", written(things, |_, truth| truth))),
                Hidden::Failed => scene.push(format!("{number} failed")),
                Hidden::Skipped => scene.push(format!("{number} skipped")),
                Hidden::Cut => scene.push(format!("{number} partial")),
                Hidden::Missing => {}
                Hidden::NotAsked => scene.push(format!("{number} full{}", written(things, |_, _| 's'))),
            }
            if let Some(things) = &last[at] {
                let as_seen = |name: u8, _| verdicts[at].get(&name).copied().unwrap_or('s');
                frozen.push(format!("{number} full{}", written(things, as_seen)));
            }
        }
        reports = Some((desk.scan(n * 86_400, &scene.join("; ")).0, still.scan(n * 86_400, &frozen.join("; ")).0));
    }
    let (hidden, whole) = reports.unwrap();
    [(desk, hidden), (still, whole)]
}

/// What the ledger gives the outputs besides the report.
fn context(desk: &Desk, report: &ScanReport) -> HistoryContext {
    let runs = desk.ledger.history(None, None, &FigureGroup::All).unwrap();
    let before = runs.iter().rev().nth(1).map(|before| PreviousRun {
        run: before.run.id.clone(),
        at: before.run.at,
        changes: desk.ledger.diff(&before.run.id, &report.run.id).unwrap().changes(),
    });
    let kpi = desk.ledger.kpis(None, None, &FigureGroup::All).unwrap().remove(0);
    HistoryContext {
        attribute_changes: None,
        trend: runs.iter().map(RunSummary::point).collect(),
        before,
        modes: Some(desk.ledger.mode_changes(Timestamp::UNIX_EPOCH).unwrap()),
        remediation: Some(RemediationFigures {
            remediated: kpi.time_to_remediate.count,
            mean_seconds: kpi.time_to_remediate.mean.map(|mean| mean.as_secs()),
            oldest_open: kpi.oldest_open,
        }),
        ..HistoryContext::default()
    }
}

/// Writes every output of a report, named as the demo names them.
fn write_outputs(folder: &Path, desk: &Desk, report: &ScanReport) -> HistoryContext {
    let history = context(desk, report);
    let flat = FlatContext::new(report, BTreeMap::new(), &history);
    let file = |name: &str| std::fs::File::create(folder.join(name)).unwrap();
    json::write(&mut file("scan.json"), report, &flat, 0).unwrap();
    ndjson::write(&mut file("scan.ndjson"), report, &flat, 0).unwrap();
    table::write(&mut file("scan.txt"), report, None, TextStyle::default(), ANY_WIDTH).unwrap();
    inventory_csv::write(&mut file("scan-inventory.csv"), report, &flat).unwrap();
    let rules = doorward_rules::catalogue();
    let separator = FieldSeparator::default();
    let required = BTreeMap::new();
    doorward_sink_evidence::csv::write(
        &mut file("scan.csv"),
        "",
        report,
        &required,
        rules,
        CsvDialect::Excel,
        separator,
    )
    .unwrap();
    let page = doorward_sink_page::PageContext {
        trend: history.trend.clone(),
        before: history.before.clone(),
        remediation: history.remediation.clone(),
        ..doorward_sink_page::PageContext::default()
    };
    std::fs::write(folder.join("scan.html"), doorward_sink_page::render(report, &page).unwrap()).unwrap();
    let sheet = doorward_sink_page::render_sheet(report, &history, &[]).unwrap();
    std::fs::write(folder.join("posture.html"), sheet).unwrap();
    let owners = doorward_sink_owners::OwnersContext {
        previous: history.before.clone(),
        ..doorward_sink_owners::OwnersContext::default()
    };
    doorward_sink_owners::write(&folder.join("owners"), report, &owners).unwrap();
    let pack_context = PackContext {
        trend: history.trend.iter().map(RunFigures::from).collect(),
        rules: rules.to_vec(),
        ..PackContext::default()
    };
    let pack = Pack {
        report,
        scan: Attachment::Bytes(b"{}"),
        context: &pack_context,
        key: None,
        limits: SheetLimits::default(),
    };
    doorward_sink_evidence::write(&folder.join("evidence/pack"), &pack).unwrap();
    let trend = ScanTrend::of(&desk.ledger, None, None, &FigureGroup::All, None).unwrap();
    std::fs::write(folder.join("history.json"), serde_json::to_string(&trend).unwrap()).unwrap();
    std::fs::write(folder.join("history.csv"), trend.csv()).unwrap();
    std::fs::write(folder.join("history.metrics"), trend.openmetrics()).unwrap();
    std::fs::write(folder.join("history.txt"), trend.table(0, ANY_WIDTH)).unwrap();
    history
}

/// A memory in which nothing was delivered.
struct Nothing;

impl DeliveryStore for Nothing {
    fn recall(&self, _: &str, _: &str) -> Result<DigestState, DeliveryStoreError> {
        Ok(DigestState::default())
    }

    fn intend(&self, _: &str, _: &str, _: &StoredDigest) -> Result<(), DeliveryStoreError> {
        Ok(())
    }

    fn acknowledge(&self, _: &str, _: &str, _: &str, _: Timestamp) -> Result<(), DeliveryStoreError> {
        Ok(())
    }

    fn fail(&self, _: &str, _: &str, _: Option<&StoredDigest>, _: &str) -> Result<(), DeliveryStoreError> {
        Ok(())
    }
}

/// Whether every digest counts the failing findings of its audience as far as is known: seen now, or when they were last seen. An
/// audience without any change has no digest.
fn digests_count_what_is_known(report: &ScanReport) -> bool {
    let channel = ChannelSettings::Exec { command: vec!["/bin/true".into()], pass_env: Vec::new(), timeout_seconds: 1 };
    let settings = doorward_notify::Settings {
        fallback: vec!["c".to_owned()],
        unowned: vec!["c".to_owned()],
        channels: [("c".to_owned(), channel)].into(),
        ..doorward_notify::Settings::default()
    };
    let directory = ChannelsConfig::new(settings).unwrap();
    let (planned, _) = {
        let rules = doorward_rules::definitions();
        doorward_notify::plan(report, &rules, &HistoryContext::default(), &directory, &Nothing).unwrap()
    };
    planned.iter().filter_map(|one| Some((&one.audience, one.digest.as_ref()?.changes()?))).all(|(audience, digest)| {
        let own = |owner: &str| (*audience == Audience::Unowned) == (owner == "unowned");
        let owners: BTreeMap<_, _> = report.load_balancers.iter().map(|lb| (&lb.arn, lb.owner_label())).collect();
        let seen = report.findings.iter().filter(|f| f.verdict.severity() > Some(Severity::Informational));
        let unseen = report.unseen.iter().flat_map(|unseen| &unseen.findings).filter(|f| !f.excepted);
        let of_now = |f: &UnseenFinding| owners.get(&f.load_balancer).copied().unwrap_or(&f.owner).to_owned();
        let known = seen.filter(|f| own(&f.owner)).count() + unseen.filter(|f| own(&of_now(f))).count();
        digest.totals.failing + digest.totals.unseen_failing == known
    })
}

#[test]
fn hiding_improves_no_output() {
    let only: Option<u64> = std::env::var("DOORWARD_SEED").ok().and_then(|seed| seed.parse().ok());
    let count = if std::env::var_os("DOORWARD_SLOW").is_some() { 1_000 } else { 200 };
    let seeds: Vec<u64> = only.map_or_else(|| (0..count).collect(), |seed| vec![seed]);
    let (hid, lacking) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for lane in 0..2 {
            let (seeds, hid, lacking) = (&seeds, &hid, &lacking);
            scope.spawn(move || {
                for seed in seeds.iter().skip(lane).step_by(2) {
                    let (did_hide, did_lack) = check_history(*seed);
                    hid.fetch_add(usize::from(did_hide), Ordering::Relaxed);
                    lacking.fetch_add(did_lack, Ordering::Relaxed);
                }
            });
        }
    });
    let (hid, lacking) = (hid.into_inner(), lacking.into_inner());
    assert!(
        only.is_some() || (hid > 40 && lacking > 40),
        "{hid} histories hid load balancers, {lacking} lack something"
    );
}

/// Plays one history and compares every output of both worlds. Returns whether load balancers were hidden in the last scan, and how many
/// of the two reports lack something.
fn check_history(seed: u64) -> (bool, usize) {
    let mut lacking = 0;
    let mut played = play(&mut fastrand::Rng::with_seed(seed));
    let mut read = Vec::new();
    let mut compared = Vec::new();
    for (desk, report) in &mut played {
        report.tally = ReportTally::of(&report.load_balancers, &report.findings);
        report.organization = Observed::Absent;
        assert!(!report.observed().as_ref().is_some_and(ObservationPeriod::is_long));
        let folder = tempfile::tempdir().unwrap();
        write_outputs(folder.path(), desk, report);
        let page = std::fs::read_to_string(folder.path().join("scan.html")).unwrap();
        let table = std::fs::read_to_string(folder.path().join("scan.txt")).unwrap();
        let csv = std::fs::read_to_string(folder.path().join("scan.csv")).unwrap();
        let unseen = report.unseen.as_ref().unwrap();
        if !unseen.is_empty() {
            lacking += 1;
            assert!(page.contains("not seen now"), "seed {seed}: the page names what was not seen");
            assert!(table.contains("Known, not seen now"), "seed {seed}: the table names what was not seen: {table}");
        }
        let reported = |id: &str| report.findings.iter().any(|finding| finding.id == id);
        let missing = unseen.findings.iter().filter(|finding| !reported(&finding.id)).count();
        assert_eq!(csv.matches(",not-seen,").count(), missing, "seed {seed}");
        assert!(digests_count_what_is_known(report), "seed {seed}: a digest counts less than what is known");
        // The comparison with the scan before, in words: `worse`, and from how many to how many.
        let words = between(&page, "<p class=\"lead compared ", "</p>");
        compared.push(words.split(';').next().unwrap().replace("unseen", ""));
        let mut figures = OutputFigures::read(folder.path());
        let sheet = std::fs::read_to_string(folder.path().join("posture.html")).unwrap();
        if !(unseen.load_balancers.is_empty() && unseen.findings.is_empty()) {
            assert!(sheet.contains("role=\"alert\"") && sheet.contains("Not seen now: "), "seed {seed}: {sheet}");
        }
        // Where nothing was read, the sheet has no figures.
        if let Some((_, figure)) = sheet.split_once("<span>Open findings</span><b>") {
            figures.put("open known", "posture sheet", figure.split('<').next().unwrap());
        }
        let newest = between(&sheet, "<h2>Trend</h2>", "</table>").rsplit("<td class=\"n\">").next().unwrap();
        let newest = newest.split('<').next().unwrap();
        figures.put("open known", "trend of the posture sheet", if newest == "unknown" { "0" } else { newest });
        read.push(figures);
    }
    // The posture sheet and the digests of leadership count what is known: no figure gets better, and no owner gets off the list.
    let [hidden_posture, whole_posture] =
        [0, 1].map(|n| PostureSummary::of(&played[n].1, &context(&played[n].0, &played[n].1), &[]));
    if hidden_posture.read && whole_posture.read {
        let open = |posture: &PostureSummary| {
            posture.figures.iter().find(|figure| figure.id == "open-findings-known").map(|figure| figure.figure.clone())
        };
        assert_eq!(open(&hidden_posture), open(&whole_posture), "seed {seed}: hiding changes open findings");
        let counts = |posture: &PostureSummary| {
            let of = |row: &OwnerRisk| (row.owner.clone(), row.critical, row.high, row.medium, row.monitor);
            posture.owners.iter().map(of).collect::<BTreeSet<_>>()
        };
        assert_eq!(counts(&hidden_posture), counts(&whole_posture), "seed {seed}: hiding changes the risk of owners");
        let unseen = played[0].1.unseen.as_ref().unwrap().mode_population();
        for figure in hidden_posture.figures.iter().filter(|figure| figure.id == "mode-share" && unseen > 0) {
            assert!(figure.of.contains(" not seen now"), "seed {seed}: {figure:?} stands alone");
        }
        let (part, all) = (hidden_posture.trend.last().unwrap(), whole_posture.trend.last().unwrap());
        let least = |words: &str| words.split('%').next().unwrap().parse::<f64>().unwrap_or(0.0);
        assert!(least(&part.protected) <= least(&all.protected), "seed {seed}: {part:?} {all:?}");
        assert_eq!(part.failing, all.failing, "seed {seed}");
    }
    let [hidden, whole] = &read[..] else { panic!("two worlds") };
    for figure in ["open known", "excepted known", "time to remediate"] {
        let (part, all) = (hidden.agreed(figure), whole.agreed(figure));
        assert_eq!(part, all, "seed {seed}: hiding changes {figure}");
    }
    for figure in ["open", "excepted", "unknown", "weaker", "load balancers", "load balancers not seen", "coverage"] {
        hidden.agreed(figure);
        whole.agreed(figure);
    }
    let count = |figures: &OutputFigures, figure| figures.agreed(figure).parse::<usize>().unwrap();
    let known = |figures| count(figures, "load balancers") + count(figures, "load balancers not seen");
    assert_eq!(known(hidden), known(whole), "seed {seed}: hiding changes the number of known load balancers");
    assert_eq!(compared[0], compared[1], "seed {seed}: hiding changes the comparison with the scan before");
    (count(hidden, "load balancers not seen") > 0, lacking)
}

/// Every figure that outputs of the examples share is the same in all of them.
#[test]
fn every_output_of_the_examples_shows_the_same_figures() {
    use crate::bed::{REPOSITORY, doorward, run};
    for example in ["acme-org", "gaps-org"] {
        let folder = tempfile::tempdir().unwrap();
        let world = format!("{REPOSITORY}/examples/{example}");
        let mut arguments = vec!["-q", "demo", "--out", "out"];
        if example != "acme-org" {
            arguments.push(&world);
        }
        let said = run(doorward(folder.path()).args(arguments));
        assert_eq!(said.code, Some(0), "{}", said.err);
        let mut figures = OutputFigures::read(&folder.path().join("out"));
        let settings = "[ledger]\npath = \"out/ledger.sqlite\"\n[notify]\nfallback = [\"all\"]\nunowned = [\"all\"]\n\
                        [notify.channels]\nall = { kind = \"exec\", command = [\"/bin/true\"] }\n";
        std::fs::write(folder.path().join("digests.toml"), settings).unwrap();
        let dry_run =
            ["-q", "--config", "digests.toml", "notify", "--dry-run", "--from", "out/scan.saved", "--format", "json"];
        let said = run(doorward(folder.path()).args(dry_run));
        assert_eq!(said.code, Some(0), "{}", said.err);
        figures.digests(&said.out);
        for (figure, outputs) in figures.counted() {
            println!("{example}: {figure}: {} in {outputs} outputs", figures.agreed(figure));
        }
        for (figure, least) in
            [("open", 15), ("open known", 10), ("excepted", 9), ("unknown", 9), ("load balancers", 8), ("monitor", 5)]
        {
            assert!(figures.counted()[figure] >= least, "{figure} is read from {:?} outputs", figures.counted());
        }
    }
}
