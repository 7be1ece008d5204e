//! IPv4 options and IPv6 extension headers are passed over.

use statex_common::Reason;

use super::scene::*;
use super::spec::{Any, Spec, passes, spec, transmits};
use crate::packet::{Frame, ip, protocol};

pub(super) fn specs() -> Vec<Spec> {
    let mut specs = options();
    specs.extend(extensions());
    specs.extend(not_followed());
    specs
}

fn options() -> Vec<Spec> {
    let forwards = |name, options: &[u8]| {
        let frame = ack().options(options);
        spec(name).given(web()).packet(&frame, transmits(&ipip(1, &frame)))
    };
    vec![
        forwards("IPv4 options: one word", &[1, 1, 1, 0]),
        forwards("IPv4 options: record route", &[7, 7, 4, 0, 0, 0, 0]),
        forwards("IPv4 options: router alert", &[0x94, 4, 0, 0]),
        forwards("IPv4 options: forty bytes", &[1; 40]),
        spec("a datagram with IPv4 options")
            .given(dns())
            .packet(&query().options(&[1; 8]), transmits(&ipip(1, &query().options(&[1; 8])))),
        spec("packets with and without options are of one flow")
            .given(web())
            .packet(&syn(), transmits(&ipip(1, &syn())).counting("new_flows", 1))
            .packet(
                &ack().options(&[1; 8]),
                transmits(&ipip(1, &ack().options(&[1; 8]))).counting("new_flows", 0),
            ),
    ]
}

fn extensions() -> Vec<Spec> {
    let forwards = |name, frame: Frame| {
        spec(name).given(web_v6()).packet(&frame, transmits(&ipip_v6(1, &frame)).any(Any::FlowLabel))
    };
    vec![
        forwards("IPv6 hop-by-hop options", ack_v6().hop_by_hop()),
        forwards("IPv6 destination options", ack_v6().destination_options()),
        forwards("IPv6 routing header with no segments left", ack_v6().routing()),
        forwards("IPv6 authentication header", ack_v6().authentication()),
        forwards("IPv6 destination options of 64 bytes", {
            let mut body = vec![7, 1, 60];
            body.resize(63, 0);
            ack_v6().extension(protocol::DESTINATION_OPTIONS, &body)
        }),
        forwards(
            "four IPv6 extension headers in a row",
            ack_v6().hop_by_hop().destination_options().routing().authentication(),
        ),
        forwards("six IPv6 extension headers in a row", {
            (0..5).fold(ack_v6().hop_by_hop(), |frame, _| frame.destination_options())
        }),
        spec("packets with and without extension headers are of one flow")
            .given(web_v6())
            .packet(&syn_v6(), transmits(&ipip_v6(1, &syn_v6())).any(Any::FlowLabel).counting("new_flows", 1))
            .packet(
                &ack_v6().destination_options(),
                transmits(&ipip_v6(1, &ack_v6().destination_options()))
                    .any(Any::FlowLabel)
                    .counting("new_flows", 0),
            ),
    ]
}

fn not_followed() -> Vec<Spec> {
    let seven = (0..6).fold(ack_v6().hop_by_hop(), |frame, _| frame.destination_options());
    let cut = ip(CLIENT_V6, VIRTUAL_V6).protocol(protocol::DESTINATION_OPTIONS).payload([6, 0]);
    vec![
        spec("more IPv6 extension headers than are followed: passes")
            .given(web_v6())
            .packet(&seven, passes(Reason::ExtensionHeaders)),
        spec("an IPv6 extension header that is cut off: passes")
            .given(web_v6())
            .packet(&cut, passes(Reason::ExtensionHeaders)),
        spec("ESP hides the ports: passes").given(web_v6()).packet(
            &ip(CLIENT_V6, VIRTUAL_V6).protocol(protocol::ESP).payload([5; 64]),
            passes(Reason::NotOurs),
        ),
        spec("no next header: passes")
            .given(web_v6())
            .packet(&ip(CLIENT_V6, VIRTUAL_V6).destination_options(), passes(Reason::NotOurs)),
    ]
}
