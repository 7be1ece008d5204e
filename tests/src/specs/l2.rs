//! Direct server return on one segment: the same packet to another MAC address.

use statex_common::Reason;

use super::scene::*;
use super::spec::{Spec, drops, redirects, spec, transmits};
use crate::doubles::{ServicePlan, World};

fn web_by_l2() -> World {
    World::new().with(ServicePlan::tcp(WEB).l2("10.1.0.1"))
}

pub(super) fn specs() -> Vec<Spec> {
    vec![
        spec("L2: a SYN goes to the backend's MAC, otherwise as it came")
            .given(web_by_l2())
            .packet(&syn(), transmits(&l2(1, &syn()))),
        spec("L2: time to live and type of service stay")
            .given(web_by_l2())
            .packet(&ack().ttl(1).tos(7), transmits(&l2(1, &ack().ttl(1).tos(7)))),
        spec("L2: a datagram")
            .given(World::new().with(ServicePlan::udp(DNS).l2("10.1.0.1")))
            .packet(&query(), transmits(&l2(1, &query()))),
        spec("L2: an IPv6 segment")
            .given(World::new().with(ServicePlan::tcp(WEB_V6).l2("2001:db8:b::1")))
            .packet(&syn_v6(), transmits(&l2(1, &syn_v6()))),
        spec("L2: a full-sized packet fits, for nothing is put in front of it")
            .given(web_by_l2())
            .packet(&ack().payload([7; 1442]), transmits(&l2(1, &ack().payload([7; 1442])))),
        spec("L2: by another interface")
            .given(World::new().with(ServicePlan::tcp(WEB).l2("10.1.0.1").that(|b| b.interface = 9)))
            .packet(&syn(), redirects(9, &l2(1, &syn()))),
        spec("L2: no next hop")
            .given(World::new().with(ServicePlan::tcp(WEB).l2("10.1.0.1").that(|b| b.interface = 0)))
            .packet(&syn(), drops(Reason::NoNextHop)),
        spec("L2: padding stays")
            .given(web_by_l2())
            .packet(&syn().padded(60), transmits(&l2(1, &syn()).padded(60))),
        spec("L2: the neighbour's new MAC is used for running connections")
            .given(web_by_l2())
            .packet(&syn(), transmits(&l2(1, &syn())))
            .then(|world| world.backend("10.1.0.1").mac = crate::packet::Mac::backend(77))
            .packet(&ack(), transmits(&l2(77, &ack()))),
    ]
}
