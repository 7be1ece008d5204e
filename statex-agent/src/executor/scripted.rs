//! An executor for tests: replicas in memory that do what they are told, or fail when the test says so.

use super::*;
use std::sync::{Mutex, MutexGuard};

pub(crate) const ALL: Abilities = Abilities { hook: true, restart: true, scale: true, asks: false };

pub(crate) fn replica(number: u32, condition: Condition) -> Replica {
    Replica {
        id: format!("id-{number}"),
        name: format!("api-{number}"),
        backend: None,
        program: None,
        number,
        address: None,
        condition,
        started: None,
        restarts: 0,
        exit: None,
        usage: None,
    }
}

/// What the test sees of it.
#[derive(Default)]
pub(crate) struct Inside {
    pub(crate) replicas: Vec<Replica>,
    pub(crate) done: Vec<String>,
    /// Answers of the next steps; when there is none left, steps are done.
    pub(crate) failures: std::collections::VecDeque<Option<ExecutorError>>,
    /// New replicas start like this.
    pub(crate) fresh: Condition,
    pub(crate) reachable: bool,
}

pub(crate) struct Scripted(Mutex<Inside>);

impl Scripted {
    pub(crate) fn new(replicas: Vec<Replica>) -> Self {
        Self(Mutex::new(Inside { replicas, fresh: Condition::Healthy, reachable: true, ..Inside::default() }))
    }

    pub(crate) fn inside(&self) -> MutexGuard<'_, Inside> {
        self.0.lock().unwrap()
    }
}

impl Executor for Scripted {
    fn name(&self) -> &str {
        "scripted"
    }

    fn abilities(&self) -> Abilities {
        ALL
    }

    fn patience(&self) -> Patience {
        Patience { ready: Duration::from_millis(50), ..Patience::default() }
    }

    fn observe(&self) -> BoxFuture<'_, Result<Observed, ExecutorError>> {
        let inside = self.inside();
        let unreachable = || ExecutorError::Unreachable { what: "scripted".into(), why: "away".into() };
        let observed =
            inside.reachable.then(|| Observed::new(inside.replicas.clone())).ok_or_else(unreachable);
        Box::pin(async { observed })
    }

    fn carry_out<'a>(
        &'a self,
        step: &'a Step,
        _order: &'a Order,
    ) -> BoxFuture<'a, Result<String, ExecutorError>> {
        let mut inside = self.inside();
        if let Some(Some(error)) = inside.failures.pop_front() {
            return Box::pin(async { Err(error) });
        }
        let fresh = inside.fresh;
        match step {
            Step::Create { number, .. } => inside.replicas.push(replica(*number, fresh)),
            Step::Remove { id, .. } => inside.replicas.retain(|replica| replica.id != *id),
            Step::Restart { id, .. } | Step::Start { id, .. } => {
                let replicas = inside.replicas.iter_mut();
                replicas.filter(|it| it.id == *id).for_each(|it| it.condition = fresh);
            }
            _ => {}
        }
        inside.done.push(step.to_string());
        Box::pin(async move { Ok(step.to_string()) })
    }
}
