//! Runt, truncated and malformed packets: counted by reason, passed or dropped as documented.

use statex_common::Reason;

use super::scene::*;
use super::spec::{Any, Spec, drops, passes, spec, transmits};
use crate::packet::{Frame, ip, protocol};

/// An Ethernet header.
const LINK: usize = 14;

pub(super) fn specs() -> Vec<Spec> {
    let mut specs = runts();
    specs.extend(lengths());
    specs.extend(truncated());
    specs
}

fn runts() -> Vec<Spec> {
    let runt = |name, frame: Frame| spec(name).given(web()).packet(&frame, passes(Reason::Runt));
    vec![
        runt("an Ethernet header and nothing else", Frame::new().ethertype(0x0800)),
        runt("half an IPv4 header", ack().truncated(LINK + 10)),
        runt("an IPv4 header less one byte", ack().truncated(LINK + 19)),
        runt("half an IPv6 header", ack_v6().truncated(LINK + 20)),
        runt("an IPv6 header less one byte", ack_v6().truncated(LINK + 39)),
        runt("a tagged packet cut off in its IPv4 header", ack().vlan(100).truncated(LINK + 4 + 19)),
        runt("a frame shorter than an Ethernet header", ack().truncated(13)).host_only(),
        runt("an empty frame", ack().truncated(0)).host_only(),
    ]
}

fn lengths() -> Vec<Spec> {
    let malformed = |name, frame: Frame| spec(name).given(web()).packet(&frame, passes(Reason::MalformedIp));
    vec![
        malformed("IPv4 header length of 4 words", ack().header_words(4)),
        malformed("IPv4 header length of 0 words", ack().header_words(0)),
        malformed("IPv4 total length less than the header", ack().length_field(19)),
        malformed("IPv4 total length of 0", ack().length_field(0)),
        malformed("IPv4 total length beyond the frame", ack().length_field(1500)),
        malformed("IPv4 cut off behind its header", ack().truncated(LINK + 20)),
        malformed("IPv4 cut off in its payload", ack().truncated(LINK + 57)),
        malformed("IPv4 EtherType, but version 6", ack_v6().ethertype(0x0800)),
        malformed("IPv4 EtherType, but version 5", ack().patched(LINK, [0x55])),
        malformed("IPv6 EtherType, but version 4", ack().payload([0; 40]).ethertype(0x86dd)),
        malformed("IPv6 payload length beyond the frame", ack_v6().length_field(1500)),
        malformed("IPv6 cut off in its payload", ack_v6().truncated(LINK + 50)),
        spec("IPv4 header length beyond the total length")
            .given(web())
            .packet(&ack().header_words(15), passes(Reason::MalformedIp)),
        spec("a wrong IPv4 header checksum is the backend's business")
            .given(web())
            .packet(&ack().bad_ip_checksum(), transmits(&ipip(1, &ack().bad_ip_checksum()))),
        spec("a TCP header length that cannot be is the backend's business").given(web()).packet(
            &ack().patched(LINK + 32, [0x10]),
            {
                let mut expected = ipip(1, &ack());
                expected = expected.patched(LINK + 52, [0x10]);
                transmits(&expected)
            },
        ),
        spec("a UDP length that does not agree is the backend's business")
            .given(dns())
            .packet(&query().udp_length(4), transmits(&ipip(1, &query().udp_length(4)))),
    ]
}

fn truncated() -> Vec<Spec> {
    let v4 = |protocol, bytes: &[u8]| ip(CLIENT, VIRTUAL).protocol(protocol).payload(bytes);
    let v6 = |protocol, bytes: &[u8]| ip(CLIENT_V6, VIRTUAL_V6).protocol(protocol).payload(bytes);
    let drops_cut = |name, frame: Frame| spec(name).given(web()).packet(&frame, drops(Reason::Truncated));
    let drops_cut_v6 =
        |name, frame: Frame| spec(name).given(web_v6()).packet(&frame, drops(Reason::Truncated));
    vec![
        drops_cut("TCP without a byte", v4(protocol::TCP, &[])),
        drops_cut("TCP ports and nothing else", v4(protocol::TCP, &[0x9c, 0x40, 0, 80])),
        drops_cut("a TCP header less one byte", v4(protocol::TCP, &[0; 19])),
        drops_cut("UDP without a byte", v4(protocol::UDP, &[])),
        drops_cut("a UDP header less one byte", v4(protocol::UDP, &[0; 7])),
        drops_cut("ICMP without a byte", v4(protocol::ICMP, &[])),
        drops_cut_v6("TCP over IPv6 less one byte", v6(protocol::TCP, &[0; 19])),
        drops_cut_v6("UDP over IPv6 less one byte", v6(protocol::UDP, &[0; 7])),
        drops_cut_v6("ICMPv6 less one byte", v6(protocol::ICMPV6, &[128, 0, 0, 0, 0, 0, 0])),
        drops_cut("a TCP header of which the IP packet ends before the frame does", {
            v4(protocol::TCP, &ack().ip_bytes()[20..40]).length_field(30)
        }),
        spec("a UDP header of which the IP packet ends before the frame does")
            .given(dns())
            .packet(&v4(protocol::UDP, &query().ip_bytes()[20..]).length_field(24), drops(Reason::Truncated)),
        spec("an IPv6 TCP header of which the IP packet ends before the frame does").given(web_v6()).packet(
            &v6(protocol::TCP, &ack_v6().ip_bytes()[40..60]).length_field(10),
            drops(Reason::Truncated),
        ),
        spec("a truncated TCP header for nobody passes").given(web()).packet(
            &ip(CLIENT, "198.51.100.1").protocol(protocol::TCP).payload([0; 19]),
            passes(Reason::NotOurs),
        ),
        spec("an IPv6 packet of length 0 for nobody passes")
            .given(web_v6())
            .packet(&ip(CLIENT_V6, "2001:db8::99").protocol(protocol::TCP), passes(Reason::NotOurs)),
        spec("the shortest whole segment is forwarded")
            .given(web_v6())
            .packet(&syn_v6(), transmits(&ipip_v6(1, &syn_v6())).any(Any::FlowLabel)),
    ]
}
