//! QUIC: packets whose connection id the server issued go to that server, whatever address they come from
//! (draft-ietf-quic-load-balancers); all others go by addresses and ports.

use super::scene::*;
use super::spec::{Any, Spec, spec, transmits};
use crate::doubles::{ServicePlan, World};
use crate::packet::{Frame, Long, udp};

const QUIC: &str = "10.200.0.1:443";
const QUIC_V6: &str = "[2001:db8:f::1]:443";

/// Server ids of two bytes by rotation 0; backend 1 is 0x0a01, backend 2 is 0x0a02.
pub(super) fn service_of_two() -> World {
    let service = ServicePlan::udp(QUIC)
        .quic()
        .ipip("10.1.0.1")
        .that(|b| b.server_id = vec![0x0a, 0x01])
        .ipip("10.1.0.2")
        .that(|b| b.server_id = vec![0x0a, 0x02]);
    World::new().with(service).quic_rotation(0, 2)
}

/// A connection id of the backend with this number: rotation and length, server id, nonce.
pub(super) fn id_of(backend: u8) -> Vec<u8> {
    [&[0x0a, 0x0a, backend][..], &[0x5e; 8]].concat()
}

pub(super) fn short(id: &[u8]) -> Frame {
    short_from("192.0.2.1:40000", id)
}

fn short_from(source: &str, id: &[u8]) -> Frame {
    udp(source, QUIC).quic_short(id)
}

fn long(kind: Long, id: &[u8]) -> Frame {
    udp("192.0.2.1:40000", QUIC).quic_long(kind, id, &[1; 8])
}

pub(super) fn specs() -> Vec<Spec> {
    let mut specs = by_id();
    specs.extend(by_flow());
    specs.extend(unknown());
    specs
}

fn by_id() -> Vec<Spec> {
    let rotated = |id: &[u8]| [&[0x20 | 0x0a][..], &id[1..]].concat();
    let v6 = udp("[2001:db8:c::1]:40000", QUIC_V6).quic_short(&id_of(1));
    let moved = short_from("203.0.113.50:1234", &id_of(2));
    vec![
        spec("QUIC: a short header goes to the server that its id names")
            .given(service_of_two())
            .packet(&short(&id_of(1)), transmits(&ipip(1, &short(&id_of(1)))).counting("quic_routed", 1))
            .packet(&short(&id_of(2)), transmits(&ipip(2, &short(&id_of(2)))).counting("quic_routed", 1)),
        spec("QUIC: a client that moves to another address keeps its server")
            .given(service_of_two())
            .packet(&short(&id_of(2)), transmits(&ipip(2, &short(&id_of(2)))))
            .packet(&moved, transmits(&ipip(2, &moved)).counting("quic_routed", 1)),
        spec("QUIC: a client behind a NAT that rebinds keeps its server")
            .given(service_of_two())
            .packet(&short(&id_of(1)), transmits(&ipip(1, &short(&id_of(1)))))
            .packet(
                &short_from("192.0.2.1:50001", &id_of(1)),
                transmits(&ipip(1, &short_from("192.0.2.1:50001", &id_of(1)))),
            ),
        spec("QUIC: the id counts for more than the flow table")
            .given(service_of_two())
            .then(|world| world.drain("10.1.0.2"))
            .packet(&long(Long::Initial, &[9; 8]), transmits(&ipip(1, &long(Long::Initial, &[9; 8]))))
            .packet(&short(&id_of(2)), transmits(&ipip(2, &short(&id_of(2))))),
        spec("QUIC: a Handshake packet goes by its id").given(service_of_two()).packet(
            &long(Long::Handshake, &id_of(2)),
            transmits(&ipip(2, &long(Long::Handshake, &id_of(2)))).counting("quic_routed", 1),
        ),
        spec("QUIC: a drained server keeps the connections that its ids name")
            .given(service_of_two())
            .then(|world| world.drain("10.1.0.1"))
            .packet(&short(&id_of(1)), transmits(&ipip(1, &short(&id_of(1))))),
        spec("QUIC: rotations live side by side with their own lengths")
            .given({
                let service = ServicePlan::udp(QUIC)
                    .quic()
                    .ipip("10.1.0.1")
                    .that(|b| b.server_id = vec![0x0a, 0x01])
                    .ipip("10.1.0.2")
                    .that(|b| b.server_id = vec![0x0a, 0x5e, 0x5e, 0x01]);
                World::new().with(service).quic_rotation(0, 2).quic_rotation(1, 4)
            })
            .packet(&short(&id_of(1)), transmits(&ipip(1, &short(&id_of(1)))))
            .packet(
                &short(&[0x2c, 0x0a, 0x5e, 0x5e, 0x01, 1, 2, 3, 4, 5, 6]),
                transmits(&ipip(2, &short(&[0x2c, 0x0a, 0x5e, 0x5e, 0x01, 1, 2, 3, 4, 5, 6]))),
            ),
        spec("QUIC: an old rotation goes on while a new one begins")
            .given(service_of_two().quic_rotation(1, 2))
            .packet(&short(&id_of(1)), transmits(&ipip(1, &short(&id_of(1)))).counting("quic_routed", 1))
            .packet(
                &short(&rotated(&id_of(1))),
                transmits(&ipip(1, &short(&rotated(&id_of(1))))).counting("quic_routed", 1),
            ),
        spec("QUIC over IPv6")
            .given({
                let service = ServicePlan::udp(QUIC_V6)
                    .quic()
                    .ipip("2001:db8:b::1")
                    .that(|b| b.server_id = vec![0x0a, 0x01]);
                World::new().with(service).quic_rotation(0, 2)
            })
            .packet(&v6, transmits(&ipip_v6(1, &v6)).any(Any::FlowLabel).counting("quic_routed", 1)),
        spec("QUIC: server ids of eight bytes, the longest that are routed")
            .given({
                let service = ServicePlan::udp(QUIC)
                    .quic()
                    .ipip("10.1.0.1")
                    .that(|b| b.server_id = vec![1, 2, 3, 4, 5, 6, 7, 8]);
                World::new().with(service).quic_rotation(6, 8)
            })
            .packet(
                &short(&[0xd3, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 9]),
                transmits(&ipip(1, &short(&[0xd3, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 9])))
                    .counting("quic_routed", 1),
            ),
    ]
}

fn by_flow() -> Vec<Spec> {
    let version_2 =
        udp("192.0.2.1:40000", QUIC).quic_long_version(Long::Retry, 0x6b33_43cf, &id_of(2), &[1; 8]);
    let negotiation = udp("192.0.2.1:40000", QUIC).quic_long_version(Long::Initial, 0, &id_of(2), &[1; 8]);
    let foreign =
        udp("192.0.2.1:40000", QUIC).quic_long_version(Long::Handshake, 0x1a2a_3a4a, &id_of(2), &[1; 8]);
    let goes_by_flow = |name, frame: Frame| {
        spec(name)
            .given(service_of_two())
            .then(|world| world.drain("10.1.0.2"))
            .packet(&frame, transmits(&ipip(1, &frame)).counting("quic_routed", 0).counting("new_flows", 1))
    };
    vec![
        goes_by_flow("QUIC: an Initial packet goes by its flow: the client chose the id", {
            long(Long::Initial, &id_of(2))
        }),
        goes_by_flow("QUIC: a 0-RTT packet goes by its flow", long(Long::ZeroRtt, &id_of(2))),
        goes_by_flow("QUIC: version negotiation goes by its flow", negotiation),
        goes_by_flow("QUIC: an unknown version goes by its flow", foreign),
        spec("QUIC version 2 has its own numbers of packet types")
            .given(service_of_two())
            .then(|world| world.drain("10.1.0.2"))
            .packet(&version_2, transmits(&ipip(2, &version_2)).counting("quic_routed", 1)),
        spec("QUIC: Initial packets of one flow go to one server")
            .given(service_of_two())
            .then(|world| world.drain("10.1.0.2"))
            .packet(&long(Long::Initial, &[9; 8]), transmits(&ipip(1, &long(Long::Initial, &[9; 8]))))
            .then(|world| {
                world.drain("10.1.0.1");
                world.backend("10.1.0.2").in_ring = true;
            })
            .packet(&long(Long::Initial, &[9; 8]), transmits(&ipip(1, &long(Long::Initial, &[9; 8])))),
        spec("a service that is not QUIC does not read connection ids")
            .given(
                World::new()
                    .with(ServicePlan::udp(QUIC).ipip("10.1.0.1").ipip("10.1.0.2").that(|b| {
                        b.server_id = vec![0x0a, 0x02];
                    }))
                    .quic_rotation(0, 2),
            )
            .then(|world| world.drain("10.1.0.2"))
            .packet(&short(&id_of(2)), transmits(&ipip(1, &short(&id_of(2)))).counting("quic_routed", 0)),
    ]
}

fn unknown() -> Vec<Spec> {
    let falls_back = |name, frame: Frame| {
        spec(name)
            .given(service_of_two())
            .then(|world| world.drain("10.1.0.2"))
            .packet(&frame, transmits(&ipip(1, &frame)).counting("quic_unknown", 1))
    };
    let empty = udp("192.0.2.1:40000", QUIC);
    vec![
        falls_back("QUIC: an id of nobody goes by its flow, and is counted", short(&id_of(9))),
        falls_back("QUIC: an id of a rotation that is off goes by its flow", short(&[0x4a; 11])),
        falls_back("QUIC: an id that says it cannot be routed goes by its flow", short(&[0xea; 11])),
        falls_back("QUIC: an id that is cut off goes by its flow", empty.clone().payload([0x40, 0x0a, 0x0a])),
        spec("QUIC: a datagram without payload goes by its flow")
            .given(service_of_two())
            .then(|world| world.drain("10.1.0.2"))
            .packet(&empty, transmits(&ipip(1, &empty))),
        spec("QUIC: the id of a dead server goes to a living one")
            .given(service_of_two())
            .then(|world| world.kill("10.1.0.2"))
            .packet(&short(&id_of(2)), transmits(&ipip(1, &short(&id_of(2)))).counting("quic_unknown", 1)),
        spec("QUIC: the server id of another service's backend is unknown here")
            .given({
                let other = ServicePlan::udp("10.200.0.2:443")
                    .quic()
                    .ipip("10.1.0.3")
                    .that(|b| b.server_id = vec![0x0a, 0x03]);
                service_of_two().with(other)
            })
            .then(|world| world.drain("10.1.0.2"))
            .packet(&short(&id_of(3)), transmits(&ipip(1, &short(&id_of(3)))).counting("quic_unknown", 1)),
    ]
}
