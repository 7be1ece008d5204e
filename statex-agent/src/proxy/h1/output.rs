//! Bytes that wait to be written: small ones side by side in one buffer, large ones as they came.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::{Buf, Bytes};

/// From this size on a piece is not copied: a vectored write costs less than the copy.
const LARGE: usize = 8 << 10;
/// Pieces that one system call takes.
const SLICES: usize = 16;

/// What one side of a connection has still to write.
#[derive(Debug, Default)]
pub struct Output {
    /// Before `wire`: large pieces and what stood before each.
    queue: VecDeque<Bytes>,
    wire: Vec<u8>,
    /// Of `wire`, what was written already.
    gone: usize,
    written: u64,
}

impl Output {
    /// Bytes that were written since the memory was made.
    pub fn written(&self) -> u64 {
        self.written
    }

    pub fn is_empty(&self) -> bool {
        self.wire.is_empty() && self.queue.is_empty()
    }

    /// Where heads and other small things are put.
    pub fn wire(&mut self) -> &mut Vec<u8> {
        &mut self.wire
    }

    /// Adds a piece of a body.
    pub fn push(&mut self, data: Bytes) {
        if data.len() < LARGE {
            self.wire.extend_from_slice(&data);
            return;
        }
        if !self.wire.is_empty() {
            let mut before = Bytes::from(std::mem::take(&mut self.wire));
            before.advance(std::mem::take(&mut self.gone));
            self.queue.push_back(before);
        }
        self.queue.push_back(data);
    }

    /// Gives what is to be written next to `write`, which says how much of it was.
    pub fn write<E>(&mut self, write: impl FnOnce(&[IoSlice<'_>]) -> Result<usize, E>) -> Result<(), E> {
        let wire = &self.wire[self.gone..];
        if self.queue.is_empty() {
            let written = write(&[IoSlice::new(wire)])?;
            self.written += written as u64;
            self.advance(written);
            return Ok(());
        }
        let mut slices = [IoSlice::new(&[]); SLICES];
        let pieces = self.queue.iter().map(|piece| &piece[..]).chain((!wire.is_empty()).then_some(wire));
        let mut count = 0;
        for (slice, piece) in slices.iter_mut().zip(pieces) {
            *slice = IoSlice::new(piece);
            count += 1;
        }
        let mut written = write(&slices[..count])?;
        self.written += written as u64;
        while let Some(first) = self.queue.front_mut() {
            if written < first.len() {
                first.advance(written);
                return Ok(());
            }
            written -= first.len();
            self.queue.pop_front();
        }
        self.advance(written);
        Ok(())
    }

    fn advance(&mut self, by: usize) {
        self.gone += by;
        if self.gone >= self.wire.len() {
            self.wire.clear();
            self.gone = 0;
        }
    }

    /// Forgets what waits, and keeps the memory.
    pub fn clear(&mut self) {
        self.queue.clear();
        self.wire.clear();
        self.gone = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn small_pieces_leave_together() {
        let mut output = Output::default();
        output.wire().extend_from_slice(b"head ");
        output.push(Bytes::from_static(b"body"));
        output
            .write(|slices| {
                assert_eq!((slices.len(), &slices[0][..]), (1, &b"head body"[..]));
                Ok::<_, ()>(9)
            })
            .unwrap();
        assert!(output.is_empty());
    }

    #[test]
    fn large_pieces_are_not_copied() {
        let (mut output, large) = (Output::default(), Bytes::from(vec![7; LARGE]));
        output.wire().extend_from_slice(b"head");
        output.push(large.clone());
        output.push(Bytes::from_static(b"end"));
        output
            .write(|slices| {
                assert_eq!(slices.len(), 3);
                assert_eq!(slices[1].as_ptr(), large.as_ptr());
                Ok::<_, ()>(0)
            })
            .unwrap();
    }

    proptest! {
        #[test]
        fn everything_is_written_once_and_in_order(
            sizes in prop::collection::vec(prop_oneof![1..40_usize, LARGE..LARGE + 40], 0..30),
            at_once in 1..3 * LARGE,
        ) {
            let (mut output, mut given, mut taken) = (Output::default(), Vec::new(), Vec::new());
            for (at, size) in sizes.into_iter().enumerate() {
                let piece = vec![at as u8; size];
                given.extend_from_slice(&piece);
                output.push(piece.into());
            }
            while !output.is_empty() {
                output.write(|slices| {
                    let mut left = at_once;
                    for slice in slices {
                        let len = slice.len().min(left);
                        taken.extend_from_slice(&slice[..len]);
                        left -= len;
                    }
                    Ok::<_, ()>(at_once - left)
                }).unwrap();
            }
            prop_assert_eq!(given, taken);
        }
    }
}
