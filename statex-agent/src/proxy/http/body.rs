//! Bodies: polled piece by piece on the thread that the connection lives on.

use std::cell::RefCell;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;

use super::Fields;

/// How long a body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whole {
    /// There is none. A `Content-Length` among the fields then tells of another message, as in the answer to
    /// `HEAD` (RFC 9110 §8.6); of no body that is there, though empty: that is `Length(0)`.
    None,
    /// Bytes in all, known from the start. Fields do not tell it; whoever writes the message does.
    Length(u64),
    /// It ends when it ends.
    Unknown,
}

/// What comes of a body. Nothing comes behind trailers.
#[derive(Clone, Debug)]
pub enum Piece {
    /// Never empty.
    Data(Bytes),
    Trailers(Fields),
}

/// A stretch of a file that is in the page cache: sending it does not wait for a disk.
#[derive(Clone, Debug)]
pub struct Extent {
    /// Shared with a thread that may wait for the disk.
    pub file: Arc<OwnedFd>,
    pub offset: u64,
    /// Never 0.
    pub len: usize,
}

/// Why a body ended before its end.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The peer closed, or its connection broke.
    #[error("the body was cut short: {0}")]
    Cut(#[from] io::Error),
    /// What came is no body.
    #[error("the body is malformed: {0}")]
    Malformed(&'static str),
    /// The peer says that it has not looked at the message, so that it can be sent again (RFC 9113 §8.7).
    #[error("the peer has not looked at it")]
    Refused,
    /// Nothing came for too long.
    #[error("nothing came for too long")]
    Late,
    /// There is more of it than is allowed.
    #[error("the body is too large")]
    TooLarge,
}

/// A body that is read by polling.
pub trait Body {
    /// The next piece; `None` at the end. Not called again after the end or an error.
    fn poll_piece(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Piece, Fault>>>;

    /// The next piece as a stretch of a file, for those who can have the kernel send it
    /// ([`Sink::takes_extents`](super::Sink::takes_extents)). `None`: [`poll_piece`](Body::poll_piece) gives what
    /// comes next, if anything does.
    fn poll_extent(&mut self, _: &mut Context<'_>) -> Poll<Option<Result<Extent, Fault>>> {
        Poll::Ready(None)
    }

    fn whole(&self) -> Whole;
}

impl<B: Body + ?Sized> Body for &mut B {
    fn poll_piece(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Piece, Fault>>> {
        (**self).poll_piece(context)
    }

    fn poll_extent(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Extent, Fault>>> {
        (**self).poll_extent(context)
    }

    fn whole(&self) -> Whole {
        (**self).whole()
    }
}

/// Whoever sends to a backend also hears from it; both are polled by one task, in turn.
impl<B: Body> Body for &RefCell<B> {
    fn poll_piece(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Piece, Fault>>> {
        self.borrow_mut().poll_piece(context)
    }

    fn poll_extent(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Extent, Fault>>> {
        self.borrow_mut().poll_extent(context)
    }

    fn whole(&self) -> Whole {
        self.borrow().whole()
    }
}

/// A body that is there already, perhaps empty.
#[derive(Clone, Debug, Default)]
pub struct Full(pub Bytes);

impl Body for Full {
    fn poll_piece(&mut self, _: &mut Context<'_>) -> Poll<Option<Result<Piece, Fault>>> {
        let data = std::mem::take(&mut self.0);
        Poll::Ready((!data.is_empty()).then_some(Ok(Piece::Data(data))))
    }

    fn whole(&self) -> Whole {
        Whole::Length(self.0.len() as u64)
    }
}
