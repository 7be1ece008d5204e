//! IP in IP (RFC 2003, RFC 2473): 4in4, 6in6, 4in6, and what the outer header takes over.

use super::scene::*;
use super::spec::{Any, Spec, redirects, spec, transmits};
use crate::doubles::{NODE_V4, NODE_V6, ServicePlan, World};
use crate::packet::{Mac, ip};

pub(super) fn specs() -> Vec<Spec> {
    vec![
        spec("4in4: the outer header has protocol 4 and the node's address")
            .given(web())
            .packet(&ack(), transmits(&ipip(1, &ack()))),
        spec("6in6: the outer header has next header 41")
            .given(web_v6())
            .packet(&ack_v6(), transmits(&ipip_v6(1, &ack_v6())).any(Any::FlowLabel)),
        spec("4in6: an IPv4 service has a backend behind IPv6")
            .given(World::new().with(ServicePlan::tcp(WEB).ipip("2001:db8:b::1")))
            .packet(&ack(), transmits(&ipip_v6(1, &ack())).any(Any::FlowLabel)),
        spec("the packet inside is left as it came, time to live and all")
            .given(web())
            .packet(&ack().ttl(1).id(0x1234), transmits(&ipip(1, &ack().ttl(1).id(0x1234)))),
        spec("4in4: type of service is copied to the outer header").given(web()).packet(
            &ack().tos(0xb9),
            transmits(
                &ip(NODE_V4, "10.1.0.1")
                    .dont_fragment()
                    .tos(0xb9)
                    .carry(&ack().tos(0xb9))
                    .sent(Mac::NODE, Mac::backend(1)),
            ),
        ),
        spec("6in6: traffic class is copied to the outer header").given(web_v6()).packet(
            &ack_v6().tos(0xb9),
            transmits(
                &ip(NODE_V6, "2001:db8:b::1")
                    .tos(0xb9)
                    .carry(&ack_v6().tos(0xb9))
                    .sent(Mac::NODE, Mac::backend(1)),
            )
            .any(Any::FlowLabel),
        ),
        spec("4in6: type of service becomes traffic class")
            .given(World::new().with(ServicePlan::tcp(WEB).ipip("2001:db8:b::1")))
            .packet(
                &ack().tos(0x2e),
                transmits(
                    &ip(NODE_V6, "2001:db8:b::1")
                        .tos(0x2e)
                        .carry(&ack().tos(0x2e))
                        .sent(Mac::NODE, Mac::backend(1)),
                )
                .any(Any::FlowLabel),
            ),
        spec("the inner flow label does not reach the outer header").given(web_v6()).packet(
            &ack_v6().flow_label(0xabcde),
            transmits(&ipip_v6(1, &ack_v6().flow_label(0xabcde))).any(Any::FlowLabel),
        ),
        spec("padding behind a short packet stays behind it")
            .given(web())
            .packet(&syn().padded(60), transmits(&ipip(1, &syn()).padded(80))),
        spec("a datagram without checksum is tunnelled as it is")
            .given(dns())
            .packet(&query().no_checksum(), transmits(&ipip(1, &query().no_checksum()))),
        spec("a packet of 1480 bytes just fits")
            .given(web())
            .packet(&ack().payload([7; 1422]), transmits(&ipip(1, &ack().payload([7; 1422])))),
        spec("a backend by another interface: redirected, from that interface's MAC")
            .given(World::new().with(ServicePlan::tcp(WEB).ipip("10.1.0.1").that(|b| b.interface = 9)))
            .packet(&syn(), redirects(9, &ipip(1, &syn()))),
        spec("the outer source varies with the flow in the bits that may, checksum and all")
            .given(web().settings(|s| s.outer_v4_vary = [0, 0, 0xff, 0xff]))
            .packet(&ack(), transmits(&ipip(1, &ack())).any(Any::OuterSource))
            .packet(&syn_from(40_001), transmits(&ipip(1, &syn_from(40_001))).any(Any::OuterSource)),
        spec("the outer IPv6 source varies with the flow in the bits that may")
            .given(web_v6().settings(|s| s.outer_v6_vary = [0, 0, 0xff, 0xff]))
            .packet(&ack_v6(), transmits(&ipip_v6(1, &ack_v6())).any(Any::OuterSource).any(Any::FlowLabel)),
        spec("a jumbo frame in several buffers is tunnelled")
            .given(World::new().with(ServicePlan::tcp(WEB).ipip("10.1.0.1").that(|b| b.path_mtu = 9000)))
            .packet(&ack().payload([7; 8000]), transmits(&ipip(1, &ack().payload([7; 8000])))),
    ]
}
