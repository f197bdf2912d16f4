//! The posture summary: what leadership and FinOps read on one page. Every output that shows these figures takes them from here: the
//! posture sheet, and the digests of those audiences.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Serialize;

use crate::{
    Bounds, CostLine, CostTally, Finding, HistoryContext, IDLE_RULE, LastMode, Mode, Observed, OwnerNames, ScanReport,
    Severity, Verdict, VerdictReason, not_seen_in_words, share,
};

mod posture_figures;

use posture_figures::figures;
pub use posture_figures::{PostureFigure, kpi_figures};

/// The most rows of each table: everything fits one printed page.
const ROWS: usize = 5;

/// The days before its end from which every output counts an exception as one that ends.
pub const ENDING_DAYS: i32 = 30;

/// One scan of the trend.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PosturePoint {
    /// The day on which it ended, UTC.
    pub at: String,
    /// The account-Regions that it read completely, of those in scope.
    pub coverage: String,
    /// The share in strictest or defensive.
    pub protected: String,
    /// The share at or above the required mode.
    pub required: String,
    /// Open findings as far as is known.
    pub failing: String,
}

/// One owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OwnerRisk {
    /// The owner as displayed.
    pub owner: String,
    /// Failures past their deadline.
    pub overdue: usize,
    /// Failures of severity critical.
    pub critical: usize,
    /// Failures of severity high.
    pub high: usize,
    /// Failures of severity medium.
    pub medium: usize,
    /// Load balancers in monitor.
    pub monitor: usize,
    /// Failures that were open when they were last seen, and that this scan did not see. Those of severity critical to medium are in
    /// the counts above as well.
    pub unseen: usize,
}

impl OwnerRisk {
    fn add(&mut self, severity: Severity) {
        match severity {
            Severity::Critical => self.critical += 1,
            Severity::High => self.high += 1,
            Severity::Medium => self.medium += 1,
            Severity::Low | Severity::Informational => {}
        }
    }
}

/// An exception that ends soon.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EndingException {
    /// Its id.
    pub id: String,
    /// The rule that it is about.
    pub rule: String,
    /// The last day on which it is in force.
    pub ends: String,
    /// The findings that it permits.
    pub findings: usize,
}

/// An idle load balancer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IdleLoadBalancer {
    /// Its name.
    pub name: String,
    /// Its account and Region.
    pub place: String,
    /// Its owner as displayed.
    pub owner: String,
    /// Its cost: `USD 16.43`, or `no price known`.
    pub cost: String,
}

/// The costs of an owner or cost centre, in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CostRow {
    /// The owner or cost centre.
    pub group: String,
    /// The cost of its idle load balancers.
    pub idle: String,
    /// The cost of its load balancers that are weaker than required.
    pub at_risk: String,
    /// The cost of all its load balancers.
    pub total: String,
}

/// The costs, in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PostureCosts {
    /// Of idle load balancers.
    pub idle: String,
    /// Of load balancers that are weaker than required.
    pub at_risk: String,
    /// Of all load balancers.
    pub total: String,
    /// Period and source of the amounts.
    pub basis: String,
    /// By owner: those with the highest idle cost, then cost at risk.
    pub owners: Vec<CostRow>,
    /// How many owners are left out.
    pub more_owners: usize,
    /// By cost centre; empty where no tags name one.
    pub cost_centres: Vec<CostRow>,
    /// How many cost centres are left out.
    pub more_cost_centres: usize,
}

/// The summary.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PostureSummary {
    /// The organization or account.
    pub subject: String,
    /// When the scan ended, UTC.
    pub at: String,
    /// Whether anything was read at all: without it there is no posture.
    pub read: bool,
    /// The account-Regions that were read completely, in a sentence without its end.
    pub coverage: String,
    /// A note on what is missing, if coverage is incomplete.
    pub warning: Option<String>,
    /// The key figures; none where nothing was read.
    pub figures: Vec<PostureFigure>,
    /// The newest scans, oldest first.
    pub trend: Vec<PosturePoint>,
    /// The owners with the highest risk.
    pub owners: Vec<OwnerRisk>,
    /// How many owners with a risk are left out.
    pub more_owners: usize,
    /// Exceptions that end within 30 days.
    pub exceptions: Vec<EndingException>,
    /// How many of them are left out.
    pub more_exceptions: usize,
    /// Findings whose exception is due for review.
    pub reviews: usize,
    /// Idle load balancers; absent where no metrics were collected.
    pub idle: Option<Vec<IdleLoadBalancer>>,
    /// How many of them are left out.
    pub more_idle: usize,
    /// Load balancers of which it is not known whether they are idle.
    pub idle_unknown: usize,
    /// The costs; absent where no load balancer has a price.
    pub costs: Option<PostureCosts>,
    /// The findings that changed since the scan before, by kind; absent for the first scan.
    pub changes: Option<Vec<(String, usize)>>,
    /// The day of the scan before; empty for the first scan.
    pub since: String,
}

impl PostureSummary {
    /// Summarizes a report. The tag keys name cost centres, in order.
    pub fn of(report: &ScanReport, history: &HistoryContext, cost_centre_tags: &[String]) -> Self {
        let counts = report.coverage.counts;
        let read = counts.complete + counts.partial > 0;
        let subject = match &report.organization {
            Observed::Known(organization) => format!("organization {}", organization.id),
            _ => format!("account {}", report.run.account),
        };
        let (owners, more_owners) = owners(report);
        let (exceptions, more_exceptions) = exceptions(report);
        let (idle, more_idle) = idle(report);
        let of_rule = |rule: &str, wanted: fn(&Verdict) -> bool| {
            report.findings.iter().filter(|finding| finding.rule == rule && wanted(&finding.verdict)).count()
        };
        let before = history.before.as_ref();
        Self {
            subject,
            at: report.run.finished.strftime("%Y-%m-%d %H:%M UTC").to_string(),
            read,
            coverage: format!(
                "{} of the account-Regions in scope were read completely",
                share(counts.complete, counts.in_scope())
            ),
            warning: warning(report, read),
            figures: if read { figures(report, history) } else { Vec::new() },
            trend: trend(history),
            owners,
            more_owners,
            exceptions,
            more_exceptions,
            reviews: of_rule("exception-review-due", |verdict| matches!(verdict, Verdict::Fail { .. })),
            idle,
            more_idle,
            idle_unknown: of_rule(IDLE_RULE, |verdict| matches!(verdict, Verdict::Unknown { .. })),
            costs: PostureCosts::of(report, cost_centre_tags),
            changes: before.map(|before| {
                let mut kinds: BTreeMap<_, usize> = BTreeMap::new();
                before.changes.iter().for_each(|change| *kinds.entry(change.kind).or_default() += 1);
                kinds.into_iter().map(|(kind, count)| (kind.label().to_owned(), count)).collect()
            }),
            since: before.map_or_else(String::new, |before| before.at.strftime("%Y-%m-%d").to_string()),
        }
    }
}

/// The note that precedes the figures.
fn warning(report: &ScanReport, read: bool) -> Option<String> {
    let unseen = report.unseen.as_ref().map(|unseen| (unseen.load_balancers.len(), unseen.findings.len()));
    let unseen = unseen.and_then(|(load_balancers, failures)| not_seen_in_words(load_balancers, failures));
    let more = unseen.as_ref().map_or_else(String::new, |what| format!(" Not seen now: {what}."));
    if !read {
        return Some(format!("Nothing was read: the posture is unknown. This is not a good result.{more}"));
    }
    let unread = report.unread_in_words();
    if unread.is_empty() && unseen.is_none() {
        return None;
    }
    Some(format!(
        "Not everything was read: a figure covers only what was read, unless it names more; the rest is unknown.{more}"
    ))
}

fn trend(history: &HistoryContext) -> Vec<PosturePoint> {
    let newest = history.trend.iter().rev().take(ROWS + 1).collect::<Vec<_>>();
    let scans = newest.into_iter().rev().map(|point| {
        let count = |mode| point.modes.get(&mode).copied().unwrap_or(0);
        // A scan that saw less has a wider range, never a better share.
        let part = |part, undecided, of| match (&point.unseen, point.load_balancers_unseen()) {
            (Some(unseen), _) if unseen.everything => "unknown".to_owned(),
            (_, 0) => share(part, of),
            (_, unseen) => Bounds::new(part, undecided, of, unseen).to_string(),
        };
        let required = point
            .policy
            .map(|met| part(met.at_or_above_required, met.at_or_above_required_unknown, met.load_balancers));
        let protected = count(Mode::Strictest) + count(Mode::Defensive);
        PosturePoint {
            at: point.at.strftime("%Y-%m-%d").to_string(),
            coverage: share(point.coverage.complete, point.coverage.in_scope()),
            protected: part(protected, point.mode_unknown, point.mode_population()),
            required: required.unwrap_or_else(|| "not counted".to_owned()),
            failing: point.failing_known().map_or_else(|| "unknown".to_owned(), |failing| failing.to_string()),
        }
    });
    scans.collect()
}

/// The owners with the highest risk: overdue failures first, then the most severe ones, then those in monitor.
fn owners(report: &ScanReport) -> (Vec<OwnerRisk>, usize) {
    let names = OwnerNames::of(&report.load_balancers);
    let mut owners: BTreeMap<&str, OwnerRisk> = BTreeMap::new();
    let blank = |owner: &str| OwnerRisk {
        owner: owner.to_owned(),
        overdue: 0,
        critical: 0,
        high: 0,
        medium: 0,
        monitor: 0,
        unseen: 0,
    };
    for lb in report.load_balancers.iter().filter(|lb| lb.mode.known() == Some(&Mode::Monitor)) {
        if lb.effective_mode().applies() {
            let owner = names.shown(lb.owner_label());
            owners.entry(owner).or_insert_with(|| blank(owner)).monitor += 1;
        }
    }
    for finding in &report.findings {
        let Some(severity) = finding.verdict.severity() else { continue };
        let owner = names.shown(&finding.owner);
        let row = owners.entry(owner).or_insert_with(|| blank(owner));
        row.overdue += usize::from(finding.is_overdue());
        row.add(severity);
    }
    // An owner of whose load balancers less was seen has no lower risk.
    let unseen = report.unseen.iter().flat_map(|unseen| &unseen.findings).filter(|finding| !finding.excepted);
    for finding in unseen {
        let owner = names.shown(&finding.owner);
        let row = owners.entry(owner).or_insert_with(|| blank(owner));
        row.unseen += 1;
        finding.severity.into_iter().for_each(|severity| row.add(severity));
    }
    let monitor = report.unseen.iter().flat_map(|unseen| &unseen.load_balancers);
    for lb in monitor.filter(|lb| lb.mode == Some(LastMode::Monitor)) {
        let owner = names.shown(&lb.owner);
        owners.entry(owner).or_insert_with(|| blank(owner)).monitor += 1;
    }
    let mut owners: Vec<OwnerRisk> = owners.into_values().collect();
    owners.retain(|row| row.overdue + row.critical + row.high + row.medium + row.monitor + row.unseen > 0);
    owners.sort_by(|a, b| {
        let weight =
            |row: &OwnerRisk| Reverse((row.overdue, row.critical, row.high, row.medium, row.monitor, row.unseen));
        weight(a).cmp(&weight(b)).then_with(|| a.owner.cmp(&b.owner))
    });
    first_rows(owners)
}

/// Exceptions in use that end soon, those that end first at the top.
fn exceptions(report: &ScanReport) -> (Vec<EndingException>, usize) {
    let today = report.run.finished.to_zoned(TimeZone::UTC).date();
    let mut ending: BTreeMap<(&str, &str, &str), usize> = BTreeMap::new();
    for finding in &report.findings {
        let Verdict::Excepted { exception, expires, .. } = &*finding.verdict else { continue };
        // A date that cannot be parsed counts as near.
        let left = expires.parse::<Date>().ok().and_then(|last| last.since(today).ok()).map(|span| span.get_days());
        if left.is_none_or(|left| left <= ENDING_DAYS) {
            *ending.entry((expires, exception, &finding.rule)).or_default() += 1;
        }
    }
    let rows = ending.into_iter().map(|((ends, id, rule), findings)| EndingException {
        id: id.to_owned(),
        rule: rule.to_owned(),
        ends: ends.to_owned(),
        findings,
    });
    first_rows(rows.collect())
}

/// Idle load balancers, as [`CostTally`] counts them; none where the rule was not asked.
fn idle(report: &ScanReport) -> (Option<Vec<IdleLoadBalancer>>, usize) {
    let mut asked = report.findings.iter().filter(|finding| finding.rule == IDLE_RULE).peekable();
    if asked.peek().is_none() {
        return (None, 0);
    }
    let costs: BTreeMap<_, _> = report.load_balancers.iter().map(|lb| (&lb.arn, lb.cost.as_deref())).collect();
    let is_idle = |finding: &&Finding| {
        finding.verdict.reason() == VerdictReason::NoTraffic && matches!(*finding.verdict, Verdict::Fail { .. })
    };
    let rows = asked.filter(is_idle).map(|finding| IdleLoadBalancer {
        name: finding.name.to_string(),
        place: format!("{} {}", finding.account, finding.region),
        owner: finding.owner.to_string(),
        cost: (costs.get(&finding.load_balancer).copied().flatten())
            .map_or_else(|| "no price known".to_owned(), crate::LoadBalancerCost::amounts_in_words),
    });
    let (rows, more) = first_rows(rows.collect());
    (Some(rows), more)
}

impl PostureCosts {
    /// The costs in a report; none where no load balancer has a price. The tag keys name cost centres, in order.
    pub fn of(report: &ScanReport, cost_centre_tags: &[String]) -> Option<Self> {
        let (load_balancers, findings) = (&report.load_balancers, &report.findings);
        let tally = CostTally::of(load_balancers, findings)?;
        let (owners, more_owners) = cost_rows(CostTally::by_owner(load_balancers, findings));
        let centres = CostTally::by_cost_centre(load_balancers, findings, &report.accounts, cost_centre_tags);
        let (cost_centres, more_cost_centres) = cost_rows(centres);
        Some(Self {
            idle: tally.idle.sentence(),
            at_risk: tally.at_risk.sentence(),
            basis: tally.total.basis().unwrap_or_default(),
            total: tally.total.sentence(),
            owners,
            more_owners,
            cost_centres,
            more_cost_centres,
        })
    }
}

/// Groups with idle cost or cost at risk, the highest amounts first.
fn cost_rows(mut lines: Vec<CostLine>) -> (Vec<CostRow>, usize) {
    lines.retain(|line| line.costs.idle.load_balancers() + line.costs.at_risk.load_balancers() > 0);
    lines.sort_by(|a, b| {
        let amounts = |line: &CostLine| {
            let of = |sum: &crate::CostSum| sum.amounts.values().copied().collect::<Vec<_>>();
            Reverse((of(&line.costs.idle), of(&line.costs.at_risk)))
        };
        amounts(a).cmp(&amounts(b)).then_with(|| a.group.cmp(&b.group))
    });
    let rows = lines.into_iter().map(|CostLine { group, costs }| CostRow {
        group,
        idle: costs.idle.amounts_in_words(),
        at_risk: costs.at_risk.amounts_in_words(),
        total: costs.total.amounts_in_words(),
    });
    first_rows(rows.collect())
}

/// The first rows, and how many are left out.
fn first_rows<T>(mut rows: Vec<T>) -> (Vec<T>, usize) {
    let more = rows.len().saturating_sub(ROWS);
    rows.truncate(ROWS);
    (rows, more)
}
