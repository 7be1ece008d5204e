//! Deadlines of a worker: coarse, and so cheap that every request may set some.
//!
//! A timer of the runtime costs an insertion into its wheel each time it is set; a deadline here is one number
//! that is written, and a look over all numbers every [`TICK`].

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use slab::Slab;

use crate::clock::Moment;

/// How often deadlines are looked at, which is how late they may be noticed.
pub(crate) const TICK: Duration = Duration::from_millis(100);

/// All deadlines of a worker.
#[derive(Debug, Default)]
pub(crate) struct Deadlines {
    /// Ticks since the worker started.
    now: Cell<u32>,
    entries: RefCell<Slab<Entry>>,
}

#[derive(Debug, Default)]
struct Entry {
    /// The tick by which it has passed; 0: never.
    at: u32,
    waker: Option<Waker>,
}

/// One deadline, which is not set at first.
#[derive(Debug)]
pub(crate) struct Deadline {
    all: Rc<Deadlines>,
    key: usize,
}

impl Deadlines {
    pub(crate) fn make(self: &Rc<Self>) -> Deadline {
        let key = self.entries.borrow_mut().insert(Entry::default());
        Deadline { all: self.clone(), key }
    }

    /// Since the worker started; it goes on by whole ticks.
    pub(crate) fn now(&self) -> Moment {
        TICK * self.now.get()
    }

    /// Lets time pass and wakes whoever waits for a deadline that has passed.
    pub(super) fn pass(&self, ticks: u32) {
        let now = self.now.get().saturating_add(ticks);
        self.now.set(now);
        self.wake(|entry| entry.at != 0 && entry.at <= now);
    }

    /// Wakes whoever waits for a deadline, passed or not: something else has happened that all shall know.
    pub(crate) fn wake_all(&self) {
        self.wake(|_| true);
    }

    fn wake(&self, which: impl Fn(&Entry) -> bool) {
        // A waker may be the last that holds its task, which has deadlines of its own.
        let wakers: Vec<Waker> = {
            let mut entries = self.entries.borrow_mut();
            let chosen = entries.iter_mut().filter(|(_, entry)| which(entry));
            chosen.filter_map(|(_, entry)| entry.waker.take()).collect()
        };
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Lets time pass as the runtime's clock does, for ever; with each tick something else may be done.
    pub(crate) async fn run(&self, also: impl Fn()) {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut last = tick.tick().await;
        loop {
            let now = tick.tick().await;
            let passed = now.duration_since(last).as_millis() / TICK.as_millis();
            // What a late tick has beyond whole ones stays for the next.
            last += TICK * u32::try_from(passed).unwrap_or(u32::MAX);
            self.pass(u32::try_from(passed).unwrap_or(u32::MAX));
            also();
        }
    }
}

impl Deadline {
    /// From now on; what was set before is forgotten. Never earlier than asked, and up to two ticks later.
    pub(crate) fn set(&self, after: Duration) {
        let ticks = u32::try_from(after.as_millis().div_ceil(TICK.as_millis())).unwrap_or(u32::MAX);
        self.put(self.all.now.get().saturating_add(ticks).saturating_add(1));
    }

    pub(crate) fn clear(&self) {
        self.put(0);
    }

    pub(crate) fn is_set(&self) -> bool {
        self.all.entries.borrow().get(self.key).is_some_and(|entry| entry.at != 0)
    }

    fn put(&self, at: u32) {
        if let Some(entry) = self.all.entries.borrow_mut().get_mut(self.key) {
            entry.at = at;
        }
    }

    /// Ready once the deadline has passed.
    pub(crate) fn poll_passed(&self, context: &mut Context<'_>) -> Poll<()> {
        let mut entries = self.all.entries.borrow_mut();
        let Some(entry) = entries.get_mut(self.key) else { return Poll::Pending };
        if entry.at != 0 && entry.at <= self.all.now.get() {
            return Poll::Ready(());
        }
        match &mut entry.waker {
            Some(waker) => waker.clone_from(context.waker()),
            waker => *waker = Some(context.waker().clone()),
        }
        Poll::Pending
    }
}

impl Drop for Deadline {
    fn drop(&mut self) {
        // The waker goes after the table is free again: it may hold the last of a task.
        let entry = self.all.entries.borrow_mut().try_remove(self.key);
        drop(entry);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::task::noop_waker_ref;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn passed(deadline: &Deadline) -> bool {
        deadline.poll_passed(&mut Context::from_waker(noop_waker_ref())).is_ready()
    }

    #[test]
    fn a_deadline_passes_no_earlier_than_asked() {
        let all = Rc::new(Deadlines::default());
        let deadline = all.make();
        all.pass(100);
        assert!(!passed(&deadline), "it is not set");
        deadline.set(TICK * 3);
        all.pass(3);
        assert!(!passed(&deadline), "a tick may just have begun when it was set");
        all.pass(1);
        assert!(passed(&deadline));
        deadline.clear();
        assert!(!passed(&deadline));
    }

    #[test]
    fn who_waits_is_woken_once() {
        let (all, woken) = (Rc::new(Deadlines::default()), Arc::new(Woken::default()));
        let deadline = all.make();
        let waker = Waker::from(woken.clone());
        deadline.set(TICK);
        assert!(deadline.poll_passed(&mut Context::from_waker(&waker)).is_pending());
        all.pass(1);
        assert_eq!(woken.0.load(Ordering::Relaxed), 0);
        all.pass(1);
        all.pass(1);
        assert_eq!(woken.0.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn news_for_all_wakes_those_that_wait_for_ever_too() {
        let (all, woken) = (Rc::new(Deadlines::default()), Arc::new(Woken::default()));
        let deadline = all.make();
        let waker = Waker::from(woken.clone());
        assert!(deadline.poll_passed(&mut Context::from_waker(&waker)).is_pending());
        all.wake_all();
        assert_eq!(woken.0.load(Ordering::Relaxed), 1);
        drop(deadline);
        assert!(all.entries.borrow().is_empty());
    }
}
