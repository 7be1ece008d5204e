//! The body of a request, as it comes.

use std::io;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use quinn_proto::StreamId;

use super::arrivals::Arrival;
use super::connection::{Chunk, Connection};
use crate::clock;
use crate::proxy::deadline::Deadline;
use crate::proxy::h3::{Code, Inbound, Read, Step, Trouble};
use crate::proxy::http::{Body, Fault, Piece, Request, Whole};

/// A request's body.
pub(crate) struct Incoming {
    connection: Rc<Connection>,
    id: StreamId,
    inbound: Inbound,
    rest: Bytes,
    whole: Whole,
    /// The field section of trailers that wait for the dynamic table.
    section: Option<Bytes>,
    stage: Stage,
    is_tunnel: bool,
    patience: Duration,
    deadline: Option<Deadline>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Comes,
    /// All has come, but some of it may not have been read.
    HasEnded,
    Done,
}

impl Incoming {
    pub(super) fn new(
        connection: Rc<Connection>,
        arrival: &mut Arrival,
        request: &Request,
        patience: Duration,
    ) -> Self {
        let mut inbound = std::mem::take(&mut arrival.inbound);
        let is_tunnel = request.wants_tunnel();
        let whole = match arrival.length {
            _ if is_tunnel => Whole::Unknown,
            Some(length) => Whole::Length(length),
            None if arrival.has_ended => Whole::None,
            None => Whole::Unknown,
        };
        if is_tunnel {
            inbound.tunnel();
        } else {
            inbound.announce(arrival.length);
        }
        let stage = if arrival.has_ended { Stage::HasEnded } else { Stage::Comes };
        let (id, rest) = (arrival.id, std::mem::take(&mut arrival.rest));
        Self {
            connection,
            id,
            inbound,
            rest,
            whole,
            section: None,
            stage,
            is_tunnel,
            patience,
            deadline: None,
        }
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<Piece>, Fault>> {
        if self.stage == Stage::Done {
            return Poll::Ready(Ok(None));
        }
        let limits = self.connection.with(|state| state.arrivals.limits);
        loop {
            if let Some(section) = self.section.take() {
                return self.poll_trailers(context, section);
            }
            match self.inbound.step(&mut self.rest, limits.head) {
                Ok(Step::Data(data)) => return Poll::Ready(Ok(Some(Piece::Data(data)))),
                Ok(Step::Trailers(section)) => self.section = Some(section),
                // There is one head, and it has been.
                Ok(Step::Head(_)) => {}
                Ok(Step::More) => match ready!(self.poll_more(context)) {
                    Ok(true) => {}
                    Ok(false) => return Poll::Ready(self.end()),
                    Err(fault) => return Poll::Ready(Err(fault)),
                },
                Err(trouble) => return Poll::Ready(Err(self.fail(trouble))),
            }
        }
    }

    /// Takes what has come; false: nothing will.
    fn poll_more(&mut self, context: &mut Context<'_>) -> Poll<Result<bool, Fault>> {
        if self.stage == Stage::HasEnded {
            return Poll::Ready(Ok(false));
        }
        let id = self.id;
        match self.connection.with(|state| state.poll_read(id, context)) {
            Poll::Ready(chunk) => {
                self.deadline = None;
                match chunk {
                    Chunk::Data(data) => self.rest = data,
                    Chunk::End => self.stage = Stage::HasEnded,
                    Chunk::Reset => {
                        self.stage = Stage::Done;
                        return Poll::Ready(Err(Fault::Cut(io::ErrorKind::ConnectionReset.into())));
                    }
                }
                Poll::Ready(Ok(self.stage == Stage::Comes))
            }
            // A tunnel may be silent; who made it says for how long.
            Poll::Pending if self.is_tunnel => Poll::Pending,
            Poll::Pending => {
                let (shared, patience) = (self.connection.shared(), self.patience);
                let deadline = self.deadline.get_or_insert_with(|| {
                    let deadline = shared.deadlines.make();
                    deadline.set(patience);
                    deadline
                });
                ready!(deadline.poll_passed(context));
                Poll::Ready(Err(Fault::Late))
            }
        }
    }

    fn end(&mut self) -> Result<Option<Piece>, Fault> {
        self.stage = Stage::Done;
        self.inbound.end().map(|()| None).map_err(|trouble| self.fail(trouble))
    }

    fn poll_trailers(
        &mut self,
        context: &mut Context<'_>,
        section: Bytes,
    ) -> Poll<Result<Option<Piece>, Fault>> {
        let id = self.id;
        let read = self.connection.with(|state| {
            let read = state.http.trailers(id.into(), &section, &state.arrivals.limits);
            if let Ok(Read::Blocked(_)) = read {
                state.wait_to_read(id, context);
            }
            read
        });
        match read {
            Ok(Read::Done(Ok(trailers))) if trailers.is_empty() => Poll::Ready(Ok(None)),
            Ok(Read::Done(Ok(trailers))) => Poll::Ready(Ok(Some(Piece::Trailers(trailers)))),
            Ok(Read::Done(Err(refusal))) => {
                self.offend(Code::MESSAGE_ERROR);
                Poll::Ready(Err(Fault::Malformed(refusal.what())))
            }
            Ok(Read::Blocked(_)) => {
                self.section = Some(section);
                Poll::Pending
            }
            Err(breach) => Poll::Ready(Err(self.fail(Trouble::Connection(breach)))),
        }
    }

    fn fail(&mut self, trouble: Trouble) -> Fault {
        match trouble {
            Trouble::Connection(breach) => {
                self.connection.with(|state| state.end(clock::instant(), breach));
                Fault::Malformed(breach.why)
            }
            Trouble::Stream(breach) => {
                self.offend(breach.code);
                Fault::Malformed(breach.why)
            }
            Trouble::Large => {
                self.offend(Code::EXCESSIVE_LOAD);
                Fault::Malformed("trailers that are too large")
            }
        }
    }

    /// The client has broken a rule: it is told so when it has been answered.
    fn offend(&mut self, code: Code) {
        self.stage = Stage::Done;
        let id = self.id;
        self.connection.with(|state| {
            state.stop(id, code);
            state.offences.insert(id, code);
        });
    }
}

impl Body for Incoming {
    fn poll_piece(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Piece, Fault>>> {
        self.poll(context).map(Result::transpose)
    }

    fn whole(&self) -> Whole {
        self.whole
    }
}

impl Incoming {
    /// Reads over what has come and nobody wanted: what is wrong with it is wrong nevertheless.
    fn drain(&mut self) {
        let most = self.connection.with(|state| state.arrivals.limits.head);
        let id = self.id;
        while self.stage != Stage::Done {
            match self.inbound.step(&mut self.rest, most) {
                Ok(Step::More) if self.stage == Stage::HasEnded => {
                    let _ = self.end();
                }
                Ok(Step::More) => match self.connection.with(|state| state.read(id)) {
                    Poll::Ready(Chunk::Data(data)) => self.rest = data,
                    Poll::Ready(Chunk::End) => self.stage = Stage::HasEnded,
                    Poll::Ready(Chunk::Reset) => self.stage = Stage::Done,
                    Poll::Pending => return,
                },
                Ok(Step::Trailers(_)) => self.connection.with(|state| state.http.cancel(id.into())),
                Ok(_) => {}
                Err(trouble) => {
                    let _ = self.fail(trouble);
                }
            }
        }
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        self.drain();
        if self.stage == Stage::Comes {
            let id = self.id;
            self.connection.with(|state| {
                // What comes may hold trailers, which nobody will read.
                state.http.cancel(id.into());
                state.stop(id, Code::NO_ERROR);
            });
        }
    }
}
