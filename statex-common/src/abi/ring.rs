//! `RINGS`: the slots of all services' rings, two a word.

use crate::shared::Shared;

/// One place of a ring. The second half is room for the backend that a packet is handed on to when the
/// first does not know its flow.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Slot {
    /// Backend id; 0 is nobody.
    pub primary: u16,
    /// Backend id; 0 is nobody.
    pub secondary: u16,
}

impl Slot {
    const fn half(self) -> u64 {
        self.primary as u64 | (self.secondary as u64) << 16
    }
}

/// Two slots: array maps round a row up to eight bytes. Slot `i` is half `i % 2` of word `i / 2`.
#[repr(C)]
#[derive(Clone, Debug, Default)]
pub struct RingWord(pub Shared<u64>);

const _: () = assert!(size_of::<RingWord>() == 8);

impl RingWord {
    /// The word of two neighbouring slots.
    pub const fn pack(even: Slot, odd: Slot) -> u64 {
        even.half() | odd.half() << 32
    }

    /// The slot with this index in its ring.
    #[inline(always)]
    pub fn slot(&self, index: u32) -> Slot {
        let half = (self.0.get() >> ((index & 1) * 32)) as u32;
        Slot { primary: half as u16, secondary: (half >> 16) as u16 }
    }
}
