//! Full NAT: ICMP errors are translated with the packets that they quote (RFC 5508 §4.2), and fragments
//! follow their first one both ways.

use statex_common::Reason;

use super::nat::{NODE, NODE_V6, dns_by_nat, from_backend, translated, web_by_nat, web_by_nat_v6};
use super::scene::*;
use super::spec::{Spec, drops, passes, spec, transmits};
use crate::packet::{Frame, ip, tcp, udp};

const SERVER: &str = "10.1.0.1:8080";
const SERVER_V6: &str = "[2001:db8:b::1]:8080";
const FROM: &str = "192.0.2.1:40000";
const FROM_V6: &str = "[2001:db8:c::1]:40000";
const ROUTER: &str = "203.0.113.9";
const ROUTER_V6: &str = "2001:db8:d::9";

/// IP header and 8 bytes.
const LEAST: usize = 28;
const LEAST_V6: usize = 48;

pub(super) fn specs() -> Vec<Spec> {
    let mut specs = errors();
    specs.extend(fragments());
    specs
}

fn errors() -> Vec<Spec> {
    let np = translated(&web_by_nat(), &syn());
    let np_v6 = translated(&web_by_nat_v6(), &syn_v6());
    let opened = |name| {
        spec(name).given(web_by_nat()).packet(&syn(), transmits(&l2(1, &tcp(&np, SERVER).syn().ttl(63))))
    };
    let opened_v6 = |name| {
        let first = l2(1, &tcp(&np_v6, SERVER_V6).syn().ttl(63));
        spec(name).given(web_by_nat_v6()).packet(&syn_v6(), transmits(&first))
    };
    let sent = tcp(&np, SERVER).payload("data");
    let sent_v6 = tcp(&np_v6, SERVER_V6).payload("data");
    vec![
        opened("NAT: an error from a router behind the node reaches the client").packet(
            &from_backend(ip(ROUTER, NODE).too_big(1400).quote(&sent, LEAST)),
            transmits(&back(ip(ROUTER, CLIENT).ttl(63).too_big(1400).quote(&ack_with("data"), LEAST))),
        ),
        opened("NAT: an error from the backend itself comes from the virtual address").packet(
            &from_backend(ip("10.1.0.1", NODE).port_unreachable().quote(&sent, LEAST)),
            transmits(&back(ip(VIRTUAL, CLIENT).ttl(63).port_unreachable().quote(&ack_with("data"), LEAST))),
        ),
        opened("NAT: an error from the client's side reaches the backend").packet(
            &ip(ROUTER, VIRTUAL).too_big(1400).quote(&tcp(WEB, FROM), LEAST),
            transmits(&l2(1, &ip(NODE, "10.1.0.1").ttl(63).too_big(1400).quote(&tcp(SERVER, &np), LEAST))),
        ),
        opened_v6("NAT: IPv6: an error from a router behind the node reaches the client").packet(
            &from_backend(ip(ROUTER_V6, NODE_V6).too_big(1400).quote(&sent_v6, LEAST_V6)),
            transmits(&back(
                ip(ROUTER_V6, CLIENT_V6)
                    .ttl(63)
                    .too_big(1400)
                    .quote(&tcp(FROM_V6, WEB_V6).payload("data"), LEAST_V6),
            )),
        ),
        opened_v6("NAT: IPv6: an error from the client's side reaches the backend").packet(
            &ip(ROUTER_V6, VIRTUAL_V6).too_big(1400).quote(&tcp(WEB_V6, FROM_V6), LEAST_V6),
            transmits(&l2(
                1,
                &ip(NODE_V6, "2001:db8:b::1").ttl(63).too_big(1400).quote(&tcp(SERVER_V6, &np_v6), LEAST_V6),
            )),
        ),
        opened("NAT: an error about a flow that the node does not know passes").packet(
            &ip(ROUTER, VIRTUAL).too_big(1400).quote(&tcp(WEB, "192.0.2.1:50000"), LEAST),
            passes(Reason::IcmpNoFlow),
        ),
        opened("NAT: an error about a port of the node that no flow owns passes").packet(
            &from_backend(ip(ROUTER, NODE).too_big(1400).quote(&tcp("10.0.0.1:9", SERVER), LEAST)),
            passes(Reason::NatUnknown),
        ),
        opened("NAT: an error about a packet to a stranger passes").packet(
            &from_backend(ip(ROUTER, NODE).too_big(1400).quote(&tcp(&np, "10.1.0.99:8080"), LEAST)),
            passes(Reason::NatUnknown),
        ),
        opened("NAT: an error at the end of its way is dropped").packet(
            &ip(ROUTER, VIRTUAL).ttl(1).too_big(1400).quote(&tcp(WEB, FROM), LEAST),
            drops(Reason::TimeToLive),
        ),
    ]
}

fn ack_with(data: &str) -> Frame {
    tcp(FROM, WEB).payload(data)
}

fn fragments() -> Vec<Spec> {
    let np = translated(&dns_by_nat(), &query());
    let question = query().payload([7; 900]).fragments(480, 5);
    let to_backend = udp(&np, SERVER).payload("query").payload([7; 900]).fragments(480, 5);
    let reply = udp(SERVER, &np).payload([8; 900]).fragments(480, 6);
    let to_client = udp(DNS, FROM).payload([8; 900]).fragments(480, 6);
    let towards = |frame: &Frame| transmits(&l2(1, &frame.clone().ttl(63)));
    let returns = |frame: &Frame| transmits(&back(frame.clone().ttl(63)));
    vec![
        spec("NAT: fragments to the backend follow their first one")
            .given(dns_by_nat())
            .packet(&question[0], towards(&to_backend[0]))
            .packet(&question[1], towards(&to_backend[1])),
        spec("NAT: fragments to the client follow their first one")
            .given(dns_by_nat())
            .packet(&question[0], towards(&to_backend[0]))
            .packet(&from_backend(reply[0].clone()), returns(&to_client[0]))
            .packet(&from_backend(reply[1].clone()), returns(&to_client[1])),
        spec("NAT: a later fragment to the client whose first was not seen is dropped")
            .given(dns_by_nat())
            .packet(&question[0], towards(&to_backend[0]))
            .packet(&from_backend(reply[1].clone()), drops(Reason::FragmentUnknown)),
    ]
}
