//! Services for any port of an address, and for prefixes of virtual addresses.

use statex_common::Reason;

use super::scene::*;
use super::spec::{Any, Spec, passes, spec, transmits};
use crate::doubles::{ServicePlan, World};
use crate::packet::{Frame, tcp, udp};

fn to(destination: &str) -> Frame {
    tcp("192.0.2.1:40000", destination).syn()
}

fn to_v6(destination: &str) -> Frame {
    tcp("[2001:db8:c::1]:40000", destination).syn()
}

pub(super) fn specs() -> Vec<Spec> {
    let mut specs = ports();
    specs.extend(prefixes());
    specs
}

fn ports() -> Vec<Spec> {
    let any_tcp = || World::new().with(ServicePlan::tcp("10.200.0.1:*").ipip("10.1.0.1"));
    let datagram = udp("192.0.2.1:40000", "10.200.0.1:9");
    vec![
        spec("any port: every TCP port is forwarded")
            .given(any_tcp())
            .packet(&to("10.200.0.1:1"), transmits(&ipip(1, &to("10.200.0.1:1"))))
            .packet(&to("10.200.0.1:65535"), transmits(&ipip(1, &to("10.200.0.1:65535")))),
        spec("any port: port 0 is a port as well")
            .given(any_tcp())
            .packet(&to("10.200.0.1:0"), transmits(&ipip(1, &to("10.200.0.1:0")))),
        spec("any TCP port says nothing of UDP")
            .given(any_tcp())
            .packet(&datagram, passes(Reason::NoSuchPort)),
        spec("any UDP port")
            .given(World::new().with(ServicePlan::udp("10.200.0.1:*").ipip("10.1.0.1")))
            .packet(&datagram, transmits(&ipip(1, &datagram)))
            .packet(&to("10.200.0.1:9"), passes(Reason::NoSuchPort)),
        spec("any IPv6 port")
            .given(World::new().with(ServicePlan::tcp("[2001:db8:f::1]:*").ipip("2001:db8:b::1")))
            .packet(
                &to_v6("[2001:db8:f::1]:99"),
                transmits(&ipip_v6(1, &to_v6("[2001:db8:f::1]:99"))).any(Any::FlowLabel),
            ),
        spec("a service for the port itself comes before any port")
            .given(any_tcp().with(ServicePlan::tcp("10.200.0.1:443").ipip("10.1.0.2")))
            .packet(&to("10.200.0.1:443"), transmits(&ipip(2, &to("10.200.0.1:443"))))
            .packet(&to("10.200.0.1:444"), transmits(&ipip(1, &to("10.200.0.1:444")))),
        spec("any port: connections to two ports are two flows")
            .given(World::new().with(ServicePlan::tcp("10.200.0.1:*").ipip("10.1.0.1").ipip("10.1.0.2")))
            .then(|world| world.drain("10.1.0.2"))
            .packet(&to("10.200.0.1:80"), transmits(&ipip(1, &to("10.200.0.1:80"))))
            .then(|world| {
                world.drain("10.1.0.1");
                world.backend("10.1.0.2").in_ring = true;
            })
            .packet(&to("10.200.0.1:81"), transmits(&ipip(2, &to("10.200.0.1:81"))))
            .packet(&to("10.200.0.1:80"), transmits(&ipip(1, &to("10.200.0.1:80")))),
    ]
}

fn prefixes() -> Vec<Spec> {
    let subnet = || World::new().with(ServicePlan::tcp("10.210.0.0/24:80").ipip("10.1.0.1"));
    let subnet_v6 = || World::new().with(ServicePlan::tcp("[2001:db8:e::/64]:80").ipip("2001:db8:b::1"));
    vec![
        spec("prefix: every address in it is virtual")
            .given(subnet())
            .packet(&to("10.210.0.0:80"), transmits(&ipip(1, &to("10.210.0.0:80"))))
            .packet(&to("10.210.0.255:80"), transmits(&ipip(1, &to("10.210.0.255:80")))),
        spec("prefix: the next address is not")
            .given(subnet())
            .packet(&to("10.210.1.0:80"), passes(Reason::NotOurs)),
        spec("prefix: another port is not served")
            .given(subnet())
            .packet(&to("10.210.0.7:81"), passes(Reason::NoSuchPort)),
        spec("IPv6 prefix")
            .given(subnet_v6())
            .packet(
                &to_v6("[2001:db8:e::abcd]:80"),
                transmits(&ipip_v6(1, &to_v6("[2001:db8:e::abcd]:80"))).any(Any::FlowLabel),
            )
            .packet(&to_v6("[2001:db8:e:1::]:80"), passes(Reason::NotOurs)),
        spec("the longest prefix is taken")
            .given(subnet().with(ServicePlan::tcp("10.210.0.128/25:80").ipip("10.1.0.2")))
            .packet(&to("10.210.0.127:80"), transmits(&ipip(1, &to("10.210.0.127:80"))))
            .packet(&to("10.210.0.128:80"), transmits(&ipip(2, &to("10.210.0.128:80")))),
        spec("an address of its own comes before a prefix that holds it")
            .given(subnet().with(ServicePlan::tcp("10.210.0.9:80").ipip("10.1.0.2")))
            .packet(&to("10.210.0.9:80"), transmits(&ipip(2, &to("10.210.0.9:80"))))
            .packet(&to("10.210.0.8:80"), transmits(&ipip(1, &to("10.210.0.8:80")))),
        spec("prefix with any port")
            .given(World::new().with(ServicePlan::tcp("10.210.0.0/24:*").ipip("10.1.0.1")))
            .packet(&to("10.210.0.3:12345"), transmits(&ipip(1, &to("10.210.0.3:12345")))),
        spec("prefix: connections to two of its addresses are two flows")
            .given(World::new().with(ServicePlan::tcp("10.210.0.0/24:80").ipip("10.1.0.1").ipip("10.1.0.2")))
            .then(|world| world.drain("10.1.0.2"))
            .packet(&to("10.210.0.1:80"), transmits(&ipip(1, &to("10.210.0.1:80"))))
            .then(|world| {
                world.drain("10.1.0.1");
                world.backend("10.1.0.2").in_ring = true;
            })
            .packet(&to("10.210.0.2:80"), transmits(&ipip(2, &to("10.210.0.2:80"))))
            .packet(&to("10.210.0.1:80"), transmits(&ipip(1, &to("10.210.0.1:80")))),
        spec("the IPv4 prefix of all does not take in IPv6")
            .given(World::new().with(ServicePlan::tcp("0.0.0.0/0:80").ipip("10.1.0.1")))
            .packet(&to("203.0.113.9:80"), transmits(&ipip(1, &to("203.0.113.9:80"))))
            .packet(&to_v6("[2001:db8:e::1]:80"), passes(Reason::NotOurs)),
        spec("packets to the address that stands for a prefix are for nobody")
            .given(subnet())
            .packet(&to("0.0.0.1:80"), passes(Reason::NotOurs)),
    ]
}
