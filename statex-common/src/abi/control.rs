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
}

const _: () = assert!(size_of::<Control>() == 8);
