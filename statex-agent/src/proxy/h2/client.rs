//! A connection to a backend, which carries many requests at once.
//!
//! ```text
//! carrier ─ Outgoing ─┐
//! carrier ─ Incoming ─┼─ Connection ─ Driver ─ socket
//! …                   ┘
//! ```

#![cfg_attr(not(test), expect(dead_code, reason = "no pool speaks it yet"))]

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use tokio::task::unconstrained;

use super::alarm::Alarm;
use super::connection::{Connection, Role, Terms};
use super::exchange::{Incoming, Outgoing, Shared, exchange};
use super::wire::{Got, Wire};
use crate::clock::Moment;
use crate::proxy::deadline::Deadlines;
use crate::proxy::stream::Stream;

/// Rounds of one poll, so that others have their turn.
const ROUNDS: usize = 8;

/// A connection to a backend, to open streams on.
#[derive(Clone, Debug)]
pub struct Client {
    connection: Shared,
}

/// Begins a connection over `io`. It lives as long as the future is polled, and ends when the backend goes or
/// is not heard, or when it was [shut down](Client::shut_down).
pub(crate) fn connect<S>(
    io: S,
    terms: Terms,
    deadlines: &Rc<Deadlines>,
) -> (Client, impl Future<Output = ()> + use<S>)
where
    S: Stream + Unpin,
{
    let alarm = Alarm::new(deadlines);
    let connection = Rc::new(RefCell::new(Connection::new(Role::Client, terms, alarm.now())));
    let driver = Driver { wire: Wire::new(io), connection: connection.clone(), alarm };
    (Client { connection }, unconstrained(driver))
}

impl Client {
    /// A stream for one request; `None`: the backend lets no other be open just now, or the connection ends.
    ///
    /// The request is safe to be sent again elsewhere where its [`Fault`](crate::proxy::http::Fault) is
    /// `Refused`.
    pub fn open(&self) -> Option<(Outgoing, Incoming)> {
        let key = self.connection.borrow_mut().open()?;
        Some(self.exchange(key))
    }

    /// The same, but waits until a stream may be opened. `None`: the connection ends.
    pub fn poll_open(&self, context: &mut Context<'_>) -> Poll<Option<(Outgoing, Incoming)>> {
        let opened = self.connection.borrow_mut().poll_open(context);
        opened.map(|key| key.map(|key| self.exchange(key)))
    }

    fn exchange(&self, key: super::streams::Key) -> (Outgoing, Incoming) {
        let (incoming, outgoing) = exchange(&self.connection, key);
        (outgoing, incoming)
    }

    /// Whether it takes requests, now or when others have ended.
    pub fn is_open(&self) -> bool {
        self.connection.borrow().is_open()
    }

    /// Requests under way.
    pub fn load(&self) -> usize {
        self.connection.borrow().load()
    }

    /// Opens no more streams, and ends when those that are open have ended.
    pub fn shut_down(&self) {
        let mut connection = self.connection.borrow_mut();
        connection.shut_down();
        connection.nudge();
    }
}

struct Driver<S: Stream + Unpin> {
    wire: Wire<S>,
    connection: Shared,
    alarm: Alarm,
}

impl<S: Stream + Unpin> Driver<S> {
    /// Does what there is to do. Ready(true): the connection has ended. Pending: all that is left has to wait.
    fn round(&mut self, context: &mut Context<'_>, now: Moment) -> Poll<bool> {
        let Self { wire, connection, .. } = self;
        // Nobody asks a client.
        let got = wire.read(context, connection, now, |_, _| {});
        if got == Got::End {
            return Poll::Ready(true);
        }
        connection.borrow_mut().send_turns();
        match wire.poll_write(context, connection, now) {
            Poll::Ready(Ok(())) if connection.borrow().is_over() => return Poll::Ready(true),
            Poll::Ready(Err(_)) => return Poll::Ready(true),
            _ => {}
        }
        let connection = connection.borrow();
        let again =
            got == Got::Some || got == Got::Later && connection.is_listening() || connection.is_sending();
        if again { Poll::Ready(false) } else { Poll::Pending }
    }
}

impl<S: Stream + Unpin> Future for Driver<S> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let driver = &mut *self;
        let now = driver.alarm.now();
        driver.connection.borrow_mut().driven();
        if driver.alarm.rings(now) {
            let next = driver.connection.borrow_mut().expire(now);
            driver.alarm.set(next, context);
            let patience = driver.connection.borrow().patience().body;
            if driver.wire.is_stuck(now, patience) {
                return Poll::Ready(());
            }
        }
        for _ in 0..ROUNDS {
            match driver.round(context, now) {
                Poll::Ready(true) => return Poll::Ready(()),
                Poll::Ready(false) => {}
                Poll::Pending => {
                    driver.connection.borrow_mut().undriven(context.waker());
                    return Poll::Pending;
                }
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

impl<S: Stream + Unpin> Drop for Driver<S> {
    fn drop(&mut self) {
        self.connection.borrow_mut().lost();
    }
}
