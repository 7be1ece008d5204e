//! IP in UDP: Generic UDP Encapsulation, variant 1 (draft-ietf-intarea-gue-09 §3.1).

use super::scene::*;
use super::spec::{Any, Spec, redirects, spec, transmits};
use crate::doubles::{GUE_PORT, NODE_V4, ServicePlan, World};
use crate::packet::{Mac, ip};

fn web_by_gue() -> World {
    World::new().with(ServicePlan::tcp(WEB).gue("10.1.0.1"))
}

fn web_by_gue_v6() -> World {
    World::new().with(ServicePlan::tcp(WEB_V6).gue("2001:db8:b::1"))
}

pub(super) fn specs() -> Vec<Spec> {
    vec![
        spec("GUE: a SYN leaves in UDP to port 6080, without a UDP checksum")
            .given(web_by_gue())
            .packet(&syn(), transmits(&gue(1, &syn())).any(Any::GueSource)),
        spec("GUE: a later segment leaves the same way")
            .given(web_by_gue())
            .packet(&syn(), transmits(&gue(1, &syn())).any(Any::GueSource))
            .packet(&ack(), transmits(&gue(1, &ack())).any(Any::GueSource)),
        spec("GUE: a datagram")
            .given(World::new().with(ServicePlan::udp(DNS).gue("10.1.0.1")))
            .packet(&query(), transmits(&gue(1, &query())).any(Any::GueSource)),
        spec("GUE: IPv6 in IPv6")
            .given(web_by_gue_v6())
            .packet(&syn_v6(), transmits(&gue_v6(1, &syn_v6())).any(Any::GueSource).any(Any::FlowLabel)),
        spec("GUE: IPv4 in IPv6")
            .given(World::new().with(ServicePlan::tcp(WEB).gue("2001:db8:b::1")))
            .packet(&syn(), transmits(&gue_v6(1, &syn())).any(Any::GueSource).any(Any::FlowLabel)),
        spec("GUE: an IPv6 datagram")
            .given(World::new().with(ServicePlan::udp(DNS_V6).gue("2001:db8:b::1")))
            .packet(&query_v6(), transmits(&gue_v6(1, &query_v6())).any(Any::GueSource).any(Any::FlowLabel)),
        spec("GUE: type of service is copied").given(web_by_gue()).packet(
            &ack().tos(0x48),
            transmits(
                &ip(NODE_V4, "10.1.0.1")
                    .dont_fragment()
                    .tos(0x48)
                    .udp(0, GUE_PORT)
                    .no_checksum()
                    .gue(&ack().tos(0x48))
                    .sent(Mac::NODE, Mac::backend(1)),
            )
            .any(Any::GueSource),
        ),
        spec("GUE: the largest packet that fits beside 28 bytes").given(web_by_gue()).packet(
            &ack().payload([7; 1414]),
            transmits(&gue(1, &ack().payload([7; 1414]))).any(Any::GueSource),
        ),
        spec("GUE: a backend by another interface")
            .given(World::new().with(ServicePlan::tcp(WEB).gue("10.1.0.1").that(|b| b.interface = 9)))
            .packet(&syn(), redirects(9, &gue(1, &syn())).any(Any::GueSource)),
        spec("GUE and IPIP backends stand side by side in one service")
            .given(World::new().with(ServicePlan::tcp(WEB).ipip("10.1.0.1").gue("10.1.0.2")))
            .then(|world| world.drain("10.1.0.1"))
            .packet(&syn_from(1), transmits(&gue(2, &syn_from(1))).any(Any::GueSource))
            .then(|world| {
                world.backend("10.1.0.1").in_ring = true;
                world.drain("10.1.0.2");
            })
            .packet(&syn_from(2), transmits(&ipip(1, &syn_from(2)))),
        spec("GUE: a jumbo frame in several buffers")
            .given(World::new().with(ServicePlan::tcp(WEB).gue("10.1.0.1").that(|b| b.path_mtu = 9000)))
            .packet(
                &ack().payload([7; 8000]),
                transmits(&gue(1, &ack().payload([7; 8000]))).any(Any::GueSource),
            ),
    ]
}
