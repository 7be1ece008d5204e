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

use crate::abi::{Backend, Egress, NatEntry, NatState, NextHop, add};
use crate::count;
use crate::forward::Seen;
use crate::fragment as fragments;
use crate::packet::Packet;
use crate::parse::Fragment;
use crate::parse::transport::Transport;
use crate::reason::{Reason, Verdict};
use crate::rewrite::{Exit, link};
use crate::route::{self, Chosen, alive};
use crate::stage::{Answer, Stage, Told};
use crate::tables::Tables;
use translate::Tuple;

/// Translates a client's packet and sends it to the flow's backend.
#[inline(always)]
pub(crate) fn forward<P: Packet, T: Tables>(
    packet: &mut P,
    tables: &T,
    told: &Told,
) -> Result<Answer, Reason> {
    let (seen, flow) = (&told.seen, told.flow(tables)?);
    let transport = &flow.transport;
    let known =
        ports::find(tables, &seen.ip.source, transport.is_udp(), flow.fingerprint).and_then(|claim| {
            let restarts = transport.opens() && state(claim.entry) == NatState::Closing as u8;
            Some((backend_of(tables, claim.entry, flow.id).filter(|_| !restarts)?, claim))
        });
    let Some((chosen, claim)) = known else {
        return Ok(route::opening(flow.id, flow.service.flags.get(), 0));
    };
    advance(claim.entry, transport, true, tables.now());
    if seen.ip.fragment == Fragment::First {
        fragments::remember(tables, &seen.ip, chosen.id);
    }
    let to = Tuple {
        source: ports::address(tables, &seen.ip.source),
        destination: chosen.row.addr,
        source_port: claim.port,
        destination_port: chosen.row.port,
    };
    translate::packet(packet, seen, transport, &to)?;
    count::sent(tables, chosen.id, seen.ip.len);
    link::leave(packet, chosen.row, chosen.egress, seen.frame_type()).map(Answer::from)
}

/// Gives a flow a port and a backend, and notes everything for the way back.
#[inline(always)]
pub(crate) fn open<P: Packet, T: Tables>(packet: &mut P, tables: &T, told: &Told) -> Result<Answer, Reason> {
    let (seen, flow) = (&told.seen, &told.flow(tables)?);
    let now = tables.now();
    let came_from: u64 = packet.read(6).ok_or(Reason::Truncated)?;
    let chosen = route::open(tables, seen, flow, 0, now).ok_or(Reason::NoBackend)?;
    let claim = ports::claim(tables, seen, flow.transport.is_udp(), flow.fingerprint, now)?;
    let entry = claim.entry;
    for word in 0..4 {
        entry.client[word].set(seen.ip.source.0[word]);
        entry.service_addr[word].set(seen.ip.destination.0[word]);
    }
    entry.ports.set(flow.transport.ports);
    entry.client_hop.set(NextHop { vlan: seen.vlan, ..NextHop::from_word(came_from) }.word());
    entry.interface.set(packet.interface());
    entry.seen.set((now >> 30) as u32);
    let generation = Egress::from_word(chosen.egress).generation;
    entry.backend.set(chosen.id as u32 | (generation as u32) << 16 | (NatState::Opening as u32) << 24);
    entry.key.set(claim.key);
    Ok(Answer::next(Stage::NatForward, flow.id))
}

/// Translates a backend's packet and sends it to the client, the way that the client's packets came.
///
/// # Errors
/// `NatUnknown` when no flow owns the port: the packet may be for the node itself.
#[inline(always)]
pub(crate) fn back<P: Packet, T: Tables>(packet: &mut P, tables: &T, told: &Told) -> Result<Exit, Reason> {
    let (seen, flow) = (&told.seen, told.flow(tables)?);
    let (transport, nat_index) = (&flow.transport, flow.service.nat_index);
    let port = transport.destination_port();
    let entry = ports::owner(tables, nat_index, transport.is_udp(), port).ok_or(Reason::NatUnknown)?;
    let (backend, row) = whose(tables, entry).ok_or(Reason::NatUnknown)?;
    if row.addr != seen.ip.source || row.port != transport.source_port() {
        return Err(Reason::NatUnknown);
    }
    if seen.ip.fragment == Fragment::First {
        fragments::remember(tables, &seen.ip, u16::from_be_bytes(port));
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
        add(&counters.returned, 1);
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
    Ok(Exit::new(verdict, NextHop::from_word(hop).vlan))
}

/// The flow's backend, if it still is the one that was chosen and lives, in this service.
#[inline(always)]
pub(crate) fn backend_of<'a, T: Tables>(tables: &'a T, entry: &NatEntry, service: u16) -> Option<Chosen<'a>> {
    let word = entry.backend.get();
    let chosen = alive(tables, word as u16)?;
    let same = Egress::from_word(chosen.egress).generation == (word >> 16) as u8;
    (same && chosen.row.service == service).then_some(chosen)
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
