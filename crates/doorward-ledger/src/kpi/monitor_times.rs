//! How long load balancers were in monitor: from the first reading in monitor to the first reading in a stronger mode.

use std::collections::BTreeMap;

use rusqlite::Connection;

use super::{Gathered, Groups};
use crate::error::LedgerFault;
use crate::findings::is_unseen;
use crate::record::{HERE, count, mode_code};
use crate::timestamp::timestamp;
use doorward_model::Mode;

/// One load balancer while its modes are read.
struct Stay {
    load_balancer: i64,
    group: Option<String>,
    /// It exists, and was in monitor when its mode was last read.
    is_here: bool,
    is_unseen: bool,
    entered: Option<i64>,
}

/// Adds the times of load balancers that left monitor in the period, and those that are in monitor as they were last seen. A load
/// balancer that was deleted in monitor is in neither: nothing was remediated. Classic load balancers whose mode has no effect are
/// left out.
pub(super) fn monitor_times(
    db: &Connection,
    period: (i64, i64),
    groups: &Groups,
    gathered: &mut BTreeMap<Option<String>, Gathered>,
) -> Result<(), LedgerFault> {
    let (monitor, defensive) = (mode_code(Some(Mode::Monitor)), mode_code(Some(Mode::Defensive)));
    let mut query = db.prepare(&format!(
        "SELECT b.grouping, b.fate = ?2 AND b.mode IS ?3, c.load_balancer, c.now, coalesce(c.at, a.at), b.mode_seen IS NOT NULL OR {}, c.was IS NULL
         FROM mode_changes c JOIN load_balancers b ON b.id = c.load_balancer JOIN runs a ON a.seq = c.run
         JOIN places p ON p.id = b.place LEFT JOIN runs e ON e.seq = b.event_run
         WHERE b.counted IS NULL OR b.counted <> ?1 ORDER BY c.load_balancer, c.run",
        is_unseen("b")
    ))?;
    let not_applicable = i64::try_from(count::MODE_NOT_APPLICABLE).unwrap_or(i64::MAX);
    let mut rows = query.query([not_applicable, HERE, monitor])?;
    let mut stay: Option<Stay> = None;
    while let Some(row) = rows.next()? {
        let (load_balancer, now, at): (i64, i64, i64) = (row.get(2)?, row.get(3)?, row.get(4)?);
        if stay.as_ref().is_none_or(|stay| stay.load_balancer != load_balancer) {
            stay.take().into_iter().for_each(|stay| stay.end(gathered));
        }
        let Some(group) = groups.of_load_balancer(row.get(0)?) else { return Ok(()) };
        let (is_here, is_unseen) = (row.get(1)?, row.get(5)?);
        let current = stay.get_or_insert(Stay { load_balancer, group, is_here, is_unseen, entered: None });
        if row.get(6)? {
            // Its first mode: a predecessor of the same name was deleted in monitor, or nothing was known before.
            current.entered = None;
        }
        if now == monitor {
            current.entered.get_or_insert(at);
        } else if let Some(entered) = current.entered.take()
            // Where AWS's response lacked the mode, it is not known that a stronger one followed.
            && now >= defensive
            && (period.0..period.1).contains(&at)
        {
            gathered.entry(current.group.clone()).or_default().monitor.push(at - entered);
        }
    }
    stay.into_iter().for_each(|stay| stay.end(gathered));
    Ok(())
}

impl Stay {
    /// The newest reading of a load balancer was taken.
    fn end(self, gathered: &mut BTreeMap<Option<String>, Gathered>) {
        let Some(entered) = self.entered.filter(|_| self.is_here) else { return };
        let here = gathered.entry(self.group).or_default();
        here.in_monitor += 1;
        here.in_monitor_unseen += usize::from(self.is_unseen);
        let entered = timestamp(entered);
        let kpi = &mut here.kpi;
        kpi.in_monitor_since = Some(kpi.in_monitor_since.map_or(entered, |since| since.min(entered)));
    }
}
