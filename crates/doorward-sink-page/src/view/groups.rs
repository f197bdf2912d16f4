//! Findings by owner, organizational unit, account and cost centre, those with the highest severities first.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use doorward_model::{
    AccountId, Arn, COST_CENTRE_NOT_SEEN, CostCentres, EffectiveMode, LoadBalancer, Mode, Observed, OwnerNames,
    ScanReport, Severity, Verdict, share, shown,
};
use serde::Serialize;

use crate::chart::{ChartPart, stacked};

/// How many groups have a line of their own; the rest is one line, and the table filters by all of them.
const LINES: usize = 25;

/// The grouping.
#[derive(Clone, Copy)]
pub(crate) enum FindingGroup {
    /// By owner, as the findings say it.
    Owner,
    /// By organizational unit, without what is below it.
    Unit,
    /// By account.
    Account,
    /// By cost centre.
    CostCentre,
}

impl FindingGroup {
    fn of(self, lb: &LoadBalancer, centres: &CostCentres<'_>) -> String {
        match self {
            Self::Owner => lb.owner_label().to_owned(),
            Self::Unit => shown(&lb.ou.as_ref().map(|ou| ou.names.clone())),
            Self::Account => lb.account.to_string(),
            Self::CostCentre => centres.of(lb),
        }
    }

    /// The same of what was last seen, as the ledger names it.
    fn last(self, owner: &str, unit: &str, account: &AccountId) -> String {
        match self {
            Self::Owner => owner.to_owned(),
            Self::Unit if unit == "(no unit)" => shown(&Observed::<String>::Absent),
            Self::Unit => unit.to_owned(),
            Self::Account => account.to_string(),
            Self::CostCentre => COST_CENTRE_NOT_SEEN.to_owned(),
        }
    }
}

/// The section.
#[derive(Serialize)]
pub(super) struct GroupsView {
    lines: Vec<Line>,
    /// The sum of the groups without a line of their own.
    rest: Option<Line>,
    /// Their number.
    others: usize,
    groups: usize,
    total: Line,
}

/// One group.
#[derive(Debug, Clone, Default, Serialize)]
struct Line {
    name: String,
    load_balancers: usize,
    /// Failures from critical to low.
    failures: [usize; 4],
    failing: usize,
    unknown: usize,
    excepted: usize,
    /// Failures that are known and were not seen.
    unseen: usize,
    load_balancers_unseen: usize,
    monitor: usize,
    population: usize,
    monitor_share: String,
    parts: Vec<ChartPart>,
}

impl Line {
    fn add(&mut self, other: &Self) {
        self.load_balancers += other.load_balancers;
        self.failures.iter_mut().zip(other.failures).for_each(|(sum, n)| *sum += n);
        self.failing += other.failing;
        self.unknown += other.unknown;
        self.excepted += other.excepted;
        self.unseen += other.unseen;
        self.load_balancers_unseen += other.load_balancers_unseen;
        self.monitor += other.monitor;
        self.population += other.population;
    }

    /// Draws it beside the group with the most failures.
    fn finish(&mut self, most: usize) {
        let names = Severity::OPEN.map(Severity::as_str);
        let counts: Vec<_> = names.into_iter().zip(self.failures).collect();
        self.parts = stacked(&counts, most);
        self.monitor_share = share(self.monitor, self.population);
    }
}

/// Counts the report by group.
pub(super) fn of(report: &ScanReport, by: FindingGroup, centres: &CostCentres<'_>) -> GroupsView {
    let owners = OwnerNames::of(&report.load_balancers);
    let owned = |name: String| if matches!(by, FindingGroup::Owner) { owners.shown(&name).to_owned() } else { name };
    let mut groups: BTreeMap<String, Line> = BTreeMap::new();
    let mut names: BTreeMap<&Arn, String> = BTreeMap::new();
    for lb in &report.load_balancers {
        let name = owned(by.of(lb, centres));
        let line = groups.entry(name.clone()).or_default();
        line.load_balancers += 1;
        match lb.effective_mode() {
            EffectiveMode::NoHttpListener | EffectiveMode::NotHttp => {}
            EffectiveMode::Known(Mode::Monitor) => {
                line.monitor += 1;
                line.population += 1;
            }
            EffectiveMode::Known(_) | EffectiveMode::Unknown => line.population += 1,
        }
        names.insert(&lb.arn, name);
    }
    for finding in &report.findings {
        let name = names.get(&finding.load_balancer).cloned().unwrap_or_else(|| finding.owner.to_string());
        let line = groups.entry(name).or_default();
        match &*finding.verdict {
            Verdict::Fail { severity, .. } => {
                let place = Severity::OPEN.iter().position(|one| one == severity);
                if let Some(count) = place.and_then(|place| line.failures.get_mut(place)) {
                    *count += 1;
                    line.failing += 1;
                }
            }
            Verdict::Excepted { .. } => line.excepted += 1,
            Verdict::Unknown { .. } => line.unknown += 1,
            Verdict::Pass { .. } | Verdict::NotApplicable { .. } | Verdict::NotAsked { .. } => {}
        }
    }
    // A group of which nothing was seen is not gone.
    if let Some(unseen) = &report.unseen {
        for lb in &unseen.load_balancers {
            groups.entry(owned(by.last(&lb.owner, &lb.unit, &lb.account))).or_default().load_balancers_unseen += 1;
        }
        for finding in unseen.findings.iter().filter(|finding| !finding.excepted) {
            let name = names.get(&finding.load_balancer).cloned();
            groups
                .entry(name.unwrap_or_else(|| owned(by.last(&finding.owner, &finding.unit, &finding.account))))
                .or_default()
                .unseen += 1;
        }
    }
    let mut lines: Vec<Line> = groups.into_iter().map(|(name, line)| Line { name, ..line }).collect();
    lines.sort_by_cached_key(|line| {
        (Reverse((line.failures, line.unseen, line.unknown, line.load_balancers)), line.name.clone())
    });
    let groups = lines.len();
    let mut total = Line::default();
    lines.iter().for_each(|line| total.add(line));
    let others = if lines.len() > LINES { lines.split_off(LINES) } else { Vec::new() };
    let mut rest = (!others.is_empty()).then(Line::default);
    if let Some(rest) = &mut rest {
        others.iter().for_each(|line| rest.add(line));
    }
    let most = lines.iter().map(|line| line.failing).max().unwrap_or(0);
    lines.iter_mut().for_each(|line| line.finish(most));
    // The rest and the sum are other orders of magnitude: they have figures and no bar.
    rest.iter_mut().chain([&mut total]).for_each(|line| line.monitor_share = share(line.monitor, line.population));
    GroupsView { lines, rest, others: others.len(), groups, total }
}
