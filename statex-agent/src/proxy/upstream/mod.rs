//! Connections to backends, kept for the next request. Every worker has its own.

mod h1;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;

use bytes::BytesMut;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::plan::{Backend, Pool, Standing};
use super::spare::Spare;
use crate::config::proxy::Connections;
use crate::health::influence::Admits;
use h1::Carrier;

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
    /// The backend whose turn it is; where none is up, any that is not drained. `None`: the pool has none.
    pub(super) fn choose(&self, pool: &Pool) -> Option<SocketAddr> {
        let turn = self.turn.replace(self.turn.get().wrapping_add(1));
        let up =
            |backend: &&Backend| backend.standing == Standing::Up && backend.influence.admits != Admits::None;
        let kept = |backend: &&Backend| backend.standing != Standing::Draining;
        pick(pool, turn, up).or_else(|| pick(pool, turn, kept))
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
        settings: &Connections,
    ) -> io::Result<Connection> {
        while !fresh && let Some(mut kept) = self.idle.borrow_mut().get_mut(&to).and_then(Vec::pop) {
            let carrier = kept.carrier.get_mut();
            if carrier.is_quiet() {
                carrier.lend(self.inputs.take());
                return Ok(kept);
            }
        }
        let stream = timeout(settings.connect, TcpStream::connect(to)).await??;
        stream.set_nodelay(true)?;
        let carrier = RefCell::new(Carrier::new(stream, self.inputs.take()));
        Ok(Connection { carrier, to, requests: 0 })
    }

    /// Takes a connection back, if its exchange was complete.
    pub(super) fn keep(&self, mut connection: Connection, settings: &Connections) {
        connection.requests += 1;
        let carrier = connection.carrier.get_mut();
        if !carrier.is_free() {
            return;
        }
        self.inputs.give(carrier.take_back());
        let mut idle = self.idle.borrow_mut();
        let idle = idle.entry(connection.to).or_default();
        if idle.len() < settings.idle as usize && connection.requests < settings.requests {
            idle.push(connection);
        }
    }
}

/// The backend of this turn, by weight.
fn pick(pool: &Pool, turn: usize, which: impl Fn(&&Backend) -> bool) -> Option<SocketAddr> {
    let backends = || pool.backends.iter().filter(&which);
    let weight = |backend: &Backend| backend.influence.on(backend.weight) as usize;
    let total: usize = backends().map(weight).sum();
    let mut left = turn.checked_rem(total)?;
    for backend in backends() {
        match left.checked_sub(weight(backend)) {
            Some(rest) => left = rest,
            None => return Some(backend.address),
        }
    }
    None
}
