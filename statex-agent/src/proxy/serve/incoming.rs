//! The body of a client's request, as it comes.

use std::io;
use std::task::{Context, Poll, ready};

use bytes::BytesMut;

use super::{Connection, State};
use crate::proxy::h1::{Decoder, Framing, Limits, Step};
use crate::proxy::http::{Body, Fault, Piece, Whole};
use crate::proxy::stream::Stream;

/// What has become of a request's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unread {
    /// Nothing: all of it was read, or there was none.
    Nothing,
    /// Nobody has read any of it, but all of it is there.
    Small,
    /// Nobody has read any of it.
    All,
    /// Somebody reads it.
    Rest,
}

pub(super) struct Incoming<'a, S> {
    connection: &'a Connection<S>,
    state: &'a State,
    input: &'a mut BytesMut,
    decoder: Decoder,
    whole: Whole,
    limits: Limits,
    is_tunnel: bool,
}

impl<'a, S: Stream> Incoming<'a, S> {
    pub(super) fn new(
        connection: &'a Connection<S>,
        state: &'a State,
        input: &'a mut BytesMut,
        framing: Framing,
        limits: Limits,
    ) -> Self {
        state.unread.set(match framing {
            Framing::None | Framing::Length(0) => Unread::Nothing,
            Framing::Length(length) if length <= input.len() as u64 => Unread::Small,
            _ => Unread::All,
        });
        let decoder = Decoder::new(framing);
        Self { connection, state, input, decoder, whole: framing.whole(), limits, is_tunnel: false }
    }

    /// Reads over a body that nobody wanted, if it is all there; whether the next request can begin now.
    pub(super) fn skip(mut self) -> bool {
        if self.state.unread.get() == Unread::Small
            && let Ok(Step::Data(_)) = self.decoder.step(self.input, &self.limits)
        {
            self.state.unread.set(Unread::Nothing);
        }
        self.state.unread.get() == Unread::Nothing && !self.state.tunnel.get()
    }

    fn poll_more(&mut self, context: &mut Context<'_>) -> Poll<Result<usize, Fault>> {
        let Connection { stream, reading, .. } = self.connection;
        if let Poll::Ready(read) = stream.borrow_mut().poll_fill(context, self.input) {
            reading.clear();
            return Poll::Ready(read.map_err(Fault::Cut));
        }
        // A tunnel may be silent; who made it says for how long.
        if self.is_tunnel {
            return Poll::Pending;
        }
        if !reading.is_set() {
            reading.set(self.state.patience);
        }
        ready!(reading.poll_passed(context));
        Poll::Ready(Err(Fault::Late))
    }
}

impl<S: Stream> Body for Incoming<'_, S> {
    fn poll_piece(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Piece, Fault>>> {
        if self.state.tunnel.get() && !self.is_tunnel {
            self.is_tunnel = true;
            self.decoder = Decoder::new(Framing::UntilClose);
        }
        loop {
            let step = self.decoder.step(self.input, &self.limits);
            let is_done = self.decoder.is_done();
            self.state.unread.set(if is_done { Unread::Nothing } else { Unread::Rest });
            match step {
                Ok(Step::Data(data)) => return Poll::Ready(Some(Ok(Piece::Data(data)))),
                Ok(Step::End(trailers)) if trailers.is_empty() => return Poll::Ready(None),
                Ok(Step::End(trailers)) => return Poll::Ready(Some(Ok(Piece::Trailers(trailers)))),
                Ok(Step::More) => {}
                Err(refusal) => return Poll::Ready(Some(Err(Fault::Malformed(refusal.what())))),
            }
            match ready!(self.poll_more(context)) {
                Ok(0) if self.is_tunnel => return Poll::Ready(None),
                Ok(0) => {
                    return Poll::Ready(Some(Err(Fault::Cut(io::ErrorKind::UnexpectedEof.into()))));
                }
                Ok(_) => {}
                Err(fault) => return Poll::Ready(Some(Err(fault))),
            }
        }
    }

    fn whole(&self) -> Whole {
        self.whole
    }
}
