//! The answer to a client's request, as it goes.

use std::io;
use std::task::{Context, Poll, ready};

use bytes::Bytes;

use super::incoming::Unread;
use super::{Connection, State};
use crate::proxy::h1::{Framing, Output, Persistence, encode};
use crate::proxy::http::{Extent, Fields, Request, Response, Sink, StatusCode, Version, Whole};
use crate::proxy::stream::{Stream, poll_write};

pub(super) struct Outgoing<'a, S> {
    connection: &'a Connection<S>,
    state: &'a State,
    output: &'a mut Output,
    version: Version,
    wants_tunnel: bool,
    is_connect: bool,
    framing: Framing,
    /// Bytes that the head has promised.
    promised: u64,
    /// What had been written when the deadline was set.
    moved: u64,
}

impl<'a, S: Stream> Outgoing<'a, S> {
    pub(super) fn new(
        connection: &'a Connection<S>,
        state: &'a State,
        output: &'a mut Output,
        request: &Request,
    ) -> Self {
        let moved = output.written();
        let (version, framing) = (request.version, Framing::None);
        let (wants_tunnel, is_connect) = (request.wants_tunnel(), request.protocol.is_empty());
        Self { connection, state, output, version, wants_tunnel, is_connect, framing, promised: 0, moved }
    }

    fn opens_tunnel(&self, response: &Response) -> bool {
        let switches = response.status == StatusCode::SWITCHING_PROTOCOLS;
        self.wants_tunnel && (switches || self.is_connect && response.status.is_success())
    }
}

impl<S: Stream> Sink<Response> for Outgoing<'_, S> {
    fn head(&mut self, response: &Response, whole: Whole) {
        if response.is_interim() {
            if self.version >= Version::Http11 {
                encode::response(self.output.wire(), response, Framing::None, Persistence::Unsaid);
            }
            return;
        }
        if self.opens_tunnel(response) {
            self.state.tunnel.set(true);
            self.state.keeps_alive.set(false);
            encode::response(self.output.wire(), response, Framing::None, Persistence::Unsaid);
            return;
        }
        self.framing = Framing::of(whole, self.version);
        if let Framing::Length(length) = self.framing {
            self.promised = length;
        }
        // Behind a body that nobody reads hides the next request.
        if self.framing == Framing::UntilClose || self.state.unread.get() == Unread::All {
            self.state.keeps_alive.set(false);
        }
        let persistence = match (self.state.keeps_alive.get(), self.version) {
            (true, Version::Http10) => Persistence::KeepAlive,
            (true, _) => Persistence::Unsaid,
            (false, _) => Persistence::Close,
        };
        encode::response(self.output.wire(), response, self.framing, persistence);
    }

    fn data(&mut self, data: Bytes) {
        match self.framing {
            Framing::Chunked => {
                encode::chunk_head(self.output.wire(), data.len());
                self.output.push(data);
                self.output.wire().extend_from_slice(b"\r\n");
            }
            Framing::Length(_) => {
                self.promised = self.promised.saturating_sub(data.len() as u64);
                self.output.push(data);
            }
            Framing::None if !self.state.tunnel.get() => {}
            Framing::UntilClose | Framing::None => self.output.push(data),
        }
    }

    fn takes_extents(&self) -> bool {
        S::TAKES_EXTENTS && matches!(self.framing, Framing::Length(_))
    }

    fn extent(&mut self, extent: Extent) {
        self.promised = self.promised.saturating_sub(extent.len as u64);
        self.output.push_extent(extent);
    }

    fn end(&mut self, trailers: &Fields) {
        if self.framing == Framing::Chunked {
            encode::last_chunk(self.output.wire(), trailers);
        }
        // Whoever gives less than the head says leaves a client waiting: its connection must end.
        self.state.complete.set(self.promised == 0);
    }

    fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Connection { stream, writing, .. } = self.connection;
        let mut stream = stream.borrow_mut();
        if let Poll::Ready(written) = poll_write(&mut *stream, context, self.output) {
            writing.clear();
            written?;
            if self.state.tunnel.get() && self.state.complete.get() {
                return stream.poll_close(context);
            }
            return Poll::Ready(Ok(()));
        }
        if self.moved != self.output.written() || !writing.is_set() {
            self.moved = self.output.written();
            writing.set(self.state.patience);
        }
        ready!(writing.poll_passed(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}
