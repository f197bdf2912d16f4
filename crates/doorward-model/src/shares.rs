//! Shares and percentages: rounded to the nearest step, but never to nothing or to everything when that is not so.

/// A share in whole steps of `1 / steps`, rounded to the nearest; none of nothing. A part that is not empty is at least one step,
/// and a part that is not everything is at most one step less than everything, so that 99.96% never reads 100%.
pub fn share_in(steps: u64, part: u64, whole: u64) -> Option<u64> {
    let (wide_part, wide_whole, wide_steps) = (u128::from(part), u128::from(whole), u128::from(steps));
    let nearest = (wide_part * wide_steps * 2 + wide_whole).checked_div(wide_whole * 2)?;
    let nearest = u64::try_from(nearest).unwrap_or(u64::MAX);
    Some(match part {
        0 => 0,
        _ if part < whole => nearest.clamp(1, steps - 1),
        _ => nearest,
    })
}

/// A percentage with one decimal: `55.6%`; none of nothing.
pub fn percent(part: usize, whole: usize) -> Option<String> {
    let tenths = share_in(1000, wide(part), wide(whole))?;
    Some(format!("{}.{}%", tenths / 10, tenths % 10))
}

/// A percentage with the counts it is made of: `55.6% (5 of 9)`, or `none in scope` where the whole is empty.
pub fn share(part: usize, whole: usize) -> String {
    percent(part, whole).map_or_else(|| "none in scope".to_owned(), |percent| format!("{percent} ({part} of {whole})"))
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
        assert_eq!(share_in(1000, u64::MAX, u64::MAX), Some(1000));
        assert_eq!(share_in(10_000, u64::MAX - 1, u64::MAX), Some(9_999));
        assert_eq!(share_in(10_000, 2, 3), Some(6_667));
    }
}
