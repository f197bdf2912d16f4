//! An organization as text, and the report that a scan of it would give.
//!
//! Words: `NAME:VERDICT[@OWNER]`. Verdicts: `high`, `low` and so on fail with that severity, `info` fails for information,
//! `pass`, `n/a`, `unknown`, `ex=DATE` is under an exception until then, `none` has no finding. Owners: none means unowned,
//! `?` unread. `!denied` lists nothing in the account-Region, `!half` only what is given, `!closed` closes the account.

use std::sync::Arc;

use doorward_model::{
    Account, AccountId, AccountState, Arn, Coverage, CoverageLine, CoverageStatus, FailingTime, Finding, Gap,
    GapReason, History, Kind, Listing, LoadBalancer, Mode, Observed, Owner, OwnerSource, Region, ReportTally, RuleMeta,
    Run, ScanReport, Severity, Verdict, VerdictReason,
};
use doorward_notify::{ChannelSettings, ChannelsConfig, Settings};
use jiff::{SignedDuration, Timestamp};

pub(crate) const RULE: &str = "desync-mode-below-required";
pub(crate) const ACCOUNT: &str = "111122223333";
pub(crate) const REGION: &str = "eu-west-1";

pub(crate) const RULES: [RuleMeta; 1] = [RuleMeta {
    id: RULE,
    version: 1,
    title: "Desync mitigation mode is weaker than required",
    severity: Severity::Medium,
    adjustments: &[],
    reasons: &[],
    what: "Is the mode as strong as required?",
    why: "Requests can be smuggled.",
    evidence: "The attribute.",
    remediation: "Set the mode.",
    references: &[],
}];

/// Day zero, plus days.
pub(crate) fn day(days: i64) -> Timestamp {
    let zero: Timestamp = "2026-11-02T09:00:00Z".parse().expect("a time");
    zero + SignedDuration::from_hours(24 * days)
}

pub(crate) fn arn(name: &str) -> Arn {
    let text = format!("arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:loadbalancer/app/{name}/0123456789abcdef");
    Arn::new(&text).expect("an ARN")
}

pub(crate) fn gap() -> Gap {
    Gap::new(GapReason::AccessDenied, "elasticloadbalancing:DescribeLoadBalancers")
}

pub(crate) fn load_balancer(name: &str, owner: Observed<Owner>) -> LoadBalancer {
    LoadBalancer {
        arn: arn(name),
        account: AccountId::new(ACCOUNT).expect("an account"),
        account_name: Observed::Absent,
        ou: Observed::Absent,
        region: Region::new(REGION).expect("a Region"),
        name: name.to_owned(),
        kind: Kind::Application,
        reachability: Observed::Absent,
        target_groups: Observed::Absent,
        scheme: Observed::Absent,
        vpc: None,
        dns_name: None,
        created: None,
        state: None,
        mode: Observed::Known(Mode::Monitor),
        drop_invalid_headers: Observed::Absent,
        waf_fail_open: Observed::Absent,
        access_logs: Observed::Absent,
        listeners: Observed::Absent,
        tags: Observed::Absent,
        managed_by: Observed::Absent,
        owner,
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

pub(crate) fn owned_by(name: &str) -> Observed<Owner> {
    Observed::Known(Owner {
        name: name.to_owned(),
        source: OwnerSource::ResourceTag("owner".to_owned()),
        conflicting: Vec::new(),
    })
}

pub(crate) fn finding(lb: &LoadBalancer, verdict: Verdict) -> Finding {
    Finding {
        id: Finding::id_for(&lb.arn, RULE),
        rule: RULE.into(),
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

fn verdict(word: &str) -> Option<Verdict> {
    let because = "The mode is monitor; defensive is required.".to_owned();
    let fail = |severity| Verdict::Fail {
        reason: VerdictReason::ModeMonitor,
        because: because.clone(),
        severity,
        remedy: "Set it.".to_owned(),
    };
    Some(match word {
        "critical" => fail(Severity::Critical),
        "high" => fail(Severity::High),
        "medium" => fail(Severity::Medium),
        "low" => fail(Severity::Low),
        "info" => fail(Severity::Informational),
        "pass" => Verdict::Pass { reason: VerdictReason::ModeSufficient, because: "It is strictest.".to_owned() },
        "n/a" => Verdict::NotApplicable {
            reason: VerdictReason::NotApplicableKind,
            because: "It does not parse HTTP.".to_owned(),
        },
        "unknown" => Verdict::unread(VerdictReason::ModeUnread, "The mode", &Arc::new(gap())),
        "skip" => Verdict::NotAsked {
            reason: VerdictReason::TrafficNotCollected,
            because: "No evidence.".to_owned(),
            remedy: "Collect it.".to_owned(),
        },
        "none" => return None,
        other => Verdict::Excepted {
            reason: VerdictReason::ExceptionValid,
            because,
            severity: Severity::High,
            exception: "EX-1".to_owned(),
            expires: other.strip_prefix("ex=").expect("a verdict").to_owned(),
        },
    })
}

/// The report of a scene, of a scan that ended on a day. A failing finding has failed since day zero.
pub(crate) fn report(days: i64, scene: &str) -> ScanReport {
    let (mut load_balancers, mut findings) = (Vec::new(), Vec::new());
    let mut names: Vec<&str> = scene.split_whitespace().filter(|word| !word.starts_with('!')).collect();
    names.sort_unstable();
    for word in names {
        let (rest, owner) = word.split_once('@').map_or((word, None), |(rest, owner)| (rest, Some(owner)));
        let (name, word) = rest.split_once(':').expect("a verdict");
        let owner = match owner {
            None => Observed::Absent,
            Some("?") => Observed::unread(gap()),
            Some(name) => owned_by(name),
        };
        let lb = load_balancer(name, owner);
        let (word, reopened) = word.strip_suffix('+').map_or((word, 0), |word| (word, 1));
        if let Some(verdict) = verdict(word) {
            let mut one = finding(&lb, verdict);
            let fails = matches!(*one.verdict, Verdict::Fail { .. } | Verdict::Excepted { .. });
            one.history = fails.then(|| {
                let observed_seconds = u64::try_from(days).expect("a day") * 86_400;
                let failing = Some(FailingTime { opened: day(0), observed_seconds, excepted_seconds: 0 });
                Box::new(History { first_seen: day(0), last_seen: day(days), resolved: None, reopened, failing })
            });
            findings.push(one);
        }
        load_balancers.push(lb);
    }
    let has = |word| scene.split_whitespace().any(|one| one == word);
    let (status, fully_listed) = match (has("!denied"), has("!half"), has("!closed")) {
        (true, ..) => (CoverageStatus::Failed, false),
        (_, true, _) => (CoverageStatus::Partial, false),
        (_, _, true) => (CoverageStatus::Skipped, false),
        _ => (CoverageStatus::Complete, true),
    };
    let state = if has("!closed") { AccountState::Closed } else { AccountState::Active };
    let mut report = whole(days, load_balancers, findings, status, fully_listed, state);
    // A ledger knows of nothing that failed when it was last seen.
    report.unseen = has("!clean").then(doorward_model::Unseen::default);
    if has("!only") {
        // A look at one load balancer that an event asked for.
        report.run.only = report.load_balancers.first().map(|lb| lb.arn.clone());
        report.coverage.lines.iter_mut().for_each(|line| line.fully_listed = false);
    }
    report
}

pub(crate) fn whole(
    days: i64,
    load_balancers: Vec<LoadBalancer>,
    findings: Vec<Finding>,
    status: CoverageStatus,
    fully_listed: bool,
    state: AccountState,
) -> ScanReport {
    let account = AccountId::new(ACCOUNT).expect("an account");
    let line = CoverageLine {
        account: account.clone(),
        region: Some(Region::new(REGION).expect("a Region")),
        status,
        read_at: Some(day(days)),
        fully_listed,
        load_balancers: Some(load_balancers.len()),
        gone: 0,
        gaps: Vec::new(),
    };
    ScanReport {
        run: Run {
            id: format!("run-{days}"),
            tool_version: "0.1.0".to_owned(),
            started: day(days) - SignedDuration::from_secs(60),
            finished: day(days),
            caller: Arn::new("arn:aws:iam::000000000002:user/scanner").expect("an ARN"),
            account: AccountId::new("000000000002").expect("an account"),
            partition: "aws".to_owned(),
            home_region: Region::new(REGION).expect("a Region"),
            clock_offset: None,
            unmatched: Vec::new(),
            interrupted: false,
            only: None,
        },
        organization: Observed::Absent,
        coverage: Coverage::new(vec![line], Listing::Full),
        tally: ReportTally::default(),
        accounts: vec![Account {
            id: account,
            name: Observed::Absent,
            state,
            ou: Observed::Absent,
            tags: Observed::Absent,
            regions: Observed::Absent,
        }],
        load_balancers,
        findings,
        changes_unfound: std::collections::BTreeMap::new(),
        unseen: None,
    }
}

/// Settings with these lines of the directory, all at these channels.
pub(crate) fn settings(owners: &[&str], channels: Vec<(&str, ChannelSettings)>) -> Settings {
    let names: Vec<String> = channels.iter().map(|(name, _)| (*name).to_owned()).collect();
    Settings {
        owners: owners.iter().map(|owner| ((*owner).to_owned(), names.clone())).collect(),
        fallback: names.clone(),
        unowned: names,
        channels: channels.into_iter().map(|(name, channel)| (name.to_owned(), channel)).collect(),
        max_age_days: [(Severity::High, 30)].into(),
        ..Settings::default()
    }
}

pub(crate) fn exec(command: &[&str]) -> ChannelSettings {
    let command = command.iter().map(|word| (*word).to_owned()).collect();
    ChannelSettings::Exec { command, pass_env: Vec::new(), timeout_seconds: 20 }
}

pub(crate) fn slack(variable: &str) -> ChannelSettings {
    ChannelSettings::Slack { url_file: None, url_env: Some(variable.to_owned()), timeout_seconds: 20 }
}

pub(crate) fn teams(variable: &str) -> ChannelSettings {
    ChannelSettings::Teams { url_file: None, url_env: Some(variable.to_owned()), timeout_seconds: 20 }
}

pub(crate) fn directory(settings: Settings) -> ChannelsConfig {
    ChannelsConfig::new(settings).expect("a directory")
}
