//! A stream as the rest of the proxy sees it: a body and heads to read, and somewhere to write to.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;

use super::Code;
use super::connection::Connection;
use super::stream::Broken;
use super::streams::Key;
use crate::proxy::http::{Body, Fault, Fields, Piece, Request, Response, Sink, Source, Whole};

/// A connection that its driver and those who hold streams share.
pub(super) type Shared = Rc<RefCell<Connection>>;

/// What the peer says on a stream. Dropped before its end: the rest is not wanted.
#[derive(Debug)]
pub struct Incoming {
    connection: Shared,
    key: Key,
    whole: Whole,
}

/// What this side says on a stream. Dropped before its end: the stream is reset.
#[derive(Debug)]
pub struct Outgoing {
    connection: Shared,
    key: Key,
}

/// Both directions of a stream that was just opened.
pub(super) fn exchange(connection: &Shared, key: Key) -> (Incoming, Outgoing) {
    let whole = connection.borrow().whole(key);
    let incoming = Incoming { connection: connection.clone(), key, whole };
    (incoming, Outgoing { connection: connection.clone(), key })
}

impl Body for Incoming {
    fn poll_piece(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Piece, Fault>>> {
        self.connection.borrow_mut().poll_piece(self.key, context)
    }

    fn whole(&self) -> Whole {
        self.whole
    }
}

impl Source for Incoming {
    fn poll_head(&mut self, context: &mut Context<'_>, head: &mut Response) -> Poll<Result<Whole, Fault>> {
        let polled = self.connection.borrow_mut().poll_head(self.key, context, head);
        if let Poll::Ready(Ok(whole)) = polled {
            self.whole = whole;
        }
        polled
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        let mut connection = self.connection.borrow_mut();
        connection.unread(self.key);
        connection.nudge();
    }
}

impl Sink<Response> for Outgoing {
    fn head(&mut self, head: &Response, whole: Whole) {
        self.connection.borrow_mut().send_response(self.key, head, whole);
    }

    fn data(&mut self, data: Bytes) {
        self.connection.borrow_mut().send_data(self.key, data);
    }

    fn end(&mut self, trailers: &Fields) {
        self.connection.borrow_mut().send_end(self.key, trailers);
    }

    fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_sent(context)
    }
}

impl Sink<Request> for Outgoing {
    fn head(&mut self, head: &Request, whole: Whole) {
        self.connection.borrow_mut().send_request(self.key, head, whole);
    }

    fn data(&mut self, data: Bytes) {
        self.connection.borrow_mut().send_data(self.key, data);
    }

    fn end(&mut self, trailers: &Fields) {
        self.connection.borrow_mut().send_end(self.key, trailers);
    }

    fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_sent(context)
    }
}

impl Outgoing {
    /// Tells the client that nobody has looked at its request, so that it can be sent again (RFC 9113 §8.7).
    pub fn refuse(self) {
        self.connection.borrow_mut().reset(self.key, Code::RefusedStream, Broken::Cut);
    }

    fn poll_sent(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut connection = self.connection.borrow_mut();
        connection.nudge();
        connection.poll_sent(self.key, context)
    }
}

impl Drop for Outgoing {
    fn drop(&mut self) {
        let mut connection = self.connection.borrow_mut();
        connection.unwritten(self.key);
        connection.nudge();
    }
}

impl From<Broken> for Fault {
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::Cut => Self::Cut(io::ErrorKind::ConnectionReset.into()),
            Broken::Refused => Self::Refused,
            Broken::Malformed(what) => Self::Malformed(what),
            Broken::Late => Self::Late,
        }
    }
}
