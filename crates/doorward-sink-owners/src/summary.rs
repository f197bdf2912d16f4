//! The content of one owner's page, as the templates read it.
//!
//! Everything here is text ready to be shown and numbers; outside text is in it as it came, because the renderer escapes
//! every value it puts into a page.

use std::collections::{BTreeMap, BTreeSet};

use doorward_model::{
    Arn, Finding, FindingChange, LoadBalancer, MODE_RULE, Mode, ObservationPeriod, Observed, PostureFigure, ScanReport,
    Severity, UnseenFinding, Verdict, counted, share as percentage, shown,
};
use serde::Serialize;

use crate::OwnersContext;
use crate::dialect;
use crate::owner_figures::{OwnerFigures, age};
use crate::owner_hints::OwnerHints;
use crate::partition::{OwnedLoadBalancer, OwnerGroup, PartitionKey};

mod cell_text;
mod declared;
mod done;
mod owner_kpis;
mod summary_rows;
mod todo;
mod traffic;

use cell_text::{exceptions, is_due, verdicts};
use declared::DeclaredPart;
use done::{Done, Left};
use summary_rows::{Asked, Changes, Detail, Lost, Missed, Row};
use traffic::{TrackedRow, TrafficRow};

/// The scan behind a page.
#[derive(Serialize)]
pub(crate) struct ScanView {
    pub(crate) organization: String,
    pub(crate) at: String,
    pub(crate) run: String,
    pub(crate) tool: String,
    pub(crate) interrupted: bool,
    /// `96.6% (56 of 58)`
    pub(crate) coverage: String,
    pub(crate) complete: bool,
    pub(crate) ask: Option<String>,
}

impl ScanView {
    /// Reads it off the report.
    pub(crate) fn of(report: &ScanReport, context: &OwnersContext) -> Self {
        let counts = report.coverage.counts;
        Self {
            organization: match &report.organization {
                Observed::Known(organization) => format!("organization {}", organization.id),
                _ => format!("account {}", report.run.account),
            },
            at: at(report),
            run: report.run.id.clone(),
            tool: report.run.tool_version.clone(),
            interrupted: report.run.interrupted,
            coverage: percentage(counts.complete, counts.in_scope()),
            complete: report.is_whole(),
            ask: context.ask.clone(),
        }
    }
}

/// When the scan ended, and the period of its readings where that is no moment.
fn at(report: &ScanReport) -> String {
    let ended = report.run.finished.strftime("%Y-%m-%d %H:%M UTC");
    let period = report.observed().filter(ObservationPeriod::is_long);
    period.map_or_else(|| ended.to_string(), |period| format!("{ended}, read {period}"))
}

/// One page.
#[derive(Serialize)]
pub(crate) struct OwnerPage {
    scan: ScanView,
    owner: String,
    kind: &'static str,
    figures: OwnerFigures,
    modes: Vec<(&'static str, String)>,
    kpis: Vec<PostureFigure>,
    /// What to do, most urgent first.
    todo: Vec<todo::TodoGroup>,
    rows: Vec<Row>,
    /// The load balancers with anything to do, in the order of `rows`.
    details: Vec<Detail>,
    /// Load balancers whose traffic was read.
    traffic: Vec<TrafficRow>,
    tracked: Vec<TrackedRow>,
    /// Of whose traffic nothing is known, by the reason.
    silent: Vec<(String, Vec<String>)>,
    /// Mode changes that Doorward made.
    done: Vec<Done>,
    /// Who left load balancers in their modes, where that is known.
    left: Vec<Left>,
    /// The rules that were asked, by id, over the columns of `Row::verdicts`.
    rules: Vec<String>,
    stray: Vec<Asked>,
    /// What earlier scans saw and this one did not: load balancers with their place and when they were last seen.
    lost: Vec<Lost>,
    /// Findings that failed when they were last seen, and that this scan did not see.
    unseen: Vec<Missed>,
    changes: Changes,
    ask: Vec<String>,
    /// Why owners could not be read, and how to fix it.
    gaps: Vec<(String, &'static str)>,
    findings: usize,
}

impl OwnerPage {
    /// The number of findings on it.
    pub(crate) fn findings(&self) -> usize {
        self.findings
    }
}

/// Builds pages. It reads the report once for all owners.
pub(crate) struct PageBuilder<'a> {
    report: &'a ScanReport,
    context: &'a OwnersContext,
    titles: BTreeMap<&'a str, &'a str>,
    hints: OwnerHints<'a>,
    /// The load balancers of the report.
    arns: BTreeSet<&'a Arn>,
    /// The owner, as last read, of each load balancer that this scan did not observe.
    last_owners: BTreeMap<&'a Arn, &'a str>,
}

/// Whether a finding is fine, beside the point, or not asked and not known to have failed.
fn is_quiet(finding: &Finding) -> bool {
    match &*finding.verdict {
        Verdict::Pass { .. } | Verdict::NotApplicable { .. } => true,
        Verdict::NotAsked { .. } => !was_open(finding),
        Verdict::Fail { .. } | Verdict::Excepted { .. } | Verdict::Unknown { .. } => false,
    }
}

/// Whether a finding failed when it was last seen.
fn was_open(finding: &Finding) -> bool {
    finding.history.as_ref().is_some_and(|history| history.resolved.is_none())
}

/// Whether anything of a load balancer is neither fine nor beside the point.
fn is_open(held: &OwnedLoadBalancer<'_>) -> bool {
    held.findings.iter().any(|finding| !is_quiet(finding))
}

/// The mark of a load balancer inside its page.
fn anchor(n: usize) -> String {
    format!("lb-{}", n + 1)
}

impl<'a> PageBuilder<'a> {
    /// Reads what all pages need.
    pub(crate) fn of(report: &'a ScanReport, context: &'a OwnersContext) -> Self {
        Self {
            report,
            context,
            titles: context.rules.iter().map(|rule| (rule.id, rule.title)).collect(),
            hints: OwnerHints::of(report, context),
            arns: report.load_balancers.iter().map(|lb| &lb.arn).collect(),
            last_owners: report
                .unseen
                .iter()
                .flat_map(|unseen| &unseen.load_balancers)
                .map(|lb| (&lb.arn, lb.owner.as_str()))
                .collect(),
        }
    }

    /// Composes an owner's page.
    pub(crate) fn page(&self, share: &OwnerGroup<'_>) -> OwnerPage {
        let (report, context) = (self.report, self.context);
        let now = report.run.finished;
        let mut figures = OwnerFigures::of(&share.load_balancers);
        share.stray.iter().for_each(|finding| figures.count(&finding.verdict));
        share.miss(&mut figures);
        let mut rules: Vec<&str> =
            share.load_balancers.iter().flat_map(|held| held.findings.iter().map(|f| f.rule.as_str())).collect();
        rules.sort_unstable();
        rules.dedup();
        let unowned = share.key == PartitionKey::Unowned;
        let rows: Vec<Row> =
            share.load_balancers.iter().enumerate().map(|(n, held)| self.row(n, held, &rules, unowned)).collect();
        let details = share.load_balancers.iter().enumerate().filter(|(_, held)| unowned || is_open(held));
        let details = details.map(|(n, held)| self.detail(n, held, unowned)).collect();
        let population = figures.mode_population();
        let modes = [
            ("monitor", figures.monitor),
            ("defensive", figures.defensive),
            ("strictest", figures.strictest),
            ("unknown", figures.mode_unknown),
        ];
        OwnerPage {
            scan: ScanView::of(report, context),
            owner: share.label().to_owned(),
            kind: share.key.kind(),
            kpis: owner_kpis::of(share, context),
            modes: modes.map(|(mode, count)| (mode, percentage(count, population))).to_vec(),
            todo: todo::of(&share.load_balancers, context, &self.titles, now),
            rows,
            details,
            traffic: share
                .load_balancers
                .iter()
                .filter_map(|held| TrafficRow::of(held.lb, self.target(held.lb)))
                .collect(),
            tracked: share.load_balancers.iter().filter_map(|held| TrackedRow::of(held.lb, now)).collect(),
            silent: traffic::silent(share.load_balancers.iter().map(|held| held.lb)),
            done: share.load_balancers.iter().flat_map(|held| Done::all(held.lb)).collect(),
            left: share.load_balancers.iter().filter_map(|held| Left::of(held.lb)).collect(),
            rules: rules.into_iter().map(str::to_owned).collect(),
            stray: share.stray.iter().map(|finding| self.asked(None, finding)).collect(),
            lost: share.lost.iter().map(|lb| Lost::of(lb)).collect(),
            unseen: share.unseen.iter().map(|finding| self.missed(finding)).collect(),
            changes: self.changes(share),
            ask: self.ask(share),
            gaps: share.causes(),
            findings: share.load_balancers.iter().map(|held| held.findings.len()).sum::<usize>() + share.stray.len(),
            figures,
        }
    }

    fn row(&self, n: usize, held: &OwnedLoadBalancer<'_>, rules: &[&str], unowned: bool) -> Row {
        let lb = held.lb;
        let worst = held.findings.iter().filter_map(|finding| finding.verdict.severity()).max();
        let opened = held.findings.iter().filter(|finding| is_due(&finding.verdict));
        let opened: Vec<_> = opened.map(|finding| finding.history.as_ref().and_then(|of| of.open_since())).collect();
        let age = match (opened.is_empty(), opened.iter().flatten().min()) {
            (true, _) => "–".to_owned(),
            (false, Some(first)) => age(*first, self.report.run.finished),
            (false, None) => "not recorded".to_owned(),
        };
        let failing = held.findings.iter().any(|f| f.rule == MODE_RULE && matches!(*f.verdict, Verdict::Fail { .. }));
        Row {
            anchor: anchor(n),
            name: lb.name.clone(),
            account: lb.account.to_string(),
            account_name: shown(&lb.account_name),
            region: lb.region.to_string(),
            kind: lb.kind.to_string(),
            scheme: shown(&lb.scheme),
            mode: lb.mode_text(),
            required: lb.required_mode_text(self.context.required.get(&lb.arn)),
            failing,
            worst: worst.map_or("", Severity::as_str),
            age,
            exception: exceptions(&held.findings),
            managed_by: match &lb.managed_by {
                Observed::Absent => "no known manager".to_owned(),
                known => shown(known),
            },
            detailed: unowned || is_open(held),
            verdicts: rules.iter().map(|rule| verdicts(held, rule)).collect(),
        }
    }

    fn detail(&self, n: usize, held: &OwnedLoadBalancer<'_>, unowned: bool) -> Detail {
        let lb = held.lb;
        let mut findings: Vec<&Finding> = held.findings.iter().copied().filter(|finding| !is_quiet(finding)).collect();
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.verdict.severity()));
        Detail {
            anchor: anchor(n),
            name: lb.name.clone(),
            arn: lb.arn.to_string(),
            place: format!("account {} ({}), {}", lb.account, shown(&lb.account_name), lb.region),
            ou: match &lb.ou {
                Observed::Known(ou) => ou.names.clone(),
                other => shown(&other.as_ref().map(|ou| ou.names.clone())),
            },
            owner_source: lb.owner.known().map(|owner| owner.source_text()),
            findings: findings.into_iter().map(|finding| self.asked(Some(lb), finding)).collect(),
            hints: if unowned { self.hints.hints(lb) } else { Vec::new() },
            declared: DeclaredPart::of(lb, self.due(held), self.context.code_link.as_ref()),
        }
    }

    fn target(&self, lb: &LoadBalancer) -> Option<Mode> {
        self.context.required.get(&lb.arn).and_then(|required| required.unmet_by(lb))
    }

    /// The mode to set now: the required one, where the load balancer fails to have it and no exception permits that.
    fn due(&self, held: &OwnedLoadBalancer<'_>) -> Option<Mode> {
        let fails = held.findings.iter().any(|f| f.rule == MODE_RULE && matches!(*f.verdict, Verdict::Fail { .. }));
        self.context.required.get(&held.lb.arn).map(|required| required.lowest).filter(|_| fails)
    }

    fn asked(&self, lb: Option<&LoadBalancer>, finding: &Finding) -> Asked {
        let mut snippets = Vec::new();
        if let (Some(lb), Verdict::Fail { .. }, MODE_RULE) = (lb, &*finding.verdict, finding.rule.as_str())
            && let Some(required) = self.context.required.get(&lb.arn)
            // Where code declares what has no other sign of a manager, the change is the one to that code.
            && (lb.declared.is_none() || lb.managed_by.known().is_some())
        {
            snippets = dialect::snippets(lb, required.lowest);
        }
        let since = finding.history.as_ref().map_or_else(String::new, |history| {
            let again = match history.reopened {
                0 => String::new(),
                1 => ", reopened once".to_owned(),
                times => format!(", reopened {times} times"),
            };
            let first = history.open_since().unwrap_or(history.first_seen);
            format!("since {} ({}{again})", first.strftime("%Y-%m-%d"), age(first, self.report.run.finished))
        });
        let (remedy, exception) = match &*finding.verdict {
            Verdict::Fail { remedy, .. } => (Some(remedy.clone()), None),
            Verdict::Excepted { exception, expires, .. } => (None, Some(format!("{exception} until {expires}"))),
            Verdict::Unknown { gaps, .. } => {
                let mut remedies: Vec<&str> = gaps.iter().map(|gap| gap.remedy()).collect();
                remedies.dedup();
                (Some(remedies.join(" ")).filter(|text| !text.is_empty()), None)
            }
            Verdict::NotAsked { remedy, .. } => (Some(remedy.clone()), None),
            Verdict::Pass { .. } | Verdict::NotApplicable { .. } => (None, None),
        };
        Asked {
            title: self
                .titles
                .get(finding.rule.as_str())
                .map_or_else(|| finding.rule.to_string(), |title| (*title).to_owned()),
            rule: finding.rule.to_string(),
            verdict: finding.verdict.kind().to_string(),
            severity: finding.verdict.severity().map_or("", Severity::as_str),
            because: finding.verdict.because().to_owned(),
            remedy,
            exception,
            since,
            snippets,
            name: finding.name.to_string(),
        }
    }

    fn missed(&self, finding: &UnseenFinding) -> Missed {
        let why = finding.because.sentence();
        let excepted = if finding.excepted { ", under an exception then" } else { "" };
        Missed {
            name: finding.name.to_string(),
            region: finding.region.to_string(),
            title: self
                .titles
                .get(finding.rule.as_str())
                .map_or_else(|| finding.rule.to_string(), |title| (*title).to_owned()),
            rule: finding.rule.to_string(),
            severity: finding.severity.map_or("unknown", Severity::as_str),
            why: format!("{why}{excepted}"),
            last_seen: finding.last_seen.strftime("%Y-%m-%d %H:%M UTC").to_string(),
        }
    }

    fn changes(&self, share: &OwnerGroup<'_>) -> Changes {
        let Some(previous) = &self.context.previous else { return Changes { since: None, lines: Vec::new() } };
        let own: BTreeMap<_, _> = share.load_balancers.iter().map(|held| (&held.lb.arn, held.lb)).collect();
        let mut lines = Vec::new();
        for change in &previous.changes {
            let name = match own.get(&change.load_balancer) {
                Some(lb) => lb.name.clone(),
                // A deleted load balancer is listed on the page of its last owner.
                None if self.is_gone(change)
                    && is_last_owner(&share.key, self.last_owners.get(&change.load_balancer).copied()) =>
                {
                    change.load_balancer.resource().to_owned()
                }
                None => continue,
            };
            lines.push((change.kind.label(), change.rule.clone(), name));
        }
        Changes { since: Some(format!("{} ({})", previous.at.strftime("%Y-%m-%d %H:%M UTC"), previous.run)), lines }
    }

    fn is_gone(&self, change: &FindingChange) -> bool {
        !self.arns.contains(&change.load_balancer)
    }

    fn ask(&self, share: &OwnerGroup<'_>) -> Vec<String> {
        let mut accounts: BTreeMap<_, usize> = BTreeMap::new();
        for held in &share.load_balancers {
            *accounts.entry((&held.lb.account, shown(&held.lb.account_name))).or_default() += 1;
        }
        let mut ask: Vec<String> = self.context.ask.iter().map(|who| format!("About this page: {who}.")).collect();
        for ((account, name), count) in accounts {
            let contact = self.context.account_contacts.get(account);
            let who = contact.map_or_else(|| "no contact is listed".to_owned(), |contact| format!("ask {contact}"));
            let load_balancers = counted(count, "load balancer");
            ask.push(format!("Account {account} ({name}), {load_balancers}: {who}."));
        }
        ask
    }
}

fn is_last_owner(key: &PartitionKey, owner: Option<&str>) -> bool {
    match (key, owner) {
        (PartitionKey::Named(name), Some(owner)) => name == owner,
        (PartitionKey::Unowned, None | Some("unowned")) => true,
        _ => false,
    }
}
