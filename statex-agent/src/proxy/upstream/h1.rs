//! A connection to a backend that speaks HTTP/1.1: one exchange after another.

use std::io;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use futures_util::task::noop_waker_ref;

use crate::proxy::h1::{Decoder, Framing, Limits, Output, Step, encode, head};
use crate::proxy::http::{
    Body, Fault, Fields, Method, Piece, Request, Response, Sink, Source, StatusCode, Version, Whole,
};
use crate::proxy::stream::{Stream, poll_write};

/// A connection, and where its exchange stands.
#[derive(Debug)]
pub(crate) struct Carrier<S> {
    stream: S,
    input: BytesMut,
    output: Output,
    limits: Limits,
    request: Sent,
    response: Received,
}

/// What has become of the request.
#[derive(Debug)]
struct Sent {
    method: Method,
    /// It asks for another protocol.
    asks_upgrade: bool,
    framing: Framing,
    ended: bool,
    /// The exchange has become a tunnel.
    tunnel: bool,
}

/// What has become of the response.
#[derive(Debug)]
struct Received {
    decoder: Decoder,
    /// Some bytes of it have come.
    begun: bool,
    /// The connection may carry another exchange after this one.
    keeps_alive: bool,
}

impl<S: Stream> Carrier<S> {
    /// `input` is memory that is given, empty.
    pub(crate) fn new(stream: S, input: BytesMut) -> Self {
        let sent = Sent {
            method: Method::GET,
            asks_upgrade: false,
            framing: Framing::None,
            ended: true,
            tunnel: false,
        };
        let received = Received { decoder: Decoder::new(Framing::None), begun: false, keeps_alive: true };
        let (output, limits) = (Output::default(), Limits::default());
        Self { stream, input, output, limits, request: sent, response: received }
    }

    /// Whether nothing of an answer has come.
    pub(crate) fn is_unanswered(&self) -> bool {
        !self.response.begun
    }

    /// Whether the exchange is over on both sides and the connection good for another.
    pub(crate) fn is_free(&self) -> bool {
        self.request.ended
            && !self.request.tunnel
            && self.output.is_empty()
            && self.input.is_empty()
            && self.response.decoder.is_done()
            && self.response.keeps_alive
    }

    /// A backend that says something unasked, or closes, has no connection to keep. This asks the runtime,
    /// not the kernel.
    pub(crate) fn is_quiet(&mut self) -> bool {
        let mut context = Context::from_waker(noop_waker_ref());
        self.input.is_empty() && self.stream.poll_readable(&mut context).is_pending()
    }

    /// Memory for what is read, while the connection carries an exchange.
    pub(crate) fn lend(&mut self, input: BytesMut) {
        self.input = input;
    }

    /// Takes the memory back.
    pub(crate) fn take_back(&mut self) -> BytesMut {
        std::mem::take(&mut self.input)
    }

    fn poll_more(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let read = ready!(self.stream.poll_fill(context, &mut self.input))?;
        self.response.begun |= read > 0;
        Poll::Ready(Ok(read))
    }

    /// What follows a final head.
    fn begin_body(&mut self, read: &head::Read, response: &Response) -> Result<Whole, Fault> {
        let switched = response.status == StatusCode::SWITCHING_PROTOCOLS;
        if switched && !self.request.asks_upgrade {
            return Err(Fault::Malformed("another protocol that nobody asked for"));
        }
        let connected = self.request.method == Method::CONNECT && response.status.is_success();
        self.request.tunnel = switched || connected;
        // Who wanted a tunnel and got none has nothing more to send.
        self.request.ended |=
            !self.request.tunnel && (self.request.asks_upgrade || self.request.method == Method::CONNECT);
        let framing = if self.request.tunnel { Framing::UntilClose } else { read.framing };
        self.response.decoder = Decoder::new(framing);
        self.response.keeps_alive = read.keeps_alive;
        Ok(framing.whole())
    }
}

impl<S: Stream> Sink<Request> for Carrier<S> {
    fn head(&mut self, request: &Request, whole: Whole) {
        // A client of HTTP/1.0 has no body whose length is unknown, so every version of it has its framing.
        let framing = Framing::of(whole, Version::Http11);
        encode::request(self.output.wire(), request, framing);
        self.request = Sent {
            method: request.method.clone(),
            asks_upgrade: !request.protocol.is_empty(),
            framing,
            ended: false,
            tunnel: false,
        };
        let decoder = Decoder::new(Framing::UntilClose);
        self.response = Received { decoder, begun: false, keeps_alive: false };
    }

    fn data(&mut self, data: Bytes) {
        if self.request.framing == Framing::Chunked && !self.request.tunnel {
            encode::chunk_head(self.output.wire(), data.len());
            self.output.push(data);
            self.output.wire().extend_from_slice(b"\r\n");
        } else {
            self.output.push(data);
        }
    }

    fn end(&mut self, trailers: &Fields) {
        if self.request.framing == Framing::Chunked && !self.request.tunnel {
            encode::last_chunk(self.output.wire(), trailers);
        }
        self.request.ended = true;
    }

    fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(poll_write(&mut self.stream, context, &mut self.output))?;
        if self.request.tunnel && self.request.ended {
            return self.stream.poll_close(context);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: Stream> Source for Carrier<S> {
    fn poll_head(
        &mut self,
        context: &mut Context<'_>,
        response: &mut Response,
    ) -> Poll<Result<Whole, Fault>> {
        loop {
            if !self.input.is_empty() {
                let read = head::response(&self.input, &self.limits, &self.request.method, response);
                if let Some(read) = read.map_err(|refusal| Fault::Malformed(refusal.what()))? {
                    self.input.advance(read.len);
                    let interim = response.is_interim();
                    return Poll::Ready(if interim {
                        Ok(Whole::None)
                    } else {
                        self.begin_body(&read, response)
                    });
                }
            }
            if ready!(self.poll_more(context))? == 0 {
                return Poll::Ready(Err(Fault::Cut(io::ErrorKind::UnexpectedEof.into())));
            }
        }
    }
}

impl<S: Stream> Body for Carrier<S> {
    fn poll_piece(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Piece, Fault>>> {
        loop {
            match self.response.decoder.step(&mut self.input, &self.limits) {
                Ok(Step::Data(data)) => return Poll::Ready(Some(Ok(Piece::Data(data)))),
                Ok(Step::End(trailers)) if trailers.is_empty() => return Poll::Ready(None),
                Ok(Step::End(trailers)) => return Poll::Ready(Some(Ok(Piece::Trailers(trailers)))),
                Ok(Step::More) => {}
                Err(refusal) => return Poll::Ready(Some(Err(Fault::Malformed(refusal.what())))),
            }
            match ready!(self.poll_more(context)) {
                Ok(0) if self.response.decoder.ends_here() => return Poll::Ready(None),
                Ok(0) => {
                    return Poll::Ready(Some(Err(Fault::Cut(io::ErrorKind::UnexpectedEof.into()))));
                }
                Ok(_) => {}
                Err(error) => return Poll::Ready(Some(Err(Fault::Cut(error)))),
            }
        }
    }

    fn whole(&self) -> Whole {
        self.response.decoder.whole()
    }
}
