//! Resources that create a load balancer and cannot set its mode.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::source_text::SourceText;
use crate::{Action, Declared, Dialect, MatchHints, Subject};

/// A declaration of a resource that creates a load balancer without a mode.
pub(crate) fn incapable(
    text: &SourceText<'_>,
    dialect: Dialect,
    address: String,
    head: Range<usize>,
    because: String,
) -> Declared {
    Declared {
        dialect,
        address,
        place: text.place(head),
        action: Action::Unspecified,
        subject: Subject::Incapable(because),
        outcomes: Vec::new(),
        tags: BTreeMap::new(),
        more_tags: None,
        note: None,
        mode_instruction: String::new(),
        logs_instruction: String::new(),
        fix: Err("it has no mode".to_owned()),
        match_hints: MatchHints::default(),
        root: None,
    }
}
