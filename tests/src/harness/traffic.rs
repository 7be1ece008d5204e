//! Random traffic for property tests: packets for every forward mode, dressed and damaged in every way.
//!
//! Addresses and ports come from short lists, so that flows are met again.

use proptest::collection::vec;
use proptest::prelude::*;

use crate::doubles::{GUE_PORT, NAT_FIRST_PORT, ServicePlan, World};
use crate::packet::{Frame, Long, ip, tcp, udp};

const CLIENTS: [&str; 4] = ["192.0.2.1", "192.0.2.2", "192.0.2.200", "198.51.100.7"];
const CLIENTS_V6: [&str; 3] = ["2001:db8:c::1", "2001:db8:c::2", "2001:db8:d::7"];
const SERVICES: [&str; 8] = [
    "10.200.0.1:80",
    "10.200.0.1:443",
    "10.200.0.1:8080",
    "10.200.0.1:22",
    "10.200.0.2:999",
    "10.200.0.3:80",
    "10.210.0.77:80",
    "203.0.113.1:80",
];
const SERVICES_V6: [&str; 6] = [
    "[2001:db8:f::1]:80",
    "[2001:db8:f::1]:443",
    "[2001:db8:f::1]:8080",
    "[2001:db8:f::2]:999",
    "[2001:db8:e::77]:80",
    "[2001:db8::99]:80",
];

/// A world with every forward mode and every kind of service in it.
pub fn world() -> World {
    World::new()
        .with(ServicePlan::tcp("10.200.0.1:80").ipip("10.1.0.1").ipip("10.1.0.2").ipip("10.1.0.3"))
        .with(ServicePlan::udp("10.200.0.1:80").gue("10.1.0.4").gue("10.1.0.5"))
        .with(ServicePlan::tcp("10.200.0.1:443").l2("10.1.0.6").that(|b| b.interface = 9).l2("10.1.0.7"))
        .with(quic("10.200.0.1:443", "10.1.0.20", "10.1.0.21"))
        .with(ServicePlan::tcp("10.200.0.1:8080").nat("10.1.0.8:8080").nat("10.1.0.9:8081"))
        .with(ServicePlan::udp("10.200.0.1:8080").nat("10.1.0.8:53").that(|b| b.vlan = 200))
        .with(ServicePlan::tcp("10.200.0.1:22").local())
        .with(ServicePlan::udp("10.200.0.1:22").local())
        .with(ServicePlan::tcp("10.200.0.2:*").ipip("2001:db8:b::1"))
        .with(ServicePlan::udp("10.200.0.2:*").gue("2001:db8:b::2").that(|b| b.vlan = 300))
        .with(
            ServicePlan::tcp("10.200.0.3:80")
                .ipip("10.1.0.10")
                .ipip("10.1.0.11")
                .affinity()
                .flow_rate(20)
                .source_rate(5, 10),
        )
        .with(ServicePlan::tcp("10.210.0.0/24:80").ipip("10.1.0.12").that(|b| b.path_mtu = 600))
        .with(ServicePlan::tcp("[2001:db8:f::1]:80").ipip("2001:db8:b::3").ipip("2001:db8:b::4"))
        .with(ServicePlan::udp("[2001:db8:f::1]:80").gue("2001:db8:b::5"))
        .with(ServicePlan::tcp("[2001:db8:f::1]:443").l2("2001:db8:b::6").that(|b| b.vlan = 0))
        .with(quic("[2001:db8:f::1]:443", "2001:db8:b::20", "2001:db8:b::21"))
        .with(ServicePlan::tcp("[2001:db8:f::1]:8080").nat("[2001:db8:b::8]:8080"))
        .with(ServicePlan::udp("[2001:db8:f::1]:8080").nat("[2001:db8:b::8]:53"))
        .with(ServicePlan::tcp("[2001:db8:f::2]:*").gue("2001:db8:b::9"))
        .with(ServicePlan::tcp("[2001:db8:e::/64]:80").ipip("2001:db8:b::10").source_rate(5, 10))
        .deny("192.0.2.128/25")
        .quic_rotation(0, 2)
        .quic_rotation(1, 3)
        .nat_address("10.0.0.1")
        .nat_address("10.0.0.2")
        .nat_address("2001:db8:a::1")
        .decapsulates("10.200.0.1")
        .decapsulates("2001:db8:f::1")
        .settings(|settings| {
            settings.nat_ports = 16;
            settings.outer_v4_vary = [0, 0, 0xff, 0xff];
            settings.outer_v6_vary = [0, 0xff, 0xff, 0xff];
        })
}

fn quic(at: &str, one: &str, two: &str) -> ServicePlan {
    let plan = ServicePlan::udp(at).quic();
    plan.ipip(one).that(|b| b.server_id = vec![10, 1]).gue(two).that(|b| b.server_id = vec![10, 94, 2])
}

/// A frame, whole or damaged.
pub fn frame() -> impl Strategy<Value = Vec<u8>> {
    (packet(), dress(), damage()).prop_map(|(packet, dress, damage)| damage.to(dress.on(packet).bytes()))
}

/// Addresses of a client's packet to a service, by their places in the lists.
#[derive(Clone, Debug)]
struct Way {
    from: String,
    to: String,
    client: &'static str,
    virtual_address: &'static str,
}

fn way() -> impl Strategy<Value = Way> {
    (any::<bool>(), 0..12usize, 0..24usize, 40_000..40_006u16).prop_map(|(v6, client, service, port)| {
        let (client, to) = match v6 {
            false => (CLIENTS[client % CLIENTS.len()], SERVICES[service % SERVICES.len()]),
            true => (CLIENTS_V6[client % CLIENTS_V6.len()], SERVICES_V6[service % SERVICES_V6.len()]),
        };
        let from = if v6 { format!("[{client}]:{port}") } else { format!("{client}:{port}") };
        let virtual_address = to.rsplit_once(':').map_or(to, |(address, _)| address);
        let virtual_address = virtual_address.trim_matches(['[', ']']);
        Way { from, to: to.to_string(), client, virtual_address }
    })
}

fn packet() -> impl Strategy<Value = Frame> {
    let size = prop_oneof![8 => 0..64usize, 2 => 400..1500usize, 1 => 3000..9000usize];
    prop_oneof![
        6 => (way(), any::<u8>(), size.clone()).prop_map(|(w, flags, size)| {
            tcp(&w.from, &w.to).flags(flags & 0x17).payload(vec![7; size])
        }),
        3 => (way(), size).prop_map(|(w, size)| udp(&w.from, &w.to).payload(vec![7; size])),
        3 => (way(), vec(any::<u8>(), 0..20), any::<u8>()).prop_map(quic_packet),
        1 => (way(), 0..200usize).prop_map(|(w, size)| {
            ip(w.client, w.virtual_address).echo_request(1, 1).payload(vec![3; size])
        }),
        2 => (way(), 0..80usize, 0..6u8).prop_map(error),
        2 => (way(), 1..4u16, 0..3usize, any::<bool>()).prop_map(fragment),
        3 => back_through_nat(),
        1 => (way(), any::<u8>()).prop_map(|(w, number)| {
            ip(w.client, w.virtual_address).protocol(number).payload([9; 40])
        }),
        2 => (way(), 0..6u8).prop_map(tunnelled),
    ]
}

fn quic_packet((w, id, kind): (Way, Vec<u8>, u8)) -> Frame {
    let datagram = udp(&w.from, &w.to);
    let named = [&[(kind & 0x20) | 0x0a, 10, kind & 3][..], &id].concat();
    match kind % 7 {
        0 => datagram.quic_long(Long::Initial, &id, &[1; 8]),
        1 => datagram.quic_long(Long::Handshake, &named, &[1; 8]),
        2 => datagram.quic_long_version(Long::Retry, 0x6b33_43cf, &named, &[1; 8]),
        3 => datagram.payload(&id),
        _ => datagram.quic_short(&named),
    }
}

fn error((w, quoted, kind): (Way, usize, u8)) -> Frame {
    let answer = if kind & 1 == 0 { tcp(&w.to, &w.from) } else { udp(&w.to, &w.from) }.payload([1; 40]);
    let router = if w.client.contains(':') { "2001:db8:d::9" } else { "203.0.113.9" };
    let head = ip(router, w.virtual_address);
    match kind % 3 {
        0 => head.too_big(1400),
        1 => head.port_unreachable(),
        _ => head.time_exceeded(),
    }
    .quote(&answer, quoted)
}

fn fragment((w, id, piece, is_udp): (Way, u16, usize, bool)) -> Frame {
    let whole = if is_udp { udp(&w.from, &w.to) } else { tcp(&w.from, &w.to) };
    let chunk = if id == 1 { 800 } else { 400 };
    whole.payload([5; 2000]).fragments(chunk, id).swap_remove(piece)
}

/// What backends send to the node's own addresses.
fn back_through_nat() -> impl Strategy<Value = Frame> {
    let servers = prop_oneof![
        Just(("10.1.0.8:8080", "10.0.0.1")),
        Just(("10.1.0.9:8081", "10.0.0.2")),
        Just(("10.1.0.8:53", "10.0.0.1")),
        Just(("[2001:db8:b::8]:8080", "2001:db8:a::1")),
        Just(("[2001:db8:b::8]:53", "2001:db8:a::1")),
    ];
    (servers, 0..17u16, any::<u8>()).prop_map(|((server, node), port, kind)| {
        let port = NAT_FIRST_PORT + port;
        let to = if node.contains(':') { format!("[{node}]:{port}") } else { format!("{node}:{port}") };
        let answer = match kind % 4 {
            0 | 1 => tcp(server, &to).flags(kind & 0x17),
            _ => udp(server, &to).payload([4; 900]),
        };
        let router = if node.contains(':') { "2001:db8:d::9" } else { "203.0.113.9" };
        let sent = if kind & 1 == 0 { tcp(&to, server) } else { udp(&to, server) };
        match kind % 8 {
            3 => ip(router, node).too_big(1400).quote(&sent, 60),
            7 => answer.fragments(400, 7).swap_remove(usize::from(kind >> 7)),
            _ => answer,
        }
    })
}

/// What a backend gets.
fn tunnelled((w, kind): (Way, u8)) -> Frame {
    let inner = if kind & 1 == 0 { tcp(&w.from, &w.to) } else { udp(&w.from, &w.to) };
    match kind {
        0 | 1 => ip("10.0.0.1", "10.1.0.1").carry(&inner),
        2 => ip("2001:db8:a::1", "2001:db8:b::1").carry(&inner),
        3 => ip("10.0.0.1", "10.1.0.1").udp(50_000, GUE_PORT).gue(&inner),
        4 => ip("2001:db8:a::1", "2001:db8:b::1").udp(50_000, GUE_PORT).gue(&inner),
        _ => ip("10.0.0.1", "10.1.0.1").udp(50_000, GUE_PORT).gue_with_header(&inner),
    }
}

/// What most packets have none of.
#[derive(Clone, Debug)]
struct Dress {
    vlan: Option<(u16, bool)>,
    options: usize,
    tos: u8,
    ttl: u8,
    padded: usize,
}

fn dress() -> impl Strategy<Value = Dress> {
    let vlan = prop_oneof![4 => Just(None), 1 => (0..4096u16, any::<bool>()).prop_map(Some)];
    let options = prop_oneof![6 => Just(0usize), 1 => 1..9usize];
    let ttl = prop_oneof![6 => Just(64u8), 1 => 0..3u8];
    (vlan, options, any::<u8>(), ttl, prop_oneof![6 => Just(0usize), 1 => 0..120usize])
        .prop_map(|(vlan, options, tos, ttl, padded)| Dress { vlan, options, tos, ttl, padded })
}

impl Dress {
    fn on(&self, packet: Frame) -> Frame {
        let mut packet = match (self.options, packet.is_v4()) {
            (0, _) => packet,
            (words, true) => packet.options(&vec![1; words * 4]),
            (count, false) => (0..count).fold(packet, |packet, place| match place % 3 {
                0 => packet.destination_options(),
                1 => packet.routing(),
                _ => packet.authentication(),
            }),
        };
        packet = packet.tos(self.tos).ttl(self.ttl);
        packet = match self.vlan {
            None => packet,
            Some((id, false)) => packet.vlan(id),
            Some((id, true)) => packet.qinq(id, 7),
        };
        if self.padded > 0 { packet.padded(self.padded) } else { packet }
    }
}

/// What may be wrong with a frame.
#[derive(Clone, Debug)]
enum Damage {
    None,
    Truncated(usize),
    /// Bytes in the headers changed: place and value.
    Mutated(Vec<(usize, u8)>),
    Noise(Vec<u8>),
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        14 => Just(Damage::None),
        2 => (14..150usize).prop_map(Damage::Truncated),
        3 => vec((12..100usize, any::<u8>()), 1..4).prop_map(Damage::Mutated),
        1 => vec(any::<u8>(), 14..200).prop_map(Damage::Noise),
    ]
}

impl Damage {
    fn to(self, mut bytes: Vec<u8>) -> Vec<u8> {
        match self {
            Damage::None => {}
            Damage::Truncated(length) => bytes.truncate(length),
            Damage::Mutated(changes) => {
                for (place, value) in changes {
                    if let Some(byte) = bytes.get_mut(place) {
                        *byte = value;
                    }
                }
            }
            Damage::Noise(noise) => return noise,
        }
        bytes
    }
}
