//! Listening sockets, bound before anything is changed, so that a plan that cannot be served is refused.

use std::collections::HashSet;
use std::io;
use std::net::{SocketAddr, TcpListener};

use socket2::{Domain, Protocol, Socket, Type};

use crate::proxy::plan::Plan;

/// Connections that wait to be accepted, of one worker.
const BACKLOG: i32 = 4096;

/// An address cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("listener \"{listener}\": {address} cannot be listened on: {error}")]
pub struct BindError {
    pub listener: String,
    pub address: SocketAddr,
    pub error: io::Error,
}

/// Sockets for each worker: all with the same addresses, between which the kernel spreads connections
/// (`SO_REUSEPORT`).
#[derive(Debug, Default)]
pub struct Sockets(Vec<Vec<Bound>>);

/// A socket that listens.
#[derive(Debug)]
pub(super) struct Bound {
    /// As the plan has it.
    pub(super) address: SocketAddr,
    pub(super) socket: TcpListener,
}

impl Sockets {
    /// Listens on all addresses of a plan that another one does not have.
    ///
    /// # Errors
    ///
    /// An address cannot be listened on; none is then.
    pub fn bind(plan: &mut Plan, before: Option<&Plan>, workers: usize) -> Result<Self, BindError> {
        let before: HashSet<SocketAddr> = before.into_iter().flat_map(addresses).collect();
        let mut all: Vec<Vec<Bound>> = (0..workers.max(1)).map(|_| Vec::new()).collect();
        for listener in &mut plan.listeners {
            for address in listener.meant.listen.iter_mut().filter(|address| !before.contains(address)) {
                for bound in &mut all {
                    let socket = listen(*address).and_then(|socket| Ok((socket.local_addr()?, socket)));
                    let (own, socket) = socket.map_err(|error| BindError {
                        listener: listener.meant.name.clone(),
                        address: *address,
                        error,
                    })?;
                    // The first worker is given a port where none was named; the others share it.
                    *address = own;
                    bound.push(Bound { address: own, socket });
                }
            }
        }
        Ok(Self(all))
    }

    /// The sockets of each worker.
    pub(super) fn for_workers(mut self, workers: usize) -> Vec<Vec<Bound>> {
        self.0.resize_with(workers.max(1), Vec::new);
        self.0
    }
}

pub(super) fn addresses(plan: &Plan) -> impl Iterator<Item = SocketAddr> {
    plan.listeners.iter().flat_map(|listener| listener.meant.listen.iter().copied())
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    // IPv4 has addresses of its own.
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    // Connections inherit it, which saves each a call.
    socket.set_tcp_nodelay(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}
