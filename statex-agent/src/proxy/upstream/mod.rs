//! Connections to backends, kept for the next request. Every worker has its own.

mod h1;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;

use bytes::BytesMut;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::plan::{Pool, Timeouts};
use super::spare::Spare;
use h1::Carrier;

/// Connections that idle, of one backend.
const IDLE: usize = 256;
/// Requests that one connection carries.
const REQUESTS: u32 = 10_000;

/// A connection to a backend.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) carrier: RefCell<Carrier<TcpStream>>,
    to: SocketAddr,
    requests: u32,
}

impl Connection {
    /// Whether it has carried a request before, so that the backend may have closed it meanwhile.
    pub(super) fn is_used(&self) -> bool {
        self.requests > 0
    }
}

/// A worker's connections.
#[derive(Debug, Default)]
pub(super) struct Upstreams {
    idle: RefCell<HashMap<SocketAddr, Vec<Connection>>>,
    /// Connections that idle hold none.
    inputs: Spare<BytesMut>,
    turn: Cell<usize>,
}

impl Upstreams {
    /// The backend whose turn it is; `None`: the pool has none.
    pub(super) fn choose(&self, pool: &Pool) -> Option<SocketAddr> {
        let turn = self.turn.replace(self.turn.get().wrapping_add(1));
        pool.backends.get(turn % pool.backends.len().max(1)).copied()
    }

    /// A connection that idles, or else a new one; `fresh`: a new one in any case.
    ///
    /// # Errors
    ///
    /// The backend does not take it, or not in time (`TimedOut`).
    pub(super) async fn connect(
        &self,
        to: SocketAddr,
        fresh: bool,
        timeouts: &Timeouts,
    ) -> io::Result<Connection> {
        while !fresh && let Some(mut kept) = self.idle.borrow_mut().get_mut(&to).and_then(Vec::pop) {
            let carrier = kept.carrier.get_mut();
            if carrier.is_quiet() {
                carrier.lend(self.inputs.take());
                return Ok(kept);
            }
        }
        let stream = timeout(timeouts.connect, TcpStream::connect(to)).await??;
        stream.set_nodelay(true)?;
        let carrier = RefCell::new(Carrier::new(stream, self.inputs.take()));
        Ok(Connection { carrier, to, requests: 0 })
    }

    /// Takes a connection back, if its exchange was complete.
    pub(super) fn keep(&self, mut connection: Connection) {
        connection.requests += 1;
        let carrier = connection.carrier.get_mut();
        if !carrier.is_free() {
            return;
        }
        self.inputs.give(carrier.take_back());
        let mut idle = self.idle.borrow_mut();
        let idle = idle.entry(connection.to).or_default();
        if idle.len() < IDLE && connection.requests < REQUESTS {
            idle.push(connection);
        }
    }
}
