//! Strings that are stored once and referred to by number.

use std::collections::BTreeMap;

/// A list without repetition, in the order of first use.
#[derive(Debug)]
pub(crate) struct Interned<T> {
    numbers: BTreeMap<T, usize>,
    values: Vec<T>,
}

impl<T> Default for Interned<T> {
    fn default() -> Self {
        Self { numbers: BTreeMap::new(), values: Vec::new() }
    }
}

impl<T: Ord + Clone> Interned<T> {
    /// The number of a value; a new one for a new value.
    pub(crate) fn number(&mut self, value: T) -> usize {
        if let Some(number) = self.numbers.get(&value) {
            return *number;
        }
        let number = self.values.len();
        self.values.push(value.clone());
        self.numbers.insert(value, number);
        number
    }

    /// The values, each at its number.
    pub(crate) fn into_values(self) -> Vec<T> {
        self.values
    }
}
