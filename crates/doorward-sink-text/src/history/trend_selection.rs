//! The part of a history that is shown: a period, one group, the findings of one rule.

use doorward_ledger::{FigureGroup, Ledger, LedgerError};
use doorward_model::{Severity, TimeSpan, harmless};

use super::ScanTrend;

/// The part of a history to show.
#[derive(Debug, Clone, Default)]
pub struct TrendSelection {
    /// The scans, by the time at which they ended.
    pub period: TimeSpan,
    /// How figures are grouped.
    pub by: FigureGroup,
    /// The one group that is shown, with the flag that names it; its kind is `by`.
    pub group: Option<(&'static str, String)>,
    /// The one rule of key figures.
    pub rule: Option<String>,
}

/// A history that cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum TrendError {
    /// The ledger cannot be read, or has no group of the kind.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// No group has the name, so that its figures would read as zero.
    #[error("{flag} {name}: not one of {}", known.join(", "))]
    Unknown {
        /// The flag.
        flag: &'static str,
        /// The name.
        name: String,
        /// The groups that there are.
        known: Vec<String>,
    },
}

impl TrendSelection {
    /// What is left out and what the figures are of, in sentences; none if nothing is left out.
    pub(super) fn notice(&self) -> Option<String> {
        let of = match (&self.group, &self.rule) {
            (None, None) => "",
            (Some(_), None) if self.by == FigureGroup::Severity => {
                " The key figures are of findings of this severity alone."
            }
            (Some(_), None) => {
                " Counts of load balancers and findings are of this group alone; coverage is of whole scans."
            }
            (None, Some(_)) => {
                " The key figures of findings are of this rule alone; scans, trend and time in monitor are of all findings."
            }
            (Some(_), Some(_)) => {
                " Counts of scans are of this group and of every rule; key figures are of this group and of this rule."
            }
        };
        self.criteria().map(|criteria| format!("FILTERED: {}.{of}", harmless(&criteria)))
    }

    /// `owner payments; since 2026-10-01T00:00:00Z`; none if everything is shown.
    pub(super) fn criteria(&self) -> Option<String> {
        let group = self.group.as_ref().map(|(flag, name)| format!("{} {name}", flag.trim_start_matches('-')));
        let rule = self.rule.as_ref().map(|rule| format!("rule {rule}"));
        let period = Some(self.period.to_string()).filter(|period| !period.is_empty());
        let parts: Vec<String> = [group, rule, period].into_iter().flatten().collect();
        Some(parts.join("; ")).filter(|criteria| !criteria.is_empty())
    }
}

impl ScanTrend {
    /// The history of a ledger, as far as it is selected. A severity or rule of which nothing is recorded selects nothing; an owner or an
    /// organizational unit of which nothing is recorded is refused, because it may be misspelt.
    ///
    /// # Errors
    /// See [`TrendError`].
    pub fn selected(ledger: &Ledger, selection: &TrendSelection) -> Result<Self, TrendError> {
        let TrendSelection { period, by, group, rule } = selection;
        let mut trend = Self::of(ledger, period.since(), period.until(), by, rule.as_deref())?;
        if let Some((flag, name)) = group {
            trend = match (trend.of_group(name), *by == FigureGroup::Severity) {
                (Ok(trend), _) => trend,
                (Err(_), true) if is_severity(name) => Self::empty(),
                (Err(known), is_closed) => {
                    let all = || Severity::ALL.iter().map(ToString::to_string).collect();
                    let known = if is_closed { all() } else { known };
                    return Err(TrendError::Unknown { flag, name: name.clone(), known });
                }
            };
        }
        if let Some(rule) = rule.as_ref().filter(|rule| !ledger.rules().is_ok_and(|rules| rules.contains(rule))) {
            // Zeros would read as if it had been judged and never failed.
            trend.kpis.kpis.clear();
            trend.nothing = Some(format!("Nothing matches: no failure of the rule {rule} is recorded."));
        } else if let (Some((_, name)), true) = (group, *by == FigureGroup::Severity && trend.kpis.kpis.is_empty()) {
            trend.nothing = Some(format!("Nothing matches: no finding of severity {name} is recorded in this period."));
        }
        trend.filter = selection.criteria();
        trend.notice = selection.notice();
        trend.period = *period;
        Ok(trend)
    }

    /// What is left out and what the figures are of, for formats that have no place for it; none if nothing is left out.
    pub fn notice(&self) -> Option<&str> {
        self.notice.as_deref()
    }
}

fn is_severity(name: &str) -> bool {
    Severity::ALL.iter().any(|severity| severity.as_str().eq_ignore_ascii_case(name))
}
