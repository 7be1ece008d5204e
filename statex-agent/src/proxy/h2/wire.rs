//! Between a socket and a connection: one buffer for all that comes, one write for all that goes.

use std::cell::RefCell;
use std::io::{self, IoSlice};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::BytesMut;

use super::connection::Connection;
use super::output::Output;
use super::streams::Key;
use crate::clock::Moment;
use crate::proxy::http::Request;
use crate::proxy::stream::Stream;

/// Bytes that are read at once.
const READ: usize = 64 << 10;
/// Reads in a row, so that other connections have their turn.
const READS: usize = 4;
/// Slices that are written at once.
const SLICES: usize = 32;

thread_local! {
    /// What a connection reads into. Nothing stays in it between two reads, so all of a thread use one.
    static BUFFER: RefCell<BytesMut> = RefCell::new(BytesMut::with_capacity(READ));
}

/// A socket.
#[derive(Debug)]
pub(super) struct Wire<S> {
    pub(super) io: S,
    /// The beginning of a frame whose end has not come.
    left: Vec<u8>,
    /// Bytes were written that the socket may not have passed on.
    unflushed: bool,
    /// Since when the peer takes nothing of what waits.
    stuck: Option<Moment>,
}

/// What came of reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Got {
    /// There may be more.
    Some,
    /// There is no more now.
    All,
    /// Nothing was read, for too much waits to be written.
    Later,
    /// The peer sends nothing any more.
    End,
}

impl<S: Stream> Wire<S> {
    pub(super) fn new(io: S) -> Self {
        Self { io, left: Vec::new(), unflushed: false, stuck: None }
    }

    /// Gives the connection what came, and `take` the requests in it.
    pub(super) fn read(
        &mut self,
        context: &mut Context<'_>,
        connection: &RefCell<Connection>,
        now: Moment,
        mut take: impl FnMut(Key, Request),
    ) -> Got {
        BUFFER.with_borrow_mut(|buffer| {
            for _ in 0..READS {
                if !connection.borrow().is_listening() {
                    return Got::Later;
                }
                buffer.clear();
                match self.io.poll_fill(context, buffer) {
                    Poll::Pending => return Got::All,
                    Poll::Ready(Ok(1..)) => {}
                    Poll::Ready(_) => return Got::End,
                }
                self.give(buffer, connection, now, &mut take);
            }
            Got::Some
        })
    }

    fn give(
        &mut self,
        came: &[u8],
        connection: &RefCell<Connection>,
        now: Moment,
        take: &mut impl FnMut(Key, Request),
    ) {
        let joined;
        let mut rest = if self.left.is_empty() {
            came
        } else {
            self.left.extend_from_slice(came);
            joined = std::mem::take(&mut self.left);
            &joined[..]
        };
        loop {
            let (used, request) = connection.borrow_mut().receive(rest, now);
            rest = rest.get(used..).unwrap_or_default();
            match request {
                Some((key, request)) => take(key, request),
                None => break,
            }
        }
        self.left.extend_from_slice(rest);
    }

    /// Writes what waits. Ready: all of it.
    pub(super) fn poll_write(
        &mut self,
        context: &mut Context<'_>,
        connection: &RefCell<Connection>,
        now: Moment,
    ) -> Poll<io::Result<()>> {
        let mut connection = connection.borrow_mut();
        let output = connection.output();
        let before = output.len();
        let written = self.poll_write_all(context, output);
        let is_stuck = written.is_pending();
        self.stuck = is_stuck.then(|| self.stuck.filter(|_| output.len() == before).unwrap_or(now));
        written
    }

    fn poll_write_all(&mut self, context: &mut Context<'_>, output: &mut Output) -> Poll<io::Result<()>> {
        while !output.is_empty() {
            let mut slices = [IoSlice::new(&[]); SLICES];
            let count = output.slices(&mut slices);
            let slices = slices.get(..count).unwrap_or_default();
            let written = ready!(self.io.poll_put(context, slices))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            output.advance(written);
            self.unflushed = true;
        }
        if self.unflushed {
            ready!(self.io.poll_flush(context))?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }

    /// Gives memory back that is not needed now.
    pub(super) fn rest(&mut self) {
        self.left.shrink_to_fit();
    }

    /// Whether the peer has taken nothing for so long.
    pub(super) fn is_stuck(&self, now: Moment, patience: Duration) -> bool {
        self.stuck.is_some_and(|since| now >= since + patience)
    }
}
