//! From a flow's hash to a backend id.

use crate::abi::Service;
use crate::tables::Tables;

/// The backend that the service's ring has for `hash`; `None` while the ring is empty.
///
/// Base and length come from one word, so the answer is wholly from one published ring.
#[inline(always)]
pub fn choose<T: Tables>(tables: &T, service: &Service, hash: u32) -> Option<u16> {
    let word = service.ring.get();
    let (base, len) = (word as u32, word >> 32);
    // Multiply-shift spreads the hash over the length without a division (Lemire 2019).
    let slot = base.wrapping_add((hash as u64 * len >> 32) as u32);
    match (len, tables.ring_word(slot / 2)?.slot(slot).primary) {
        (0, _) | (_, 0) => None,
        (_, backend) => Some(backend),
    }
}
