//! Who is asked, whatever is between: frames go there, and frames come back.

use crate::proxy::h2::Code;
use crate::proxy::h2::frame::{Head, MOST_31, flag, kind};
use crate::proxy::h2::hpack::Decoder;

/// What came back.
#[derive(Debug)]
pub(super) enum Seen {
    Frame(Head, Vec<u8>),
    /// The connection was closed.
    Closed,
    /// Nothing comes.
    Quiet,
}

/// A server.
pub(super) trait Peer {
    /// Goes on with a new connection.
    fn anew(&mut self);

    fn send(&mut self, bytes: &[u8]);

    /// What comes next.
    fn next(&mut self) -> Seen;

    /// The decoder of what comes.
    fn decoder(&mut self) -> &mut Decoder;

    /// Waits for the end of an answer.
    fn answered(&mut self, stream: u32) -> Result<(), String> {
        loop {
            match self.next() {
                Seen::Frame(head, payload) => {
                    if head.kind == kind::HEADERS {
                        status(self, &payload);
                    }
                    let ends = matches!(head.kind, kind::DATA | kind::HEADERS) && head.has(flag::END_STREAM);
                    if head.stream == stream && ends {
                        return Ok(());
                    }
                    if matches!(head.kind, kind::GOAWAY | kind::RST_STREAM) {
                        return Err(format!("no answer on stream {stream} but {head:?} {payload:?}"));
                    }
                }
                seen => return Err(format!("no answer on stream {stream} but {seen:?}")),
            }
        }
    }
}

/// Reads up to a frame of this kind.
pub(super) fn skip(peer: &mut impl Peer, kind: u8) -> Result<(), String> {
    loop {
        match peer.next() {
            Seen::Frame(head, payload) => {
                if head.kind == kind::HEADERS {
                    status(peer, &payload);
                }
                if head.kind == kind {
                    return Ok(());
                }
            }
            seen => return Err(format!("no frame of type {kind} but {seen:?}")),
        }
    }
}

fn status(peer: &mut (impl Peer + ?Sized), block: &[u8]) -> u16 {
    let mut status = 0;
    let decoded = peer.decoder().decode(block, |line| {
        if line.name == b":status" {
            status = String::from_utf8_lossy(line.value).parse().unwrap();
        }
    });
    decoded.unwrap();
    status
}

/// What has to come of a case.
#[derive(Clone, Copy, Debug)]
pub(super) enum Expect {
    /// GOAWAY with this code, and then the end.
    Connection(Code),
    /// The connection ends, with or without a word.
    Close,
    /// The stream is reset with this code, and the connection goes on.
    Stream(u32, Code),
    /// The request is refused with a status, the stream reset, and the connection goes on.
    Refused(u32, u16, Code),
    /// The answer has this status and comes to its end, and the connection goes on.
    Answer(u32, u16),
    /// DATA frames of these lengths come first of all that are not empty.
    Lengths(&'static [usize]),
    /// SETTINGS are acknowledged.
    Acknowledged,
    /// Nothing but that the connection goes on.
    Goes,
    /// GOAWAY with ENHANCE_YOUR_CALM, whatever came before, and then the end.
    Calm,
}

impl Expect {
    pub(super) fn check(self, peer: &mut impl Peer) -> Result<(), String> {
        let mut statuses = Vec::new();
        let mut lengths = Vec::new();
        if matches!(self, Self::Goes) {
            return pong(peer);
        }
        loop {
            let (head, payload) = match (self, peer.next()) {
                (_, Seen::Frame(head, payload)) => (head, payload),
                (Self::Close, Seen::Closed) => return Ok(()),
                (_, seen) => return Err(format!("{seen:?}")),
            };
            let number = |at: usize| {
                let bytes = payload.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
                bytes.map_or(u32::MAX, u32::from_be_bytes)
            };
            match (self, head.kind) {
                (Self::Connection(code), kind::GOAWAY) => {
                    let told = Code::of(number(4));
                    let right = told == code && number(0) <= MOST_31;
                    return if right { closed(peer) } else { Err(format!("GOAWAY with {told:?}")) };
                }
                (Self::Close, kind::GOAWAY) => return closed(peer),
                (Self::Calm, kind::GOAWAY) if Code::of(number(4)) == Code::EnhanceYourCalm => {
                    return closed(peer);
                }
                (_, kind::GOAWAY) => return Err(format!("GOAWAY with {:?}", Code::of(number(4)))),
                (Self::Calm, kind::RST_STREAM) => {}
                (Self::Stream(stream, code) | Self::Refused(stream, _, code), kind::RST_STREAM) => {
                    let told = (head.stream, Code::of(number(0)));
                    if told != (stream, code) {
                        return Err(format!("RST_STREAM {told:?}"));
                    }
                    if let Self::Refused(_, status, _) = self
                        && !statuses.contains(&(stream, status))
                    {
                        return Err(format!("no status {status} but {statuses:?}"));
                    }
                    return pong(peer);
                }
                (_, kind::RST_STREAM) => return Err(format!("RST_STREAM with {:?}", Code::of(number(0)))),
                (_, kind::HEADERS) => statuses.push((head.stream, status(peer, &payload))),
                (Self::Lengths(expected), kind::DATA) if head.len > 0 => {
                    lengths.push(head.len);
                    if lengths.len() == expected.len() {
                        let right = lengths == expected;
                        return if right { Ok(()) } else { Err(format!("{lengths:?}")) };
                    }
                }
                (Self::Acknowledged, kind::SETTINGS) if head.has(flag::ACK) => return pong(peer),
                _ => {}
            }
            let ends = matches!(head.kind, kind::DATA | kind::HEADERS) && head.has(flag::END_STREAM);
            match self {
                Self::Answer(stream, status) if ends && head.stream == stream => {
                    let right = statuses.contains(&(stream, status));
                    return if right { pong(peer) } else { Err(format!("{statuses:?}")) };
                }
                _ => {}
            }
        }
    }
}

/// Whether the connection ends now.
fn closed(peer: &mut impl Peer) -> Result<(), String> {
    match peer.next() {
        Seen::Closed => Ok(()),
        seen => Err(format!("behind GOAWAY: {seen:?}")),
    }
}

/// Whether the connection goes on.
fn pong(peer: &mut impl Peer) -> Result<(), String> {
    peer.send(&super::wire::ping());
    loop {
        match peer.next() {
            Seen::Frame(head, payload) if head.kind == kind::PING && head.has(flag::ACK) => {
                return if payload == b"are you?" { Ok(()) } else { Err("another ping".to_owned()) };
            }
            Seen::Frame(head, _) if matches!(head.kind, kind::GOAWAY | kind::RST_STREAM) => {
                return Err(format!("{head:?} before the ping is answered"));
            }
            Seen::Frame(..) => {}
            seen => return Err(format!("no answer to a ping but {seen:?}")),
        }
    }
}
