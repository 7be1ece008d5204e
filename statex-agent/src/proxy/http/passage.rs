//! Where messages come from and where they go, whatever the protocol.
//!
//! ```text
//! client ─ Body ──────────────> Sink<Request> ─ backend
//!        ─ Sink<Response> <──── Source ───────
//! ```
//!
//! An action (proxy, files, respond, …) is written once, over these; HTTP/1.1, HTTP/2 and HTTP/3 each give
//! them for one exchange.
//!
//! A request that asks for another protocol ([`Request::protocol`](super::Request)) and is answered with 101,
//! or with 2xx where its method is `CONNECT`, makes a tunnel: from then on the pieces of both bodies are the
//! other protocol's bytes, and [`Sink::end`] closes one direction.

use std::cell::RefCell;
use std::io;
use std::task::{Context, Poll};

use bytes::Bytes;

use super::{Body, Extent, Fault, Fields, Response, Whole};

/// Where a message goes: responses to a client, or a request to a backend. Dropped before its
/// [`end`](Sink::end), the peer learns that the message is not whole.
///
/// What is given is only noted; [`poll_flush`](Sink::poll_flush) sends it. So a head and the first pieces of
/// a body leave in one system call.
pub trait Sink<Head> {
    /// The head. Responses with an interim status (RFC 9110 §15.2) may come before the final one, with
    /// The head. Responses with an interim status (RFC 9110 §15.2) may come before the final one, with
    /// [`Whole::None`]. `whole` says the length, not a `Content-Length` among the fields; but with
    /// [`Whole::None`] that one is passed on, for it tells of what another request would get (RFC 9110 §8.6).
    fn head(&mut self, head: &Head, whole: Whole);

    /// The next piece of the body; never empty.
    fn data(&mut self, data: Bytes);

    /// Whether the kernel sends files by itself here, without a copy through the program's memory: nothing
    /// stands between the messages and the socket, neither encryption nor frames.
    fn takes_extents(&self) -> bool {
        false
    }

    /// The next piece of the body, which is in a file. Given only to those who say that they take it.
    fn extent(&mut self, _extent: Extent) {}

    /// The body has ended. Trailers are left out where the peer's protocol or version has none.
    fn end(&mut self, trailers: &Fields);

    /// Sends what was noted. Ready: more may be given, though a little may still wait to be sent; after
    /// [`end`](Sink::end): all was handed to the connection. Does nothing where nothing was noted.
    ///
    /// # Errors
    ///
    /// The peer takes no more of this message.
    fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>>;
}

/// Where a backend's answer comes from: heads first, then, as its [`Body`], what belongs to the final one.
pub trait Source: Body {
    /// The next head: interim ones, then the final one, after which this is not called again.
    fn poll_head(&mut self, context: &mut Context<'_>, head: &mut Response) -> Poll<Result<Whole, Fault>>;
}

impl<Head, S: Sink<Head>> Sink<Head> for &RefCell<S> {
    fn head(&mut self, head: &Head, whole: Whole) {
        self.borrow_mut().head(head, whole);
    }

    fn data(&mut self, data: Bytes) {
        self.borrow_mut().data(data);
    }

    fn takes_extents(&self) -> bool {
        self.borrow().takes_extents()
    }

    fn extent(&mut self, extent: Extent) {
        self.borrow_mut().extent(extent);
    }

    fn end(&mut self, trailers: &Fields) {
        self.borrow_mut().end(trailers);
    }

    fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.borrow_mut().poll_flush(context)
    }
}

impl<S: Source> Source for &RefCell<S> {
    fn poll_head(&mut self, context: &mut Context<'_>, head: &mut Response) -> Poll<Result<Whole, Fault>> {
        self.borrow_mut().poll_head(context, head)
    }
}
