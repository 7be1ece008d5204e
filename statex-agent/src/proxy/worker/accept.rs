//! Connections as they come in.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::rc::Rc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::spawn_local;

use super::thread::Worker;
use crate::config::proxy::{ListenerProtocol, Version};
use crate::proxy::counters::ListenerCounts;
use crate::proxy::edge::Client;
use crate::proxy::http::Scheme;
use crate::proxy::plan::{Listener, Plan};
use crate::proxy::serve::{begins_h2, serve, serve_h2};
use crate::proxy::tls::{Accepted, Offer, TlsStream, accept as accept_tls};

/// A listener, as its connections know it: the plan's own is replaced with the plan.
#[derive(Debug, Default)]
pub(in crate::proxy) struct Entry {
    pub(super) name: String,
    /// Its place in the plan.
    pub(super) index: Cell<usize>,
    /// It is in the plan no more: its connections end when their requests have.
    pub(super) leaving: Cell<bool>,
}

impl Entry {
    pub(super) fn new(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }

    /// The listener in a plan that was asked for just now; `None` where it has none any more.
    pub(in crate::proxy) fn of<'a>(&self, plan: &'a Plan) -> Option<&'a Listener> {
        if self.leaving.get() { None } else { plan.listeners.get(self.index.get()) }
    }

    pub(in crate::proxy) fn is_leaving(&self) -> bool {
        self.leaving.get()
    }
}

/// A socket that accepts. Dropped, it takes those that wait already, and closes.
pub(super) struct Open {
    entry: Rc<RefCell<Rc<Entry>>>,
    close: Rc<Notify>,
}

impl Open {
    /// Connections that come from now on belong to this listener.
    pub(super) fn lead_to(&self, entry: Rc<Entry>) {
        *self.entry.borrow_mut() = entry;
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.close.notify_one();
    }
}

/// Accepts until what this gives is dropped.
pub(super) fn accept(socket: StdListener, entry: Rc<Entry>, worker: Rc<Worker>) -> io::Result<Open> {
    let socket = TcpListener::from_std(socket)?;
    let open = Open { entry: Rc::new(RefCell::new(entry)), close: Rc::default() };
    let (entry, close) = (open.entry.clone(), open.close.clone());
    spawn_local(async move {
        loop {
            let accepted = tokio::select! {
                biased;
                accepted = socket.accept() => accepted,
                () = close.notified() => break,
            };
            match accepted {
                Ok((stream, client)) => admit(stream, client, entry.borrow().clone(), &worker),
                // No file descriptors are left; some will be.
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
        // Closed with the socket, they would be reset.
        while let Some(Ok((stream, client))) = socket.accept().now_or_never() {
            admit(stream, client, entry.borrow().clone(), &worker);
        }
    });
    Ok(open)
}

fn admit(stream: TcpStream, client: SocketAddr, entry: Rc<Entry>, worker: &Rc<Worker>) {
    let plan = worker.plan();
    // Those that waited when their listener went are served once.
    let Some(listener) = plan.listeners.get(entry.index.get()) else { return };
    let counts = listener.counts.of(worker.index);
    if counts.open.get() >= listener.connections {
        counts.refused.add(1);
        return;
    }
    counts.accepted.add(1);
    let scheme = match listener.meant.protocol {
        ListenerProtocol::Https => Scheme::Https,
        _ => Scheme::Http,
    };
    let client = Client::new(client.ip(), scheme, entry);
    let (counts, worker) = (listener.counts.clone(), worker.clone());
    let versions = Versions::of(listener);
    let tls = listener.tls.clone().map(|offer| (offer, listener.meant.timeouts.handshake));
    spawn_local(async move {
        let counts: &ListenerCounts = counts.of(worker.index);
        counts.open.add(1);
        worker.open.set(worker.open.get() + 1);
        match tls {
            None => plain(stream, &client, versions, &worker).await,
            Some((offer, patience)) => {
                // Behind a pointer, so that a connection that waits is small.
                let shaken = Box::pin(shake(stream, client, &offer, patience, &worker)).await;
                let count = if shaken.is_ok() { &counts.handshakes } else { &counts.failed_handshakes };
                count.add(1);
                drop(offer);
                if let Ok((stream, client, is_h2)) = shaken {
                    match is_h2 || !versions.h1 {
                        true => serve_h2(stream, &client, &worker).await,
                        false => serve(stream, &client, &worker).await,
                    }
                }
            }
        }
        worker.open.set(worker.open.get() - 1);
        counts.open.subtract(1);
        worker.ended.notify_one();
    });
}

/// What a listener's connections may speak.
#[derive(Clone, Copy, Debug)]
struct Versions {
    h1: bool,
    h2: bool,
}

impl Versions {
    fn of(listener: &Listener) -> Self {
        let has = |version| listener.meant.versions.contains(&version);
        Self { h1: has(Version::H1), h2: has(Version::H2) }
    }
}

/// Serves a connection without TLS, on which HTTP/2 is spoken by those who know beforehand that it is
/// (RFC 9113 §3.3).
async fn plain(mut stream: TcpStream, client: &Client, versions: Versions, worker: &Worker) {
    let is_h2 = match versions {
        Versions { h1: true, h2: true } => begins_h2(&mut stream, client, worker).await,
        Versions { h1, .. } => Some(!h1),
    };
    match is_h2 {
        Some(true) => serve_h2(stream, client, worker).await,
        Some(false) => serve(stream, client, worker).await,
        None => {}
    }
}

/// Shakes hands; also gives whether HTTP/2 was agreed on. An authority's challenge is over with that, and
/// counts as a failure: nothing can be asked.
async fn shake(
    stream: TcpStream,
    mut client: Client,
    offer: &Offer,
    patience: Duration,
    worker: &Worker,
) -> io::Result<(TlsStream<TcpStream>, Client, bool)> {
    let deadline = worker.deadlines.make();
    deadline.set(patience);
    let Accepted { stream, facts } = accept_tls(stream, offer, worker.buffers.clone(), &deadline).await?;
    if facts.is_challenge {
        return Err(io::ErrorKind::Unsupported.into());
    }
    client.tls_host = facts.host;
    Ok((stream, client, facts.is_h2))
}
