//! `INDEX`: finds a service or a QUIC server id in one cache line.

use crate::shared::Shared;

/// Slots of one bucket.
pub const BUCKET_SLOTS: usize = 8;

/// A row of `INDEX`: a cache line of slots, filled from the front. A free slot ends the search.
#[repr(C, align(64))]
#[derive(Clone, Debug, Default)]
pub struct Bucket(pub [Shared<u64>; BUCKET_SLOTS]);

const _: () = assert!(size_of::<Bucket>() == 64);

/// One slot: the upper 48 bits of a hash, and the id of the row that has the key itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct IndexSlot(pub u64);

impl IndexSlot {
    /// Ends the search.
    pub const FREE: Self = Self(0);
    /// Was in use; the search goes on behind it.
    pub const REMOVED: Self = Self(0xffff);

    /// The slot that leads from a hash to a row.
    pub const fn new(hash: u64, id: u16) -> Self {
        Self(hash & !0xffff | id as u64)
    }

    #[inline(always)]
    pub const fn matches(self, hash: u64) -> bool {
        (self.0 ^ hash) >> 16 == 0
    }

    #[inline(always)]
    pub const fn id(self) -> u16 {
        self.0 as u16
    }
}
