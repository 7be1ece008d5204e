//! Makes the tables what they should be: plans, writes, reads back, tries again. Nothing else writes them.
//!
//! A step costs what it changes. To read back costs what the tables hold, so that is done once for many steps.

use super::change::Change;
use super::desired::Desired;
use super::observed::{Found, Observed};
use super::plan::plan;
use super::rings::{self, Rings};
use crate::clock::{Clock, Moment};
use crate::kernel::image::{Kernel, TableError, Write};
use statex_common::abi::names;
use std::time::Duration;

/// Wait after a first failure; it doubles with each further one.
const FIRST_RETRY: Duration = Duration::from_millis(50);
const LAST_RETRY: Duration = Duration::from_secs(5);

/// The tables, and what is known of them.
pub struct Reconciler {
    kernel: Box<dyn Kernel>,
    observed: Observed,
    rings: Rings,
    /// Failures in a row.
    failures: u32,
}

/// How much of the tables is read back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// All rows: a few milliseconds.
    Rows,
    /// The slots of all rings, too.
    Everything,
}

/// How far a step came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Changes that were made.
    pub changes: usize,
    /// The step was broken off.
    pub failed: bool,
    /// What keeps the tables from being as wanted; empty when they are.
    pub problems: Vec<String>,
    /// When to step again without any news; `None` when all is done.
    pub again_at: Option<Moment>,
}

impl Reconciler {
    /// Takes over the tables as they are.
    ///
    /// # Errors
    /// A table cannot be read.
    pub fn open(mut kernel: Box<dyn Kernel>, now: Moment) -> Result<Self, TableError> {
        let observed = Observed::read(kernel.as_mut(), now)?;
        Ok(Self { kernel, observed, rings: Rings::default(), failures: 0 })
    }

    /// What an earlier agent has left.
    pub fn found(&self) -> Found {
        self.observed.found()
    }

    pub fn observed(&self) -> &Observed {
        &self.observed
    }

    /// Brings the tables as near to `desired` as it goes just now.
    pub fn step(&mut self, desired: &Desired, clock: &Clock) -> Outcome {
        self.observed.recognise(desired, &mut self.rings);
        self.observed.regions.expire(clock.now());
        let plan = plan(desired, &self.observed, clock.now());
        let mut outcome = Outcome { again_at: plan.again_at, ..Outcome::default() };
        outcome.problems = plan.obstacles.iter().map(ToString::to_string).collect();
        for change in &plan.changes {
            if let Err(error) = self.make(change, clock) {
                return self.fail(outcome, error.to_string(), clock);
            }
            outcome.changes += 1;
        }
        self.failures = 0;
        outcome
    }

    /// Compares what the tables hold with what was written. What is found changed is adopted as the tables'
    /// state, so that the next step repairs it.
    pub fn verify(&mut self, extent: Extent, clock: &Clock) -> Outcome {
        let differences = self.kernel.read().map(|image| self.observed.differences(&image));
        let mut whole = || extent == Extent::Rows || self.rings_are_whole();
        let problem = match differences {
            Ok(tables) if tables.is_empty() && whole() => return Outcome::default(),
            Ok(tables) if tables.is_empty() => foreign(&[names::RINGS]),
            Ok(tables) => foreign(&tables),
            Err(error) => error.to_string(),
        };
        self.fail(Outcome::default(), problem, clock)
    }

    fn make(&mut self, change: &Change, clock: &Clock) -> Result<(), TableError> {
        let mut digest = None;
        for write in change.writes(&mut self.rings) {
            if let Write::Slots { backends, .. } = &write {
                digest = Some(rings::digest(backends));
            }
            self.kernel.write(&write)?;
        }
        self.observed.apply(change, clock.now());
        if let Change::Publish { key, .. } = change
            && let Some(ring) = self.observed.rings.get_mut(key)
        {
            ring.digest = digest;
        }
        Ok(())
    }

    fn rings_are_whole(&mut self) -> bool {
        let rings = self.observed.rings.values();
        rings.filter_map(|ring| Some((ring.region, ring.digest?))).all(|(region, digest)| {
            self.kernel.slots(region).is_ok_and(|slots| rings::digest(&slots) == digest)
        })
    }

    /// Reads the tables anew, since it is not known what they hold, and plans the next try.
    fn fail(&mut self, mut outcome: Outcome, problem: String, clock: &Clock) -> Outcome {
        let wait = FIRST_RETRY.saturating_mul(1 << self.failures.min(16)).min(LAST_RETRY);
        self.failures = self.failures.saturating_add(1);
        tracing::warn!(problem, retry_ms = wait.as_millis() as u64, "reconcile");
        outcome.problems.push(problem);
        match Observed::read(self.kernel.as_mut(), clock.now()) {
            Ok(observed) => {
                let before = std::mem::replace(&mut self.observed, observed);
                for (key, ring) in &mut self.observed.rings {
                    ring.changes = before.rings.get(key).map_or(0, |before| before.changes);
                }
            }
            Err(error) => outcome.problems.push(error.to_string()),
        }
        Outcome { failed: true, again_at: Some(clock.now() + wait), ..outcome }
    }
}

fn foreign(tables: &[&str]) -> String {
    format!("someone else has written to {}; repairing", tables.join(", "))
}
