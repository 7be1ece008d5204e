//! One exchange with a backend: the request goes up while the response comes down.
//!
//! ```text
//! client Body ─ up ─> Sink<Request> ┐
//!                                   ├ carrier
//! client Sink <─ down ─ Source      ┘
//! ```

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use super::deadline::Deadline;
use super::headers::strip_hop_by_hop;
use super::http::{Body, Fault, Fields, Piece, Request, Response, Sink, Source, Whole};
use crate::config::proxy::RouteTimeouts;

/// Bytes that are noted before they are sent.
const AT_ONCE: usize = 64 << 10;

/// Why an exchange was broken off.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The client's request, before it was answered.
    Client(Fault),
    /// The backend's answer, before anything of it was passed on.
    Backend(Fault),
    /// The client has got a part of the answer: the rest will not come.
    Abort,
}

/// One direction: what comes of a body goes into a sink.
#[derive(Debug)]
struct Flow {
    stage: Stage,
    /// Bytes that the sink has noted since it last sent all; a head counts as one.
    noted: usize,
    /// Bytes of the body.
    bytes: u64,
    waits_for: End,
    fault: Option<Fault>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Open,
    Ending,
    Done,
}

/// The two ends of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Body,
    Sink,
}

/// Which end of a flow has broken.
#[derive(Debug)]
enum Broken {
    Body(Fault),
    Sink,
}

impl Flow {
    /// Behind a head that was noted already.
    fn new(stage: Stage) -> Self {
        Self { stage, noted: 1, bytes: 0, waits_for: End::Sink, fault: None }
    }

    fn is_done(&self) -> bool {
        self.stage == Stage::Done
    }

    fn poll<Head>(
        &mut self,
        context: &mut Context<'_>,
        from: &mut impl Body,
        to: &mut impl Sink<Head>,
    ) -> Poll<Result<(), Broken>> {
        loop {
            let is_dry = self.gather(context, from, to);
            if self.noted > 0 || self.stage == Stage::Ending {
                self.waits_for = End::Sink;
                ready!(to.poll_flush(context)).map_err(|_| Broken::Sink)?;
                self.noted = 0;
            }
            if let Some(fault) = self.fault.take() {
                return Poll::Ready(Err(Broken::Body(fault)));
            }
            if self.stage == Stage::Ending {
                self.stage = Stage::Done;
                return Poll::Ready(Ok(()));
            }
            if is_dry {
                self.waits_for = End::Body;
                return Poll::Pending;
            }
        }
    }

    /// Notes what is there; whether there is no more just now.
    fn gather<Head>(
        &mut self,
        context: &mut Context<'_>,
        from: &mut impl Body,
        to: &mut impl Sink<Head>,
    ) -> bool {
        let takes_extents = to.takes_extents();
        while self.stage == Stage::Open && self.fault.is_none() && self.noted < AT_ONCE {
            if takes_extents {
                match from.poll_extent(context) {
                    Poll::Pending => return true,
                    Poll::Ready(None) => {}
                    Poll::Ready(Some(Ok(extent))) => {
                        self.note(extent.len);
                        to.extent(extent);
                        continue;
                    }
                    Poll::Ready(Some(Err(fault))) => {
                        self.fault = Some(fault);
                        continue;
                    }
                }
            }
            match from.poll_piece(context) {
                Poll::Pending => return true,
                Poll::Ready(Some(Ok(Piece::Data(data)))) => {
                    self.note(data.len());
                    to.data(data);
                }
                Poll::Ready(Some(Ok(Piece::Trailers(trailers)))) => {
                    to.end(&trailers);
                    self.stage = Stage::Ending;
                }
                Poll::Ready(None) => {
                    to.end(&Fields::default());
                    self.stage = Stage::Ending;
                }
                // What came before is passed on first.
                Poll::Ready(Some(Err(fault))) => self.fault = Some(fault),
            }
        }
        false
    }

    fn note(&mut self, len: usize) {
        self.noted += len;
        self.bytes += len as u64;
    }
}

/// Sends a body of one's own behind a head that was noted already.
///
/// # Errors
///
/// The client takes no more, or the body has broken.
pub(super) async fn send<Head>(mut body: impl Body, sink: &mut impl Sink<Head>) -> io::Result<()> {
    let mut flow = Flow::new(Stage::Open);
    let sent = poll_fn(|context| flow.poll(context, &mut body, sink)).await;
    sent.map_err(|_| io::ErrorKind::BrokenPipe.into())
}

/// An exchange that has begun.
pub(super) struct Exchange<'a, B, C> {
    body: &'a mut B,
    carrier: &'a RefCell<C>,
    up: Flow,
    is_tunnel: bool,
    deadline: Deadline,
    timeouts: &'a RouteTimeouts,
    /// How long nothing may move while something is owed.
    patience: Duration,
    /// What had moved when the deadline was set.
    moved: u64,
}

impl<'a, B: Body, C: Sink<Request> + Source> Exchange<'a, B, C> {
    /// Sends the request's head.
    pub(super) fn begin(
        request: &Request,
        body: &'a mut B,
        carrier: &'a RefCell<C>,
        deadline: Deadline,
        timeouts: &'a RouteTimeouts,
    ) -> Self {
        carrier.borrow_mut().head(request, body.whole());
        // What a client sends behind its request for another protocol is that protocol's.
        let up = Flow::new(if request.wants_tunnel() { Stage::Ending } else { Stage::Open });
        let patience = timeouts.first_byte;
        Self { body, carrier, up, is_tunnel: false, deadline, timeouts, patience, moved: 0 }
    }

    /// The final head. Interim ones go to the client.
    pub(super) async fn response(
        &mut self,
        sink: &mut impl Sink<Response>,
        response: &mut Response,
    ) -> Result<Whole, Trouble> {
        loop {
            let whole = poll_fn(|context| self.poll_response(context, response)).await?;
            self.deadline.clear();
            if !response.is_interim() {
                return Ok(whole);
            }
            strip_hop_by_hop(&mut response.fields);
            sink.head(response, Whole::None);
            poll_fn(|context| sink.poll_flush(context)).await.map_err(|_| Trouble::Abort)?;
        }
    }

    fn poll_response(
        &mut self,
        context: &mut Context<'_>,
        response: &mut Response,
    ) -> Poll<Result<Whole, Trouble>> {
        if let Poll::Ready(Err(fault)) = self.poll_up(context) {
            return Poll::Ready(Err(Trouble::Client(fault)));
        }
        if let Poll::Ready(head) = self.carrier.borrow_mut().poll_head(context, response) {
            return Poll::Ready(head.map_err(Trouble::Backend));
        }
        // A backend that was not sent the whole request owes no answer.
        let is_owed = self.up.is_done() || self.up.waits_for == End::Sink;
        ready!(self.poll_late(context, is_owed, self.up.bytes));
        Poll::Ready(Err(Trouble::Backend(Fault::Late)))
    }

    /// The body, behind a final head that was noted already. `from` is the carrier, or what codes its body.
    pub(super) async fn rest(
        &mut self,
        mut from: impl Body,
        sink: &mut impl Sink<Response>,
        is_tunnel: bool,
    ) -> Result<(), Trouble> {
        self.is_tunnel = is_tunnel;
        self.patience = if is_tunnel { self.timeouts.tunnel } else { self.timeouts.between_bytes };
        if is_tunnel {
            self.up = Flow::new(Stage::Open);
        }
        let mut down = Flow::new(Stage::Open);
        poll_fn(|context| self.poll_rest(context, &mut down, &mut from, sink)).await
    }

    fn poll_rest(
        &mut self,
        context: &mut Context<'_>,
        down: &mut Flow,
        from: &mut impl Body,
        sink: &mut impl Sink<Response>,
    ) -> Poll<Result<(), Trouble>> {
        if let Poll::Ready(Err(_)) = self.poll_up(context) {
            return Poll::Ready(Err(Trouble::Abort));
        }
        if !down.is_done()
            && let Poll::Ready(end) = down.poll(context, from, sink)
        {
            end.map_err(|_| Trouble::Abort)?;
        }
        if down.is_done() && (self.up.is_done() || !self.is_tunnel) {
            return Poll::Ready(Ok(()));
        }
        let is_owed = self.is_tunnel || down.waits_for == End::Body;
        ready!(self.poll_late(context, is_owed, self.up.bytes + down.bytes));
        Poll::Ready(Err(Trouble::Abort))
    }

    fn poll_up(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        if self.up.is_done() {
            return Poll::Ready(Ok(()));
        }
        match ready!(self.up.poll(context, self.body, &mut &*self.carrier)) {
            Ok(()) => Poll::Ready(Ok(())),
            Err(Broken::Body(fault)) => Poll::Ready(Err(fault)),
            // The backend may have answered before it stopped listening.
            Err(Broken::Sink) => {
                self.up.stage = Stage::Done;
                Poll::Ready(Ok(()))
            }
        }
    }

    /// Ready when nothing has moved for too long while something was owed.
    fn poll_late(&mut self, context: &mut Context<'_>, is_owed: bool, moved: u64) -> Poll<()> {
        if !is_owed {
            self.deadline.clear();
            return Poll::Pending;
        }
        if self.moved != moved || !self.deadline.is_set() {
            self.moved = moved;
            self.deadline.set(self.patience);
        }
        self.deadline.poll_passed(context)
    }
}
