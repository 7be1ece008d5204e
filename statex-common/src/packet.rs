//! How the packet path touches a packet: fixed-size values at an offset, nothing else.

use crate::forward;
use crate::parse::ipv6::{self, Behind};
use crate::rewrite::Exit;
use crate::stage::{self, Answer, Stage, Told};
use crate::tables::Tables;

/// A frame that starts at its Ethernet header.
///
/// The pieces of its way that come with a body here are run by the kernel each in a function of its own.
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

    /// The common way of an IPv4 or IPv6 packet.
    fn common<T: Tables>(&mut self, tables: &T, v6: bool) -> Answer
    where
        Self: Sized,
    {
        forward::common(self, tables, v6)
    }

    /// Leaves what the common way knows to the stages after it.
    fn leave(&mut self, _: Told) {}

    /// What the common way has left.
    fn left(&self) -> Told {
        Told::default()
    }

    /// The rest of a packet's way, where it is not common.
    fn rest<T: Tables>(&mut self, tables: &T, answer: Answer, vlan: u16) -> Exit
    where
        Self: Sized,
    {
        let mut told = self.left();
        stage::follow(self, tables, &mut told, answer, vlan)
    }

    /// A stage.
    fn apart<T: Tables>(&mut self, tables: &T, stage: Stage, told: &mut Told) -> Answer
    where
        Self: Sized,
    {
        stage.run(self, tables, told)
    }

    /// What lies behind the IPv6 extension headers that begin at `start` with one of protocol `next`.
    fn behind(&mut self, next: u8, start: usize) -> Behind
    where
        Self: Sized,
    {
        ipv6::follow(self, next, start)
    }
}
