//! How the packet path touches a packet: fixed-size values at an offset, nothing else.

/// A frame that starts at its Ethernet header.
///
/// Offsets count from the present start of the frame, so every offset changes when the head moves.
/// Reads and writes beyond the end (of the linear part, for a frame in several buffers) give `None` and
/// change nothing.
pub trait Packet {
    /// The value at `offset`, which need not be aligned.
    fn read<T: Copy>(&self, offset: usize) -> Option<T>;

    /// Puts `value` at `offset`, which need not be aligned.
    fn write<T: Copy>(&mut self, offset: usize, value: T) -> Option<()>;

    /// Moves the start of the frame by `bytes` towards the front; the new bytes are undefined.
    fn grow_head<const BYTES: usize>(&mut self) -> Option<()>;

    /// Moves the start of the frame by `bytes` towards the end.
    fn shrink_head<const BYTES: usize>(&mut self) -> Option<()>;

    /// Cuts the frame to `bytes` in all.
    fn truncate(&mut self, bytes: usize) -> Option<()>;

    /// Length of the whole frame in bytes, all its buffers included.
    fn frame_len(&self) -> usize;

    /// Index of the interface that the frame came by.
    fn interface(&self) -> u32;
}
