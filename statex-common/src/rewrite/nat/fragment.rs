//! Later fragments of translated datagrams: they have no ports, so only addresses change.

use super::{leave_back, ports, translate};
use crate::count;
use crate::forward::Seen;
use crate::packet::Packet;
use crate::reason::Reason;
use crate::rewrite::{Exit, link};
use crate::route::Chosen;
use crate::tables::Tables;

/// A client's fragment, to the backend that got the first.
#[inline(always)]
pub(crate) fn forward<P: Packet, T: Tables>(
    packet: &mut P,
    tables: &T,
    seen: &Seen,
    Chosen { id, row, egress }: Chosen<'_>,
) -> Result<Exit, Reason> {
    if seen.ip.ttl <= 1 {
        return Err(Reason::TimeToLive);
    }
    let node = ports::address(tables, &seen.ip.source);
    translate::addresses(packet, seen, &node, &row.addr).ok_or(Reason::Truncated)?;
    count::sent(tables, id, seen.ip.len);
    link::leave(packet, row, egress, seen.frame_type())
}

/// A backend's fragment, to the client that got the first, whose translated port is `port`.
#[inline(always)]
pub(crate) fn back<P: Packet, T: Tables>(
    packet: &mut P,
    tables: &T,
    seen: &Seen,
    nat_index: u32,
    udp: bool,
    port: [u8; 2],
) -> Result<Exit, Reason> {
    if seen.ip.ttl <= 1 {
        return Err(Reason::TimeToLive);
    }
    let entry = ports::owner(tables, nat_index, udp, port).ok_or(Reason::FragmentUnknown)?;
    translate::addresses(packet, seen, &entry.service_addr(), &entry.client()).ok_or(Reason::Truncated)?;
    leave_back(packet, tables, seen, entry)
}
