//! ICMP (RFC 792) and ICMPv6 (RFC 4443): what matters to a balancer.

use super::{Fragment, Ip, ipv4, ipv6, protocol, transport};
use crate::packet::Packet;
use crate::reason::Reason;
use crate::tables::Tables;

/// Bytes before the packet that an error quotes.
pub const HEADER: usize = 8;

/// What kind of message it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    EchoRequest,
    /// Quotes the packet that caused it.
    Error,
    Other,
}

/// Reads the type of the message at `at`.
#[inline(always)]
pub fn kind<P: Packet>(packet: &P, at: usize, v6: bool) -> Result<Kind, Reason> {
    // The shortest message that is of use has a whole header.
    let [kind, ..]: [u8; HEADER] = packet.read(at).ok_or(Reason::Truncated)?;
    Ok(match (v6, kind) {
        (false, 8) | (true, 128) => Kind::EchoRequest,
        // Unreachable (too big among them), time exceeded, parameter problem.
        (false, 3 | 11 | 12) | (true, 1..=4) => Kind::Error,
        _ => Kind::Other,
    })
}

/// The packet that an error quotes: its IP header and ports.
#[derive(Clone, Copy, Debug)]
pub struct Quoted {
    pub ip: Ip,
    pub ports: u32,
}

impl Quoted {
    /// Addresses and ports of the flow's own packets, which go the other way than the quoted one.
    #[inline(always)]
    pub fn turned(&self) -> (Ip, u32) {
        let ip = Ip { source: self.ip.destination, destination: self.ip.source, ..self.ip };
        (ip, transport::turned(self.ports))
    }
}

/// Reads the quoted packet of the error at `at`. As few as eight bytes behind the quoted IP header will do
/// (RFC 792), for only ports are needed.
#[inline(always)]
pub fn quoted<P: Packet, T: Tables>(
    packet: &mut P,
    tables: &T,
    at: usize,
    v6: bool,
) -> Result<Quoted, Reason> {
    let ip = match v6 {
        false => ipv4::parse(packet, at + HEADER),
        true => ipv6::parse(packet, tables, at + HEADER),
    }
    .map_err(|_| Reason::Truncated)?;
    if ip.fragment == Fragment::Later || !matches!(ip.protocol, protocol::TCP | protocol::UDP) {
        return Err(Reason::IcmpOther);
    }
    let [ports, _]: [u32; 2] = packet.read(ip.payload).ok_or(Reason::Truncated)?;
    Ok(Quoted { ip, ports })
}
