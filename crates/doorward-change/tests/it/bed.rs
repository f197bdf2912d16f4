//! The test bed: an organization to change, its scan and its plan, and a clock in which pauses take no time.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use doorward_aws::access::{Access, AccessSettings, Emulator};
use doorward_aws::settings::{CallSettings, Span};
use doorward_aws::{Stop, Time};
use doorward_change::{ChangeSettings, Plan, PlanRequest, WatchSettings, plan};
use doorward_core::collect::CollectSettings;
use doorward_core::discover::{DiscoverSettings, RegionSettings, ScopeSettings};
use doorward_core::normalize::{ManagerSettings, NormalizeSettings, OwnerSettings};
use doorward_core::{collect, discover, evaluate, normalize};
use doorward_fakeaws::{Options, Server, World};
use doorward_model::{Arn, Inventory, Mode, Policy, Run, ScanReport};
use doorward_rules::Requirement;
use futures::StreamExt as _;
use jiff::{SignedDuration, Timestamp};

/// Accounts with load balancers, and how many each has; the last two of each are classic.
pub(crate) const ACCOUNTS: [&str; 3] = ["300000000003", "300000000004", "300000000005"];
pub(crate) const EACH: usize = 5;
pub(crate) const REGION: &str = "eu-west-1";

pub(crate) fn name(number: usize) -> String {
    format!("lb-{number}")
}

/// An organization whose load balancers are in these modes, in turn.
pub(crate) fn world(modes: &[Mode]) -> String {
    let mut text = String::from(
        r#"
[organization]
id = "o-change00001"
management = "300000000001"
home_region = "eu-west-1"
regions = ["eu-west-1"]

[[caller]]
access_key = "AKIAEXAMPLECHANGE001"
secret = "ExampleSecretChange000000000000000000001"
account = "300000000002"
arn = "arn:aws:iam::300000000002:user/security"
delegated_admin = true
allow = ["sts:AssumeRole", "organizations:*", "elasticloadbalancing:*", "account:ListRegions", "logs:Describe*"]

[[role]]
name = "doorward-scan"
accounts = ["*"]
trusts = ["300000000002"]
allow = ["elasticloadbalancing:Describe*", "account:*", "logs:*"]

[[role]]
name = "doorward-change"
accounts = ["*"]
trusts = ["300000000002"]
allow = ["elasticloadbalancing:Describe*", "elasticloadbalancing:ModifyLoadBalancerAttributes"]

[[account]]
id = "300000000001"
name = "management"

[[account]]
id = "300000000002"
name = "security"
"#,
    );
    let mut modes = modes.iter().cycle();
    for account in ACCOUNTS {
        let _ = write!(text, "\n[[account]]\nid = \"{account}\"\nname = \"a{account}\"\n");
        for number in 0..EACH {
            let kind = if number + 2 >= EACH { "classic" } else { "application" };
            let listeners = if kind == "classic" { "listeners = [\"HTTP:80\"]\n" } else { "" };
            let mode = modes.next().unwrap();
            let _ = write!(
                text,
                "\n[[load_balancer]]\naccount = \"{account}\"\nregion = \"{REGION}\"\nname = \"{}\"\ntype = \
                 \"{kind}\"\nmode = \"{mode}\"\n{listeners}tags = {{ owner = \"team-{number}\" }}\n",
                name(number)
            );
        }
    }
    text
}

fn span(millis: u64) -> Span {
    Span(Duration::from_millis(millis))
}

/// Starts an emulator without quotas.
pub(crate) async fn serve(world: &str) -> Server {
    let world = World::from_toml(world).expect("the world file is valid");
    Server::start(world, Options { quotas: Some(false), ..Options::default() }).await.expect("the emulator starts")
}

pub(crate) async fn enter(server: &Server) -> Access {
    let settings = AccessSettings {
        role_name: "doorward-scan".to_owned().try_into().unwrap(),
        external_id: None,
        session_name: "doorward".into(),
        source_identity: None,
        session_duration: span(3_600_000),
        home_region: None,
        profile: None,
        assume_in_own_account: false,
        overrides: vec![],
        origins: doorward_aws::access::SettingOrigins::default(),
    };
    let calls = CallSettings {
        concurrency: 8,
        share_of_limits: 10_000.0,
        connect_timeout: span(500),
        read_timeout: span(400),
        attempt_timeout: span(600),
        call_deadline: span(4000),
        tries: 2,
        longest_pause: span(1),
    };
    let caller = &server.world().callers()[0];
    let emulator = Emulator {
        endpoint_url: server.url(),
        access_key: (caller.access_key.clone(), caller.secret.clone()),
        region: server.world().home_region().to_owned(),
    };
    let (_stopper, stop) = Stop::new();
    Access::connect(settings, calls, Arc::new(Timestamp::now), Some(&emulator), &stop).await.expect("a way in")
}

/// Scans and judges: defensive is required everywhere.
pub(crate) async fn scan(access: &Access) -> ScanReport {
    let settings = DiscoverSettings {
        scope: ScopeSettings {
            single_account: false,
            include_accounts: vec![],
            exclude_accounts: vec![],
            include_ous: vec![],
            exclude_ous: vec![],
            include_tags: vec![],
            exclude_tags: vec![],
        },
        regions: RegionSettings { include: vec![], exclude: vec![], fallback: vec![] },
        account_tags_wanted: false,
    };
    let (_stopper, stop) = Stop::new();
    let found = discover(access, &settings, &[], &stop, &|_, _| {}).await.expect("the organization");
    let wanted =
        CollectSettings { alb_listeners: false, vended_logs: false, target_groups: false, reachability: false };
    let mut cells = found.settled;
    cells.extend(collect(access, wanted, found.targets, &stop).collect::<Vec<_>>().await);
    cells.sort_by(|a, b| (&a.account, &a.region).cmp(&(&b.account, &b.region)));
    let run = run_of(access);
    let (organization, accounts, accounts_listing) = (found.organization, found.accounts, found.accounts_listing);
    judged(Inventory { run, organization, accounts, accounts_listing, cells })
}

pub(crate) fn run_of(access: &Access) -> Run {
    Run {
        id: "test".into(),
        tool_version: "test".into(),
        started: start(),
        finished: start(),
        caller: access.identity().clone(),
        account: access.account().clone(),
        partition: access.partition().into(),
        home_region: access.home_region().clone(),
        clock_offset: None,
        unmatched: Vec::new(),
        interrupted: false,
        only: None,
    }
}

/// Judges: defensive is required everywhere. Every mode counts as read when the plan is made.
pub(crate) fn judged(inventory: Inventory) -> ScanReport {
    let reading = NormalizeSettings {
        owner: OwnerSettings {
            tags: vec!["owner".into()],
            account_tags: vec![],
            ous: Default::default(),
            aliases: Default::default(),
        },
        manager: ManagerSettings { terraform_tags: Default::default(), ecs_tags: vec![] },
        environment_tags: vec![],
        application_tags: vec![],
    };
    let mut report = evaluate(normalize(inventory, &reading), doorward_rules::all(), &policy());
    for lb in &mut report.load_balancers {
        if let Some(evidence) = &mut lb.evidence {
            evidence.at = start();
        }
    }
    report
}

pub(crate) fn policy() -> Policy {
    Policy { required_mode: Mode::Defensive, rules: vec![], disabled: vec![], ..Policy::default() }
}

pub(crate) fn settings() -> ChangeSettings {
    ChangeSettings {
        role_name: "doorward-change".to_owned().try_into().expect("a role"),
        external_id: None,
        canary: 1,
        wave_share: 0.1,
        wave_minimum: 4,
        valid_days: 7,
        scan_days: 3,
        windows: vec![],
        freezes: vec![],
        watch: WatchSettings {
            tolerated_4xx: 0.01,
            tolerated_5xx: 0.01,
            tolerated_connections: 2.0,
            minimum_requests: 20,
            weeks: 2,
        },
    }
}

pub(crate) fn plan_of(report: &ScanReport, order: &PlanRequest, settings: &ChangeSettings) -> Plan {
    let required = |lb: &_| Requirement::of(lb, &policy()).certain();
    plan(report, &required, &|_, _| ("see the stack".to_owned(), vec![]), order, settings, start())
}

/// A Monday morning.
pub(crate) fn start() -> Timestamp {
    "2026-11-23T09:00:00Z".parse().unwrap()
}

/// A clock that moves by pauses alone.
#[derive(Clone)]
pub(crate) struct Wheel(Arc<AtomicI64>);

impl Wheel {
    pub(crate) fn new() -> Self {
        Self(Arc::new(AtomicI64::new(start().as_millisecond())))
    }

    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.0.load(Ordering::Relaxed)).unwrap()
    }

    pub(crate) fn turn(&self, by: SignedDuration) {
        self.0.fetch_add(i64::try_from(by.as_millis()).unwrap(), Ordering::Relaxed);
    }

    pub(crate) fn time(&self) -> Time {
        let (now, pause) = (self.clone(), self.clone());
        let pause = move |length: Duration| -> doorward_aws::Pause {
            pause.turn(SignedDuration::try_from(length).unwrap());
            Box::pin(std::future::ready(()))
        };
        Time::with_pauses(Arc::new(move || now.now()), Arc::new(pause))
    }
}

/// The mode that the emulator has.
pub(crate) fn mode_in(server: &Server, arn: &Arn) -> String {
    let (key, name) = place(arn);
    server.world().attribute(arn.account(), arn.region(), &name, key).unwrap()
}

/// Another attribute that the emulator has.
pub(crate) fn attribute_in(server: &Server, arn: &Arn, key: &str) -> String {
    server.world().attribute(arn.account(), arn.region(), &place(arn).1, key).unwrap()
}

pub(crate) fn set_attribute(server: &Server, arn: &Arn, key: &str, value: &str) {
    assert!(server.world().set_attribute(arn.account(), arn.region(), &place(arn).1, key, Some(value)));
}

pub(crate) fn edit(server: &Server, arn: &Arn, mode: Mode) {
    let (key, name) = place(arn);
    assert!(server.world().set_attribute(arn.account(), arn.region(), &name, key, Some(mode.as_str())));
}

pub(crate) fn place(arn: &Arn) -> (&'static str, String) {
    let resource = arn.resource().strip_prefix("loadbalancer/").unwrap();
    match resource.strip_prefix("app/") {
        Some(rest) => ("routing.http.desync_mitigation_mode", rest.split('/').next().unwrap().to_owned()),
        None => ("elb.http.desyncmitigationmode", resource.to_owned()),
    }
}

/// Calls that set something, as `ARN or name`, in the order in which they arrived.
pub(crate) fn sets(server: &Server) -> Vec<String> {
    let calls = server.calls();
    let sets = calls.iter().filter(|call| call.action == "ModifyLoadBalancerAttributes");
    sets.map(|call| format!("{} {}", call.account, call.resource)).collect()
}

/// Random numbers shared by everything that happens in a schedule.
pub(crate) struct Dice(pub(crate) RefCell<fastrand::Rng>);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(RefCell::new(fastrand::Rng::with_seed(seed)))
    }

    pub(crate) fn below(&self, bound: usize) -> usize {
        self.0.borrow_mut().usize(..bound)
    }

    pub(crate) fn chance(&self, percent: usize) -> bool {
        self.below(100) < percent
    }
}
