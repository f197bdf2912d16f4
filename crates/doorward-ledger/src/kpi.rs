//! Key figures: time to remediate, oldest open finding, findings that failed again.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use rusqlite::Connection;
use serde::Serialize;

use crate::columns::finding_id;
use crate::error::LedgerFault;
use crate::findings::is_unseen;
use crate::history::{By, Share};
use crate::timestamp::{nanos, timestamp};
use crate::{Ledger, LedgerError, State};

/// How long something took, over a number of cases. Rounded down to the nanosecond.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Durations {
    /// How many cases: the denominator.
    pub count: usize,
    /// Their mean; none of nothing.
    pub mean: Option<SignedDuration>,
    /// Their median, the mean of the two middle ones where their number is even; none of nothing.
    pub median: Option<SignedDuration>,
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
        Self { count, mean, median: upper.zip(lower).map(|(a, b)| span((a + b) / 2)) }
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
}

impl Ledger {
    /// The key figures over episodes that ended at or after `since` and before `until`; what is open is open now,
    /// whatever the period. One without a grouping, else one per group that has any figure, ordered by name.
    pub fn kpis(&self, since: Option<Timestamp>, until: Option<Timestamp>, by: &By) -> Result<Vec<Kpi>, LedgerError> {
        self.read("computing key figures", |db| {
            self.check_tag(db, by)?;
            let groups = groups(db, by)?;
            let mut gathered: BTreeMap<Option<String>, Gathered> = BTreeMap::new();
            if *by == By::All {
                gathered.insert(None, Gathered::default());
            }
            closed(db, (since.map_or(i64::MIN, nanos), until.map_or(i64::MAX, nanos)), &groups, &mut gathered)?;
            open(db, &groups, &mut gathered)?;
            let finish = |(group, gathered): (Option<String>, Gathered)| Kpi {
                group,
                time_to_remediate: Durations::of(gathered.total),
                under_exception: Durations::of(gathered.excepted),
                without_exception: Durations::of(gathered.net),
                ..gathered.kpi
            };
            Ok(gathered.into_iter().map(finish).collect())
        })
    }
}

/// The group of every grouping.
fn groups(db: &Connection, by: &By) -> Result<BTreeMap<i64, Option<String>>, LedgerFault> {
    let dimension = by.dimension();
    let mut groups = BTreeMap::new();
    let mut query = db.prepare("SELECT id, document FROM groupings")?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let labels: BTreeMap<String, String> = serde_json::from_str(&row.get::<_, String>(1)?)?;
        let label = labels.get(&dimension).cloned().unwrap_or_else(|| "(not recorded)".to_owned());
        groups.insert(row.get(0)?, (*by != By::All).then_some(label));
    }
    Ok(groups)
}

fn closed(
    db: &Connection,
    (since, until): (i64, i64),
    groups: &BTreeMap<i64, Option<String>>,
    gathered: &mut BTreeMap<Option<String>, Gathered>,
) -> Result<(), LedgerFault> {
    let mut query = db.prepare(
        "SELECT b.grouping, e.opened, e.closed, e.how, e.excepted,
                EXISTS (SELECT 1 FROM episodes n WHERE n.load_balancer = e.load_balancer AND n.rule = e.rule AND n.run > e.run)
                OR EXISTS (SELECT 1 FROM findings f WHERE f.load_balancer = e.load_balancer AND f.rule = e.rule AND f.state IN (3, 4))
         FROM episodes e JOIN load_balancers b ON b.id = e.load_balancer WHERE e.closed >= ?1 AND e.closed < ?2",
    )?;
    let mut rows = query.query([since, until])?;
    while let Some(row) = rows.next()? {
        let group = groups.get(&row.get(0)?).cloned().flatten();
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
                here.kpi.came_back.count += usize::from(row.get::<_, bool>(5)?);
            }
        }
    }
    Ok(())
}

fn open(
    db: &Connection,
    groups: &BTreeMap<i64, Option<String>>,
    gathered: &mut BTreeMap<Option<String>, Gathered>,
) -> Result<(), LedgerFault> {
    let mut query = db.prepare(&format!(
        "SELECT b.grouping, f.state, f.opened, b.arn, r.name, r.own, {} FROM findings f
         JOIN load_balancers b ON b.id = f.load_balancer JOIN places p ON p.id = b.place LEFT JOIN runs e ON e.seq = b.event_run
         JOIN rules r ON r.id = f.rule WHERE f.state IN (3, 4) ORDER BY f.opened, b.arn, r.name, r.own",
        is_unseen()
    ))?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let group = groups.get(&row.get(0)?).cloned().flatten();
        let kpi = &mut gathered.entry(group).or_default().kpi;
        let unseen = usize::from(row.get::<_, bool>(6)?);
        if State::from_code(row.get(1)?) == State::Excepted {
            kpi.excepted += 1;
            kpi.excepted_unseen += unseen;
            continue;
        }
        kpi.open += 1;
        kpi.open_unseen += unseen;
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
        for (nanos, mean, median) in [
            (vec![], None, None),
            (vec![7], Some(7), Some(7)),
            (vec![9, 1], Some(5), Some(5)),
            (vec![1, 2], Some(1), Some(1)),
            (vec![10, 1, 4], Some(5), Some(4)),
            (vec![100, 1, 4, 6], Some(27), Some(5)),
        ] {
            let durations = Durations::of(nanos.clone());
            let span = |n: Option<i64>| n.map(SignedDuration::from_nanos);
            assert_eq!(
                (durations.count, durations.mean, durations.median),
                (nanos.len(), span(mean), span(median)),
                "{nanos:?}"
            );
        }
    }
}
