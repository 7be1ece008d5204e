//! The IPv4 header (RFC 791 §3.1).

use super::{Fragment, IP, Ip};
use crate::abi::Addr;
use crate::packet::Packet;
use crate::reason::Reason;

/// Shortest header.
pub const HEADER: usize = 20;
/// Where the header's checksum stands in it.
pub const CHECKSUM: usize = 10;
/// More fragments follow.
const MORE: u16 = 0x2000;
const OFFSET: u16 = 0x1fff;

/// Reads the header at `at`, options passed over.
///
/// # Errors
/// `Runt` when the frame ends inside it, `MalformedIp` when its own lengths cannot be.
#[inline(always)]
pub fn parse<P: Packet>(packet: &P, at: usize) -> Result<Ip, Reason> {
    let words: [u32; HEADER / 4] = packet.read(at).ok_or(Reason::Runt)?;
    let [version, tos, len_high, len_low] = words[0].to_ne_bytes();
    let [id_high, id_low, fragment_high, fragment_low] = words[1].to_ne_bytes();
    let [ttl, protocol, ..] = words[2].to_ne_bytes();
    let len = u16::from_be_bytes([len_high, len_low]) as usize;
    let header = (version & 0x0f) as usize * 4;
    if version >> 4 != 4 || header < HEADER {
        return Err(Reason::MalformedIp);
    }
    if len < header {
        return Err(Reason::MalformedIp);
    }
    let fragment = match u16::from_be_bytes([fragment_high, fragment_low]) {
        bits if bits & (MORE | OFFSET) == 0 => Fragment::Whole,
        bits if bits & OFFSET == 0 => Fragment::First,
        _ => Fragment::Later,
    };
    Ok(Ip {
        source: Addr::v4(words[3]),
        destination: Addr::v4(words[4]),
        protocol,
        tos,
        ttl,
        fragment,
        id: u16::from_be_bytes([id_high, id_low]) as u32,
        len,
        payload: at + header,
    })
}

/// Reads the header of a frame, which must hold the whole packet.
#[inline(always)]
pub fn parse_frame<P: Packet>(packet: &P) -> Result<Ip, Reason> {
    let ip = parse(packet, IP)?;
    match packet.holds(IP + ip.len) {
        true => Ok(ip),
        false => Err(Reason::MalformedIp),
    }
}
