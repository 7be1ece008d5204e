//! Which backend a packet goes to: the one that its QUIC connection id names, else the one that its flow
//! has, else the ring's.

use crate::abi::{
    Addr, Backend, BackendState, Egress, Event, EventKind, Service, add, service_flags as flag,
};
use crate::flow::{self, Entry, NewFlow, State};
use crate::forward::Seen;
use crate::packet::Packet;
use crate::parse::Ip;
use crate::parse::transport::{self, Transport};
use crate::reason::Reason;
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
    packet: &P,
    tables: &'a T,
    seen: &Seen,
    flow: &Flow<'_>,
) -> Result<Chosen<'a>, Answer> {
    if flow.service.flags.get() & flag::QUIC != 0 {
        match quic::route(packet, tables, flow.id, seen.ip.payload + transport::UDP_HEADER) {
            quic::Route::Backend(chosen) => {
                by_connection_id(tables, flow, &chosen);
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
    if let Some(chosen) = past_flow_rate(tables, seen, flow) {
        return Ok(chosen);
    }
    known(tables, flow)
}

/// The stage that a flow is for that opens, or opens again: `had` is the backend that it had before, or 0.
#[inline(always)]
pub(crate) fn opening(id: u16, flags: u32, had: u16) -> Answer {
    let stage = match (flags & flag::SOURCE_RATE != 0, flags & flag::NAT != 0) {
        (true, _) => Stage::SourceRate,
        (_, true) => Stage::NatOpen,
        (_, false) => Stage::NewFlow,
    };
    Answer::next(stage, id).with(had)
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

/// The backend that the flow table has for a packet, which is noted there; else the stage that finds one.
#[inline(always)]
fn known<'a, T: Tables>(tables: &'a T, flow: &Flow<'_>) -> Result<Chosen<'a>, Answer> {
    let remembered =
        flow::line(tables, flow.fingerprint).and_then(|line| flow::find(tables, line, flow.fingerprint));
    if let Some(entry) = &remembered
        && let Some(chosen) = usable(tables, entry, flow.id)
    {
        let now = flow::age(tables.now());
        if !expired(tables, entry, &flow.transport, now) {
            entry.touch(tables, now, &flow.transport);
            return Ok(chosen);
        }
    }
    let had = remembered.map_or(0, |entry| entry.backend);
    Err(match flow::has_grown(tables) {
        true => Answer::next(Stage::OldFlow, flow.id).with(had),
        false => opening(flow.id, flow.service.flags.get(), had),
    })
}

/// Has the flow of a packet noted that its connection id has routed, so that ICMP errors about it, which
/// have no connection id, find its backend.
#[inline(always)]
fn by_connection_id<T: Tables>(tables: &T, flow: &Flow<'_>, chosen: &Chosen<'_>) {
    let now = flow::age(tables.now());
    let generation = Egress::from_word(chosen.egress).generation;
    let entry =
        flow::line(tables, flow.fingerprint).and_then(|line| flow::find(tables, line, flow.fingerprint));
    let noted = entry.is_some_and(|entry| {
        entry.backend == chosen.id && entry.generation() == generation && !entry.idle(now, 0)
    });
    if !noted {
        let (fingerprint, backend) = (flow.fingerprint, chosen.id);
        tables.remember(NewFlow::new(fingerprint, backend, generation, true, State::Confirmed), now);
    }
    if let Some(counters) = tables.service_counters(flow.id as u32) {
        add(&counters.quic_routed, 1);
    }
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
pub(crate) fn old_flow<T: Tables>(tables: &T, told: &Told) -> Result<Answer, Reason> {
    let flow = told.flow(tables)?;
    let opening = opening(flow.id, flow.service.flags.get(), told.value);
    let fingerprint = flow.fingerprint;
    let Some(line) = flow::line_before(tables, fingerprint) else { return Ok(opening) };
    let Some(entry) = flow::find(tables, line, fingerprint) else { return Ok(opening) };
    let Some(chosen) = usable(tables, &entry, flow.id) else { return Ok(opening) };
    let now = flow::age(tables.now());
    if expired(tables, &entry, &flow.transport, now) {
        return Ok(opening);
    }
    tables.remember(entry.flow(fingerprint), now);
    Ok(Answer::next(Stage::Deliver, flow.id).with(chosen.id))
}

/// Gives a new flow to the backend that the ring has for it, and remembers it unless flows come too fast.
#[inline(always)]
pub(crate) fn new_flow<T: Tables>(tables: &T, told: &Told) -> Result<Answer, Reason> {
    let now = tables.now();
    let flow = told.flow(tables)?;
    let Flow { id, service, transport, fingerprint } = flow;
    let chosen = open(tables, &told.seen, &flow, told.value, now).ok_or(Reason::NoBackend)?;
    let answer = Answer::next(Stage::Deliver, id).with(chosen.id);
    let counters = tables.service_counters(id as u32).ok_or(Reason::TableMissing)?;
    if service.flags.get() & flag::FLOW_RATE != 0 && !guard::within_flow_rate(service, counters, now) {
        add(&counters.stateless, 1);
        return Ok(answer);
    }
    if transport.flags & transport::flags::RST == 0 {
        let (backend, udp) = (chosen.id, transport.is_udp());
        let generation = Egress::from_word(chosen.egress).generation;
        let new = NewFlow::new(fingerprint, backend, generation, udp, State::Unconfirmed);
        if !tables.remember(new, flow::age(now)) {
            add(&counters.refused, 1);
        }
    }
    Ok(answer)
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
