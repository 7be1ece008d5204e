//! Bytes that wait to be written: frames in one block, and large pieces of bodies between them as they came.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::{Buf, Bytes};

/// A piece of a body that is shorter is copied: that costs less than a place of its own in every write.
const COPY: usize = 4 << 10;
/// Memory that is kept for the next frames.
const KEPT: usize = 16 << 10;
/// Bytes that may have been written and still be there while others wait.
const MOST_WRITTEN: usize = 64 << 10;

/// What waits to be written.
#[derive(Debug, Default)]
pub(super) struct Output {
    /// Frames. Those before `written` are gone.
    block: Vec<u8>,
    written: usize,
    /// Pieces, each with where in `block` it goes, in order.
    pieces: VecDeque<(usize, Bytes)>,
    /// Bytes that wait, in all.
    len: usize,
    /// Bytes of frames that left the front of `block`, ever.
    gone: u64,
}

impl Output {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds what `write` writes; gives where it begins, for [`Output::mark`].
    pub(super) fn frame(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> u64 {
        let start = self.block.len();
        write(&mut self.block);
        self.len += self.block.len() - start;
        self.gone + start as u64
    }

    /// Adds a piece of a body.
    pub(super) fn piece(&mut self, data: Bytes) {
        self.len += data.len();
        if data.len() < COPY {
            self.block.extend_from_slice(&data);
        } else {
            self.pieces.push_back((self.block.len(), data));
        }
    }

    /// Sets a flag of the frame that begins at `at`. False: it is written already.
    pub(super) fn mark(&mut self, at: u64, flag: u8) -> bool {
        /// The length before the type and the flags.
        const FLAGS: usize = 4;
        let place = at.checked_sub(self.gone).and_then(|at| usize::try_from(at).ok());
        let place = place.filter(|at| *at >= self.written);
        match place.and_then(|at| self.block.get_mut(at + FLAGS)) {
            Some(flags) => {
                *flags |= flag;
                true
            }
            None => false,
        }
    }

    /// The first bytes in as many slices as there is room for; gives how many those are.
    pub(super) fn slices<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let (mut from, mut count) = (self.written, 0);
        let mut places = slices.iter_mut();
        let mut add = |bytes: &'a [u8]| {
            if bytes.is_empty() {
                return true;
            }
            let place = places.next();
            let is_there = place.is_some();
            place.into_iter().for_each(|place| *place = IoSlice::new(bytes));
            count += usize::from(is_there);
            is_there
        };
        for (at, piece) in &self.pieces {
            if !add(self.block.get(from..*at).unwrap_or_default()) || !add(piece) {
                return count;
            }
            from = *at;
        }
        add(self.block.get(from..).unwrap_or_default());
        count
    }

    /// So many bytes were written.
    pub(super) fn advance(&mut self, mut len: usize) {
        self.len = self.len.saturating_sub(len);
        while len > 0 {
            let to = self.pieces.front().map_or(self.block.len(), |(at, _)| *at);
            let frames = len.min(to - self.written);
            self.written += frames;
            len -= frames;
            let Some((_, piece)) = self.pieces.front_mut() else { break };
            if self.written == to {
                let part = len.min(piece.len());
                piece.advance(part);
                len -= part;
                if piece.is_empty() {
                    self.pieces.pop_front();
                }
            }
        }
        if self.is_empty() || self.written >= MOST_WRITTEN {
            self.forget_written();
        }
        if self.is_empty() {
            self.block.shrink_to(KEPT);
        }
    }

    fn forget_written(&mut self) {
        self.block.drain(..self.written);
        self.pieces.iter_mut().for_each(|(at, _)| *at -= self.written);
        self.gone += self.written as u64;
        self.written = 0;
    }

    /// Gives memory back while nothing waits.
    pub(super) fn rest(&mut self) {
        if self.is_empty() {
            self.block = Vec::new();
            self.pieces = VecDeque::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn take(output: &mut Output, most: usize) -> Vec<u8> {
        let mut slices = [IoSlice::new(&[]); 3];
        let count = output.slices(&mut slices);
        let mut bytes: Vec<_> = slices[..count].iter().flat_map(|slice| slice.to_vec()).collect();
        bytes.truncate(most);
        output.advance(bytes.len());
        bytes
    }

    proptest! {
        #[test]
        fn bytes_leave_in_their_order(
            parts in prop::collection::vec((0..3 * COPY, any::<bool>(), any::<u8>()), 0..12),
            most in 1..5 * COPY,
        ) {
            let (mut output, mut expected, mut left) = (Output::default(), Vec::new(), Vec::new());
            for (len, piece, byte) in parts {
                let bytes = vec![byte; len];
                expected.extend_from_slice(&bytes);
                if piece { output.piece(bytes.into()) } else { output.frame(|wire| wire.extend(bytes)); }
                if byte % 3 == 0 {
                    left.extend(take(&mut output, most));
                }
                prop_assert_eq!(output.len(), expected.len() - left.len());
            }
            while !output.is_empty() {
                left.extend(take(&mut output, most));
            }
            prop_assert!(left == expected);
        }
    }

    #[test]
    fn a_frame_is_marked_until_it_is_written() {
        let mut output = Output::default();
        let first = output.frame(|wire| wire.extend([0; 9]));
        let second = output.frame(|wire| wire.extend([0; 9]));
        assert_eq!(take(&mut output, 9), [0; 9]);
        assert!(!output.mark(first, 1));
        assert!(output.mark(second, 1));
        assert_eq!(take(&mut output, 9), [0, 0, 0, 0, 1, 0, 0, 0, 0]);
        assert!(!output.mark(second, 1));
        let third = output.frame(|wire| wire.extend([0; 9]));
        assert!(output.mark(third, 4));
    }
}
