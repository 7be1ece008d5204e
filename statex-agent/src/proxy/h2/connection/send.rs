//! What goes on streams: heads, bodies and ends, as far as windows and the output have room.

use std::io;
use std::mem;
use std::task::{Context, Poll};

use bytes::Bytes;

use super::{Connection, HIGH_WATER};
use crate::proxy::h2::frame::{MOST_PAYLOAD, flag, kind, write};
use crate::proxy::h2::guard::Abuse;
use crate::proxy::h2::stream::{Stage, await_news};
use crate::proxy::h2::streams::Key;
use crate::proxy::heads::{self, Priority};
use crate::proxy::http::{Fields, Method, Request, Response, Whole};

impl Connection {
    /// A response's head, or an interim one.
    pub fn send_response(&mut self, key: Key, head: &Response, whole: Whole) {
        let Self { streams, encoder, output, .. } = self;
        let stream = &mut streams[key];
        if stream.broken.is_some() || stream.sending != Stage::Head {
            return;
        }
        let (id, method) = (stream.id, &stream.method);
        let at = output.frame(|wire| {
            write::headers(wire, 0, id, |wire| {
                encoder.begin(wire);
                heads::write::response(head, whole, method, &mut |line| encoder.line(&line, wire));
            });
        });
        if !head.is_interim() {
            (stream.sending, stream.last_frame) = (Stage::Body, Some(at));
        }
    }

    /// A request's head. The stream has its identifier from now on.
    pub fn send_request(&mut self, key: Key, head: &Request, whole: Whole) {
        let stream = &mut self.streams[key];
        if stream.broken.is_some() || stream.sending != Stage::Head {
            return;
        }
        stream.asks_protocol = !head.protocol.is_empty();
        stream.method = if stream.asks_protocol { Method::CONNECT } else { head.method.clone() };
        stream.active = self.now;
        let id = if self.last == 0 { 1 } else { self.last + 2 };
        self.last = id;
        self.streams.name(key, id);
        let Self { encoder, output, .. } = self;
        let at = output.frame(|wire| {
            write::headers(wire, 0, id, |wire| {
                encoder.begin(wire);
                heads::write::request(head, whole, &mut |line| encoder.line(&line, wire));
            });
        });
        let stream = &mut self.streams[key];
        (stream.sending, stream.last_frame) = (Stage::Body, Some(at));
    }

    /// A piece of the body.
    pub fn send_data(&mut self, key: Key, mut data: Bytes) {
        let stream = &mut self.streams[key];
        if stream.broken.is_some() || stream.sending != Stage::Body || stream.end.is_some() {
            return;
        }
        // Those that wait are not overtaken.
        if stream.outgoing.is_empty() && self.turns.is_empty() {
            while self.output.len() < HIGH_WATER
                && let most @ 1.. = self.most(key)
                && !data.is_empty()
            {
                let part = data.split_to(data.len().min(most));
                self.write_data(key, part);
            }
        }
        if !data.is_empty() {
            self.streams[key].outgoing.push_back(data);
            self.queue(key);
        }
    }

    /// The end, perhaps with trailers.
    pub fn send_end(&mut self, key: Key, trailers: &Fields) {
        let stream = &mut self.streams[key];
        if stream.broken.is_some() || stream.sending != Stage::Body || stream.end.is_some() {
            return;
        }
        if stream.outgoing.is_empty() {
            self.finish(key, trailers);
        } else {
            stream.end = Some(trailers.clone());
        }
    }

    /// Whether all that was given has left the stream.
    pub fn poll_sent(&mut self, key: Key, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let stream = &mut self.streams[key];
        if stream.broken.is_some() && stream.sending < Stage::Ended {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        if stream.outgoing.is_empty() {
            return Poll::Ready(Ok(()));
        }
        await_news(&mut stream.writer, context.waker());
        Poll::Pending
    }

    /// Lets streams send that wait for their turn, a frame each, while there is room.
    pub fn send_turns(&mut self) {
        while self.output.len() < HIGH_WATER
            && self.outbound.left() > 0
            && let Some(key) = self.turns.next()
        {
            self.streams[key].queued = false;
            self.send_frame(key);
            if self.streams.is_held(key) && self.streams[key].waits() {
                let stream = &mut self.streams[key];
                stream.queued = true;
                self.turns.again(key, stream.priority);
            }
        }
    }

    /// The stream waits for its turn, if it has something to send and may.
    pub(super) fn queue(&mut self, key: Key) {
        let stream = &mut self.streams[key];
        if !stream.queued && stream.waits() {
            stream.queued = true;
            self.turns.add(key, stream.priority);
        }
    }

    /// The peer wants a response more than before, or less.
    pub(super) fn prioritize(&mut self, key: Key, priority: Priority) {
        let stream = &mut self.streams[key];
        stream.priority = priority;
        if mem::take(&mut stream.queued) {
            self.turns.remove(key);
            self.queue(key);
        }
    }

    pub(super) fn queue_all(&mut self) {
        let keys: Vec<Key> = self.streams.iter().collect();
        keys.into_iter().for_each(|key| self.queue(key));
    }

    /// Sends a frame of what waits, if it may.
    fn send_frame(&mut self, key: Key) {
        let most = self.most(key);
        let stream = &mut self.streams[key];
        let Some(first) = stream.outgoing.front_mut().filter(|_| most > 0) else { return };
        let data = first.split_to(first.len().min(most));
        if first.is_empty() {
            stream.outgoing.pop_front();
        }
        self.write_data(key, data);
        let stream = &mut self.streams[key];
        if stream.outgoing.is_empty() {
            stream.wake_writer();
            if let Some(trailers) = stream.end.take() {
                self.finish(key, &trailers);
            }
        }
    }

    /// Bytes of a body that the next frame may have.
    fn most(&self, key: Key) -> usize {
        self.streams[key].outbound.left().min(self.outbound.left()).min(MOST_PAYLOAD)
    }

    fn write_data(&mut self, key: Key, data: Bytes) {
        let stream = &mut self.streams[key];
        let (id, len) = (stream.id, data.len());
        stream.outbound.take(len);
        self.outbound.take(len);
        stream.last_frame = Some(self.output.frame(|wire| write::head(wire, len, kind::DATA, 0, id)));
        stream.active = self.now;
        self.output.piece(data);
        // Who takes a body says so, and may measure the way.
        self.guard.earn(Abuse::WindowUpdates, 4);
        self.guard.earn(Abuse::Pings, 1);
    }

    /// All of the body has left the stream.
    fn finish(&mut self, key: Key, trailers: &Fields) {
        let Self { streams, encoder, output, .. } = self;
        let stream = &mut streams[key];
        let id = stream.id;
        if !trailers.is_empty() {
            output.frame(|wire| {
                write::headers(wire, flag::END_STREAM, id, |wire| {
                    encoder.begin(wire);
                    heads::write::trailers(trailers, &mut |line| encoder.line(&line, wire));
                });
            });
        } else if !stream.last_frame.is_some_and(|at| output.mark(at, flag::END_STREAM)) {
            output.frame(|wire| write::head(wire, 0, kind::DATA, flag::END_STREAM, id));
        }
        stream.sending = Stage::Ended;
        stream.wake_writer();
        if stream.receiving == Stage::Ended {
            self.closed(key);
        } else {
            self.answered_early(key);
        }
    }

    /// The method of the request on a stream.
    pub fn method(&self, key: Key) -> &Method {
        &self.streams[key].method
    }
}
