//! `NODE`: constants of a loaded program, in frozen read-only data, so that the verifier prunes what they
//! switch off.

use crate::shared::Fixed;

/// Key words of the keyed hashes.
pub const HASH_WORDS: usize = 20;

/// Addresses of the node that translated flows can use, per family.
pub const NAT_ADDRESSES: usize = 8;

/// Written by the loader before the program is loaded.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Node {
    /// Secret of all hashes; the same on all nodes behind one router.
    pub hash_key: [Fixed<u64>; HASH_WORDS],
    /// Lines of `FLOWS` less one; their number is a power of two, at least 256.
    pub flow_mask: Fixed<u32>,
    /// Buckets of `INDEX` less one; their number is a power of two.
    pub index_mask: Fixed<u32>,
    /// Lines of `SOURCES` less one; their number is a power of two.
    pub source_mask: Fixed<u32>,
    /// A UDP flow unused for so long is hashed again, in units of 2^30 ns.
    pub udp_idle: Fixed<u32>,
    /// A TCP flow unused for so long makes room for any other, in units of 2^30 ns.
    pub tcp_idle: Fixed<u32>,
    /// Bits of the outer IPv4 source address that vary with the flow (mask, network order).
    pub outer_v4_vary: Fixed<u32>,
    /// Bits of the last word of the outer IPv6 source address that vary with the flow (mask, network order).
    pub outer_v6_vary: Fixed<u32>,
    /// UDP port of GUE, network order in the low 16 bits.
    pub gue_port: Fixed<u32>,
    /// First port that translated flows use.
    pub nat_first_port: Fixed<u32>,
    /// How many ports of each address translated flows use; 0: `nat` is off.
    pub nat_ports: Fixed<u32>,
    /// How many IPv4 addresses translated flows use.
    pub nat_v4_count: Fixed<u32>,
    /// How many IPv6 addresses translated flows use.
    pub nat_v6_count: Fixed<u32>,
    /// Seconds (2^30 ns) until a port is free again, by state: opening, established, closing, UDP
    /// unreplied, UDP replied.
    pub nat_idle: [Fixed<u32>; 5],
    /// One flow event in so many is told; 0: none.
    pub event_sample: Fixed<u32>,
    /// Log every verdict.
    pub log: Fixed<u32>,
    pub reserved: Fixed<u32>,
    /// IPv4 addresses that translated flows use, network order.
    pub nat_v4: [Fixed<u32>; NAT_ADDRESSES],
    /// IPv6 addresses that translated flows use, network order.
    pub nat_v6: [[Fixed<u32>; 4]; NAT_ADDRESSES],
}

const _: () = assert!(size_of::<Node>() == HASH_WORDS * 8 + 20 * 4 + NAT_ADDRESSES * 20);

impl Node {
    /// What the object is built with: all tables of their smallest size, everything optional off.
    pub const NONE: Self = {
        const ZERO: Fixed<u32> = Fixed::new(0);
        Self {
            hash_key: [Fixed::new(0); HASH_WORDS],
            flow_mask: Fixed::new(255),
            index_mask: Fixed::new(255),
            source_mask: Fixed::new(63),
            udp_idle: Fixed::new(60),
            tcp_idle: Fixed::new(3600),
            outer_v4_vary: ZERO,
            outer_v6_vary: ZERO,
            gue_port: Fixed::new(u16::from_ne_bytes(6080u16.to_be_bytes()) as u32),
            nat_first_port: ZERO,
            nat_ports: ZERO,
            nat_v4_count: ZERO,
            nat_v6_count: ZERO,
            nat_idle: [Fixed::new(30), Fixed::new(7200), Fixed::new(60), Fixed::new(30), Fixed::new(180)],
            event_sample: ZERO,
            log: ZERO,
            reserved: ZERO,
            nat_v4: [ZERO; NAT_ADDRESSES],
            nat_v6: [[ZERO; 4]; NAT_ADDRESSES],
        }
    };
}
