//! The index: every owner and every cost centre with its figures.

use std::collections::BTreeMap;

use doorward_model::{CostCentres, ScanReport, share};
use serde::Serialize;

use crate::OwnersContext;
use crate::folder::Retired;
use crate::owner_figures::{OwnerFigures, days, weight};
use crate::partition::OwnerGroup;
use crate::summary::ScanView;

/// The first page.
#[derive(Serialize)]
pub(crate) struct OwnerIndex {
    pub(crate) scan: ScanView,
    pub(crate) total: IndexLine,
    pub(crate) owners: Vec<IndexLine>,
    /// Absent where no tag key names cost centres.
    pub(crate) cost_centres: Option<Vec<IndexLine>>,
    /// By cost centre and owner.
    pub(crate) shares: Vec<IndexLine>,
    /// Whether a ledger knows what earlier scans saw.
    pub(crate) is_unseen_known: bool,
    pub(crate) cost_centre_tags: Vec<String>,
    /// Pages of earlier scans that this one did not write.
    pub(crate) retired: Vec<Retired>,
    /// What a failure adds to the exposure: severity and points.
    pub(crate) weights: Vec<(&'static str, usize)>,
    /// How many deleted load balancers had no owner's page to be listed on.
    pub(crate) previous: Option<String>,
}

/// The figures of an owner, a cost centre, or both.
#[derive(Serialize)]
pub(crate) struct IndexLine {
    pub(crate) cost_centre: String,
    pub(crate) owner: String,
    pub(crate) kind: &'static str,
    /// The page's name without its ending; empty where there is none.
    pub(crate) file: String,
    pub(crate) figures: OwnerFigures,
    pub(crate) failing: usize,
    pub(crate) population: usize,
    pub(crate) monitor: String,
    pub(crate) defensive: String,
    pub(crate) strictest: String,
    pub(crate) unknown: String,
    /// `2026-01-04, 302 days: storefront-edge`
    pub(crate) oldest: String,
    pub(crate) oldest_days: Option<i64>,
    /// Failures and load balancers that were not seen; `unknown` without a ledger.
    pub(crate) failing_unseen: String,
    pub(crate) load_balancers_unseen: String,
}

impl IndexLine {
    fn of(figures: OwnerFigures, report: &ScanReport) -> Self {
        let population = figures.mode_population();
        let oldest_days = figures.oldest_monitor.map(|first| days(first, report.run.finished));
        let oldest = match (figures.oldest_monitor, oldest_days, &figures.oldest_monitor_name) {
            (Some(first), Some(days), Some(name)) => format!("{}, {days} days: {name}", first.strftime("%Y-%m-%d")),
            _ if figures.monitor_undated > 0 => "not recorded".to_owned(),
            _ => "none".to_owned(),
        };
        // Only a ledger knows what other scans saw.
        let unseen = |count: usize| report.unseen.as_ref().map_or_else(|| "unknown".to_owned(), |_| count.to_string());
        Self {
            cost_centre: String::new(),
            owner: String::new(),
            kind: "",
            file: String::new(),
            failing: figures.failing(),
            population,
            monitor: share(figures.monitor, population),
            defensive: share(figures.defensive, population),
            strictest: share(figures.strictest, population),
            unknown: share(figures.mode_unknown, population),
            oldest,
            oldest_days,
            failing_unseen: unseen(figures.failing_unseen),
            load_balancers_unseen: unseen(figures.load_balancers_unseen),
            figures,
        }
    }
}

/// Composes the first page. Owners with the greatest exposure come first.
pub(crate) fn of(
    shares: &[OwnerGroup<'_>],
    report: &ScanReport,
    context: &OwnersContext,
    retired: Vec<Retired>,
) -> OwnerIndex {
    let mut total = OwnerFigures::default();
    let mut owners = Vec::new();
    let centres_of = CostCentres::new(&report.accounts, &context.cost_centre_tags);
    let mut centres: BTreeMap<String, OwnerFigures> = BTreeMap::new();
    let mut both: BTreeMap<(String, usize), OwnerFigures> = BTreeMap::new();
    for (n, share) in shares.iter().enumerate() {
        let mut figures = OwnerFigures::of(&share.load_balancers);
        share.load_balancers.iter().for_each(|held| total.add(held));
        for finding in &share.stray {
            figures.count(&finding.verdict);
            total.count(&finding.verdict);
        }
        for figures in [&mut figures, &mut total] {
            share.miss(figures);
        }
        owners.push(IndexLine {
            owner: share.label().to_owned(),
            kind: share.key.kind(),
            file: share.file.clone(),
            ..IndexLine::of(figures, report)
        });
        if context.cost_centre_tags.is_empty() {
            continue;
        }
        share.by_cost_centre(&centres_of, |centre, count| {
            count(centres.entry(centre.to_owned()).or_default());
            count(both.entry((centre.to_owned(), n)).or_default());
        });
    }
    owners.sort_by(|a, b| rank(b).cmp(&rank(a)).then_with(|| a.owner.cmp(&b.owner)));
    let mut cost_centres: Vec<IndexLine> = centres
        .into_iter()
        .map(|(cost_centre, figures)| IndexLine { cost_centre, ..IndexLine::of(figures, report) })
        .collect();
    cost_centres.sort_by(|a, b| rank(b).cmp(&rank(a)).then_with(|| a.cost_centre.cmp(&b.cost_centre)));
    let lines = both.into_iter().filter_map(|((cost_centre, n), figures)| {
        let share = shares.get(n)?;
        let (owner, file) = (share.label().to_owned(), share.file.clone());
        Some(IndexLine { cost_centre, owner, kind: share.key.kind(), file, ..IndexLine::of(figures, report) })
    });
    OwnerIndex {
        scan: ScanView::of(report, context),
        total: IndexLine::of(total, report),
        owners,
        cost_centres: (!context.cost_centre_tags.is_empty()).then_some(cost_centres),
        shares: lines.collect(),
        is_unseen_known: report.unseen.is_some(),
        cost_centre_tags: context.cost_centre_tags.clone(),
        retired,
        weights: doorward_model::Severity::ALL.iter().map(|severity| (severity.as_str(), weight(*severity))).collect(),
        previous: context.previous.as_ref().map(|previous| previous.at.strftime("%Y-%m-%d %H:%M UTC").to_string()),
    }
}

/// Findings that were not observed rank as when they were last observed: an owner whose load balancers can no longer be read does not
/// move to the end.
fn rank(line: &IndexLine) -> (usize, usize, usize) {
    let figures = &line.figures;
    (
        figures.exposure + figures.exposure_unseen,
        figures.unknown,
        figures.load_balancers + figures.load_balancers_unseen,
    )
}
