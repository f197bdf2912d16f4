//! A small organization as data, and the reports that scans of it would give.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use doorward_model::{
    AccountId, AccountRegion, AppliedChange, Arn, ChangeStatus, Coverage, CoverageLine, CoverageStatus, Evidence,
    Finding, Gap, GapReason, Kind, Listing, LoadBalancer, Mode, Observed, Owner, OwnerSource, Reachability, Region,
    ReportTally, RuleMeta, Run, ScanReport, Scheme, Severity, TextMap, Verdict, VerdictReason,
};
use jiff::{SignedDuration, Timestamp};

pub(crate) const MODE: &str = "desync-mode-below-required";
pub(crate) const OWNER: &str = "owner-missing";
pub(crate) const ACCOUNTS: [&str; 2] = ["111111111111", "222222222222"];
pub(crate) const REGIONS: [&str; 2] = ["eu-west-1", "us-east-1"];
pub(crate) const SECURITY: &str = "000000000002";

pub(crate) const METAS: [&RuleMeta; 2] = [
    &RuleMeta {
        id: MODE,
        version: 1,
        title: "Desync mitigation mode is weaker than required",
        severity: Severity::Medium,
        adjustments: &[],
        reasons: &[],
        what: "Is the mode as strong as required?",
        why: "Requests can be smuggled.",
        evidence: "The attribute.",
        remediation: "Set the mode where the load balancer is managed.",
        references: &["https://docs.aws.amazon.com/elasticloadbalancing/latest/application/"],
    },
    &RuleMeta {
        id: OWNER,
        version: 2,
        title: "Nobody is responsible",
        severity: Severity::Low,
        adjustments: &[],
        reasons: &[],
        what: "Is there an owner?",
        why: "Nobody mends what nobody owns.",
        evidence: "The tags.",
        remediation: "Tag it.",
        references: &[],
    },
];

pub(crate) fn start() -> Timestamp {
    "2026-11-02T09:00:00Z".parse().expect("a time")
}

pub(crate) fn place(account: &str, region: &str) -> AccountRegion {
    AccountRegion {
        account: AccountId::new(account).expect("an account"),
        region: Region::new(region).expect("a Region"),
    }
}

pub(crate) fn places() -> impl Iterator<Item = AccountRegion> {
    ACCOUNTS.into_iter().flat_map(|account| REGIONS.into_iter().map(move |region| place(account, region)))
}

/// A load balancer that exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Truth {
    /// None: the attributes could not be read.
    pub(crate) mode: Option<Mode>,
    pub(crate) owner: Option<String>,
    pub(crate) kind: Kind,
}

impl Truth {
    pub(crate) fn with(mode: Mode) -> Self {
        Self { mode: Some(mode), owner: Some("web".to_owned()), kind: Kind::Application }
    }
}

/// What exists, and how far a scan gets.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scene {
    pub(crate) load_balancers: BTreeMap<(AccountRegion, String), Truth>,
    /// Account-Regions where nothing can be listed.
    pub(crate) denied: BTreeSet<AccountRegion>,
    /// Account-Regions where only the first half of the list arrives.
    pub(crate) cut_short: BTreeSet<AccountRegion>,
    /// Account-Regions that the settings leave out.
    pub(crate) excluded: BTreeSet<AccountRegion>,
    /// Account-Regions that are not in the coverage at all.
    pub(crate) unheard: BTreeSet<AccountRegion>,
    /// Rules that are not asked.
    pub(crate) disabled: BTreeSet<&'static str>,
}

pub(crate) fn arn(place: &AccountRegion, name: &str) -> Arn {
    let text = format!(
        "arn:aws:elasticloadbalancing:{}:{}:loadbalancer/app/{name}/0123456789abcdef",
        place.region, place.account
    );
    Arn::new(&text).expect("an ARN")
}

impl Scene {
    pub(crate) fn put(&mut self, place: &AccountRegion, name: &str, truth: Truth) {
        self.load_balancers.insert((place.clone(), name.to_owned()), truth);
    }

    /// Whether a scan lists everything there.
    pub(crate) fn lists(&self, place: &AccountRegion) -> bool {
        [&self.denied, &self.cut_short, &self.excluded, &self.unheard].iter().all(|set| !set.contains(place))
    }

    /// What a scan that begins at a time reports.
    pub(crate) fn report(&self, started: Timestamp) -> ScanReport {
        let finished = started + SignedDuration::from_secs(10);
        let mut lines = Vec::new();
        let mut load_balancers = Vec::new();
        for place in places().filter(|place| !self.unheard.contains(place)) {
            let here: Vec<_> = self.load_balancers.iter().filter(|((at, _), _)| *at == place).collect();
            let (seen, status) = if self.denied.contains(&place) {
                (0, CoverageStatus::Failed)
            } else if self.excluded.contains(&place) {
                (0, CoverageStatus::Skipped)
            } else if self.cut_short.contains(&place) {
                (here.len() / 2, CoverageStatus::Partial)
            } else {
                (here.len(), CoverageStatus::Complete)
            };
            for ((_, name), truth) in here.into_iter().take(seen) {
                load_balancers.push(load_balancer(&place, name, truth, finished));
            }
            lines.push(CoverageLine {
                account: place.account.clone(),
                region: Some(place.region.clone()),
                status,
                read_at: Some(started),
                fully_listed: self.lists(&place),
                load_balancers: Some(seen),
                gone: 0,
                gaps: Vec::new(),
            });
        }
        let findings = load_balancers.iter().flat_map(|lb| self.findings(lb)).collect();
        report(started, finished, lines, load_balancers, findings)
    }

    fn findings(&self, lb: &LoadBalancer) -> Vec<Finding> {
        METAS
            .iter()
            .filter(|meta| !self.disabled.contains(meta.id))
            .map(|meta| finding(lb, meta.id, if meta.id == MODE { judge_mode(lb) } else { judge_owner(lb) }))
            .collect()
    }
}

pub(crate) fn report(
    started: Timestamp,
    finished: Timestamp,
    lines: Vec<CoverageLine>,
    load_balancers: Vec<LoadBalancer>,
    findings: Vec<Finding>,
) -> ScanReport {
    ScanReport {
        run: Run {
            id: format!("run-{}", started.as_second()),
            tool_version: "0.1.0".to_owned(),
            started,
            finished,
            caller: Arn::new("arn:aws:iam::000000000002:user/scanner").expect("an ARN"),
            account: AccountId::new(SECURITY).expect("an account"),
            partition: "aws".to_owned(),
            home_region: Region::new("eu-west-1").expect("a Region"),
            clock_offset: None,
            unmatched: Vec::new(),
            interrupted: false,
            only: None,
        },
        organization: Observed::Absent,
        coverage: Coverage::new(lines, Listing::Full),
        tally: ReportTally::default(),
        accounts: Vec::new(),
        load_balancers,
        findings,
        changes_unfound: BTreeMap::new(),
        unseen: None,
    }
}

pub(crate) fn load_balancer(place: &AccountRegion, name: &str, truth: &Truth, at: Timestamp) -> LoadBalancer {
    let denied =
        || Observed::unread(Gap::new(GapReason::AccessDenied, "elasticloadbalancing:DescribeLoadBalancerAttributes"));
    let key = "routing.http.desync_mitigation_mode".to_owned();
    LoadBalancer {
        arn: arn(place, name),
        account: place.account.clone(),
        account_name: Observed::Known("Storefront production".to_owned()),
        ou: Observed::Absent,
        region: place.region.clone(),
        name: name.to_owned(),
        kind: truth.kind,
        reachability: Observed::Known(Reachability::InternetFacing),
        target_groups: Observed::Absent,
        scheme: Observed::Known(Scheme::InternetFacing),
        vpc: Some("vpc-0123".into()),
        dns_name: Some(format!("{name}.elb.amazonaws.com")),
        created: Some("2024-05-06T07:08:09Z".parse().expect("a time")),
        state: Some("active".into()),
        mode: truth.mode.map_or_else(denied, Observed::Known),
        drop_invalid_headers: Observed::Known(false),
        waf_fail_open: Observed::Absent,
        access_logs: Observed::Absent,
        listeners: Observed::Absent,
        tags: Observed::Known([("team", "web"), ("empty", "")].into()),
        managed_by: Observed::Absent,
        owner: truth.owner.clone().map_or(Observed::Absent, |name| {
            Observed::Known(Owner {
                name,
                source: OwnerSource::ResourceTag("team".to_owned()),
                conflicting: Vec::new(),
            })
        }),
        environment: Observed::Known("prod".to_owned()),
        application: Observed::Absent,
        attributes: truth.mode.map_or_else(denied_attributes, |mode| Observed::Known([(key, mode.to_string())].into())),
        evidence: Some(Evidence {
            operation: "elasticloadbalancing:DescribeLoadBalancerAttributes".into(),
            at,
            request_id: None,
        }),
        security_groups: vec!["sg-1".into()],
        zones: vec![format!("{}a", place.region).into()],
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

/// A change with one text in every field that people or AWS fill.
pub(crate) fn applied(status: ChangeStatus, text: &str) -> AppliedChange {
    AppliedChange {
        change: text.to_owned(),
        at: start() - SignedDuration::from_hours(1),
        from: Mode::Monitor,
        to: Mode::Defensive,
        status,
        by: text.to_owned(),
        why: text.to_owned(),
        detail: text.to_owned(),
        request_id: Some(text.to_owned()),
    }
}

fn denied_attributes() -> Observed<TextMap> {
    Observed::unread(Gap::new(GapReason::AccessDenied, "elasticloadbalancing:DescribeLoadBalancerAttributes"))
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
        observed_at: lb.evidence.as_ref().map(|evidence| evidence.at),
        history: None,
        deadline: None,
    }
}

fn judge_mode(lb: &LoadBalancer) -> Verdict {
    if lb.kind == Kind::Network {
        return Verdict::NotApplicable {
            reason: VerdictReason::NotApplicableKind,
            because: "It does not parse HTTP.".to_owned(),
        };
    }
    match &lb.mode {
        Observed::Known(Mode::Monitor) => Verdict::Fail {
            reason: VerdictReason::ModeMonitor,
            because: "The mode is monitor; the policy requires defensive.".to_owned(),
            severity: Severity::High,
            remedy: "Set it to defensive.".to_owned(),
        },
        Observed::Known(mode) => {
            Verdict::Pass { reason: VerdictReason::ModeSufficient, because: format!("The mode is {mode}.") }
        }
        Observed::Absent => Verdict::Unknown {
            reason: VerdictReason::ModeUnread,
            because: "AWS does not say.".to_owned(),
            gaps: Vec::new(),
        },
        Observed::Unread(gap) => Verdict::unread(VerdictReason::ModeUnread, "The mode", &Arc::clone(gap)),
    }
}

fn judge_owner(lb: &LoadBalancer) -> Verdict {
    match &lb.owner {
        Observed::Known(_) => {
            Verdict::Pass { reason: VerdictReason::ModeSufficient, because: "It has an owner.".to_owned() }
        }
        _ => Verdict::Fail {
            reason: VerdictReason::ModeMonitor,
            because: "It has no owner.".to_owned(),
            severity: Severity::Low,
            remedy: "Tag it.".to_owned(),
        },
    }
}
