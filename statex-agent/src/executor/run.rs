//! Carries the steps of an intent out, one at a time; the balancer is asked for drain and readiness.
//!
//! A failure never leaves fewer that serve than there were: a replica that was drained gets flows again, and a new one
//! that does not come up is taken away.

use super::{Executor, ExecutorError, Intent, Observed, Order, Refusal, Replica, Step, plan};
use crate::clock::Clock;
use futures_util::future::BoxFuture;
use std::time::Duration;

/// How often a replica that shall become ready is looked at.
const LOOK: Duration = Duration::from_millis(250);

/// What steps need of the load balancer.
pub trait Balancer: Send + Sync {
    /// Gives the replica no new flows; returns when it has none left, or when the time is up.
    fn drain<'a>(&'a self, replica: &'a Replica, within: Duration) -> BoxFuture<'a, ()>;

    fn undrain<'a>(&'a self, replica: &'a Replica) -> BoxFuture<'a, ()>;

    /// Whether the balancer's own checks find that it serves. `None`: it does not know this replica (yet).
    fn serves(&self, replica: &Replica) -> Option<bool>;
}

/// What was done before it went wrong, and what was wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    pub done: Vec<String>,
    pub why: String,
    /// The executor could not be asked, so this says nothing about the replicas.
    pub unreachable: bool,
}

/// Observes, plans and does what is wanted; says what was done.
///
/// # Errors
/// What went wrong, after what could be undone was undone.
pub async fn run(
    executor: &dyn Executor,
    balancer: &dyn Balancer,
    intent: &Intent,
    order: &Order,
    clock: &Clock,
) -> Result<Vec<String>, Failed> {
    let mut done = Vec::new();
    let observed = executor.observe().await.map_err(|error| failed(&done, &error))?;
    let steps = steps(executor, intent, &observed).map_err(|refusal| Failed {
        done: Vec::new(),
        why: refusal.to_string(),
        unreachable: false,
    })?;
    let run = Run { executor, balancer, order, clock, observed };
    for (at, step) in steps.iter().enumerate() {
        match run.step(step).await {
            Ok(said) => done.push(said),
            Err(error) => {
                done.extend(run.undo(&steps[..at]).await);
                return Err(failed(&done, &error));
            }
        }
    }
    Ok(done)
}

/// The steps that [`run`] would carry out.
///
/// # Errors
/// See [`plan`].
pub fn steps(executor: &dyn Executor, intent: &Intent, observed: &Observed) -> Result<Vec<Step>, Refusal> {
    plan(intent, observed, executor.abilities(), executor.patience())
}

fn failed(done: &[String], error: &ExecutorError) -> Failed {
    Failed {
        done: done.to_vec(),
        why: error.to_string(),
        unreachable: matches!(error, ExecutorError::Unreachable { .. }),
    }
}

struct Run<'a> {
    executor: &'a dyn Executor,
    balancer: &'a dyn Balancer,
    order: &'a Order,
    clock: &'a Clock,
    observed: Observed,
}

impl Run<'_> {
    async fn step(&self, step: &Step) -> Result<String, ExecutorError> {
        match step {
            Step::Drain { id, within, .. } => {
                if let Some(replica) = self.observed.get(id) {
                    self.balancer.drain(replica, *within).await;
                }
            }
            Step::Undrain { id, .. } => {
                if let Some(replica) = self.observed.get(id) {
                    self.balancer.undrain(replica).await;
                }
            }
            Step::AwaitReady { number, within } => self.await_ready(*number, *within).await?,
            _ => return self.executor.carry_out(step, self.order).await,
        }
        Ok(step.to_string())
    }

    /// Ready is who serves by the word of the runtime and, where the balancer knows it, by its own checks.
    async fn await_ready(&self, number: u32, within: Duration) -> Result<(), ExecutorError> {
        let until = self.clock.now() + within;
        loop {
            let observed = self.executor.observe().await;
            let found = observed.iter().flat_map(|all| &all.replicas).find(|it| it.number == number);
            if found.is_some_and(|it| it.condition.serves() && self.balancer.serves(it) != Some(false)) {
                return Ok(());
            }
            if self.clock.now() >= until {
                return Err(ExecutorError::TimedOut { what: format!("replica {number} to serve"), within });
            }
            self.clock.sleep_until(until.min(self.clock.now() + LOOK)).await;
        }
    }

    /// Puts back what was begun; says what that was.
    async fn undo(&self, begun: &[Step]) -> Vec<String> {
        let mut done = Vec::new();
        let made: Vec<u32> = begun.iter().filter_map(made).collect();
        for step in begun {
            if let Step::Drain { id, name, .. } = step
                && let Some(replica) = self.observed.get(id)
            {
                self.balancer.undrain(replica).await;
                done.push(format!("undone: {name} gets new flows again"));
            }
        }
        if made.is_empty() {
            return done;
        }
        let Ok(now) = self.executor.observe().await else { return done };
        let grace = self.executor.patience().stop;
        let unready = now.replicas.iter().filter(|it| made.contains(&it.number) && !it.condition.serves());
        for it in unready {
            let remove = Step::Remove { id: it.id.clone(), name: it.name.clone(), grace };
            match self.executor.carry_out(&remove, self.order).await {
                Ok(said) => done.push(format!("undone: {said}")),
                Err(error) => done.push(format!("not undone: {error}")),
            }
        }
        done
    }
}

fn made(step: &Step) -> Option<u32> {
    match step {
        Step::Create { number, .. } => Some(*number),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::executor::Condition;
    use crate::executor::scripted::{Scripted, replica};
    use std::sync::Mutex;

    /// Notes who was drained.
    #[derive(Default)]
    struct Notes(Mutex<Vec<String>>);

    impl Balancer for Notes {
        fn drain<'a>(&'a self, replica: &'a Replica, _within: Duration) -> BoxFuture<'a, ()> {
            self.0.lock().unwrap().push(format!("drain {}", replica.name));
            Box::pin(async {})
        }

        fn undrain<'a>(&'a self, replica: &'a Replica) -> BoxFuture<'a, ()> {
            self.0.lock().unwrap().push(format!("undrain {}", replica.name));
            Box::pin(async {})
        }

        fn serves(&self, _replica: &Replica) -> Option<bool> {
            None
        }
    }

    async fn done(executor: &Scripted, intent: Intent) -> (Result<Vec<String>, Failed>, Vec<String>) {
        let notes = Notes::default();
        let outcome = run(executor, &notes, &intent, &Order::default(), &Clock::machine()).await;
        (outcome, notes.0.into_inner().unwrap())
    }

    fn two() -> Scripted {
        Scripted::new(vec![replica(1, Condition::Healthy), replica(2, Condition::Unhealthy)])
    }

    #[tokio::test]
    async fn a_replacement_ends_with_as_many_as_there_were() {
        let executor = two();
        let (outcome, drained) = done(&executor, Intent::Replace { id: "id-2".into() }).await;
        assert_eq!(outcome.unwrap().len(), 4);
        assert_eq!(drained, ["drain api-2"]);
        let left: Vec<u32> = executor.inside().replicas.iter().map(|it| it.number).collect();
        assert_eq!(left, [1, 3]);
    }

    #[tokio::test]
    async fn a_new_one_that_never_serves_is_taken_away_and_the_old_one_stays() {
        let executor = two();
        executor.inside().fresh = Condition::Unhealthy;
        let (outcome, drained) = done(&executor, Intent::Replace { id: "id-2".into() }).await;
        assert!(outcome.unwrap_err().why.contains("replica 3 to serve"));
        assert_eq!(drained, Vec::<String>::new());
        let left: Vec<u32> = executor.inside().replicas.iter().map(|it| it.number).collect();
        assert_eq!(left, [1, 2]);
    }

    #[tokio::test]
    async fn a_restart_that_is_refused_gives_the_flows_back() {
        let executor = two();
        let refused = ExecutorError::Refused { what: "engine".into(), why: "busy".into() };
        executor.inside().failures.push_back(Some(refused));
        let (outcome, drained) = done(&executor, Intent::Restart { id: "id-2".into() }).await;
        let failed = outcome.unwrap_err();
        assert_eq!(
            (failed.why.as_str(), failed.unreachable, failed.done.len()),
            ("engine refused: busy", false, 2)
        );
        assert_eq!(drained, ["drain api-2", "undrain api-2"]);
    }

    #[tokio::test]
    async fn an_executor_that_is_away_is_not_a_dead_replica() {
        let executor = two();
        executor.inside().reachable = false;
        let (outcome, drained) = done(&executor, Intent::Restart { id: "id-2".into() }).await;
        assert!(outcome.unwrap_err().unreachable && drained.is_empty());
    }
}
