//! Memory for objects that are unpacked whole: one budget for all threads, in buffers that are kept and handed on.
//!
//! Whole objects take two thirds of the time of objects in pieces, and memory. What one thread does not need, another may take, so that the
//! size that is unpacked whole does not shrink with the number of threads.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

/// The budget of a run, in bytes: with everything else that a run holds it stays below 64 MB.
const BUDGET: usize = 40 * 1024 * 1024;
/// Buffers are of multiples of this size, so that one fits many objects.
const STEP: usize = 1024 * 1024;

/// The buffers of a run.
#[derive(Debug)]
pub(crate) struct LineBuffers {
    budget: usize,
    processors: usize,
    state: Mutex<Kept>,
    returned: Condvar,
}

#[derive(Debug, Default)]
struct Kept {
    idle: Vec<Vec<u8>>,
    /// The bytes of all buffers, idle or not.
    bytes: usize,
}

impl LineBuffers {
    /// The buffers of a run on this machine.
    pub(crate) fn of_run() -> Arc<Self> {
        Self::new(BUDGET, std::thread::available_parallelism().map_or(1, usize::from))
    }

    fn new(budget: usize, processors: usize) -> Arc<Self> {
        Arc::new(Self { budget, processors, state: Mutex::default(), returned: Condvar::new() })
    }

    /// A buffer of at least so many bytes, when there is one; none for objects that are to be read in pieces: they exceed the budget, or
    /// so many processors would wait for so few buffers that pieces are faster.
    pub(crate) fn take(self: &Arc<Self>, bytes: usize) -> Option<LineBuffer> {
        let wanted = bytes.max(1).checked_next_multiple_of(STEP)?;
        if wanted > self.budget {
            return None;
        }
        // Pieces take half as long again.
        let at_once = self.budget / wanted;
        let waits = 2 * self.processors <= 3 * at_once;
        let mut kept = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(bytes) = kept.take(wanted, self.budget) {
                return Some(LineBuffer { bytes, of: Arc::clone(self) });
            }
            if !waits {
                return None;
            }
            kept = self.returned.wait(kept).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Kept {
    /// The smallest idle buffer that fits; otherwise a new one, in place of idle ones if need be.
    fn take(&mut self, wanted: usize, budget: usize) -> Option<Vec<u8>> {
        let fitting = self.idle.iter().enumerate().filter(|(_, buffer)| buffer.len() >= wanted);
        if let Some((place, _)) = fitting.min_by_key(|(_, buffer)| buffer.len()) {
            return Some(self.idle.swap_remove(place));
        }
        while self.bytes + wanted > budget {
            self.bytes -= self.idle.pop()?.len();
        }
        self.bytes += wanted;
        Some(vec![0; wanted])
    }
}

/// A buffer that goes back when it is dropped. Its bytes are those of an earlier object.
#[derive(Debug)]
pub(crate) struct LineBuffer {
    bytes: Vec<u8>,
    of: Arc<LineBuffers>,
}

impl Deref for LineBuffer {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl DerefMut for LineBuffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.bytes
    }
}

impl Drop for LineBuffer {
    fn drop(&mut self) {
        let mut kept = self.of.state.lock().unwrap_or_else(PoisonError::into_inner);
        kept.idle.push(std::mem::take(&mut self.bytes));
        // All, because those that wait want different sizes.
        self.of.returned.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn the_sum_stays_within_the_budget() {
        let buffers = LineBuffers::new(8 * STEP, 1);
        let (used, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for thread in 0..6 {
                let (buffers, used, most) = (&buffers, &used, &most);
                scope.spawn(move || {
                    for turn in 0..200_usize {
                        let wanted = 1 + (turn * 7 + thread * 3) % 8 * STEP;
                        let buffer = buffers.take(wanted).expect("within the budget");
                        assert!(buffer.len() >= wanted);
                        let now = used.fetch_add(buffer.len(), Ordering::SeqCst) + buffer.len();
                        most.fetch_max(now, Ordering::SeqCst);
                        assert!(buffers.state.lock().expect("no panic").bytes <= 8 * STEP);
                        used.fetch_sub(buffer.len(), Ordering::SeqCst);
                        drop(buffer);
                    }
                });
            }
        });
        assert!(most.load(Ordering::SeqCst) <= 8 * STEP);
    }

    #[test]
    fn large_objects_and_many_processors_take_pieces() {
        let buffers = LineBuffers::new(8 * STEP, 4);
        assert!(buffers.take(8 * STEP + 1).is_none() && buffers.take(usize::MAX).is_none());
        // One at once for four processors: the second reads in pieces and does not wait.
        let first = buffers.take(5 * STEP).expect("free");
        assert!(buffers.take(5 * STEP).is_none());
        drop(first);
        let again = buffers.take(5 * STEP).expect("free again");
        assert_eq!(buffers.state.lock().expect("no panic").bytes, 5 * STEP);
        drop(again);
        // A larger one replaces it.
        assert_eq!(buffers.take(7 * STEP).expect("free").len(), 7 * STEP);
        assert_eq!(buffers.state.lock().expect("no panic").bytes, 7 * STEP);
    }
}
