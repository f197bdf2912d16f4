//! The readings of an interrupted scan that a resumed scan keeps: those that are recent.

use std::time::Duration;

use doorward_model::{RegionInventory, Run};
use jiff::{SignedDuration, Timestamp};

use crate::clock::is_ahead;

/// The readings of an interrupted scan, sorted by their age.
pub(super) struct Kept {
    /// What is kept.
    pub(super) cells: Vec<RegionInventory>,
    /// The number of account-Regions to read again, because they were read too long ago or by a clock that was ahead.
    pub(super) old: usize,
    /// The earliest time of those readings.
    pub(super) oldest: Option<Timestamp>,
    /// The earliest time of what is kept.
    pub(super) earliest: Option<Timestamp>,
}

impl Kept {
    /// Sorts the readings of a run that continues at `now`. Account-Regions that were skipped are left out: the new plan decides on them.
    pub(super) fn of(cells: Vec<RegionInventory>, run: &Run, within: Duration, now: Timestamp) -> Self {
        let mut kept = Self { cells: Vec::new(), old: 0, oldest: None, earliest: None };
        for cell in cells.into_iter().filter(|cell| cell.skipped.is_none()) {
            // Nothing in a cell was read before its run began.
            let at = cell.read_at.unwrap_or(run.started);
            let earlier = |known: Option<Timestamp>| Some(known.map_or(at, |known| known.min(at)));
            if is_current(at, within, now) {
                kept.earliest = earlier(kept.earliest);
                kept.cells.push(cell);
            } else {
                kept.oldest = earlier(kept.oldest);
                kept.old += 1;
            }
        }
        kept
    }

    /// The notice about what is read again, and why.
    pub(super) fn notice(&self, within: Duration) -> String {
        let all = self.old + self.cells.len();
        let length = SignedDuration::try_from(within).unwrap_or(SignedDuration::MAX);
        let oldest = self.oldest.map(|at| format!(", the first on {}", at.strftime("%Y-%m-%d %H:%M UTC")));
        format!(
            "{} of {all} account-Regions were read more than {length:#} ago{} and are read again",
            self.old,
            oldest.unwrap_or_default()
        )
    }
}

/// Whether a reading is recent.
pub(super) fn is_current(at: Timestamp, within: Duration, now: Timestamp) -> bool {
    let within = SignedDuration::try_from(within).unwrap_or(SignedDuration::MAX);
    now.duration_since(at) <= within && !is_ahead(at, now)
}

#[cfg(test)]
mod tests {
    use doorward_model::{AccountId, Arn, Gap, GapReason, Region};

    use super::*;

    fn time(minutes: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minutes)
    }

    fn run(started: Timestamp) -> Run {
        Run {
            id: "run".to_owned(),
            tool_version: "0.1.0".to_owned(),
            started,
            finished: started,
            caller: Arn::new("arn:aws:iam::111122223333:user/me").expect("an ARN"),
            account: AccountId::new("111122223333").expect("an account"),
            partition: "aws".to_owned(),
            home_region: Region::new("eu-west-1").expect("a Region"),
            clock_offset: None,
            unmatched: Vec::new(),
            interrupted: false,
            only: None,
        }
    }

    #[test]
    fn what_was_read_too_long_ago_is_read_again() {
        let cell = |account: usize, read_at: Option<i64>, skipped: bool| {
            let account = AccountId::new(&format!("{account:012}")).expect("an account");
            let gap = Gap::new(GapReason::Excluded, "settings");
            let make = if skipped { RegionInventory::skipped } else { RegionInventory::failed };
            RegionInventory { read_at: read_at.map(time), ..make(account, Region::new("eu-west-1").ok(), gap) }
        };
        // (minute at which the run began, minutes at which cells were read, now) -> (kept, read again, earliest kept)
        for (started, read, now, expected) in [
            (0, vec![Some(1), Some(60)], 90, (2, 0, Some(1))),
            (0, vec![Some(1), Some(60)], 121, (2, 0, Some(1))),
            (0, vec![Some(1), Some(60)], 122, (1, 1, Some(60))),
            (0, vec![Some(1), Some(60)], 45 * 1440, (0, 2, None)),
            // Without a time of its own a reading is as old as its run.
            (0, vec![None, Some(60)], 122, (1, 1, Some(60))),
            (0, vec![None, Some(60)], 100, (2, 0, Some(0))),
            // A clock that was ahead.
            (0, vec![Some(500), Some(60)], 100, (1, 1, Some(60))),
            (0, vec![Some(105), Some(60)], 100, (2, 0, Some(60))),
            (0, vec![], 100, (0, 0, None)),
        ] {
            let mut cells: Vec<RegionInventory> = read.iter().enumerate().map(|(n, at)| cell(n, *at, false)).collect();
            cells.push(cell(99, None, true));
            let kept = Kept::of(cells, &run(time(started)), Duration::from_secs(120 * 60), time(now));
            let counts = (kept.cells.len(), kept.old, kept.earliest);
            assert_eq!(counts, (expected.0, expected.1, expected.2.map(time)), "{read:?} at {now}");
        }
    }
}
