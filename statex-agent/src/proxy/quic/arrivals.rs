//! Request streams until their head is there.

use std::task::Poll;
use std::time::{Duration, Instant};

use bytes::Bytes;
use quinn_proto::StreamId;

use super::ByStream;
use super::connection::{Chunk, State};
use crate::proxy::h1::{Limits, Refusal};
use crate::proxy::h3::{Breach, Code, Inbound, Read, Step, Trouble};
use crate::proxy::http::Request;

/// The request streams of one connection whose head is not there, and requests that nobody has taken yet.
pub(super) struct Arrivals {
    pub(super) limits: Limits,
    opening: ByStream<Opening>,
    /// Streams that may wait for the dynamic table at once.
    most_blocked: usize,
    ready: Vec<Arrival>,
    /// The first stream that was not opened.
    next: u64,
}

/// A stream whose head is not there.
struct Opening {
    inbound: Inbound,
    /// What came behind the part that was read.
    rest: Bytes,
    /// A field section that waits until the dynamic table has got so many fields.
    waits: Option<(u64, Bytes)>,
    since: Instant,
}

/// A request whose head is there.
pub(super) struct Arrival {
    pub(super) id: StreamId,
    pub(super) inbound: Inbound,
    pub(super) rest: Bytes,
    pub(super) has_ended: bool,
    pub(super) length: Option<u64>,
    pub(super) request: Result<Box<Request>, Refusal>,
    /// It came before the client has proved that it is no replay (RFC 8470).
    pub(super) is_early: bool,
}

impl Arrivals {
    pub(super) fn new(limits: Limits, most_blocked: u64) -> Self {
        let most_blocked = usize::try_from(most_blocked).unwrap_or(usize::MAX);
        Self { limits, opening: ByStream::default(), most_blocked, ready: Vec::new(), next: 0 }
    }

    /// Whether the head of this stream is not there.
    pub(super) fn has(&self, id: StreamId) -> bool {
        self.opening.contains_key(&id)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.opening.is_empty() && self.ready.is_empty()
    }

    pub(super) fn next(&self) -> u64 {
        self.next
    }

    /// Requests that have come.
    pub(super) fn take(&mut self, into: &mut Vec<Arrival>) {
        into.append(&mut self.ready);
    }

    pub(super) fn clear(&mut self) {
        self.opening.clear();
        self.ready.clear();
    }

    /// Streams whose head has not come for so long.
    fn late(&self, now: Instant, patience: Duration) -> Vec<StreamId> {
        let late = self.opening.iter().filter(|(_, opening)| now >= opening.since + patience);
        late.map(|(id, _)| *id).collect()
    }
}

impl State {
    /// A request stream was opened.
    pub(super) fn open(&mut self, id: StreamId, now: Instant) -> Result<(), Breach> {
        self.arrivals.next = u64::from(id) + 4;
        let opening = Opening { inbound: Inbound::default(), rest: Bytes::new(), waits: None, since: now };
        self.read_head_of(id, opening)
    }

    /// More has come by a stream whose head is not there.
    pub(super) fn read_head(&mut self, id: StreamId) -> Result<(), Breach> {
        match self.arrivals.opening.remove(&id) {
            Some(opening) if opening.waits.is_some() => {
                self.arrivals.opening.insert(id, opening);
                Ok(())
            }
            Some(opening) => self.read_head_of(id, opening),
            None => Ok(()),
        }
    }

    fn read_head_of(&mut self, id: StreamId, mut opening: Opening) -> Result<(), Breach> {
        loop {
            match opening.inbound.step(&mut opening.rest, self.arrivals.limits.head) {
                Ok(Step::Head(section)) => return self.read_section(id, opening, section),
                Ok(Step::More) => match self.read(id) {
                    Poll::Pending => {
                        self.arrivals.opening.insert(id, opening);
                        return Ok(());
                    }
                    Poll::Ready(Chunk::Data(data)) => opening.rest = data,
                    Poll::Ready(Chunk::End) => return self.give_up(id, opening.inbound.end()),
                    Poll::Ready(Chunk::Reset) => {
                        self.http.cancel(id.into());
                        self.reset(id, Code::REQUEST_CANCELLED);
                        return Ok(());
                    }
                },
                // Neither comes before a head.
                Ok(Step::Data(_) | Step::Trailers(_)) => return Ok(()),
                Err(Trouble::Large) => {
                    self.http.cancel(id.into());
                    self.arrive(id, opening, Err(Refusal::LargeHead), None);
                    return Ok(());
                }
                Err(trouble) => return self.give_up(id, Err(trouble)),
            }
        }
    }

    /// Nothing will come of a stream.
    fn give_up(&mut self, id: StreamId, why: Result<(), Trouble>) -> Result<(), Breach> {
        match why {
            Err(Trouble::Connection(breach)) => return Err(breach),
            Err(Trouble::Stream(breach)) => self.refuse(id, breach.code),
            Ok(()) | Err(Trouble::Large) => self.refuse(id, Code::REQUEST_INCOMPLETE),
        }
        self.http.cancel(id.into());
        Ok(())
    }

    fn read_section(&mut self, id: StreamId, mut opening: Opening, section: Bytes) -> Result<(), Breach> {
        let mut request = self.shared.requests.take();
        match self.http.request(id.into(), &section, &self.arrivals.limits, &mut request)? {
            Read::Done(Ok(length)) => self.arrive(id, opening, Ok(request), length),
            Read::Done(Err(refusal)) => self.arrive(id, opening, Err(refusal), None),
            Read::Blocked(required) => {
                let blocked =
                    self.arrivals.opening.values().filter(|opening| opening.waits.is_some()).count();
                if blocked >= self.arrivals.most_blocked {
                    const WHY: &str = "more streams wait for the dynamic table than may";
                    return Err(Breach::new(Code::QPACK_DECOMPRESSION_FAILED, WHY));
                }
                opening.waits = Some((required, section));
                self.arrivals.opening.insert(id, opening);
            }
        }
        Ok(())
    }

    /// The dynamic table has got something.
    pub(super) fn unblock(&mut self) -> Result<(), Breach> {
        let inserted = self.http.inserted();
        let can =
            |opening: &Opening| opening.waits.as_ref().is_some_and(|(required, _)| *required <= inserted);
        let mut can_go: Vec<StreamId> =
            self.arrivals.opening.iter().filter(|(_, opening)| can(opening)).map(|(id, _)| *id).collect();
        can_go.sort_unstable();
        for id in can_go {
            if let Some(mut opening) = self.arrivals.opening.remove(&id)
                && let Some((_, section)) = opening.waits.take()
            {
                self.read_section(id, opening, section)?;
            }
        }
        self.wake_readers();
        Ok(())
    }

    /// A request is there.
    fn arrive(
        &mut self,
        id: StreamId,
        opening: Opening,
        request: Result<Box<Request>, Refusal>,
        length: Option<u64>,
    ) {
        let Opening { inbound, mut rest, .. } = opening;
        let mut has_ended = false;
        // Nearly always the end has come with the head.
        if rest.is_empty() && request.is_ok() {
            match self.read(id) {
                Poll::Ready(Chunk::Data(data)) => rest = data,
                Poll::Ready(Chunk::End) => has_ended = true,
                Poll::Ready(Chunk::Reset) | Poll::Pending => {}
            }
        }
        let is_early = self.quic.is_handshaking();
        self.arrivals.ready.push(Arrival { id, inbound, rest, has_ended, length, request, is_early });
    }

    /// Ends streams whose head does not come.
    pub(super) fn end_late_heads(&mut self, now: Instant, patience: Duration) {
        for id in self.arrivals.late(now, patience) {
            self.arrivals.opening.remove(&id);
            self.http.cancel(id.into());
            self.refuse(id, Code::REQUEST_INCOMPLETE);
        }
    }
}
