//! From a QUIC connection id to the backend that issued it (draft-ietf-quic-load-balancers §3 and §4.1:
//! plaintext server ids).

use crate::abi::QuicId;
use crate::hash;
use crate::packet::Packet;
use crate::parse::quic::{Header, parse};
use crate::route::{Chosen, alive};
use crate::service::indexed;
use crate::tables::Tables;

/// What a packet's connection id says.
pub(crate) enum Route<'a> {
    /// It names this backend, and the backend lives.
    Backend(Chosen<'a>),
    /// The packet is to be routed by its addresses and ports.
    ByFlow,
    /// It should name a backend but names none that lives.
    Unknown,
}

/// Reads the connection id of the QUIC packet whose UDP payload begins at `payload`.
#[inline(always)]
pub(crate) fn route<'a, P: Packet, T: Tables>(
    packet: &P,
    tables: &'a T,
    service: u16,
    payload: usize,
) -> Route<'a> {
    let at = match parse(packet, payload) {
        Some(Header::ById(at)) => at,
        Some(Header::ByFlow) | None => return Route::ByFlow,
    };
    match backend(packet, tables, service, at) {
        Some(chosen) => Route::Backend(chosen),
        None => Route::Unknown,
    }
}

#[inline(always)]
fn backend<'a, P: Packet, T: Tables>(
    packet: &P,
    tables: &'a T,
    service: u16,
    at: usize,
) -> Option<Chosen<'a>> {
    let first: u8 = packet.read(at)?;
    let len = tables.quic_id((first >> 5) as u32)?.server_id_len();
    if len == 0 || len > QuicId::MAX_SERVER_ID {
        return None;
    }
    // The shortest packet has more than eight bytes behind the first: nonce, packet number and tag.
    let word: u64 = packet.read(at + 1)?;
    let server_id = u64::from_be(word) >> (64 - 8 * len as u32 & 63);
    let id = indexed(tables, hash::server_id(tables, service, server_id, len))?;
    alive(tables, id).filter(|chosen| chosen.row.service == service)
}
