//! The requests of one connection, each a future, polled where the connection is polled.
//!
//! A task of the runtime for each would cost its allocation, its place in the queue, and a wakeup of the
//! connection for each answer. Here all that were woken are polled in a row, and what they say leaves in one
//! write. A future's memory is used again by the next one.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use futures_util::task::AtomicWaker;

use super::streams::Key;

/// Futures, each of a stream.
#[derive(Debug)]
pub(super) struct Tasks<F> {
    places: Vec<Place<F>>,
    free: Vec<usize>,
    woken: Arc<Woken>,
}

#[derive(Debug)]
struct Place<F> {
    key: Key,
    future: Pin<Box<Option<F>>>,
    waker: Waker,
}

/// Which of them were woken: a bit each. Wakers may be called from anywhere, whence the atomics.
#[derive(Debug)]
struct Woken {
    places: Box<[AtomicU64]>,
    /// Who polls them all.
    task: AtomicWaker,
}

/// Wakes one of them.
#[derive(Debug)]
struct Bell {
    woken: Arc<Woken>,
    place: usize,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.woken.mark(self.place) {
            self.woken.task.wake();
        }
    }
}

impl Woken {
    /// Whether the place was not marked before.
    fn mark(&self, place: usize) -> bool {
        let (word, bit) = (place / 64, 1 << (place % 64));
        self.places.get(word).is_some_and(|word| word.fetch_or(bit, Ordering::AcqRel) & bit == 0)
    }
}

impl<F: Future> Tasks<F> {
    /// For so many futures at once.
    pub(super) fn new(most: usize) -> Self {
        let places = (0..most.div_ceil(64)).map(|_| AtomicU64::new(0)).collect();
        let woken = Arc::new(Woken { places, task: AtomicWaker::new() });
        Self { places: Vec::new(), free: Vec::new(), woken }
    }

    /// Adds a future, to be polled by the next [`Tasks::poll`]. One too many is dropped.
    pub(super) fn start(&mut self, key: Key, future: F) {
        let at = self.free.pop().unwrap_or_else(|| {
            let bell = Bell { woken: self.woken.clone(), place: self.places.len() };
            self.places.push(Place { key, future: Box::pin(None), waker: Arc::new(bell).into() });
            self.places.len() - 1
        });
        if at / 64 < self.woken.places.len()
            && let Some(place) = self.places.get_mut(at)
        {
            place.key = key;
            place.future.set(Some(future));
            self.woken.mark(at);
        }
    }

    /// Drops the future of a stream.
    pub(super) fn stop(&mut self, key: Key) {
        for (at, place) in self.places.iter_mut().enumerate() {
            if place.key == key && place.future.is_some() {
                place.future.set(None);
                self.free.push(at);
            }
        }
    }

    pub(super) fn stop_all(&mut self) {
        (self.places, self.free) = (Vec::new(), Vec::new());
    }

    /// Polls those that were woken; whether there were any. What each one gives at its end goes to `end`.
    pub(super) fn poll(&mut self, mut end: impl FnMut(F::Output)) -> bool {
        let mut any = false;
        for (word, woken) in self.woken.places.iter().enumerate() {
            // Most of the time there is nothing, and then this costs no write to memory that others may have.
            if woken.load(Ordering::Acquire) == 0 {
                continue;
            }
            let mut bits = woken.swap(0, Ordering::AcqRel);
            while bits != 0 {
                let at = word * 64 + bits.trailing_zeros() as usize;
                bits &= bits - 1;
                let Some(place) = self.places.get_mut(at) else { continue };
                let Some(future) = place.future.as_mut().as_pin_mut() else { continue };
                any = true;
                if let Poll::Ready(output) = future.poll(&mut Context::from_waker(&place.waker)) {
                    place.future.set(None);
                    self.free.push(at);
                    end(output);
                }
            }
        }
        any
    }

    /// `waker` is called when one of them is woken.
    pub(super) fn polled_by(&self, waker: &Waker) {
        self.woken.task.register(waker);
    }

    /// Whether one of them waits to be polled.
    pub(super) fn is_woken(&self) -> bool {
        self.woken.places.iter().any(|word| word.load(Ordering::Acquire) != 0)
    }

    /// Gives memory back while there is none.
    pub(super) fn rest(&mut self) {
        if self.places.iter().all(|place| place.future.is_none()) {
            self.stop_all();
        }
    }
}
