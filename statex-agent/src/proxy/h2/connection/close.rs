//! How streams end, and the connection (RFC 9113 §5.1, §5.4 and §6.8).

use std::mem;
use std::task::{Context, Poll, Waker};

use super::receive::Reading;
use super::{Checked, Connection, Role};
use crate::proxy::h2::Code;
use crate::proxy::h2::frame::{MOST_31, write};
use crate::proxy::h2::guard::Abuse;
use crate::proxy::h2::stream::{Broken, Stage};
use crate::proxy::h2::streams::{Closed, Key};

/// How far this side has come with going.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Going {
    On,
    /// It has said that it will go. Requests may be under way that were sent before that was heard.
    Soon,
    /// It has said which stream is the last.
    Last,
}

/// The ping whose answer says that the peer has heard that this side goes.
const FAREWELL: [u8; 8] = *b"farewell";

impl Connection {
    /// Both sides have said all on a stream.
    pub(super) fn closed(&mut self, key: Key) {
        self.streams.close(self.streams[key].id, Closed::Ended);
        self.guard.earn(Abuse::Resets, 1);
        self.guard.earn(Abuse::Provocations, 1);
        self.guard.earn(Abuse::Ignored, 4);
        self.release(key);
        self.wake_waiting();
    }

    /// What the peer did on a stream costs it the stream.
    pub(super) fn provoked(&mut self, key: Key, code: Code, broken: Broken) -> Checked {
        self.guard.charge(Abuse::Provocations, self.now)?;
        self.reset(key, code, broken);
        Ok(())
    }

    /// Resets a stream that nobody here holds.
    pub(super) fn refuse(&mut self, stream: u32, code: Code) -> Checked {
        self.guard.charge(Abuse::Provocations, self.now)?;
        self.output.frame(|wire| write::reset(wire, stream, code));
        self.streams.close(stream, Closed::ResetByUs);
        Ok(())
    }

    pub(in crate::proxy::h2) fn reset(&mut self, key: Key, code: Code, broken: Broken) {
        let stream = &self.streams[key];
        if stream.is_closed() {
            return;
        }
        let id = stream.id;
        if id > 0 {
            self.output.frame(|wire| write::reset(wire, id, code));
        }
        self.break_off(key, broken, Closed::ResetByUs);
    }

    /// The stream has ended before its end. What came before that can still be read: an answer may be whole
    /// though its request was not wanted to the end (RFC 9113 §8.1).
    pub(super) fn break_off(&mut self, key: Key, broken: Broken, how: Closed) {
        let stream = &mut self.streams[key];
        stream.broken = Some(broken);
        stream.outgoing.clear();
        stream.end = None;
        let id = stream.id;
        stream.wake_reader();
        stream.wake_writer();
        if mem::take(&mut stream.queued) {
            self.turns.remove(key);
        }
        let stream = &self.streams[key];
        if self.role == Role::Server && stream.is_written && stream.sending < Stage::Ended {
            self.broken.push(key);
        }
        if id > 0 {
            self.streams.close(id, how);
        }
        self.release(key);
        self.wake_waiting();
    }

    /// Nobody reads the stream any more.
    pub fn unread(&mut self, key: Key) {
        let stream = &mut self.streams[key];
        stream.is_read = false;
        let unread = mem::take(&mut stream.incoming).len();
        self.credit(unread);
        self.answered_early(key);
        self.release(key);
    }

    /// Nobody writes to the stream any more.
    pub fn unwritten(&mut self, key: Key) {
        let stream = &mut self.streams[key];
        stream.is_written = false;
        if stream.sending < Stage::Ended && stream.end.is_none() {
            let code = if self.role == Role::Server { Code::InternalError } else { Code::Cancel };
            self.reset(key, code, Broken::Cut);
        }
        self.release(key);
    }

    /// What the peer still says is wanted by nobody: a server has answered (RFC 9113 §8.1), or a client does
    /// not want the answer.
    pub(super) fn answered_early(&mut self, key: Key) {
        let stream = &self.streams[key];
        if stream.is_read || stream.receiving == Stage::Ended {
            return;
        }
        match self.role {
            Role::Server if stream.sending == Stage::Ended => self.reset(key, Code::NoError, Broken::Cut),
            Role::Server => {}
            Role::Client => self.reset(key, Code::Cancel, Broken::Cut),
        }
    }

    /// Forgets a stream that is over on both sides.
    fn release(&mut self, key: Key) {
        if self.streams.is_held(key) {
            let stream = &self.streams[key];
            let unnamed = stream.id == 0;
            if !stream.is_read && !stream.is_written && (stream.is_closed() || unnamed) {
                self.streams.release(key);
                self.since.used = self.now;
            }
        }
    }

    /// The connection cannot go on (RFC 9113 §5.4.1).
    pub fn fail(&mut self, code: Code) {
        if matches!(self.reading, Reading::Over) {
            return;
        }
        let last = if self.role == Role::Server { self.last } else { 0 };
        self.output.frame(|wire| write::go_away(wire, last, code));
        self.lost();
    }

    /// The connection is gone, or as good as gone: all streams break.
    pub fn lost(&mut self) {
        self.reading = Reading::Over;
        self.peer_goes = true;
        let open: Vec<Key> = self.streams.iter().collect();
        open.into_iter().for_each(|key| self.break_off(key, Broken::Cut, Closed::ResetByPeer));
        self.wake_waiting();
    }

    /// Ends the connection without breaking a stream: in two steps, so that no request is lost that is under
    /// way (RFC 9113 §6.8).
    pub fn shut_down(&mut self) {
        if self.going != Going::On || matches!(self.reading, Reading::Over) {
            return;
        }
        if self.role == Role::Client {
            self.going = Going::Last;
            self.output.frame(|wire| write::go_away(wire, 0, Code::NoError));
        } else if self.streams.open() == 0 && matches!(self.reading, Reading::Preface(_)) {
            self.last_step();
        } else {
            self.going = Going::Soon;
            self.output.frame(|wire| write::go_away(wire, MOST_31, Code::NoError));
            self.output.frame(|wire| write::ping(wire, 0, FAREWELL));
            self.since.leaving = self.now;
        }
        self.wake_waiting();
    }

    /// No request is under way that the peer sent before it heard of the end.
    pub(super) fn last_step(&mut self) {
        self.going = Going::Last;
        let last = self.last;
        self.output.frame(|wire| write::go_away(wire, last, Code::NoError));
    }

    /// The peer has answered a ping.
    pub(super) fn answered(&mut self, payload: [u8; 8]) {
        self.since.ping = None;
        if payload == FAREWELL && self.going == Going::Soon {
            self.last_step();
        }
    }

    /// What waits to be written is the last: then the connection ends.
    pub fn is_over(&self) -> bool {
        matches!(self.reading, Reading::Over)
            || self.streams.held() == 0
                && (self.going == Going::Last || self.peer_goes && self.role == Role::Client)
    }

    /// Whether a client may open streams later, if not now.
    pub fn is_open(&self) -> bool {
        self.going == Going::On && !self.peer_goes && self.last < MOST_31 - 1
    }

    /// A stream for a request; `None`: the peer lets no other be open now, or the connection ends.
    pub fn open(&mut self) -> Option<Key> {
        // Until the peer has told how many it lets be open, a usual number.
        let most = if matches!(self.reading, Reading::Settings) { 100 } else { self.peer.streams };
        let may = self.is_open() && self.streams.held() < most as usize;
        may.then(|| self.hold())
    }

    /// The same, and who waits for it is told. Ready without a stream: the connection ends.
    pub fn poll_open(&mut self, context: &mut Context<'_>) -> Poll<Option<Key>> {
        match self.open() {
            None if self.is_open() => {
                if !self.waiting.iter().any(|waker| waker.will_wake(context.waker())) {
                    self.waiting.push(context.waker().clone());
                }
                Poll::Pending
            }
            opened => Poll::Ready(opened),
        }
    }

    pub(super) fn wake_waiting(&mut self) {
        self.waiting.drain(..).for_each(Waker::wake);
    }
}
