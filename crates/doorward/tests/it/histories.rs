//! Random histories of months, and an oracle that knows the truth at every instant.
//!
//! Load balancers change their modes or are deleted. Scans see all, a part or nothing, are narrowed, are stopped and resumed, and
//! have traffic evidence or not. Settings change. Results are published and sent late, an event causes one load balancer to be
//! read, plans are applied under faults. After every step: nothing is presented as newer than it is, nothing is closed, archived,
//! remediated or passed without an observation, no figure improves because a scan saw less, and every request that changes a mode
//! has a journal entry of its own. `DOORWARD_SEED=n` plays one history again, `DOORWARD_SLOW` plays 2,000.

mod digests;
mod evidence;
mod oracle;
mod plans;
mod security_hub;
mod settings;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use doorward_fakeaws::{DESYNC_MODE, Fault, Form, What};
use doorward_ledger::Ledger;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use self::oracle::{Known, Name, name, text};
use self::settings::Settings;
use crate::bed::{Bed, Said, run};
use crate::event;

const RULE: &str = "desync-mode-below-required";
/// The rule that is not asked without traffic evidence.
const HEADROOM: &str = "desync-mode-headroom";
const MODES: [&str; 3] = ["monitor", "defensive", "strictest"];
const REGIONS: [&str; 2] = ["eu-west-1", "us-east-1"];
const ACCOUNTS: [&str; 3] = ["300000000002", "300000000003", "300000000004"];
/// Readings older than this are not published as current: `publish.maximum_age`.
const CURRENT: SignedDuration = SignedDuration::from_hours(72);

fn world() -> String {
    let mut text = "[organization]\nid = \"o-history001\"\nmanagement = \"300000000002\"\nhome_region = \"eu-west-1\"\n\
                    regions = [\"eu-west-1\", \"us-east-1\"]\n[[caller]]\naccess_key = \"AKIAEXAMPLEHISTORY01\"\nsecret = \
                    \"ExampleSecretHistory00000000000000000001\"\naccount = \"300000000002\"\narn = \
                    \"arn:aws:iam::300000000002:user/security\"\nallow = [\"sts:AssumeRole\", \"organizations:*\", \
                    \"elasticloadbalancing:Describe*\", \"account:ListRegions\", \"logs:Describe*\"]\n"
        .to_owned();
    for (role, allow) in [
        ("doorward-scan", "\"elasticloadbalancing:Describe*\", \"account:*\", \"logs:*\""),
        ("doorward-publish", "\"securityhub:BatchImportFindings\", \"securityhub:GetFindings\""),
        ("doorward-change", "\"elasticloadbalancing:*\""),
    ] {
        let _ = write!(
            text,
            "[[role]]\nname = \"{role}\"\naccounts = [\"*\"]\ntrusts = [\"300000000002\"]\nallow = [{allow}]\n"
        );
    }
    for account in ACCOUNTS {
        let _ = write!(text, "[[account]]\nid = \"{account}\"\nname = \"a{account}\"\n");
        for region in REGIONS {
            for (number, mode) in MODES.iter().enumerate().take(2) {
                let _ = write!(
                    text,
                    "[[load_balancer]]\naccount = \"{account}\"\nregion = \"{region}\"\nname = \"lb{number}\"\n\
                     mode = \"{mode}\"\n"
                );
            }
        }
    }
    text
}

struct History {
    bed: Bed,
    folder: tempfile::TempDir,
    dice: fastrand::Rng,
    known: BTreeMap<Name, Known>,
    settings: Settings,
    /// Load balancers that the newest recorded scan read.
    last_seen: BTreeSet<Name>,
    /// When the newest recorded scan ended, or an event's reading after it was made.
    newest: Timestamp,
    /// Whether nothing was recorded and no setting was changed since the newest scan.
    is_newest: bool,
    /// Whether traffic evidence was saved.
    has_evidence: bool,
    /// How many lines of the digests are read already.
    digests: usize,
    /// How often a finding that had failed was observed not to fail.
    remediated: usize,
    log: String,
}

impl History {
    fn begin(seed: u64) -> Self {
        let start: Timestamp = "2026-01-05T08:00:00Z".parse().unwrap();
        let bed = Bed::start_at(&world(), vec![], start);
        let folder = tempfile::tempdir().unwrap();
        let mut known = BTreeMap::new();
        for account in ACCOUNTS {
            for region in REGIONS {
                for (number, mode) in MODES.iter().enumerate().take(2) {
                    let name = (account.to_owned(), region.to_owned(), format!("lb{number}"));
                    known.insert(name, Known { truth: vec![(Timestamp::MIN, Some(mode))], ..Known::default() });
                }
            }
        }
        let settings = Settings::begin(folder.path());
        Self {
            bed,
            folder,
            dice: fastrand::Rng::with_seed(seed),
            known,
            settings,
            last_seen: BTreeSet::new(),
            newest: start,
            is_newest: false,
            has_evidence: false,
            digests: 0,
            remediated: 0,
            log: format!("seed {seed}\n"),
        }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn command(&self, arguments: &[&str]) -> Said {
        run(self.bed.doorward(self.path()).args(arguments))
    }

    fn pass(&mut self, seconds: u64) {
        self.bed.pass(Duration::from_secs(seconds));
        let _ = writeln!(self.log, "{} ", self.bed.now());
    }

    /// One step at random, then a moment, so that commands that begin later are later.
    fn step(&mut self) {
        match self.dice.u8(0..22) {
            0..=2 => self.world_changes(),
            3..=8 => self.scan(&[]),
            9..=10 => self.publish(),
            11..=12 => self.notify(),
            13 => self.plan_and_apply(),
            14..=16 => self.event(),
            17 => self.stop_and_resume(),
            18 => self.change_settings(),
            19..=20 => self.gather_evidence(),
            _ => {
                let days = self.dice.u64(1..120);
                self.pass(days * 86_400);
            }
        }
        self.pass(600);
    }

    fn world_changes(&mut self) {
        let living: Vec<Name> =
            self.known.iter().filter(|(_, known)| known.at(Timestamp::MAX).is_some()).map(|(n, _)| n.clone()).collect();
        let Some(name) = self.dice.choice(&living).cloned() else { return };
        let world = self.bed.server.world();
        let mode = if self.dice.u8(0..8) == 0 {
            assert!(world.remove_load_balancer(&name.0, &name.1, &name.2));
            None
        } else {
            let mode = MODES[self.dice.usize(..3)];
            assert!(world.set_attribute(&name.0, &name.1, &name.2, DESYNC_MODE, Some(mode)));
            Some(mode)
        };
        let _ = writeln!(self.log, "{name:?} is {mode:?}");
        let now = self.bed.now();
        self.known.get_mut(&name).unwrap().truth.push((now, mode));
    }

    /// Faults of a scan: none, denials, or answers that are well-formed and not whole.
    fn faults(&mut self) -> Vec<Fault> {
        let account = ACCOUNTS[self.dice.usize(..3)];
        let region = REGIONS[self.dice.usize(..2)];
        let what = match self.dice.u8(0..8) {
            0..=3 => return Vec::new(),
            4 => What::AccessDenied,
            5 => What::Form(Form::EntryWithoutName),
            6 => What::Form(Form::RepeatedMode),
            _ => What::Form(Form::ForeignAccount),
        };
        let _ = writeln!(self.log, "{what:?} in {account} {region}");
        vec![Fault::new(what).account(account).region(region).service("elbv2")]
    }

    fn scan(&mut self, flags: &[&str]) {
        let faults = self.faults();
        self.bed.server.set_faults(faults);
        let mut arguments = vec!["-q", "scan", "--format", "json-v1=scan.json", "--save", "scan.saved"];
        arguments.extend(flags);
        if flags.is_empty() && self.dice.u8(0..4) == 0 {
            arguments.extend(["--account", ACCOUNTS[self.dice.usize(..3)]]);
        }
        let with_traffic = flags.is_empty() && self.has_evidence && self.dice.u8(0..3) > 0;
        if with_traffic {
            arguments.extend(["--traffic", "traffic.json"]);
        }
        let _ = writeln!(self.log, "{arguments:?}");
        let said = self.command(&arguments);
        self.bed.server.set_faults(vec![]);
        assert!(matches!(said.code, Some(0 | 3..=5)), "{}{:?} {}", self.log, said.code, said.err);
        let report: Value =
            serde_json::from_str(&std::fs::read_to_string(self.path().join("scan.json")).unwrap()).unwrap();
        self.observe(&report, with_traffic);
        let history = self.figures();
        let last = history["scans"].as_array().unwrap().last().unwrap();
        let known = last["open_known"].as_u64().unwrap_or(0);
        assert_eq!(known, self.failing() as u64, "{}{last:#}", self.log);
    }

    /// A scan is stopped once it has read all but a Region that does not answer, and goes on later.
    fn stop_and_resume(&mut self) {
        let regions = self.settings.regions;
        let silent = self.dice.choice(regions).unwrap();
        self.bed.server.set_faults(vec![Fault::new(What::BlackHole).region(silent).service("elb*")]);
        self.bed.server.clear_calls();
        let mut child = self
            .bed
            .doorward(self.path())
            .args(["-q", "scan"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let patience = Instant::now();
        let asked =
            |region: &str| self.bed.server.calls().iter().any(|call| call.region == region && call.service == "elbv2");
        let (mut calls, mut quiet) = (0, Instant::now());
        while !regions.iter().copied().all(asked) || quiet.elapsed() < Duration::from_millis(300) {
            assert!(patience.elapsed() < Duration::from_secs(30), "{}the scan does not get going", self.log);
            let now = self.bed.server.calls().len();
            if now != calls {
                (calls, quiet) = (now, Instant::now());
            }
            std::thread::yield_now();
        }
        assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
        assert_eq!(child.wait().unwrap().code(), Some(143), "{}", self.log);
        self.bed.server.set_faults(vec![]);
        let hours = self.dice.choice([0, 1, 3, 5, 30, 24 * 45]).unwrap();
        let _ = writeln!(self.log, "stopped while {silent} was silent, resumed {hours} h later");
        // A command's clock goes on while it runs, so the world changes a moment later.
        self.pass(60);
        self.world_changes();
        self.pass(hours * 3_600 + 60);
        self.scan(&["--resume"]);
    }

    /// An event has one load balancer read. It says nothing of the others, and is no scan.
    fn event(&mut self) {
        let report: Value =
            serde_json::from_str(&std::fs::read_to_string(self.path().join("scan.json")).unwrap()).unwrap();
        let all = report["load_balancers"].as_array().unwrap();
        let Some(lb) = self.dice.choice(all).cloned() else { return };
        let mut record = event::record(&format!("e-{}", self.log.len()), &lb, MODES[self.dice.usize(..3)]);
        record["eventTime"] = self.bed.now().to_string().into();
        let faults = self.faults();
        self.bed.server.set_faults(faults);
        let said = event::feed(self.bed.doorward(self.path()).args(["event", "--format", "json"]), &record.to_string());
        self.bed.server.set_faults(vec![]);
        let _ = writeln!(self.log, "event of {}: {:?} {}", lb["arn"], said.code, said.err);
        assert!(matches!(said.code, Some(0 | 3..=5)), "{}", self.log);
        let document: Value = serde_json::from_str(&said.out).unwrap();
        for line in document["events"].as_array().unwrap() {
            let _ = writeln!(self.log, "{}", line["outcome"]);
            if line["load_balancer"].is_object() {
                self.take(&line["load_balancer"]);
                self.judged(&line["findings"], false);
            } else if line["outcome"] == "gone" {
                // Only a full listing closes anything, so this observation changes no figure.
                assert_eq!(self.known[&name(&lb)].at(Timestamp::MAX), None, "{}", self.log);
            }
        }
        self.is_newest = false;
        self.figures();
    }
}

#[test]
fn no_history_makes_an_output_say_more_than_was_observed() {
    let only: Option<u64> = std::env::var("DOORWARD_SEED").ok().and_then(|seed| seed.parse().ok());
    let count = if std::env::var_os("DOORWARD_SLOW").is_some() { 2_000 } else { 200 };
    let seeds: Vec<u64> = only.map_or_else(|| (0..count).collect(), |seed| vec![seed]);
    let play = |seed: u64| {
        let mut history = History::begin(seed);
        history.scan(&[]);
        history.pass(600);
        for _ in 0..history.dice.usize(4..9) {
            history.step();
        }
        history.publish();
        history.notify();
    };
    std::thread::scope(|scope| {
        for lane in 0..2 {
            let seeds = &seeds;
            scope.spawn(move || seeds.iter().skip(lane).step_by(2).for_each(|seed| play(*seed)));
        }
    });
}
