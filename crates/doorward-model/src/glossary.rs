//! The glossary of figures: what each number in the outputs counts. `doorward explain FIGURE` prints an entry, and the page and the
//! workbook list them all.

/// A figure that outputs show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GlossaryFigure {
    /// Its stable id, as `doorward explain` takes it.
    pub id: &'static str,
    /// Its name, as outputs label it.
    pub name: &'static str,
    /// The definition.
    pub definition: &'static str,
    /// Where it is shown.
    pub shown: &'static str,
}

/// The figure with an id.
pub fn figure(id: &str) -> Option<&'static GlossaryFigure> {
    FIGURES.iter().find(|figure| figure.id == id)
}

/// Every figure that more than one output shows.
pub const FIGURES: &[GlossaryFigure] = &[
    GlossaryFigure {
        id: "weaker-than-required",
        name: "Weaker than required",
        definition: "Load balancers whose observed mode is weaker than the policy requires: verdict fail of the rule \
                     desync-mode-below-required. Its denominator is the load balancers whose mode was judged: fail, excepted, unknown and \
                     pass.",
        shown: "headline and first card of the page, workbook sheet Summary, `tally.verdicts` in JSON",
    },
    GlossaryFigure {
        id: "weaker-by-exception",
        name: "Weaker by exception",
        definition: "Load balancers whose mode is weaker than the policy requires, under an exception in force.",
        shown: "page, workbook sheet Summary, `tally.verdicts` in JSON",
    },
    GlossaryFigure {
        id: "failing-verdicts",
        name: "Failing verdicts",
        definition: "The verdicts `fail` of all rules: the sum of open findings and informational findings. A load \
             balancer counts once for each rule that it fails.",
        shown: "column fail of the table, `tally.verdicts` in JSON",
    },
    GlossaryFigure {
        id: "open-findings",
        name: "Open findings",
        definition: "Failing verdicts of severity critical, high, medium or low that this scan observed. Informational findings and findings \
                     under an exception are not among them.",
        shown: "table, page, history, owner pages, digests, workbook, metric doorward_seen_open_findings",
    },
    GlossaryFigure {
        id: "informational-findings",
        name: "Informational findings",
        definition: "Failing verdicts of severity informational: an improvement is possible, nothing is wrong.",
        shown: "table, page, owner pages, workbook, metric doorward_open_findings with severity=\"informational\"",
    },
    GlossaryFigure {
        id: "excepted-findings",
        name: "Findings under an exception",
        definition: "Verdicts `excepted`: the rule fails, and an exception in force permits this until a date.",
        shown: "every output",
    },
    GlossaryFigure {
        id: "not-seen-now",
        name: "Known, not seen now",
        definition: "Load balancers and open findings that an earlier scan observed and this one did not, because an account-Region was not \
                     read, an attribute could not be read, or the rule was not asked. They may still be there and still fail, so no output \
                     counts them as fixed. Without a ledger, they are unknown.",
        shown: "every output; `unseen` in JSON, sheet Not seen now of the workbook",
    },
    GlossaryFigure {
        id: "open-findings-known",
        name: "Open findings as far as is known",
        definition: "Open findings that this scan observed, plus those that were open when last observed and were \
             not seen now. Use this figure to compare scans: a scan that sees less does not lower it.",
        shown: "trend of the page, posture sheet and its digests, history (open_known), workbook sheets Management summary and Trend, \
                metric doorward_open_findings",
    },
    GlossaryFigure {
        id: "failing-in-diff",
        name: "Findings that failed, in a comparison of two scans",
        definition: "Open findings, informational findings, findings under an exception, and findings not seen, in \
             the state known at each of the two scans. The last three make this figure larger than open findings.",
        shown: "`doorward history diff`",
    },
    GlossaryFigure {
        id: "unknown-verdicts",
        name: "Unknown verdicts",
        definition: "Verdicts that could not be determined because a value could not be read. Unknown is never a pass and counts in the \
                     denominator of every share.",
        shown: "every output",
    },
    GlossaryFigure {
        id: "coverage",
        name: "Coverage",
        definition: "Account-Regions that were read completely, of those in scope. Skipped account-Regions are \
             counted separately.",
        shown: "every output",
    },
    GlossaryFigure {
        id: "coverage-by-load-balancers",
        name: "Known load balancers that were seen",
        definition: "Load balancers of every kind that this scan saw. The denominator also includes those that an \
             earlier scan saw and that no scan found deleted. Coverage counts every account-Region once; this figure \
             weights account-Regions by their load balancers. `report.minimum_coverage` applies to both.",
        shown: "table and page where something was not seen, history, workbook sheet Summary",
    },
    GlossaryFigure {
        id: "mode-share",
        name: "Share of a mode",
        definition: "Application and classic load balancers in a mode, of those that were seen and whose mode has an \
             effect, including those whose mode is unknown. If load balancers were not seen, a range beside the \
             share counts them both ways.",
        shown: "table, page, history, owner pages, workbook",
    },
    GlossaryFigure {
        id: "unowned-load-balancers",
        name: "Load balancers without an owner",
        definition: "Application and classic load balancers whose mode has an effect and for which no source names \
             an owner. The rule owner-missing also judges those without an HTTP listener, so it may have more \
             failures.",
        shown: "history, metric doorward_unowned_load_balancers",
    },
    GlossaryFigure {
        id: "exposure",
        name: "Exposure",
        definition: "The points of an owner's or cost centre's open findings: critical 64, high 16, medium 4, low 1. \
             Zero is best, and there is no upper limit. Use it to compare groups within one scan.",
        shown: "owner pages and their index",
    },
    GlossaryFigure {
        id: "time-to-remediate",
        name: "Time to remediate",
        definition: "The time from the first scan that observed a finding open to the scan that observed it pass, \
             over all findings that were fixed. Deleted load balancers and findings that were not seen are not \
             included.",
        shown: "history, page, metric doorward_time_to_remediate_seconds_mean",
    },
    GlossaryFigure {
        id: "time-in-monitor",
        name: "Time in monitor",
        definition: "The time from the first reading of a load balancer in monitor to the first reading in a \
             stronger mode.",
        shown: "history, metric doorward_time_in_monitor_seconds_mean",
    },
    GlossaryFigure {
        id: "failing-again",
        name: "Failing again",
        definition: "Findings that failed, then passed or were resolved, and now fail again. A finding that never \
             failed before is new.",
        shown: "history, `history diff`, owner pages, digests, workbook",
    },
    GlossaryFigure {
        id: "exceptions-due",
        name: "Exceptions due",
        definition: "Exceptions that end soon, counted by the failures of the rule exception-expiring.",
        shown: "history, page, metric doorward_exceptions_due",
    },
    GlossaryFigure {
        id: "overdue-findings",
        name: "Overdue",
        definition: "Open findings that were observed to fail for longer than their deadline allows. Time without an observation and time \
                     under an exception do not count. The denominator is the open findings whose deadline and first \
                     failure are known; those whose first failure is not known are counted separately.",
        shown: "table, page, history, `tally.deadlines` in JSON, metric doorward_overdue_findings",
    },
    GlossaryFigure {
        id: "at-or-above-required",
        name: "At or above the required mode",
        definition: "Load balancers whose observed mode is at least the mode that the policy requires, of those that \
             were seen and whose mode has an effect. Load balancers whose mode or required mode could not be \
             determined are in the denominator and are also counted separately. An exception does not raise a mode.",
        shown: "page, history, `tally.policy` in JSON, metric doorward_at_or_above_required_load_balancers",
    },
    GlossaryFigure {
        id: "decided-by-default",
        name: "Decided only by the default",
        definition: "Load balancers whose required mode comes from the default of the policy because no rule, risk \
             profile or preset matches them, of those that were seen and whose mode has an effect. Those for which \
             this is unknown are counted separately.",
        shown: "page, history, `tally.policy` in JSON, metric doorward_by_default_load_balancers",
    },
    GlossaryFigure {
        id: "remediated-in-time",
        name: "Resolved in time",
        definition: "Findings that were resolved before their deadline, time under an exception left out, of the resolved findings \
             that had a deadline. Findings that were not observed long enough to know this are counted separately.",
        shown: "history, metric doorward_remediated_in_time_findings",
    },
    GlossaryFigure {
        id: "cost",
        name: "Cost",
        definition: "The cost of load balancers: their charges in the newest complete month of a billing export or, \
             for a load balancer that no export contains, the list price for a month of 730 hours. Every amount \
             states its currency, period and source. Load balancers without a price are counted separately, and \
             amounts in different currencies are never added.",
        shown: "page, posture sheet, owner pages, workbook sheet Costs, `tally.costs` in JSON, csv-inventory, digests for FinOps",
    },
    GlossaryFigure {
        id: "idle-cost",
        name: "Cost of idle load balancers",
        definition: "The cost of load balancers that fail the rule load-balancer-idle. Load balancers under an \
             exception are not included.",
        shown: "as cost",
    },
    GlossaryFigure {
        id: "cost-at-risk",
        name: "Cost at risk",
        definition: "The cost of load balancers that are weaker than the policy requires, without those under an \
             exception: money spent on protection that is not used.",
        shown: "as cost",
    },
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_figure_has_an_id_of_its_own_and_a_sentence() {
        let ids: BTreeSet<&str> = FIGURES.iter().map(|figure| figure.id).collect();
        assert_eq!(ids.len(), FIGURES.len());
        for one in FIGURES {
            assert_eq!(figure(one.id), Some(one));
            assert!(one.definition.ends_with('.') && !one.shown.is_empty(), "{}", one.id);
            assert!(crate::VerdictReason::ALL.iter().all(|reason| reason.code() != one.id), "{} is taken", one.id);
        }
    }
}
