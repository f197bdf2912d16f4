//! The history of a ledger: trend, key figures and differences between scans, in every format.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use doorward_ledger::{Diff, DiffLine, FigureGroup, Kpi, Ledger, LedgerError, RunSummary};
use doorward_model::{ChangeEffect, DailySums, Severity, TimeSpan, harmless, owner_key};
use jiff::Timestamp;
use serde::Serialize;

use crate::fit::{ANY_WIDTH, Column, Grid, visible, wrapped};

mod csv;
mod openmetrics;
mod trend_kpis;
mod trend_selection;
mod trend_table;

pub use openmetrics::METRICS;
use trend_kpis::TrendKpis;
pub use trend_selection::{TrendError, TrendSelection};

/// Trend and key figures, the contents of every format.
#[derive(Serialize)]
pub struct ScanTrend {
    /// `history-v1`.
    format: &'static str,
    /// The part of the history that is shown; absent if it is all of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    filter: Option<String>,
    /// One summary per scan, or per scan and group; the newest last.
    scans: Vec<RunSummary>,
    /// Key figures over the period, or per group.
    kpis: TrendKpis,
    /// Key figures of each rule by itself; empty where they are grouped, or of one rule.
    rules: Vec<RuleKpi>,
    /// The metrics before and after each change of a mode, the oldest first; empty where figures are grouped, or of one rule.
    changes: Vec<ChangeEffect>,
    /// Every scan of the period, where `scans` is of one group: the table names the newest, which may not have it.
    #[serde(skip)]
    all_scans: Vec<RunSummary>,
    /// What is left out, and what the figures are of.
    #[serde(skip)]
    notice: Option<String>,
    /// Why there is nothing to show of the rule or severity.
    #[serde(skip)]
    nothing: Option<String>,
    /// The time that is shown.
    #[serde(skip)]
    period: TimeSpan,
}

/// The key figures of one rule.
#[derive(Serialize)]
struct RuleKpi {
    /// The rule.
    rule: String,
    /// Its figures over the period.
    #[serde(flatten)]
    kpi: Kpi,
}

impl ScanTrend {
    /// The history of a ledger over a period, whole or by group; key figures of all rules, or of one.
    ///
    /// # Errors
    /// When the ledger cannot be read, or has no group of that kind.
    pub fn of(
        ledger: &Ledger,
        since: Option<Timestamp>,
        until: Option<Timestamp>,
        by: &FigureGroup,
        rule: Option<&str>,
    ) -> Result<Self, LedgerError> {
        let scans = ledger.history(since, until, by)?;
        let kpis = ledger.kpis_of_rule(rule, since, until, by)?;
        let is_known = scans.last().is_none_or(|scan| scan.open_known.is_some());
        let mut rules = Vec::new();
        if rule.is_none() && *by == FigureGroup::All {
            for rule in ledger.rules()? {
                let kpis = ledger.kpis_of_rule(Some(&rule), since, until, by)?;
                rules.extend(kpis.into_iter().map(|kpi| RuleKpi { rule: rule.clone(), kpi }));
            }
        }
        Ok(Self { scans, kpis: TrendKpis { kpis, is_known }, rules, ..Self::empty() })
    }

    fn empty() -> Self {
        Self {
            format: "history-v1",
            filter: None,
            scans: Vec::new(),
            kpis: TrendKpis { kpis: Vec::new(), is_known: true },
            rules: Vec::new(),
            changes: Vec::new(),
            all_scans: Vec::new(),
            notice: None,
            nothing: None,
            period: TimeSpan::default(),
        }
    }

    /// The same with the metrics before and after each change of a mode that lies in its period.
    #[must_use]
    pub fn with_changes(self, mut changes: Vec<ChangeEffect>) -> Self {
        changes.retain(|effect| self.period.contains(effect.not_after));
        Self { changes, ..self }
    }

    /// The same of one group alone, whose name is compared without case.
    ///
    /// # Errors
    /// No group has the name; the error is those that there are.
    pub fn of_group(mut self, name: &str) -> Result<Self, Vec<String>> {
        let is_it = |group: &Option<String>| group.as_deref().is_some_and(|group| owner_key(group) == owner_key(name));
        let groups: BTreeSet<&String> = self
            .scans
            .iter()
            .map(|scan| &scan.group)
            .chain(self.kpis.kpis.iter().map(|kpi| &kpi.group))
            .flatten()
            .collect();
        if !groups.iter().any(|group| is_it(&Some((*group).clone()))) {
            return Err(groups.into_iter().cloned().collect());
        }
        self.all_scans.clone_from(&self.scans);
        self.scans.retain(|scan| is_it(&scan.group));
        self.kpis.kpis.retain(|kpi| is_it(&kpi.group));
        Ok(self)
    }

    /// As CSV, with a line for each scan and group.
    pub fn csv(&self) -> String {
        csv::render(&self.scans)
    }

    /// The newest scan as OpenMetrics.
    pub fn openmetrics(&self) -> String {
        openmetrics::render(&self.scans, &self.kpis.kpis, &self.rules)
    }

    /// As a table at a width in columns, with a line each for the `last` newest scans; 0 for all. Text from outside is in it as it was recorded: the caller
    /// escapes control characters.
    pub fn table(&self, last: usize, width: usize) -> String {
        let note = self.notice.as_ref().map_or_else(String::new, |notice| format!("{notice}\n\n"));
        let mut text = wrapped(&note, width);
        match &self.nothing {
            Some(nothing) => text.push_str(&wrapped(&format!("{nothing}\n"), width)),
            None => {
                let scans = (self.scans.as_slice(), self.all_scans.as_slice());
                text.push_str(&trend_table::render(scans, &self.kpis.kpis, &self.rules, last, width));
            }
        }
        text.push_str(&wrapped(&changes(&self.changes, last), width));
        text
    }
}

/// The newest changes of modes with their metrics; empty where there was none.
fn changes(effects: &[ChangeEffect], last: usize) -> String {
    let Some(newest) = effects.get(if last == 0 { 0 } else { effects.len().saturating_sub(last) }..) else {
        return String::new();
    };
    if newest.is_empty() {
        return String::new();
    }
    let mut text = String::from("\nMode changes, with totals of the weeks before and after (UTC)\n");
    if newest.len() < effects.len() {
        let _ = writeln!(text, "  and {} earlier changes: --last 0", effects.len() - newest.len());
    }
    for effect in newest {
        let by =
            effect.change.as_ref().map_or_else(|| "not by Doorward".to_owned(), |change| format!("change {change}"));
        let when = effect.not_after.strftime("%Y-%m-%d");
        let _ = writeln!(text, "  {when} {} from {} to {} · {by}", effect.load_balancer, effect.from, effect.to);
        for (side, sums) in [("before", effect.before), ("after", effect.after)] {
            let words = sums.map_or_else(|| "unknown".to_owned(), |sums| sums_words(&sums));
            let _ = writeln!(text, "    {side:<7} {words}");
        }
        let blocked = effect.blocked_legitimate.as_str();
        // The reason repeats the word where it stands alone.
        let _ = match effect.because.strip_prefix("Unknown: ") {
            Some(why) => writeln!(text, "    blocked legitimate traffic: {blocked}: {why}"),
            None => writeln!(text, "    blocked legitimate traffic: {blocked}. {}", effect.because),
        };
    }
    text
}

fn sums_words(sums: &DailySums) -> String {
    let DailySums { from, until, requests, non_compliant, target_5xx, target_4xx, load_balancer_4xx } = sums;
    format!(
        "{from} to {until}: {non_compliant} non-compliant, {load_balancer_4xx} answered with 4xx by the load balancer, {target_4xx} with 4xx \
         and {target_5xx} with 5xx by targets, of {requests} requests"
    )
}

/// The difference between two scans, at a width in columns. Control characters in text from outside are escaped.
pub fn diff_table(diff: &Diff, width: usize) -> String {
    let mut text = format!("{} ({}) to {} ({})\n\n", diff.from.id, diff.from.at, diff.to.id, diff.to.at);
    if let Some(filter) = &diff.filter {
        let _ = writeln!(
            text,
            "FILTERED: {}. The lists are of the selected findings; the counts of the next sentence are of all findings.\n",
            harmless(filter)
        );
    }
    let _ = writeln!(
        text,
        "{} findings failed before, {} after; {} are unchanged{}. These counts include findings under an exception and findings not seen.",
        diff.failing_before,
        diff.failing_after,
        diff.unchanged,
        match diff.unchanged_unseen {
            0 => String::new(),
            unseen => format!(", of which the second scan did not read {unseen}"),
        }
    );
    if diff.recorded_late {
        text.push_str(
            "The earlier of the two scans was recorded after the later one. Where both read, the ledger keeps the later reading only, so how \
             they differ there is not known and not listed.\n",
        );
    }
    let mut text = wrapped(&text, width);
    let sections: [(&str, &[DiffLine]); 7] = [
        ("New", &diff.new),
        ("Failing again", &diff.regressed),
        ("Fixed", &diff.fixed),
        ("Excepted", &diff.excepted),
        ("Exception ended", &diff.exception_ended),
        ("Vanished", &diff.vanished),
        ("Now unseen", &diff.now_unseen),
    ];
    let mut grid = Grid::new(DIFF_COLUMNS.map(|head| Column::text(head, 0)).into());
    for line in sections.iter().flat_map(|(_, lines)| *lines) {
        grid.row(diff_cells(line));
    }
    let mut rows = grid.lines(ANY_WIDTH).into_iter();
    let head = rows.next().unwrap_or_default();
    let fits = rows.as_slice().iter().chain([&head]).all(|row| INDENT.len() + visible(row) <= width);
    for (heading, lines) in sections.into_iter().filter(|(_, lines)| !lines.is_empty()) {
        let _ = writeln!(text, "\n{heading} ({})", lines.len());
        if fits {
            let _ = writeln!(text, "{INDENT}{head}");
            for row in rows.by_ref().take(lines.len()) {
                let _ = writeln!(text, "{INDENT}{row}");
            }
            continue;
        }
        // A name that is cut is no name: two lines for each finding instead.
        for [severity, name, owner, mode, rule, account, region] in lines.iter().map(diff_cells) {
            let first = format!("{INDENT}{severity:<8} {name} · {owner} · {mode}\n");
            let second = format!("{INDENT}         {rule} · {account} {region}\n");
            text.push_str(&wrapped(&(first + &second), width));
        }
    }
    text
}

/// The columns of a difference.
const DIFF_COLUMNS: [&str; 7] = ["severity", "load balancer", "owner", "mode", "rule", "account", "Region"];

fn diff_cells(line: &DiffLine) -> [String; 7] {
    [
        line.severity.map_or("–", Severity::as_str).to_owned(),
        harmless(line.load_balancer.load_balancer_name()).into_owned(),
        harmless(&line.owner).into_owned(),
        mode_change(line),
        harmless(&line.rule).into_owned(),
        line.place.account.to_string(),
        line.place.region.to_string(),
    ]
}

const INDENT: &str = "  ";

/// `monitor -> defensive`, or the mode alone where both scans read the same.
fn mode_change(line: &DiffLine) -> String {
    let (before, after) = (line.mode_before, line.mode_after);
    if before == after { before.to_string() } else { format!("{before} -> {after}") }
}
