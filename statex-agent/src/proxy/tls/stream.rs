//! A client's connection over TLS. While it waits it holds no buffer: what is read and written passes through
//! memory of the worker's.
//!
//! ```text
//! socket ─ input ─ records ─ plain ─> reader
//! socket <─ sealed ─ records <─────── writer
//! ```

use std::io::{self, IoSlice};
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use rustls::server::UnbufferedServerConnection;
use rustls::unbuffered::{ConnectionState, EncodeError, EncryptError, InsufficientSizeError};

use super::sealed::Sealed;
use crate::proxy::spare::Spare;
use crate::proxy::stream::Stream;

/// Plain bytes of one record at most (RFC 8446 §5.1).
const RECORD: usize = 16 << 10;
/// Bytes that a record adds at most: header, nonce, type, tag.
const OVERHEAD: usize = 64;
/// Plain bytes that are taken at once from a writer.
const AT_ONCE: usize = 4 * RECORD;
/// Room for a flight of the handshake; it is asked for again where it is not enough.
const FLIGHT: usize = 4 << 10;

/// Memory that connections use while they read and write.
#[derive(Debug, Default)]
pub(crate) struct Buffers {
    inputs: Spare<BytesMut>,
    outputs: Spare<Vec<u8>>,
}

/// A connection over TLS, from the client's first byte on.
pub(crate) struct TlsStream<S> {
    socket: S,
    records: Box<UnbufferedServerConnection>,
    buffers: Rc<Buffers>,
    /// Records that were read and not taken apart yet.
    input: BytesMut,
    /// Plain bytes that were found while something was written.
    plain: BytesMut,
    /// Records that wait to be written.
    sealed: Sealed,
    /// The client has said that it sends no more, or is gone.
    ended: bool,
    /// The client was told that no more is sent.
    closed: bool,
}

/// Where the records stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// The handshake needs more from the client.
    Handshake,
    /// Plain bytes can be sent, and all that had come were given.
    Open,
}

impl<S: Stream> TlsStream<S> {
    /// `input`: bytes of the client's that were read already.
    pub(crate) fn new(
        socket: S,
        records: UnbufferedServerConnection,
        input: BytesMut,
        buffers: Rc<Buffers>,
    ) -> Self {
        let (records, sealed) = (Box::new(records), Sealed::default());
        Self { socket, records, buffers, input, plain: BytesMut::new(), sealed, ended: false, closed: false }
    }

    /// What was agreed on.
    pub(crate) fn records(&self) -> &UnbufferedServerConnection {
        &self.records
    }

    /// Ready when the handshake is done.
    pub(crate) fn poll_handshake(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            let standing = self.take_apart_aside(None);
            ready!(self.poll_sealed(context))?;
            if standing? == Standing::Open {
                return Poll::Ready(Ok(()));
            }
            if self.ended || ready!(self.poll_input(context))? == 0 {
                return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
            }
        }
    }

    /// As [`take_apart`](Self::take_apart), when nobody waits for plain bytes.
    fn take_apart_aside(&mut self, send: Option<&[u8]>) -> io::Result<Standing> {
        let mut plain = std::mem::take(&mut self.plain);
        let standing = self.take_apart(&mut plain, send);
        self.plain = plain;
        standing
    }

    /// Takes all records apart that have come, and seals those that shall go.
    fn take_apart(&mut self, plain: &mut BytesMut, send: Option<&[u8]>) -> io::Result<Standing> {
        loop {
            let status = self.records.process_tls_records(&mut self.input);
            let mut discard = status.discard;
            let standing = match status.state {
                Ok(ConnectionState::ReadTraffic(mut traffic)) => {
                    while let Some(record) = traffic.next_record() {
                        let record = record.map_err(io::Error::other)?;
                        discard += record.discard;
                        plain.extend_from_slice(record.payload);
                    }
                    None
                }
                Ok(ConnectionState::EncodeTlsData(mut data)) => {
                    self.sealed.fill(&self.buffers.outputs, FLIGHT, |room| {
                        data.encode(room).map_err(|error| match error {
                            EncodeError::InsufficientSize(InsufficientSizeError { required_size }) => {
                                Some(required_size)
                            }
                            EncodeError::AlreadyEncoded => None,
                        })
                    })?;
                    None
                }
                // It is sealed, before whatever comes next.
                Ok(ConnectionState::TransmitTlsData(data)) => {
                    data.done();
                    None
                }
                Ok(ConnectionState::BlockedHandshake) => Some(Standing::Handshake),
                Ok(ConnectionState::WriteTraffic(mut traffic)) => {
                    if let Some(send) = send {
                        let room = send.len() + (send.len() / RECORD + 1) * OVERHEAD;
                        self.sealed.fill(&self.buffers.outputs, room, |room| {
                            traffic.encrypt(send, room).map_err(|error| match error {
                                EncryptError::InsufficientSize(InsufficientSizeError { required_size }) => {
                                    Some(required_size)
                                }
                                EncryptError::EncryptExhausted => None,
                            })
                        })?;
                    }
                    Some(Standing::Open)
                }
                Ok(ConnectionState::PeerClosed) => {
                    self.ended = true;
                    None
                }
                Ok(ConnectionState::Closed) => return Err(io::ErrorKind::BrokenPipe.into()),
                // Nobody takes early data, so none is offered.
                Ok(_) => return Err(io::ErrorKind::Unsupported.into()),
                Err(error) => {
                    self.input.advance(discard);
                    self.seal_alert();
                    return Err(io::Error::new(io::ErrorKind::InvalidData, error));
                }
            };
            self.input.advance(discard);
            if let Some(standing) = standing {
                return Ok(standing);
            }
        }
    }

    /// The client shall hear what was wrong, though it hears nothing else.
    fn seal_alert(&mut self) {
        if let Ok(ConnectionState::EncodeTlsData(mut data)) = self.records.process_tls_records(&mut []).state
        {
            let encode = |room: &mut [u8]| data.encode(room).map_err(|_| None);
            // Without it the connection ends all the same.
            let _ = self.sealed.fill(&self.buffers.outputs, FLIGHT, encode);
        }
    }

    fn poll_input(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if self.input.capacity() == 0 {
            self.input = self.buffers.inputs.take();
        }
        let read = self.socket.poll_fill(context, &mut self.input);
        self.lay_back();
        read
    }

    /// Memory that holds nothing is another connection's.
    fn lay_back(&mut self) {
        if self.input.is_empty() && self.input.capacity() > 0 {
            self.buffers.inputs.give(std::mem::take(&mut self.input));
        }
    }

    /// Ready when all records are written.
    fn poll_sealed(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(rest) = self.sealed.rest() {
            let written = ready!(self.socket.poll_put(context, &[IoSlice::new(rest)]))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.sealed.advance(written);
        }
        self.sealed.lay_back(&self.buffers.outputs);
        Poll::Ready(Ok(()))
    }
}

impl<S: Stream> Stream for TlsStream<S> {
    fn poll_readable(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // What has come of a record is not enough: all that were whole were taken apart.
        if !self.plain.is_empty() || self.ended {
            return Poll::Ready(Ok(()));
        }
        self.socket.poll_readable(context)
    }

    fn poll_fill(&mut self, context: &mut Context<'_>, buffer: &mut BytesMut) -> Poll<io::Result<usize>> {
        let before = buffer.len();
        buffer.extend_from_slice(&std::mem::take(&mut self.plain));
        loop {
            if buffer.len() > before || self.ended {
                self.lay_back();
                return Poll::Ready(Ok(buffer.len() - before));
            }
            // Without the alert that ends it (RFC 8446 §6.1) the end may be anybody's: HTTP says itself where
            // a message ends, and takes what was cut short for that.
            if ready!(self.poll_input(context))? == 0 {
                self.ended = true;
                continue;
            }
            let taken = self.take_apart(buffer, None);
            // Records may have to be answered: a change of keys, an alert.
            if self.sealed.rest().is_some() {
                let _ = self.poll_sealed(context)?;
            }
            taken?;
        }
    }

    fn poll_put(&mut self, context: &mut Context<'_>, pieces: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        ready!(self.poll_sealed(context))?;
        let mut taken = 0;
        for piece in pieces {
            let piece = &piece[..piece.len().min(AT_ONCE - taken)];
            if self.take_apart_aside(Some(piece))? == Standing::Handshake {
                return Poll::Ready(Err(io::ErrorKind::NotConnected.into()));
            }
            taken += piece.len();
            if taken == AT_ONCE {
                break;
            }
        }
        // They are taken, whether the socket takes them now or later.
        match self.poll_sealed(context) {
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            _ => Poll::Ready(Ok(taken)),
        }
    }

    fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_sealed(context)
    }

    fn poll_close(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !std::mem::replace(&mut self.closed, true)
            && let Ok(ConnectionState::WriteTraffic(mut traffic)) =
                self.records.process_tls_records(&mut self.input).state
        {
            let notify = |room: &mut [u8]| traffic.queue_close_notify(room).map_err(|_| None);
            let _ = self.sealed.fill(&self.buffers.outputs, OVERHEAD, notify);
        }
        ready!(self.poll_sealed(context))?;
        self.socket.poll_close(context)
    }
}
