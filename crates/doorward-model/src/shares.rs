//! Percentages and counts in text. A percentage is rounded to the nearest, but never to 0% or 100% unless it is exactly that.

use std::fmt::Display;

/// A percentage with one decimal, rounded to the nearest: `55.6%`; none of nothing. A part that is not empty is at least 0.1%, and a
/// part that is not everything at most 99.9%: 99.96% never reads 100%.
pub fn percent(part: usize, whole: usize) -> Option<String> {
    percent_of_counts(wide(part), wide(whole))
}

/// [`percent`] of counts that may exceed `usize`.
pub(crate) fn percent_of_counts(part: u64, whole: u64) -> Option<String> {
    let nearest = (u128::from(part) * 2000 + u128::from(whole)).checked_div(u128::from(whole) * 2)?;
    let tenths = match part {
        0 => 0,
        _ if part < whole => nearest.clamp(1, 999),
        _ => nearest,
    };
    Some(format!("{}.{}%", tenths / 10, tenths % 10))
}

/// A percentage with the counts it is made of: `55.6% (5 of 9)`, or `none in scope` where the whole is empty.
pub fn share(part: usize, whole: usize) -> String {
    percent(part, whole).map_or_else(|| "none in scope".to_owned(), |percent| format!("{percent} ({part} of {whole})"))
}

/// A count with its noun: `1 load balancer`, `2 load balancers`, `0 load balancers`. The plural is the noun with an s.
pub fn counted<N: Display + PartialEq + From<u8>>(count: N, noun: &str) -> String {
    let plural = if count == N::from(1) { "" } else { "s" };
    format!("{count} {noun}{plural}")
}

fn wide(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_rounded_and_never_to_nothing_or_everything() {
        for (part, whole, expected) in [
            (5, 9, "55.6% (5 of 9)"),
            (1, 3, "33.3% (1 of 3)"),
            (56, 58, "96.6% (56 of 58)"),
            (0, 7, "0.0% (0 of 7)"),
            (7, 7, "100.0% (7 of 7)"),
            (9_996, 10_000, "99.9% (9996 of 10000)"),
            (1, 20_000, "0.1% (1 of 20000)"),
            (0, 0, "none in scope"),
        ] {
            assert_eq!(share(part, whole), expected);
        }
        assert_eq!(percent_of_counts(u64::MAX, u64::MAX).as_deref(), Some("100.0%"));
        assert_eq!(percent_of_counts(u64::MAX - 1, u64::MAX).as_deref(), Some("99.9%"));
    }
}
