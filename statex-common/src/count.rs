//! What happened, on the counters of this CPU.

use crate::abi::{NextHop, add};
use crate::reason::Reason;
use crate::rewrite::Exit;
use crate::tables::Tables;

/// Counts a packet that is not forwarded, and says what becomes of it.
#[inline(always)]
pub(crate) fn settle<T: Tables>(tables: &T, reason: Reason) -> Exit {
    self::reason(tables, reason);
    Exit::new(reason.verdict(), NextHop::KEEP)
}

#[inline(always)]
pub(crate) fn reason<T: Tables>(tables: &T, reason: Reason) {
    if let Some(counter) = tables.reason_counter(reason) {
        add(counter, 1);
    }
}

/// Counts a packet sent to a backend; `len` is that of the client's IP packet.
#[inline(always)]
pub(crate) fn sent<T: Tables>(tables: &T, backend: u16, len: usize) {
    if let Some(counters) = tables.backend_counters(backend as u32) {
        add(&counters.packets, 1);
        add(&counters.bytes, len as u64);
    }
}

/// Counts a packet for this node's own stack.
#[inline(always)]
pub(crate) fn local<T: Tables>(tables: &T, service: u16) {
    if let Some(counters) = tables.service_counters(service as u32) {
        add(&counters.local, 1);
    }
}
