//! Values of flags as people write them: the standard library's messages name types, which mean nothing on a command line.

use std::ops::RangeInclusive;
use std::str::FromStr;

/// Reads a whole number of a flag.
///
/// # Errors
///
/// A sentence about what to write.
pub fn whole_number<T: FromStr>(text: &str) -> Result<T, String> {
    let is_digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.trim().parse().map_err(|_| match is_digits {
        true => "the number is too large".to_owned(),
        false => "write a whole number of 0 or more".to_owned(),
    })
}

/// Reads a whole number of a flag that has limits.
///
/// # Errors
///
/// A sentence about what to write.
pub fn whole_number_within(text: &str, limits: &RangeInclusive<u32>) -> Result<u32, String> {
    let number = text.trim().parse().ok().filter(|number| limits.contains(number));
    number.ok_or_else(|| format!("write a whole number from {} to {}", limits.start(), limits.end()))
}

/// Reads a number of a flag, which may have decimals.
///
/// # Errors
///
/// A sentence about what to write.
pub fn number(text: &str) -> Result<f64, String> {
    let number = text.trim().parse().ok().filter(|number: &f64| number.is_finite());
    number.ok_or_else(|| "write a number such as 99.5".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_and_their_errors_name_no_type() {
        assert_eq!((whole_number::<u32>("14"), whole_number::<usize>(" 0 ")), (Ok(14), Ok(0)));
        assert_eq!(number("99.5"), Ok(99.5));
        for wrong in ["", "x", "-1", "1.5", "1h", "99999999999999999999", "inf"] {
            let refused = whole_number::<u32>(wrong).expect_err(wrong);
            assert!(refused.contains("number") && !refused.contains("type"), "{wrong}: {refused}");
        }
        assert_eq!(whole_number_within("450", &(1..=450)), Ok(450));
        for wrong in ["0", "451", "-1", "x"] {
            let refused = whole_number_within(wrong, &(1..=450)).expect_err(wrong);
            assert_eq!(refused, "write a whole number from 1 to 450", "{wrong}");
        }
        for wrong in ["", "x", "inf", "nan", "1h"] {
            assert!(number(wrong).expect_err(wrong).contains("write a number"), "{wrong}");
        }
    }
}
