//! Field blocks that come: requests, responses and trailers (RFC 9113 §6.2, §6.10 and §8.1).

use std::task::{Context, Poll};

use super::receive::{Absent, Reading, Step};
use super::{Checked, Connection, Going, Role};
use crate::proxy::h1::Refusal;
use crate::proxy::h2::Code;
use crate::proxy::h2::frame::{Head, block, flag, write};
use crate::proxy::h2::guard::Abuse;
use crate::proxy::h2::stream::{Broken, Stage, await_news};
use crate::proxy::h2::streams::{Closed, Key};
use crate::proxy::heads::{Kind, Line, Priority, RequestReader, ResponseReader, TrailerReader};
use crate::proxy::http::{Fault, Fields, Method, Name, Response, StatusCode, Version, Whole};

/// Frames that a block may come in: one of them holds more than most blocks have.
const MOST_FRAMES: u32 = 32;
/// Interim responses that may wait to be taken.
const MOST_HEADS: usize = 8;

/// A block that goes on.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) stream: u32,
    ends: bool,
    /// The stream depends on itself.
    circular: bool,
    bytes: Vec<u8>,
    frames: u32,
}

impl Connection {
    pub(super) fn headers(&mut self, head: &Head, payload: &[u8]) -> Checked<Step> {
        if head.stream == 0 {
            return Err(Code::ProtocolError);
        }
        let (fragment, parent) = block(head, payload)?;
        let (ends, circular) = (head.has(flag::END_STREAM), parent == Some(head.stream));
        if head.has(flag::END_HEADERS) {
            return self.block(head.stream, ends, circular, fragment);
        }
        let block = Block { stream: head.stream, ends, circular, bytes: fragment.to_vec(), frames: 1 };
        self.reading = Reading::Block(block);
        if fragment.is_empty() { self.guard.charge(Abuse::Empty, self.now) } else { Ok(()) }
            .map(|()| Step::On)
    }

    pub(super) fn continuation(&mut self, head: &Head, payload: &[u8]) -> Checked<Step> {
        let Reading::Block(block) = &mut self.reading else { return Err(Code::ProtocolError) };
        block.bytes.extend_from_slice(payload);
        block.frames += 1;
        // A list that is too long has to be decoded all the same, for what comes behind; but not without end.
        if block.bytes.len() > self.terms.limits.head * 2 || block.frames > MOST_FRAMES {
            self.guard.charge(Abuse::Continuations, self.now)?;
        }
        if !head.has(flag::END_HEADERS) {
            return if payload.is_empty() { self.guard.charge(Abuse::Empty, self.now) } else { Ok(()) }
                .map(|()| Step::On);
        }
        let Reading::Block(block) = std::mem::replace(&mut self.reading, Reading::Frames) else {
            return Ok(Step::On);
        };
        self.block(block.stream, block.ends, block.circular, &block.bytes)
    }

    /// A block is whole.
    fn block(&mut self, stream: u32, ends: bool, circular: bool, block: &[u8]) -> Checked<Step> {
        if let Some(key) = self.streams.find(stream) {
            return match self.streams[key].receiving {
                _ if circular => {
                    self.skip(block)?;
                    self.provoked(key, Code::ProtocolError, Broken::Malformed("a circle of streams"))
                }
                Stage::Head => self.response(key, ends, block),
                Stage::Body => self.trailers(key, ends, block),
                Stage::Ended => {
                    self.skip(block)?;
                    self.provoked(key, Code::StreamClosed, Broken::Malformed("a head behind the end"))
                }
            }
            .map(|()| Step::On);
        }
        match (self.role, self.absent(stream)) {
            (Role::Server, Absent::Idle) if stream % 2 == 1 => {
                self.last = stream;
                return self.request(stream, ends, circular, block);
            }
            (_, Absent::Idle) | (Role::Server, Absent::Forgotten) => return Err(Code::ProtocolError),
            (_, Absent::Closed(Closed::Ended)) => return Err(Code::StreamClosed),
            (_, Absent::Closed(Closed::ResetByPeer)) => {
                self.skip(block)?;
                self.refuse(stream, Code::StreamClosed)?;
            }
            (_, Absent::Closed(Closed::ResetByUs)) | (Role::Client, Absent::Forgotten) => self.skip(block)?,
        }
        Ok(Step::On)
    }

    /// A block of which nothing is wanted but what later ones refer to.
    fn skip(&mut self, block: &[u8]) -> Checked {
        self.decoder.decode(block, |_| {}).map_err(|_| Code::CompressionError)
    }

    fn request(&mut self, stream: u32, ends: bool, circular: bool, block: &[u8]) -> Checked<Step> {
        let (mut request, limits) = (self.spare.pop().unwrap_or_default(), self.terms.limits);
        let mut reader = RequestReader::new(&mut request, &limits);
        self.decoder.decode(block, |line| reader.line(&line)).map_err(|_| Code::CompressionError)?;
        let length = match reader.finish(self.terms.extended_connect) {
            Ok(Some(1..)) if ends => Err(Refusal::Malformed("a length, and no body")),
            read => read,
        };
        if matches!(self.going, Going::Last) || !self.has_room() {
            self.reuse(request);
            return self.refuse(stream, Code::RefusedStream).map(|()| Step::On);
        }
        let length = match length {
            Ok(length) if !circular => length,
            Ok(_) => return self.refuse(stream, Code::ProtocolError).map(|()| Step::On),
            Err(refusal) => {
                self.reuse(request);
                return self.answer(stream, refusal, ends).map(|()| Step::On);
            }
        };
        (request.version, request.scheme) = (Version::Http2, self.terms.scheme);
        let key = self.hold();
        self.streams.name(key, stream);
        let held = &mut self.streams[key];
        held.method = request.method.clone();
        held.priority = request.fields.named(b"priority").map(Priority::read).unwrap_or_default();
        held.receiving = if ends { Stage::Ended } else { Stage::Body };
        held.missing = length;
        held.whole = match length {
            None if ends => bodiless(&held.method),
            Some(length) if held.method != Method::CONNECT => Whole::Length(length),
            _ => Whole::Unknown,
        };
        self.requests = self.requests.saturating_sub(1);
        if self.requests == 0 {
            self.shut_down();
        }
        Ok(Step::Request(key, request))
    }

    /// Whether another stream may be open. Those that are over for the peer count once they are too many.
    fn has_room(&self) -> bool {
        let most = self.terms.streams as usize;
        self.streams.open() < most && self.streams.held() < most * 2
    }

    /// Says what is wrong with a request that nobody serves, and resets the stream (RFC 9113 §8.1.1).
    fn answer(&mut self, stream: u32, refusal: Refusal, ends: bool) -> Checked {
        let is_malformed = matches!(refusal, Refusal::Malformed(_));
        let status = refusal.status();
        let Self { encoder, output, .. } = self;
        let flags = if is_malformed { 0 } else { flag::END_STREAM };
        output.frame(|wire| {
            write::headers(wire, flags, stream, |wire| {
                encoder.begin(wire);
                let mut line = |kind, name: &str, value: &[u8]| {
                    encoder.line(&Line { kind, name: name.as_bytes(), value }, wire);
                };
                line(Kind::Status, ":status", status.as_str().as_bytes());
                line(Kind::Field(Name::ContentLength), "content-length", b"0");
            });
        });
        match refusal {
            Refusal::Malformed(_) => return self.refuse(stream, Code::ProtocolError),
            Refusal::LargeHead => self.guard.charge(Abuse::Lists, self.now)?,
            _ => {}
        }
        if ends {
            self.streams.close(stream, Closed::Ended);
        } else {
            self.output.frame(|wire| write::reset(wire, stream, Code::NoError));
            self.streams.close(stream, Closed::ResetByUs);
        }
        Ok(())
    }

    fn trailers(&mut self, key: Key, ends: bool, block: &[u8]) -> Checked {
        let (mut fields, limits) = (Fields::default(), self.terms.limits);
        let mut reader = TrailerReader::new(&mut fields, &limits);
        self.decoder.decode(block, |line| reader.line(&line)).map_err(|_| Code::CompressionError)?;
        match reader.finish() {
            Ok(()) if ends => {
                if !fields.is_empty() {
                    self.streams[key].trailers = Some(fields);
                }
                self.ended(key)
            }
            Ok(()) => self.provoked(key, Code::ProtocolError, Broken::Malformed("trailers and no end")),
            Err(_) => self.provoked(key, Code::ProtocolError, Broken::Malformed("the trailers")),
        }
    }

    fn response(&mut self, key: Key, ends: bool, block: &[u8]) -> Checked {
        let (mut response, limits) = (Response::default(), self.terms.limits);
        let mut reader = ResponseReader::new(&mut response, &limits);
        self.decoder.decode(block, |line| reader.line(&line)).map_err(|_| Code::CompressionError)?;
        let length = reader.finish();
        let stream = &mut self.streams[key];
        let length = match length {
            Ok(length) if stream.heads.len() < MOST_HEADS && !(ends && response.is_interim()) => length,
            Err(Refusal::Malformed(what)) => {
                return self.provoked(key, Code::ProtocolError, Broken::Malformed(what));
            }
            _ => return self.provoked(key, Code::ProtocolError, Broken::Malformed("the heads")),
        };
        stream.active = self.now;
        response.version = Version::Http2;
        let whole = if response.is_interim() {
            Whole::None
        } else {
            stream.receiving = Stage::Body;
            (stream.missing, stream.whole) = length_of(&stream.method, response.status, length, ends);
            // Whoever asked for another protocol is told as by HTTP/1.1 (RFC 8441 §4).
            if stream.asks_protocol && response.status.is_success() {
                response.status = StatusCode::SWITCHING_PROTOCOLS;
            }
            stream.whole
        };
        stream.heads.push_back((response, whole));
        stream.wake_reader();
        if ends { self.ended(key) } else { Ok(()) }
    }

    /// The next head of a response.
    pub fn poll_head(
        &mut self,
        key: Key,
        context: &mut Context<'_>,
        head: &mut Response,
    ) -> Poll<Result<Whole, Fault>> {
        let stream = &mut self.streams[key];
        if let Some((next, whole)) = stream.heads.pop_front() {
            *head = next;
            return Poll::Ready(Ok(whole));
        }
        if let Some(broken) = stream.broken {
            return Poll::Ready(Err(broken.into()));
        }
        await_news(&mut stream.reader, context.waker());
        Poll::Pending
    }
}

/// How long the body is of a request that ends with its head. Where one is usual it is there, though empty
/// (RFC 9110 §8.6).
fn bodiless(method: &Method) -> Whole {
    let is_usual = matches!(*method, Method::POST | Method::PUT | Method::PATCH);
    if is_usual { Whole::Length(0) } else { Whole::None }
}

/// Bytes that have to come of a response's body, if that is known, and how long it is (RFC 9110 §6.4.1).
fn length_of(method: &Method, status: StatusCode, declared: Option<u64>, ends: bool) -> (Option<u64>, Whole) {
    let bodiless =
        *method == Method::HEAD || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    match declared {
        _ if bodiless => (Some(0), Whole::None),
        _ if *method == Method::CONNECT && status.is_success() => (None, Whole::Unknown),
        None if ends => (Some(0), Whole::Length(0)),
        Some(length) => (Some(length), Whole::Length(length)),
        None => (None, Whole::Unknown),
    }
}
