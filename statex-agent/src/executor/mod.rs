//! What can be done to the replicas of a pool: one trait, whoever runs them.
//!
//! ```text
//! observe ─ replicas ─┐
//!                     ├─ plan (pure) ─ steps ─ run, one at a time ─ outcome
//!           intent ───┘                          └─ drain and readiness, asked of the balancer
//! ```
//!
//! | file | holds |
//! |---|---|
//! | `replica.rs` | what is known of one replica |
//! | `plan.rs` | from an intent to steps: pure, the same for all executors |
//! | `run.rs` | carries steps out, and undoes what a failure leaves half done |
//! | `dry.rs` | an executor that only says what it would do |
//! | `docker/` | containers, by the Docker Engine |
//! | `systemd/` | units of a template, by systemd's manager |
//! | `process.rs` | processes that the agent starts itself |
//! | `webhook.rs` | whatever answers at a URL |
//! | `build.rs` | the executor that the configuration asks for |
//! | `hook.rs` | how a replica is asked to help itself |
//! | `cgroup.rs` | what the kernel tells of a replica's control group |
//!
//! An executor that cannot be asked says [`ExecutorError::Unreachable`]: that is no fact about the replicas. Whoever
//! hears it keeps what it knew and does nothing.

mod build;
pub mod cgroup;
pub mod docker;
pub mod dry;
pub mod hook;
pub mod plan;
pub mod process;
pub mod replica;
pub mod run;
#[cfg(test)]
pub(crate) mod scripted;
pub mod systemd;
pub mod webhook;

use futures_util::future::BoxFuture;
use std::fmt;
use std::time::Duration;

pub use build::build;
pub use plan::{Refusal, plan};
pub use replica::{Condition, Exit, Observed, Replica, Usage};
pub use run::{Balancer, Failed, run, steps};

/// What is wanted of a workload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Intent {
    /// Asks the replica to help itself: a signal, a command, a request.
    Hook { id: String },
    /// The same replica, started again.
    Restart { id: String },
    /// A new replica first; the old one goes when the new one serves.
    Replace { id: String },
    /// So many replicas. Those with the highest numbers go first.
    Scale { to: u32 },
}

/// One thing that is done, in words that a person can check before it is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    Hook {
        id: String,
        name: String,
    },
    /// New flows go elsewhere; ends when the replica has none left, or when the time is up.
    Drain {
        id: String,
        name: String,
        within: Duration,
    },
    /// Ends a drain.
    Undrain {
        id: String,
        name: String,
    },
    /// Stops and starts; `grace` is how long it may take to stop by itself.
    Restart {
        id: String,
        name: String,
        grace: Duration,
    },
    /// Starts a replica that there is.
    Start {
        id: String,
        name: String,
    },
    /// Makes and starts another replica like the one with id `like`.
    Create {
        number: u32,
        like: String,
    },
    /// Waits until the replica serves.
    AwaitReady {
        number: u32,
        within: Duration,
    },
    /// Stops and removes.
    Remove {
        id: String,
        name: String,
        grace: Duration,
    },
    /// Asks somebody else, who does the steps himself, for so many replicas.
    Ask {
        to: u32,
    },
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hook { name, .. } => write!(f, "ask {name} to help itself"),
            Self::Drain { name, within, .. } => {
                write!(f, "drain {name}, for {} s at most", within.as_secs())
            }
            Self::Undrain { name, .. } => write!(f, "give {name} new flows again"),
            Self::Restart { name, grace, .. } => {
                write!(f, "restart {name}, with {} s to stop by itself", grace.as_secs())
            }
            Self::Start { name, .. } => write!(f, "start {name}"),
            Self::Create { number, like } => write!(f, "make replica {number} like {like}"),
            Self::AwaitReady { number, within } => {
                write!(f, "wait until replica {number} serves, for {} s at most", within.as_secs())
            }
            Self::Remove { name, grace, .. } => {
                write!(f, "stop and remove {name}, with {} s to stop by itself", grace.as_secs())
            }
            Self::Ask { to } => write!(f, "ask for {to} replicas"),
        }
    }
}

/// What an executor can do at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Abilities {
    pub hook: bool,
    pub restart: bool,
    /// Can make replicas and remove them.
    pub scale: bool,
    /// Does not take steps, but whole intents.
    pub asks: bool,
}

/// How long things may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// Until a replica has stopped by itself.
    pub stop: Duration,
    /// Until the flows of a replica that drains have ended.
    pub drain: Duration,
    /// From start to serving.
    pub ready: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self { stop: seconds(10), drain: seconds(30), ready: seconds(60) }
    }
}

/// Who orders, and as what: whoever carries an order out may refuse one that is older than what it has seen, and do
/// nothing when it sees the same twice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Order {
    /// Of the lease under which the order is given; it only grows.
    pub fence: u64,
    /// The same when the same order is given again.
    pub key: String,
}

/// Why an executor did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExecutorError {
    /// Nothing is known about the replicas.
    #[error("{what} cannot be asked: {why}")]
    Unreachable { what: String, why: String },
    /// It understood, and said no.
    #[error("{what} refused: {why}")]
    Refused { what: String, why: String },
    /// The order comes from somebody who has lost the lease.
    #[error("the order is out of date: its fence is {given}, and {seen} was seen")]
    Fenced { given: u64, seen: u64 },
    #[error("{what} was not done within {} s", within.as_secs())]
    TimedOut { what: String, within: Duration },
    /// The executor has no such ability.
    #[error("{what} cannot do that: {why}")]
    Unable { what: String, why: String },
}

/// Who runs the replicas of one workload.
pub trait Executor: Send + Sync {
    /// For people: `docker site/api`.
    fn name(&self) -> &str;

    fn abilities(&self) -> Abilities;

    fn patience(&self) -> Patience;

    /// All replicas, by number.
    fn observe(&self) -> BoxFuture<'_, Result<Observed, ExecutorError>>;

    /// Does one step; the answer says what was done. [`Step::Drain`], [`Step::Undrain`] and [`Step::AwaitReady`]
    /// never come here.
    fn carry_out<'a>(
        &'a self,
        step: &'a Step,
        order: &'a Order,
    ) -> BoxFuture<'a, Result<String, ExecutorError>>;

    /// Ends when something may have changed, so that it is worth while to observe. One who never knows never ends.
    fn changed(&self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::pending())
    }
}
