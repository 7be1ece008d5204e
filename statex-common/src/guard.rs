//! Floods: the deny list, token buckets per source prefix, and the rate of new flows per service.

use crate::abi::{Addr, SOURCE_WAYS, Service, ServiceCounters, features, service_flags as flag};
use crate::flow::{is_less, is_zero};
use crate::hash;
use crate::reason::Reason;
use crate::route;
use crate::stage::{Answer, Told};
use crate::tables::Tables;

/// Refuses a source that the deny list holds.
#[inline(always)]
pub fn deny<T: Tables>(tables: &T, source: &Addr) -> Result<(), Reason> {
    let listed = tables.control().is_some_and(|c| c.features.get() & features::DENY != 0);
    match listed && tables.denied(source) {
        true => Err(Reason::Denied),
        false => Ok(()),
    }
}

/// New flows of the service in this second, on this CPU.
#[inline(always)]
fn flows_in(second: u64, counters: &ServiceCounters) -> u64 {
    let window = counters.window.get();
    if window >> 32 == second { window & 0xffff_ffff } else { 0 }
}

/// The second that a new flow counts for, in the unit of the window.
#[inline(always)]
fn second(now: u64) -> u64 {
    now >> 30 & 0xffff_ffff
}

/// Counts a new flow of the service in this second, on this CPU; whether it is within the rate.
#[inline(always)]
pub fn within_flow_rate(service: &Service, counters: &ServiceCounters, now: u64) -> bool {
    let flows = flows_in(second(now), counters);
    counters.window.set(second(now) << 32 | (flows + 1));
    flows < service.flow_rate.get() as u64
}

/// Whether the service has had all the new flows of this second that it may, on this CPU.
#[inline(always)]
pub fn flow_rate_reached(service: &Service, counters: &ServiceCounters, now: u64) -> bool {
    flows_in(second(now), counters) >= service.flow_rate.get() as u64
}

/// One token, in the unit of the buckets.
const TOKEN: u32 = 16;
/// Largest burst that a bucket can hold.
const MAX_TOKENS: u32 = 0xffff;

/// Lets a flow open if its source's prefix has a token left.
#[inline(always)]
pub(crate) fn source_rate<T: Tables>(tables: &T, told: &Told) -> Result<Answer, Reason> {
    let service = tables.service(told.service as u32).ok_or(Reason::TableMissing)?;
    take_token(tables, told.service, service, &told.seen.ip.source, tables.now())?;
    Ok(route::opening(told.service, service.flags.get() & !flag::SOURCE_RATE, told.value))
}

/// Takes a token from the bucket of the source's prefix.
///
/// Buckets lie eight to a line, found by a hash of prefix and service; a prefix that has none takes the
/// one that was filled up longest ago. CPUs may lose one another's update: the bound is a bound on floods,
/// not a promise to the packet.
#[inline(always)]
pub fn take_token<T: Tables>(
    tables: &T,
    id: u16,
    service: &Service,
    source: &Addr,
    now: u64,
) -> Result<(), Reason> {
    let bits = service.source_bits.get();
    let prefix = match source.is_v4() {
        true => Addr::v4(source.0[3] & mask(bits & 0xff)),
        false => {
            let bits = bits >> 16 & 0xff;
            Addr([
                source.0[0] & mask(bits),
                source.0[1] & mask(bits.saturating_sub(32)),
                source.0[2] & mask(bits.saturating_sub(64)),
                source.0[3] & mask(bits.saturating_sub(96)),
            ])
        }
    };
    let hash = hash::narrow(tables, &prefix, id as u64 | 1 << 32);
    let line =
        tables.source_line(hash as u32 & tables.node().source_mask.get()).ok_or(Reason::TableMissing)?;
    // A tag of 0 would look like an empty bucket.
    let tag = (hash >> 32) as u32 | 1;
    let tick = (now >> 26) as u16;
    let full = (service.source_burst.get().saturating_mul(TOKEN)).min(MAX_TOKENS);

    // One number says which bucket: the prefix's own, else the one filled up longest ago. No branches, for
    // the reasons that the flow table has.
    let mut best = 0;
    for way in 0..SOURCE_WAYS {
        let word = line.0[way].get();
        let own = is_zero(tables, (word >> 32) ^ tag as u64);
        let silent = tick.wrapping_sub(word as u16) as u64 | is_zero(tables, word >> 1) << 16;
        let rank = own << 24 | silent << 3 | way as u64;
        best = rank.wrapping_add(is_less(tables, rank, best).wrapping_mul(best.wrapping_sub(rank)));
    }
    let bucket = line.0.get((best & 7) as usize).ok_or(Reason::TableMissing)?;
    let tokens = if best >> 24 != 0 {
        let word = bucket.get();
        let ticks = tick.wrapping_sub(word as u16) as u64;
        // 16 tokens' units a second are 1.0737 a tick of 2^26 ns; 1100/1024 is that to four digits.
        let earned = (ticks * service.source_rate.get() as u64 * 1100 >> 10).min(full as u64) as u32;
        ((word >> 16) as u16 as u32 + earned).min(full)
    } else {
        full
    };
    let left = tokens.saturating_sub(TOKEN);
    let word = (tag as u64) << 32 | (left as u64 & 0xffff) << 16 | tick as u64;
    if tokens < TOKEN {
        // The old time stays, so that what is earned in small pieces is not rounded away.
        return Err(Reason::SourceRate);
    }
    bucket.set(word);
    Ok(())
}

/// The first `bits` bits of a word in network order.
#[inline(always)]
fn mask(bits: u32) -> u32 {
    match bits {
        0 => 0,
        1..=31 => (u32::MAX << (32 - bits)).to_be(),
        _ => u32::MAX,
    }
}
