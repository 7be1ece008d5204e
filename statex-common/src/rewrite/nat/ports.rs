//! Which of the node's addresses and ports a flow uses.

use crate::abi::{Addr, NatEntry, NatState};
use crate::flow::{is_less, is_zero};
use crate::forward::Seen;
use crate::hash;
use crate::reason::Reason;
use crate::tables::Tables;

/// Ports looked at for one flow.
const CANDIDATES: u32 = 8;
const FREE: u64 = 0;
/// A row that another CPU is filling.
const BUSY: u64 = 1;

/// The row that a flow has.
pub struct Claim<'a> {
    pub entry: &'a NatEntry,
    /// In network order.
    pub port: [u8; 2],
    /// What makes the row the flow's, once written into it.
    pub key: u64,
}

/// The node's address for flows of a client. It depends on the client alone, so fragments find it too.
#[inline(always)]
pub fn address<T: Tables>(tables: &T, client: &Addr) -> Addr {
    let node = tables.node();
    let place = place(tables, client) as usize;
    if client.is_v4() {
        return Addr::v4(node.nat_v4.get(place).map_or(0, |word| word.get()));
    }
    match node.nat_v6.get(place) {
        Some(words) => Addr([words[0].get(), words[1].get(), words[2].get(), words[3].get()]),
        None => Addr::UNSPECIFIED,
    }
}

/// The address's place among those of its family.
#[inline(always)]
fn place<T: Tables>(tables: &T, client: &Addr) -> u32 {
    let node = tables.node();
    let count = if client.is_v4() { node.nat_v4_count.get() } else { node.nat_v6_count.get() };
    match count {
        0 | 1 => 0,
        count => ((hash::narrow(tables, client, 2 << 32) >> 32) * count as u64 >> 32) as u32,
    }
}

/// First row of an address (its place among all, IPv4 first) and protocol.
#[inline(always)]
fn base<T: Tables>(tables: &T, nat_index: u32, udp: bool) -> u32 {
    let node = tables.node();
    let addresses = node.nat_v4_count.get() + node.nat_v6_count.get();
    ((udp as u32) * addresses + nat_index) * node.nat_ports.get()
}

/// First of the candidates of a flow with this key; all of them lie in the table.
#[inline(always)]
fn start<T: Tables>(tables: &T, key: u64) -> Option<u32> {
    let choices = tables.node().nat_ports.get().checked_sub(CANDIDATES - 1)?;
    Some(tables.forgotten((key >> 32) * choices as u64 >> 32, key) as u32)
}

/// The row of a port (network order) of one of the node's addresses, when a flow has it.
#[inline(always)]
pub fn owner<T: Tables>(tables: &T, nat_index: u32, udp: bool, port: [u8; 2]) -> Option<&NatEntry> {
    let node = tables.node();
    let place = (u16::from_be_bytes(port) as u32).wrapping_sub(node.nat_first_port.get());
    if place >= node.nat_ports.get() {
        return None;
    }
    let entry = tables.nat_entry(base(tables, nat_index, udp) + place)?;
    (entry.key.get() > BUSY).then_some(entry)
}

/// The flow's row: the one it has, else one that is free, idle, or the oldest that never got an answer.
///
/// # Errors
/// `NatPorts` when all candidates are taken.
#[inline(always)]
pub fn claim<'a, T: Tables>(
    tables: &'a T,
    seen: &Seen,
    udp: bool,
    fingerprint: u64,
    now: u64,
) -> Result<Claim<'a>, Reason> {
    let node = tables.node();
    let second = (now >> 30) as u32;
    let key = if fingerprint <= BUSY { fingerprint + 2 } else { fingerprint };
    let nat_index = place(tables, &seen.ip.source) + if seen.v6 { node.nat_v4_count.get() } else { 0 };
    let base = base(tables, nat_index, udp);
    let start = start(tables, key).ok_or(Reason::NatPorts)?;

    // One number says which candidate: class, then silence. No branches, for the reasons that the flow
    // table has.
    let mut best = 0;
    for step in 0..CANDIDATES {
        let entry = tables.nat_entry(base + start + step).ok_or(Reason::NatPorts)?;
        let held = entry.key.get();
        let silent = second.wrapping_sub(entry.seen.get()) as u64;
        let silent = (silent | (1 - is_zero(tables, silent >> 16)) * 0xffff) & 0xffff;
        let own = is_same(tables, held, key);
        let free = is_same(tables, held, FREE);
        let busy = is_same(tables, held, BUSY);
        let idle = is_less(tables, idle(tables, entry, udp), silent);
        let opening = is_same(tables, super::state(entry) as u64, NatState::Opening as u64);
        let in_use = (1 - busy) * (idle * class::IDLE | (1 - idle) * opening * class::OPENING);
        let class = own * class::OWN | (1 - own) * (free * class::FREE | (1 - free) * in_use);
        let rank = class << 24 | silent << 4 | step as u64;
        best = rank.wrapping_add(is_less(tables, rank, best).wrapping_mul(best.wrapping_sub(rank)));
    }
    let place = start + (best & 0xf) as u32;
    let entry = tables.nat_entry(base + place).ok_or(Reason::NatPorts)?;
    let held = entry.key.get();
    let taken = best >> 24 == class::TAKEN || held == BUSY;
    // Nothing but this flow changes a row that has its key.
    if taken || (held != key && !tables.exchange(&entry.key, held, BUSY)) {
        return Err(Reason::NatPorts);
    }
    Ok(Claim { entry, port: port(tables, place), key })
}

/// How readily a row is given to a flow, the most readily last.
mod class {
    pub(super) const TAKEN: u64 = 0;
    /// Never got an answer.
    pub(super) const OPENING: u64 = 1;
    pub(super) const IDLE: u64 = 2;
    pub(super) const FREE: u64 = 3;
    /// The flow has it.
    pub(super) const OWN: u64 = 4;
}

/// 1 when the numbers are the same.
#[inline(always)]
fn is_same<T: Tables>(tables: &T, a: u64, b: u64) -> u64 {
    let differs = a ^ b;
    is_zero(tables, differs >> 1 | differs & 1)
}

/// Finds the row that a flow has, without giving it one.
#[inline(always)]
pub fn find<'a, T: Tables>(tables: &'a T, client: &Addr, udp: bool, fingerprint: u64) -> Option<Claim<'a>> {
    let node = tables.node();
    let key = if fingerprint <= BUSY { fingerprint + 2 } else { fingerprint };
    let nat_index = place(tables, client) + if client.is_v4() { 0 } else { node.nat_v4_count.get() };
    let base = base(tables, nat_index, udp);
    let start = start(tables, key)?;
    let mut place = u32::MAX;
    for step in 0..CANDIDATES {
        if tables.nat_entry(base + start + step)?.key.get() == key {
            place = start + step;
            break;
        }
    }
    if place == u32::MAX {
        return None;
    }
    // Looked up again, the row is the same to the verifier whichever candidate it was.
    let entry = tables.nat_entry(base + place)?;
    (entry.key.get() == key).then(|| Claim { entry, port: port(tables, place), key })
}

#[inline(always)]
fn port<T: Tables>(tables: &T, place: u32) -> [u8; 2] {
    ((tables.node().nat_first_port.get() + place) as u16).to_be_bytes()
}

/// How long the row's flow may be silent, in units of 2^30 ns.
#[inline(always)]
fn idle<T: Tables>(tables: &T, entry: &NatEntry, udp: bool) -> u64 {
    /// Place in [`Node::nat_idle`](crate::abi::Node) by state, four bits each, TCP in the lower half.
    const PLACES: u64 = 0x2222_2210 | 0x3333_4333 << 32;
    let state = super::state(entry).wrapping_sub(1) as u64 & 7;
    let place = PLACES >> ((state | (udp as u64) << 3) * 4) & 7;
    tables.node().nat_idle.get(place as usize).map_or(0, |idle| idle.get()) as u64
}
