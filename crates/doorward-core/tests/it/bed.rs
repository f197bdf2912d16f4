//! The test bed: an emulated organization, a scan of it, and an oracle that shares no code with the scanner.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use doorward_aws::access::{Access, AccessSettings, Emulator};
use doorward_aws::settings::{CallSettings, Span};
use doorward_aws::{Clock, Stop};
use doorward_core::collect::CollectSettings;
use doorward_core::discover::{DiscoverSettings, KnownOrganization, RegionSettings, ScopeSettings};
use doorward_core::normalize::{ManagerSettings, NormalizeSettings, OwnerSettings};
use doorward_core::{collect, discover, evaluate, normalize};
use doorward_fakeaws::{Fault, FaultPlan, Options, Server, World};
use doorward_model::{Finding, Inventory, Mode, Policy, Run, ScanReport, VerdictKind};
use futures::StreamExt;

/// A small organization with one of everything; small enough to fail every single call of its scan in turn.
pub(crate) const SMALL: &str = include_str!("small.toml");

/// The example with gaps, as shipped.
pub(crate) const GAPS: &str = include_str!("../../../../examples/gaps-org/org.toml");

/// How a test scans.
#[derive(Clone)]
pub(crate) struct Setup {
    pub(crate) access: AccessSettings,
    pub(crate) calls: CallSettings,
    pub(crate) discover: DiscoverSettings,
    pub(crate) collect: CollectSettings,
    pub(crate) clock: Clock,
    /// What an earlier scan found of the organization.
    pub(crate) known: Vec<KnownOrganization>,
    /// How many load balancers have been read so far.
    pub(crate) kept: Arc<AtomicUsize>,
}

pub(crate) fn span(millis: u64) -> Span {
    Span(Duration::from_millis(millis))
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            access: AccessSettings {
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
            },
            calls: CallSettings {
                concurrency: 64,
                share_of_limits: 1000.0,
                connect_timeout: span(500),
                read_timeout: span(400),
                attempt_timeout: span(600),
                call_deadline: span(4000),
                tries: 6,
                longest_pause: span(4),
            },
            discover: DiscoverSettings {
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
            },
            collect: CollectSettings {
                alb_listeners: false,
                vended_logs: true,
                target_groups: true,
                reachability: false,
            },
            clock: Arc::new(jiff::Timestamp::now),
            known: vec![],
            kept: Arc::default(),
        }
    }
}

/// The policy of all tests: defensive everywhere.
pub(crate) fn policy() -> Policy {
    Policy { required_mode: Mode::Defensive, rules: vec![], disabled: vec![], ..Policy::default() }
}

pub(crate) fn reading() -> NormalizeSettings {
    NormalizeSettings {
        owner: OwnerSettings {
            tags: vec!["owner".into()],
            account_tags: vec![],
            ous: BTreeMap::new(),
            aliases: BTreeMap::new(),
        },
        manager: ManagerSettings { terraform_tags: BTreeMap::new(), ecs_tags: vec![] },
        environment_tags: vec!["environment".into()],
        application_tags: vec![],
    }
}

/// Starts an emulator with quotas off.
pub(crate) async fn serve(world: &str, faults: Vec<Fault>) -> Server {
    let world = World::from_toml(world).expect("the world file is valid");
    let options = Options { quotas: Some(false), faults, ..Options::default() };
    Server::start(world, options).await.expect("the emulator starts")
}

pub(crate) fn emulator(server: &Server) -> Emulator {
    let caller = &server.world().callers()[0];
    Emulator {
        endpoint_url: server.url(),
        access_key: (caller.access_key.clone(), caller.secret.clone()),
        region: server.world().home_region().to_owned(),
    }
}

/// Why a scan brought nothing: there was no way in.
pub(crate) type NoWayIn = String;

/// The base identity of a scan.
pub(crate) async fn enter(server: &Server, setup: &Setup) -> Access {
    let (access, calls, clock) = (setup.access.clone(), setup.calls.clone(), setup.clock.clone());
    let (_stopper, stop) = Stop::new();
    Access::connect(access, calls, clock, Some(&emulator(server)), &stop).await.expect("a way in")
}

/// Scans until the raw inventory.
pub(crate) async fn look(server: &Server, setup: &Setup, stop: &Stop) -> Result<Inventory, NoWayIn> {
    let (access, calls, clock) = (setup.access.clone(), setup.calls.clone(), setup.clock.clone());
    let access =
        Access::connect(access, calls, clock, Some(&emulator(server)), stop).await.map_err(|e| e.to_string())?;
    let plan = discover(&access, &setup.discover, &setup.known, stop, &|_, _| {}).await.map_err(|e| e.to_string())?;
    let mut cells = plan.settled;
    let mut stream = std::pin::pin!(collect(&access, setup.collect, plan.targets, stop));
    while let Some(cell) = stream.next().await {
        setup.kept.fetch_add(cell.load_balancers.len(), Ordering::Relaxed);
        cells.push(cell);
    }
    let run = Run {
        id: "test".into(),
        tool_version: "test".into(),
        started: jiff::Timestamp::UNIX_EPOCH,
        finished: jiff::Timestamp::UNIX_EPOCH,
        caller: access.identity().clone(),
        account: access.account().clone(),
        partition: access.partition().to_owned(),
        home_region: access.home_region().clone(),
        clock_offset: None,
        unmatched: Vec::new(),
        interrupted: false,
        only: None,
    };
    let (organization, accounts, accounts_listing) = (plan.organization, plan.accounts, plan.accounts_listing);
    Ok(Inventory { run, organization, accounts, accounts_listing, cells })
}

/// What a scan without any fault finds of an organization, for a later one.
pub(crate) async fn known(world: &str) -> Vec<KnownOrganization> {
    let server = serve(world, vec![]).await;
    let (_stopper, stop) = Stop::new();
    let inventory = look(&server, &Setup::default(), &stop).await.expect("a way in");
    vec![KnownOrganization { organization: inventory.organization, accounts: inventory.accounts }]
}

/// Scans and judges.
pub(crate) async fn scan(server: &Server, setup: &Setup) -> Result<ScanReport, NoWayIn> {
    let (_stopper, stop) = Stop::new();
    let inventory = look(server, setup, &stop).await?;
    Ok(judge(inventory))
}

pub(crate) fn judge(inventory: Inventory) -> ScanReport {
    evaluate(normalize(inventory, &reading()), doorward_rules::all(), &policy())
}

/// A load balancer as the world file has it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Truth {
    pub(crate) account: String,
    pub(crate) region: String,
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) mode: String,
    pub(crate) http: bool,
    pub(crate) owned: bool,
    pub(crate) logs: bool,
    /// Whether its account is in use and has enabled its Region.
    pub(crate) reachable: bool,
}

/// Reads the world file itself, not through the emulator.
pub(crate) fn truths(world: &str) -> Vec<Truth> {
    let table: toml::Table = world.parse().expect("TOML");
    let text = |lb: &toml::Value, key: &str| lb.get(key).and_then(|v| v.as_str()).map(str::to_owned);
    let texts = |table: &toml::Table, key: &str| -> Vec<String> {
        let list = table.get(key).and_then(|v| v.as_array()).cloned().unwrap_or_default();
        list.iter().map(|v| v.as_str().unwrap().to_owned()).collect()
    };
    let opt_in = texts(table["organization"].as_table().expect("a table"), "opt_in");
    let is_reachable = |account: &str, region: &String| {
        let accounts = table["account"].as_array().expect("accounts").iter().filter_map(|a| a.as_table());
        let mut own = accounts.filter(|a| a.get("id").and_then(|v| v.as_str()) == Some(account));
        own.next().is_some_and(|own| {
            let in_use = own.get("state").and_then(|v| v.as_str()).is_none_or(|state| state == "ACTIVE");
            in_use && (!opt_in.contains(region) || texts(own, "opted_in").contains(region))
        })
    };
    let mut all = Vec::new();
    for lb in table["load_balancer"].as_array().expect("load balancers") {
        let kind = text(lb, "type").unwrap_or_else(|| "application".into());
        let listeners: Vec<String> = lb
            .get("listeners")
            .and_then(|v| v.as_array())
            .map(|l| l.iter().map(|v| v.as_str().unwrap().to_owned()).collect())
            .unwrap_or_else(|| vec!["HTTP:80".into()]);
        let omitted = lb.get("omit_attributes").is_some();
        let name = text(lb, "name").unwrap();
        let count = lb.get("count").and_then(|v| v.as_integer());
        let names: Vec<String> = match count {
            Some(count) => (1..=count).map(|n| format!("{name}-{n}")).collect(),
            None => vec![name],
        };
        for name in names {
            all.push(Truth {
                reachable: is_reachable(&text(lb, "account").unwrap(), &text(lb, "region").unwrap()),
                account: text(lb, "account").unwrap(),
                region: text(lb, "region").unwrap(),
                name,
                http: match kind.as_str() {
                    "application" => true,
                    "classic" => listeners.iter().any(|l| l.starts_with("HTTP")),
                    _ => false,
                },
                owned: lb.get("tags").is_some_and(|tags| tags.get("owner").is_some()),
                logs: lb.get("vended_logs").is_some()
                    || lb
                        .get("attributes")
                        .is_some_and(|a| a.get("access_logs.s3.enabled").and_then(|v| v.as_str()) == Some("true")),
                kind: kind.clone(),
                mode: if omitted { "absent".into() } else { text(lb, "mode").unwrap_or_else(|| "defensive".into()) },
            });
        }
    }
    all.sort();
    all
}

/// The one law: no verdict without an observation, no load balancer lost in silence, coverage that adds up.
pub(crate) fn check_honest(what: &str, report: &ScanReport, world: &str, server: &Server) {
    let truths = truths(world);
    let find = |account: &str, region: &str, name: &str| {
        truths.iter().find(|t| (t.account.as_str(), t.region.as_str(), t.name.as_str()) == (account, region, name))
    };
    let calls = server.calls();
    // Whether AWS answered an action about this load balancer. A slow answer is an answer.
    let answered = |action: &str, finding: &Finding| {
        let arn = finding.load_balancer.as_str();
        calls.iter().any(|c| {
            let about = c.resource.split(',').any(|resource| resource.trim() == arn || resource.trim() == finding.name);
            c.action == action
                && (matches!(c.outcome.as_str(), "ok" | "fault:slow_drip")
                    // Such an answer is right about everything but the logs.
                    || (c.outcome == "fault:no_bucket" && finding.rule != "access-logs-disabled"))
                && c.account == finding.account.as_str()
                && c.region == finding.region.as_str()
                && (about || matches!(action, "DescribeDeliverySources" | "DescribeTargetGroups"))
        })
    };

    for finding in &report.findings {
        let truth = find(finding.account.as_str(), finding.region.as_str(), &finding.name)
            .unwrap_or_else(|| panic!("{what}: {} does not exist", finding.load_balancer));
        let parses = matches!(truth.kind.as_str(), "application" | "classic");
        let known = matches!(truth.mode.as_str(), "monitor" | "defensive" | "strictest");
        let verdict = finding.verdict.kind();
        if let doorward_model::Verdict::Unknown { gaps, .. } = &*finding.verdict {
            assert!(!gaps.is_empty(), "{what}: unknown without a reason: {truth:?}");
            continue;
        }
        // The verdict that each rule must give on the truth, and the calls that it must be based on. A rule without a line here
        // needs an answer about the load balancer to pass or fail; its cases hold it to the rest.
        let (expected, attributes, tags) = match finding.rule.as_str() {
            "desync-mode-below-required" if truth.http && known => {
                (if truth.mode == "monitor" { VerdictKind::Fail } else { VerdictKind::Pass }, true, false)
            }
            "desync-mode-headroom" if truth.http && known => match truth.mode.as_str() {
                "monitor" => (VerdictKind::NotApplicable, true, false),
                // Whether strictest would break something takes evidence that no scan here has.
                "defensive" => (VerdictKind::NotAsked, true, false),
                _ => (VerdictKind::Pass, true, false),
            },
            "owner-missing" if parses => (if truth.owned { VerdictKind::Pass } else { VerdictKind::Fail }, false, true),
            "access-logs-disabled" if parses => {
                (if truth.logs { VerdictKind::Pass } else { VerdictKind::Fail }, true, false)
            }
            // In these worlds every target group of an application load balancer is sent HTTP/1.1.
            "upstream-http1" => {
                let is_application = truth.kind == "application";
                let read = !is_application || answered("DescribeTargetGroups", finding);
                assert!(read, "{what}: {verdict} of {} unseen", finding.id);
                (if is_application { VerdictKind::Fail } else { VerdictKind::NotApplicable }, false, false)
            }
            // The journal has no change.
            "desync-mode-reverted" => (VerdictKind::NotApplicable, false, false),
            // A mode that is absent or undocumented has no other verdict than unknown.
            "desync-mode-below-required" | "desync-mode-headroom" if truth.http => (VerdictKind::Unknown, false, false),
            "desync-mode-below-required" | "desync-mode-headroom" | "owner-missing" | "access-logs-disabled" => {
                (VerdictKind::NotApplicable, false, false)
            }
            _ => {
                let read =
                    ["DescribeLoadBalancerAttributes", "DescribeTags"].iter().any(|action| answered(action, finding));
                let rests = matches!(verdict, VerdictKind::Pass | VerdictKind::Fail);
                assert!(!rests || read, "{what}: {verdict} of {} unseen", finding.id);
                continue;
            }
        };
        assert_eq!(verdict, expected, "{what}: {} of {truth:?}: {}", finding.rule, finding.verdict.because());
        if matches!(verdict, VerdictKind::Pass | VerdictKind::Fail) {
            let id = &finding.id;
            assert!(
                !attributes || answered("DescribeLoadBalancerAttributes", finding),
                "{what}: {verdict} of {id} unseen"
            );
            assert!(!tags || answered("DescribeTags", finding), "{what}: {verdict} of {id} unseen");
            let by_delivery = finding.rule == "access-logs-disabled" && truth.kind == "application";
            if by_delivery && verdict == VerdictKind::Fail {
                assert!(answered("DescribeDeliverySources", finding), "{what}: {verdict} of {id} unseen");
            }
        }
    }

    let lines = &report.coverage.lines;
    for truth in &truths {
        let seen = report.load_balancers.iter().any(|lb| {
            (lb.account.as_str(), lb.region.as_str(), lb.name.as_str()) == (&truth.account, &truth.region, &truth.name)
        });
        let line = lines.iter().find(|l| {
            l.account.as_str() == truth.account && l.region.as_ref().is_none_or(|r| r.as_str() == truth.region)
        });
        match line {
            Some(line) => {
                assert!(seen || !line.fully_listed, "{what}: {truth:?} is missing from a full list");
                let by_settings = line.gaps.iter().any(|gap| gap.reason == doorward_model::GapReason::Excluded);
                let skipped = line.status == doorward_model::CoverageStatus::Skipped && !by_settings;
                assert!(!skipped || !truth.reachable, "{what}: {truth:?} is skipped: {line:?}");
            }
            // Nobody can list Regions that nobody could ask for; the account must say so.
            None => {
                let account = report.accounts.iter().find(|a| a.id.as_str() == truth.account);
                let unlisted = account.is_none_or(|a| a.regions.gap().is_some());
                assert!(
                    unlisted || !report.coverage.accounts_listing.is_full(),
                    "{what}: no coverage line for {truth:?}"
                );
            }
        }
    }

    let counts = report.coverage.counts;
    assert_eq!(counts.all, counts.complete + counts.partial + counts.skipped + counts.failed, "{what}: coverage");
    assert_eq!(counts.all, lines.len(), "{what}: coverage");
    let places: BTreeSet<_> = lines.iter().map(|l| (&l.account, &l.region)).collect();
    assert_eq!(places.len(), lines.len(), "{what}: an account-Region is covered twice");
    for account in &report.accounts {
        assert!(lines.iter().any(|l| l.account == account.id), "{what}: account {} is not covered", account.id);
    }
    for line in lines {
        assert_eq!(line.gone, 0, "{what}: nothing was deleted, and something is called gone: {line:?}");
        let complete = line.status == doorward_model::CoverageStatus::Complete;
        assert_eq!(complete, line.gaps.is_empty() && line.fully_listed, "{what}: {line:?}");
    }
}

/// All verdicts by load balancer and rule, without their sentences.
pub(crate) fn verdicts(report: &ScanReport) -> BTreeMap<String, VerdictKind> {
    report.findings.iter().map(|f| (f.id.clone(), f.verdict.kind())).collect()
}

/// How often each fault fired; a test that injects nothing proves nothing.
pub(crate) fn fired(plan: &FaultPlan) -> u64 {
    plan.fired_total()
}
