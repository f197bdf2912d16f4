//! How many different client addresses there were, in 64 bytes: a sketch that merges.
//!
//! Each address is hashed. Six bits of the hash choose a register, which keeps the longest run of zeros that the other bits began with:
//! a run of n zeros is seen about once in 2^n addresses (Flajolet and others, HyperLogLog). The standard error is 13%, which suffices
//! for the denominator of a bound; the bound uses an estimate that is lowered by twice that.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Registers; a power of two.
const REGISTERS: usize = 64;
/// The characters of a saved register: the length of a run.
const DIGITS: &[u8; 62] = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// The client addresses of one day. Saved as one character for each register, or as `=` and a number where Athena counted them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct ClientSketch {
    registers: [u8; REGISTERS],
    /// As counted elsewhere.
    counted: u64,
}

impl Default for ClientSketch {
    fn default() -> Self {
        Self { registers: [0; REGISTERS], counted: 0 }
    }
}

impl ClientSketch {
    /// So many addresses, counted elsewhere.
    pub fn counted(addresses: u64) -> Self {
        Self { counted: addresses, ..Self::default() }
    }

    /// Adds an address.
    #[inline]
    pub(crate) fn add(&mut self, address: &[u8]) {
        self.put(hash(address));
    }

    /// Adds the address that is the first so many bytes of a text.
    #[inline(always)]
    pub(crate) fn add_start(&mut self, text: &[u8], length: usize) {
        match text.first_chunk::<16>() {
            Some(start) if length <= start.len() => {
                let rest = u128::MAX.checked_shr(128 - 8 * length as u32).unwrap_or(0);
                self.put(mix(u128::from_le_bytes(*start) & rest));
            }
            _ => self.put(hash(&text[..length])),
        }
    }

    #[inline(always)]
    fn put(&mut self, hash: u64) {
        // At most 58 zeros: the six bits of the register's number are not part of the run.
        let run = ((hash | (REGISTERS as u64 - 1)).leading_zeros() + 1) as u8;
        let register = &mut self.registers[hash as usize % REGISTERS];
        *register = (*register).max(run);
    }

    /// Adds another count.
    pub fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.registers.iter_mut().zip(other.registers) {
            *mine = (*mine).max(theirs);
        }
        self.counted = self.counted.max(other.counted);
    }

    /// A number of addresses that there were at least, but in one of forty cases.
    pub fn at_least(&self) -> u64 {
        let used = self.registers.iter().filter(|run| **run > 0).count();
        let (all, free) = (REGISTERS as f64, (REGISTERS - used) as f64);
        let sum: f64 = self.registers.iter().map(|run| 0.5_f64.powi(i32::from(*run))).sum();
        let estimate = 0.709 * all * all / sum;
        // Few addresses: the share of free registers is more exact.
        let estimate = if estimate <= 2.5 * all && free > 0.0 { all * (all / free).ln() } else { estimate };
        let error = 1.04 / all.sqrt();
        ((estimate * (1.0 - 2.0 * error)) as u64).max(used as u64).max(self.counted)
    }
}

/// Mixes the bytes of an address.
#[inline]
fn hash(address: &[u8]) -> u64 {
    let mut start = [0; 16];
    if address.len() > start.len() {
        return long(address);
    }
    start[..address.len()].copy_from_slice(address);
    mix(u128::from_le_bytes(start))
}

/// The same of an address that does not fit a word: of IPv6.
fn long(address: &[u8]) -> u64 {
    let mut hash = 0_u64;
    for part in address.chunks(16) {
        let mut word = [0; 16];
        word[..part.len()].copy_from_slice(part);
        hash = mix(u128::from_le_bytes(word) ^ u128::from(hash));
    }
    hash
}

/// All bits of the result depend on all of the word (the finish of MurmurHash3 for both halves).
#[inline(always)]
fn mix(word: u128) -> u64 {
    let (low, high) = (word as u64, (word >> 64) as u64);
    let mut hash = low.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ high.wrapping_mul(0xff51_afd7_ed55_8ccd).rotate_left(32);
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

impl From<ClientSketch> for String {
    fn from(sketch: ClientSketch) -> Self {
        if sketch.counted > 0 {
            return format!("={}", sketch.counted);
        }
        let digit = |run: &u8| char::from(DIGITS[usize::from(*run) % DIGITS.len()]);
        sketch.registers.iter().map(digit).collect()
    }
}

impl TryFrom<String> for ClientSketch {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let wrong = || {
            format!(
                "{text:?} is not a sketch of clients, which is {REGISTERS} characters, or = and a \
             number"
            )
        };
        if let Some(counted) = text.strip_prefix('=') {
            return counted.parse().map(Self::counted).map_err(|_| wrong());
        }
        let digits: Option<Vec<u8>> =
            text.bytes().map(|byte| DIGITS.iter().position(|digit| *digit == byte).map(|run| run as u8)).collect();
        let registers = digits.and_then(|digits| digits.try_into().ok()).ok_or_else(wrong)?;
        Ok(Self { registers, counted: 0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn estimates_are_rarely_too_high_and_never_far_too_low() {
        let (mut high, mut runs) = (0, 0);
        for addresses in [1_u32, 2, 5, 20, 60, 150, 400, 3_000, 50_000] {
            for seed in 0..40_u32 {
                let (mut one, mut other) = (ClientSketch::default(), ClientSketch::default());
                for number in 0..addresses {
                    let address = format!("{}.{}.{}.{seed}", number >> 16, number >> 8 & 255, number & 255);
                    if number % 2 == 0 {
                        one.add(address.as_bytes())
                    } else {
                        other.add(address.as_bytes())
                    }
                    one.add(b"0.0.0.0");
                }
                one.merge(&other);
                let least = one.at_least();
                assert!(least * 2 >= u64::from(addresses), "{addresses}: {least}");
                high += u32::from(least > u64::from(addresses) + 1);
                runs += 1;
                let saved = serde_json::to_string(&one).expect("a text");
                assert_eq!(serde_json::from_str::<ClientSketch>(&saved).expect("the same"), one);
            }
        }
        assert!(high * 20 < runs, "{high} of {runs}");
        assert_eq!((ClientSketch::default().at_least(), ClientSketch::counted(7).at_least()), (0, 7));
        for bad in ["\"\"", "\"=x\"", "\"000\""] {
            assert!(serde_json::from_str::<ClientSketch>(bad).is_err(), "{bad}");
        }
    }
}
