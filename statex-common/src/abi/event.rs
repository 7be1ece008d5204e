//! `EVENTS`: what happened to flows, sampled, for people and tools.

use super::Addr;

/// What happened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum EventKind {
    /// A flow was given to a backend by the ring.
    Opened = 1,
    /// A flow's backend was gone; it was given to another.
    Moved = 2,
}

/// A record of `EVENTS`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Event {
    /// Nanoseconds of the kernel's monotonic clock.
    pub at: u64,
    pub source: Addr,
    pub destination: Addr,
    /// Ports in network order.
    pub source_port: [u8; 2],
    pub destination_port: [u8; 2],
    pub service: u16,
    pub backend: u16,
    /// Of [`EventKind`].
    pub kind: u8,
    pub protocol: u8,
    pub reserved: [u8; 6],
}

const _: () = assert!(size_of::<Event>() == 56);
