//! Fragments: the first has the ports, and the others follow it.
//!
//! A datagram's fragments share a line of the flow table, under a fingerprint of addresses, protocol and
//! identification.

use crate::abi::{Egress, Mode, service_flags as flag};
use crate::flow::{self, NewFlow, State};
use crate::packet::Packet;
use crate::parse::{Ip, protocol};
use crate::reason::Reason;
use crate::rewrite::nat;
use crate::route::alive;
use crate::stage::{Answer, Stage, Told};
use crate::tables::Tables;
use crate::{guard, hash, service};

/// Notes where a first fragment went; `value` is the backend id (0: up this node's own stack), or the
/// translated port on the way back, where the destination is the node's own address.
#[inline(always)]
pub(crate) fn remember<T: Tables>(tables: &T, ip: &Ip, value: u16) {
    let generation =
        tables.backend(value as u32).map_or(0, |row| Egress::from_word(row.egress.get()).generation);
    let flow = NewFlow::new(key(tables, ip), value, generation, true, State::Unconfirmed);
    tables.remember(flow, flow::age(tables.now()));
}

/// Sends a fragment without ports after the first one.
#[inline(always)]
pub(crate) fn follow_first<P: Packet, T: Tables>(
    packet: &mut P,
    tables: &T,
    told: &mut Told,
) -> Result<Answer, Reason> {
    let seen = &told.seen;
    let (_, (_, address)) = service::address(tables, &seen.ip.destination).ok_or(Reason::NotOurs)?;
    guard::deny(tables, &seen.ip.source)?;
    let key = key(tables, &seen.ip);
    let line = flow::line(tables, key).ok_or(Reason::TableMissing)?;
    let entry = flow::find(tables, line, key).ok_or(Reason::FragmentUnknown)?;
    if address.flags.get() & flag::NAT_RETURN != 0 {
        let (udp, port) = (seen.ip.protocol == protocol::UDP, entry.backend.to_be_bytes());
        return nat::fragment::back(packet, tables, seen, address.nat_index, udp, port).map(Answer::from);
    }
    if entry.backend == 0 {
        return Err(Reason::Local);
    }
    let chosen = alive(tables, entry.backend).ok_or(Reason::FragmentUnknown)?;
    let Egress { generation, mode, .. } = Egress::from_word(chosen.egress);
    if generation != entry.generation() {
        return Err(Reason::FragmentUnknown);
    }
    if mode == Mode::Nat as u8 {
        return nat::fragment::forward(packet, tables, seen, chosen).map(Answer::from);
    }
    told.fingerprint = key;
    Ok(Answer::next(Stage::Deliver, chosen.row.service).with(chosen.id))
}

/// What all fragments of a datagram have in common.
#[inline(always)]
fn key<T: Tables>(tables: &T, ip: &Ip) -> u64 {
    const FRAGMENTS: u32 = 1 << 24;
    hash::wide(tables, &ip.source, &ip.destination, ip.id, FRAGMENTS | ip.protocol as u32)
}
