//! From a [`World`] to the rows that an agent would write.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use statex_common::abi::{
    Addr, Backend, BackendCounters, BackendState, Bucket, Control, Egress, FlowLine, FlowMasks, HASH_WORDS,
    IndexSlot, Mode, NAT_ADDRESSES, NatEntry, NextHop, Node, OUTER_LEN, Prefix, QuicId, RingWord, Service,
    ServiceCounters, Slot, SourceLine, features, service_flags as flag,
};
use statex_common::shared::{Fixed, Shared};
use statex_common::{Reason, hash, service};

use super::world::Settings;
use super::{BackendPlan, Memory, ServicePlan, World};
use crate::packet::{Mac, ip, protocol};

/// The node's tunnel addresses: outer sources.
pub const NODE_V4: &str = "10.0.0.1";
pub const NODE_V6: &str = "2001:db8:a::1";
/// GUE's registered port (IANA).
pub const GUE_PORT: u16 = 6080;
pub const NAT_FIRST_PORT: u16 = 20_000;

/// Fewest rows of each table; few, so that a spec fills them in no time.
const SERVICES: usize = 64;
const BACKENDS: usize = 64;
const RING_WORDS: usize = 256;
const BUCKETS: usize = 64;
const SOURCE_LINES: usize = 16;

impl World {
    /// All tables as an agent would fill them at start: no flows, nothing counted.
    pub fn tables(&self) -> Memory {
        let mut rows = Rows {
            memory: empty(self),
            ring_slots: self.settings.ring_slots,
            next_service: 1,
            next_ring: 0,
            addresses: HashMap::new(),
        };
        for (index, addr) in self.nat_addresses.iter().enumerate() {
            rows.nat_address((*addr).into(), index as u32);
        }
        for plan in &self.services {
            rows.service(plan);
        }
        for (addr, bits) in &self.denied {
            rows.memory.deny.insert(prefix(*addr, *bits));
            enable(&rows.memory.control, features::DENY);
        }
        for (rotation, server_id_len) in self.quic_rotations.iter().enumerate() {
            rows.memory.quic[rotation].0.set(QuicId::word(*server_id_len, 8));
        }
        rows.memory
    }
}

fn empty(world: &World) -> Memory {
    let nat_rows = 2 * world.nat_addresses.len() * world.settings.nat_ports as usize;
    let backends = BACKENDS.max(count_backends(world) + 1);
    let ring_words = world.services.len() * world.settings.ring_slots.div_ceil(2) as usize;
    Memory {
        node: node(world),
        control: Control {
            features: Shared::default(),
            flows: Shared::new(world.flow_masks.map_or(0, FlowMasks::word)),
        },
        index: vec![Bucket::default(); buckets(world)],
        services: vec![Service::default(); SERVICES],
        backends: vec![Backend::default(); backends],
        rings: vec![RingWord::default(); ring_words.max(RING_WORDS)],
        quic: vec![QuicId::default(); QuicId::ROTATIONS as usize],
        prefixes: HashMap::new(),
        deny: HashSet::new(),
        links: HashMap::from([(1, mac_word(Mac::NODE)), (9, mac_word(Mac::NODE))]),
        decap: world.decapsulated.iter().map(host_prefix).collect(),
        flows: vec![FlowLine::default(); world.settings.flow_lines as usize],
        nat: vec![NatEntry::default(); nat_rows.max(1)],
        sources: vec![SourceLine::default(); SOURCE_LINES],
        backend_counters: vec![BackendCounters::default(); backends],
        service_counters: vec![ServiceCounters::default(); SERVICES],
        reason_counters: vec![Shared::default(); Reason::COUNT],
        clock: Cell::new(1000 << 30),
        random: Cell::new(0x2545_f491),
        events: RefCell::new(Vec::new()),
    }
}

fn count_backends(world: &World) -> usize {
    world.services.iter().map(|service| service.backends.len()).sum()
}

/// Half a key a bucket at most, on average.
fn buckets(world: &World) -> usize {
    let keys = 2 * world.services.len() + world.nat_addresses.len() + count_backends(world);
    (2 * keys).next_power_of_two().max(BUCKETS)
}

fn node(world: &World) -> Node {
    let Settings { flow_lines, nat_ports, udp_idle_s, tcp_idle_s, event_sample, .. } = world.settings;
    let Settings { outer_v4_vary, outer_v6_vary, .. } = world.settings;
    let (v4, v6): (Vec<Addr>, Vec<Addr>) =
        world.nat_addresses.iter().map(|addr| Addr::from(*addr)).partition(Addr::is_v4);
    let word = |addrs: &[Addr], place: usize, word: usize| addrs.get(place).map_or(0, |addr| addr.0[word]);
    Node {
        hash_key: std::array::from_fn::<_, HASH_WORDS, _>(|place| Fixed::new(key_word(place))),
        flow_mask: Fixed::new(flow_lines - 1),
        index_mask: Fixed::new(buckets(world) as u32 - 1),
        source_mask: Fixed::new(SOURCE_LINES as u32 - 1),
        udp_idle: Fixed::new(udp_idle_s),
        tcp_idle: Fixed::new(tcp_idle_s),
        outer_v4_vary: Fixed::new(u32::from_ne_bytes(outer_v4_vary)),
        outer_v6_vary: Fixed::new(u32::from_ne_bytes(outer_v6_vary)),
        gue_port: Fixed::new(u32::from(GUE_PORT.to_be())),
        nat_first_port: Fixed::new(NAT_FIRST_PORT.into()),
        nat_ports: Fixed::new(nat_ports),
        nat_v4_count: Fixed::new(v4.len() as u32),
        nat_v6_count: Fixed::new(v6.len() as u32),
        nat_idle: [60, 3600, 60, 30, 180].map(Fixed::new),
        event_sample: Fixed::new(event_sample),
        log: Fixed::new(0),
        reserved: Fixed::new(0),
        nat_v4: std::array::from_fn::<_, NAT_ADDRESSES, _>(|i| Fixed::new(word(&v4, i, 3))),
        nat_v6: std::array::from_fn::<_, NAT_ADDRESSES, _>(|i| {
            std::array::from_fn(|w| Fixed::new(word(&v6, i, w)))
        }),
    }
}

/// Arbitrary, but the same every run, and never 0.
fn key_word(place: usize) -> u64 {
    0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(2 * place as u64 + 1)
}

struct Rows {
    memory: Memory,
    ring_slots: u32,
    next_service: u16,
    next_ring: u32,
    /// Ids of the address rows.
    addresses: HashMap<Addr, u16>,
}

impl Rows {
    fn nat_address(&mut self, addr: Addr, nat_index: u32) {
        let flags = Shared::new(flag::LIVE | flag::ADDRESS | flag::NAT_RETURN);
        self.row(Service { addr, flags, nat_index, ..Service::default() });
    }

    fn service(&mut self, plan: &ServicePlan) {
        let addr = self.address(plan);
        let id = self.next_service;
        for backend in &plan.backends {
            self.memory.backends[backend.id as usize] = backend_row(id, plan, backend, &self.memory.node);
            if !backend.server_id.is_empty() {
                let number = server_id(&backend.server_id);
                let hash = hash::server_id(&self.memory, id, number, backend.server_id.len() as u8);
                self.index(hash, backend.id);
            }
        }
        let (rate, burst) = plan.source_rate.unwrap_or_default();
        let row = Service {
            addr,
            port: plan.port.unwrap_or(0).to_be_bytes(),
            protocol: plan.protocol,
            flags: Shared::new(flags(plan)),
            ring: Shared::new(self.ring(plan)),
            flow_rate: Shared::new(plan.flow_rate.unwrap_or(0)),
            source_rate: Shared::new(rate),
            source_burst: Shared::new(burst),
            // Prefixes of 24 bits for IPv4 and 56 for IPv6.
            source_bits: Shared::new(24 | 56 << 16),
            ..Service::default()
        };
        self.row(row);
    }

    /// The address under which the service is indexed; its own row comes to be with its first service.
    fn address(&mut self, plan: &ServicePlan) -> Addr {
        let addr = match plan.prefix {
            None => plan.addr.into(),
            Some(bits) => {
                let next = self.memory.prefixes.len() as u32 + 1;
                let id = *self.memory.prefixes.entry(prefix(plan.addr, bits)).or_insert(next);
                enable(&self.memory.control, features::PREFIXES);
                service::pseudo(id, plan.addr.is_ipv4())
            }
        };
        let any = match (plan.port, plan.protocol) {
            (Some(_), _) => 0,
            (None, protocol::TCP) => flag::ANY_TCP,
            (None, _) => flag::ANY_UDP,
        };
        match self.addresses.get(&addr) {
            Some(id) => {
                let flags = &self.memory.services[*id as usize].flags;
                flags.set(flags.get() | any);
            }
            None => {
                let flags = Shared::new(flag::LIVE | flag::ADDRESS | any);
                let id = self.row(Service { addr, flags, ..Service::default() });
                self.addresses.insert(addr, id);
            }
        }
        addr
    }

    fn row(&mut self, row: Service) -> u16 {
        let id = self.next_service;
        self.next_service += 1;
        self.index(hash::service(&self.memory, &row.addr, row.port, row.protocol), id);
        self.memory.services[id as usize] = row;
        id
    }

    fn index(&mut self, hash: u64, id: u16) {
        let bucket = &self.memory.index[hash as usize % self.memory.index.len()];
        let free = bucket.0.iter().find(|slot| slot.get() == IndexSlot::FREE.0);
        free.expect("a free slot in the bucket").set(IndexSlot::new(hash, id).0);
    }

    /// Backends in turn, as often as the ring has slots.
    fn ring(&mut self, plan: &ServicePlan) -> u64 {
        let ids: Vec<u16> =
            plan.backends.iter().filter(|backend| backend.in_ring).map(|backend| backend.id).collect();
        let (base, slots) = (self.next_ring, self.ring_slots);
        // Two slots a word, and a ring begins with a word.
        self.next_ring += slots.next_multiple_of(2);
        if ids.is_empty() {
            return Service::ring_word(base, 0);
        }
        let slot = |place: u32| Slot { primary: ids[place as usize % ids.len()], secondary: 0 };
        for place in (0..slots).step_by(2) {
            let word = &self.memory.rings[((base + place) / 2) as usize];
            word.0.set(RingWord::pack(slot(place), slot(place + 1)));
        }
        Service::ring_word(base, slots)
    }
}

fn flags(plan: &ServicePlan) -> u32 {
    let nat = plan.backends.iter().any(|backend| backend.mode == Mode::Nat);
    [
        (true, flag::LIVE),
        (plan.port.is_none() || plan.prefix.is_some(), flag::WIDE),
        (plan.affinity, flag::AFFINITY),
        (plan.quic, flag::QUIC),
        (plan.local, flag::LOCAL),
        (nat, flag::NAT),
        (plan.flow_rate.is_some(), flag::FLOW_RATE),
        (plan.source_rate.is_some(), flag::SOURCE_RATE),
    ]
    .into_iter()
    .filter_map(|(is, bit)| is.then_some(bit))
    .sum()
}

fn backend_row(service: u16, plan: &ServicePlan, backend: &BackendPlan, node: &Node) -> Backend {
    let outer_v6 = backend.addr.is_ipv6();
    let egress = Egress {
        mac: Mac::NODE.0,
        generation: backend.generation,
        state: backend.state as u8,
        mode: backend.mode as u8,
        outer_v6,
    };
    let overhead = match (backend.mode, outer_v6) {
        (Mode::Ipip, false) => 20,
        (Mode::Ipip, true) => 40,
        (Mode::Gue, false) => 28,
        (Mode::Gue, true) => 48,
        (Mode::L2 | Mode::Nat, _) => 0,
    };
    if backend.state == BackendState::Free {
        return Backend { egress: Shared::new(egress.word()), ..Backend::default() };
    }
    Backend {
        next_hop: Shared::new(NextHop { mac: backend.mac.0, vlan: backend.vlan }.word()),
        egress: Shared::new(egress.word()),
        interface: Shared::new(backend.interface),
        mtu: Shared::new(backend.path_mtu - overhead),
        service,
        outer: outer_header(plan, backend, node),
        addr: backend.addr.into(),
        server_id: server_id(&backend.server_id),
        port: backend.port.to_be_bytes(),
        protocol: plan.protocol,
        server_id_len: backend.server_id.len() as u8,
        ..Backend::default()
    }
}

/// The outer IP header with nothing of a packet in it; for IPv4 the sum of its words instead of the checksum.
fn outer_header(plan: &ServicePlan, backend: &BackendPlan, node: &Node) -> [u32; OUTER_LEN / 4] {
    let inside = match (backend.mode, plan.addr.is_ipv6()) {
        (Mode::Gue, _) => protocol::UDP,
        (_, false) => protocol::IPIP,
        (_, true) => protocol::IPV6,
    };
    let to = backend.addr.to_string();
    // Bits that vary are zero here: they are put in per packet.
    let header = match backend.addr {
        IpAddr::V4(_) => {
            let vary = u32::from_be(node.outer_v4_vary.get());
            let source = u32::from(NODE_V4.parse::<Ipv4Addr>().expect("an address")) & !vary;
            ip(&Ipv4Addr::from(source).to_string(), &to).dont_fragment()
        }
        IpAddr::V6(_) => {
            let vary = u32::from_be(node.outer_v6_vary.get());
            let source = u128::from(NODE_V6.parse::<Ipv6Addr>().expect("an address")) & !u128::from(vary);
            ip(&Ipv6Addr::from(source).to_string(), &to)
        }
    };
    let mut bytes = header.protocol(inside).length_field(0).ip_bytes();
    if backend.addr.is_ipv4() {
        bytes[10] = !bytes[10];
        bytes[11] = !bytes[11];
    }
    bytes.resize(OUTER_LEN, 0);
    std::array::from_fn(|i| {
        u32::from_ne_bytes([bytes[4 * i], bytes[4 * i + 1], bytes[4 * i + 2], bytes[4 * i + 3]])
    })
}

/// Server ids are numbers in network order.
fn server_id(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

fn prefix(addr: IpAddr, bits: u8) -> Prefix {
    let mapped = if addr.is_ipv4() { 96 } else { 0 };
    Prefix { bits: mapped + u32::from(bits), addr: addr.into() }
}

fn enable(control: &Control, feature: u64) {
    control.features.set(control.features.get() | feature);
}

fn mac_word(mac: Mac) -> u64 {
    NextHop { mac: mac.0, vlan: 0 }.word()
}

fn host_prefix(addr: &IpAddr) -> Prefix {
    prefix(*addr, if addr.is_ipv4() { 32 } else { 128 })
}
