//! ICMP errors reach the backend that owns the flow which they are about, with as little as 8 quoted bytes
//! of its transport header (RFC 792, RFC 1191, RFC 4443).

use statex_common::Reason;

use super::scene::*;
use super::spec::{Any, Spec, drops, passes, spec, transmits};
use crate::doubles::{ServicePlan, World};
use crate::packet::{Frame, ip, tcp, udp};

const ROUTER: &str = "203.0.113.9";
const ROUTER_V6: &str = "2001:db8:d::9";
/// IP header and 8 bytes: what RFC 792 asks for.
const LEAST: usize = 28;
const LEAST_V6: usize = 48;

/// What the backend had sent to the client when the error came to be.
fn answer() -> Frame {
    tcp(WEB, "192.0.2.1:40000").payload([7; 1000])
}

fn answer_v6() -> Frame {
    tcp(WEB_V6, "[2001:db8:c::1]:40000").payload([7; 1000])
}

fn udp_answer() -> Frame {
    udp(DNS, "192.0.2.1:40000").payload([7; 1000])
}

fn error() -> Frame {
    ip(ROUTER, VIRTUAL)
}

fn error_v6() -> Frame {
    ip(ROUTER_V6, VIRTUAL_V6)
}

pub(super) fn specs() -> Vec<Spec> {
    let mut specs = delivered();
    specs.extend(to_the_owner());
    specs.extend(not_delivered());
    specs
}

fn delivered() -> Vec<Spec> {
    let forwards = |name, frame: Frame| spec(name).given(web()).packet(&frame, transmits(&ipip(1, &frame)));
    let forwards_v6 = |name, frame: Frame| {
        spec(name).given(web_v6()).packet(&frame, transmits(&ipip_v6(1, &frame)).any(Any::FlowLabel))
    };
    let of_udp = error().port_unreachable().quote(&udp_answer(), LEAST);
    let with_options = answer().options(&[7, 7, 4, 0, 0, 0, 0]);
    let behind_extension = tcp(WEB_V6, "[2001:db8:c::1]:40000").destination_options();
    vec![
        forwards("fragmentation needed, 8 bytes quoted", error().too_big(1400).quote(&answer(), LEAST)),
        forwards("fragmentation needed, much quoted", error().too_big(1400).quote(&answer(), 548)),
        forwards("host unreachable", error().host_unreachable().quote(&answer(), LEAST)),
        forwards("port unreachable", error().port_unreachable().quote(&answer(), LEAST)),
        forwards("time exceeded", error().time_exceeded().quote(&answer(), LEAST)),
        forwards("parameter problem", error().parameter_problem().quote(&answer(), LEAST)),
        forwards(
            "an error that quotes a packet with IP options",
            error().too_big(1400).quote(&with_options, LEAST + 8),
        ),
        forwards(
            "an error that quotes a first fragment",
            error().too_big(1400).quote(&answer().fragments(800, 5)[0], LEAST),
        ),
        forwards("an error with IP options of its own", {
            error().options(&[7, 3, 4]).too_big(1400).quote(&answer(), LEAST)
        }),
        spec("an error about a datagram").given(dns()).packet(&of_udp, transmits(&ipip(1, &of_udp))),
        forwards_v6("packet too big, 8 bytes quoted", error_v6().too_big(1400).quote(&answer_v6(), LEAST_V6)),
        forwards_v6("packet too big, much quoted", error_v6().too_big(1400).quote(&answer_v6(), 1232)),
        forwards_v6("IPv6 port unreachable", error_v6().port_unreachable().quote(&answer_v6(), LEAST_V6)),
        forwards_v6("IPv6 time exceeded", error_v6().time_exceeded().quote(&answer_v6(), LEAST_V6)),
        forwards_v6(
            "an IPv6 error that quotes a packet with an extension header",
            error_v6().too_big(1400).quote(&behind_extension, LEAST_V6 + 8),
        ),
    ]
}

fn to_the_owner() -> Vec<Spec> {
    let too_big = error().too_big(1400).quote(&answer(), LEAST);
    let too_big_v6 = error_v6().too_big(1400).quote(&answer_v6(), LEAST_V6);
    let any_port = error().too_big(1400).quote(&tcp("10.200.0.1:999", "192.0.2.1:40000"), LEAST);
    let quic = error().port_unreachable().quote(&udp("10.200.0.1:443", "192.0.2.1:40000"), LEAST);
    vec![
        spec("an error follows its flow, not the ring")
            .given(web_of_two())
            .then(|world| world.drain("10.1.0.2"))
            .packet(&syn(), transmits(&ipip(1, &syn())))
            .then(|world| {
                world.drain("10.1.0.1");
                world.backend("10.1.0.2").in_ring = true;
            })
            .packet(&too_big, transmits(&ipip(1, &too_big))),
        spec("an IPv6 error follows its flow, not the ring")
            .given(World::new().with(ServicePlan::tcp(WEB_V6).ipip("2001:db8:b::1").ipip("2001:db8:b::2")))
            .then(|world| world.drain("2001:db8:b::2"))
            .packet(&syn_v6(), transmits(&ipip_v6(1, &syn_v6())).any(Any::FlowLabel))
            .then(|world| {
                world.drain("2001:db8:b::1");
                world.backend("2001:db8:b::2").in_ring = true;
            })
            .packet(&too_big_v6, transmits(&ipip_v6(1, &too_big_v6)).any(Any::FlowLabel)),
        spec("an error about an unknown flow goes where the ring would send the flow")
            .given(web_of_two())
            .then(|world| world.drain("10.1.0.1"))
            .packet(&too_big, transmits(&ipip(2, &too_big)).counting("new_flows", 0))
            .packet(&syn(), transmits(&ipip(2, &syn())).counting("new_flows", 1)),
        spec("an error about a flow of a service for any port")
            .given(World::new().with(ServicePlan::tcp("10.200.0.1:*").ipip("10.1.0.1")))
            .packet(&any_port, transmits(&ipip(1, &any_port))),
        spec("an error about a flow whose backend died goes where the flow goes now")
            .given(web_of_two())
            .then(|world| world.drain("10.1.0.2"))
            .packet(&syn(), transmits(&ipip(1, &syn())))
            .then(|world| {
                world.kill("10.1.0.1");
                world.backend("10.1.0.2").in_ring = true;
            })
            .packet(&too_big, transmits(&ipip(2, &too_big))),
        spec("an error about a QUIC flow that was routed by its connection id finds the same backend")
            .given(super::quic::service_of_two())
            .packet(
                &super::quic::short(&super::quic::id_of(2)),
                transmits(&ipip(2, &super::quic::short(&super::quic::id_of(2)))),
            )
            .packet(&quic, transmits(&ipip(2, &quic))),
        spec("an error does not confirm a flow or make one")
            .given(web())
            .packet(&too_big, transmits(&ipip(1, &too_big)).counting("backend 1 new_flows", 0)),
        spec("L2: an error goes to the backend's MAC")
            .given(World::new().with(ServicePlan::tcp(WEB).l2("10.1.0.1")))
            .packet(&too_big, transmits(&l2(1, &too_big))),
        spec("GUE: an error is tunnelled as its flow is")
            .given(World::new().with(ServicePlan::tcp(WEB).gue("10.1.0.1")))
            .packet(&too_big, transmits(&gue(1, &too_big)).any(Any::GueSource)),
    ]
}

fn not_delivered() -> Vec<Spec> {
    let other_port = tcp("10.200.0.1:22", "192.0.2.1:40000");
    let other_source = tcp("10.200.0.99:80", "192.0.2.1:40000");
    vec![
        spec("an error to an address of nobody passes").given(web()).packet(
            &ip(ROUTER, "198.51.100.1").too_big(1400).quote(&answer(), LEAST),
            passes(Reason::NotOurs),
        ),
        spec("an error about a port that no service has passes")
            .given(web())
            .packet(&error().too_big(1400).quote(&other_port, LEAST), passes(Reason::IcmpNoFlow)),
        spec("an error about a packet that another address sent passes")
            .given(web())
            .packet(&error().too_big(1400).quote(&other_source, LEAST), passes(Reason::IcmpNoFlow)),
        spec("an error about ICMP passes").given(web()).packet(
            &error().host_unreachable().quote(&ip(VIRTUAL, CLIENT).echo_request(1, 1), LEAST),
            passes(Reason::IcmpOther),
        ),
        spec("an error about a later fragment passes").given(web()).packet(
            &error().host_unreachable().quote(&answer().fragments(400, 5)[1], LEAST),
            passes(Reason::IcmpOther),
        ),
        spec("an error that quotes fewer than 8 bytes of the transport header is dropped")
            .given(web())
            .packet(&error().too_big(1400).quote(&answer(), LEAST - 1), drops(Reason::Truncated)),
        spec("an error that quotes half an IP header is dropped")
            .given(web())
            .packet(&error().too_big(1400).quote(&answer(), 12), drops(Reason::Truncated)),
        spec("an error that quotes nothing is dropped")
            .given(web())
            .packet(&error().too_big(1400), drops(Reason::Truncated)),
        spec("half an ICMP header is dropped")
            .given(web())
            .packet(&error().protocol(1).payload([3, 4, 0, 0]), drops(Reason::Truncated)),
        spec("an error for a service without backends is dropped")
            .given(World::new().with(ServicePlan::tcp(WEB)))
            .packet(&error().too_big(1400).quote(&answer(), LEAST), drops(Reason::NoBackend)),
        spec("source quench and redirects pass")
            .given(web())
            .packet(&error().icmp([4, 0], [4, 0], [0; 4]).quote(&answer(), LEAST), passes(Reason::IcmpOther))
            .packet(&error().icmp([5, 1], [5, 1], [0; 4]).quote(&answer(), LEAST), passes(Reason::IcmpOther)),
        spec("neighbour discovery passes").given(web_v6()).packet(
            &ip("2001:db8:f::9", VIRTUAL_V6).neighbour_solicitation().payload([0; 16]),
            passes(Reason::IcmpOther),
        ),
        spec("ICMPv6 inside IPv4 is none of the node's business")
            .given(web())
            .packet(&ip(ROUTER, VIRTUAL).protocol(58).payload([1; 16]), passes(Reason::NotOurs)),
    ]
}
