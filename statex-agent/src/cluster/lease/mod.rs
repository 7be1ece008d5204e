//! One at a time: a lease, with a fence that tells an old holder from the new one.
//!
//! | file | who is one of |
//! |---|---|
//! | `file.rs` | the agents of this host, by a locked file |
//! | `etcd.rs` | the nodes of a cluster, by a key of etcd that goes when its holder does |
//!
//! A fence only grows. Whoever carries an order out may remember the greatest that it has seen and refuse orders under
//! smaller ones: so a holder that slept, and does not know yet that it is none any more, does no harm.

pub mod etcd;
pub mod file;

use futures_util::future::BoxFuture;
use std::time::Duration;

/// How often a holder must say that it is there, and others look whether it is not.
pub const RENEW: Duration = Duration::from_secs(3);
/// A holder that was silent for so long is none any more.
pub const LIFE: Duration = Duration::from_secs(10);

/// A way to be the only one.
pub trait Lease: Send {
    /// Takes the lease, or keeps it; call it every [`RENEW`]. `None`: somebody else has it.
    fn hold(&mut self) -> BoxFuture<'_, Result<Option<u64>, LeaseError>>;

    /// Gives it back, so that another need not wait.
    fn release(&mut self) -> BoxFuture<'_, ()>;
}

/// Why nobody knows who holds the lease. Who does not know does not act.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the lease at {place} cannot be had or kept: {why}")]
pub struct LeaseError {
    pub place: String,
    pub why: String,
}
