//! What is forwarded at all, and what is none of the node's business.

use statex_common::Reason;

use super::scene::*;
use super::spec::{Any, Spec, drops, passes, spec, transmits};
use crate::doubles::{ServicePlan, World};
use crate::packet::{Frame, Mac, ip, protocol, tcp, udp};

pub(super) fn specs() -> Vec<Spec> {
    let mut specs = for_nobody();
    specs.extend(forwarded());
    specs
}

fn for_nobody() -> Vec<Spec> {
    vec![
        spec("a segment to an address of nobody passes untouched")
            .given(web())
            .packet(&tcp("192.0.2.1:40000", "198.51.100.1:80").syn(), passes(Reason::NotOurs)),
        spec("a datagram to an address of nobody passes untouched")
            .given(web())
            .packet(&udp("192.0.2.1:40000", "198.51.100.1:53"), passes(Reason::NotOurs)),
        spec("an IPv6 segment to an address of nobody passes untouched")
            .given(web_v6())
            .packet(&tcp("[2001:db8:c::1]:40000", "[2001:db8::99]:80").syn(), passes(Reason::NotOurs)),
        spec("a node without services passes everything")
            .packet(&syn(), passes(Reason::NotOurs))
            .packet(&query_v6(), passes(Reason::NotOurs)),
        spec("a port that no service has passes")
            .given(web())
            .packet(&tcp("192.0.2.1:40000", "10.200.0.1:22").syn(), passes(Reason::NoSuchPort)),
        spec("a protocol that the port's service does not speak passes")
            .given(web())
            .packet(&udp("192.0.2.1:40000", WEB), passes(Reason::NoSuchPort)),
        spec("an IPv6 port that no service has passes")
            .given(web_v6())
            .packet(&tcp("[2001:db8:c::1]:40000", "[2001:db8:f::1]:22").syn(), passes(Reason::NoSuchPort)),
        spec("a backend's answer to the client passes")
            .given(web())
            .packet(&tcp(WEB, "192.0.2.1:40000").syn_ack(), passes(Reason::NotOurs)),
        spec("ARP passes").given(web()).packet(
            &Frame::new().ethertype(0x0806).to_mac(Mac::BROADCAST).payload([1; 28]),
            passes(Reason::NotIp),
        ),
        spec("LLDP passes")
            .given(web())
            .packet(&Frame::new().ethertype(0x88cc).payload([2; 40]), passes(Reason::NotIp)),
        spec("GRE to an address of nobody passes").given(web()).packet(
            &ip(CLIENT, "198.51.100.1").protocol(protocol::GRE).payload([0; 20]),
            passes(Reason::NotOurs),
        ),
        spec("a tunnelled packet to the node itself passes")
            .given(web())
            .packet(&ip("10.1.0.1", "10.0.0.1").carry(&syn()), passes(Reason::NotOurs)),
    ]
}

fn forwarded() -> Vec<Spec> {
    vec![
        spec("a SYN is forwarded")
            .given(web())
            .packet(&syn(), transmits(&ipip(1, &syn())).counting("new_flows", 1)),
        spec("a segment of an unknown connection is forwarded by the ring")
            .given(web())
            .packet(&ack(), transmits(&ipip(1, &ack())).counting("new_flows", 1)),
        spec("a FIN is forwarded").given(web()).packet(&ack().fin(), transmits(&ipip(1, &ack().fin()))),
        spec("a RST is forwarded").given(web()).packet(&ack().rst(), transmits(&ipip(1, &ack().rst()))),
        spec("a segment without any flag is forwarded")
            .given(web())
            .packet(&ack().flags(0), transmits(&ipip(1, &ack().flags(0)))),
        spec("a segment with every flag is forwarded")
            .given(web())
            .packet(&ack().flags(0xff), transmits(&ipip(1, &ack().flags(0xff)))),
        spec("TCP options are carried along").given(web()).packet(
            &syn().tcp_options(&[2, 4, 5, 0xb4, 1, 3, 3, 7]),
            transmits(&ipip(1, &syn().tcp_options(&[2, 4, 5, 0xb4, 1, 3, 3, 7]))),
        ),
        spec("a datagram is forwarded")
            .given(dns())
            .packet(&query(), transmits(&ipip(1, &query())).counting("backend 1 packets", 1)),
        spec("a datagram without payload is forwarded")
            .given(dns())
            .packet(&udp("192.0.2.1:40000", DNS), transmits(&ipip(1, &udp("192.0.2.1:40000", DNS)))),
        spec("an IPv6 SYN is forwarded")
            .given(web_v6())
            .packet(&syn_v6(), transmits(&ipip_v6(1, &syn_v6())).any(Any::FlowLabel)),
        spec("an IPv6 datagram is forwarded")
            .given(dns_v6())
            .packet(&query_v6(), transmits(&ipip_v6(1, &query_v6())).any(Any::FlowLabel)),
        spec("bytes and packets of the backend are counted").given(web()).packet(
            &ack(),
            transmits(&ipip(1, &ack())).counting("backend 1 packets", 1).counting("backend 1 bytes", 58),
        ),
        spec("TCP and UDP on one port are two services")
            .given(
                World::new()
                    .with(ServicePlan::tcp(DNS).ipip("10.1.0.1"))
                    .with(ServicePlan::udp(DNS).ipip("10.1.0.2")),
            )
            .packet(&tcp("192.0.2.1:40000", DNS), transmits(&ipip(1, &tcp("192.0.2.1:40000", DNS))))
            .packet(&query(), transmits(&ipip(2, &query()))),
        spec("two ports of one address are two services")
            .given(
                World::new()
                    .with(ServicePlan::tcp(WEB).ipip("10.1.0.1"))
                    .with(ServicePlan::tcp("10.200.0.1:443").ipip("10.1.0.2")),
            )
            .packet(&syn(), transmits(&ipip(1, &syn())))
            .packet(
                &tcp("192.0.2.1:40000", "10.200.0.1:443"),
                transmits(&ipip(2, &tcp("192.0.2.1:40000", "10.200.0.1:443"))),
            ),
        spec("a service without backends drops")
            .given(World::new().with(ServicePlan::tcp(WEB)))
            .packet(&syn(), drops(Reason::NoBackend)),
        spec("a backend without a next hop drops")
            .given(World::new().with(ServicePlan::tcp(WEB).ipip("10.1.0.1").that(|b| b.interface = 0)))
            .packet(&syn(), drops(Reason::NoNextHop)),
        spec("a wrong TCP checksum is the backend's business")
            .given(web())
            .packet(&ack().bad_checksum(), transmits(&ipip(1, &ack().bad_checksum()))),
    ]
}
