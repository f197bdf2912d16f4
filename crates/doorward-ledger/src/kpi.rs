//! Key figures: time to remediate, oldest open finding, findings that failed again.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, params};
use serde::Serialize;

use crate::columns::finding_id;
use crate::error::LedgerFault;
use crate::figure_group::By;
use crate::findings::is_unseen;
use crate::history::Share;
use crate::owner_spelling::OwnerSpellings;
use crate::timestamp::{nanos, timestamp};
use crate::{Ledger, LedgerError, State};

mod monitor_times;

/// Nanoseconds of a day in UTC.
const DAY: i64 = 86_400_000_000_000;

/// How long something took, over a number of cases. Rounded down to the nanosecond.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
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
    fn of(mut nanos: Vec<i64>) -> Self {
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

/// The key figures of everything, or of one group. Groups are those that load balancers belong to now.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
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
    /// Of these, those that the newest look did not see, or whose mode it could not read.
    pub in_monitor_unseen: Option<usize>,
    /// Since when the one that has been in monitor longest is in it, UTC.
    pub in_monitor_since: Option<Timestamp>,
    /// Of the episodes remediated in the period that had a deadline, those that were in time: the failure was observed for less time
    /// than the deadline allows. Time without an observation counts for neither side.
    pub in_time: Share,
    /// Findings that fail now without an exception and are past their deadline, those that the newest look did not see as they were
    /// last seen.
    pub overdue: usize,
    /// Of these, those that the newest look did not see.
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
    /// Of these, those that the newest look did not see.
    pub open_unseen: usize,
    /// Findings that fail now, under an exception, as above.
    pub excepted: usize,
    /// Of these, those that the newest look did not see.
    pub excepted_unseen: usize,
    /// Since when the finding that has been open longest fails, UTC; without an exception.
    pub oldest_open: Option<Timestamp>,
    /// That finding's id.
    pub oldest_open_finding: Option<String>,
}

/// What a group's figures are made of.
#[derive(Default)]
struct Gathered {
    kpi: Kpi,
    total: Vec<i64>,
    excepted: Vec<i64>,
    net: Vec<i64>,
    monitor: Vec<i64>,
    in_monitor: usize,
    in_monitor_unseen: usize,
}

impl Ledger {
    /// The key figures over episodes that ended at or after `since` and before `until`; what is open is open now,
    /// whatever the period. One without a grouping, else one per group that has any figure, ordered by name.
    pub fn kpis(&self, since: Option<Timestamp>, until: Option<Timestamp>, by: &By) -> Result<Vec<Kpi>, LedgerError> {
        self.kpis_of_rule(None, since, until, by)
    }

    /// The rules of which findings are recorded, by name.
    pub fn rules(&self) -> Result<Vec<String>, LedgerError> {
        self.read("reading the recorded rules", |db| {
            let mut query = db.prepare("SELECT DISTINCT name FROM rules ORDER BY name")?;
            let rows = query.query_map([], |row| row.get(0))?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// The same of the findings of one rule, or of all. The times in monitor are those of all load balancers, whatever the rule.
    pub fn kpis_of_rule(
        &self,
        rule: Option<&str>,
        since: Option<Timestamp>,
        until: Option<Timestamp>,
        by: &By,
    ) -> Result<Vec<Kpi>, LedgerError> {
        self.read("computing key figures", |db| {
            self.check_tag(db, by)?;
            let groups = Groups::read(db, by)?;
            let mut gathered: BTreeMap<Option<String>, Gathered> = BTreeMap::new();
            if *by == By::All {
                gathered.insert(None, Gathered::default());
            }
            let period = (since.map_or(i64::MIN, nanos), until.map_or(i64::MAX, nanos));
            closed(db, rule, period, &groups, &mut gathered)?;
            open(db, rule, &groups, &mut gathered)?;
            monitor_times::monitor_times(db, period, &groups, &mut gathered)?;
            let finish = |(group, gathered): (Option<String>, Gathered)| Kpi {
                group,
                time_to_remediate: Durations::of(gathered.total),
                under_exception: Durations::of(gathered.excepted),
                without_exception: Durations::of(gathered.net),
                time_in_monitor: Durations::of(gathered.monitor),
                in_monitor: (*by != By::Severity).then_some(gathered.in_monitor),
                in_monitor_unseen: (*by != By::Severity).then_some(gathered.in_monitor_unseen),
                ..gathered.kpi
            };
            Ok(gathered.into_iter().map(finish).collect())
        })
    }
}

/// The groups of figures.
enum Groups {
    /// By what a load balancer belongs to: the label of each grouping; none where figures are not grouped.
    OfLoadBalancers(BTreeMap<i64, Option<String>>),
    /// By the severity of a finding.
    Severities,
}

impl Groups {
    fn read(db: &Connection, by: &By) -> Result<Self, LedgerFault> {
        if *by == By::Severity {
            return Ok(Self::Severities);
        }
        let dimension = by.dimension();
        let mut groups = BTreeMap::new();
        let spellings = if *by == By::Owner { OwnerSpellings::read(db)? } else { OwnerSpellings::default() };
        let mut query = db.prepare("SELECT id, document FROM groupings")?;
        let mut rows = query.query([])?;
        while let Some(row) = rows.next()? {
            let labels: BTreeMap<String, String> = serde_json::from_str(&row.get::<_, String>(1)?)?;
            let label =
                labels.get(&dimension).map_or_else(|| "(not recorded)".to_owned(), |label| spellings.shown(label));
            groups.insert(row.get(0)?, (*by != By::All).then_some(label));
        }
        Ok(Self::OfLoadBalancers(groups))
    }

    /// The group of a finding, by the grouping of its load balancer and by its severity.
    fn of(&self, grouping: i64, severity: Option<i64>) -> Option<String> {
        match self {
            Self::OfLoadBalancers(groups) => groups.get(&grouping).cloned().flatten(),
            Self::Severities => {
                let known = severity.and_then(crate::columns::severity);
                Some(known.map_or_else(|| "(not recorded)".to_owned(), |severity| severity.to_string()))
            }
        }
    }

    /// The group of a load balancer; none where figures are grouped by what only findings have.
    fn of_load_balancer(&self, grouping: i64) -> Option<Option<String>> {
        match self {
            Self::OfLoadBalancers(groups) => Some(groups.get(&grouping).cloned().flatten()),
            Self::Severities => None,
        }
    }
}

fn closed(
    db: &Connection,
    rule: Option<&str>,
    (since, until): (i64, i64),
    groups: &Groups,
    gathered: &mut BTreeMap<Option<String>, Gathered>,
) -> Result<(), LedgerFault> {
    let mut query = db.prepare(
        "SELECT b.grouping, e.opened, e.closed, e.how, e.excepted, e.proven, e.allowed, e.severity,
                EXISTS (SELECT 1 FROM episodes n WHERE n.load_balancer = e.load_balancer AND n.rule = e.rule AND n.run > e.run)
                OR EXISTS (SELECT 1 FROM findings f WHERE f.load_balancer = e.load_balancer AND f.rule = e.rule AND f.state IN (3, 4))
         FROM episodes e JOIN load_balancers b ON b.id = e.load_balancer JOIN rules r ON r.id = e.rule
         WHERE e.closed >= ?1 AND e.closed < ?2 AND (?3 IS NULL OR r.name = ?3)",
    )?;
    let mut rows = query.query(params![since, until, rule])?;
    while let Some(row) = rows.next()? {
        let group = groups.of(row.get(0)?, row.get(7)?);
        let (opened, closed, excepted): (i64, i64, i64) = (row.get(1)?, row.get(2)?, row.get(4)?);
        let here = gathered.entry(group).or_default();
        match State::from_code(row.get(3)?) {
            State::Gone => here.kpi.gone += 1,
            State::Retired => here.kpi.retired += 1,
            _ => {
                here.total.push(closed - opened);
                here.net.push(closed - opened - excepted);
                if excepted > 0 {
                    here.excepted.push(excepted);
                }
                here.kpi.came_back.of += 1;
                here.kpi.came_back.count += usize::from(row.get::<_, bool>(8)?);
                if let (Some(proven), Some(allowed)) = (row.get::<_, Option<i64>>(5)?, row.get::<_, Option<i64>>(6)?) {
                    here.kpi.in_time.of += 1;
                    here.kpi.in_time.count += usize::from(proven < allowed.saturating_mul(DAY));
                }
            }
        }
    }
    Ok(())
}

fn open(
    db: &Connection,
    rule: Option<&str>,
    groups: &Groups,
    gathered: &mut BTreeMap<Option<String>, Gathered>,
) -> Result<(), LedgerFault> {
    let mut query = db.prepare(&format!(
        "SELECT b.grouping, f.state, f.opened, b.arn, r.name, r.own, {}, f.severity, f.allowed, f.proven, f.proven_since,
                coalesce(f.seen, max(coalesce(p.last_at, e.at), coalesce(e.at, p.last_at)), f.since) FROM findings f
         JOIN load_balancers b ON b.id = f.load_balancer JOIN places p ON p.id = b.place LEFT JOIN runs e ON e.seq = b.event_run
         JOIN rules r ON r.id = f.rule WHERE f.state IN (3, 4) AND (?1 IS NULL OR r.name = ?1)
         ORDER BY f.opened, b.arn, r.name, r.own",
        is_unseen("f")
    ))?;
    let mut rows = query.query([rule])?;
    while let Some(row) = rows.next()? {
        let group = groups.of(row.get(0)?, row.get(7)?);
        let kpi = &mut gathered.entry(group).or_default().kpi;
        let unseen = usize::from(row.get::<_, bool>(6)?);
        if State::from_code(row.get(1)?) == State::Excepted {
            kpi.excepted += 1;
            kpi.excepted_unseen += unseen;
            continue;
        }
        kpi.open += 1;
        kpi.open_unseen += unseen;
        if let Some(allowed) = row.get::<_, Option<i64>>(8)? {
            let (proven, since, last): (i64, Option<i64>, i64) = (row.get(9)?, row.get(10)?, row.get(11)?);
            let is_overdue = proven + since.map_or(0, |since| (last - since).max(0)) >= allowed.saturating_mul(DAY);
            kpi.with_deadline += 1;
            kpi.overdue += usize::from(is_overdue);
            kpi.overdue_unseen += usize::from(is_overdue) * unseen;
        }
        if kpi.oldest_open.is_none() {
            kpi.oldest_open = Some(timestamp(row.get(2)?));
            kpi.oldest_open_finding = Some(finding_id(row, 3)?);
        }
    }
    Ok(())
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
