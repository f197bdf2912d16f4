//! The key figures of the posture summary, each with its denominator.

use schemars::JsonSchema;
use serde::Serialize;

use crate::{Durations, HistoryContext, Kpi, Mode, ScanReport, days_in_words, share};

/// One figure with its denominator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PostureFigure {
    /// The figure's id in [`crate::FIGURES`].
    pub id: &'static str,
    /// What it is.
    pub label: &'static str,
    /// The figure.
    pub figure: String,
    /// The denominator, or the parts of the figure.
    pub of: String,
}

/// The figures of a report and of the ledger.
pub(super) fn figures(report: &ScanReport, history: &HistoryContext) -> Vec<PostureFigure> {
    let tally = &report.tally;
    let population = tally.mode_population();
    let count = |mode| tally.modes.get(&mode).copied().unwrap_or(0);
    let (strictest, defensive) = (count(Mode::Strictest), count(Mode::Defensive));
    let mut figures = vec![
        part("mode-share", "Strictest or defensive", strictest + defensive, population, tally.mode_unknown),
        part("mode-share", "Strictest", strictest, population, tally.mode_unknown),
    ];
    if let Some(policy) = &tally.policy {
        let unknown = policy.at_or_above_required_unknown;
        let (at, of) = (policy.at_or_above_required, policy.of);
        figures.push(part("at-or-above-required", "At or above the required mode", at, of, unknown));
        let (by, unknown) = (policy.by_default, policy.by_default_unknown);
        figures.push(part("decided-by-default", "Decided only by the default", by, of, unknown));
    }
    figures.push(PostureFigure {
        id: "open-findings",
        label: "Open findings",
        figure: tally.open_findings().to_string(),
        of: format!("critical to low, of {} verdicts", report.findings.len()),
    });
    figures.push(match tally.deadlines {
        Some(deadlines) => part("overdue-findings", "Overdue", deadlines.overdue, deadlines.known(), deadlines.unknown),
        None => PostureFigure {
            id: "overdue-findings",
            label: "Overdue",
            figure: "–".to_owned(),
            of: "the policy has no deadlines".to_owned(),
        },
    });
    figures.extend(history.kpi().into_iter().flat_map(kpi_figures));
    figures
}

/// The figures that only a ledger knows, over everything that it recorded: of everything, or of a group.
pub fn kpi_figures(kpi: &Kpi) -> Vec<PostureFigure> {
    let words = |duration: Option<_>| duration.map_or_else(|| "–".to_owned(), days_in_words);
    let duration = |id, label, durations: &Durations, (one, many): (&str, &str)| {
        let of = if durations.count == 1 { one } else { many };
        let (count, mean) = (durations.count, words(durations.mean));
        PostureFigure {
            id,
            label,
            figure: words(durations.median),
            of: match count {
                0 => format!("of 0 {many}"),
                _ => format!("of {count} {of}; mean {mean}, 90% within {}", words(durations.percentile_90)),
            },
        }
    };
    let mut figures = vec![duration(
        "time-to-remediate",
        "Time to remediate, median",
        &kpi.time_to_remediate,
        ("resolved failure", "resolved failures"),
    )];
    if kpi.in_monitor.is_some() {
        let of = ("load balancer that left monitor", "load balancers that left monitor");
        figures.push(duration("time-in-monitor", "Time in monitor, median", &kpi.time_in_monitor, of));
    }
    if kpi.in_time.of + kpi.in_time_unknown > 0 {
        let (id, label) = ("remediated-in-time", "Resolved in time");
        figures.push(part(id, label, kpi.in_time.count, kpi.in_time.of, kpi.in_time_unknown));
    }
    figures
}

fn part(id: &'static str, label: &'static str, part: usize, of: usize, unknown: usize) -> PostureFigure {
    let more = if unknown == 0 { String::new() } else { format!("; {unknown} unknown") };
    PostureFigure { id, label, figure: part.to_string(), of: format!("{}{more}", share(part, of)) }
}
