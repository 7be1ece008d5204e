//! The balancer as healing and scaling see it: draining, and whether a replica serves.

use super::matching::backend_of;
use crate::clock::Clock;
use crate::config::Pool;
use crate::executor::{Balancer, Replica};
use crate::health::chart::Chart;
use crate::health::diagnosis::Class;
use crate::health::doctor::Charts;
use crate::state::key::BackendName;
use futures_util::future::BoxFuture;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// How often requests in flight are looked at.
const LOOK: Duration = Duration::from_millis(250);
/// What has ended has no flows to wait for, but its neighbours must hear of it.
const ENDED: Duration = Duration::from_millis(250);

/// Who can keep new flows away from a backend.
pub trait Gate: Send + Sync {
    /// Returns when new flows go elsewhere.
    fn drain<'a>(&'a self, backend: &'a BackendName) -> BoxFuture<'a, ()>;
    fn undrain<'a>(&'a self, backend: &'a BackendName) -> BoxFuture<'a, ()>;
    /// Who is drained, by whomever.
    fn drained(&self) -> BTreeSet<BackendName>;
}

/// One pool's balancer.
pub struct PoolBalancer {
    pool: Pool,
    gate: Arc<dyn Gate>,
    charts: Charts,
    clock: Clock,
}

impl PoolBalancer {
    pub fn new(pool: Pool, gate: Arc<dyn Gate>, charts: Charts, clock: Clock) -> Self {
        Self { pool, gate, charts, clock }
    }

    fn name(&self, backend: &str) -> BackendName {
        BackendName { pool: self.pool.name.clone(), backend: backend.to_owned() }
    }

    fn chart(&self, backend: &str) -> Option<Chart> {
        self.charts.of(&self.name(backend))
    }

    /// Gives a backend no new flows, and waits until it has none left, or until the time is up.
    pub async fn drain_backend(&self, backend: &str, within: Duration) {
        self.gate.drain(&self.name(backend)).await;
        let until = self.clock.now() + within;
        loop {
            let now = self.clock.now();
            let chart = self.chart(backend);
            let ended = chart.as_ref().is_some_and(|chart| chart.class == Class::Down);
            let empty = chart.as_ref().is_some_and(|chart| chart.in_flight == Some(0));
            let wait = if ended { until.min(now + ENDED) } else { until.min(now + LOOK) };
            if empty || now >= until {
                return;
            }
            self.clock.sleep_until(wait).await;
            if ended {
                return;
            }
        }
    }
}

impl Balancer for PoolBalancer {
    fn drain<'a>(&'a self, replica: &'a Replica, within: Duration) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            if let Some(backend) = backend_of(replica, &self.pool) {
                self.drain_backend(backend, within).await;
            }
        })
    }

    fn undrain<'a>(&'a self, replica: &'a Replica) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            if let Some(backend) = backend_of(replica, &self.pool) {
                self.gate.undrain(&self.name(backend)).await;
            }
        })
    }

    fn serves(&self, replica: &Replica) -> Option<bool> {
        let chart = self.chart(backend_of(replica, &self.pool)?)?;
        Some(chart.class < Class::Failing && chart.is_known())
    }
}
