//! One backend on its way up the ladder: pure.
//!
//! ```text
//! sick ─ watching ─ (checks) ─┬─ held: looked at again and again
//!          ▲                  ├─ asked: a person decides
//!          │                  └─ acting ─ checking ─┬─ well for 10 s: healed
//!          └──── not helped: again, or the next rung┘            ╰─ 10 min later: forgotten
//! ```

use super::backoff::Backoff;
use super::ladder::Rung;
use crate::clock::Moment;
use std::collections::BTreeMap;

/// What is going on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The rung that was reached may help by itself until then.
    Watching { until: Moment },
    /// A person is asked; no answer until then is a no.
    Asked { id: String, until: Moment },
    /// A person has said yes.
    Approved { by: String },
    /// It is being done.
    Acting,
    /// It was done and shall help until then.
    Checking { until: Moment },
    /// A person was called. Nothing more is done.
    Paged,
}

/// What is remembered of a backend that is or was sick.
#[derive(Clone, Debug)]
pub struct Case {
    /// Since when it is sick, this time.
    pub since: Moment,
    pub rung: Rung,
    pub phase: Phase,
    pub backoffs: BTreeMap<Rung, Backoff>,
    /// Tries on this rung.
    pub tries: u32,
    /// Since when it is in order; `None` while it is not.
    pub well_since: Option<Moment>,
    /// Whether something was done that is to be judged.
    pub done: bool,
    /// Whether it was drained by us, and gets its flows back when it is in order.
    pub drained: bool,
    /// What was decided last, so that the same is not said again.
    pub said: Option<String>,
}

impl Case {
    pub fn new(rung: Rung, until: Moment, now: Moment) -> Self {
        Self {
            since: now,
            rung,
            phase: Phase::Watching { until },
            backoffs: BTreeMap::new(),
            tries: 0,
            well_since: None,
            done: false,
            drained: false,
            said: None,
        }
    }

    /// Begins again with what was learnt: it fell sick before its case was forgotten.
    pub fn relapse(&mut self, rung: Rung, until: Moment, now: Moment) {
        let fresh = Self::new(rung, until, now);
        *self = Self { backoffs: std::mem::take(&mut self.backoffs), drained: self.drained, ..fresh };
    }

    /// The next rung, or this one again; `wait` is its back-off.
    pub fn climb(&mut self, next: Rung, now: Moment) {
        let again = self.rung == Rung::Page || self.rung.touches() && self.tries < self.rung.tries();
        if !again {
            (self.rung, self.tries) = (next, 0);
        }
        let wait = self.backoffs.get(&self.rung).map_or(Moment::ZERO, |backoff| backoff.left(now));
        self.phase = Phase::Watching { until: now + wait };
        self.said = None;
    }

    /// Notes that the rung is being tried.
    pub fn act(&mut self, now: Moment) {
        self.backoffs.entry(self.rung).or_default().tried(now);
        self.tries += 1;
        self.drained |= self.rung == Rung::Drain;
        self.done = true;
        self.phase = Phase::Acting;
    }
}
