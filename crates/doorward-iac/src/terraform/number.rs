//! Numbers as exact fractions. Terraform calculates with 512 bits; a result that does not fit 127 bits is unknown here.

use std::cmp::Ordering;

/// A number as a reduced fraction with a positive denominator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Number {
    over: i128,
    under: i128,
}

impl Number {
    /// A fraction; `None` for a denominator of zero.
    fn new(over: i128, under: i128) -> Option<Self> {
        if under == 0 || over == i128::MIN || under == i128::MIN {
            return None;
        }
        let (mut a, mut b) = (over.unsigned_abs(), under.unsigned_abs());
        while b != 0 {
            (a, b) = (b, a % b);
        }
        let divisor = i128::try_from(a.max(1)).ok()? * under.signum();
        Some(Self { over: over / divisor, under: under / divisor })
    }

    /// A number from its text: digits with an optional sign, fraction and exponent.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
            None => (text, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let unsigned = whole.strip_prefix(['-', '+']).unwrap_or(whole);
        if unsigned.is_empty() || !is_digits(unsigned) || !is_digits(fraction) {
            return None;
        }
        let over = format!("{whole}{fraction}").parse::<i128>().ok()?;
        let scale = i32::try_from(fraction.len()).ok()?.checked_sub(exponent)?;
        let power = 10_i128.checked_pow(scale.unsigned_abs())?;
        if scale >= 0 { Self::new(over, power) } else { Self::new(over.checked_mul(power)?, 1) }
    }

    /// A whole number.
    pub(super) fn whole(number: usize) -> Self {
        Self { over: i128::try_from(number).unwrap_or_default(), under: 1 }
    }

    /// The number as an index or count.
    pub(super) fn as_index(self) -> Option<usize> {
        if self.under == 1 { usize::try_from(self.over).ok() } else { None }
    }

    /// The number as a whole number.
    pub(super) fn as_whole(self) -> Option<i128> {
        (self.under == 1).then_some(self.over)
    }

    /// Whether it is less than zero.
    pub(super) fn is_negative(self) -> bool {
        self.over < 0
    }

    pub(super) fn negated(self) -> Self {
        Self { over: -self.over, ..self }
    }

    pub(super) fn plus(self, other: Self) -> Option<Self> {
        let left = self.over.checked_mul(other.under)?;
        let right = other.over.checked_mul(self.under)?;
        Self::new(left.checked_add(right)?, self.under.checked_mul(other.under)?)
    }

    pub(super) fn times(self, other: Self) -> Option<Self> {
        Self::new(self.over.checked_mul(other.over)?, self.under.checked_mul(other.under)?)
    }

    /// The quotient; `None` for a division by zero.
    pub(super) fn divided_by(self, other: Self) -> Option<Self> {
        Self::new(self.over.checked_mul(other.under)?, self.under.checked_mul(other.over)?)
    }

    /// The remainder, which has the sign of the dividend.
    pub(super) fn modulo(self, other: Self) -> Option<Self> {
        let quotient = self.divided_by(other)?;
        let whole = Self { over: quotient.over / quotient.under, under: 1 };
        self.plus(other.times(whole)?.negated())
    }

    /// The largest whole number that is not greater.
    pub(super) fn floor(self) -> Self {
        Self { over: self.over.div_euclid(self.under), under: 1 }
    }

    /// The smallest whole number that is not less.
    pub(super) fn ceil(self) -> Self {
        self.negated().floor().negated()
    }

    /// Compares two numbers; `None` if they are too large to compare.
    pub(super) fn compare(self, other: Self) -> Option<Ordering> {
        Some(self.over.checked_mul(other.under)?.cmp(&other.over.checked_mul(self.under)?))
    }

    /// The decimal text as Terraform prints it; `None` for a fraction that does not end.
    pub(super) fn text(self) -> Option<String> {
        let (mut scale, mut under, mut over) = (0_usize, self.under, self.over);
        while under != 1 {
            if scale > 36 {
                return None;
            }
            over = over.checked_mul(10)?;
            scale += 1;
            let reduced = Self::new(over, under)?;
            (over, under) = (reduced.over, reduced.under);
        }
        let digits = format!("{:0>width$}", over.unsigned_abs(), width = scale + 1);
        let (whole, fraction) = digits.split_at(digits.len() - scale);
        let sign = if over < 0 { "-" } else { "" };
        Some(if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts() {
        for (text, expected) in [
            ("1", Some("1")),
            ("1.50", Some("1.5")),
            ("-0.25", Some("-0.25")),
            ("1e3", Some("1000")),
            ("25e-1", Some("2.5")),
            ("0", Some("0")),
            ("", None),
            ("-", None),
            ("x", None),
            ("1.x", None),
            ("1e99", None),
        ] {
            let number = Number::parse(text).and_then(Number::text);
            assert_eq!(number.as_deref(), expected, "{text}");
        }
        let (ten, three) = (Number::whole(10), Number::whole(3));
        let third = ten.divided_by(three).unwrap();
        assert_eq!(third.text(), None);
        assert_eq!((third.floor().text(), third.ceil().text()), (Some("3".into()), Some("4".into())));
        assert_eq!(third.times(three).unwrap(), ten);
        assert_eq!(ten.negated().modulo(three).and_then(Number::text).as_deref(), Some("-1"));
        assert_eq!(ten.divided_by(Number::whole(0)), None);
    }
}
