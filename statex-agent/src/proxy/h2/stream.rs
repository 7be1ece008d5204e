//! One stream: a request and its response (RFC 9113 §5.1).
//!
//! ```text
//!  receiving   Head ─> Body ─> Ended        what the peer says
//!  sending     Head ─> Body ─> Ended        what this side says
//! ```
//!
//! Both ended: the stream is closed, in order. Broken: it is closed before, and `broken` says why.

use std::collections::VecDeque;
use std::task::Waker;

use bytes::Bytes;

use super::window::{Inbound, Outbound};
use crate::clock::Moment;
use crate::proxy::heads::Priority;
use crate::proxy::http::{Fields, Method, Response, Whole};

/// How far one direction of a stream has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    /// The head, or interim ones, come first.
    Head,
    Body,
    Ended,
}

/// Why a stream ended before its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Broken {
    /// The peer reset it, or went.
    Cut,
    /// The peer says that it has not looked at the request (RFC 9113 §8.7).
    Refused,
    /// What the peer sent is no message.
    Malformed(&'static str),
    /// The peer sent nothing, or took nothing, for too long.
    Late,
}

/// A stream, as far as its messages go.
#[derive(Debug)]
pub(super) struct Stream {
    /// 0: it has none yet.
    pub(super) id: u32,
    pub(super) receiving: Stage,
    pub(super) sending: Stage,
    pub(super) broken: Option<Broken>,
    /// Of the request, as it is on the wire.
    pub(super) method: Method,
    /// The request asks for another protocol.
    pub(super) asks_protocol: bool,

    /// Bytes of the body that were not taken yet.
    pub(super) incoming: Vec<u8>,
    pub(super) inbound: Inbound,
    /// Length that was declared.
    pub(super) whole: Whole,
    /// Bytes of it that have still to come.
    pub(super) missing: Option<u64>,
    /// Heads of responses that were not taken yet.
    pub(super) heads: VecDeque<(Response, Whole)>,
    pub(super) trailers: Option<Fields>,
    /// Who waits for heads or for the body.
    pub(super) reader: Option<Waker>,

    /// Pieces that wait for a window, or for room.
    pub(super) outgoing: VecDeque<Bytes>,
    /// What comes behind them, if their end is known.
    pub(super) end: Option<Fields>,
    pub(super) outbound: Outbound,
    /// Where in the output its last frame begins that may still be marked as the end.
    pub(super) last_frame: Option<u64>,
    pub(super) priority: Priority,
    /// It waits for its turn to send.
    pub(super) queued: bool,
    /// Who waits for the pieces to leave.
    pub(super) writer: Option<Waker>,

    /// Somebody may still read it, or write to it.
    pub(super) is_read: bool,
    pub(super) is_written: bool,
    /// When the peer last sent something on it, or took something.
    pub(super) active: Moment,
    /// It has sent nothing for too long.
    pub(super) late: bool,
}

impl Stream {
    pub(super) fn new(id: u32, inbound: u32, outbound: u32, now: Moment) -> Self {
        Self {
            id,
            receiving: Stage::Head,
            sending: Stage::Head,
            broken: None,
            method: Method::GET,
            asks_protocol: false,
            incoming: Vec::new(),
            inbound: Inbound::new(inbound),
            whole: Whole::Unknown,
            missing: None,
            heads: VecDeque::new(),
            trailers: None,
            reader: None,
            outgoing: VecDeque::new(),
            end: None,
            outbound: Outbound::new(outbound),
            last_frame: None,
            priority: Priority::default(),
            queued: false,
            writer: None,
            is_read: true,
            is_written: true,
            active: now,
            late: false,
        }
    }

    /// Both messages came to their end, or the stream broke.
    pub(super) fn is_closed(&self) -> bool {
        self.broken.is_some() || self.receiving == Stage::Ended && self.sending == Stage::Ended
    }

    /// Whether both sides speak another protocol on it, which may be silent.
    pub(super) fn is_tunnel(&self) -> bool {
        self.method == Method::CONNECT && self.receiving > Stage::Head && self.sending > Stage::Head
    }

    /// Whether it has something to send, and may.
    pub(super) fn waits(&self) -> bool {
        !self.outgoing.is_empty() && self.outbound.left() > 0
    }

    pub(super) fn wake_reader(&mut self) {
        if let Some(waker) = self.reader.take() {
            waker.wake();
        }
    }

    pub(super) fn wake_writer(&mut self) {
        if let Some(waker) = self.writer.take() {
            waker.wake();
        }
    }
}

/// Has the waker called when there is news, in the place of the one before.
pub(super) fn await_news(place: &mut Option<Waker>, waker: &Waker) {
    match place {
        Some(known) => known.clone_from(waker),
        None => *place = Some(waker.clone()),
    }
}
