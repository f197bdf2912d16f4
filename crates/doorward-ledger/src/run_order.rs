//! The order of recorded runs in time.
//!
//! A run is newer than another if it ended later, whichever was recorded first: parts of a scan may be merged after a newer scan. The
//! exception is a run that a clock in the future dated. It is recognized by a run that was recorded after it and before its date; it is
//! then never newer than what was recorded before it or after it.

use doorward_model::CLOCK_TOLERANCE;
use rusqlite::Connection;

/// `runs` as a source of a query, with the column `ahead`: whether a clock in the future dated the run.
pub(crate) fn dated_runs() -> String {
    let tolerance = i64::try_from(CLOCK_TOLERANCE.as_nanos()).unwrap_or(0);
    format!(
        "(SELECT *, coalesce(at > {tolerance} + min(coalesce(recorded, at)) OVER
            (ORDER BY seq DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS ahead FROM runs)"
    )
}

/// The place of a run in the order of time, which compares as the runs do.
pub(crate) type RunPlace = (i64, i64);

/// The places of runs, which are given in the order of recording.
#[derive(Default)]
pub(crate) struct RunPlaces {
    /// When the newest run so far was recorded, those left out that are dated in the future.
    recorded: Option<i64>,
}

impl RunPlaces {
    /// The place of the next run: its number, its end, when it was recorded, and whether it is dated in the future.
    pub(crate) fn next(&mut self, seq: i64, at: i64, recorded: Option<i64>, ahead: bool) -> RunPlace {
        if ahead {
            return (self.recorded.unwrap_or(i64::MIN), seq);
        }
        self.recorded = self.recorded.max(Some(recorded.unwrap_or(at)));
        (at, seq)
    }
}

/// The numbers of the recorded scans, the newest last.
pub(crate) fn scans_by_time(db: &Connection) -> rusqlite::Result<Vec<i64>> {
    let mut query =
        db.prepare(&format!("SELECT seq, at, recorded, ahead FROM {} WHERE only IS NULL ORDER BY seq", dated_runs()))?;
    let mut places = RunPlaces::default();
    let rows = query.query_map([], |row| Ok(places.next(row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?;
    let mut order: Vec<RunPlace> = rows.collect::<rusqlite::Result<_>>()?;
    order.sort_unstable();
    Ok(order.into_iter().map(|(_, seq)| seq).collect())
}
