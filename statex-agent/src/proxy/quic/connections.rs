//! What an endpoint is without its socket: its connections, by handle, and what they want.

use std::net::SocketAddr;
use std::rc::Rc;
use std::task::Context;
use std::time::Instant;

use quinn_proto::{ConnectionHandle, DatagramEvent, Transmit};
use tokio::task::spawn_local;

use super::admission::{self, Answer, Load};
use super::arrivals::Arrival;
use super::connection::Connection;
use super::shared::Shared;
use super::socket::Received;
use super::timers::{Armed, Timers};
use super::{Service, Stopping, Turn, exchange};
use crate::proxy::h3::{Breach, Code};

pub(super) struct Connections<S: Service> {
    quic: quinn_proto::Endpoint,
    /// By handle: quinn numbers connections so that numbers are used again.
    entries: Vec<Option<Entry<S::Client>>>,
    count: usize,
    shared: Rc<Shared>,
    timers: Timers,
    service: Rc<S>,
    /// Answers to datagrams that belong to no connection.
    pub(super) replies: Vec<(Transmit, Vec<u8>)>,
    noted: Vec<ConnectionHandle>,
    arrivals: Vec<Arrival>,
    /// Connections whose handshake is not complete.
    handshakes: usize,
    stopping: Stopping,
}

struct Entry<C> {
    connection: Rc<Connection>,
    armed: Armed,
    /// Who the client is, as of the address that it had last.
    client: Option<(SocketAddr, Rc<C>)>,
    is_established: bool,
}

impl<S: Service> Connections<S> {
    pub(super) fn new(quic: quinn_proto::Endpoint, service: Rc<S>) -> Self {
        Self {
            quic,
            entries: Vec::new(),
            count: 0,
            shared: Shared::new(service.deadlines().clone()),
            timers: Timers::default(),
            service,
            replies: Vec::new(),
            noted: Vec::new(),
            arrivals: Vec::new(),
            handshakes: 0,
            stopping: Stopping::No,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub(super) fn connection(&self, handle: ConnectionHandle) -> Option<Rc<Connection>> {
        self.entry(handle).map(|entry| entry.connection.clone())
    }

    fn entry(&self, handle: ConnectionHandle) -> Option<&Entry<S::Client>> {
        self.entries.get(handle.0)?.as_ref()
    }

    fn put(&mut self, handle: ConnectionHandle, entry: Entry<S::Client>) {
        if self.entries.len() <= handle.0 {
            self.entries.resize_with(handle.0 + 1, || None);
        }
        self.entries[handle.0] = Some(entry);
        self.count += 1;
    }

    /// Gives each datagram to its connection.
    pub(super) fn take(&mut self, received: Received, now: Instant) {
        let Received { from, to, ecn, mut data, stride } = received;
        while !data.is_empty() {
            let datagram = data.split_to(stride.min(data.len()));
            let mut reply = Vec::new();
            match self.quic.handle(now, from, to, ecn, datagram, &mut reply) {
                Some(DatagramEvent::ConnectionEvent(handle, event)) => {
                    if let Some(entry) = self.entry(handle) {
                        entry.connection.with(|state| state.quic.handle_event(event));
                    }
                }
                Some(DatagramEvent::NewConnection(comer)) => self.welcome(comer, now),
                Some(DatagramEvent::Response(transmit)) => self.replies.push((transmit, reply)),
                None => {}
            }
        }
    }

    fn welcome(&mut self, comer: quinn_proto::Incoming, now: Instant) {
        let rules = self.service.rules();
        let load = Load { connections: self.count, handshakes: self.handshakes };
        let about = admission::Comer {
            has_proved_its_address: comer.remote_address_validated(),
            may_retry: comer.may_retry(),
        };
        let most = if self.stopping == Stopping::No { rules.most_connections } else { 0 };
        let mut reply = Vec::new();
        let transmit = match admission::decide(rules.retry, most, load, about) {
            Answer::Accept => match self.quic.accept(comer, now, &mut reply, self.service.offer()) {
                Ok((handle, quic)) => {
                    self.service.count(Turn::Accepted);
                    self.handshakes += 1;
                    let connection = Connection::new(handle, self.shared.clone(), quic, &rules, now);
                    connection.note();
                    let entry =
                        Entry { connection, armed: Armed::default(), client: None, is_established: false };
                    self.put(handle, entry);
                    None
                }
                Err(refused) => refused.response,
            },
            Answer::Retry => match self.quic.retry(comer, &mut reply) {
                Ok(transmit) => Some(transmit),
                Err(error) => {
                    self.quic.ignore(error.into_incoming());
                    None
                }
            },
            Answer::Refuse => {
                self.service.count(Turn::Refused);
                Some(self.quic.refuse(comer, &mut reply))
            }
        };
        self.replies.extend(transmit.map(|transmit| (transmit, reply)));
    }

    /// Looks at all connections that were touched, and adds them to those that may have something to send. True:
    /// somebody was set going.
    pub(super) fn follow(&mut self, now: Instant, due: &mut Vec<ConnectionHandle>) -> bool {
        let mut noted = std::mem::take(&mut self.noted);
        let mut has_begun = self.shared.has_woken();
        self.shared.take(&mut noted);
        for handle in noted.drain(..) {
            if let Some(connection) = self.connection(handle) {
                connection.look(|state| {
                    state.follow(now);
                    state.arrivals.take(&mut self.arrivals);
                    state.write_own();
                });
                has_begun |= !self.arrivals.is_empty();
                self.begin(handle);
                due.push(handle);
            }
        }
        self.noted = noted;
        has_begun | self.shared.has_woken()
    }

    /// Sets the requests that have come going.
    fn begin(&mut self, handle: ConnectionHandle) {
        let Some(entry) = self.entries.get_mut(handle.0).and_then(Option::as_mut) else { return };
        if !entry.is_established && !entry.connection.look(|state| state.quic.is_handshaking()) {
            entry.is_established = true;
            self.handshakes -= 1;
            self.service.count(Turn::Established);
        }
        if self.arrivals.is_empty() {
            return;
        }
        let address = entry.connection.look(|state| state.quic.remote_address());
        let client = match &entry.client {
            Some((known, client)) if *known == address => client.clone(),
            _ => {
                let client = Rc::new(self.service.client(address));
                entry.client = Some((address, client.clone()));
                client
            }
        };
        let rules = self.service.rules();
        for arrival in self.arrivals.drain(..) {
            let (id, connection) = (arrival.id, entry.connection.clone());
            let exchange =
                exchange::serve(connection, arrival, client.clone(), self.service.clone(), rules.patience);
            if let Some(exchange) = exchange {
                let running = spawn_local(exchange).abort_handle();
                entry.connection.look(|state| state.running.insert(id, running));
            }
        }
    }

    /// Hears what a connection that has sent all it could wants next.
    pub(super) fn settle(&mut self, handle: ConnectionHandle) {
        let Some(entry) = self.entries.get_mut(handle.0).and_then(Option::as_mut) else { return };
        let (quic, mut is_drained) = (&mut self.quic, false);
        let deadline = entry.connection.look(|state| {
            while let Some(event) = state.quic.poll_endpoint_events() {
                is_drained |= event.is_drained();
                if let Some(event) = quic.handle_event(handle, event) {
                    state.quic.handle_event(event);
                }
            }
            state.quic.poll_timeout()
        });
        if is_drained {
            let was_established = entry.is_established;
            self.entries[handle.0] = None;
            self.count -= 1;
            self.handshakes -= usize::from(!was_established);
            self.service.count(Turn::Ended { was_established });
        } else {
            self.timers.arm(handle.0, &mut entry.armed, deadline);
        }
    }

    pub(super) fn next_timeout(&self) -> Option<Instant> {
        self.timers.next()
    }

    /// Tells connections that their time has come.
    pub(super) fn expire(&mut self, now: Instant) {
        while let Some((number, at)) = self.timers.pop(now) {
            let Some(entry) = self.entries.get_mut(number).and_then(Option::as_mut) else { continue };
            if !entry.armed.fired(at) {
                continue;
            }
            let deadline = entry.connection.look(|state| state.quic.poll_timeout());
            if deadline.is_some_and(|deadline| deadline <= now) {
                entry.connection.with(|state| state.quic.handle_timeout(now));
            } else {
                self.timers.arm(number, &mut entry.armed, deadline);
            }
        }
    }

    /// Ends what takes too long, and goes on with a graceful end.
    pub(super) fn sweep(&mut self, now: Instant) {
        let rules = self.service.rules();
        for entry in self.entries.iter().flatten() {
            entry.connection.with(|state| {
                if !entry.is_established && now >= state.began + rules.handshake {
                    state.end(now, Breach::new(Code::NO_ERROR, "the handshake takes too long"));
                }
                state.end_late_heads(now, rules.head);
                state.keep_alive(now);
                if self.stopping == Stopping::Gently || state.is_leaving() {
                    state.leave(now);
                }
            });
        }
    }

    /// Begins to end where the service does.
    pub(super) fn stop(&mut self, now: Instant) -> Stopping {
        let stopping = self.service.stopping();
        if stopping != self.stopping {
            self.stopping = stopping;
            for entry in self.entries.iter().flatten() {
                entry.connection.with(|state| match stopping {
                    Stopping::No => {}
                    Stopping::Gently => state.leave(now),
                    Stopping::Now => state.end(now, Breach::new(Code::NO_ERROR, "the server stops")),
                });
            }
        }
        stopping
    }

    /// Asks to be woken when a connection is touched; true: one was.
    pub(super) fn wait(&self, context: &Context<'_>) -> bool {
        self.shared.wait(context.waker())
    }
}
