//! Compares two states of a finding and names the difference.

use crate::digest::{Changed, DigestChange, DueLine};
use crate::notified_state::{DigestEntry, DigestStanding, Entries};

use super::{Composer, Now};

#[derive(Default)]
pub(super) struct ComparedShare {
    pub(super) entries: Entries,
    pub(super) changes: Vec<Changed>,
    pub(super) due: Vec<DueLine>,
    pub(super) uncertain: Entries,
}

pub(super) fn fine(before: &DigestEntry) -> DigestChange {
    if before.standing.is_some() { DigestChange::Fixed } else { DigestChange::Cleared }
}

/// How its state differs from before; none where it is the same.
pub(super) fn change(before: Option<&DigestEntry>, now: &Now, reopened: bool) -> Option<DigestChange> {
    let entry = match now {
        Now::Closed(change) => return before.map(|_| *change),
        Now::Open(entry) => entry,
    };
    let was = before.and_then(|before| before.standing.as_ref());
    if entry.unseen {
        return match before {
            Some(before) if before.unseen => None,
            _ if entry.standing.is_some() => Some(DigestChange::Unseen),
            _ => Some(DigestChange::Unknown),
        };
    }
    match (was, entry.standing.as_ref()?) {
        (None, DigestStanding::Failing { .. }) => {
            Some(if reopened { DigestChange::Reopened } else { DigestChange::New })
        }
        (None | Some(DigestStanding::Failing { .. }), DigestStanding::Excepted { .. }) => Some(DigestChange::Excepted),
        (Some(DigestStanding::Excepted { .. }), DigestStanding::Failing { .. }) => Some(DigestChange::ExceptionEnded),
        (Some(was), is) if was == is => before.filter(|before| before.unseen).map(|_| DigestChange::SeenAgain),
        (Some(DigestStanding::Failing { .. }), DigestStanding::Failing { .. }) => Some(DigestChange::Severity),
        (Some(DigestStanding::Excepted { .. }), DigestStanding::Excepted { .. }) => {
            Some(DigestChange::ExceptionChanged)
        }
    }
}

impl Composer<'_> {
    /// An entry of something that the report did not see. Where a ledger says that it did not fail when it was last seen, it does not
    /// keep the failure that the audience knows: a scan whose result was not sent may have seen it fixed.
    pub(super) fn not_seen(&self, id: &str, before: &DigestEntry) -> DigestEntry {
        if self.failed.as_ref().is_some_and(|failed| !failed.contains(id)) {
            return DigestEntry { unseen: true, standing: None, due: None, ..before.clone() };
        }
        let due = self.exception_due(before.standing.as_ref()).or_else(|| before.due.clone());
        DigestEntry { unseen: true, due, ..before.clone() }
    }
}
