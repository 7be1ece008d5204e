//! Bytes that wait to be written: small ones side by side in one buffer, large ones as they came, and stretches
//! of files that the kernel sends.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::{Buf, Bytes};

use crate::proxy::http::Extent;

/// From this size on a piece is not copied: a vectored write costs less than the copy.
const LARGE: usize = 8 << 10;
/// Pieces that one system call takes.
const SLICES: usize = 16;

/// What one side of a connection has still to write.
#[derive(Debug, Default)]
pub struct Output {
    /// Before `wire`: large pieces and what stood before each.
    queue: VecDeque<Item>,
    wire: Vec<u8>,
    /// Of `wire`, what was written already.
    gone: usize,
    written: u64,
}

#[derive(Debug)]
enum Item {
    Bytes(Bytes),
    Extent(Extent),
}

/// What is to be written next.
#[derive(Debug)]
pub enum Next<'a> {
    /// `more`: a stretch of a file follows, so that the last packet need not leave before it is full.
    Slices {
        slices: &'a [IoSlice<'a>],
        more: bool,
    },
    Extent(&'a Extent),
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
        self.close_wire();
        self.queue.push_back(Item::Bytes(data));
    }

    /// Adds a piece of a body that is in a file.
    pub fn push_extent(&mut self, extent: Extent) {
        self.close_wire();
        self.queue.push_back(Item::Extent(extent));
    }

    /// What comes next stands behind what is in `wire`.
    fn close_wire(&mut self) {
        if !self.wire.is_empty() {
            let mut before = Bytes::from(std::mem::take(&mut self.wire));
            before.advance(std::mem::take(&mut self.gone));
            self.queue.push_back(Item::Bytes(before));
        }
    }

    /// Gives what is to be written next to `write`, which says how much of it was.
    pub fn write<E>(&mut self, write: impl FnOnce(Next<'_>) -> Result<usize, E>) -> Result<(), E> {
        let wire = &self.wire[self.gone..];
        let mut written = match self.queue.front() {
            None => {
                let written = write(Next::Slices { slices: &[IoSlice::new(wire)], more: false })?;
                self.written += written as u64;
                self.advance(written);
                return Ok(());
            }
            Some(Item::Extent(extent)) => write(Next::Extent(extent))?,
            Some(Item::Bytes(_)) => {
                let mut slices = [IoSlice::new(&[]); SLICES];
                let (mut count, mut more) = (0, false);
                let pieces = self.queue.iter().map(|item| match item {
                    Item::Bytes(bytes) => Some(&bytes[..]),
                    Item::Extent(_) => None,
                });
                for (slice, piece) in slices.iter_mut().zip(pieces.chain([Some(wire)])) {
                    let Some(piece) = piece else {
                        more = true;
                        break;
                    };
                    *slice = IoSlice::new(piece);
                    count += 1;
                }
                write(Next::Slices { slices: &slices[..count], more })?
            }
        };
        self.written += written as u64;
        while let Some(first) = self.queue.front_mut() {
            let len = match first {
                Item::Bytes(bytes) => bytes.len(),
                Item::Extent(extent) => extent.len,
            };
            if written < len {
                match first {
                    Item::Bytes(bytes) => bytes.advance(written),
                    Item::Extent(extent) => {
                        extent.offset += written as u64;
                        extent.len -= written;
                    }
                }
                return Ok(());
            }
            written -= len;
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
            .write(|next| {
                let Next::Slices { slices, more: false } = next else { panic!("{next:?}") };
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
            .write(|next| {
                let Next::Slices { slices, more: false } = next else { panic!("{next:?}") };
                assert_eq!(slices.len(), 3);
                assert_eq!(slices[1].as_ptr(), large.as_ptr());
                Ok::<_, ()>(0)
            })
            .unwrap();
    }

    #[test]
    fn a_stretch_of_a_file_has_its_place_between_bytes() {
        let file = std::sync::Arc::new(std::fs::File::open("/dev/null").unwrap().into());
        let mut output = Output::default();
        output.wire().extend_from_slice(b"head");
        output.push_extent(Extent { file, offset: 5, len: 10 });
        output.push(Bytes::from_static(b"end"));
        let mut seen = Vec::new();
        for at_once in [4, 7, 3, 3] {
            output
                .write(|next| {
                    seen.push(match next {
                        Next::Slices { slices, more } => format!("{} {more}", slices.len()),
                        Next::Extent(extent) => format!("{}+{}", extent.offset, extent.len),
                    });
                    Ok::<_, ()>(at_once)
                })
                .unwrap();
        }
        assert_eq!(seen, ["1 true", "5+10", "12+3", "1 false"]);
        assert!(output.is_empty());
        assert_eq!(output.written(), 17);
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
                output.write(|next| {
                    let Next::Slices { slices, .. } = next else { panic!("{next:?}") };
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
