//! Health: what is known of backends, what follows from it, and why.
//!
//! ```text
//! probes ─ rise and fall ─────────────┐
//! proxy, data plane, agents, runtime ─┤ facts
//!                                     └─ ward (a pool) ─ findings ─ class, score ─ ejection, share ─> state, proxy
//!                                          └─ outliers                └─ chart ─> explain, heal
//! ```
//!
//! | file | holds |
//! |---|---|
//! | `schedule.rs` | when which target is probed: pure |
//! | `probe.rs` | one probe: TCP, HTTP, UDP |
//! | `verdict.rs` | rise and fall: pure |
//! | `report/` | what backends say of themselves |
//! | `facts.rs`, `latency.rs` | what can be told of a backend |
//! | `outlier/` | who fails more, or is slower, than the others: pure |
//! | `diagnosis.rs` | from all that is known to the worst that counts: pure |
//! | `ejection.rs` | who is out, for how long, and how he comes back: pure |
//! | `ward.rs` | one pool under watch: pure |
//! | `doctor.rs` | all pools, and the loop around them |
//! | `chart.rs` | what others see of a backend, and its explanation: pure |
//! | `influence.rs` | what follows for its part of new flows: pure |
//! | `trial.rs` | seeded simulations: false ejections, time to detection |
//!
//! This file is the loop that probes.

pub mod chart;
pub mod diagnosis;
pub mod doctor;
pub mod ejection;
pub mod facts;
pub mod influence;
pub mod latency;
pub mod outlier;
pub mod probe;
pub mod report;
mod schedule;
#[cfg(test)]
mod tests;
pub mod trial;
mod verdict;
pub mod ward;

pub use verdict::{Judge, Verdict};

use crate::clock::{Clock, Moment};
use crate::config::Health;
use probe::{Failure, probe};
use schedule::Schedule;
use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

/// What is probed. A target that keeps its key keeps its verdict.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// The address that the probe's socket is connected to.
    pub to: SocketAddr,
    pub pool: Arc<str>,
    pub backend: Arc<str>,
    /// The service through whose tunnel the probe goes; `None`: straight to the backend.
    pub service: Option<Arc<str>>,
}

/// A target and how it is probed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    pub key: Key,
    /// Mark of the probe's packets, by which the data plane sends them through the tunnel to this very
    /// backend.
    pub mark: Option<u32>,
    /// The node's address to probe from; `None` leaves it to the kernel.
    pub source: Option<IpAddr>,
    pub check: Arc<Health>,
    /// What to believe until the first probes are in.
    pub believed: Verdict,
}

/// News of a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    pub key: Key,
    pub verdict: Verdict,
}

/// What there is to know of a target.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    pub verdict: Verdict,
    /// When the verdict was last changed.
    pub since: Moment,
    /// When a probe ended last; `None` before the first.
    pub heard: Option<Moment>,
    pub passed: u64,
    pub failed: u64,
    /// What was wrong last; `None` after a good probe.
    pub trouble: Option<String>,
}

/// The standings of all targets, for whoever shows or counts them.
#[derive(Clone, Debug, Default)]
pub struct Board(Arc<Mutex<HashMap<Key, Standing>>>);

impl Board {
    pub fn get(&self, key: &Key) -> Option<Standing> {
        self.lock().get(key).cloned()
    }

    pub fn all(&self) -> Vec<(Key, Standing)> {
        self.lock().iter().map(|(key, standing)| (key.clone(), standing.clone())).collect()
    }

    #[cfg(test)]
    fn put(&self, key: Key, standing: Standing) {
        self.lock().insert(key, standing);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Standing>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How the loop runs.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Spreads the probes of different nodes over time.
    pub seed: u64,
    /// Probes under way at once, one socket each. Targets that are due beyond it wait.
    pub at_once: usize,
}

/// Probes until `targets` or `reports` is closed. The latest list of targets is always the whole one.
pub async fn watch(
    mut targets: watch::Receiver<Arc<Vec<Target>>>,
    reports: mpsc::Sender<Report>,
    board: Board,
    clock: Clock,
    settings: Settings,
) {
    let mut ward = Ward { known: BTreeMap::new(), schedule: Schedule::new(settings.seed), board };
    let mut probes = JoinSet::new();
    ward.admit(&targets.borrow_and_update().clone(), clock.now());
    loop {
        while probes.len() < settings.at_once
            && let Some(target) = ward.due(clock.now())
        {
            probes.spawn(async move {
                let outcome = probe(&target).await;
                (target, outcome)
            });
        }
        // With all sockets in use, only the end of a probe makes room for the next.
        let next = ward.schedule.next().filter(|_| probes.len() < settings.at_once);
        tokio::select! {
            changed = targets.changed() => match changed {
                Ok(()) => ward.admit(&targets.borrow_and_update().clone(), clock.now()),
                Err(_) => return,
            },
            Some(Ok((target, outcome))) = probes.join_next() => {
                if let Some(report) = ward.hear(&target, outcome, clock.now())
                    && reports.send(report).await.is_err()
                {
                    return;
                }
            }
            () = clock.sleep_until(next.unwrap_or_default()), if next.is_some() => {}
        }
    }
}

/// The targets in the loop's care.
struct Ward {
    known: BTreeMap<Key, (Target, Judge)>,
    schedule: Schedule,
    board: Board,
}

impl Ward {
    /// Takes in new targets, forgets those that are gone, and leaves the others' probes where they are.
    fn admit(&mut self, targets: &[Target], now: Moment) {
        let mut before = std::mem::take(&mut self.known);
        for target in targets {
            let judge = match before.remove(&target.key) {
                Some((_, judge)) => judge,
                None => {
                    self.schedule.begin(&target.key, target.check.interval, now);
                    Judge::new(target.believed, now)
                }
            };
            self.known.insert(target.key.clone(), (target.clone(), judge));
        }
        let mut board = self.board.lock();
        for key in before.keys() {
            self.schedule.forget(key);
            board.remove(key);
        }
        for (key, (_, judge)) in &self.known {
            let fresh = || Standing { verdict: judge.verdict(), since: judge.since(), ..Standing::default() };
            board.entry(key.clone()).or_insert_with(fresh);
        }
    }

    /// A target whose probe begins now; the next one is planned from here.
    fn due(&mut self, now: Moment) -> Option<Target> {
        let key = self.schedule.pop(now)?;
        let (target, _) = self.known.get(&key)?;
        self.schedule.repeat(&key, target.check.interval, now);
        Some(target.clone())
    }

    fn hear(&mut self, probed: &Target, outcome: Result<(), Failure>, now: Moment) -> Option<Report> {
        // The target may have gone, or its tunnel may lead elsewhere, while the probe was under way.
        let (target, judge) = self.known.get_mut(&probed.key).filter(|(now, _)| now.mark == probed.mark)?;
        if let Err(failure @ Failure::NotAsked { .. }) = &outcome {
            tracing::warn!(backend = %target.key.backend, %failure, "health check skipped");
            return None;
        }
        let changed = judge.hear(outcome.is_ok(), &target.check, now);
        let trouble = outcome.err().map(|failure| failure.to_string());
        let mut board = self.board.lock();
        let standing = board.entry(target.key.clone()).or_default();
        (standing.verdict, standing.since) = (judge.verdict(), judge.since());
        standing.heard = Some(now);
        match trouble {
            None => standing.passed += 1,
            Some(_) => standing.failed += 1,
        }
        standing.trouble = trouble;
        if !changed {
            return None;
        }
        let why = standing.trouble.as_deref().unwrap_or("answers");
        tracing::info!(backend = %target.key.backend, verdict = ?standing.verdict, why, "health");
        Some(Report { key: target.key.clone(), verdict: standing.verdict })
    }
}
