//! What happens when nothing happens: idle connections, slow heads and bodies, answers that nobody takes.

use std::time::Duration;

use super::close::Going;
use super::{Checked, Connection, Key, Role};
use crate::clock::Moment;
use crate::proxy::h2::Code;
use crate::proxy::h2::frame::write;
use crate::proxy::h2::guard::Abuse;
use crate::proxy::h2::stream::{Broken, Stage};

/// How long this side waits for the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// For the rest of a head or of another frame.
    pub head: Duration,
    /// For the next request while there is none.
    pub idle: Duration,
    /// For more of a body, and for room to send.
    pub body: Duration,
    /// For a server to say anything while requests wait, until it is asked whether it lives; and then for its
    /// answer.
    pub silence: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self { head: seconds(60), idle: seconds(60), body: seconds(60), silence: seconds(10) }
    }
}

/// How long a peer may take to hear that this side goes: longer than any round trip.
const FAREWELL: Duration = Duration::from_secs(5);

/// Since when things are as they are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Since {
    /// A frame or a field block is not whole.
    incomplete: Option<Moment>,
    /// A stream was opened, or let go of.
    pub(super) used: Moment,
    /// This side has said that it will go.
    pub(super) leaving: Moment,
    /// Something came.
    heard: Moment,
    /// A ping waits for its answer.
    pub(super) ping: Option<Moment>,
}

impl Since {
    pub(super) fn new(now: Moment) -> Self {
        Self { incomplete: None, used: now, leaving: now, heard: now, ping: None }
    }

    /// Bytes came, and were or were not whole frames.
    pub(super) fn incomplete(&mut self, is_incomplete: bool, now: Moment) {
        self.incomplete = is_incomplete.then(|| self.incomplete.unwrap_or(now));
        (self.heard, self.ping) = (now, None);
    }
}

impl Connection {
    /// Looks what has lasted too long; gives when to look again.
    pub fn expire(&mut self, now: Moment) -> Moment {
        self.now = now;
        let Patience { head, idle, body, silence } = self.terms.patience;
        let late = |since: Moment, patience: Duration| now >= since + patience;
        if self.since.incomplete.is_some_and(|since| late(since, head)) {
            self.fail(Code::EnhanceYourCalm);
        }
        if self.going == Going::Soon && late(self.since.leaving, FAREWELL) {
            self.last_step();
        }
        if self.streams.held() > 0 {
            if let Err(code) = self.expire_streams(body) {
                self.fail(code);
            }
            if self.role == Role::Client {
                self.expire_silence(silence);
            }
            // Coarse: whoever is late may be a second later.
            return now + Duration::from_secs(1).min(body).min(silence).min(head);
        }
        if late(self.since.used, idle) {
            self.shut_down();
        }
        self.rest();
        let next = if self.going == Going::On { self.since.used + idle } else { now + FAREWELL };
        let incomplete = self.since.incomplete.map_or(next, |since| since + head);
        next.min(incomplete).max(now + Duration::from_millis(1))
    }

    fn expire_streams(&mut self, patience: Duration) -> Checked {
        let late: Vec<Key> =
            self.streams.iter().filter(|key| self.now >= self.streams[*key].active + patience).collect();
        for key in late {
            let stream = &mut self.streams[key];
            // The peer could send: a response is waited for by who asked, who knows how long.
            let is_silent = stream.reader.is_some()
                && self.role == Role::Server
                && stream.receiving == Stage::Body
                && !stream.is_tunnel()
                && stream.incoming.is_empty();
            if !stream.outgoing.is_empty() {
                self.guard.charge(Abuse::Stalls, self.now)?;
                self.reset(key, Code::Cancel, Broken::Late);
            } else if is_silent {
                stream.late = true;
                stream.wake_reader();
            }
        }
        Ok(())
    }

    /// A server that says nothing is asked whether it lives.
    fn expire_silence(&mut self, patience: Duration) {
        match self.since.ping {
            Some(since) if self.now >= since + patience => self.fail(Code::NoError),
            None if self.now >= self.since.heard + patience => {
                self.since.ping = Some(self.now);
                self.output.frame(|wire| write::ping(wire, 0, *b"are you?"));
            }
            _ => {}
        }
    }
}
