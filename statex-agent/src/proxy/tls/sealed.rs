//! Records that wait to be written.

use std::io;

use crate::proxy::spare::Spare;

/// Bytes behind one another in memory that is written over and over, and so cleared only once.
#[derive(Debug, Default)]
pub(super) struct Sealed {
    memory: Vec<u8>,
    filled: usize,
    written: usize,
}

impl Sealed {
    /// What is still to be written, if anything.
    pub(super) fn rest(&self) -> Option<&[u8]> {
        self.memory.get(self.written..self.filled).filter(|rest| !rest.is_empty())
    }

    /// So many bytes were written.
    pub(super) fn advance(&mut self, written: usize) {
        self.written += written;
        if self.written >= self.filled {
            (self.written, self.filled) = (0, 0);
        }
    }

    /// Lets `write` fill so much room behind what waits; it says how much it did, or how much more room it
    /// needs, or that it cannot (`None`).
    pub(super) fn fill(
        &mut self,
        spare: &Spare<Vec<u8>>,
        mut room: usize,
        mut write: impl FnMut(&mut [u8]) -> Result<usize, Option<usize>>,
    ) -> io::Result<()> {
        loop {
            if self.memory.is_empty() {
                self.memory = spare.take();
            }
            let end = self.filled + room;
            if self.memory.len() < end {
                self.memory.resize(end.next_multiple_of(4096), 0);
            }
            match write(&mut self.memory[self.filled..end]) {
                Ok(len) => {
                    self.filled += len;
                    return Ok(());
                }
                Err(Some(needed)) if needed > room => room = needed,
                Err(_) => return Err(io::ErrorKind::InvalidData.into()),
            }
        }
    }

    /// Memory that holds nothing is another connection's.
    pub(super) fn lay_back(&mut self, spare: &Spare<Vec<u8>>) {
        if self.filled == 0 && !self.memory.is_empty() {
            spare.give(std::mem::take(&mut self.memory));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_filled_in_is_given_once_and_in_order() {
        let (mut sealed, spare) = (Sealed::default(), Spare::default());
        let put = |text: &'static [u8]| {
            move |room: &mut [u8]| {
                let Some(room) = room.get_mut(..text.len()) else { return Err(Some(text.len())) };
                room.copy_from_slice(text);
                Ok(text.len())
            }
        };
        sealed.fill(&spare, 1, put(b"one ")).unwrap();
        sealed.fill(&spare, 10, put(b"two")).unwrap();
        assert_eq!(sealed.rest(), Some(&b"one two"[..]));
        sealed.advance(3);
        assert_eq!(sealed.rest(), Some(&b" two"[..]));
        sealed.advance(4);
        assert_eq!(sealed.rest(), None);
        sealed.lay_back(&spare);
        assert!(sealed.memory.is_empty() && !spare.take().is_empty());
    }

    #[test]
    fn who_cannot_write_says_so() {
        let refused = Sealed::default().fill(&Spare::default(), 1, |_| Err(None));
        assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::InvalidData);
    }
}
