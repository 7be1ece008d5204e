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
//! Only as much of the array is in use as the flows need ([`FlowMasks`]); the agent lets it grow. A flow
//! that is not where it belongs now is looked for where it belonged before, and moved.
//!
//! Who gives way to a new flow: a free entry, one unused for longer than its idle time, the oldest
//! unconfirmed one. When all are confirmed, the new flow is refused, and its fingerprint noted; if its
//! next packet finds the note, it takes the place of the oldest, one that is closing first. So what sends
//! a single packet never costs a confirmed flow its entry.
//!
//! Lines are searched without branches: a branch that depends on the place of an entry is foretold wrongly
//! as often as not, and the verifier would follow each place on its own to the end of the program.
//!
//! A key is changed by compare-and-exchange only, and while an entry changes hands its key is
//! [`BUSY`], so no CPU ever pairs one flow's key with another's backend.

use crate::abi::{FLOW_WAYS, FlowLine, FlowMasks};
use crate::parse::transport::Transport;
use crate::tables::Tables;

const STATE: u64 = 0x03;
const UDP: u64 = 0x04;
const LOW: u64 = 0xff;
/// An entry that another CPU is filling; its state says free, so nothing matches it.
const BUSY: u64 = UDP;
/// Time that a closing connection keeps its entry for certain, in units of age (about 64 s).
const CLOSING_IDLE: u64 = 60;

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
    line: &'a FlowLine,
    way: usize,
    key: u64,
    age: u16,
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

    /// The flow as it would be remembered in another line.
    #[inline(always)]
    pub(crate) fn flow(&self, fingerprint: u64) -> NewFlow {
        NewFlow { fingerprint, backend: self.backend, low: self.key as u8 }
    }

    /// Whether the flow has been silent for longer than `idle` (units of age).
    #[inline(always)]
    pub fn idle(&self, now: u16, idle: u32) -> bool {
        now.wrapping_sub(self.age) as u32 > idle
    }

    /// Notes that a packet of the flow came by: its age, and what the packet says of its state.
    #[inline(always)]
    pub fn touch<T: Tables>(&self, tables: &T, now: u16, transport: &Transport) {
        if self.age != now
            && let Some(age) = self.line.ages.get(self.way)
        {
            age.set(now);
        }
        let state = match self.state() {
            State::Unconfirmed if transport.closes() => State::Closing,
            State::Unconfirmed if transport.is_udp() || !transport.opens() => State::Confirmed,
            State::Confirmed if transport.closes() => State::Closing,
            _ => return,
        };
        if let Some(key) = self.line.keys.get(self.way) {
            tables.exchange(key, self.key, self.key & !STATE | state as u64);
        }
    }
}

/// Which part of the table is in use.
#[inline(always)]
fn masks<T: Tables>(tables: &T) -> FlowMasks {
    let word = tables.control().map_or(0, |control| control.flows.get());
    FlowMasks::from_word(word, tables.node().flow_mask.get())
}

/// The line of a fingerprint.
#[inline(always)]
pub fn line<T: Tables>(tables: &T, fingerprint: u64) -> Option<&FlowLine> {
    tables.flow_line(fingerprint as u32 & masks(tables).now)
}

/// Whether flows may still lie where they were before the part in use grew.
#[inline(always)]
pub(crate) fn has_grown<T: Tables>(tables: &T) -> bool {
    let FlowMasks { now, before } = masks(tables);
    now != before
}

/// The line that a fingerprint had before the part in use grew.
#[inline(always)]
pub(crate) fn line_before<T: Tables>(tables: &T, fingerprint: u64) -> Option<&FlowLine> {
    tables.flow_line(fingerprint as u32 & masks(tables).before)
}

/// 1 when `x`, which is less than 2^63, is 0.
#[inline(always)]
pub(crate) fn is_zero<T: Tables>(tables: &T, x: u64) -> u64 {
    tables.opaque(x.wrapping_sub(1)) >> 63
}

/// 1 when `a < b`, both less than 2^63.
#[inline(always)]
pub(crate) fn is_less<T: Tables>(tables: &T, a: u64, b: u64) -> u64 {
    tables.opaque(a.wrapping_sub(b)) >> 63
}

/// The place of the lowest of five bits, of which at least one is set.
#[inline(always)]
fn lowest(bits: u64) -> usize {
    /// Three bits for each power of two: its exponent.
    const EXPONENTS: u64 = 1 << (2 * 3) | 2 << (4 * 3) | 3 << (8 * 3) | 4 << (16 * 3);
    let bit = bits & bits.wrapping_neg() & 0x1f;
    (EXPONENTS >> (bit * 3) & 7) as usize
}

/// A place in a line, bounded where it is made: a bound that is checked later, on a copy, is one that
/// older verifiers do not carry over to the original.
#[inline(always)]
fn within<T: Tables>(tables: &T, way: u64) -> usize {
    tables.opaque(way).min(FLOW_WAYS as u64 - 1) as usize
}

/// The entry of a flow in its line.
#[inline(always)]
pub fn find<'a, T: Tables>(tables: &T, line: &'a FlowLine, fingerprint: u64) -> Option<Entry<'a>> {
    let mut found = 0;
    for way in 0..FLOW_WAYS {
        found |= is_zero(tables, (line.keys[way].get() ^ fingerprint) >> 8) << way;
    }
    if found == 0 {
        return None;
    }
    let way = within(tables, lowest(found) as u64);
    let key = line.keys.get(way)?.get();
    let (backend, age) = (line.backends.get(way)?.get(), line.ages.get(way)?.get());
    // Between the reads the entry may have been given away.
    let same = line.keys.get(way)?.get() ^ fingerprint <= LOW && key ^ fingerprint <= LOW;
    same.then_some(Entry { line, way, key, age, backend })
}

/// What a flow becomes in its line.
#[derive(Clone, Copy)]
pub struct NewFlow {
    fingerprint: u64,
    backend: u16,
    /// The key's lower bits: state, protocol and generation.
    low: u8,
}

impl NewFlow {
    #[inline(always)]
    pub fn new(fingerprint: u64, backend: u16, generation: u8, udp: bool, state: State) -> Self {
        Self { fingerprint, backend, low: state as u8 | (udp as u8) << 2 | (generation & 31) << 3 }
    }

    /// The flow and an age as two numbers.
    #[inline(always)]
    pub fn words(self, now: u16) -> (u64, u64) {
        (self.fingerprint, self.backend as u64 | (self.low as u64) << 16 | (now as u64) << 32)
    }

    #[inline(always)]
    pub fn from_words(fingerprint: u64, rest: u64) -> (Self, u16) {
        (Self { fingerprint, backend: rest as u16, low: (rest >> 16) as u8 }, (rest >> 32) as u16)
    }

    #[inline(always)]
    fn key(&self) -> u64 {
        self.fingerprint & !LOW | self.low as u64
    }
}

/// Remembers a flow where it belongs now, in the place of what was remembered of it before. Whether it got a
/// place: no, when all entries of the line are confirmed flows in use, or another CPU was at the same entry.
#[inline(always)]
pub fn remember<T: Tables>(tables: &T, flow: NewFlow, now: u16) -> bool {
    let Some(line) = line(tables, flow.fingerprint) else { return false };
    let way = match find(tables, line, flow.fingerprint) {
        Some(stale) => Some(stale.way),
        None => admit(tables, line, (flow.fingerprint >> 32) as u32, now),
    };
    way.and_then(|way| put(tables, line, way, flow, now)).is_some()
}

#[inline(always)]
fn put<T: Tables>(tables: &T, line: &FlowLine, way: usize, flow: NewFlow, now: u16) -> Option<()> {
    let key = line.keys.get(way)?;
    let old = key.get();
    if old == BUSY || !tables.exchange(key, old, BUSY) {
        return None;
    }
    line.backends.get(way)?.set(flow.backend);
    line.ages.get(way)?.set(now);
    tables.exchange(key, BUSY, flow.key());
    Some(())
}

/// How readily an entry gives way, the most readily last.
mod class {
    pub(super) const CONFIRMED: u64 = 0;
    pub(super) const CLOSING: u64 = 1;
    pub(super) const UNCONFIRMED: u64 = 2;
    pub(super) const IDLE: u64 = 3;
    pub(super) const FREE: u64 = 4;
    /// By the key's low three bits, four bits each. A busy entry looks like a confirmed one.
    pub(super) const OF_KEY: u64 = FREE | UNCONFIRMED << 4 | CONFIRMED << 8 | CLOSING << 12 // TCP
        | CONFIRMED << 16 | UNCONFIRMED << 20 | CONFIRMED << 24 | CLOSING << 28; // UDP
}

/// The place that a new flow may take in a line, if any.
#[inline(always)]
fn admit<T: Tables>(tables: &T, line: &FlowLine, tag: u32, now: u16) -> Option<usize> {
    let node = tables.node();
    let (udp_idle, tcp_idle) = (node.udp_idle.get() as u64, node.tcp_idle.get() as u64);
    let mut best = 0;
    for way in 0..FLOW_WAYS {
        let key = tables.opaque(line.keys[way].get());
        let silent = now.wrapping_sub(line.ages[way].get()) as u64;
        let (udp, closing) = (key >> 2 & 1, (key & STATE) / STATE);
        let idle_tcp = tcp_idle.wrapping_add(closing.wrapping_mul(CLOSING_IDLE.wrapping_sub(tcp_idle)));
        let idle = idle_tcp.wrapping_add(udp.wrapping_mul(udp_idle.wrapping_sub(idle_tcp)));
        let by_key = class::OF_KEY >> ((key & (UDP | STATE)) * 4) & 0xf;
        let by_age = is_less(tables, idle, silent) * class::IDLE;
        let class =
            by_key.wrapping_add(is_less(tables, by_key, by_age).wrapping_mul(by_age.wrapping_sub(by_key)));
        // One number says who gives way first: class, then silence; the place comes along.
        let rank = class << 19 | silent << 3 | way as u64;
        best = rank.wrapping_add(is_less(tables, rank, best).wrapping_mul(best.wrapping_sub(rank)));
    }
    if best >> 19 <= class::CLOSING {
        if line.refused.get() != tag {
            line.refused.set(tag);
            return None;
        }
        line.refused.set(0);
    }
    Some(within(tables, best & 7))
}
