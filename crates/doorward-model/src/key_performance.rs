//! Key figures over the findings that a ledger knows: times to remediate, times in monitor, deadlines.

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How long something took, over a number of cases. Rounded down to the nanosecond.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Durations {
    /// How many cases: the denominator.
    pub count: usize,
    /// Their mean; none of nothing.
    pub mean: Option<SignedDuration>,
    /// Their median, the mean of the two middle ones where their number is even; none of nothing.
    pub median: Option<SignedDuration>,
    /// Their 90th percentile: the shortest that at least 90% of them do not exceed; none of nothing.
    pub percentile_90: Option<SignedDuration>,
}

impl Durations {
    /// The durations of some cases, in nanoseconds.
    pub fn of(mut nanos: Vec<i64>) -> Self {
        nanos.sort_unstable();
        let count = nanos.len();
        let span = |wide: i128| SignedDuration::from_nanos(i64::try_from(wide).unwrap_or(i64::MAX));
        let at = |index: usize| nanos.get(index).copied().map(i128::from);
        let sum: i128 = nanos.iter().copied().map(i128::from).sum();
        let mean = i128::try_from(count).ok().filter(|n| *n > 0).map(|n| span(sum / n));
        let upper = at(count / 2);
        let lower = if count.is_multiple_of(2) { count.checked_sub(1).and_then(|last| at(last / 2)) } else { upper };
        let percentile_90 = (count * 9).div_ceil(10).checked_sub(1).and_then(at).map(span);
        Self { count, mean, median: upper.zip(lower).map(|(a, b)| span((a + b) / 2)), percentile_90 }
    }
}

/// A part with the whole it is a part of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Share {
    /// The part.
    pub count: usize,
    /// The whole.
    pub of: usize,
}

impl Share {
    /// The share in hundredths of a percent, rounded down so that 10,000 means all; none of nothing.
    pub fn basis_points(self) -> Option<u32> {
        (self.of > 0).then(|| u32::try_from(self.count * 10_000 / self.of).unwrap_or(0))
    }
}

/// The key figures of everything, or of one group. Groups are those that load balancers belong to now.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Kpi {
    /// The group; absent where figures are not grouped.
    pub group: Option<String>,
    /// First seen to resolved, of every episode that was seen to end in the period: time under exception included.
    pub time_to_remediate: Durations,
    /// Of the same episodes, those that were under exception for a part: that part.
    pub under_exception: Durations,
    /// Of the same episodes, all of them: the time without an exception.
    pub without_exception: Durations,
    /// From the first reading in monitor to the first in a stronger mode, of every load balancer that left monitor in the period, whatever
    /// rules failed for it.
    pub time_in_monitor: Durations,
    /// Load balancers in monitor now, as they were last seen; absent where figures are grouped by what load balancers do not have.
    pub in_monitor: Option<usize>,
    /// Of these, those that the newest observation did not see, or whose mode it could not read.
    pub in_monitor_unseen: Option<usize>,
    /// Since when the one that has been in monitor longest is in it, UTC.
    pub in_monitor_since: Option<Timestamp>,
    /// Of the episodes remediated in the period that had a deadline, those that were in time: they ended before the deadline, time under
    /// an exception left out. The denominator has those of which that is known.
    pub in_time: Share,
    /// Those that were open for longer than the deadline allows, and observed for less: it is unknown whether they were in time.
    pub in_time_unknown: usize,
    /// Findings that fail now without an exception and are past their deadline, those that the newest look did not see as they were
    /// last seen.
    pub overdue: usize,
    /// Of these, those that the newest observation did not see.
    pub overdue_unseen: usize,
    /// Findings that fail now without an exception and have a deadline: the denominator of `overdue`.
    pub with_deadline: usize,
    /// Episodes that ended in the period because the load balancer was deleted. Not remediated, so not counted above.
    pub gone: usize,
    /// Episodes that ended in the period because the account was closed. Not counted above either.
    pub retired: usize,
    /// Of the episodes remediated in the period, those whose finding failed again at any time since.
    pub came_back: Share,
    /// Findings that fail now, without an exception; those that the newest look did not see as they were last seen.
    pub open: usize,
    /// Of these, those that the newest observation did not see.
    pub open_unseen: usize,
    /// Findings that fail now, under an exception, as above.
    pub excepted: usize,
    /// Of these, those that the newest observation did not see.
    pub excepted_unseen: usize,
    /// Since when the finding that has been open longest fails, UTC; without an exception.
    pub oldest_open: Option<Timestamp>,
    /// That finding's id.
    pub oldest_open_finding: Option<String>,
}

/// The grouping of the key figures in a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum KpiGrouping {
    /// One figure for everything.
    All,
    /// The owner of the load balancer.
    Owner,
    /// Its organizational unit.
    Ou,
    /// Its cost centre.
    CostCentre,
    /// The severity of the finding.
    Severity,
    /// The rule of the finding.
    Rule,
}

impl KpiGrouping {
    /// The grouping in words.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Owner => "owner",
            Self::Ou => "organizational unit",
            Self::CostCentre => "cost centre",
            Self::Severity => "severity",
            Self::Rule => "rule",
        }
    }
}

/// The key figures of one group, over the whole period that the ledger covers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KpiRow {
    /// The grouping.
    pub by: KpiGrouping,
    /// The figures.
    pub kpi: Kpi,
}

/// A duration in days with one decimal: `12.5 days`; from 100 days on in whole days.
pub fn days_in_words(duration: SignedDuration) -> String {
    let tenths = (duration.as_secs() * 10 + 43_200) / 86_400;
    let plural = if tenths == 10 { "" } else { "s" };
    if tenths >= 1_000 {
        format!("{} days", (tenths + 5) / 10)
    } else {
        format!("{}.{} day{plural}", tenths / 10, tenths % 10)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_and_medians_computed_by_hand() {
        for (nanos, mean, median, percentile_90) in [
            (vec![], None, None, None),
            (vec![7], Some(7), Some(7), Some(7)),
            (vec![9, 1], Some(5), Some(5), Some(9)),
            (vec![1, 2], Some(1), Some(1), Some(2)),
            (vec![10, 1, 4], Some(5), Some(4), Some(10)),
            (vec![100, 1, 4, 6], Some(27), Some(5), Some(100)),
            ((1..=10).collect(), Some(5), Some(5), Some(9)),
            ((1..=20).rev().collect(), Some(10), Some(10), Some(18)),
        ] {
            let durations = Durations::of(nanos.clone());
            let span = |n: Option<i64>| n.map(SignedDuration::from_nanos);
            assert_eq!(
                (durations.count, durations.mean, durations.median, durations.percentile_90),
                (nanos.len(), span(mean), span(median), span(percentile_90)),
                "{nanos:?}"
            );
        }
    }
}
