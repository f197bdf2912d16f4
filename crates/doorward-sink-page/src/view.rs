//! The figures of the page, as its template reads them. Everything is counted from the report; nothing is judged.

use std::collections::BTreeMap;

use doorward_model::{Bounds, Mode, ObservationPeriod, Observed, ScanReport, Severity, VerdictKind, share};
use serde::Serialize;

use crate::PageContext;
use crate::chart::{ChartPart, stacked};

mod coverage;
mod groups;
mod trend;

pub(crate) use groups::FindingGroup;

/// The rule whose failures are about the mode.
const MODE_RULE: &str = "desync-mode-below-required";

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
    headline: String,
    /// Findings that the headline leaves out because they were not seen.
    unseen: Option<String>,
    coverage: coverage::CoverageView,
    cards: Vec<Card>,
    modes: Bar,
    modes_note: String,
    modes_range: Option<String>,
    trend: trend::TrendView,
    rules: Vec<RuleRow>,
    owners: groups::GroupsView,
    units: groups::GroupsView,
    load_balancers: usize,
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
        n => format!("; {n} classic without an HTTP listener, where the mode does nothing"),
    };
    View {
        title: format!("Front doors of {subject}"),
        subject,
        at: at(report),
        took: format!("{} s", run.finished.duration_since(run.started).as_secs()),
        caller: run.caller.to_string(),
        run: run.id.clone(),
        tool: run.tool_version.clone(),
        interrupted: run.interrupted,
        headline: headline(report),
        unseen: unseen(report),
        cards: cards(report),
        coverage: coverage::of(report),
        modes: Bar::of("Load balancers by mode", &modes, tally.mode_population()),
        modes_note: format!("Of {} load balancers: {}{silent}.", report.load_balancers.len(), kinds.join(", ")),
        modes_range: modes_range(report),
        trend: trend::of(&context.trend),
        rules: rules(report, context),
        owners: groups::of(report, FindingGroup::Owner),
        units: groups::of(report, FindingGroup::Unit),
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

/// Failures that were last seen by an earlier scan, beside those of this one. None where everything known was seen.
fn unseen(report: &ScanReport) -> Option<String> {
    let unseen = report.unseen.as_ref().filter(|unseen| !unseen.is_empty())?;
    let failing = report.tally.open_findings();
    let excepted = match unseen.excepted() {
        0 => String::new(),
        n => format!("; {n} more under an exception were not seen either"),
    };
    Some(format!("Of all findings, {failing} were seen failing and {} not seen now{excepted}.", unseen.open()))
}

/// The share of protected load balancers with what was not seen counted both ways; nothing where all was seen.
fn modes_range(report: &ScanReport) -> Option<String> {
    let unseen = report.unseen.as_ref()?.mode_population();
    let tally = &report.tally;
    let count = |mode| tally.modes.get(&mode).copied().unwrap_or(0);
    let part = count(Mode::Defensive) + count(Mode::Strictest);
    let bounds = Bounds::new(part, tally.mode_unknown, tally.mode_population(), unseen);
    (unseen > 0).then(|| {
        format!("With the {unseen} known load balancers that were not seen, {bounds} are in defensive or strictest.")
    })
}

/// The one sentence to remember.
fn headline(report: &ScanReport) -> String {
    let [fail, unknown, excepted, pass, ..] = spread(report, MODE_RULE);
    let asked = fail + unknown + excepted + pass;
    if asked == 0 {
        return "No load balancer was found whose mode could be judged.".to_owned();
    }
    let weak = match fail {
        0 => format!("None of the {asked} load balancers that were judged is known to be weaker than required"),
        1 => format!("1 of {asked} load balancers is weaker than the policy requires"),
        n => format!("{n} of {asked} load balancers are weaker than the policy requires"),
    };
    let more = [
        (excepted > 0).then(|| format!("{excepted} more by exception")),
        (unknown > 0).then(|| format!("{unknown} could not be judged")),
    ];
    let more: Vec<String> = more.into_iter().flatten().collect();
    if more.is_empty() { format!("{weak}.") } else { format!("{weak}; {}.", more.join(", ")) }
}

fn cards(report: &ScanReport) -> Vec<Card> {
    let [fail, unknown, excepted, pass, ..] = spread(report, MODE_RULE);
    let asked = fail + unknown + excepted + pass;
    let pressing: usize =
        [Severity::Critical, Severity::High].iter().filter_map(|severity| report.tally.failures.get(severity)).sum();
    let failing = report.tally.open_findings();
    let unreached: usize = report.tally.verdicts.values().filter_map(|kinds| kinds.get(&VerdictKind::Unknown)).sum();
    let of = |part| share(part, asked);
    let unseen = report.unseen.iter().flat_map(|unseen| &unseen.findings);
    let more = match unseen.filter(|finding| finding.rule == MODE_RULE && !finding.excepted).count() {
        0 => String::new(),
        n => format!(" of those seen; {n} more when last seen, not seen now"),
    };
    let mut cards = vec![
        Card {
            label: "Weaker than required",
            figure: fail.to_string(),
            of: format!("{}{more}", of(fail)),
            alarming: fail > 0 || !more.is_empty(),
        },
        Card { label: "Weaker by exception", figure: excepted.to_string(), of: of(excepted), alarming: false },
        Card {
            label: "Critical or high failures",
            figure: pressing.to_string(),
            of: format!("of {failing} failures of every rule"),
            alarming: pressing > 0,
        },
        Card {
            label: "Unknown verdicts",
            figure: unreached.to_string(),
            of: share(unreached, report.findings.len()),
            alarming: unreached > 0,
        },
    ];
    if let Some(deadlines) = report.tally.deadlines {
        let unknown = match deadlines.unknown {
            0 => String::new(),
            n => format!("; of {n} more it is not known"),
        };
        cards.push(Card {
            label: "Overdue",
            figure: deadlines.overdue.to_string(),
            of: format!("{} of the failures with a deadline{unknown}", share(deadlines.overdue, deadlines.known())),
            alarming: deadlines.overdue > 0,
        });
    }
    if let Some(policy) = report.tally.policy.as_ref().filter(|policy| policy.of > 0) {
        let unknown = match policy.at_or_above_required_unknown {
            0 => String::new(),
            n => format!("; of {n} more it is not known"),
        };
        cards.push(Card {
            label: "At or above the required mode",
            figure: policy.at_or_above_required.to_string(),
            of: format!("{}{unknown}", share(policy.at_or_above_required, policy.of)),
            alarming: false,
        });
        cards.push(Card {
            label: "Decided only by the default",
            figure: policy.by_default.to_string(),
            of: share(policy.by_default, policy.of),
            alarming: false,
        });
    }
    cards
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
        let meta = context.rules.iter().find(|meta| meta.id == rule);
        RuleRow {
            title: meta.map_or_else(|| rule.clone(), |meta| meta.title.to_owned()),
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
