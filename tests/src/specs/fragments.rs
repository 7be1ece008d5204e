//! Fragments follow their first one, which alone has the ports.

use statex_common::Reason;

use super::scene::*;
use super::spec::{Any, Spec, drops, passes, spec, transmits};
use crate::doubles::{ServicePlan, World};
use crate::packet::{Frame, ip, protocol, udp};

fn pieces(id: u16) -> Vec<Frame> {
    query().payload([7; 1200]).fragments(480, id)
}

fn pieces_v6(id: u16) -> Vec<Frame> {
    query_v6().payload([7; 1200]).fragments(480, id)
}

pub(super) fn specs() -> Vec<Spec> {
    let two = || World::new().with(ServicePlan::udp(DNS).ipip("10.1.0.1").ipip("10.1.0.2"));
    let elsewhere = udp("192.0.2.1:40000", "198.51.100.1:53").payload([7; 900]).fragments(480, 3);
    let first_to_wrong_port = udp("192.0.2.1:40000", "10.200.0.1:9").payload([7; 900]).fragments(480, 3);
    let segments = ack().payload([7; 900]).fragments(480, 8);
    let atomic = ip(CLIENT_V6, VIRTUAL_V6).udp(40000, 53).payload("query").fragment_header(0, false, 1);
    vec![
        spec("all fragments of a datagram go to one backend")
            .given(dns())
            .packet(&pieces(1)[0], transmits(&ipip(1, &pieces(1)[0])))
            .packet(&pieces(1)[1], transmits(&ipip(1, &pieces(1)[1])))
            .packet(&pieces(1)[2], transmits(&ipip(1, &pieces(1)[2]))),
        spec("all fragments of an IPv6 datagram go to one backend")
            .given(dns_v6())
            .packet(&pieces_v6(1)[0], transmits(&ipip_v6(1, &pieces_v6(1)[0])).any(Any::FlowLabel))
            .packet(&pieces_v6(1)[1], transmits(&ipip_v6(1, &pieces_v6(1)[1])).any(Any::FlowLabel))
            .packet(&pieces_v6(1)[2], transmits(&ipip_v6(1, &pieces_v6(1)[2])).any(Any::FlowLabel)),
        spec("all fragments of a TCP segment go to one backend")
            .given(web())
            .packet(&segments[0], transmits(&ipip(1, &segments[0])))
            .packet(&segments[1], transmits(&ipip(1, &segments[1]))),
        spec("later fragments follow the first, not the ring")
            .given(two())
            .then(|world| world.drain("10.1.0.2"))
            .packet(&pieces(2)[0], transmits(&ipip(1, &pieces(2)[0])))
            .then(|world| {
                world.drain("10.1.0.1");
                world.backend("10.1.0.2").in_ring = true;
            })
            .packet(&pieces(2)[1], transmits(&ipip(1, &pieces(2)[1])))
            .packet(&pieces(2)[2], transmits(&ipip(1, &pieces(2)[2]))),
        spec("a first fragment follows its flow")
            .given(two())
            .then(|world| world.drain("10.1.0.2"))
            .packet(&query(), transmits(&ipip(1, &query())))
            .then(|world| {
                world.drain("10.1.0.1");
                world.backend("10.1.0.2").in_ring = true;
            })
            .packet(&pieces(2)[0], transmits(&ipip(1, &pieces(2)[0])))
            .packet(&pieces(2)[1], transmits(&ipip(1, &pieces(2)[1]))),
        spec("a later fragment whose first was not seen is dropped")
            .given(dns())
            .packet(&pieces(1)[1], drops(Reason::FragmentUnknown)),
        spec("a later IPv6 fragment whose first was not seen is dropped")
            .given(dns_v6())
            .packet(&pieces_v6(1)[1], drops(Reason::FragmentUnknown)),
        spec("fragments of another datagram are no fragments of this one")
            .given(dns())
            .packet(&pieces(1)[0], transmits(&ipip(1, &pieces(1)[0])))
            .packet(&pieces(2)[1], drops(Reason::FragmentUnknown)),
        spec("fragments of another protocol are no fragments of this one")
            .given(dns())
            .packet(&pieces(1)[0], transmits(&ipip(1, &pieces(1)[0])))
            .packet(
                &ip(CLIENT, VIRTUAL).fragment(480, true, 1, protocol::TCP).payload([7; 480]),
                drops(Reason::FragmentUnknown),
            ),
        spec("fragments whose backend died since are dropped")
            .given(dns())
            .packet(&pieces(1)[0], transmits(&ipip(1, &pieces(1)[0])))
            .then(|world| world.kill("10.1.0.1"))
            .packet(&pieces(1)[1], drops(Reason::FragmentUnknown)),
        spec("fragments whose backend's id was given away since are dropped")
            .given(dns())
            .packet(&pieces(1)[0], transmits(&ipip(1, &pieces(1)[0])))
            .then(|world| world.reuse_id("10.1.0.1", "10.1.0.7"))
            .packet(&pieces(1)[1], drops(Reason::FragmentUnknown)),
        spec("fragments to an address of nobody pass")
            .given(dns())
            .packet(&elsewhere[0], passes(Reason::NotOurs))
            .packet(&elsewhere[1], passes(Reason::NotOurs)),
        spec("a first fragment to a port of nobody passes")
            .given(dns())
            .packet(&first_to_wrong_port[0], passes(Reason::NoSuchPort)),
        spec("an atomic IPv6 fragment is a whole datagram (RFC 6946)")
            .given(dns_v6())
            .packet(&atomic, transmits(&ipip_v6(1, &atomic)).any(Any::FlowLabel)),
        spec("a first fragment too short for the ports is dropped").given(dns()).packet(
            &ip(CLIENT, VIRTUAL).fragment(0, true, 1, protocol::UDP).payload([1, 2, 3, 4]),
            drops(Reason::Truncated),
        ),
        spec("GUE: fragments are tunnelled")
            .given(World::new().with(ServicePlan::udp(DNS).gue("10.1.0.1")))
            .packet(&pieces(1)[0], transmits(&gue(1, &pieces(1)[0])).any(Any::GueSource))
            .packet(&pieces(1)[1], transmits(&gue(1, &pieces(1)[1])).any(Any::GueSource)),
        spec("L2: fragments go to the backend's MAC")
            .given(World::new().with(ServicePlan::udp(DNS).l2("10.1.0.1")))
            .packet(&pieces(1)[0], transmits(&l2(1, &pieces(1)[0])))
            .packet(&pieces(1)[1], transmits(&l2(1, &pieces(1)[1]))),
    ]
}
