//! ICMP to a virtual address: a ping, or an error about a flow.

use crate::abi::service_flags as flag;
use crate::packet::Packet;
use crate::parse::Fragment;
use crate::parse::icmp::{self, Kind};
use crate::reason::Reason;
use crate::rewrite::icmp as reply;
use crate::route::Chosen;
use crate::stage::{Answer, Stage, Told};
use crate::tables::Tables;
use crate::{flow, guard, ring, route, service};

/// Answers a ping, or sends an error on its way.
#[inline(always)]
pub(crate) fn to_address<P: Packet, T: Tables>(
    packet: &mut P,
    tables: &T,
    told: &Told,
) -> Result<Answer, Reason> {
    let seen = &told.seen;
    let (_, (id, address)) = service::address(tables, &seen.ip.destination).ok_or(Reason::NotOurs)?;
    let returning = address.flags.get() & flag::NAT_RETURN != 0;
    if seen.ip.fragment != Fragment::Whole {
        return Err(Reason::IcmpOther);
    }
    guard::deny(tables, &seen.ip.source)?;
    if !seen.ip.holds(icmp::HEADER) {
        return Err(Reason::Truncated);
    }
    match icmp::kind(packet, seen.ip.payload, seen.v6)? {
        // The node's own addresses answer for themselves.
        Kind::EchoRequest if returning => Err(Reason::IcmpOther),
        Kind::EchoRequest => {
            reply::echo_reply(packet, &seen.ip, seen.v6).ok_or(Reason::Truncated)?;
            Err(Reason::EchoReplied)
        }
        Kind::Error if returning => Ok(Answer::next(Stage::NatErrorBack, id)),
        Kind::Error => Ok(Answer::next(Stage::IcmpError, 0)),
        Kind::Other => Err(Reason::IcmpOther),
    }
}

/// An ICMP error goes to the backend that owns the flow which it is about.
#[inline(always)]
pub(crate) fn error<P: Packet, T: Tables>(
    packet: &mut P,
    tables: &T,
    told: &mut Told,
) -> Result<Answer, Reason> {
    let seen = &told.seen;
    let quoted = icmp::quoted(packet, tables, seen.ip.payload, seen.v6)?;
    if quoted.ip.source != seen.ip.destination {
        return Err(Reason::IcmpNoFlow);
    }
    let (flow_ip, ports) = quoted.turned();
    let [.., port_a, port_b] = ports.to_ne_bytes();
    let (id, service) = service::find(tables, &flow_ip.destination, [port_a, port_b], flow_ip.protocol)
        .map_err(|_| Reason::IcmpNoFlow)?;
    let flags = service.flags.get();
    if flags & flag::LOCAL != 0 {
        return Err(Reason::Local);
    }
    if flags & flag::NAT != 0 {
        return Ok(Answer::next(Stage::NatErrorForward, id));
    }
    let fingerprint = route::fingerprint(tables, &flow_ip, ports, id, flags);
    let backend = match owner(tables, fingerprint, id) {
        Some(chosen) => chosen.id,
        None => {
            let hash = route::ring_hash(tables, &flow_ip, ports, flags);
            ring::choose(tables, service, hash).ok_or(Reason::NoBackend)?
        }
    };
    told.fingerprint = fingerprint;
    Ok(Answer::next(Stage::Deliver, id).with(backend))
}

/// The backend that the flow table has for a flow.
#[inline(always)]
fn owner<T: Tables>(tables: &T, fingerprint: u64, service: u16) -> Option<Chosen<'_>> {
    let remembered = |line| flow::find(tables, line, fingerprint);
    let entry = flow::line(tables, fingerprint)
        .and_then(remembered)
        .or_else(|| flow::line_before(tables, fingerprint).and_then(remembered))?;
    route::usable(tables, &entry, service)
}
