//! Which backend a packet goes to: the one that its QUIC connection id names, else the one that its flow
//! has, else the ring's.

use crate::abi::{
    Addr, Backend, BackendState, Egress, Event, EventKind, Service, add, service_flags as flag,
};
use crate::flow::{self, Entry, Inserted, NewFlow, State};
use crate::forward::Seen;
use crate::packet::Packet;
use crate::parse::Ip;
use crate::parse::transport::{self, Transport};
use crate::reason::{Reason, Verdict};
use crate::stage::{Answer, Stage, Told};
use crate::tables::Tables;
use crate::{guard, hash, quic, ring};

/// A backend that may get packets: its id, its row and the row's [`Egress`] word.
#[derive(Clone, Copy)]
pub(crate) struct Chosen<'a> {
    pub(crate) id: u16,
    pub(crate) row: &'a Backend,
    pub(crate) egress: u64,
}

/// A new flow and where it belongs.
#[derive(Clone, Copy)]
pub struct Flow<'a> {
    /// Id of the service.
    pub id: u16,
    pub service: &'a Service,
    pub transport: Transport,
    pub fingerprint: u64,
}

/// The backend with this id, if it lives.
#[inline(always)]
pub(crate) fn alive<T: Tables>(tables: &T, id: u16) -> Option<Chosen<'_>> {
    let row = tables.backend(id as u32)?;
    let egress = row.egress.get();
    (Egress::from_word(egress).state == BackendState::Alive as u8).then_some(Chosen { id, row, egress })
}

/// The backend of a packet, or the stage that will choose it.
#[inline(always)]
pub(crate) fn choose<'a, P: Packet, T: Tables>(
    packet: &mut P,
    tables: &'a T,
    seen: &Seen,
    flow: &Flow<'_>,
) -> Result<Chosen<'a>, Answer> {
    if flow.service.flags.get() & flag::QUIC != 0 {
        match quic::route(packet, tables, flow.id, seen.ip.payload + transport::UDP_HEADER) {
            quic::Route::Backend(chosen) => {
                by_connection_id(packet, tables, seen, flow, &chosen);
                return Ok(chosen);
            }
            quic::Route::Unknown => {
                if let Some(counters) = tables.service_counters(flow.id as u32) {
                    add(&counters.quic_unknown, 1);
                }
            }
            quic::Route::ByFlow => {}
        }
    }
    if let Some(chosen) = past_flow_rate(tables, seen, flow).or_else(|| known(tables, flow)) {
        return Ok(chosen);
    }
    let stage = if flow::has_grown(tables) { Stage::OldFlow } else { Stage::NewFlow };
    Err(Answer::next(stage, flow.id))
}

/// The ring's backend for a SYN to a service whose new flows come faster than they may.
///
/// The flow table is not asked: it hardly ever knows a flow that opens, and a flood of them would cost a
/// miss of the cache each. A service that also bounds its sources looks at those first, apart, and where
/// flow events are told, they are told of these flows, too: apart, since an event takes stack.
#[inline(always)]
fn past_flow_rate<'a, T: Tables>(tables: &'a T, seen: &Seen, flow: &Flow<'_>) -> Option<Chosen<'a>> {
    const RATES: u32 = flag::FLOW_RATE | flag::SOURCE_RATE;
    let apart = flow.service.flags.get() & RATES != flag::FLOW_RATE || tables.node().event_sample.get() != 0;
    if apart || !flow.transport.opens() {
        return None;
    }
    let counters = tables.service_counters(flow.id as u32)?;
    let now = tables.now();
    if !guard::flow_rate_reached(flow.service, counters, now) {
        return None;
    }
    let chosen = assign(tables, seen, flow)?;
    add(&counters.stateless, 1);
    Some(chosen)
}

/// The backend that the flow table has for a packet, which is noted there.
#[inline(always)]
fn known<'a, T: Tables>(tables: &'a T, flow: &Flow<'_>) -> Option<Chosen<'a>> {
    let entry = flow::find(tables, flow::line(tables, flow.fingerprint)?, flow.fingerprint)?;
    let chosen = usable(tables, &entry, flow.id)?;
    let now = flow::age(tables.now());
    if expired(tables, &entry, &flow.transport, now) {
        return None;
    }
    entry.touch(tables, now, &flow.transport);
    Some(chosen)
}

/// Has the flow of a packet noted that its connection id has routed, so that ICMP errors about it, which
/// have no connection id, find its backend.
#[inline(always)]
fn by_connection_id<P: Packet, T: Tables>(
    packet: &mut P,
    tables: &T,
    seen: &Seen,
    flow: &Flow<'_>,
    chosen: &Chosen<'_>,
) {
    let generation = Egress::from_word(chosen.egress).generation;
    let entry =
        flow::line(tables, flow.fingerprint).and_then(|line| flow::find(tables, line, flow.fingerprint));
    let noted = entry.is_some_and(|entry| {
        let fresh = !entry.idle(flow::age(tables.now()), 0);
        entry.backend == chosen.id && entry.generation() == generation && fresh
    });
    if !noted {
        let (service, backend, fingerprint) = (flow.id, chosen.id, flow.fingerprint);
        packet.apart(
            tables,
            Stage::Remember,
            Told { service, backend, fingerprint, vlan: seen.vlan, mtu: 0 },
        );
    }
    if let Some(counters) = tables.service_counters(flow.id as u32) {
        add(&counters.quic_routed, 1);
    }
}

/// Notes that a UDP flow, whatever it had before, has this backend.
#[inline(always)]
pub(crate) fn remember<T: Tables>(tables: &T, told: Told) -> Result<(), Reason> {
    let Told { backend, fingerprint, .. } = told;
    let line = flow::line(tables, fingerprint).ok_or(Reason::TableMissing)?;
    let chosen = alive(tables, backend).ok_or(Reason::NoBackend)?;
    let generation = Egress::from_word(chosen.egress).generation;
    let new = NewFlow { fingerprint, backend, generation, udp: true, state: State::Confirmed };
    flow::insert(tables, line, new, flow::find(tables, line, fingerprint), flow::age(tables.now()));
    Ok(())
}

/// The backend that a flow has, if the id still means the same backend of the same service, and it lives.
#[inline(always)]
pub(crate) fn usable<'a, T: Tables>(tables: &'a T, entry: &Entry<'_>, service: u16) -> Option<Chosen<'a>> {
    let chosen = alive(tables, entry.backend)?;
    let same = Egress::from_word(chosen.egress).generation == entry.generation();
    (same && chosen.row.service == service).then_some(chosen)
}

/// Whether a packet starts anew what its flow's entry remembers: UDP after a silence, TCP after a close.
#[inline(always)]
fn expired<T: Tables>(tables: &T, entry: &Entry<'_>, transport: &Transport, now: u16) -> bool {
    match transport.is_udp() {
        true => entry.idle(now, tables.node().udp_idle.get()),
        false => transport.opens() && entry.state() == State::Closing,
    }
}

/// The backend of a flow that the table remembers where it was before the table grew; the flow moves.
///
/// What was remembered there stays until another flow takes its place; nobody looks for it again.
#[inline(always)]
pub(crate) fn old_flow<T: Tables>(tables: &T, flow: &Flow<'_>) -> Option<u16> {
    let fingerprint = flow.fingerprint;
    let entry = flow::find(tables, flow::line_before(tables, fingerprint)?, fingerprint)?;
    let chosen = usable(tables, &entry, flow.id)?;
    let now = flow::age(tables.now());
    if expired(tables, &entry, &flow.transport, now) {
        return None;
    }
    let line = flow::line(tables, fingerprint)?;
    flow::insert(tables, line, entry.flow(fingerprint), flow::find(tables, line, fingerprint), now);
    Some(chosen.id)
}

/// Gives a new flow to the backend that the ring has for it, and remembers it unless flows come too fast.
#[inline(always)]
pub(crate) fn new_flow<P: Packet, T: Tables>(
    packet: &mut P,
    tables: &T,
    seen: &Seen,
    flow: &Flow<'_>,
) -> Result<u16, Reason> {
    let now = tables.now();
    let Flow { id, service, transport, fingerprint } = *flow;
    let flags = service.flags.get();
    within_source_rate(packet, tables, seen, flow)?;
    let line = flow::line(tables, fingerprint).ok_or(Reason::TableMissing)?;
    let stale = flow::find(tables, line, fingerprint);
    let had = stale.map_or(0, |entry| entry.backend);
    let chosen = open(tables, seen, flow, had, now).ok_or(Reason::NoBackend)?;
    let counters = tables.service_counters(id as u32).ok_or(Reason::TableMissing)?;
    if flags & flag::FLOW_RATE != 0 && !guard::within_flow_rate(service, counters, now) {
        add(&counters.stateless, 1);
        return Ok(chosen.id);
    }
    if transport.flags & transport::flags::RST == 0 {
        let generation = Egress::from_word(chosen.egress).generation;
        let udp = transport.is_udp();
        let new = NewFlow { fingerprint, backend: chosen.id, generation, udp, state: State::Unconfirmed };
        if flow::insert(tables, line, new, stale, flow::age(now)) == Inserted::Refused {
            add(&counters.refused, 1);
        }
    }
    Ok(chosen.id)
}

/// Refuses a new flow whose source prefix opens them too fast.
#[inline(always)]
pub(crate) fn within_source_rate<P: Packet, T: Tables>(
    packet: &mut P,
    tables: &T,
    seen: &Seen,
    flow: &Flow<'_>,
) -> Result<(), Reason> {
    if flow.service.flags.get() & flag::SOURCE_RATE == 0 {
        return Ok(());
    }
    let told = Told { service: flow.id, vlan: seen.vlan, ..Told::default() };
    match packet.apart(tables, Stage::SourceRate, told).exit().verdict() {
        Verdict::Drop => Err(Reason::SourceRate),
        _ => Ok(()),
    }
}

/// Asks the ring for a new flow's backend, counts the flow and tells of it; `had` is the backend that the
/// flow had before, or 0.
#[inline(always)]
pub(crate) fn open<'a, T: Tables>(
    tables: &'a T,
    seen: &Seen,
    flow: &Flow<'_>,
    had: u16,
    now: u64,
) -> Option<Chosen<'a>> {
    let chosen = assign(tables, seen, flow)?;
    let counters = tables.service_counters(flow.id as u32)?;
    let moved = had != 0 && had != chosen.id;
    if moved {
        add(&counters.rehashed, 1);
    }
    let kind = if moved { EventKind::Moved } else { EventKind::Opened };
    tell(tables, &seen.ip, flow, chosen.id, kind, now);
    Some(chosen)
}

/// Asks the ring for a new flow's backend, and counts the flow.
#[inline(always)]
fn assign<'a, T: Tables>(tables: &'a T, seen: &Seen, flow: &Flow<'_>) -> Option<Chosen<'a>> {
    let hash = ring_hash(tables, &seen.ip, flow.transport.ports, flow.service.flags.get());
    let chosen = by_ring(tables, flow.service, hash)?;
    add(&tables.service_counters(flow.id as u32)?.new_flows, 1);
    add(&tables.backend_counters(chosen.id as u32)?.new_flows, 1);
    Some(chosen)
}

#[inline(always)]
pub(crate) fn by_ring<'a, T: Tables>(tables: &'a T, service: &Service, hash: u32) -> Option<Chosen<'a>> {
    alive(tables, ring::choose(tables, service, hash)?)
}

/// What tells flows of a service apart.
#[inline(always)]
pub(crate) fn fingerprint<T: Tables>(tables: &T, ip: &Ip, ports: u32, id: u16, flags: u32) -> u64 {
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
pub(crate) fn ring_hash<T: Tables>(tables: &T, ip: &Ip, ports: u32, flags: u32) -> u32 {
    match flags & flag::AFFINITY != 0 {
        // All of a client's connections to the service meet the same slot.
        true => hash::ring(tables, &ip.source, &Addr::UNSPECIFIED, 0, 0),
        false => hash::ring(tables, &ip.source, &ip.destination, ports, ip.protocol),
    }
}

#[inline(always)]
fn tell<T: Tables>(tables: &T, ip: &Ip, flow: &Flow<'_>, backend: u16, kind: EventKind, now: u64) {
    let sample = tables.node().event_sample.get();
    if sample == 0 || !tables.random().is_multiple_of(sample) {
        return;
    }
    tables.tell(&Event {
        at: now,
        source: ip.source,
        destination: ip.destination,
        source_port: flow.transport.source_port(),
        destination_port: flow.transport.destination_port(),
        service: flow.id,
        backend,
        kind: kind as u8,
        protocol: ip.protocol,
        reserved: [0; 6],
    });
}
