//! Values of which many are equal, each kept in memory once: a scan of 200,000 load balancers has some hundred different attributes, tags
//! and gaps.

use std::collections::HashSet;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

/// The number of values below which none is looked for that nothing holds any more.
const FEWEST: usize = 4_096;

/// A set of shared values. A value that nothing else holds is dropped when the pool has doubled.
pub(crate) struct Pool<T: ?Sized>(Mutex<Pooled<T>>);

struct Pooled<T: ?Sized> {
    /// Absent before the first value, because a set cannot be made in a constant.
    values: Option<HashSet<Arc<T>>>,
    sweep_at: usize,
}

impl<T: ?Sized + Eq + Hash> Pool<T> {
    pub(crate) const fn new() -> Self {
        Self(Mutex::new(Pooled { values: None, sweep_at: FEWEST }))
    }

    /// The value that equals `wanted`; `make` makes it where there is none.
    pub(crate) fn share(&self, wanted: &T, make: impl FnOnce() -> Arc<T>) -> Arc<T> {
        // A panic elsewhere leaves the set as it is: no step of a change is visible.
        let mut pooled = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Pooled { values, sweep_at } = &mut *pooled;
        let values = values.get_or_insert_default();
        if let Some(known) = values.get(wanted) {
            return known.clone();
        }
        if values.len() >= *sweep_at {
            values.retain(|value| Arc::strong_count(value) > 1);
            values.shrink_to_fit();
            *sweep_at = FEWEST.max(values.len() * 2);
        }
        let made = make();
        values.insert(made.clone());
        made
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_are_one_and_dropped_ones_are_forgotten() {
        let pool: Pool<str> = Pool::new();
        let share = |text: &str| pool.share(text, || text.into());
        let text = "defensive".to_owned();
        let (one, other) = (share("defensive"), share(&text));
        assert!(Arc::ptr_eq(&one, &other));
        for number in 0..20 * FEWEST {
            share(&number.to_string());
        }
        let pooled = pool.0.lock().expect("no panic");
        assert!(
            pooled.values.as_ref().is_some_and(|values| values.len() <= FEWEST + 1 && values.contains("defensive"))
        );
    }
}
