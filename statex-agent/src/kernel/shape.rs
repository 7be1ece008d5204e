//! What a configuration asks of the object before it is loaded: sizes of maps and the constants of [`Node`]. Pure.

use std::net::IpAddr;

use statex_common::{
    abi::{Addr, BUCKET_SLOTS, FLOW_WAYS, HASH_WORDS, NAT_ADDRESSES, Node, Row, SOURCE_WAYS, names},
    shared::Fixed,
};

use crate::config::Config;

/// Key words of all hashes.
pub type HashKey = [u64; HASH_WORDS];

/// Sizes and constants of a loaded object.
#[derive(Clone, Debug)]
pub struct Shape {
    pub node: Node,
    /// Rows by map.
    pub sizes: Vec<(&'static str, u32)>,
}

impl PartialEq for Shape {
    fn eq(&self, other: &Self) -> bool {
        self.sizes == other.sizes && self.node.to_bytes() == other.node.to_bytes()
    }
}

impl Shape {
    /// The shape that a node's configuration asks for.
    pub fn of(config: &Config, hash_key: &HashKey) -> Self {
        let limits = &config.limits;
        let (ports, nat) = (&config.nat.ports, &config.nat);
        let nat_addresses = (nat.ipv4.len() + nat.ipv6.len()) as u32;
        let nat_ports = if nat_addresses == 0 { 0 } else { u32::from(ports.end() - ports.start()) + 1 };

        // Row 0 is never used, neither of services nor of backends.
        let services = limits.services.saturating_add(1);
        let backends = limits.backends.saturating_add(1);
        // Half a key a bucket on average: one in a hundred million buckets is asked to hold more than it can.
        let buckets = power(2 * (services + backends), 256);
        let flow_lines = power(limits.flows.div_ceil(FLOW_WAYS as u32), 256);
        let source_lines = power(limits.sources.div_ceil(SOURCE_WAYS as u32), 64);
        // Each address has its ports twice: TCP and UDP.
        let nat_rows = (2 * nat_addresses * nat_ports).max(1);

        let mut node = Node::NONE;
        node.hash_key = hash_key.map(Fixed::new);
        node.flow_mask = Fixed::new(flow_lines - 1);
        node.index_mask = Fixed::new(buckets - 1);
        node.source_mask = Fixed::new(source_lines - 1);
        let timeouts = &config.timeouts;
        node.udp_idle = units(timeouts.udp_idle);
        node.tcp_idle = units(timeouts.tcp_idle);
        node.nat_idle = [
            timeouts.nat_tcp_opening,
            timeouts.nat_tcp_established,
            timeouts.nat_tcp_closing,
            timeouts.nat_udp_opening,
            timeouts.nat_udp,
        ]
        .map(units);
        let encapsulation = &config.encapsulation;
        let vary_v4 = encapsulation.ipv4_source.map_or(0, |net| u32::from(net.hostmask()));
        let vary_v6 = encapsulation.ipv6_source.map_or(0, |net| u128::from(net.hostmask()) as u32);
        node.outer_v4_vary = Fixed::new(vary_v4.to_be());
        node.outer_v6_vary = Fixed::new(vary_v6.to_be());
        node.gue_port = Fixed::new(gue_port(encapsulation.gue_port));
        node.nat_first_port = Fixed::new(u32::from(*ports.start()));
        node.nat_ports = Fixed::new(nat_ports);
        node.nat_v4_count = Fixed::new(nat.ipv4.len() as u32);
        node.nat_v6_count = Fixed::new(nat.ipv6.len() as u32);
        for (place, address) in nat.ipv4.iter().take(NAT_ADDRESSES).enumerate() {
            node.nat_v4[place] = Fixed::new(Addr::from(IpAddr::V4(*address)).v4_word());
        }
        for (place, address) in nat.ipv6.iter().take(NAT_ADDRESSES).enumerate() {
            node.nat_v6[place] = Addr::from(IpAddr::V6(*address)).0.map(Fixed::new);
        }
        node.event_sample = Fixed::new(config.event_sample);
        node.log = Fixed::new(config.log.packets.into());

        Self {
            node,
            sizes: vec![
                (names::INDEX, buckets),
                (names::SERVICES, services),
                (names::SERVICE_COUNTERS, services),
                (names::BACKENDS, backends),
                (names::BACKEND_COUNTERS, backends),
                (names::RINGS, limits.ring_slots.div_ceil(2)),
                (names::FLOWS, flow_lines),
                (names::SOURCES, source_lines),
                (names::NAT, nat_rows),
            ],
        }
    }

    /// The shape of a backend: no tables of its own but the addresses that it decapsulates for.
    pub fn backend(port: u16) -> Self {
        let mut node = Node::NONE;
        node.gue_port = Fixed::new(gue_port(port));
        Self { node, sizes: Vec::new() }
    }
}

fn power(count: u32, least: u32) -> u32 {
    count.max(least).checked_next_power_of_two().unwrap_or(1 << 31)
}

/// A duration in the data plane's unit of 2^30 ns, rounded up.
fn units(time: std::time::Duration) -> Fixed<u32> {
    Fixed::new(u32::try_from(time.as_nanos().div_ceil(1 << 30)).unwrap_or(u32::MAX))
}

fn gue_port(port: u16) -> u32 {
    u32::from(u16::from_ne_bytes(port.to_be_bytes()))
}

const _: () = assert!(BUCKET_SLOTS == 8, "the sparseness of INDEX was computed for eight");

#[cfg(test)]
mod tests {
    use super::*;

    fn size(shape: &Shape, map: &str) -> u32 {
        shape.sizes.iter().find(|(name, _)| *name == map).unwrap().1
    }

    #[test]
    fn masks_fit_the_tables() {
        let shape = Shape::of(&Config::default(), &[1; HASH_WORDS]);
        assert_eq!(size(&shape, names::FLOWS), shape.node.flow_mask.get() + 1);
        assert_eq!(size(&shape, names::INDEX), shape.node.index_mask.get() + 1);
        assert_eq!(size(&shape, names::SOURCES), shape.node.source_mask.get() + 1);
    }

    #[test]
    fn flow_table_has_room_for_what_was_asked() {
        let mut config = Config::default();
        config.limits.flows = 1_000_000;
        let shape = Shape::of(&config, &[1; HASH_WORDS]);
        assert!(size(&shape, names::FLOWS) as usize * FLOW_WAYS >= 1_000_000);
    }

    #[test]
    fn nat_takes_rows_only_when_it_has_addresses() {
        let mut config = Config::default();
        assert_eq!(size(&Shape::of(&config, &[1; HASH_WORDS]), names::NAT), 1);
        config.nat.ipv4 = vec!["192.0.2.1".parse().unwrap()];
        config.nat.ports = 1000..=1999;
        let shape = Shape::of(&config, &[1; HASH_WORDS]);
        assert_eq!(size(&shape, names::NAT), 2000);
        assert_eq!(shape.node.nat_v4[0].get().to_ne_bytes(), [192, 0, 2, 1]);
    }

    #[test]
    fn varying_source_bits_are_the_host_part() {
        let mut config = Config::default();
        config.encapsulation.ipv4_source = Some("172.16.0.0/16".parse().unwrap());
        let node = Shape::of(&config, &[1; HASH_WORDS]).node;
        assert_eq!(node.outer_v4_vary.get().to_ne_bytes(), [0, 0, 255, 255]);
    }
}
