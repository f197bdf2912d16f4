//! Finds lines that occur more than once in one file, as in a download that was merged from folders that overlap.
//!
//! Only files that a load balancer did not name are looked at: a load balancer writes each line once. A line has a time to the microsecond,
//! the client's address and port, and a trace id.

use std::collections::HashSet;

use crate::fingerprint::LineHash;

/// So many lines are all compared; of further ones, one of [`EVERY`].
const ALL: usize = 1 << 16;
/// Of many lines every so many are compared.
const EVERY: u64 = 16;
/// The most lines that are compared.
const MOST: usize = 1 << 20;
/// The bytes at the start of a line by which lines are selected: its time, which differs between most lines.
const SELECTED_BY: usize = 48;

/// The lines of a file that were seen.
#[derive(Debug, Default)]
pub(crate) struct Repeats {
    seen: HashSet<LineHash>,
    found: bool,
}

impl Repeats {
    /// Adds whole lines.
    pub(crate) fn add(&mut self, lines: &[u8]) {
        let mut start = 0;
        // Ends with the last line that has a line feed; that of the end of the file has none.
        while start < lines.len() && !self.found && self.seen.len() < MOST {
            let end = memchr::memchr(b'\n', &lines[start..]).map_or(lines.len(), |at| start + at + 1);
            self.add_line(&lines[start..end]);
            start = end;
        }
    }

    fn add_line(&mut self, line: &[u8]) {
        if self.seen.len() < ALL || is_selected(line) {
            let is_log_line = line.len() > SELECTED_BY;
            self.found |= is_log_line && !self.seen.insert(LineHash::of(line));
        }
    }

    /// Whether a line occurred more than once, as far as lines were compared. Begins a new file.
    pub(crate) fn take(&mut self) -> bool {
        self.seen.clear();
        std::mem::take(&mut self.found)
    }
}

/// Whether it is one of every so many lines: the same decision for equal lines, and cheap.
fn is_selected(line: &[u8]) -> bool {
    let (words, _) = line[..line.len().min(SELECTED_BY)].as_chunks::<8>();
    let mixed = words
        .iter()
        .fold(0_u64, |sum, word| (sum.rotate_left(5) ^ u64::from_le_bytes(*word)).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    (mixed >> 32).is_multiple_of(EVERY)
}
