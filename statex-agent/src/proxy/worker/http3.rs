//! Requests as they come in by QUIC.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::rc::Rc;
use std::sync::Arc;

use quinn_proto::ServerConfig;
use tokio::task::spawn_local;

use super::accept::Entry;
use super::thread::Worker;
use crate::config::proxy::Retry as Meant;
use crate::proxy::counters::{ListenerCounts, PerWorker};
use crate::proxy::deadline::Deadlines;
use crate::proxy::edge::{self, At, Client};
use crate::proxy::http::{Request, Scheme};
use crate::proxy::plan::Listener;
use crate::proxy::quic::{Identity, Incoming, Outgoing, Retry, Rules, Service, Stopping, Turn, run};

/// A socket of QUIC. Dropped, it takes no new connections, and closes when those that it has have ended.
pub(super) struct Open(Rc<Requests>);

impl Open {
    /// Connections that come from now on belong to this listener.
    pub(super) fn lead_to(&self, entry: Rc<Entry>) {
        *self.0.entry.borrow_mut() = entry;
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.closing.set(true);
        self.0.worker.deadlines.wake_all();
    }
}

/// Serves what comes by a socket until what this gives is dropped.
///
/// # Errors
///
/// No listener offers QUIC.
pub(super) fn open(
    socket: UdpSocket,
    identity: Identity,
    entry: Rc<Entry>,
    worker: Rc<Worker>,
) -> io::Result<Open> {
    let plan = worker.plan();
    let listener = plan.listeners.get(entry.index.get());
    let (listener, offer) = listener
        .and_then(|listener| Some((listener, listener.quic.clone()?)))
        .ok_or(io::ErrorKind::Unsupported)?;
    let requests = Rc::new(Requests {
        entry: RefCell::new(entry),
        closing: Cell::new(false),
        rules: Cell::new(rules(listener)),
        counts: listener.counts.clone(),
        worker: worker.clone(),
    });
    let open = Open(requests.clone());
    spawn_local(async move {
        worker.open.set(worker.open.get() + 1);
        if let Err(error) = run(socket, &identity, offer, requests).await {
            tracing::error!(%error, "a socket of QUIC cannot be used");
        }
        worker.open.set(worker.open.get() - 1);
        worker.ended.notify_one();
    });
    Ok(open)
}

/// Serves requests as the worker's plan says.
struct Requests {
    worker: Rc<Worker>,
    entry: RefCell<Rc<Entry>>,
    closing: Cell<bool>,
    /// As of the plan that had the listener last.
    rules: Cell<Rules>,
    counts: Arc<PerWorker<ListenerCounts>>,
}

impl Service for Requests {
    type Client = Client;

    fn client(&self, address: SocketAddr) -> Client {
        Client::new(address.ip(), Scheme::Https, self.entry.borrow().clone())
    }

    fn rules(&self) -> Rules {
        if let Some(listener) = self.entry.borrow().of(&self.worker.plan()) {
            self.rules.set(rules(listener));
        }
        self.rules.get()
    }

    fn offer(&self) -> Option<Arc<ServerConfig>> {
        self.entry.borrow().of(&self.worker.plan()).and_then(|listener| listener.quic.clone())
    }

    fn count(&self, turn: Turn) {
        let counts = self.counts.of(self.worker.index);
        match turn {
            Turn::Refused => counts.refused.add(1),
            Turn::Accepted => {
                counts.accepted.add(1);
                counts.open.add(1);
            }
            Turn::Established => counts.handshakes.add(1),
            Turn::Ended { was_established } => {
                counts.open.subtract(1);
                counts.failed_handshakes.add(u64::from(!was_established));
            }
        }
    }

    fn deadlines(&self) -> &Rc<Deadlines> {
        &self.worker.deadlines
    }

    fn stopping(&self) -> Stopping {
        let is_leaving = self.closing.get() || self.entry.borrow().is_leaving();
        match (self.worker.is_breaking(), is_leaving || self.worker.is_stopping()) {
            (true, _) => Stopping::Now,
            (false, true) => Stopping::Gently,
            (false, false) => Stopping::No,
        }
    }

    async fn serve(&self, client: &Client, request: &mut Request, body: &mut Incoming, sink: &mut Outgoing) {
        let (worker, plan) = (&*self.worker, self.worker.plan());
        // Whatever the client calls it, it came encrypted.
        request.scheme = client.scheme;
        if let Some(listener) = client.entry.of(&plan) {
            edge::serve(&At { client, worker, plan: &plan, listener }, request, body, sink).await;
        }
    }
}

fn rules(listener: &Listener) -> Rules {
    let (limits, timeouts) = (&listener.meant.limits, &listener.meant.timeouts);
    Rules {
        retry: match listener.meant.quic_retry {
            Meant::Auto => Retry::Auto,
            Meant::Always => Retry::Always,
            Meant::Never => Retry::Never,
        },
        most_connections: usize::try_from(listener.connections).unwrap_or(usize::MAX),
        limits: listener.limits,
        most_requests: u64::from(limits.requests),
        handshake: timeouts.handshake,
        head: timeouts.head,
        patience: timeouts.body,
    }
}
