//! Which service a packet is for: exact port, then any port, then prefix.
//!
//! Each virtual address has a row of its own (port and protocol 0) that says what else may match, so a
//! packet for nobody costs two cache lines. A virtual prefix with id `n` is looked up as the pseudo
//! address [`pseudo`], which no packet can carry.

use crate::abi::{Addr, IndexSlot, Service, features, service_flags as flag};
use crate::hash;
use crate::parse::protocol;
use crate::reason::Reason;
use crate::tables::Tables;

/// A row and its id.
pub type Row<'a> = (u16, &'a Service);

/// The address that stands for the virtual prefix `id`: in `0.0.0.0/8` or `::/96`, where nobody lives.
#[inline(always)]
pub const fn pseudo(id: u32, v4: bool) -> Addr {
    match v4 {
        true => Addr::v4((id & 0x00ff_ffff).to_be()),
        false => Addr([0, 0, 0, (id & 0x00ff_ffff).to_be()]),
    }
}

/// The service for a packet to `addr` and `port` (network order).
///
/// # Errors
/// `NotOurs` for an address without services; `NoSuchPort` for a virtual address without this port.
#[inline(always)]
pub fn find<'a, T: Tables>(
    tables: &'a T,
    addr: &Addr,
    port: [u8; 2],
    protocol: u8,
) -> Result<Row<'a>, Reason> {
    if let Some(row) = row(tables, addr, port, protocol)
        && !addr.is_pseudo()
    {
        return Ok(row);
    }
    let (addr, (id, address)) = address(tables, addr).ok_or(Reason::NotOurs)?;
    if address.flags.get() & flag::NAT_RETURN != 0 {
        return Ok((id, address));
    }
    if addr.is_pseudo()
        && let Some(row) = row(tables, &addr, port, protocol)
    {
        return Ok(row);
    }
    let any = if protocol == protocol::UDP { flag::ANY_UDP } else { flag::ANY_TCP };
    match address.flags.get() & any != 0 {
        true => row(tables, &addr, [0, 0], protocol).ok_or(Reason::NoSuchPort),
        false => Err(Reason::NoSuchPort),
    }
}

/// The row of the virtual address that holds `addr`, and the address under which its services are indexed.
#[inline(always)]
pub fn address<'a, T: Tables>(tables: &'a T, addr: &Addr) -> Option<(Addr, Row<'a>)> {
    if addr.is_pseudo() {
        return None;
    }
    if let Some(found) = row(tables, addr, [0, 0], 0) {
        return Some((*addr, found));
    }
    if tables.control()?.features.get() & features::PREFIXES == 0 {
        return None;
    }
    let pseudo = pseudo(tables.prefix(addr)?, addr.is_v4());
    row(tables, &pseudo, [0, 0], 0).map(|found| (pseudo, found))
}

/// The row with exactly this key.
#[inline(always)]
fn row<'a, T: Tables>(tables: &'a T, addr: &Addr, port: [u8; 2], protocol: u8) -> Option<Row<'a>> {
    let id = indexed(tables, hash::service(tables, addr, port, protocol))?;
    let row = tables.service(id as u32)?;
    let same = row.addr == *addr && row.port == port && row.protocol == protocol;
    (same && row.flags.get() & flag::LIVE != 0).then_some((id, row))
}

/// The id that `INDEX` has for a hash; the row it leads to must confirm the key.
#[inline(always)]
pub fn indexed<T: Tables>(tables: &T, hash: u64) -> Option<u16> {
    let bucket = tables.bucket(hash as u32 & tables.node().index_mask.get())?;
    for slot in &bucket.0 {
        let slot = IndexSlot(slot.get());
        if slot.matches(hash) {
            return Some(slot.id());
        }
        if slot == IndexSlot::FREE {
            return None;
        }
    }
    None
}

impl Addr {
    /// Whether the address stands for a virtual prefix.
    #[inline(always)]
    const fn is_pseudo(&self) -> bool {
        match self.is_v4() {
            true => self.0[3] & u32::from_ne_bytes([0xff, 0, 0, 0]) == 0,
            false => self.0[0] == 0 && self.0[1] == 0 && self.0[2] == 0,
        }
    }
}
