//! The figures of the page, as its template reads them. Everything is counted from the report; nothing is judged.

use std::collections::BTreeMap;

use doorward_model::{
    CostCentres, FIGURES, GlossaryFigure, KeyFigures, Mode, ObservationPeriod, Observed, PostureCosts, PostureFigure,
    ScanReport, Severity, VerdictKind, kpi_figures, share,
};
use serde::Serialize;

use crate::PageContext;
use crate::chart::{ChartPart, stacked};

mod agenda;
mod coverage;
mod daily_chart;
mod groups;
mod impact;
mod trend;
mod verdict;

pub(crate) use groups::FindingGroup;

/// The page without its table.
#[derive(Serialize)]
pub(crate) struct View {
    title: String,
    subject: String,
    at: String,
    took: String,
    caller: String,
    run: String,
    tool: String,
    interrupted: bool,
    filter: Option<String>,
    headline: String,
    /// What the headline leaves out because it was not seen.
    unseen: Option<String>,
    qualifier: String,
    compared: verdict::ComparedScan,
    agenda: agenda::AgendaView,
    impact: Option<impact::ImpactView>,
    figures: Vec<FigureText>,
    coverage: coverage::CoverageView,
    cards: Vec<Card>,
    modes: Bar,
    modes_note: String,
    modes_range: Option<String>,
    trend: trend::TrendView,
    /// Key figures of the ledger.
    kpis: Vec<PostureFigure>,
    costs: Option<PostureCosts>,
    daily: Option<daily_chart::DailyView>,
    rules: Vec<RuleRow>,
    owners: groups::GroupsView,
    units: groups::GroupsView,
    accounts: groups::GroupsView,
    /// Absent where no tag key names cost centres.
    cost_centres: Option<groups::GroupsView>,
    load_balancers: usize,
}

/// An entry of the glossary.
#[derive(Serialize)]
struct FigureText {
    id: &'static str,
    name: &'static str,
    definition: &'static str,
}

impl From<&'static GlossaryFigure> for FigureText {
    fn from(figure: &'static GlossaryFigure) -> Self {
        Self { id: figure.id, name: figure.name, definition: figure.definition }
    }
}

/// One figure that stands by itself.
#[derive(Serialize)]
struct Card {
    label: &'static str,
    figure: String,
    of: String,
    /// Whether it is something to look at.
    alarming: bool,
}

/// A stacked bar with its figures in words.
#[derive(Serialize)]
pub(crate) struct Bar {
    parts: Vec<ChartPart>,
    legend: Vec<(&'static str, String)>,
    /// All of it in one sentence, for those who do not see it.
    words: String,
}

impl Bar {
    pub(crate) fn of(what: &str, counts: &[(&'static str, usize)], whole: usize) -> Self {
        Self::beside(what, counts, whole, whole)
    }

    /// The same beside other bars: `most` fills the bar, so that lengths compare and one of one does not look like all of many.
    fn beside(what: &str, counts: &[(&'static str, usize)], whole: usize, most: usize) -> Self {
        let legend: Vec<_> = counts.iter().map(|(name, count)| (*name, share(*count, whole))).collect();
        let words: Vec<String> = legend.iter().map(|(name, share)| format!("{name} {share}")).collect();
        Self { parts: stacked(counts, most), words: format!("{what}: {}", words.join(", ")), legend }
    }
}

/// One rule's verdicts.
#[derive(Serialize)]
struct RuleRow {
    id: String,
    title: String,
    bar: Bar,
    fail: usize,
    /// Failures that only say what is worth knowing.
    informational: usize,
    unknown: usize,
    excepted: usize,
    pass: usize,
    not_applicable: usize,
    not_asked: usize,
}

/// Counts the report.
pub(crate) fn of(report: &ScanReport, context: &PageContext) -> View {
    let run = &report.run;
    let subject = match &report.organization {
        Observed::Known(organization) => format!("organization {}", organization.id),
        _ => format!("account {}", run.account),
    };
    let tally = &report.tally;
    let count = |mode| tally.modes.get(&mode).copied().unwrap_or(0);
    let modes = [
        ("monitor", count(Mode::Monitor)),
        ("defensive", count(Mode::Defensive)),
        ("strictest", count(Mode::Strictest)),
        ("unknown", tally.mode_unknown),
    ];
    let kinds: Vec<String> = tally.kinds.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
    let silent = match tally.mode_not_applicable {
        0 => String::new(),
        n => format!("; {n} classic without an HTTP listener, whose mode has no effect"),
    };
    let figures = KeyFigures::of(report);
    let centres = CostCentres::new(&report.accounts, &context.cost_centre_tags);
    let grouped = |by| groups::of(report, by, &centres);
    View {
        title: format!("Load balancers of {subject}"),
        subject,
        at: at(report),
        took: format!("{} s", run.finished.duration_since(run.started).as_secs()),
        caller: run.caller.to_string(),
        run: run.id.clone(),
        tool: run.tool_version.clone(),
        interrupted: run.interrupted,
        filter: context.filter.clone(),
        headline: verdict::headline(&figures, context),
        unseen: verdict::unseen(report, &figures),
        qualifier: verdict::qualifier(report),
        compared: verdict::compared(context, &figures),
        agenda: agenda::of(report, context),
        impact: impact::of(report, context),
        figures: FIGURES.iter().map(FigureText::from).collect(),
        cards: verdict::cards(report, context, &figures),
        coverage: coverage::of(report),
        modes: Bar::of("Load balancers by mode", &modes, tally.mode_population()),
        modes_note: format!("Of {} load balancers: {}{silent}.", report.load_balancers.len(), kinds.join(", ")),
        modes_range: modes_range(report),
        trend: trend::of(&context.trend),
        kpis: context.kpi.as_ref().map(kpi_figures).unwrap_or_default(),
        costs: PostureCosts::of(report, &context.cost_centre_tags),
        daily: daily_chart::of(context.daily.as_ref(), &context.effects),
        rules: rules(report, context),
        owners: grouped(FindingGroup::Owner),
        units: grouped(FindingGroup::Unit),
        accounts: grouped(FindingGroup::Account),
        cost_centres: (!context.cost_centre_tags.is_empty()).then(|| grouped(FindingGroup::CostCentre)),
        load_balancers: report.load_balancers.len(),
    }
}

/// When the scan ended, and the period of its readings where that is no moment.
fn at(report: &ScanReport) -> String {
    let ended = report.run.finished.strftime("%Y-%m-%d %H:%M UTC");
    let period = report.observed().filter(ObservationPeriod::is_long);
    period.map_or_else(|| ended.to_string(), |period| format!("{ended}, read {period}"))
}

/// The number of a rule's verdicts, in the order of [`VerdictKind::ALL`].
fn spread(report: &ScanReport, rule: &str) -> [usize; 6] {
    let counts = report.tally.verdicts.get(rule);
    VerdictKind::ALL.map(|kind| counts.and_then(|counts| counts.get(&kind)).copied().unwrap_or(0))
}

/// The share of protected load balancers with what was not seen counted both ways; nothing where all was seen.
fn modes_range(report: &ScanReport) -> Option<String> {
    let unseen = report.unseen.as_ref()?.mode_population();
    let bounds = report.protected_bounds();
    (unseen > 0).then(|| {
        format!("With the {unseen} known load balancers that were not seen, {bounds} are in defensive or strictest.")
    })
}

/// The title of a rule, or its id where it is not documented.
fn title_of(context: &PageContext, rule: &str) -> String {
    context.rules.iter().find(|meta| meta.id == rule).map_or_else(|| rule.to_owned(), |meta| meta.title.to_owned())
}

fn rules(report: &ScanReport, context: &PageContext) -> Vec<RuleRow> {
    let mut noted: BTreeMap<&str, usize> = BTreeMap::new();
    for finding in &report.findings {
        if finding.verdict.severity() == Some(Severity::Informational) {
            *noted.entry(&finding.rule).or_default() += 1;
        }
    }
    let judged = |rule: &str| spread(report, rule).iter().take(4).sum();
    let most: usize = report.tally.verdicts.keys().map(|rule| judged(rule)).max().unwrap_or(0);
    let rows = report.tally.verdicts.keys().map(|rule| {
        let [failed, unknown, excepted, pass, not_applicable, not_asked] = spread(report, rule);
        let informational = noted.get(rule.as_str()).copied().unwrap_or(0).min(failed);
        let fail = failed - informational;
        let counts = [
            ("fail", fail),
            (Severity::Informational.as_str(), informational),
            ("unknown", unknown),
            ("excepted", excepted),
            ("pass", pass),
        ];
        RuleRow {
            title: title_of(context, rule),
            bar: Bar::beside(rule, &counts, failed + unknown + excepted + pass, most),
            id: rule.clone(),
            fail,
            informational,
            unknown,
            excepted,
            pass,
            not_applicable,
            not_asked,
        }
    });
    rows.collect()
}
