//! `QUIC`: how connection ids are read, one row a configuration rotation (draft-ietf-quic-load-balancers
//! §3.1); the eighth rotation (0b111) means that an id cannot be routed.

use crate::shared::Shared;

/// A row of `QUIC`: server id length (low byte) and nonce length (second byte); 0 switches the rotation off.
#[repr(C)]
#[derive(Clone, Debug, Default)]
pub struct QuicId(pub Shared<u64>);

const _: () = assert!(size_of::<QuicId>() == 8);

impl QuicId {
    /// Rotations that can be routed.
    pub const ROTATIONS: u32 = 7;
    /// Longest server id, in bytes, that the data plane routes by.
    pub const MAX_SERVER_ID: u8 = 8;

    /// The word for a rotation.
    pub const fn word(server_id_len: u8, nonce_len: u8) -> u64 {
        server_id_len as u64 | (nonce_len as u64) << 8
    }

    #[inline(always)]
    pub fn server_id_len(&self) -> u8 {
        self.0.get() as u8
    }

    #[inline(always)]
    pub fn nonce_len(&self) -> u8 {
        (self.0.get() >> 8) as u8
    }
}
