//! The faults that verification finds.

use std::fmt;

/// One thing that is not as it was written. Names are paths from the folder that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VerifyFault {
    /// Something could not be read.
    Unreadable(String),
    /// A file is not there.
    Missing(String),
    /// A file is there that was not written with the pack.
    Added(String),
    /// A pack is not complete: its run was stopped while it wrote.
    Unfinished(String),
    /// A file holds something else.
    Changed(String),
    /// A file is shorter than it was.
    Truncated {
        /// The file.
        file: String,
        /// Its size in bytes.
        is: u64,
        /// Its size in bytes when it was written.
        was: u64,
    },
    /// A file has the same lines in another order.
    Reordered(String),
    /// A file holds what another one held.
    Misplaced {
        /// The file.
        file: String,
        /// Whose content it has.
        holds: String,
    },
    /// The manifest cannot be believed, and why.
    Manifest(String, String),
    /// The signature cannot be believed, and why.
    Signature(String, String),
    /// The packs do not follow each other, and why.
    Chain(String),
    /// A pack stands where another one should, and why.
    Replayed(String),
}

impl VerifyFault {
    /// The file it is about, where it is about one.
    pub fn file(&self) -> Option<&str> {
        match self {
            Self::Missing(file)
            | Self::Added(file)
            | Self::Unfinished(file)
            | Self::Changed(file)
            | Self::Truncated { file, .. }
            | Self::Reordered(file)
            | Self::Misplaced { file, .. }
            | Self::Manifest(file, _)
            | Self::Signature(file, _) => Some(file),
            Self::Unreadable(_) | Self::Chain(_) | Self::Replayed(_) => None,
        }
    }
}

impl fmt::Display for VerifyFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A name in a folder is text from outside; `{:?}` shows what steers.
        match self {
            Self::Unreadable(why) => write!(f, "unreadable: {}", why.escape_debug()),
            Self::Missing(file) => write!(f, "missing: {file:?}"),
            Self::Added(file) => write!(f, "added: {file:?}"),
            Self::Unfinished(file) => write!(
                f,
                "unfinished: {file:?} is a pack that a stopped run left incomplete; it is no evidence: delete it, or let the next \
                 scan into this folder delete it"
            ),
            Self::Changed(file) => write!(f, "changed: {file:?}"),
            Self::Truncated { file, is, was } => write!(f, "truncated: {file:?} has {is} of {was} bytes"),
            Self::Reordered(file) => write!(f, "reordered: the lines of {file:?} are in another order"),
            Self::Misplaced { file, holds } => write!(f, "swapped: {file:?} has the content of {holds:?}"),
            Self::Manifest(file, why) => write!(f, "changed: {file:?}: {}", why.escape_debug()),
            Self::Signature(file, why) => write!(f, "signature: {file:?}: {}", why.escape_debug()),
            Self::Chain(why) => write!(f, "chain broken: {}", why.escape_debug()),
            Self::Replayed(why) => write!(f, "replayed: {}", why.escape_debug()),
        }
    }
}
