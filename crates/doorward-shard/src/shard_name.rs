//! The name of a shard: `3/16` is the third of sixteen.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The largest number of shards. More would hold so few account-Regions that each costs more to start than to read.
const MOST: u32 = 10_000;

/// One of several shards of a scan; numbers begin at 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Shard {
    number: u32,
    of: u32,
}

/// A text that is not the name of a shard.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a shard: write its number and the number of shards, such as 3/16 (from 1/1 to {MOST}/{MOST})")]
pub struct InvalidShard {
    text: String,
}

impl Shard {
    /// Its number, from 1.
    pub const fn number(self) -> u32 {
        self.number
    }

    /// The number of shards.
    pub const fn of(self) -> u32 {
        self.of
    }

    /// Every shard of a scan.
    pub fn all(of: u32) -> impl Iterator<Item = Self> {
        (1..=of).map(move |number| Self { number, of })
    }
}

impl FromStr for Shard {
    type Err = InvalidShard;

    fn from_str(text: &str) -> Result<Self, InvalidShard> {
        // Digits alone: a parsed number would also accept a plus sign.
        let number = |part: &str| part.bytes().all(|b| b.is_ascii_digit()).then(|| part.parse::<u32>().ok()).flatten();
        let parts = text.split_once('/').and_then(|(number_text, of)| Some((number(number_text)?, number(of)?)));
        match parts {
            Some((number, of)) if (1..=of).contains(&number) && of <= MOST => Ok(Self { number, of }),
            _ => Err(InvalidShard { text: text.to_owned() }),
        }
    }
}

impl TryFrom<String> for Shard {
    type Error = InvalidShard;

    fn try_from(text: String) -> Result<Self, InvalidShard> {
        text.parse()
    }
}

impl From<Shard> for String {
    fn from(shard: Shard) -> Self {
        shard.to_string()
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
}

/// The paths of a pattern with one range of numbers, as a shell expands it: `part-{1..16}.json`. A path without one is itself. An engine
/// that starts the program without a shell names all parts by it.
///
/// # Errors
/// The range is not one of numbers from a smaller to a larger one, or has more than 10,000 of them.
pub fn expand_numbers(pattern: &str) -> Result<Vec<String>, String> {
    let Some((before, rest)) = pattern.split_once('{') else { return Ok(vec![pattern.to_owned()]) };
    let Some((range, after)) = rest.split_once('}') else { return Ok(vec![pattern.to_owned()]) };
    let Some((from, to)) = range.split_once("..") else { return Ok(vec![pattern.to_owned()]) };
    match (from.parse::<u32>(), to.parse::<u32>()) {
        (Ok(from), Ok(to)) if from <= to && to - from < MOST => {
            Ok((from..=to).map(|number| format!("{before}{number}{after}")).collect())
        }
        _ => Err(format!("{pattern}: {{{range}}} is not a range of at most {MOST} numbers, such as {{1..16}}")),
    }
}

/// The paths of several patterns.
///
/// # Errors
/// As [`expand_numbers`].
pub fn expand_all(patterns: &[String]) -> Result<Vec<PathBuf>, String> {
    let expanded = patterns.iter().map(|pattern| expand_numbers(pattern)).collect::<Result<Vec<_>, _>>()?;
    Ok(expanded.into_iter().flatten().map(PathBuf::from).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_have_a_number_and_a_total() {
        for text in ["1/1", "3/16", "16/16", "10000/10000"] {
            assert_eq!(text.parse::<Shard>().expect("a shard").to_string(), text);
        }
        for text in ["", "3", "0/4", "5/4", "1/0", "+1/4", "1/4/4", "1 / 4", "a/b", "1/10001", "-1/4", "/", "1/"] {
            assert!(text.parse::<Shard>().is_err(), "{text}");
        }
        assert_eq!(Shard::all(3).map(|shard| shard.to_string()).collect::<Vec<_>>(), ["1/3", "2/3", "3/3"]);
    }

    #[test]
    fn ranges_of_numbers_are_expanded() {
        let expanded = |pattern: &str| expand_numbers(pattern).expect("a pattern");
        assert_eq!(expanded("a/part-{1..3}.json"), ["a/part-1.json", "a/part-2.json", "a/part-3.json"]);
        for same in ["part.json", "{}", "{a}", "part-{1.json"] {
            assert_eq!(expanded(same), [same]);
        }
        for bad in ["{3..1}", "{1..x}", "{0..10000}", "{..}"] {
            assert!(expand_numbers(bad).is_err(), "{bad}");
        }
    }
}
