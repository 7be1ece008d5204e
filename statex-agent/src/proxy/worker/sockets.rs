//! Listening sockets, bound before anything is changed, so that a plan that cannot be served is refused.

use std::collections::HashSet;
use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};

use socket2::{Domain, Protocol, Socket as Plain, Type};

use crate::config::proxy::{self as meant, ListenerProtocol, Version};
use crate::proxy::plan::Plan;
use crate::proxy::quic;

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
    pub(super) door: Door,
    pub(super) socket: Socket,
}

/// Where clients come in: a kind of sockets, and an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Door {
    pub(super) transport: Transport,
    pub(super) address: SocketAddr,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Transport {
    Tcp,
    Quic,
}

#[derive(Debug)]
pub(super) enum Socket {
    Tcp(TcpListener),
    Quic {
        socket: UdpSocket,
        /// What connection ids call it by.
        slot: u8,
    },
}

impl Sockets {
    /// Listens on all addresses of a plan that another one does not have.
    ///
    /// # Errors
    ///
    /// An address cannot be listened on; none is then.
    pub fn bind(plan: &mut Plan, before: Option<&Plan>, workers: usize) -> Result<Self, BindError> {
        let before: HashSet<Door> = before.into_iter().flat_map(doors).collect();
        let mut all: Vec<Vec<Bound>> = (0..workers.max(1)).map(|_| Vec::new()).collect();
        for listener in &mut plan.listeners {
            let meant::Listener { name, listen, protocol, versions, .. } = &mut listener.meant;
            for address in listen {
                for transport in transports(*protocol, versions) {
                    if before.contains(&Door { transport, address: *address }) {
                        continue;
                    }
                    for (worker, bound) in all.iter_mut().enumerate() {
                        let (own, socket) = open(transport, *address, worker).map_err(|error| BindError {
                            listener: name.clone(),
                            address: *address,
                            error,
                        })?;
                        // The first socket is given a port where none was named; the others share it.
                        *address = own;
                        bound.push(Bound { door: Door { transport, address: own }, socket });
                    }
                }
            }
        }
        Ok(Self(all))
    }

    /// Has datagrams of QUIC steered to the workers whose connections they belong to: `join` is given an address and
    /// its sockets, and gives what connection ids call each of them by, or nothing where the kernel cannot steer.
    pub fn steer(&mut self, mut join: impl FnMut(SocketAddr, &[&UdpSocket]) -> Option<Vec<u8>>) {
        let doors: HashSet<Door> = self.0.iter().flatten().map(|bound| bound.door).collect();
        for door in doors {
            let sockets: Vec<&UdpSocket> =
                self.0.iter().flatten().filter_map(|one| one.quic_at(door)).collect();
            if sockets.is_empty() {
                continue;
            }
            let Some(slots) = join(door.address, &sockets) else { continue };
            let own = self.0.iter_mut().flatten().filter(|bound| bound.door == door);
            for (bound, joined) in own.zip(slots) {
                if let Socket::Quic { slot, .. } = &mut bound.socket {
                    *slot = joined;
                }
            }
        }
    }

    /// The sockets of each worker.
    pub(super) fn for_workers(mut self, workers: usize) -> Vec<Vec<Bound>> {
        self.0.resize_with(workers.max(1), Vec::new);
        self.0
    }
}

impl Bound {
    fn quic_at(&self, door: Door) -> Option<&UdpSocket> {
        match &self.socket {
            Socket::Quic { socket, .. } if self.door == door => Some(socket),
            _ => None,
        }
    }
}

pub(super) fn doors(plan: &Plan) -> impl Iterator<Item = Door> {
    plan.listeners.iter().flat_map(|listener| {
        let transports = transports(listener.meant.protocol, &listener.meant.versions);
        transports.flat_map(|transport| {
            listener.meant.listen.iter().map(move |address| Door { transport, address: *address })
        })
    })
}

fn transports(protocol: ListenerProtocol, versions: &[Version]) -> impl Iterator<Item = Transport> + use<> {
    let quic = versions.contains(&Version::H3);
    let tcp = protocol != ListenerProtocol::Https || versions.iter().any(|version| *version != Version::H3);
    [(tcp, Transport::Tcp), (quic, Transport::Quic)]
        .into_iter()
        .filter_map(|(wanted, transport)| wanted.then_some(transport))
}

/// A socket of a worker, and the address that it got.
fn open(transport: Transport, address: SocketAddr, worker: usize) -> io::Result<(SocketAddr, Socket)> {
    match transport {
        Transport::Tcp => {
            let socket = listen(address)?;
            Ok((socket.local_addr()?, Socket::Tcp(socket)))
        }
        Transport::Quic => {
            let socket = quic::bind(address)?;
            // More workers than slots are told apart by the kernel alone.
            Ok((socket.local_addr()?, Socket::Quic { socket, slot: worker as u8 }))
        }
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Plain::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
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
