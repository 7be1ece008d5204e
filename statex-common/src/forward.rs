//! The decision about one packet, from its Ethernet header to its verdict.

use crate::abi::{
    Addr, Backend, BackendState, Egress, Event, EventKind, Mode, Service, add, service_flags as flag,
};
use crate::flow::{self, Entry, Inserted, NewFlow, State};
use crate::packet::Packet;
use crate::parse::ethernet::{self, Tags, ethertype};
use crate::parse::icmp::{self, Kind};
use crate::parse::transport::{self, Transport, turned};
use crate::parse::{Fragment, Ip, ipv4, ipv6, protocol};
use crate::quic;
use crate::reason::{Reason, Verdict};
use crate::rewrite::encap::{self, Inner};
use crate::rewrite::{Exit, icmp as reply, link, nat};
use crate::tables::Tables;
use crate::{guard, hash, ring, service};

/// What has been read of a packet.
#[derive(Clone, Copy)]
pub struct Seen {
    pub ip: Ip,
    pub v6: bool,
    /// VLAN id of the outermost tag that the frame came with, or [`NextHop::UNTAGGED`](crate::abi::NextHop).
    pub vlan: u16,
}

impl Seen {
    #[inline(always)]
    pub(crate) fn frame_type(&self) -> u16 {
        if self.v6 { ethertype::IPV6 } else { ethertype::IPV4 }
    }
}

/// A backend that may get packets: its id, its row and the row's [`Egress`] word.
type Chosen<'a> = (u16, &'a Backend, u64);

/// Decides about a packet that came to a node, and rewrites it accordingly.
#[inline(always)]
pub fn forward<P: Packet, T: Tables>(packet: &mut P, tables: &T) -> Verdict {
    let mut tags = Tags::default();
    match untagged(packet, tables, &mut tags) {
        Ok(exit) => leave(packet, tables, tags, exit),
        Err(reason) => {
            count(tables, reason);
            if tags.any() && reason.verdict() != Verdict::Drop && ethernet::retag(packet, tags).is_none() {
                return Verdict::Drop;
            }
            reason.verdict()
        }
    }
}

/// Gives a finished packet the tags that it leaves with.
#[inline(always)]
fn leave<P: Packet, T: Tables>(packet: &mut P, tables: &T, tags: Tags, exit: Exit) -> Verdict {
    use crate::abi::NextHop;
    let done = match exit.vlan {
        NextHop::KEEP if tags.any() => ethernet::retag(packet, tags),
        NextHop::KEEP | NextHop::UNTAGGED => Some(()),
        vlan => ethernet::tag(packet, vlan),
    };
    match done {
        Some(()) => exit.verdict,
        None => {
            count(tables, Reason::NoHeadroom);
            Verdict::Drop
        }
    }
}

#[inline(always)]
fn untagged<P: Packet, T: Tables>(packet: &mut P, tables: &T, tags: &mut Tags) -> Result<Exit, Reason> {
    let mut frame_type = ethernet::frame_type(packet)?;
    if ethernet::is_tag(frame_type) {
        *tags = ethernet::untag(packet)?;
        frame_type = ethernet::frame_type(packet)?;
    }
    let vlan = tags.vlan();
    match frame_type {
        ethertype::IPV4 => datagram(packet, tables, Seen { ip: ipv4::parse_frame(packet)?, v6: false, vlan }),
        ethertype::IPV6 => datagram(packet, tables, Seen { ip: ipv6::parse_frame(packet)?, v6: true, vlan }),
        _ => Err(Reason::NotIp),
    }
}

#[inline(always)]
fn datagram<P: Packet, T: Tables>(packet: &mut P, tables: &T, seen: Seen) -> Result<Exit, Reason> {
    match seen.ip.protocol {
        protocol::TCP | protocol::UDP if seen.ip.fragment == Fragment::Later => {
            later_fragment(packet, tables, &seen)
        }
        protocol::TCP | protocol::UDP => segment(packet, tables, &seen),
        protocol::ICMP if !seen.v6 => message(packet, tables, &seen),
        protocol::ICMPV6 if seen.v6 => message(packet, tables, &seen),
        _ => Err(Reason::NotOurs),
    }
}

/// A TCP segment or UDP datagram with its ports.
#[inline(always)]
fn segment<P: Packet, T: Tables>(packet: &mut P, tables: &T, seen: &Seen) -> Result<Exit, Reason> {
    let ip = &seen.ip;
    let Some(transport) = transport::parse(packet, ip.payload, ip.protocol) else {
        return Err(truncated(tables, ip));
    };
    let (id, service) = service::find(tables, &ip.destination, transport.destination_port(), ip.protocol)?;
    let flags = service.flags.get();
    if flags & flag::NAT_RETURN != 0 {
        if ip.fragment == Fragment::First {
            let key = fragment_key(tables, ip);
            let port = u16::from_be_bytes(transport.destination_port());
            let line = flow::line(tables, key).ok_or(Reason::TableMissing)?;
            remember_fragment(tables, line, key, port, 0);
        }
        return nat::back(packet, tables, seen, &transport, service.nat_index);
    }
    guard::deny(tables, &ip.source)?;
    if flags & flag::LOCAL != 0 {
        if let Some(counters) = tables.service_counters(id as u32) {
            add(&counters.local, 1);
        }
        return Err(Reason::Local);
    }
    let fingerprint = fingerprint(tables, ip, transport.ports, id, flags);
    if flags & flag::NAT != 0 {
        let ring_hash = || ring_hash(tables, ip, transport.ports, flags);
        return nat::forward(packet, tables, seen, &transport, (id, service), fingerprint, ring_hash);
    }
    let chosen = route(packet, tables, seen, &transport, (id, service), fingerprint)?;
    if ip.fragment == Fragment::First {
        let key = fragment_key(tables, ip);
        let line = flow::line(tables, key).ok_or(Reason::TableMissing)?;
        remember_fragment(tables, line, key, chosen.0, Egress::from_word(chosen.2).generation);
    }
    deliver(packet, tables, seen, chosen, (fingerprint >> 32) as u32)
}

/// Why a packet whose transport header is cut off is not forwarded.
#[inline(always)]
fn truncated<T: Tables>(tables: &T, ip: &Ip) -> Reason {
    match service::address(tables, &ip.destination) {
        Some(_) => Reason::Truncated,
        None => Reason::NotOurs,
    }
}

/// The backend of a packet: by QUIC connection id, else the one that the flow has, else the ring's.
#[inline(always)]
fn route<'a, P: Packet, T: Tables>(
    packet: &P,
    tables: &'a T,
    seen: &Seen,
    transport: &Transport,
    (id, service): (u16, &Service),
    fingerprint: u64,
) -> Result<Chosen<'a>, Reason> {
    let flags = service.flags.get();
    let now = tables.now();
    let line = flow::line(tables, fingerprint).ok_or(Reason::TableMissing)?;
    let known = flow::find(line, fingerprint);

    if flags & flag::QUIC != 0 {
        match quic::route(packet, tables, id, seen.ip.payload + transport::UDP_HEADER) {
            quic::Route::Backend(backend, row) => {
                return Ok(by_connection_id(tables, id, line, fingerprint, known, (backend, row), now));
            }
            quic::Route::Unknown => {
                if let Some(counters) = tables.service_counters(id as u32) {
                    add(&counters.quic_unknown, 1);
                }
            }
            quic::Route::ByFlow => {}
        }
    }
    if let Some(entry) = known
        && let Some(chosen) = usable(tables, &entry, id)
        && !expired(tables, &entry, transport, flow::age(now))
    {
        entry.touch(tables, flow::age(now), transport);
        return Ok(chosen);
    }
    new_flow(tables, seen, transport, (id, service), line, fingerprint, known, now)
}

/// Notes the flow of a packet that its connection id has routed, so that ICMP errors about it, which have
/// no connection id, find its backend.
#[inline(always)]
fn by_connection_id<'a, T: Tables>(
    tables: &T,
    service: u16,
    line: &crate::abi::FlowLine,
    fingerprint: u64,
    known: Option<Entry<'_>>,
    (backend, row): (u16, &'a Backend),
    now: u64,
) -> Chosen<'a> {
    let egress = row.egress.get();
    let generation = Egress::from_word(egress).generation;
    let age = flow::age(now);
    match known {
        Some(entry)
            if entry.backend == backend && entry.generation() == generation && !entry.idle(age, 0) => {}
        _ => {
            let flow = NewFlow { fingerprint, backend, generation, udp: true, state: State::Confirmed };
            flow::insert(tables, line, flow, known, age);
        }
    }
    if let Some(counters) = tables.service_counters(service as u32) {
        add(&counters.quic_routed, 1);
    }
    (backend, row, egress)
}

/// The backend that a flow has, if the id still means the same backend of the same service, and it lives.
#[inline(always)]
fn usable<'a, T: Tables>(tables: &'a T, entry: &Entry<'_>, service: u16) -> Option<Chosen<'a>> {
    let row = tables.backend(entry.backend as u32)?;
    let egress = row.egress.get();
    let Egress { generation, state, .. } = Egress::from_word(egress);
    let same =
        state == BackendState::Alive as u8 && generation == entry.generation() && row.service == service;
    same.then_some((entry.backend, row, egress))
}

/// Whether a packet starts anew what its flow's entry remembers: UDP after a silence, TCP after a close.
#[inline(always)]
fn expired<T: Tables>(tables: &T, entry: &Entry<'_>, transport: &Transport, now: u16) -> bool {
    match transport.is_udp() {
        true => entry.idle(now, tables.node().udp_idle.get()),
        false => transport.opens() && entry.state() == State::Closing,
    }
}

/// Asks the ring, and remembers its answer unless flows come too fast.
#[inline(always)]
fn new_flow<'a, T: Tables>(
    tables: &'a T,
    seen: &Seen,
    transport: &Transport,
    (id, service): (u16, &Service),
    line: &crate::abi::FlowLine,
    fingerprint: u64,
    stale: Option<Entry<'_>>,
    now: u64,
) -> Result<Chosen<'a>, Reason> {
    let flags = service.flags.get();
    let counters = tables.service_counters(id as u32).ok_or(Reason::TableMissing)?;
    if flags & flag::SOURCE_RATE != 0 {
        guard::source_rate(tables, id, service, &seen.ip.source, now)?;
    }
    let remembered = flags & flag::FLOW_RATE == 0 || guard::within_flow_rate(service, counters, now);

    let hash = ring_hash(tables, &seen.ip, transport.ports, flags);
    let backend = ring::choose(tables, service, hash).ok_or(Reason::NoBackend)?;
    let row = tables.backend(backend as u32).ok_or(Reason::TableMissing)?;
    let egress = row.egress.get();
    let Egress { generation, state, .. } = Egress::from_word(egress);
    if state != BackendState::Alive as u8 {
        return Err(Reason::NoBackend);
    }
    add(&counters.new_flows, 1);
    if let Some(counters) = tables.backend_counters(backend as u32) {
        add(&counters.new_flows, 1);
    }
    let moved = stale.is_some_and(|entry| entry.backend != backend);
    if moved {
        add(&counters.rehashed, 1);
    }
    if !remembered {
        add(&counters.stateless, 1);
    } else if transport.flags & transport::flags::RST == 0 {
        let udp = transport.is_udp();
        let flow = NewFlow { fingerprint, backend, generation, udp, state: State::Unconfirmed };
        if flow::insert(tables, line, flow, stale, flow::age(now)) == Inserted::Refused {
            add(&counters.refused, 1);
        }
    }
    let kind = if moved { EventKind::Moved } else { EventKind::Opened };
    tell(tables, &seen.ip, transport, id, backend, kind);
    Ok((backend, row, egress))
}

/// What tells flows of a service apart.
#[inline(always)]
fn fingerprint<T: Tables>(tables: &T, ip: &Ip, ports: u32, id: u16, flags: u32) -> u64 {
    if flags & flag::WIDE != 0 {
        return hash::wide(tables, &ip.source, &ip.destination, ports, id as u32);
    }
    let source_port = (ports & 0xffff) as u64;
    if ip.source.is_v4() {
        return hash::permute(tables, (ip.source.v4_word() as u64) << 32 | source_port << 16 | id as u64);
    }
    hash::narrow(tables, &ip.source, source_port | (id as u64) << 32)
}

#[inline(always)]
fn ring_hash<T: Tables>(tables: &T, ip: &Ip, ports: u32, flags: u32) -> u32 {
    match flags & flag::AFFINITY != 0 {
        // All of a client's connections to the service's address meet the same slot.
        true => hash::ring(tables, &ip.source, &Addr::UNSPECIFIED, 0, 0),
        false => hash::ring(tables, &ip.source, &ip.destination, ports, ip.protocol),
    }
}

/// Sends a packet to its backend in the backend's way.
#[inline(always)]
fn deliver<P: Packet, T: Tables>(
    packet: &mut P,
    tables: &T,
    seen: &Seen,
    (id, row, egress): Chosen<'_>,
    entropy: u32,
) -> Result<Exit, Reason> {
    if seen.ip.len > row.mtu.get() as usize {
        let exit = reply::too_big(packet, &seen.ip, seen.v6, row.mtu.get())?;
        count(tables, Reason::TooBigReplied);
        return Ok(exit);
    }
    count_sent(tables, id, seen.ip.len);
    if Egress::from_word(egress).mode == Mode::L2 as u8 {
        return link::leave(packet, row, egress, seen.frame_type());
    }
    let inner = Inner { len: seen.ip.len, tos: seen.ip.tos, entropy };
    encap::encapsulate(packet, tables, row, egress, inner)
}

/// A fragment without ports: it follows the first one.
#[inline(always)]
fn later_fragment<P: Packet, T: Tables>(packet: &mut P, tables: &T, seen: &Seen) -> Result<Exit, Reason> {
    let (_, (_, address)) = service::address(tables, &seen.ip.destination).ok_or(Reason::NotOurs)?;
    guard::deny(tables, &seen.ip.source)?;
    let key = fragment_key(tables, &seen.ip);
    let line = flow::line(tables, key).ok_or(Reason::TableMissing)?;
    let entry = flow::find(line, key).ok_or(Reason::FragmentUnknown)?;
    if address.flags.get() & flag::NAT_RETURN != 0 {
        let (udp, port) = (seen.ip.protocol == protocol::UDP, entry.backend.to_be_bytes());
        return nat::fragment::back(packet, tables, seen, address.nat_index, udp, port);
    }
    let row = tables.backend(entry.backend as u32).ok_or(Reason::TableMissing)?;
    let egress = row.egress.get();
    let Egress { generation, state, mode, .. } = Egress::from_word(egress);
    if state != BackendState::Alive as u8 || generation != entry.generation() {
        return Err(Reason::FragmentUnknown);
    }
    match mode == Mode::Nat as u8 {
        true => nat::fragment::forward(packet, tables, seen, (entry.backend, row, egress)),
        false => deliver(packet, tables, seen, (entry.backend, row, egress), (key >> 32) as u32),
    }
}

/// What all fragments of a datagram have in common.
#[inline(always)]
fn fragment_key<T: Tables>(tables: &T, ip: &Ip) -> u64 {
    const FRAGMENTS: u32 = 1 << 24;
    hash::wide(tables, &ip.source, &ip.destination, ip.id, FRAGMENTS | ip.protocol as u32)
}

/// Notes where a first fragment went; `value` is the backend id, or the translated port on the way back.
#[inline(always)]
fn remember_fragment<T: Tables>(
    tables: &T,
    line: &crate::abi::FlowLine,
    key: u64,
    value: u16,
    generation: u8,
) {
    let flow = NewFlow { fingerprint: key, backend: value, generation, udp: true, state: State::Unconfirmed };
    flow::insert(tables, line, flow, flow::find(line, key), flow::age(tables.now()));
}

/// ICMP to a virtual address: a ping, or an error about a flow.
#[inline(always)]
fn message<P: Packet, T: Tables>(packet: &mut P, tables: &T, seen: &Seen) -> Result<Exit, Reason> {
    let (_, (_, address)) = service::address(tables, &seen.ip.destination).ok_or(Reason::NotOurs)?;
    let returning = address.flags.get() & flag::NAT_RETURN != 0;
    if seen.ip.fragment != Fragment::Whole {
        return Err(Reason::IcmpOther);
    }
    guard::deny(tables, &seen.ip.source)?;
    match icmp::kind(packet, seen.ip.payload, seen.v6)? {
        // The node's own addresses answer for themselves.
        Kind::EchoRequest if returning => Err(Reason::IcmpOther),
        Kind::EchoRequest => {
            reply::echo_reply(packet, &seen.ip, seen.v6).ok_or(Reason::Truncated)?;
            Err(Reason::EchoReplied)
        }
        Kind::Error => error(packet, tables, seen, address, returning),
        Kind::Other => Err(Reason::IcmpOther),
    }
}

/// An ICMP error goes to the backend that owns the flow which it is about.
#[inline(always)]
fn error<P: Packet, T: Tables>(
    packet: &mut P,
    tables: &T,
    seen: &Seen,
    address: &Service,
    returning: bool,
) -> Result<Exit, Reason> {
    let quoted = icmp::quoted(packet, seen.ip.payload, seen.v6)?;
    if quoted.ip.source != seen.ip.destination {
        return Err(Reason::IcmpNoFlow);
    }
    if returning {
        return nat::error::back(packet, tables, seen, &quoted, address.nat_index);
    }
    // The quoted packet went to the client; the flow's own packets go the other way.
    let ports = turned(quoted.ports);
    let flow_ip = Ip { source: quoted.ip.destination, destination: quoted.ip.source, ..quoted.ip };
    let [.., port_a, port_b] = ports.to_ne_bytes();
    let (id, service) = service::find(tables, &flow_ip.destination, [port_a, port_b], flow_ip.protocol)
        .map_err(|_| Reason::IcmpNoFlow)?;
    let flags = service.flags.get();
    if flags & flag::LOCAL != 0 {
        return Err(Reason::Local);
    }
    let fingerprint = fingerprint(tables, &flow_ip, ports, id, flags);
    if flags & flag::NAT != 0 {
        return nat::error::forward(packet, tables, seen, &quoted, (id, service), fingerprint);
    }
    let line = flow::line(tables, fingerprint).ok_or(Reason::TableMissing)?;
    let known = flow::find(line, fingerprint).and_then(|entry| usable(tables, &entry, id));
    let chosen = match known {
        Some(chosen) => chosen,
        None => {
            by_ring(tables, service, ring_hash(tables, &flow_ip, ports, flags)).ok_or(Reason::NoBackend)?
        }
    };
    deliver(packet, tables, seen, chosen, (fingerprint >> 32) as u32)
}

#[inline(always)]
fn by_ring<'a, T: Tables>(tables: &'a T, service: &Service, hash: u32) -> Option<Chosen<'a>> {
    let id = ring::choose(tables, service, hash)?;
    let row = tables.backend(id as u32)?;
    let egress = row.egress.get();
    (Egress::from_word(egress).state == BackendState::Alive as u8).then_some((id, row, egress))
}

#[inline(always)]
pub(crate) fn count_sent<T: Tables>(tables: &T, backend: u16, len: usize) {
    if let Some(counters) = tables.backend_counters(backend as u32) {
        add(&counters.packets, 1);
        add(&counters.bytes, len as u64);
    }
}

#[inline(always)]
pub(crate) fn count<T: Tables>(tables: &T, reason: Reason) {
    if let Some(counter) = tables.reason_counter(reason) {
        add(counter, 1);
    }
}

#[inline(always)]
fn tell<T: Tables>(tables: &T, ip: &Ip, transport: &Transport, service: u16, backend: u16, kind: EventKind) {
    let sample = tables.node().event_sample.get();
    if sample == 0 || !tables.random().is_multiple_of(sample) {
        return;
    }
    tables.tell(&Event {
        at: tables.now(),
        source: ip.source,
        destination: ip.destination,
        source_port: transport.source_port(),
        destination_port: transport.destination_port(),
        service,
        backend,
        kind: kind as u8,
        protocol: ip.protocol,
        reserved: [0; 2],
        detail: 0,
    });
}
