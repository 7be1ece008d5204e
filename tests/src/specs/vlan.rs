//! VLAN (802.1Q) and QinQ (802.1ad) tags.

use statex_common::Reason;
use statex_common::abi::NextHop;

use super::scene::*;
use super::spec::{Any, Spec, passes, redirects, spec, transmits};
use crate::doubles::{ServicePlan, World};
use crate::packet::{Frame, Tag};

fn to_vlan(vlan: u16) -> World {
    World::new().with(ServicePlan::tcp(WEB).ipip("10.1.0.1").that(|b| b.vlan = vlan))
}

pub(super) fn specs() -> Vec<Spec> {
    let prioritised = Tag { control: 0xa064, ethertype: 0x8100 };
    let l2_tagged = || World::new().with(ServicePlan::tcp(WEB).l2("10.1.0.1"));
    let three = syn().qinq(5, 6).vlan(7);
    vec![
        spec("a tagged packet is forwarded with its tag")
            .given(web())
            .packet(&syn().vlan(100), transmits(&ipip(1, &syn()).vlan(100))),
        spec("a packet with two tags is forwarded with both")
            .given(web())
            .packet(&syn().qinq(5, 100), transmits(&ipip(1, &syn()).qinq(5, 100))),
        spec("priority and drop eligibility stay")
            .given(web())
            .packet(&syn().tag(prioritised.clone()), transmits(&ipip(1, &syn()).tag(prioritised))),
        spec("a tagged IPv6 packet")
            .given(web_v6())
            .packet(&syn_v6().vlan(100), transmits(&ipip_v6(1, &syn_v6()).vlan(100)).any(Any::FlowLabel)),
        spec("tagged and untagged packets are of one flow")
            .given(web())
            .packet(&syn(), transmits(&ipip(1, &syn())).counting("new_flows", 1))
            .packet(&ack().vlan(100), transmits(&ipip(1, &ack()).vlan(100)).counting("new_flows", 0)),
        spec("a backend behind a VLAN gets its tag")
            .given(to_vlan(200))
            .packet(&syn(), transmits(&ipip(1, &syn()).vlan(200))),
        spec("a backend behind another VLAN gets that tag instead")
            .given(to_vlan(200))
            .packet(&syn().vlan(100), transmits(&ipip(1, &syn()).vlan(200)))
            .packet(&ack().qinq(5, 100), transmits(&ipip(1, &ack()).vlan(200))),
        spec("a backend on the untagged side gets no tag")
            .given(to_vlan(NextHop::UNTAGGED))
            .packet(&syn().vlan(100), transmits(&ipip(1, &syn()))),
        spec("l2: tags stay")
            .given(l2_tagged())
            .packet(&syn().vlan(100), transmits(&l2(1, &syn()).vlan(100)))
            .packet(&ack().qinq(5, 100), transmits(&l2(1, &ack()).qinq(5, 100))),
        spec("a tagged packet leaves by another interface")
            .given(
                World::new()
                    .with(ServicePlan::tcp(WEB).ipip("10.1.0.1").that(|b| (b.interface, b.vlan) = (9, 300))),
            )
            .packet(&syn().vlan(100), redirects(9, &ipip(1, &syn()).vlan(300))),
        spec("a tagged packet for nobody passes untouched")
            .given(web())
            .packet(&crate::packet::tcp("192.0.2.1:1", "198.51.100.1:80").vlan(100), passes(Reason::NotOurs)),
        spec("a packet with two tags for nobody passes untouched").given(web()).packet(
            &crate::packet::tcp("192.0.2.1:1", "198.51.100.1:80").qinq(5, 100),
            passes(Reason::NotOurs),
        ),
        spec("a tagged packet to a port of nobody passes untouched").given(web()).packet(
            &crate::packet::tcp("192.0.2.1:1", "10.200.0.1:22").qinq(5, 100),
            passes(Reason::NoSuchPort),
        ),
        spec("tagged ARP passes untouched").given(web()).packet(
            &Frame::new().ethertype(0x8100).payload([0, 100, 0x08, 0x06]).payload([1; 28]),
            passes(Reason::NotIp),
        ),
        spec("three tags are too many: the packet passes untouched")
            .given(web())
            .packet(&three, passes(Reason::NotIp)),
        spec("a tag with nothing behind it passes untouched")
            .given(web())
            .packet(&Frame::new().ethertype(0x8100).payload([0, 100]), passes(Reason::Runt)),
        spec("two tags with nothing behind them pass untouched")
            .given(web())
            .packet(&Frame::new().ethertype(0x88a8).payload([0, 5, 0x81, 0, 0, 100]), passes(Reason::Runt)),
    ]
}
