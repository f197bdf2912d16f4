//! Exact bounds of a fraction (Clopper and Pearson).

/// The largest fraction that is consistent, at 95% confidence, with having seen this many among that many: Clopper and Pearson's
/// upper bound, one-sided. With none seen it is 1 - 0.05^(1/n), about 3/n. It holds for independent events that are like those seen.
/// None if nothing was looked at.
pub fn upper_95(seen: u64, among: u64) -> Option<f64> {
    if among == 0 || seen > among {
        return None;
    }
    let n = among as f64;
    if seen == 0 {
        // Not 1 - 0.05^(1/n), which loses its digits for large n.
        return Some(-(0.05_f64.ln() / n).exp_m1());
    }
    if seen == among {
        return Some(1.0);
    }
    // The fraction at which so few are seen in one of twenty cases.
    let (mut low, mut high) = (seen as f64 / n, 1.0);
    let choices = log_choices(among, seen);
    while high - low > high * 1e-12 {
        let middle = f64::midpoint(low, high);
        if middle <= low || middle >= high {
            break;
        }
        if at_most(seen, among, middle, choices) > 0.05 { low = middle } else { high = middle }
    }
    Some(high)
}

/// The logarithm of the number of ways to choose.
fn log_choices(among: u64, chosen: u64) -> f64 {
    let fewer = chosen.min(among - chosen);
    (1..=fewer).map(|i| ((among - fewer + i) as f64 / i as f64).ln()).sum()
}

/// The probability to see at most so many, for a fraction above the one that was seen: the terms shrink downwards from the last.
fn at_most(seen: u64, among: u64, fraction: f64, log_choices: f64) -> f64 {
    let (k, n) = (seen as f64, among as f64);
    let last = (log_choices + k * fraction.ln() + (n - k) * (-fraction).ln_1p()).exp();
    let (mut sum, mut term) = (1.0, 1.0);
    let mut left = k;
    while left > 0.0 {
        term *= left * (1.0 - fraction) / ((n - left + 1.0) * fraction);
        sum += term;
        if term < sum * 1e-16 {
            break;
        }
        left -= 1.0;
    }
    last * sum
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn bounds_are_exact() {
        let close = |bound: Option<f64>, wanted: f64| {
            assert!((bound.expect("some") / wanted - 1.0).abs() < 1e-4, "{bound:?} {wanted}");
        };
        // 1 - 0.05^(1/n), by hand.
        close(upper_95(0, 1), 0.95);
        close(upper_95(0, 10), 0.258_866);
        close(upper_95(0, 3_000), 0.000_998_08);
        close(upper_95(0, 1_000_000_000_000), 2.995_73e-12);
        // Tables of Clopper and Pearson: 1 of 10, 2 of 10, 1 of 2 (1 - sqrt(0.05)'s complement).
        close(upper_95(1, 10), 0.394_163);
        close(upper_95(2, 10), 0.506_901);
        close(upper_95(1, 2), 0.974_679);
        close(upper_95(1, 2_000), 0.002_369_6);
        // Poisson's 4.743865 for one event.
        close(upper_95(1, 1_000_000_000_000), 4.743_865e-12);
        assert_eq!((upper_95(0, 0), upper_95(2, 1), upper_95(5, 5)), (None, None, Some(1.0)));
    }

    proptest! {
        #[test]
        fn the_bound_is_where_so_few_are_rare(among in 2_u64..60, part in 0.0_f64..1.0) {
            let seen = (part * (among - 1) as f64) as u64;
            let bound = upper_95(seen, among).expect("some");
            // Pascal's way: the distribution by adding one try after the other.
            let mut chance = vec![0.0; among as usize + 1];
            chance[0] = 1.0;
            for tries in 1..=among as usize {
                for hits in (0..=tries).rev() {
                    let hit = if hits > 0 { chance[hits - 1] * bound } else { 0.0 };
                    chance[hits] = chance[hits] * (1.0 - bound) + hit;
                }
            }
            let few: f64 = chance[..=seen as usize].iter().sum();
            prop_assert!((few - 0.05).abs() < 1e-6, "{few} {bound}");
        }

        #[test]
        fn more_seen_means_a_higher_bound(seen in 0_u64..1_000, among in 1_000_u64..100_000) {
            let bound = |seen, among| upper_95(seen, among).expect("some");
            prop_assert!(bound(seen + 1, among) >= bound(seen, among));
            prop_assert!(bound(seen, among + 1_000) <= bound(seen, among));
        }
    }
}
