//! Amounts of money: exact decimal numbers with their currency. Binary fractions cannot hold 0.1, so sums of them do not add up.

use std::fmt;
use std::iter::Sum;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Decimal places of a [`Decimal`]: exports that were written from binary fractions have up to 24.
const PLACES: u32 = 24;

/// 1, in units of 10^-24.
const ONE: i128 = 10_i128.pow(PLACES);

/// An exact decimal number: a multiple of 10^-24, up to 1.7 * 10^14.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, JsonSchema)]
#[schemars(with = "String")]
pub struct Decimal(i128);

/// Why a text is no decimal number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDecimal {
    /// It is written in another way.
    #[error("is not a decimal number such as 12.34 or -1.5E-3")]
    Form,
    /// It has too many digits.
    #[error("is beyond 10^14")]
    TooLarge,
}

impl Decimal {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// The sum; the largest number where it would be beyond it.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// The number times a fraction, rounded towards zero in the last place; none beyond the largest number, and of no part.
    pub fn times(self, numerator: u64, denominator: u64) -> Option<Self> {
        let product = self.0.checked_mul(i128::from(numerator))?;
        product.checked_div(i128::from(denominator)).map(Self)
    }

    /// The same amount with the other sign.
    #[must_use]
    pub const fn opposite(self) -> Self {
        Self(-self.0)
    }

    /// Whether it is less than nothing: a credit or refund.
    pub const fn is_negative(self) -> bool {
        self.0 < 0
    }

    /// With two decimal places, rounded half away from zero: `12.35`.
    pub fn cents(self) -> String {
        let unit = ONE / 100;
        let half = if self.0 < 0 { -unit / 2 } else { unit / 2 };
        let cents = self.0.saturating_add(half) / unit;
        let sign = if cents < 0 { "-" } else { "" };
        let cents = cents.unsigned_abs();
        format!("{sign}{}.{:02}", cents / 100, cents % 100)
    }
}

impl FromStr for Decimal {
    type Err = InvalidDecimal;

    /// Reads `12.34`, `-0.5`, `.5` and `1.5E-7`. What is beyond the 24th decimal place is rounded to the nearest, half to even.
    fn from_str(text: &str) -> Result<Self, InvalidDecimal> {
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            None => (text, 0),
            Some((mantissa, exponent)) => {
                let is_plain = exponent.trim_start_matches(['+', '-']).len() <= 4;
                (mantissa, exponent.parse::<i32>().ok().filter(|_| is_plain).ok_or(InvalidDecimal::Form)?)
            }
        };
        let (negative, digits) = match mantissa.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, mantissa.strip_prefix('+').unwrap_or(mantissa)),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let all = || whole.bytes().chain(fraction.bytes());
        if all().next().is_none() || !all().all(|digit| digit.is_ascii_digit()) {
            return Err(InvalidDecimal::Form);
        }
        // The value is `all digits` * 10^shift, in units of 10^-24.
        let places = i32::try_from(fraction.len()).map_err(|_| InvalidDecimal::Form)?;
        let shift = i32::try_from(PLACES).unwrap_or(i32::MAX) + exponent - places;
        let digits: Vec<i128> = all().map(|digit| i128::from(digit - b'0')).collect();
        let kept = match usize::try_from(shift.saturating_neg()) {
            Ok(cut) => digits.len().saturating_sub(cut),
            Err(_) => digits.len(),
        };
        let append = |sum: i128, digit: i128| sum.checked_mul(10)?.checked_add(digit);
        let mut units = 0_i128;
        for digit in digits.iter().take(kept) {
            units = append(units, *digit).ok_or(InvalidDecimal::TooLarge)?;
        }
        for _ in 0..shift.max(0) {
            if units == 0 {
                break;
            }
            units = append(units, 0).ok_or(InvalidDecimal::TooLarge)?;
        }
        // Where more digits are cut than there are, the first one is not the one behind the last place.
        let is_near = usize::try_from(shift.saturating_neg()).is_ok_and(|cut| cut <= digits.len());
        let cut = digits.get(kept..).filter(|_| is_near).unwrap_or_default();
        if let Some((first, rest)) = cut.split_first() {
            let is_more = *first > 5 || (*first == 5 && rest.iter().any(|digit| *digit > 0));
            let is_half = *first == 5 && !is_more;
            units += i128::from(is_more || (is_half && units % 2 == 1));
        }
        Ok(Self(if negative { -units } else { units }))
    }
}

impl fmt::Display for Decimal {
    /// All decimal places, without zeros at the end: `12.345`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, fraction) =
            (self.0.unsigned_abs() / ONE.unsigned_abs(), self.0.unsigned_abs() % ONE.unsigned_abs());
        let sign = if self.0 < 0 { "-" } else { "" };
        let fraction = format!("{fraction:024}");
        match fraction.trim_end_matches('0') {
            "" => f.pad(&format!("{sign}{whole}")),
            fraction => f.pad(&format!("{sign}{whole}.{fraction}")),
        }
    }
}

impl Sum for Decimal {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Self::plus)
    }
}

impl Serialize for Decimal {
    /// As text: JSON numbers are binary fractions to most programs.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|error| serde::de::Error::custom(format!("{text:?} {error}")))
    }
}

/// An amount in a currency.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Money {
    /// The currency, as ISO 4217 names it: `USD`.
    pub currency: String,
    /// The amount, exact, as text.
    pub amount: Decimal,
}

impl fmt::Display for Money {
    /// `USD 16.43`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{} {}", self.currency, self.amount.cents()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_exact() {
        for (text, exact, cents) in [
            ("0", "0", "0.00"),
            ("16.425", "16.425", "16.43"),
            ("-16.425", "-16.425", "-16.43"),
            (".5", "0.5", "0.50"),
            ("+5.", "5", "5.00"),
            ("0.0225000000", "0.0225", "0.02"),
            ("1.5E-7", "0.00000015", "0.00"),
            ("2.9999999999999997E-4", "0.00029999999999999997", "0.00"),
            ("1e3", "1000", "1000.00"),
            ("-0.004", "-0.004", "0.00"),
            ("0.0000000000000000000000005", "0", "0.00"),
            ("0.0000000000000000000000015", "0.000000000000000000000002", "0.00"),
            ("0.0000000000000000000000025", "0.000000000000000000000002", "0.00"),
            ("0.00000000000000000000000251", "0.000000000000000000000003", "0.00"),
            ("9E-30", "0", "0.00"),
            ("99999999999999.99", "99999999999999.99", "99999999999999.99"),
        ] {
            let decimal: Decimal = text.parse().unwrap_or_else(|error| panic!("{text} {error}"));
            assert_eq!((decimal.to_string(), decimal.cents()), (exact.to_owned(), cents.to_owned()), "{text}");
            assert_eq!(exact.parse(), Ok(decimal), "{text}");
        }
        for text in ["", "-", ".", "1,5", "1.2.3", "abc", "1e", "1e99999", "0x1", "１", "NaN", "1 "] {
            assert_eq!(text.parse::<Decimal>(), Err(InvalidDecimal::Form), "{text:?}");
        }
        assert_eq!("1e15".parse::<Decimal>(), Err(InvalidDecimal::TooLarge));
    }

    #[test]
    fn a_thousand_tenths_are_a_hundred() {
        let tenth: Decimal = "0.1".parse().expect("valid");
        let sum: Decimal = std::iter::repeat_n(tenth, 1_000).sum();
        assert_eq!(sum.to_string(), "100");
        assert_eq!(tenth.times(730, 1).map(|all| all.to_string()).as_deref(), Some("73"));
        assert_eq!(tenth.times(1, 3).map(|third| third.to_string().len()), Some(26));
    }
}
