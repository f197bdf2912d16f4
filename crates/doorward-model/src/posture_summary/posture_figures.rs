//! The key figures of the posture summary, each with its denominator.

use schemars::JsonSchema;
use serde::Serialize;

use crate::{Bounds, Durations, HistoryContext, Kpi, Mode, ScanReport, Unseen, days_in_words, share};

/// One figure with its denominator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PostureFigure {
    /// The figure's id in [`crate::FIGURES`].
    pub id: &'static str,
    /// What it is.
    pub label: &'static str,
    /// The figure.
    pub figure: String,
    /// What it is a part of, or what it is made of.
    pub of: String,
}

/// The figures of a report and of the ledger.
pub(super) fn figures(report: &ScanReport, history: &HistoryContext) -> Vec<PostureFigure> {
    let tally = &report.tally;
    let population = tally.mode_population();
    let count = |mode| tally.modes.get(&mode).copied().unwrap_or(0);
    let (strictest, defensive) = (count(Mode::Strictest), count(Mode::Defensive));
    let unseen = report.unseen.as_ref();
    let not_seen = unseen.map_or(0, Unseen::mode_population);
    let open_unseen = unseen.map_or(0, Unseen::open);
    let of_modes = |label, count| part("mode-share", label, count, population, (tally.mode_unknown, not_seen));
    let mut figures = vec![of_modes("Strictest or defensive", strictest + defensive), of_modes("Strictest", strictest)];
    if let Some(policy) = &tally.policy {
        let unknown = policy.at_or_above_required_unknown;
        let (at, of) = (policy.at_or_above_required, policy.of);
        figures.push(part("at-or-above-required", "At or above the required mode", at, of, (unknown, not_seen)));
        let (by, unknown) = (policy.by_default, policy.by_default_unknown);
        figures.push(part("decided-by-default", "Decided only by the default", by, of, (unknown, not_seen)));
    }
    figures.push(PostureFigure {
        id: "open-findings",
        label: "Open findings",
        figure: (tally.open_findings() + open_unseen).to_string(),
        of: match open_unseen {
            0 => format!("critical to low, of {} verdicts", report.findings.len()),
            n => format!("{} seen failing and {n} not seen now, critical to low", tally.open_findings()),
        },
    });
    figures.push(match tally.deadlines {
        Some(deadlines) => {
            let (overdue, known) = (deadlines.overdue, deadlines.known());
            let mut figure = part("overdue-findings", "Overdue", overdue, known, (deadlines.unknown, 0));
            if open_unseen > 0 {
                figure.of.push_str(&format!("; {open_unseen} more were open when last seen and may be overdue"));
            }
            figure
        }
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
    if kpi.in_time.of > 0 {
        let (id, label) = ("remediated-in-time", "Resolved in time");
        figures.push(part(id, label, kpi.in_time.count, kpi.in_time.of, (0, 0)));
    }
    figures
}

/// A part of what was seen; what was not seen is counted both ways beside it, so that seeing less improves nothing.
fn part(
    id: &'static str,
    label: &'static str,
    part: usize,
    of: usize,
    (unknown, not_seen): (usize, usize),
) -> PostureFigure {
    let mut more = if unknown == 0 { String::new() } else { format!("; {unknown} unknown") };
    if not_seen > 0 {
        more.push_str(&format!(" of those seen; {} known", Bounds::new(part, unknown, of, not_seen)));
    }
    PostureFigure { id, label, figure: part.to_string(), of: format!("{}{more}", share(part, of)) }
}
