//! What a merge has to say besides its result.

use std::fmt;

use crate::Merged;

/// The most shards that are named.
const NAMED: usize = 20;

/// A sentence about parts that were not used, or that are missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MergeNotice {
    /// Whether part of the scan is missing; otherwise it can be completed later.
    pub is_warning: bool,
    sentence: String,
}

impl fmt::Display for MergeNotice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", if self.is_warning { "warning" } else { "notice" }, self.sentence)
    }
}

impl<C> Merged<C> {
    /// Names what was not used, and what is missing. `accepted` states whether the user accepts missing parts.
    pub fn notices(&self, accepted: bool) -> Vec<MergeNotice> {
        let warning = |sentence: String| MergeNotice { is_warning: true, sentence };
        let mut notices: Vec<MergeNotice> = self.unused.iter().map(|unused| warning(unused.to_string())).collect();
        if !self.missing.is_empty() {
            let shards: Vec<String> = self.missing.iter().take(NAMED).map(ToString::to_string).collect();
            let more = self.missing.len() - shards.len();
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            let then = match accepted {
                true => "The scan is recorded without them.",
                false => "Until then, the scan is not recorded.",
            };
            let shards = shards.join(", ");
            notices.push(warning(format!(
                "shards without a usable part: {shards}{more}. Repeat these shards and merge again. {then}"
            )));
        } else if self.inventory.run.interrupted {
            let sentence =
                "a shard was stopped before its end; repeat it and merge again. Until then, the scan is not recorded.";
            notices.push(MergeNotice { is_warning: false, sentence: sentence.to_owned() });
        }
        notices
    }
}
