//! Full NAT: addresses and ports translated, both ways through the node.
//!
//! ```text
//! client:cp → virtual:vp   becomes   node:np → backend:bp
//! backend:bp → node:np     becomes   virtual:vp → client:cp
//! ```
//!
//! `NAT` has one row for each protocol, node address and port `np`, so what comes back finds its row
//! without a search. The forward way looks at [`ports`]' few candidates, which follow from the flow's
//! fingerprint; the row that has the fingerprint is the flow's.

pub mod error;
pub mod fragment;
pub mod ports;
pub mod translate;

use crate::abi::{Backend, BackendState, Egress, NatEntry, NatState, NextHop, Service};
use crate::forward::{Seen, count_sent};
use crate::packet::Packet;
use crate::parse::transport::Transport;
use crate::reason::{Reason, Verdict};
use crate::rewrite::{Exit, link};
use crate::ring;
use crate::tables::Tables;
use ports::Claim;
use translate::Tuple;

/// Translates a client's packet and sends it to the flow's backend.
#[inline(always)]
pub fn forward<P: Packet, T: Tables>(
    packet: &mut P,
    tables: &T,
    seen: &Seen,
    transport: &Transport,
    (id, service): (u16, &Service),
    fingerprint: u64,
    ring_hash: impl Fn() -> u32,
) -> Result<Exit, Reason> {
    let now = tables.now();
    let claim = ports::claim(tables, seen, transport.is_udp(), fingerprint, now)?;
    let known = (!claim.fresh).then(|| backend_of(tables, claim.entry, id)).flatten();
    let restarts = transport.opens() && state(claim.entry) == NatState::Closing as u8;
    let (backend, row, egress) = match known {
        Some(found) if !restarts => {
            advance(claim.entry, transport, true, now);
            found
        }
        _ => open(packet, tables, seen, transport, service, &claim, ring_hash(), now)?,
    };
    let to = Tuple {
        source: ports::address(tables, &seen.ip.source),
        destination: row.addr,
        source_port: claim.port,
        destination_port: row.port,
    };
    translate::packet(packet, seen, transport, &to)?;
    count_sent(tables, backend, seen.ip.len);
    link::leave(packet, row, egress, seen.frame_type())
}

/// Gives a claimed port to the flow: chooses its backend, and notes everything for the way back.
#[inline(always)]
fn open<'a, P: Packet, T: Tables>(
    packet: &P,
    tables: &'a T,
    seen: &Seen,
    transport: &Transport,
    service: &Service,
    claim: &Claim<'_>,
    hash: u32,
    now: u64,
) -> Result<(u16, &'a Backend, u64), Reason> {
    let chosen = ring::choose(tables, service, hash).and_then(|id| alive(tables, id));
    let Some((backend, row, egress)) = chosen else {
        ports::release(claim);
        return Err(Reason::NoBackend);
    };
    let entry = claim.entry;
    let came_from: u64 = packet.read(6).ok_or(Reason::Truncated)?;
    for word in 0..4 {
        entry.client[word].set(seen.ip.source.0[word]);
        entry.service_addr[word].set(seen.ip.destination.0[word]);
    }
    entry.ports.set(transport.ports);
    entry.client_hop.set(NextHop { vlan: seen.vlan, ..NextHop::from_word(came_from) }.word());
    entry.interface.set(packet.interface());
    entry.seen.set((now >> 30) as u32);
    let generation = Egress::from_word(egress).generation;
    entry.backend.set(backend as u32 | (generation as u32) << 16 | (NatState::Opening as u32) << 24);
    entry.key.set(claim.key);
    if let Some(counters) = tables.backend_counters(backend as u32) {
        crate::abi::add(&counters.new_flows, 1);
    }
    Ok((backend, row, egress))
}

/// Translates a backend's packet and sends it to the client, the way that the client's packets came.
///
/// # Errors
/// `NatUnknown` when no flow owns the port: the packet may be for the node itself.
#[inline(always)]
pub fn back<P: Packet, T: Tables>(
    packet: &mut P,
    tables: &T,
    seen: &Seen,
    transport: &Transport,
    nat_index: u32,
) -> Result<Exit, Reason> {
    let port = transport.destination_port();
    let entry = ports::owner(tables, nat_index, transport.is_udp(), port).ok_or(Reason::NatUnknown)?;
    let (backend, row) = whose(tables, entry).ok_or(Reason::NatUnknown)?;
    if row.addr != seen.ip.source || row.port != transport.source_port() {
        return Err(Reason::NatUnknown);
    }
    advance(entry, transport, false, tables.now());
    let [client_a, client_b, service_a, service_b] = entry.ports.get().to_ne_bytes();
    let to = Tuple {
        source: entry.service_addr(),
        destination: entry.client(),
        source_port: [service_a, service_b],
        destination_port: [client_a, client_b],
    };
    translate::packet(packet, seen, transport, &to)?;
    if let Some(counters) = tables.backend_counters(backend as u32) {
        crate::abi::add(&counters.returned, 1);
    }
    leave_back(packet, tables, seen, entry)
}

/// Sends a packet the way that the client's packets came.
#[inline(always)]
pub(crate) fn leave_back<P: Packet, T: Tables>(
    packet: &mut P,
    tables: &T,
    seen: &Seen,
    entry: &NatEntry,
) -> Result<Exit, Reason> {
    let (hop, interface) = (entry.client_hop.get(), entry.interface.get());
    let same = interface == packet.interface();
    let own: u64 = match same {
        true => packet.read(0).ok_or(Reason::Truncated)?,
        false => tables.link_mac(interface).ok_or(Reason::NoNextHop)?,
    };
    link::write(packet, hop, own, seen.frame_type()).ok_or(Reason::Truncated)?;
    let verdict = if same { Verdict::Transmit } else { Verdict::Redirect(interface) };
    Ok(Exit { verdict, vlan: NextHop::from_word(hop).vlan })
}

/// The flow's backend, if it still is the one that was chosen and lives, in this service.
#[inline(always)]
pub(crate) fn backend_of<'a, T: Tables>(
    tables: &'a T,
    entry: &NatEntry,
    service: u16,
) -> Option<(u16, &'a Backend, u64)> {
    let word = entry.backend.get();
    let (id, row, egress) = alive(tables, word as u16)?;
    let same = Egress::from_word(egress).generation == (word >> 16) as u8 && row.service == service;
    same.then_some((id, row, egress))
}

/// The flow's backend for packets that come from it: it may be dead by now, but not another.
#[inline(always)]
pub(crate) fn whose<'a, T: Tables>(tables: &'a T, entry: &NatEntry) -> Option<(u16, &'a Backend)> {
    let word = entry.backend.get();
    let row = tables.backend(word as u16 as u32)?;
    let same = Egress::from_word(row.egress.get()).generation == (word >> 16) as u8;
    same.then_some((word as u16, row))
}

#[inline(always)]
fn alive<T: Tables>(tables: &T, id: u16) -> Option<(u16, &Backend, u64)> {
    let row = tables.backend(id as u32)?;
    let egress = row.egress.get();
    (Egress::from_word(egress).state == BackendState::Alive as u8).then_some((id, row, egress))
}

#[inline(always)]
pub(crate) fn state(entry: &NatEntry) -> u8 {
    (entry.backend.get() >> 24) as u8
}

/// Notes that a packet of the flow came by, from the client or from the backend.
#[inline(always)]
fn advance(entry: &NatEntry, transport: &Transport, from_client: bool, now: u64) {
    let second = (now >> 30) as u32;
    if entry.seen.get() != second {
        entry.seen.set(second);
    }
    let old = state(entry);
    let new = match old {
        _ if transport.closes() => NatState::Closing as u8,
        1 if !from_client && transport.is_udp() => NatState::Replied as u8,
        1 if !from_client => NatState::Established as u8,
        same => same,
    };
    if new != old {
        entry.backend.set(entry.backend.get() & 0x00ff_ffff | (new as u32) << 24);
    }
}
