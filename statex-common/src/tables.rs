//! What the packet path asks of its tables; the kernel answers from BPF maps, tests from plain memory.

use crate::Reason;
use crate::abi::{
    Addr, Backend, BackendCounters, Bucket, Control, Event, FlowLine, NatEntry, Node, QuicId, RingWord,
    Service, ServiceCounters, SourceLine,
};
use crate::flow::{self, NewFlow};
use crate::shared::Shared;

/// The tables of one node. An index beyond a table's end gives `None`.
pub trait Tables {
    fn node(&self) -> &Node;
    fn control(&self) -> Option<&Control>;

    fn bucket(&self, index: u32) -> Option<&Bucket>;
    fn service(&self, id: u32) -> Option<&Service>;
    fn backend(&self, id: u32) -> Option<&Backend>;
    fn ring_word(&self, index: u32) -> Option<&RingWord>;
    fn flow_line(&self, index: u32) -> Option<&FlowLine>;
    fn nat_entry(&self, index: u32) -> Option<&NatEntry>;
    fn source_line(&self, index: u32) -> Option<&SourceLine>;
    fn quic_id(&self, rotation: u32) -> Option<&QuicId>;

    /// The id of the longest virtual prefix that holds the address.
    fn prefix(&self, addr: &Addr) -> Option<u32>;
    /// Whether the deny list holds the address.
    fn denied(&self, addr: &Addr) -> bool;
    /// MAC of an interface, in the first six bytes.
    fn link_mac(&self, interface: u32) -> Option<u64>;
    /// Whether `statex backend` serves the address.
    fn decapsulates(&self, addr: &Addr) -> bool;

    /// Counters of this CPU.
    fn backend_counters(&self, id: u32) -> Option<&BackendCounters>;
    /// Counters of this CPU.
    fn service_counters(&self, id: u32) -> Option<&ServiceCounters>;
    /// Counter of this CPU.
    fn reason_counter(&self, reason: Reason) -> Option<&Shared<u64>>;

    /// Monotonic time in nanoseconds; a coarse clock will do.
    fn now(&self) -> u64;
    /// A number that an outsider cannot foresee.
    fn random(&self) -> u32;
    /// Tells of a flow event; it may be lost.
    fn tell(&self, event: &Event);

    /// Notes a flow in the flow table; whether it got a place. The kernel does so in a function of its own.
    fn remember(&self, flow: NewFlow, now: u16) -> bool
    where
        Self: Sized,
    {
        flow::remember(self, flow, now)
    }

    /// Puts `new` into a word that still holds `old`, as one step; whether it did.
    fn exchange(&self, word: &Shared<u64>, old: u64, new: u64) -> bool;

    /// The same number, about which the compiler knows nothing: it keeps what is counted without branches
    /// from being turned into branches.
    fn opaque(&self, number: u64) -> u64 {
        number
    }

    /// The same number, about which the verifier knows nothing: so it takes ways on which it would be another
    /// for one. `noise` is any number of the packet's, which it does not know.
    fn forgotten(&self, number: u64, noise: u64) -> u64 {
        number ^ noise ^ self.opaque(noise)
    }
}
