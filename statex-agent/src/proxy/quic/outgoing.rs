//! The answer to a request, as it goes.

use std::io;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use quinn_proto::StreamId;

use super::connection::Connection;
use crate::proxy::deadline::Deadline;
use crate::proxy::h3::{Code, frame, outbound};
use crate::proxy::http::{Fields, Method, Name, Request, Response, Sink, StatusCode, Whole};

/// Pieces up to this size are copied behind what was written before, which costs less than keeping them apart.
const SMALL: usize = 2 << 10;

/// An answer.
pub(crate) struct Outgoing {
    connection: Rc<Connection>,
    id: StreamId,
    /// What was noted last, in one piece.
    wire: Vec<u8>,
    /// What was noted before.
    pieces: Vec<Bytes>,
    method: Method,
    wants_upgrade: bool,
    /// Bytes that the head has promised and that were not given.
    promised: u64,
    has_body: bool,
    stage: Stage,
    patience: Duration,
    /// When nothing may have moved, and what had not been handed over when it was set.
    deadline: Option<(Deadline, usize)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Goes,
    /// All was noted.
    Ended,
    /// All was handed over, or nobody wants it.
    Done,
}

impl Outgoing {
    pub(super) fn new(
        connection: Rc<Connection>,
        id: StreamId,
        request: &Request,
        patience: Duration,
    ) -> Self {
        let wire = connection.shared().wires.take();
        let (method, wants_upgrade) = (request.method.clone(), !request.protocol.is_empty());
        Self {
            connection,
            id,
            wire,
            pieces: Vec::new(),
            method,
            wants_upgrade,
            promised: 0,
            has_body: false,
            stage: Stage::Goes,
            patience,
            deadline: None,
        }
    }

    fn seal(&mut self) {
        if !self.wire.is_empty() {
            self.pieces.push(Bytes::copy_from_slice(&self.wire));
            self.wire.clear();
        }
    }

    /// Hands over what was noted.
    fn poll_write(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.seal();
        let Self { connection, id, pieces, .. } = self;
        let written = connection.with(|state| state.poll_write(*id, pieces, context));
        if written.is_pending() {
            pieces.retain(|piece| !piece.is_empty());
            return Poll::Pending;
        }
        pieces.clear();
        written.map(|written| written.map_err(|_| io::ErrorKind::ConnectionReset.into()))
    }
}

impl Outgoing {
    /// Ready when nothing has moved for too long.
    fn poll_patience(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let left = self.pieces.iter().map(Bytes::len).sum();
        let shared = self.connection.shared();
        let (deadline, before) = self.deadline.get_or_insert_with(|| (shared.deadlines.make(), usize::MAX));
        if left < *before {
            deadline.set(self.patience);
            *before = left;
        }
        deadline.poll_passed(context)
    }
}

impl Sink<Response> for Outgoing {
    fn head(&mut self, response: &Response, whole: Whole) {
        if self.wants_upgrade && response.status == StatusCode::SWITCHING_PROTOCOLS {
            // RFC 9220 §3, RFC 8441 §5: on a stream, an upgrade is a CONNECT that succeeds.
            let mut opened = response.clone();
            opened.status = StatusCode::OK;
            opened.fields.retain(|field| !field.text.eq_ignore_ascii_case(b"sec-websocket-accept"));
            opened.fields.remove(Name::Upgrade);
            outbound::response(&mut self.wire, &opened, Whole::Unknown, &self.method);
            self.has_body = true;
            return;
        }
        outbound::response(&mut self.wire, response, whole, &self.method);
        if !response.is_interim() {
            self.has_body = whole != Whole::None;
            self.promised = if let Whole::Length(length) = whole { length } else { 0 };
        }
    }

    fn data(&mut self, data: Bytes) {
        if !self.has_body {
            return;
        }
        self.promised = self.promised.saturating_sub(data.len() as u64);
        frame::data(&mut self.wire, data.len());
        if data.len() <= SMALL {
            self.wire.extend_from_slice(&data);
        } else {
            self.seal();
            self.pieces.push(data);
        }
    }

    fn end(&mut self, trailers: &Fields) {
        if !trailers.is_empty() && self.has_body {
            outbound::trailers(&mut self.wire, trailers);
        }
        // Whoever gives less than the head says has not ended the answer: dropped, it is broken off.
        if self.promised == 0 {
            self.stage = Stage::Ended;
        }
    }

    fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.stage == Stage::Done
            || self.stage == Stage::Goes && self.wire.is_empty() && self.pieces.is_empty()
        {
            return Poll::Ready(Ok(()));
        }
        let Poll::Ready(written) = self.poll_write(context) else {
            ready!(self.poll_patience(context));
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        };
        self.deadline = None;
        written?;
        if self.stage == Stage::Ended {
            self.stage = Stage::Done;
            let id = self.id;
            self.connection.with(|state| match state.offences.remove(&id) {
                Some(code) => state.reset_behind(id, code),
                None => state.finish(id),
            });
        }
        Poll::Ready(Ok(()))
    }
}

impl Drop for Outgoing {
    fn drop(&mut self) {
        let (id, is_done) = (self.id, self.stage == Stage::Done);
        self.connection.with(|state| {
            match state.offences.remove(&id) {
                Some(code) => state.reset(id, code),
                None if !is_done => state.reset(id, Code::INTERNAL_ERROR),
                None => {}
            }
            state.forget(id);
        });
        self.wire.clear();
        self.connection.shared().wires.give(std::mem::take(&mut self.wire));
    }
}
