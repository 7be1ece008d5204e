//! From tables as they are to tables as they should be: the changes, in an order that is safe while packets
//! pass between any two of them. Pure.
//!
//! | step | so that |
//! |---|---|
//! | index and prefixes forget what goes | no new packet finds a row that is about to go |
//! | rows of services, rows of backends that live | a row is there before anything leads to it |
//! | rings | a ring leads to rows that live, before and after |
//! | index and prefixes learn what is new | a service is found once it is whole |
//! | dead rows, free rows, rows of services that go | no ring leads to them any more |
//!
//! Every planned change is applied to a draft at once, so that each step sees what those before it left.

mod index;
mod rings;
mod rows;
#[cfg(test)]
mod tests;

use super::change::Change;
use super::desired::Desired;
use super::key::{BackendKey, ServiceKey};
use super::observed::Observed;
use std::time::Duration;

/// What is to be done.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    pub changes: Vec<Change>,
    /// What could not be planned; the rest is as wanted when the changes are done.
    pub obstacles: Vec<Obstacle>,
    /// When to plan again, if something only has to wait.
    pub again_at: Option<Duration>,
}

/// Why something stays as it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Obstacle {
    #[error("{0}: the table of services is full; raise limits.services")]
    Services(ServiceKey),
    #[error("{} of {}: the table of backends is full; raise limits.backends", .0.address, .0.service)]
    Backends(BackendKey),
    #[error("{key}: no room for a ring of {slots} slots beside the others; raise limits.ring_slots")]
    Ring { key: ServiceKey, slots: u32 },
    #[error("{0}: its bucket of the index is full; raise limits.services, which makes the index larger")]
    Index(ServiceKey),
}

/// Plans the way from `observed` to `desired`.
pub fn plan(desired: &Desired, observed: &Observed, now: Duration) -> Plan {
    let mut planner = Planner { desired, draft: observed.clone(), now, plan: Plan::default() };
    planner.draft.regions.expire(now);
    planner.forget();
    planner.put_services();
    planner.put_backends();
    planner.put_rings();
    planner.lead_to();
    planner.put_tables();
    planner.bury();
    planner.free();
    planner.drop_services();
    planner.plan
}

struct Planner<'a> {
    desired: &'a Desired,
    draft: Observed,
    now: Duration,
    plan: Plan,
}

impl Planner<'_> {
    fn push(&mut self, change: Change) {
        self.draft.apply(&change, self.now);
        self.plan.changes.push(change);
    }

    /// Notes that something must wait until a moment, or that there is nothing to wait for.
    fn give_up(&mut self, obstacle: Obstacle, until: Option<Duration>) {
        self.plan.obstacles.push(obstacle);
        self.plan.again_at = [self.plan.again_at, until].into_iter().flatten().min();
    }
}
