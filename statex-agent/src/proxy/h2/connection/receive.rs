//! Bytes to frames, in the order that they may come in.

use super::data::Data;
use super::heads::Block;
use super::{Checked, Connection, Role};
use crate::clock::Moment;
use crate::proxy::h2::Code;
use crate::proxy::h2::frame::{Head, MOST_PAYLOAD, PREFACE, kind};
use crate::proxy::h2::guard::Abuse;
use crate::proxy::h2::streams::{Closed, Key};
use crate::proxy::http::Request;

/// What comes next.
#[derive(Debug)]
pub(super) enum Reading {
    /// The client's preface, from this byte on.
    Preface(usize),
    /// The first frame, which has to be SETTINGS (RFC 9113 §3.4).
    Settings,
    Frames,
    /// A body goes on.
    Data(Data),
    /// A field block goes on (RFC 9113 §6.10).
    Block(Block),
    /// Nothing that is looked at.
    Over,
}

impl Reading {
    pub(super) fn begin(role: Role) -> Self {
        if role == Role::Server { Self::Preface(0) } else { Self::Settings }
    }
}

/// What came of the bytes at hand.
pub(super) enum Step {
    /// They are not enough.
    More,
    /// Some were used.
    On,
    /// A request has come.
    Request(Key, Request),
}

impl Connection {
    /// Takes bytes that came, until they are used up or a request has come; gives how many were used. What is
    /// left is given again with more behind it: less than a frame.
    ///
    /// What is wrong with them is answered by itself. Afterwards streams may be [broken](Connection::broken),
    /// and the connection [over](Connection::is_over).
    pub fn receive(&mut self, bytes: &[u8], now: Moment) -> (usize, Option<(Key, Request)>) {
        self.now = now;
        let mut rest = bytes;
        let request = loop {
            match self.step(&mut rest) {
                Ok(Step::On) => {}
                Ok(Step::More) => break None,
                Ok(Step::Request(key, request)) => break Some((key, request)),
                Err(code) => self.fail(code),
            }
        };
        let is_incomplete =
            request.is_none() && !rest.is_empty() || matches!(self.reading, Reading::Block(_));
        self.since.incomplete(is_incomplete, now);
        (bytes.len() - rest.len(), request)
    }

    fn step(&mut self, rest: &mut &[u8]) -> Checked<Step> {
        match &mut self.reading {
            Reading::Over => {
                *rest = &[];
                Ok(Step::More)
            }
            Reading::Preface(at) => {
                let expected = PREFACE.get(*at..).unwrap_or_default();
                let len = expected.len().min(rest.len());
                let (came, behind) = rest.split_at(len);
                if !expected.starts_with(came) {
                    return Err(Code::ProtocolError);
                }
                *rest = behind;
                *at += len;
                if *at < PREFACE.len() {
                    return Ok(Step::More);
                }
                self.reading = Reading::Settings;
                Ok(Step::On)
            }
            Reading::Data(_) => self.data(rest),
            _ => self.frame(rest),
        }
    }

    fn frame(&mut self, rest: &mut &[u8]) -> Checked<Step> {
        let Some(head) = Head::read(rest) else { return Ok(Step::More) };
        let expected = match &self.reading {
            Reading::Settings => head.kind == kind::SETTINGS,
            Reading::Block(block) => head.kind == kind::CONTINUATION && head.stream == block.stream,
            _ => head.kind != kind::CONTINUATION,
        };
        if !expected {
            return Err(Code::ProtocolError);
        }
        if head.len > MOST_PAYLOAD {
            return Err(Code::FrameSizeError);
        }
        let payload = rest.get(Head::LEN..).unwrap_or_default();
        if head.kind == kind::DATA {
            return self.data_frame(&head, payload.first().copied(), rest);
        }
        let Some((payload, behind)) = payload.split_at_checked(head.len) else { return Ok(Step::More) };
        let step = match head.kind {
            kind::HEADERS => self.headers(&head, payload),
            kind::CONTINUATION => self.continuation(&head, payload),
            kind::PRIORITY_UPDATE => self.priority_update(&head, payload),
            kind::PRIORITY => self.priority(&head, payload),
            kind::RST_STREAM => self.reset_by_peer(&head, payload),
            kind::SETTINGS => self.settings(&head, payload),
            // Nobody pushes to a server, and this client has said that nobody pushes to it.
            kind::PUSH_PROMISE => Err(Code::ProtocolError),
            kind::PING => self.ping(&head, payload),
            kind::GOAWAY => self.go_away_by_peer(&head, payload),
            kind::WINDOW_UPDATE => self.window_update(&head, payload),
            _ => self.guard.charge(Abuse::Ignored, self.now).map(|()| Step::On),
        }?;
        *rest = behind;
        Ok(step)
    }

    /// A stream that is not open (RFC 9113 §5.1).
    pub(super) fn absent(&self, stream: u32) -> Absent {
        // Streams of servers carry what they push, which nobody here does.
        if stream.is_multiple_of(2) || stream > self.last {
            return Absent::Idle;
        }
        self.streams.closed(stream).map_or(Absent::Forgotten, Absent::Closed)
    }
}

/// Why a stream is not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Absent {
    /// It was never opened.
    Idle,
    Closed(Closed),
    /// It closed too long ago to know how, or was passed over.
    Forgotten,
}
