//! A client's HTTP/1.1 connection: request after request, until one side has had enough.
//!
//! ```text
//! wait ─> next (a head) ─> edge, with Incoming (its Body) and Outgoing (its Sink) ─┐
//!   └───────────────────────── nothing more has come yet ──────────────────────────┘
//! ```
//!
//! While a connection waits it holds no memory but its socket and two deadlines: what a request needs is
//! taken from the worker when one has come.

mod h2;
mod incoming;
mod outgoing;

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, BytesMut};

use super::deadline::Deadline;
use super::edge::{self, At, Client};
use super::h1::{Framing, Output, Persistence, encode, head};
use super::http::{Request, Response, StatusCode};
use super::plan::Listener;
use super::stream::{Stream, close_gently, poll_write};
use super::worker::Worker;
use incoming::{Incoming, Unread};
use outgoing::Outgoing;

pub(super) use h2::{begins_h2, serve_h2};

/// How long a client may take to notice that its connection ends.
const LAST: Duration = Duration::from_secs(2);

/// What one request needs; the next one uses it again.
#[derive(Debug, Default)]
pub(super) struct Desk {
    request: Request,
    input: BytesMut,
    output: Output,
}

/// A client's connection.
struct Connection<S> {
    stream: RefCell<S>,
    reading: Deadline,
    writing: Deadline,
}

/// Where an exchange stands, as both of its halves know it.
struct State {
    /// How long a client may leave a body waiting, either way.
    patience: Duration,
    unread: Cell<Unread>,
    /// The connection may carry another request.
    keeps_alive: Cell<bool>,
    /// The answer was given to its end.
    complete: Cell<bool>,
    tunnel: Cell<bool>,
}

/// What a connection has to offer.
enum Begin {
    Request(head::Read),
    Nothing,
    End,
    /// It must be answered so, and ends.
    Refused(StatusCode),
}

/// What comes after a request.
enum Next {
    Wait,
    Close,
    /// The client may still be sending what nobody will read.
    CloseGently,
}

/// Serves a connection to its end.
pub(super) async fn serve<S: Stream>(stream: S, client: &Client, worker: &Worker) {
    let stream = RefCell::new(stream);
    let (reading, writing) = (worker.deadlines.make(), worker.deadlines.make());
    let connection = Connection { stream, reading, writing };
    while poll_fn(|context| connection.poll_wait(context, client, worker)).await {
        // Behind a pointer, so that a connection that waits is small.
        match Box::pin(connection.work(client, worker)).await {
            Next::Wait => {}
            Next::Close => return,
            Next::CloseGently => return connection.close_gently().await,
        }
    }
}

impl<S: Stream> Connection<S> {
    /// Ready when a request begins; false: there will be none.
    fn poll_wait(&self, context: &mut Context<'_>, client: &Client, worker: &Worker) -> Poll<bool> {
        if let Poll::Ready(readable) = self.stream.borrow_mut().poll_readable(context) {
            self.reading.clear();
            return Poll::Ready(readable.is_ok());
        }
        if client.is_leaving(worker) {
            return Poll::Ready(false);
        }
        if !self.reading.is_set()
            && let Some(listener) = client.entry.of(&worker.plan())
        {
            self.reading.set(listener.meant.timeouts.idle);
        }
        self.reading.poll_passed(context).map(|()| false)
    }

    /// Serves what has come, until there is no more.
    async fn work(&self, client: &Client, worker: &Worker) -> Next {
        let mut desk = worker.desks.take();
        let next = self.work_at(&mut desk, client, worker).await;
        desk.input.clear();
        desk.output.clear();
        worker.desks.give(desk);
        next
    }

    async fn work_at(&self, desk: &mut Desk, client: &Client, worker: &Worker) -> Next {
        let Desk { request, input, output } = desk;
        request.scheme = client.scheme;
        loop {
            let plan = worker.plan();
            let Some(listener) = client.entry.of(&plan) else { return Next::Close };
            let head = match poll_fn(|context| self.poll_head(context, request, input, listener)).await {
                Begin::Request(head) => head,
                Begin::Nothing => return Next::Wait,
                Begin::End => return Next::Close,
                Begin::Refused(status) => return self.refuse(status, output).await,
            };
            let state = State {
                patience: listener.meant.timeouts.body,
                unread: Cell::new(Unread::Nothing),
                keeps_alive: Cell::new(head.keeps_alive && !client.is_leaving(worker)),
                complete: Cell::new(false),
                tunnel: Cell::new(false),
            };
            let mut body = Incoming::new(self, &state, input, head.framing, listener.limits);
            let mut sink = Outgoing::new(self, &state, output, request);
            let at = At { client, worker, plan: &plan, listener };
            edge::serve(&at, request, &mut body, &mut sink).await;
            let was_read = body.skip();
            if !state.complete.get() || state.tunnel.get() {
                return Next::Close;
            }
            if !was_read || !state.keeps_alive.get() && !input.is_empty() {
                return Next::CloseGently;
            }
            if !state.keeps_alive.get() {
                return Next::Close;
            }
            if input.is_empty() {
                return Next::Wait;
            }
        }
    }

    /// The next request's head.
    fn poll_head(
        &self,
        context: &mut Context<'_>,
        request: &mut Request,
        input: &mut BytesMut,
        listener: &Listener,
    ) -> Poll<Begin> {
        loop {
            if !input.is_empty() {
                match head::request(input, &listener.limits, request) {
                    Ok(Some(read)) => {
                        self.reading.clear();
                        input.advance(read.len);
                        return Poll::Ready(Begin::Request(read));
                    }
                    Ok(None) => {}
                    Err(refusal) => return Poll::Ready(Begin::Refused(refusal.status())),
                }
            }
            match self.stream.borrow_mut().poll_fill(context, input) {
                Poll::Ready(Ok(0) | Err(_)) => return Poll::Ready(Begin::End),
                Poll::Ready(Ok(_)) => {}
                Poll::Pending if input.is_empty() => return Poll::Ready(Begin::Nothing),
                Poll::Pending => {
                    // From its first byte on, however slowly the others drip.
                    if !self.reading.is_set() {
                        self.reading.set(listener.meant.timeouts.head);
                    }
                    ready!(self.reading.poll_passed(context));
                    return Poll::Ready(Begin::Refused(StatusCode::REQUEST_TIMEOUT));
                }
            }
        }
    }

    /// Answers what is no request, and ends.
    async fn refuse(&self, status: StatusCode, output: &mut Output) -> Next {
        let response = Response::new(status);
        encode::response(output.wire(), &response, Framing::Length(0), Persistence::Close);
        self.writing.set(LAST);
        let written = poll_fn(|context| {
            let written = poll_write(&mut *self.stream.borrow_mut(), context, output);
            if written.is_pending() {
                self.writing.poll_passed(context).map(|()| false)
            } else {
                Poll::Ready(true)
            }
        });
        if written.await { Next::CloseGently } else { Next::Close }
    }

    async fn close_gently(self) {
        self.reading.set(LAST);
        close_gently(&mut self.stream.into_inner(), &self.reading).await;
    }
}
