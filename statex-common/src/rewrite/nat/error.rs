//! ICMP errors about translated flows: the packet that they quote is translated back (RFC 5508 §4.2).

use super::translate::{self, Tuple};
use super::{leave_back, ports, whose};
use crate::abi::Addr;
use crate::count;
use crate::forward::Seen;
use crate::packet::Packet;
use crate::parse::icmp::{self, Quoted};
use crate::parse::transport::ports_word;
use crate::parse::{ipv4, protocol};
use crate::reason::Reason;
use crate::rewrite::checksum::Sum;
use crate::rewrite::{Exit, link};
use crate::route::{self, Chosen};
use crate::stage::Told;
use crate::tables::Tables;

/// An error from the backend's side, about a packet that the node sent to the backend: on to the client.
#[inline(always)]
pub(crate) fn back<P: Packet, T: Tables>(packet: &mut P, tables: &T, told: &Told) -> Result<Exit, Reason> {
    let seen = &told.seen;
    let quoted = icmp::quoted(packet, tables, seen.ip.payload, seen.v6)?;
    if quoted.ip.source != seen.ip.destination {
        return Err(Reason::IcmpNoFlow);
    }
    let nat_index = tables.service(told.service as u32).ok_or(Reason::TableMissing)?.nat_index;
    let [port_a, port_b, ..] = quoted.ports.to_ne_bytes();
    let udp = quoted.ip.protocol == protocol::UDP;
    let entry = ports::owner(tables, nat_index, udp, [port_a, port_b]).ok_or(Reason::NatUnknown)?;
    let (_, row) = whose(tables, entry).ok_or(Reason::NatUnknown)?;
    if row.addr != quoted.ip.destination {
        return Err(Reason::NatUnknown);
    }
    let [client_a, client_b, service_a, service_b] = entry.ports.get().to_ne_bytes();
    let inner = Tuple {
        source: entry.client(),
        destination: entry.service_addr(),
        source_port: [client_a, client_b],
        destination_port: [service_a, service_b],
    };
    // The backend itself is known to the client as the virtual address; a router keeps its own.
    let from = if seen.ip.source == row.addr { entry.service_addr() } else { seen.ip.source };
    translate_error(packet, seen, &quoted, &inner, &from, &entry.client())?;
    leave_back(packet, tables, seen, entry)
}

/// An error from the client's side, about a packet that the client got: on to the backend.
#[inline(always)]
pub(crate) fn forward<P: Packet, T: Tables>(packet: &mut P, tables: &T, told: &Told) -> Result<Exit, Reason> {
    let seen = &told.seen;
    let quoted = icmp::quoted(packet, tables, seen.ip.payload, seen.v6)?;
    let udp = quoted.ip.protocol == protocol::UDP;
    let client = &quoted.ip.destination;
    let service = tables.service(told.service as u32).ok_or(Reason::TableMissing)?;
    let (flow_ip, flow_ports) = quoted.turned();
    let fingerprint = route::fingerprint(tables, &flow_ip, flow_ports, told.service, service.flags.get());
    let claim = ports::find(tables, client, udp, fingerprint).ok_or(Reason::IcmpNoFlow)?;
    let Chosen { id: backend, row, egress } =
        super::backend_of(tables, claim.entry, told.service).ok_or(Reason::IcmpNoFlow)?;
    let node = ports::address(tables, client);
    let inner =
        Tuple { source: row.addr, destination: node, source_port: row.port, destination_port: claim.port };
    // The node's own address as source passes the backend's reverse path filter.
    translate_error(packet, seen, &quoted, &inner, &node, &row.addr)?;
    count::sent(tables, backend, seen.ip.len);
    link::leave(packet, row, egress, seen.frame_type())
}

/// Translates the quoted packet and the error around it.
#[inline(always)]
fn translate_error<P: Packet>(
    packet: &mut P,
    seen: &Seen,
    quoted: &Quoted,
    inner: &Tuple,
    source: &Addr,
    destination: &Addr,
) -> Result<(), Reason> {
    if seen.ip.ttl <= 1 {
        return Err(Reason::TimeToLive);
    }
    rewrite(packet, seen, quoted, inner, source, destination).ok_or(Reason::Truncated)
}

#[inline(always)]
fn rewrite<P: Packet>(
    packet: &mut P,
    seen: &Seen,
    quoted: &Quoted,
    inner: &Tuple,
    source: &Addr,
    destination: &Addr,
) -> Option<()> {
    let at = seen.ip.payload;
    let quote = at + icmp::HEADER;
    let ports = ports_word(inner.source_port, inner.destination_port);
    let old: u16 = packet.read(at + 2)?;
    let mut sum = Sum::from_checksum(old).replace32(quoted.ports, ports);
    if seen.v6 {
        sum = sum
            .replace_addr(&quoted.ip.source, &inner.source)
            .replace_addr(&quoted.ip.destination, &inner.destination)
            .replace_addr(&seen.ip.source, source)
            .replace_addr(&seen.ip.destination, destination);
        packet.write(quote + 8, inner.source.0)?;
        packet.write(quote + 24, inner.destination.0)?;
    } else {
        // The quoted header's checksum takes up what its addresses change, so the sum over both stays.
        let header: u16 = packet.read(quote + ipv4::CHECKSUM)?;
        let header_sum = Sum::from_checksum(header)
            .replace32(quoted.ip.source.v4_word(), inner.source.v4_word())
            .replace32(quoted.ip.destination.v4_word(), inner.destination.v4_word())
            .checksum();
        sum = sum
            .replace16(header, header_sum)
            .replace32(quoted.ip.source.v4_word(), inner.source.v4_word())
            .replace32(quoted.ip.destination.v4_word(), inner.destination.v4_word());
        packet.write(quote + ipv4::CHECKSUM, header_sum)?;
        packet.write(quote + 12, [inner.source.v4_word(), inner.destination.v4_word()])?;
    }
    packet.write(quoted.ip.payload, ports)?;
    packet.write(at + 2, sum.checksum())?;
    translate::addresses(packet, seen, source, destination)
}
