//! Packets that do not fit behind the encapsulation: the sender is told what would.

use statex_common::Reason;

use super::scene::*;
use super::spec::{Any, Spec, answers, drops, spec, transmits};
use crate::doubles::{ServicePlan, World};
use crate::packet::{Frame, ip};

/// Bytes that the node quotes.
const QUOTE: usize = 96;

fn told(mtu: u16, cause: &Frame) -> Frame {
    back(ip(VIRTUAL, CLIENT).dont_fragment().too_big(mtu).quote(cause, QUOTE))
}

fn told_v6(mtu: u16, cause: &Frame) -> Frame {
    back(ip(VIRTUAL_V6, CLIENT_V6).too_big(mtu).quote(cause, QUOTE))
}

fn large() -> Frame {
    ack().dont_fragment().payload([7; 1442])
}

fn large_v6() -> Frame {
    ack_v6().payload([7; 1422])
}

pub(super) fn specs() -> Vec<Spec> {
    let one_more = ack().dont_fragment().payload([7; 1423]);
    let one_more_v6 = ack_v6().payload([7; 1383]);
    let datagram = query().dont_fragment().payload([7; 1467]);
    let error = ip("203.0.113.9", VIRTUAL).host_unreachable().quote(&large_answer(), 1472);
    let fragmentable = ack().payload([7; 1442]);
    let pieces_v6 = query_v6().payload([7; 1400]).fragments(600, 77);
    vec![
        spec("ipip: a packet of 1500 bytes is answered with 1480").given(web()).packet(
            &large(),
            answers(Reason::TooBigReplied, &told(1480, &large())).counting("backend 1 packets", 0),
        ),
        spec("ipip: one byte too many is too many")
            .given(web())
            .packet(&one_more, answers(Reason::TooBigReplied, &told(1480, &one_more))),
        spec("gue: answered with 1472")
            .given(World::new().with(ServicePlan::tcp(WEB).gue("10.1.0.1")))
            .packet(&large(), answers(Reason::TooBigReplied, &told(1472, &large()))),
        spec("4in6: answered with 1460")
            .given(World::new().with(ServicePlan::tcp(WEB).ipip("2001:db8:b::1")))
            .packet(&large(), answers(Reason::TooBigReplied, &told(1460, &large()))),
        spec("a packet that might be fragmented is answered too: the node does not fragment")
            .given(web())
            .packet(&fragmentable, answers(Reason::TooBigReplied, &told(1480, &fragmentable))),
        spec("an IPv6 fragment too big is answered; the later ones need no second answer")
            .given(
                World::new().with(ServicePlan::udp(DNS_V6).ipip("2001:db8:b::1").that(|b| b.path_mtu = 600)),
            )
            .packet(&pieces_v6[0], answers(Reason::TooBigReplied, &told_v6(560, &pieces_v6[0])))
            .packet(&pieces_v6[1], drops(Reason::TooBig)),
        spec("a datagram too big is answered")
            .given(dns())
            .packet(&datagram, answers(Reason::TooBigReplied, &told(1480, &datagram))),
        spec("6in6: a packet of 1480 bytes is answered with 1460")
            .given(web_v6())
            .packet(&large_v6(), answers(Reason::TooBigReplied, &told_v6(1460, &large_v6()))),
        spec("6in6: one byte too many is too many")
            .given(web_v6())
            .packet(&one_more_v6, answers(Reason::TooBigReplied, &told_v6(1460, &one_more_v6))),
        spec("IPv6 by GUE: answered with 1452")
            .given(World::new().with(ServicePlan::tcp(WEB_V6).gue("2001:db8:b::1")))
            .packet(&large_v6(), answers(Reason::TooBigReplied, &told_v6(1452, &large_v6()))),
        spec("a path of 1400 bytes is told with its overhead taken off")
            .given(World::new().with(ServicePlan::tcp(WEB).ipip("10.1.0.1").that(|b| b.path_mtu = 1400)))
            .packet(&large(), answers(Reason::TooBigReplied, &told(1380, &large()))),
        spec("l2: a jumbo packet to a backend with an ordinary path")
            .given(World::new().with(ServicePlan::tcp(WEB).l2("10.1.0.1")))
            .packet(&jumbo(2000), answers(Reason::TooBigReplied, &told(1500, &jumbo(2000)))),
        spec("a jumbo frame in several buffers is answered all the same")
            .given(web())
            .packet(&jumbo(8000), answers(Reason::TooBigReplied, &told(1480, &jumbo(8000)))),
        spec("the answer carries the tags that the packet came with")
            .given(web())
            .packet(&large().vlan(100), answers(Reason::TooBigReplied, &told(1480, &large()).vlan(100))),
        spec("an ICMP error too big is not answered by another error")
            .given(web())
            .packet(&error, drops(Reason::TooBig)),
        spec("a later fragment too big is not answered")
            .given(World::new().with(ServicePlan::udp(DNS).ipip("10.1.0.1").that(|b| b.path_mtu = 1000)))
            .packet(&pieces()[0], transmits(&ipip(1, &pieces()[0])))
            .packet(&pieces()[1], transmits(&ipip(1, &pieces()[1])))
            .then(|world| world.backend("10.1.0.1").path_mtu = 600)
            .packet(&pieces()[1], drops(Reason::TooBig)),
        spec("an IPv6 packet that fits is not answered").given(web_v6()).packet(
            &ack_v6().payload([7; 1382]),
            transmits(&ipip_v6(1, &ack_v6().payload([7; 1382]))).any(Any::FlowLabel),
        ),
    ]
}

fn jumbo(payload: usize) -> Frame {
    ack().dont_fragment().payload(vec![7; payload])
}

fn large_answer() -> Frame {
    crate::packet::tcp(WEB, "192.0.2.1:40000").payload([7; 1600])
}

fn pieces() -> Vec<Frame> {
    query().payload([7; 1500]).fragments(800, 77)
}
