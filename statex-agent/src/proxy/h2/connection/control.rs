//! Frames that carry no message.

use super::receive::{Absent, Reading, Step};
use super::{Checked, Connection, Role};
use crate::proxy::h2::Code;
use crate::proxy::h2::frame::{
    Head, MOST_31, flag, go_away, priority_update, reset, settings, window, write,
};
use crate::proxy::h2::guard::Abuse;
use crate::proxy::h2::stream::Broken;
use crate::proxy::h2::streams::{Closed, Key};
use crate::proxy::heads::Priority;

impl Connection {
    /// Looked at no further than to see that it is one (RFC 9113 §5.3.2 and §6.3).
    pub(super) fn priority(&mut self, head: &Head, payload: &[u8]) -> Checked<Step> {
        if head.stream == 0 {
            return Err(Code::ProtocolError);
        }
        self.guard.charge(Abuse::Ignored, self.now)?;
        let wrong = match payload.first_chunk::<4>() {
            Some(parent) if payload.len() == 5 && u32::from_be_bytes(*parent) & MOST_31 != head.stream => {
                return Ok(Step::On);
            }
            Some(_) if payload.len() == 5 => Code::ProtocolError,
            _ => Code::FrameSizeError,
        };
        match self.streams.find(head.stream) {
            Some(key) => self.provoked(key, wrong, Broken::Malformed("a priority"))?,
            // A stream that is not open cannot be reset.
            None => return Err(wrong),
        }
        Ok(Step::On)
    }

    /// What is said of a stream that is not open yet is forgotten: its own head says it again.
    pub(super) fn priority_update(&mut self, head: &Head, payload: &[u8]) -> Checked<Step> {
        let (stream, value) = priority_update(payload).ok_or(Code::FrameSizeError)?;
        if head.stream != 0 || stream == 0 || self.role == Role::Client {
            return Err(Code::ProtocolError);
        }
        self.guard.charge(Abuse::Ignored, self.now)?;
        if let Some(key) = self.streams.find(stream) {
            self.prioritize(key, Priority::read(value));
        }
        Ok(Step::On)
    }

    /// RFC 9113 §6.4.
    pub(super) fn reset_by_peer(&mut self, head: &Head, payload: &[u8]) -> Checked<Step> {
        let code = reset(payload).ok_or(Code::FrameSizeError)?;
        if head.stream == 0 {
            return Err(Code::ProtocolError);
        }
        let Some(key) = self.streams.find(head.stream) else {
            return match self.absent(head.stream) {
                Absent::Idle => Err(Code::ProtocolError),
                Absent::Closed(_) | Absent::Forgotten => {
                    self.guard.charge(Abuse::Ignored, self.now).map(|()| Step::On)
                }
            };
        };
        if self.role == Role::Server {
            self.guard.charge(Abuse::Resets, self.now)?;
        }
        let broken = if code == Code::RefusedStream { Broken::Refused } else { Broken::Cut };
        self.break_off(key, broken, Closed::ResetByPeer);
        Ok(Step::On)
    }

    /// RFC 9113 §6.5.
    pub(super) fn settings(&mut self, head: &Head, payload: &[u8]) -> Checked<Step> {
        if head.stream != 0 {
            return Err(Code::ProtocolError);
        }
        if head.has(flag::ACK) {
            // This side never makes anything smaller, so it goes by what it told from the start.
            return if payload.is_empty() { Ok(Step::On) } else { Err(Code::FrameSizeError) };
        }
        self.guard.charge(Abuse::Settings, self.now)?;
        let before = self.peer;
        for setting in settings(payload).ok_or(Code::FrameSizeError)? {
            self.peer.take(setting, self.role == Role::Client)?;
        }
        self.encoder.resize(self.peer.header_table as usize);
        // RFC 9113 §6.9.2: windows change by the difference, those that are used up too.
        let change = i64::from(self.peer.window) - i64::from(before.window);
        if change != 0 {
            let all = self.streams.all().all(|stream| stream.outbound.add(change));
            if !all {
                return Err(Code::FlowControlError);
            }
            self.queue_all();
        }
        self.output.frame(write::settings_ack);
        if matches!(self.reading, Reading::Settings) {
            self.reading = Reading::Frames;
        }
        self.wake_waiting();
        Ok(Step::On)
    }

    /// RFC 9113 §6.7.
    pub(super) fn ping(&mut self, head: &Head, payload: &[u8]) -> Checked<Step> {
        let payload: [u8; 8] = payload.try_into().map_err(|_| Code::FrameSizeError)?;
        if head.stream != 0 {
            return Err(Code::ProtocolError);
        }
        if head.has(flag::ACK) {
            self.answered(payload);
            return Ok(Step::On);
        }
        self.guard.charge(Abuse::Pings, self.now)?;
        self.output.frame(|wire| write::ping(wire, flag::ACK, payload));
        Ok(Step::On)
    }

    /// RFC 9113 §6.8: streams above the last one were not looked at.
    pub(super) fn go_away_by_peer(&mut self, head: &Head, payload: &[u8]) -> Checked<Step> {
        let (last, _) = go_away(payload).ok_or(Code::FrameSizeError)?;
        if head.stream != 0 {
            return Err(Code::ProtocolError);
        }
        self.peer_goes = true;
        if self.role == Role::Client {
            let refused: Vec<Key> = self.streams.iter().filter(|key| self.streams[*key].id > last).collect();
            refused.into_iter().for_each(|key| self.break_off(key, Broken::Refused, Closed::ResetByPeer));
        }
        self.wake_waiting();
        Ok(Step::On)
    }

    /// RFC 9113 §6.9.
    pub(super) fn window_update(&mut self, head: &Head, payload: &[u8]) -> Checked<Step> {
        let increment = window(payload).ok_or(Code::FrameSizeError)?;
        self.guard.charge(Abuse::WindowUpdates, self.now)?;
        if head.stream == 0 {
            if increment == 0 {
                return Err(Code::ProtocolError);
            }
            let fits = self.outbound.add(i64::from(increment));
            return if fits { Ok(Step::On) } else { Err(Code::FlowControlError) };
        }
        let Some(key) = self.streams.find(head.stream) else {
            return match self.absent(head.stream) {
                Absent::Idle => Err(Code::ProtocolError),
                Absent::Closed(_) | Absent::Forgotten => Ok(Step::On),
            };
        };
        if increment == 0 {
            self.provoked(key, Code::ProtocolError, Broken::Malformed("an increment of nothing"))?;
        } else if !self.streams[key].outbound.add(i64::from(increment)) {
            self.provoked(key, Code::FlowControlError, Broken::Malformed("a window that is too large"))?;
        } else {
            self.streams[key].active = self.now;
            self.queue(key);
        }
        Ok(Step::On)
    }
}
