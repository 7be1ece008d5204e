//! A body around a body: what comes of the inner one, coded.

use std::io;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};

use super::coder::Coder;
use super::{Coding, Level};
use crate::proxy::http::{Body, Fault, Fields, Piece, Whole};

/// Bytes that are coded in one go.
const STEP: usize = 32 << 10;
/// Bytes that are coded before other connections have their turn: one to three milliseconds.
const TURN: usize = 64 << 10;
/// Output that is worth a piece of its own.
const PIECE: usize = 16 << 10;

/// A coded body.
pub struct Encoded<B> {
    inner: B,
    coder: Coder,
    /// Not coded yet.
    input: Bytes,
    output: Vec<u8>,
    /// Bytes that were pushed since the last flush.
    unflushed: usize,
    /// Bytes that were coded in this turn.
    worked: usize,
    end: End,
}

enum End {
    /// It has not come.
    Open,
    /// It has; these are the trailers, if there are any.
    Reached(Option<Fields>),
    Told,
}

impl<B: Body> Encoded<B> {
    /// # Errors
    ///
    /// The coder takes no such level.
    pub fn new(inner: B, coding: Coding, level: Level) -> io::Result<Self> {
        let len = if let Whole::Length(len) = inner.whole() { Some(len) } else { None };
        let coder = Coder::new(coding, level, len)?;
        let (input, output) = (Bytes::new(), Vec::new());
        Ok(Self { inner, coder, input, output, unflushed: 0, worked: 0, end: End::Open })
    }

    fn code_a_step(&mut self) -> io::Result<()> {
        let len = self.input.len().min(STEP);
        self.coder.push(&self.input[..len], &mut self.output)?;
        self.input.advance(len);
        self.unflushed += len;
        self.worked += len;
        Ok(())
    }

    fn finish(&mut self, trailers: Option<Fields>) -> io::Result<()> {
        self.end = End::Reached(trailers);
        self.coder.finish(&mut self.output)
    }

    fn take_output(&mut self) -> Poll<Option<Result<Piece, Fault>>> {
        Poll::Ready(Some(Ok(Piece::Data(std::mem::take(&mut self.output).into()))))
    }
}

impl<B: Body> Body for Encoded<B> {
    fn poll_piece(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Piece, Fault>>> {
        loop {
            if self.output.len() >= PIECE {
                return self.take_output();
            }
            match &mut self.end {
                End::Open => {}
                End::Reached(_) if !self.output.is_empty() => return self.take_output(),
                End::Reached(trailers) => {
                    let trailers = trailers.take();
                    self.end = End::Told;
                    return Poll::Ready(trailers.map(|trailers| Ok(Piece::Trailers(trailers))));
                }
                End::Told => return Poll::Ready(None),
            }
            if self.worked >= TURN {
                self.worked = 0;
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            if !self.input.is_empty() {
                self.code_a_step()?;
                continue;
            }
            match self.inner.poll_piece(context) {
                Poll::Ready(Some(Ok(Piece::Data(data)))) => self.input = data,
                Poll::Ready(Some(Ok(Piece::Trailers(trailers)))) => self.finish(Some(trailers))?,
                Poll::Ready(None) => self.finish(None)?,
                Poll::Ready(Some(Err(fault))) => return Poll::Ready(Some(Err(fault))),
                // Whoever sends slowly means each piece to arrive.
                Poll::Pending => {
                    self.worked = 0;
                    if std::mem::take(&mut self.unflushed) > 0 {
                        self.coder.flush(&mut self.output)?;
                    }
                    return if self.output.is_empty() { Poll::Pending } else { self.take_output() };
                }
            }
        }
    }

    fn whole(&self) -> Whole {
        Whole::Unknown
    }
}

#[cfg(test)]
mod tests {
    use super::super::coder::tests::decoded;
    use super::*;
    use crate::proxy::http::Full;
    use futures_util::task::noop_waker_ref;
    use std::collections::VecDeque;

    /// Gives these, one after the other; `None`: not just now.
    struct Script(VecDeque<Option<Result<Piece, Fault>>>);

    impl Body for Script {
        fn poll_piece(&mut self, _: &mut Context<'_>) -> Poll<Option<Result<Piece, Fault>>> {
            match self.0.pop_front() {
                Some(None) => Poll::Pending,
                Some(piece) => Poll::Ready(piece),
                None => Poll::Ready(None),
            }
        }

        fn whole(&self) -> Whole {
            Whole::Unknown
        }
    }

    fn data(text: &str) -> Option<Result<Piece, Fault>> {
        Some(Ok(Piece::Data(Bytes::copy_from_slice(text.as_bytes()))))
    }

    fn script<const N: usize>(script: [Option<Result<Piece, Fault>>; N], coding: Coding) -> Encoded<Script> {
        Encoded::new(Script(script.into()), coding, 5).unwrap()
    }

    fn poll(body: &mut impl Body) -> Poll<Option<Result<Piece, Fault>>> {
        body.poll_piece(&mut Context::from_waker(noop_waker_ref()))
    }

    /// All of a body and its trailers, however often it has to be asked.
    fn read(mut body: impl Body) -> (Vec<u8>, Option<Fields>) {
        let mut bytes = Vec::new();
        loop {
            match poll(&mut body) {
                Poll::Pending => {}
                Poll::Ready(Some(Ok(Piece::Data(data)))) => {
                    assert!(!data.is_empty());
                    bytes.extend_from_slice(&data);
                }
                Poll::Ready(Some(Ok(Piece::Trailers(trailers)))) => return (bytes, Some(trailers)),
                Poll::Ready(None) => return (bytes, None),
                Poll::Ready(Some(Err(fault))) => panic!("{fault}"),
            }
        }
    }

    #[test]
    fn a_body_comes_out_whole_whatever_its_length() {
        for len in [0, 1, 1000, STEP, TURN + 1, 1 << 20] {
            let text: Vec<u8> = (0..len).map(|at| (at * at % 251) as u8).collect();
            for coding in Coding::ALL {
                let body = Encoded::new(Full(text.clone().into()), coding, 4).unwrap();
                assert_eq!(body.whole(), Whole::Unknown);
                assert!(decoded(coding, &read(body).0) == text, "{coding:?} {len}");
            }
        }
    }

    #[test]
    fn what_came_leaves_before_more_is_waited_for() {
        for coding in Coding::ALL {
            let mut body =
                script([data("one"), None, None, data("two"), data("three"), None, data("four")], coding);
            let mut coded = Vec::new();
            let mut pieces = Vec::new();
            for _ in 0..6 {
                match poll(&mut body) {
                    Poll::Ready(Some(Ok(Piece::Data(data)))) => {
                        coded.extend_from_slice(&data);
                        pieces.push(true);
                    }
                    Poll::Ready(None) => break,
                    Poll::Pending => pieces.push(false),
                    other => panic!("{other:?}"),
                }
            }
            assert_eq!(pieces, [true, false, true, true], "{coding:?}");
            assert_eq!(decoded(coding, &coded), b"onetwothreefour");
        }
    }

    #[test]
    fn trailers_follow_the_coded_body() {
        let mut trailers = Fields::default();
        trailers.push(b"X-Sum", b"7");
        let body = script([data("text"), Some(Ok(Piece::Trailers(trailers)))], Coding::Gzip);
        let (coded, trailers) = read(body);
        assert_eq!(decoded(Coding::Gzip, &coded), b"text");
        assert_eq!(trailers.unwrap().named(b"x-sum"), Some(&b"7"[..]));
    }

    #[test]
    fn a_body_that_breaks_is_not_made_to_look_whole() {
        let mut body = script([data("text"), Some(Err(Fault::Malformed("chunk")))], Coding::Zstd);
        assert!(matches!(poll(&mut body), Poll::Ready(Some(Err(Fault::Malformed(_))))));
    }

    #[test]
    fn a_long_body_lets_others_have_their_turn() {
        // Bytes that cannot be made shorter would hide a turn behind full pieces.
        let mut body = Encoded::new(Full(vec![0; 1 << 20].into()), Coding::Gzip, 1).unwrap();
        assert!(poll(&mut body).is_pending());
    }
}
