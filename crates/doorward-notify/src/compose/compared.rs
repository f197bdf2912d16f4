//! Compares two states of a finding and names the difference.

use crate::digest::{Change, Changed, DueLine};
use crate::notified_state::{Entries, Entry, Standing};

use super::{Composer, Now};

#[derive(Default)]
pub(super) struct Compared {
    pub(super) entries: Entries,
    pub(super) changes: Vec<Changed>,
    pub(super) due: Vec<DueLine>,
    pub(super) uncertain: Entries,
}

pub(super) fn fine(before: &Entry) -> Change {
    if before.standing.is_some() { Change::Fixed } else { Change::Cleared }
}

/// How its state differs from before; none where it is the same.
pub(super) fn change(before: Option<&Entry>, now: &Now, reopened: bool) -> Option<Change> {
    let entry = match now {
        Now::Closed(change) => return before.map(|_| *change),
        Now::Open(entry) => entry,
    };
    let was = before.and_then(|before| before.standing.as_ref());
    if entry.unseen {
        return match before {
            Some(before) if before.unseen => None,
            _ if entry.standing.is_some() => Some(Change::Unseen),
            _ => Some(Change::Unknown),
        };
    }
    match (was, entry.standing.as_ref()?) {
        (None, Standing::Failing { .. }) => Some(if reopened { Change::Reopened } else { Change::New }),
        (None | Some(Standing::Failing { .. }), Standing::Excepted { .. }) => Some(Change::Excepted),
        (Some(Standing::Excepted { .. }), Standing::Failing { .. }) => Some(Change::ExceptionEnded),
        (Some(was), is) if was == is => before.filter(|before| before.unseen).map(|_| Change::SeenAgain),
        (Some(Standing::Failing { .. }), Standing::Failing { .. }) => Some(Change::Severity),
        (Some(Standing::Excepted { .. }), Standing::Excepted { .. }) => Some(Change::ExceptionChanged),
    }
}

impl Composer<'_> {
    /// An entry of something that the report did not see. Where a ledger says that it did not fail when it was last seen, it does not
    /// keep the failure that the audience knows: a scan whose result was not sent may have seen it fixed.
    pub(super) fn not_seen(&self, id: &str, before: &Entry) -> Entry {
        if self.failed.as_ref().is_some_and(|failed| !failed.contains(id)) {
            return Entry { unseen: true, standing: None, due: None, ..before.clone() };
        }
        let due = self.exception_due(before.standing.as_ref()).or_else(|| before.due.clone());
        Entry { unseen: true, due, ..before.clone() }
    }
}
