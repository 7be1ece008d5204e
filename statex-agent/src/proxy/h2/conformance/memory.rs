//! A server without I/O: each request is answered when its body has ended.

use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::peer::{Peer, Seen};
use super::{Case, run, wire};
use crate::proxy::h2::connection::{Connection, Role, Terms};
use crate::proxy::h2::frame::Head;
use crate::proxy::h2::hpack::Decoder;
use crate::proxy::h2::streams::Key;
use crate::proxy::http::{Fields, Request, Response, StatusCode, Whole};

/// What is answered.
pub(super) const BODY: &[u8] = b"hello";

/// The path at which the server does not read.
pub(super) const DEAF: &str = "/deaf";

/// Streams that the server lets be open at once.
pub(super) const STREAMS: u32 = 100;

pub(super) fn terms() -> Terms {
    Terms { streams: STREAMS, ..Terms::default() }
}

pub(super) struct Memory {
    connection: Connection,
    left: Vec<u8>,
    /// Requests that are not answered yet.
    asked: Vec<Key>,
    came: Vec<u8>,
    decoder: Decoder,
    is_deaf: bool,
}

impl Memory {
    pub(super) fn new() -> Self {
        let connection = Connection::new(Role::Server, terms(), Duration::ZERO);
        let (left, asked, came, decoder) = (Vec::new(), Vec::new(), Vec::new(), Decoder::default());
        Self { connection, left, asked, came, decoder, is_deaf: false }
    }

    /// A server that reads and answers no request.
    pub(super) fn deaf() -> Self {
        Self { is_deaf: true, ..Self::new() }
    }

    /// Bytes that the connection holds for those who read and for the peer.
    pub(super) fn held(&mut self) -> usize {
        self.connection.held_bytes()
    }

    /// The most that it may hold: the window, and answers that were noted while one read was looked at.
    pub(super) fn most_held(&self) -> usize {
        terms().connection_window as usize + (1 << 20)
    }

    fn serve(&mut self) {
        let mut context = Context::from_waker(Waker::noop());
        let connection = &mut self.connection;
        while let Some(key) = connection.broken() {
            self.asked.retain(|asked| *asked != key);
            connection.unread(key);
            connection.unwritten(key);
        }
        self.asked.retain(|key| {
            loop {
                match connection.poll_piece(*key, &mut context) {
                    Poll::Ready(Some(Ok(_))) => {}
                    Poll::Ready(None) => break,
                    Poll::Ready(Some(Err(_))) => panic!("a broken stream is told of before"),
                    Poll::Pending => return true,
                }
            }
            connection.send_response(*key, &Response::new(StatusCode::OK), Whole::Length(BODY.len() as u64));
            connection.send_data(*key, BODY.into());
            connection.send_end(*key, &Fields::default());
            connection.unread(*key);
            connection.unwritten(*key);
            false
        });
        connection.send_turns();
    }
}

impl Peer for Memory {
    fn anew(&mut self) {
        *self = Self::new();
    }

    fn send(&mut self, bytes: &[u8]) {
        self.left.extend_from_slice(bytes);
        let bytes = std::mem::take(&mut self.left);
        let mut rest = &bytes[..];
        loop {
            let (used, request) = self.connection.receive(rest, Duration::ZERO);
            rest = &rest[used..];
            let is_heard = |request: &Request| !self.is_deaf && request.target != DEAF.as_bytes();
            let heard = request.as_ref().filter(|(_, request)| is_heard(request));
            self.asked.extend(heard.map(|(key, _)| *key));
            self.serve();
            if request.is_none() {
                break;
            }
        }
        self.left.extend_from_slice(rest);
    }

    fn next(&mut self) -> Seen {
        let output = self.connection.output();
        while !output.is_empty() {
            let mut slices = [std::io::IoSlice::new(&[]); 8];
            let count = output.slices(&mut slices);
            let bytes: Vec<u8> = slices[..count].iter().flat_map(|slice| slice.to_vec()).collect();
            output.advance(bytes.len());
            self.came.extend(bytes);
        }
        match Head::read(&self.came) {
            Some(head) => {
                let frame: Vec<u8> = self.came.drain(..Head::LEN + head.len).collect();
                Seen::Frame(head, frame[Head::LEN..].to_vec())
            }
            None if self.connection.is_over() => Seen::Closed,
            None => Seen::Quiet,
        }
    }

    fn decoder(&mut self) -> &mut Decoder {
        &mut self.decoder
    }
}

/// Checks a case.
pub(super) fn check(case: &Case) {
    let mut memory = Memory::new();
    memory.send(&wire::preface());
    if let Err(instead) = run(case, &mut memory) {
        panic!("{:?} does not come: {instead}", case.expect);
    }
}
