//! Probabilities of counts and of means, for statements about what chance alone can do.
//!
//! All of them come from one function, the regularized incomplete beta function. Its continued fraction and Lanczos's
//! approximation of the gamma function are textbook methods (Abramowitz and Stegun, 26.5.8 and 6.1.50).

/// Steps of the continued fraction; it converges in about the square root of its larger argument.
const STEPS: u32 = 100_000;
/// Relative error at which the fraction has converged.
const ENOUGH: f64 = 1e-14;

/// The regularized incomplete beta function: the probability that a beta-distributed variable with shapes `a` and `b`, both above 0, is
/// at most `x`.
pub fn beta_at_most(a: f64, b: f64, x: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    let front = (ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b) + a * x.ln() + b * (-x).ln_1p()).exp();
    // The fraction converges fast on this side only; the other side follows by symmetry.
    if x < (a + 1.0) / (a + b + 2.0) {
        front * fraction(a, b, x) / a
    } else {
        1.0 - front * fraction(b, a, 1.0 - x) / b
    }
}

/// The probability of at least `least` successes in `trials` independent trials that each succeed with probability `p`.
pub fn at_least(least: u64, trials: u64, p: f64) -> f64 {
    match least {
        0 => 1.0,
        least if least > trials => 0.0,
        least => beta_at_most(least as f64, (trials - least + 1) as f64, p),
    }
}

/// The value that a variable with Student's t distribution exceeds with the probability `risk` (between 0 and 0.5). `free`, the degrees
/// of freedom, is at least 1; with few of them it lies far above the one of a normal distribution.
pub fn student_t(risk: f64, free: f64) -> f64 {
    let beyond = |t: f64| beta_at_most(free / 2.0, 0.5, free / (free + t * t)) / 2.0;
    let mut high = 1.0;
    while beyond(high) > risk && high < 1e12 {
        high *= 2.0;
    }
    let mut low = 0.0;
    for _ in 0..50 {
        let middle = f64::midpoint(low, high);
        if beyond(middle) > risk { low = middle } else { high = middle }
    }
    high
}

/// Lentz's evaluation of the continued fraction of the incomplete beta function.
fn fraction(a: f64, b: f64, x: f64) -> f64 {
    let away = |value: f64| if value.abs() < 1e-300 { 1e-300 } else { value };
    let mut c = 1.0;
    let mut d = 1.0 / away(1.0 - (a + b) * x / (a + 1.0));
    let mut value = d;
    for step in 1..=STEPS {
        let m = f64::from(step);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let mut change = 1.0;
        for part in [even, odd] {
            d = 1.0 / away(1.0 + part * d);
            c = away(1.0 + part / c);
            change = c * d;
            value *= change;
        }
        if (change - 1.0).abs() < ENOUGH {
            break;
        }
    }
    value
}

/// The logarithm of the gamma function of a number above 0.
fn ln_gamma(x: f64) -> f64 {
    const TERMS: [f64; 9] = [
        0.999_999_999_999_809_9,
        676.520_368_121_885_1,
        -1_259.139_216_722_402_8,
        771.323_428_777_653_1,
        -176.615_029_162_140_6,
        12.507_343_278_686_905,
        -0.138_571_095_265_720_12,
        9.984_369_578_019_572e-6,
        1.505_632_735_149_311_6e-7,
    ];
    if x < 0.5 {
        // The reflection formula.
        return (std::f64::consts::PI / (std::f64::consts::PI * x).sin()).ln() - ln_gamma(1.0 - x);
    }
    let x = x - 1.0;
    let sum = TERMS.iter().enumerate().skip(1).fold(TERMS[0], |sum, (place, term)| sum + term / (x + place as f64));
    let t = x + 7.5;
    0.5 * (2.0 * std::f64::consts::PI).ln() + (x + 0.5) * t.ln() - t + sum.ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(found: f64, expected: f64, error: f64) {
        assert!((found - expected).abs() <= error * expected.abs().max(1e-12), "{found} is not {expected}");
    }

    #[test]
    fn bounds_are_those_of_the_tables() {
        // Tables of Student's t: one-sided 2.5%, 0.5% and 0.1%.
        for (free, at_25, at_5, at_1) in [
            (1.0, 12.7062, 63.6567, 318.3088),
            (2.0, 4.3027, 9.9248, 22.3271),
            (7.0, 2.3646, 3.4995, 4.7853),
            (13.0, 2.1604, 3.0123, 3.8520),
            (120.0, 1.9799, 2.6174, 3.1595),
        ] {
            near(student_t(0.025, free), at_25, 1e-4);
            near(student_t(0.005, free), at_5, 1e-4);
            near(student_t(0.001, free), at_1, 1e-4);
        }
        near(student_t(0.025, 1e6), 1.959_966, 1e-5);
    }

    #[test]
    fn successes_are_counted_exactly() {
        // By adding up: 10 trials of one in three.
        let choose = [1.0, 10.0, 45.0, 120.0, 210.0, 252.0, 210.0, 120.0, 45.0, 10.0, 1.0];
        for least in 0..=10_u64 {
            let sum: f64 = (least..=10)
                .map(|k| choose[k as usize] * (1.0_f64 / 3.0).powi(k as i32) * (2.0_f64 / 3.0).powi(10 - k as i32))
                .sum();
            near(at_least(least, 10, 1.0 / 3.0), sum, 1e-10);
        }
        assert_eq!((at_least(0, 5, 0.2), at_least(6, 5, 0.9)), (1.0, 0.0));
        // A million trials: half of them is as likely as not.
        near(at_least(500_000, 1_000_000, 0.5), 0.500_398_9, 1e-6);
    }

    #[test]
    fn known_values_of_the_beta_function() {
        near(beta_at_most(2.0, 3.0, 0.4), 0.524_8, 1e-12);
        near(beta_at_most(0.5, 0.5, 0.25), 1.0 / 3.0, 1e-12);
        assert_eq!((beta_at_most(2.0, 3.0, 0.0), beta_at_most(2.0, 3.0, 1.0)), (0.0, 1.0));
    }
}
