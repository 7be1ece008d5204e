//! Floods: the rate of new flows per service, token buckets per source prefix, the deny list.

use statex_common::Reason;

use super::scene::*;
use super::spec::{Any, Spec, drops, passes, spec, transmits};
use crate::doubles::{ServicePlan, World};
use crate::packet::{Frame, ip, tcp};

pub(super) fn specs() -> Vec<Spec> {
    let mut specs = flow_rate();
    specs.extend(source_rate());
    specs.extend(denied());
    specs
}

fn flow_rate() -> Vec<Spec> {
    let limited = || World::new().with(ServicePlan::tcp(WEB).ipip("10.1.0.1").ipip("10.1.0.2").flow_rate(2));
    vec![
        spec("flow rate: past it, new flows are forwarded but not remembered")
            .given(limited())
            .then(|world| world.drain("10.1.0.2"))
            .packet(&syn_from(1), transmits(&ipip(1, &syn_from(1))).counting("stateless", 0))
            .packet(&syn_from(2), transmits(&ipip(1, &syn_from(2))).counting("stateless", 0))
            .packet(&syn_from(3), transmits(&ipip(1, &syn_from(3))).counting("stateless", 1))
            .then(|world| {
                world.drain("10.1.0.1");
                world.backend("10.1.0.2").in_ring = true;
            })
            .packet(&ack_from(1), transmits(&ipip(1, &ack_from(1))))
            .packet(&ack_from(3), transmits(&ipip(2, &ack_from(3)))),
        spec("flow rate: known flows do not count")
            .given(limited())
            .then(|world| world.drain("10.1.0.2"))
            .packet(&syn_from(1), transmits(&ipip(1, &syn_from(1))))
            .packet(&ack_from(1), transmits(&ipip(1, &ack_from(1))))
            .packet(&ack_from(1), transmits(&ipip(1, &ack_from(1))))
            .packet(&syn_from(2), transmits(&ipip(1, &syn_from(2))).counting("stateless", 0)),
        spec("flow rate: each service has its own")
            .given(limited().with(ServicePlan::tcp("10.200.0.2:80").ipip("10.1.0.3").flow_rate(2)))
            .then(|world| world.drain("10.1.0.2"))
            .flood(5, |number| syn_from(number + 1))
            .packet(&to_second(), transmits(&ipip(3, &to_second())).counting("stateless", 0)),
        spec("flow rate: without a limit every flow is remembered")
            .given(web())
            .flood(50, syn_from)
            .packet(&syn_from(60), transmits(&ipip(1, &syn_from(60))).counting("stateless", 0)),
    ]
}

fn to_second() -> Frame {
    tcp("192.0.2.1:40000", "10.200.0.2:80").syn()
}

fn source_rate() -> Vec<Spec> {
    let limited = || World::new().with(ServicePlan::tcp(WEB).ipip("10.1.0.1").source_rate(1, 2));
    let limited_v6 = || World::new().with(ServicePlan::tcp(WEB_V6).ipip("2001:db8:b::1").source_rate(1, 2));
    let from = |host: &str| tcp(&format!("{host}:1"), WEB).syn();
    let from_v6 = |host: &str| tcp(&format!("[{host}]:1"), WEB_V6).syn();
    let sent_v6 = |frame: &Frame| transmits(&ipip_v6(1, frame)).any(Any::FlowLabel);
    vec![
        spec("source rate: a prefix that opens flows too fast is dropped")
            .given(limited())
            .packet(&syn_from(1), transmits(&ipip(1, &syn_from(1))))
            .packet(&syn_from(2), transmits(&ipip(1, &syn_from(2))))
            .packet(&syn_from(3), drops(Reason::SourceRate)),
        spec("source rate: known flows go on")
            .given(limited())
            .packet(&syn_from(1), transmits(&ipip(1, &syn_from(1))))
            .packet(&syn_from(2), transmits(&ipip(1, &syn_from(2))))
            .packet(&syn_from(3), drops(Reason::SourceRate))
            .packet(&ack_from(1), transmits(&ipip(1, &ack_from(1)))),
        spec("source rate: all hosts of a /24 share its tokens")
            .given(limited())
            .packet(&from("192.0.2.1"), transmits(&ipip(1, &from("192.0.2.1"))))
            .packet(&from("192.0.2.2"), transmits(&ipip(1, &from("192.0.2.2"))))
            .packet(&from("192.0.2.3"), drops(Reason::SourceRate)),
        spec("source rate: another prefix has its own tokens")
            .given(limited())
            .flood(5, syn_from)
            .packet(&from("198.51.100.7"), transmits(&ipip(1, &from("198.51.100.7")))),
        spec("source rate: tokens come back with time")
            .given(limited())
            .flood(5, syn_from)
            .packet(&syn_from(90), drops(Reason::SourceRate))
            .after(3)
            .packet(&syn_from(91), transmits(&ipip(1, &syn_from(91))))
            .packet(&syn_from(92), transmits(&ipip(1, &syn_from(92))))
            .packet(&syn_from(93), drops(Reason::SourceRate)),
        spec("source rate: all hosts of an IPv6 /56 share its tokens")
            .given(limited_v6())
            .packet(&from_v6("2001:db8:c:1::1"), sent_v6(&from_v6("2001:db8:c:1::1")))
            .packet(&from_v6("2001:db8:c:2::2"), sent_v6(&from_v6("2001:db8:c:2::2")))
            .packet(&from_v6("2001:db8:c:3::3"), drops(Reason::SourceRate))
            .packet(&from_v6("2001:db8:c:100::1"), sent_v6(&from_v6("2001:db8:c:100::1"))),
    ]
}

fn denied() -> Vec<Spec> {
    let denying = || web().deny("192.0.2.0/24");
    let ping = ip(CLIENT, VIRTUAL).echo_request(1, 1);
    let error = ip(CLIENT, VIRTUAL).too_big(1400).quote(&tcp(WEB, "192.0.2.1:40000"), 28);
    let elsewhere = tcp("198.51.100.7:1", WEB).syn();
    vec![
        spec("deny list: a listed source is dropped").given(denying()).packet(&syn(), drops(Reason::Denied)),
        spec("deny list: a source beside the prefix is not")
            .given(denying())
            .packet(&elsewhere, transmits(&ipip(1, &elsewhere))),
        spec("deny list: a single address")
            .given(web().deny("192.0.2.1/32"))
            .packet(&syn(), drops(Reason::Denied))
            .packet(&tcp("192.0.2.2:1", WEB).syn(), transmits(&ipip(1, &tcp("192.0.2.2:1", WEB).syn()))),
        spec("deny list: IPv6")
            .given(web_v6().deny("2001:db8:c::/48"))
            .packet(&syn_v6(), drops(Reason::Denied)),
        spec("deny list: running connections end too")
            .given(web())
            .packet(&syn(), transmits(&ipip(1, &syn())))
            .then(|world| *world = world.clone().deny("192.0.2.0/24"))
            .packet(&ack(), drops(Reason::Denied)),
        spec("deny list: a source that is taken off it may come again")
            .given(denying())
            .packet(&syn(), drops(Reason::Denied))
            .then(|world| world.denied.clear())
            .packet(&syn(), transmits(&ipip(1, &syn()))),
        spec("deny list: pings and errors of a listed source are dropped")
            .given(denying())
            .packet(&ping, drops(Reason::Denied))
            .packet(&error, drops(Reason::Denied)),
        spec("deny list: fragments of a listed source are dropped")
            .given(dns().deny("192.0.2.0/24"))
            .packet(&query().payload([1; 600]).fragments(400, 1)[1], drops(Reason::Denied)),
        spec("deny list: what is not for a service is none of its business")
            .given(denying())
            .packet(&tcp("192.0.2.1:1", "198.51.100.1:80"), passes(Reason::NotOurs)),
    ]
}
