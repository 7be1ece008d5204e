//! The flow table: who is remembered, for how long, and who gives way.

use statex_common::abi::FlowMasks;

use super::scene::*;
use super::spec::{Any, Spec, spec, transmits};
use crate::doubles::{ServicePlan, World};
use crate::packet::{tcp, udp};

pub(super) fn specs() -> Vec<Spec> {
    let mut specs = remembered();
    specs.extend(forgotten());
    specs.extend(told_apart());
    specs
}

fn remembered() -> Vec<Spec> {
    vec![
        spec("a connection stays with its backend when the ring changes")
            .given(web_of_two())
            .then(|world| world.drain("10.1.0.2"))
            .packet(&syn(), transmits(&ipip(1, &syn())).counting("new_flows", 1))
            .then(only_the_second)
            .packet(&ack(), transmits(&ipip(1, &ack())).counting("new_flows", 0)),
        spec("an IPv6 connection stays with its backend when the ring changes")
            .given(World::new().with(ServicePlan::tcp(WEB_V6).ipip("2001:db8:b::1").ipip("2001:db8:b::2")))
            .then(|world| world.drain("2001:db8:b::2"))
            .packet(&syn_v6(), transmits(&ipip_v6(1, &syn_v6())).any(Any::FlowLabel))
            .then(|world| {
                world.drain("2001:db8:b::1");
                world.backend("2001:db8:b::2").in_ring = true;
            })
            .packet(&ack_v6(), transmits(&ipip_v6(1, &ack_v6())).any(Any::FlowLabel)),
        spec("a UDP flow stays with its backend when the ring changes")
            .given(dns_of_two())
            .then(|world| world.drain("10.1.0.2"))
            .packet(&query(), transmits(&ipip(1, &query())))
            .then(only_the_second)
            .packet(&query(), transmits(&ipip(1, &query()))),
        spec("a connection that was first seen by a later segment is remembered too")
            .given(web_of_two())
            .then(|world| world.drain("10.1.0.2"))
            .packet(&ack(), transmits(&ipip(1, &ack())))
            .then(only_the_second)
            .packet(&ack(), transmits(&ipip(1, &ack()))),
        spec("a SYN that is sent again goes where the first went")
            .given(web_of_two())
            .then(|world| world.drain("10.1.0.2"))
            .packet(&syn(), transmits(&ipip(1, &syn())))
            .then(only_the_second)
            .packet(&syn(), transmits(&ipip(1, &syn()))),
        spec("what follows a FIN still goes to the connection's backend")
            .given(web_of_two())
            .then(|world| world.drain("10.1.0.2"))
            .packet(&syn(), transmits(&ipip(1, &syn())))
            .packet(&ack().fin(), transmits(&ipip(1, &ack().fin())))
            .then(only_the_second)
            .packet(&ack(), transmits(&ipip(1, &ack()))),
    ]
}

fn forgotten() -> Vec<Spec> {
    vec![
        spec("a SYN after a FIN is a new connection")
            .given(web_of_two())
            .then(|world| world.drain("10.1.0.2"))
            .packet(&syn(), transmits(&ipip(1, &syn())))
            .packet(&ack().fin(), transmits(&ipip(1, &ack().fin())))
            .then(only_the_second)
            .packet(&syn(), transmits(&ipip(2, &syn())).counting("new_flows", 1)),
        spec("a SYN after a RST is a new connection")
            .given(web_of_two())
            .then(|world| world.drain("10.1.0.2"))
            .packet(&syn(), transmits(&ipip(1, &syn())))
            .packet(&ack().rst(), transmits(&ipip(1, &ack().rst())))
            .then(only_the_second)
            .packet(&syn(), transmits(&ipip(2, &syn()))),
        spec("a RST of an unknown connection is not remembered")
            .given(web_of_two())
            .then(|world| world.drain("10.1.0.2"))
            .packet(&ack().rst(), transmits(&ipip(1, &ack().rst())))
            .then(only_the_second)
            .packet(&ack(), transmits(&ipip(2, &ack()))),
        spec("a UDP flow is hashed again after a silence of its idle time")
            .given(dns_of_two())
            .then(|world| world.drain("10.1.0.2"))
            .packet(&query(), transmits(&ipip(1, &query())))
            .then(only_the_second)
            .after(32)
            .packet(&query(), transmits(&ipip(2, &query())).counting("rehashed", 1)),
        spec("a UDP flow that keeps speaking is not")
            .given(dns_of_two())
            .then(|world| world.drain("10.1.0.2"))
            .packet(&query(), transmits(&ipip(1, &query())))
            .then(only_the_second)
            .after(20)
            .packet(&query(), transmits(&ipip(1, &query())))
            .after(20)
            .packet(&query(), transmits(&ipip(1, &query()))),
        spec("a TCP connection may be silent for long")
            .given(web_of_two())
            .then(|world| world.drain("10.1.0.2"))
            .packet(&syn(), transmits(&ipip(1, &syn())))
            .packet(&ack(), transmits(&ipip(1, &ack())))
            .then(only_the_second)
            .after(3000)
            .packet(&ack(), transmits(&ipip(1, &ack()))),
        spec("unconfirmed flows give way to new ones, confirmed ones do not")
            .given(web_of_two())
            .then(|world| world.drain("10.1.0.2"))
            .packet(&syn(), transmits(&ipip(1, &syn())))
            .packet(&ack(), transmits(&ipip(1, &ack())))
            .flood(5_000, |number| syn_from(number.wrapping_add(40_001)))
            .then(only_the_second)
            .packet(&ack(), transmits(&ipip(1, &ack())).counting("new_flows", 0)),
        spec("a flow moves along when more of the table comes into use")
            .given(web_of_two().settings(|settings| settings.flow_lines = 1 << 18))
            .then(|world| world.drain("10.1.0.2"))
            .packet(&syn(), transmits(&ipip(1, &syn())))
            .packet(&ack(), transmits(&ipip(1, &ack())))
            .packet(&syn_from(2), transmits(&ipip(1, &syn_from(2))))
            .then(only_the_second)
            .then(|world| world.flow_masks = Some(FlowMasks { now: 0x3_ffff, before: 0xffff }))
            .packet(&ack(), transmits(&ipip(1, &ack())).counting("new_flows", 0))
            .packet(&ack_from(2), transmits(&ipip(1, &ack_from(2))).counting("new_flows", 0))
            .packet(&syn_from(3), transmits(&ipip(2, &syn_from(3))).counting("new_flows", 1))
            .then(|world| world.flow_masks = Some(FlowMasks { now: 0x3_ffff, before: 0x3_ffff }))
            .packet(&ack(), transmits(&ipip(1, &ack())).counting("new_flows", 0))
            .packet(&ack_from(2), transmits(&ipip(1, &ack_from(2))).counting("new_flows", 0)),
        spec("a confirmed UDP flow outlives a flood of single datagrams")
            .given(dns_of_two())
            .then(|world| world.drain("10.1.0.2"))
            .packet(&query(), transmits(&ipip(1, &query())))
            .packet(&query(), transmits(&ipip(1, &query())))
            .flood(5_000, |number| query_from(number.wrapping_add(40_001)))
            .then(only_the_second)
            .packet(&query(), transmits(&ipip(1, &query())).counting("new_flows", 0)),
        spec("a new flow gets no place among confirmed ones, unless it speaks again")
            .given(web())
            .flood(7_500, |number| match number % 3 {
                0 => syn_from(number / 3 + 1),
                _ => ack_from(number / 3 + 1),
            })
            .packet(&syn(), transmits(&ipip(1, &syn())).counting("refused", 1))
            .packet(&ack(), transmits(&ipip(1, &ack())).counting("new_flows", 1).counting("refused", 0))
            .packet(&ack(), transmits(&ipip(1, &ack())).counting("new_flows", 0)),
    ]
}

fn told_apart() -> Vec<Spec> {
    let elsewhere = tcp("192.0.2.1:40000", "10.200.0.2:80").syn();
    let with_dns = udp("192.0.2.1:40000", "10.200.0.1:80").payload("x");
    vec![
        spec("flows of one client to two services are two flows")
            .given(web_of_two().with(ServicePlan::tcp("10.200.0.2:80").ipip("10.1.0.3")))
            .then(|world| world.drain("10.1.0.2"))
            .packet(&syn(), transmits(&ipip(1, &syn())))
            .packet(&elsewhere, transmits(&ipip(3, &elsewhere)))
            .packet(&ack(), transmits(&ipip(1, &ack()))),
        spec("TCP and UDP flows between the same ports are two flows")
            .given(web().with(ServicePlan::udp(WEB).ipip("10.1.0.2")))
            .packet(&syn(), transmits(&ipip(1, &syn())))
            .packet(&with_dns, transmits(&ipip(2, &with_dns))),
        spec("another source port is another flow")
            .given(web_of_two())
            .then(|world| world.drain("10.1.0.2"))
            .packet(&syn(), transmits(&ipip(1, &syn())))
            .then(only_the_second)
            .packet(&syn_from(40_001), transmits(&ipip(2, &syn_from(40_001))))
            .packet(&ack(), transmits(&ipip(1, &ack()))),
    ]
}

fn dns_of_two() -> World {
    World::new().with(ServicePlan::udp(DNS).ipip("10.1.0.1").ipip("10.1.0.2"))
}

/// New flows go to the second backend from now on.
fn only_the_second(world: &mut World) {
    world.drain("10.1.0.1");
    world.backend("10.1.0.2").in_ring = true;
}
