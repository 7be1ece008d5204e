//! What the two doors see of a life.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwapOption;
use tokio::sync::mpsc;

use super::control::Door;
use crate::{
    clock::{Clock, Moment},
    health::{
        Board,
        doctor::{Charts, Told},
    },
    kernel::counters::Counters,
    proxy::plan::Plan,
    state::{snapshot::Snapshot, store::Handle},
};

/// The life that runs.
pub(super) struct View {
    pub(super) store: Handle,
    /// None where nothing is forwarded.
    pub(super) counters: Option<Arc<Counters>>,
    pub(super) board: Board,
    pub(super) charts: Charts,
    pub(super) totals: Arc<Totals>,
    /// Where facts about backends go.
    pub(super) tell: mpsc::Sender<Told>,
    /// What the proxy goes by; None where there is no proxy.
    pub(super) plan: Arc<ArcSwapOption<Plan>>,
    clock: Clock,
    attached: AtomicBool,
    problems: Mutex<Vec<String>>,
}

/// What is counted over all lives of the process.
#[derive(Debug, Default)]
pub(super) struct Totals {
    pub(super) reloads_done: AtomicU64,
    pub(super) reloads_refused: AtomicU64,
}

impl View {
    pub(super) fn new(
        store: Handle,
        counters: Option<Arc<Counters>>,
        board: Board,
        door: &Door,
        clock: Clock,
        tell: mpsc::Sender<Told>,
        plan: Arc<ArcSwapOption<Plan>>,
    ) -> Self {
        let (attached, problems) = (AtomicBool::new(false), Mutex::default());
        let (charts, totals) = (door.charts(), door.totals());
        Self { store, counters, board, charts, totals, tell, plan, clock, attached, problems }
    }

    /// Notes whether the program is attached, and what keeps it from some interface.
    pub(super) fn note(&self, attached: bool, problems: Vec<String>) {
        self.attached.store(attached, Ordering::Relaxed);
        *self.problems.lock().unwrap_or_else(PoisonError::into_inner) = problems;
    }

    /// Whether the program is on all interfaces that are wanted.
    pub(super) fn attached(&self) -> bool {
        self.attached.load(Ordering::Relaxed) && self.problems().is_empty()
    }

    pub(super) fn problems(&self) -> Vec<String> {
        self.problems.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn now(&self) -> Moment {
        self.clock.now()
    }

    /// How long the tables have not been as wanted.
    pub(super) fn lag(&self, snapshot: &Snapshot) -> Duration {
        snapshot.progress.behind_since.map_or(Duration::ZERO, |since| self.clock.now().saturating_sub(since))
    }
}
