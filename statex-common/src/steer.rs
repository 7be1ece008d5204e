//! From a QUIC datagram to the worker that issued its connection id: what the kernel decides when several sockets
//! share one address.
//!
//! ```text
//! id: rotation (3 bits) … │ server id │ slot │ …
//! ```
//!
//! The first byte behind the server id is the node's own (draft-ietf-quic-load-balancers §4.1 leaves it to the
//! server): there it says in which slot the worker's socket lies. So a connection stays with its worker whatever
//! address its client has, and with its process while another one takes over.

use crate::abi::QuicId;
use crate::packet::Packet;

const LONG: u8 = 0x80;
/// Where a long header has the length of the connection id, and the id behind it (RFC 8999 §5.1).
const ID_LEN: usize = 5;

/// The slot that the connection id of the datagram at `at` names, if it is one that this node could have issued.
/// `form` gives how ids of a rotation look, 0 to 7.
#[inline(always)]
pub fn slot<'a, P: Packet>(
    packet: &P,
    at: usize,
    form: impl FnOnce(u32) -> Option<&'a QuicId>,
) -> Option<u8> {
    let first: u8 = packet.read(at)?;
    let is_long = first & LONG != 0;
    let id = at + if is_long { ID_LEN + 1 } else { 1 };
    let rotation = packet.read::<u8>(id)? >> 5;
    let form = form(rotation as u32)?;
    let (server_id, nonce) = (form.server_id_len() as usize, form.nonce_len() as usize);
    if nonce == 0 || server_id > QuicId::MAX_SERVER_ID as usize {
        return None;
    }
    // A client chooses the first id that it writes to; one of ours has our length.
    if is_long && packet.read::<u8>(at + ID_LEN)? as usize != 1 + server_id + nonce {
        return None;
    }
    packet.read(id + 1 + server_id)
}
