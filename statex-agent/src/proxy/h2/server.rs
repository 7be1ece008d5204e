//! A client's connection: requests are served where it is read and written.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::task::unconstrained;

use super::alarm::Alarm;
use super::connection::{Connection, Role, Terms};
use super::exchange::{Incoming, Outgoing, Shared, exchange};
use super::tasks::Tasks;
use super::wire::{Got, Wire};
use crate::clock::Moment;
use crate::proxy::deadline::Deadlines;
use crate::proxy::http::Request;
use crate::proxy::stream::{Stream, close_gently};

/// Rounds of one poll, so that other connections have their turn.
const ROUNDS: usize = 8;
/// How long a connection without requests keeps the memory that they needed.
const REST: Duration = Duration::from_secs(2);
/// How long a peer that was told why its connection ends may send on, until it is cut off.
const LINGER: Duration = Duration::from_secs(1);

/// Serves a connection to its end. `handler` makes a future of each request, which in the end gives the
/// request's memory back; one whose client has gone is dropped. When `stop` ends, so does the connection:
/// with GOAWAY, and without breaking a request.
pub(crate) async fn serve<S, H, F>(
    io: S,
    terms: Terms,
    deadlines: &Rc<Deadlines>,
    handler: H,
    stop: impl Future<Output = ()>,
) where
    S: Stream + Unpin,
    H: FnMut(Request, Incoming, Outgoing) -> F + Unpin,
    F: Future<Output = Request>,
{
    let alarm = Alarm::new(deadlines);
    let connection = Rc::new(RefCell::new(Connection::new(Role::Server, terms, alarm.now())));
    let tasks = Tasks::new(terms.streams as usize * 2);
    let mut server = Server { wire: Wire::new(io), connection, tasks, handler, alarm };
    // Each poll does no more than its rounds, and should do all of them.
    let end = tokio::select! {
        biased;
        end = unconstrained(&mut server) => Some(end),
        () = stop => None,
    };
    let end = match end {
        Some(end) => end,
        None => {
            server.shut_down();
            unconstrained(&mut server).await
        }
    };
    if end == End::Said {
        let deadline = deadlines.make();
        deadline.set(LINGER);
        close_gently(&mut server.wire.io, &deadline).await;
    }
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// This side has said that it ends.
    Said,
    /// The client is gone, or takes nothing.
    Gone,
}

struct Server<S, H, F> {
    wire: Wire<S>,
    connection: Shared,
    tasks: Tasks<F>,
    handler: H,
    alarm: Alarm,
}

impl<S, H, F> Server<S, H, F>
where
    S: Stream + Unpin,
    H: FnMut(Request, Incoming, Outgoing) -> F,
    F: Future<Output = Request>,
{
    fn shut_down(&mut self) {
        self.connection.borrow_mut().shut_down();
        self.alarm.ring();
    }

    /// Does what there is to do. Ready: the connection has ended. Pending: all that is left has to wait.
    fn round(&mut self, context: &mut Context<'_>, now: Moment) -> Poll<Option<End>> {
        let Self { wire, connection, tasks, handler, .. } = self;
        let got = wire.read(context, connection, now, |key, request| {
            let (incoming, outgoing) = exchange(connection, key);
            tasks.start(key, handler(request, incoming, outgoing));
        });
        if got == Got::End {
            return Poll::Ready(Some(End::Gone));
        }
        self.stop_broken();
        let Self { wire, connection, tasks, .. } = self;
        tasks.poll(|request| connection.borrow_mut().reuse(request));
        connection.borrow_mut().send_turns();
        match wire.poll_write(context, connection, now) {
            Poll::Ready(Ok(())) if connection.borrow().is_over() => return Poll::Ready(Some(End::Said)),
            Poll::Ready(Err(_)) => return Poll::Ready(Some(End::Gone)),
            _ => {}
        }
        let again = got == Got::Some
            || got == Got::Later && connection.borrow().is_listening()
            || tasks.is_woken()
            || connection.borrow().is_sending();
        if again { Poll::Ready(None) } else { Poll::Pending }
    }

    fn stop_broken(&mut self) {
        loop {
            // A future that is dropped lets go of its stream, and for that needs the connection.
            let Some(key) = self.connection.borrow_mut().broken() else { break };
            self.tasks.stop(key);
        }
    }

    /// Looks what has lasted too long. False: the client takes nothing.
    fn look(&mut self, context: &mut Context<'_>, now: Moment) -> bool {
        let next = self.connection.borrow_mut().expire(now);
        self.stop_broken();
        if self.connection.borrow().load() == 0 {
            self.tasks.rest();
            self.wire.rest();
        }
        self.alarm.set(next, context);
        !self.wire.is_stuck(now, self.connection.borrow().patience().body)
    }
}

impl<S, H, F> Future for Server<S, H, F>
where
    S: Stream + Unpin,
    H: FnMut(Request, Incoming, Outgoing) -> F + Unpin,
    F: Future<Output = Request>,
{
    type Output = End;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<End> {
        let server = &mut *self;
        let now = server.alarm.now();
        server.tasks.polled_by(context.waker());
        server.connection.borrow_mut().driven();
        let mut end = None;
        if server.alarm.rings(now) && !server.look(context, now) {
            end = Some(End::Gone);
        }
        for _ in 0..ROUNDS {
            if let Some(end) = end {
                server.connection.borrow_mut().lost();
                server.tasks.stop_all();
                return Poll::Ready(end);
            }
            match server.round(context, now) {
                Poll::Ready(ended) => end = ended,
                Poll::Pending => {
                    if server.connection.borrow().may_rest() {
                        server.alarm.hurry(now + REST, context);
                    }
                    server.connection.borrow_mut().undriven(context.waker());
                    return Poll::Pending;
                }
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }
}
