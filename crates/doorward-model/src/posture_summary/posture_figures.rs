//! The key figures of the posture summary, each with its denominator.

use schemars::JsonSchema;
use serde::Serialize;

use crate::{Bounds, Durations, HistoryContext, KeyFigures, Kpi, Mode, ScanReport, days_in_words, share};

/// The figure where nothing of its denominator is known.
const UNKNOWN: &str = "unknown";

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
    let key = KeyFigures::of(report);
    let count = |mode| tally.modes.get(&mode).copied().unwrap_or(0);
    let (strictest, defensive) = (count(Mode::Strictest), count(Mode::Defensive));
    // What was not seen may be in any mode, so that it widens every share of modes.
    let unseen = key.judged_unseen;
    let of_modes = |label, part| {
        let whole = ModePopulation { seen: tally.mode_population(), undecided: tally.mode_unknown, unseen };
        whole.figure("mode-share", label, part)
    };
    let mut figures = vec![of_modes("Strictest or defensive", strictest + defensive), of_modes("Strictest", strictest)];
    if let Some(policy) = &tally.policy {
        let at = ModePopulation { seen: policy.of, undecided: policy.at_or_above_required_unknown, unseen };
        figures.push(at.figure("at-or-above-required", "At or above the required mode", policy.at_or_above_required));
        let by = ModePopulation { undecided: policy.by_default_unknown, ..at };
        figures.push(by.figure("decided-by-default", "Decided only by the default", policy.by_default));
    }
    let of_verdicts = format!("critical to low, of {} verdicts", report.findings.len());
    figures.push(PostureFigure {
        id: "open-findings-known",
        label: "Open findings",
        figure: key.open_known().to_string(),
        of: match key.open_unseen {
            0 => of_verdicts,
            n => format!("{} seen, {n} not seen now; {of_verdicts}", key.open),
        },
    });
    let mut overdue = match tally.deadlines {
        Some(deadlines) => part("overdue-findings", "Overdue", deadlines.overdue, deadlines.known(), deadlines.unknown),
        None => PostureFigure {
            id: "overdue-findings",
            label: "Overdue",
            figure: "–".to_owned(),
            of: "the policy has no deadlines".to_owned(),
        },
    };
    if let (Some(_), n @ 1..) = (tally.deadlines, key.open_unseen) {
        overdue.of.push_str(&format!("; {n} more were not seen now and may be overdue"));
    }
    figures.push(overdue);
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

/// What a share of load balancers is a share of.
#[derive(Clone, Copy)]
struct ModePopulation {
    /// Those that were seen.
    seen: usize,
    /// Of these, those of which it is not known whether they belong to the part.
    undecided: usize,
    /// Known from earlier scans and not seen by this one.
    unseen: usize,
}

impl ModePopulation {
    fn figure(self, id: &'static str, label: &'static str, count: usize) -> PostureFigure {
        let Self { seen, undecided, unseen } = self;
        let mut figure = part(id, label, count, seen, undecided);
        if unseen > 0 {
            let bounds = Bounds::new(count, undecided, seen, unseen);
            figure.of = format!("{bounds} known; {unseen} of them not seen now");
            if seen == 0 {
                UNKNOWN.clone_into(&mut figure.figure);
            }
        }
        figure
    }
}

fn part(id: &'static str, label: &'static str, part: usize, of: usize, unknown: usize) -> PostureFigure {
    let more = if unknown == 0 { String::new() } else { format!("; {unknown} unknown") };
    // Zero of nothing, where everything is unknown, would read as a result.
    let figure = if of == 0 && unknown > 0 { UNKNOWN.to_owned() } else { part.to_string() };
    PostureFigure { id, label, figure, of: format!("{}{more}", share(part, of)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_nothing_is_a_number_only_where_nothing_is_unknown() {
        let cases = [
            ((0, 0, 0), ("0", "none in scope")),
            ((0, 0, 1), ("unknown", "none in scope; 1 unknown")),
            ((0, 2, 1), ("0", "0.0% (0 of 2); 1 unknown")),
            ((1, 2, 0), ("1", "50.0% (1 of 2)")),
        ];
        for ((count, of, unknown), (figure, denominator)) in cases {
            let found = part("overdue-findings", "Overdue", count, of, unknown);
            assert_eq!((found.figure.as_str(), found.of.as_str()), (figure, denominator));
        }
        let modes = |seen, unseen| ModePopulation { seen, undecided: 0, unseen }.figure("mode-share", "Strictest", 0);
        assert_eq!(modes(0, 3).figure, "unknown");
        assert_eq!(modes(2, 3).figure, "0");
        assert_eq!(modes(0, 0).figure, "0");
    }
}
