//! The executor of a pool under watch: what it tells of replicas, and since when it tells nothing.

use super::matching::backend_of;
use crate::clock::Clock;
use crate::config::{Pool, Workload};
use crate::executor::{Executor, ExecutorError, Observed, build};
use crate::health::doctor::Told;
use crate::health::ward::Fact;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

/// How often replicas are looked at, if nobody says that something has changed.
pub const LOOK: Duration = Duration::from_secs(2);

/// An executor and the latest that it told.
pub struct Crew {
    pub executor: Arc<dyn Executor>,
    /// By which it was made.
    pub workload: Workload,
    latest: Arc<Mutex<Latest>>,
    pool: Arc<Mutex<Pool>>,
    task: AbortHandle,
}

/// What is known of the replicas.
#[derive(Clone, Debug, Default)]
pub struct Latest {
    pub observed: Observed,
    /// Why it is not known any more.
    pub unreachable: Option<String>,
}

impl Crew {
    /// Makes the executor of a pool and watches it. `tell` hears of every replica that is a backend.
    ///
    /// # Errors
    /// It cannot be had.
    pub fn new(
        pool: &Pool,
        workload: &Workload,
        tell: mpsc::Sender<Told>,
        clock: Clock,
    ) -> Result<Self, ExecutorError> {
        let executor = build(&pool.name, workload, &clock)?;
        Ok(Self::of(executor, pool, workload, tell, clock))
    }

    /// Watches an executor that there is.
    pub fn of(
        executor: Arc<dyn Executor>,
        pool: &Pool,
        workload: &Workload,
        tell: mpsc::Sender<Told>,
        clock: Clock,
    ) -> Self {
        let (latest, pool) = (Arc::<Mutex<Latest>>::default(), Arc::new(Mutex::new(pool.clone())));
        let watch = watch(executor.clone(), pool.clone(), latest.clone(), tell, clock);
        let task = tokio::spawn(watch).abort_handle();
        Self { executor, workload: workload.clone(), latest, pool, task }
    }

    /// Takes the pool's other backends over.
    pub fn follow(&self, pool: &Pool) {
        *locked(&self.pool) = pool.clone();
    }

    pub fn latest(&self) -> Latest {
        locked(&self.latest).clone()
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn watch(
    executor: Arc<dyn Executor>,
    pool: Arc<Mutex<Pool>>,
    latest: Arc<Mutex<Latest>>,
    tell: mpsc::Sender<Told>,
    clock: Clock,
) {
    loop {
        let until = clock.now() + LOOK;
        let changed = executor.changed();
        match executor.observe().await {
            Ok(observed) => {
                let told = told(&observed, &locked(&pool));
                *locked(&latest) = Latest { observed, unreachable: None };
                for told in told {
                    if tell.send(told).await.is_err() {
                        return;
                    }
                }
            }
            Err(error) => {
                let mut latest = locked(&latest);
                if latest.unreachable.is_none() {
                    tracing::warn!(executor = executor.name(), %error, "what it knew last stays");
                }
                latest.unreachable = Some(error.to_string());
            }
        }
        tokio::select! {
            () = changed => {}
            () = clock.sleep_until(until) => {}
        }
    }
}

fn told(observed: &Observed, pool: &Pool) -> Vec<Told> {
    let known = observed.replicas.iter().filter_map(|replica| Some((replica, backend_of(replica, pool)?)));
    let told = |(replica, backend): (&crate::executor::Replica, &str)| Told {
        pool: pool.name.as_str().into(),
        backend: backend.into(),
        fact: Fact::Replica(Box::new(replica.clone())),
    };
    known.map(told).collect()
}

fn locked<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}
