//! Full NAT: both directions through the node.
//!
//! ```text
//! client:40000 → virtual:80   becomes   node:np → backend:8080
//! backend:8080 → node:np      becomes   virtual:80 → client:40000
//! ```

use statex_common::Reason;

use super::scene::*;
use super::spec::{Spec, drops, passes, redirects, spec, transmits};
use crate::doubles::{ServicePlan, World};
use crate::harness::{DataPlane as _, Host, Side};
use crate::packet::{Frame, Mac, ip, tcp, udp};

pub(super) const NODE: &str = "10.0.0.1";
pub(super) const NODE_V6: &str = "2001:db8:a::1";
const SERVER: &str = "10.1.0.1:8080";
const SERVER_V6: &str = "[2001:db8:b::1]:8080";
const FROM: &str = "192.0.2.1:40000";
const FROM_V6: &str = "[2001:db8:c::1]:40000";

pub(super) fn web_by_nat() -> World {
    World::new().with(ServicePlan::tcp(WEB).nat(SERVER)).nat_address(NODE)
}

pub(super) fn dns_by_nat() -> World {
    World::new().with(ServicePlan::udp(DNS).nat(SERVER)).nat_address(NODE)
}

pub(super) fn web_by_nat_v6() -> World {
    World::new().with(ServicePlan::tcp(WEB_V6).nat(SERVER_V6)).nat_address(NODE_V6)
}

/// `address:port` that the node would use for the flow that `first` opens.
pub(super) fn translated(world: &World, first: &Frame) -> String {
    let outcome = Host::new(world.tables()).send(Side::Node, &first.bytes());
    let port = |ip: usize| u16::from_be_bytes([outcome.frame[ip], outcome.frame[ip + 1]]);
    match outcome.frame[12..14] {
        [0x08, 0x00] => format!("{NODE}:{}", port(34)),
        _ => format!("[{NODE_V6}]:{}", port(54)),
    }
}

/// As a backend's frame comes to the node.
pub(super) fn from_backend(frame: Frame) -> Frame {
    frame.sent(Mac::backend(1), Mac::NODE)
}

pub(super) fn specs() -> Vec<Spec> {
    let mut specs = both_ways();
    specs.extend(left_alone());
    specs.extend(ports());
    specs.extend(membership());
    specs
}

fn both_ways() -> Vec<Spec> {
    let np = translated(&web_by_nat(), &syn());
    let np_udp = translated(&dns_by_nat(), &query());
    let np_v6 = translated(&web_by_nat_v6(), &syn_v6());
    let towards = |frame: Frame| transmits(&l2(1, &frame.ttl(63)));
    let answer = from_backend(tcp(SERVER, &np).syn_ack());
    let answer_v6 = from_backend(tcp(SERVER_V6, &np_v6).syn_ack());
    let reply = |payload: &str| from_backend(udp(SERVER, &np_udp).payload(payload));
    vec![
        spec("NAT: a connection's packets are translated on the way to the backend")
            .given(web_by_nat())
            .packet(&syn(), towards(tcp(&np, SERVER).syn()).counting("backend 1 new_flows", 1))
            .packet(
                &ack(),
                towards(tcp(&np, SERVER).payload("GET / HTTP/1.1\r\n\r\n"))
                    .counting("backend 1 new_flows", 0),
            ),
        spec("NAT: what comes back is translated back, to the router that the client's packets came by")
            .given(web_by_nat())
            .packet(&syn(), towards(tcp(&np, SERVER).syn()))
            .packet(
                &answer,
                transmits(&back(tcp(WEB, FROM).syn_ack().ttl(63))).counting("backend 1 returned", 1),
            ),
        spec("NAT: UDP both ways")
            .given(dns_by_nat())
            .packet(&query(), towards(udp(&np_udp, SERVER).payload("query")))
            .packet(&reply("reply"), transmits(&back(udp(DNS, FROM).payload("reply").ttl(63)))),
        spec("NAT: UDP without checksum stays without")
            .given(dns_by_nat())
            .packet(&query().no_checksum(), towards(udp(&np_udp, SERVER).payload("query").no_checksum()))
            .packet(
                &reply("reply").no_checksum(),
                transmits(&back(udp(DNS, FROM).payload("reply").no_checksum().ttl(63))),
            ),
        spec("NAT: IPv6 both ways")
            .given(web_by_nat_v6())
            .packet(&syn_v6(), towards(tcp(&np_v6, SERVER_V6).syn()))
            .packet(&answer_v6, transmits(&back(tcp(WEB_V6, FROM_V6).syn_ack().ttl(63)))),
        spec("NAT: IP options and type of service stay").given(web_by_nat()).packet(
            &syn().options(&[1, 1, 1, 0]).tos(0x48),
            towards(tcp(&np, SERVER).syn().options(&[1, 1, 1, 0]).tos(0x48)),
        ),
        spec("NAT: behind IPv6 extension headers").given(web_by_nat_v6()).packet(
            &syn_v6().destination_options(),
            towards(tcp(&np_v6, SERVER_V6).syn().destination_options()),
        ),
        spec("NAT: the answer carries the tag that the client's packets came with")
            .given(web_by_nat())
            .packet(&syn().vlan(100), transmits(&l2(1, &tcp(&np, SERVER).syn().ttl(63)).vlan(100)))
            .packet(&answer, transmits(&back(tcp(WEB, FROM).syn_ack().ttl(63)).vlan(100))),
        spec("NAT: a backend by another interface")
            .given(
                World::new()
                    .with(ServicePlan::tcp(WEB).nat(SERVER).that(|b| b.interface = 9))
                    .nat_address(NODE),
            )
            .packet(&syn(), redirects(9, &l2(1, &tcp(&np, SERVER).syn().ttl(63)))),
        spec("NAT: a jumbo frame in several buffers")
            .given(
                World::new()
                    .with(ServicePlan::tcp(WEB).nat(SERVER).that(|b| b.path_mtu = 9000))
                    .nat_address(NODE),
            )
            .packet(&syn().payload([7; 8000]), towards(tcp(&np, SERVER).syn().payload([7; 8000]))),
    ]
}

fn left_alone() -> Vec<Spec> {
    let np = translated(&web_by_nat(), &syn());
    let stranger = from_backend(tcp("10.1.0.99:8080", &np).syn_ack());
    let other_port = from_backend(tcp("10.1.0.1:22", &np).syn_ack());
    let unowned = from_backend(tcp(SERVER, "10.0.0.1:20007").syn_ack());
    vec![
        spec("NAT: a port that no flow owns passes: it may be the node's own")
            .given(web_by_nat())
            .packet(&unowned, passes(Reason::NatUnknown)),
        spec("NAT: a port below those for translation passes")
            .given(web_by_nat())
            .packet(&tcp("192.0.2.1:40000", "10.0.0.1:22").syn(), passes(Reason::NatUnknown)),
        spec("NAT: a stranger cannot answer for a backend")
            .given(web_by_nat())
            .packet(&syn(), transmits(&l2(1, &tcp(&np, SERVER).syn().ttl(63))))
            .packet(&stranger, passes(Reason::NatUnknown))
            .packet(&other_port, passes(Reason::NatUnknown)),
        spec("NAT: UDP to a port that a TCP flow owns passes")
            .given(web_by_nat())
            .packet(&syn(), transmits(&l2(1, &tcp(&np, SERVER).syn().ttl(63))))
            .packet(&from_backend(udp(SERVER, &np)), passes(Reason::NatUnknown)),
        spec("NAT: a ping to the node's own address is the node's own")
            .given(web_by_nat())
            .packet(&ip(CLIENT, NODE).echo_request(1, 1), passes(Reason::IcmpOther)),
        spec("NAT: time to live that runs out at the node")
            .given(web_by_nat())
            .packet(&syn().ttl(1), drops(Reason::TimeToLive))
            .packet(&syn().ttl(2), transmits(&l2(1, &tcp(&np, SERVER).syn().ttl(1)))),
        spec("NAT: no backend")
            .given(web_by_nat())
            .then(|world| world.drain("10.1.0.1"))
            .packet(&syn(), drops(Reason::NoBackend)),
        spec("NAT: no next hop")
            .given(
                World::new()
                    .with(ServicePlan::tcp(WEB).nat(SERVER).that(|b| b.interface = 0))
                    .nat_address(NODE),
            )
            .packet(&syn(), drops(Reason::NoNextHop)),
    ]
}

/// The client's port and the node's, for as many connections as the node has ports.
fn all_ports() -> Vec<(u16, String)> {
    let mut host = Host::new(web_by_nat().tables());
    let translated = |number: u16| {
        let outcome = host.send(Side::Node, &syn_from(number).bytes());
        let port = u16::from_be_bytes([outcome.frame[34], outcome.frame[35]]);
        (number, format!("{NODE}:{port}"))
    };
    (1..=8).map(translated).collect()
}

/// SYNs and their answers over every port of the node.
fn established() -> Vec<Frame> {
    let pair = |(client, np): (u16, String)| [syn_from(client), from_backend(tcp(SERVER, &np).syn_ack())];
    all_ports().into_iter().flat_map(pair).collect()
}

fn ports() -> Vec<Spec> {
    let frames = established();
    let all = all_ports();
    let distinct: std::collections::BTreeSet<&String> = all.iter().map(|(_, np)| np).collect();
    assert_eq!(distinct.len(), 8, "each flow has a port of its own");

    let ends = |np: &str| from_backend(tcp(SERVER, np).fin());
    let last = l2(1, &tcp(&all[7].1, SERVER).syn().ttl(63));
    vec![
        spec("NAT: every port is used, then flows without an answer give way")
            .given(web_by_nat())
            .flood(7, |number| syn_from(number + 1))
            .packet(&syn_from(8), transmits(&last))
            .packet(&syn_from(8), transmits(&last).counting("backend 1 new_flows", 0)),
        spec("NAT: flows that were answered do not give way")
            .given(web_by_nat())
            .flood(16, |number| frames[usize::from(number)].clone())
            .packet(&syn_from(9), drops(Reason::NatPorts))
            .packet(&ack_from(1), transmits(&l2(1, &tcp(&all[0].1, SERVER).payload("data").ttl(63)))),
        spec("NAT: a flow that ended frees its port after a while")
            .given(web_by_nat())
            .flood(16, |number| frames[usize::from(number)].clone())
            .packet(&ends(&all[3].1), transmits(&back(tcp(WEB, "192.0.2.1:4").fin().ttl(63))))
            .packet(&syn_from(9), drops(Reason::NatPorts))
            .after(62)
            .packet(&syn_from(9), transmits(&l2(1, &tcp(&all[3].1, SERVER).syn().ttl(63)))),
        spec("NAT: an idle flow frees its port")
            .given(web_by_nat())
            .flood(16, |number| frames[usize::from(number)].clone())
            .after(3602)
            .packet(&syn_from(9), {
                let np = idle_port(&frames);
                transmits(&l2(1, &tcp(&np, SERVER).syn().ttl(63))).counting("backend 1 new_flows", 1)
            }),
    ]
}

/// The port of the ninth connection when all others have been idle for too long.
fn idle_port(frames: &[Frame]) -> String {
    let mut host = Host::new(web_by_nat().tables());
    for frame in frames {
        host.send(Side::Node, &frame.bytes());
    }
    host.pass_time(std::time::Duration::from_nanos(3602 << 30));
    let outcome = host.send(Side::Node, &syn_from(9).bytes());
    format!("{NODE}:{}", u16::from_be_bytes([outcome.frame[34], outcome.frame[35]]))
}

fn membership() -> Vec<Spec> {
    let two = || World::new().with(ServicePlan::tcp(WEB).nat(SERVER).nat("10.1.0.2:8080")).nat_address(NODE);
    let np = translated(&two(), &syn());
    let to = |backend: u8, frame: Frame| l2(backend, &frame.ttl(63));
    let first = || tcp(&np, SERVER);
    let second = || tcp(&np, "10.1.0.2:8080");
    vec![
        spec("NAT: a drained backend keeps its connections")
            .given(two())
            .then(|world| world.drain("10.1.0.2"))
            .packet(&syn(), transmits(&to(1, first().syn())))
            .then(|world| {
                world.drain("10.1.0.1");
                world.backend("10.1.0.2").in_ring = true;
            })
            .packet(&ack().rst(), transmits(&to(1, first().payload("GET / HTTP/1.1\r\n\r\n").rst()))),
        spec("NAT: a dead backend's connections go to another")
            .given(two())
            .then(|world| world.drain("10.1.0.2"))
            .packet(&syn(), transmits(&to(1, first().syn())))
            .then(|world| {
                world.kill("10.1.0.1");
                world.backend("10.1.0.2").in_ring = true;
            })
            .packet(&syn(), transmits(&to(2, second().syn()))),
        spec("NAT: a connection of an id that was used again goes by the ring")
            .given(two())
            .then(|world| world.drain("10.1.0.2"))
            .packet(&syn(), transmits(&to(1, first().syn())))
            .then(|world| {
                world.reuse_id("10.1.0.1", "10.1.0.7");
                world.drain("10.1.0.7");
                world.backend("10.1.0.2").in_ring = true;
            })
            .packet(&syn(), transmits(&to(2, second().syn()))),
        spec("NAT: a SYN after a FIN may go to another backend")
            .given(two())
            .then(|world| world.drain("10.1.0.2"))
            .packet(&syn(), transmits(&to(1, first().syn())))
            .packet(&ack().fin(), transmits(&to(1, first().payload("GET / HTTP/1.1\r\n\r\n").fin())))
            .then(|world| {
                world.drain("10.1.0.1");
                world.backend("10.1.0.2").in_ring = true;
            })
            .packet(&syn(), transmits(&to(2, second().syn()))),
    ]
}
