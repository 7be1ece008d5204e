//! The backend's side: `statex backend` takes IPIP and GUE off packets for its virtual addresses.

use statex_common::Reason;

use super::scene::*;
use super::spec::{Spec, passes, passes_as, spec};
use crate::doubles::{GUE_PORT, NODE_V4, World};
use crate::packet::{Frame, Mac, ip, protocol, udp};

fn backend() -> World {
    World::new().decapsulates(VIRTUAL).decapsulates(VIRTUAL_V6)
}

/// A tunnelled packet as it comes to a backend, and as its stack gets it.
fn unwraps(name: &'static str, outer: Frame, inner: &Frame) -> Spec {
    let arrived = outer.sent(Mac::NODE, Mac::backend(1));
    let inner = inner.clone().sent(Mac::NODE, Mac::backend(1));
    spec(name).on_backend().given(backend()).packet(&arrived, passes_as(Reason::Decapsulated, &inner))
}

fn leaves(name: &'static str, reason: Reason, frame: Frame) -> Spec {
    spec(name).on_backend().given(backend()).packet(&frame, passes(reason))
}

pub(super) fn specs() -> Vec<Spec> {
    let mut specs = taken_off();
    specs.extend(left());
    specs
}

fn taken_off() -> Vec<Spec> {
    let error = ip("203.0.113.9", VIRTUAL).too_big(1400).quote(&crate::packet::tcp(WEB, "192.0.2.1:1"), 28);
    let fragment = query().payload([1; 600]).fragments(400, 1).remove(1);
    let jumbo = ack().payload([7; 8000]);
    vec![
        unwraps("decap: 4in4", ipip(1, &ack()), &ack()),
        unwraps("decap: 6in6", ipip_v6(1, &ack_v6()), &ack_v6()),
        unwraps("decap: 4in6", ipip_v6(1, &ack()), &ack()),
        unwraps("decap: 6in4", ip(NODE_V4, "10.1.0.1").carry(&ack_v6()), &ack_v6()),
        unwraps("decap: GUE", gue(1, &ack()), &ack()),
        unwraps("decap: GUE over IPv6", gue_v6(1, &ack_v6()), &ack_v6()),
        unwraps("decap: GUE over IPv6 with IPv4 inside", gue_v6(1, &ack()), &ack()),
        unwraps("decap: GUE over IPv4 with IPv6 inside", gue(1, &ack_v6()), &ack_v6()),
        unwraps("decap: a datagram", ipip(1, &query()), &query()),
        unwraps("decap: a fragment", ipip(1, &fragment), &fragment),
        unwraps("decap: an ICMP error", ipip(1, &error), &error),
        unwraps(
            "decap: a packet with IP options inside",
            ipip(1, &ack().options(&[1; 8])),
            &ack().options(&[1; 8]),
        ),
        unwraps("decap: a jumbo frame in several buffers", ipip(1, &jumbo), &jumbo),
    ]
}

fn left() -> Vec<Spec> {
    let foreign = crate::packet::tcp("192.0.2.1:40000", "198.51.100.1:80");
    let piece = ip(NODE_V4, "10.1.0.1").fragment(0, true, 1, protocol::IPIP).carry(&ack());
    let with_header = udp("10.0.0.1:50000", &format!("10.1.0.1:{GUE_PORT}")).gue_with_header(&ack());
    let other_port = udp("10.0.0.1:50000", "10.1.0.1:6081").gue(&ack());
    vec![
        leaves("decap: a packet without a tunnel passes", Reason::DecapNotOurs, ack()),
        leaves(
            "decap: a tunnel with a stranger's packet inside passes",
            Reason::DecapNotOurs,
            ipip(1, &foreign),
        ),
        leaves("decap: a fragment of a tunnel passes", Reason::DecapNotOurs, piece),
        leaves("decap: UDP to another port passes", Reason::DecapNotOurs, other_port),
        leaves(
            "decap: GUE with a header of variant 0 passes: nodes send variant 1",
            Reason::DecapNotOurs,
            with_header,
        ),
        leaves("decap: a tunnel in a tunnel passes", Reason::DecapNotOurs, ipip(1, &ipip(2, &ack()))),
        leaves(
            "decap: protocol 4 with IPv6 inside passes",
            Reason::DecapNotOurs,
            ip(NODE_V4, "10.1.0.1").protocol(protocol::IPIP).carry(&ack_v6()),
        ),
        leaves(
            "decap: protocol 41 with IPv4 inside passes",
            Reason::DecapNotOurs,
            ip(NODE_V4, "10.1.0.1").protocol(protocol::IPV6).carry(&ack()),
        ),
        leaves(
            "decap: a tunnel with half an IP header inside passes",
            Reason::DecapNotOurs,
            ip(NODE_V4, "10.1.0.1").protocol(protocol::IPIP).payload(&ack().ip_bytes()[..10]),
        ),
        leaves(
            "decap: an empty tunnel passes",
            Reason::DecapNotOurs,
            ip(NODE_V4, "10.1.0.1").protocol(protocol::IPIP),
        ),
        leaves(
            "decap: an empty GUE datagram passes",
            Reason::DecapNotOurs,
            udp("10.0.0.1:50000", &format!("10.1.0.1:{GUE_PORT}")),
        ),
        leaves("decap: ARP passes", Reason::NotIp, Frame::new().ethertype(0x0806).payload([1; 28])),
        leaves("decap: half an outer header passes", Reason::Runt, ipip(1, &ack()).truncated(30)),
        leaves(
            "decap: an outer length beyond the frame passes",
            Reason::MalformedIp,
            ipip(1, &ack()).truncated(60),
        ),
        spec("decap: a backend without virtual addresses touches nothing")
            .on_backend()
            .packet(&ipip(1, &ack()), passes(Reason::DecapNotOurs)),
    ]
}
