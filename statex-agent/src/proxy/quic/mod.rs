//! QUIC (RFC 9000) on quinn's state machines, and HTTP/3 over it: a worker's own sockets and connections.
//!
//! ```text
//! kernel ─ by the slot in the connection id ─> Endpoint of the worker ─ Arrivals ─> Service (a request)
//!                                                  Outgoing <────────────────────── its answer
//! ```
//!
//! | file | |
//! |---|---|
//! | `id.rs` | connection ids that say which node and worker issued them |
//! | `keys.rs` | keys that a node's workers share |
//! | `lasting.rs` | what lasts longer than a plan |
//! | `transport.rs` | what the node offers to clients |
//! | `admission.rs` | who may connect, and who must first prove its address: pure |
//! | `socket.rs` | many datagrams a system call |
//! | `endpoint.rs`, `connections.rs` | the task of a socket, and the connections it drives |
//! | `timers.rs`, `shared.rs` | which of them it looks at next |
//! | `connection.rs` | one connection |
//! | `arrivals.rs` | request streams until their head is there |
//! | `exchange.rs` | one request and its answer, over `incoming.rs` and `outgoing.rs` |
//!
//! What a connection makes the proxy remember is bounded: by QUIC's flow control for what comes, by a window for what
//! goes, and by the number of streams for everything else.

mod admission;
mod arrivals;
mod connection;
mod connections;
mod endpoint;
mod exchange;
mod id;
mod incoming;
mod keys;
mod lasting;
mod outgoing;
mod shared;
mod socket;
#[cfg(test)]
mod tests;
mod timers;
mod transport;

use std::future::Future;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;

use super::deadline::Deadlines;
use super::h1::Limits;
use super::http::Request;
pub(crate) use admission::Retry;
pub use id::{Form, LONGEST_SERVER_ID, SHORTEST_NONCE};
pub(crate) use incoming::Incoming;
pub use keys::Keys;
pub use lasting::Lasting;
pub(crate) use outgoing::Outgoing;
pub use quinn_proto::crypto::rustls::NoInitialCipherSuite;
pub(crate) use socket::bind;
pub(crate) use transport::{Offer, server};

/// Who serves the requests that come by an endpoint.
pub(crate) trait Service: 'static {
    /// What is known of a client for as long as it keeps its address.
    type Client: 'static;

    fn client(&self, address: SocketAddr) -> Self::Client;

    /// What connections and requests that begin now go by.
    fn rules(&self) -> Rules;

    /// What clients that connect now are offered; `None`: what the first were.
    fn offer(&self) -> Option<Arc<quinn_proto::ServerConfig>> {
        None
    }

    /// Hears what becomes of connections.
    fn count(&self, _: Turn) {}

    fn deadlines(&self) -> &Rc<Deadlines>;

    /// Asked whenever the worker's deadlines are woken.
    fn stopping(&self) -> Stopping;

    /// Serves one request. An answer that was not ended is broken off.
    fn serve(
        &self,
        client: &Self::Client,
        request: &mut Request,
        body: &mut Incoming,
        sink: &mut Outgoing,
    ) -> impl Future<Output = ()>;
}

/// Whether an endpoint goes on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Stopping {
    #[default]
    No,
    /// It takes no new connections, and ends those that it has when their requests have ended.
    Gently,
    /// It ends.
    Now,
}

/// Something that becomes of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// There were too many: it was none.
    Refused,
    Accepted,
    /// Its handshake is complete.
    Established,
    Ended {
        /// Its handshake was complete.
        was_established: bool,
    },
}

/// What connections and requests go by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    pub(crate) retry: Retry,
    /// Connections of one worker at once.
    pub(crate) most_connections: usize,
    pub(crate) limits: Limits,
    /// Requests of one connection, after which it ends gracefully.
    pub(crate) most_requests: u64,
    /// How long a handshake may take.
    pub(crate) handshake: Duration,
    /// How long a request's head may take.
    pub(crate) head: Duration,
    /// How long nothing may move of a body, either way.
    pub(crate) patience: Duration,
}

/// Something of each stream of a connection. Streams are numbered one by one, and those that are open are few.
type ByStream<T> = rustc_hash::FxHashMap<quinn_proto::StreamId, T>;

/// What an endpoint is made of, beside its socket.
#[derive(Clone)]
pub(crate) struct Identity {
    pub(crate) form: Arc<ArcSwap<Form>>,
    pub(crate) keys: Keys,
    /// Where the kernel finds this worker's socket.
    pub(crate) slot: u8,
}

/// Serves all that comes by a socket until the service stops.
///
/// # Errors
///
/// The socket lacks what QUIC needs.
pub(crate) async fn run<S: Service>(
    socket: UdpSocket,
    identity: &Identity,
    server: Arc<quinn_proto::ServerConfig>,
    service: Rc<S>,
) -> io::Result<()> {
    endpoint::Endpoint::new(socket, transport::endpoint(identity), server, service)?.await;
    Ok(())
}
