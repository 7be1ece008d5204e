//! `CONTROL`: the one row that may change while packets pass.

use crate::shared::Shared;

/// Which optional tables hold anything; an empty one is not asked.
pub mod features {
    /// `PREFIXES` holds virtual prefixes.
    pub const PREFIXES: u64 = 1 << 0;
    /// `DENY` holds source prefixes.
    pub const DENY: u64 = 1 << 1;
}

/// The row of `CONTROL`.
#[repr(C)]
#[derive(Clone, Debug, Default)]
pub struct Control {
    /// Of [`features`].
    pub features: Shared<u64>,
    /// Of [`FlowMasks`].
    pub flows: Shared<u64>,
}

const _: () = assert!(size_of::<Control>() == 16);

/// The part of `FLOWS` that is in use: the first lines, so few that flows lie close together, for what
/// lies close together is soon in the caches of the CPU.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FlowMasks {
    /// Lines in use less one; a power of two less one.
    pub now: u32,
    /// Lines in use less one before the part grew: a flow that came before may still be there.
    /// Equal to `now` when nothing can be there any more.
    pub before: u32,
}

impl FlowMasks {
    /// Lines less one that are in use at least, where the table has so many: 4 MiB, in which some ten
    /// thousand flows that come at once all find a place.
    pub const LEAST: u32 = (1 << 16) - 1;

    /// The word [`Control::flows`].
    #[inline(always)]
    pub const fn word(self) -> u64 {
        self.now as u64 | (self.before as u64) << 32
    }

    /// Of a table whose lines less one are `table`; the word of a new row, 0, stands for the least part.
    #[inline(always)]
    pub const fn from_word(word: u64, table: u32) -> Self {
        Self { now: (word as u32 | Self::LEAST) & table, before: ((word >> 32) as u32 | Self::LEAST) & table }
    }
}
