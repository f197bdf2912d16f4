//! Random schedules of changes, faults and kills, checked against a model: whatever happens on the way, who reads every
//! digest knows what stands, nothing is reported twice once its arrival is known, and then there is silence.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex};

use doorward_model::{Finding, HistoryContext, LoadBalancer, Observed, ScanReport, Severity, Verdict};
use doorward_notify::{DigestFate, Dispatcher, Environment, NotifyOutcome};
use serde_json::Value;

use crate::bed::{RULES, directory, exec, report, settings, slack};
use crate::doubles::{Act, Book, Event, Receiver, digest_of, time};

fn schedules(few: u64) -> u64 {
    if std::env::var_os("DOORWARD_SLOW").is_some() { few * 20 } else { few }
}

/// A random organization of up to six load balancers.
fn scene(random: &mut fastrand::Rng, whole: bool) -> String {
    let mut words = Vec::new();
    for name in ["a", "b", "c", "d", "e", "f"] {
        if random.u8(0..5) == 0 {
            continue;
        }
        let verdicts =
            ["high", "low", "pass", "pass", "n/a", "info", "ex=2027-12-31", "ex=2026-11-20", "none", "skip", "unknown"];
        let verdict = verdicts[random.usize(0..if whole { verdicts.len() - 1 } else { verdicts.len() })];
        let owners = ["@web", "@web", "@pay", "@other", "", "@?"];
        words.push(format!("{name}:{verdict}{}", owners[random.usize(0..if whole { 5 } else { 6 })]));
    }
    if !whole {
        words.extend(["!denied", "!half"].into_iter().filter(|_| random.u8(0..6) == 0).map(str::to_owned));
    }
    if words.iter().any(|word| word == "!denied") {
        words.retain(|word| word.starts_with('!'));
    }
    words.join(" ")
}

/// Runs a delivery that may be killed at a step; answers what became of it, or none where it was.
async fn run(
    settings: doorward_notify::Settings,
    url: &str,
    book: &Book,
    report: &ScanReport,
) -> Option<NotifyOutcome> {
    let environment = Environment::new([("HOOK".to_owned(), url.to_owned())]);
    let courier = Dispatcher::new(directory(settings), &environment, book.clone(), None, time().0).expect("opens");
    let history = HistoryContext::default();
    tokio::select! {
        biased;
        () = book.killed.notified() => None,
        outcome = courier.deliver(report, &RULES, &history) => {
            assert!(outcome.receipt().adds_up(), "{outcome:#?}");
            // A dead process that had nothing left to wait for has ended here as well.
            (!book.is_dead()).then_some(outcome)
        }
    }
}

#[tokio::test]
async fn nothing_is_reported_twice_once_it_is_known_to_have_arrived() {
    let (mut faults, mut kills, mut repeats) = (0, 0, 0);
    let schedules = schedules(60);
    for seed in 0..schedules {
        let mut random = fastrand::Rng::with_seed(seed);
        let book = Book::new();
        let quiet = Arc::new(Mutex::new(false));
        let fired = Arc::new(Mutex::new(0));
        let (calm, counted, mut own) = (Arc::clone(&quiet), Arc::clone(&fired), random.fork());
        let receiver = Receiver::start(Arc::clone(&book.events), move || {
            let acts = [
                Act::Confirmation(429, "Retry-After: 2\r\n"),
                Act::Confirmation(500, ""),
                Act::Confirmation(403, ""),
                Act::Confirmation(302, "Location: /x\r\n"),
                Act::TakeAndAnswer(503),
                Act::Hangup,
                Act::TakeAndHangup,
                Act::TakeAndCut,
            ];
            if *calm.lock().expect("no panic") || own.bool() {
                return Act::Take;
            }
            *counted.lock().expect("no panic") += 1;
            acts[own.usize(0..acts.len())].clone()
        })
        .await;
        let all = || settings(&["web", "Pay"], vec![("chat", slack("HOOK"))]);
        let mut last = String::new();
        for days in 0..random.i64(2..6) {
            last = if random.bool() { scene(&mut random, false) } else { last };
            let steps = if random.u8(0..3) == 0 { random.i64(0..9) } else { i64::MAX };
            kills += u64::from(run(all(), &receiver.url(), &book.mortal(steps), &report(days, &last)).await.is_none());
        }
        *quiet.lock().expect("no panic") = true;
        let end = report(9, &scene(&mut random, true));
        let outcome = run(all(), &receiver.url(), &book, &end).await.expect("nobody kills it");
        assert!(outcome.is_complete(), "seed {seed}: {outcome:#?}");
        let before = receiver.bodies().len();
        let outcome = run(all(), &receiver.url(), &book, &end).await.expect("nobody kills it");
        assert!(outcome.lines.iter().all(|line| line.fate == DigestFate::Unchanged), "seed {seed}: {outcome:#?}");
        assert_eq!(receiver.bodies().len(), before, "seed {seed}: an unchanged re-run sends nothing");

        let mut known: BTreeMap<String, bool> = BTreeMap::new();
        for event in book.events.lock().expect("no panic").iter() {
            match event {
                Event::Taken(id) => {
                    let acknowledged = known.entry(id.clone()).or_default();
                    assert!(!*acknowledged, "seed {seed}: {id} was told again after its arrival was known");
                }
                Event::Acknowledged(id) => {
                    let taken = known.get_mut(id.get(..12).expect("an id"));
                    *taken.unwrap_or_else(|| panic!("seed {seed}: {id} never arrived")) = true;
                }
            }
        }
        let mut times: BTreeMap<String, usize> = BTreeMap::new();
        for body in receiver.bodies() {
            let time = times.entry(digest_of(&body)).or_default();
            *time += 1;
            let says_so = body.to_string().contains("This may be a duplicate");
            assert!(*time == 1 || says_so, "seed {seed}: a repeat that does not say so");
            repeats += u64::from(*time > 1);
        }
        faults += *fired.lock().expect("no panic");
    }
    // A bed in which nothing goes wrong would prove nothing.
    assert!(
        faults > schedules && kills > schedules / 5 && repeats > 10,
        "{faults} faults, {kills} kills, {repeats} repeats"
    );
}

/// Finding to how it stands, as digests say: severity or exception, and whether nobody could look.
type Belief = BTreeMap<String, (Value, bool)>;

fn hear(belief: &mut BTreeMap<String, Belief>, digest: &Value) {
    let own = belief.entry(digest["audience"].to_string()).or_default();
    for change in digest["changes"].as_array().expect("changes") {
        let finding = change["finding"].as_str().expect("an id").to_owned();
        let unseen = change["unseen"].as_bool().expect("a word");
        match &change["standing"] {
            Value::Null if !unseen => drop(own.remove(&finding)),
            standing => drop(own.insert(finding, (standing.clone(), unseen))),
        }
    }
}

/// What stands, by audience as a digest spells it.
fn truth(report: &ScanReport) -> BTreeMap<String, Belief> {
    let mut truth: BTreeMap<String, Belief> = BTreeMap::new();
    for finding in &report.findings {
        let lb = report.load_balancers.iter().find(|lb| lb.arn == finding.load_balancer).expect("there");
        let audience = match &lb.owner {
            Observed::Known(owner) => match owner.name.as_str() {
                "web" => serde_json::json!({"kind": "owner", "name": "web"}),
                "pay" => serde_json::json!({"kind": "owner", "name": "Pay"}),
                _ => serde_json::json!({"kind": "unlisted"}),
            },
            _ => serde_json::json!({"kind": "unowned"}),
        };
        let standing = match &*finding.verdict {
            Verdict::Fail { severity, .. } if *severity > Severity::Informational => {
                serde_json::json!({"is": "failing", "severity": severity})
            }
            Verdict::Excepted { severity, exception, expires, .. } => {
                serde_json::json!({"is": "excepted", "severity": severity, "exception": exception, "expires": expires})
            }
            _ => continue,
        };
        truth.entry(audience.to_string()).or_default().insert(finding.id.clone(), (standing, false));
    }
    truth
}

/// A command that keeps each digest it takes under a number of its own, and acts by a list.
fn receiver(folder: &Path) -> String {
    let path = folder.join("receive");
    let text = "#!/bin/sh\necho x >> \"$1/tries\"\nn=$(/usr/bin/wc -l < \"$1/tries\" | /usr/bin/tr -d ' ')\n\
        act=$(/bin/sed -n \"${n}p\" \"$1/acts\" 2>/dev/null)\ncase \"$act\" in\n\
        later) exit 75 ;;\nno) exit 1 ;;\nesac\n\
        /bin/cat > \"$1/taken-$(printf '%05d' $n)\"\n[ \"$act\" = die ] && kill -9 $$\nexit 0\n";
    std::fs::write(&path, text).expect("writes");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("sets");
    path.display().to_string()
}

fn taken(folder: &Path) -> Vec<Value> {
    let entries = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let mut files: Vec<_> = entries.filter(|path| path.display().to_string().contains("taken-")).collect();
    files.sort();
    files.iter().map(|path| serde_json::from_slice(&std::fs::read(path).expect("there")).expect("JSON")).collect()
}

#[tokio::test]
async fn who_reads_every_digest_knows_what_stands() {
    let (mut kills, mut failures) = (0, 0);
    let schedules = schedules(30);
    for seed in 0..schedules {
        let mut random = fastrand::Rng::with_seed(seed);
        let folder = tempfile::tempdir().expect("a folder");
        let program = receiver(folder.path());
        let path = folder.path().display().to_string();
        let acts: String = (0..60)
            .map(|_| ["ok", "ok", "later", "no", "die", "die"][random.usize(0..6)])
            .collect::<Vec<_>>()
            .join("\n");
        std::fs::write(folder.path().join("acts"), acts).expect("writes");
        let all = || {
            let mut all = settings(&["web", "Pay"], vec![("own", exec(&[&program, &path]))]);
            all.tries = 2;
            all
        };
        let book = Book::new();
        let mut last = String::new();
        for days in 0..random.i64(2..7) {
            last = if random.u8(0..4) > 0 { scene(&mut random, false) } else { last };
            let steps = if random.u8(0..3) == 0 { random.i64(0..9) } else { i64::MAX };
            let before = taken(folder.path()).len();
            match run(all(), "", &book.mortal(steps), &report(days, &last)).await {
                None => kills += 1,
                Some(outcome) => failures += outcome.failures().count(),
            }
            // Nothing was observed, so nothing ended.
            if last.contains("!denied") {
                let reported = taken(folder.path()).split_off(before);
                let ended = |change: &Value| {
                    !["unseen", "unknown", "restated"].contains(&change["change"].as_str().expect("a word"))
                };
                let changes = reported.iter().flat_map(|digest| digest["changes"].as_array().expect("changes"));
                assert_eq!(changes.filter(|change| ended(change)).count(), 0, "seed {seed}: {reported:#?}");
            }
        }
        std::fs::write(folder.path().join("acts"), "").expect("writes");
        let end = report(9, &scene(&mut random, true));
        let outcome = run(all(), "", &book, &end).await.expect("nobody kills it");
        assert!(outcome.is_complete(), "seed {seed}: {outcome:#?}");
        let mut belief = BTreeMap::new();
        taken(folder.path()).iter().for_each(|digest| hear(&mut belief, digest));
        // What the last scan did not ask stands as it was reported before, and says that it was not seen.
        let asked = |id: &str| end.findings.iter().any(|f| f.id == id && f.verdict.is_observed());
        let is_there = |id: &str| {
            let ids = |lb: &LoadBalancer| RULES.map(|rule| Finding::id_for(&lb.arn, rule.id));
            end.load_balancers.iter().any(|lb| ids(lb).iter().any(|of| of == id))
        };
        belief.values_mut().for_each(|own| own.retain(|id, (_, unseen)| asked(id) || !*unseen || !is_there(id)));
        belief.retain(|_, own| !own.is_empty());
        assert_eq!(belief, truth(&end), "seed {seed}");
        let before = taken(folder.path()).len();
        let outcome = run(all(), "", &book, &end).await.expect("nobody kills it");
        assert!(outcome.lines.iter().all(|line| line.fate == DigestFate::Unchanged), "seed {seed}: {outcome:#?}");
        assert_eq!(taken(folder.path()).len(), before, "seed {seed}");
    }
    assert!(kills > schedules / 5 && failures > 0, "{kills} kills, {failures} failures");
}
