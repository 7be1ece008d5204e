//! Bodies that come (RFC 9113 §6.1): taken as their bytes come, not frame by frame.

use std::task::{Context, Poll};

use bytes::Bytes;

use super::receive::{Absent, Reading, Step};
use super::{Checked, Connection};
use crate::proxy::h2::Code;
use crate::proxy::h2::frame::{Head, Padded, flag, write};
use crate::proxy::h2::guard::Abuse;
use crate::proxy::h2::stream::{Broken, Stage, await_news};
use crate::proxy::h2::streams::{Closed, Key};
use crate::proxy::http::{Fault, Piece, Whole};

/// A DATA frame whose payload goes on.
#[derive(Debug)]
pub(super) struct Data {
    stream: u32,
    /// Bytes of the body that have still to come.
    left: usize,
    /// Bytes of padding behind them.
    padding: usize,
    ends: bool,
}

impl Connection {
    /// A DATA frame begins; `first` is the first byte of its payload, if it is there.
    pub(super) fn data_frame(&mut self, head: &Head, first: Option<u8>, rest: &mut &[u8]) -> Checked<Step> {
        if head.stream == 0 {
            return Err(Code::ProtocolError);
        }
        if head.has(flag::PADDED) && head.len > 0 && first.is_none() {
            return Ok(Step::More);
        }
        let padded = Padded::of(head, first)?;
        let (len, padding) = (padded.end - padded.start, head.len - padded.end);
        // All of the payload counts, padding too (RFC 9113 §6.1).
        if !self.inbound.take(head.len) {
            return Err(Code::FlowControlError);
        }
        self.credit(padded.start + padding);
        match self.streams.find(head.stream) {
            Some(key) => self.body(key, head, len)?,
            None => match self.absent(head.stream) {
                Absent::Idle => return Err(Code::ProtocolError),
                Absent::Closed(Closed::Ended) => return Err(Code::StreamClosed),
                Absent::Closed(Closed::ResetByPeer) => self.refuse(head.stream, Code::StreamClosed)?,
                Absent::Closed(Closed::ResetByUs) | Absent::Forgotten => {}
            },
        }
        if len == 0 && !head.has(flag::END_STREAM) {
            self.guard.charge(Abuse::Empty, self.now)?;
        }
        self.guard.earn(Abuse::Pings, 1);
        *rest = rest.get(Head::LEN + padded.start..).unwrap_or_default();
        let ends = head.has(flag::END_STREAM);
        self.reading = Reading::Data(Data { stream: head.stream, left: len, padding, ends });
        Ok(Step::On)
    }

    /// Whether a frame may come on an open stream.
    fn body(&mut self, key: Key, head: &Head, len: usize) -> Checked {
        let stream = &mut self.streams[key];
        if stream.receiving == Stage::Ended {
            return self.provoked(key, Code::StreamClosed, Broken::Malformed("data behind the end"));
        }
        if !stream.inbound.take(head.len) {
            return self.provoked(key, Code::FlowControlError, Broken::Malformed("more than the window"));
        }
        // A response has to begin with its head.
        if stream.receiving == Stage::Head {
            return self.provoked(key, Code::ProtocolError, Broken::Malformed("data before the head"));
        }
        if let Some(missing) = stream.missing {
            let missing = missing.checked_sub(len as u64);
            if missing.is_none() {
                let why = Broken::Malformed("more than the length that was declared");
                return self.provoked(key, Code::ProtocolError, why);
            }
            stream.missing = missing;
        }
        self.credit_stream(key, head.len - len);
        Ok(())
    }

    /// The payload goes on.
    pub(super) fn data(&mut self, rest: &mut &[u8]) -> Checked<Step> {
        let Reading::Data(data) = &mut self.reading else { return Ok(Step::On) };
        let (body, behind) = rest.split_at(data.left.min(rest.len()));
        data.left -= body.len();
        let behind = if data.left == 0 {
            let padding = data.padding.min(behind.len());
            data.padding -= padding;
            behind.get(padding..).unwrap_or_default()
        } else {
            behind
        };
        let (stream, is_whole, ends) = (data.stream, data.left == 0 && data.padding == 0, data.ends);
        if !is_whole && behind.len() == rest.len() {
            return Ok(Step::More);
        }
        *rest = behind;
        let key = self.streams.find(stream);
        match key {
            Some(key) if self.streams[key].is_read => {
                let stream = &mut self.streams[key];
                stream.active = self.now;
                stream.incoming.extend_from_slice(body);
                if !body.is_empty() {
                    stream.wake_reader();
                }
            }
            // Nobody wants it. The stream's window is not opened again.
            _ => self.credit(body.len()),
        }
        if is_whole {
            self.reading = Reading::Frames;
            if let Some(key) = key.filter(|_| ends) {
                self.ended(key)?;
            }
        }
        Ok(Step::On)
    }

    /// Bytes of the connection's window were used up.
    pub(super) fn credit(&mut self, len: usize) {
        if let Some(increment) = self.inbound.give(len) {
            self.output.frame(|wire| write::window(wire, 0, increment));
        }
    }

    /// Bytes of a stream's window were used up.
    pub(super) fn credit_stream(&mut self, key: Key, len: usize) {
        let stream = &mut self.streams[key];
        if stream.receiving < Stage::Ended
            && stream.broken.is_none()
            && let Some(increment) = stream.inbound.give(len)
        {
            let id = stream.id;
            self.output.frame(|wire| write::window(wire, id, increment));
        }
    }

    /// The peer has said all on a stream.
    pub(super) fn ended(&mut self, key: Key) -> Checked {
        let stream = &mut self.streams[key];
        if stream.missing.is_some_and(|missing| missing > 0) {
            let why = Broken::Malformed("less than the length that was declared");
            return self.provoked(key, Code::ProtocolError, why);
        }
        stream.receiving = Stage::Ended;
        stream.active = self.now;
        stream.wake_reader();
        if stream.sending == Stage::Ended {
            self.closed(key);
        }
        Ok(())
    }

    /// The next piece of what the peer says on a stream.
    pub fn poll_piece(&mut self, key: Key, context: &mut Context<'_>) -> Poll<Option<Result<Piece, Fault>>> {
        let stream = &mut self.streams[key];
        if !stream.incoming.is_empty() {
            let data = Bytes::from(std::mem::take(&mut stream.incoming));
            self.credit(data.len());
            self.credit_stream(key, data.len());
            self.nudge();
            return Poll::Ready(Some(Ok(Piece::Data(data))));
        }
        if let Some(trailers) = stream.trailers.take() {
            return Poll::Ready(Some(Ok(Piece::Trailers(trailers))));
        }
        if stream.receiving == Stage::Ended {
            return Poll::Ready(None);
        }
        if let Some(broken) = stream.broken {
            return Poll::Ready(Some(Err(broken.into())));
        }
        if stream.late {
            return Poll::Ready(Some(Err(Fault::Late)));
        }
        await_news(&mut stream.reader, context.waker());
        Poll::Pending
    }

    /// How long a request's body is.
    pub fn whole(&self, key: Key) -> Whole {
        self.streams[key].whole
    }
}
