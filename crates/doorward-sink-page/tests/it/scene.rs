//! Reports to render: one with every hostile text in every text field, and large ones. It is long because every field is filled, and
//! because two crates include it as one file, by its path.

use std::collections::BTreeMap;
use std::sync::Arc;

use doorward_model::{
    Account, AccountId, AccountState, AppliedChange, Arn, Certainty, ChangeStatus, CodePlace, Coverage, CoverageLine,
    CoverageStatus, Edit, Evidence, Finding, Gap, GapReason, History, InCode, Kind, Listener, Listing, LoadBalancer,
    LogDestination, Manager, Mode, ModeEffect, ModePatch, Observed, ObservedTime, Organization, OuPath, Owner,
    OwnerSource, Reachability, Region, ReportTally, Run, ScanReport, Scheme, Severity, Traffic, TrafficBasis,
    TrafficSource, TrafficStep, Verdict, VerdictReason,
};
use jiff::Timestamp;

/// Hostile texts, one JSON string a line.
const HOSTILE: &str = include_str!("../../../doorward-sink-page/tests/hostile.txt");

/// The rules that every load balancer is asked.
const RULES: [&str; 6] = [
    "access-logs-disabled",
    "desync-mode-below-required",
    "desync-mode-headroom",
    "exception-expired",
    "exception-expiring",
    "owner-missing",
];

/// Every hostile text, and some that are too long for a file.
pub(crate) fn hostile() -> Vec<String> {
    let mut texts: Vec<String> =
        HOSTILE.lines().map(|line| serde_json::from_str(line).expect("a JSON string")).collect();
    texts.extend(["x", "<b>", "=", "支"].map(|unit| unit.repeat(40_000)));
    texts.push("long word ".repeat(4_000));
    texts
}

/// Numbers that are the same on every machine.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Below `n`.
    pub(crate) fn roll(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}

/// The time of every scan here.
fn now() -> Timestamp {
    "2026-11-02T09:00:00Z".parse().expect("a time")
}

fn account(n: u64) -> AccountId {
    AccountId::new(&format!("{:012}", 123_456_789 + n)).expect("an account")
}

fn region(n: u64) -> Region {
    Region::new(["eu-west-1", "us-east-1", "ap-southeast-2", "eu-central-1"][usize::try_from(n % 4).expect("small")])
        .expect("a Region")
}

/// An organization with as many load balancers, as varied as real ones.
pub(crate) fn large(load_balancers: u64, owners: u64) -> ScanReport {
    let mut dice = Dice::new(7);
    let lbs = (0..load_balancers).map(|n| ordinary(n, owners, &mut dice)).collect();
    finish(lbs, &mut dice, None)
}

/// One load balancer per hostile text, which stands in every text field it has.
pub(crate) fn all_hostile() -> ScanReport {
    let mut dice = Dice::new(11);
    let texts = hostile();
    let lbs = texts.iter().enumerate().map(|(n, text)| poisoned(n as u64, text)).collect();
    finish(lbs, &mut dice, Some(&texts))
}

/// An owner by tag.
pub(crate) fn owner(name: &str) -> Observed<Owner> {
    Observed::Known(Owner {
        name: name.to_owned(),
        source: OwnerSource::ResourceTag("owner".into()),
        conflicting: Vec::new(),
    })
}

/// A value that could not be read.
pub(crate) fn unread<T>(reason: GapReason) -> Observed<T> {
    Observed::unread(Gap::new(reason, "elasticloadbalancing:DescribeTags"))
}

fn arn(n: u64, kind: Kind, name: &str) -> Arn {
    let (account, region) = (account(n % 200), region(n));
    let resource = if kind == Kind::Classic {
        name.to_owned()
    } else {
        format!("app/{name}/{:016x}", n.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    };
    Arn::new(&format!("arn:aws:elasticloadbalancing:{region}:{account}:loadbalancer/{resource}")).expect("an ARN")
}

fn ordinary(n: u64, owners: u64, dice: &mut Dice) -> LoadBalancer {
    let kind = if dice.roll(8) == 0 { Kind::Classic } else { Kind::Application };
    let name = format!(
        "{}-{}-{n}",
        ["checkout", "search", "catalog", "ingest"][dice.roll(4) as usize],
        ["edge", "api", "web"][dice.roll(3) as usize]
    );
    let mode = match dice.roll(20) {
        0..=5 => Observed::Known(Mode::Monitor),
        6..=14 => Observed::Known(Mode::Defensive),
        15..=17 => Observed::Known(Mode::Strictest),
        18 => Observed::Absent,
        _ => unread(GapReason::AccessDenied),
    };
    let managed_by = match dice.roll(6) {
        0 => Observed::Known(Manager::CloudFormation(format!("{name}-stack"))),
        1 => Observed::Known(Manager::Kubernetes(format!("cluster-{}: ns/{name}", dice.roll(40)))),
        2 => Observed::Known(Manager::Terraform("managed-by=terraform".into())),
        _ => Observed::Absent,
    };
    LoadBalancer {
        arn: arn(n, kind, &name),
        account: account(n % 200),
        account_name: Observed::Known(format!("workload-{}", n % 200)),
        ou: Observed::Known(OuPath { names: format!("/Workloads/Unit-{}", n % 40), ids: vec!["r-ab12".into()] }),
        region: region(n),
        name,
        kind,
        reachability: Observed::Known(Reachability::InternetFacing),
        target_groups: Observed::Absent,
        scheme: Observed::Known(if dice.roll(2) == 0 { Scheme::Internal } else { Scheme::InternetFacing }),
        vpc: Some(format!("vpc-{:017x}", n % 300).into()),
        dns_name: Some(format!("x-{n}.eu-west-1.elb.amazonaws.com")),
        created: Some("2024-02-26T15:20:40Z".parse().expect("a time")),
        state: Some("active".into()),
        mode,
        drop_invalid_headers: Observed::Known(dice.roll(2) == 0),
        waf_fail_open: Observed::Known(false),
        access_logs: Observed::Known(LogDestination::S3 { bucket: format!("logs-{}", n % 60), prefix: String::new() }),
        listeners: Observed::Known(vec![Listener { protocol: "HTTPS".into(), port: Some(443) }]),
        tags: Observed::Known(
            [("cost-center".to_owned(), format!("CC-{}", n % 90)), ("team".to_owned(), "web".to_owned())].into(),
        ),
        managed_by,
        owner: match dice.roll(owners + 2) {
            0 => Observed::Absent,
            1 => unread(GapReason::Throttled),
            n => owner(&format!("team-{n}")),
        },
        environment: Observed::Known("prod".into()),
        application: Observed::Absent,
        attributes: Observed::Known(doorward_model::TextMap::default()),
        evidence: Some(Evidence {
            operation: "elasticloadbalancing:DescribeLoadBalancerAttributes".into(),
            at: now(),
            request_id: Some(format!("{:08x}-bc98-4897-a575-{:012x}", dice.roll(1 << 31), dice.roll(1 << 31))),
        }),
        security_groups: vec![],
        zones: vec![],
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

/// Traffic with one text in every field that comes from logs.
pub(crate) fn traffic(n: usize, text: &str) -> Traffic {
    Traffic {
        basis: if n.is_multiple_of(3) { TrafficBasis::None } else { TrafficBasis::FullLogs },
        observed: (!n.is_multiple_of(3)).then(ObservedTime::default),
        from: None,
        until: None,
        requests: 12,
        denominator: text.to_owned(),
        tiers: BTreeMap::from([("Compliant".to_owned(), 5), (text.to_owned(), 7)]),
        modes: vec![ModeEffect {
            mode: Mode::Strictest,
            blocked: 7,
            closed: 0,
            hurt: Some(3),
            hurt_per_million: Some(9),
        }],
        cross_check: text.to_owned(),
        recommended: Some(Mode::Strictest),
        step: TrafficStep::FixAndRaise,
        because: vec![text.to_owned()],
        sources: vec![TrafficSource {
            address: text.to_owned(),
            agent: text.to_owned(),
            tier: text.to_owned(),
            reason: text.to_owned(),
            requests: 7,
            served: 3,
            fix: Some(text.to_owned()),
            protected: false,
        }],
    }
}

/// A change with one text in every field that people or AWS fill.
pub(crate) fn applied(status: ChangeStatus, text: &str) -> AppliedChange {
    let text = text.to_owned();
    let (at, from, to) = (now(), Mode::Monitor, Mode::Defensive);
    let (change, by, why, detail) = (text.clone(), text.clone(), text.clone(), text.clone());
    AppliedChange { change, at, from, to, status, by, why, detail, request_id: Some(text) }
}

/// A declaration with one text in everything that comes from a file; one of three leaves it open.
fn declared(n: u64, text: &str) -> InCode {
    let patch = ModePatch {
        file: text.to_owned(),
        line: 3,
        old: vec![text.to_owned()],
        before: text.to_owned(),
        after: text.to_owned(),
    };
    let place = CodePlace {
        dialect: "hcl".to_owned(),
        address: text.to_owned(),
        file: text.to_owned(),
        line: 3,
        column: 1,
        way: text.to_owned(),
        patch: n.is_multiple_of(2).then_some(patch),
        unpatched: (!n.is_multiple_of(2)).then(|| text.to_owned()),
    };
    let open = n.is_multiple_of(3);
    InCode {
        certainty: if open { Certainty::Ambiguous } else { Certainty::Likely },
        because: "It has the name that is written there.".to_owned(),
        places: vec![place; if open { 2 } else { 1 }],
    }
}

/// Who left a mode, every text the same.
pub(crate) fn edited(text: &str) -> Edit {
    let text = || text.to_owned();
    Edit {
        event: text(),
        call: text(),
        at: now(),
        by: text(),
        issuer: Some(text()),
        service: Some(text()),
        source: Some(text()),
        agent: Some(text()),
        request_id: Some(text()),
        change: None,
        left: Mode::Monitor,
    }
}

/// An ARN takes neither white space nor controls, so not every text can be in one.
fn poisoned(n: u64, text: &str) -> LoadBalancer {
    let text = text.to_owned();
    let known = || Observed::Known(text.clone());
    let mut lb = ordinary(n, 1, &mut Dice::new(n));
    let (account, region) = (&lb.account, &lb.region);
    let hostile_arn = format!("arn:aws:elasticloadbalancing:{region}:{account}:loadbalancer/app/{text}/{n:016x}");
    lb.kind = Kind::Application;
    lb.arn = Arn::new(&hostile_arn).unwrap_or_else(|_| arn(n, Kind::Application, "plain"));
    lb.account_name = known();
    lb.ou = Observed::Known(OuPath { names: text.clone(), ids: vec![text.clone()] });
    lb.name = text.clone();
    lb.vpc = Some(text.as_str().into());
    lb.dns_name = Some(text.clone());
    lb.state = Some(text.as_str().into());
    lb.traffic = Some(Arc::new(traffic(n as usize, &text)));
    lb.declared = Some(Arc::new(declared(n, &text)));
    lb.changes = vec![applied(ChangeStatus::Refused, &text), applied(ChangeStatus::Changed, &text)];
    lb.edited = Some(Box::new(edited(&text)));
    lb.mode = Observed::Known(Mode::Monitor);
    lb.access_logs = Observed::Known(LogDestination::S3 { bucket: text.clone(), prefix: text.clone() });
    lb.listeners = Observed::Known(vec![Listener { protocol: text.as_str().into(), port: Some(1) }]);
    lb.tags = Observed::Known(
        [(text.clone(), text.clone()), (format!("team{text}"), text.clone()), ("cost-center".into(), text.clone())]
            .into(),
    );
    lb.managed_by = Observed::Known(match n % 5 {
        0 => Manager::CloudFormation(text.clone()),
        1 => Manager::Kubernetes(text.clone()),
        2 => Manager::EcsGateway(text.clone()),
        3 => Manager::ElasticBeanstalk(text.clone()),
        _ => Manager::Terraform(text.clone()),
    });
    lb.owner = match n % 7 {
        0 => Observed::Absent,
        1 => Observed::unread(poisoned_gap(&text)),
        2 => Observed::Known(Owner {
            name: text.clone(),
            source: OwnerSource::OuMap(text.clone()),
            conflicting: Vec::new(),
        }),
        _ => Observed::Known(Owner {
            name: text.clone(),
            source: OwnerSource::ResourceTag(text.clone()),
            conflicting: Vec::new(),
        }),
    };
    lb.environment = known();
    lb.application = known();
    lb.attributes = Observed::Known([(text.clone(), text.clone())].into());
    lb.evidence = Some(Evidence { operation: text.as_str().into(), at: now(), request_id: Some(text.clone()) });
    lb.security_groups = vec![text.as_str().into()];
    lb.zones = vec![text.into()];
    lb
}

fn poisoned_gap(text: &str) -> Gap {
    Gap {
        reason: GapReason::Malformed,
        operation: text.to_owned(),
        code: Some(text.to_owned()),
        message: Some(text.to_owned()),
        request_id: Some(text.to_owned()),
        action: None,
        policy: Some(text.to_owned()),
    }
}

fn finish(mut lbs: Vec<LoadBalancer>, dice: &mut Dice, hostile: Option<&[String]>) -> ScanReport {
    lbs.sort_by(|a, b| (&a.account, &a.region, &a.arn).cmp(&(&b.account, &b.region, &b.arn)));
    let mut findings = Vec::new();
    let mut tally = ReportTally::default();
    for lb in &lbs {
        *tally.kinds.entry(lb.kind).or_default() += 1;
        match &lb.mode {
            Observed::Known(mode) => *tally.modes.entry(*mode).or_default() += 1,
            _ => tally.mode_unknown += 1,
        }
        for rule in RULES {
            let verdict = match hostile {
                Some(_) => poisoned_verdict(&lb.name, rule, dice),
                None => verdict(lb, rule, dice),
            };
            *tally.verdicts.entry(rule.to_owned()).or_default().entry(verdict.kind()).or_default() += 1;
            if let Verdict::Fail { severity, .. } = verdict {
                *tally.failures.entry(severity).or_default() += 1;
            }
            let open = matches!(verdict, Verdict::Fail { .. } | Verdict::Excepted { .. });
            findings.push(Finding {
                id: Finding::id_for(&lb.arn, rule),
                rule: rule.into(),
                account: lb.account.clone(),
                region: lb.region.clone(),
                load_balancer: lb.arn.clone(),
                name: lb.name.as_str().into(),
                kind: lb.kind,
                owner: lb.owner_label().into(),
                verdict: verdict.into(),
                observed_at: lb.evidence.as_ref().map(|evidence| evidence.at),
                history: open.then(|| {
                    Box::new(History {
                        first_seen: now()
                            - jiff::SignedDuration::from_hours(24 * i64::try_from(dice.roll(400)).expect("small")),
                        last_seen: now(),
                        resolved: None,
                        reopened: u32::try_from(dice.roll(3)).expect("small"),
                        failing: None,
                    })
                }),
                deadline: None,
            });
        }
    }
    let some = |text: &str| {
        hostile.and_then(|texts| texts.first()).map_or_else(|| text.to_owned(), |first| format!("{text}{first}"))
    };
    let mut accounts: BTreeMap<AccountId, Account> = BTreeMap::new();
    for lb in &lbs {
        accounts.entry(lb.account.clone()).or_insert_with(|| Account {
            id: lb.account.clone(),
            name: lb.account_name.clone(),
            state: AccountState::Active,
            ou: lb.ou.clone(),
            tags: lb.tags.clone(),
            regions: Observed::Known(vec![lb.region.clone()]),
        });
    }
    let mut lines: BTreeMap<_, CoverageLine> = BTreeMap::new();
    for lb in &lbs {
        let gaps = if hostile.is_some() { vec![poisoned_gap(&lb.name)] } else { vec![] };
        let line = lines.entry((lb.account.clone(), lb.region.clone())).or_insert_with(|| CoverageLine {
            account: lb.account.clone(),
            region: Some(lb.region.clone()),
            status: if gaps.is_empty() { CoverageStatus::Complete } else { CoverageStatus::Partial },
            read_at: Some(now()),
            fully_listed: true,
            load_balancers: Some(0),
            gone: 0,
            gaps: gaps.clone(),
        });
        line.load_balancers = line.load_balancers.map(|count| count + 1);
    }
    ScanReport {
        run: Run {
            id: some("20261102T090000.000Z-100000000002"),
            tool_version: some("0.1.0"),
            started: now(),
            finished: now(),
            caller: Arn::new("arn:aws:iam::100000000002:user/scanner").expect("an ARN"),
            account: account(0),
            partition: some("aws"),
            home_region: region(0),
            clock_offset: None,
            unmatched: Vec::new(),
            interrupted: false,
            only: None,
        },
        organization: Observed::Known(Organization { id: some("o-example"), management_account: account(0) }),
        coverage: Coverage::new(lines.into_values().collect(), Listing::Full),
        tally,
        accounts: accounts.into_values().collect(),
        load_balancers: lbs,
        findings,
        changes_unfound: BTreeMap::new(),
        unseen: None,
    }
}

/// Every kind of verdict, with sentences that name the load balancer as the real ones do.
fn verdict(lb: &LoadBalancer, rule: &str, dice: &mut Dice) -> Verdict {
    let because = format!("The answer of {rule} is so. It is internal.");
    match dice.roll(10) {
        0..=3 => Verdict::Pass { reason: VerdictReason::ModeSufficient, because },
        4..=6 => Verdict::Fail {
            reason: VerdictReason::ModeMonitor,
            because,
            severity: [Severity::Informational, Severity::Low, Severity::Medium, Severity::High, Severity::Critical]
                [dice.roll(5) as usize],
            remedy: format!(
                "Run `aws elbv2 modify-load-balancer-attributes --region {} --load-balancer-arn {} --attributes Key=routing.http.desync_mitigation_mode,Value=defensive`. Its name is {}.",
                lb.region, lb.arn, lb.name
            ),
        },
        7 => Verdict::Excepted {
            reason: VerdictReason::ExceptionValid,
            because,
            severity: Severity::Medium,
            exception: "EX-1".into(),
            expires: "2026-11-10".into(),
        },
        8 => Verdict::unread(
            VerdictReason::ModeUnread,
            "The value",
            &Arc::new(Gap::new(GapReason::AccessDenied, "elasticloadbalancing:DescribeTags")),
        ),
        _ => Verdict::NotApplicable { reason: VerdictReason::NotApplicableKind, because },
    }
}

fn poisoned_verdict(text: &str, rule: &str, dice: &mut Dice) -> Verdict {
    let text = text.to_owned();
    match RULES.iter().position(|one| *one == rule) {
        Some(0 | 1) => Verdict::Fail {
            reason: VerdictReason::ModeMonitor,
            because: text.clone(),
            severity: if dice.roll(2) == 0 { Severity::High } else { Severity::Low },
            remedy: text,
        },
        Some(2) => Verdict::Excepted {
            reason: VerdictReason::ExceptionValid,
            because: text.clone(),
            severity: Severity::High,
            exception: text.clone(),
            expires: text,
        },
        Some(3) => Verdict::Unknown {
            reason: VerdictReason::ModeUnread,
            because: text.clone(),
            gaps: vec![Arc::new(poisoned_gap(&text))],
        },
        Some(4) => Verdict::Pass { reason: VerdictReason::ModeSufficient, because: text },
        _ => Verdict::NotApplicable { reason: VerdictReason::NotApplicableKind, because: text },
    }
}
