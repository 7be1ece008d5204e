//! How the packet path touches a packet: fixed-size values at an offset, nothing else.

use crate::stage::{Answer, Stage, Told};
use crate::tables::Tables;

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

    /// Whether the whole frame, all its buffers included, has at least so many bytes.
    fn holds(&self, bytes: usize) -> bool;

    /// Index of the interface that the frame came by.
    fn interface(&self) -> u32;

    /// Runs a piece of the way; the kernel does so in a function of its own.
    fn apart<T: Tables>(&mut self, tables: &T, stage: Stage, told: Told) -> Answer
    where
        Self: Sized,
    {
        stage.run(self, tables, told)
    }
}
