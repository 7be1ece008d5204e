//! One connection: QUIC's state machine, HTTP/3's, and who waits for which stream.
//!
//! Everything that touches a connection goes through [`Connection::with`], which has the endpoint look at it again.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use bytes::Bytes;
use quinn_proto::{ConnectionHandle, Dir, StreamEvent, StreamId, VarInt};
use tokio::task::AbortHandle;

use super::arrivals::Arrivals;
use super::shared::Shared;
use super::{ByStream, Rules};
use crate::proxy::h3::{self, Advice, Breach, Code, Settings};

/// Bytes of the dynamic table that a client may use, and streams that may wait for it.
const TABLE: u64 = 4096;
const BLOCKED: u64 = 16;

/// Requests that a client may give up, beyond those that it lets be answered: each costs a backend's work.
const MOST_UNWANTED: u32 = 100;

/// How often a client whose requests run is asked whether it is there.
const ASKING: Duration = Duration::from_secs(10);

/// A connection, as its requests hold it.
pub(super) struct Connection {
    handle: ConnectionHandle,
    shared: Rc<Shared>,
    /// The endpoint will look at it.
    is_noted: Cell<bool>,
    state: RefCell<State>,
}

pub(super) struct State {
    pub(super) shared: Rc<Shared>,
    pub(super) quic: quinn_proto::Connection,
    pub(super) http: h3::Connection,
    pub(super) arrivals: Arrivals,
    control: Own,
    decoder: Own,
    /// Who waits for a stream.
    waiting: ByStream<Waiting>,
    /// Requests that are being served.
    pub(super) running: ByStream<AbortHandle>,
    /// Streams that are broken off once what was written before has left.
    breaking: Vec<(StreamId, Code)>,
    /// Requests that broke a rule; the code is for when they are answered.
    pub(super) offences: ByStream<Code>,
    pub(super) began: Instant,
    most_requests: u64,
    /// Answers that the client did not want to the end, less those that it did.
    unwanted: u32,
    /// When the client was last asked whether it is there.
    asked: Instant,
    goaway: Goaway,
    is_lost: bool,
}

/// A stream that this side has opened.
#[derive(Default)]
struct Own {
    id: Option<StreamId>,
    pending: Vec<u8>,
}

#[derive(Default)]
struct Waiting {
    reader: Option<Waker>,
    writer: Option<Waker>,
}

/// How far a graceful end is (RFC 9114 §5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Goaway {
    No,
    /// The client was told that it will come.
    Soon,
    /// Requests by this stream and later ones are refused.
    From(u64),
}

/// What comes of reading a stream.
pub(super) enum Chunk {
    Data(Bytes),
    End,
    Reset,
}

impl Connection {
    pub(super) fn new(
        handle: ConnectionHandle,
        shared: Rc<Shared>,
        quic: quinn_proto::Connection,
        rules: &Rules,
        began: Instant,
    ) -> Rc<Self> {
        let (mut control, mut decoder) = (Own::default(), Own::default());
        let settings = Settings {
            table: TABLE,
            blocked: BLOCKED,
            section: Some(rules.limits.head as u64),
            connect: true,
        };
        h3::connection::control(&mut control.pending, &settings);
        h3::connection::decoder(&mut decoder.pending);
        let state = State {
            quic,
            shared: shared.clone(),
            http: h3::Connection::new(&settings),
            arrivals: Arrivals::new(rules.limits, BLOCKED),
            control,
            decoder,
            waiting: ByStream::default(),
            running: ByStream::default(),
            breaking: Vec::new(),
            offences: ByStream::default(),
            began,
            most_requests: rules.most_requests,
            unwanted: 0,
            asked: began,
            goaway: Goaway::No,
            is_lost: false,
        };
        Rc::new(Self { handle, shared, is_noted: Cell::new(false), state: RefCell::new(state) })
    }

    pub(super) fn shared(&self) -> &Shared {
        &self.shared
    }

    /// Does something to the connection, and has the endpoint look at what comes of it.
    pub(super) fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        self.note();
        act(&mut self.state.borrow_mut())
    }

    /// Has the endpoint look at the connection.
    pub(super) fn note(&self) {
        if !self.is_noted.replace(true) {
            self.shared.note(self.handle);
        }
    }

    /// The endpoint looks now.
    pub(super) fn look<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        self.is_noted.set(false);
        act(&mut self.state.borrow_mut())
    }
}

impl State {
    /// Follows what QUIC tells. Requests that have come are in [`State::arrivals`] then.
    pub(super) fn follow(&mut self, now: Instant) {
        while let Some(event) = self.quic.poll() {
            let followed = match event {
                quinn_proto::Event::Stream(event) => self.follow_stream(event, now),
                quinn_proto::Event::ConnectionLost { .. } => {
                    self.lose();
                    Ok(())
                }
                _ => Ok(()),
            };
            if let Err(breach) = followed {
                self.end(now, breach);
            }
        }
    }

    fn follow_stream(&mut self, event: StreamEvent, now: Instant) -> Result<(), Breach> {
        match event {
            StreamEvent::Opened { dir: Dir::Uni } => {
                while let Some(id) = self.quic.streams().accept(Dir::Uni) {
                    self.read_unidirectional(id)?;
                }
            }
            StreamEvent::Opened { dir: Dir::Bi } => {
                while let Some(id) = self.quic.streams().accept(Dir::Bi) {
                    if matches!(self.goaway, Goaway::From(first) if u64::from(id) >= first) {
                        self.refuse(id, Code::REQUEST_REJECTED);
                    } else {
                        self.open(id, now)?;
                        // A stream's number counts those before it (RFC 9000 §2.1).
                        if self.arrivals.next() / 4 >= self.most_requests {
                            self.take_no_more();
                        }
                    }
                }
            }
            StreamEvent::Readable { id } if id.dir() == Dir::Uni => self.read_unidirectional(id)?,
            StreamEvent::Readable { id } => {
                if self.arrivals.has(id) {
                    self.read_head(id)?;
                } else {
                    self.wake(id, |waiting| waiting.reader.take());
                }
            }
            StreamEvent::Writable { id } => self.wake(id, |waiting| waiting.writer.take()),
            StreamEvent::Stopped { id, .. } if Some(id) == self.control.id || Some(id) == self.decoder.id => {
                const WHY: &str = "the client stopped a stream that the connection needs";
                return Err(Breach::new(Code::CLOSED_CRITICAL_STREAM, WHY));
            }
            // The client does not want the answer any more: whoever makes it can stop.
            StreamEvent::Stopped { id, .. } => match self.running.get(&id) {
                Some(running) => {
                    running.abort();
                    self.unwanted += 1;
                    if self.unwanted > MOST_UNWANTED {
                        const WHY: &str = "requests whose answers are not wanted";
                        return Err(Breach::new(Code::EXCESSIVE_LOAD, WHY));
                    }
                }
                None => self.wake(id, |waiting| waiting.writer.take()),
            },
            StreamEvent::Available { .. } | StreamEvent::Finished { .. } => {}
        }
        Ok(())
    }

    fn read_unidirectional(&mut self, id: StreamId) -> Result<(), Breach> {
        loop {
            match self.read(id) {
                Poll::Pending => return Ok(()),
                Poll::Ready(Chunk::End | Chunk::Reset) => return self.http.unidirectional_ended(id.into()),
                Poll::Ready(Chunk::Data(data)) => {
                    let before = self.http.inserted();
                    if self.http.unidirectional(id.into(), data)? == Advice::Stop {
                        self.stop(id, Code::STREAM_CREATION_ERROR);
                        return Ok(());
                    }
                    if self.http.inserted() > before {
                        self.unblock()?;
                    }
                }
            }
        }
    }

    /// The next piece of a stream.
    pub(super) fn read(&mut self, id: StreamId) -> Poll<Chunk> {
        let mut stream = self.quic.recv_stream(id);
        let Ok(mut chunks) = stream.read(true) else { return Poll::Ready(Chunk::Reset) };
        let read = chunks.next(usize::MAX);
        // The endpoint asks anyway whether there is something to send.
        let _ = chunks.finalize();
        match read {
            Ok(Some(chunk)) => Poll::Ready(Chunk::Data(chunk.bytes)),
            Ok(None) => Poll::Ready(Chunk::End),
            Err(quinn_proto::ReadError::Blocked) => Poll::Pending,
            Err(quinn_proto::ReadError::Reset(_)) => Poll::Ready(Chunk::Reset),
        }
    }

    /// As [`read`](Self::read), for a reader that waits.
    pub(super) fn poll_read(&mut self, id: StreamId, context: &mut Context<'_>) -> Poll<Chunk> {
        if self.is_lost {
            return Poll::Ready(Chunk::Reset);
        }
        let read = self.read(id);
        if read.is_pending() {
            self.wait_to_read(id, context);
        }
        read
    }

    /// Wakes the reader of a stream when something has come.
    pub(super) fn wait_to_read(&mut self, id: StreamId, context: &Context<'_>) {
        self.waiting.entry(id).or_default().reader = Some(context.waker().clone());
    }

    /// Hands over as many of the pieces as may leave or wait to; those that were are empty, and come first. Pending:
    /// some could not be.
    ///
    /// # Errors
    ///
    /// The client takes no more.
    pub(super) fn poll_write(
        &mut self,
        id: StreamId,
        mut pieces: &mut [Bytes],
        context: &mut Context<'_>,
    ) -> Poll<Result<(), Gone>> {
        while !pieces.is_empty() {
            if self.is_lost {
                return Poll::Ready(Err(Gone));
            }
            match self.quic.send_stream(id).write_chunks(pieces) {
                Ok(written) => {
                    let (done, rest) = pieces.split_at_mut(written.chunks);
                    done.fill(Bytes::new());
                    pieces = rest;
                }
                Err(quinn_proto::WriteError::Blocked) => {
                    self.waiting.entry(id).or_default().writer = Some(context.waker().clone());
                    return Poll::Pending;
                }
                Err(_) => return Poll::Ready(Err(Gone)),
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Ends an answer.
    pub(super) fn finish(&mut self, id: StreamId) {
        self.unwanted = self.unwanted.saturating_sub(1);
        // One that was stopped or reset has ended.
        let _ = self.quic.send_stream(id).finish();
    }

    /// Breaks an answer off.
    pub(super) fn reset(&mut self, id: StreamId, code: Code) {
        let _ = self.quic.send_stream(id).reset(wire(code));
    }

    /// Breaks an answer off when what was written has left.
    pub(super) fn reset_behind(&mut self, id: StreamId, code: Code) {
        self.breaking.push((id, code));
    }

    /// All that could leave has left. True: there is more now.
    pub(super) fn has_left(&mut self) -> bool {
        let breaking = std::mem::take(&mut self.breaking);
        let any = !breaking.is_empty();
        for (id, code) in breaking {
            self.reset(id, code);
        }
        any
    }

    /// Asks the client to send no more by a stream.
    pub(super) fn stop(&mut self, id: StreamId, code: Code) {
        let _ = self.quic.recv_stream(id).stop(wire(code));
    }

    /// Ends a request stream both ways.
    pub(super) fn refuse(&mut self, id: StreamId, code: Code) {
        self.stop(id, code);
        self.reset(id, code);
    }

    /// A request was served, or broken off.
    pub(super) fn forget(&mut self, id: StreamId) {
        self.running.remove(&id);
        self.waiting.remove(&id);
    }

    /// Wakes those who wait for the dynamic table.
    pub(super) fn wake_readers(&mut self) {
        self.waiting.values_mut().filter_map(|waiting| waiting.reader.take()).for_each(Waker::wake);
    }

    fn wake(&mut self, id: StreamId, who: impl FnOnce(&mut Waiting) -> Option<Waker>) {
        if let Some(waker) = self.waiting.get_mut(&id).and_then(who) {
            waker.wake();
            self.shared.woke();
        }
    }

    /// Writes what our own streams have to say.
    pub(super) fn write_own(&mut self) {
        self.http.decoder_stream(&mut self.decoder.pending);
        for own in [&mut self.control, &mut self.decoder] {
            if own.pending.is_empty() {
                continue;
            }
            own.id = own.id.or_else(|| self.quic.streams().open(Dir::Uni));
            let Some(id) = own.id else { continue };
            if let Ok(written) = self.quic.send_stream(id).write(&own.pending) {
                own.pending.drain(..written);
            }
        }
    }

    /// Ends the connection.
    pub(super) fn end(&mut self, now: Instant, breach: Breach) {
        if !self.is_lost {
            tracing::debug!(client = %self.quic.remote_address(), %breach, "connection closed");
            self.quic.close(now, wire(breach.code), Bytes::from_static(breach.why.as_bytes()));
            self.lose();
        }
    }

    /// The connection is no more: whoever serves or waits is told.
    fn lose(&mut self) {
        self.is_lost = true;
        self.arrivals.clear();
        self.running.drain().for_each(|(_, running)| running.abort());
        for (_, waiting) in self.waiting.drain() {
            waiting.reader.into_iter().chain(waiting.writer).for_each(Waker::wake);
        }
    }

    /// Takes the next step of a graceful end: tells that it comes, refuses new requests, closes when those that run
    /// have ended and the client has got what they were answered.
    pub(super) fn leave(&mut self, now: Instant) {
        match self.goaway {
            Goaway::No => {
                self.goaway = Goaway::Soon;
                h3::connection::goaway(&mut self.control.pending, h3::connection::SOON);
            }
            Goaway::Soon => self.take_no_more(),
            Goaway::From(_) => {
                let own = [&self.control, &self.decoder].into_iter().filter(|own| own.id.is_some()).count();
                let has_left = self.quic.streams().send_streams() <= own;
                if has_left && self.running.is_empty() && self.arrivals.is_empty() {
                    self.end(now, Breach::new(Code::NO_ERROR, "no more requests"));
                }
            }
        }
    }

    /// Keeps a connection from ending for silence while requests run: their backends may take long.
    pub(super) fn keep_alive(&mut self, now: Instant) {
        if !self.running.is_empty() && now >= self.asked + ASKING {
            self.asked = now;
            self.quic.ping();
        }
    }

    /// Refuses requests that come from now on, which the client may send elsewhere.
    fn take_no_more(&mut self) {
        let next = self.arrivals.next();
        self.goaway = Goaway::From(next);
        h3::connection::goaway(&mut self.control.pending, next);
    }

    /// Whether the client was told that the connection ends.
    pub(super) fn is_leaving(&self) -> bool {
        self.goaway != Goaway::No
    }
}

/// The client takes no more of an answer.
#[derive(Debug)]
pub(super) struct Gone;

fn wire(code: Code) -> VarInt {
    VarInt::from_u64(code.0).unwrap_or(VarInt::MAX)
}
