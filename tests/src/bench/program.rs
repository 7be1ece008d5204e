//! Size of a node's program and what the verifier did.

use anyhow::{Context, Result};

use super::report::{Figure, Verifier};
use crate::harness::{Kernel, Side};

/// Most instructions that the verifier may process.
const GOAL: u32 = 60_000;

pub(super) fn figure(kernel: &mut Kernel) -> Result<Figure> {
    let info = kernel.program_mut(Side::Node).info()?;
    let unknown = "the kernel does not tell; it must be 5.16 or later";
    Ok(Figure::Verifier(Verifier {
        case: "verifier",
        insns: info.verified_instruction_count().context(unknown)?,
        insns_goal: GOAL,
        translated_bytes: info.size_translated().context(unknown)?,
        jited_bytes: info.size_jitted(),
    }))
}
