//! Memory that lies ready for whoever needs some next, so that what waits need not hold any.

use std::cell::RefCell;

/// Pieces that lie ready; more than so many at once are given back to the allocator.
const MOST: usize = 256;

/// Memory of one kind, of one worker.
#[derive(Debug, Default)]
pub(crate) struct Spare<T>(RefCell<Vec<T>>);

impl<T: Default> Spare<T> {
    /// Cleared memory, or new.
    pub(crate) fn take(&self) -> T {
        self.0.borrow_mut().pop().unwrap_or_default()
    }

    /// Lays memory back, which the caller has cleared.
    pub(crate) fn give(&self, memory: T) {
        let mut all = self.0.borrow_mut();
        if all.len() < MOST {
            all.push(memory);
        }
    }
}
