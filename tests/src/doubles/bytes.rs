//! `statex_common::Packet` over a byte vector, with the room and the limits of an XDP frame.
#![expect(
    unsafe_code,
    reason = "reads and writes values of any `Copy` type in bytes, after checking the bounds"
)]

use statex_common::Packet;
use statex_common::stage::Told;

/// Room in front of a frame: XDP's 256 bytes less what the kernel keeps at their start.
const HEADROOM: usize = 216;
/// The kernel refuses to leave less than an Ethernet header.
const SHORTEST: usize = 14;
/// Fills new room: a header that is not wholly written shows.
const UNWRITTEN: u8 = 0xa5;
/// Bytes of a frame that `BPF_PROG_TEST_RUN` puts into the first buffer: a page less 256 bytes of headroom
/// and 320 for the list of the other buffers.
const LINEAR: usize = 4096 - 256 - 320;

/// A frame, the interface that it came by, and the room in front of it.
#[derive(Clone, Debug)]
pub struct Bytes {
    buffer: Vec<u8>,
    start: usize,
    /// Bytes at the end that lie in other buffers than the first.
    beyond: usize,
    interface: u32,
    left: Told,
}

impl Bytes {
    /// The interface by which frames come in: the one that `BPF_PROG_TEST_RUN` makes up is loopback's.
    pub const INTERFACE: u32 = 1;

    pub fn new(frame: &[u8]) -> Self {
        let mut buffer = vec![UNWRITTEN; HEADROOM];
        buffer.extend_from_slice(frame);
        let beyond = frame.len().saturating_sub(LINEAR);
        Self { buffer, start: HEADROOM, beyond, interface: Self::INTERFACE, left: Told::default() }
    }

    pub fn frame(&self) -> &[u8] {
        &self.buffer[self.start..]
    }

    /// Where `size` bytes at `offset` lie in the buffer, if they are of the frame's first buffer.
    fn place(&self, offset: usize, size: usize) -> Option<usize> {
        let at = self.start.checked_add(offset)?;
        (at.checked_add(size)? <= self.linear_end()).then_some(at)
    }

    fn linear_end(&self) -> usize {
        self.buffer.len() - self.beyond
    }
}

impl Packet for Bytes {
    fn read<T: Copy>(&self, offset: usize) -> Option<T> {
        let at = self.place(offset, size_of::<T>())?;
        // SAFETY: `place` has checked that the bytes are inside the buffer; the packet path reads integers
        // and arrays of them only, for which all bytes are valid.
        Some(unsafe { self.buffer.as_ptr().add(at).cast::<T>().read_unaligned() })
    }

    fn write<T: Copy>(&mut self, offset: usize, value: T) -> Option<()> {
        let at = self.place(offset, size_of::<T>())?;
        // SAFETY: `place` has checked that the bytes are inside the buffer.
        unsafe { self.buffer.as_mut_ptr().add(at).cast::<T>().write_unaligned(value) };
        Some(())
    }

    fn grow_head<const BYTES: usize>(&mut self) -> Option<()> {
        self.start = self.start.checked_sub(BYTES)?;
        self.buffer[self.start..self.start + BYTES].fill(UNWRITTEN);
        Some(())
    }

    fn shrink_head<const BYTES: usize>(&mut self) -> Option<()> {
        let start = self.start + BYTES;
        (start + SHORTEST <= self.linear_end()).then(|| self.start = start)
    }

    fn truncate(&mut self, bytes: usize) -> Option<()> {
        if bytes < SHORTEST || bytes > (self.buffer.len() - self.start) {
            return None;
        }
        let cut = (self.buffer.len() - self.start) - bytes;
        self.beyond = self.beyond.saturating_sub(cut);
        self.buffer.truncate(self.start + bytes);
        Some(())
    }

    fn holds(&self, bytes: usize) -> bool {
        bytes <= self.buffer.len() - self.start
    }

    fn interface(&self) -> u32 {
        self.interface
    }

    fn leave(&mut self, told: Told) {
        self.left = told;
    }

    fn left(&self) -> Told {
        self.left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes_end_with_the_frame() {
        let mut bytes = Bytes::new(&[1; 20]);
        assert_eq!(bytes.read::<u16>(18), Some(0x0101));
        assert_eq!(bytes.read::<u16>(19), None);
        assert_eq!(bytes.write(usize::MAX, 0u32), None);
    }

    #[test]
    fn head_moves_both_ways() {
        let mut bytes = Bytes::new(&[7; 34]);
        assert_eq!(bytes.shrink_head::<20>(), Some(()));
        assert_eq!(bytes.grow_head::<4>(), Some(()));
        assert_eq!(bytes.frame().len(), 18);
        assert_eq!(bytes.shrink_head::<8>(), None);
    }

    #[test]
    fn headroom_ends() {
        let mut bytes = Bytes::new(&[7; 34]);
        assert_eq!(bytes.grow_head::<200>(), Some(()));
        assert_eq!(bytes.grow_head::<20>(), None);
    }

    #[test]
    fn far_bytes_of_a_jumbo_frame_cannot_be_read() {
        let bytes = Bytes::new(&[7; 9000]);
        assert_eq!((bytes.read::<u8>(LINEAR), (bytes.buffer.len() - bytes.start)), (None, 9000));
    }
}
