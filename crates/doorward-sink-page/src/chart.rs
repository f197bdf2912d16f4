//! Charts as geometry. The template writes them as SVG, each beside the same figures in words.

use serde::Serialize;

/// One part of a stacked bar, in thousandths of its length.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct ChartPart {
    /// The style class, which is also the name of what it counts.
    pub(crate) class: &'static str,
    pub(crate) from: usize,
    pub(crate) length: usize,
    pub(crate) count: usize,
}

/// How long a part is at least: something is never drawn as nothing.
const LEAST: usize = 8;

/// The full length of a bar.
const FULL: usize = 1000;

/// A bar of several counts, which may leave a rest of `whole` empty. What is short of all never fills it.
pub(crate) fn stacked(counts: &[(&'static str, usize)], whole: usize) -> Vec<ChartPart> {
    let mut lengths: Vec<usize> = counts
        .iter()
        .map(|(_, count)| match (count * FULL).checked_div(whole) {
            Some(length) if *count > 0 => length.max(LEAST),
            _ => 0,
        })
        .collect();
    let counted: usize = counts.iter().map(|(_, count)| count).sum();
    let room = if counted < whole { FULL - LEAST } else { FULL };
    let drawn: usize = lengths.iter().sum();
    // What small parts were given is taken from the largest; what rounding left over goes to it too.
    if let Some(largest) = lengths.iter_mut().max() {
        if drawn > room {
            *largest = largest.saturating_sub(drawn - room).max(LEAST);
        } else if counted == whole && drawn > 0 {
            *largest += FULL - drawn;
        }
    }
    let mut from = 0;
    let parts = counts.iter().zip(lengths).filter(|(_, length)| *length > 0).map(|((class, count), length)| {
        let part = ChartPart { class, from, length, count: *count };
        from += length;
        part
    });
    parts.collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn something_is_drawn_and_short_of_all_is_not_all(counts in proptest::collection::vec(0_usize..50_000, 4), rest in 0_usize..3) {
            let whole = counts.iter().sum::<usize>() + rest;
            let named: Vec<_> = counts.iter().map(|count| ("x", *count)).collect();
            let parts = stacked(&named, whole);
            prop_assert_eq!(parts.len(), counts.iter().filter(|count| **count > 0).count());
            prop_assert!(parts.iter().all(|part| part.length > 0));
            let end = parts.last().map_or(0, |part| part.from + part.length);
            prop_assert!(end <= FULL);
            if whole > 0 {
                prop_assert_eq!(end == FULL, rest == 0);
            }
        }
    }
}
