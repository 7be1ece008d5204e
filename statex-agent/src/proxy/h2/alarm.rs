//! When a connection looks for what has lasted too long: one deadline, set anew when it has passed.

use std::rc::Rc;
use std::task::Context;

use crate::clock::Moment;
use crate::proxy::deadline::{Deadline, Deadlines};

/// A deadline, and the time it goes by.
#[derive(Debug)]
pub(super) struct Alarm {
    all: Rc<Deadlines>,
    deadline: Deadline,
    at: Moment,
}

impl Alarm {
    /// It rings at once.
    pub(super) fn new(all: &Rc<Deadlines>) -> Self {
        Self { all: all.clone(), deadline: all.make(), at: Moment::ZERO }
    }

    pub(super) fn now(&self) -> Moment {
        self.all.now()
    }

    pub(super) fn rings(&self, now: Moment) -> bool {
        now >= self.at
    }

    /// Has it ring when something has changed.
    pub(super) fn ring(&mut self) {
        self.at = Moment::ZERO;
    }

    /// Sets it no later than `at`.
    pub(super) fn hurry(&mut self, at: Moment, context: &mut Context<'_>) {
        if self.at > at {
            self.set(at, context);
        }
    }

    /// Sets it anew; the task of `context` is woken then.
    pub(super) fn set(&mut self, at: Moment, context: &mut Context<'_>) {
        self.at = at;
        self.deadline.set(at.saturating_sub(self.now()));
        if self.deadline.poll_passed(context).is_ready() {
            context.waker().wake_by_ref();
        }
    }
}
