//! Errors of the ledger: each names the file, the cause and the next step.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rusqlite::ErrorCode;

use crate::shared::LedgerStoreError;

/// The ledger could not do what it was asked. Nothing that was recorded before is changed by a failed call.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// The folder for the ledger is missing and could not be made.
    #[error("{}: the folder for the ledger could not be created ({source}); choose another path with --ledger", .path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// The operating system's message.
        source: std::io::Error,
    },
    /// The file could not be opened.
    #[error("{}: the ledger could not be opened ({reason}); check the path and its permissions, or choose another with --ledger", .path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// The message of the operating system or of SQLite.
        reason: String,
    },
    /// An event's reading was to be recorded as a scan, or a scan as an event's reading.
    #[error("{}: run {run} has the wrong kind: scans and events are recorded by different calls; nothing was \
         written", .path.display())]
    RunKind {
        /// The file.
        path: PathBuf,
        /// The run.
        run: String,
    },
    /// A reader found no file.
    #[error("{}: there is no ledger here yet; run a scan first, or name another with --ledger", .path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// The file has no content.
    #[error("{}: the ledger file is empty (0 bytes): its content was lost, or another program made the file; restore it from a backup, or remove it to begin a new history", .path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// The file lies on a network file system, where SQLite's locks do not hold.
    #[error("{}: the ledger lies on a network file system ({kind}, mounted at {}), where locks are unreliable and the file can be damaged; choose a local path with --ledger, or force it if only one machine ever writes", .path.display(), .mount.display())]
    NetworkFileSystem {
        /// The file.
        path: PathBuf,
        /// The file system's type, as the kernel names it.
        kind: String,
        /// Where it is mounted.
        mount: PathBuf,
    },
    /// The file was written by a newer Doorward.
    #[error("{}: the ledger has schema version {found}, but this version of Doorward supports up to {known}; use the \
         newer version that wrote it", .path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// The file's schema version.
        found: i64,
        /// The newest schema version this crate knows.
        known: i64,
    },
    /// A reader found an old schema and may not bring it forward.
    #[error("{}: the ledger has the older schema version {found}; run a scan with this version of Doorward to \
         upgrade it to {known}", .path.display())]
    Older {
        /// The file.
        path: PathBuf,
        /// The file's schema version.
        found: i64,
        /// The schema version that readers need.
        known: i64,
    },
    /// The file is a database of something else, or no database.
    #[error("{}: this file is not a Doorward ledger; choose another path with --ledger", .path.display())]
    NotALedger {
        /// The file.
        path: PathBuf,
    },
    /// The file is damaged.
    #[error("{}: the ledger is damaged ({problem}); restore it from a backup, or move it away to begin a new one", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The problem that was found.
        problem: String,
    },
    /// The disk, or the file's size limit, is full.
    #[error("{}: the disk is full ({doing}); the ledger is unchanged; free some space and repeat the command", .path.display())]
    Full {
        /// The file.
        path: PathBuf,
        /// The operation in progress, as it reads in the message.
        doing: &'static str,
    },
    /// The system refused a read or a write.
    #[error("{}: input or output failed while {doing} ({reason}); the ledger is unchanged; check the disk and repeat \
         the command", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The operation in progress, as it reads in the message.
        doing: &'static str,
        /// SQLite's message.
        reason: String,
    },
    /// The file or its folder may not be written.
    #[error("{}: the ledger may not be written while {doing} ({reason}); check the permissions of the file and its folder", .path.display())]
    ReadOnly {
        /// The file.
        path: PathBuf,
        /// The operation in progress, as it reads in the message.
        doing: &'static str,
        /// SQLite's message.
        reason: String,
    },
    /// Another process held SQLite's own lock for longer than the busy timeout.
    #[error("{}: another process kept the ledger locked while {doing}; repeat the command when that process is \
         done", .path.display())]
    Busy {
        /// The file.
        path: PathBuf,
        /// The operation in progress, as it reads in the message.
        doing: &'static str,
    },
    /// Anything else SQLite objects to.
    #[error("{}: {doing} failed ({reason})", .path.display())]
    Sql {
        /// The file.
        path: PathBuf,
        /// The operation in progress, as it reads in the message.
        doing: &'static str,
        /// SQLite's message.
        reason: String,
    },
    /// Stored text could not be read back, or something could not be put into text.
    #[error("{}: stored text could not be read or written while {doing} ({reason})", .path.display())]
    Text {
        /// The file.
        path: PathBuf,
        /// The operation in progress, as it reads in the message.
        doing: &'static str,
        /// The parser's message.
        reason: String,
    },
    /// Another process is writing. The caller may wait until then and try again.
    #[error("{}: {owner} is writing to the ledger and holds it until {until}; wait until then and try again", .path.display())]
    Held {
        /// The file.
        path: PathBuf,
        /// Who holds the lease.
        owner: String,
        /// When the lease expires if its owner does not renew it, UTC.
        until: Timestamp,
    },
    /// The caller's lease was taken over: it paused for longer than its lease lasted.
    #[error("{}: {owner} lost the ledger to {holder} because its lease was not renewed in time; nothing was written; resume the scan once {holder} is done", .path.display())]
    Fenced {
        /// The file.
        path: PathBuf,
        /// Who lost the lease.
        owner: String,
        /// Who has it now, or had it last.
        holder: String,
    },
    /// Something was to be written without the lease: an error in Doorward.
    #[error("{}: the ledger is written without a lease, which is an error in Doorward; please report it", .path.display())]
    NoLease {
        /// The file.
        path: PathBuf,
    },
    /// No such run.
    #[error("{}: the ledger contains no run {run:?}; `doorward history` lists the recorded runs", .path.display())]
    UnknownRun {
        /// The file.
        path: PathBuf,
        /// The run asked for.
        run: String,
    },
    /// A run with this id is there already, in a state that does not allow the call.
    #[error("{}: run {run:?} is already {state} in the ledger; start a new scan", .path.display())]
    RunState {
        /// The file.
        path: PathBuf,
        /// The run.
        run: String,
        /// Its state there.
        state: &'static str,
    },
    /// The run did not reach its end; recording it would need a second record under the same id after a resume.
    #[error("{}: run {run:?} was interrupted and is not recorded; finish it with `doorward scan --resume`", .path.display())]
    Interrupted {
        /// The file.
        path: PathBuf,
        /// The run.
        run: String,
    },
    /// History by a tag that was not recorded.
    #[error("{}: no recorded scan is grouped by tag {tag:?}; add the tag to ledger.count_by_tags and scan again", .path.display())]
    UngroupedTag {
        /// The file.
        path: PathBuf,
        /// The tag key asked for.
        tag: String,
    },
    /// The place of a shared ledger cannot be used.
    #[error(transparent)]
    Store(LedgerStoreError),
    /// Other writers of a shared ledger were first, again and again.
    #[error("{}: other writers changed the ledger first, {tries} times in a row; nothing was written; repeat the command", .path.display())]
    Contended {
        /// The place.
        path: PathBuf,
        /// How often the change was made.
        tries: u32,
    },
    /// A shared ledger was there, and is gone.
    #[error("{}: the ledger was removed while it was in use; nothing was written; restore it from an earlier version", .path.display())]
    Removed {
        /// The place.
        path: PathBuf,
    },
    /// A span of months that the calendar cannot subtract.
    #[error("cannot keep {months} months, because the calendar does not reach back that far")]
    Months {
        /// The months asked for.
        months: u32,
    },
}

/// A failure inside, before it is known which file and which call it belongs to.
#[derive(Debug)]
pub(crate) enum LedgerFault {
    Sql(rusqlite::Error),
    Json(serde_json::Error),
    Text(String),
    Explained(LedgerError),
}

impl From<rusqlite::Error> for LedgerFault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<serde_json::Error> for LedgerFault {
    fn from(error: serde_json::Error) -> Self {
        Self::Json(error)
    }
}

impl From<LedgerError> for LedgerFault {
    fn from(error: LedgerError) -> Self {
        Self::Explained(error)
    }
}

impl LedgerFault {
    /// Says it in words: which file, while doing what.
    pub(crate) fn explain(self, path: &Path, doing: &'static str) -> LedgerError {
        let path = path.to_owned();
        let error = match self {
            Self::Explained(error) => return error,
            Self::Json(error) => return LedgerError::Text { path, doing, reason: error.to_string() },
            Self::Text(reason) => return LedgerError::Text { path, doing, reason },
            Self::Sql(error) => error,
        };
        // An id that is not valid: the row is reported, not skipped.
        if let rusqlite::Error::FromSqlConversionFailure(_, _, source) = &error {
            return LedgerError::Text { path, doing, reason: source.to_string() };
        }
        let reason = error.to_string();
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => LedgerError::Full { path, doing },
            Some(ErrorCode::SystemIoFailure) => LedgerError::Io { path, doing, reason },
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => LedgerError::ReadOnly { path, doing, reason },
            Some(ErrorCode::CannotOpen) => LedgerError::Open { path, reason },
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => LedgerError::Busy { path, doing },
            Some(ErrorCode::NotADatabase) => LedgerError::NotALedger { path },
            Some(ErrorCode::DatabaseCorrupt) => LedgerError::Damaged { path, problem: reason },
            _ => LedgerError::Sql { path, doing, reason },
        }
    }
}
