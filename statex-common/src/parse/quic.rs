//! The part of a QUIC packet that does not depend on its version (RFC 8999), and the first byte's type for
//! the versions that are known (RFC 9000 §17.2, RFC 9369 §3.2).

use crate::packet::Packet;

/// How the packet wants to be routed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Header {
    /// The connection id was chosen by the client or cannot be told: by addresses and ports.
    ByFlow,
    /// The connection id at this offset was chosen by the server.
    ById(usize),
}

const LONG: u8 = 0x80;
const V1: u32 = 1;
const V2: u32 = 0x6b33_43cf;

/// Reads the QUIC header at `at`, the start of the UDP payload.
#[inline(always)]
pub fn parse<P: Packet>(packet: &P, at: usize) -> Option<Header> {
    let first: u8 = packet.read(at)?;
    if first & LONG == 0 {
        return Some(Header::ById(at + 1));
    }
    let version = u32::from_be(packet.read(at + 1)?);
    // Both versions number Initial, 0-RTT, Handshake and Retry in turn; version 2 begins one later.
    let kind = match version {
        V1 => first >> 4 & 3,
        V2 => (first >> 4 & 3).wrapping_sub(1) & 3,
        _ => return Some(Header::ByFlow),
    };
    let id_len: u8 = packet.read(at + 5)?;
    match kind >= 2 && id_len >= 6 {
        true => Some(Header::ById(at + 6)),
        false => Some(Header::ByFlow),
    }
}
