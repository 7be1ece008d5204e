//! Mode `local`: up this node's own stack, untouched.

use statex_common::Reason;

use super::scene::*;
use super::spec::{Spec, drops, passes, spec};
use crate::doubles::{ServicePlan, World};
use crate::packet::{ip, tcp};

fn web_here() -> World {
    World::new().with(ServicePlan::tcp(WEB).local())
}

pub(super) fn specs() -> Vec<Spec> {
    let error = ip("203.0.113.9", VIRTUAL).too_big(1400).quote(&tcp(WEB, "192.0.2.1:40000"), 28);
    vec![
        spec("local: a SYN goes up the stack")
            .given(web_here())
            .packet(&syn(), passes(Reason::Local).counting("local_packets", 1)),
        spec("local: a datagram goes up the stack")
            .given(World::new().with(ServicePlan::udp(DNS).local()))
            .packet(&query(), passes(Reason::Local)),
        spec("local: an IPv6 segment goes up the stack")
            .given(World::new().with(ServicePlan::tcp(WEB_V6).local()))
            .packet(&syn_v6(), passes(Reason::Local)),
        spec("local: tags stay").given(web_here()).packet(&syn().qinq(5, 100), passes(Reason::Local)),
        spec("local: errors about its connections go up the stack")
            .given(web_here())
            .packet(&error, passes(Reason::Local)),
        spec("local: any port of an address")
            .given(World::new().with(ServicePlan::tcp("10.200.0.1:*").local()))
            .packet(&syn(), passes(Reason::Local)),
        spec("local: a prefix")
            .given(World::new().with(ServicePlan::tcp("10.200.0.0/16:80").local()))
            .packet(&syn(), passes(Reason::Local)),
        spec("local: fragments go up the stack, later ones too")
            .given(World::new().with(ServicePlan::udp(DNS).local()))
            .packet(&query().payload([1; 600]).fragments(400, 1)[0], passes(Reason::Local))
            .packet(&query().payload([1; 600]).fragments(400, 1)[1], passes(Reason::Local)),
        spec("local: the deny list holds here as well")
            .given(web_here().deny("192.0.2.0/24"))
            .packet(&syn(), drops(Reason::Denied)),
    ]
}
