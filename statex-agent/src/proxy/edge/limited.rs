//! The body of a request, held to what its route allows.

use std::task::{Context, Poll};

use crate::proxy::deadline::Deadline;
use crate::proxy::http::{Body, Fault, Piece, Whole};

/// A body with bounds.
pub(super) struct Limited<'a, B> {
    body: &'a mut B,
    /// Bytes that may still come.
    left: u64,
    /// When all of it must have come; `None`: as long as it flows.
    deadline: Option<Deadline>,
    /// Bytes that have come.
    pub(super) received: u64,
}

impl<'a, B: Body> Limited<'a, B> {
    /// `most`: bytes that may come; `deadline`: set already.
    pub(super) fn new(body: &'a mut B, most: Option<u64>, deadline: Option<Deadline>) -> Self {
        Self { body, left: most.unwrap_or(u64::MAX), deadline, received: 0 }
    }

    /// Whether the body says itself that it is too large.
    pub(super) fn is_too_large(&self) -> bool {
        matches!(self.body.whole(), Whole::Length(length) if length > self.left)
    }
}

impl<B: Body> Body for Limited<'_, B> {
    fn poll_piece(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Piece, Fault>>> {
        let piece = self.body.poll_piece(context);
        match &piece {
            Poll::Ready(Some(Ok(Piece::Data(data)))) => {
                let len = data.len() as u64;
                self.received += len;
                match self.left.checked_sub(len) {
                    Some(left) => self.left = left,
                    None => return Poll::Ready(Some(Err(Fault::TooLarge))),
                }
            }
            Poll::Pending => {
                if self.deadline.as_ref().is_some_and(|deadline| deadline.poll_passed(context).is_ready()) {
                    return Poll::Ready(Some(Err(Fault::Late)));
                }
            }
            Poll::Ready(_) => {}
        }
        piece
    }

    fn whole(&self) -> Whole {
        self.body.whole()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proxy::http::Full;
    use bytes::Bytes;
    use futures_util::task::noop_waker_ref;

    fn outcome(text: &'static str, most: Option<u64>) -> Result<u64, Fault> {
        let mut body = Full(Bytes::from_static(text.as_bytes()));
        let mut limited = Limited::new(&mut body, most, None);
        let mut context = Context::from_waker(noop_waker_ref());
        loop {
            match limited.poll_piece(&mut context) {
                Poll::Ready(Some(Ok(_))) => {}
                Poll::Ready(Some(Err(fault))) => return Err(fault),
                Poll::Ready(None) | Poll::Pending => return Ok(limited.received),
            }
        }
    }

    #[test]
    fn a_body_may_be_as_large_as_it_is_allowed() {
        assert_eq!(outcome("12345", Some(5)).unwrap(), 5);
        assert_eq!(outcome("12345", None).unwrap(), 5);
        assert!(matches!(outcome("12345", Some(4)), Err(Fault::TooLarge)));
    }

    #[test]
    fn a_body_that_says_its_length_is_known_to_be_too_large_before_it_comes() {
        let mut body = Full(Bytes::from_static(b"12345"));
        assert!(Limited::new(&mut body, Some(4), None).is_too_large());
        assert!(!Limited::new(&mut body, Some(5), None).is_too_large());
    }
}
