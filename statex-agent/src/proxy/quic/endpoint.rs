//! A worker's endpoint: a socket, the connections that live on it, and the task that drives them all.
//!
//! ```text
//! datagrams ─> Connections::take ─> connections ─ Connections::follow ─> requests, each a task ─┐
//! datagrams <─ Endpoint::transmit ─ connections <──── what the tasks have written ┘
//! ```
//!
//! One task does all of it on the worker's thread, so nothing is locked or handed to another one. When it has set
//! requests going it lets them run before it sends, so what a burst of requests is answered leaves together.

use std::future::Future;
use std::io;
use std::net::UdpSocket as StdSocket;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use quinn_proto::{ConnectionHandle, EndpointConfig, ServerConfig, Transmit};
use tokio::time::{Sleep, sleep_until};

use super::connections::Connections;
use super::socket::{SEGMENTS, Socket};
use super::{Service, Stopping};
use crate::clock;
use crate::proxy::deadline::Deadline;

/// How often connections are looked at for what takes too long.
const SWEEP: Duration = Duration::from_secs(1);
/// Times that the socket is read before what came is worked on.
const READS: usize = 4;
/// Times that one connection sends before others do.
const TURNS: usize = 8;

/// Drives the connections of a socket until the service stops and they have ended.
pub(super) struct Endpoint<S: Service> {
    socket: Socket,
    connections: Connections<S>,
    /// Connections that may have something to send.
    due: Vec<ConnectionHandle>,
    /// What the kernel's buffer had no room for.
    unsent: Option<(Transmit, Vec<u8>)>,
    wire: Vec<u8>,
    sleep: Pin<Box<Sleep>>,
    sweep: Deadline,
    /// Requests were set going and have not had their turn.
    has_yielded: bool,
}

impl<S: Service> Endpoint<S> {
    /// # Errors
    ///
    /// The socket lacks what QUIC needs.
    pub(super) fn new(
        socket: StdSocket,
        config: Arc<EndpointConfig>,
        server: Arc<ServerConfig>,
        service: Rc<S>,
    ) -> io::Result<Self> {
        let socket = Socket::new(socket)?;
        let quic = quinn_proto::Endpoint::new(config, Some(server), !socket.may_fragment(), None);
        let sweep = service.deadlines().make();
        sweep.set(SWEEP);
        Ok(Self {
            socket,
            connections: Connections::new(quic, service),
            due: Vec::new(),
            unsent: None,
            wire: Vec::new(),
            sleep: Box::pin(sleep_until(clock::instant().into())),
            sweep,
            has_yielded: false,
        })
    }

    fn receive(&mut self, context: &mut Context<'_>, now: Instant) {
        for _ in 0..READS {
            match self.socket.poll_receive(context, |received| self.connections.take(received, now)) {
                Poll::Ready(Ok(true)) => {}
                Poll::Ready(Ok(false)) => {
                    // Asks to be told of the next datagram.
                    let _ =
                        self.socket.poll_receive(context, |received| self.connections.take(received, now));
                    return;
                }
                // What a datagram of before has met on its way.
                Poll::Ready(Err(error)) => tracing::debug!(%error, "the socket tells of an error"),
                Poll::Pending => return,
            }
        }
        // There may be more, and others want their turn.
        context.waker().wake_by_ref();
    }

    /// Sends what the connections have, as far as the kernel takes it.
    fn transmit(&mut self, context: &mut Context<'_>, now: Instant) {
        if let Some((transmit, contents)) = &self.unsent {
            if self.socket.poll_send(context, transmit, contents).is_pending() {
                return;
            }
            self.unsent = None;
        }
        for (transmit, contents) in self.connections.replies.drain(..) {
            // Whoever gets no answer asks again.
            let _ = self.socket.poll_send(context, &transmit, &contents);
        }
        while let Some(handle) = self.due.last().copied() {
            if !self.transmit_of(handle, context, now) {
                return;
            }
            self.due.pop();
            self.connections.settle(handle);
        }
    }

    /// False: the kernel takes no more.
    fn transmit_of(&mut self, handle: ConnectionHandle, context: &mut Context<'_>, now: Instant) -> bool {
        let Some(connection) = self.connections.connection(handle) else { return true };
        for _ in 0..TURNS {
            self.wire.clear();
            let wire = &mut self.wire;
            let transmit = connection.look(|state| {
                loop {
                    let transmit = state.quic.poll_transmit(now, SEGMENTS, wire);
                    if transmit.is_some() || !state.has_left() {
                        break transmit;
                    }
                }
            });
            let Some(transmit) = transmit else { return true };
            if self.socket.poll_send(context, &transmit, &self.wire[..transmit.size]).is_pending() {
                self.unsent = Some((transmit, self.wire.clone()));
                return false;
            }
        }
        connection.note();
        true
    }

    /// Asks to be woken when a connection wants to be looked at; true: one does already.
    fn wait(&mut self, context: &mut Context<'_>, now: Instant) -> bool {
        let Some(next) = self.connections.next_timeout() else { return false };
        if next <= now {
            return true;
        }
        if self.sleep.deadline() != next.into() {
            self.sleep.as_mut().reset(next.into());
        }
        self.sleep.as_mut().poll(context).is_ready()
    }
}

impl<S: Service> Future for Endpoint<S> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        let now = clock::instant();
        if this.sweep.poll_passed(context).is_ready() {
            this.sweep.set(SWEEP);
            // Asks to be told of the next one.
            let _ = this.sweep.poll_passed(context);
            this.connections.sweep(now);
        }
        let stopping = this.connections.stop(now);
        this.connections.expire(now);
        this.receive(context, now);
        let has_begun = this.connections.follow(now, &mut this.due);
        if has_begun && !this.has_yielded {
            // Those who were set going have their turn before this task has its next.
            this.has_yielded = true;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        this.has_yielded = false;
        this.transmit(context, now);
        if stopping != Stopping::No && (stopping == Stopping::Now || this.connections.is_empty()) {
            return Poll::Ready(());
        }
        if this.wait(context, now) || this.connections.wait(context) {
            context.waker().wake_by_ref();
        }
        Poll::Pending
    }
}
