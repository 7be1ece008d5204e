//! Keyed hashes of the packet path.
//!
//! Their key is secret, so that nobody outside can choose addresses that meet in one line of a table or
//! on one backend. All words are the wire's bytes as the machine reads them; nodes of one kind agree.

use crate::abi::Addr;
use crate::tables::Tables;

const M1: u64 = 0xbf58_476d_1ce4_e5b9;
const M2: u64 = 0x94d0_49bb_1331_11eb;

/// A bijection of 64 bits that depends on two key words (the finaliser of SplitMix64 with keys put in):
/// different inputs never meet, so a fingerprint made by it is exact.
#[inline(always)]
pub fn permute<T: Tables>(tables: &T, x: u64) -> u64 {
    let key = &tables.node().hash_key;
    let mut x = x ^ key[0].get();
    x = (x ^ x >> 30).wrapping_mul(M1) ^ key[1].get();
    x = (x ^ x >> 27).wrapping_mul(M2);
    x ^ x >> 31
}

/// One step of NH (RFC 4418 §5.2.2): the product of two keyed 32-bit sums.
#[inline(always)]
fn nh(a: u32, b: u32, key: u64) -> u64 {
    let (low, high) = (key as u32, (key >> 32) as u32);
    (a.wrapping_add(low) as u64).wrapping_mul(b.wrapping_add(high) as u64)
}

/// NH of the four words of an address; `lane` is the first of the two key words used.
#[inline(always)]
fn nh_addr<T: Tables>(tables: &T, addr: &Addr, lane: usize) -> u64 {
    let key = &tables.node().hash_key;
    nh(addr.0[0], addr.0[1], key[lane].get()).wrapping_add(nh(addr.0[2], addr.0[3], key[lane + 1].get()))
}

/// Of a flow whose service has one address and port: IPv6 source, source port, service.
#[inline(always)]
pub fn narrow<T: Tables>(tables: &T, source: &Addr, rest: u64) -> u64 {
    let sum = nh_addr(tables, source, 2);
    permute(tables, sum.wrapping_add(nh(rest as u32, (rest >> 32) as u32, tables.node().hash_key[4].get())))
}

/// Of a flow whose service has many addresses or ports: the whole tuple.
#[inline(always)]
pub fn wide<T: Tables>(tables: &T, source: &Addr, destination: &Addr, ports: u32, rest: u32) -> u64 {
    let sum = nh_addr(tables, source, 6).wrapping_add(nh_addr(tables, destination, 8));
    permute(tables, sum.wrapping_add(nh(ports, rest, tables.node().hash_key[10].get())))
}

/// The ring's hash: it depends on the packet and the secret only, so nodes with the same secret and the
/// same ring choose the same backend whatever ids they gave out.
#[inline(always)]
pub fn ring<T: Tables>(tables: &T, source: &Addr, destination: &Addr, ports: u32, protocol: u8) -> u32 {
    let sum = nh_addr(tables, source, 11).wrapping_add(nh_addr(tables, destination, 13));
    let sum = sum.wrapping_add(nh(ports, protocol as u32, tables.node().hash_key[15].get()));
    (permute(tables, sum) >> 32) as u32
}

/// Where `INDEX` holds a service: by address, port (network order) and protocol.
#[inline(always)]
pub fn service<T: Tables>(tables: &T, addr: &Addr, port: [u8; 2], protocol: u8) -> u64 {
    let rest = u32::from_ne_bytes([port[0], port[1], protocol, 0]);
    let head =
        if addr.is_v4() { 0 } else { nh_addr(tables, &Addr([addr.0[0], addr.0[1], addr.0[2], 0]), 16) };
    permute(tables, head.wrapping_add((addr.0[3] as u64) << 32 | rest as u64))
}

/// Where `INDEX` holds a QUIC server id of a service.
#[inline(always)]
pub fn server_id<T: Tables>(tables: &T, service: u16, server_id: u64, len: u8) -> u64 {
    let rest = service as u32 | (len as u32) << 16 | 1 << 24;
    let id = nh(server_id as u32, (server_id >> 32) as u32, tables.node().hash_key[18].get());
    permute(tables, id.wrapping_add(nh(rest, 0, tables.node().hash_key[19].get())))
}
