//! `FLOWS`: a cache line of five flows a row; what the words mean stands in [`crate::flow`].

use crate::shared::Shared;

/// Flows in one line.
pub const FLOW_WAYS: usize = 5;

/// A row of `FLOWS`. All zero: five free entries.
#[repr(C, align(64))]
#[derive(Clone, Debug, Default)]
pub struct FlowLine {
    /// Upper 56 bits: of the flow's fingerprint. Lower 8 bits: state, protocol and generation.
    pub keys: [Shared<u64>; FLOW_WAYS],
    /// Backend id of each.
    pub backends: [Shared<u16>; FLOW_WAYS],
    /// When each was last used, in units of 2^30 ns.
    pub ages: [Shared<u16>; FLOW_WAYS],
    /// Fingerprint of the flow that was last refused a place here.
    pub refused: Shared<u32>,
}

const _: () = assert!(size_of::<FlowLine>() == 64);
