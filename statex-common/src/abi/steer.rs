//! Tables of the program that steers QUIC datagrams to workers: one set for each address that is listened on.
//!
//! | map | row |
//! |---|---|
//! | `SOCKETS` | slot → socket |
//! | `TAKERS` | 0: how many workers take new connections; behind it their slots |
//! | `FORMS` | rotation → how its ids look ([`QuicId`](super::QuicId)) |

/// Slots: workers of all processes that share the address, those that only finish what they have included.
pub const STEER_SLOTS: u32 = 256;
/// Workers that take new connections at once.
pub const STEER_TAKERS: u32 = 64;
/// Rotations, the one that no server id belongs to included.
pub const STEER_FORMS: u32 = 8;
