//! Pings to virtual addresses, answered by the node itself (RFC 792, RFC 4443 §4.2).

use statex_common::Reason;

use super::scene::*;
use super::spec::{Spec, answers, passes, spec};
use crate::doubles::{ServicePlan, World};
use crate::packet::{Frame, ip};

fn ping() -> Frame {
    ip(CLIENT, VIRTUAL).echo_request(7, 1).payload([0x61; 56])
}

fn pong() -> Frame {
    back(ip(VIRTUAL, CLIENT).echo_reply(7, 1).payload([0x61; 56]))
}

fn ping_v6() -> Frame {
    ip(CLIENT_V6, VIRTUAL_V6).echo_request(7, 1).payload([0x61; 56])
}

fn pong_v6() -> Frame {
    back(ip(VIRTUAL_V6, CLIENT_V6).echo_reply(7, 1).payload([0x61; 56]))
}

pub(super) fn specs() -> Vec<Spec> {
    let to_prefix = ip(CLIENT, "10.210.0.5").echo_request(7, 1);
    let from_prefix = back(ip("10.210.0.5", CLIENT).echo_reply(7, 1));
    vec![
        spec("a ping is answered").given(web()).packet(&ping(), answers(Reason::EchoReplied, &pong())),
        spec("an IPv6 ping is answered")
            .given(web_v6())
            .packet(&ping_v6(), answers(Reason::EchoReplied, &pong_v6())),
        spec("a ping at the end of its way is answered with a fresh time to live")
            .given(web())
            .packet(&ping().ttl(1), answers(Reason::EchoReplied, &pong())),
        spec("an IPv6 ping at the end of its way is answered with a fresh hop limit")
            .given(web_v6())
            .packet(&ping_v6().ttl(1), answers(Reason::EchoReplied, &pong_v6())),
        spec("a ping without payload is answered").given(web()).packet(
            &ip(CLIENT, VIRTUAL).echo_request(0xffff, 0xffff),
            answers(Reason::EchoReplied, &back(ip(VIRTUAL, CLIENT).echo_reply(0xffff, 0xffff))),
        ),
        spec("a large ping is answered").given(web()).packet(
            &ip(CLIENT, VIRTUAL).echo_request(7, 2).payload([3; 1472]),
            answers(Reason::EchoReplied, &back(ip(VIRTUAL, CLIENT).echo_reply(7, 2).payload([3; 1472]))),
        ),
        spec("a jumbo ping in several buffers is answered").given(web()).packet(
            &ip(CLIENT, VIRTUAL).echo_request(7, 2).payload([3; 8000]),
            answers(Reason::EchoReplied, &back(ip(VIRTUAL, CLIENT).echo_reply(7, 2).payload([3; 8000]))),
        ),
        spec("a ping with IP options is answered with them").given(web()).packet(
            &ping().options(&[1, 1, 1, 0]),
            answers(Reason::EchoReplied, &pong().options(&[1, 1, 1, 0])),
        ),
        spec("a ping with a tag is answered with it")
            .given(web())
            .packet(&ping().vlan(100), answers(Reason::EchoReplied, &pong().vlan(100))),
        spec("a ping to an address in a virtual prefix is answered")
            .given(World::new().with(ServicePlan::tcp("10.210.0.0/24:80").ipip("10.1.0.1")))
            .packet(&to_prefix, answers(Reason::EchoReplied, &from_prefix)),
        spec("a ping to a virtual address whose backends are all gone is answered")
            .given(World::new().with(ServicePlan::tcp(WEB)))
            .packet(&ping(), answers(Reason::EchoReplied, &pong())),
        spec("a ping to an address of nobody passes")
            .given(web())
            .packet(&ip(CLIENT, "198.51.100.1").echo_request(7, 1), passes(Reason::NotOurs)),
        spec("an echo reply passes")
            .given(web())
            .packet(&ip(CLIENT, VIRTUAL).echo_reply(7, 1), passes(Reason::IcmpOther)),
        spec("a fragment of a ping passes")
            .given(web())
            .packet(&ping().fragments(24, 9)[0], passes(Reason::IcmpOther))
            .packet(&ping().fragments(24, 9)[1], passes(Reason::IcmpOther)),
        spec("a wrong checksum stays wrong")
            .given(web())
            .packet(&ping().bad_checksum(), answers(Reason::EchoReplied, &pong().bad_checksum())),
    ]
}
