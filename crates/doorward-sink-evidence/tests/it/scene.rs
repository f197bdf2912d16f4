//! Reports to be written: as many load balancers as wanted, or one for every hostile text. It is long because every field is filled.

use std::collections::BTreeMap;
use std::sync::Arc;

use doorward_model::{
    Account, AccountId, AccountState, AppliedChange, Arn, Certainty, ChangeStatus, CodePlace, Coverage, CoverageLine,
    CoverageStatus, Edit, Evidence, Finding, Frameworks, Gap, GapReason, History, InCode, Kind, Listing, LoadBalancer,
    LogDestination, Manager, Mode, ModeEffect, ModeTransition, Observed, ObservedIn, ObservedTime, OuPath, Owner,
    OwnerSource, Reachability, Region, ReportTally, RequiredMode, RuleMeta, Run, ScanReport, Scheme, Severity, Traffic,
    TrafficBasis, TrafficSource, TrafficStep, Verdict, VerdictReason,
};
use doorward_sink_evidence::{ExceptionRow, Pack, PackContext, RunFigures, Sampling, SheetLimits, SigningKey};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

pub(crate) const RULES: [&str; 5] = [
    "access-logs-disabled",
    "desync-mode-below-required",
    "desync-mode-headroom",
    "exception-expired",
    "owner-missing",
];

static META: RuleMeta = RuleMeta {
    id: "desync-mode-below-required",
    version: 1,
    title: "Desync mitigation mode is weaker than required",
    severity: Severity::Medium,
    adjustments: &[],
    reasons: &[],
    what: "Is the mode at least as strong as required?",
    why: "A request that is read in two ways can smuggle another.",
    evidence: "DescribeLoadBalancerAttributes.",
    remediation: "Set the mode.",
    references: &[],
};

#[derive(Deserialize)]
struct Corpus {
    group: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    repeat: usize,
    texts: Vec<String>,
}

/// Every hostile text.
pub(crate) fn hostile() -> Vec<String> {
    let corpus: Corpus = toml::from_str(include_str!("../hostile.toml")).expect("the corpus reads");
    corpus
        .group
        .into_iter()
        .flat_map(|group| group.texts.into_iter().map(move |text| text.repeat(group.repeat)))
        .collect()
}

pub(crate) fn time(seconds: i64) -> Timestamp {
    let zero: Timestamp = "2026-11-02T09:00:00Z".parse().expect("valid");
    zero + SignedDuration::from_secs(seconds)
}

/// What `n` stands for in a field: plain words, or hostile ones.
type Words<'w> = &'w dyn Fn(usize, &str) -> String;

/// `count` load balancers under every rule.
pub(crate) fn report(count: usize) -> ScanReport {
    // Teams and units have several load balancers each.
    let of = |n: usize, field: &str| if ["team", "/Workloads/unit"].contains(&field) { n % 50 } else { n };
    build(count, &|n, field| format!("{field}-{}", of(n, field)))
}

/// A load balancer for every hostile text, which is in all of its text fields.
pub(crate) fn hostile_report(texts: &[String]) -> ScanReport {
    build(texts.len(), &|n, _| texts[n].clone())
}

fn build(count: usize, words: Words<'_>) -> ScanReport {
    let region = Region::new("eu-west-1").expect("valid");
    let accounts: Vec<AccountId> =
        ["000123456789", "111122223333", "222233334444"].iter().map(|id| AccountId::new(id).expect("valid")).collect();
    let mut load_balancers: Vec<LoadBalancer> =
        (0..count).map(|n| load_balancer(n, &accounts[n % 2], &region, words)).collect();
    load_balancers.sort_by(|a, b| (&a.account, &a.arn).cmp(&(&b.account, &b.arn)));
    let findings: Vec<Finding> = load_balancers
        .iter()
        .enumerate()
        .flat_map(|(n, lb)| RULES.iter().map(move |rule| finding(n, lb, rule, words)))
        .collect();
    let denied = Arc::new(gap(&words(0, "message")));
    let lines = accounts
        .iter()
        .enumerate()
        .map(|(n, account)| CoverageLine {
            account: account.clone(),
            region: Some(region.clone()),
            status: if n == 2 { CoverageStatus::Failed } else { CoverageStatus::Complete },
            read_at: None,
            fully_listed: n != 2,
            load_balancers: Some(load_balancers.iter().filter(|lb| lb.account == *account).count()),
            gone: 0,
            gaps: if n == 2 { vec![(*denied).clone()] } else { Vec::new() },
        })
        .collect();
    let mut tally = ReportTally::default();
    for finding in &findings {
        *tally.verdicts.entry(finding.rule.to_string()).or_default().entry(finding.verdict.kind()).or_default() += 1;
    }
    let gone = Arn::new("arn:aws:elasticloadbalancing:eu-west-1:000123456789:loadbalancer/app/gone/0123456789abcdef");
    let gone = (count > 0).then(|| (gone.expect("valid"), vec![applied(1, 0, words)]));
    ScanReport {
        run: Run {
            id: "20261102T090000.000Z-000123456789".to_owned(),
            tool_version: "0.1.0".to_owned(),
            started: time(-60),
            finished: time(0),
            caller: Arn::new("arn:aws:iam::000123456789:user/scanner").expect("valid"),
            account: accounts[0].clone(),
            partition: "aws".to_owned(),
            home_region: region.clone(),
            clock_offset: None,
            unmatched: Vec::new(),
            interrupted: false,
            only: None,
        },
        organization: Observed::Absent,
        coverage: Coverage::new(lines, Listing::Full),
        tally,
        accounts: accounts
            .iter()
            .enumerate()
            .map(|(n, id)| Account {
                id: id.clone(),
                name: Observed::Known(words(n.min(count.saturating_sub(1)), "account")),
                state: AccountState::Active,
                ou: Observed::Absent,
                tags: Observed::Absent,
                regions: Observed::Known(vec![region.clone()]),
            })
            .collect(),
        load_balancers,
        findings,
        changes_unfound: gone.into_iter().collect(),
        unseen: None,
    }
}

fn gap(message: &str) -> Gap {
    Gap {
        code: Some(message.to_owned()),
        request_id: Some(message.to_owned()),
        action: Some("elasticloadbalancing:DescribeTags".to_owned()),
        ..Gap::new(GapReason::AccessDenied, "elasticloadbalancing:DescribeTags").with_message(message)
    }
}

fn load_balancer(n: usize, account: &AccountId, region: &Region, words: Words<'_>) -> LoadBalancer {
    let arn = format!("arn:aws:elasticloadbalancing:{region}:{account}:loadbalancer/app/lb-{n}/{n:016x}");
    let mode = match n % 7 {
        0 => Observed::unread(gap(&words(n, "message"))),
        1 => Observed::Absent,
        2 | 3 => Observed::Known(Mode::Monitor),
        4 | 5 => Observed::Known(Mode::Defensive),
        _ => Observed::Known(Mode::Strictest),
    };
    LoadBalancer {
        arn: Arn::new(&arn).expect("valid"),
        account: account.clone(),
        account_name: Observed::Known(words(n, "account")),
        ou: Observed::Known(OuPath { names: words(n, "/Workloads/unit"), ids: Vec::new() }),
        region: region.clone(),
        name: words(n, "web"),
        kind: if n % 11 == 10 { Kind::Network } else { Kind::Application },
        reachability: Observed::Known(Reachability::InternetFacing),
        target_groups: Observed::Absent,
        scheme: Observed::Known(if n.is_multiple_of(2) { Scheme::Internal } else { Scheme::InternetFacing }),
        vpc: Some(words(n, "vpc").into()),
        dns_name: Some(words(n, "dns")),
        created: Some(time(-86_400 * 400)),
        state: Some(words(n, "active").into()),
        mode,
        drop_invalid_headers: Observed::Known(true),
        waf_fail_open: Observed::Known(false),
        access_logs: Observed::Known(LogDestination::S3 { bucket: words(n, "bucket"), prefix: words(n, "prefix") }),
        listeners: Observed::Absent,
        tags: Observed::Known([(words(n, "key"), words(n, "value"))].into()),
        managed_by: Observed::Known(Manager::CloudFormation(words(n, "stack"))),
        owner: Observed::Known(Owner {
            name: words(n, "team"),
            source: OwnerSource::ResourceTag(words(n, "owner")),
            conflicting: Vec::new(),
        }),
        environment: Observed::Known(words(n, "prod")),
        application: Observed::Known(words(n, "shop")),
        attributes: Observed::Absent,
        evidence: Some(Evidence {
            operation: "elasticloadbalancing:DescribeLoadBalancerAttributes".into(),
            at: time(-30),
            request_id: Some(words(n, "request")),
        }),
        security_groups: Vec::new(),
        zones: Vec::new(),
        edited: (n % 2 == 1).then(|| Box::new(edited(n, words))),
        tracked_sources: Vec::new(),
        placeholder: None,
        declared: Some(Arc::new(InCode {
            certainty: Certainty::Likely,
            because: "It has the name that is written there.".to_owned(),
            places: vec![CodePlace {
                dialect: "hcl".to_owned(),
                address: words(n, "aws_lb.web"),
                file: words(n, "main.tf"),
                line: 3,
                column: 1,
                way: String::new(),
                patch: None,
                unpatched: None,
            }],
        })),
        traffic: Some(Arc::new(traffic(n, &words(n, "client")))),
        changes: (0..=n % 2).map(|nth| applied(nth, n, words)).collect(),
        policy: None,
        usage: None,
        cost: None,
    }
}

/// Who left a mode, every text from outside.
fn edited(n: usize, words: Words<'_>) -> Edit {
    Edit {
        event: words(n, "event"),
        call: words(n, "call"),
        at: time(-60),
        by: words(n, "principal"),
        issuer: None,
        service: None,
        source: None,
        agent: None,
        request_id: None,
        change: None,
        left: Mode::Monitor,
    }
}

/// A change whose texts are all from outside.
fn applied(nth: usize, n: usize, words: Words<'_>) -> AppliedChange {
    AppliedChange {
        change: words(n, "change"),
        at: time(if nth == 0 { -7_200 } else { -3_600 }),
        from: Mode::Monitor,
        to: Mode::Defensive,
        status: if nth == 0 { ChangeStatus::Refused } else { ChangeStatus::Changed },
        by: words(n, "approver"),
        why: words(n, "the policy requires it"),
        detail: if nth == 0 { words(n, "not as planned") } else { String::new() },
        request_id: (nth != 0).then(|| words(n, "request")),
    }
}

/// Traffic with one text in every field that comes from logs.
fn traffic(n: usize, text: &str) -> Traffic {
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

fn finding(n: usize, lb: &LoadBalancer, rule: &str, words: Words<'_>) -> Finding {
    let because = words(n, "The mode is monitor; the policy requires defensive (the default). It is internet-facing");
    let verdict = match n % 5 {
        0 => Verdict::Pass { reason: VerdictReason::ModeSufficient, because },
        1 => Verdict::Unknown {
            reason: VerdictReason::ModeUnread,
            because,
            gaps: vec![Arc::new(gap(&words(n, "message")))],
        },
        2 => Verdict::Excepted {
            reason: VerdictReason::ExceptionValid,
            because,
            severity: Severity::High,
            exception: words(n, "EX"),
            expires: "2026-12-31".to_owned(),
        },
        3 => Verdict::Fail {
            reason: VerdictReason::ModeMonitor,
            because,
            severity: Severity::High,
            remedy: words(n, "Run aws elbv2 modify-load-balancer-attributes"),
        },
        _ => Verdict::NotApplicable { reason: VerdictReason::NotApplicableKind, because },
    };
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
        observed_at: lb.evidence.as_ref().map(|evidence| evidence.at),
        history: Some(Box::new(History {
            first_seen: time(-86_400 * 30 - 60),
            last_seen: time(0),
            resolved: None,
            reopened: 1,
            failing: None,
        })),
        deadline: None,
    }
}

/// Everything else there is to know of a report, with the same words in it.
pub(crate) fn context(report: &ScanReport, texts: &[String]) -> PackContext {
    let row = |n: usize, text: &str| ExceptionRow {
        id: if n == 0 { "EX-2".to_owned() } else { text.to_owned() },
        rule: RULES[1].to_owned(),
        scope: text.to_owned(),
        reason: text.to_owned(),
        risk: Some(text.to_owned()),
        compensating_control: Some(text.to_owned()),
        requester: text.to_owned(),
        approver: text.to_owned(),
        ticket: (n != 0).then(|| text.to_owned()),
        start: time(-86_400),
        last_day: "2026-12-31".parse().expect("valid"),
        ends: "2027-01-01T00:00:00Z".parse().expect("valid"),
        review: None,
        state: "active".to_owned(),
        days_left: 59,
        place: "exceptions.toml:7".to_owned(),
        read: true,
        notices: vec![text.to_owned()],
    };
    let figures = RunFigures::of(report);
    let mut earlier = RunFigures { run: "earlier".to_owned(), at: time(-86_400 * 30), ..figures.clone() };
    earlier.by_owner.insert("gone since".to_owned(), earlier.all.clone());
    PackContext {
        triggers: None,
        scope: None,
        build: "0123abcd".to_owned(),
        settings: texts.join("\n"),
        clock_offset: Some(SignedDuration::from_millis(-12)),
        sampling: Sampling { size: 10, seed: texts.first().cloned().unwrap_or_default() },
        required: required(report),
        rules: vec![&META],
        controls: Frameworks::default().all().cloned().collect(),
        exceptions: Some(texts.iter().enumerate().map(|(n, text)| row(n, text)).collect()),
        changes: Some(
            report
                .load_balancers
                .iter()
                .take(5)
                .map(|lb| ModeTransition {
                    load_balancer: lb.arn.clone(),
                    from: Some(Mode::Monitor),
                    to: Some(Mode::Defensive),
                    before: Some(ObservedIn { run: "earlier".to_owned(), at: time(-86_400) }),
                    after: ObservedIn { run: report.run.id.clone(), at: time(0) },
                })
                .collect(),
        ),
        previous_figures: Some(earlier.clone()),
        trend: vec![earlier, figures],
        ..PackContext::default()
    }
}

/// The mode that policy requires in every scene.
pub(crate) fn required(report: &ScanReport) -> BTreeMap<Arn, RequiredMode> {
    let mode = RequiredMode { lowest: Mode::Defensive, highest: Mode::Defensive, by: "the default".to_owned() };
    report.load_balancers.iter().map(|lb| (lb.arn.clone(), mode.clone())).collect()
}

/// A pack of a report, with nothing unusual about it.
pub(crate) fn pack<'a>(
    report: &'a ScanReport,
    json: &'a [u8],
    context: &'a PackContext,
    key: Option<&'a SigningKey>,
) -> Pack<'a> {
    Pack { report, scan: doorward_sink_evidence::Attachment::Bytes(json), context, key, limits: SheetLimits::default() }
}

/// A key made of one number.
pub(crate) fn key(number: u8) -> SigningKey {
    SigningKey::parse(&hex::encode(seed(number))).expect("a key")
}

/// What that key is made of.
pub(crate) fn seed(number: u8) -> [u8; 32] {
    [number; 32]
}
