//! One connection without I/O: bytes that came go in, bytes to send come out, and between them are streams.
//!
//! ```text
//! bytes ─ receive ─ heads, control ─> Event, streams ─ Incoming ─> handler
//! bytes <─ Output <─ send <───────────────── streams ─ Outgoing <─
//! ```
//!
//! | file | |
//! |---|---|
//! | `receive.rs` | bytes to frames, in the order that they may come in |
//! | `data.rs` | bodies that come |
//! | `heads.rs` | field blocks that come |
//! | `control.rs` | all other frames |
//! | `send.rs` | heads, bodies and ends that go, as far as windows allow |
//! | `close.rs` | how streams end, and the connection |
//! | `patience.rs` | what happens when nothing happens |

mod close;
mod control;
mod data;
mod heads;
mod patience;
mod receive;
mod send;

use std::task::Waker;

use super::Code;
use super::frame::{PREFACE, write};
use super::guard::Guard;
use super::hpack::{Decoder, Encoder};
use super::output::Output;
use super::setting::{self, Setting, Settings};
use super::stream::{Stream, await_news};
use super::streams::{Key, Streams};
use super::turns::Turns;
use super::window::{Inbound, Outbound};
use crate::clock::Moment;
use crate::proxy::h1::Limits;
use crate::proxy::http::{Request, Scheme};
use close::Going;
use receive::Reading;

pub use patience::Patience;

/// Which side of a connection this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Client,
    Server,
}

/// What this side takes, and how much of it.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// Of heads and trailers.
    pub limits: Limits,
    /// Streams that the peer may have open at once.
    pub streams: u32,
    /// Requests that are taken in all; then the connection ends, so that clients are spread anew.
    pub requests: u32,
    /// Bytes of a stream that may wait to be taken; at least [`setting::WINDOW`].
    pub stream_window: u32,
    /// Bytes of all streams together that may wait; at least [`setting::WINDOW`].
    pub connection_window: u32,
    /// Requests may ask for a protocol (RFC 8441).
    pub extended_connect: bool,
    /// Of the requests that come, whatever they say themselves: that of the connection.
    pub scheme: Scheme,
    pub patience: Patience,
}

impl Terms {
    /// Towards backends. One answer that is not taken must not hold up the others, so the windows of all
    /// streams together are as large as those of each.
    pub fn for_backends() -> Self {
        Self { connection_window: 32 << 20, ..Self::default() }
    }
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            streams: 128,
            requests: u32::MAX,
            stream_window: 256 << 10,
            connection_window: 1 << 20,
            extended_connect: true,
            scheme: Scheme::Http,
            patience: Patience::default(),
        }
    }
}

/// Bytes of output that may wait before bodies wait in their streams, and nothing more is read.
const HIGH_WATER: usize = 64 << 10;

/// A connection.
#[derive(Debug)]
pub struct Connection {
    role: Role,
    terms: Terms,
    now: Moment,
    /// What the peer told of itself.
    peer: Settings,
    reading: Reading,
    decoder: Decoder,
    encoder: Encoder,
    streams: Streams,
    /// Streams that broke while somebody served them, until that was told.
    broken: Vec<Key>,
    inbound: Inbound,
    outbound: Outbound,
    /// Streams that have something to send, each until it has had its turn.
    turns: Turns,
    output: Output,
    guard: Guard,
    going: Going,
    /// The peer has said that it goes.
    peer_goes: bool,
    /// The largest identifier of a stream that the peer opened, or that this side did.
    last: u32,
    /// Requests that may still come.
    requests: u32,
    /// Heads whose memory is used again.
    spare: Vec<Request>,
    /// Who reads and writes the connection, to be told of new output.
    driver: Option<Waker>,
    /// It does so just now, or was told.
    driven: bool,
    /// Who waits until another stream may be opened.
    waiting: Vec<Waker>,
    since: patience::Since,
    /// Memory was given back since the last request.
    rested: bool,
}

impl Connection {
    /// A connection that has begun: what it says first waits to be written.
    pub fn new(role: Role, terms: Terms, now: Moment) -> Self {
        let mut connection = Self {
            role,
            terms,
            now,
            peer: Settings::default(),
            reading: Reading::begin(role),
            decoder: Decoder::default(),
            encoder: Encoder::new(),
            streams: Streams::default(),
            broken: Vec::new(),
            inbound: Inbound::new(terms.connection_window.max(setting::WINDOW)),
            outbound: Outbound::new(setting::WINDOW),
            turns: Turns::default(),
            output: Output::default(),
            guard: Guard::new(now),
            going: Going::On,
            peer_goes: false,
            last: 0,
            requests: terms.requests,
            spare: Vec::new(),
            driver: None,
            driven: true,
            waiting: Vec::new(),
            since: patience::Since::new(now),
            rested: true,
        };
        connection.begin();
        connection
    }

    /// The preface (RFC 9113 §3.4).
    fn begin(&mut self) {
        let Terms { limits, streams, extended_connect, .. } = self.terms;
        let setting = |name, value| Setting { name, value };
        let list = u32::try_from(limits.head).unwrap_or(u32::MAX);
        let window = setting(setting::INITIAL_WINDOW_SIZE, self.stream_window());
        let lists = setting(setting::MAX_HEADER_LIST_SIZE, list);
        let priorities = setting(setting::NO_RFC7540_PRIORITIES, 1);
        let streams = setting(setting::MAX_CONCURRENT_STREAMS, streams);
        let protocols = setting(setting::ENABLE_CONNECT_PROTOCOL, u32::from(extended_connect));
        let more = self.terms.connection_window.saturating_sub(setting::WINDOW);
        let is_client = self.role == Role::Client;
        self.output.frame(|wire| {
            if is_client {
                wire.extend_from_slice(PREFACE);
                write::settings(wire, &[setting(setting::ENABLE_PUSH, 0), window, lists]);
            } else {
                let all = [streams, window, lists, priorities, protocols];
                write::settings(wire, if extended_connect { &all } else { &all[..4] });
            }
            if more > 0 {
                write::window(wire, 0, more);
            }
        });
    }

    fn stream_window(&self) -> u32 {
        self.terms.stream_window.max(setting::WINDOW)
    }

    /// A stream, held for somebody who reads it and somebody who writes it.
    fn hold(&mut self) -> Key {
        self.since.used = self.now;
        self.rested = false;
        self.streams.hold(Stream::new(0, self.stream_window(), self.peer.window, self.now))
    }

    pub fn role(&self) -> Role {
        self.role
    }

    /// Whether bytes that came may be given now. Not while much waits to be written: a peer that asks and
    /// does not listen fills no memory.
    pub fn is_listening(&self) -> bool {
        self.output.len() < HIGH_WATER
    }

    /// Whether a stream has something to send, and there is room for it.
    pub fn is_sending(&self) -> bool {
        !self.turns.is_empty() && self.outbound.left() > 0 && self.output.len() < HIGH_WATER
    }

    /// Requests under way.
    pub fn load(&self) -> usize {
        self.streams.held()
    }

    pub fn patience(&self) -> Patience {
        self.terms.patience
    }

    /// What waits to be written.
    pub(super) fn output(&mut self) -> &mut Output {
        &mut self.output
    }

    /// Somebody reads and writes the connection from now on, until [`Connection::undriven`].
    pub fn driven(&mut self) {
        self.driven = true;
    }

    /// Nobody does until something is done with a stream: then `waker` is told.
    pub fn undriven(&mut self, waker: &Waker) {
        await_news(&mut self.driver, waker);
        self.driven = false;
    }

    /// Tells who drives the connection, if nobody does.
    pub(super) fn nudge(&mut self) {
        if !self.driven
            && let Some(driver) = &self.driver
        {
            driver.wake_by_ref();
            self.driven = true;
        }
    }

    /// Takes back a head whose memory can be used again.
    pub fn reuse(&mut self, request: Request) {
        /// As many as are usually under way at once.
        const SPARE: usize = 16;
        if self.spare.len() < SPARE {
            self.spare.push(request);
        }
    }

    /// Whether there is memory to give back for want of requests.
    pub fn may_rest(&self) -> bool {
        !self.rested && self.streams.held() == 0
    }

    /// Gives memory back while nothing happens.
    fn rest(&mut self) {
        self.rested = true;
        self.output.rest();
        self.streams.rest();
        self.decoder.rest();
        self.turns.rest();
        (self.spare, self.broken) = (Vec::new(), Vec::new());
    }

    /// Bytes that are kept for those who read, and for the peer.
    #[cfg(test)]
    pub(super) fn held_bytes(&mut self) -> usize {
        let waiting = |stream: &mut Stream| {
            stream.incoming.len() + stream.outgoing.iter().map(bytes::Bytes::len).sum::<usize>()
        };
        self.output.len() + self.streams.all().map(waiting).sum::<usize>()
    }

    /// A stream that broke, so that who serves it need not go on. To be asked for after all that can break one.
    pub fn broken(&mut self) -> Option<Key> {
        self.broken.pop()
    }
}

/// What is wrong with it is an error of the connection.
type Checked<T = ()> = Result<T, Code>;
