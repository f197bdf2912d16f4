//! Scans written as text. Accounts are separated by `;`, each is `number status name:verdict[:mode][@owner] ...`, all in
//! one Region. Status: `full`, `partial` (a list was cut short), `failed`, `skipped`, `closed` and `suspended` (the account is).
//! Verdict: `f`ail, `e`xcepted, `p`ass, `u`nknown, `n`ot applicable, not a`s`ked, `-` no finding. The mode follows from the verdict
//! unless it is given: `monitor`, `defensive`, `strictest`, `unread`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use doorward_ledger::{LEASE_TTL, Lease, Ledger, OpenOptions};
use doorward_model::{
    Account, AccountId, AccountState, Arn, Coverage, CoverageLine, Edit, Evidence, Finding, Gap, GapReason, Inventory,
    Kind, Listing, LoadBalancer, Mode, Observed, OuPath, Owner, OwnerSource, RawLoadBalancer, Reachability, Region,
    RegionInventory, ReportTally, Run, ScanReport, Scheme, Severity, TextMap, Verdict, VerdictReason,
};
use jiff::{SignedDuration, Timestamp};

pub(crate) const REGION: &str = "eu-west-1";
pub(crate) const RULE: &str = "desync-mode-below-required";

/// Day zero of all scenes, plus seconds.
pub(crate) fn time(seconds: i64) -> Timestamp {
    let zero: Timestamp = "2024-02-28T22:00:00Z".parse().expect("valid");
    zero + SignedDuration::from_secs(seconds)
}

pub(crate) fn open(path: &Path) -> Ledger {
    Ledger::open(path, OpenOptions::default()).expect("opens")
}

/// A new ledger in a folder of its own, with a lease.
pub(crate) struct Desk {
    pub(crate) ledger: Ledger,
    pub(crate) lease: Lease,
    pub(crate) path: PathBuf,
    _folder: tempfile::TempDir,
}

impl Desk {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("state/ledger.db");
        let mut ledger = open(&path);
        let lease = ledger.acquire_lease("test", time(0), LEASE_TTL).expect("free");
        Self { ledger, lease, path, _folder: folder }
    }

    /// Records a scene that ended `at` seconds; its run is called `run-<at>`.
    pub(crate) fn scan(&mut self, at: i64, scene: &str) -> (ScanReport, doorward_ledger::Recorded) {
        let report = report(&format!("run-{at}"), at, scene);
        let (recorded, history) =
            self.ledger.record(&self.lease, &report, &["Cost-Centre".to_owned()]).expect("records");
        (report.with_history(history), recorded)
    }

    /// Records what an event's look saw: one load balancer of one account, as in a scene; its run is called `event-<at>`.
    pub(crate) fn event(
        &mut self,
        at: i64,
        (account, thing): (u64, &str),
        edit: Option<Edit>,
    ) -> (ScanReport, doorward_ledger::Recorded) {
        let mut report = report(&format!("event-{at}"), at, &format!("{account} partial {thing}"));
        report.load_balancers[0].edited = edit.map(Box::new);
        report.run.only = Some(report.load_balancers[0].arn.clone());
        let mut raw = inventory("raw", at, &format!("{account} partial {thing}")).cells.remove(0).load_balancers;
        let (raw, tags) = (raw.remove(0), ["Cost-Centre".to_owned()]);
        let (recorded, history) = self.ledger.record_look(&self.lease, &report, &raw, &tags).expect("records");
        (report.with_history(history), recorded)
    }

    /// The failing findings as `name=state`, with `?` where the newest run did not see them.
    pub(crate) fn failing(&self) -> String {
        let open = self.ledger.open_findings().expect("reads");
        let reported = open.iter().map(|f| format!("{}={:?}{}", f.name, f.state, if f.unseen { "?" } else { "" }));
        reported.collect::<Vec<_>>().join(" ")
    }
}

pub(crate) fn run(id: &str, at: i64) -> Run {
    Run {
        id: id.to_owned(),
        tool_version: "0.1.0".to_owned(),
        started: time(at - 1),
        finished: time(at),
        caller: Arn::new("arn:aws:sts::999999999999:assumed-role/scanner/me").expect("valid"),
        account: AccountId::new("999999999999").expect("valid"),
        partition: "aws".to_owned(),
        home_region: Region::new(REGION).expect("valid"),
        clock_offset: None,
        unmatched: Vec::new(),
        interrupted: false,
        only: None,
    }
}

pub(crate) fn denied() -> Gap {
    Gap::new(GapReason::AccessDenied, "elasticloadbalancing:DescribeLoadBalancers")
}

/// One load balancer of a scene.
struct Thing<'a> {
    name: &'a str,
    verdict: char,
    mode: Observed<Mode>,
    owner: Option<&'a str>,
}

fn thing(text: &str) -> Thing<'_> {
    let (text, owner) = text.split_once('@').map_or((text, None), |(text, owner)| (text, Some(owner)));
    let mut parts = text.split(':');
    let name = parts.next().expect("a name");
    let verdict = parts.next().and_then(|v| v.chars().next()).unwrap_or('p');
    let by_verdict = match verdict {
        'p' => "strictest",
        'u' => "unread",
        _ => "monitor",
    };
    let mode = match parts.next().unwrap_or(by_verdict) {
        "unread" => Observed::unread(denied()),
        "absent" => Observed::Absent,
        mode => Observed::Known(mode.parse().expect("a mode")),
    };
    Thing { name, verdict, mode, owner }
}

/// One account of a scene.
struct Place<'a> {
    account: AccountId,
    status: &'a str,
    things: Vec<Thing<'a>>,
}

fn places(scene: &str) -> Vec<Place<'_>> {
    let mut places: Vec<Place<'_>> = scene
        .split(';')
        .filter(|part| !part.trim().is_empty())
        .map(|part| {
            let mut words = part.split_whitespace();
            let number: u64 = words.next().expect("an account").parse().expect("a number");
            let status = words.next().expect("a status");
            let mut things: Vec<Thing<'_>> = words.map(thing).collect();
            things.sort_by_key(|t| t.name);
            Place { account: AccountId::new(&format!("{number:012}")).expect("valid"), status, things }
        })
        .collect();
    places.sort_by(|a, b| a.account.cmp(&b.account));
    places
}

pub(crate) fn arn(account: &str, name: &str) -> Arn {
    Arn::new(&format!("arn:aws:elasticloadbalancing:{REGION}:{account}:loadbalancer/app/{name}/50dc6c495c0c9188"))
        .expect("valid")
}

/// The finding's id of a load balancer in a scene.
pub(crate) fn id(account: u64, name: &str) -> String {
    Finding::id_for(&arn(&format!("{account:012}"), name), RULE)
}

fn cell(place: &Place<'_>, at: i64) -> RegionInventory {
    let region = Some(Region::new(REGION).expect("valid"));
    let mut cell = match place.status {
        "failed" => RegionInventory::failed(place.account.clone(), region, denied()),
        "skipped" => RegionInventory::skipped(place.account.clone(), region, Gap::new(GapReason::Excluded, "settings")),
        "closed" | "suspended" => RegionInventory::skipped(
            place.account.clone(),
            region,
            Gap::new(GapReason::AccountInactive, "organizations:ListAccounts"),
        ),
        status => RegionInventory {
            account: place.account.clone(),
            region,
            read_at: None,
            skipped: None,
            listing: if status == "full" { Listing::Full } else { Listing::Unread(Arc::new(denied())) },
            classic_listing: Listing::Full,
            load_balancers: Vec::new(),
            gone: Vec::new(),
            gaps: Vec::new(),
        },
    };
    cell.read_at = cell.skipped.is_none().then(|| time(at));
    cell.load_balancers = place.things.iter().enumerate().map(|(n, thing)| raw(place, thing, at, n)).collect();
    cell
}

fn raw(place: &Place<'_>, thing: &Thing<'_>, at: i64, n: usize) -> RawLoadBalancer {
    let attributes = thing.mode.as_ref().map(|mode| [("routing.http.desync_mitigation_mode", mode.as_str())].into());
    let request = [Some(format!("8f2b6a1c-0d3e-4f50-9a6b-{:012x}", at * 1000)), Some("short".to_owned()), None];
    RawLoadBalancer {
        arn: arn(place.account.as_str(), thing.name),
        name: thing.name.to_owned(),
        kind: Kind::Application,
        scheme: Some("internal".into()),
        vpc: None,
        dns_name: None,
        created: None,
        state: Some("active".into()),
        security_groups: Vec::new(),
        zones: vec!["eu-west-1a".into()],
        attributes,
        evidence: (n != 3).then(|| Evidence {
            operation: "elasticloadbalancing:DescribeLoadBalancerAttributes".into(),
            at: time(at),
            request_id: request[n % 3].clone(),
        }),
        tags: Observed::Known(TextMap::default()),
        listeners: Observed::Absent,
        vended_logs: Observed::Absent,
        target_groups: Observed::Absent,
        reached_through: Observed::Absent,
        vpc_origins: Observed::Absent,
        api_integrations: Observed::Absent,
    }
}

fn accounts(places: &[Place<'_>]) -> Vec<Account> {
    let account = |place: &Place<'_>| Account {
        id: place.account.clone(),
        name: Observed::Known(format!("account {}", place.account)),
        state: match place.status {
            "closed" => AccountState::Closed,
            "suspended" => AccountState::Suspended,
            _ => AccountState::Active,
        },
        ou: Observed::Known(ou()),
        tags: Observed::Absent,
        regions: Observed::Absent,
    };
    places.iter().map(account).collect()
}

fn ou() -> OuPath {
    OuPath { names: "/Workloads".to_owned(), ids: vec!["r-1".to_owned(), "ou-1".to_owned()] }
}

/// The scene as collect would bring it.
pub(crate) fn inventory(id: &str, at: i64, scene: &str) -> Inventory {
    let places = places(scene);
    Inventory {
        run: run(id, at),
        organization: Observed::Absent,
        accounts: accounts(&places),
        accounts_listing: Listing::Full,
        cells: places.iter().map(|place| cell(place, at)).collect(),
    }
}

/// The scene as evaluate would report it.
pub(crate) fn report(id: &str, at: i64, scene: &str) -> ScanReport {
    let places = places(scene);
    let lines: Vec<CoverageLine> = places.iter().map(|place| CoverageLine::of(&cell(place, at))).collect();
    let mut load_balancers = Vec::new();
    let mut findings = Vec::new();
    for place in &places {
        for thing in &place.things {
            let lb = load_balancer(place, thing);
            findings.extend(verdict(thing.verdict).map(|verdict| finding(&lb, RULE, verdict)));
            load_balancers.push(lb);
        }
    }
    ScanReport {
        run: run(id, at),
        organization: Observed::Absent,
        coverage: Coverage::new(lines, Listing::Full),
        tally: ReportTally::default(),
        accounts: accounts(&places),
        load_balancers,
        findings,
        changes_unfound: BTreeMap::new(),
        unseen: None,
    }
}

pub(crate) fn finding(lb: &LoadBalancer, rule: &str, verdict: Verdict) -> Finding {
    Finding {
        id: Finding::id_for(&lb.arn, rule),
        rule: rule.into(),
        account: lb.account.clone(),
        region: lb.region.clone(),
        load_balancer: lb.arn.clone(),
        name: lb.name.as_str().into(),
        kind: lb.kind,
        owner: lb.owner_label().into(),
        verdict: verdict.into(),
        observed_at: None,
        history: None,
        deadline: None,
    }
}

fn verdict(letter: char) -> Option<Verdict> {
    let because = "seen".to_owned();
    Some(match letter {
        'f' => Verdict::Fail {
            reason: VerdictReason::ModeMonitor,
            because,
            severity: Severity::High,
            remedy: "change it".to_owned(),
        },
        'e' => Verdict::Excepted {
            reason: VerdictReason::ExceptionValid,
            because,
            severity: Severity::High,
            exception: "EX-1".to_owned(),
            expires: "2024-12-31".to_owned(),
        },
        'p' => Verdict::Pass { reason: VerdictReason::ModeSufficient, because },
        'u' => Verdict::Unknown { reason: VerdictReason::ModeUnread, because, gaps: vec![Arc::new(denied())] },
        'n' => Verdict::NotApplicable { reason: VerdictReason::NotApplicableKind, because },
        's' => {
            Verdict::NotAsked { reason: VerdictReason::TrafficNotCollected, because, remedy: "collect it".to_owned() }
        }
        _ => return None,
    })
}

fn load_balancer(place: &Place<'_>, thing: &Thing<'_>) -> LoadBalancer {
    let owner = |name: &str| Owner {
        name: name.to_owned(),
        source: OwnerSource::ResourceTag("owner".to_owned()),
        conflicting: Vec::new(),
    };
    let cost_centre = thing.owner.map(|name| ("cost-centre".to_owned(), format!("cc-{name}")));
    LoadBalancer {
        arn: arn(place.account.as_str(), thing.name),
        account: place.account.clone(),
        account_name: Observed::Absent,
        ou: Observed::Known(ou()),
        region: Region::new(REGION).expect("valid"),
        name: thing.name.to_owned(),
        kind: Kind::Application,
        reachability: Observed::Known(Reachability::Internal),
        target_groups: Observed::Absent,
        scheme: Observed::Known(Scheme::Internal),
        vpc: None,
        dns_name: None,
        created: None,
        state: None,
        mode: thing.mode.clone(),
        drop_invalid_headers: Observed::Absent,
        waf_fail_open: Observed::Absent,
        access_logs: Observed::Absent,
        listeners: Observed::Absent,
        tags: Observed::Known(cost_centre.into_iter().collect()),
        managed_by: Observed::Absent,
        owner: Observed::from_answer(thing.owner.map(owner)),
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
