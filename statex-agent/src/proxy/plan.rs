//! What the workers go by: one immutable plan, replaced as a whole; connections live on.

use std::net::SocketAddr;
use std::time::Duration;

use super::h1::Limits;
use super::route::Routes;

/// Everything that a request's way depends on.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    pub routes: Routes,
    /// [`super::route::Action::Proxy`] counts in these.
    pub pools: Vec<Pool>,
    pub limits: Limits,
    pub timeouts: Timeouts,
}

/// Backends that take requests in turn.
#[derive(Clone, Debug, Default)]
pub struct Pool {
    pub backends: Vec<SocketAddr>,
}

/// How long the proxy waits.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// For the head of a client's request; also how long its connection may idle.
    pub head: Duration,
    pub connect: Duration,
    /// For a backend's head, and between pieces of a body, either way.
    pub between_bytes: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self { head: seconds(60), connect: seconds(5), between_bytes: seconds(60) }
    }
}
