//! The flow table: an array of cache lines, five flows each, shared by all CPUs without a lock.
//!
//! A flow's fingerprint chooses the line by its low bits; a line is never searched beyond. An entry is a
//! key, a backend id and an age. A key's upper 56 bits are the fingerprint's, so with 256 lines or more
//! the whole fingerprint is known, and where that is a bijection of the flow (IPv4), a match is exact.
//!
//! ```text
//! key: fingerprint (56) │ generation (5) │ udp (1) │ state (2)
//! ```
//!
//! Who gives way to a new flow: a free entry, one unused for longer than its idle time, the oldest
//! unconfirmed one. When all are confirmed, the new flow is refused, and its fingerprint noted; if its
//! next packet finds the note, it takes the place of the oldest, one that is closing first. So what sends
//! a single packet never costs a confirmed flow its entry.
//!
//! A key is changed by compare-and-exchange only, and while an entry changes hands its key is
//! [`BUSY`], so no CPU ever pairs one flow's key with another's backend.

use crate::abi::{FLOW_WAYS, FlowLine};
use crate::parse::transport::Transport;
use crate::shared::Shared;
use crate::tables::Tables;

const STATE: u64 = 0x03;
const UDP: u64 = 0x04;
const LOW: u64 = 0xff;
/// An entry that another CPU is filling; its state says free, so nothing matches it.
const BUSY: u64 = UDP;
/// Time that a closing connection keeps its entry for certain, in units of age (about 64 s).
const CLOSING_IDLE: u16 = 60;

/// How far the node has seen a flow come.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(u8)]
pub enum State {
    Free = 0,
    /// One packet seen, or TCP SYNs only.
    Unconfirmed = 1,
    Confirmed = 2,
    /// A FIN or RST was seen.
    Closing = 3,
}

impl State {
    /// Of the entry with this key word.
    #[inline(always)]
    pub fn of(key: u64) -> Self {
        match key & STATE {
            0 => Self::Free,
            1 => Self::Unconfirmed,
            2 => Self::Confirmed,
            _ => Self::Closing,
        }
    }
}

/// Age in the units of [`FlowLine::ages`].
#[inline(always)]
pub fn age(now: u64) -> u16 {
    (now >> 30) as u16
}

/// A remembered flow.
#[derive(Clone, Copy)]
pub struct Entry<'a> {
    key_word: &'a Shared<u64>,
    age_word: &'a Shared<u16>,
    key: u64,
    pub backend: u16,
}

impl Entry<'_> {
    #[inline(always)]
    pub fn generation(&self) -> u8 {
        (self.key >> 3) as u8 & 31
    }

    #[inline(always)]
    pub fn state(&self) -> State {
        State::of(self.key)
    }

    /// Whether the flow has been silent for longer than `idle` (units of age).
    #[inline(always)]
    pub fn idle(&self, now: u16, idle: u32) -> bool {
        now.wrapping_sub(self.age_word.get()) as u32 > idle
    }

    /// Notes that a packet of the flow came by: its age, and what the packet says of its state.
    #[inline(always)]
    pub fn touch<T: Tables>(&self, tables: &T, now: u16, transport: &Transport) {
        if self.age_word.get() != now {
            self.age_word.set(now);
        }
        let state = match self.state() {
            State::Unconfirmed if transport.closes() => State::Closing,
            State::Unconfirmed if transport.is_udp() || !transport.opens() => State::Confirmed,
            State::Confirmed if transport.closes() => State::Closing,
            _ => return,
        };
        let key = self.key & !STATE | state as u64;
        tables.exchange(self.key_word, self.key, key);
    }
}

/// The line of a fingerprint.
#[inline(always)]
pub fn line<T: Tables>(tables: &T, fingerprint: u64) -> Option<&FlowLine> {
    tables.flow_line(fingerprint as u32 & tables.node().flow_mask.get())
}

/// The entry of a flow in its line.
#[inline(always)]
pub fn find(line: &FlowLine, fingerprint: u64) -> Option<Entry<'_>> {
    for way in 0..FLOW_WAYS {
        let key = line.keys[way].get();
        if key ^ fingerprint <= LOW && key & STATE != 0 {
            let backend = line.backends[way].get();
            // Between the two reads the entry may have been given away.
            let same = line.keys[way].get() ^ key <= LOW;
            let entry = Entry { key_word: &line.keys[way], age_word: &line.ages[way], key, backend };
            return same.then_some(entry);
        }
    }
    None
}

/// What a flow becomes in its line.
#[derive(Clone, Copy)]
pub struct NewFlow {
    pub fingerprint: u64,
    pub backend: u16,
    pub generation: u8,
    pub udp: bool,
    pub state: State,
}

/// Whether a flow got a place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Inserted {
    Yes,
    /// All entries of the line are confirmed flows in use.
    Refused,
}

/// Remembers a flow that [`find`] did not find, or whose entry `stale` is worth nothing any more.
#[inline(always)]
pub fn insert<T: Tables>(
    tables: &T,
    line: &FlowLine,
    flow: NewFlow,
    stale: Option<Entry<'_>>,
    now: u16,
) -> Inserted {
    let tag = (flow.fingerprint >> 32) as u32;
    let key = flow.fingerprint & !LOW
        | (flow.generation as u64 & 31) << 3
        | if flow.udp { UDP } else { 0 }
        | flow.state as u64;
    if let Some(stale) = stale {
        // The same flow keeps its place; a concurrent change of it only means that this packet is not noted.
        for way in 0..FLOW_WAYS {
            if core::ptr::eq(stale.key_word, &line.keys[way]) {
                return put(tables, line, way, stale.key, key, flow.backend, now);
            }
        }
    }
    let (way, old, class) = victim(tables, line, now);
    if class <= Class::Closing as u32 {
        if line.refused.get() != tag {
            line.refused.set(tag);
            return Inserted::Refused;
        }
        line.refused.set(0);
    }
    put(tables, line, way, old, key, flow.backend, now)
}

#[inline(always)]
fn put<T: Tables>(
    tables: &T,
    line: &FlowLine,
    way: usize,
    old: u64,
    key: u64,
    backend: u16,
    now: u16,
) -> Inserted {
    if way >= FLOW_WAYS || !tables.exchange(&line.keys[way], old, BUSY) {
        return Inserted::Refused;
    }
    line.backends[way].set(backend);
    line.ages[way].set(now);
    tables.exchange(&line.keys[way], BUSY, key);
    Inserted::Yes
}

/// How readily an entry gives way, the most readily last.
#[derive(Clone, Copy)]
#[repr(u32)]
enum Class {
    Confirmed = 0,
    Closing = 1,
    Unconfirmed = 2,
    Idle = 3,
    Free = 4,
}

/// The entry that gives way first: its place, key and [`Class`].
#[inline(always)]
fn victim<T: Tables>(tables: &T, line: &FlowLine, now: u16) -> (usize, u64, u32) {
    let node = tables.node();
    let (udp_idle, tcp_idle) = (node.udp_idle.get(), node.tcp_idle.get());
    let (mut best, mut chosen, mut key_of_chosen) = (0, FLOW_WAYS, 0);
    for way in 0..FLOW_WAYS {
        let key = line.keys[way].get();
        if key == BUSY {
            continue;
        }
        let silent = now.wrapping_sub(line.ages[way].get()) as u32;
        let idle = match key & (UDP | STATE) {
            bits if bits & UDP != 0 => udp_idle,
            bits if bits == State::Closing as u64 => CLOSING_IDLE as u32,
            _ => tcp_idle,
        };
        let class = match State::of(key) {
            State::Free => Class::Free,
            _ if silent > idle => Class::Idle,
            State::Unconfirmed => Class::Unconfirmed,
            State::Closing => Class::Closing,
            State::Confirmed => Class::Confirmed,
        };
        let rank = (class as u32) << 16 | silent;
        if chosen == FLOW_WAYS || rank > best {
            (best, chosen, key_of_chosen) = (rank, way, key);
        }
    }
    (chosen, key_of_chosen, best >> 16)
}
